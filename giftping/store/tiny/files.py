"""The files of a state folder: their names, the lock, atomic replacement, and a token of their last change."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from giftping.store.errors import StoreError

SNAPSHOT = "giftping.json"
PREVIOUS_SNAPSHOT = "giftping.json.previous"
JOURNAL = "giftping.journal"
PREVIOUS_JOURNAL = "giftping.journal.previous"
LOCK = "store.lock"
DATABASE_LOCK = "database.lock"
UPGRADE_LOCK = "upgrade.lock"
HOLDERS = "holders"
"""The folder in the state folder with the lock file of each process that has claimed something."""

FOLDERS = (HOLDERS, "attachments")
"""The folders in the state folder."""

FILE_MODE = 0o600
FOLDER_MODE = 0o700

Stamp = tuple[int, int, int, int]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM}
_LONGEST_PAUSE = 0.02


def fingerprint(folder: Path) -> str:
    """A token that changes whenever anybody wrote to the store in the folder; costs two `stat` calls.

    Raise StoreError when the folder cannot be looked at.
    """
    parts = (stamp(folder / SNAPSHOT), stamp(folder / JOURNAL))
    return " ".join("-" if part is None else ".".join(map(str, part)) for part in parts)


def stamp(path: Path) -> Stamp | None:
    """Device, inode, size in bytes and mtime in ns; None when there is no such file.

    Raise StoreError when it cannot be told.
    """
    with storage_errors(path, "looked at"):
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def storage_errors(path: Path, action: str) -> Iterator[None]:
    """Turn an OSError into a StoreError that names the file, the reason and the next step."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"{path}: cannot be {action}: {reason}; {next_step(path, error)}") from error


def next_step(path: Path, error: OSError) -> str:
    """What to do about a file of the state folder that cannot be used, and whose it is where that is the reason."""
    if error.errno in _FULL:
        return "make room on the disk and run again"
    if error.errno == errno.EROFS:
        return "let the state folder be on a disk that can be written to"
    if error.errno in _FORBIDDEN:
        from giftping.settings.ownership import why_forbidden

        # A file of a folder in it, such as a lock, is not the only one that was left by another user.
        state = path.parent.parent if path.parent.name in FOLDERS else path.parent
        whose = why_forbidden(path, error, folder=state)
        return whose or "make the state folder readable and writable for the user that giftping runs as"
    return "check the state folder and its disk, then run again"


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of the data, however many calls it takes. Raise OSError when it does not fit."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def replace_file(path: Path, chunks: Iterable[bytes], *, keep: Path | None = None, durable: bool = True) -> None:
    """Put new content in a file's place, all at once; a former file is kept under the name `keep`.

    A cache need not be `durable`: nothing then waits for the disk, and a power cut may lose the content.
    Raise OSError when it fails; the former file is then still in its place.
    """
    draft = path.with_name(path.name + ".tmp")
    try:
        _write(draft, chunks, durable=durable)
        if keep is not None:
            _keep_former(path, keep)
        os.replace(draft, path)  # noqa: PTH105 -- all changes of files go through os
    except OSError:
        with suppress(OSError):
            os.unlink(draft)  # noqa: PTH108
        raise
    if durable:
        sync_folder(path.parent)


def _write(path: Path, chunks: Iterable[bytes], *, durable: bool) -> None:
    """Write a whole file, readable for its owner only."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    try:
        for chunk in chunks:
            write_all(descriptor, chunk)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _keep_former(path: Path, keep: Path) -> None:
    draft = keep.with_name(keep.name + ".tmp")
    with suppress(FileNotFoundError):
        os.unlink(draft)  # noqa: PTH108
    try:
        os.link(path, draft)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        # A file system without hard links, such as FAT: the former content is copied.
        _write(draft, [path.read_bytes()], durable=True)
    os.replace(draft, keep)  # noqa: PTH105


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StoreBusyError(StoreError):
    """Another process kept the store locked for longer than the wait."""


class StoreLock:
    """The lock that processes take to read or write the store; the kernel frees it however they end."""

    def __init__(self, path: Path, wait: timedelta) -> None:
        self._path = path
        self._wait = wait

    def exists(self) -> bool:
        """Whether anybody has ever written here."""
        return stamp(self._path) is not None

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock beside other readers. Where no lock file is, nobody writes, and none is made.

        Raise StoreBusyError when a writer keeps it for longer than the wait.
        """
        with storage_errors(self._path, "opened"):
            descriptor = self._open_locked(os.O_RDONLY, fcntl.LOCK_SH, self._wait)
        try:
            yield
        finally:
            if descriptor is not None:
                _unlock(descriptor)

    @contextmanager
    def exclusive(self, wait: timedelta | None = None) -> Iterator[None]:
        """Hold the lock alone, making the folder and the lock file where they are missing.

        Raise StoreBusyError when others keep it for longer than the wait.
        """
        with storage_errors(self._path, "opened"):
            self._path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
            descriptor = self._open_locked(os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX, self._wait if wait is None else wait)
        try:
            yield
        finally:
            if descriptor is not None:
                _unlock(descriptor)

    def _open_locked(self, flags: int, operation: int, wait: timedelta) -> int | None:
        deadline = time.monotonic() + wait.total_seconds()
        while True:
            try:
                descriptor = os.open(self._path, flags, FILE_MODE)
            except FileNotFoundError:
                if flags & os.O_CREAT:
                    raise
                return None
            try:
                self._acquire(descriptor, operation, deadline)
                if self._is_in_place(descriptor):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _acquire(self, descriptor: int, operation: int, deadline: float) -> None:
        pause = 0.0005
        while True:
            try:
                fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise self._held_too_long() from None
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            else:
                return

    def _is_in_place(self, descriptor: int) -> bool:
        """Whether the locked file still is the one that others would lock."""
        mine = os.fstat(descriptor)
        there = stamp(self._path)
        return there is not None and there[:2] == (mine.st_dev, mine.st_ino)

    def _held_too_long(self) -> StoreBusyError:
        seconds = f"{self._wait.total_seconds():g}"
        return StoreBusyError(
            f"{self._path}: another giftping process has kept the store locked for {seconds} s;"
            " let it finish (`fuser` on the file names it) and run again"
        )


def _unlock(descriptor: int) -> None:
    # Closing alone leaves it locked for the moment in which a child process is on its way to its program.
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)
