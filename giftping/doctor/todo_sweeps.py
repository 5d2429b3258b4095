"""The sweeps of the TODO part: whether a timer runs them, how the last one went, and what it left behind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from giftping.doctor.judgement import Checks, Judgement, about, ago, fail, left_midway, named, ok, warn
from giftping.todo.model import LegState, Member, RemovalState

if TYPE_CHECKING:
    from giftping.doctor.ledger import TodoContents
    from giftping.settings.keys import TodoSettings

LATE = timedelta(minutes=30)
"""How long beyond an interval of reminders there may be no sweep."""

GONE = timedelta(days=1)
"""How long there may be no sweep at all, unless reminders are further apart than that."""


@dataclass(frozen=True, slots=True)
class SweepsFacts:
    """What the sweeps left in the ledger."""

    now: datetime
    """The time of the look."""
    remind_every: timedelta
    """The interval between two reminders of a member."""
    is_needed: bool = True
    """Whether anybody is on the roster."""
    last: datetime | None = None
    """When the last sweep was, of whichever host; None for none."""
    told: tuple[str, ...] = ()
    """What trouble it had."""
    stale: tuple[str, ...] = ()
    """What was claimed longer ago than the lease."""


# Looking


def look_at_sweeps(contents: TodoContents, todo: TodoSettings, now: datetime) -> SweepsFacts:
    """What the sweeps left in the ledger."""
    members = contents.loaded.members.values()
    return SweepsFacts(
        now=now,
        is_needed=any(contents.loaded.on_roster()),
        last=contents.notes.last_sweep,
        told=contents.notes.told,
        remind_every=todo.remind_every,
        stale=tuple(text for member in members for text in _stale(member, todo.lease, now)),
    )


def _stale(member: Member, lease: timedelta, now: datetime) -> Iterator[str]:
    """What was claimed for a member so long ago that the run which claimed it is over."""
    for notice in member.notices:
        for name in notice.legs_in(LegState.CLAIMED):
            at = notice.leg(name).at
            if at is None or now - at >= lease:
                yield f"{member.label}, {notice.kind.value} ({'direct message' if name.value == 'dm' else name.value})"
    removal = member.lapse.removal if member.lapse else None
    if removal is not None and removal.state is RemovalState.CLAIMED and now - removal.at >= lease:
        yield f"{member.label}, taking the role"


# Judging


def judge_last_sweep(sweeps: SweepsFacts) -> Judgement:
    """Whether sweeps come often enough for the reminders, and the last one went well."""
    if not sweeps.is_needed:
        return ok("not needed: nobody is on the roster")
    timer = "have a timer run giftping todo sweep every 15 minutes: crontab.example"
    if sweeps.last is None:
        return warn("there was none yet", timer)
    age, said = sweeps.now - sweeps.last, ago(sweeps.last, sweeps.now)
    if age >= max(GONE, sweeps.remind_every + LATE):
        return fail(said, timer)
    if age >= sweeps.remind_every + LATE:
        return warn(f"{said}, and members are to be reminded every {about(sweeps.remind_every)}", timer)
    if sweeps.told:
        return warn(f"{said}, with trouble: {named(sweeps.told)}", "mend that; a later sweep tries again")
    return ok(said)


def judge_open_claims(sweeps: SweepsFacts) -> Judgement:
    """Whether a run ended midway, and the next sweep has something to settle."""
    if sweeps.stale:
        said = left_midway(sweeps.stale, "claim")
        return warn(said, "the next sweep looks; to have it look now: giftping todo sweep")
    return ok("none is open for longer than the lease")


SWEEPS_CHECKS: Checks[SweepsFacts] = (
    ("last sweep", judge_last_sweep),
    ("open claims", judge_open_claims),
)
