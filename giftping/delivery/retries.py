"""When what a no of Discord's stands against is tried again, as long as nobody has mended it. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from giftping.discord.meanings import Again, Meaning

FIRST_RETRY = {Again.SOON: timedelta(minutes=30), Again.HOURS: timedelta(hours=1)}
"""How long it is left alone at first; each further no doubles it."""

LONGEST_RETRY = timedelta(hours=24)


def wait_after(again: Again, times: int) -> timedelta | None:
    """How long to leave alone what has said so many noes, None where it is not tried again by itself."""
    first = FIRST_RETRY.get(again)
    # Bounded, because a destination may be broken for years.
    return min(first * 2 ** min(max(times, 1) - 1, 10), LONGEST_RETRY) if first else None


def message_retry_at(meaning: Meaning, times: int, now: datetime) -> datetime | None:
    """When a message that alone was refused so often is tried again; None for another no, which any run tries."""
    wait = wait_after(meaning.again, times) if meaning.is_of_message else None
    return now + wait if wait else None


def is_left_alone(retry_at: datetime | None, now: datetime) -> bool:
    """Whether it is not yet time to try again; a time that nobody waits for was noted by a clock that was wrong."""
    return retry_at is not None and now < retry_at <= now + LONGEST_RETRY
