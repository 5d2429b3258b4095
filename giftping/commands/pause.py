"""What `giftping todo pause` does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from giftping.commands.members import Members, open_members
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.json import id_text
from giftping.output.member_lines import pause_span, pause_text
from giftping.output.phrases import who
from giftping.output.todo_objects import pause_object
from giftping.text import day_first
from giftping.todo.history import Event
from giftping.todo.local_time import start_of
from giftping.todo.model import Pause
from giftping.todo.repository import MemberChange, new_id
from giftping.todo.validation import not_listed, shown_member
from giftping.words.said import DiscordText, Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftping.todo.model import Member

FIRST = DiscordText("--from", Said("todo.pause.option", name=Said("commands.todo_pause.from.name")))
LAST = DiscordText("--to", Said("todo.pause.option", name=Said("commands.todo_pause.to.name")))
END = DiscordText("--end", Said("todo.pause.option", name=Said("commands.todo_pause.end.name")))
"""The options, as each command calls them."""


@dataclass(frozen=True, slots=True)
class PauseRequest:
    """What `todo pause` was asked for; days are as they were typed, by the member's own clock."""

    user_id: int
    start: str | None = None
    """The first day; None for now."""
    last: str | None = None
    """The last day, which is still part of it; None until it is ended."""
    reason: str = ""
    over: bool = False
    """Whether the present pause ends now, and later ones are dropped; it goes with nothing else."""


def pause(session: Session, request: PauseRequest) -> int:
    """Pause a member, or end the present pause and drop later ones."""
    if request.over and (request.start or request.last or request.reason):
        raise UsageError(Said("todo.pause.end_alone", option=END))
    with open_members(session) as members:
        found = members.member(request.user_id)
        if not found.on_roster:
            raise UsageError(not_listed(request.user_id))
        if request.over:
            member, said = _ended(members, found)
        else:
            member, said = _paused(members, found, request)
    session.give({"user_id": id_text(request.user_id), "pauses": [pause_object(pause) for pause in member.pauses]})
    for line in said.splitlines():
        session.tell(line)
    return EXIT_FINE


def _paused(members: Members, found: Member, request: PauseRequest) -> tuple[Member, str]:
    new = _pause_of(request, members.zone(found), members.now)

    def with_pause(member: Member) -> MemberChange:
        _refuse_overlap(member, new, members)
        return MemberChange(replace(member, pauses=tuple(sorted((*member.pauses, new), key=lambda pause: pause.start))))

    said = pause_text(new, members.session.wiring.zone)
    member = _changed(
        members, found, with_pause, "paused", pause_text(replace(new, reason=""), members.zone(found)), new
    )
    return member, f"{who(member.user_id, member.name)} is paused {said}.\nAll clocks stand still in that time."


def _ended(members: Members, found: Member) -> tuple[Member, str]:
    now = members.now

    def without_pause(member: Member) -> MemberChange:
        if not any(pause.end is None or pause.end > now for pause in member.pauses):
            raise UsageError(Said("todo.pause.not_paused", who=_shown(member)))
        kept = (pause for pause in member.pauses if pause.start < now)
        return MemberChange(replace(member, pauses=tuple(_cut(pause, now) for pause in kept)))

    member = _changed(members, found, without_pause, "unpaused", "", None)
    return member, f"{who(member.user_id, member.name)} is not paused any more: all clocks go on."


def _shown(member: Member) -> DiscordText:
    return shown_member(member.user_id, who(member.user_id, member.name))


def _cut(pause: Pause, now: datetime) -> Pause:
    return replace(pause, end=now) if pause.end is None or pause.end > now else pause


def _changed(
    members: Members,
    found: Member,
    change: Callable[[Member], MemberChange],
    kind: str,
    result: str,
    pause: Pause | None,
) -> Member:
    """The member with the pauses changed; the history is told after, as the timestamps stay as they are."""
    member = members.repository.amend([found.user_id], change)[found.user_id]
    reason = pause.reason if pause else ""
    members.repository.enter(
        [Event(new_id(), found.user_id, kind, members.now, members.host, result=result, reason=reason)]
    )
    return member


def _pause_of(request: PauseRequest, zone: tzinfo, now: datetime) -> Pause:
    start = start_of(parse_day(request.start, FIRST), zone) if request.start else now
    last = parse_day(request.last, LAST) if request.last else None
    end = start_of(last + timedelta(days=1), zone) if last else None
    if end is not None and end <= start:
        raise UsageError(Said("todo.pause.over", option=LAST, day=request.last))
    return Pause(new_id(), start, end, request.reason.strip())


def _refuse_overlap(member: Member, new: Pause, members: Members) -> None:
    for other in member.pauses:
        starts_before_end = other.end is None or new.start < other.end
        if starts_before_end and (new.end is None or other.start < new.end):
            known, reason = pause_span(other, members.session.wiring.zone), f": {other.reason}" if other.reason else ""
            raise UsageError(
                Said(
                    "todo.pause.there",
                    who=_shown(member),
                    pause=known,
                    reason=reason,
                    option=END,
                )
            )


def parse_day(text: str, option: str) -> date:
    """The day that a text such as 2026-12-31 or 31/12/2026 names. Raise UsageError for others."""
    try:
        day = day_first(text) or date.fromisoformat(text)
    except ValueError:
        raise UsageError(Said("todo.pause.no_day", option=option, text=repr(text))) from None
    if not date(2000, 1, 1) <= day < date(2100, 1, 1):
        raise UsageError(Said("todo.pause.far_day", option=option, day=text))
    return day
