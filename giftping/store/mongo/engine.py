"""The engine that keeps documents in a MongoDB database, asked in batches. Only this package imports PyMongo."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from pymongo import DeleteOne, IndexModel, InsertOne, ReplaceOne, UpdateOne
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import OperationFailure

from giftping.store.base import SCHEMA_VERSION, StoreAwayError, StoreError
from giftping.store.documents import (
    LEDGER,
    META,
    SCHEMA_ID,
    Document,
    refuse_newer_schema,
    refuse_older_schema,
    schema_document,
)
from giftping.store.engine import (
    REV,
    Change,
    OddId,
    Where,
    changed_document,
    fresh_rev,
    in_batches,
    refuse_doubles,
    rests_on,
    stamp_of,
    still_holds,
)
from giftping.store.fields import is_text
from giftping.store.legacy.shapes import FLAG, STATE
from giftping.store.mongo.link import ANSWER, MongoLink
from giftping.store.mongo.queries import (
    ANY_TEXT,
    INDEXES,
    INDEXES_ID,
    INDEXES_OF_FIRST,
    INDEXES_VERSION,
    as_it_was_read,
    ids_within,
    no_text_like,
    that_is_one_of,
    update_or_refusal,
)
from giftping.store.mongo.throttling import Put, put_batch, remove_batch

if TYPE_CHECKING:
    from giftping.settings.secrets import Secret

SERVER_SELECTION = timedelta(seconds=3)

PAGE = 10_000
"""How many documents are read or written with one request; the largest message is 48 MB."""

_Answer = TypeVar("_Answer")


class MongoEngine:
    """Keeps `giftping.store.engine.Engine` in a MongoDB database that several hosts may share.

    The database is the one in the URI, else `database`, else `discord_bot`. Nothing is asked of the server
    before the first read or write. `server_selection` is how long to wait for a server that can be written
    to, `answer` how long for the answer to one request.

    Raise StoreError for a URI that is none; every method raises StoreAwayError when MongoDB cannot be reached,
    has no primary or did not confirm in time, and StoreError for what does not pass by itself.
    """

    notices: tuple[str, ...] = ()
    is_away = False
    held_back = ""
    closed_fingerprint = None
    """None: other hosts may write at any time, so that nothing tells whether MongoDB is as this object left it."""

    def __init__(
        self,
        uri: Secret | str,
        database: str | None = None,
        *,
        server_selection: timedelta = SERVER_SELECTION,
        answer: timedelta = ANSWER,
    ) -> None:
        self._link = MongoLink(uri, database, server_selection=server_selection, answer=answer)
        self._is_checked = False
        self._is_prepared = False
        self._schema = SCHEMA_VERSION
        self._is_upgraded_now = False
        self._odd: dict[OddId, None] = {}

    @property
    def name(self) -> str:
        """What to call the store in messages: hosts and database, never the user."""
        return self._link.name

    @property
    def odd_ids(self) -> Collection[OddId]:
        """The documents met so far whose `_id` is no text; it grows with those met later."""
        return self._odd.keys()

    @property
    def election(self) -> object:
        """The last election of a primary that was met; None for a server that stands alone."""
        return self._link.election

    def close(self) -> None:
        """End the connections; safe to call twice."""
        self._link.close()

    # Reading

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        batches = in_batches(set(ids), PAGE)
        return {one["_id"]: one for batch in batches for one in self._page(collection, {"_id": {"$in": batch}})}

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document."""
        batches = in_batches(set(ids), PAGE)
        return frozenset(
            one["_id"] for batch in batches for one in self._page(collection, {"_id": {"$in": batch}}, {"_id": 1})
        )

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted, by `_id`; `within` is how their ids begin."""
        wanted = {field: that_is_one_of(values) for field, values in (where or {}).items()}
        return list(self._found(collection, wanted, within))

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents as they are; nothing where there is no such collection."""
        with self._link.told():
            self._check_schema()
            documents = self._link.collection(collection)
            # Once the answer has begun it cannot be asked for anew.
            first, rest = self._link.patience.ask(lambda: _begun(documents))
            yield from self._under_texts(collection, chain(first, rest))

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression."""
        found = self._page(collection, {"_id": no_text_like(unlike)})
        list(self._under_texts(collection, found))
        return list(found)

    def stamps(self, collection: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The id of each document, and the values that a change of it rests on. Nothing else is fetched."""
        for document in self._found(collection, fields=dict.fromkeys(("_id", *rests_on(collection)), 1)):
            yield document["_id"], stamp_of(collection, document)

    def _found(
        self, collection: str, wanted: Document | None = None, within: str = "", fields: Document | None = None
    ) -> Iterator[Document]:
        """The documents that are wanted, by `_id`, asked for in pages: one can be asked for again, a cursor not."""
        # Those with odd ids come first and last; they are met on the way, at the price of no request.
        ids: Document = ids_within(within)
        while True:
            page = self._page(collection, {**(wanted or {}), **({"_id": ids} if ids else {})}, fields)
            texts = list(self._under_texts(collection, page))
            yield from texts
            if len(page) < PAGE or (texts and texts[-1] is not page[-1]):
                return
            beyond = {"$gt": texts[-1]["_id"]} if texts else ANY_TEXT
            ids = {name: bound for name, bound in ids.items() if name == "$lt"} | beyond

    def _page(self, collection: str, wanted: Document, fields: Document | None = None) -> list[Document]:
        """The documents that are wanted, by `_id`, at most a page of them."""

        def asked() -> list[Document]:
            self._check_schema()
            documents = self._link.collection(collection)
            return list(documents.find(wanted, fields, sort=[("_id", 1)], limit=PAGE, batch_size=PAGE + 1))

        return self._link.asked(asked)

    def _under_texts(self, collection: str, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents whose `_id` is a text; the others are noted."""
        for document in documents:
            if is_text(document["_id"]):
                yield document
            else:
                self._odd[collection, repr(document["_id"])] = None

    # Changing

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        """For each of the changes whether it was made; `rev`, where given, is the one that the documents get."""
        refuse_doubles(changes)
        rev = rev or fresh_rev()
        by_collection: dict[str, list[Change]] = {}
        for change in changes:
            by_collection.setdefault(change.collection, []).append(change)
        made: set[tuple[str, str]] = set()
        for collection, of_it in by_collection.items():
            ids = self._put(collection, [change for change in of_it if change.after is not None], rev)
            ids |= self._remove(collection, [change for change in of_it if change.after is None])
            made |= {(collection, id_) for id_ in ids}
        return [change.key in made for change in changes]

    def _put(self, collection: str, changes: Sequence[Change], rev: str) -> frozenset[str]:
        # Inserts and updates are different commands: among updates, what is new goes as one of them.
        write = _insert if all(change.before is None for change in changes) else _guarded
        put: set[str] = set()
        for batch in in_batches(changes, PAGE):
            writes = {change.id: write(change, rev) for change in batch}
            put |= self._write(collection, partial(put_batch, changes=writes, patience=self._link.patience))
        return frozenset(put)

    def _remove(self, collection: str, changes: Sequence[Change]) -> frozenset[str]:
        """The ids of the documents that were removed; not of one that somebody else may have removed meanwhile."""
        if len(changes) > 1:
            # A removal that finds nothing is only left out of the count: what is not to be found is left out before.
            there = self.get(collection, {change.id for change in changes})
            changes = [change for change in changes if still_holds(there.get(change.id), change)]
        if not changes:
            return frozenset()
        ids = frozenset(change.id for change in changes)
        # MongoDB repeats such removals safely when its primary is lost meanwhile; one of many documents it does not.
        removals = [DeleteOne(as_it_was_read(change)) for change in changes]
        gone = self._write(collection, partial(remove_batch, removals=removals, patience=self._link.patience))
        if gone in (0, len(ids)):
            return ids if gone else frozenset()
        missing = ids - self.present(collection, ids)
        return missing if len(missing) == gone else frozenset()

    def _write(self, collection: str, ask: Callable[[MongoCollection[Document]], _Answer]) -> _Answer:
        """The answer of a write to a collection."""

        def asked() -> _Answer:
            self._check_schema()
            if not self._is_upgraded_now:
                refuse_older_schema(self._schema, self.name)
            self._prepare()
            return ask(self._link.collection(collection))

        return self._link.asked(asked)

    # The database as a whole

    def schema(self) -> int:
        """By which schema the database is written; today's where it says nothing. It is asked once."""
        with self._link.told():
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
        notes = {note["_id"]: note for note in self._link.collection(META).find(asked)}
        if SCHEMA_ID in notes:
            refuse_newer_schema(notes[SCHEMA_ID].get("version"), self.name)
            self._schema = notes[SCHEMA_ID]["version"]
        indexes = notes.get(INDEXES_ID, {}).get("indexes", 0)
        self._is_prepared = SCHEMA_ID in notes and indexes >= INDEXES_VERSION
        self._is_checked = True

    def _prepare(self) -> None:
        """Write the schema, and make the indexes, before the first write to a database."""
        if self._is_prepared:
            return
        # Not every member of a replica set has to be up for it; a lone server knows no such thing.
        quorum: dict[str, Any] = {"commitQuorum": "majority"} if self._link.is_replicated else {}
        for collection, indexes in INDEXES.items():
            models = [IndexModel(list(fields), name=name) for name, fields in indexes.items()]
            self._link.collection(collection).create_indexes(models, **quorum)
        for name in INDEXES_OF_FIRST:
            # There is none, or this user may not: it does no harm.
            with suppress(OperationFailure):
                self._link.collection(LEDGER).drop_index(name)
        version = schema_document()
        self._link.collection(META).bulk_write(
            [
                UpdateOne({"_id": version.pop("_id")}, {"$setOnInsert": version}, upsert=True),
                UpdateOne({"_id": INDEXES_ID}, {"$max": {"indexes": INDEXES_VERSION}}, upsert=True),
            ]
        )
        self._is_prepared = True

    def found(self, collection: str, id_: str) -> Mapping[str, Any] | None:
        """One document, without a look at the schema: one round trip, for whoever opens the store when it differs."""
        return self._link.asked(lambda: self._link.collection(collection).find_one({"_id": id_}))

    def incarnations(self, collections: Collection[str]) -> Mapping[str, str]:
        """For each of the collections that is there a token, another one once it was dropped and made anew.

        One round trip; empty where nothing is told: a user may lack the right to ask, and not every server that
        speaks MongoDB's language tells.
        """
        try:
            with self._link.told():
                asked = {"name": {"$in": list(collections)}}
                found = self._link.collection(META).database.list_collections(filter=asked)
                return {one["name"]: str(one["info"]["uuid"]) for one in found}
        except StoreAwayError:
            raise
        except (StoreError, KeyError):
            return {}

    def old_data(self, database: str | None = None) -> OldDatabase:
        """The old data to take over from the database itself, or from another one on the same server."""
        return OldDatabase(self._link if database is None else self._link.of_database(database))


def _begun(documents: MongoCollection[Document]) -> tuple[list[Document], Iterator[Document]]:
    """The first document of a collection, and the others."""
    found = documents.find({})
    return list(islice(found, 1)), found


def _insert(change: Change, rev: str) -> Put:
    return InsertOne(changed_document(None, change, rev))


def _guarded(change: Change, rev: str) -> Put:
    """The write that makes a change, and that is refused where the document is not as it was read."""
    if change.before is None:
        # No document has this `rev` yet: it only ever inserts, in one request with the updates.
        document: Document = changed_document(None, change, rev)
        return ReplaceOne({"_id": change.id, REV: rev}, document, upsert=True)
    return UpdateOne(as_it_was_read(change), update_or_refusal(change, rev), upsert=True)


class OldDatabase:
    """A database of an older bot: its documents as they are, and the flag that it sets when all went over."""

    keeps_flag = True

    def __init__(self, link: MongoLink) -> None:
        self._link = link
        self.name = link.name

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents; nothing where there is no such collection."""
        with self._link.told():
            yield from self._link.collection(collection).find({})

    def set_flag(self) -> None:
        """Set the older bot's flag in its state document, where there is one and it is not set."""
        with self._link.told():
            self._link.collection(STATE).update_one({"_id": STATE, FLAG: {"$ne": True}}, {"$set": {FLAG: True}})
