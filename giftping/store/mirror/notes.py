"""What a mirror of MongoDB notes for itself: that MongoDB is away, what is to be carried back, and how far it followed.

There is one fact of being away for a state folder. From the moment it is noted until the last change has been carried
back no process of the host writes to MongoDB; what they write is applied to the mirror, and noted, in one write.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from giftping.store.documents import COLLECTIONS, META, MIRROR, TODO_EVENTS, Document
from giftping.store.engine import Change, changed_document, found_by_key, plain_change, still_holds
from giftping.store.fields import plain_document, time_to_text
from giftping.store.mirror.changes import Queued
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.tables import Operation, Tables, put, remove

AWAY_ID = "away"
SYNCED_ID = "synced"
QUEUED = "queued "
"""How the ids of notes begin that stand for a change to be carried back."""

CARRIED = tuple(name for name in COLLECTIONS if name not in (META, MIRROR))
"""The collections that a mirror has of MongoDB."""

FOLLOWED = tuple(name for name in CARRIED if name != TODO_EVENTS)
"""Those that it keeps: the history only grows, and is in a mirror only until it has been carried back."""


@dataclass(frozen=True, slots=True)
class Away:
    """The fact that MongoDB is away, for all processes of a host."""

    id: str
    reason: str
    waits: bool = False
    """Whether it is there, but a person has to say what counts: nothing is sent until then."""


@dataclass(frozen=True, slots=True)
class Synced:
    """With which database a mirror is in step, and as of which of its numbers."""

    name: str
    """What it was called then."""
    id: str
    epoch: int
    number: int
    place: str = ""
    """Where the folder lay then: see TinyEngine.place; empty where an older giftping noted none."""
    made: Mapping[str, str] = field(default_factory=dict)
    """Which collections they were: see MongoEngine.incarnations; empty where that was not told."""
    is_whole: bool = True
    """Whether the mirror has followed to the end once: before, it is the database's, but of no use without it."""

    def made_anew(self, made: Mapping[str, str]) -> frozenset[str]:
        """The collections that were dropped since: what is in them now may be a backup, whatever numbers say.

        Of one that is new nothing was known, and where nothing is told now nothing is.
        """
        return frozenset(name for name, token in self.made.items() if made and made.get(name) != token)


def queued_id(collection: str, id_: str) -> str:
    """The id of the note that a document is to be carried back."""
    return f"{QUEUED}{collection} {id_}"


def away_of(mirror: TinyEngine) -> Away | None:
    """The fact that MongoDB is away, None while it is not. Costs two looks at files where nobody has written."""
    note = mirror.get(MIRROR, [AWAY_ID]).get(AWAY_ID)
    return None if note is None else _away_from(note)


def _away_from(note: Mapping[str, Any]) -> Away:
    return Away(str(note["id"]), str(note["reason"]), note.get("waits") is True)


def note_away(mirror: TinyEngine, reason: str, at: datetime, *, waits: bool = False) -> Away:
    """The fact that MongoDB is away, noted where another process has not noted it already, or for another reason."""

    def decide(tables: Tables) -> tuple[list[Operation], Away]:
        there: Mapping[str, Any] | None = tables[MIRROR].get(AWAY_ID)
        if there is not None and (not waits or (there["reason"], there.get("waits")) == (reason, waits)):
            return [], _away_from(there)
        fact = {"_id": AWAY_ID, "id": secrets.token_hex(8), "since": time_to_text(at), "next": 0} | dict(there or {})
        fact |= {"reason": reason, "waits": waits}
        return [put(MIRROR, fact)], _away_from(fact)

    return mirror.write(decide)


def synced_of(mirror: TinyEngine) -> Synced | None:
    """With what the mirror is in step, None where it is a mirror of nothing."""
    note = mirror.get(MIRROR, [SYNCED_ID]).get(SYNCED_ID)
    if note is None:
        return None
    # One of 0.1.0 knows the name alone.
    return Synced(
        str(note["with"]),
        str(note.get("id", "")),
        int(note.get("epoch", 0)),
        int(note.get("number", -1)),
        str(note.get("place", "")),
        made if isinstance(made := note.get("made"), dict) else {},
        note.get("whole") is not False,
    )


def has_followed(mirror: TinyEngine, name: str = "") -> bool:
    """Whether the mirror is one to go by without its database, or without the one of that name."""
    synced = synced_of(mirror)
    return synced is not None and synced.is_whole and name in ("", synced.name)


def is_copied(mirror: TinyEngine) -> bool:
    """Whether the folder is not the one that was in step with the database, but a copy of it, or put back."""
    synced = synced_of(mirror)
    return synced is not None and synced.place not in ("", mirror.place)


def synced_document(synced: Synced) -> Document:
    """The note with what the mirror is in step."""
    return {
        "_id": SYNCED_ID,
        "with": synced.name,
        "id": synced.id,
        "epoch": synced.epoch,
        "number": synced.number,
        "place": synced.place,
        "made": dict(synced.made),
        "whole": synced.is_whole,
    }


def changed_and_noted(
    mirror: TinyEngine,
    changes: Sequence[Change],
    rev: str,
    at: datetime,
    made_here: Collection[tuple[str, str]] = (),
    *,
    is_unclear: bool = False,
) -> list[bool] | None:
    """For each of the changes whether it was made in the mirror, where each is noted; None where MongoDB is back.

    Those that the mirror was given already, because it comes first, are only noted. Those that are unclear MongoDB was
    asked for, and no answer came.
    """
    plain = [plain_change(one) for one in changes]

    def decide(tables: Tables) -> tuple[list[Operation], list[bool] | None]:
        fact = tables[MIRROR].get(AWAY_ID)
        if fact is None:
            return [], None
        made = [one.key in made_here or still_holds(tables[one.collection].get(one.id), one) for one in plain]
        operations: list[Operation] = []
        order = int(fact["next"])
        for change in (one for one, holds in zip(plain, made, strict=True) if holds):
            is_here = change.key in made_here
            before = change.before if is_here else tables[change.collection].get(change.id)
            note = _note(tables, change.collection, change.id, order, before, at)
            operations += _noted(tables, change, before, note, rev, is_here=is_here, is_unclear=is_unclear)
            order += 1
        if operations:
            operations.append(put(MIRROR, {**fact, "next": order}))
        return operations, made

    return mirror.write(decide)


def _noted(
    tables: Tables,
    change: Change,
    before: Mapping[str, Any] | None,
    note: Document,
    rev: str,
    *,
    is_here: bool,
    is_unclear: bool,
) -> list[Operation]:
    """What is written for one change that is made: its note, and the document where the mirror does not have it yet."""
    in_copy: list[Operation] = []
    if not is_here and change.after is None:
        in_copy = [remove(change.collection, change.id)]
    elif not is_here:
        in_copy = [put(change.collection, changed_document(before, change, rev))]
    if change.after is None and not is_unclear and not {"before", "asked"} & note.keys():
        # It was made and removed again, and MongoDB never heard of it.
        return ([remove(MIRROR, note["_id"])] if note["_id"] in tables[MIRROR] else []) + in_copy
    if is_unclear:
        note = {**note, "asked": {} if change.after is None else changed_document(before, change, rev)}
    return [put(MIRROR, note), *in_copy]


def _note(
    tables: Tables, collection: str, id_: str, order: int, before: Mapping[str, Any] | None, at: datetime
) -> Document:
    """The note of a change; of several changes of one document the first says what it was before."""
    note_id = queued_id(collection, id_)
    there = tables[MIRROR].get(note_id)
    note: Document = dict(there) if there is not None else {"_id": note_id, "collection": collection, "document": id_}
    if there is None:
        note |= {"order": order} | ({} if before is None else {"before": dict(before)})
    return {**note, "at": time_to_text(at)}


def queue_everything(mirror: TinyEngine, at: datetime, notes: Sequence[Mapping[str, Any]] = ()) -> None:
    """Note every document of the mirror: it has been the ledger itself so far. The notes are written with that."""

    def decide(tables: Tables) -> tuple[list[Operation], None]:
        found = [(name, id_) for name in CARRIED for id_ in tables[name]]
        queued = [put(MIRROR, _note(tables, *key, order, None, at)) for order, key in enumerate(found)]
        return [*queued, *(put(MIRROR, one) for one in notes)], None

    mirror.write(decide)


def queue_of(mirror: TinyEngine) -> list[Queued]:
    """All changes that are to be carried back, in order."""
    notes = [note for note in mirror.walk(MIRROR) if str(note["_id"]).startswith(QUEUED)]
    here = found_by_key(mirror, ((note["collection"], note["document"]) for note in notes))
    found = [
        Queued(
            collection=note["collection"],
            id=note["document"],
            order=int(note["order"]),
            before=note.get("before"),
            after=here.get((note["collection"], note["document"])),
            at=note["at"],
            asked=note.get("asked"),
        )
        for note in notes
    ]
    return sorted(found, key=lambda one: one.order)


def waiting(mirror: TinyEngine) -> int:
    """How many documents have changes that are to be carried back."""
    return sum(str(note["_id"]).startswith(QUEUED) for note in mirror.walk(MIRROR))


def settle_queued(mirror: TinyEngine, done: Iterable[tuple[Queued, Mapping[str, Any] | None]]) -> None:
    """Let the mirror hold what the database holds now of queued documents; one changed meanwhile stays queued."""
    results = [(queued, None if one is None else plain_document(one)) for queued, one in done]

    def decide(tables: Tables) -> tuple[list[Operation], None]:
        operations: list[Operation] = []
        for queued, result in results:
            note_id = queued_id(queued.collection, queued.id)
            note: Mapping[str, Any] | None = tables[MIRROR].get(note_id)
            here: Mapping[str, Any] | None = tables[queued.collection].get(queued.id)
            if note is None:
                continue
            if here != queued.after:
                again = {name: value for name, value in note.items() if name not in ("before", "asked")}
                operations.append(put(MIRROR, again | ({} if result is None else {"before": result})))
                continue
            operations.append(remove(MIRROR, note_id))
            if result is None or queued.collection == TODO_EVENTS:
                operations += [remove(queued.collection, queued.id)] if here is not None else []
            elif result != here:
                operations.append(put(queued.collection, result))
        return operations, None

    mirror.write(decide)


def end_away(mirror: TinyEngine, notes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether nothing waits any more, so that MongoDB is at hand again; the notes of the mirror are written then."""

    def decide(tables: Tables) -> tuple[list[Operation], bool]:
        there: Mapping[str, Mapping[str, Any]] = tables[MIRROR]
        if any(id_.startswith(QUEUED) for id_ in there):
            return [], False
        operations = [remove(MIRROR, AWAY_ID)] if AWAY_ID in there else []
        return operations + [put(MIRROR, one) for one in notes if there.get(one["_id"]) != one], True

    return mirror.write(decide)


def take_in(
    mirror: TinyEngine,
    collection: str,
    documents: Collection[Mapping[str, Any]],
    gone: Collection[str] = (),
    before: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Let the mirror hold documents of the database, and others no more; what is queued stays as it is here.

    Given what it held `before` they were read, what has changed here since stays, too.
    """
    plain = {one["_id"]: one for one in map(plain_document, documents)}

    def decide(tables: Tables) -> tuple[list[Operation], None]:
        there: Mapping[str, Mapping[str, Any]] = tables[collection]
        kept = {id_ for id_ in (*plain, *gone) if queued_id(collection, id_) in tables[MIRROR]}
        if before is not None:
            kept |= {id_ for id_ in (*plain, *gone) if there.get(id_) != before.get(id_)}
        operations: list[Operation] = [
            put(collection, one) for id_, one in plain.items() if there.get(id_) != one and id_ not in kept
        ]
        operations += [remove(collection, id_) for id_ in gone if id_ in there and id_ not in kept]
        return operations, None

    mirror.write(decide)


def leave_database(mirror: TinyEngine, *, read_only: bool = False) -> str:
    """The name of the database whose mirror is from now on a ledger of its own; empty for one that is.

    What is recorded in it then is noted nowhere: when it meets a database again, all of it is carried over.
    """
    synced = synced_of(mirror)
    if synced is None:
        return ""
    if not read_only:
        # What was to be carried back still is, with what is known of it.
        mirror.put(
            MIRROR, (), [id_ for note in mirror.walk(MIRROR) if not (id_ := str(note["_id"])).startswith(QUEUED)]
        )
    return synced.name
