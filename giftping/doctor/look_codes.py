"""Looks at the gift codes for `giftping doctor`: sources, destinations, and what the checks left. Only reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any

from giftping.codes.fetch import Fetcher
from giftping.codes.gather import SourceReport, Visit, gather
from giftping.codes.gather import report as report_of
from giftping.codes.memory import Outcome
from giftping.codes.memory_file import read_memory
from giftping.codes.record import JOB
from giftping.discord.members import MembersClient
from giftping.discord.outcome import Refused
from giftping.doctor.judge_codes import BrokenFacts, CheckFacts, CodesFacts, DestinationFacts, SourceFacts
from giftping.doctor.judging import Trouble
from giftping.doctor.look_discord import Sight, look_at_channel, look_at_guild, trouble_in
from giftping.runs.check import SOURCES_FILE, SecretHeaders, read_last_check, sources_of, started_lately
from giftping.settings.file import SettingsError
from giftping.store.base import EntryState
from giftping.wiring import House, side_by_side

if TYPE_CHECKING:
    from pathlib import Path

    from giftping.discord.rest import RestClient
    from giftping.settings.load import Settings
    from giftping.settings.sources import SourceDefinition
    from giftping.store.base import GuildRecord, LedgerEntry, RunRecord, Store

MOST_ASKED = 100
"""About how many destinations Discord is asked unless it is to be about all: four requests each."""


@dataclass(frozen=True, slots=True)
class KeptOfCodes:
    """What the store holds of the gift codes: guilds, what is open, and the last run of each job on each host."""

    guilds: tuple[GuildRecord, ...]
    left_open: tuple[LedgerEntry, ...]
    runs: tuple[RunRecord, ...]


def kept_of_codes(store: Store) -> KeptOfCodes:
    """Return what the store holds of the gift codes."""
    left_open = store.entries(states=(EntryState.CLAIMED, EntryState.UNCERTAIN))
    return KeptOfCodes(tuple(store.guilds()), tuple(left_open), tuple(store.runs()))


def look_at_codes(
    house: House, rest: RestClient | None, now: datetime, kept: KeptOfCodes, *, host: str, live: bool
) -> CodesFacts:
    """How the gift-code part is.

    With `live` the sources are asked now, and all destinations; without it the sources' last answers are taken.
    Without `rest`, a client that Discord takes, channels are not looked at.
    """
    settings = house.settings
    followed = sorted({game for guild in kept.guilds for game in guild.games})
    sources = sources_of(settings, followed)
    reports, memory_trouble = _reports(settings, sources, now, live=live)
    listed = {source.game for source in sources}
    return CodesFacts(
        now=now,
        sources=tuple(_source(one, settings) for one in reports),
        memory_trouble=memory_trouble,
        unknown_games=tuple(game for game in followed if game not in settings.games),
        unlisted_games=tuple(game for game in followed if game in settings.games and game not in listed),
        destinations=_destinations(house, rest, kept.guilds, most=None if live else MOST_ASKED),
        check=_check(settings.state, kept, host),
        uncertain=tuple(map(_named, _in_state(kept, EntryState.UNCERTAIN))),
        stale=tuple(map(_named, _stale(kept, now, settings.codes.lease))),
    )


# Sources


def _reports(
    settings: Settings, sources: Sequence[SourceDefinition], now: datetime, *, live: bool
) -> tuple[tuple[SourceReport, ...], str]:
    """How the sources are, and why their memory cannot be used, if so."""
    memory = read_memory(settings.state / SOURCES_FILE)
    if live:
        fetcher = SecretHeaders(settings, Fetcher())
        return gather(sources, memory, fetcher, now, force=True).sources, memory.trouble
    states = [(source, memory.of(source)) for source in sources]
    return tuple(report_of(Visit(source, state, state)) for source, state in states), memory.trouble


def _source(report: SourceReport, settings: Settings) -> SourceFacts:
    return SourceFacts(
        name=report.name,
        is_built_in=settings.sources[report.name].built_in,
        trouble=report.reason or "it failed" if report.is_failing else "",
        is_new_shape=report.outcome is Outcome.SHAPE_CHANGED,
        failing_since=report.failing_since,
        count=report.count,
        dropped=report.dropped,
        listed_at=report.listed_at,
        changed_at=report.changed_at,
    )


# Destinations


def _destinations(
    house: House, rest: RestClient | None, guilds: Sequence[GuildRecord], *, most: int | None
) -> tuple[DestinationFacts, ...]:
    """How the destinations are, by guild; without a bot that Discord takes, those of webhooks alone."""
    reachable = [guild for guild in guilds if rest is not None or guild.destination.webhook]
    # What is broken comes first: it is the last thing to leave out.
    in_turn = sorted(reachable, key=lambda guild: guild.broken is None)
    asked = side_by_side(lambda guild: _destination(house, rest, guild), in_turn[:most])
    left = [_known(guild) for guild in in_turn[len(asked) :]]
    return tuple(sorted([*(one for one in asked if one), *left], key=lambda one: one.guild_id))


def _known(guild: GuildRecord) -> DestinationFacts:
    """Return what the ledger says of a destination."""
    broken = guild.broken and BrokenFacts(guild.broken.reason, guild.broken.since, guild.broken.retry_at)
    channel_id = guild.destination.channel_id
    label = "its webhook" if channel_id is None else f"channel {channel_id}"
    return DestinationFacts(guild.guild_id, label, is_webhook=channel_id is None, is_asked=False, broken=broken or None)


def _destination(house: House, rest: RestClient | None, guild: GuildRecord) -> DestinationFacts | None:
    known = replace(_known(guild), is_asked=True)
    if rest is not None and guild.destination.channel_id is not None:
        return _channel(known, rest, guild, guild.destination.channel_id)
    try:
        route = house.route_to(guild.destination)
    except SettingsError:
        # The token is not one at all, which is said elsewhere.
        return None
    if isinstance(route, Refused):
        return replace(known, unusable=route.reason)
    trouble = route.probe()
    return replace(known, label=route.label, trouble=trouble_in(trouble) if trouble is not None else None)


def _channel(known: DestinationFacts, rest: RestClient, guild: GuildRecord, channel_id: int) -> DestinationFacts:
    members, me = MembersClient(rest.http), rest.me()
    if not isinstance(me, int):
        return replace(known, trouble=trouble_in(me))
    sight = look_at_guild(members, me, guild.guild_id)
    channel = look_at_channel(members, me, channel_id, sight, files=False)
    if isinstance(channel, Trouble):
        return replace(known, trouble=channel)
    mention = guild.mention_role_id
    is_lost = isinstance(sight, Sight) and mention is not None and mention not in sight.known_roles
    return replace(
        known,
        takes_no_messages=channel.takes_no_messages,
        channel_guild_id=channel.guild_id,
        missing=channel.missing,
        lost_mention=mention if is_lost else None,
    )


# The checks


def _check(state: Path, kept: KeptOfCodes, host: str) -> CheckFacts:
    last = read_last_check(state)
    elsewhere = [run.finished_at for run in kept.runs if run.job == JOB and run.host != host]
    starts = started_lately(state)
    apart = [(later - earlier) / timedelta(seconds=1) for earlier, later in pairwise(starts)]
    return CheckFacts(
        at=_time(last.get("finished_at")),
        exit_code=code if isinstance(code := last.get("exit_code"), int) else 0,
        every=timedelta(seconds=median(apart)) if apart else None,
        elsewhere=max(elsewhere, default=None),
    )


def _time(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None


def _in_state(kept: KeptOfCodes, state: EntryState) -> Iterator[LedgerEntry]:
    return (entry for entry in kept.left_open if entry.state is state)


def _stale(kept: KeptOfCodes, now: datetime, lease: timedelta) -> Iterator[LedgerEntry]:
    """Yield what was claimed so long ago that the run which claimed it is over."""
    claimed = _in_state(kept, EntryState.CLAIMED)
    return (entry for entry in claimed if now - (entry.claimed_at or entry.created_at) >= lease)


def _named(entry: LedgerEntry) -> str:
    return f"{entry.spelling} (guild {entry.guild_id})"
