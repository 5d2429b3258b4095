"""What the mirror keeps beyond a store's own tables: notes of what is to be carried back, and how fresh it is."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from giftping.store.documents import CODES, COLLECTIONS, GUILDS, LEDGER, MIRROR, RUNS, TODO_COLLECTIONS
from giftping.store.fields import time_from_value, time_to_text
from giftping.store.records import Store as TinyStore

SYNCED_ID = "synced"

BEFORE = "before"
ASKED = "asked"

FIRST_LOOKS = "first-looks"
ANNOUNCED = "announced"
BROKEN = "broken"
"""What checks note of guilds, by names that no collection has: unlike settings, each is carried back alone."""

NOTED_BY_CHECKS = (FIRST_LOOKS, ANNOUNCED, BROKEN)

RELEASED = "released"
"""Claims that were taken back, by a name that no collection has."""

REMOVED: Mapping[str, str] = {name: f"removed from {name}" for name in COLLECTIONS}
"""Documents that were removed one by one, by names that no collection has.

Unlike one that the mirror merely lacks, such a document is to go from the shared store too.
"""

KINDS = (LEDGER, GUILDS, CODES, RUNS, *TODO_COLLECTIONS, RELEASED, *NOTED_BY_CHECKS, *REMOVED.values())


@dataclass(frozen=True, slots=True)
class Clear:
    """A clearing of the ledger that the shared store has not heard of yet."""

    guild_id: int
    game: str | None
    key: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Synced:
    """With which shared store the mirror was brought in step, when, and at which revision of it."""

    name: str
    at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class Pending:
    """What was recorded while the shared store was away.

    `ids` are the `_id`s of documents that were written or removed, by collection, and what checks noted of
    guilds; `notes` the ids of the notes that say so, to be taken away once everything has been carried back.
    `before` are the states in which both stores may have held a document alike, by collection and `_id`: first as it
    was before all that, then as the shared store was asked to have it when it went away.
    """

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    before: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]] = field(default_factory=dict)
    clears: tuple[Clear, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, collection: str) -> frozenset[str]:
        """The ids of one collection."""
        return self.ids.get(collection, frozenset())

    def guilds_noted_by_checks(self) -> frozenset[str]:
        """The `_id`s of the guilds that a check has noted something of."""
        return frozenset(str(guild_and_game(note)[0]) for kind in NOTED_BY_CHECKS for note in self.of(kind))

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to carry back."""
        return not self.notes

    @property
    def count(self) -> int:
        """How many changes there are, each counted once however often it was noted."""
        return len(self.clears) + sum(map(len, self.ids.values()))


def guild_game_id(guild_id: int, game: str) -> str:
    """How a game of a guild is named in notes."""
    return f"{guild_id}:{game}"


def guild_and_game(note: str) -> tuple[int, str]:
    """Guild and game of a note; no game where it is of the guild alone."""
    guild_id, _, game = note.partition(":")
    return int(guild_id), game


def note_pending(
    mirror: TinyStore,
    collection: str,
    ids: Iterable[str],
    *,
    before: Mapping[str, Mapping[str, Any]] | None = None,
    asked: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Note that documents are about to change while the shared store is away. Written before the change itself.

    `before` are those as the mirror has them, by `_id`: of several notes of one document the first one's counts.
    `asked` are those as the shared store was asked to have them in the moment it went away, and may have them.
    """
    notes: list[dict[str, Any]] = [
        {"_id": _new_id(), "collection": collection, "document": id_} for id_ in sorted(set(ids))
    ]
    for id_, document in (before or {}).items():
        notes.append({"_id": f"before {collection} {id_}", "collection": collection, "document": id_, BEFORE: document})
    for id_, document in (asked or {}).items():
        notes.append({"_id": _new_id(), "collection": collection, "document": id_, ASKED: document})
    mirror.insert_documents(MIRROR, notes)


def note_clear(mirror: TinyStore, clear: Clear) -> None:
    """Note a clearing that the shared store is to follow."""
    note: dict[str, Any] = {"_id": _new_id(), "guild_id": clear.guild_id, "cleared_at": time_to_text(clear.at)}
    note |= {name: value for name, value in (("game", clear.game), ("code", clear.key)) if value is not None}
    mirror.engine.put(MIRROR, [note])


def read_pending(mirror: TinyStore) -> Pending:
    """Everything that is noted."""
    ids: dict[str, set[str]] = {}
    before: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    clears = []
    notes = []
    for note in mirror.engine.walk(MIRROR):
        if note["_id"] == SYNCED_ID:
            continue
        notes.append(note["_id"])
        if "cleared_at" in note:
            at = time_from_value(note["cleared_at"])
            clears.append(Clear(int(note["guild_id"]), note.get("game"), note.get("code"), at))
        else:
            ids.setdefault(note["collection"], set()).add(note["document"])
            states = before.setdefault(note["collection"], {}).setdefault(note["document"], [])
            if BEFORE in note:
                states.insert(0, note[BEFORE])
            elif ASKED in note:
                states.append(note[ASKED])
    return Pending(
        ids={collection: frozenset(found) for collection, found in ids.items()},
        before=before,
        clears=tuple(sorted(clears, key=lambda clear: clear.at)),
        notes=tuple(notes),
    )


def forget_pending(mirror: TinyStore, notes: Collection[str]) -> None:
    """Take away the notes of what has been carried back; those made since then stay."""
    mirror.remove_documents(MIRROR, notes)


def synced_with(mirror: TinyStore, shared_name: str) -> Synced | None:
    """When the mirror was last in step with the shared store of this name, None when it never was."""
    for document in mirror.engine.walk(MIRROR):
        if document["_id"] == SYNCED_ID and document.get("with") == shared_name:
            return Synced(shared_name, time_from_value(document["at"]), int(document.get("revision", 0)))
    return None


def note_synced(mirror: TinyStore, synced: Synced) -> None:
    """Note that the mirror is in step with a shared store."""
    document = {"_id": SYNCED_ID, "with": synced.name, "at": time_to_text(synced.at), "revision": synced.revision}
    mirror.engine.put(MIRROR, [document])


def leave_shared_store(mirror: TinyStore, *, read_only: bool = False) -> str:
    """The name of the shared store whose mirror is from now on a ledger of its own; empty for one that is.

    What is recorded in it then is noted nowhere: when it meets a shared store again, all of it is carried over.
    """
    synced = next((found for found in mirror.engine.walk(MIRROR) if found["_id"] == SYNCED_ID), None)
    if synced is None:
        return ""
    if not read_only:
        mirror.remove_documents(MIRROR, [SYNCED_ID])
    return str(synced["with"])


def note_everything(mirror: TinyStore) -> None:
    """Note every document of the mirror: it has been the ledger itself so far."""
    for collection in (LEDGER, GUILDS, CODES, RUNS, *TODO_COLLECTIONS):
        note_pending(mirror, collection, (document["_id"] for document in mirror.engine.walk(collection)))


def _new_id() -> str:
    return secrets.token_hex(8)
