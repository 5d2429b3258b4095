"""What was told of trouble that lasts: it is told once, again after a day, and when it is over. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

AGAIN_AFTER = timedelta(days=1)
"""How long trouble that has been told is not told again."""

FORGOTTEN_AFTER = timedelta(days=3)
"""How long it is remembered that trouble was told which nobody has met since."""

LONGEST_LASTING = timedelta(days=3650)
"""How long trouble may have lasted; a date before that is from a clock that was wrong."""

MOST_KEPT = 10_000
"""How many marks a section has at most: a destination of each of as many guilds may be broken."""

LONGEST_KEPT = 300
"""The most of a line, and of a key, that is kept."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Trouble that was told. The names of the fields are keys of a file."""

    told_at: datetime
    since: datetime
    """When it was first told, without having been over since."""
    line: str
    """What was said of it: in these words it is told to be over."""
    lasted: bool = False
    """Whether a later run has met it again: only what has lasted is told to be over."""


@dataclass(frozen=True, slots=True)
class Met:
    """Trouble as a run has met it."""

    line: str
    is_known: bool = False
    """Whether another host has told of it already: then it is told here only if it lasts for a day."""
    is_told_once: bool = False
    """Whether it is not told again in a day."""
    end_is_news: bool = False
    """Whether its end is told though no second run has met it."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told in this run, and what the next one has to know of that."""

    news: Mapping[str, datetime | None]
    """The keys of the trouble that is to be told, each with when it was first told; None where that is now."""
    over: tuple[str, ...]
    """What is over, in words."""
    told: Mapping[str, Mark]
    """What is remembered, by the key of the trouble."""


def tell(found: Mapping[str, Met], over: Callable[[str, str], str], told: Mapping[str, Mark], now: datetime) -> Telling:
    """What of the trouble that was found is to be told, and what of it is over.

    `over` returns, for a key and what was said of it, in words that the trouble is over; empty where that was not seen.
    """
    # A mark that lies ahead is from a clock that was wrong: as if there were none, but that it can be over.
    standing = {key: mark for key, mark in told.items() if key in found and _is_believed(mark, found[key], now)}
    fresh = {key for key, mark in standing.items() if found[key].is_told_once or now - mark.told_at < AGAIN_AFTER}
    news = {
        key: _since(standing[key]) if key in standing else None
        for key, one in found.items()
        # What somebody else has told of begins its day now, and is told here only if it lasts that long.
        if key not in fresh and (key in told or not one.is_known)
    }
    ended = {key: over(key, mark.line) for key, mark in told.items() if key not in found}
    # Not met is not over: a source that was not asked says nothing.
    kept = {key: told[key] for key, words in ended.items() if not words and _age(told[key], now) < FORGOTTEN_AFTER}
    met = {key: _met(one, told.get(key), standing.get(key), now, is_fresh=key in fresh) for key, one in found.items()}
    # What one run met and the next did not was a slip, of which the end is no news.
    words = (words for key, words in ended.items() if words and told[key].lasted)
    return Telling(news, tuple(dict.fromkeys(words)), _bounded({**kept, **met}))


def _since(mark: Mark) -> datetime:
    """Since when trouble has lasted; when it was last told, where that is a date which no run can have written."""
    return mark.since if timedelta(0) <= mark.told_at - mark.since < LONGEST_LASTING else mark.told_at


def _age(mark: Mark, now: datetime) -> timedelta:
    """How long ago trouble was told; for ever where that lies ahead."""
    return now - mark.told_at if mark.told_at <= now else timedelta.max


def _is_believed(mark: Mark, found: Met, now: datetime) -> bool:
    return _age(mark, now) < (timedelta.max if found.is_told_once else FORGOTTEN_AFTER)


def _met(found: Met, before: Mark | None, standing: Mark | None, now: datetime, *, is_fresh: bool) -> Mark:
    lasted = before is not None or found.end_is_news
    if standing is None:
        return Mark(now, now, found.line[:LONGEST_KEPT], lasted)
    # Nothing is written as long as nothing but a number in the line has changed.
    if is_fresh:
        return replace(standing, lasted=lasted)
    return Mark(now, standing.since, found.line[:LONGEST_KEPT], lasted)


def _bounded(told: dict[str, Mark]) -> dict[str, Mark]:
    """The marks told last, where there are more than are kept."""
    if len(told) <= MOST_KEPT:
        return told
    last: Collection[str] = sorted(told, key=lambda key: told[key].told_at)[-MOST_KEPT:]
    return {key: told[key] for key in last}
