"""The webhooks and channels that gift codes are announced in: whether each can be posted to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from giftping.codes.broken_destination import meaning_of_broken
from giftping.discord.meanings import meaning_of
from giftping.discord.outcome import Refused
from giftping.doctor.discord import BotClient, Sight, look_at_channel, look_at_guild, trouble_in
from giftping.doctor.judgement import (
    Checks,
    Judgement,
    NoAnswer,
    about,
    fail,
    judge_each,
    named,
    ok,
    unanswered,
    untold,
    warn,
)
from giftping.settings.file import SettingsError
from giftping.text import counted, verb_for
from giftping.wiring import side_by_side

if TYPE_CHECKING:
    from collections.abc import Sequence

    from giftping.store.base import GuildRecord
    from giftping.wiring import Wiring

_SHOWN = (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)
"""The refusals of a post that a look gets, too."""

MOST_ASKED = 100
"""About how many destinations Discord is asked unless it is to be about all: four requests each."""


@dataclass(frozen=True, slots=True)
class BrokenFacts:
    """Why and since when the checks leave a destination alone."""

    reason: str
    """The refusal after which they did."""
    since: datetime
    retry_at: datetime | None = None
    """When they try again; None for never."""
    mend: str = ""
    """What a person has to mend, in words."""
    is_seen: bool = True
    """Whether a look at the destination would show that it still has to be mended."""


@dataclass(frozen=True, slots=True)
class DestinationFacts:
    """Where a guild's announcements go, as Discord shows it now."""

    guild_id: int
    label: str
    """What to call it."""
    is_webhook: bool = False
    is_asked: bool = True
    """False where there were too many to ask about."""
    unusable: str = ""
    """Why there is no way there at all, such as a secret that is not set."""
    trouble: NoAnswer | None = None
    """What Discord says to a look, where it does not show it."""
    takes_no_messages: str = ""
    """What the channel is, when that is something that takes none."""
    channel_guild_id: int | None = None
    """The guild that the channel is in; None for a webhook, and where that was not shown."""
    missing: tuple[str, ...] | NoAnswer = ()
    """The permissions that the bot lacks in the channel."""
    lost_mention: int | None = None
    """The role to be mentioned, where the guild has it no more."""
    broken: BrokenFacts | None = None
    """None while the checks post there."""

    @property
    def is_gone(self) -> bool:
        """Whether Discord knows it no more. For a webhook a 401 says that, too: its token is not good any more."""
        gone = (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND) if self.is_webhook else (HTTPStatus.NOT_FOUND,)
        return self.trouble is not None and self.trouble.status in gone


@dataclass(frozen=True, slots=True)
class DestinationsFacts:
    """The destinations of all guilds."""

    now: datetime
    """The time of the look."""
    destinations: tuple[DestinationFacts, ...] = ()


# Looking


def look_at_destinations(
    wiring: Wiring, bot: BotClient | None, guilds: Sequence[GuildRecord], now: datetime, *, live: bool
) -> DestinationsFacts:
    """How the destinations are, by guild; with `live` however many they are.

    Without a bot that Discord takes there are those of webhooks alone.
    """
    reachable = [guild for guild in guilds if bot is not None or guild.destination.webhook]
    # What is broken comes first: it is the last thing to leave out.
    in_turn = sorted(reachable, key=lambda guild: guild.broken is None)
    asked = side_by_side(lambda guild: _destination(wiring, bot, guild), in_turn[: None if live else MOST_ASKED])
    left = [_known(guild) for guild in in_turn[len(asked) :]]
    found = sorted([*(one for one in asked if one), *left], key=lambda one: one.guild_id)
    return DestinationsFacts(now, tuple(found))


def _known(guild: GuildRecord) -> DestinationFacts:
    """What the ledger says of a destination."""
    broken = _broken(guild)
    channel_id = guild.destination.channel_id
    label = "its webhook" if channel_id is None else f"channel {channel_id}"
    return DestinationFacts(guild.guild_id, label, is_webhook=channel_id is None, is_asked=False, broken=broken)


def _broken(guild: GuildRecord) -> BrokenFacts | None:
    broken = guild.broken
    if broken is None:
        return None
    # A forum, or a channel whose posts are blocked, looks like any other, as does a webhook's: only a post tells.
    is_seen = guild.destination.channel_id is not None and broken.status in (None, *_SHOWN)
    return BrokenFacts(broken.reason, broken.since, broken.retry_at, meaning_of_broken(guild).mend, is_seen)


def _destination(wiring: Wiring, bot: BotClient | None, guild: GuildRecord) -> DestinationFacts | None:
    known = replace(_known(guild), is_asked=True)
    if bot is not None and guild.destination.channel_id is not None:
        return _channel(known, bot, guild, guild.destination.channel_id)
    try:
        route = wiring.route_to(guild.destination)
    except SettingsError:
        # The token cannot be one, which stops every request; the check of the token says so.
        return None
    if isinstance(route, Refused):
        return replace(known, unusable=route.reason)
    trouble = route.probe()
    if isinstance(trouble, Refused) and trouble.status == HTTPStatus.BAD_REQUEST:
        mend = meaning_of(trouble.status, trouble.code, by_webhook=known.is_webhook).mend
        return replace(known, label=route.label, unusable=f"{trouble.reason}; {mend}")
    return replace(known, label=route.label, trouble=trouble_in(trouble) if trouble is not None else None)


def _channel(known: DestinationFacts, bot: BotClient, guild: GuildRecord, channel_id: int) -> DestinationFacts:
    sight = look_at_guild(bot, guild.guild_id)
    channel = look_at_channel(bot, channel_id, sight, files=False)
    if isinstance(channel, NoAnswer):
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


# Judging


def judge_destinations(facts: DestinationsFacts) -> list[Judgement]:
    """Each destination that cannot be posted to, or soon not, and all others in one line."""
    troubled, well = judge_each(facts.destinations, partial(_judge_destination, now=facts.now))
    asked = sum(one.is_asked for one in well)
    said = f"{asked} of {counted(len(facts.destinations), 'guild')} can be posted to"
    if left := len(well) - asked:
        said += f"; {left} {verb_for(left, 'were')} not asked about: giftping doctor --live asks about all"
    return troubled + ([ok(said)] if well else [])


def _judge_destination(one: DestinationFacts, now: datetime) -> Judgement | None:
    """What is wrong with a destination, None for nothing. Of several things it is the one to mend first."""
    name, subject = f"guild {one.guild_id}: {one.label}", str(one.guild_id)
    test = f"giftping guilds test {one.guild_id}"
    if one.unusable:
        return fail(f"{name}: {one.unusable}", f"set what is missing, then: {test}", subject)
    if one.trouble is not None:
        return _judge_hidden(one, one.trouble, name, test)
    if one.takes_no_messages:
        said = f"{name} is {one.takes_no_messages} and takes no messages"
        return fail(said, f"give it a text channel: giftping guilds add {one.guild_id} --channel ID", subject)
    if one.channel_guild_id not in (None, one.guild_id):
        said = f"{name} is in guild {one.channel_guild_id}"
        return fail(said, f"give it one of its own: giftping guilds add {one.guild_id} --channel ID", subject)
    if isinstance(one.missing, NoAnswer):
        return untold(f"{name}: what the bot may do is not to be told", one.missing, subject)
    if one.missing:
        names = ", ".join(one.missing)
        return fail(
            f"{name}: the bot lacks {names}", f"allow it there, or for its role: {names}; then: {test}", subject
        )
    if one.broken is not None:
        return _judge_broken(one.broken, now, name, test, subject)
    if one.lost_mention is not None:
        said = f"{name}: the role {one.lost_mention}, which is to be mentioned, is gone"
        return warn(said, f"name another: giftping guilds add {one.guild_id} --mention ROLE", subject)
    return None


def _judge_hidden(one: DestinationFacts, trouble: NoAnswer, name: str, test: str) -> Judgement:
    subject = str(one.guild_id)
    if one.is_gone and one.is_webhook:
        said = f"{name} is gone ({trouble.reason})"
        return fail(said, f"make a new one: giftping guilds add {one.guild_id} --webhook URL; then: {test}", subject)
    if one.is_gone:
        said = f"{name} is not there ({trouble.reason})"
        return fail(said, f"give it another: giftping guilds add {one.guild_id} --channel ID; then: {test}", subject)
    if trouble.status == HTTPStatus.FORBIDDEN:
        said = f"{name}: the bot cannot see it ({trouble.reason})"
        return fail(said, f"invite the bot to the guild, and allow it View Channel there; then: {test}", subject)
    return unanswered(f"{name} was not shown", trouble, subject)


def _judge_broken(broken: BrokenFacts, now: datetime, name: str, test: str, subject: str) -> Judgement:
    """What to say of a destination that the checks still leave alone, though no look shows why."""
    said = f"{name} has been left alone for {about(now - broken.since)}: {broken.reason}"
    if not broken.is_seen:
        return fail(said, f"{broken.mend or 'mend it'}, then: {test}", subject)
    if broken.retry_at is None:
        return fail(said, f"it can be seen now: {test}", subject)
    return warn(said, f"it is tried again by itself; to have it done now: {test}", subject)


def judge_vanished_webhooks(facts: DestinationsFacts) -> Judgement | None:
    """Whether webhooks are gone as they go where a certain older bot is about: a new one would go the same way."""
    webhooks = [one for one in facts.destinations if one.is_webhook and one.is_asked]
    gone = [f"guild {one.guild_id}" for one in webhooks if one.is_gone]
    if gone:
        said = (
            f"{counted(len(gone), 'webhook', 'are')} gone ({named(gone)}): an older TODO bot deletes, every few"
            " minutes, all webhooks of a guild that it has no note of"
        )
        next_step = "if that bot is in the guild, stop it before you make a new webhook, or use --channel instead"
        return warn(said, next_step)
    return ok("no webhook has vanished") if webhooks else None


DESTINATIONS_CHECKS: Checks[DestinationsFacts] = (
    ("destination", judge_destinations),
    ("webhook purge", judge_vanished_webhooks),
)
