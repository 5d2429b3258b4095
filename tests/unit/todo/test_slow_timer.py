"""A timer as slow as the interval: its sweeps wait longer, so that no ping is skipped, and nobody else's do."""

from __future__ import annotations

from datetime import timedelta

from todo_builders import HOUR, claimed, member, notice, rules
from todo_stage import DAY, Stage, StageClock

from giftping.todo.model import Leg, LegState
from giftping.todo.rules import Action, due

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def sweep_every(stage: Stage, span: timedelta, *, times: int) -> None:
    """Sweep so many times, and let the span pass after each sweep's beginning."""
    for _ in range(times):
        began = stage.clock()
        stage.sweep()
        stage.clock.now = began + span


def join_pinged(stage: Stage, user_id: int, *, due_in: timedelta) -> None:
    """Let a member join who has been pinged, so that the next ping is due in so long."""
    stage.join(user_id, silent_for=2 * DAY, last_ping=stage.clock() - 3 * HOUR + due_in)


def test_a_sweep_of_a_slow_timer_waits_for_a_ping_that_has_shifted(stage: Stage, clock: StageClock) -> None:
    sweep_every(stage, 3 * HOUR, times=2)
    join_pinged(stage, 101, due_in=20 * MINUTE)
    report = stage.sweep()
    assert (report.waited_for, clock.sleeps) == (1, [1200.0])
    assert stage.pings(101) == ["channel", "dm"]


def test_it_does_not_wait_longer_for_those_who_have_not_been_pinged_yet(stage: Stage, clock: StageClock) -> None:
    sweep_every(stage, 3 * HOUR, times=2)
    stage.join(101, silent_for=DAY - 3 * MINUTE)
    assert stage.sweep().waited_for == 0
    assert clock.sleeps == []


def test_it_waits_a_quarter_of_the_interval_at_most(stage: Stage, clock: StageClock) -> None:
    sweep_every(stage, 3 * HOUR, times=2)
    join_pinged(stage, 101, due_in=45 * MINUTE + SECOND)
    assert stage.sweep().waited_for == 0
    assert clock.sleeps == []


def test_nobody_waits_for_those_who_fall_due_later(stage: Stage) -> None:
    sweep_every(stage, 3 * HOUR, times=2)
    join_pinged(stage, 101, due_in=5 * MINUTE)
    join_pinged(stage, 102, due_in=6 * MINUTE)
    join_pinged(stage, 103, due_in=30 * MINUTE)
    began = stage.clock()
    assert stage.sweep().waited_for == 3
    pinged = {user_id: stage.discord.notifications(user_id)[0].at - began for user_id in (101, 102, 103)}
    assert pinged == {101: 6 * MINUTE, 102: 6 * MINUTE, 103: 30 * MINUTE}


def test_the_sweeps_of_a_fast_timer_wait_for_the_linger_time_only(stage: Stage, clock: StageClock) -> None:
    sweep_every(stage, HOUR / 4, times=12)
    join_pinged(stage, 101, due_in=3 * MINUTE)
    stage.sweep()
    assert clock.sleeps == []


def test_one_long_gap_makes_no_slow_timer(stage: Stage, clock: StageClock) -> None:
    """After an outage a fast timer's sweep must not hold the lock for long."""
    sweep_every(stage, HOUR / 4, times=3)
    stage.pass_time(9 * HOUR)
    join_pinged(stage, 101, due_in=3 * MINUTE)
    stage.sweep()
    assert clock.sleeps == []


def test_hosts_that_sweep_at_the_same_time_are_one_slow_timer(stage: Stage, clock: StageClock) -> None:
    for _ in range(3):
        stage.sweep()
        stage.pass_time(5 * SECOND)
        stage.sweep()
        stage.pass_time(3 * HOUR - 5 * SECOND)
    join_pinged(stage, 101, due_in=20 * MINUTE)
    assert stage.sweep().waited_for == 1


def test_without_lingering_no_sweep_waits(stage: Stage, clock: StageClock) -> None:
    stage.settings = '[todo]\nlinger = "0s"\n'
    sweep_every(stage, 3 * HOUR, times=2)
    stage.join(101, silent_for=DAY - SECOND)
    assert stage.sweep().waited_for == 0
    assert clock.sleeps == []


def test_the_interval_counts_from_when_a_ping_of_unknown_fate_must_have_arrived() -> None:
    """It was claimed a moment before it was sent: counted from the claim, the next one could come too soon."""
    at = member().last_submit + DAY
    known = member(last_ping=at, notices=(notice(channel=claimed(at), dm=Leg(LegState.CLOSED)),))
    assert due(known, rules(), at + 3 * HOUR).until == at + 3 * HOUR + MINUTE
    assert due(known, rules(), at + 3 * HOUR + MINUTE).action is Action.REMIND
