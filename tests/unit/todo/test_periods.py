from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from giftping.todo.periods import Period, counted_time, joined, reached, unfrozen

BASE = datetime(2026, 3, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)

instants = st.timedeltas(timedelta(0), timedelta(days=60)).map(lambda period: BASE + period)
waits = st.timedeltas(INSTANT, timedelta(days=20))
periods = st.builds(Period, instants, st.none() | instants)
bounded_periods = st.builds(Period, instants, instants)


@given(instants, waits, st.lists(periods, max_size=5))
def test_what_is_reached_has_been_counted_and_not_an_instant_earlier(start, wanted, frozen):
    at = reached(start, wanted, frozen)
    if at is None:
        assert any(period.end is None for period in frozen)
        assert counted_time(start, BASE + timedelta(days=10_000), frozen) < wanted
    else:
        assert counted_time(start, at, frozen) == wanted
        assert counted_time(start, at - INSTANT, frozen) < wanted


@given(instants, instants, st.lists(bounded_periods, max_size=5))
def test_what_has_been_counted_is_reached_no_later(start, now, frozen):
    so_far = counted_time(start, now, frozen)
    at = reached(start, so_far, frozen)
    assert at is not None
    assert at <= max(now, start)
    assert counted_time(start, at, frozen) == so_far


@given(instants, st.lists(periods, max_size=4))
def test_no_time_at_all_has_counted_at_once(start, frozen):
    assert reached(start, timedelta(0), frozen) == start


@given(instants, instants, instants, st.lists(periods, max_size=4))
def test_time_adds_up(first, second, third, frozen):
    start, middle, end = sorted((first, second, third))
    assert counted_time(start, end, frozen) == counted_time(start, middle, frozen) + counted_time(middle, end, frozen)


@given(st.lists(periods, max_size=6), instants)
def test_joined_periods_hold_the_same_time_and_lie_apart(given_periods, instant):
    found = joined(given_periods)
    assert any(period.holds(instant) for period in found) == any(period.holds(instant) for period in given_periods)
    for earlier, later in pairwise(found):
        assert earlier.end is not None
        assert earlier.end < later.start


@given(instants, st.lists(periods, max_size=4))
def test_an_instant_thaws_where_no_period_holds_it(instant, frozen):
    thawed = unfrozen(instant, frozen)
    if thawed is None:
        assert any(period.end is None for period in frozen)
    else:
        assert thawed >= instant
        assert not any(period.holds(thawed) for period in frozen)
        assert counted_time(instant, thawed, frozen) == timedelta(0)


def test_frozen_time_does_not_count():
    frozen = [Period(BASE + HOUR, BASE + 3 * HOUR), Period(BASE + 2 * HOUR, BASE + 4 * HOUR)]
    assert counted_time(BASE, BASE + 5 * HOUR, frozen) == 2 * HOUR
    assert reached(BASE, 2 * HOUR, frozen) == BASE + 5 * HOUR
    assert counted_time(BASE, BASE - HOUR, frozen) == timedelta(0)


def test_a_period_without_an_end_stops_the_clock_for_good():
    forever = [Period(BASE + HOUR)]
    assert counted_time(BASE, BASE + 900 * HOUR, forever) == HOUR
    assert reached(BASE, HOUR, forever) == BASE + HOUR
    assert reached(BASE, HOUR + INSTANT, forever) is None
    assert unfrozen(BASE + 2 * HOUR, forever) is None


def test_empty_and_reversed_periods_are_none():
    assert joined([Period(BASE, BASE), Period(BASE + HOUR, BASE)]) == []


def test_periods_that_touch_are_one():
    assert joined([Period(BASE + HOUR, BASE + 2 * HOUR), Period(BASE, BASE + HOUR)]) == [Period(BASE, BASE + 2 * HOUR)]
