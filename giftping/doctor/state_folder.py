"""The folder in which giftping keeps its state: whether it can be written to, is nobody else's, and has room."""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from giftping.doctor.judgement import Checks, Judgement, fail, ok, warn
from giftping.runs.state_folder import ROOM_FAIL, ROOM_WARN
from giftping.settings.ownership import obstacle, whose
from giftping.settings.secrets import changeable_by_all, chmod

OTHERS = 0o007
"""The bits of a file's mode that are everybody's."""


@dataclass(frozen=True, slots=True)
class StateFolderFacts:
    """The state folder, or the nearest folder above it while it is yet to be made."""

    path: str
    is_writable: bool
    """Whether this user may write to it, or make it."""
    free: int
    """The bytes left on its disk."""
    mode: int | None
    """Its permission bits; None while it is not there yet."""
    changed_by: str = ""
    """By which folder every user of this machine can put another in its place; empty where they cannot."""
    forbidden: str = ""
    """Whose a file in it is that this user may not use, and after the last semicolon what to type; empty for none."""


def look_at_state_folder(path: Path) -> StateFolderFacts:
    """How the state folder is; nothing is made."""
    try:
        there = next(folder for folder in (path, *path.parents) if folder.exists())
        is_writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
        mode = stat.S_IMODE(path.stat().st_mode) if there == path else None
        changed_by, forbidden = str(changeable_by_all(there) or ""), _forbidden(path)
        return StateFolderFacts(str(path), is_writable, shutil.disk_usage(there).free, mode, changed_by, forbidden)
    except OSError:
        # It may not even be looked at, and so surely not be written to.
        return StateFolderFacts(str(path), is_writable=False, free=0, mode=None, forbidden=_forbidden(path))


def _forbidden(state: Path) -> str:
    """The first file of the state folder, or else the folder, that this user may not use, and how it is given back."""
    names = sorted(state.iterdir()) if os.access(state, os.R_OK | os.X_OK) else []
    for path in (state, *names):
        if (found := obstacle(path, writes=True)) is not None:
            return f"{path}: {whose(found, os.geteuid(), folder=state)}"
    return ""


def judge_state_folder(folder: StateFolderFacts) -> Judgement:
    """Whether a run could keep its state there, the gravest trouble first."""
    room = f"{_size(folder.free)} free"
    if folder.forbidden:
        said, _, next_step = folder.forbidden.rpartition("; ")
        return fail(said, next_step)
    if not folder.is_writable:
        return fail(
            f"{folder.path} cannot be written to", "give it to the user that runs giftping, or set GIFTPING_STATE"
        )
    if folder.free < ROOM_FAIL:
        return fail(f"{folder.path}: the disk is full ({room})", "make room on the disk")
    if folder.changed_by not in ("", folder.path):
        said = f"every user of this machine can put another folder in the place of {folder.path}"
        return fail(said, f"run: {chmod('o-w', folder.changed_by)}")
    if folder.mode is not None and folder.mode & OTHERS:
        return warn(f"{folder.path} is open to every user of this machine", f"run: {chmod('700', folder.path)}")
    if folder.free < ROOM_WARN:
        return warn(f"{folder.path}: the disk is nearly full ({room})", "make room on the disk")
    return ok(f"{folder.path}{' (made by the first run)' if folder.mode is None else ''}, {room}")


def _size(count: int) -> str:
    """A number of bytes in MiB, or in GiB from ten of them on."""
    return f"{count // 2**30} GiB" if count >= 10 * 2**30 else f"{count // 2**20} MiB"


STATE_FOLDER_CHECKS: Checks[StateFolderFacts] = (("state folder", judge_state_folder),)
