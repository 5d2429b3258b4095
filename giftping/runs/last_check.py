"""What a check leaves in the state folder for the next one, and for doctor: `last-check.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from giftping.codes.idle import IdleMark
from giftping.codes.report import CheckReport
from giftping.runs.codec import from_json
from giftping.runs.state_folder import LAST_CHECK, write_cache

STARTS_KEPT = 6
"""How many of the last starts are kept: what lies between them says how often a timer comes."""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """How the last check on this host ended. The names of the fields are the keys of the file."""

    started_at: datetime
    starts: tuple[datetime, ...]
    """When the last few checks began, this one last."""
    finished_at: datetime
    exit_code: int
    idle: bool
    mark: IdleMark | None
    """What lets the next run be idle, None where it has to look."""

    @classmethod
    def after(cls, report: CheckReport, before: LastCheck | None, mark: IdleMark | None) -> LastCheck:
        """What a check leaves, given what the one before it left."""
        starts = (*(before.starts if before else ()), report.started_at)
        return cls(
            started_at=report.started_at,
            starts=starts[-STARTS_KEPT:],
            finished_at=report.finished_at,
            exit_code=report.exit_code,
            idle=report.idle,
            mark=mark,
        )


def read_last_check(state: Path) -> LastCheck | None:
    """What the last check on this host left, None where there was none or its file cannot be read.

    That is no trouble to tell of: without it the next run looks closer, and leaves another.
    """
    try:
        document = json.loads((state / LAST_CHECK).read_text("utf-8"))
        # 0.1.0 did not count them, and kept here what stands in the deliveries now; a mark of its own stays of use.
        if isinstance(document, dict) and isinstance(mark := document.get("mark"), dict):
            mark.update({"broken": 0, "uncertain": 0, "awaited": []} | mark)
            document.pop("open", None)
        return from_json(LastCheck, document)
    # json raises RecursionError for a text that is nested too deeply.
    except (OSError, ValueError, RecursionError):
        return None


def write_last_check(state: Path, last: LastCheck) -> None:
    """Replace the file as a whole. Raise OSError when that cannot be done."""
    write_cache(state / LAST_CHECK, last)
