"""What the mirror keeps beyond a store's own tables: notes of what is to be carried back, and how fresh it is."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from giftping.store.documents import CODES, GUILDS, LEDGER, MIRROR, RUNS
from giftping.store.fields import time_from_value, time_to_text
from giftping.store.tiny import TinyStore

SYNCED_ID = "synced"
KINDS = (LEDGER, GUILDS, CODES, RUNS)


@dataclass(frozen=True, slots=True)
class Clear:
    """A clearing of the ledger that the shared store has not heard of yet."""

    guild_id: int
    game: str | None
    key: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """What was recorded while the shared store was away.

    `ids` are the `_id`s of documents that were written or removed, by collection; `notes` the ids of the notes
    that say so, to be taken away once everything has been carried back.
    """

    ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    clears: tuple[Clear, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, collection: str) -> frozenset[str]:
        """Return the ids of one collection."""
        return self.ids.get(collection, frozenset())

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to carry back."""
        return not self.notes


def note_pending(mirror: TinyStore, collection: str, ids: Iterable[str]) -> None:
    """Note that documents are about to change while the shared store is away. Written before the change itself."""
    notes = [{"_id": _new_id(), "collection": collection, "document": id_} for id_ in sorted(set(ids))]
    mirror.put_documents(MIRROR, notes)


def note_clear(mirror: TinyStore, clear: Clear) -> None:
    """Note a clearing that the shared store is to follow."""
    note: dict[str, Any] = {"_id": _new_id(), "guild_id": clear.guild_id, "cleared_at": time_to_text(clear.at)}
    note |= {name: value for name, value in (("game", clear.game), ("code", clear.key)) if value is not None}
    mirror.put_documents(MIRROR, [note])


def read_pending(mirror: TinyStore) -> Pending:
    """Return everything that is noted."""
    ids: dict[str, set[str]] = {}
    clears = []
    notes = []
    for note in mirror.documents(MIRROR):
        if note["_id"] == SYNCED_ID:
            continue
        notes.append(note["_id"])
        if "cleared_at" in note:
            at = time_from_value(note["cleared_at"])
            clears.append(Clear(int(note["guild_id"]), note.get("game"), note.get("code"), at))
        else:
            ids.setdefault(note["collection"], set()).add(note["document"])
    return Pending(
        ids={collection: frozenset(found) for collection, found in ids.items()},
        clears=tuple(sorted(clears, key=lambda clear: clear.at)),
        notes=tuple(notes),
    )


def forget_pending(mirror: TinyStore, notes: Collection[str]) -> None:
    """Take away the notes of what has been carried back; those made since then stay."""
    mirror.remove_documents(MIRROR, notes)


def synced_with(mirror: TinyStore, shared_name: str) -> datetime | None:
    """Return up to when the mirror has followed the shared store of this name, None when it never has."""
    for document in mirror.documents(MIRROR):
        if document["_id"] == SYNCED_ID and document.get("with") == shared_name:
            return time_from_value(document["at"])
    return None


def note_synced(mirror: TinyStore, shared_name: str, at: datetime) -> None:
    """Note that the mirror has followed the shared store up to an instant."""
    mirror.put_documents(MIRROR, [{"_id": SYNCED_ID, "with": shared_name, "at": time_to_text(at)}])


def note_everything(mirror: TinyStore) -> None:
    """Note every document of the mirror: it has been the ledger itself so far."""
    for collection in KINDS:
        note_pending(mirror, collection, (document["_id"] for document in mirror.documents(collection)))


def _new_id() -> str:
    return secrets.token_hex(8)
