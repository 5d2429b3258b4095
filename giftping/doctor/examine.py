"""All that `giftping doctor` does, from top to bottom: look at each subject, then judge what was seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from giftping.doctor.contacts import CONTACTS_CHECKS, ContactsFacts, look_at_who_is_told
from giftping.doctor.deliveries import DELIVERIES_CHECKS, DeliveriesFacts, look_at_deliveries
from giftping.doctor.destinations import DESTINATIONS_CHECKS, DestinationsFacts, look_at_destinations
from giftping.doctor.discord import DISCORD_CHECKS, BotClient, DiscordFacts, look_at_discord, look_at_discords_clock
from giftping.doctor.hosts import HOSTS_CHECKS, HostsFacts
from giftping.doctor.judgement import Checks, Judgement, Part
from giftping.doctor.last_check import LAST_CHECK_CHECKS, LastCheckFacts, look_at_last_check
from giftping.doctor.ledger import LEDGER_CHECKS, Contents, LedgerFacts, look_at_ledger
from giftping.doctor.mongo import MONGO_CHECKS, MongoFacts, look_at_mongo
from giftping.doctor.older_bot import OLDER_BOT_CHECKS, OlderBotFacts
from giftping.doctor.settings import SETTINGS_CHECKS, SettingsFacts, look_at_settings
from giftping.doctor.sources import SOURCES_CHECKS, SourcesFacts, look_at_sources
from giftping.doctor.state_folder import STATE_FOLDER_CHECKS, StateFolderFacts, look_at_state_folder
from giftping.doctor.todo_direct_messages import (
    DIRECT_MESSAGES_CHECKS,
    DirectMessagesFacts,
    look_at_direct_messages,
)
from giftping.doctor.todo_guild import TODO_GUILD_CHECKS, TodoGuildFacts, look_at_todo_guild
from giftping.doctor.todo_roster import ROSTER_CHECKS, RosterFacts, look_at_roster
from giftping.doctor.todo_sweeps import SWEEPS_CHECKS, SweepsFacts, look_at_sweeps
from giftping.store.base import StoreError
from giftping.todo.membership import MembershipReader
from giftping.todo.sweep_notes import broken_in
from giftping.wiring import host_name, side_by_side, utc_now

if TYPE_CHECKING:
    from datetime import datetime

    from giftping.delivery.clock import Clock
    from giftping.settings.keys import Settings
    from giftping.store.base import Guild
    from giftping.wiring import Wiring


@dataclass(frozen=True, slots=True)
class CodesFacts:
    """The gift-code part."""

    sources: SourcesFacts
    destinations: DestinationsFacts
    last_check: LastCheckFacts
    deliveries: DeliveriesFacts


@dataclass(frozen=True, slots=True)
class TodoFacts:
    """The TODO part."""

    guild: TodoGuildFacts
    direct_messages: DirectMessagesFacts
    roster: RosterFacts | None = None
    """None, as the sweeps are, where the ledger does not tell."""
    sweeps: SweepsFacts | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was looked at."""

    settings: SettingsFacts
    state_folder: StateFolderFacts
    ledger: LedgerFacts
    mongo: MongoFacts | None = None
    """None, as the hosts are, where the ledger is a file of this host alone."""
    hosts: HostsFacts | None = None
    discord: DiscordFacts | None = None
    """None where neither of the two parts is set up."""
    codes: CodesFacts | None = None
    """None where no guild is known."""
    todo: TodoFacts | None = None
    """None where no id is set for it, and nobody is on the roster."""
    contacts: ContactsFacts | None = None
    """Who is told how runs go."""
    older_bot: OlderBotFacts | None = None
    """None where no older bot has kept anything beside the ledger."""
    guilds: Mapping[int, Guild] = field(default_factory=dict)
    """What is known of guilds, their names among it: nothing is judged by that."""


@dataclass(frozen=True, slots=True)
class JudgedCheck:
    """What a check has found."""

    name: str
    """The check's."""
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Examination:
    """What was looked at, and what it comes to."""

    facts: Facts
    findings: tuple[JudgedCheck, ...]


def examine(wiring: Wiring, clock: Clock = utc_now, *, live: bool = False) -> Examination:
    """What the doctor finds.

    Nothing is written, Discord is asked by GET alone, and the sources are asked with `live` alone.
    """
    facts = look(wiring, clock, live=live)
    return Examination(facts, tuple(judge(facts)))


# Looking


def look(wiring: Wiring, clock: Clock, *, live: bool) -> Facts:
    """What there is to judge. What cannot be looked at is a fact like any other: nothing is raised for it."""
    settings, now = wiring.settings, clock()
    host = _own_name(settings)
    ledger, contents = look_at_ledger(wiring, clock, host)
    has_codes, has_todo = bool(contents.subscriptions), _has_todo(wiring, contents)

    discord, bot = None, None
    if has_codes or has_todo:
        posts_as_bot = any(one.destination.channel_id is not None for one in contents.subscriptions)
        discord, bot = look_at_discord(wiring, is_needed=has_todo or posts_as_bot)
    codes = _look_at_codes(wiring, bot, contents, host, now, live=live) if has_codes else None
    todo = _look_at_todo(wiring, bot, contents, clock, now) if has_todo else None
    if discord is not None:
        # After everything that Discord was asked for: any answer tells its time, and a webhook's will do.
        discord = replace(discord, clock_offset=look_at_discords_clock(wiring))

    return Facts(
        settings=look_at_settings(settings, contents.subscriptions),
        state_folder=look_at_state_folder(settings.state),
        ledger=ledger,
        mongo=look_at_mongo(settings, utc_now, now),
        hosts=HostsFacts(now, contents.others, contents.refusal) if settings.mongo.uri is not None else None,
        discord=discord,
        codes=codes,
        todo=todo,
        contacts=look_at_who_is_told(settings),
        older_bot=contents.older_bot,
        guilds=contents.guilds,
    )


def _own_name(settings: Settings) -> str:
    """The name of this host, empty where it cannot be read; none is made."""
    try:
        return host_name(settings, create=False)
    except StoreError:
        # The ledger, in the same folder, says why.
        return ""


def _has_todo(wiring: Wiring, contents: Contents) -> bool:
    todo = wiring.settings.todo
    is_used = contents.todo is not None and any(contents.todo.loaded.on_roster())
    return is_used or any((todo.guild_id, todo.channel_id, todo.role_id))


def _look_at_codes(
    wiring: Wiring, bot: BotClient | None, contents: Contents, host: str, now: datetime, *, live: bool
) -> CodesFacts:
    settings, subscriptions = wiring.settings, contents.subscriptions
    return CodesFacts(
        sources=look_at_sources(settings, subscriptions, now, live=live),
        destinations=look_at_destinations(wiring, bot, subscriptions, now, live=live),
        last_check=look_at_last_check(settings.state, contents.runs, host, now),
        deliveries=look_at_deliveries(contents.left_open, contents.held, subscriptions, now, settings.codes.lease),
    )


def _look_at_todo(wiring: Wiring, bot: BotClient | None, contents: Contents, clock: Clock, now: datetime) -> TodoFacts:
    settings, kept = wiring.settings.todo, contents.todo
    broken = broken_in(kept.notes, settings.channel_id) if kept else None
    guild = look_at_todo_guild(bot, settings, sum(1 for _ in kept.loaded.on_roster()) if kept else 0, broken, now)
    direct_messages = look_at_direct_messages(settings, kept, now, wiring.zone)
    if kept is None:
        return TodoFacts(guild, direct_messages)
    memberships = None
    if bot is not None and guild.guild_id is not None and guild.shows_members:
        memberships = MembershipReader(
            bot.members, clock, guild.guild_id, guild.role_id, lambda ask, ids: side_by_side(ask, ids)
        )
    roster = look_at_roster(kept.loaded, memberships, settings, now)
    return TodoFacts(guild, direct_messages, roster, look_at_sweeps(kept, settings, now))


# Judging


def judge(facts: Facts) -> Iterator[JudgedCheck]:
    """What every check that applies makes of the facts, in the order in which it is told."""
    yield from _found(SETTINGS_CHECKS, facts.settings)
    yield from _found(STATE_FOLDER_CHECKS, facts.state_folder)
    yield from _found(LEDGER_CHECKS, facts.ledger)
    if facts.mongo is not None:
        yield from _found(MONGO_CHECKS, facts.mongo)
        # While MongoDB is away nobody can tell what other hosts have come to see.
        yield from _found(HOSTS_CHECKS, facts.hosts if not facts.mongo.trouble else None)
    yield from _found(OLDER_BOT_CHECKS, facts.older_bot)
    yield from _found(DISCORD_CHECKS, facts.discord)
    if facts.codes is not None:
        yield from _found(SOURCES_CHECKS, facts.codes.sources)
        yield from _found(DESTINATIONS_CHECKS, facts.codes.destinations)
        yield from _found(LAST_CHECK_CHECKS, facts.codes.last_check)
        yield from _found(DELIVERIES_CHECKS, facts.codes.deliveries)
    if facts.todo is not None:
        yield from _found(TODO_GUILD_CHECKS, facts.todo.guild)
        yield from _found(DIRECT_MESSAGES_CHECKS, facts.todo.direct_messages)
        yield from _found(ROSTER_CHECKS, facts.todo.roster)
        yield from _found(SWEEPS_CHECKS, facts.todo.sweeps)
    yield from _found(CONTACTS_CHECKS, facts.contacts)


def _found(checks: Checks[Part], part: Part | None) -> Iterator[JudgedCheck]:
    """What checks find in a part; nothing where that was not looked at."""
    if part is None:
        return
    for name, check in checks:
        judged = check(part)
        for one in [judged] if isinstance(judged, Judgement) else judged or ():
            yield JudgedCheck(name, one)
