"""Discord's ids: 64-bit numbers that carry the time at which they were made. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

DISCORD_EPOCH = datetime(2015, 1, 1, tzinfo=UTC)
"""The instant at which snowflakes start to count (Discord, API reference, Snowflakes)."""

TIME_SHIFT = 22
"""The bits below the milliseconds: worker, process and increment (same source)."""


def snowflake_time(snowflake: int) -> datetime:
    """The instant, by Discord's clock and in UTC, at which the id was made; exact to the millisecond."""
    return DISCORD_EPOCH + timedelta(milliseconds=snowflake >> TIME_SHIFT)


def snowflake_at(instant: datetime) -> int:
    """The smallest id of that instant, 0 for one before Discord's epoch."""
    milliseconds = (instant - DISCORD_EPOCH) // timedelta(milliseconds=1)
    return max(milliseconds, 0) << TIME_SHIFT
