"""The embedded store: a TinyDB file with a journal beside it, for where there is no MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
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
from giftping.store.documents import (
    CODES,
    GUILDS,
    LEDGER,
    OPEN_STATES,
    RUNS,
    code_from_document,
    code_to_document,
    created_at_of,
    entry_from_document,
    entry_to_document,
    game_of,
    guild_from_document,
    guild_to_document,
    merge_code_records,
    run_from_document,
    run_to_document,
    sent_fields,
    state_of,
    taken_over_fields,
    uncertain_fields,
)
from giftping.store.shared import FOLD_AT, LOCK_WAIT, SharedTables
from giftping.store.tables import Operation, Tables, put, remove
from giftping.store.tiny_documents import TinyDocuments


class TinyStore(TinyDocuments):
    """Keeps `giftping.store.base.Store` in a folder, which several processes may have open at once.

    The folder is made by the first write, not before. `read_only` changes nothing on the disk and works in
    a folder that cannot be written to. `lock_wait` is how long to wait for other processes; `fold_at` is the
    length in bytes from which the journal is folded into `giftping.json` while the store is in use. `notices`
    are what whoever opens it wants the user to be told.

    Raise StoreError when the folder cannot be read, is damaged, or is a newer giftping's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        lock_wait: timedelta = LOCK_WAIT,
        fold_at: int = FOLD_AT,
    ) -> None:
        self._shared = SharedTables(folder, read_only=read_only, lock_wait=lock_wait, fold_at=fold_at)
        self.notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What to call the store in messages."""
        return self._shared.name

    @property
    def is_away(self) -> bool:
        """Never: it is a store of its own."""
        return False

    @property
    def held_back(self) -> str:
        """Nothing: by itself, it is waited for by nobody."""
        return ""

    @property
    def closed_fingerprint(self) -> str | None:
        """What `files.fingerprint` gives for the store as this object left it; None while open, or when others wrote.

        A later run that meets the same fingerprint meets what this one knew.
        """
        return self._shared.closed_fingerprint

    def close(self) -> None:
        """Bring `giftping.json` up to date and release it; safe to call twice.

        Raise StoreError when the file cannot be written; everything is in the journal then.
        """
        self._shared.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *exc_info: object) -> None:
        try:
            self.close()
        except StoreError:
            # Nothing is lost, and the next to open the store meets the same: the first trouble goes first.
            if exception_type is None:
                raise

    # The ledger

    def recorded(self, game: str, keys: Collection[str], guild_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        """Those of the keys, for each of the guilds, that have an entry in any state."""
        with self._shared.tables() as tables:
            ledger = tables[LEDGER]
            return {
                guild_id: frozenset(key for key in keys if entry_id(guild_id, game, key) in ledger)
                for guild_id in guild_ids
            }

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids; an existing entry is left as it is."""
        documents: dict[str, dict[str, Any]] = {}
        for entry in entries:
            documents.setdefault(entry.id, entry_to_document(entry))

        def decide(tables: Tables) -> tuple[list[Operation], frozenset[str]]:
            free = [id_ for id_ in documents if id_ not in tables[LEDGER]]
            return [put(LEDGER, documents[id_]) for id_ in free], frozenset(free)

        return self._shared.write(decide)

    def mark_sent(
        self, delivery_id: str, ids: Collection[str], *, message_id: int | None, channel_id: int | None, at: datetime
    ) -> int:
        """Make the delivery's claimed or uncertain entries sent and return how many there were."""
        changes = sent_fields(message_id=message_id, channel_id=channel_id, at=at)
        return self._change(delivery_id, ids, OPEN_STATES, changes)

    def mark_uncertain(self, delivery_id: str, ids: Collection[str], *, at: datetime) -> int:
        """Make the delivery's claimed entries uncertain and return how many there were."""
        return self._change(delivery_id, ids, (EntryState.CLAIMED,), uncertain_fields(at=at))

    def release(self, delivery_id: str, ids: Collection[str]) -> int:
        """Remove the delivery's claimed or uncertain entries, so that a later run may claim them again."""

        def decide(tables: Tables) -> tuple[list[Operation], int]:
            found = _of_delivery(tables, delivery_id, ids, OPEN_STATES)
            return [remove(LEDGER, document["_id"]) for document in found], len(found)

        return self._shared.write(decide)

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
        changes = taken_over_fields(by=by, at=at)

        def decide(tables: Tables) -> tuple[list[Operation], bool]:
            held = _of_delivery(tables, delivery_id, ids, OPEN_STATES)
            holders = {(entry.claimed_by, entry.claimed_at) for entry in map(entry_from_document, held)}
            if len(held) != len(set(ids)) or holders - {(held_by, held_since)}:
                return [], False
            return [put(LEDGER, {**document, **changes}) for document in held], True

        return self._shared.write(decide)

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        """One entry, None where there is none."""
        with self._shared.tables() as tables:
            document = tables[LEDGER].get(entry_id(guild_id, game, key))
        return None if document is None else entry_from_document(document)

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """The entries of one guild or of all, in any state or in the given ones, oldest first.

        They are those of the moment of the call, whatever is written while they are yielded.
        """
        with self._shared.tables() as tables:
            documents = tables[LEDGER].values() if guild_id is None else tables.of_guild(guild_id)
            found = [document for document in documents if not states or state_of(document) in states]
        found.sort(key=lambda document: (created_at_of(document), document["_id"]))
        return map(entry_from_document, found)

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, of one game or code where given, and return how many there were."""

        def decide(tables: Tables) -> tuple[list[Operation], int]:
            ids = [
                document["_id"]
                for document in tables.of_guild(guild_id)
                if game in (None, game_of(document)) and key in (None, document.get("code"))
            ]
            return [remove(LEDGER, id_) for id_ in ids], len(ids)

        return self._shared.write(decide)

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        """All guilds, by ascending id."""
        found = [guild_from_document(document) for document in self._shared.documents(GUILDS)]
        return sorted(found, key=lambda guild: guild.guild_id)

    def guild(self, guild_id: int) -> GuildRecord | None:
        """One guild, None where it is not known."""
        with self._shared.tables() as tables:
            return _guild(tables, guild_id)

    def put_guild(self, guild: GuildRecord) -> None:
        """Write a guild's settings whole."""
        document = guild_to_document(guild)
        self._shared.write(lambda _: ([put(GUILDS, document)], None))

    def remove_guild(self, guild_id: int) -> bool:
        """Remove a guild's settings, keep its ledger, and return whether it was there."""

        def decide(tables: Tables) -> tuple[list[Operation], bool]:
            known = str(guild_id) in tables[GUILDS]
            return ([remove(GUILDS, str(guild_id))] if known else []), known

        return self._shared.write(decide)

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        """Add sources to those the guild has had a first look at; `announced` ends `announce_current` for the game."""

        def changed(guild: GuildRecord) -> GuildRecord:
            known = guild.seeded.get(game, ())
            added = sorted(set(sources) - set(known))
            waiting = tuple(name for name in guild.announce_current if not (announced and name == game))
            seeded = {**guild.seeded, game: (*known, *added)} if added else guild.seeded
            return replace(guild, seeded=seeded, announce_current=waiting)

        self._change_guild(guild_id, changed)

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again; nothing if the guild has moved elsewhere."""

        def changed(guild: GuildRecord) -> GuildRecord:
            return replace(guild, broken=broken) if guild.destination == destination else guild

        self._change_guild(guild_id, changed)

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """The records of the codes of one game or of all, newest `first_seen` first, then by id."""
        found = [
            code_from_document(document)
            for document in self._shared.documents(CODES)
            if game in (None, document.get("game"))
        ]
        found.sort(key=lambda code: code.id)
        found.sort(key=lambda code: code.first_seen, reverse=True)
        return found

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory, by the rule of `Store.remember`."""

        def decide(tables: Tables) -> tuple[list[Operation], None]:
            merged: dict[str, CodeRecord] = {}
            for code in codes:
                known = merged.get(code.id) or _code(tables, code.id)
                merged[code.id] = merge_code_records(known, code) if known else code
            return [
                put(CODES, code_to_document(code)) for id_, code in merged.items() if _code(tables, id_) != code
            ], None

        self._shared.write(decide)

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        document = run_to_document(run)
        self._shared.write(lambda _: ([put(RUNS, document)], None))

    def runs(self) -> list[RunRecord]:
        """The last run of each job on each host, by id."""
        return sorted(
            (run_from_document(document) for document in self._shared.documents(RUNS)), key=lambda run: run.id
        )

    # What a mirror of a shared store takes

    def put_entries(self, entries: Sequence[LedgerEntry]) -> None:
        """Write ledger entries whole, whatever was there."""
        self.put_documents(LEDGER, [entry_to_document(entry) for entry in entries])

    def _change(
        self, delivery_id: str, ids: Collection[str], states: Collection[str], changes: Mapping[str, Any]
    ) -> int:
        def decide(tables: Tables) -> tuple[list[Operation], int]:
            found = _of_delivery(tables, delivery_id, ids, states)
            return [put(LEDGER, {**document, **changes}) for document in found], len(found)

        return self._shared.write(decide)

    def _change_guild(self, guild_id: int, changed: Callable[[GuildRecord], GuildRecord]) -> None:
        def decide(tables: Tables) -> tuple[list[Operation], None]:
            guild = _guild(tables, guild_id)
            if guild is None or (new := changed(guild)) == guild:
                return [], None
            return [put(GUILDS, guild_to_document(new))], None

        self._shared.write(decide)


def _of_delivery(
    tables: Tables, delivery_id: str, ids: Collection[str], states: Collection[str]
) -> list[Mapping[str, Any]]:
    found = (tables[LEDGER].get(id_) for id_ in dict.fromkeys(ids))
    return [
        document
        for document in found
        if document is not None and document.get("delivery_id") == delivery_id and state_of(document) in states
    ]


def _guild(tables: Tables, guild_id: int) -> GuildRecord | None:
    document = tables[GUILDS].get(str(guild_id))
    return None if document is None else guild_from_document(document)


def _code(tables: Tables, id_: str) -> CodeRecord | None:
    document = tables[CODES].get(id_)
    return None if document is None else code_from_document(document)
