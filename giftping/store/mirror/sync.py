"""The sync of a mirror and its database: what waits in the mirror is carried back, and it follows what others wrote."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from giftping.store.base import EntryState, StoreError
from giftping.store.documents import CLEARS, LEDGER, TODO_COLLECTIONS, state_of
from giftping.store.engine import (
    TRIES,
    Change,
    changed_document,
    found_by_key,
    fresh_rev,
    in_batches,
    rests_on,
    stamp_of,
)
from giftping.store.fields import plain_document
from giftping.store.forgotten import purge_again
from giftping.store.mirror.changes import Queued, known
from giftping.store.mirror.notes import FOLLOWED, queue_of, settle_queued, take_in
from giftping.store.mirror.replay import is_cleared, replayed
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine

PAGE = 1000
"""How many documents are carried back, or taken in, at a time."""


def carry_back(database: MongoEngine, mirror: TinyEngine) -> int:
    """How many changes were carried back; what others queue meanwhile is left.

    Raise StoreAwayError when the database goes away meanwhile: what is left waits.
    """
    queue = queue_of(mirror)
    for results in _carried(database, queue):
        settle_queued(mirror, [(one, result) for one, result, _ in results])
    if any(one.collection in TODO_COLLECTIONS for one in queue):
        # Forgotten here, or elsewhere while this host had older documents of theirs to carry back.
        purge_again(database)
    return len(queue)


def put_back(database: MongoEngine, mirror: TinyEngine, collections: Sequence[str]) -> int:
    """How many documents the database lacked, or knew as less far than the mirror does, by the rules of a replay."""
    changed = 0
    for collection in collections:
        here = [known(collection, document) for document in mirror.walk(collection)]
        changed += sum(is_changed for results in _carried(database, here) for _, _, is_changed in results)
    return changed


def clear_again(database: MongoEngine) -> None:
    """Let the database hold nothing any more that was cleared, or forgotten: a backup may have brought it back."""
    purge_again(database)
    clears = list(database.walk(CLEARS))
    if clears and (back := [one for one in database.walk(LEDGER) if is_cleared(plain_document(one), clears)]):
        database.change([Change(LEDGER, one, None) for one in back])


def put_back_sent(database: MongoEngine, mirror: TinyEngine, ids: Collection[str]) -> frozenset[str]:
    """Those of the ids whose entry the mirror has as sent, and the database has as well now, unless it was cleared.

    Whoever restores the ledger alone, or drops it, leaves a database that says that it is the same.
    """
    here = mirror.get(LEDGER, ids).values()
    sent = [known(LEDGER, document) for document in here if state_of(document) == EntryState.SENT]
    there = {one.id for results in _carried(database, sent) for one, result, _ in results if result is not None}
    return frozenset(there)


def sent_before(
    database: MongoEngine, mirror: TinyEngine, made: Sequence[Change], rev: str
) -> frozenset[tuple[str, str]]:
    """Those of the new entries, just taken by the database, that the mirror has as sent: they are so again there.

    Where nothing is lost no request is made.
    """
    new = {one.id: one for one in made if one.collection == LEDGER and one.before is None}
    found = mirror.get(LEDGER, new.keys()) if new else {}
    sent = {id_: one for id_, one in found.items() if state_of(one) == EntryState.SENT}
    clears = list(database.walk(CLEARS)) if sent else []
    back = [
        Change(LEDGER, changed_document(None, new[id_], rev), document)
        for id_, document in sent.items()
        if not is_cleared(document, clears)
    ]
    if back:
        database.change(back)
    return frozenset(one.key for one in back)


_Results = list[tuple[Queued, Mapping[str, Any] | None, bool]]
"""Documents, each with what the database holds of it now, and whether that was changed."""


def _carried(database: MongoEngine, queue: Sequence[Queued]) -> Iterator[_Results]:
    clears = list(database.walk(CLEARS)) if any(one.collection == LEDGER for one in queue) else []
    for page in in_batches(queue, PAGE):
        left = list(page)
        for _ in range(TRIES):
            results = _carry(database, left, clears)
            yield results
            done = {one.key for one, _, _ in results}
            left = [one for one in left if one.key not in done]
            if not left:
                break
        else:
            raise StoreError(
                f"{database.name}: {left[0].collection} {left[0].id!r} keeps changing; the next run tries again"
            )


def _carry(database: MongoEngine, queue: Sequence[Queued], clears: Sequence[Mapping[str, Any]]) -> _Results:
    """What became of those that nobody else changed in between."""
    there = found_by_key(database, [one.key for one in queue])
    rev = fresh_rev()
    changes: dict[tuple[str, str], Change] = {}
    results: dict[tuple[str, str], Mapping[str, Any] | None] = {}
    for one in queue:
        stored = there.get(one.key)
        plain = None if stored is None else plain_document(stored)
        result = replayed(plain, one, clears)
        results[one.key] = plain
        if result is plain or result == plain:
            continue
        # A date that the database holds as such stays one.
        after = None if result is None else _as_stored(result, plain or {}, stored or {})
        changes[one.key] = change = Change(one.collection, stored, after)
        results[one.key] = None if after is None else changed_document(stored, change, rev)
    made = dict(zip(changes, database.change(list(changes.values()), rev=rev) if changes else (), strict=True))
    return [(one, results[one.key], one.key in made) for one in queue if made.get(one.key, True)]


def _as_stored(result: Mapping[str, Any], plain: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    return {name: stored[name] if name in plain and plain[name] == value else value for name, value in result.items()}


def follow(database: MongoEngine, mirror: TinyEngine) -> None:
    """Let the mirror hold what the database holds, but for what is queued. Only what differs is fetched.

    What it knows as sent, and no clear covers, it does not forget: the database is told again.
    """
    for collection in FOLLOWED:
        here = {one["_id"]: stamp_of(collection, one) for one in mirror.walk(collection)}
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

        for page in in_batches(differing(), PAGE):
            take_in(mirror, collection, list(database.get(collection, page).values()))
        if gone and collection == LEDGER:
            gone -= put_back_sent(database, mirror, gone)
        if gone:
            take_in(mirror, collection, (), gone)


def follow_read(
    mirror: TinyEngine,
    collection: str,
    before: Mapping[str, Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    confirm: Callable[[], None],
) -> None:
    """Let the mirror hold a collection as it was read whole, but for what has changed there since, `before` that.

    Where something differs, `confirm` raises StoreAwayError for a database of which nothing is to be taken in.
    """
    # One whose id is no text has no place in the mirror's file.
    there = {id_: one for one in found if isinstance(id_ := one["_id"], str)}
    differing = [one for id_, one in there.items() if before.get(id_) != one]
    differing = [one for one in differing if before.get(one["_id"]) != plain_document(one)]
    gone = before.keys() - there.keys()
    if differing or gone:
        confirm()
        take_in(mirror, collection, differing, gone, before)
