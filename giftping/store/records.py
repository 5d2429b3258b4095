"""The records, written once above whatever engine keeps their documents: the ledger, guilds, codes, and runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from giftping.store.base import (
    HOME_GAME,
    CodeRecord,
    EntryState,
    LedgerEntry,
    RunRecord,
    entry_id,
)
from giftping.store.documents import (
    CODES,
    DELIVERIES,
    LEDGER,
    OLDER_OPEN_STATES,
    RUNS,
    code_from_document,
    code_to_document,
    created_at_of,
    entry_from_document,
    entry_to_document,
    is_ledger_document,
    merge_code_records,
    run_from_document,
    run_to_document,
    state_of,
)
from giftping.store.engine import Change
from giftping.store.guild_records import GuildRecords

_UNSET = (None, "")
"""What a field that does not say counts as."""


class Store(GuildRecords):
    """What giftping keeps. Every method raises StoreError when its engine cannot read or write.

    A document that cannot be read is left as it is, and skipped where several are asked for; it is named. May be
    used from several threads, and several processes may have the same store open at once.
    """

    # The ledger

    def recorded(self, game: str, keys: Collection[str], guild_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        """Those of the keys, for each of the guilds, that have an entry in any state. One query."""
        wanted = {entry_id(guild_id, game, key): (guild_id, key) for guild_id in guild_ids for key in keys}
        found: dict[int, tuple[str, ...]] = dict.fromkeys(guild_ids, ())
        for id_ in self.engine.present(LEDGER, wanted.keys()) if wanted else ():
            guild_id, key = wanted[id_]
            found[guild_id] += (key,)
        # Most guilds have the same: thousands of equal sets would be the largest part of an idle run.
        shared: dict[tuple[str, ...], frozenset[str]] = {}
        return {
            guild_id: shared.setdefault(keys_found, frozenset(keys_found)) for guild_id, keys_found in found.items()
        }

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids; an existing entry is left as it is. One write."""
        return self.insert_documents(LEDGER, [entry_to_document(entry) for entry in entries])

    def entry(self, guild_id: int, game: str, key: str, number: int = 1) -> LedgerEntry | None:
        """One entry, of the round of that number, None where there is none. Raise DocumentError for an odd one."""
        id_ = entry_id(guild_id, game, key, number)
        document = self.engine.get(LEDGER, [id_]).get(id_)
        return entry_from_document(document) if document and is_ledger_document(document) else None

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """The entries of one guild or of all, in any state or in the given ones, oldest first.

        They are those of the moment of the call, whatever is written while they are yielded.
        """
        values: list[str | None] = [state.value for state in states]
        # What the older bot wrote, without a state, was sent.
        values += [*(_UNSET if EntryState.SENT in states else ())]
        values += [*(OLDER_OPEN_STATES if EntryState.OPEN in states else ())]
        where = {"state": values} if states else None
        found = self.engine.find(LEDGER, where, within="" if guild_id is None else f"{guild_id}:")
        ours = (document for document in found if is_ledger_document(document))
        dated = list(self._readable(LEDGER, ours, lambda one: (created_at_of(one), one["_id"], one)))
        dated.sort(key=lambda one: one[:2])
        # As records they take some times the room.
        return self._readable(LEDGER, (document for _, _, document in dated), entry_from_document)

    def keys(self, guild_id: int, game: str) -> frozenset[str]:
        """The keys that one guild has an entry of, in any state and readable or not, of one game. One query."""
        where = {"game": [game, *(_UNSET if game == HOME_GAME else ())]}
        found = self.engine.find(LEDGER, where, within=f"{guild_id}:")
        return frozenset(document["code"] for document in found if is_ledger_document(document))

    def unclear(self, guild_id: int | None = None) -> frozenset[str]:
        """The ids of the entries, of one guild or of all, of which nobody can tell whether they arrived. One query."""
        where: dict[str, Collection[object]] = {"state": ["unclear"]}
        if guild_id is not None:
            where["guild_id"] = [guild_id]
        return frozenset(id_ for one in self.engine.find(DELIVERIES, where) for id_ in one.get("entries") or ())

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, of one game or code where given, and return how many there were.

        Open ones stay: freed, a code would be announced beside the message that is under way.
        """
        where: dict[str, Collection[object]] = {} if key is None else {"code": [key]}
        if game is not None:
            where["game"] = [game, *(_UNSET if game == HOME_GAME else ())]
        found = [
            document
            for document in self.engine.find(LEDGER, where, within=f"{guild_id}:")
            if is_ledger_document(document) and state_of(document) != EntryState.OPEN
        ]
        return sum(self.engine.change([Change(LEDGER, document, None) for document in found])) if found else 0

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """The records of the codes of one game or of all, newest `first_seen` first, then by id."""
        documents = self.engine.find(CODES, None if game is None else {"game": [game]})
        found = list(self._readable(CODES, documents, code_from_document))
        found.sort(key=lambda code: code.id)
        found.sort(key=lambda code: code.first_seen, reverse=True)
        return found

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory.

        Sources are joined, the earliest `first_seen` and the latest `last_seen` are kept, for the record
        and for each of its sources; rounds, holds and a withdrawal stay, and everything else is taken from the new
        record.
        """
        seen: dict[str, CodeRecord] = {}
        for code in codes:
            seen[code.id] = merge_code_records(seen[code.id], code) if code.id in seen else code

        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            known = code_from_document(document)
            after = merge_code_records(known, seen[document["_id"]])
            return document if after == known else code_to_document(after, document)

        self._amend(CODES, seen.keys(), change, new=lambda id_: code_to_document(seen[id_]))

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        self._put(RUNS, run_to_document(run))

    def runs(self) -> list[RunRecord]:
        """The last run of each job on each host, by id."""
        return sorted(self._readable(RUNS, self.engine.find(RUNS), run_from_document), key=lambda run: run.id)
