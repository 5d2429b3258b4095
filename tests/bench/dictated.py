"""How long Discord's limits alone make requests last, however fast whoever sends them is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from giftping.demo.log import Logged
from giftping.demo.ratelimits import Limits, RateLimit

LIMITS = Limits()


def least_seconds(requests: Sequence[Logged]) -> float:
    """Return the seconds between the first and the last of these requests: of all limits, of the one that takes most.

    Every request counts, the one that asks for Discord's time among them: with it 1,000 announcements are 1,001
    requests, of which the last can only go out 20 seconds after the first.
    """
    served = [request for request in requests if not request.limited]
    by_bucket = Counter((request.method, request.template, request.channel_id) for request in served)
    found = [windows_before_the_last(len(served), LIMITS.everything)]
    for (method, template, _), count in by_bucket.items():
        found.append(windows_before_the_last(count, LIMITS.of_route(method, template)))
    return max(found)


def windows_before_the_last(requests: int, limit: RateLimit) -> float:
    """Return how many seconds have to pass before the last of so many requests may go out."""
    return (math.ceil(requests / limit.requests) - 1) * limit.seconds
