"""A store in memory that keeps the contract within one process, and can be made to fail."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from threading import RLock
from typing import Any, Self

from giftping.store.base import (
    Broken,
    CodeRecord,
    Destination,
    EntryState,
    GuildRecord,
    LedgerEntry,
    RunRecord,
    StoreError,
    entry_id,
)
from giftping.store.documents import merge_code_records
from giftping.store.engine import Change, changed_document, changes_by_id, fresh_rev, still_holds

OPEN = frozenset({EntryState.CLAIMED, EntryState.UNCERTAIN})


class MemoryStore:
    """Keeps `giftping.store.base.Store` as dictionaries; once closed it can be opened by using it again.

    `calls` are the names of the methods called, in order; those in `failing` raise StoreError.
    """

    name = "the store in memory"
    is_away = False
    held_back = ""

    def __init__(self, guilds: Sequence[GuildRecord] = (), entries: Sequence[LedgerEntry] = ()) -> None:
        self._lock = RLock()
        self._guilds = {guild.guild_id: guild for guild in guilds}
        self.ledger = {entry.id: entry for entry in entries}
        self._codes: dict[str, CodeRecord] = {}
        self._runs: dict[str, RunRecord] = {}
        self._documents: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.calls: list[str] = []
        self.failing: set[str] = set()
        self.is_closed = False

    def _called(self, method: str) -> RLock:
        self.calls.append(method)
        if method in self.failing:
            raise StoreError(f"{self.name} cannot be used: a test says so; mend the test")
        return self._lock

    def states(self) -> dict[str, str]:
        """Return the state of each ledger entry by `_id`."""
        return {id_: entry.state.value for id_, entry in self.ledger.items()}

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # The ledger

    def recorded(self, game: str, keys: Collection[str], guild_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        with self._called("recorded"):
            return {
                guild_id: frozenset(key for key in keys if entry_id(guild_id, game, key) in self.ledger)
                for guild_id in guild_ids
            }

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        with self._called("insert"):
            won = {entry.id: entry for entry in reversed(entries) if entry.id not in self.ledger}
            self.ledger |= won
            return frozenset(won)

    def mark_sent(
        self, delivery_id: str, ids: Collection[str], *, message_id: int | None, channel_id: int | None, at: datetime
    ) -> int:
        with self._called("mark_sent"):
            found = self._of_delivery(delivery_id, ids, OPEN)
            for entry in found:
                self.ledger[entry.id] = replace(
                    entry,
                    state=EntryState.SENT,
                    sent_at=at,
                    updated_at=at,
                    message_id=entry.message_id if message_id is None else message_id,
                    channel_id=entry.channel_id if channel_id is None else channel_id,
                )
            return len(found)

    def mark_uncertain(self, delivery_id: str, ids: Collection[str], *, at: datetime) -> int:
        with self._called("mark_uncertain"):
            found = self._of_delivery(delivery_id, ids, {EntryState.CLAIMED})
            for entry in found:
                self.ledger[entry.id] = replace(entry, state=EntryState.UNCERTAIN, updated_at=at)
            return len(found)

    def release(self, delivery_id: str, ids: Collection[str]) -> int:
        with self._called("release"):
            found = self._of_delivery(delivery_id, ids, OPEN)
            for entry in found:
                del self.ledger[entry.id]
            return len(found)

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
        with self._called("take_over"):
            found = self._of_delivery(delivery_id, ids, OPEN)
            holders = {(entry.claimed_by, entry.claimed_at) for entry in found}
            if len(found) != len(set(ids)) or holders - {(held_by, held_since)}:
                return False
            for entry in found:
                self.ledger[entry.id] = replace(
                    entry, state=EntryState.CLAIMED, claimed_by=by, claimed_at=at, updated_at=at
                )
            return True

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        with self._called("entry"):
            return self.ledger.get(entry_id(guild_id, game, key))

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        with self._called("entries"):
            found = [
                entry
                for entry in self.ledger.values()
                if guild_id in (None, entry.guild_id) and (not states or entry.state in states)
            ]
        return iter(sorted(found, key=lambda entry: (entry.created_at, entry.id)))

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        with self._called("clear"):
            found = [
                id_
                for id_, entry in self.ledger.items()
                if entry.guild_id == guild_id and game in (None, entry.game) and key in (None, entry.key)
            ]
            for id_ in found:
                del self.ledger[id_]
            return len(found)

    def _of_delivery(self, delivery_id: str, ids: Collection[str], states: Collection[EntryState]) -> list[LedgerEntry]:
        found = (self.ledger.get(id_) for id_ in dict.fromkeys(ids))
        return [entry for entry in found if entry and entry.delivery_id == delivery_id and entry.state in states]

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        with self._called("guilds"):
            return [self._guilds[guild_id] for guild_id in sorted(self._guilds)]

    def guild(self, guild_id: int) -> GuildRecord | None:
        with self._called("guild"):
            return self._guilds.get(guild_id)

    def put_guild(self, guild: GuildRecord) -> None:
        with self._called("put_guild"):
            self._guilds[guild.guild_id] = guild

    def remove_guild(self, guild_id: int) -> bool:
        with self._called("remove_guild"):
            return self._guilds.pop(guild_id, None) is not None

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        with self._called("note_seeded"):
            if guild := self._guilds.get(guild_id):
                known = guild.seeded.get(game, ())
                added = sorted(set(sources) - set(known))
                waiting = tuple(name for name in guild.announce_current if not (announced and name == game))
                seeded = {**guild.seeded, game: (*known, *added)} if added else guild.seeded
                self._guilds[guild_id] = replace(guild, seeded=seeded, announce_current=waiting)

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        with self._called("note_broken"):
            guild = self._guilds.get(guild_id)
            if guild and guild.destination == destination:
                self._guilds[guild_id] = replace(guild, broken=broken)

    # The memory of codes, and runs

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        with self._called("codes"):
            found = sorted(
                (code for code in self._codes.values() if game in (None, code.game)), key=lambda code: code.id
            )
            return sorted(found, key=lambda code: code.first_seen, reverse=True)

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        with self._called("remember"):
            for code in codes:
                known = self._codes.get(code.id)
                self._codes[code.id] = merge_code_records(known, code) if known else code

    def record_run(self, run: RunRecord) -> None:
        with self._called("record_run"):
            self._runs[run.id] = run

    def runs(self) -> list[RunRecord]:
        with self._called("runs"):
            return [self._runs[id_] for id_ in sorted(self._runs)]

    # Documents

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        with self._called("documents"):
            return iter(list(self._documents.get(collection, {}).values()))

    def stored_ids(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        with self._called("stored_ids"):
            return frozenset(ids) & frozenset(self._documents.get(collection, {}))

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        with self._called("insert_documents"):
            kept = self._documents.setdefault(collection, {})
            won = {str(document["_id"]): document for document in documents if document["_id"] not in kept}
            kept |= won
            return frozenset(won)

    def documents_of(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        with self._called("documents_of"):
            kept = self._documents.get(collection, {})
            return {id_: kept[id_] for id_ in ids if id_ in kept}

    def documents_where(self, collection: str, field: str, value: str) -> list[Mapping[str, Any]]:
        with self._called("documents_where"):
            found = [one for one in self._documents.get(collection, {}).values() if one.get(field) == value]
            return sorted(found, key=lambda one: str(one["_id"]))

    def change_documents(
        self, collection: str, changes: Sequence[Change], *, guard: Collection[str] = ()
    ) -> frozenset[str]:
        with self._called("change_documents"):
            kept = self._documents.setdefault(collection, {})
            rev = fresh_rev()
            holding = {
                id_: change
                for id_, change in changes_by_id(changes).items()
                if still_holds(kept.get(id_), change, guard)
            }
            kept |= {id_: changed_document(kept.get(id_), change, rev) for id_, change in holding.items()}
            return frozenset(holding)

    def remove_documents(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        with self._called("remove_documents"):
            kept = self._documents.get(collection, {})
            return frozenset(id_ for id_ in set(ids) if kept.pop(id_, None) is not None)
