"""The engine that keeps documents in a MongoDB database, asked in batches. Only this package imports PyMongo."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne

from giftping.store.base import StoreAwayError, StoreError
from giftping.store.documents import META, Document
from giftping.store.engine import (
    REV,
    Change,
    OddId,
    Where,
    changed_document,
    fresh_rev,
    refuse_doubles,
    rests_on,
    still_holds,
)
from giftping.store.mongo.collections import MongoCollections, Put
from giftping.store.mongo.link import MongoLink
from giftping.store.mongo.olddata import OldDatabase
from giftping.store.mongo.queries import as_it_was_read, no_text_like, that_is_one_of, update_or_refusal

if TYPE_CHECKING:
    from giftping.settings.secrets import Secret

SERVER_SELECTION = timedelta(seconds=3)
ANSWER = timedelta(seconds=10)


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
        self._collections = MongoCollections(self._link)

    @property
    def name(self) -> str:
        """What to call the store in messages: hosts and database, never the user."""
        return self._link.name

    @property
    def odd_ids(self) -> Collection[OddId]:
        """The documents met so far whose `_id` is no text; it grows with those met later."""
        return self._collections.odd_ids

    @property
    def election(self) -> object:
        """The last election of a primary that was met; None for a server that stands alone."""
        return self._link.election

    def close(self) -> None:
        """End the connections; safe to call twice."""
        self._link.close()

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        return {document["_id"]: document for document in self._collections.found(collection, set(ids))}

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document."""
        return frozenset(self._collections.stored(collection, set(ids)))

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted, by `_id`; `within` is how their ids begin."""
        wanted = {field: that_is_one_of(values) for field, values in (where or {}).items()}
        pages = self._collections.pages(collection, wanted, within)
        return [document for page in pages for document in page]

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents as they are; nothing where there is no such collection."""
        return self._collections.walk(collection)

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression."""
        return list(self._collections.strays(collection, no_text_like(unlike)))

    def stamps(self, collection: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The id of each document, and the values that a change of it rests on."""
        fields = rests_on(collection)
        for page in self._collections.pages(collection, fields=dict.fromkeys(("_id", *fields), 1)):
            for document in page:
                yield document["_id"], tuple(document.get(field) for field in fields)

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
        return self._collections.put(collection, {change.id: write(change, rev) for change in changes})

    def _remove(self, collection: str, changes: Sequence[Change]) -> frozenset[str]:
        """The ids of the documents that were removed; not of one that somebody else may have removed meanwhile."""
        if len(changes) > 1:
            # A removal that finds nothing is only left out of the count: what is not to be found is left out before.
            there = self.get(collection, {change.id for change in changes})
            changes = [change for change in changes if still_holds(there.get(change.id), change)]
        ids = frozenset(change.id for change in changes)
        gone = self._collections.remove(collection, [DeleteOne(as_it_was_read(change)) for change in changes])
        if gone in (0, len(ids)):
            return ids if gone else frozenset()
        missing = ids - self.present(collection, ids)
        return missing if len(missing) == gone else frozenset()

    def schema(self) -> int:
        """By which schema the database is written; today's where it says nothing."""
        return self._collections.schema()

    def upgrading(self) -> AbstractContextManager[None]:
        """Within the block what an older giftping wrote may be changed."""
        return self._collections.upgrading()

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


def _insert(change: Change, rev: str) -> Put:
    return InsertOne(changed_document(None, change, rev))


def _guarded(change: Change, rev: str) -> Put:
    """The write that makes a change, and that is refused where the document is not as it was read."""
    if change.before is None:
        # No document has this `rev` yet: it only ever inserts, in one request with the updates.
        document: Document = changed_document(None, change, rev)
        return ReplaceOne({"_id": change.id, REV: rev}, document, upsert=True)
    return UpdateOne(as_it_was_read(change), update_or_refusal(change, rev), upsert=True)
