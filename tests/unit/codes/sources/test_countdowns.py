from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.model import Listing, Sighting
from giftping.codes.sources.countdowns import _LEFT, countdown_of, steadied
from giftping.codes.sources.dates import read_expiry
from giftping.settings.sources import DateRules

NOW = datetime(2027, 1, 31, 12, 5, tzinfo=UTC)


def listed(text: str, now: datetime, spelling: str = "GIFT1") -> Listing:
    expiry = read_expiry(text, DateRules(), now)
    return Listing((Sighting("a", "rise", spelling, expires_at=expiry.at, expiry_text=expiry.text),))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("7 days left", "2027-02-07"), ("Expires in 7 days", "2027-02-07"), ("1 week remaining", "2027-02-07"),
        ("in 2 weeks", "2027-02-14"), ("残り7日", "2027-02-07"), ("あと3日", "2027-02-03"), ("剩余7天", "2027-02-07"),
        ("7일 남음", "2027-02-07"), ("noch 7 Tage", "2027-02-07"), ("today", "2027-01-31"),
        ("0 days left", "2027-01-31"),        ("Ends tomorrow", "2027-02-01"), ("1 DAY LEFT", "2027-02-01"),
    ],
)  # fmt: skip
def test_days_that_are_left_mean_the_day_that_they_end_on_when_they_are_read(text, day):
    found = read_expiry(text, DateRules(), NOW)
    assert found.text == f"{day} ({text})"
    assert found.at == datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1)


def test_the_day_is_counted_in_the_sources_zone():
    found = read_expiry("1 day left", DateRules(zone="Asia/Tokyo"), datetime(2027, 1, 31, 20, tzinfo=UTC))
    assert found.text == "2027-02-02 (1 day left)"
    assert found.at == datetime(2027, 2, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("Expires in 3 hours", datetime(2027, 1, 31, 16, tzinfo=UTC)),
        ("2d 5h left", datetime(2027, 2, 2, 18, tzinfo=UTC)),
        ("1 day and 3 hours left", datetime(2027, 2, 1, 16, tzinfo=UTC)),
        ("残り2時間30分", datetime(2027, 1, 31, 14, 35, tzinfo=UTC)),
    ],
)
def test_hours_that_are_left_end_no_earlier_than_they_say(text, at):
    assert read_expiry(text, DateRules(), NOW).at == at


@pytest.mark.parametrize("text", ["7 days", "valid for 7 days", "level 7 left", "7 lives left", "End of May", "12"])
def test_what_does_not_say_how_long_it_is_until_the_end_is_no_date(text):
    found = read_expiry(text, DateRules(), NOW)
    assert (found.at, found.text) == (None, text)


@pytest.mark.parametrize("text", ["expired 3 days ago", "2 days ago", "Ended: 5h ago"])
def test_what_ended_some_time_ago_has_ended(text):
    assert read_expiry(text, DateRules(), NOW).expired


@given(st.from_regex(_LEFT, fullmatch=True), st.integers(0, 10**9))
def test_whatever_counts_down_gives_an_end_that_is_not_over(text, seconds):
    found = read_expiry(text, DateRules(), now := NOW + timedelta(seconds=seconds))
    assert found.at is None or found.at >= now


@given(st.integers(0, 60), st.integers(0, 48), st.booleans())
def test_an_end_stays_where_it_is_while_a_source_counts_down_to_it(days, later, rounds_up):
    """Whichever way the source rounds, and at whatever time of the day it is read."""
    end = NOW + timedelta(days=days, hours=7)

    def said(now: datetime) -> str:
        left = end - now
        return f"{left.days + (1 if rounds_up else 0)} days left"

    first = listed(said(NOW), NOW)
    now = NOW + timedelta(hours=later)
    if now < end:
        again = steadied(listed(said(now), now), first, now)
        assert again.sightings[0].expires_at == first.sightings[0].expires_at or days == 0


def test_a_text_that_nobody_brings_up_to_date_does_not_move_the_end():
    first = listed("7 days left", NOW)
    later = NOW + timedelta(days=9)
    assert steadied(listed("7 days left", later), first, later) == first


def test_an_end_that_was_put_off_is_another_one():
    first = listed("2 days left", NOW)
    later = NOW + timedelta(days=1)
    assert steadied(listed("9 days left", later), first, later).sightings[0].expiry_text == "2027-02-10 (9 days left)"


def test_a_stated_date_is_taken_as_it_is_whatever_was_counted_before():
    first = listed("2 days left", NOW)
    assert steadied(listed("2027-02-01", NOW), first, NOW) == listed("2027-02-01", NOW)
    assert steadied(listed("2 days left", NOW, "OTHER"), first, NOW) == listed("2 days left", NOW, "OTHER")
    assert countdown_of("2027-02-01") is None
