"""Whether a destination that said a lasting no is left alone, and when it is tried again. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from giftping.delivery.clock import is_from_future
from giftping.discord.meanings import Again, Meaning, meaning_of
from giftping.discord.outcome import Refused
from giftping.store.base import Broken, GuildRecord

FIRST_RETRY = {Again.SOON: timedelta(minutes=30), Again.HOURS: timedelta(hours=1)}
"""How long a destination is left alone at first; each further no doubles it."""

LONGEST_RETRY = timedelta(hours=24)

_REASON = re.compile(r"HTTP (\d{3})\b[^()]*(?:\((\d+)\))?")
"""How a reason begins that an older release noted: the status, Discord's words, and its code."""


def is_resting(guild: GuildRecord, now: datetime) -> bool:
    """Whether the guild's destination is broken and not to be tried now.

    A no that is yet to be said was noted by a clock that was wrong, and holds nobody up. Where an older
    release noted that it is never tried again, the table has the last word.
    """
    broken = guild.broken
    if broken is None:
        return False
    if broken.retry_at is None:
        return meaning_of_broken(guild).again is not Again.SOON
    noted_at = broken.retry_at - (_wait(meaning_of_broken(guild).again, broken.times) or LONGEST_RETRY)
    return now < broken.retry_at and not is_from_future(noted_at, now)


def broken_after(previous: Broken | None, refused: Refused, meaning: Meaning, now: datetime) -> Broken:
    """How a destination stands after a lasting no.

    It is tried again after a while, then after twice as long each time, up to once a day: somebody may have mended it
    since, and nobody tells giftping. What surely never comes back waits for a person.
    """
    times = previous.times + 1 if previous else 1
    since = min(previous.since, now) if previous else now
    wait = _wait(meaning.again, times)
    return Broken(since, refused.reason, times, now + wait if wait else None, refused.status, refused.code)


def _wait(again: Again, times: int) -> timedelta | None:
    """How long a destination is left alone after so many noes, None for one that is not tried again by itself."""
    first = FIRST_RETRY.get(again)
    # Bounded, because a destination may be broken for years.
    return min(first * 2 ** min(max(times, 1) - 1, 10), LONGEST_RETRY) if first else None


def meaning_of_broken(guild: GuildRecord) -> Meaning:
    """What the no means that broke the guild's destination."""
    broken = guild.broken
    status, code = (broken.status, broken.code) if broken else (None, None)
    if broken is not None and status is None and (said := _REASON.match(broken.reason)):
        status, code = int(said[1]), int(said[2]) if said[2] else None
    return meaning_of(status, code, by_webhook=bool(guild.destination.webhook))
