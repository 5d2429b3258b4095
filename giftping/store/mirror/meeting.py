"""Bringing a shared store and a host's mirror in step: carry back what was missed, follow what others wrote."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftping.store.base import EntryState, GuildRecord, SharedStore
from giftping.store.documents import CODES, GUILDS, LEDGER, RUNS, guild_to_document
from giftping.store.mirror.member_meeting import carry_members
from giftping.store.mirror.notes import (
    ANNOUNCED,
    BROKEN,
    FIRST_LOOKS,
    KINDS,
    RELEASED,
    Pending,
    Synced,
    forget_pending,
    guild_and_game,
    note_everything,
    note_synced,
    read_pending,
    synced_with,
)
from giftping.store.tiny.store import TinyStore

CLOCK_MARGIN = timedelta(minutes=10)
"""How far apart the clocks of two hosts may be: so much is read again when the mirror follows the ledger."""

OPEN_ENTRY_STATES = (EntryState.CLAIMED, EntryState.UNCERTAIN)
"""Those whose entries another host may take back, which leaves nothing that could be read."""


@dataclass(frozen=True, slots=True)
class Met:
    """What came of a meeting: how many documents were carried over, and whether it was the first one."""

    carried: int
    is_first: bool


def bring_in_step(shared: SharedStore, mirror: TinyStore, *, host: str, now: datetime) -> Met:
    """The changes that were carried to the shared store; the mirror then holds what the shared store holds.

    Everything is done again, to the same end, where it was cut short. Raise StoreAwayError when the shared
    store goes away meanwhile.
    """
    synced = synced_with(mirror, shared.name)
    if synced is None:
        note_everything(mirror)
    pending = read_pending(mirror)
    revision = shared.revision()
    if not pending.is_empty:
        CarryingBack(shared, mirror, pending, host).carry()
    Following(shared, mirror).follow(_read_again_from(synced, revision, now))
    note_synced(mirror, Synced(shared.name, now, revision))
    return Met(pending.count, synced is None)


def _read_again_from(synced: Synced | None, revision: int, now: datetime) -> datetime | None:
    """The instant from which the ledger is to be read, None for all of it."""
    # A date from the future is one of a clock that was wrong.
    if synced is None or synced.revision != revision or synced.at > now:
        return None
    return synced.at - CLOCK_MARGIN


@dataclass(frozen=True, slots=True)
class CarryingBack:
    """Carries to the shared store what was recorded in the mirror while it was away."""

    shared: SharedStore
    mirror: TinyStore
    pending: Pending
    host: str

    def carry(self) -> None:
        """Carry all of it, then forget the notes."""
        self._clears()
        self._entries(self.pending.of(LEDGER), self.pending.of(RELEASED))
        if self.pending.clears or self.pending.of(LEDGER):
            self.shared.tell_mirrors()
        self._guilds(self.pending.of(GUILDS))
        self._notes_of_guilds()
        self.shared.remember([code for code in self.mirror.codes() if code.id in self.pending.of(CODES)])
        for run in self.mirror.runs():
            if run.id in self.pending.of(RUNS):
                self.shared.record_run(run)
        carry_members(self.shared, self.mirror, self.pending)
        self._documents()
        forget_pending(self.mirror, self.pending.notes)

    def _clears(self) -> None:
        for clear in self.pending.clears:
            self.shared.clear_before(clear.guild_id, game=clear.game, key=clear.key, before=clear.at)

    def _entries(self, changed: Collection[str], released: Collection[str]) -> None:
        ids = {*changed, *released}
        entries = [entry for entry in self.mirror.entries() if entry.id in ids] if ids else []
        self.shared.adopt(entries, host=self.host)
        # Only what was taken back: an entry that the mirror lacks for another reason may have been posted.
        self.shared.drop_open({*released} - {entry.id for entry in entries}, host=self.host)

    def _guilds(self, ids: Collection[str]) -> None:
        if not ids:
            return
        here = {str(guild.guild_id): guild for guild in self.mirror.guilds()}
        new = [guild_to_document(here[id_]) for id_ in sorted(ids) if id_ in here]
        added = self.shared.insert_documents(GUILDS, new)
        there = {str(guild.guild_id): guild for guild in self.shared.guilds()}
        for id_ in sorted({*ids} - added):
            if id_ in here:
                self.shared.put_guild(joined_guild(here[id_], there.get(id_)))
            elif id_ in there:
                self.shared.remove_guild(int(id_))

    def _notes_of_guilds(self) -> None:
        """Carry what checks noted of guilds one by one: their settings may have been changed elsewhere meanwhile."""
        guilds = {guild.guild_id: guild for guild in self.mirror.guilds()}
        announced = self.pending.of(ANNOUNCED)
        for note in sorted(self.pending.of(FIRST_LOOKS) | announced):
            guild_id, game = guild_and_game(note)
            if guild_id in guilds:
                sources = guilds[guild_id].seeded.get(game, ())
                self.shared.note_seeded(guild_id, game, sources, announced=note in announced)
        for note in sorted(self.pending.of(BROKEN)):
            if (guild := guilds.get(int(note))) is not None:
                self.shared.note_broken(guild.guild_id, guild.destination, guild.broken)

    def _documents(self) -> None:
        for collection in sorted(self.pending.ids.keys() - KINDS):
            ids = self.pending.of(collection)
            found = [document for document in self.mirror.documents(collection) if document["_id"] in ids]
            self.shared.insert_documents(collection, found)


@dataclass(frozen=True, slots=True)
class Following:
    """Lets the mirror take in what other hosts wrote to the shared store.

    What another process on this host is noting meanwhile, because it cannot reach the shared store, is left
    as it is.
    """

    shared: SharedStore
    mirror: TinyStore

    def follow(self, since: datetime | None) -> None:
        """Take in what was written since then; without a date all of it, and drop what is there no more."""
        self._entries(since)
        self._guilds()
        known = {code.id: code for code in self.mirror.codes()}
        self.mirror.remember([code for code in self.shared.codes() if code != known.get(code.id)])

    def _entries(self, since: datetime | None) -> None:
        # Read before the shared store is: what is in the mirror now has been there already.
        doubtful = frozenset(entry.id for entry in self.mirror.entries(states=OPEN_ENTRY_STATES if since else ()))
        there: set[str] = set()
        for part in self.shared.changed_since(since):
            there.update(entry.id for entry in part)
            being_noted = self._entries_being_noted()
            self.mirror.put_entries([entry for entry in part if entry.id not in being_noted])
        if since is not None and doubtful - there:
            there |= self.shared.stored_ids(LEDGER, doubtful - there)
        self.mirror.remove_documents(LEDGER, doubtful - there - self._entries_being_noted())

    def _entries_being_noted(self) -> frozenset[str]:
        pending = read_pending(self.mirror)
        return pending.of(LEDGER) | pending.of(RELEASED)

    def _guilds(self) -> None:
        before = {document["_id"] for document in self.mirror.documents(GUILDS)}
        documents = [guild_to_document(guild) for guild in self.shared.guilds()]
        pending = read_pending(self.mirror)
        being_noted = pending.of(GUILDS) | pending.guilds_noted_by_checks()
        self.mirror.put_documents(GUILDS, [one for one in documents if one["_id"] not in being_noted])
        self.mirror.remove_documents(GUILDS, before - {one["_id"] for one in documents} - being_noted)


def joined_guild(ours: GuildRecord, theirs: GuildRecord | None) -> GuildRecord:
    """The later of two settings of one guild, with the first looks of both."""
    if theirs is None:
        return ours
    later = ours if ours.updated_at >= theirs.updated_at else theirs
    games = sorted({*ours.seeded, *theirs.seeded})
    seeded = {game: tuple(sorted({*ours.seeded.get(game, ()), *theirs.seeded.get(game, ())})) for game in games}
    return replace(later, seeded=seeded)
