"""How long a test waits for what has to come.

No test measures this machine: one that is slow, or stands still for a minute, makes none fail. What the main thread
of a test waits for needs no limit of its own, since pytest ends what hangs (`timeout` in pyproject.toml). That reaches
no other thread, which gives up as late.
"""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENT = 900.0
"""Seconds after which what has not come will not."""


def wait_until(reached: Callable[[], object], told: str, pause: float = 0.005) -> None:
    """Return when something has come about. Raise AssertionError with what was told when it does not."""
    end = time.monotonic() + PATIENT
    while not reached():
        assert time.monotonic() < end, told
        time.sleep(pause)
