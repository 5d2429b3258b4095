"""Discord's rate limits, as a stand-in enforces them: one for everything, and buckets per route."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from giftping.demo.faults import Scope, rate_limit_answer
from giftping.demo.loopback import Answer

CHANNEL_MESSAGES = "/channels/{channel_id}/messages"
CROSSPOST = CHANNEL_MESSAGES + "/{message_id}/crosspost"
WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests in a window of so many seconds; the window begins with its first request."""

    requests: int
    seconds: float
    scope: Scope = "user"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is enforced.

    The 50 a second for everything is Discord's documented number. Those of the routes are not documented and
    differ in life; these are what guides and Discord's staff have named. `webhook_channel` is a second limit
    on what all webhooks of a channel post into it, and is not announced in any header.
    """

    everything: RateLimit = RateLimit(50, 1.0, "global")
    routes: Mapping[tuple[str, str], RateLimit] = field(
        default_factory=lambda: {
            ("POST", CHANNEL_MESSAGES): RateLimit(5, 5.0),
            ("POST", WEBHOOK): RateLimit(5, 2.0),
            # Whoever publishes in the channel uses it up.
            ("POST", CROSSPOST): RateLimit(10, 3600.0, "shared"),
        }
    )
    others: RateLimit = RateLimit(10, 5.0)
    webhook_channel: RateLimit | None = RateLimit(30, 60.0, "shared")

    def of_route(self, method: str, template: str) -> RateLimit:
        """The limit of one route's buckets."""
        return self.routes.get((method, template), self.others)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a request meets: the headers its answer carries, and the 429 it gets when a limit is used up."""

    headers: Mapping[str, str]
    scope: Scope | None = None
    refusal: Answer | None = None


@dataclass(slots=True)
class _Window:
    limit: RateLimit
    begun: float
    used: int = 0

    @property
    def end(self) -> float:
        return self.begun + self.limit.seconds

    @property
    def full(self) -> bool:
        return self.used >= self.limit.requests


class RateLimiter:
    """Counts requests in windows. Not safe for threads: the stand-in holds its lock around it."""

    def __init__(self) -> None:
        self._windows: dict[str, _Window] = {}

    def claim(self, now: float, shown: str, limits: Sequence[tuple[str, RateLimit]]) -> Claimed:
        """Count one request in every window, or in none when one of them is full.

        `now` is in seconds since the epoch; `limits` holds the key and limit of each window, the one for
        everything first and the bucket that headers tell of second; `shown` is what the bucket's name is made of.
        """
        windows = [self._window(key, limit, now) for key, limit in limits]
        fullest = max((window for window in windows if window.full), key=lambda window: window.end, default=None)
        if fullest is None:
            for window in windows:
                window.used += 1
            return Claimed(_headers(windows[1], shown, now))
        scope = fullest.limit.scope
        headers = {} if scope == "global" else _headers(windows[1], shown, now)
        refusal = rate_limit_answer(scope, fullest.end - now)
        return Claimed(headers, scope, Answer(refusal.status, refusal.body, {**refusal.headers, **headers}))

    def _window(self, key: str, limit: RateLimit, now: float) -> _Window:
        window = self._windows.get(key)
        if window is None or window.limit != limit or now >= window.end:
            window = self._windows[key] = _Window(limit, now)
        return window


def _headers(window: _Window, shown: str, now: float) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(window.limit.requests),
        "X-RateLimit-Remaining": str(window.limit.requests - window.used),
        "X-RateLimit-Reset": f"{window.end:.3f}",
        "X-RateLimit-Reset-After": f"{window.end - now:.3f}",
        "X-RateLimit-Bucket": hashlib.sha256(shown.encode()).hexdigest()[:32],
    }
