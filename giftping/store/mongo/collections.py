"""The collections of a MongoDB database, asked in batches, once it is known that they are ours to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, islice
from typing import Any, TypeAlias, TypeVar

from pymongo import DeleteOne, IndexModel, InsertOne, ReplaceOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, OperationFailure

from giftping.store.base import SCHEMA_VERSION
from giftping.store.documents import (
    LEDGER,
    META,
    SCHEMA_ID,
    Document,
    refuse_newer_schema,
    refuse_older_schema,
    schema_document,
)
from giftping.store.engine import OddId
from giftping.store.mongo.link import MongoLink
from giftping.store.mongo.queries import ANY_TEXT, INDEXES, INDEXES_ID, INDEXES_OF_FIRST, INDEXES_VERSION, ids_within
from giftping.store.mongo.throttling import FIRST_PAUSE, Patience, is_throttled_write

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
        self._odd: dict[OddId, None] = {}

    @property
    def odd_ids(self) -> KeysView[OddId]:
        """The documents met so far whose `_id` is no text: nothing asks for them, and nothing changes them."""
        return self._odd.keys()

    def page(self, collection: str, wanted: Document, fields: Document | None = None) -> list[Document]:
        """The documents that are wanted, by `_id`, at most a page of them."""

        def asked() -> list[Document]:
            self._check_schema()
            documents = self.link.collection(collection)
            return list(documents.find(wanted, fields, sort=[("_id", 1)], limit=PAGE, batch_size=PAGE + 1))

        return self.link.asked(asked)

    def pages(
        self,
        collection: str,
        wanted: Document | None = None,
        within: str = "",
        fields: Document | None = None,
    ) -> Iterator[list[Document]]:
        """The documents that are wanted, by `_id`, in pages: one can be asked for again, a cursor not."""
        # Those with odd ids come first and last; they are met on the way, at the price of no request.
        ids: Document = ids_within(within)
        while True:
            page = self.page(collection, {**(wanted or {}), **({"_id": ids} if ids else {})}, fields)
            texts = list(self._under_texts(collection, page))
            yield texts
            if len(page) < PAGE or (texts and texts[-1] is not page[-1]):
                return
            beyond = {"$gt": texts[-1]["_id"]} if texts else ANY_TEXT
            ids = {name: bound for name, bound in ids.items() if name == "$lt"} | beyond

    def walk(self, collection: str) -> Iterator[Document]:
        """All documents as they are."""
        with self.link.told():
            self._check_schema()
            documents = self.link.collection(collection)
            # Once the answer has begun it cannot be asked for anew.
            first, rest = self.link.patience.ask(lambda: _begun(documents))
            yield from self._under_texts(collection, chain(first, rest))

    def _under_texts(self, collection: str, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents whose `_id` is a text; the others are noted."""
        for document in documents:
            # Code, which is a type of BSON's own, is a class of texts.
            if type(document["_id"]) is str:
                yield document
            else:
                self._odd[collection, repr(document["_id"])] = None

    def strays(self, collection: str, ids: Document) -> list[Document]:
        """The documents with ids that meet a condition, texts or not; those that are none are noted."""
        found = self.page(collection, {"_id": ids})
        list(self._under_texts(collection, found))
        return found

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

        def asked() -> _Item:
            self._check_schema()
            if not self._is_upgraded_now:
                refuse_older_schema(self._schema, self.link.name)
            self._prepare()
            return ask(self.link.collection(collection))

        return self.link.asked(asked)

    def remove(self, collection: str, removals: Sequence[DeleteOne]) -> int:
        """How many documents are gone, with one request.

        MongoDB repeats such changes safely when its primary is lost meanwhile; one to many documents it does not.
        """
        if not removals:
            return 0
        return self.write(collection, partial(_remove_batch, removals=removals, patience=self.link.patience))

    def put(self, collection: str, changes: Mapping[str, Put]) -> frozenset[str]:
        """Make the changes, given by `_id`, with one request a page, and return the ids of those not refused."""
        put: set[str] = set()
        for batch in _batches(changes):
            of_it = {id_: changes[id_] for id_ in batch}
            put |= self.write(collection, partial(_put_batch, changes=of_it, patience=self.link.patience))
        return frozenset(put)

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
        if self._is_checked:
            return
        asked = {"_id": {"$in": [SCHEMA_ID, INDEXES_ID]}}
        notes = {note["_id"]: note for note in self.link.collection(META).find(asked)}
        if SCHEMA_ID in notes:
            refuse_newer_schema(notes[SCHEMA_ID].get("version"), self.link.name)
            self._schema = notes[SCHEMA_ID]["version"]
        indexes = notes.get(INDEXES_ID, {}).get("indexes", 0)
        self._is_prepared = SCHEMA_ID in notes and indexes >= INDEXES_VERSION
        self._is_checked = True

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        # Not every member of a replica set has to be up for it; a lone server knows no such thing.
        quorum: dict[str, Any] = {"commitQuorum": "majority"} if self.link.is_replicated else {}
        for collection, indexes in INDEXES.items():
            models = [IndexModel(list(fields), name=name) for name, fields in indexes.items()]
            self.link.collection(collection).create_indexes(models, **quorum)
        for name in INDEXES_OF_FIRST:
            # There is none, or this user may not: it does no harm.
            with suppress(OperationFailure):
                self.link.collection(LEDGER).drop_index(name)
        version = schema_document()
        self.link.collection(META).bulk_write(
            [
                UpdateOne({"_id": version.pop("_id")}, {"$setOnInsert": version}, upsert=True),
                UpdateOne({"_id": INDEXES_ID}, {"$max": {"indexes": INDEXES_VERSION}}, upsert=True),
            ]
        )
        self._is_prepared = True


def _begun(documents: Collection[Document]) -> tuple[list[Document], Iterator[Document]]:
    """The first document of a collection, and the others."""
    found = documents.find({})
    return list(islice(found, 1)), found


def _put_batch(documents: Collection[Document], changes: Mapping[str, Put], patience: Patience) -> set[str]:
    """The ids of the changes that were made; what the server had no throughput for is asked again, and only that."""
    left, lost = list(changes), set[str]()
    pause = FIRST_PAUSE
    while left:
        try:
            documents.bulk_write([changes[id_] for id_ in left], ordered=False)
        except BulkWriteError as error:
            again = _throttled(error)
            refused = [one for one in error.details["writeErrors"] if one not in again]
            if not all(map(_is_lost, refused)) or (again and not patience.waits(pause, str(again[0]))):
                raise
            lost |= {left[one["index"]] for one in refused}
            left = [left[one["index"]] for one in again]
            pause *= 2
        else:
            break
    return set(changes) - lost


def _remove_batch(documents: Collection[Document], removals: Sequence[DeleteOne], patience: Patience) -> int:
    """How many documents are gone; likewise."""
    left, gone = list(removals), 0
    pause = FIRST_PAUSE
    while left:
        try:
            return gone + documents.bulk_write(left, ordered=False).deleted_count
        except BulkWriteError as error:
            again = _throttled(error)
            if len(again) < len(error.details["writeErrors"]) or not patience.waits(pause, str(again[0])):
                raise
            gone += error.details["nRemoved"]
            left = [left[one["index"]] for one in again]
            pause *= 2
    return gone


def _throttled(error: BulkWriteError) -> list[Mapping[str, Any]]:
    """The writes of a batch that may be asked again. Raise the error where the others may not have been confirmed."""
    if error.details["writeConcernErrors"]:
        raise error
    return [one for one in error.details["writeErrors"] if is_throttled_write(one)]


def _is_lost(refused: Mapping[str, Any]) -> bool:
    """Whether a write came too late: the id is taken, not by another unique index, or the document changed."""
    if refused["code"] == _OTHER_ID:
        return True
    return refused["code"] == _DUPLICATE_KEY and list(refused.get("keyPattern", ["_id"])) == ["_id"]


def _batches(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    rest = iter(items)
    while batch := list(islice(rest, PAGE)):
        yield batch
