"""giftping.json: a plain TinyDB file with one document a line, replaced atomically, and what it must hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from tinydb import Storage

from giftping.store.base import SCHEMA_VERSION, StoreError
from giftping.store.documents import COLLECTIONS, META, SCHEMA_ID, refuse_newer_schema, schema_document
from giftping.store.fields import plain_document
from giftping.store.tiny.files import FOLDER_MODE, PREVIOUS_SNAPSHOT, replace_file, storage_errors
from giftping.store.tiny.tables import CompactDocument, Compactor, Tables

GENERATION_ID = "generation"

MakeDocument = Callable[[dict[str, Any]], Mapping[str, Any]]

_CHUNK = 1 << 18


class SnapshotStorage(Storage):
    """TinyDB's JSON file, replaced atomically and durably; the file before is kept as `<name>.previous`.

    `make_document` makes the documents that are kept out of those that were read.
    """

    def __init__(self, path: str | Path, make_document: MakeDocument = dict) -> None:
        self._path = Path(path)
        self._make_document = make_document

    def read(self) -> dict[str, dict[str, Any]] | None:
        """The tables; None where there is no file.

        Raise ValueError when the file is not JSON, OSError when it cannot be read.
        """
        try:
            with self._path.open(encoding="utf-8") as stream:
                tables = _read_by_line(stream, self._make_document)
                if tables is None:
                    stream.seek(0)
                    tables = json.load(stream)
        except FileNotFoundError:
            return None
        return tables

    def write(self, data: Mapping[str, Mapping[Any, Mapping[str, Any]]]) -> None:
        """Replace the file. Raise OSError when that fails; the file is then as it was."""
        replace_file(self._path, _chunks(data), keep=self._path.with_name(self._path.name + ".previous"))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a snapshot holds: its documents, the store it belongs to, and how many folds went before it."""

    tables: Tables
    store: str
    generation: int


def read_snapshot(path: Path) -> Snapshot | None:
    """The snapshot, None where there is no file.

    Raise StoreError, with the next step, when the file is damaged, is not giftping's or is a newer one's.
    """
    with storage_errors(path, "read"):
        try:
            tables = SnapshotStorage(path, Compactor().compact).read()
        except (ValueError, RecursionError) as error:
            raise StoreError(f"{path}: damaged: {error or 'nested too deeply'}; {_way_back(path)}") from error
    return None if tables is None else _checked(path, tables)


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Replace the snapshot. Raise StoreError when that fails; the file is then as it was."""
    with storage_errors(path, "written"):
        SnapshotStorage(path).write(_Numbered(snapshot))


def keep_as_former(path: Path) -> None:
    """Let the file before be a copy of the snapshot: what else it held is gone. Raise StoreError when that fails."""
    former = path.with_name(PREVIOUS_SNAPSHOT)
    with storage_errors(former, "written"):
        if path.exists():
            replace_file(former, [path.read_bytes()])


def _checked(path: Path, raw: object) -> Snapshot:
    if not isinstance(raw, dict) or not isinstance(raw.get(META), dict):
        raise StoreError(
            f"{path}: not a giftping file; move it away (an older bot's file is taken over with"
            " `giftping migrate --from-json`)"
        )
    tables = Tables()
    _fill(tables, META, raw.pop(META), path)
    # First of all: the tables of a newer schema may be of another shape.
    refuse_newer_schema(_meta(tables, SCHEMA_ID).get("version"), str(path))
    for name, documents in raw.items():
        if not isinstance(documents, dict):
            raise _wrong(path, f"table {name} is not an object")
        if name in COLLECTIONS:
            _fill(tables, name, documents, path)
        else:
            tables.foreign[name] = documents
    mark = _meta(tables, GENERATION_ID)
    store, generation = mark.get("store"), mark.get("number")
    if not isinstance(store, str) or type(generation) is not int:
        raise _wrong(path, "its meta table does not say which store and generation it is of")
    return Snapshot(tables, store, generation)


def _meta(tables: Tables, id_: str) -> Mapping[str, Any]:
    return tables[META].get(id_) or {}


def _fill(tables: Tables, name: str, documents: dict[str, Any], path: Path) -> None:
    for number, document in documents.items():
        if not isinstance(document, Mapping) or "_id" not in document:
            raise _wrong(path, f"document {number} of table {name} has no _id")
        if tables.found(name, document["_id"]) is not None:
            raise _wrong(path, f"table {name} holds {document['_id']!r} twice")
        tables.put(name, document)


def _wrong(path: Path, what: str) -> StoreError:
    return StoreError(f"{path}: damaged: {what}; {_way_back(path)}")


def _way_back(path: Path) -> str:
    previous = path.with_name(PREVIOUS_SNAPSHOT)
    if previous.exists():
        return f"nothing was changed; put {previous.name} in its place (nothing recorded since is lost), or a backup"
    return "nothing was changed; restore it from a backup, or move it away to start empty"


# Backups


def write_backup(
    folder: Path,
    collections: Iterable[tuple[str, Iterable[Mapping[str, Any]]]],
    at: datetime,
    *,
    before: str = "migrate",
    schema: int = SCHEMA_VERSION,
) -> Path | None:
    """The new file in the folder, for its owner only, that documents were written to; None where there are none.

    It is a copy of a store that is about to be changed as a whole, which `migrate --from-json` takes back: `before` is
    what it is kept for, `schema` that by which it was written. Raise StoreError when it cannot be written.
    """
    compact = Compactor().compact
    tables: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name, documents in collections:
        table = tables.setdefault(name, {})
        for document in documents:
            table[str(len(table) + 1)] = compact(plain_document(document) | {"_id": _id_of(document)})
    if not any(tables.values()):
        return None
    meta = [schema_document(schema), {"_id": GENERATION_ID, "store": "backup", "number": 0}]
    path = _free(folder, before, at)
    with storage_errors(path, "written"):
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        SnapshotStorage(path).write({META: {str(n): one for n, one in enumerate(meta, 1)}, **tables})
    return path


def _free(folder: Path, before: str, at: datetime) -> Path:
    """A name that no other backup has, such as that of the copy of what is upgraded with it."""
    while (path := folder / f"before-{before}-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.json").exists():
        at += timedelta(microseconds=1)
    return path


def _id_of(document: Mapping[str, Any]) -> str:
    """The `_id` as a text that no other `_id` becomes: a number beside the text that looks like it."""
    id_ = document["_id"]
    return id_ if isinstance(id_, str) else f"{type(id_).__name__}({id_})"


# The layout


class _Numbered(Mapping[str, Mapping[str, Mapping[str, Any]]]):
    """A snapshot's tables as TinyDB writes them, documents numbered from 1; made while they are written."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._tables = snapshot.tables
        noted = snapshot.tables[META]
        self._meta: list[Mapping[str, Any]] = [
            noted.get(SCHEMA_ID) or schema_document(),
            {"_id": GENERATION_ID, "store": snapshot.store, "number": snapshot.generation},
            *(note for id_, note in noted.items() if id_ not in (SCHEMA_ID, GENERATION_ID)),
        ]

    def __getitem__(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        if name in self._tables.foreign:
            return self._tables.foreign[name]
        documents = self._meta if name == META else [*self._tables[name].values(), *self._tables.strays(name)]
        return {str(number): document for number, document in enumerate(documents, start=1)}

    def __iter__(self) -> Iterator[str]:
        yield META
        yield from (name for name in COLLECTIONS if name != META and (self._tables[name] or self._tables.strays(name)))
        yield from self._tables.foreign

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _chunks(tables: Mapping[str, Mapping[Any, Mapping[str, Any]]]) -> Iterator[bytes]:
    """The JSON of all tables, one document a line, in chunks of some size."""
    pending: list[str] = []
    size = 0
    for line in _lines(tables):
        pending.append(line)
        size += len(line)
        if size >= _CHUNK:
            yield "".join(pending).encode()
            pending, size = [], 0
    yield "".join(pending).encode()


def _lines(tables: Mapping[str, Mapping[Any, Mapping[str, Any]]]) -> Iterator[str]:
    encode = json.JSONEncoder(default=CompactDocument.plain).encode
    yield "{\n"
    table_start = ""
    for name, documents in tables.items():
        yield f"{table_start}{encode(name)}: {{\n"
        document_start = ""
        for number, document in documents.items():
            yield f'{document_start}"{number}": {encode(document)}'
            document_start = ",\n"
        yield "\n}" if documents else "}"
        table_start = ",\n"
    yield "\n}\n"


def _read_by_line(stream: TextIO, make_document: MakeDocument) -> dict[str, dict[str, Any]] | None:
    """The tables of a file in the layout of `_lines` without holding its text; None for another layout."""
    if stream.readline() != "{\n":
        return None
    tables: dict[str, dict[str, Any]] = {}
    documents: dict[str, Any] | None = None
    # Of a hundred thousand lines, what `json.loads` looks at beside each value would be a third of the time.
    decode = json.JSONDecoder().raw_decode
    try:
        for line in stream:
            if documents is None:
                if line == "}\n":
                    return tables if not stream.read() else None
                name = json.loads(line.removesuffix(": {\n"))
                documents = tables.setdefault(name, {})
            elif line in ("},\n", "}\n"):
                documents = None
            else:
                number, begin = decode(line)
                document, end = decode(line, begin + 2)
                if line[begin : begin + 2] != ": " or line[end:] not in (",\n", "\n"):
                    return None
                documents[number] = make_document(document)
    except (ValueError, AttributeError, TypeError):
        return None
    return None
