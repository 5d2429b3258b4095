"""The stand-ins' own clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Gives the present instant, aware and in UTC."""


class ShiftedClock:
    """The machine's clock, which tests may put forward."""

    def __init__(self) -> None:
        self._shift = timedelta()

    def __call__(self) -> datetime:
        """The present instant of this clock."""
        return datetime.now(UTC) + self._shift

    def forward(self, by: timedelta) -> None:
        """Put the clock forward."""
        self._shift += by
