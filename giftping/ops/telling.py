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
class Telling:
    """What is told in this run: the keys of the trouble that is news, what is over in words, and what is remembered."""

    news: frozenset[str]
    over: tuple[str, ...]
    told: Mapping[str, datetime]


def tell(found: Mapping[str, bool], over: Callable[[str], str], told: Mapping[str, datetime], now: datetime) -> Telling:
    """Return what of the trouble that was found is to be told, and what of it is over.

    `found` says by its key whether somebody else has told of it already: then it is told in a day. `over` returns in
    words that trouble is over, empty where that was not seen. `told` is when each was told. A time that lies ahead
    comes from a clock that was wrong.
    """
    fresh = {key: at for key, at in told.items() if timedelta(0) <= now - at < AGAIN_AFTER}
    news = frozenset(key for key, is_known in found.items() if key not in fresh and (key in told or not is_known))
    ended = {key: over(key) for key in told if key not in found}
    kept = {
        key: at
        for key, at in told.items()
        if key not in found and not ended[key] and timedelta(0) <= now - at < FORGOTTEN_AFTER
    }
    standing = {key: fresh.get(key, now) for key in found}
    return Telling(news, tuple(dict.fromkeys(filter(None, ended.values()))), {**kept, **standing})


def told_from_json(value: object) -> dict[str, datetime]:
    """Return what `told_to_json` gave; nothing for anything else, so that it is told again."""
    try:
        told = {str(key): datetime.fromisoformat(at) for key, at in value.items()}  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):
        return {}
    return told if all(at.tzinfo for at in told.values()) else {}


def told_to_json(told: Mapping[str, datetime]) -> dict[str, str]:
    """Return when each trouble was told as plain JSON values."""
    return {key: at.isoformat() for key, at in sorted(told.items())}
