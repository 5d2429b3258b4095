"""What is remembered of how a source has been, and what is unusual about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from fakes.records import code
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.back_off import after_failure, may_be_conditional
from giftping.codes.health import concern_about, held_percents, usual_gap, usual_size
from giftping.codes.memory import (
    KEPT_CHANGES,
    KEPT_DAYS,
    Health,
    SourceDay,
    SourceOutcome,
    SourceState,
    after_listing,
    after_unchanged,
    is_worth_a_look,
    noted,
)
from giftping.codes.model import Listing, Sighting
from giftping.store.base import Hold, SourceMemory

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def listed(state: SourceState, codes: str, now: datetime, *, was_whole: bool = True) -> SourceState:
    listing = Listing(tuple(Sighting("wiki", "rise", code) for code in codes.split()))
    digest = sha256(codes.encode()).hexdigest()
    return after_listing(state, listing, now, etag='"e"', last_modified="", sha256=digest, was_whole=was_whole)


def days_of(state: SourceState) -> list[SourceDay]:
    assert state.health is not None
    return state.health.listed_days()


def lived(days: int, codes: str = "A B C D E", every: int = 0) -> SourceState:
    """The state after so many days of hourly requests; each `every` days another code came."""
    state = listed(SourceState("f"), codes, NOW)
    for hour in range(1, days * 24):
        now = NOW + hour * HOUR
        if every and hour % (every * 24) == 0:
            codes += f" X{hour}"
            state = listed(state, codes, now)
        else:
            state = after_unchanged(state, now, is_body=not may_be_conditional(state, now))
    return state


def test_each_day_tells_how_often_a_source_was_asked_and_what_came_of_it():
    state = listed(SourceState("f"), "A B", NOW)
    state = after_unchanged(state, NOW + HOUR)
    state = after_failure(state, SourceOutcome.FAILED, "hang", NOW + 2 * HOUR)
    state = listed(state, "A B C", NOW + DAY)
    assert days_of(state) == [SourceDay("2026-11-20", 3, 1, 1, 2), SourceDay("2026-11-21", 1, 0, 0, 3)]
    assert state.health is not None
    assert state.health.changes == (NOW + DAY,)


def test_a_source_that_never_answered_has_days_without_a_list():
    state = after_failure(SourceState("f"), SourceOutcome.FAILED, "hang", NOW)
    assert days_of(state) == [SourceDay("2026-11-20", 1, 1, 0, -1)]
    assert usual_size(days_of(state)) is None


def test_what_is_kept_is_bounded():
    state = lived(KEPT_DAYS * 2, every=3)
    assert state.health is not None
    assert len(state.health.days) == KEPT_DAYS
    assert len(state.health.changes) == KEPT_CHANGES


def test_days_that_a_wrong_clock_noted_ahead_are_forgotten_by_the_next_request():
    health = noted(noted(None, NOW, 2), NOW + 400 * DAY, 2)
    assert [day.day for day in noted(health, NOW + HOUR, 2).listed_days()] == ["2026-11-20"]


@given(st.lists(st.sampled_from(["failed", "same", "unmodified"]), max_size=40), st.integers(1, 40))
def test_of_each_day_the_parts_add_up_whatever_comes(outcomes, hours):
    health = None
    for number, outcome in enumerate(outcomes):
        now = NOW + number * hours * HOUR
        health = noted(health, now, 3, failed=outcome == "failed", unmodified=outcome == "unmodified")
    days = health.listed_days() if health else []
    assert sum(day.asked for day in days) <= len(outcomes)
    assert all(day.failed + day.unmodified <= day.asked and day.asked for day in days)
    assert [day.day for day in days] == sorted({day.day for day in days})


@pytest.mark.parametrize("text", ["", "2026-11-20", "2026-11-20 a 0 0 1", "x"])
def test_a_day_that_cannot_be_read_is_passed_over(text):
    health = noted(Health(days=(text,)), NOW, 4)
    assert health.listed_days() == [SourceDay("2026-11-20", 1, 0, 0, 4)]


def test_a_source_that_changes_as_it_always_does_is_no_concern():
    state = lived(40, every=4)
    for hours in (1, 48, 120, 200):
        assert concern_about(state, NOW + 39 * DAY + hours * HOUR) == ""


def test_a_source_that_has_not_changed_for_unusually_long_is_one():
    state = lived(40, every=2)
    said = concern_about(state, NOW + 55 * DAY)
    assert said.startswith("has not changed for 17 days; it used to about every 2 days")


def test_where_it_is_not_known_how_often_a_source_changes_two_months_are_long():
    state = listed(SourceState("f"), "A", NOW)
    assert concern_about(state, NOW + 59 * DAY) == ""
    assert concern_about(state, NOW + 60 * DAY) == "has not changed for 60 days"


def test_a_source_that_says_all_the_time_that_nothing_has_changed_is_suspected_sooner():
    state = lived(31)
    assert concern_about(state, NOW + 31 * DAY).endswith("for 31 days; it says each time that nothing has (304)")
    bodies = listed(SourceState("f"), "A", NOW)
    for hour in range(1, 31 * 24):
        bodies = after_unchanged(bodies, NOW + hour * HOUR, is_body=True)
    assert concern_about(bodies, NOW + 31 * DAY) == ""


def test_an_empty_list_is_a_concern_after_a_day_where_it_usually_is_long():
    state = listed(lived(10), "", NOW + 10 * DAY)
    assert concern_about(state, NOW + 10 * DAY + HOUR) == ""
    assert concern_about(state, NOW + 11 * DAY) == "lists no code any more; it usually listed 5 codes"
    assert concern_about(listed(state, "A", NOW + 12 * DAY), NOW + 13 * DAY) == ""


def test_a_source_that_is_mostly_empty_or_short_may_be_empty():
    """HoYoLAB lists codes during livestreams, and none outside of them."""
    state = listed(lived(10, codes=""), "A B C D", NOW + 10 * DAY)
    assert concern_about(listed(state, "", NOW + 11 * DAY), NOW + 14 * DAY) == ""
    assert concern_about(listed(lived(10, codes="A B"), "", NOW + 10 * DAY), NOW + 14 * DAY) == ""


def test_a_failing_source_is_told_as_failing_and_not_as_quiet():
    state = after_failure(lived(40, every=2), SourceOutcome.FAILED, "hang", NOW + 55 * DAY)
    assert concern_about(state, NOW + 55 * DAY) == ""


@given(st.integers(0, 100), st.booleans())
def test_what_is_not_worth_a_look_is_no_concern(days, empty):
    state = replace(lived(12, every=2), changed_at=NOW)
    state = replace(state, listing=Listing()) if empty else state
    if not is_worth_a_look(state, NOW + days * DAY):
        assert concern_about(state, NOW + days * DAY) == ""


def test_a_source_that_denies_its_changes_twice_is_asked_for_all_of_it_from_then_on():
    state = listed(SourceState("f"), "A", NOW)
    for number in (1, 2):
        state = after_unchanged(state, NOW + number * DAY - HOUR)
        assert may_be_conditional(state, NOW + number * DAY - HOUR)
        state = listed(state, f"A B{number}", NOW + number * DAY)
    assert not may_be_conditional(state, NOW + 2 * DAY + HOUR)


def test_a_source_that_owns_up_to_one_change_is_believed_again():
    state = listed(SourceState("f"), "A", NOW)
    state = listed(after_unchanged(state, NOW + HOUR), "A B", NOW + DAY)
    state = listed(after_unchanged(state, NOW + 25 * HOUR), "A B C", NOW + 26 * HOUR, was_whole=False)
    state = listed(after_unchanged(state, NOW + 27 * HOUR), "A B", NOW + 3 * DAY)
    assert may_be_conditional(state, NOW + 3 * DAY + HOUR)


def test_a_source_without_conditions_hides_nothing():
    state = listed(SourceState("f"), "A", NOW)
    for number in range(1, 9):
        state = listed(state, f"A B{number}", NOW + number * DAY)
    assert may_be_conditional(state, NOW + 8 * DAY + HOUR)


def test_usual_sizes_and_gaps_need_some_days_to_be_known():
    sizes = [SourceDay("", size=size) for size in (-1, 4, 40, 5)]
    assert usual_size(sizes) == 5
    assert usual_size(sizes[:3]) is None
    assert usual_gap([NOW, NOW + DAY, NOW + 3 * DAY, NOW + 10 * DAY]) == 2 * DAY
    assert usual_gap([NOW, NOW + DAY]) is None


def test_how_often_codes_were_held_counts_those_that_came_after_the_first_look_and_each_source_for_itself():
    def seen(key, *sources, held_at=()):
        memories = {name: SourceMemory(key, at, at) for name, at in sources}
        return code(key, sources=memories, holds={name: Hold(NOW, "many at once", released_at=NOW) for name in held_at})

    records = [
        seen("OLD1", ("a", NOW), ("b", NOW)),
        seen("OLD2", ("a", NOW)),
        seen("NEW1", ("a", NOW + DAY), held_at=["a"]),
        seen("NEW2", ("a", NOW + DAY), ("b", NOW + DAY), held_at=["b"]),
        seen("NEW3", ("a", NOW + 2 * DAY)),
        seen("ONLY", ("c", NOW)),
    ]
    assert held_percents(records) == {"a": 33, "b": 100}
