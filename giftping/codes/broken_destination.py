"""Whether a destination that said a lasting no is left alone, and when it is tried again. Pure."""

from __future__ import annotations

from datetime import datetime

from giftping.delivery.clock import is_from_future
from giftping.delivery.retries import LONGEST_RETRY, wait_after
from giftping.discord.meanings import Again, Meaning, meaning_in, meaning_of
from giftping.discord.outcome import Refused
from giftping.store.base import Broken, Subscription


def is_resting(subscription: Subscription, now: datetime) -> bool:
    """Whether its destination is broken and not to be tried now.

    A no that is yet to be said was noted by a clock that was wrong, and holds nobody up. Where an older
    release noted that it is never tried again, the table has the last word.
    """
    broken = subscription.broken
    if broken is None:
        return False
    if broken.retry_at is None:
        return meaning_of_broken(subscription).again is not Again.SOON
    noted_at = broken.retry_at - (wait_after(meaning_of_broken(subscription).again, broken.times) or LONGEST_RETRY)
    return now < broken.retry_at and not is_from_future(noted_at, now)


def broken_after(previous: Broken | None, refused: Refused, meaning: Meaning, now: datetime) -> Broken:
    """How a destination stands after a lasting no.

    It is tried again after a while, then after twice as long each time, up to once a day: somebody may have mended it
    since, and nobody tells giftping. What surely never comes back waits for a person.
    """
    times = previous.times + 1 if previous else 1
    since = min(previous.since, now) if previous else now
    wait = wait_after(meaning.again, times)
    return Broken(since, refused.reason, times, now + wait if wait else None, refused.status, refused.code)


def meaning_of_broken(subscription: Subscription) -> Meaning:
    """What the no means that broke its destination."""
    broken = subscription.broken
    # An older release noted its words alone.
    if broken is not None and broken.status is None:
        return meaning_of_reason(subscription, broken.reason)
    status, code = (broken.status, broken.code) if broken else (None, None)
    return meaning_of(status, code, by_webhook=bool(subscription.destination.webhook))


def meaning_of_reason(subscription: Subscription, reason: str) -> Meaning:
    """What a refusal of its destination means, of which the reason alone is on record."""
    return meaning_in(reason, by_webhook=bool(subscription.destination.webhook))
