"""Expiry dates as sources write them: stated formats and ISO 8601, no guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

from giftping.codes.sources.countdowns import Countdown, countdown_of, tells_past_end
from giftping.settings.sources import DateRules

LONGEST_EXPIRY = 120
OLDEST = timedelta(days=20 * 365)
"""A date this long ago is no expiry but an empty value (year 1, 1970); so is one in a year such as 9999."""
NEVER_YEAR = 9000

_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?(Z|UTC|[+-]\d{2}:?\d{2})?)?")
_EPOCH = re.compile(r"(\d{10})(\d{3})?(?:\.\d+)?")
# What stands in a field that has to hold something, and is no date at all.
_NOTHING = re.compile(r"0+(?:\.0+)?|-1|0000-.*|false|null|nil|nan|none|undefined|n/?a|[-–—?.\s]*", re.IGNORECASE)
_TIME_DIRECTIVES = ("%H", "%I", "%c", "%X", "%T", "%R", "%r")


@dataclass(frozen=True, slots=True)
class Expiry:
    """When a code expires."""

    at: datetime | None = None
    """The first instant at which it is no longer valid, in UTC."""
    text: str = ""
    """What the source wrote; its last day, as `giftping.text.last_day` reads it, where that is a day without a time."""
    expired: bool = False
    """Whether the source says that it is over."""


def read_expiry(text: str, rules: DateRules, now: datetime) -> Expiry:
    """The expiry that a source wrote.

    A date without a time is valid through the end of that day in the source's zone; a stated time is the expiry
    itself; "7 days left" counts from `now`. Other text, which is neither ISO 8601, nor epoch seconds or milliseconds,
    nor of a stated format, is kept as it is and counts as no date.
    """
    stated, countdown = _stated(text, rules)
    if countdown is not None:
        stated = _ending(countdown.end(now, zone_named(rules.zone)), stated.text, rules, is_counted=True)
    return Expiry() if stated.at is not None and stated.at < now - OLDEST else stated


# A list says of nearly all of its codes what it has said before.
@lru_cache(maxsize=5000)
def _stated(text: str, rules: DateRules) -> tuple[Expiry, Countdown | None]:
    """What a text says whenever it is read, and what it counts down to, None where it does not."""
    shown = text.strip()[:LONGEST_EXPIRY]
    bare = re.sub(rules.strip, "", shown, count=1).strip() if rules.strip else shown
    bare = bare.removeprefix("$D")
    if _NOTHING.fullmatch(bare):
        return Expiry(), None
    if bare.casefold() in {word.casefold() for word in rules.expired} or tells_past_end(bare):
        return Expiry(text=shown, expired=True), None
    if countdown := countdown_of(bare):
        return Expiry(text=shown), countdown
    try:
        end = _end(bare, rules, zone_named(rules.zone))
    except (ValueError, OverflowError):
        end = None
    return (Expiry(text=shown) if end is None else _ending(end, shown, rules)), None


def _ending(end: date | datetime, shown: str, rules: DateRules, *, is_counted: bool = False) -> Expiry:
    """The expiry of a last day, or of an instant."""
    if end.year >= NEVER_YEAR:
        return Expiry()
    try:
        # A datetime is a date, too.
        if isinstance(end, datetime):
            return Expiry(end.astimezone(UTC), shown)
        at = datetime.combine(end + timedelta(days=1), time(), zone_named(rules.zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return Expiry(text=shown)
    return Expiry(at, f"{end.isoformat()} ({shown})" if is_counted else end.isoformat())


def zone_named(name: str) -> tzinfo:
    """The time zone of a name. Raise KeyError or ValueError for one that is not known."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def _end(text: str, rules: DateRules, zone: tzinfo) -> date | datetime | None:
    """The last day that a text names, or the instant where it states a time; None for other texts."""
    iso = _ISO.fullmatch(text)
    if iso:
        day = date.fromisoformat(iso[1])
        return _with_offset(day, iso[2], iso[3] or "", zone) if iso[2] else day
    if epoch := _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(int(epoch[1]) + int(epoch[2] or 0) / 1000, UTC)
    for pattern in rules.formats:
        found = _parsed(text, pattern)
        if found is None:
            continue
        if any(directive in pattern for directive in _TIME_DIRECTIVES):
            return found if found.tzinfo else found.replace(tzinfo=zone)
        return found.date()
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
