"""Whose a file is that this user may not use, and the command that gives it back.

One run as another user, such as root, leaves files that later runs cannot read or write: who does not see whose they
are looks for the reason elsewhere. Imported where something was forbidden, and not before.
"""

from __future__ import annotations

import errno
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What stands in the way of a file's use."""

    path: Path
    """The file itself, or a folder above it."""
    is_folder: bool
    owner: int
    mode: int


def why_forbidden(path: Path, error: OSError, *, writes: bool = True, folder: Path | None = None) -> str:
    """Whose the file is that may not be used, and what to type: `it belongs to root, and …; run: …`; else empty.

    `folder` is the one that all of it has to be given back with, such as the state folder.
    """
    if error.errno not in FORBIDDEN:
        return ""
    # A draft beside the file may be in the way, and the file itself be well.
    at_hand = error.filename if isinstance(error.filename, str | os.PathLike) else path
    found = obstacle(Path(at_hand), writes=writes) or obstacle(path, writes=writes)
    return whose(found, os.geteuid(), folder=folder) if found else ""


def obstacle(path: Path, *, writes: bool) -> Obstacle | None:
    """What keeps this user from using a file, or from making it; None where nothing is found that does."""
    path = path.absolute()
    for above in reversed(path.parents):
        if not _may(above, os.X_OK):
            return _seen(above)
    # Not those of Path, which raise for a name that is too long.
    if os.path.lexists(path):
        wanted = os.R_OK | (os.W_OK if writes else 0) | (os.X_OK if path.is_dir() else 0)
        if not _may(path, wanted):
            return _seen(path)
    # To put a file in a place takes its folder, and that it is there.
    near = next((above for above in path.parents if os.path.lexists(above)), None)
    return _seen(near) if writes and near is not None and not _may(near, os.W_OK | os.X_OK) else None


def whose(found: Obstacle, user: int, *, folder: Path | None = None) -> str:
    """Why the obstacle is one for that user, and what removes it, with the command to type."""
    what = f"its folder {found.path}" if found.is_folder else "it"
    if found.owner == user:
        mode = "u+rwx" if found.is_folder else "u+rw"
        why = f"{what} is closed to its owner (mode {found.mode:04o})"
        return f"{why}; run: chmod {mode} {shlex.quote(str(found.path))}"
    why = f"{what} belongs to {user_name(found.owner)}, and giftping runs as {user_name(user)}"
    return f"{why}; {_given_back(found, user_name(user), folder)}"


def _given_back(found: Obstacle, user: str, folder: Path | None) -> str:
    """How a file, or the whole of its folder, becomes the user's: nothing above that folder does."""
    if folder is not None and (found.path == folder or folder in found.path.parents):
        # Whoever ran it as another user has left more than this one file.
        return f"run: sudo chown -R {user}: {shlex.quote(str(folder))}"
    if not found.is_folder:
        return f"run: sudo chown {user}: {shlex.quote(str(found.path))}"
    if folder is not None and folder.parent == found.path and not folder.exists():
        return f"run: sudo install -d -m 700 -o {user} {shlex.quote(str(folder))}"
    return f"put it into a folder that {user} may use, and name that in the settings"


def user_name(number: int) -> str:
    """What a user is called; the number where this machine does not know it."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _seen(path: Path) -> Obstacle | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return Obstacle(path, path.is_dir(), status.st_uid, status.st_mode & 0o7777)


def _may(path: Path, what: int) -> bool:
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)
