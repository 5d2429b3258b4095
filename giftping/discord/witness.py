"""Discord's own time, as its last answer told it, and carried on from there."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from giftping.discord.outcome import Refused, Unclear
from giftping.discord.snowflake import snowflake_at
from giftping.net.http_date import http_date
from giftping.net.steady import steady_seconds

ANCHOR_MARGIN = timedelta(seconds=60)
"""How much earlier than Discord's time an anchor lies. Its `Date` has whole seconds, and its servers differ by some;
a minute more to read back costs nothing, and a message that a look begins behind is posted twice."""

HEARD_FOR = timedelta(hours=1)
"""How long the bot, which lives for weeks, carries a `Date` on before it asks anew: any clock drifts, and that of a
virtual machine stands still while it is paused."""


ASKS, UNANSWERED_FOR = 3, timedelta(minutes=1)
"""How often Discord is asked for its time in vain before it is asked no more, and for how long then."""

NO_TIME = "Discord's answer does not say what time it is"


class Witness:
    """What Discord says the time is. `steady` gives the seconds of a clock that nobody sets."""

    def __init__(self, steady: Callable[[], float] = steady_seconds) -> None:
        self._steady = steady
        # One attribute, so that no thread sees the instant of one answer with the seconds of another.
        self._heard: tuple[datetime, float] | None = None
        self._asking = threading.Lock()
        self._unanswered = deque[tuple[float, Refused | Unclear]](maxlen=ASKS)

    def read(self) -> float:
        """What the steady clock shows, to be noted when an answer comes, and given to `hear` once it is understood."""
        return self._steady()

    def hear(self, date: str, at: float) -> None:
        """Take in the `Date` of an answer that came `at` so many seconds; an absurd one says nothing."""
        named = http_date(date)
        if named is not None:
            self._heard = named, at

    def now(self) -> datetime | None:
        """Discord's time at this moment, None before it has named one.

        It is never ahead of Discord: a `Date` is as old as its way here, and loses the part of its second.
        """
        heard = self._heard
        return None if heard is None else heard[0] + timedelta(seconds=self._steady() - heard[1])

    def ask(self, request: Callable[[], object]) -> Refused | Unclear | None:
        """None where Discord's time is known, also from the answer to `request`; else why it is not.

        `request` makes one request, whose result is a Refused, an Unclear or an answer; it is not made where it need
        not be. Of several threads one asks, and the others wait for it.
        """
        with self._asking:
            if self.is_fresh():
                return None
            # Where nothing answers, each of a thousand guilds would wait for it, one after the other.
            if len(self._unanswered) == ASKS:
                since, unheard = self._unanswered[0][0], self._unanswered[-1][1]
                if self._steady() - since < UNANSWERED_FOR.total_seconds():
                    return unheard
            result = request()
            if self.is_fresh():
                return None
            unheard = result if isinstance(result, Refused | Unclear) else Unclear(NO_TIME)
            # What was not even sent says nothing of Discord.
            if isinstance(unheard, Unclear) or not (unheard.everywhere or unheard.withdrawn):
                self._unanswered.append((self._steady(), unheard))
            return unheard

    def is_fresh(self) -> bool:
        """Whether Discord has named its time, and not too long ago to go by it."""
        heard = self._heard
        return heard is not None and self._steady() - heard[1] < HEARD_FOR.total_seconds()

    def anchor(self) -> int | None:
        """The snowflake that no message made from now on is below; None before Discord has named its time."""
        now = self.now()
        return None if now is None else snowflake_at(now - ANCHOR_MARGIN)
