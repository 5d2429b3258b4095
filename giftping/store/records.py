"""The records, written once above whatever engine keeps their documents: the ledger, guilds, codes, and runs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from giftping.store.base import (
    HOME_GAME,
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
    Document,
    code_from_document,
    code_to_document,
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
    taken_over_fields,
    uncertain_fields,
)
from giftping.store.engine import Change, Engine

TRIES = 20
"""How often a change is made anew because somebody else was faster; each time somebody else has got on."""

Amendment = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""What a document is to become, None for one that is to go, and the very same one where it is to stay."""

_UNSET = (None, "")
"""What a field that does not say counts as."""


class Store:
    """What giftping keeps. Every method raises StoreError when its engine cannot read or write.

    May be used from several threads, and several processes may have the same store open at once.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @property
    def name(self) -> str:
        """What to call the store in messages; holds no secret."""
        return self.engine.name

    @property
    def notices(self) -> Sequence[str]:
        """What to tell the user of the store itself, such as that a part of it is away."""
        return self.engine.notices

    @property
    def is_away(self) -> bool:
        """Whether MongoDB could not be reached, so that its copy is asked."""
        return self.engine.is_away

    @property
    def held_back(self) -> str:
        """Why nothing is to be claimed or sent now, codes and TODOs alike; empty where it may be.

        It is asked after the write of a claim, too: that may be what notices that MongoDB is away.
        """
        return self.engine.held_back

    @property
    def closed_fingerprint(self) -> str | None:
        """A token of what the store held when this object closed it; None when it may hold more than this one saw."""
        return self.engine.closed_fingerprint

    def close(self) -> None:
        """Release what the store holds open; safe to call twice."""
        self.engine.close()

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
        """Those of the keys, for each of the guilds, that have an entry in any state. One query."""
        wanted = {entry_id(guild_id, game, key): (guild_id, key) for guild_id in guild_ids for key in keys}
        found: dict[int, set[str]] = {guild_id: set() for guild_id in guild_ids}
        for id_ in self.engine.present(LEDGER, wanted.keys()) if wanted else ():
            guild_id, key = wanted[id_]
            found[guild_id].add(key)
        return {guild_id: frozenset(keys_found) for guild_id, keys_found in found.items()}

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids; an existing entry is left as it is. One write."""
        return self.insert_documents(LEDGER, [entry_to_document(entry) for entry in entries])

    def mark_sent(
        self, delivery_id: str, ids: Collection[str], *, message_id: int | None, channel_id: int | None, at: datetime
    ) -> int:
        """Make the delivery's claimed or uncertain entries sent and return how many there were."""
        changes = sent_fields(message_id=message_id, channel_id=channel_id, at=at)
        return self._amend_entries(delivery_id, ids, OPEN_STATES, lambda document: {**document, **changes})

    def mark_uncertain(self, delivery_id: str, ids: Collection[str], *, at: datetime) -> int:
        """Make the delivery's claimed entries uncertain and return how many there were."""
        changes = uncertain_fields(at=at)
        states = (EntryState.CLAIMED.value,)
        return self._amend_entries(delivery_id, ids, states, lambda document: {**document, **changes})

    def release(self, delivery_id: str, ids: Collection[str]) -> int:
        """Remove the delivery's claimed or uncertain entries, so that a later run may claim them again."""
        return self._amend_entries(delivery_id, ids, OPEN_STATES, lambda _: None)

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
        """Re-date a delivery's claimed or uncertain entries to a new owner; all of them become claimed."""
        there = self.engine.get(LEDGER, set(ids))
        held = [document for document in there.values() if _is_of(document, delivery_id, OPEN_STATES)]
        holders = {(entry.claimed_by, entry.claimed_at) for entry in map(entry_from_document, held)}
        if len(held) != len(set(ids)) or holders - {(held_by, held_since)}:
            return False
        after = taken_over_fields(by=by, at=at)
        return all(self.engine.change([Change(LEDGER, document, {**document, **after}) for document in held]))

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        """One entry, None where there is none."""
        id_ = entry_id(guild_id, game, key)
        document = self.engine.get(LEDGER, [id_]).get(id_)
        return entry_from_document(document) if document and is_ledger_document(document) else None

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """The entries of one guild or of all, in any state or in the given ones, oldest first.

        They are those of the moment of the call, whatever is written while they are yielded.
        """
        values = [state.value for state in states]
        # What the older bot wrote, without a state, was sent.
        where = {"state": [*values, *(_UNSET if EntryState.SENT in states else ())]} if states else None
        found = self.engine.find(LEDGER, where, within="" if guild_id is None else f"{guild_id}:")
        known = [document for document in found if is_ledger_document(document)]
        known.sort(key=lambda document: (created_at_of(document), document["_id"]))
        return map(entry_from_document, known)

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, of one game or code where given, and return how many there were."""
        where: dict[str, Collection[object]] = {} if key is None else {"code": [key]}
        if game is not None:
            where["game"] = [game, *(_UNSET if game == HOME_GAME else ())]
        found = [
            document
            for document in self.engine.find(LEDGER, where, within=f"{guild_id}:")
            if is_ledger_document(document)
        ]
        return sum(self.engine.change([Change(LEDGER, document, None) for document in found])) if found else 0

    def _amend_entries(self, delivery_id: str, ids: Collection[str], states: Collection[str], change: Amendment) -> int:
        """How many of the entries were the delivery's and in one of the states, and were changed."""
        return len(
            self._amend(
                LEDGER, ids, lambda document: change(document) if _is_of(document, delivery_id, states) else document
            )
        )

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        """All guilds, by ascending id."""
        return sorted(map(guild_from_document, self.engine.find(GUILDS)), key=lambda guild: guild.guild_id)

    def guild(self, guild_id: int) -> GuildRecord | None:
        """One guild, None where it is not known."""
        document = self.engine.get(GUILDS, [str(guild_id)]).get(str(guild_id))
        return None if document is None else guild_from_document(document)

    def put_guild(self, guild: GuildRecord) -> None:
        """Write a guild's settings whole."""
        self._put(GUILDS, guild_to_document(guild))

    def remove_guild(self, guild_id: int) -> bool:
        """Remove a guild's settings, keep its ledger, and return whether it was there."""
        return bool(self._amend(GUILDS, [str(guild_id)], lambda _: None))

    def note_seeded(self, guild_id: int, game: str, sources: Collection[str], *, announced: bool = False) -> None:
        """Add sources to those the guild has had a first look at; `announced` ends `announce_current` for the game."""

        def changed(guild: GuildRecord) -> GuildRecord:
            known = guild.seeded.get(game, ())
            added = sorted(set(sources) - set(known))
            waiting = tuple(name for name in guild.announce_current if not (announced and name == game))
            seeded = {**guild.seeded, game: (*known, *added)} if added else guild.seeded
            return replace(guild, seeded=seeded, announce_current=waiting)

        self._amend_guild(guild_id, changed)

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again; nothing if the guild has moved elsewhere."""
        self._amend_guild(
            guild_id, lambda guild: replace(guild, broken=broken) if guild.destination == destination else guild
        )

    def _amend_guild(self, guild_id: int, changed: Callable[[GuildRecord], GuildRecord]) -> None:
        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            guild = guild_from_document(document)
            after = changed(guild)
            return document if after == guild else _written_over(document, guild_to_document(guild), after)

        self._amend(GUILDS, [str(guild_id)], change)

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """The records of the codes of one game or of all, newest `first_seen` first, then by id."""
        found = [code_from_document(one) for one in self.engine.find(CODES, None if game is None else {"game": [game]})]
        found.sort(key=lambda code: code.id)
        found.sort(key=lambda code: code.first_seen, reverse=True)
        return found

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory.

        Sources are joined, the earliest `first_seen` and the latest `last_seen` are kept, for the record
        and for each of its sources; everything else is taken from the new record.
        """
        seen: dict[str, CodeRecord] = {}
        for code in codes:
            seen[code.id] = merge_code_records(seen[code.id], code) if code.id in seen else code

        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            known = code_from_document(document)
            after = merge_code_records(known, seen[known.id])
            return document if after == known else code_to_document(after)

        self._amend(CODES, seen.keys(), change, new=lambda id_: code_to_document(seen[id_]))

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        self._put(RUNS, run_to_document(run))

    def runs(self) -> list[RunRecord]:
        """The last run of each job on each host, by id."""
        return sorted(map(run_from_document, self.engine.find(RUNS)), key=lambda run: run.id)

    # Documents that no record stands for

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free and return those ids; an existing one is left as it is. One write."""
        first: dict[str, Mapping[str, Any]] = {}
        for document in documents:
            first.setdefault(document["_id"], document)
        return self._made([Change(collection, None, document) for document in first.values()])

    def remove_documents(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Remove documents, whatever they hold, and return the ids of those that were there."""
        return self._amend(collection, ids, lambda _: None)

    # What all of them are made of

    def _made(self, changes: Sequence[Change]) -> frozenset[str]:
        """The ids of the changes that were made. One write."""
        made = self.engine.change(changes) if changes else ()
        return frozenset(change.id for change, is_made in zip(changes, made, strict=True) if is_made)

    def _put(self, collection: str, document: Document) -> None:
        """Write a document whole, whatever was there."""
        self._amend(collection, [document["_id"]], lambda _: document, new=lambda _: document)

    def _amend(
        self,
        collection: str,
        ids: Collection[str],
        change: Amendment,
        new: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> frozenset[str]:
        """The ids of the documents that were changed: made anew from what they are until nobody is faster.

        `new` makes those that are not there. Raise StoreError when others keep coming in between.
        """
        changed: set[str] = set()
        left = set(ids)
        for _ in range(TRIES):
            there = self.engine.get(collection, left) if left else {}
            changes = [
                Change(collection, before, after)
                for before in there.values()
                if (after := change(before)) is not before
            ]
            if new is not None:
                changes += [Change(collection, None, new(id_)) for id_ in sorted(left - there.keys())]
            if not changes:
                return frozenset(changed)
            made = self.engine.change(changes)
            changed |= {one.id for one, is_made in zip(changes, made, strict=True) if is_made}
            left = {one.id for one, is_made in zip(changes, made, strict=True) if not is_made}
            if not left:
                return frozenset(changed)
        raise StoreError(f"{self.name}: {collection} {min(left)!r} keeps changing; the next run tries again")


def _is_of(document: Mapping[str, Any], delivery_id: str, states: Collection[str]) -> bool:
    return document.get("delivery_id") == delivery_id and document.get("state") in states


def _written_over(document: Mapping[str, Any], known: Document, after: GuildRecord) -> Document:
    """The guild's document with what is new in it; fields that are not ours, or of a later release, stay."""
    kept = {name: value for name, value in document.items() if name not in known}
    return kept | guild_to_document(after)
