"""Keeps requests within Discord's rate limits before Discord has to refuse one.

Source of the rules: Discord's documents, Topics > Rate Limits. Every route belongs to a bucket whose name and state
come with each answer; buckets are counted apart for each channel, guild and webhook. On top of that there are 50
requests a second for a bot, and likewise for an address that sends requests without a token, as webhooks do.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

REQUESTS_PER_SECOND = 50
"""Of one bot, or of one address without a token (Rate Limits > Global Rate Limit)."""

WEBHOOK_LIMIT, WEBHOOK_SECONDS = 5, 2.0
"""What a webhook takes until its answers say otherwise (Discord's staff, discord-api-docs #367; undocumented)."""

LONGEST = 86_400.0
"""Seconds of the longest wait that is believed; more is nonsense from the network."""

PATIENCE = 1.0
"""Seconds to wait after a first 429 that does not say how long; doubled with each further one."""

MARGIN = 0.005
"""Seconds added to every window that Discord names, since it rounds them to milliseconds."""


class TooLongError(Exception):
    """A wait would outlast what the run may still spend waiting; `everywhere` when it is not for one bucket alone."""

    def __init__(self, seconds: float, left: float, *, everywhere: bool) -> None:
        super().__init__(f"rate limited for {seconds:.0f} s, and this run may wait {left:.0f} s more")
        self.everywhere = everywhere


@dataclass(slots=True)
class Bucket:
    """So many requests until a reset. Instants are those of a monotonic clock, in seconds."""

    limit: int = 1
    """Requests of one window; a guess until an answer tells."""
    seconds: float = 0.0
    """How long a window lasts; a guess, too."""
    remaining: int = 1
    """Requests that the last answer left, those under way among them."""
    reset_at: float | None = None
    """When the window ends, None while none is open."""
    in_flight: int = 0
    """Requests that have not been answered yet."""
    closed_until: float = 0.0
    """Until when a 429 wants nothing of this bucket."""

    def ready_at(self, now: float) -> float | None:
        """When the next request may go out, None when one that is under way has to be answered first."""
        if self.reset_at is not None and now >= self.reset_at:
            self.remaining, self.reset_at = max(self.limit, 1), None
        if self.remaining > self.in_flight:
            return max(now, self.closed_until)
        # The requests under way may be among those that an answer has counted: then there is room before the reset.
        may_have_room = self.remaining > 0 and self.in_flight > 0
        return None if may_have_room or self.reset_at is None else max(self.reset_at, self.closed_until)

    def seconds_to_reset(self, now: float) -> float | None:
        """How long the window lasts yet, None when that is not known."""
        return None if self.reset_at is None else max(0.0, self.reset_at - now)

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take in what an answer, or the lack of one, says of the bucket."""
        remaining = number(headers.get("x-ratelimit-remaining"))
        reset_after = number(headers.get("x-ratelimit-reset-after"))
        if remaining is None or reset_after is None:
            # No answer, or one of a proxy: the request may have been counted all the same.
            self.remaining -= 1
            self.reset_at = now + self.seconds if self.reset_at is None else self.reset_at
            return
        self.limit = int(number(headers.get("x-ratelimit-limit")) or self.limit)
        window_is_open = self.reset_at is not None and now < self.reset_at
        # Answers may overtake each other: within one window the smallest number is the latest.
        self.remaining = min(self.remaining, int(remaining)) if window_is_open else int(remaining)
        self.reset_at = max(self.reset_at or 0.0, now + reset_after + MARGIN)


@dataclass(slots=True)
class Pace:
    """The rate of everything that one bot, or one address, sends.

    A request counts from when it goes out until a second after its answer: Discord has seen it at some
    instant between the two, so that no second of Discord's ever holds more than the limit. That costs what
    an answer takes, once a second: where it takes 20 ms the bot sends 49 a second, where it takes 200 ms 42.
    """

    in_flight: int = 0
    in_line: int = 0
    """Threads that wait for a place."""
    answers: deque[float] = field(default_factory=deque)
    """When the answers of the last second came, the oldest first."""
    closed_until: float = 0.0
    """Until when a 429 wants nothing from this sender."""

    def ready_at(self, now: float) -> float | None:
        """When the next request may go out, None when one that is under way has to be answered first."""
        while self.answers and self.answers[0] + 1.0 <= now:
            self.answers.popleft()
        if self.in_flight + len(self.answers) < REQUESTS_PER_SECOND:
            return now
        # The places that come free before are for those in line: all of them awake for each would be awake for nothing.
        return self.answers[self.in_line] + 1.0 if self.in_line < len(self.answers) else None

    def answered(self, now: float) -> None:
        """Count one request as answered."""
        self.in_flight -= 1
        self.answers.append(now)

    def given_back(self) -> None:
        """Count one request as never sent."""
        self.in_flight -= 1


@dataclass(slots=True)
class Budget:
    """What a run may spend waiting. Waits side by side count once; keeping to the 50 a second is not waiting."""

    seconds: float
    spent: float = 0.0
    waited_until: float = 0.0
    """The end of the latest wait that was charged: another thread that waits until then costs nothing more."""

    def spend(self, now: float, until: float, *, everywhere: bool) -> None:
        """Charge a wait. Raise TooLongError, with nothing charged, when there is not enough left for it."""
        # What another thread has been charged for already is not charged again.
        charge = max(0.0, until - max(now, self.waited_until))
        left = max(0.0, self.seconds - self.spent)
        if charge > left:
            raise TooLongError(until - now, left, everywhere=everywhere)
        self.spent += charge
        self.waited_until = max(self.waited_until, until)


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a request queues."""

    route: str
    """Its method and path, with names in place of ids."""
    resource: str = field(repr=False)
    """The channel, guild or webhook that it is about."""
    as_bot: bool
    """Whether the bot sends it, or this address without a token."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to send one request, to be handed back with its answer, or unused."""

    lane: Lane
    bucket: Bucket


@dataclass(frozen=True, slots=True)
class Hold:
    """Discord's wish, with a 429, for a pause in this bucket, or of everything from this sender."""

    seconds: float
    everywhere: bool
    """Whether all of the sender's requests are to wait, and not only those of the bucket."""


class Pacer:
    """Lets requests through at Discord's pace. Safe to use from several threads."""

    def __init__(self, budget: float, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._budget = Budget(budget)
        self._changed = threading.Condition()
        self._paces = {True: Pace(), False: Pace()}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._names: dict[str, str] = {}

    def enter(self, lane: Lane) -> Ticket:
        """The right to send a request, once it may go out. Raise TooLongError when the run may not wait that long."""
        pace = self._paces[lane.as_bot]
        while True:
            with self._changed:
                now, bucket = self._monotonic(), self._bucket(lane)
                at = self._open_at(pace, bucket, now)
                is_in_line = at is not None and at <= now
                if is_in_line:
                    at = pace.ready_at(now)
                if at is None:
                    # No answer may come for long, but the reset will.
                    self._changed.wait(bucket.seconds_to_reset(now))
                    continue
                if at <= now:
                    bucket.in_flight += 1
                    pace.in_flight += 1
                    return Ticket(lane, bucket)
                pace.in_line += is_in_line
            try:
                # Outside the lock, so that nobody else waits along, and decided anew afterwards: much may have changed.
                self._sleep(at - now)
            finally:
                with self._changed:
                    pace.in_line -= is_in_line

    def _open_at(self, pace: Pace, bucket: Bucket, now: float) -> float | None:
        """When neither a 429 nor the bucket keeps a request back, None when that depends on one under way.

        The wait until then is charged.
        """
        # First what holds for everything: a bucket that is free is of no use then.
        if pace.closed_until > now:
            self._budget.spend(now, pace.closed_until, everywhere=True)
            return pace.closed_until
        ready = bucket.ready_at(now)
        if ready is not None and ready > now:
            self._budget.spend(now, ready, everywhere=False)
        return ready

    def leave(self, ticket: Ticket, headers: Mapping[str, str], hold: Hold | None = None) -> None:
        """Hand a ticket back with the headers of the answer, none where there was no answer, and what a 429 wants."""
        with self._changed:
            now, lane = self._monotonic(), ticket.lane
            pace = self._paces[lane.as_bot]
            pace.answered(now)
            ticket.bucket.in_flight -= 1
            # Discord may name another bucket for a route at any time.
            if name := headers.get("x-ratelimit-bucket"):
                self._names[lane.route] = name
            bucket = self._bucket(lane)
            bucket.learn(headers, now)
            if hold is not None:
                held = pace if hold.everywhere else bucket
                held.closed_until = max(held.closed_until, now + hold.seconds + MARGIN)
            self._changed.notify_all()

    def give_back(self, ticket: Ticket) -> None:
        """Hand a ticket back whose request was not sent: it counts for nothing, and another may have its place."""
        with self._changed:
            self._paces[ticket.lane.as_bot].given_back()
            ticket.bucket.in_flight -= 1
            self._changed.notify_all()

    def _bucket(self, lane: Lane) -> Bucket:
        # Until an answer names its bucket a route has one of its own; several may then turn out to share one.
        by_route, by_name = (lane.route, lane.resource), (self._names.get(lane.route, lane.route), lane.resource)
        unnamed = self._buckets.pop(by_route, None)
        if by_name not in self._buckets:
            fresh = Bucket() if lane.as_bot else Bucket(WEBHOOK_LIMIT, WEBHOOK_SECONDS, WEBHOOK_LIMIT)
            self._buckets[by_name] = unnamed or fresh
        return self._buckets[by_name]


def is_from_discord(headers: Mapping[str, str]) -> bool:
    """Whether a 429 is Discord's own.

    Cloudflare, which stands before it and bans an address, sends neither `Via` nor rate limit headers
    (Discord's staff, discord-api-docs #5810).
    """
    return "via" in headers or any(name.startswith("x-ratelimit-") for name in headers)


def hold_of(headers: Mapping[str, str], body: Any, tries: int) -> Hold:
    """How long, and for what, a 429 of Discord's wants us to wait; `tries` counts those of this request.

    The body is more exact than the header. One that says nothing sensible, or says too little again and
    again, is met with PATIENCE.
    """
    said = body if isinstance(body, dict) else {}
    waits = (said.get("retry_after"), headers.get("retry-after"), headers.get("x-ratelimit-reset-after"))
    seconds = next((wait for wait in map(number, waits) if wait is not None), None)
    patience = PATIENCE * 2 ** (tries - 1)
    everywhere = (
        headers.get("x-ratelimit-scope") == "global"
        or headers.get("x-ratelimit-global", "").lower() == "true"
        or said.get("global") is True
    )
    return Hold(patience if seconds is None else max(seconds, patience * (tries > 1)), everywhere)


def number(value: object) -> float | None:
    """A header's or body's number of seconds or requests, at most LONGEST; None where it is no such number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return min(found, LONGEST) if math.isfinite(found) and found >= 0 else None
