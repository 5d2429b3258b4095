"""A copy and its database meet: what waits in the copy is carried back, and the copy follows what others wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from giftping.store.base import EntryState, StoreError
from giftping.store.documents import CLEARS, LEDGER, state_of
from giftping.store.engine import Change, changed_document, fresh_rev, rests_on
from giftping.store.fields import plain_document
from giftping.store.mirror.notes import FOLLOWED, queue_of, settle_queued, take_in
from giftping.store.mirror.queued import Queued
from giftping.store.mirror.replay import is_cleared, replayed
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
    for results in _carried(database, queue):
        settle_queued(copy, [(one, result) for one, result, _ in results])
    return len(queue)


def put_back(database: MongoEngine, copy: TinyEngine, collections: Sequence[str]) -> int:
    """How many documents the database lacked, or knew as less far than the copy does, by the rules of a replay."""
    changed = 0
    for collection in collections:
        known = [Queued(collection, str(document["_id"]), 0, None, document, "") for document in copy.walk(collection)]
        changed += sum(is_changed for results in _carried(database, known) for _, _, is_changed in results)
    return changed


def put_back_sent(database: MongoEngine, copy: TinyEngine, ids: Collection[str]) -> frozenset[str]:
    """Those of the ids whose entry the copy has as sent, and the database has as well now, unless it was cleared.

    Whoever restores the ledger alone, or drops it, leaves a database that says that it is the same.
    """
    known = [
        Queued(LEDGER, id_, 0, None, document, "")
        for id_, document in copy.get(LEDGER, ids).items()
        if state_of(document) == EntryState.SENT
    ]
    there = {one.id for results in _carried(database, known) for one, result, _ in results if result is not None}
    return frozenset(there)


def sent_before(
    database: MongoEngine, copy: TinyEngine, made: Sequence[Change], rev: str
) -> frozenset[tuple[str, str]]:
    """Those of the new entries, which the database has just taken, that the copy has as sent: they are so again there.

    Where nothing is lost no request is made.
    """
    new = {one.id: one for one in made if one.collection == LEDGER and one.before is None}
    found = copy.get(LEDGER, new.keys()) if new else {}
    known = {id_: one for id_, one in found.items() if state_of(one) == EntryState.SENT}
    clears = list(database.walk(CLEARS)) if known else []
    back = [
        Change(LEDGER, changed_document(None, new[id_], rev), document)
        for id_, document in known.items()
        if not is_cleared(document, clears)
    ]
    if back:
        database.change(back)
    return frozenset(one.key for one in back)


_Results = list[tuple[Queued, Mapping[str, Any] | None, bool]]
"""Documents, each with what the database holds of it now, and whether that was changed."""


def _carried(database: MongoEngine, queue: Sequence[Queued]) -> Iterator[_Results]:
    clears = list(database.walk(CLEARS)) if any(one.collection == LEDGER for one in queue) else []
    for page in _pages(queue):
        left = list(page)
        for _ in range(TRIES):
            results = _carry(database, left, clears)
            yield results
            done = {(one.collection, one.id) for one, _, _ in results}
            left = [one for one in left if (one.collection, one.id) not in done]
            if not left:
                break
        else:
            raise StoreError(
                f"{database.name}: {left[0].collection} {left[0].id!r} keeps changing; the next run tries again"
            )


def _carry(database: MongoEngine, queue: Sequence[Queued], clears: Sequence[Mapping[str, Any]]) -> _Results:
    """What became of those that nobody else changed in between."""
    there = _found(database, queue)
    rev = fresh_rev()
    changes: dict[tuple[str, str], Change] = {}
    results: dict[tuple[str, str], Mapping[str, Any] | None] = {}
    for one in queue:
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
    found: _Results = []
    for one in queue:
        key = one.collection, one.id
        if made.get(key, True):
            found.append((one, results[key], key in made))
    return found


def _as_stored(result: Mapping[str, Any], plain: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stored[name] if name in plain and plain[name] == value else value for name, value in result.items()}


def _found(database: MongoEngine, queue: Sequence[Queued]) -> dict[tuple[str, str], Mapping[str, Any]]:
    ids: dict[str, set[str]] = {}
    for one in queue:
        ids.setdefault(one.collection, set()).add(one.id)
    return {(name, id_): one for name, wanted in ids.items() for id_, one in database.get(name, wanted).items()}


def follow(database: MongoEngine, copy: TinyEngine) -> None:
    """Let the copy hold what the database holds, but for what is queued. Only what differs is fetched.

    What it knows as sent, and no clear covers, it does not forget: the database is told again.
    """
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
        if gone and collection == LEDGER:
            gone -= put_back_sent(database, copy, gone)
        if gone:
            take_in(copy, collection, (), gone)


def _pages(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while page := list(islice(rest, PAGE)):
        yield page
