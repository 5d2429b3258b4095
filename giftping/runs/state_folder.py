"""What is in the state folder: every file by its name, what it is for, and what becomes of a folder without it.

Docs, `docs/settings.md`, have the same table; a test compares the two.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from giftping.runs.codec import from_json, to_json
from giftping.store.tiny.files import (
    DATABASE_LOCK,
    HOLDERS,
    JOURNAL,
    LOCK,
    PREVIOUS_JOURNAL,
    PREVIOUS_SNAPSHOT,
    SNAPSHOT,
    UPGRADE_LOCK,
    replace_file,
)
from giftping.wiring import HOST_FILE

Kind = TypeVar("Kind")

# One for each job: a sweep that waits for rate limits is not to hold up a check.
CHECK_LOCK = "check.lock"
SWEEP_LOCK = "sweep.lock"
BOT_LOCK = "bot.lock"

CLOCK = "clock.json"
LAST_CHECK = "last-check.json"
EXAMINED = "examined-*.json"
"""By the name of the collection that was read."""
REFUSED_TOKEN = "refused-token.json"  # noqa: S105 - the name of a file
SOURCES = "sources.json"
ATTACHMENTS = "attachments"

TOLD = "told.json"
TOLD_LOCK = "told.lock"

TOLD_BEFORE = ("told-codes.json", "told-todo.json")
"""What 0.1.0 kept in its place; they are removed when it is first written."""

BACKUPS = "before-migrate-*.json"
UPGRADE_BACKUPS = "before-upgrade-*.json"
"""The store names them, with the time in place of the `*`."""

DRAFTS = "*.tmp"
"""Every file is written beside its place and then put there, so that a run that is killed leaves it whole."""

STATE_FILES: Mapping[str, tuple[str, str]] = {
    SNAPSHOT: (
        "the ledger, the guilds, the known codes: a TinyDB file",
        "everything is forgotten. Keep it",
    ),
    JOURNAL: (
        f"what was recorded since `{SNAPSHOT}` was written. There during a run, and after one that was killed",
        "that is forgotten. Keep it",
    ),
    PREVIOUS_SNAPSHOT: ("the ledger before that", f"no way back if the disk damages `{SNAPSHOT}`"),
    PREVIOUS_JOURNAL: (f"what leads from `{PREVIOUS_SNAPSHOT}` to `{SNAPSHOT}`", "the same"),
    LOCK: ("held while something reads or writes the ledger. Empty", "it is made anew"),
    DATABASE_LOCK: ("held while something writes to MongoDB, or brings the mirror in step. Empty", "it is made anew"),
    CHECK_LOCK: ("held by a running check", "it is made anew"),
    SWEEP_LOCK: ("held by a running sweep", "it is made anew"),
    BOT_LOCK: ("held by a running bot", "it is made anew"),
    HOLDERS: ("a lock for each process that has a message under way. Empty", "they are made anew"),
    ATTACHMENTS: ("files of TODOs that are yet to be posted", "those TODOs are posted without their file"),
    TOLD: ("which trouble was told, by which job, and since when it lasts", "it is told once more"),
    TOLD_LOCK: ("held while that is written. Empty", "it is made anew"),
    SOURCES: ("what each source listed last, and when it may be asked again", "all sources are asked"),
    CLOCK: (
        "when Discord last said what time it is, so that a clock which has fallen behind is noticed",
        "that is noticed a little later",
    ),
    REFUSED_TOKEN: (
        "that Discord refused the bot token, and when that is tried again; by a hash of it. There only then",
        "the next run tries it",
    ),
    LAST_CHECK: ("how the last check ended", "the next check looks closer"),
    EXAMINED: (
        "when a long ledger or history was last read whole for what cannot be read in it, and what that was",
        "the next run reads it whole",
    ),
    HOST_FILE: (
        "the name under which this folder claims codes",
        "what a killed run left is settled later, after `lease`",
    ),
    BACKUPS: ("what was there before `giftping migrate`", "no way back behind that"),
    UPGRADE_BACKUPS: (
        "what was there before giftping upgraded it from an older version",
        "no way back to that version",
    ),
    UPGRADE_LOCK: ("held while that is done. Empty", "it is made anew"),
    DRAFTS: ("a file on its way to its place; there after a run that was killed", "nothing is lost"),
}
"""For each file what it is, and what happens without it: that is whether it may be deleted while no run is at work."""

ROOM_WARN, ROOM_FAIL = 100 * 2**20, 5 * 2**20
"""Free bytes below which the disk is nearly full, and too full: the ledger's file is written anew at times."""


def is_anything_told(state: Path) -> bool:
    """Whether trouble was told that is not known to be over; without reading what."""
    try:
        return (state / TOLD).stat().st_size > len("{}\n")
    except OSError:
        return False


def is_nearly_full(state: Path) -> bool:
    """Whether the disk of the state folder is; not while there is none, or nobody can tell."""
    try:
        disk = os.statvfs(state)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < ROOM_WARN


def read_cache(kind: type[Kind], path: Path) -> Kind | None:
    """What a small file holds, None where there is none or it cannot be read: runs go on without it."""
    try:
        return from_json(kind, json.loads(path.read_text("utf-8")))
    # json raises RecursionError for a text that is nested too deeply.
    except (OSError, ValueError, TypeError, RecursionError, OverflowError):
        return None


def write_cache(path: Path, value: object) -> None:
    """Replace a small file as a whole. Raise OSError when that cannot be done."""
    # Not synced: if the machine goes down, the next run looks closer, and no more.
    replace_file(path, [f"{json.dumps(to_json(value), indent=1)}\n".encode()], durable=False)
