"""The way to Discord: the bot's token, Discord's clock, and how a guild and a channel look to the bot.

Everything is asked by GET. The guild and the channel are judged by those who need them: the destinations of codes, and
the TODO part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from giftping.discord.channel_types import TEXT_CHANNELS, kind_of, type_of
from giftping.discord.members import MemberInfo, MembersClient, RoleInfo
from giftping.discord.outcome import Refused, Unclear
from giftping.discord.permissions import (
    FORUMS,
    THREADS,
    Permission,
    channel_permissions,
    guild_permissions,
    missing_for_posting,
    overwrites_of,
)
from giftping.discord.refusals import clean
from giftping.doctor.clock import judge_clock_offset
from giftping.doctor.judgement import Checks, Judgement, NoAnswer, fail, ok, unanswered
from giftping.settings.file import SettingsError
from giftping.text import id_or_none

if TYPE_CHECKING:
    from giftping.wiring import Wiring


@dataclass(frozen=True, slots=True)
class DiscordFacts:
    """How this host and Discord stand to each other."""

    has_token: bool = True
    """Whether the settings name a token, good or not."""
    is_needed: bool = True
    """Whether something cannot be done without a bot."""
    bot: int | NoAnswer | None = None
    """The bot's user id; None where nobody was asked."""
    clock_offset: timedelta | None = None
    """How far Discord's clock is ahead of ours; None where it has not answered."""


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role of a guild."""

    name: str
    position: int
    """Its place among the guild's roles; the higher the number, the higher the role."""
    is_managed: bool = False
    """Whether it is an integration's, which alone may give and take it."""


@dataclass(frozen=True, slots=True)
class BotFacts:
    """The bot as a member of a guild."""

    manages_roles: bool
    position: int
    """That of its highest role: it can give and take the roles below."""


@dataclass(frozen=True, slots=True)
class GuildFacts:
    """A guild as the bot sees it."""

    name: str
    role: RoleFacts | None
    """The role that was asked for; None where the guild does not have it."""
    bot: BotFacts | NoAnswer
    """What the bot is there, or why that was not shown."""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel as the bot sees it."""

    guild_id: int | None
    """The guild that it is in; None for one in no guild, such as a direct message."""
    takes_no_messages: str = ""
    """What it is, when that is something that takes none, such as a forum."""
    missing: tuple[str, ...] | NoAnswer = ()
    """The permissions that the bot lacks in it, by the names that Discord's own pages have for them."""
    mentions_all: bool = True
    """Whether the bot may mention everyone there, and roles that not anybody may; so where that is not shown."""


@dataclass(frozen=True, slots=True)
class BotClient:
    """A client that Discord takes, to look at things as the bot sees them."""

    members: MembersClient
    user_id: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What the bot sees of a guild: for the judgement, and to work out what it may do in a channel there."""

    facts: GuildFacts
    guild_id: int
    granted: int | None = None
    """What the guild lets the bot do; None where the bot's own roles were not shown."""
    role_ids: frozenset[int] = frozenset()
    """The bot's own roles."""
    roles: Mapping[int, RoleInfo] = field(default_factory=dict)
    """All that the guild has, by id."""


# Looking


def look_at_discord(wiring: Wiring, *, is_needed: bool) -> tuple[DiscordFacts, BotClient | None]:
    """How we stand with Discord, and a client that it takes, None without one."""
    facts = DiscordFacts(wiring.settings.discord.token is not None, is_needed)
    try:
        rest = wiring.reader()
    except SettingsError as error:
        # A text that cannot be a token is no better than one that Discord refuses, and is not sent.
        return replace(facts, bot=NoAnswer(str(error), HTTPStatus.UNAUTHORIZED)), None
    if rest is None:
        return facts, None
    me = rest.me()
    if not isinstance(me, int):
        return replace(facts, bot=trouble_in(me)), None
    return replace(facts, bot=me), BotClient(MembersClient(rest.http), me)


def look_at_discords_clock(wiring: Wiring) -> timedelta | None:
    """How far Discord's clock is ahead of ours, as its latest answer said; None before the first one."""
    try:
        return wiring.http().clock_offset
    except SettingsError:
        return None


def look_at_guild(bot: BotClient, guild_id: int, role_id: int | None = None) -> Sight | NoAnswer:
    """A guild as the bot sees it, with one of its roles where that is asked for."""
    found = bot.members.guild_and_roles(guild_id)
    if not isinstance(found, tuple):
        return trouble_in(found)
    guild, roles = found
    by_id = {role.role_id: role for role in roles}
    name = clean(str(guild.get("name") or f"guild {guild_id}"))
    role = _role(by_id.get(role_id), guild) if role_id is not None else None
    own = bot.members.member(guild_id, bot.user_id)
    if not isinstance(own, MemberInfo):
        return Sight(GuildFacts(name, role, trouble_in(own)), guild_id, roles=by_id)
    is_owner = id_or_none(guild.get("owner_id")) == bot.user_id
    bits = {role.role_id: role.permissions for role in roles}
    granted = guild_permissions(guild_id, bits, own.role_ids, is_owner=is_owner)
    position = max((by_id[held].position for held in own.role_ids if held in by_id), default=0)
    as_member = BotFacts(bool(granted & Permission.MANAGE_ROLES), position)
    return Sight(GuildFacts(name, role, as_member), guild_id, granted, own.role_ids, by_id)


def _role(role: RoleInfo | None, guild: Mapping[str, Any]) -> RoleFacts | None:
    if role is None:
        return None
    shown = guild.get("roles")
    managed = {one.get("id") for one in shown if one.get("managed") is True} if isinstance(shown, list) else set()
    return RoleFacts(clean(role.name), role.position, str(role.role_id) in managed)


def look_at_channel(
    bot: BotClient, channel_id: int, sight: Sight | NoAnswer | None, *, files: bool = True
) -> ChannelFacts | NoAnswer:
    """What a channel is, and what the bot lacks there to post, with files or without, and to read back.

    `sight` is that of the guild which it should be in: what is missing in another one is not worked out.
    """
    channel = bot.members.channel(channel_id)
    return channel_facts(bot, channel, sight, files=files) if isinstance(channel, Mapping) else trouble_in(channel)


def channel_facts(
    bot: BotClient,
    channel: Mapping[str, Any],
    sight: Sight | NoAnswer | None,
    *,
    files: bool,
    forums: bool = False,
    also: Collection[Permission] = (),
) -> ChannelFacts:
    """What a channel is that Discord has shown, and what the bot lacks there, as `look_at_channel` says it.

    With `forums` what takes posts takes messages; `also` is needed beside what every post needs.
    """
    guild_id = id_or_none(channel.get("guild_id"))
    if type_of(channel) not in (TEXT_CHANNELS | FORUMS if forums else TEXT_CHANNELS):
        return ChannelFacts(guild_id, kind_of(channel))
    if not isinstance(sight, Sight) or sight.guild_id != guild_id:
        return ChannelFacts(guild_id, missing=NoAnswer("the guild was not shown"))
    granted = _granted(bot, channel, sight)
    if isinstance(granted, NoAnswer):
        return ChannelFacts(guild_id, missing=granted)
    missing = missing_for_posting(granted, type_of(channel), files=files, also=also)
    return ChannelFacts(guild_id, missing=missing, mentions_all=bool(granted & Permission.MENTION_EVERYONE))


def _granted(bot: BotClient, channel: Mapping[str, Any], sight: Sight) -> int | NoAnswer:
    """What the bot may do in a channel."""
    if sight.granted is None:
        return NoAnswer("the bot's own roles were not shown")
    ruling: Mapping[str, Any] | Refused | Unclear = channel
    if type_of(channel) in THREADS:
        # A thread has no permissions of its own: what holds in it is said by the channel above.
        parent_id = id_or_none(channel.get("parent_id"))
        ruling = bot.members.channel(parent_id) if parent_id else Unclear("the thread names no channel above it")
    if not isinstance(ruling, Mapping):
        return trouble_in(ruling)
    overwrites = overwrites_of(ruling)
    if overwrites is None:
        return NoAnswer("Discord does not show the channel's permissions")
    return channel_permissions(
        sight.granted, overwrites, guild_id=sight.guild_id, user_id=bot.user_id, role_ids=sight.role_ids
    )


def trouble_in(found: Refused | Unclear) -> NoAnswer:
    """What there is instead of an answer."""
    if not isinstance(found, Refused):
        return NoAnswer(found.reason)
    # A proxy or Cloudflare may have answered in Discord's place: that says nothing of the token or the guild.
    is_on_the_way = found.code is None and found.status != HTTPStatus.TOO_MANY_REQUESTS
    return NoAnswer(found.reason, found.status if found.lasting else None, is_on_the_way)


# Judging


def judge_token(discord: DiscordFacts) -> Judgement:
    """Whether Discord takes the bot's token, where there is one or has to be one."""
    if not discord.has_token and not discord.is_needed:
        return ok("none is set: webhooks need none, but what is unclear cannot be looked for then")
    if not discord.has_token:
        return fail("DISCORD_TOKEN is not set", "set it, or name its place as token in [discord]: giftping config show")
    if isinstance(discord.bot, NoAnswer) and discord.bot.status == HTTPStatus.UNAUTHORIZED:
        return fail(f"not accepted ({discord.bot.reason})", "make a new one in Discord's developer portal, under Bot")
    if isinstance(discord.bot, NoAnswer):
        return unanswered("nobody has said whether it is good", discord.bot)
    return ok(f"accepted, the bot is user {discord.bot}")


def judge_clock(discord: DiscordFacts) -> Judgement | None:
    """Whether Discord and this machine agree on the time."""
    return None if discord.clock_offset is None else judge_clock_offset(discord.clock_offset, "Discord's")


DISCORD_CHECKS: Checks[DiscordFacts] = (
    ("bot token", judge_token),
    ("clock", judge_clock),
)
