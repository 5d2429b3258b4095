"""How a sweep begins: by whose time it goes, and what a wrong clock has left behind.

Nobody is asked for the time where nothing is measured in it: a sweep that finds nothing to do makes no request.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftping.delivery.clock import NOTICEABLE, UNKNOWN, Clock, ClockStanding, ClockVerdict
from giftping.todo.dates import has_future, without_future
from giftping.todo.model import Member, RemovalState
from giftping.todo.periods import Period
from giftping.todo.repository import LoadedMembers, MemberChange, MemberRepository
from giftping.todo.rules import Action, TodoRules, due
from giftping.todo.sweep_notes import SweepNotes, downtime_before, notes_without_future


@dataclass(frozen=True, slots=True)
class Begun:
    """A sweep as it begins."""

    at: datetime
    """When, by Discord's time where that was asked for."""
    notes: SweepNotes
    everybody: LoadedMembers
    found: LoadedMembers
    """Everybody as they were before dates from the future were put right."""
    clock: ClockVerdict = UNKNOWN
    untold: str = ""
    """Why Discord has not said what time it is, where it was asked."""

    @property
    def may_go_on(self) -> bool:
        """Whether anything may be written and sent."""
        return self.clock.may_send and not self.untold

    @property
    def trouble(self) -> tuple[str, ...]:
        """Why nothing may, in words; that the clock is wrong, its verdict says."""
        return (f"{self.untold}: nothing is sent",) if self.untold else ()


@dataclass(frozen=True, slots=True)
class SweepTime:
    """The time that a sweep goes by."""

    now: Clock
    is_doubtful: Callable[[], bool]
    """Whether something speaks against this host's clock, though nothing is due by it."""
    ask: Callable[[], tuple[ClockVerdict, str]]
    """Has Discord say what time it is, by which the clock goes then; what this host's is worth, and why that is not
    known."""

    def begin(self, repository: MemberRepository, rules: TodoRules, downtime: timedelta, *, writes: bool) -> Begun:
        """The sweep as it begins. Before anything is written: what a wrong clock notes would hold members up."""
        at, notes, found = self.now(), repository.notes(), repository.load()
        clock, untold = UNKNOWN, ""
        if is_time_needed(found, notes, rules, at, downtime) or self.is_doubtful():
            clock, untold = self.ask()
            at = self.now()
        everybody = found
        if clock.standing is not ClockStanding.UNKNOWN and clock.may_send and not untold and writes:
            everybody = put_right(repository, found, at)
            notes = repository.change_notes(lambda known: notes_without_future(known, at))
        return Begun(at, notes, everybody, found, clock, untold)


def is_time_needed(
    loaded: LoadedMembers, notes: SweepNotes, rules: TodoRules, now: datetime, downtime: timedelta
) -> bool:
    """Whether anything is about to be done, or written, that is measured in time; else nobody is asked for it."""
    if downtime_before(notes, now, downtime) or notes_without_future(notes, now) != notes:
        return True
    return any(
        member.notices
        or (member.removal is not None and member.removal.state is RemovalState.CLAIMED)
        or has_future(member, now)
        or (member.on_roster and (member.silent_since is None or is_due(member, rules, now, notes.downtimes)))
        for member in loaded.members.values()
    )


def is_due(member: Member, rules: TodoRules, now: datetime, downtimes: Sequence[Period]) -> bool:
    """Whether anything is due for a member, or will be in a moment."""
    found = due(member, rules, now, downtimes)
    return found.action is not Action.NOTHING or (found.until is not None and found.until - now <= NOTICEABLE)


def put_right(repository: MemberRepository, loaded: LoadedMembers, now: datetime) -> LoadedMembers:
    """The members, once dates from the future, which a wrong clock has written, are put right: they count as now."""
    wrong = [member.user_id for member in loaded.members.values() if has_future(member, now)]
    if not wrong:
        return loaded
    repository.amend(wrong, lambda member: MemberChange(without_future(member, now)))
    return repository.load()
