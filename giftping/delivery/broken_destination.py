"""Whether a destination that said a lasting no is left alone, and when it is tried again. Pure."""

from __future__ import annotations

from datetime import datetime

from giftping.delivery.clock import is_from_future
from giftping.delivery.retries import LONGEST_RETRY, wait_after
from giftping.discord.meanings import Again, Meaning, meaning_in, meaning_of
from giftping.discord.outcome import Refused
from giftping.store.base import Broken


def is_resting(broken: Broken | None, now: datetime, *, by_webhook: bool = False) -> bool:
    """Whether a destination is broken and not to be tried now.

    A no that is yet to be said was noted by a clock that was wrong, and holds nobody up. Where an older
    release noted that it is never tried again, the table has the last word.
    """
    if broken is None:
        return False
    again = meaning_of_broken(broken, by_webhook=by_webhook).again
    if broken.retry_at is None:
        return again is not Again.SOON
    noted_at = broken.retry_at - (wait_after(again, broken.times) or LONGEST_RETRY)
    return now < broken.retry_at and not is_from_future(noted_at, now)


def broken_after(previous: Broken | None, refused: Refused, meaning: Meaning, now: datetime) -> Broken | None:
    """How a destination stands after a no, None where that says nothing of it.

    It is tried again after a while, then after twice as long each time, up to once a day: somebody may have mended it
    since, and nobody tells giftping. What surely never comes back waits for a person.
    """
    # A no to the token, to this address, or to the one message says nothing of the destination.
    if not refused.lasting or refused.everywhere or meaning.is_of_message:
        return None
    times = previous.times + 1 if previous else 1
    since = min(previous.since, now) if previous else now
    wait = wait_after(meaning.again, times)
    return Broken(since, refused.reason, times, now + wait if wait else None, refused.status, refused.code)


def meaning_of_broken(broken: Broken, *, by_webhook: bool = False) -> Meaning:
    """What the no means that broke a destination."""
    # An older release noted its words alone.
    if broken.status is None:
        return meaning_in(broken.reason, by_webhook=by_webhook)
    return meaning_of(broken.status, broken.code, by_webhook=by_webhook)
