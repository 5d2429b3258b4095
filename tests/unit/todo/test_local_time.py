from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.todo.local_time import LocalQuietHours, day_of, start_of

BASE = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

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
    assert LocalQuietHours(*hours, zone).until(at(zone, now)) == (until and at(zone, until))


@pytest.mark.parametrize(("evening", "length"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-06-01", 8)])
def test_a_night_ends_by_the_clock_of_the_zone_when_the_clock_is_changed(evening, length):
    begin = at(BERLIN, f"{evening}T23:00")
    until = LocalQuietHours(*NIGHT, BERLIN).until(begin)
    assert until == begin + length * HOUR
    assert until.astimezone(BERLIN).time() == time(7)


def test_a_night_in_kolkata_is_always_eight_hours():
    for day in ("2026-03-28", "2026-10-24"):
        begin = at(KOLKATA, f"{day}T23:00")
        assert LocalQuietHours(*NIGHT, KOLKATA).until(begin) == begin + 8 * HOUR


def test_an_end_that_the_clock_skips_is_taken_as_the_later_instant():
    quiet = LocalQuietHours(time(23), time(2, 30), BERLIN)
    assert quiet.until(at(BERLIN, "2026-03-29T01:59")) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_an_end_that_the_clock_shows_twice_is_the_second_one():
    quiet = LocalQuietHours(time(23), time(2, 30), BERLIN)
    second = at(BERLIN, "2026-10-25T02:30", fold=1)
    assert quiet.until(at(BERLIN, "2026-10-25T02:40", fold=0)) == second
    assert quiet.until(second) is None


def test_a_start_that_the_clock_shows_twice_is_the_first_one():
    quiet = LocalQuietHours(time(2, 30), time(7), BERLIN)
    assert quiet.until(at(BERLIN, "2026-10-25T02:30", fold=0)) == at(BERLIN, "2026-10-25T07:00")


@given(
    st.sampled_from([BERLIN, KOLKATA, ZoneInfo("America/St_Johns")]),
    st.times(),
    st.times(),
    st.timedeltas(timedelta(0), timedelta(days=365)).map(lambda span: BASE + span),
)
def test_whoever_looks_at_a_clock_within_the_hours_is_left_in_peace(zone, start, end, instant):
    until = LocalQuietHours(start, end, zone).until(instant)
    shown = instant.astimezone(zone).time()
    within = start <= shown < end if start < end else (shown >= start or shown < end)
    assert until is not None or not within
    assert until is None or instant < until <= instant + 26 * HOUR


def test_a_day_is_the_zones_own():
    instant = datetime(2026, 6, 1, 20, tzinfo=UTC)
    assert (day_of(instant, BERLIN), day_of(instant, KOLKATA)) == (date(2026, 6, 1), date(2026, 6, 2))
    assert start_of(date(2026, 6, 2), KOLKATA) == datetime(2026, 6, 1, 18, 30, tzinfo=UTC)
