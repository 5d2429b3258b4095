"""Times, counts and names as people read them. No rich in here."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from unicodedata import east_asian_width

from giftping.text import printable

NAME_WIDTH = 20
"""How many columns of a table a member's name may take."""


def moment(at: datetime, zone: tzinfo | None, now: datetime) -> str:
    """An instant in the user's zone, in a table's few letters: `today 17:30`, `2026-12-01 09:00`."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    days: dict[date, str] = {
        today - timedelta(days=1): "yesterday",
        today: "today",
        today + timedelta(days=1): "tomorrow",
    }
    return f"{days.get(local.date(), f'{local:%Y-%m-%d}')} {local:%H:%M}"


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
