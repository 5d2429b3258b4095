"""A wait that ends when a run is told to stop."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_EVERY = 0.1
"""Seconds between two looks whether it has been told to stop."""


def sleep_unless(stopped: Callable[[], bool], seconds: float, sleep: Callable[[float], None] = time.sleep) -> None:
    """Sleep for so many seconds, or until soon after it is said to stop."""
    # In pieces, because a signal handler that returns lets Python's own sleep go on to its end.
    whole, rest = divmod(seconds, LOOK_EVERY)
    for piece in (*(LOOK_EVERY for _ in range(int(whole))), rest):
        if stopped():
            return
        sleep(piece)
