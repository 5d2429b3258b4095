"""The stand-ins' own clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


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
