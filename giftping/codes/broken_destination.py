"""Whether a destination that said a lasting no is left alone, and when it is tried again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from giftping.store.base import Broken, GuildRecord

FIRST_RETRY = timedelta(hours=1)
LONGEST_RETRY = timedelta(hours=24)

NEVER_AGAIN = frozenset({401, 404})
"""Discord asks never to use a webhook again that answered 404; a token that it does not know stays unknown."""


def is_resting(guild: GuildRecord, now: datetime) -> bool:
    """Whether the guild's destination is broken and not to be tried now."""
    broken = guild.broken
    return broken is not None and (broken.retry_at is None or now < broken.retry_at)


def broken_after(previous: Broken | None, status: int | None, reason: str, now: datetime) -> Broken:
    """How a destination stands after a lasting no.

    A refusal for want of permission is tried again after an hour, then after two, up to once a day: somebody may have
    given the permission since, and nobody tells giftping. What is gone waits for a person.
    """
    times = previous.times + 1 if previous else 1
    since = previous.since if previous else now
    # Bounded, because a destination may be broken for years.
    wait = min(FIRST_RETRY * 2 ** min(times - 1, 10), LONGEST_RETRY)
    return Broken(since=since, reason=reason, times=times, retry_at=None if status in NEVER_AGAIN else now + wait)
