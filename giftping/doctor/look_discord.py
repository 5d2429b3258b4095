"""Looks at Discord for `giftping doctor`, by GET alone: what the bot is in a guild, and what it may do in a channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from giftping.discord.answers import clean
from giftping.discord.members import MemberInfo, MembersClient, RoleInfo
from giftping.discord.outcome import Refused, Unclear
from giftping.discord.permissions import (
    THREADS,
    Permission,
    channel_permissions,
    guild_permissions,
    missing_for_posting,
    overwrites_of,
)
from giftping.discord.rest import CHANNEL_KINDS, TEXT_CHANNELS
from giftping.discord.snowflake import parse_snowflake
from giftping.doctor.judge_todo import BotFacts, ChannelFacts, GuildFacts, RoleFacts
from giftping.doctor.judging import Trouble


@dataclass(frozen=True, slots=True)
class Sight:
    """The guild as the bot sees it: for the judgement, and to work out what the bot may do in a channel.

    `granted` is what the guild lets the bot do, None where the bot's own roles were not shown; `known_roles` are all
    that the guild has.
    """

    facts: GuildFacts
    guild_id: int
    granted: int | None = None
    role_ids: frozenset[int] = frozenset()
    known_roles: frozenset[int] = frozenset()


def look_at_guild(members: MembersClient, me: int, guild_id: int, role_id: int | None = None) -> Sight | Trouble:
    """A guild as the bot, which is user `me`, sees it, with one of its roles where that is asked for."""
    guild, roles = members.guild(guild_id), members.roles(guild_id)
    if not isinstance(guild, Mapping):
        return trouble_in(guild)
    if not isinstance(roles, tuple):
        return trouble_in(roles)
    by_id = {role.role_id: role for role in roles}
    name = clean(str(guild.get("name") or f"guild {guild_id}"))
    role = _role(by_id.get(role_id), guild) if role_id is not None else None
    own = members.member(guild_id, me)
    if not isinstance(own, MemberInfo):
        return Sight(GuildFacts(name, role, trouble_in(own)), guild_id, known_roles=frozenset(by_id))
    is_owner = parse_snowflake(guild.get("owner_id")) == me
    bits = {role.role_id: role.permissions for role in roles}
    granted = guild_permissions(guild_id, bits, own.role_ids, is_owner=is_owner)
    position = max((by_id[held].position for held in own.role_ids if held in by_id), default=0)
    bot = BotFacts(bool(granted & Permission.MANAGE_ROLES), position)
    return Sight(GuildFacts(name, role, bot), guild_id, granted, own.role_ids, frozenset(by_id))


def _role(role: RoleInfo | None, guild: Mapping[str, Any]) -> RoleFacts | None:
    if role is None:
        return None
    shown = guild.get("roles")
    managed = {one.get("id") for one in shown if one.get("managed") is True} if isinstance(shown, list) else set()
    return RoleFacts(clean(role.name), role.position, str(role.role_id) in managed)


def look_at_channel(
    members: MembersClient, me: int, channel_id: int, sight: Sight | Trouble | None, *, files: bool = True
) -> ChannelFacts | Trouble:
    """Return what a channel is, and what the bot lacks there to post, with files or without, and to read back."""
    channel = members.channel(channel_id)
    if not isinstance(channel, Mapping):
        return trouble_in(channel)
    kind, guild_id = channel.get("type"), parse_snowflake(channel.get("guild_id"))
    if kind not in TEXT_CHANNELS:
        what = CHANNEL_KINDS.get(kind, f"of type {kind}") if isinstance(kind, int) else "of no known type"
        return ChannelFacts(guild_id, what)
    if not isinstance(sight, Sight) or sight.guild_id != guild_id:
        return ChannelFacts(guild_id, missing=Trouble("the guild was not shown"))
    return ChannelFacts(guild_id, missing=_missing(members, me, channel, sight, files=files))


def _missing(
    members: MembersClient, me: int, channel: Mapping[str, Any], sight: Sight, *, files: bool
) -> tuple[str, ...] | Trouble:
    """The permissions that the bot lacks in a channel; what it may do in a thread is said by the one above."""
    if sight.granted is None:
        return Trouble("the bot's own roles were not shown")
    ruling: Mapping[str, Any] | Refused | Unclear = channel
    if channel.get("type") in THREADS:
        parent_id = parse_snowflake(channel.get("parent_id"))
        ruling = members.channel(parent_id) if parent_id else Unclear("the thread names no channel above it")
    if not isinstance(ruling, Mapping):
        return trouble_in(ruling)
    overwrites = overwrites_of(ruling)
    if overwrites is None:
        return Trouble("Discord does not show the channel's permissions")
    granted = channel_permissions(
        sight.granted, overwrites, guild_id=sight.guild_id, user_id=me, role_ids=sight.role_ids
    )
    return missing_for_posting(granted, channel.get("type"), files=files)


def trouble_in(found: Refused | Unclear) -> Trouble:
    """Return what there is instead of an answer."""
    # A proxy or Cloudflare may have answered in Discord's place: that says nothing of the token or the guild.
    is_no = isinstance(found, Refused) and found.lasting
    return Trouble(found.reason, found.status if isinstance(found, Refused) and is_no else None)
