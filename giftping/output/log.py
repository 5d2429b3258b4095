"""How lines of a run look on standard error: plain, with the priority that journald reads, or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

LEVELS = {"error": 3, "warning": 4, "notice": 5, "info": 6}
"""How much a line matters, with the numbers of syslog and the journal."""


@dataclass(frozen=True, slots=True)
class Run:
    """Which run lines are of, by an id of its own, and what its job is."""

    id: str
    job: str


def new_run_id() -> str:
    """A fresh id: short, and different from those of the runs beside it in a log."""
    return os.urandom(4).hex()


def goes_to_journal(journal_stream: str, stream: TextIO) -> bool:
    """Whether a stream is the connection to the journal that $JOURNAL_STREAM names."""
    if not journal_stream:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal_stream == f"{status.st_dev}:{status.st_ino}"


def with_priority(text: str, level: str) -> str:
    """A text with its priority before each line, as journald reads it (sd-daemon(3))."""
    return "\n".join(f"<{LEVELS[level]}>{line}" for line in text.splitlines())


def json_line(run: Run, level: str, fields: Mapping[str, str], at: datetime, redact: Callable[[str], str]) -> str:
    """One JSON object on one line, without the secrets in any of its values."""
    said = {"ts": at.isoformat(), "level": level, "run": run.id, "job": run.job}
    return json.dumps(said | {name: redact(value) for name, value in fields.items() if value}, ensure_ascii=False)


def plain_line(run: Run, fields: Mapping[str, str]) -> str:
    """An event as `name=value` pairs, a value quoted where it holds a blank or the like."""
    return " ".join(f"{name}={_quoted(value)}" for name, value in {"run": run.id, **fields}.items() if value)


def _quoted(value: str) -> str:
    is_plain = value.isprintable() and not set(value) & set(' "=')
    return value if is_plain else json.dumps(value, ensure_ascii=False)
