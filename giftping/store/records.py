"""The records, written once above whatever engine keeps their documents: the ledger, guilds, codes, and runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from giftping.store.base import (
    HOME_GAME,
    CodeRecord,
    EntryState,
    Examined,
    LedgerEntry,
    RunRecord,
    code_id,
    entry_id,
)
from giftping.store.code_documents import code_from_document, code_to_document, merge_code_records
from giftping.store.documents import (
    CODES,
    DELIVERIES,
    LEDGER,
    OLDER_OPEN_STATES,
    RUNS,
    created_at_of,
    entry_from_document,
    entry_to_document,
    is_ledger_document,
    key_in,
    run_from_document,
    run_to_document,
    state_of,
    stray_entry,
)
from giftping.store.engine import REV, Change, Engine, Where, fresh_rev, in_batches
from giftping.store.fields import Fields
from giftping.store.guild_records import GuildRecords

IDS_AT_ONCE = 10_000
"""How many entries are asked for at once: as many as MongoDB is with one request."""

_UNSET = (None, "")
"""What a field that does not say counts as."""


class Store(GuildRecords):
    """What giftping keeps. Every method raises StoreError when its engine cannot read or write.

    A document that cannot be read is left as it is, and skipped where several are asked for; it is named. May be
    used from several threads, and several processes may have the same store open at once.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._codes: dict[str, tuple[object, CodeRecord]] = {}
        self._unreadable_codes: set[str] = set()

    # The ledger

    def recorded(
        self,
        game: str,
        keys: Collection[str] | Mapping[str, int],
        guild_ids: Collection[int],
        *,
        with_strays: bool = False,
    ) -> Mapping[int, frozenset[str]]:
        """Those of the keys, for each of the guilds, that have an entry in any state. One query for each 10,000 ids.

        With a key goes the number of the round that is meant, where it is not the first of all of them. `with_strays`,
        those count that have an entry under an `_id` that is no text; where any is missing, that is one query more.
        """
        numbers = keys if isinstance(keys, Mapping) else dict.fromkeys(keys, 1)
        # Most guilds have the same: thousands of equal sets would be the largest part of an idle run.
        shared: dict[frozenset[str], frozenset[str]] = {}
        found: dict[int, frozenset[str]] = dict.fromkeys(guild_ids, frozenset())
        strays: frozenset[tuple[int | None, str, object]] | None = None
        # As many as one query takes, as the ids of all guilds would be a tenth of what a run holds.
        for some in in_batches(list(found) if numbers else (), max(1, IDS_AT_ONCE // max(1, len(numbers)))):
            ids = {guild_id: [entry_id(guild_id, game, *one) for one in numbers.items()] for guild_id in some}
            wanted = {id_ for of_guild in ids.values() for id_ in of_guild}
            present = self.engine.present(LEDGER, wanted)
            if with_strays and len(present) < len(wanted):
                strays = frozenset(map(stray_entry, self.engine.strays(LEDGER))) if strays is None else strays
                present |= {
                    id_
                    for guild_id, of_guild in ids.items()
                    for key, id_ in zip(numbers, of_guild, strict=True)
                    if (guild_id, game, key) in strays
                }
            for guild_id, of_guild in ids.items():
                keys_found = frozenset(key for key, id_ in zip(numbers, of_guild, strict=True) if id_ in present)
                found[guild_id] = shared.setdefault(keys_found, keys_found)
        return found

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

    def examine_entries(self, now: datetime, last: Examined | None = None) -> Examined:
        """What a look at the whole ledger came to, or the `last` one, where it may still be gone by."""

        def is_readable(document: Mapping[str, Any]) -> bool:
            ours = [document] if is_ledger_document(document) else []
            return len(list(self._readable(LEDGER, ours, entry_from_document))) == len(ours)

        return self.examined(LEDGER, is_readable, now, last)

    def sent(
        self, *, keys: Collection[str] = (), message_ids: Collection[int] = ()
    ) -> list[tuple[Mapping[str, Any], LedgerEntry]]:
        """The entries that were sent of these codes, or in these messages, each with its document. One query."""
        wanted: dict[str, Collection[object]] = {"code": keys} if keys else {"message_id": message_ids}
        return self._sent(wanted)

    def to_publish(self, publishing: str) -> list[tuple[Mapping[str, Any], LedgerEntry]]:
        """The entries that were sent and say this of publishing their message, with their documents. One query."""
        return self._sent({"publishing": [publishing]})

    def _sent(self, wanted: Where) -> list[tuple[Mapping[str, Any], LedgerEntry]]:
        found = self.engine.find(LEDGER, {**wanted, "state": [EntryState.SENT.value]})
        return list(self._readable(LEDGER, found, lambda one: (one, entry_from_document(one))))

    def entries_of(self, key: str) -> list[LedgerEntry]:
        """The entries of one code in all guilds, games and rounds, by id. One query."""
        found = self.engine.find(LEDGER, {"code": [key]})
        return list(self._readable(LEDGER, found, entry_from_document))

    def keys(self, guild_id: int, game: str) -> frozenset[str]:
        """The keys that one guild has an entry of, in any state and readable or not, of one game. One query."""
        return frozenset(map(key_in, self._of_guild(guild_id, game)))

    def unclear(self, guild_id: int | None = None) -> frozenset[str]:
        """The ids of the entries, of one guild or of all, of which nobody can tell whether they arrived. One query."""
        where: dict[str, Collection[object]] = {"state": ["unclear"]}
        if guild_id is not None:
            where["guild_id"] = [guild_id]
        found = self._readable(
            DELIVERIES, self.engine.find(DELIVERIES, where), lambda one: Fields(DELIVERIES, one).texts("entries")
        )
        return frozenset(id_ for entries in found for id_ in entries)

    def given_up(self, entries: Iterable[LedgerEntry]) -> frozenset[str]:
        """The ids of the entries among these of which nobody is asked any more. One query where any is open."""
        carried = {entry.id: entry.delivery_id for entry in entries if entry.state is EntryState.OPEN}
        over = self._given_up(carried.values())
        return frozenset(id_ for id_, delivery_id in carried.items() if delivery_id in over)

    def _given_up(self, ids: Collection[str]) -> set[str]:
        """The ids among these of the deliveries that were given up. One query, none without any."""
        found = self.engine.get(DELIVERIES, ids) if ids else {}
        return {id_ for id_, one in found.items() if one.get("state") == "closed"}

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, of one game or code where given, and return how many there were.

        Open ones stay: freed, a code would be announced beside the message that is under way. Those that were given up
        are open, and nothing of theirs is.
        """
        there = self._of_guild(guild_id, game, key)
        left_open = {one["_id"]: str(one.get("delivery_id")) for one in there if state_of(one) == EntryState.OPEN}
        given_up = self._given_up(left_open.values())
        found = [one for one in there if one["_id"] not in left_open or left_open[one["_id"]] in given_up]
        return len(self.made([Change(LEDGER, document, None) for document in found]))

    def _of_guild(self, guild_id: int, game: str | None, key: str | None = None) -> list[Mapping[str, Any]]:
        """The documents of a guild's entries, readable or not, of one game or code where given."""
        where: dict[str, Collection[object]] = {} if key is None else {"code": [key]}
        if game is not None:
            where["game"] = [game, *(_UNSET if game == HOME_GAME else ())]
        return list(filter(is_ledger_document, self.engine.find(LEDGER, where, within=f"{guild_id}:")))

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """The records of the codes of one game or of all, newest `first_seen` first, then by id."""
        documents = self.engine.find(CODES, None if game is None else {"game": [game]})
        found = list(self._readable(CODES, documents, self._code_of))
        if game is None:
            is_whole = len(found) == len(documents)
            self._unreadable_codes = (
                set() if is_whole else {one["_id"] for one in documents} - {one.id for one in found}
            )
        # They came by id, and stay so where that is the same.
        found.sort(key=lambda code: code.first_seen, reverse=True)
        return found

    def unreadable_codes(self) -> frozenset[str]:
        """The ids of the codes of which `codes`, asked for all, found something that cannot be read.

        What they were held or withdrawn for is not known then. A query more where an `_id` was no text.
        """
        strays = self.engine.strays(CODES) if any(name == CODES for name, _ in tuple(self.engine.odd_ids)) else ()
        return frozenset(self._unreadable_codes | {f"{one.get('game')}:{one.get('key')}" for one in strays})

    def remember(self, codes: Sequence[CodeRecord], *, writes: bool = True) -> dict[str, CodeRecord]:
        """Merge records into the memory, and return by id what it holds of them then; without `writes`, would hold.

        Sources are joined, the earliest `first_seen` and the latest `last_seen` are kept, for the record
        and for each of its sources; rounds and holds are joined, what a person has said stays, and everything else is
        taken from the new record.
        """
        seen: dict[str, CodeRecord] = {}
        for code in codes:
            seen[code.id] = merge_code_records(seen[code.id], code) if code.id in seen else code
        after = dict(seen)

        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            known = self._code_of(document)
            after[known.id] = merge_code_records(known, seen[document["_id"]])
            return document if after[known.id] == known else code_to_document(after[known.id], document)

        if writes:
            rev = fresh_rev()
            made = self._amend(CODES, seen.keys(), change, new=lambda id_: code_to_document(seen[id_]), rev=rev)
            # A run asks for them once more: what was written need not be read for that.
            self._codes.update((id_, (rev, after[id_])) for id_ in made)
        else:
            list(self._readable(CODES, self.engine.get(CODES, seen.keys()).values(), change))
        return after

    def _code_of(self, document: Mapping[str, Any]) -> CodeRecord:
        """The record of a code: a run asks for each of thousands more than once, and most stay as they are."""
        id_, rev = document["_id"], document.get(REV)
        known = self._codes.get(id_)
        if known is None or rev is None or known[0] != rev:
            known = rev, code_from_document(document)
            self._codes[id_] = known
        return known[1]

    def amend_code(self, game: str, key: str, amended: Callable[[CodeRecord], CodeRecord]) -> bool:
        """Change what is known of a code, and return whether anything is. Raise DocumentError for an odd one."""
        id_ = code_id(game, key)
        if id_ not in self.engine.present(CODES, [id_]):
            return False
        self._amend(CODES, [id_], lambda before: code_to_document(amended(code_from_document(before)), before))
        return True

    def note_shown(self, shown: Mapping[str, str]) -> None:
        """Note by the ids of codes what all their messages are known to show; empty for what is not known any more."""

        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            known = self._code_of(document)
            says = shown[document["_id"]]
            return document if known.shown == says else code_to_document(replace(known, shown=says), document)

        self._amend(CODES, shown.keys(), change)

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        self._put(RUNS, run_to_document(run))

    def runs(self) -> list[RunRecord]:
        """The last run of each job on each host, by id."""
        return sorted(self._readable(RUNS, self.engine.find(RUNS), run_from_document), key=lambda run: run.id)
