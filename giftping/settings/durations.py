"""Spans of time as people write them in settings: "90s", "5m", "12h", "1d". Pure."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST = timedelta(days=3650)


def parse_duration(value: object) -> timedelta:
    """The span that a text like "90s", "5m", "12h" or "1d" names.

    Raise ValueError, with the fix in its text, for anything else: a unit is always written out, so that
    nobody has to know whether a bare number means seconds or minutes.
    """
    text = str(value).strip()
    # `\d` would take digits of other scripts. Nine digits of days are the most that a timedelta holds.
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if not found:
        raise ValueError(_reason(text))
    span = timedelta(**{_UNITS[found[2]]: int(found[1])})
    if span > _LONGEST:
        raise ValueError(f'"{text}" is longer than ten years')
    return span


def duration_text(span: timedelta) -> str:
    """A span the way `parse_duration` reads it, in the largest unit that fits it whole; parts of a second go."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _reason(text: str) -> str:
    if re.fullmatch("[0-9]+", text):
        return f'{text} has no unit; write "{text}s", "{text}m", "{text}h" or "{text}d"'
    return f'{text!r} is not a span of time; write a number and one unit, like "90s", "5m", "12h" or "1d"'
