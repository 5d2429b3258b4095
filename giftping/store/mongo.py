"""The store for many hosts: a MongoDB database, asked in batches. Only this module and its siblings import PyMongo."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from pymongo import DeleteOne, ReplaceOne, UpdateOne

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
from giftping.store.changes import REV, Change, changes_by_id, fresh_rev
from giftping.store.documents import (
    CODES,
    GUILDS,
    LEDGER,
    META,
    OPEN_STATES,
    RUNS,
    Document,
    code_from_document,
    created_at_of,
    entry_from_document,
    entry_to_document,
    guild_from_document,
    guild_to_document,
    is_ledger_document,
    merge_code_records,
    run_from_document,
    run_to_document,
    sent_fields,
    uncertain_fields,
)
from giftping.store.mongo_documents import (
    ANY_ID,
    REVISION_ID,
    as_it_was_read,
    broken_update,
    code_update,
    glance_pipeline,
    guild_going_to,
    held_open_by,
    ids_of_guild,
    in_states,
    of_delivery,
    of_game_and_key,
    seeded_update,
    that_is,
    update_or_refusal,
    written_since,
)
from giftping.store.mongo_link import MongoLink
from giftping.store.mongo_olddata import OldDatabase
from giftping.store.mongo_tables import MongoTables
from giftping.store.mongo_takeover import Takeover, take_over

if TYPE_CHECKING:
    from giftping.settings.secrets import Secret

SERVER_SELECTION = timedelta(seconds=3)
ANSWER = timedelta(seconds=10)


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
        self._tables = MongoTables(self._link)

    @property
    def name(self) -> str:
        """What to call the store in messages: hosts and database, never the user."""
        return self._link.name

    @property
    def notices(self) -> tuple[str, ...]:
        """Nothing: what is wrong with MongoDB is raised."""
        return ()

    @property
    def is_away(self) -> bool:
        """Never: it is a store of its own, and says that it cannot be reached by StoreAwayError."""
        return False

    @property
    def held_back(self) -> str:
        """Nothing: by itself, it is waited for by nobody."""
        return ""

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
        """Those of the keys, for each of the guilds, that have an entry in any state."""
        wanted = {entry_id(guild_id, game, key): (guild_id, key) for guild_id in guild_ids for key in keys}
        found: dict[int, set[str]] = {guild_id: set() for guild_id in guild_ids}
        for id_ in self._tables.stored(LEDGER, wanted):
            guild_id, key = wanted[id_]
            found[guild_id].add(key)
        return {guild_id: frozenset(keys_found) for guild_id, keys_found in found.items()}

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids; an existing entry is left as it is."""
        # The first of two equal ids counts.
        return self._tables.insert(LEDGER, {entry.id: entry_to_document(entry) for entry in reversed(entries)})

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
        result = self._tables.change(LEDGER, [DeleteOne(of_delivery(id_, delivery_id)) for id_ in dict.fromkeys(ids)])
        return result.deleted_count if result else 0

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
        return self._tables.write(LEDGER, lambda ledger: take_over(ledger, ids, takeover))

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        """One entry, None where there is none."""
        document = self._tables.one(LEDGER, entry_id(guild_id, game, key))
        return entry_from_document(document) if document and is_ledger_document(document) else None

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """The entries of one guild or of all, in any state or in the given ones, oldest first.

        They are read when this is called, whatever is written while they are yielded.
        """
        ids = ANY_ID if guild_id is None else ids_of_guild(guild_id)
        found = self._tables.all(LEDGER, in_states(states), ids)
        found.sort(key=lambda document: (created_at_of(document), document["_id"]))
        return map(entry_from_document, found)

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, of one game or code where given, and return how many there were."""
        wanted = {"_id": ids_of_guild(guild_id), **of_game_and_key(game, key)}
        return self._tables.write(LEDGER, lambda ledger: ledger.delete_many(wanted).deleted_count)

    # The ledger, brought in step with a host's mirror

    def adopt(self, entries: Sequence[LedgerEntry], *, host: str) -> frozenset[str]:
        """Put entries in place where their id is free or held open by the host itself; return the ids put.

        What others hold, and what is sent or seeded, is left as it is.
        """
        documents = {entry.id: entry_to_document(entry) for entry in reversed(entries)}
        return self._tables.put_where_free(LEDGER, documents, held_open_by(host))

    def drop_open(self, ids: Collection[str], *, host: str) -> int:
        """Remove those of the entries that the host itself holds open, and return how many there were."""
        result = self._tables.change(LEDGER, [DeleteOne({"_id": id_, **held_open_by(host)}) for id_ in set(ids)])
        return result.deleted_count if result else 0

    def clear_before(self, guild_id: int, *, game: str | None, key: str | None, before: datetime) -> int:
        """Remove a guild's entries as `clear` does, but only those made before an instant."""
        found = self._tables.all(LEDGER, of_game_and_key(game, key), ids_of_guild(guild_id))
        # A code that was cleared and claimed again since has another date of making.
        old = [{"_id": one["_id"], "created_at": one.get("created_at")} for one in found if created_at_of(one) < before]
        result = self._tables.change(LEDGER, [DeleteOne(one) for one in old])
        return result.deleted_count if result else 0

    def changed_since(self, since: datetime | None) -> Iterator[list[LedgerEntry]]:
        """The entries that were written since then, or all of them, in parts."""
        for page in self._tables.pages(LEDGER, in_states(()) | written_since(since)):
            yield [entry_from_document(document) for document in page]

    def tell_mirrors(self) -> None:
        """Change `revision`: entries came or went in a way that `changed_since` does not show to other hosts."""
        self._tables.change(META, [UpdateOne({"_id": REVISION_ID}, {"$inc": {"number": 1}}, upsert=True)])

    def revision(self) -> int:
        """A number; once it has changed, a mirror is to be compared with the whole ledger."""
        return int(self._tables.notes().get(REVISION_ID, {}).get("number", 0))

    def glance(self, host: str) -> str:
        """A token of what others may have left for this host to do; equal tokens mean nothing. One round trip.

        The schema is not looked at: whoever sees another token opens the store.
        """
        with self._link.told():
            found = list(self._link.collection(GUILDS).aggregate(glance_pipeline(host)))
        return json.dumps(found, default=str)

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        """All guilds, by ascending id."""
        return sorted(map(guild_from_document, self._tables.all(GUILDS)), key=lambda guild: guild.guild_id)

    def guild(self, guild_id: int) -> GuildRecord | None:
        """One guild, None where it is not known."""
        document = self._tables.one(GUILDS, str(guild_id))
        return guild_from_document(document) if document else None

    def put_guild(self, guild: GuildRecord) -> None:
        """Write a guild's settings whole."""
        self._put(GUILDS, guild_to_document(guild))

    def remove_guild(self, guild_id: int) -> bool:
        """Remove a guild's settings, keep its ledger, and return whether it was there."""
        return self._tables.write(GUILDS, lambda guilds: guilds.delete_one({"_id": str(guild_id)}).deleted_count > 0)

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        """Add sources to those the guild has had a first look at; `announced` ends `announce_current` for the game."""
        if update := seeded_update(game, sources, announced=announced):
            self._tables.write(GUILDS, lambda guilds: guilds.update_one({"_id": str(guild_id)}, update))

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again; nothing if the guild has moved elsewhere."""
        wanted = guild_going_to(guild_id, destination)
        self._tables.write(GUILDS, lambda guilds: guilds.update_one(wanted, broken_update(broken)))

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """The records of the codes of one game or of all, newest `first_seen` first, then by id."""
        found = [
            code_from_document(document) for document in self._tables.all(CODES, {} if game is None else {"game": game})
        ]
        found.sort(key=lambda code: code.id)
        found.sort(key=lambda code: code.first_seen, reverse=True)
        return found

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory, by the rule of `Store.remember`."""
        merged: dict[str, CodeRecord] = {}
        for code in codes:
            merged[code.id] = merge_code_records(merged[code.id], code) if code.id in merged else code
        changes = [UpdateOne({"_id": id_}, code_update(code), upsert=True) for id_, code in merged.items()]
        self._tables.change(CODES, changes)

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        self._put(RUNS, run_to_document(run))

    def runs(self) -> list[RunRecord]:
        """The last run of each job on each host, by id."""
        return sorted(map(run_from_document, self._tables.all(RUNS)), key=lambda run: run.id)

    # Documents as they are stored

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents as they are, of whatever shape."""
        return self._tables.walk(collection)

    def stored_ids(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document in the collection."""
        return frozenset(self._tables.stored(collection, set(ids)))

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free and return those ids; an existing one is left as it is."""
        return self._tables.insert(collection, {document["_id"]: dict(document) for document in reversed(documents)})

    def documents_of(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        return {document["_id"]: document for document in self._tables.found(collection, set(ids))}

    def documents_where(self, collection: str, field: str, value: str) -> list[Mapping[str, Any]]:
        """The documents whose top-level field is the text, by `_id`."""
        return list(self._tables.all(collection, {field: that_is(value)}))

    def change_documents(
        self, collection: str, changes: Sequence[Change], *, guard: Collection[str] = (), rev: str = ""
    ) -> frozenset[str]:
        """Make those changes whose document is still as it was read, and return the ids of what was changed.

        `rev`, where given, is the one that the documents get. Raise ValueError for two changes of one document.
        """
        rev = rev or fresh_rev()
        by_id = changes_by_id(changes)
        return self._tables.put(collection, {id_: _guarded(change, guard, rev) for id_, change in by_id.items()})

    def remove_documents(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Remove documents and return the ids of those that were there."""
        there = self.stored_ids(collection, ids)
        self._tables.change(collection, [DeleteOne({"_id": id_}) for id_ in sorted(there)])
        return there

    def old_data(self, database: str | None = None) -> OldDatabase:
        """The old data to take over from the database itself, or from another one on the same server."""
        return OldDatabase(self._link if database is None else self._link.of_database(database))

    def _settle(
        self, delivery_id: str, ids: Collection[str], states: Collection[str], changes: Mapping[str, Any]
    ) -> int:
        """How many entries were the delivery's and in one of the states, and are changed."""
        wanted = [of_delivery(id_, delivery_id, states) for id_ in dict.fromkeys(ids)]
        result = self._tables.change(LEDGER, [UpdateOne(one, {"$set": changes}) for one in wanted])
        return result.matched_count if result else 0

    def _put(self, collection: str, document: Document) -> None:
        self._tables.change(collection, [ReplaceOne({"_id": document["_id"]}, document, upsert=True)])


def _guarded(change: Change, guard: Collection[str], rev: str) -> UpdateOne | ReplaceOne[Document]:
    """The write that makes a change, and that is refused where the document is not as it was read."""
    if change.before is None:
        # No document has this `rev` yet: it only ever inserts, in one request with the updates.
        return ReplaceOne({"_id": change.id, REV: rev}, {**change.after, REV: rev}, upsert=True)
    return UpdateOne(as_it_was_read(change, guard), update_or_refusal(change, rev), upsert=True)
