"""Dates from the future, which a wrong clock has written, count as now."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.records import NOON

from giftping.todo.dates import has_future, without_future
from giftping.todo.model import (
    Lapse,
    Leg,
    LegState,
    Member,
    Membership,
    Notice,
    NoticeKind,
    Pause,
    Removal,
    RemovalState,
    Todo,
)
from giftping.todo.periods import Period
from giftping.todo.sweep_notes import SweepNotes, notes_without_future
from giftping.todo.transitions import with_submission

DAY = timedelta(days=1)
AHEAD = NOON + 30 * DAY
BEFORE = NOON - DAY


def member(at, **changes):
    notice = Notice("n", NoticeKind.REMINDER, at, Leg(LegState.CLAIMED, at), Leg(LegState.SENT, at), ping_before=at)
    known = Member(
        1,
        added=at,
        last_submit=at,
        last_ping=at,
        left_at=at,
        dms_closed_at=at,
        membership=Membership(at, in_guild=True),
        lapse=Lapse(at, at, Removal(RemovalState.CLAIMED, at)),
        notices=(notice,),
    )
    return replace(known, **changes)


def test_all_of_them_are_put_to_now() -> None:
    assert has_future(member(AHEAD), NOON)
    assert without_future(member(AHEAD), NOON) == member(NOON)


@pytest.mark.parametrize("at", [BEFORE, NOON, NOON + timedelta(minutes=9)])
def test_what_hosts_may_differ_by_stays(at) -> None:
    assert not has_future(member(at), NOON)
    assert without_future(member(at), NOON) == member(at)


def test_a_pause_may_lie_in_the_future() -> None:
    planned = member(BEFORE, pauses=(Pause("p", AHEAD, AHEAD + DAY),))
    assert not has_future(planned, NOON)


def test_a_member_without_dates_has_none() -> None:
    assert not has_future(Member(1), NOON)


def test_a_downtime_that_ends_in_the_future_is_none() -> None:
    kept = Period(BEFORE - DAY, BEFORE)
    notes = SweepNotes(last_sweep=AHEAD, downtimes=(kept, Period(BEFORE, AHEAD)))
    assert notes_without_future(notes, NOON) == SweepNotes(last_sweep=NOON, downtimes=(kept,))
    assert notes_without_future(SweepNotes(BEFORE, (kept,)), NOON) == SweepNotes(BEFORE, (kept,))


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, NOON), (BEFORE, NOON), (NOON + timedelta(seconds=5), NOON + timedelta(seconds=5)), (AHEAD, NOON)],
)
def test_a_submission_never_moves_the_last_one_backwards_but_from_the_future(before, after) -> None:
    notice = Notice("n", NoticeKind.SUBMISSION, NOON)
    handed_in = with_submission(Member(1, last_submit=before), Todo("a", "01/01/2026"), notice, NOON)
    assert handed_in.last_submit == after
