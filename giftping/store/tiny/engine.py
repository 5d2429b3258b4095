"""The engine that keeps documents in a state folder: a TinyDB file, and a journal beside it."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from threading import RLock
from typing import Any, Generic, TypeVar

from giftping.store.base import StoreError
from giftping.store.documents import refuse_older_schema
from giftping.store.engine import (
    Change,
    OddId,
    Where,
    changed_document,
    fresh_rev,
    plain_change,
    refuse_doubles,
    still_holds,
    wanted_by,
)
from giftping.store.fields import plain_document
from giftping.store.tiny.files import LOCK, SNAPSHOT, StoreBusyError, StoreLock, fingerprint, stamp
from giftping.store.tiny.folder import FolderCache
from giftping.store.tiny.tables import Operation, Tables, put, remove

LOCK_WAIT = timedelta(seconds=10)
FOLD_AT = 4 << 20

Answer = TypeVar("Answer")

Decision = Callable[[Tables], tuple[list[Operation], Answer]]
"""What to write, and what to answer, on the tables as they are under the lock; it may be asked twice."""


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


class TinyEngine:
    """Keeps `giftping.store.engine.Engine` in a folder, which several processes may have open at once.

    The folder is made by the first write, not before. `read_only` changes nothing on the disk and works in a folder
    that cannot be written to. `lock_wait` is how long to wait for other processes; `fold_at` is the length in bytes
    from which the journal is folded into `giftping.json` while the folder is in use. `notices` are what whoever opens
    it wants the user to be told. All changes of one call are made together or not at all; what JSON has no word for
    becomes a text.

    The journal is folded into the snapshot at the end, at the start where one was left behind, and in between when it
    is longer than `fold_at` bytes and than the snapshot, so that the cost of a write does not grow with the ledger.
    Where the snapshot is long itself, the end and the start wait until the journal is an eighth of it.

    Nobody who reads waits for the disk. What they may see before it is there is safe: a change that rests on it is
    written behind it, and refused where the disk refused it.

    Raise StoreError when the folder cannot be read, is damaged, or is a newer giftping's.
    """

    is_away = False
    held_back = ""

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        lock_wait: timedelta = LOCK_WAIT,
        fold_at: int = FOLD_AT,
    ) -> None:
        self.name = str(folder / SNAPSHOT)
        self.notices: tuple[str, ...] = ()
        self.closed_fingerprint: str | None = None
        self._folder = folder
        self._read_only = read_only
        self._fold_at = self._next_fold_at = fold_at
        self._is_upgraded_now = False
        self._odd: dict[OddId, None] = {}
        self._lock = StoreLock(folder / LOCK, lock_wait)
        self._cache = FolderCache(folder, writable=not read_only)
        # Whoever needs both takes that of the writers first.
        self._writers, self._threads = RLock(), RLock()
        self._turns: deque[_Turn[Any]] = deque()
        self._others_wrote = False
        self._closed = False
        try:
            self._current()
            self._fold_what_was_left()
            self._others_wrote = False
        except BaseException:
            self._cache.close()
            raise

    @property
    def place(self) -> str:
        """A token that a copy of the folder does not have, and a folder that was moved still has."""
        found = stamp(self._folder / LOCK)
        # Not the device: it may have another number after each start of the machine.
        return "" if found is None else f"{found[1]}.{found[3]}"

    @property
    def odd_ids(self) -> Collection[OddId]:
        """The documents met so far whose `_id` is no text; it grows with those met later."""
        return self._odd.keys()

    def close(self) -> None:
        """Bring the snapshot up to date and release the files; safe to call twice. Raise StoreError when that fails."""
        with self._writers, self._threads:
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
                self._cache.close()

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        with self._tables() as tables:
            documents = tables[collection]
            return {id_: documents[id_] for id_ in ids if id_ in documents}

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document."""
        with self._tables() as tables:
            documents = tables[collection]
            return frozenset(id_ for id_ in ids if id_ in documents)

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted at the moment of the call, by `_id`; `within` is how their ids begin."""
        with self._tables() as tables:
            found = list(filter(wanted_by(where), tables.within(collection, within)))
            self._strays_in(tables, collection)
        return sorted(found, key=lambda document: str(document["_id"]))

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents as they are at the moment of the call."""
        with self._tables() as tables:
            self._strays_in(tables, collection)
            return iter(list(tables.all_documents(collection)))

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression."""
        with self._tables() as tables:
            texts = tables[collection].items() if unlike else ()
            return [*self._strays_in(tables, collection), *(one for id_, one in texts if not re.fullmatch(unlike, id_))]

    def _strays_in(self, tables: Tables, collection: str) -> Sequence[Mapping[str, Any]]:
        """The documents whose `_id` is no text, which are noted as met."""
        strays = tables.strays(collection)
        self._odd |= {(collection, repr(one["_id"])): None for one in strays}
        return strays

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        """For each of the changes whether it was made; `rev`, where given, is the one that the documents get."""
        refuse_doubles(changes)
        plain, rev = [plain_change(change) for change in changes], rev or fresh_rev()

        def decide(tables: Tables) -> tuple[list[Operation], list[bool]]:
            operations: list[Operation] = []
            made = []
            for change in plain:
                stored = tables.found(change.collection, change.id)
                made.append(holds := still_holds(stored, change))
                if holds and change.after is None:
                    operations.append(remove(change.collection, change.id))
                elif holds:
                    operations.append(put(change.collection, changed_document(stored, change, rev)))
            return operations, made

        return self.write(decide)

    def write(self, decide: Decision[Answer]) -> Answer:
        """Decide under the lock on what all have written, make the change durable, and return the answer.

        Raise StoreError where what is there was written by an older giftping, and is not being upgraded.

        Other threads that come while the disk is waited for wait together for the next time: each decides in its turn,
        on what those before it have changed, and the disk is waited for once.
        """
        turn = _Turn(decide)
        self._turns.append(turn)
        with self._writers:
            if not turn.is_over:
                self._take([self._turns.popleft() for _ in range(len(self._turns))])
        if turn.error is not None:
            raise turn.error
        return turn.answer

    def drop_former(self) -> None:
        """Keep nothing of what was removed or changed in the files of the ledger; backups are others."""
        with self._writers, self._threads, self._lock.exclusive():
            self._refresh()
            self._cache.drop_former()

    def schema(self) -> int:
        """By which schema what is there is written; today's where there is nothing."""
        with self._tables() as tables:
            return tables.schema

    @contextmanager
    def upgrading(self) -> Iterator[None]:
        """Within the block what an older giftping wrote may be changed."""
        self._is_upgraded_now = True
        try:
            yield
        finally:
            self._is_upgraded_now = False

    def put(self, collection: str, documents: Collection[Mapping[str, Any]], gone: Collection[str] = ()) -> None:
        """Write documents whole, whatever was there, and remove others: what a mirror of another engine takes in."""

        def decide(tables: Tables) -> tuple[list[Operation], None]:
            there: Mapping[str, Mapping[str, Any]] = tables[collection]
            plain = [plain_document(document) for document in documents]
            puts: list[Operation] = [put(collection, one) for one in plain if there.get(one["_id"]) != one]
            return puts + [remove(collection, id_) for id_ in gone if id_ in there], None

        self.write(decide)

    @contextmanager
    def _tables(self) -> Iterator[Tables]:
        """The tables, with what others wrote, for reading within the block."""
        with self._threads:
            self._refuse_when_closed()
            if not self._cache.changed():
                yield self._cache.tables
                return
        # What others wrote is read once this process is not at it.
        with self._writers, self._threads:
            yield self._current()

    def _take(self, turns: list[_Turn[Any]]) -> None:
        """Let all of these decide and write, in their order; each of them is over then."""
        try:
            self._refuse_when_closed()
            if self._read_only:
                raise StoreError(f"{self.name}: opened for reading only; nothing was written")
            left = turns
            if not self._lock.exists():
                # What changes nothing makes no folder either.
                with self._threads:
                    left = [turn for turn in turns if turn.decides(self._current())]
            if left:
                with self._lock.exclusive():
                    try:
                        with self._threads:
                            self._refresh()
                            if not self._is_upgraded_now:
                                refuse_older_schema(self._cache.tables.schema, self.name)
                            for turn in left:
                                self._append(turn)
                    finally:
                        self._cache.sync()
                    with self._threads:
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
            if operations := turn.decides(self._cache.tables):
                self._cache.append(operations)
        except Exception as error:  # noqa: BLE001 -- for whoever waits for it, and for nobody else
            turn.error = error
            self._refresh()

    def _current(self) -> Tables:
        """The tables, with what others wrote. For who holds both locks."""
        self._refuse_when_closed()
        if self._cache.changed():
            with self._lock.shared():
                self._refresh()
        return self._cache.tables

    def _refresh(self) -> None:
        self._others_wrote = self._others_wrote or self._cache.changed()
        self._cache.refresh()

    def _note_fingerprint(self) -> None:
        """Keep the token of what is in memory, unless somebody else has had a hand in it."""
        token = fingerprint(self._folder)
        unknown = self._others_wrote or self._cache.changed()
        self.closed_fingerprint = None if unknown else token

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise StoreError(f"{self.name}: the store is closed")

    def _fold(self, wait: timedelta | None) -> None:
        with self._lock.exclusive(wait):
            self._refresh()
            if self._cache.journal_size():
                self._cache.fold()
            self._note_fingerprint()

    def _is_worth_folding(self) -> bool:
        journal, snapshot = self._cache.journal_size(), self._cache.snapshot_size()
        return journal > 0 and (snapshot < self._fold_at or journal >= snapshot // 8)

    def _fold_what_was_left(self) -> None:
        if self._read_only or not self._is_worth_folding():
            return
        # Another process may be at work on it, and a disk that is full is told when something is written.
        with suppress(StoreError):
            self._fold(wait=timedelta(0))

    def _fold_when_long(self) -> None:
        size = self._cache.journal_size()
        if size < max(self._next_fold_at, self._cache.snapshot_size()):
            return
        try:
            self._cache.fold()
        except StoreError:
            # What was to be written is in the journal. It is tried again later, and `close` tells of it.
            self._next_fold_at = 2 * size
        else:
            self._next_fold_at = self._fold_at
