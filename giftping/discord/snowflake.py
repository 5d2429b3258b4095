"""Discord's ids: 64-bit numbers that carry the time at which they were made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
"""The instant at which snowflakes start to count (Discord, API reference, Snowflakes)."""

TIME_SHIFT = 22
"""The bits below the milliseconds: worker, process and increment (same source)."""

_LARGEST = 2**64 - 1


def snowflake_time(snowflake: int) -> datetime:
    """The instant, by Discord's clock and in UTC, at which the id was made; exact to the millisecond."""
    return DISCORD_EPOCH + timedelta(milliseconds=snowflake >> TIME_SHIFT)


def snowflake_at(instant: datetime) -> int:
    """The smallest id of that instant, 0 for one before Discord's epoch."""
    milliseconds = (instant - DISCORD_EPOCH) // timedelta(milliseconds=1)
    return max(milliseconds, 0) << TIME_SHIFT


def parse_snowflake(value: Any) -> int | None:
    """The id that an answer of Discord gives as a string of digits or a number, None where it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST:
        return value
    return None
