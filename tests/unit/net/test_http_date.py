"""What a server says the time is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.net.http_date import EARLIEST_DATE, LATEST_DATE, http_date

NOON = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "Fri, 20 Nov 2026 12:00:30 GMT",
        " Fri, 20 Nov 2026 12:00:30 GMT ",
        "Fri, 20 Nov 2026 13:00:30 +0100",
        "Fri, 20 Nov 2026 12:00:30 -0000",
        "Friday, 20-Nov-26 12:00:30 GMT",
        "Fri Nov 20 12:00:30 2026",
    ],
)
def test_each_form_of_a_date_is_read(value: str) -> None:
    assert http_date(value) == NOON


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0",
        "-1",
        "yesterday",
        "Thu, 01 Jan 1970 00:00:09 GMT",
        "Tue, 31 Dec 2019 23:59:59 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Fri, 31 Feb 2026 12:00:00 GMT",
        "Fri, 20 Nov 2026 25:00:00 GMT",
        "Fri, 20 Nov 99999 12:00:00 GMT",
        "Fri, 20 Nov 2026 12:00:30 GMT, Fri, 20 Nov 2026 12:00:30 GMT",
    ],
)
def test_what_is_no_date_or_an_absurd_one_says_nothing(value: str) -> None:
    found = http_date(value)
    assert found is None or found == NOON


@given(st.text(max_size=60))
def test_nothing_that_a_server_writes_is_an_error(value: str) -> None:
    found = http_date(value)
    assert found is None or EARLIEST_DATE <= found < LATEST_DATE


@given(st.integers(0, int((LATEST_DATE - EARLIEST_DATE).total_seconds()) - 1))
def test_what_servers_write_is_read_to_the_second(seconds: int) -> None:
    instant = EARLIEST_DATE + timedelta(seconds=seconds)
    assert http_date(format_datetime(instant, usegmt=True)) == instant
