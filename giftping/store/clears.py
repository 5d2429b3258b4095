"""Clearing a guild's ledger entries, and the record of it, so that nobody has to guess why a code went out again."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from giftping.store.documents import CLEARS, Document
from giftping.store.engine import Change
from giftping.store.fields import DocumentError, Fields, time_to_text
from giftping.store.records import Store

KEPT = timedelta(days=365)
"""How long it is known that something was cleared: no backup that is older is put back."""


def clear_entries(
    store: Store, guild_id: int, *, game: str | None, key: str | None, at: datetime, before: datetime | None = None
) -> int:
    """How many entries of a guild were removed, of one game or code where given; that they were is recorded.

    `at` is the time of a witness; else `before` is given: all that is cleared was sent before it, by Discord's time.
    """
    # First the record: a clearing that nobody can explain is worse than one that was recorded and not made.
    store.insert_documents(CLEARS, [_clear_document(guild_id, game, key, at, before)])
    cleared = store.clear(guild_id, game=game, key=key)
    if before is None:
        store.made([Change(CLEARS, one, None) for one in store.engine.walk(CLEARS) if _is_over(one, at)])
    return cleared


def clears_of(store: Store, key: str) -> list[tuple[int, datetime]]:
    """In which guilds a code was cleared, alone or with others, and when, oldest first; an odd record is named."""
    found = []
    for document in store.engine.walk(CLEARS):
        fields = Fields(CLEARS, document)
        try:
            of_guild, code, cleared_at = fields.id("guild_id"), fields.optional_text("code"), fields.time("cleared_at")
            if code in ("", key):
                found.append((of_guild, cleared_at))
        except DocumentError as error:
            store.note_odd(CLEARS, document, error)
    return sorted(found, key=lambda one: (one[1], one[0]))


def _is_over(document: Mapping[str, Any], now: datetime) -> bool:
    try:
        return Fields(CLEARS, document).time("cleared_at") < now - KEPT
    except DocumentError:
        # Named by whoever asks for it.
        return False


def _clear_document(
    guild_id: int, game: str | None, key: str | None, at: datetime, before: datetime | None
) -> Document:
    """The record of a clearing; an absent game or code stands for all of them."""
    document: Document = {"_id": secrets.token_hex(8), "guild_id": guild_id, "cleared_at": time_to_text(at)}
    said = {"game": game, "code": key, "before": before and time_to_text(before)}
    return document | {name: value for name, value in said.items() if value is not None}
