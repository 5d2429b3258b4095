"""What goes by a member's own clock: days, and the hours of the day without pings. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo


@dataclass(frozen=True, slots=True)
class LocalQuietHours:
    """The hours of the day in which nobody is disturbed, by the clock of a zone; they may pass midnight."""

    start: time
    end: time
    """Not included: a ping may go out from then on."""
    zone: tzinfo

    def until(self, instant: datetime) -> datetime | None:
        """When the quiet hours end that the instant lies in, None when it lies in none."""
        local = instant.astimezone(self.zone)
        # Those that pass midnight may have begun the day before.
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
    # Some zones change their clocks at midnight: of the two instants the first one is where the day before is over.
    return min(_instants(day, time(), zone))
