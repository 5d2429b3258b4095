"""Whose a code is: everybody's, or that of the guilds whose own people have added it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from giftping.codes.guards.refusals import clearance
from giftping.codes.holds import code_of
from giftping.codes.model import Code
from giftping.settings.catalogue import Game
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import CodeRecord

OwnCodes = Mapping[tuple[int, str], Mapping[str, Code]]
"""By guild and game, and by key, the codes that a guild's own people have added."""


def seen_by(record: CodeRecord, guild_id: int) -> CodeRecord | None:
    """What a guild knows of a code: what all do, else what its own people have said; None where it is not for it."""
    if record.is_for_all:
        return record
    said = record.own.get(guild_id)
    if said is None:
        return None
    return replace(
        record,
        spelling=said.spelling,
        own={guild_id: said},
        rewards=said.rewards,
        expires_at=said.expires_at,
        expiry_text=said.expiry_text,
        latest_end=said.expires_at,
    )


def seen_apart(record: CodeRecord) -> tuple[CodeRecord, ...]:
    """What is known of a code: once where all know it, else for each guild whose own people have added it."""
    if record.is_for_all:
        return (record,)
    return tuple(filter(None, (seen_by(record, guild_id) for guild_id in record.own)))


def own_code(record: CodeRecord, guild_id: int) -> Code | None:
    """A code as it goes to a guild whose own people have added it, whoever else lists it; None where they have not."""
    seen = seen_by(record, guild_id) if guild_id in record.own else None
    return None if seen is None else replace(code_of(seen), sources=(MANUAL_SOURCE,))


def own_codes(
    records: Iterable[CodeRecord], now: datetime, skipped_regions: frozenset[str], games: Mapping[str, Game]
) -> OwnCodes:
    """What guilds' own people have added and may go out to them."""
    found: dict[tuple[int, str], dict[str, Code]] = {}
    for record in records:
        for guild_id in record.own:
            code = own_code(record, guild_id)
            if code is not None and clearance(code, now, skipped_regions, games).may_go_out:
                found.setdefault((guild_id, record.game), {})[record.key] = code
    return found
