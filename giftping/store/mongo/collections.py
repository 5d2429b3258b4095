"""The collections of a MongoDB database, asked in batches, once it is known that they are ours to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from pymongo import DeleteOne, IndexModel, InsertOne, ReplaceOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from giftping.store.base import SCHEMA_VERSION
from giftping.store.documents import (
    META,
    SCHEMA_ID,
    Document,
    refuse_newer_schema,
    refuse_older_schema,
    schema_document,
)
from giftping.store.mongo.link import MongoLink
from giftping.store.mongo.queries import ANY_ID, INDEXES, INDEXES_ID, INDEXES_VERSION, REVISION_ID

PAGE = 10_000
"""How many documents are read or written with one request; the largest message is 48 MB."""

Put: TypeAlias = InsertOne[Document] | ReplaceOne[Document] | UpdateOne
"""A write that is refused where the document's place is taken, or where it is not as it was read."""

_DUPLICATE_KEY = 11000
_OTHER_ID = 66
"""What answers an upsert that would insert under another `_id` than the one it asks for.

ImmutableField; https://github.com/mongodb/mongo/blob/r6.0.5/src/mongo/base/error_codes.yml
"""

_Item = TypeVar("_Item")


class MongoCollections:
    """Reads and writes over one link. Every method raises StoreError or StoreAwayError, as the link tells them.

    The schema is looked up together with the first request of a process, and written, with the indexes, before
    the first write to a database.
    """

    def __init__(self, link: MongoLink) -> None:
        self.link = link
        self._is_checked = False
        self._is_prepared = False
        self._schema = SCHEMA_VERSION
        self._is_upgraded_now = False

    def page(self, collection: str, wanted: Document, fields: Document | None = None) -> list[Document]:
        """The documents that are wanted, by `_id`, at most a page of them."""
        with self.link.told():
            self._check_schema()
            documents = self.link.collection(collection)
            return list(documents.find(wanted, fields, sort=[("_id", 1)], limit=PAGE, batch_size=PAGE + 1))

    def pages(
        self,
        collection: str,
        wanted: Document | None = None,
        ids: Document = ANY_ID,
        fields: Document | None = None,
    ) -> Iterator[list[Document]]:
        """The documents that are wanted, by `_id`, in pages: one can be asked for again, a cursor not."""
        while True:
            page = self.page(collection, {**(wanted or {}), "_id": ids}, fields)
            yield page
            if len(page) < PAGE:
                return
            ids = {name: bound for name, bound in ids.items() if name == "$lt"} | {"$gt": page[-1]["_id"]}

    def walk(self, collection: str) -> Iterator[Document]:
        """All documents as they are, with ids of whatever kind."""
        with self.link.told():
            self._check_schema()
            yield from self.link.collection(collection).find({})

    def stored(self, collection: str, ids: Iterable[str]) -> Iterator[str]:
        """Those of the ids that have a document."""
        for batch in _batches(ids):
            for document in self.page(collection, {"_id": {"$in": batch}}, {"_id": 1}):
                yield document["_id"]

    def found(self, collection: str, ids: Iterable[str]) -> Iterator[Document]:
        """The documents that the ids have."""
        for batch in _batches(ids):
            yield from self.page(collection, {"_id": {"$in": batch}})

    def write(self, collection: str, ask: Callable[[Collection[Document]], _Item]) -> _Item:
        """The answer of a write to a collection."""
        with self.link.told():
            self._check_schema()
            if not self._is_upgraded_now:
                refuse_older_schema(self._schema, self.link.name)
            self._prepare()
            return ask(self.link.collection(collection))

    def remove(self, collection: str, removals: Sequence[DeleteOne]) -> int:
        """How many documents are gone, with one request.

        MongoDB repeats such changes safely when its primary is lost meanwhile; one to many documents it does not.
        """
        if not removals:
            return 0
        return self.write(collection, lambda documents: documents.bulk_write(removals, ordered=False).deleted_count)

    def put(self, collection: str, changes: Mapping[str, Put]) -> frozenset[str]:
        """Make the changes, given by `_id`, with one request a page, and return the ids of those not refused."""
        put: set[str] = set()
        for batch in _batches(changes):
            put |= self.write(collection, partial(_put_batch, changes={id_: changes[id_] for id_ in batch}))
        return frozenset(put)

    def notes(self) -> dict[str, Document]:
        """The notes that the database holds of itself, by `_id`. Raise StoreError when a newer giftping wrote it."""
        with self.link.told():
            return self._read_notes()

    def schema(self) -> int:
        """By which schema the database is written; today's where it says nothing. It is asked once."""
        with self.link.told():
            self._check_schema()
        return self._schema

    @contextmanager
    def upgrading(self) -> Iterator[None]:
        """Within the block what an older giftping wrote may be changed; after it the schema is looked up again."""
        self._is_upgraded_now = True
        try:
            yield
        finally:
            self._is_upgraded_now = self._is_checked = False

    def _check_schema(self) -> None:
        if not self._is_checked:
            self._read_notes()

    def _read_notes(self) -> dict[str, Document]:
        asked = {"_id": {"$in": [SCHEMA_ID, INDEXES_ID, REVISION_ID]}}
        notes = {note["_id"]: note for note in self.link.collection(META).find(asked)}
        if SCHEMA_ID in notes:
            refuse_newer_schema(notes[SCHEMA_ID].get("version"), self.link.name)
            self._schema = notes[SCHEMA_ID]["version"]
        indexes = notes.get(INDEXES_ID, {}).get("indexes", 0)
        self._is_prepared = SCHEMA_ID in notes and indexes >= INDEXES_VERSION
        self._is_checked = True
        return notes

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        # Not every member of a replica set has to be up for it; a lone server knows no such thing.
        quorum: dict[str, Any] = {"commitQuorum": "majority"} if self.link.is_replicated else {}
        for collection, indexes in INDEXES.items():
            models = [IndexModel(list(fields), name=name) for name, fields in indexes.items()]
            self.link.collection(collection).create_indexes(models, **quorum)
        version = schema_document()
        self.link.collection(META).bulk_write(
            [
                UpdateOne({"_id": version.pop("_id")}, {"$setOnInsert": version}, upsert=True),
                UpdateOne({"_id": INDEXES_ID}, {"$max": {"indexes": INDEXES_VERSION}}, upsert=True),
            ]
        )
        self._is_prepared = True


def _put_batch(documents: Collection[Document], changes: Mapping[str, Put]) -> set[str]:
    ids = list(changes)
    try:
        documents.bulk_write(list(changes.values()), ordered=False)
    except BulkWriteError as error:
        refused = error.details["writeErrors"]
        if error.details["writeConcernErrors"] or not all(map(_is_lost, refused)):
            raise
        return set(ids) - {ids[one["index"]] for one in refused}
    return set(ids)


def _is_lost(refused: Mapping[str, Any]) -> bool:
    """Whether a write came too late: the id is taken, not by another unique index, or the document changed."""
    if refused["code"] == _OTHER_ID:
        return True
    return refused["code"] == _DUPLICATE_KEY and list(refused.get("keyPattern", ["_id"])) == ["_id"]


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while batch := list(islice(rest, PAGE)):
        yield batch
