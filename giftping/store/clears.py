"""Clearing a guild's ledger entries, and the record of it, so that nobody has to guess why a code went out again."""

from __future__ import annotations

import secrets
from datetime import datetime

from giftping.store.documents import CLEARS, Document
from giftping.store.fields import DocumentError, Fields, time_to_text
from giftping.store.records import Store


def clear_entries(store: Store, guild_id: int, *, game: str | None, key: str | None, at: datetime) -> int:
    """How many entries of a guild were removed, of one game or code where given; that they were is recorded."""
    # First the record: a clearing that nobody can explain is worse than one that was recorded and not made.
    store.insert_documents(CLEARS, [_clear_document(guild_id, game, key, at)])
    return store.clear(guild_id, game=game, key=key)


def clears_of(store: Store, guild_id: int, key: str) -> list[datetime]:
    """When a code was cleared in a guild, alone or with others, oldest first; a record that is odd is named."""
    found = []
    for document in store.engine.walk(CLEARS):
        fields = Fields(CLEARS, document)
        try:
            if fields.id("guild_id") == guild_id and document.get("code") in (None, key):
                found.append(fields.time("cleared_at"))
        except DocumentError as error:
            store.note_odd(CLEARS, document, error)
    return sorted(found)


def _clear_document(guild_id: int, game: str | None, key: str | None, at: datetime) -> Document:
    """The record of a clearing; an absent game or code stands for all of them."""
    document: Document = {"_id": secrets.token_hex(8), "guild_id": guild_id, "cleared_at": time_to_text(at)}
    return document | {name: value for name, value in (("game", game), ("code", key)) if value is not None}
