"""What machines read: one JSON object a command on standard output, and what times and ids are in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from giftping.text import json_for_terminal

if TYPE_CHECKING:
    from giftping.delivery.clock import ClockVerdict


PORTION = 10_000
"""How many pieces of JSON, each a name, a value or what stands between them, are written at once."""


def write_json(value: object) -> None:
    """Write one JSON object on standard output."""
    # In another encoding what it does not have would be replaced: a program is to read what is meant.
    is_unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    pieces = json.JSONEncoder(indent=2, ensure_ascii=not is_unicode).iterencode(value)
    # A portion at a time: the whole text of ten thousand guilds is a quarter of what a command holds.
    while portion := "".join(islice(pieces, PORTION)):
        sys.stdout.write(json_for_terminal(portion))
    sys.stdout.write("\n")


def clock_object(clock: ClockVerdict) -> dict[str, Any]:
    """What a run's host's clock was worth as it stands in JSON, by whose word, and what followed."""
    return {
        "standing": clock.standing.value,
        "seconds_ahead": round(-clock.ahead.total_seconds()) if clock.witness else None,
        "witness": clock.witness.value if clock.witness else None,
        "sends": clock.may_send,
        "line": clock.line,
    }


def redacted(value: object, redact: Callable[[str], str]) -> object:
    """A value of JSON with every text in it, but for the keys, put through a function.

    Lists are changed where they are: a second one of ten thousand guilds would be a sixth of what a command holds.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(item, redact) for key, item in value.items()}
    if isinstance(value, tuple):
        return [redacted(item, redact) for item in value]
    if isinstance(value, list):
        for place, item in enumerate(value):
            value[place] = redacted(item, redact)
    return value


def instant(moment: datetime | None) -> str | None:
    """An instant as ISO 8601 with offset, None for none."""
    return moment.isoformat() if moment else None


def id_text(value: int | None) -> str | None:
    """A Discord id as a string: JSON readers elsewhere lose its last digits."""
    return str(value) if value is not None else None
