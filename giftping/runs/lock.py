"""The lock that lets one run of a job at a time work on a host."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from giftping.errors import EXIT_LOCKED, GiftpingError
from giftping.runs.codec import from_json, to_json
from giftping.store.tiny.files import next_step

_LONGEST_NOTE = 4096
# A tenth of a second in all: long enough to write a note, too short for anybody to mind.
_LOOKS = 20
_PAUSE = 0.005


class LockError(GiftpingError):
    """The lock file could not be used; the text names it, the reason and the next step."""


class LockHeldError(LockError):
    """Another run holds the lock: `pid`, `since` and `host` where its note in the lock file can be read."""

    exit_code = EXIT_LOCKED

    def __init__(
        self, pid: int | None = None, since: datetime | None = None, host: str = "", *, now: datetime | None = None
    ) -> None:
        self.pid = pid
        self.since = since
        self.host = host
        known = [f"pid {pid}{_elsewhere(host)}"] if pid is not None else []
        if since is not None:
            today = now is None or since.date() == now.date()
            known.append(f"since {since:%H:%M:%S}" if today else f"since {since:%Y-%m-%d %H:%M:%S}")
        note = f" ({', '.join(known)})" if known else ""
        super().__init__(f"another run holds the lock{note}")


@dataclass(frozen=True, slots=True)
class _Holder:
    pid: int
    host: str
    since: datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


class RunLock:
    """Holds a lock file within a `with` block; the kernel frees it however the process ends.

    The file stays: one that is deleted while it is held lets two runs in. It says who holds it, for the
    message that the next one gives. Child programs do not inherit it.
    """

    def __init__(self, path: Path, now: Callable[[], datetime] = _utc_now) -> None:
        self._path = path
        self._now = now
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Take the lock. Raise LockHeldError when another run holds it, LockError when the file cannot be used."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._take(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
        except OSError as error:
            reason = error.strerror or error
            raise LockError(f"{self._path}: cannot be locked: {reason}; {_next_step(self._path, error)}") from error
        self._descriptor = descriptor
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Free the lock."""
        if self._descriptor is not None:
            # Whoever comes while the next run has not written its note yet is not to read this one's.
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
            # Closing alone leaves it locked for the moment in which a child process is on its way to its program.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, descriptor: int) -> None:
        try:
            # Not lockf(): its locks are gone when the process closes any descriptor of the file (fcntl(2)).
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _living_holder(descriptor)
            if holder is None:
                raise LockHeldError from None
            since, now = holder.since.astimezone(), self._now().astimezone()
            raise LockHeldError(holder.pid, since, holder.host, now=now) from None
        note = to_json(_Holder(os.getpid(), os.uname().nodename, self._now()))
        # Cut first: a longer note before this one would leave its end behind.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(note).encode(), 0)


def _next_step(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM):
        return next_step(path, error)
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return "what stands in the place of the folder is none: move it away, or name another folder as the state"
    return "make the folder writable for the user that giftping runs as, and let it be on a local disk"


def _living_holder(descriptor: int) -> _Holder | None:
    """Who holds the lock, None when its note cannot be read.

    A run writes its note a moment after it took the lock. Until then there is none, or that of a run that was killed.
    """
    for _ in range(_LOOKS):
        holder = _holder(os.pread(descriptor, _LONGEST_NOTE, 0))
        if holder is not None and not _is_gone(holder):
            return holder
        time.sleep(_PAUSE)
    return None


def _is_gone(holder: _Holder) -> bool:
    # Its processes cannot be asked for from here: a folder that several hosts, or containers, have.
    if holder.host != os.uname().nodename:
        return False
    try:
        # Signal 0 is not sent: it only looks. EPERM is a process, too, of another user (kill(2)).
        os.kill(holder.pid, 0)
    except OverflowError:
        return True
    except OSError as error:
        return error.errno == errno.ESRCH
    return False


def _holder(note: bytes) -> _Holder | None:
    """Who wrote the note, None when it says nothing that can be read."""
    try:
        return from_json(_Holder, json.loads(note))
    except (ValueError, RecursionError):
        return None


def _elsewhere(host: str) -> str:
    return f" on {host}" if host and host != os.uname().nodename else ""
