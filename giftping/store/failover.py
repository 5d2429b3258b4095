"""A shared ledger with the JSON file as its mirror: goes on when it is away, and carries back what it missed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from threading import RLock
from typing import Any, Self, TypeVar

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
from giftping.store.documents import CODES, GUILDS, LEDGER, RUNS
from giftping.store.mirror import (
    KINDS,
    Clear,
    Pending,
    forget_pending,
    note_clear,
    note_everything,
    note_pending,
    note_synced,
    read_pending,
    synced_with,
)
from giftping.store.olddata import HoldsOldData, OldData
from giftping.store.tiny import TinyStore

CLOCK_MARGIN = timedelta(minutes=10)
"""How far apart the clocks of two hosts may be: so much is read again when the mirror follows the ledger."""

Answer = TypeVar("Answer")


class FailoverStore:
    """Keeps `giftping.store.base.Store` in a shared store, and a copy of it in the state folder.

    While the shared store can be reached it is asked and written first, the mirror after it. From the moment
    it cannot be reached until this object is closed, the mirror is asked and written, and what is written is
    noted, to be carried back by whichever run meets the shared store again. With `hold`, nothing is claimed
    while it is away. `host` is the name under which this state folder claims.

    Raise StoreAwayError when the shared store is away and the mirror has never been in step with it: a mirror
    that knows half of the ledger is none.
    """

    def __init__(
        self,
        shared: SharedStore,
        mirror: TinyStore,
        *,
        host: str,
        clock: Callable[[], datetime],
        hold: bool = False,
        read_only: bool = False,
    ) -> None:
        self._shared = shared
        self._mirror = mirror
        self._host = host
        self._clock = clock
        self._hold = hold
        self._read_only = read_only
        self._away: StoreAwayError | None = None
        self._met = False
        self._carried = 0
        self._lock = RLock()

    @property
    def name(self) -> str:
        """What to call the store in messages."""
        return self._shared.name

    @property
    def notices(self) -> tuple[str, ...]:
        """What to tell the user: that the shared store is away, or that something was carried back to it."""
        notices = []
        if self._carried:
            notices.append(f"{self._shared.name} is back: {self._carried} changes were carried back from the mirror")
        if self._away is not None:
            how = "nothing is announced until it is back" if self._hold else "going on with the mirror"
            notices.append(f"{self._away} ({how}: {self._mirror.name})")
        return tuple(notices)

    @property
    def closed_fingerprint(self) -> str | None:
        """The mirror's, None when the shared store was away: the next run has something to carry back then."""
        return None if self._away is not None or not self._met else self._mirror.closed_fingerprint

    def close(self) -> None:
        """Release both stores; safe to call twice."""
        try:
            self._shared.close()
        finally:
            self._mirror.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *exc_info: object) -> None:
        self._shared.close()
        self._mirror.__exit__(exception_type, *exc_info)

    # The ledger

    def recorded(self, game: str, keys: Collection[str], guild_ids: Collection[int]) -> Mapping[int, frozenset[str]]:
        """Return, for each of the guilds, those of the keys that have an entry in any state."""
        return self._read(lambda store: store.recorded(game, keys, guild_ids))

    def insert(self, entries: Sequence[LedgerEntry]) -> frozenset[str]:
        """Add the entries whose id is free and return those ids. Raise StoreAwayError when held back."""
        with self._lock:
            won = self._try(lambda shared: shared.insert(entries))
            if won is not None:
                self._mirror.put_entries([entry for entry in entries if entry.id in won])
                return won
            if self._hold and self._away is not None:
                raise self._away
            note_pending(self._mirror, LEDGER, (entry.id for entry in entries))
            return self._mirror.insert(entries)

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
        return self._write(LEDGER, ids, lambda store: store.release(delivery_id, ids))

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

        While the shared store is away, only what this host holds itself: nobody referees the others.
        """
        if self._is_away() and held_by != self._host:
            return False
        return self._write(
            LEDGER,
            ids,
            lambda store: store.take_over(delivery_id, ids, held_by=held_by, held_since=held_since, by=by, at=at),
        )

    def entry(self, guild_id: int, game: str, key: str) -> LedgerEntry | None:
        """Return one entry, None where there is none."""
        return self._read(lambda store: store.entry(guild_id, game, key))

    def entries(self, guild_id: int | None = None, states: Collection[EntryState] = ()) -> Iterator[LedgerEntry]:
        """Yield the entries of one guild or of all, in any state or in the given ones, oldest first."""
        return iter(self._read(lambda store: list(store.entries(guild_id, states))))

    def clear(self, guild_id: int, *, game: str | None = None, key: str | None = None) -> int:
        """Remove a guild's entries, in both tiers: in the one that is away, at its return."""
        with self._lock:
            cleared = self._try(lambda shared: shared.clear(guild_id, game=game, key=key))
            if cleared is None:
                note_clear(self._mirror, Clear(guild_id, game, key, self._clock()))
            in_mirror = self._mirror.clear(guild_id, game=game, key=key)
            return in_mirror if cleared is None else cleared

    # Guild settings

    def guilds(self) -> list[GuildRecord]:
        """Return all guilds, by ascending id."""
        return self._read(lambda store: store.guilds())

    def guild(self, guild_id: int) -> GuildRecord | None:
        """Return one guild, None where it is not known."""
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
            GUILDS, [str(guild_id)], lambda store: store.note_seeded(guild_id, game, sources, announced=announced)
        )

    def note_broken(self, guild_id: int, destination: Destination, broken: Broken | None) -> None:
        """Record that the destination is broken, or works again; nothing if the guild has moved elsewhere."""
        self._write(GUILDS, [str(guild_id)], lambda store: store.note_broken(guild_id, destination, broken))

    # The memory of codes

    def codes(self, game: str | None = None) -> list[CodeRecord]:
        """Return what is known of the codes of one game or of all, newest `first_seen` first, then by id."""
        return self._read(lambda store: store.codes(game))

    def remember(self, codes: Sequence[CodeRecord]) -> None:
        """Merge records into the memory, by the rule of `Store.remember`."""
        self._write(CODES, [code.id for code in codes], lambda store: store.remember(codes))

    # Run records

    def record_run(self, run: RunRecord) -> None:
        """Write the last run of a job on a host."""
        self._write(RUNS, [run.id], lambda store: store.record_run(run))

    def runs(self) -> list[RunRecord]:
        """Return the last run of each job on each host, by id."""
        return self._read(lambda store: store.runs())

    # Documents as they are stored

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """Yield a collection's documents as they are."""
        return iter(self._read(lambda store: list(store.documents(collection))))

    def stored_ids(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Return those of the ids that have a document in the collection."""
        return self._read(lambda store: store.stored_ids(collection, ids))

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free and return those ids."""
        ids = [document["_id"] for document in documents]
        return self._write(collection, ids, lambda store: store.insert_documents(collection, documents))

    def old_data(self, database: str | None = None) -> OldData:
        """Return what is to be taken over from the shared store's own database, or from another on its server."""
        if not isinstance(self._shared, HoldsOldData):
            raise StoreError(f"{self.name}: holds no other data")
        return self._shared.old_data(database)

    # Which of the two is asked

    def _read(self, ask: Callable[[SharedStore | TinyStore], Answer]) -> Answer:
        with self._lock:
            if not self._is_away():
                try:
                    self._meet()
                    return ask(self._shared)
                except StoreAwayError as error:
                    self._lose(error)
            return ask(self._mirror)

    def _write(
        self, collection: str, ids: Collection[str], write: Callable[[SharedStore | TinyStore], Answer]
    ) -> Answer:
        with self._lock:
            if not self._is_away():
                try:
                    self._meet()
                    answer = write(self._shared)
                except StoreAwayError as error:
                    self._lose(error)
                else:
                    write(self._mirror)
                    return answer
            note_pending(self._mirror, collection, ids)
            return write(self._mirror)

    def _try(self, write: Callable[[SharedStore], Answer]) -> Answer | None:
        """Return the shared store's answer, None when it is away."""
        if self._is_away():
            return None
        try:
            self._meet()
            return write(self._shared)
        except StoreAwayError as error:
            self._lose(error)
            return None

    def _is_away(self) -> bool:
        return self._away is not None

    def _lose(self, error: StoreAwayError) -> None:
        """Go on with the mirror from here on. Raise the error when the mirror never was in step."""
        if synced_with(self._mirror, self._shared.name) is None:
            raise error
        self._away = error

    # Meeting the shared store again

    def _meet(self) -> None:
        """Bring both stores in step, once."""
        if self._met or self._read_only:
            return
        began = self._clock()
        synced = synced_with(self._mirror, self._shared.name)
        if synced is None:
            note_everything(self._mirror)
        pending = read_pending(self._mirror)
        if not pending.is_empty:
            self._carry_back(pending)
        self._follow(None if synced is None else synced - CLOCK_MARGIN)
        note_synced(self._mirror, self._shared.name, began)
        self._met = True

    def _carry_back(self, pending: Pending) -> None:
        for clear in pending.clears:
            self._shared.clear_before(clear.guild_id, game=clear.game, key=clear.key, before=clear.at)
        ledger = {entry.id: entry for entry in self._mirror.entries() if entry.id in pending.of(LEDGER)}
        self._shared.adopt(list(ledger.values()), host=self._host)
        self._shared.drop_open(pending.of(LEDGER) - ledger.keys(), host=self._host)
        self._carry_guilds(pending.of(GUILDS))
        self._shared.remember([code for code in self._mirror.codes() if code.id in pending.of(CODES)])
        for run in self._mirror.runs():
            if run.id in pending.of(RUNS):
                self._shared.record_run(run)
        for collection in pending.ids.keys() - KINDS:
            documents = [
                found for found in self._mirror.documents(collection) if found["_id"] in pending.of(collection)
            ]
            self._shared.insert_documents(collection, documents)
        forget_pending(self._mirror, pending.notes)
        self._carried += len(pending.notes)

    def _carry_guilds(self, ids: Collection[str]) -> None:
        if not ids:
            return
        there = {str(guild.guild_id): guild for guild in self._shared.guilds()}
        here = {str(guild.guild_id): guild for guild in self._mirror.guilds()}
        for id_ in sorted(ids):
            if id_ in here:
                self._shared.put_guild(joined_guild(here[id_], there.get(id_)))
            elif id_ in there:
                self._shared.remove_guild(int(id_))

    def _follow(self, since: datetime | None) -> None:
        """Let the mirror take in what other hosts wrote to the shared store since then, or all of it."""
        self._mirror.put_entries(self._shared.changed_since(since))
        shared = {guild.guild_id: guild for guild in self._shared.guilds()}
        for guild in self._mirror.guilds():
            if guild.guild_id not in shared:
                self._mirror.remove_guild(guild.guild_id)
        for guild in shared.values():
            if guild != self._mirror.guild(guild.guild_id):
                self._mirror.put_guild(guild)
        known = {code.id: code for code in self._mirror.codes()}
        self._mirror.remember([code for code in self._shared.codes() if code != known.get(code.id)])


def joined_guild(ours: GuildRecord, theirs: GuildRecord | None) -> GuildRecord:
    """Return the later of two settings of one guild, with the first looks of both."""
    if theirs is None:
        return ours
    later = ours if ours.updated_at >= theirs.updated_at else theirs
    games = sorted({*ours.seeded, *theirs.seeded})
    seeded = {game: tuple(sorted({*ours.seeded.get(game, ()), *theirs.seeded.get(game, ())})) for game in games}
    return replace(later, seeded=seeded)
