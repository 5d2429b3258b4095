from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.settings.durations import duration_text, parse_duration


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        (" 12h ", timedelta(hours=12)),
        ("1d", timedelta(days=1)),
        ("0s", timedelta()),
    ],
)
def test_a_span_is_a_number_and_a_unit(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (90, '90 has no unit; write "90s", "90m", "90h" or "90d"'),
        ("90", '90 has no unit; write "90s", "90m", "90h" or "90d"'),
        ("4000d", '"4000d" is longer than ten years'),
        *[
            (value, f"{str(value)!r} is not a span of time")
            for value in ("1h30m", "5 minutes", "-5m", "", True, 1.5, "٣m", "9999999999s")
        ],
    ],
)
def test_anything_else_is_refused_with_the_fix(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=r"unit|span|longer") as caught:
        parse_duration(value)
    assert str(caught.value).startswith(reason)


@given(st.integers(0, 3650 * 86400))
def test_a_span_is_written_as_it_is_read(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert parse_duration(duration_text(span)) == span


def test_a_span_is_written_in_the_largest_unit_that_fits() -> None:
    spans = [timedelta(days=2), timedelta(hours=36), timedelta(minutes=90), timedelta(seconds=61), timedelta()]
    assert [duration_text(span) for span in spans] == ["2d", "36h", "90m", "61s", "0s"]
