"""What was refused stays owed: also when no source lists it any more, until it goes out or ends. Pure.

Whatever was claimed and did not go out is a refused delivery: its codes are free in the ledger, and it says that they
are to go out. A new attempt takes its place.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftping.codes.entries import ANNOUNCEMENT
from giftping.codes.explain import code_of
from giftping.codes.guards import clearance
from giftping.codes.model import Code
from giftping.codes.report import MissedReport
from giftping.delivery.deliveries import Delivery, DeliveryState, delivery_document
from giftping.store.base import CodeRecord, GuildRecord
from giftping.store.documents import DELIVERIES
from giftping.store.engine import Change
from giftping.text import counted, key_of

OWED_FOR = timedelta(days=30)
"""How long a code stays owed whose end nobody knows."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A code that a guild did not get because its destination, or Discord, said no."""

    id: str
    """Of the ledger entry that it is to get."""
    guild_id: int
    game: str
    key: str
    spelling: str
    since: datetime
    reason: str


def owed_by(deliveries: Iterable[Delivery]) -> list[Owed]:
    """What is owed by the refused ones among the deliveries, each code once, by the one that has owed it longest."""
    found: dict[str, Owed] = {}
    for delivery in deliveries:
        if delivery.state is not DeliveryState.REFUSED or delivery.kind != ANNOUNCEMENT or delivery.guild_id is None:
            continue
        since = delivery.owed_since or delivery.since
        for id_, spelling in zip(delivery.entries, delivery.spellings, strict=False):
            known = found.get(id_)
            if known is None or since < known.since:
                key = key_of(spelling)
                found[id_] = Owed(id_, delivery.guild_id, delivery.game, key, spelling, since, delivery.reason)
    return list(found.values())


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


def without(deliveries: Iterable[Delivery], over: Collection[str]) -> list[Change]:
    """The changes after which the refused deliveries do not owe these entries any more."""
    changes = []
    for delivery in deliveries:
        left = [pair for pair in zip(delivery.entries, delivery.spellings, strict=False) if pair[0] not in over]
        if not left:
            changes.append(Change(DELIVERIES, delivery.document, None))
        elif len(left) < len(delivery.entries):
            entries, spellings = zip(*left, strict=True)
            narrowed = replace(delivery, entries=entries, spellings=spellings)
            changes.append(Change(DELIVERIES, delivery.document, delivery_document(narrowed)))
    return changes
