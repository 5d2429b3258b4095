"""Days on which a TODO was handed in: streaks, and who has handed in today. Pure.

A day is one by the member's own clock. It counts when a TODO was handed in on it, once however often, and whoever
handed it in. Today, while it is still open, breaks nothing, and neither does a day that was wholly paused; such a day
does not count either, unless a TODO was handed in on it all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

from giftping.todo.history import Event
from giftping.todo.local_time import day_of, start_of
from giftping.todo.model import Member, NoticeKind, Pause
from giftping.todo.periods import Period, joined

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Streak:
    """How many days in a row a member has handed in."""

    current: int = 0
    """Up to now; today need not be handed in yet."""
    longest: int = 0
    last_day: date | None = None
    """The last one with a TODO."""


class Standing(StrEnum):
    """How a member stands with today's TODO."""

    MISSING = "not yet"
    HANDED_IN = "handed in"
    PAUSED = "paused"
    EXEMPT = "exempt"
    LEFT = "left the guild"
    BOT = "a bot"


@dataclass(frozen=True, slots=True)
class TodayStanding:
    """How one member stands today."""

    member: Member
    day: date
    """The date by their own clock."""
    standing: Standing


def submissions_of(member: Member, events: Iterable[Event]) -> list[Event]:
    """What a member handed in, oldest first: what the history has, and the last one if an older bot wrote it."""
    handed_in = [event for event in events if event.user_id == member.user_id and is_submission(event)]
    last = member.last_submit
    if last is not None and all(event.at != last for event in handed_in):
        handed_in.append(Event("", member.user_id, NoticeKind.SUBMISSION.value, last))
    return sorted(handed_in, key=lambda event: event.at)


def is_submission(event: Event) -> bool:
    """Whether an event is a TODO that was handed in, and not the post that tells of it."""
    return event.kind == NoticeKind.SUBMISSION and not event.leg


def streak(events: Iterable[Event], pauses: Iterable[Pause], today: date, zone: tzinfo) -> Streak:
    """The streak of one member from their submissions; `today` is their own date, by `zone`."""
    days = sorted({_day(event, zone) for event in events if is_submission(event)})
    if not days:
        return Streak()
    paused = joined(pause.period for pause in pauses)
    longest = run = 1
    for before, day in pairwise(days):
        run = run + 1 if _is_bridged(before, day, paused, zone) else 1
        longest = max(longest, run)
    # Today may still be handed in: the streak is over only when a whole day lies between.
    goes_on = _is_bridged(days[-1], today, paused, zone)
    return Streak(run if goes_on else 0, longest, days[-1])


def standings(
    members: Iterable[Member], zone_of: Callable[[Member], tzinfo], now: datetime, exempt: Collection[int] = ()
) -> list[TodayStanding]:
    """How everybody stands with today's TODO: first those who have yet to hand it in, then by name."""
    rows = []
    for member in members:
        zone = zone_of(member)
        rows.append(TodayStanding(member, day_of(now, zone), _standing(member, zone, now, exempt)))
    order = list(Standing)
    return sorted(rows, key=lambda row: (order.index(row.standing), row.member.name.casefold(), row.member.user_id))


def _day(event: Event, zone: tzinfo) -> date:
    """The day that an event was entered with, else that of its time.

    What was entered stands: a member who changes their zone does not lose a day by it.
    """
    try:
        return date.fromisoformat(event.day)
    except ValueError:
        return day_of(event.at, zone)


def _is_bridged(before: date, after: date, paused: list[Period], zone: tzinfo) -> bool:
    """Whether all days between two are wholly paused; there may be none."""
    if after - before <= ONE_DAY:
        return True
    start, end = start_of(before + ONE_DAY, zone), start_of(after, zone)
    return any(span.start <= start and (span.end is None or span.end >= end) for span in paused)


def _standing(member: Member, zone: tzinfo, now: datetime, exempt: Collection[int]) -> Standing:
    # First: whoever hands in while paused or exempt has handed in.
    if member.last_submit is not None and day_of(member.last_submit, zone) == day_of(now, zone):
        return Standing.HANDED_IN
    if member.exempt or member.user_id in exempt:
        return Standing.EXEMPT
    if member.membership is not None and member.membership.is_bot:
        return Standing.BOT
    if member.left_at is not None:
        return Standing.LEFT
    is_paused = any(pause.period.holds(now) for pause in member.pauses)
    return Standing.PAUSED if is_paused else Standing.MISSING
