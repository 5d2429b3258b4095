"""What was refused stays owed: also when no source lists it any more, until it goes out or ends. Pure.

The ledger holds nothing of a code that was refused, so that it can go out. This remembers that it is to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from giftping.codes.explain import code_of
from giftping.codes.guards import clearance
from giftping.codes.model import Code
from giftping.codes.report import DeliveryReport, DeliveryResult, MissedReport
from giftping.store.base import CodeRecord, GuildRecord
from giftping.store.documents import Document
from giftping.store.fields import time_from_value, time_to_text
from giftping.text import counted, key_of

OWED_FOR = timedelta(days=30)
"""How long a code stays owed whose end nobody knows."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A code that a guild did not get because its destination, or Discord, said no."""

    guild_id: int
    game: str
    key: str
    spelling: str
    since: datetime
    reason: str

    @property
    def id(self) -> str:
        """The `_id` of its document; in no key is a colon."""
        return f"{self.guild_id}:{self.game}:{self.key}"


def owed_document(owed: Owed) -> Document:
    """The document that remembers it."""
    return {
        "_id": owed.id,
        "guild_id": owed.guild_id,
        "game": owed.game,
        "code": owed.key,
        "spelling": owed.spelling,
        "since": time_to_text(owed.since),
        "reason": owed.reason,
    }


def owed_from(documents: Iterable[Mapping[str, Any]]) -> list[Owed]:
    """What the documents remember; one that cannot be read is left alone: it holds up nothing else."""
    found = []
    for document in documents:
        try:
            guild_id, game, key = int(document["guild_id"]), str(document["game"]), str(document["code"])
            since = time_from_value(document["since"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        spelling, reason = str(document.get("spelling") or key), str(document.get("reason") or "")
        found.append(Owed(guild_id, game, key, spelling, since, reason))
    return found


@dataclass(frozen=True, slots=True)
class OwedNow:
    """What becomes, in a run, of what earlier ones left owed."""

    unlisted: Mapping[tuple[int, str], tuple[Code, ...]]
    """By guild and game: what no source lists any more, and may go out all the same."""
    missed: tuple[MissedReport, ...]
    """What has ended before it could go out."""
    over: frozenset[str]
    """The ids of what is not owed any more."""
    next_end: datetime | None = None
    """When the next of them ends."""


def owed_now(
    owed: Sequence[Owed],
    guilds: Iterable[GuildRecord],
    records: Iterable[CodeRecord],
    listed: Mapping[tuple[str, str], Code],
    *,
    now: datetime,
    skipped_regions: frozenset[str],
) -> OwedNow:
    """What becomes of what is owed; `listed` is what the sources say now, by game and key."""
    following = {(guild.guild_id, game) for guild in guilds for game in guild.games}
    known = {(record.game, record.key): code_of(record) for record in records} | dict(listed)
    unlisted: dict[tuple[int, str], list[Code]] = {}
    missed: list[MissedReport] = []
    over: set[str] = set()
    ends: list[datetime] = []
    for one in owed:
        code = known.get((one.game, one.key))
        if code is None or (one.guild_id, one.game) not in following:
            over.add(one.id)
            continue
        is_listed = (one.game, one.key) in listed
        judged = clearance(code, now, skipped_regions)
        ends += [code.expires_at] if code.expires_at is not None else []
        if judged.may_go_out and (is_listed or now - one.since < OWED_FOR):
            # What is still listed is planned as ever.
            if not is_listed:
                unlisted.setdefault((one.guild_id, one.game), []).append(code)
            continue
        why = judged.reason or f"it was owed for {counted(OWED_FOR.days, 'day')}"
        missed.append(MissedReport(one.guild_id, one.game, one.spelling, why, one.reason))
        over.add(one.id)
    by_guild = {guild_and_game: tuple(codes) for guild_and_game, codes in unlisted.items()}
    return OwedNow(by_guild, tuple(missed), frozenset(over), min((end for end in ends if end > now), default=None))


def owed_after(
    deliveries: Iterable[DeliveryReport], waiting: Iterable[tuple[GuildRecord, Code]], now: datetime
) -> dict[str, Owed]:
    """What is owed after a run: what was refused, and what waits for a destination that is left alone, by id."""
    refused = [
        Owed(delivery.guild_id, delivery.game, key_of(spelling), spelling, now, delivery.reason)
        for delivery in deliveries
        if delivery.result is DeliveryResult.REFUSED
        for spelling in delivery.codes
    ]
    resting = [
        Owed(guild.guild_id, code.game, code.key, code.spelling, now, guild.broken.reason if guild.broken else "")
        for guild, code in waiting
    ]
    return {one.id: one for one in (*refused, *resting)}


def arrived(deliveries: Iterable[DeliveryReport]) -> frozenset[str]:
    """The ids of what is owed no more, because the ledger has it now."""
    in_ledger = {DeliveryResult.SENT, DeliveryResult.SETTLED, DeliveryResult.UNCERTAIN}
    return frozenset(
        f"{delivery.guild_id}:{delivery.game}:{key_of(spelling)}"
        for delivery in deliveries
        if delivery.result in in_ledger
        for spelling in delivery.codes
    )
