"""The `Date` of an answer: what a server says the time is. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime

EARLIEST_DATE, LATEST_DATE = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""A `Date` outside of these is nonsense from the network, and no witness of the time."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_USUAL = re.compile(rf"\w{{3}}, (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)


def http_date(value: str) -> datetime | None:
    """The instant that a header names, None where it names none, or an absurd one."""
    try:
        named = _usual(value) or _unusual(value)
    except (ValueError, TypeError, OverflowError):
        return None
    return named if EARLIEST_DATE <= named < LATEST_DATE else None


def _usual(value: str) -> datetime | None:
    """The instant in the one form that servers are to write (RFC 9110, 5.6.7), None where it is in another.

    Raise ValueError for a day or an hour that there is not.
    """
    # By hand, because this is read of each answer, and what reads the dates of mails takes long to load.
    found = _USUAL.fullmatch(value.strip())
    if found is None:
        return None
    day, month, year, *clock = found.groups()
    hour, minute, second = map(int, clock)
    return datetime(int(year), 1 + _MONTHS.index(month), int(day), hour, minute, second, tzinfo=UTC)


def _unusual(value: str) -> datetime:
    """The instant in any other form. Raise ValueError, TypeError or OverflowError where it is in none."""
    from email.utils import parsedate_to_datetime

    named = parsedate_to_datetime(value)
    return named.astimezone(UTC) if named.tzinfo else named.replace(tzinfo=UTC)
