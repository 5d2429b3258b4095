"""Expiry dates as sources write them: stated formats and ISO 8601, no guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from giftping.settings.sources import DateRules

LONGEST_EXPIRY = 120
OLDEST = timedelta(days=20 * 365)
"""A date this long ago is no expiry but an empty value (year 1, 1970)."""

_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?(Z|UTC|[+-]\d{2}:?\d{2})?)?")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
_TIME_DIRECTIVES = ("%H", "%I", "%c", "%X", "%T", "%R", "%r")


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a code expires: the first instant it is no longer valid (UTC), what the source wrote, whether it is over."""

    at: datetime | None = None
    text: str = ""
    expired: bool = False


def read_expiry(text: str, rules: DateRules, now: datetime) -> Expiry:
    """The expiry that a source wrote.

    A date without a time is valid through the end of that day in the source's zone; a stated time is the expiry
    itself. Text that is neither ISO 8601, nor epoch seconds or milliseconds, nor of a stated format is kept as it is
    and counts as no date.
    """
    shown = text.strip()[:LONGEST_EXPIRY]
    bare = re.sub(rules.strip, "", shown, count=1).strip() if rules.strip else shown
    bare = bare.removeprefix("$D")
    if not bare:
        return Expiry()
    if bare.casefold() in {word.casefold() for word in rules.expired}:
        return Expiry(text=shown, expired=True)
    try:
        at = _instant(bare, rules)
    except (ValueError, OverflowError):
        at = None
    if at is not None and at < now - OLDEST:
        return Expiry(text=shown)
    return Expiry(at=at, text=shown)


def zone_named(name: str) -> tzinfo:
    """The time zone of a name. Raise KeyError or ValueError for one that is not known."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _instant(text: str, rules: DateRules) -> datetime | None:
    zone = zone_named(rules.zone)
    iso = _ISO.fullmatch(text)
    if iso:
        day = date.fromisoformat(iso[1])
        return _with_offset(day, iso[2], iso[3] or "", zone) if iso[2] else _end_of(day, zone)
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC)
    for pattern in rules.formats:
        found = _parsed(text, pattern)
        if found is None:
            continue
        if any(directive in pattern for directive in _TIME_DIRECTIVES):
            return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
        return _end_of(found.date(), zone)
    return None


def _parsed(text: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the caller adds the source's zone
    except (ValueError, re.error):
        return None


def _with_offset(day: date, clock: str, offset: str, zone: tzinfo) -> datetime:
    base, _, fraction = clock.partition(".")
    micro = int(fraction[:6].ljust(6, "0")) if fraction else 0
    moment = datetime.combine(day, time.fromisoformat(base)).replace(microsecond=micro)
    if not offset:
        return moment.replace(tzinfo=zone).astimezone(UTC)
    if offset in ("Z", "UTC"):
        return moment.replace(tzinfo=UTC)
    return datetime.fromisoformat(f"{moment.isoformat()}{offset[:3]}:{offset[-2:]}").astimezone(UTC)


def _end_of(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
