from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.sources.dates import Expiry, read_expiry
from giftping.settings.sources import DateRules
from giftping.text import last_day

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)


def at(text: str, *formats: str, zone: str = "UTC", strip: str = "") -> datetime | None:
    return read_expiry(text, DateRules(formats=formats, zone=zone, strip=strip), NOW).at


def test_d22_a_date_without_a_time_is_valid_through_the_end_of_that_day():
    assert at("2026-05-10") == datetime(2026, 5, 11, tzinfo=UTC)
    assert at("05/10/2026", "%m/%d/%Y") == datetime(2026, 5, 11, tzinfo=UTC)


def test_d22_the_end_of_the_day_is_that_of_the_sources_zone_in_summer_and_in_winter():
    assert at("2026-07-01", zone="America/Los_Angeles") == datetime(2026, 7, 2, 7, tzinfo=UTC)
    assert at("2026-12-01", zone="America/Los_Angeles") == datetime(2026, 12, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("text", ["End of May", "May 20", "soon", "20260510", "2026-W20", "2026-13-40", "indef", "12"])
def test_d22_text_that_is_no_stated_date_is_kept_and_counts_as_none(text):
    found = read_expiry(text, DateRules(formats=("%B %d, %Y",)), NOW)
    assert (found.at, found.text, found.expired) == (None, text, False)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-05-10 23:59", datetime(2026, 5, 10, 23, 59, tzinfo=UTC)),
        ("2026-05-10T23:59:00Z", datetime(2026, 5, 10, 23, 59, tzinfo=UTC)),
        ("2026-05-10T23:59:00.123456789+08:00", datetime(2026, 5, 10, 15, 59, 0, 123456, tzinfo=UTC)),
        ("2026-05-10T23:59:00-0500", datetime(2026, 5, 11, 4, 59, tzinfo=UTC)),
        ("$D2026-05-10T23:59:00.000Z", datetime(2026, 5, 10, 23, 59, tzinfo=UTC)),
        ("1778457540", datetime(2026, 5, 10, 23, 59, tzinfo=UTC)),
        ("1778457540000", datetime(2026, 5, 10, 23, 59, tzinfo=UTC)),
    ],
)
def test_a_stated_time_is_the_expiry_itself(text, instant):
    assert at(text) == instant


def test_a_time_in_a_stated_format_is_read_in_the_sources_zone():
    assert at("10.05.2026 23:59", "%d.%m.%Y", "%d.%m.%Y %H:%M", zone="Europe/Berlin") == datetime(
        2026, 5, 10, 21, 59, tzinfo=UTC
    )


def test_what_stands_before_a_date_can_be_stripped():
    assert at("Expires: 2026-05-10", strip=r"^Expires:\s*") == datetime(2026, 5, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z", "1970-01-01", "1000000000", "9999-12-31", "9999-12-31T23:59:59Z", "0", "0.0", "-1",
        "null",        "None", "N/A", "false", "-", "–", "0000-00-00 00:00:00", " ",
    ],
)  # fmt: skip
def test_what_only_fills_the_place_of_a_date_states_none(text):
    assert read_expiry(text, DateRules(), NOW) == Expiry()


def test_a_day_is_kept_as_the_source_named_it_whatever_its_zone():
    found = read_expiry("January 31, 2027", DateRules(formats=("%B %d, %Y",), zone="America/Los_Angeles"), NOW)
    assert (found.text, found.at) == ("2027-01-31", datetime(2027, 2, 1, 8, tzinfo=UTC))
    assert last_day(found.at, found.text) == "2027-01-31"


def test_a_stated_time_is_no_day():
    found = read_expiry("2027-01-31 00:00", DateRules(), NOW)
    assert last_day(found.at, found.text) == ""


def test_words_for_expired_say_so():
    assert read_expiry("EXP", DateRules(), NOW).expired
    assert read_expiry("over", DateRules(expired=("over",)), NOW).expired


@given(st.text(max_size=40) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([+-]\d\d:?\d\d)?", fullmatch=True))
def test_any_text_is_read_without_an_exception_and_any_instant_is_aware(text):
    found = read_expiry(text, DateRules(formats=("%d.%m.%Y", "%H %z")), NOW)
    assert found.at is None or found.at.tzinfo is not None
