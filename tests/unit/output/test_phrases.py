"""Times, counts and names as people read them."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from fakes.records import NOON
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from giftping.output.phrases import NAME_WIDTH, moment, who
from giftping.text import printable

KOLKATA = ZoneInfo("Asia/Kolkata")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


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
