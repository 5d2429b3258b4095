"""Times, counts and names as people read them. No rich in here."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from unicodedata import east_asian_width

NAME_WIDTH = 20
"""How many columns of a table a member's name may take."""


def when(moment: datetime | None, zone: tzinfo | None) -> str:
    """An instant in the user's zone, to the minute; a dash for none."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}" if moment else "–"


def until(moment: datetime, now: datetime) -> str:
    """How far an instant is away, in the largest unit that fits: `in 3 days`, `2 hours ago`."""
    seconds = (moment - now).total_seconds()
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        count = round(abs(seconds) / size)
        if count >= 1:
            return f"in {counted(count, name)}" if seconds > 0 else f"{counted(count, name)} ago"
    return "now"


def moment(at: datetime, zone: tzinfo | None, now: datetime) -> str:
    """An instant in the user's zone, in a table's few letters: `today 17:30`, `2026-12-01 09:00`."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    days: dict[date, str] = {
        today - timedelta(days=1): "yesterday",
        today: "today",
        today + timedelta(days=1): "tomorrow",
    }
    return f"{days.get(local.date(), f'{local:%Y-%m-%d}')} {local:%H:%M}"


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 guild`, `3 guilds`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """A text without control characters: what members call themselves is not for the terminal to obey."""
    return "".join(character if character.isprintable() else "�" for character in text)


def who(user_id: int, name: str) -> str:
    """The name of a member at a terminal, cut short so that columns stay narrow; the id for one without."""
    shown = printable(name.strip())
    if sum(map(_width, shown)) <= NAME_WIDTH:
        return shown or str(user_id)
    # By columns and not by letters: one of Chinese or Japanese takes two.
    while sum(map(_width, shown)) >= NAME_WIDTH:
        shown = shown[:-1]
    return f"{shown}…"


def _width(character: str) -> int:
    """How many columns of a terminal a character takes."""
    return 2 if east_asian_width(character) in "WF" else 1
