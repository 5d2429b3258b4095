"""Looks at everything that `giftping doctor` judges. Only reads: the store, the state folder's mode, and Discord."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from giftping.discord.answers import clean
from giftping.discord.http import Answer, Endpoint
from giftping.discord.members import MEMBERS, MISSING_ACCESS, MemberInfo, MembersClient, RoleInfo
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
from giftping.ops.doctor import (
    BotFacts,
    ChannelFacts,
    Facts,
    FolderFacts,
    GuildFacts,
    LedgerFacts,
    RoleFacts,
    RosterFacts,
    SettingsFacts,
    TodoFacts,
    Trouble,
)
from giftping.settings_file import SettingsError
from giftping.store.base import StoreError
from giftping.todo.book import Book, Clock, Roll
from giftping.todo.documents import OddDocumentError, SweepNotes
from giftping.todo.messenger import DMS_CLOSED_FOR
from giftping.todo.model import LegState, Member, RemovalState
from giftping.todo.presence import LIST_FROM, Lookout
from giftping.wiring import House, side_by_side, utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from giftping.discord.rest import RestClient
    from giftping.settings import Settings
    from giftping.settings_todo import TodoSettings


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the store holds of the TODO part."""

    roll: Roll
    notes: SweepNotes


def examine(house: House, clock: Clock = utc_now) -> Facts:
    """Return what there is to judge. Nothing is written, and Discord is asked by GET alone."""
    settings, now = house.settings, clock()
    ledger, kept = _ledger(house, clock)
    ids = (settings.todo.guild_id, settings.todo.channel_id, settings.todo.role_id)
    is_set_up = any(ids) or (kept is not None and any(kept.roll.on_roster()))
    return Facts(
        settings=SettingsFacts(str(settings.file) if settings.file else None, settings.warnings),
        folder=_folder(settings.state),
        ledger=ledger,
        todo=_todo(house, clock, now, kept) if is_set_up else None,
    )


def _folder(path: Path) -> FolderFacts:
    """Return the facts of a folder, or of the nearest one above it where it is to be made."""
    try:
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        is_writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        mode = stat.S_IMODE(path.stat().st_mode) if there == path else None
        return FolderFacts(str(path), is_writable, shutil.disk_usage(there).free, mode)
    except OSError:
        # It may not even be looked at, and so surely not be written to.
        return FolderFacts(str(path), is_writable=False, free=0, mode=None)


def _ledger(house: House, clock: Clock) -> tuple[LedgerFacts, _Kept | None]:
    try:
        with house.open_store(read_only=True) as store:
            book = Book(store, clock)
            kept = _Kept(book.roll(), book.notes())
        return LedgerFacts(store.name, notices=tuple(store.notices)), kept
    except (StoreError, OddDocumentError) as error:
        return LedgerFacts("", trouble=str(error)), None


# The TODO part


def _todo(house: House, clock: Clock, now: datetime, kept: _Kept | None) -> TodoFacts:
    settings = house.settings
    todo = settings.todo
    facts = TodoFacts(
        now=now,
        guild_id=todo.guild_id,
        channel_id=todo.channel_id,
        role_id=todo.role_id,
        has_token=settings.discord.token is not None,
        list_from=LIST_FROM,
        direct_messages=todo.direct_messages,
        new_dms=todo.new_dms,
        remind_every=todo.remind_every,
        roster=_roster(todo, kept, now) if kept else None,
        zone=house.zone,
    )
    if not facts.has_token:
        return facts
    try:
        rest = house.todo_client()
    except SettingsError as error:
        return replace(facts, bot=Trouble(str(error), status=401))
    return _asked(facts, rest, settings, clock, kept)


def _asked(facts: TodoFacts, rest: RestClient, settings: Settings, clock: Clock, kept: _Kept | None) -> TodoFacts:
    """Return the facts with what Discord says; where it does not know the bot, nothing more is asked."""
    me = rest.me()
    if not isinstance(me, int):
        return replace(facts, bot=_trouble(me), clock_offset=rest.http.clock_offset)
    members, todo = MembersClient(rest.http), settings.todo
    sight = _guild(members, me, todo.guild_id, todo.role_id) if todo.guild_id is not None else None
    channel = _channel(members, me, todo.channel_id, sight) if todo.channel_id is not None else None
    lists_members = None
    roster = facts.roster
    if todo.guild_id is not None and isinstance(sight, _Sight):
        lists_members = _lists_members(members, todo.guild_id)
        if roster and kept and (lists_members is True or roster.size < LIST_FROM):
            lookout = Lookout(members, clock, todo.guild_id, todo.role_id, lambda look, ids: side_by_side(look, ids))
            roster = replace(roster, left=_gone(kept.roll, lookout))
    return replace(
        facts,
        bot=me,
        guild=sight.facts if isinstance(sight, _Sight) else sight,
        channel=channel,
        clock_offset=rest.http.clock_offset,
        lists_members=lists_members,
        roster=roster,
    )


@dataclass(frozen=True, slots=True)
class _Sight:
    """The guild as the bot sees it: for the judgement, and to work out what the bot may do in a channel.

    `granted` is what the guild lets the bot do, None where the bot's own roles were not shown.
    """

    facts: GuildFacts
    guild_id: int
    granted: int | None = None
    role_ids: frozenset[int] = frozenset()


def _guild(members: MembersClient, me: int, guild_id: int, role_id: int | None) -> _Sight | Trouble:
    guild, roles = members.guild(guild_id), members.roles(guild_id)
    if not isinstance(guild, Mapping):
        return _trouble(guild)
    if not isinstance(roles, tuple):
        return _trouble(roles)
    by_id = {role.role_id: role for role in roles}
    name = clean(str(guild.get("name") or f"guild {guild_id}"))
    role = _role(by_id.get(role_id), guild) if role_id is not None else None
    own = members.member(guild_id, me)
    if not isinstance(own, MemberInfo):
        return _Sight(GuildFacts(name, role, _trouble(own)), guild_id)
    is_owner = parse_snowflake(guild.get("owner_id")) == me
    bits = {role.role_id: role.permissions for role in roles}
    granted = guild_permissions(guild_id, bits, own.role_ids, is_owner=is_owner)
    position = max((by_id[held].position for held in own.role_ids if held in by_id), default=0)
    bot = BotFacts(bool(granted & Permission.MANAGE_ROLES), position)
    return _Sight(GuildFacts(name, role, bot), guild_id, granted, own.role_ids)


def _role(role: RoleInfo | None, guild: Mapping[str, Any]) -> RoleFacts | None:
    if role is None:
        return None
    shown = guild.get("roles")
    managed = {one.get("id") for one in shown if one.get("managed") is True} if isinstance(shown, list) else set()
    return RoleFacts(clean(role.name), role.position, str(role.role_id) in managed)


def _channel(
    members: MembersClient, me: int, channel_id: int, sight: _Sight | Trouble | None
) -> ChannelFacts | Trouble:
    channel = members.channel(channel_id)
    if not isinstance(channel, Mapping):
        return _trouble(channel)
    kind, guild_id = channel.get("type"), parse_snowflake(channel.get("guild_id"))
    if kind not in TEXT_CHANNELS:
        what = CHANNEL_KINDS.get(kind, f"of type {kind}") if isinstance(kind, int) else "of no known type"
        return ChannelFacts(guild_id, what)
    if not isinstance(sight, _Sight) or sight.guild_id != guild_id:
        return ChannelFacts(guild_id, missing=Trouble("the guild was not shown"))
    return ChannelFacts(guild_id, missing=_missing(members, me, channel, sight))


def _missing(members: MembersClient, me: int, channel: Mapping[str, Any], sight: _Sight) -> tuple[str, ...] | Trouble:
    """Return the permissions that the bot lacks in a channel; what it may do in a thread is said by the one above."""
    if sight.granted is None:
        return Trouble("the bot's own roles were not shown")
    ruling: Mapping[str, Any] | Refused | Unclear = channel
    if channel.get("type") in THREADS:
        parent_id = parse_snowflake(channel.get("parent_id"))
        ruling = members.channel(parent_id) if parent_id else Unclear("the thread names no channel above it")
    if not isinstance(ruling, Mapping):
        return _trouble(ruling)
    overwrites = overwrites_of(ruling)
    if overwrites is None:
        return Trouble("Discord does not show the channel's permissions")
    granted = channel_permissions(
        sight.granted, overwrites, guild_id=sight.guild_id, user_id=me, role_ids=sight.role_ids
    )
    return missing_for_posting(granted, channel.get("type"))


def _lists_members(members: MembersClient, guild_id: int) -> bool | Trouble:
    """Return whether the bot may list a guild's members, by a page of one."""
    endpoint = Endpoint("GET", f"GET {MEMBERS}", MEMBERS.format(guild=guild_id), f"guild {guild_id}")
    result = members.http.request(endpoint, params={"limit": "1"})
    if isinstance(result, Answer):
        return True
    return False if isinstance(result, Refused) and result.code == MISSING_ACCESS else _trouble(result)


def _trouble(found: Refused | Unclear) -> Trouble:
    # A proxy or Cloudflare may have answered in Discord's place: that says nothing of the token or the guild.
    is_no = isinstance(found, Refused) and found.lasting
    return Trouble(found.reason, found.status if isinstance(found, Refused) and is_no else None)


# The roster


def _roster(todo: TodoSettings, kept: _Kept, now: datetime) -> RosterFacts:
    listed = list(kept.roll.on_roster())
    everybody = kept.roll.members.values()
    return RosterFacts(
        size=len(listed),
        never_submitted=sum(member.last_submit is None for member in listed),
        closed_dms=sum(
            member.dms_closed_at is not None and now - member.dms_closed_at < DMS_CLOSED_FOR for member in listed
        ),
        odd=tuple(f"{odd.where}: {odd.why}" for odd in kept.roll.odd),
        left=tuple(member.label for member in listed if member.left_at is not None),
        unlisted=tuple(
            member.label
            for member in everybody
            if not member.on_roster and member.last_submit is not None and now - member.last_submit < todo.remove_after
        ),
        stale=tuple(text for member in everybody for text in _stale(member, todo, now)),
        dms_stopped_until=kept.notes.dms_stopped_until,
        last_sweep=kept.notes.last_sweep,
        told=kept.notes.told,
    )


def _stale(member: Member, todo: TodoSettings, now: datetime) -> Iterator[str]:
    """Yield what was claimed for a member so long ago that the run which claimed it is over."""
    for notice in member.notices:
        for name in notice.legs_in(LegState.CLAIMED):
            at = notice.leg(name).at
            if at is None or now - at >= todo.lease:
                yield f"{member.label}, {notice.kind.value} ({'direct message' if name.value == 'dm' else name.value})"
    removal = member.lapse.removal if member.lapse else None
    if removal is not None and removal.state is RemovalState.CLAIMED and now - removal.at >= todo.lease:
        yield f"{member.label}, taking the role"


def _gone(roll: Roll, lookout: Lookout) -> tuple[str, ...]:
    """Return who on the roster is not in the guild, as Discord shows it now, or as last known where it does not."""
    listed = {member.user_id: member for member in roll.on_roster()}
    seen = lookout.look(listed)
    return tuple(
        member.label
        for user_id, member in listed.items()
        if (member.left_at is not None if isinstance(presence := seen[user_id], str) else not presence.in_guild)
    )
