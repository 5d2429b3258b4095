from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.todo.periods import Period, ZonedQuietHours, counted, day_of, joined, reached, start_of, unfrozen

BASE = datetime(2026, 3, 1, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)

instants = st.timedeltas(timedelta(0), timedelta(days=60)).map(lambda span: BASE + span)
waits = st.timedeltas(INSTANT, timedelta(days=20))
spans = st.builds(Period, instants, st.none() | instants)
bounded_spans = st.builds(Period, instants, instants)


@given(instants, waits, st.lists(spans, max_size=5))
def test_what_is_reached_has_been_counted_and_not_an_instant_earlier(start, wanted, frozen):
    at = reached(start, wanted, frozen)
    if at is None:
        assert any(span.end is None for span in frozen)
        assert counted(start, BASE + timedelta(days=10_000), frozen) < wanted
    else:
        assert counted(start, at, frozen) == wanted
        assert counted(start, at - INSTANT, frozen) < wanted


@given(instants, instants, st.lists(bounded_spans, max_size=5))
def test_what_has_been_counted_is_reached_no_later(start, now, frozen):
    so_far = counted(start, now, frozen)
    at = reached(start, so_far, frozen)
    assert at is not None
    assert at <= max(now, start)
    assert counted(start, at, frozen) == so_far


@given(instants, st.lists(spans, max_size=4))
def test_no_time_at_all_has_counted_at_once(start, frozen):
    assert reached(start, timedelta(0), frozen) == start


@given(instants, instants, instants, st.lists(spans, max_size=4))
def test_time_adds_up(first, second, third, frozen):
    start, middle, end = sorted((first, second, third))
    assert counted(start, end, frozen) == counted(start, middle, frozen) + counted(middle, end, frozen)


@given(st.lists(spans, max_size=6), instants)
def test_joined_spans_hold_the_same_time_and_lie_apart(given_spans, instant):
    found = joined(given_spans)
    assert any(span.holds(instant) for span in found) == any(span.holds(instant) for span in given_spans)
    for earlier, later in pairwise(found):
        assert earlier.end is not None
        assert earlier.end < later.start


@given(instants, st.lists(spans, max_size=4))
def test_an_instant_thaws_where_no_span_holds_it(instant, frozen):
    thawed = unfrozen(instant, frozen)
    if thawed is None:
        assert any(span.end is None for span in frozen)
    else:
        assert thawed >= instant
        assert not any(span.holds(thawed) for span in frozen)
        assert counted(instant, thawed, frozen) == timedelta(0)


def test_frozen_time_does_not_count():
    frozen = [Period(BASE + HOUR, BASE + 3 * HOUR), Period(BASE + 2 * HOUR, BASE + 4 * HOUR)]
    assert counted(BASE, BASE + 5 * HOUR, frozen) == 2 * HOUR
    assert reached(BASE, 2 * HOUR, frozen) == BASE + 5 * HOUR
    assert counted(BASE, BASE - HOUR, frozen) == timedelta(0)


def test_a_span_without_an_end_stops_the_clock_for_good():
    forever = [Period(BASE + HOUR)]
    assert counted(BASE, BASE + 900 * HOUR, forever) == HOUR
    assert reached(BASE, HOUR, forever) == BASE + HOUR
    assert reached(BASE, HOUR + INSTANT, forever) is None
    assert unfrozen(BASE + 2 * HOUR, forever) is None


def test_empty_and_reversed_spans_are_none():
    assert joined([Period(BASE, BASE), Period(BASE + HOUR, BASE)]) == []


def test_spans_that_touch_are_one():
    assert joined([Period(BASE + HOUR, BASE + 2 * HOUR), Period(BASE, BASE + HOUR)]) == [Period(BASE, BASE + 2 * HOUR)]


# ZonedQuietHours hours

BERLIN, KOLKATA = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kolkata")
NIGHT = (time(23), time(7))


def at(zone: ZoneInfo, text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("hours", "now", "until"),
    [
        (NIGHT, "2026-06-01T22:59:59.999999", None),
        (NIGHT, "2026-06-01T23:00", "2026-06-02T07:00"),
        (NIGHT, "2026-06-02T00:00", "2026-06-02T07:00"),
        (NIGHT, "2026-06-02T06:59:59.999999", "2026-06-02T07:00"),
        (NIGHT, "2026-06-02T07:00", None),
        ((time(13), time(15)), "2026-06-01T12:59:59.999999", None),
        ((time(13), time(15)), "2026-06-01T13:00", "2026-06-01T15:00"),
        ((time(13), time(15)), "2026-06-01T15:00", None),
    ],
)
@pytest.mark.parametrize("zone", [BERLIN, KOLKATA], ids=str)
def test_quiet_hours_begin_with_their_start_and_are_over_at_their_end(zone, hours, now, until):
    assert ZonedQuietHours(*hours, zone).until(at(zone, now)) == (until and at(zone, until))


@pytest.mark.parametrize(("evening", "length"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-01", 8)])
def test_a_night_ends_by_the_clock_of_the_zone_when_the_clock_is_changed(evening, length):
    begin = at(BERLIN, f"{evening}T23:00")
    until = ZonedQuietHours(*NIGHT, BERLIN).until(begin)
    assert until == begin + length * HOUR
    assert until.astimezone(BERLIN).time() == time(7)


def test_a_night_in_kolkata_is_always_eight_hours():
    for day in ("2026-03-28", "2026-10-24"):
        begin = at(KOLKATA, f"{day}T23:00")
        assert ZonedQuietHours(*NIGHT, KOLKATA).until(begin) == begin + 8 * HOUR


def test_an_end_that_the_clock_skips_is_taken_as_the_later_instant():
    quiet = ZonedQuietHours(time(23), time(2, 30), BERLIN)
    assert quiet.until(at(BERLIN, "2026-03-29T01:59")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_an_end_that_the_clock_shows_twice_is_the_second_one():
    quiet = ZonedQuietHours(time(23), time(2, 30), BERLIN)
    second = at(BERLIN, "2026-10-25T02:30", fold=1)
    assert quiet.until(at(BERLIN, "2026-10-25T02:40", fold=0)) == second
    assert quiet.until(second) is None


def test_a_start_that_the_clock_shows_twice_is_the_first_one():
    quiet = ZonedQuietHours(time(2, 30), time(7), BERLIN)
    assert quiet.until(at(BERLIN, "2026-10-25T02:30", fold=0)) == at(BERLIN, "2026-10-25T07:00")


@given(
    st.sampled_from([BERLIN, KOLKATA, ZoneInfo("America/St_Johns")]),
    st.times(),
    st.times(),
    st.timedeltas(timedelta(0), timedelta(days=365)).map(lambda span: BASE + span),
)
def test_whoever_looks_at_a_clock_within_the_hours_is_left_in_peace(zone, start, end, instant):
    until = ZonedQuietHours(start, end, zone).until(instant)
    shown = instant.astimezone(zone).time()
    within = start <= shown < end if start < end else (shown >= start or shown < end)
    assert until is not None or not within
    assert until is None or instant < until <= instant + 26 * HOUR


def test_a_day_is_the_zones_own():
    instant = datetime(2026, 6, 1, 20, tzinfo=UTC)
    assert (day_of(instant, BERLIN), day_of(instant, KOLKATA)) == (date(2026, 6, 1), date(2026, 6, 2))
    assert start_of(date(2026, 6, 2), KOLKATA) == datetime(2026, 6, 1, 18, 30, tzinfo=UTC)
