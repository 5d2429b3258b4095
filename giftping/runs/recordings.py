"""Recorded histories of a source: what it answered, and when. Files in, values out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from giftping.store.fields import time_or_none

_NAME = re.compile(
    r"(\d{4}-?\d{2}-?\d{2})(?:[T_ -]?(\d{2})[-_:.]?(\d{2})(?:[-_:.]?(\d{2}))?)?(Z|[+-]\d{2}[-_:.]?\d{2})?(?!\d)"
)


class RecordingError(ValueError):
    """A recording cannot be read; its text says which file, where in it, and why."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a source answered at one time."""

    at: datetime
    body: bytes | None
    """None where it gave none."""
    status: int = 200
    """Of HTTP."""


def read_recordings(paths: Iterable[Path]) -> list[Recorded]:
    """What is recorded in files of JSON lines, and in folders of bodies named by time, oldest first.

    Raise RecordingError for what is no recording.
    """
    found = [one for path in paths for one in (_of_folder(path) if path.is_dir() else _of_file(path))]
    return sorted(found, key=lambda one: one.at)


def _of_folder(folder: Path) -> Iterator[Recorded]:
    bodies = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    if not bodies:
        raise RecordingError(f"{folder}: the folder holds no file")
    for path in bodies:
        at = _time_in(path.name)
        if at is None:
            raise RecordingError(f"{path}: its name is no time, such as 2026-05-07T06-33-59Z.html")
        yield Recorded(at, path.read_bytes())


def _of_file(path: Path) -> Iterator[Recorded]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _of_line(line, f"{path}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _of_line(line: str, where: str) -> Recorded:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        raise RecordingError(f'{where}: is no line of JSON such as {{"at": "<ISO time>", "body": "<text>"}}') from None
    if not isinstance(document, dict):
        raise RecordingError(f"{where}: is no object")
    # As a check stores it: by a time that nobody can mean nothing of it could be read again.
    at = time_or_none(document.get("at"))
    if at is None:
        raise RecordingError(f"{where}: at is {document.get('at')!r}, not an ISO time")
    body, status = document.get("body"), document.get("status", 200)
    if type(status) is not int:
        raise RecordingError(f"{where}: status is {status!r}, not a number")
    if body is None and status == 200:
        raise RecordingError(f"{where}: has neither a body nor the status of a failure")
    text = body if isinstance(body, str) else json.dumps(body)
    # Half a character is in no page; a recording may have one all the same.
    return Recorded(at, None if body is None else text.encode(errors="replace"), status)


def _time_in(name: str) -> datetime | None:
    """The time that a file is named by; where names cannot have colons, other signs stand for them."""
    found = _NAME.match(name)
    if found is None:
        return None
    day, hour, minute, second, zone = found.groups()
    time = f"T{hour}:{minute}:{second or '00'}" if hour else "T00:00:00"
    zone = zone or "Z"
    return time_or_none(f"{day}{time}{zone if zone == 'Z' else f'{zone[:3]}:{zone[-2:]}'}")
