"""Who holds what is under way: a process of this host, known to be alive by a lock of its own."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from giftping.store.tiny.files import FILE_MODE, FOLDER_MODE, HOLDERS, storage_errors


@dataclass(frozen=True, slots=True)
class Holder:
    """A process of a host."""

    host: str
    process: str
    """A token of its own; empty where an older release noted none."""


class HolderLock(Protocol):
    """By what a process is known to be alive."""

    @property
    def holder(self) -> Holder:
        """This process."""

    def take(self) -> Holder:
        """This process, known to be alive from now on. Raise StoreError when that cannot be made known."""

    def is_gone(self, holder: Holder) -> bool:
        """Whether a process of this host has ended."""

    def forget(self, holder: Holder) -> None:
        """Let go of what tells of a process that is gone and holds nothing any more."""


class ProcessLock:
    """The lock by which the other processes of this host know that this one is alive.

    It is taken with the first claim and held until the process ends; the kernel frees it however that is. A process
    that is frozen holds it: its brothers are not to post what it may wake up to post.
    """

    def __init__(self, state: Path, host: str) -> None:
        self.holder = Holder(host, os.urandom(6).hex())
        self._folder = state / HOLDERS
        self._descriptor: int | None = None
        # Guilds are posted to side by side, and the first claims of two of them meet here.
        self._taking = threading.Lock()

    def take(self) -> Holder:
        """This process as a holder, whose lock is held from now on. Raise StoreError when the file cannot be made."""
        with self._taking:
            if self._descriptor is None:
                path = _path(self._folder, self.holder.process)
                with storage_errors(path, "locked"):
                    self._folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
                    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
                    # Nobody else knows the token yet: it cannot be held.
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._descriptor = descriptor
        return self.holder

    def is_gone(self, holder: Holder) -> bool:
        """Whether a process of this host has ended."""
        if holder.process == self.holder.process:
            return False
        if not holder.process:
            return True
        path = _path(self._folder, holder.process)
        with storage_errors(path, "looked at"):
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                return True
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            finally:
                os.close(descriptor)
        return True

    def gone_of(self, sessions: Collection[str]) -> frozenset[str]:
        """Those of this host's sessions, each by host and process, that are over, though they never said so."""
        holders = {one: Holder(*one.rsplit(" ", 1)) for one in sessions if " " in one}
        return frozenset(
            one for one, holder in holders.items() if holder.host == self.holder.host and self.is_gone(holder)
        )

    def forget(self, holder: Holder) -> None:
        """Remove the lock file of a process that is gone and holds nothing any more."""
        with suppress(OSError):
            _path(self._folder, holder.process).unlink()

    def close(self) -> None:
        """Free the lock; safe to call twice."""
        if self._descriptor is not None:
            self.forget(self.holder)
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def _path(folder: Path, process: str) -> Path:
    return folder / f"{process}.lock"
