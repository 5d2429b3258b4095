"""Time that counts: periods in which a clock stands still, and how much is left beside them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, such as a pause or a downtime."""

    start: datetime
    end: datetime | None = None
    """The first instant that is not in it any more; without one it goes on for good."""

    def holds(self, instant: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.start <= instant and (self.end is None or instant < self.end)


def counted_time(start: datetime, now: datetime, frozen: Iterable[Period] = ()) -> timedelta:
    """How much of the time from start to now counts: all but the frozen periods; nothing before the start."""
    total = now - start
    # Joined first: a pause within a downtime is not to be taken off twice.
    for period in joined(frozen):
        overlap = min(now, period.end or now) - max(start, period.start)
        total -= max(overlap, timedelta(0))
    return max(total, timedelta(0))


def reached(start: datetime, wanted: timedelta, frozen: Iterable[Period] = ()) -> datetime | None:
    """The first instant at which `wanted` of the time since the start has counted; None when it never will."""
    at, left = start, wanted
    for period in joined(frozen):
        if period.end is not None and period.end <= at:
            continue
        running = max(period.start - at, timedelta(0))
        # Thresholds are inclusive: what is reached just as a period begins is reached then, not at its end.
        if left <= running:
            break
        if period.end is None:
            return None
        left -= running
        at = period.end
    return at + left


def joined(periods: Iterable[Period]) -> list[Period]:
    """The same time as periods that neither touch nor overlap, in order; empty and reversed ones go."""
    result: list[Period] = []
    for period in sorted(periods, key=lambda period: period.start):
        if period.end is not None and period.end <= period.start:
            continue
        last = result[-1] if result else None
        if last is None or (last.end is not None and last.end < period.start):
            result.append(period)
        elif last.end is not None:
            result[-1] = Period(last.start, None if period.end is None else max(last.end, period.end))
    return result


def unfrozen(instant: datetime, frozen: Iterable[Period]) -> datetime | None:
    """The instant itself, or the end of the frozen period that it lies in; None when that has no end."""
    period = next((period for period in joined(frozen) if period.holds(instant)), None)
    return instant if period is None else period.end
