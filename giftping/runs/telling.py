"""What was told of trouble that lasts: it is told once, again after a day, and when it is over. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

AGAIN_AFTER = timedelta(days=1)
"""How long trouble that has been told is not told again."""

FORGOTTEN_AFTER = timedelta(days=3)
"""How long it is remembered that trouble was told which nobody has met since."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Trouble that was told. The names of the fields are keys of a file."""

    told_at: datetime
    lasted: bool = False
    """Whether a later run has met it again: only what has lasted is told to be over."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told in this run, and what the next one has to know of that."""

    news: frozenset[str]
    """The keys of the trouble that is to be told."""
    over: tuple[str, ...]
    """What is over, in words."""
    told: Mapping[str, Mark]
    """What is remembered, by the key of the trouble."""


def tell(found: Mapping[str, bool], over: Callable[[str], str], told: Mapping[str, Mark], now: datetime) -> Telling:
    """What of the trouble that was found is to be told, and what of it is over.

    `found` says by its key whether somebody else has told of it already: then it is told in a day. `over` returns in
    words that trouble is over, empty where that was not seen. A time that lies ahead comes from a clock that was
    wrong.
    """
    fresh = {key for key, mark in told.items() if timedelta(0) <= now - mark.told_at < AGAIN_AFTER}
    # What somebody else has told of begins its day now, and is told here only if it lasts that long.
    news = frozenset(key for key, is_known in found.items() if key not in fresh and (key in told or not is_known))
    ended = {key: over(key) for key in told if key not in found}
    # Not met is not over: a source that was not asked says nothing.
    kept = {
        key: told[key]
        for key, words in ended.items()
        if not words and timedelta(0) <= now - told[key].told_at < FORGOTTEN_AFTER
    }
    standing = {key: Mark(told[key].told_at if key in fresh else now, lasted=key in told) for key in found}
    # What one run met and the next did not was a slip, of which the end is no news.
    words = (words for key, words in ended.items() if words and told[key].lasted)
    return Telling(news, tuple(dict.fromkeys(words)), {**kept, **standing})
