"""A clock that nobody sets, for what has to be carried on from an instant that somebody else has named."""

from __future__ import annotations

import time

# Of Linux; it goes on while the machine sleeps, which a monotonic clock need not (clock_gettime(2)).
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def steady_seconds() -> float:
    """Seconds since some moment before this process began; they never jump, whatever is done to the wall clock."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)
