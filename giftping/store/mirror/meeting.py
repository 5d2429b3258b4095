"""A copy and its database meet: what waits in the copy is carried back, and the copy follows what others wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from giftping.store.base import StoreError
from giftping.store.documents import CLEARS, LEDGER
from giftping.store.engine import Change, changed_document, fresh_rev, rests_on
from giftping.store.fields import plain_document
from giftping.store.mirror.notes import FOLLOWED, Queued, queue_of, settle_queued, take_in
from giftping.store.mirror.replay import replayed
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine

PAGE = 1000
"""How many documents are carried back, or taken in, at a time."""

TRIES = 20
"""How often a document is carried back anew because others changed it meanwhile."""

_Item = TypeVar("_Item")


def carry_back(database: MongoEngine, copy: TinyEngine) -> int:
    """How many changes were carried back; what others queue meanwhile is left.

    Raise StoreAwayError when the database goes away meanwhile: what is left waits.
    """
    queue = queue_of(copy)
    clears = list(database.walk(CLEARS)) if any(one.collection == LEDGER for one in queue) else []
    for page in _pages(queue):
        _carry(database, copy, page, clears)
    return len(queue)


def _carry(
    database: MongoEngine, copy: TinyEngine, queue: Sequence[Queued], clears: Sequence[Mapping[str, Any]]
) -> None:
    left = list(queue)
    for _ in range(TRIES):
        there = _found(database, left)
        rev = fresh_rev()
        changes: dict[tuple[str, str], Change] = {}
        results: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        for one in left:
            key = one.collection, one.id
            stored = there.get(key)
            plain = None if stored is None else plain_document(stored)
            result = replayed(plain, one, clears)
            results[key] = plain
            if result is plain or result == plain:
                continue
            # A date that the database holds as such stays one.
            after = None if result is None else _as_stored(result, plain or {}, stored or {})
            changes[key] = change = Change(one.collection, stored, after)
            results[key] = None if after is None else changed_document(stored, change, rev)
        made = dict(zip(changes, database.change(list(changes.values()), rev=rev) if changes else (), strict=True))
        settle_queued(copy, [(one, results[key]) for one in left if made.get(key := (one.collection, one.id), True)])
        left = [one for one in left if not made.get((one.collection, one.id), True)]
        if not left:
            return
    raise StoreError(f"{database.name}: {left[0].collection} {left[0].id!r} keeps changing; the next run tries again")


def _as_stored(result: Mapping[str, Any], plain: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stored[name] if name in plain and plain[name] == value else value for name, value in result.items()}


def _found(database: MongoEngine, queue: Sequence[Queued]) -> dict[tuple[str, str], Mapping[str, Any]]:
    ids: dict[str, set[str]] = {}
    for one in queue:
        ids.setdefault(one.collection, set()).add(one.id)
    return {(name, id_): one for name, wanted in ids.items() for id_, one in database.get(name, wanted).items()}


def follow(database: MongoEngine, copy: TinyEngine) -> None:
    """Let the copy hold what the database holds, but for what is queued. Only what differs is fetched."""
    for collection in FOLLOWED:
        here = dict(copy.stamps(collection))
        gone = set(here)

        def differing(
            here: Mapping[str, tuple[Any, ...]] = here, gone: set[str] = gone, name: str = collection
        ) -> Iterator[str]:
            fields = rests_on(name)
            for id_, stamp in database.stamps(name):
                gone.discard(id_)
                plain = tuple(plain_document(dict(zip(fields, stamp, strict=True))).values())
                # What other programs wrote has no stamp that tells.
                if plain != here.get(id_) or not any(value is not None for value in plain):
                    yield id_

        for page in _pages(differing()):
            take_in(copy, collection, list(database.get(collection, page).values()))
        if gone:
            take_in(copy, collection, (), gone)


def _pages(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while page := list(islice(rest, PAGE)):
        yield page
