"""What a state folder holds, in memory: the snapshot and the journal that continues it, kept in step with the disk.

A fold writes the snapshot of the next generation and sets the journal aside. Kept beside them are the
snapshot before and the journal that leads from it to the present one, so that putting the former snapshot in
place of a damaged one loses nothing. The order of steps leaves, at every instant, a snapshot and the journals
that bring it up to date; a journal of an earlier generation is in the snapshot already.
"""

from __future__ import annotations

import os
from pathlib import Path

from giftping.store.base import StoreError
from giftping.store.documents import META, schema_document
from giftping.store.tiny.files import JOURNAL, PREVIOUS_JOURNAL, SNAPSHOT, Stamp, stamp, storage_errors
from giftping.store.tiny.journal import Header, Journal, create_journal, open_journal
from giftping.store.tiny.snapshot import Snapshot, keep_as_former, read_snapshot, write_snapshot
from giftping.store.tiny.tables import Batch, Tables


class FolderCache:
    """A state folder in memory. Only `changed` may be called without holding the store's lock."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        self._snapshot_path = folder / SNAPSHOT
        self._journal_path = folder / JOURNAL
        self._previous_journal_path = folder / PREVIOUS_JOURNAL
        self._writable = writable
        self._in_step = False
        self._journal: Journal | None = None
        self._unsynced_from: int | None = None
        self._snapshot_stamp: Stamp | None = None
        self._snapshot_pin: int | None = None
        self._store = ""
        self._generation = 0
        self.tables = Tables()

    def close(self) -> None:
        """Close the files."""
        self._in_step = False
        self._drop_journal()
        self._pin_snapshot(None)

    def changed(self) -> bool:
        """Whether the disk may hold more than the memory does."""
        return not self._in_step or stamp(self._snapshot_path) != self._snapshot_stamp or self._journal_changed()

    def refresh(self) -> None:
        """Bring the memory up to date. Raise StoreError when the disk cannot be read or does not fit together."""
        in_step, self._in_step = self._in_step, False
        if not in_step or not self._follows():
            self._load()
        if self._journal is not None and self._is_current(self._journal):
            for batch in self._journal.read_on():
                self._apply(batch)
        self._in_step = True

    def sync(self) -> None:
        """Bring what was appended since the last time to the disk, all of it.

        Raise StoreError when that fails. It is taken back then, or, where the disk refuses that, too, is there.
        """
        since, self._unsynced_from = self._unsynced_from, None
        if self._journal is None or since is None:
            return
        try:
            self._journal.sync(since)
        except BaseException:
            # It is not known what of the memory is on the disk.
            self._in_step = False
            raise

    def append(self, batch: Batch) -> None:
        """Write changes, then make them in memory. Call after `refresh`; `sync` brings them to the disk.

        Raise StoreError when that fails; nothing is changed then.
        """
        self._in_step = False
        if self._journal is not None and self._is_current(self._journal):
            if self._unsynced_from is None:
                self._unsynced_from = self._journal.end
            self._journal.append(batch)
            self._in_step = True
            self.refresh()
            return
        if self._journal is not None:
            # A fold was cut short: what this journal records is in the snapshot.
            self._set_journal_aside()
        self._store = self._store or os.urandom(6).hex()
        create_journal(self._journal_path, Header(self._store, self._generation, self.tables.schema), batch)
        self._in_step = True
        self.refresh()

    def journal_size(self) -> int:
        """How many bytes of the journal are not in the snapshot."""
        return self._journal.end if self._journal is not None and self._is_current(self._journal) else 0

    def snapshot_size(self) -> int:
        """The size of the snapshot in bytes."""
        return self._snapshot_stamp[2] if self._snapshot_stamp else 0

    def fold(self) -> None:
        """Write all there is into the snapshot. Call after `refresh`.

        Raise StoreError when that fails; nothing is lost then, the journal still has it.
        """
        self._in_step = False
        write_snapshot(self._snapshot_path, Snapshot(self.tables, self._store, self._generation + 1))
        self._generation += 1
        self._pin_snapshot(_pin(self._snapshot_path))
        self._set_journal_aside()
        self._in_step = True

    def drop_former(self) -> None:
        """Keep nothing on the disk of what was there once and is no more; a copy of the snapshot stays beside it.

        Call after `refresh`. Raise StoreError when that fails; nothing is lost then.
        """
        if self.journal_size():
            self.fold()
        keep_as_former(self._snapshot_path)
        with storage_errors(self._previous_journal_path, "removed"):
            self._previous_journal_path.unlink(missing_ok=True)

    def _apply(self, batch: Batch) -> None:
        try:
            self.tables.apply(batch)
        except (KeyError, IndexError, TypeError) as error:
            raise StoreError(
                f"{self._journal_path}: holds a change that this giftping does not know ({error}); update giftping"
            ) from error

    def _follows(self) -> bool:
        """Whether what is in memory is still the beginning of what is on the disk."""
        if stamp(self._snapshot_path) != self._snapshot_stamp:
            return False
        if not self._journal_changed():
            return True
        if self._journal is None or not self._is_current(self._journal):
            self._drop_journal()
            self._attach_journal()
            return True
        there = stamp(self._journal_path)
        return there is not None and there[:2] == self._journal.place and there[2] >= self._journal.end

    def _journal_changed(self) -> bool:
        there = stamp(self._journal_path)
        if self._journal is None or there is None:
            return self._journal is not None or there is not None
        if there[:2] != self._journal.place:
            return True
        return self._is_current(self._journal) and there[2] != self._journal.end

    def _load(self) -> None:
        self._drop_journal()
        self._pin_snapshot(_pin(self._snapshot_path))
        snapshot = read_snapshot(self._snapshot_path)
        if snapshot is None:
            self.tables, self._store, self._generation = Tables(), "", 0
        else:
            self.tables, self._store, self._generation = snapshot.tables, snapshot.store, snapshot.generation
            self._apply_previous_journal()
        self._attach_journal()

    def _apply_previous_journal(self) -> None:
        """Go on from a snapshot that was put back to where the next one began."""
        journal = open_journal(self._previous_journal_path, writable=False)
        if journal is None:
            return
        try:
            if journal.header.store != self._store or journal.header.generation < self._generation:
                return
            self._refuse_gap(self._previous_journal_path, journal.header)
            for batch in journal.read_on():
                self._apply(batch)
            self._generation += 1
        finally:
            journal.close()

    def _attach_journal(self) -> None:
        journal = open_journal(self._journal_path, writable=self._writable)
        if journal is None:
            return
        try:
            if self._snapshot_stamp is None and not self._store:
                self._store = journal.header.store
                self.tables.put(META, schema_document(journal.header.schema))
            self._refuse_gap(self._journal_path, journal.header)
        except StoreError:
            journal.close()
            raise
        self._journal = journal

    def _refuse_gap(self, path: Path, header: Header) -> None:
        if self._snapshot_stamp is None and header.generation > 0:
            raise StoreError(
                f"{self._snapshot_path}: missing, though {path.name} goes on from it; put"
                f" {self._snapshot_path.name}.previous or a backup in its place"
            )
        if header.store != self._store:
            raise StoreError(
                f"{path}: goes on from another {self._snapshot_path.name} than the one beside it; put the right one"
                " there, or move this file away"
            )
        if header.generation > self._generation:
            raise StoreError(
                f"{self._snapshot_path}: too old (generation {self._generation}) for {path.name} (generation"
                f" {header.generation}); put the newest one there, or move {path.name} away (what was recorded"
                " in between may then be announced again)"
            )

    def _is_current(self, journal: Journal) -> bool:
        return journal.header.generation == self._generation

    def _set_journal_aside(self) -> None:
        with storage_errors(self._journal_path, "set aside"):
            os.replace(self._journal_path, self._previous_journal_path)  # noqa: PTH105 -- as all changes of files
        self._drop_journal()

    def _drop_journal(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _pin_snapshot(self, descriptor: int | None) -> None:
        """Hold the snapshot open, so that its inode number cannot come back as another file's."""
        if self._snapshot_pin is not None:
            os.close(self._snapshot_pin)
        self._snapshot_pin = descriptor
        self._snapshot_stamp = None if descriptor is None else stamp(self._snapshot_path)


def _pin(path: Path) -> int | None:
    with storage_errors(path, "opened"):
        try:
            return os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
