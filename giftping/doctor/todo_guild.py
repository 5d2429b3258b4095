"""The guild of the TODO part, its channel and its role: whether the bot can remind members and take the role there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from giftping.delivery.broken_destination import is_resting
from giftping.discord.http import Answer, Endpoint
from giftping.discord.members import MEMBERS, MISSING_ACCESS, MembersClient
from giftping.discord.outcome import Refused
from giftping.doctor.discord import (
    BotClient,
    BotFacts,
    ChannelFacts,
    GuildFacts,
    Sight,
    look_at_channel,
    look_at_guild,
    trouble_in,
)
from giftping.doctor.judgement import Checks, Judgement, NoAnswer, about, fail, ok, unanswered, untold, warn
from giftping.text import counted
from giftping.todo.membership import LIST_FROM

if TYPE_CHECKING:
    from giftping.settings.keys import TodoSettings
    from giftping.store.base import Broken


@dataclass(frozen=True, slots=True)
class Rest:
    """A channel that sweeps leave alone for a while, since it said a lasting no."""

    lasts: timedelta
    """For how long they have done so."""
    reason: str


@dataclass(frozen=True, slots=True)
class TodoGuildFacts:
    """The ids that are set, and how Discord shows what they name.

    None, but for an id, is what was not asked for, as what comes before it failed.
    """

    guild_id: int | None = None
    channel_id: int | None = None
    role_id: int | None = None
    """None where no role is to be taken from anybody."""
    guild: GuildFacts | NoAnswer | None = None
    """With the role, where one is set."""
    channel: ChannelFacts | NoAnswer | None = None
    lists_members: bool | NoAnswer | None = None
    """Whether the bot may list the guild's members."""
    roster_size: int = 0
    """How many members a sweep has to ask Discord about."""
    rest: Rest | None = None
    """That sweeps leave the channel alone, None where they do not."""

    @property
    def shows_members(self) -> bool:
        """Whether the members of the roster can be asked about at little cost: all in one list, or few one by one."""
        return isinstance(self.guild, GuildFacts) and (self.lists_members is True or self.roster_size < LIST_FROM)


# Looking


def look_at_todo_guild(
    bot: BotClient | None, todo: TodoSettings, roster_size: int, broken: Broken | None, now: datetime
) -> TodoGuildFacts:
    """How the guild, the channel and the role are; without a bot that Discord takes nothing is asked."""
    if bot is None:
        return TodoGuildFacts(todo.guild_id, todo.channel_id, todo.role_id, roster_size=roster_size)
    rest = Rest(now - broken.since, broken.reason) if broken is not None and is_resting(broken, now) else None
    sight = look_at_guild(bot, todo.guild_id, todo.role_id) if todo.guild_id is not None else None
    channel = look_at_channel(bot, todo.channel_id, sight) if todo.channel_id is not None else None
    return TodoGuildFacts(
        guild_id=todo.guild_id,
        channel_id=todo.channel_id,
        role_id=todo.role_id,
        guild=sight.facts if isinstance(sight, Sight) else sight,
        channel=channel,
        lists_members=_lists_members(bot.members, sight.guild_id) if isinstance(sight, Sight) else None,
        roster_size=roster_size,
        rest=rest,
    )


def _lists_members(members: MembersClient, guild_id: int) -> bool | NoAnswer:
    """Whether the bot may list a guild's members, by a page of one: a whole list may take many requests."""
    endpoint = Endpoint("GET", f"GET {MEMBERS}", MEMBERS.format(guild=guild_id), f"guild {guild_id}")
    result = members.http.request(endpoint, params={"limit": "1"})
    if isinstance(result, Answer):
        return True
    return False if isinstance(result, Refused) and result.code == MISSING_ACCESS else trouble_in(result)


# Judging


def judge_guild(todo: TodoGuildFacts) -> Judgement | None:
    """Whether the guild is set, and the bot is in it."""
    if todo.guild_id is None:
        return fail("GUILD_ID is not set", "set it, or guild in [todo] of giftping.toml")
    if isinstance(todo.guild, NoAnswer) and todo.guild.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND):
        said = f"the bot is not in guild {todo.guild_id} ({todo.guild.reason})"
        return fail(said, "invite the bot there, or set GUILD_ID to the right guild")
    if isinstance(todo.guild, NoAnswer):
        return unanswered(f"guild {todo.guild_id} was not shown", todo.guild)
    return ok(f"{todo.guild.name} ({todo.guild_id})") if todo.guild else None


def judge_channel(todo: TodoGuildFacts) -> Judgement | None:
    """Whether the channel is set, there, in the guild, and one for messages."""
    if todo.channel_id is None:
        return fail("TODO_CHANNEL_ID is not set", "set it, or channel in [todo] of giftping.toml")
    channel, name = todo.channel, f"channel {todo.channel_id}"
    if channel is None:
        return None
    if isinstance(channel, NoAnswer):
        if channel.status == HTTPStatus.FORBIDDEN:
            return fail(f"the bot cannot see {name} ({channel.reason})", "allow it View Channel there")
        if channel.status == HTTPStatus.NOT_FOUND:
            return fail(f"there is no {name} ({channel.reason})", "set TODO_CHANNEL_ID to one that is there")
        return unanswered(f"{name} was not shown", channel)
    if todo.guild_id is not None and channel.guild_id != todo.guild_id:
        where = f"in guild {channel.guild_id}" if channel.guild_id else "in no guild"
        return fail(f"{name} is {where}, not in guild {todo.guild_id}", "set TODO_CHANNEL_ID, or GUILD_ID, right")
    if channel.takes_no_messages:
        said = f"{name} is {channel.takes_no_messages} and takes no messages"
        return fail(said, "set TODO_CHANNEL_ID to a text channel or a thread")
    if todo.rest is not None:
        said = f"{name} has been left alone for {about(todo.rest.lasts)}: {todo.rest.reason}"
        test = f"giftping guilds test {todo.guild_id}"
        return warn(said, f"it is tried again by itself; to have the next sweep do it: {test}")
    return ok(f"{name} is in the guild and takes messages")


def judge_permissions(todo: TodoGuildFacts) -> Judgement | None:
    """Whether the bot may do in the channel what a reminder takes; not said of a channel that is the wrong one."""
    if not isinstance(todo.channel, ChannelFacts) or not isinstance(todo.guild, GuildFacts):
        return None
    if todo.channel.takes_no_messages or todo.channel.guild_id != todo.guild_id:
        return None
    missing = todo.channel.missing
    if isinstance(missing, NoAnswer):
        return untold("not to be told", missing)
    if missing:
        names = ", ".join(missing)
        return fail(f"the bot lacks {names} in channel {todo.channel_id}", f"allow it there, or for its role: {names}")
    return ok("the bot may post there, with embeds and files, and read back")


def judge_role(todo: TodoGuildFacts) -> Judgement | None:
    """Whether the role is there and can be taken from somebody at all."""
    if todo.role_id is None:
        return ok("none is set: members are reminded, and nobody loses a role")
    if not isinstance(todo.guild, GuildFacts):
        return None
    role = todo.guild.role
    if role is None:
        return fail(f"the guild has no role {todo.role_id}", "set ROLE_ID to one that it has, or leave it away")
    # Discord lists @everyone among the roles, under the guild's own id.
    if todo.role_id == todo.guild_id:
        return fail("it is @everyone, which nobody can lose", "set ROLE_ID to a role of its own")
    if role.is_managed:
        said = f"{role.name} belongs to an integration, which alone may give and take it"
        return fail(said, "make a role for the TODO members, and set ROLE_ID to that")
    return ok(f"{role.name} ({todo.role_id})")


def judge_manage_roles(todo: TodoGuildFacts) -> Judgement | None:
    """Whether the bot may give and take roles."""
    bot = _bot_with_role(todo)
    if isinstance(bot, NoAnswer):
        return unanswered("the bot's own roles were not shown", bot)
    if bot is None:
        return None
    if not bot.manages_roles:
        return fail("the bot lacks Manage Roles", "allow it for the bot's role, in the guild's settings under Roles")
    return ok("the bot has Manage Roles")


def judge_role_order(todo: TodoGuildFacts) -> Judgement | None:
    """Whether the role is below one of the bot's: Manage Roles reaches no further, not even to a role level with it."""
    bot = _bot_with_role(todo)
    role = todo.guild.role if isinstance(todo.guild, GuildFacts) else None
    if role is None or not isinstance(bot, BotFacts):
        return None
    if role.position >= bot.position:
        return fail(
            f"the bot's highest role (position {bot.position}) is not above {role.name} (position {role.position})",
            f"drag a role of the bot's above {role.name}, in the guild's settings under Roles",
        )
    return ok(f"the bot's highest role is above {role.name}")


def _bot_with_role(todo: TodoGuildFacts) -> BotFacts | NoAnswer | None:
    """What the bot is in the guild, None where there is no role for which that would matter."""
    if todo.role_id is None or not isinstance(todo.guild, GuildFacts):
        return None
    return todo.guild.bot


def judge_members_intent(todo: TodoGuildFacts) -> Judgement | None:
    """Whether a sweep can list the members, where there are enough of them to make that worth while."""
    granted = todo.lists_members
    if granted is None:
        return None
    if isinstance(granted, NoAnswer):
        return untold("not to be told", granted)
    if granted:
        return ok("the bot may list the guild's members")
    if todo.roster_size < LIST_FROM:
        members = counted(todo.roster_size, "member")
        return ok(f"not granted, and not needed: with {members} each is asked about alone")
    said = f"not granted: all {counted(todo.roster_size, 'member')} are asked about one by one, which takes time"
    return warn(said, "switch Server Members Intent on in Discord's developer portal, under Bot")


TODO_GUILD_CHECKS: Checks[TodoGuildFacts] = (
    ("guild", judge_guild),
    ("channel", judge_channel),
    ("permissions", judge_permissions),
    ("role", judge_role),
    ("manage roles", judge_manage_roles),
    ("role order", judge_role_order),
    ("members intent", judge_members_intent),
)
