"""The codes that are held, and who waits for them: for whoever looks, not for a check."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftping.codes.holds import JudgingRules, open_holds, remembered_clearance
from giftping.codes.model import Clearance
from giftping.store.base import CodeRecord
from giftping.store.records import Store

LISTED_WITHIN = timedelta(days=1)
"""A code that was seen no longer ago than this is taken to be listed still: each hour all lists are looked at."""


@dataclass(frozen=True, slots=True)
class HeldCode:
    """A code that is held, and for whom."""

    record: CodeRecord
    clearance: Clearance
    is_listed: bool
    guilds: tuple[int, ...]
    """Which guilds follow its game and have not got it."""


def held_codes(
    store: Store, rules: JudgingRules, now: datetime, game: str | None = None, source: str | None = None
) -> Iterator[HeldCode]:
    """What is held, of one game or source alone where that is given. Raise StoreError when it cannot be read."""
    found: list[tuple[CodeRecord, Clearance]] = []
    for record in sorted(store.codes(game), key=lambda one: one.id):
        judged = remembered_clearance(record, now, rules)
        if judged.held_by and (source is None or source in open_holds(record)):
            found.append((record, judged))
    keys: dict[str, dict[str, int]] = {}
    for record, _ in found:
        keys.setdefault(record.game, {})[record.key] = record.number
    subscriptions = store.subscriptions() if keys else []
    recorded = {
        slug: store.recorded(slug, numbers, [one.guild_id for one in subscriptions if one.game == slug])
        for slug, numbers in keys.items()
    }
    for record, judged in found:
        waiting = tuple(id_ for id_, has in recorded[record.game].items() if record.key not in has)
        yield HeldCode(record, judged, now - record.last_seen < LISTED_WITHIN, waiting)
