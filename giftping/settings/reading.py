"""Reads what settings and secrets are in: a file, or a pipe that somebody writes to."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

PATIENCE = 10.0
"""The seconds that a pipe has to say something: one that nobody writes to would hold up every run for good."""


def read_file(path: Path, at_most: int) -> bytes:
    """The bytes of a file, no more than so many. Raise OSError when it cannot be read, or a pipe says nothing."""
    # Without waiting for a writer, which open(2) does of a pipe; of a file that says nothing.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        waits = not stat.S_ISREG(os.fstat(descriptor).st_mode)
        content = b""
        while len(content) < at_most:
            if waits and not _has_something(descriptor):
                raise TimeoutError(errno.ETIMEDOUT, f"it is no file, and nobody writes to it for {PATIENCE:.0f} s")
            part = file.read(at_most - len(content))
            if not part:
                break
            content += part
    return content


def _has_something(descriptor: int) -> bool:
    import select

    return bool(select.select([descriptor], [], [], PATIENCE)[0])
