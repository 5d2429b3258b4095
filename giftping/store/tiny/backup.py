"""A copy of a store, written before it is changed as a whole: a file that `migrate --from-json` takes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from giftping.store.base import SCHEMA_VERSION
from giftping.store.documents import META, schema_document
from giftping.store.fields import plain_document
from giftping.store.tiny.files import FOLDER_MODE, storage_errors


def write_backup(
    folder: Path,
    collections: Iterable[tuple[str, Iterable[Mapping[str, Any]]]],
    at: datetime,
    *,
    before: str = "migrate",
    schema: int = SCHEMA_VERSION,
) -> Path | None:
    """Write the documents to a new file in the folder, for its owner only, and return it; None where there are none.

    `before` is what they are kept for, `schema` that by which they were written.

    Raise StoreError when it cannot be written.
    """
    from giftping.store.tiny.snapshot import GENERATION_ID, SnapshotStorage
    from giftping.store.tiny.tables import Compactor

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
