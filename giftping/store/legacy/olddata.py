"""Where old data lies: an older bot's JSON file, or another giftping's; a database offers the same by `OldData`."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from giftping.store.base import StoreError
from giftping.store.documents import META
from giftping.store.legacy.shapes import STATE, is_state
from giftping.store.tiny.files import SNAPSHOT, storage_errors


class OldData(Protocol):
    """Collections of documents to be taken over, of whatever shape.

    Every method raises StoreError when the data cannot be read: an error is never an empty answer.
    """

    @property
    def name(self) -> str:
        """What to call it in messages; holds no secret. The name of the store that it lies in, where it is one."""

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents; nothing where there is no such collection."""

    @property
    def keeps_flag(self) -> bool:
        """Whether its state is told, by the older bot's own flag, that all went over."""

    def set_flag(self) -> None:
        """Set the older bot's flag in the old state, where there is one and it is not set."""


@runtime_checkable
class HoldsOldData(Protocol):
    """A store whose server may hold old data, in its own database and in others."""

    def old_data(self, database: str | None = None) -> OldData:
        """The data in the store's own database, or in another one by name. Raise StoreError for a bad name."""


class OldFile:
    """A JSON file that was read whole. It is never written to."""

    keeps_flag = False

    def __init__(self, path: Path, collections: Mapping[str, list[Mapping[str, Any]]]) -> None:
        self.name = str(path)
        self._collections = collections

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents."""
        return iter(self._collections.get(collection, ()))

    def set_flag(self) -> None:
        """Do nothing: files stay as they are."""


def open_file(path: Path) -> OldFile:
    """The documents that a `giftcode_state.json`, a `giftping.json` or a backup of one holds.

    Raise StoreError when it cannot be read, is damaged, or is neither.
    """
    if path.name == SNAPSHOT:
        return _open_folder(path)
    with storage_errors(path, "read"), _readable(path):
        try:
            # A file that was edited on Windows begins with a byte order mark.
            content = json.loads(path.read_bytes().decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path}: damaged: {error}; nothing was taken over; try a backup of it") from error
    if is_state(content):
        return OldFile(path, {STATE: [{"_id": STATE, **content}]})
    if isinstance(content, dict) and META in content:
        return _open_snapshot(path)
    raise StoreError(f"{path}: neither an older bot's giftcode_state.json nor a giftping.json; nothing was taken over")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raise StoreError for a file of another user's, with whose it is and how it can be read all the same.

    It is not giftping's: whoever runs the older bot keeps it, and a copy will do.
    """
    try:
        yield
    except PermissionError as error:
        from giftping.settings.ownership import obstacle, user_name

        me, found = user_name(os.geteuid()), obstacle(path, writes=False)
        whose = "it is another user's"
        if found is not None:
            what = f"its folder {found.path}" if found.is_folder else "it"
            whose = f"{what} belongs to {user_name(found.owner)} (mode {found.mode:04o})"
        copied = f"sudo install -m 600 -o {me} {shlex.quote(str(path))} {shlex.quote(path.name)}"
        raise StoreError(
            f"{path}: cannot be read: {whose}, and giftping runs as {me}; take a copy, and name that: {copied}"
        ) from error


def _open_folder(path: Path) -> OldFile:
    """The documents that the folder around a `giftping.json` holds, its journal included."""
    from giftping.store.documents import COLLECTIONS
    from giftping.store.records import Store
    from giftping.store.tiny.engine import TinyEngine

    if not path.exists():
        raise StoreError(f"{path}: no such file; nothing was taken over")
    with Store(TinyEngine(path.parent, read_only=True)) as store:
        names = [name for name in COLLECTIONS if name != META]
        return OldFile(path, {name: list(store.engine.walk(name)) for name in names})


def _open_snapshot(path: Path) -> OldFile:
    from giftping.store.documents import COLLECTIONS
    from giftping.store.tiny.snapshot import read_snapshot

    snapshot = read_snapshot(path)
    if snapshot is None:
        raise StoreError(f"{path}: is gone; nothing was taken over")
    names = [name for name in (*COLLECTIONS, *snapshot.tables.foreign) if name != META]
    return OldFile(path, {name: list(snapshot.tables.all_documents(name)) for name in names})
