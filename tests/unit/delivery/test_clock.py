"""What a host's clock is worth by what its witnesses say, and the clock that a run goes by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.delivery.clock import (
    NOTICEABLE,
    TOLERANCE,
    UNKNOWN,
    UNTRUSTED,
    ClockStanding,
    ClockVerdict,
    Reading,
    RunClock,
    apart,
    clock_verdict,
    delivery_time,
    is_from_future,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RIGHT, OFF, WRONG = ClockStanding.RIGHT, ClockStanding.OFF, ClockStanding.WRONG

spans = st.timedeltas(timedelta(days=-400), timedelta(days=400))


def reading(minutes: float, whose: str = "Discord") -> Reading:
    return Reading(whose, NOON + timedelta(minutes=minutes), NOON)


@pytest.mark.parametrize(
    ("minutes", "standing"),
    [
        (0, RIGHT),
        (1, RIGHT),
        (-1, RIGHT),
        (1.1, OFF),
        (-5, OFF),
        (10, OFF),
        (-10, OFF),
        (10.1, WRONG),
        (-20, WRONG),
        (30 * 1440, WRONG),
        (-3 * 1440, WRONG),
    ],
)
def test_by_discord(minutes: float, standing: ClockStanding) -> None:
    verdict = clock_verdict([reading(minutes)])
    assert verdict.standing is standing
    assert verdict.ahead == timedelta(minutes=minutes)
    assert verdict.may_send is (standing is not WRONG)
    assert bool(verdict.line) is (standing is not RIGHT)


def test_a_clock_that_is_set_during_a_run_is_as_wrong_as_it_was_at_its_worst() -> None:
    assert clock_verdict([reading(0), reading(20), reading(-1)]).standing is WRONG


@pytest.mark.parametrize(
    ("sources", "standing"),
    [
        ([], ClockStanding.UNKNOWN),
        # One that differs may be wrong itself; one that agrees with this host makes two.
        ([reading(20, "a")], ClockStanding.UNKNOWN),
        ([reading(20, "a"), reading(20, "a")], ClockStanding.UNKNOWN),
        ([reading(0, "a")], RIGHT),
        ([reading(20, "a"), reading(20.5, "b")], WRONG),
        ([reading(5, "a"), reading(5.5, "b")], OFF),
        ([reading(20, "a"), reading(40, "b")], ClockStanding.UNKNOWN),
        ([reading(20, "a"), reading(0, "b")], RIGHT),
        ([reading(20, "a"), reading(20, "b"), reading(0, "c")], RIGHT),
        ([reading(20, "a"), reading(20, "b"), reading(20, "c"), reading(0, "d")], WRONG),
        ([reading(20, "a"), reading(20, "b"), reading(-5000, "c")], WRONG),
    ],
)
def test_without_discord_two_clocks_have_to_agree(sources: list[Reading], standing: ClockStanding) -> None:
    assert clock_verdict((), sources).standing is standing
    assert clock_verdict((), sources[::-1]).standing is standing


@given(spans, st.lists(spans, max_size=5))
def test_discord_has_the_last_word(ahead: timedelta, others: list[timedelta]) -> None:
    sources = [Reading(f"{number}", NOON + other, NOON) for number, other in enumerate(others)]
    verdict = clock_verdict([Reading("Discord", NOON + ahead, NOON)], sources)
    assert verdict.ahead == ahead
    assert verdict.may_send is (abs(ahead) <= TOLERANCE)


@given(spans, st.lists(spans, max_size=4))
def test_one_liar_moves_nobody_whose_clock_another_source_confirms(lie: timedelta, noise: list[timedelta]) -> None:
    sources = [Reading("liar", NOON + lie, NOON), *(Reading("liar", NOON + one, NOON) for one in noise)]
    assert clock_verdict((), [*sources, Reading("honest", NOON, NOON)]).standing is RIGHT


def test_the_line_says_how_far_off_and_what_to_do() -> None:
    assert clock_verdict([reading(-5)]).line == (
        "this host's clock is 5 min ahead of Discord's: this run goes by Discord's;"
        " set it, and keep it right: timedatectl set-ntp true"
    )
    assert clock_verdict([reading(3 * 1440 + 61)]).line == (
        "this host's clock is 3 d 1 h behind Discord's: nothing is sent until it is right;"
        " set it, and keep it right: timedatectl set-ntp true"
    )
    assert UNKNOWN.line == ""
    assert "not yet valid" in UNTRUSTED.line
    assert not UNTRUSTED.may_send
    assert ClockVerdict().may_send


@pytest.mark.parametrize(
    ("minutes", "words"), [(2, "2 min"), (60, "1 h"), (130, "2 h 10 min"), (43200, "30 d"), (43261, "30 d 1 h")]
)
def test_how_far_apart_in_words(minutes: int, words: str) -> None:
    assert apart(timedelta(minutes=minutes)) == apart(timedelta(minutes=-minutes)) == words


class Clocks:
    """A wall clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall, self.steady = NOON, 5000.0

    def pass_time(self, span: timedelta) -> None:
        self.wall += span
        self.steady += span.total_seconds()

    def run_clock(self) -> RunClock:
        return RunClock(lambda: self.wall, lambda: self.steady)


@given(st.lists(st.tuples(st.timedeltas(timedelta(0), timedelta(hours=2)), spans), max_size=6))
def test_no_step_of_the_wall_clock_moves_the_clock_of_a_run(passed: list[tuple[timedelta, timedelta]]) -> None:
    clocks = Clocks()
    now = clocks.run_clock()
    expected = NOON
    for span, step in passed:
        clocks.pass_time(span)
        clocks.wall += step
        expected += span
        assert abs(now() - expected) < timedelta(milliseconds=1)


def test_a_run_goes_by_its_witness_from_then_on() -> None:
    clocks = Clocks()
    now = clocks.run_clock()
    now.go_by(NOON + 7 * MINUTE)
    clocks.pass_time(3 * MINUTE)
    assert now() == NOON + 10 * MINUTE


def test_a_step_during_the_run_counts_whichever_way_it_went() -> None:
    clocks = Clocks()
    now = clocks.run_clock()
    clocks.wall += 20 * MINUTE
    # NTP has put it right just now: what was decided before was decided by the wrong time.
    assert clock_verdict([now.read("Discord", NOON + 20 * MINUTE)]).standing is WRONG
    # It was right, and somebody has put it wrong.
    assert clock_verdict([now.read("Discord", NOON)]).standing is WRONG


def test_what_lies_in_the_future_was_noted_by_a_wrong_clock() -> None:
    assert is_from_future(NOON + TOLERANCE + NOTICEABLE, NOON)
    assert not is_from_future(NOON + TOLERANCE, NOON)
    assert not is_from_future(None, NOON)


def test_a_delivery_has_the_time_of_its_message_where_that_can_be() -> None:
    assert delivery_time(NOON - MINUTE, NOON) == NOON - MINUTE
    assert delivery_time(NOON + timedelta(days=1), NOON) == NOON
    assert delivery_time(datetime(2015, 1, 1, tzinfo=UTC), NOON) == NOON
