"""giftping.journal: the changes since the snapshot, one checksummed JSON line for each batch.

The checksum of a line goes on from the line before, so that a line that is missing or changed is noticed.
The first line says which snapshot the journal continues. Only the end of the file can be a half line: what
a killed process was writing and nobody was told of.
"""

from __future__ import annotations

import json
import os
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from giftping.store.base import SCHEMA_VERSION, StoreError
from giftping.store.documents import refuse_newer_schema
from giftping.store.tiny.files import replace_file, storage_errors, write_all
from giftping.store.tiny.tables import Batch

_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Header:
    """Which snapshot a journal continues: of which store, after how many folds; and its schema."""

    store: str
    generation: int
    schema: int = SCHEMA_VERSION


class Journal:
    """An open journal, read up to `end`. The caller holds the store's lock."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._line = 0
        self._checksum = 0
        self.end = 0
        self.header = self._read_header()

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    @property
    def place(self) -> tuple[int, int]:
        """Device and inode, which no other file gets while this one is open."""
        found = os.fstat(self._descriptor)
        return found.st_dev, found.st_ino

    def read_on(self) -> list[Batch]:
        """The batches written since the last look, without a half line at the end.

        Raise StoreError for a damaged line.
        """
        with storage_errors(self._path, "read"):
            lines = self._read_from(self.end).split(b"\n")[:-1]
        if lines and b"\0" in lines[-1]:
            # What a power failure leaves of a line that did not wholly reach the disk: nobody was told of it.
            lines.pop()
        return [self._batch(line) for line in lines]

    def append(self, batch: Batch) -> None:
        """Write one batch, in place of a half line that may be at the end; `sync` brings it to the disk.

        `read_on` returns it next. Raise StoreError when that fails; none of it is there then, or half a line.
        """
        line, _ = _line(batch, self._checksum)
        with storage_errors(self._path, "written"):
            if os.fstat(self._descriptor).st_size != self.end:
                os.ftruncate(self._descriptor, self.end)
            os.lseek(self._descriptor, self.end, os.SEEK_SET)
            try:
                write_all(self._descriptor, line)
            except OSError:
                # Where this fails too, a half line stays behind, which the next append cuts off.
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self.end)
                raise

    def sync(self, since: int) -> None:
        """Bring all that was written to the disk.

        Raise StoreError when that fails; what was written after the offset `since` is taken back then, unless that
        fails, too. Nothing else may be done with this object after that.
        """
        with storage_errors(self._path, "written"):
            try:
                os.fsync(self._descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, since)
                raise

    def _read_from(self, offset: int) -> bytes:
        parts = []
        while part := os.pread(self._descriptor, 1 << 20, offset):
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def _read_header(self) -> Header:
        with storage_errors(self._path, "read"):
            first, newline, _ = os.pread(self._descriptor, 4096, 0).partition(b"\n")
        if not newline:
            self._line = 1
            raise self._damaged("its first line is cut off")
        raw = self._payload(first)
        if not isinstance(raw, dict):
            raise self._damaged("its first line is no header")
        refuse_newer_schema(raw.get("schema"), str(self._path))
        try:
            return Header(raw["store"], raw["generation"], raw["schema"])
        except KeyError as error:
            raise self._damaged(f"its header has no {error}") from error

    def _payload(self, line: bytes) -> Any:
        """The batch that a line holds, counted as read. Raise StoreError when it is damaged."""
        self._line += 1
        digits, _, text = line.partition(b" ")
        checksum = zlib.crc32(text, self._checksum)
        if digits != _digits(checksum):
            raise self._damaged("its checksum does not match")
        try:
            payload = json.loads(text)
        except ValueError as error:
            raise self._damaged(str(error)) from error
        self._checksum = checksum
        self.end += len(line) + 1
        return payload

    def _batch(self, line: bytes) -> Batch:
        payload = self._payload(line)
        if not isinstance(payload, list) or not all(isinstance(operation, list) for operation in payload):
            raise self._damaged("not a list of changes")
        return [tuple(operation) for operation in payload]

    def _damaged(self, why: str) -> StoreError:
        return StoreError(
            f"{self._path}: damaged in line {self._line}: {why}; nothing was changed; restore the state folder"
            " from a backup, or move this file away (what it records may then be announced again)"
        )


def open_journal(path: Path, *, writable: bool) -> Journal | None:
    """The journal with its header read, None where there is none.

    Raise StoreError when it cannot be read, is damaged or is a newer giftping's.
    """
    with storage_errors(path, "opened"):
        try:
            descriptor = os.open(path, os.O_RDWR if writable else os.O_RDONLY)
        except FileNotFoundError:
            return None
    try:
        return Journal(path, descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def create_journal(path: Path, header: Header, batch: Batch) -> None:
    """Make a new journal that holds one batch. Raise StoreError when that fails; none is there then."""
    first, checksum = _line(asdict(header), 0)
    second, _ = _line(batch, checksum)
    with storage_errors(path, "written"):
        replace_file(path, [first + second])


def _line(payload: object, previous: int) -> tuple[bytes, int]:
    text = _encode(payload).encode()
    checksum = zlib.crc32(text, previous)
    return _digits(checksum) + b" " + text + b"\n", checksum


def _digits(checksum: int) -> bytes:
    return b"%08x" % checksum
