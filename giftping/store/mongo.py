"""The store for many hosts: a MongoDB database, asked in batches. Only this module and its siblings import PyMongo."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pymongo import DeleteOne, IndexModel, ReplaceOne, UpdateOne
from pymongo.errors import BulkWriteError

from giftping.store.base import (
    Broken,
    CodeRecord,
    Destination,
    EntryState,
    GuildRecord,
    LedgerEntry,
    RunRecord,
    entry_id,
)
from giftping.store.documents import (
    CODES,
    GUILDS,
    LEDGER,
    META,
    OPEN_STATES,
    RUNS,
    SCHEMA_ID,
    Document,
    code_from_document,
    created_at_of,
    entry_from_document,
    entry_to_document,
    guild_from_document,
    guild_to_document,
    is_ledger_document,
    merge_code_records,
    refuse_newer_schema,
    run_from_document,
    run_to_document,
    schema_document,
    sent_fields,
    uncertain_fields,
)
from giftping.store.mongo_documents import (
    ANY_ID,
    INDEXES_ID,
    INDEXES_VERSION,
    LEDGER_INDEXES,
    broken_update,
    code_update,
    guild_going_to,
    ids_of_guild,
    in_states,
    of_delivery,
    of_game,
    seeded_update,
)
from giftping.store.mongo_link import MongoLink
from giftping.store.mongo_olddata import OldDatabase
from giftping.store.mongo_takeover import Takeover, take_over

if TYPE_CHECKING:
    from pymongo.collection import Collection as MongoCollection

    from giftping.secrets import Secret

SERVER_SELECTION = timedelta(seconds=3)
ANSWER = timedelta(seconds=10)

_PAGE = 10_000
"""How many documents are read or written with one request; the largest message is 48 MB."""

_DUPLICATE_KEY = 11000

Item = TypeVar("Item")


class MongoStore:
    """Keeps `giftping.store.base.Store` in a MongoDB database that several hosts share.

    The database is the one in the URI, else `database`, else `discord_bot`. Nothing is asked of the server
    before the first read or write. `server_selection` is how long to wait for a server that can be written
    to, `answer` how long for the answer to one request.

    Raise StoreError for a URI that is none; every method raises StoreAwayError when MongoDB cannot be reached,
    has no primary or did not confirm in time, and StoreError for what does not pass by itself.
    """

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

    @property
    def name(self) -> str:
        """What to call the store in messages: hosts and database, never the user."""
        return self._link.name

    @property
    def closed_fingerprint(self) -> str | None:
        """None: other hosts may write at any time, so that nothing tells whether MongoDB is as this object left it."""
        return None

    def close(self) -> None:
        """End the connections; safe to call twice."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *exc_info: object) -> None:
        self.close()

    # The ledger

    def recorded(self, game: str, keys: Collection[str], guild_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        """Return, for each of the guilds, those of the keys that have an entry in any state."""
        wanted = {entry_id(guild_id, game, key): (guild_id, key) for guild_id in guild_ids for key in keys}
        found: dict[int, set[str]] = {guild_id: set() for guild_id in guild_ids}
        for ids in _batches(wanted):
            for document in self._find(LEDGER, {"_id": {"$in": ids}}, {"_id": 1}):
                guild_id, key = wanted[document["_id"]]
                found[guild_id].add(key)
        return {guild_id: frozenset(keys_found) for guild_id, keys_found in found.items()}

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids; an existing entry is left as it is."""
        documents: dict[str, Document] = {}
        for entry in entries:
            documents.setdefault(entry.id, entry_to_document(entry))
        won: set[str] = set()
        for batch in _batches(documents.values()):
            won |= self._write(LEDGER, partial(_insert, documents=batch))
        return frozenset(won)

    def mark_sent(
        self, delivery_id: str, ids: Collection[str], *, message_id: int | None, channel_id: int | None, at: datetime
    ) -> int:
        """Make the delivery's claimed or uncertain entries sent and return how many there were."""
        changes = sent_fields(message_id=message_id, channel_id=channel_id, at=at)
        return self._settle(delivery_id, ids, OPEN_STATES, changes)

    def mark_uncertain(self, delivery_id: str, ids: Collection[str], *, at: datetime) -> int:
        """Make the delivery's claimed entries uncertain and return how many there were."""
        return self._settle(delivery_id, ids, (EntryState.CLAIMED,), uncertain_fields(at=at))

    def release(self, delivery_id: str, ids: Collection[str]) -> int:
        """Remove the delivery's claimed or uncertain entries, so that a later run may claim them again."""
        operations = [DeleteOne(of_delivery(id_, delivery_id)) for id_ in dict.fromkeys(ids)]
        if not operations:
            return 0
        return self._write(LEDGER, lambda ledger: ledger.bulk_write(operations, ordered=False).deleted_count)

    def take_over(
        self,
        delivery_id: str,
        ids: Collection[str],
        *,
        held_by: str,
        held_since: datetime,
        by: str,
        at: datetime,
    ) -> bool:
        """Re-date a delivery's claimed or uncertain entries to a new owner; all of them become claimed.

        Return False, with nothing changed, unless all of them are still held by `held_by` since `held_since`.
        """
        takeover = Takeover(delivery_id, held_by, held_since, by, at)
        return self._write(LEDGER, lambda ledger: take_over(ledger, ids, takeover))

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        """Return one entry, None where there is none."""
        document = self._one(LEDGER, entry_id(guild_id, game, key))
        return entry_from_document(document) if document and is_ledger_document(document) else None

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """Yield the entries of one guild or of all, in any state or in the given ones, oldest first.

        They are read when this is called, whatever is written while they are yielded.
        """
        ids = ANY_ID if guild_id is None else ids_of_guild(guild_id)
        found = self._all(LEDGER, in_states(states), ids)
        found.sort(key=lambda document: (created_at_of(document), document["_id"]))
        return map(entry_from_document, found)

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, of one game or code where given, and return how many there were."""
        wanted: Document = {"_id": ids_of_guild(guild_id), "code": {"$type": "string"} if key is None else key}
        if game is not None:
            wanted |= of_game(game)
        return self._write(LEDGER, lambda ledger: ledger.delete_many(wanted).deleted_count)

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        """Return all guilds, by ascending id."""
        return sorted(map(guild_from_document, self._all(GUILDS)), key=lambda guild: guild.guild_id)

    def guild(self, guild_id: int) -> GuildRecord | None:
        """Return one guild, None where it is not known."""
        document = self._one(GUILDS, str(guild_id))
        return guild_from_document(document) if document else None

    def put_guild(self, guild: GuildRecord) -> None:
        """Write a guild's settings whole."""
        self._put(GUILDS, guild_to_document(guild))

    def remove_guild(self, guild_id: int) -> bool:
        """Remove a guild's settings, keep its ledger, and return whether it was there."""
        return self._write(GUILDS, lambda guilds: guilds.delete_one({"_id": str(guild_id)}).deleted_count > 0)

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        """Add sources to those the guild has had a first look at; `announced` ends `announce_current` for the game."""
        if update := seeded_update(game, sources, announced=announced):
            self._write(GUILDS, lambda guilds: guilds.update_one({"_id": str(guild_id)}, update))

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again; nothing if the guild has moved elsewhere."""
        wanted = guild_going_to(guild_id, destination)
        self._write(GUILDS, lambda guilds: guilds.update_one(wanted, broken_update(broken)))

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """Return what is known of the codes of one game or of all, newest `first_seen` first, then by id."""
        found = [code_from_document(document) for document in self._all(CODES, {} if game is None else {"game": game})]
        found.sort(key=lambda code: code.id)
        found.sort(key=lambda code: code.first_seen, reverse=True)
        return found

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory, by the rule of `Store.remember`."""
        merged: dict[str, CodeRecord] = {}
        for code in codes:
            merged[code.id] = merge_code_records(merged[code.id], code) if code.id in merged else code
        operations = [UpdateOne({"_id": id_}, code_update(code), upsert=True) for id_, code in merged.items()]
        if operations:
            self._write(CODES, lambda codes: codes.bulk_write(operations, ordered=False))

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        self._put(RUNS, run_to_document(run))

    def runs(self) -> list[RunRecord]:
        """Return the last run of each job on each host, by id."""
        return sorted(map(run_from_document, self._all(RUNS)), key=lambda run: run.id)

    # Documents as they are stored

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """Yield a collection's documents as they are, of whatever shape."""
        with self._link.told():
            self._check_schema()
            yield from self._link.collection(collection).find({})

    def stored_ids(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Return those of the ids that have a document in the collection."""
        found = (self._find(collection, {"_id": {"$in": batch}}, {"_id": 1}) for batch in _batches(set(ids)))
        return frozenset(document["_id"] for documents in found for document in documents)

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free and return those ids; an existing one is left as it is."""
        by_id: dict[str, Document] = {}
        for document in documents:
            by_id.setdefault(document["_id"], dict(document))
        won: set[str] = set()
        for batch in _batches(by_id.values()):
            won |= self._write(collection, partial(_insert, documents=batch))
        return frozenset(won)

    def old_data(self, database: str | None = None) -> OldDatabase:
        """Return what is to be taken over from the database itself, or from another one on the same server."""
        return OldDatabase(self._link if database is None else self._link.of_database(database), self._link.name)

    # How it is asked

    def _settle(
        self, delivery_id: str, ids: Collection[str], states: Collection[str], changes: Mapping[str, Any]
    ) -> int:
        """Return how many entries were the delivery's and in one of the states, and are changed.

        One request with an operation for each entry, as MongoDB repeats such ones safely after a fail-over.
        """
        operations = [UpdateOne(of_delivery(id_, delivery_id, states), {"$set": changes}) for id_ in dict.fromkeys(ids)]
        if not operations:
            return 0
        return self._write(LEDGER, lambda ledger: ledger.bulk_write(operations, ordered=False).matched_count)

    def _put(self, collection: str, document: Document) -> None:
        replacement = ReplaceOne({"_id": document["_id"]}, document, upsert=True)
        self._write(collection, lambda documents: documents.bulk_write([replacement]))

    def _one(self, collection: str, id_: str) -> Document | None:
        found = self._find(collection, {"_id": id_})
        return found[0] if found else None

    def _all(self, collection: str, wanted: Document | None = None, ids: Document = ANY_ID) -> list[Document]:
        """Return the documents by `_id`, page by page: unlike the rest of a cursor, a page can be asked for again."""
        found: list[Document] = []
        page = self._find(collection, {**(wanted or {}), "_id": ids})
        while page:
            found += page
            if len(page) < _PAGE:
                break
            page = self._find(collection, {**(wanted or {}), "_id": {**ids, "$gt": page[-1]["_id"]}})
        return found

    def _find(self, collection: str, wanted: Document, fields: Document | None = None) -> list[Document]:
        """Return the first page of what is wanted, by `_id`."""
        with self._link.told():
            self._check_schema()
            documents = self._link.collection(collection)
            return list(documents.find(wanted, fields, sort=[("_id", 1)], limit=_PAGE, batch_size=_PAGE + 1))

    def _write(self, collection: str, ask: Callable[[MongoCollection[Document]], Item]) -> Item:
        with self._link.told():
            self._check_schema()
            self._prepare()
            return ask(self._link.collection(collection))

    def _check_schema(self) -> None:
        """Raise StoreError when a newer giftping wrote the database; looked up with the first request alone."""
        if self._is_checked:
            return
        notes = {
            note["_id"]: note for note in self._link.collection(META).find({"_id": {"$in": [SCHEMA_ID, INDEXES_ID]}})
        }
        if SCHEMA_ID in notes:
            refuse_newer_schema(notes[SCHEMA_ID].get("version"), self.name)
        indexes = notes.get(INDEXES_ID, {}).get("indexes", 0)
        self._is_prepared = SCHEMA_ID in notes and indexes >= INDEXES_VERSION
        self._is_checked = True

    def _prepare(self) -> None:
        """Note the schema and make the indexes, at the first write ever."""
        if self._is_prepared:
            return
        # Not every member of a replica set has to be up for it.
        quorum: dict[str, Any] = {"commitQuorum": "majority"} if self._link.is_replicated else {}
        indexes = [IndexModel(list(fields), name=name) for name, fields in LEDGER_INDEXES]
        self._link.collection(LEDGER).create_indexes(indexes, **quorum)
        version = schema_document()
        self._link.collection(META).bulk_write(
            [
                UpdateOne({"_id": version.pop("_id")}, {"$setOnInsert": version}, upsert=True),
                UpdateOne({"_id": INDEXES_ID}, {"$max": {"indexes": INDEXES_VERSION}}, upsert=True),
            ]
        )
        self._is_prepared = True


def _insert(ledger: MongoCollection[Document], documents: Sequence[Document]) -> set[str]:
    """Return the ids that were free and are taken now."""
    ids = [document["_id"] for document in documents]
    try:
        ledger.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        refused = error.details["writeErrors"]
        if error.details["writeConcernErrors"] or not all(map(_is_taken, refused)):
            raise
        return set(ids) - {ids[one["index"]] for one in refused}
    return set(ids)


def _is_taken(refused: Mapping[str, Any]) -> bool:
    """Return whether a document was refused because its id is taken, not by another unique index."""
    return refused["code"] == _DUPLICATE_KEY and list(refused.get("keyPattern", ["_id"])) == ["_id"]


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    rest = iter(items)
    while batch := list(islice(rest, _PAGE)):
        yield batch
