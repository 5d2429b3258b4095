"""Time that counts: spans in which a clock stands still, quiet hours, days. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time, its end not included; without an end it goes on for good."""

    start: datetime
    end: datetime | None = None

    def holds(self, instant: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.start <= instant and (self.end is None or instant < self.end)


def counted(start: datetime, now: datetime, frozen: Iterable[Period] = ()) -> timedelta:
    """How much of the time from start to now counts: all but the frozen spans; nothing before the start."""
    total = now - start
    for span in joined(frozen):
        overlap = min(now, span.end or now) - max(start, span.start)
        total -= max(overlap, timedelta(0))
    return max(total, timedelta(0))


def reached(start: datetime, wanted: timedelta, frozen: Iterable[Period] = ()) -> datetime | None:
    """The first instant at which `wanted` of the time since the start has counted; None when it never will."""
    at, left = start, wanted
    for span in joined(frozen):
        if span.end is not None and span.end <= at:
            continue
        running = max(span.start - at, timedelta(0))
        if left <= running:
            break
        if span.end is None:
            return None
        left -= running
        at = span.end
    return at + left


def joined(spans: Iterable[Period]) -> list[Period]:
    """The same time as spans that neither touch nor overlap, in order; empty and reversed ones go."""
    result: list[Period] = []
    for span in sorted(spans, key=lambda span: span.start):
        if span.end is not None and span.end <= span.start:
            continue
        last = result[-1] if result else None
        if last is None or (last.end is not None and last.end < span.start):
            result.append(span)
        elif last.end is not None:
            result[-1] = Period(last.start, None if span.end is None else max(last.end, span.end))
    return result


def unfrozen(instant: datetime, frozen: Iterable[Period]) -> datetime | None:
    """The instant itself, or the end of the frozen span that it lies in; None when that has no end."""
    span = next((span for span in joined(frozen) if span.holds(instant)), None)
    return instant if span is None else span.end


@dataclass(frozen=True, slots=True)
class ZonedQuietHours:
    """The hours of the day in which nobody is disturbed, by the clock of a zone; they may pass midnight."""

    start: time
    end: time
    zone: tzinfo

    def until(self, instant: datetime) -> datetime | None:
        """When the quiet hours end that the instant lies in, None when it lies in none."""
        local = instant.astimezone(self.zone)
        for day in (local.date() - timedelta(days=1), local.date()):
            ends_on = day if self.start < self.end else day + timedelta(days=1)
            begin, end = min(_instants(day, self.start, self.zone)), max(_instants(ends_on, self.end, self.zone))
            if begin <= instant < end:
                return end
        return None


def _instants(day: date, clock: time, zone: tzinfo) -> list[datetime]:
    """The instants at which a clock in the zone may be said to show that time.

    Two where the clock is put back over it, or forward, so that it never shows it: quiet hours are then rather too
    long than too short.
    """
    return [datetime.combine(day, clock.replace(fold=fold), tzinfo=zone).astimezone(UTC) for fold in (0, 1)]


def day_of(instant: datetime, zone: tzinfo) -> date:
    """The day on which an instant lies, in a zone."""
    return instant.astimezone(zone).date()


def start_of(day: date, zone: tzinfo) -> datetime:
    """When a day begins in a zone."""
    return min(_instants(day, time(), zone))
