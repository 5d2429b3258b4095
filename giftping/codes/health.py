"""What is unusual about a source that answers, by how it has been lately. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from giftping.codes.memory import EMPTY_FOR, LEAST_STILL, SourceDay, SourceState
from giftping.text import counted

if TYPE_CHECKING:
    from giftping.store.base import CodeRecord

FEW = 3
"""A list that is usually as short as this may well be empty for a while."""

STILL = timedelta(days=60)
"""After how long without any change a source may have been given up, where it is not known how often it changes."""

STILL_UNMODIFIED = timedelta(days=30)
"""The same where it has only said all the time that nothing has changed."""

STILL_GAPS = 5
"""How many times as long as usual it is unusual."""

Ordered = TypeVar("Ordered", int, timedelta)


def usual_size(days: Sequence[SourceDay]) -> int | None:
    """How many codes a source usually lists, None where that is not known yet."""
    sizes = [day.size for day in days if day.size >= 0]
    return _middle(sizes) if len(sizes) >= FEW else None


def usual_gap(changes: Sequence[datetime]) -> timedelta | None:
    """How long a list usually stays as it is, None where that is not known yet."""
    gaps = [later - earlier for earlier, later in pairwise(changes)]
    return _middle(gaps) if len(gaps) >= FEW else None


def held_percents(records: Iterable[CodeRecord]) -> dict[str, int]:
    """How many percent of the codes that were new at each source were held back because of it, by source.

    What was there at its first look could not be.
    """
    seen: dict[str, list[tuple[datetime, bool]]] = {}
    for record in records:
        for source, memory in record.sources.items():
            seen.setdefault(source, []).append((memory.first_seen, source in record.holds))
    new = {source: [held for at, held in ones if at > min(ones)[0]] for source, ones in seen.items()}
    return {source: round(100 * sum(held) / len(held)) for source, held in new.items() if held}


def concern_about(state: SourceState, now: datetime) -> str:
    """What is unusual about a source that answers, in words that follow its name; empty where nothing is."""
    if state.listing is None or state.failures or state.health is None:
        return ""
    health = state.health
    age = now - (state.changed_at or now)
    if not state.listing.sightings and age >= EMPTY_FOR:
        usual = usual_size([day for day in health.listed_days() if day.day < f"{state.changed_at:%Y-%m-%d}"])
        if usual is not None and usual > FEW:
            return f"lists no code any more; it usually listed {counted(usual, 'code')}"
    if age < LEAST_STILL:
        return ""
    gap = usual_gap(health.changes)
    only_unmodified = _says_only_unmodified(health.listed_days()[-14:])
    longest = STILL_UNMODIFIED if only_unmodified else STILL
    if age < (max(LEAST_STILL, STILL_GAPS * gap) if gap else longest):
        return ""
    words = f"has not changed for {counted(age.days, 'day')}"
    words += f"; it used to about every {_span(gap)}" if gap else ""
    return f"{words}; it says each time that nothing has (304)" if only_unmodified else words


def _middle(values: list[Ordered]) -> Ordered:
    # `statistics` would load more than all the rest of an idle run's sources.
    return sorted(values)[len(values) // 2]


def _says_only_unmodified(days: Sequence[SourceDay]) -> bool:
    """Whether nothing else came for two weeks, but for what is asked for as a whole once a day."""
    return len(days) >= 14 and all(day.unmodified and day.asked - day.failed - day.unmodified <= 1 for day in days)


def _span(span: timedelta) -> str:
    days = round(span / timedelta(days=1))
    if days <= 1:
        return "day" if days else "few hours"
    return counted(days, "day")
