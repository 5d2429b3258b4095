"""Times, counts and names as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fakes.records import NOON
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from giftping.output.phrases import NAME_WIDTH, counted, moment, printable, until, when, who

KOLKATA = ZoneInfo("Asia/Kolkata")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_instants_are_shown_in_the_users_zone_and_its_summer_time() -> None:
    paris = ZoneInfo("Europe/Paris")
    assert when(datetime(2026, 1, 1, 12, tzinfo=UTC), paris) == "2026-01-01 13:00 CET"
    assert when(datetime(2026, 7, 1, 12, tzinfo=UTC), paris) == "2026-07-01 14:00 CEST"
    assert when(None, paris) == "–"


@pytest.mark.parametrize(
    ("away", "said"),
    [
        (timedelta(days=3), "in 3 days"),
        (timedelta(hours=-2), "2 hours ago"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(seconds=10), "now"),
        (timedelta(hours=-26), "1 day ago"),
    ],
)
def test_how_far_away_an_instant_is_in_the_largest_unit_that_fits(away: timedelta, said: str) -> None:
    assert until(NOON + away, NOON) == said


def test_one_is_singular() -> None:
    assert [counted(number, "guild") for number in (0, 1, 2)] == ["0 guilds", "1 guild", "2 guilds"]


@given(st.text(max_size=60))
def test_a_name_fits_its_column_and_obeys_nobody(name: str) -> None:
    shown = who(7, name)
    assert shown
    assert cell_len(shown) <= NAME_WIDTH + 1
    assert printable(shown) == shown


def test_who_has_no_name_is_called_by_the_id() -> None:
    assert [who(7, ""), who(7, "  "), who(7, "Asha")] == ["7", "7", "Asha"]
    assert who(7, "a" * 21) == f"{'a' * 19}…"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (timedelta(0), "today 17:30"),
        (-DAY, "yesterday 17:30"),
        (7 * HOUR, "tomorrow 00:30"),
        (2 * DAY, "2026-05-06 17:30"),
    ],
)
def test_a_time_in_a_table_is_near_or_a_date(after: timedelta, said: str) -> None:
    assert moment(NOON + after, KOLKATA, NOON) == said
