"""The tables of a state folder, shared by the threads of a process and by processes: every access under its locks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Generic, TypeVar

from giftping.store.base import StoreError
from giftping.store.tiny.files import LOCK, SNAPSHOT, StoreBusyError, StoreLock, fingerprint
from giftping.store.tiny.folder import Image
from giftping.store.tiny.tables import Operation, Tables

LOCK_WAIT = timedelta(seconds=10)
FOLD_AT = 4 << 20

Answer = TypeVar("Answer")
Decision = Callable[[Tables], tuple[list[Operation], Answer]]
"""What to change, and what to answer, on the tables as they are under the lock; it may be asked twice."""


class _Turn(Generic[Answer]):
    """One write that waits for its turn, and what came of it."""

    def __init__(self, decide: Decision[Answer]) -> None:
        self._decide = decide
        self.answer: Answer
        self.error: BaseException | None = None
        self.is_over = False

    def decides(self, tables: Tables) -> list[Operation]:
        """What it is to change on these tables; its answer is known then."""
        operations, self.answer = self._decide(tables)
        return operations


class SharedTables:
    """The tables of one folder, and when they are folded into its snapshot.

    That is at the end, at the start where a journal was left behind, and in between when the journal is
    longer than `fold_at` bytes and than the snapshot, so that the cost of a write does not grow with the ledger.
    Where the snapshot is long itself, the end and the start wait until the journal is an eighth of it.
    """

    def __init__(self, folder: Path, *, read_only: bool, lock_wait: timedelta, fold_at: int) -> None:
        self.name = str(folder / SNAPSHOT)
        self.closed_fingerprint: str | None = None
        self._folder = folder
        self._others_wrote = False
        self._read_only = read_only
        self._fold_at = self._next_fold_at = fold_at
        self._lock = StoreLock(folder / LOCK, lock_wait)
        self._image = Image(folder, writable=not read_only)
        self._threads = RLock()
        self._turns: deque[_Turn[Any]] = deque()
        self._closed = False
        try:
            self._current()
            self._fold_what_was_left()
            self._others_wrote = False
        except BaseException:
            self._image.close()
            raise

    def close(self) -> None:
        """Fold the journal and close the files; safe to call twice. Raise StoreError when the fold fails."""
        with self._threads:
            if self._closed:
                return
            self._closed = True
            try:
                if not self._read_only and self._is_worth_folding():
                    # Whoever keeps the store locked is a giftping too, which folds when it closes.
                    with suppress(StoreBusyError):
                        self._fold(wait=None)
                else:
                    self._note_fingerprint()
            finally:
                self._image.close()

    def drop_former(self) -> None:
        """Keep nothing on the disk of what was there once and is no more. Raise StoreError when that fails."""
        with self._threads, self._lock.exclusive():
            self._refresh()
            self._image.drop_former()

    @contextmanager
    def tables(self) -> Iterator[Tables]:
        """The tables, with what others wrote, for reading within the block."""
        with self._threads:
            yield self._current()

    def documents(self, collection: str) -> list[Mapping[str, Any]]:
        """The documents of a collection as they are now."""
        with self._threads:
            return list(self._current()[collection].values())

    def write(self, decide: Decision[Answer]) -> Answer:
        """Decide under the lock on what all have written, make the change durable, and return the answer.

        Other threads that come while the disk is waited for wait together for the next time: each decides in its turn,
        on what those before it have changed, and the disk is waited for once.
        """
        turn = _Turn(decide)
        self._turns.append(turn)
        with self._threads:
            if not turn.is_over:
                self._take([self._turns.popleft() for _ in range(len(self._turns))])
        if turn.error is not None:
            raise turn.error
        return turn.answer

    def _take(self, turns: list[_Turn[Any]]) -> None:
        """Let all of these decide and write, in their order; each of them is over then."""
        try:
            self._refuse_when_closed()
            if self._read_only:
                raise StoreError(f"{self.name}: opened for reading only; nothing was written")
            left = turns
            if not self._lock.exists():
                # What changes nothing makes no folder either.
                left = [turn for turn in turns if turn.decides(self._current())]
            if left:
                with self._lock.exclusive():
                    self._refresh()
                    with self._image.appending():
                        for turn in left:
                            self._append(turn)
                    self._fold_when_long()
        except BaseException as error:
            # It is not known of any of them that it is there.
            for turn in turns:
                turn.error = turn.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            for turn in turns:
                turn.is_over = True

    def _append(self, turn: _Turn[Any]) -> None:
        try:
            if operations := turn.decides(self._image.tables):
                self._image.append(operations)
        except Exception as error:  # noqa: BLE001 -- for whoever waits for it, and for nobody else
            turn.error = error
            self._refresh()

    def _current(self) -> Tables:
        self._refuse_when_closed()
        if self._image.changed():
            with self._lock.shared():
                self._refresh()
        return self._image.tables

    def _refresh(self) -> None:
        self._others_wrote = self._others_wrote or self._image.changed()
        self._image.refresh()

    def _note_fingerprint(self) -> None:
        """Keep the token of what is in memory, unless somebody else has had a hand in it."""
        token = fingerprint(self._folder)
        unknown = self._others_wrote or self._image.changed()
        self.closed_fingerprint = None if unknown else token

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise StoreError(f"{self.name}: the store is closed")

    def _fold(self, wait: timedelta | None) -> None:
        with self._lock.exclusive(wait):
            self._refresh()
            if self._image.journal_size():
                self._image.fold()
            self._note_fingerprint()

    def _is_worth_folding(self) -> bool:
        journal, snapshot = self._image.journal_size(), self._image.snapshot_size()
        return journal > 0 and (snapshot < self._fold_at or journal >= snapshot // 8)

    def _fold_what_was_left(self) -> None:
        if self._read_only or not self._is_worth_folding():
            return
        # Another process may be at work on it, and a disk that is full is told when something is written.
        with suppress(StoreError):
            self._fold(wait=timedelta(0))

    def _fold_when_long(self) -> None:
        size = self._image.journal_size()
        if size < max(self._next_fold_at, self._image.snapshot_size()):
            return
        try:
            self._image.fold()
        except StoreError:
            # What was to be written is in the journal. It is tried again later, and `close` tells of it.
            self._next_fold_at = 2 * size
        else:
            self._next_fold_at = self._fold_at
