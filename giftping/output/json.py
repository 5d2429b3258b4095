"""What machines read: one JSON object a command on standard output, and what times and ids are in it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime


def write_json(value: object) -> None:
    """Write one JSON object on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def redacted(value: object, redact: Callable[[str], str]) -> object:
    """A value of JSON with every text in it, but for the keys, put through a function."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: redacted(item, redact) for key, item in value.items()}
    return [redacted(item, redact) for item in value] if isinstance(value, list | tuple) else value


def instant(moment: datetime | None) -> str | None:
    """An instant as ISO 8601 with offset, None for none."""
    return moment.isoformat() if moment else None


def id_text(value: int | None) -> str | None:
    """A Discord id as a string: JSON readers elsewhere lose its last digits."""
    return str(value) if value is not None else None
