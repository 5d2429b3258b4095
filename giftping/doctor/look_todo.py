"""Looks at the TODO part for `giftping doctor`: its channel and role, the roster, and the sweeps. Only reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from giftping.discord.http import Answer, Endpoint
from giftping.discord.members import MEMBERS, MISSING_ACCESS, MembersClient
from giftping.discord.outcome import Refused
from giftping.doctor.judge_todo import RosterFacts, TodoFacts
from giftping.doctor.look_discord import Sight, look_at_channel, look_at_guild, trouble_in
from giftping.todo.book import Book, Clock, Roll
from giftping.todo.messenger import DMS_CLOSED_FOR
from giftping.todo.model import LegState, Member, RemovalState
from giftping.todo.presence import LIST_FROM, Lookout
from giftping.wiring import House, side_by_side

if TYPE_CHECKING:
    from datetime import datetime

    from giftping.discord.rest import RestClient
    from giftping.doctor.judging import Trouble
    from giftping.settings.todo import TodoSettings
    from giftping.store.base import Store
    from giftping.todo.documents import SweepNotes


@dataclass(frozen=True, slots=True)
class KeptOfTodo:
    """What the store holds of the TODO part."""

    roll: Roll
    notes: SweepNotes


def kept_of_todo(store: Store, clock: Clock) -> KeptOfTodo:
    """Return what the store holds of the TODO part. Raise OddDocumentError when the sweeps' notes are none."""
    book = Book(store, clock)
    return KeptOfTodo(book.roll(), book.notes())


def is_set_up(todo: TodoSettings, kept: KeptOfTodo | None) -> bool:
    """Whether there is a TODO part to look at: an id is set, or somebody is on the roster."""
    return any((todo.guild_id, todo.channel_id, todo.role_id)) or (kept is not None and any(kept.roll.on_roster()))


def look_at_todo(
    house: House, rest: RestClient | None, clock: Clock, now: datetime, kept: KeptOfTodo | None
) -> TodoFacts:
    """How the TODO part is; without `rest`, a client that Discord takes, nothing is asked there."""
    todo = house.settings.todo
    facts = TodoFacts(
        now=now,
        guild_id=todo.guild_id,
        channel_id=todo.channel_id,
        role_id=todo.role_id,
        list_from=LIST_FROM,
        direct_messages=todo.direct_messages,
        new_dms=todo.new_dms,
        remind_every=todo.remind_every,
        roster=_roster(todo, kept, now) if kept else None,
        zone=house.zone,
    )
    me = rest.me() if rest else None
    return _asked(facts, rest, me, todo, clock, kept) if rest and isinstance(me, int) else facts


def _asked(
    facts: TodoFacts, rest: RestClient, me: int, todo: TodoSettings, clock: Clock, kept: KeptOfTodo | None
) -> TodoFacts:
    """The facts with what Discord says to the bot, which is user `me`."""
    members = MembersClient(rest.http)
    sight = look_at_guild(members, me, todo.guild_id, todo.role_id) if todo.guild_id is not None else None
    channel = look_at_channel(members, me, todo.channel_id, sight) if todo.channel_id is not None else None
    lists_members = None
    roster = facts.roster
    if todo.guild_id is not None and isinstance(sight, Sight):
        lists_members = _lists_members(members, todo.guild_id)
        if roster and kept and (lists_members is True or roster.size < LIST_FROM):
            lookout = Lookout(members, clock, todo.guild_id, todo.role_id, lambda look, ids: side_by_side(look, ids))
            roster = replace(roster, left=_gone(kept.roll, lookout))
    return replace(
        facts,
        guild=sight.facts if isinstance(sight, Sight) else sight,
        channel=channel,
        lists_members=lists_members,
        roster=roster,
    )


def _lists_members(members: MembersClient, guild_id: int) -> bool | Trouble:
    """Whether the bot may list a guild's members, by a page of one."""
    endpoint = Endpoint("GET", f"GET {MEMBERS}", MEMBERS.format(guild=guild_id), f"guild {guild_id}")
    result = members.http.request(endpoint, params={"limit": "1"})
    if isinstance(result, Answer):
        return True
    return False if isinstance(result, Refused) and result.code == MISSING_ACCESS else trouble_in(result)


# The roster


def _roster(todo: TodoSettings, kept: KeptOfTodo, now: datetime) -> RosterFacts:
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
    """Who on the roster is not in the guild, as Discord shows it now, or as last known where it does not."""
    listed = {member.user_id: member for member in roll.on_roster()}
    seen = lookout.look(listed)
    return tuple(
        member.label
        for user_id, member in listed.items()
        if (member.left_at is not None if isinstance(presence := seen[user_id], str) else not presence.in_guild)
    )
