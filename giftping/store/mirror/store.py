"""A shared ledger with the JSON file as its mirror: goes on when it is away, and carries back what it missed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from giftping.store.base import (
    Broken,
    CodeRecord,
    Destination,
    EntryState,
    GuildRecord,
    LedgerEntry,
    RunRecord,
    SharedStore,
    StoreAwayError,
    StoreError,
)
from giftping.store.changes import REV, Change, changes_by_id, fresh_rev
from giftping.store.documents import CODES, GUILDS, HOSTS, LEDGER, MIRROR, RUNS, TODO_COLLECTIONS, TODO_EVENTS
from giftping.store.fields import plain_document
from giftping.store.legacy.olddata import HoldsOldData, OldData
from giftping.store.mirror.notes import (
    ANNOUNCED,
    BROKEN,
    FIRST_LOOKS,
    RELEASED,
    REMOVED,
    Clear,
    guild_game_id,
    note_clear,
    note_pending,
)
from giftping.store.mirror.tiers import Tiers
from giftping.store.tiny.store import TinyStore


class FailoverStore(Tiers):
    """Keeps `giftping.store.base.Store` in a shared store, and a copy of it in the state folder.

    While the shared store can be reached it is asked and written first, the mirror after it. From the moment
    it cannot be reached until this object is closed, the mirror is asked and written, and what is written is
    noted, to be carried back by whichever run meets the shared store again. With `hold`, nothing is claimed
    while it is away. With `read_only` nothing is carried anywhere: as long as something is to be carried back,
    the mirror is asked. `host` is the name under which this state folder claims.

    Raise StoreAwayError when the shared store is away and the mirror has never been in step with it: a mirror
    that knows half of the ledger is none.
    """

    # The ledger

    def recorded(self, game: str, keys: Collection[str], guild_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        """Those of the keys, for each of the guilds, that have an entry in any state."""
        return self._read(lambda store: store.recorded(game, keys, guild_ids))

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids. Raise StoreError when held back."""
        ids = [entry.id for entry in entries]
        if self.held_back:
            raise self._held()
        if (shared := self._at_hand()) is not None:
            try:
                won = shared.insert(entries)
            except StoreAwayError as error:
                self._lose(error)
            else:
                self._mirror_claims(shared, [entry for entry in entries if entry.id in won])
                return won
        if self._hold:
            # What may have been claimed after all is to be given back.
            note_pending(self._mirror, RELEASED, ids)
            raise self._held()
        note_pending(self._mirror, LEDGER, ids)
        return self._mirror.insert(entries)

    def _mirror_claims(self, shared: SharedStore, won: Sequence[LedgerEntry]) -> None:
        """Write what was won to the mirror too. Where that fails nothing will be posted: the claims are released."""
        try:
            self._mirror.put_entries(won)
        except StoreError:
            for delivery_id in {entry.delivery_id for entry in won}:
                shared.release(delivery_id, [entry.id for entry in won if entry.delivery_id == delivery_id])
            raise

    def _held(self) -> StoreError:
        return StoreAwayError(self.held_back) if self.is_away else StoreError(self.held_back)

    def mark_sent(
        self, delivery_id: str, ids: Collection[str], *, message_id: int | None, channel_id: int | None, at: datetime
    ) -> int:
        """Make the delivery's claimed or uncertain entries sent and return how many there were."""
        return self._write(
            LEDGER,
            ids,
            lambda store: store.mark_sent(delivery_id, ids, message_id=message_id, channel_id=channel_id, at=at),
        )

    def mark_uncertain(self, delivery_id: str, ids: Collection[str], *, at: datetime) -> int:
        """Make the delivery's claimed entries uncertain and return how many there were."""
        return self._write(LEDGER, ids, lambda store: store.mark_uncertain(delivery_id, ids, at=at))

    def release(self, delivery_id: str, ids: Collection[str]) -> int:
        """Remove the delivery's claimed or uncertain entries, so that a later run may claim them again."""
        return self._write(RELEASED, ids, lambda store: store.release(delivery_id, ids))

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

        While the shared store is away, only what this host holds itself: nobody referees the others. Where nothing is
        to be sent, not even that, and StoreError is raised: whoever takes over is about to post.
        """

        def take(store: SharedStore | TinyStore) -> bool:
            return store.take_over(delivery_id, ids, held_by=held_by, held_since=held_since, by=by, at=at)

        if self.refusal:
            raise self._held()
        if (shared := self._at_hand()) is not None:
            try:
                taken = take(shared)
            except StoreAwayError as error:
                self._lose(error)
            else:
                if taken and not take(self._mirror):
                    # The mirror had not heard of this claim. From now on it must know of all that may be posted.
                    self._mirror.put_entries(
                        [entry for entry in self.entries(states=(EntryState.CLAIMED,)) if entry.id in ids]
                    )
                return taken
        if self.held_back:
            raise self._held()
        if held_by != self._host:
            return False
        note_pending(self._mirror, LEDGER, ids)
        return take(self._mirror)

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        """One entry, None where there is none."""
        return self._read(lambda store: store.entry(guild_id, game, key))

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """The entries of one guild or of all, in any state or in the given ones, oldest first."""
        return iter(self._read(lambda store: list(store.entries(guild_id, states))))

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, in both tiers: in the one that is away, at its return."""
        if (shared := self._at_hand()) is not None:
            try:
                cleared = shared.clear(guild_id, game=game, key=key)
                shared.tell_mirrors()
            except StoreAwayError as error:
                self._lose(error)
            else:
                self._mirror.clear(guild_id, game=game, key=key)
                return cleared
        note_clear(self._mirror, Clear(guild_id, game, key, self._clock()))
        return self._mirror.clear(guild_id, game=game, key=key)

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        """All guilds, by ascending id."""
        return self._read(lambda store: store.guilds())

    def guild(self, guild_id: int) -> GuildRecord | None:
        """One guild, None where it is not known."""
        return self._read(lambda store: store.guild(guild_id))

    def put_guild(self, guild: GuildRecord) -> None:
        """Write a guild's settings whole."""
        self._write(GUILDS, [str(guild.guild_id)], lambda store: store.put_guild(guild))

    def remove_guild(self, guild_id: int) -> bool:
        """Remove a guild's settings, keep its ledger, and return whether it was there."""
        return self._write(GUILDS, [str(guild_id)], lambda store: store.remove_guild(guild_id))

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        """Add sources to those the guild has had a first look at; `announced` ends `announce_current` for the game."""
        self._write(
            ANNOUNCED if announced else FIRST_LOOKS,
            [guild_game_id(guild_id, game)],
            lambda store: store.note_seeded(guild_id, game, sources, announced=announced),
        )

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again; nothing if the guild has moved elsewhere."""
        self._write(BROKEN, [str(guild_id)], lambda store: store.note_broken(guild_id, destination, broken))

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """The records of the codes of one game or of all, newest `first_seen` first, then by id."""
        return self._read(lambda store: store.codes(game))

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory, by the rule of `Store.remember`."""
        self._write(CODES, [code.id for code in codes], lambda store: store.remember(codes))

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        self._write(RUNS, [run.id], lambda store: store.record_run(run))

    def runs(self) -> list[RunRecord]:
        """The last run of each job on each host, by id."""
        return self._read(lambda store: store.runs())

    # Documents as they are stored

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents as they are; what the mirror notes for itself is none of the store's."""
        if collection == MIRROR:
            return iter(())
        found = self._read(lambda store: list(store.documents(collection)), collection)
        if collection == HOSTS and not self.is_by_mirror and not self._read_only:
            # Whoever goes on without the shared store goes by what it last said of the others.
            self._mirror_hosts(found)
        return iter(found)

    def _mirror_hosts(self, hosts: Sequence[Mapping[str, Any]]) -> None:
        known = {document["_id"]: document for document in self._mirror.documents(HOSTS)}
        plain = {document["_id"]: plain_document(document) for document in hosts}
        if changed := [document for id_, document in plain.items() if document != known.get(id_)]:
            self._mirror.put_documents(HOSTS, changed)
        if gone := known.keys() - plain.keys():
            self._mirror.remove_documents(HOSTS, gone)

    def stored_ids(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document in the collection."""
        return self._read(lambda store: store.stored_ids(collection, ids), collection)

    def documents_of(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        return self._read(lambda store: store.documents_of(collection, ids), collection)

    def documents_where(self, collection: str, field: str, value: str) -> list[Mapping[str, Any]]:
        """The documents whose top-level field is the text; of the history, while away, what it saw of it."""
        return self._read(lambda store: store.documents_where(collection, field, value), collection)

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free and return those ids."""
        ids = [document["_id"] for document in documents]

        def insert(store: SharedStore | TinyStore) -> frozenset[str]:
            added = store.insert_documents(collection, documents)
            if collection == LEDGER and store is self._shared:
                self._shared.tell_mirrors()
            return added

        if collection not in TODO_COLLECTIONS:
            return self._write(collection, ids, insert)

        def mirrored(added: frozenset[str]) -> None:
            self._mirror_documents(collection, [document for document in documents if document["_id"] in added])

        return self._write(collection, ids, insert, mirrored=mirrored)

    def change_documents(
        self, collection: str, changes: Sequence[Change], *, guard: Collection[str] = ()
    ) -> frozenset[str]:
        """Make those changes whose document is still as it was read, and return the ids of what was changed.

        The mirror gets the documents as they were read, with the changes; it learns with the next process what
        else was written into them meanwhile. While the shared store is away, the mirror decides.
        """
        by_id = changes_by_id(changes)
        rev = fresh_rev()

        def change(store: SharedStore | TinyStore) -> frozenset[str]:
            return store.change_documents(collection, changes, guard=guard, rev=rev)

        becomes = {id_: plain_document({**change.after, REV: rev}) for id_, change in by_id.items()}

        def mirrored(changed: frozenset[str]) -> None:
            self._mirror_documents(collection, [becomes[id_] for id_ in sorted(changed)])

        return self._write(collection, by_id, change, mirrored=mirrored, becomes=becomes)

    def remove_documents(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Remove documents and return the ids of those that were there."""
        return self._write(
            REMOVED[collection], ids, lambda store: store.remove_documents(collection, ids), collection=collection
        )

    def _mirror_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> None:
        """Write documents to the mirror, but for the history, which would grow there without bound."""
        if collection != TODO_EVENTS:
            self._mirror.put_documents(collection, [plain_document(document) for document in documents])

    def old_data(self, database: str | None = None) -> OldData:
        """The old data to take over from the shared store's own database, or from another on its server."""
        if not isinstance(self._shared, HoldsOldData):
            raise StoreError(f"{self.name}: holds no other data")
        return self._shared.old_data(database)

    def glance(self) -> str | None:
        """The token that the shared store's `glance` gives, None while it is away."""
        if (shared := self._at_hand()) is None:
            return None
        try:
            return shared.glance(self._host)
        except StoreAwayError as error:
            self._lose(error)
            return None
