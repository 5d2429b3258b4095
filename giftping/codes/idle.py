"""The mark that lets an idle run end after its conditional GETs, without opening the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from giftping.codes.report import CheckReport

if TYPE_CHECKING:
    from giftping.codes.gather import Gathered

FULL_LOOK_EVERY = timedelta(hours=1)
"""However quiet it is, the store is looked at this often."""

FULL_LOOK_EVERY_SHARED = timedelta(minutes=10)
"""The same where hosts share it: another one may have added a guild, or left claims to settle."""


@dataclass(frozen=True, slots=True)
class IdleMark:
    """What the last complete check on this host saw; as long as none of it changes there is nothing to do.

    `trouble` keeps the exit code of a run that left something broken or uncertain behind.
    """

    settings: str
    store: str
    lists: str
    games: tuple[str, ...]
    look_again_at: datetime
    guild_count: int = 0
    trouble: bool = False

    def holds(self, *, settings: str, store: str, now: datetime) -> bool:
        """Return whether settings and store are as they were and no look is due; the lists are compared later.

        A mark from further ahead than any look is put off was made by a clock that was wrong.
        """
        in_time = now < self.look_again_at <= now + FULL_LOOK_EVERY
        return self.settings == settings and self.store == store and in_time


def idle_report(mark: IdleMark, gathered: Gathered, started: datetime, finished: datetime) -> CheckReport | None:
    """Return the report of a run that is over, None when a list is not the one that the mark knows."""
    if gathered.fingerprint != mark.lists:
        return None
    return CheckReport(
        started_at=started,
        finished_at=finished,
        idle=True,
        guild_count=mark.guild_count,
        games=mark.games,
        lists=gathered.fingerprint,
        sources=gathered.sources,
        standing_trouble=mark.trouble,
    )


def mark_to_json(mark: IdleMark) -> dict[str, object]:
    """Return the mark as plain JSON values."""
    return {
        "settings": mark.settings,
        "store": mark.store,
        "lists": mark.lists,
        "games": list(mark.games),
        "look_again_at": mark.look_again_at.isoformat(),
        "guild_count": mark.guild_count,
        "trouble": mark.trouble,
    }


def mark_from_json(value: object) -> IdleMark | None:
    """Return the mark that `mark_to_json` gave, None for anything else: without a mark a run just looks closer."""
    if not isinstance(value, dict) or not isinstance(value.get("games"), list):
        return None
    try:
        mark = IdleMark(
            settings=str(value["settings"]),
            store=str(value["store"]),
            lists=str(value["lists"]),
            games=tuple(str(game) for game in value["games"]),
            look_again_at=datetime.fromisoformat(value["look_again_at"]),
            guild_count=int(value["guild_count"]),
            trouble=bool(value["trouble"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
    return mark if mark.look_again_at.tzinfo else None
