"""When a source may be asked again, and what is remembered of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.memory import (
    Due,
    Memory,
    NotDue,
    Outcome,
    SourceState,
    after_failure,
    after_listing,
    after_unchanged,
    back_off,
    digest_of,
    due,
)
from giftping.codes.model import Listing, Sighting

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NEW = SourceState("f1")


@dataclass(frozen=True)
class Definition:
    name: str = "wiki"
    fingerprint: str = "f1"
    min_interval: timedelta = 5 * MINUTE


def listing(*codes: str) -> Listing:
    return Listing(tuple(Sighting("wiki", "game", code) for code in codes))


def listed(*codes: str, state: SourceState = NEW, now: datetime = NOW) -> SourceState:
    return after_listing(state, listing(*codes), now, etag='"v1"', last_modified="then", sha256="abc")


def failed(times: int, *, retry_after: timedelta | None = None, state: SourceState = NEW) -> SourceState:
    for _ in range(times):
        state = after_failure(state, Outcome.FAILED, "answered 500", NOW, retry_after)
    return state


def test_a_source_that_was_never_asked_is_due():
    assert due(NEW, Definition(), NOW) == Due()


def test_min_interval_counts_from_the_last_request_whatever_came_of_it():
    for state in (listed("A"), after_unchanged(listed("A"), NOW), failed(1)):
        assert isinstance(due(state, Definition(), NOW + 4 * MINUTE), NotDue)
        assert due(state, Definition(), NOW + 5 * MINUTE) == Due()


@given(jitter=st.lists(st.floats(0, 10), min_size=30, max_size=30))
def test_a_minute_timer_with_jitter_meets_a_five_minute_interval_every_fifth_minute(jitter):
    state, fetched = NEW, []
    for minute, late in enumerate(jitter):
        now = NOW + minute * MINUTE + late * SECOND
        if due(state, Definition(), now) == Due():
            state, fetched = listed("A", state=state, now=now), [*fetched, minute]
    assert fetched == [0, 5, 10, 15, 20, 25]


def test_an_interval_of_nothing_never_waits():
    assert due(listed("A"), Definition(min_interval=timedelta(0)), NOW) == Due()


def test_a_back_off_starts_at_a_minute_doubles_and_ends_at_six_hours():
    waits = [back_off(failures) for failures in range(1, 12)]
    assert waits[:4] == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]
    assert waits[8:] == [256 * MINUTE, 6 * HOUR, 6 * HOUR]
    assert back_off(10**9) == 6 * HOUR


def test_a_failing_source_is_left_alone_for_its_back_off_and_the_reason_is_told():
    state = failed(5)
    answer = due(state, Definition(), NOW + 15 * MINUTE)
    assert isinstance(answer, NotDue)
    assert answer.reason == "answered 500"
    assert due(state, Definition(), NOW + 16 * MINUTE) == Due()


def test_a_minute_timer_with_jitter_meets_a_back_off_of_a_minute():
    definition = Definition(min_interval=timedelta(0))
    assert due(failed(1), definition, NOW + 50 * SECOND) == Due()
    assert isinstance(due(failed(1), definition, NOW + 40 * SECOND), NotDue)


@pytest.mark.parametrize(
    ("asked_for", "waits"), [(2 * HOUR, 2 * HOUR), (24 * HOUR, 24 * HOUR), (900 * HOUR, 24 * HOUR)]
)
def test_retry_after_is_honoured_to_the_second_up_to_a_day(asked_for, waits):
    """D24."""
    state = failed(1, retry_after=asked_for)
    assert isinstance(due(state, Definition(), NOW + waits - SECOND), NotDue)
    assert due(state, Definition(), NOW + waits) == Due()


def test_a_short_retry_after_does_not_shorten_the_back_off():
    assert failed(6, retry_after=SECOND).not_before == failed(6).not_before


def test_success_ends_the_back_off_and_the_failing():
    state = failed(3, state=listed("A"))
    assert (state.failures, state.failing_since) == (3, NOW)
    for after in (after_unchanged(state, NOW), listed("A", state=state)):
        assert (after.failures, after.failing_since, after.not_before, after.reason) == (0, None, None, "")


def test_failing_since_is_the_first_failure_in_a_row():
    state = after_failure(NEW, Outcome.FAILED, "hang", NOW)
    state = after_failure(state, Outcome.SHAPE_CHANGED, "no table", NOW + HOUR)
    assert (state.failing_since, state.failures, state.outcome) == (NOW, 2, Outcome.SHAPE_CHANGED)


def test_a_failure_keeps_the_listing_its_validators_and_its_age():
    """D16: what failed is not passed off as fresh, and what was listed does not go away."""
    before = listed("A", "B")
    after = after_failure(before, Outcome.FAILED, "hang", NOW + HOUR)
    assert after.listing == listing("A", "B")
    assert (after.listed_at, after.changed_at) == (NOW, NOW)
    assert (after.etag, after.last_modified, after.sha256) == ('"v1"', "then", "abc")


def test_only_another_listing_moves_changed_at():
    state = listed("A", "B")
    assert listed("B", "A", state=state, now=NOW + HOUR).changed_at == NOW
    assert listed("A", state=state, now=NOW + HOUR).changed_at == NOW + HOUR
    assert after_unchanged(state, NOW + HOUR).listed_at == NOW + HOUR
    assert after_unchanged(state, NOW + HOUR).changed_at == NOW


def test_an_empty_list_is_a_list():
    """D15."""
    state = listed()
    assert state.listing == Listing()
    assert state.changed_at == NOW
    assert state.digest != NEW.digest


def test_the_digest_tells_spelling_state_and_expiry_apart_but_not_order():
    one = Sighting("wiki", "game", "Abc", expires_at=NOW)
    two = Sighting("wiki", "game", "Def")
    assert digest_of(Listing((one, two))) == digest_of(Listing((two, one)))
    for other in (replace(one, spelling="ABC"), replace(one, expires_at=None), replace(one, region="EU")):
        assert digest_of(Listing((one, two))) != digest_of(Listing((other, two)))


def test_times_from_a_clock_that_was_wrong_hold_nobody_up():
    ahead = NOW + timedelta(days=400)
    state = after_failure(listed("A", now=ahead), Outcome.FAILED, "hang", ahead)
    assert due(state, Definition(), NOW) == Due()


def test_another_definition_of_a_source_starts_anew():
    memory = Memory({"wiki": failed(9, state=listed("A"))})
    assert memory.of(Definition()).listing == listing("A")
    assert memory.of(Definition(fingerprint="f2")) == SourceState("f2")
    assert memory.of(Definition(name="other")) == SourceState("f1")


def test_sources_that_were_not_looked_at_stay_in_memory():
    memory = Memory({"wiki": listed("A"), "feed": listed("B")}).with_states({"wiki": listed("C")})
    assert memory.states == {"wiki": listed("C"), "feed": listed("B")}
