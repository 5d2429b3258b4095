"""When a source may be asked again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from code_builders import NEW, Definition, listed, listing
from code_builders import NOON as NOW
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.back_off import after_failure, back_off, wait_before_asking
from giftping.codes.memory import SourceOutcome, SourceState, after_unchanged

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


def failed(times: int, *, retry_after: timedelta | None = None, state: SourceState = NEW) -> SourceState:
    for _ in range(times):
        state = after_failure(state, SourceOutcome.FAILED, "answered 500", NOW, retry_after)
    return state


def test_a_source_that_was_never_asked_may_be_asked():
    assert wait_before_asking(NEW, Definition(), NOW) is None


def test_min_interval_counts_from_the_last_request_whatever_came_of_it():
    for state in (listed("A"), after_unchanged(listed("A"), NOW), failed(1)):
        assert wait_before_asking(state, Definition(), NOW + 4 * MINUTE)
        assert wait_before_asking(state, Definition(), NOW + 5 * MINUTE) is None


@given(jitter=st.lists(st.floats(0, 10), min_size=30, max_size=30))
def test_a_minute_timer_with_jitter_meets_a_five_minute_interval_every_fifth_minute(jitter):
    state, fetched = NEW, []
    for minute, late in enumerate(jitter):
        now = NOW + minute * MINUTE + late * SECOND
        if wait_before_asking(state, Definition(), now) is None:
            state, fetched = listed("A", state=state, now=now), [*fetched, minute]
    assert fetched == [0, 5, 10, 15, 20, 25]


def test_an_interval_of_nothing_never_waits():
    assert wait_before_asking(listed("A"), Definition(min_interval=timedelta(0)), NOW) is None


def test_a_back_off_starts_at_a_minute_doubles_and_ends_at_six_hours():
    waits = [back_off(failures) for failures in range(1, 12)]
    assert waits[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert waits[8:] == [256 * MINUTE, 6 * HOUR, 6 * HOUR]
    assert back_off(10**9) == 6 * HOUR


def test_a_failing_source_is_left_alone_for_its_back_off_and_the_reason_is_told():
    state = failed(5)
    answer = wait_before_asking(state, Definition(), NOW + 15 * MINUTE)
    assert answer
    assert answer.reason == "answered 500"
    assert wait_before_asking(state, Definition(), NOW + 16 * MINUTE) is None


def test_a_minute_timer_with_jitter_meets_a_back_off_of_a_minute():
    definition = Definition(min_interval=timedelta(0))
    assert wait_before_asking(failed(1), definition, NOW + 50 * SECOND) is None
    assert wait_before_asking(failed(1), definition, NOW + 40 * SECOND)


@pytest.mark.parametrize(
    ("asked_for", "waits"), [(2 * HOUR, 2 * HOUR), (24 * HOUR, 24 * HOUR), (900 * HOUR, 24 * HOUR)]
)
def test_retry_after_is_honoured_to_the_second_up_to_a_day(asked_for, waits):
    """D24."""
    state = failed(1, retry_after=asked_for)
    assert wait_before_asking(state, Definition(), NOW + waits - SECOND)
    assert wait_before_asking(state, Definition(), NOW + waits) is None


def test_a_short_retry_after_does_not_shorten_the_back_off():
    assert failed(6, retry_after=SECOND).not_before == failed(6).not_before


def test_success_ends_the_back_off_and_the_failing():
    state = failed(3, state=listed("A"))
    assert (state.failures, state.failing_since) == (3, NOW)
    for after in (after_unchanged(state, NOW), listed("A", state=state)):
        assert (after.failures, after.failing_since, after.not_before, after.reason) == (0, None, None, "")


def test_failing_since_is_the_first_failure_in_a_row():
    state = after_failure(NEW, SourceOutcome.FAILED, "hang", NOW)
    state = after_failure(state, SourceOutcome.SHAPE_CHANGED, "no table", NOW + HOUR)
    assert (state.failing_since, state.failures, state.outcome) == (NOW, 2, SourceOutcome.SHAPE_CHANGED)


def test_a_failure_keeps_the_listing_its_validators_and_its_age():
    """D16: what failed is not passed off as fresh, and what was listed does not go away."""
    before = listed("A", "B")
    after = after_failure(before, SourceOutcome.FAILED, "hang", NOW + HOUR)
    assert after.listing == listing("A", "B")
    assert (after.listed_at, after.changed_at) == (NOW, NOW)
    assert (after.etag, after.last_modified, after.sha256) == ('"v1"', "then", "abc")


def test_times_from_a_clock_that_was_wrong_hold_nobody_up():
    ahead = NOW + timedelta(days=400)
    state = after_failure(listed("A", now=ahead), SourceOutcome.FAILED, "hang", ahead)
    assert wait_before_asking(state, Definition(), NOW) is None


@pytest.mark.parametrize("ahead", [20 * MINUTE, 5 * HOUR, 400 * 24 * HOUR])
def test_a_failure_by_a_clock_that_was_ahead_holds_nobody_up_once_it_is_right(ahead):
    state = after_failure(NEW, SourceOutcome.FAILED, "answered 503", NOW + ahead, 24 * HOUR)
    assert wait_before_asking(state, Definition(), NOW + ahead)
    assert wait_before_asking(state, Definition(), NOW) is None
