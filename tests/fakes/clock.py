"""A clock that goes only when a test says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from fakes.records import NOON


class TestClock:
    """Tells the same instant until it is moved on; calling it is asking for the time."""

    __test__ = False

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, span: timedelta) -> None:
        self.now += span
