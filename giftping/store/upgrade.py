"""The upgrade of what 0.1.0 wrote: in place, once, with a backup, and to the same end wherever it was cut short.

Each step leaves what a resumed upgrade goes on from; the number of the schema is changed last, and until then nobody
else writes. What is only looked at is not upgraded, and reads as if it had been.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from giftping.store.base import SCHEMA_VERSION, StoreError
from giftping.store.documents import (
    COLLECTIONS,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    META,
    OLDER_OPEN_STATES,
    RUNS,
    SCHEMA_ID,
    SUBSCRIPTIONS,
    schema_document,
)
from giftping.store.engine import TRIES, Change, Engine
from giftping.store.fields import DocumentError, is_text, time_from_value, time_or_none, time_to_text
from giftping.store.first_schema import OnOdd, changes_to_entries, changes_to_guilds
from giftping.store.memory import MemoryEngine
from giftping.store.tiny.files import UPGRADE_LOCK, StoreLock
from giftping.text import counted

_CHANGED = (GUILDS, SUBSCRIPTIONS, DELIVERIES, LEDGER)
"""The collections that an upgrade changes."""

UPGRADE_ID = "upgrade"
"""In `meta`: which upgrade was begun, where its backup is, and which hosts it waits for."""

BATCH = 1000

SEEN_FOR = timedelta(minutes=10)
"""How long a host is taken to be at it after its last run: 0.1.0 tells its end alone."""

_LOCK_WAIT = timedelta(minutes=1)


class Upgradable(Engine, Protocol):
    """An engine of its own: a file, or a database."""

    def schema(self) -> int:
        """By which schema what is there is written; today's where there is nothing."""

    def upgrading(self) -> AbstractContextManager[None]:
        """Within the block what an older giftping wrote may be changed."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an upgrade did."""

    name: str
    """Of the store."""
    guilds: int
    deliveries: int
    backup: str
    odd: tuple[str, ...]
    """What could not be read, and is as it was."""
    resumed: bool = False
    """Whether it goes on from one that was cut short: the numbers are of this part alone."""

    def __str__(self) -> str:
        of_it = f"{counted(self.guilds, 'guild')} and {counted(self.deliveries, 'message')} under way"
        kept = f"; what it was before is in {self.backup}" if self.backup else ""
        odd = f"; left as they are: {'; '.join(self.odd)}" if self.odd else ""
        how = "as an earlier run began it" if self.resumed else f"with {of_it}"
        return f"{self.name} is upgraded from giftping 0.1.0, {how}{kept}{odd}"


def upgrade(engine: Upgradable, folder: Path, *, host: str, now: datetime, shares: bool) -> Upgraded | None:
    """What was upgraded, None where there was nothing to do.

    The backup goes into the state folder. `shares` is whether other hosts may use the same store. Raise StoreError,
    with nothing upgraded, while one of them still runs the older version, and when it cannot be read or written.
    """
    if engine.schema() >= SCHEMA_VERSION:
        return None
    # Of two processes the second would go by what it read before the first one was done.
    with StoreLock(folder / UPGRADE_LOCK, _LOCK_WAIT).exclusive(), engine.upgrading():
        if not _is_of_first(engine):
            return None
        if shares:
            _wait_for_hosts(engine, host, now)
        return _Upgrading(engine, folder, host, now).upgrade()


def _is_of_first(engine: Engine) -> bool:
    """Whether the store says, asked anew, that it is of the first schema."""
    note = engine.get(META, [SCHEMA_ID]).get(SCHEMA_ID)
    return note is not None and note["version"] < SCHEMA_VERSION


@dataclass
class _Upgrading:
    engine: Engine
    folder: Path
    host: str
    now: datetime
    odd: dict[str, None] = field(default_factory=dict)
    is_resumed: bool = False

    def upgrade(self) -> Upgraded:
        backup = self._backed_up()
        done = {SUBSCRIPTIONS: 0, DELIVERIES: 0}
        for _ in range(TRIES):
            left = list(changes_left(self.engine, self.now, self._note_odd))
            if not left:
                break
            guilds, deliveries = self._make(left)
            done = {SUBSCRIPTIONS: done[SUBSCRIPTIONS] + guilds, DELIVERIES: done[DELIVERIES] + deliveries}
        else:
            raise StoreError(f"{self.engine.name}: what is to be upgraded keeps changing; stop what else writes to it")
        before = self.engine.get(META, [SCHEMA_ID]).get(SCHEMA_ID)
        self.engine.change([Change(META, before, {**(before or {}), **schema_document()})])
        guilds, deliveries = done[SUBSCRIPTIONS], done[DELIVERIES]
        return Upgraded(self.engine.name, guilds, deliveries, backup, tuple(self.odd), self.is_resumed)

    def _note_odd(self, error: DocumentError) -> None:
        self.odd[str(error)] = None

    def _backed_up(self) -> str:
        """The file with all there was; of an upgrade that goes on, the one from its beginning."""
        from giftping.store.tiny.snapshot import write_backup

        note = self.engine.get(META, [UPGRADE_ID]).get(UPGRADE_ID)
        if note is not None and "backup" in note:
            self.is_resumed = True
            return str(note["backup"])
        everything = ((name, self.engine.walk(name)) for name in COLLECTIONS if name != META)
        path = write_backup(self.folder, everything, self.now, before="upgrade", schema=SCHEMA_VERSION - 1)
        after = {"_id": UPGRADE_ID, **(note or {}), "host": self.host, "begun_at": time_to_text(self.now)}
        self.engine.change([Change(META, note, {**after, "to": SCHEMA_VERSION, "backup": str(path or "")})])
        return str(path or "")

    def _make(self, groups: Sequence[Sequence[Change]]) -> tuple[int, int]:
        """How many guilds, and how many messages under way, were upgraded."""
        guilds = deliveries = 0
        for batch in _batches(groups):
            for change, is_made in zip(batch, self.engine.change(batch), strict=True):
                guilds += is_made and change.collection == GUILDS
                deliveries += is_made and change.collection == DELIVERIES
        return guilds, deliveries


def changes_left(engine: Engine, now: datetime, on_odd: OnOdd) -> Iterator[list[Change]]:
    """For each guild and each message under way of the first schema its changes."""
    yield from changes_to_guilds(list(engine.walk(GUILDS)), on_odd)
    yield from changes_to_entries(engine.find(LEDGER, {"state": OLDER_OPEN_STATES}), now, on_odd)


def _batches(groups: Iterable[Sequence[Change]]) -> Iterator[list[Change]]:
    """The changes, those of a group never parted."""
    batch: list[Change] = []
    for group in groups:
        batch += group
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# Looking


class UpgradedView(MemoryEngine):
    """An engine that is only looked at: what the first schema wrote reads as if it had been upgraded."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        super().__init__()
        self.name, self.notices, self.odd_ids = engine.name, engine.notices, engine.odd_ids
        self._engine = engine
        self._now = now

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression."""
        return self._engine.strays(collection, unlike)

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:  # noqa: ARG002 -- as an engine's
        """Never: raise StoreError."""
        raise StoreError(f"{self.name}: opened for reading only; nothing was written")

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()

    def _documents(self, verb: str, collection: str) -> dict[str, Mapping[str, Any]]:
        # Nothing is read before somebody asks for it; what an upgrade changes is read together.
        if collection not in self._collections:
            names = _CHANGED if collection in _CHANGED else (collection,)
            tables = {name: {str(one["_id"]): one for one in self._engine.walk(name)} for name in names}
            for change in self._changes() if names is _CHANGED else ():
                table = tables[change.collection]
                if change.after is None:
                    table.pop(change.id, None)
                elif change.before is not None or change.id not in table:
                    table[change.id] = change.after
            self._collections |= tables
        return super()._documents(verb, collection)

    def _changes(self) -> Iterator[Change]:
        # Whoever needs a document that cannot be read says so.
        return chain.from_iterable(changes_left(self._engine, self._now, lambda _: None))


# Hosts of the older version


def _wait_for_hosts(engine: Engine, own: str, now: datetime) -> None:
    """Raise StoreError while a host that has not been upgraded may still be at it.

    They are known by their runs alone. A run from the future is one of a clock that is wrong: it counts from when it
    was first met, and blocks nobody for longer than others do.
    """
    note = engine.get(META, [UPGRADE_ID]).get(UPGRADE_ID)
    met = dict((note or {}).get("waits_for") or {})
    waiting: dict[str, Any] = {}
    for name, last in _last_runs(engine, own).items():
        known = met.get(name) or {}
        since = known["since"] if known.get("last") == last else time_to_text(now)
        if _is_recent(last, now) and _is_recent(since, now):
            waiting[name] = {"last": last, "since": since}
    if not waiting:
        return
    after = {"_id": UPGRADE_ID, **(note or {}), "waits_for": waiting}
    engine.change([Change(META, note, after)])
    names = ", ".join(sorted(waiting))
    raise StoreError(
        f"{engine.name}: {names} ran giftping 0.1.0 less than ten minutes ago, and while an older version may be at it"
        " the database is not upgraded: upgrade giftping on every host, or stop its timers; ten minutes after their"
        " last run it is done"
    )


def _last_runs(engine: Engine, own: str) -> dict[str, str]:
    """When each of the other hosts that have written no record of themselves last ended a run."""
    recorded = {document["_id"] for document in engine.walk(HOSTS)}
    last: dict[str, str] = {}
    for document in engine.walk(RUNS):
        name, at = document.get("host"), time_or_none(document.get("finished_at"))
        if is_text(name) and name not in (own, "", *recorded) and at:
            last[name] = max(time_to_text(at), last.get(name, ""))
    return last


def _is_recent(text: object, now: datetime) -> bool:
    """Whether a time is less than ten minutes ago, or yet to come."""
    return time_from_value(text) > now - SEEN_FOR
