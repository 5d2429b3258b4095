"""The migration: old data into a store, whatever its shape, as often as one likes.

Everything is added where its `_id` is free, in batches; nothing is removed, and nothing is changed but that a member
has handed in, or was pinged, since. An entry keeps its times,
but for the one at which it was written, which is now. The settings of the
guilds come last, so that no check meets a guild whose ledger is not complete: what is killed in the middle is
taken up by the next run.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from giftping.store.base import RunRecord
from giftping.store.code_documents import code_to_document
from giftping.store.documents import (
    CODES,
    COLLECTIONS,
    DELIVERIES,
    GUILDS,
    LEDGER,
    META,
    MIRROR,
    RUNS,
    SUBSCRIPTIONS,
    TODO_COLLECTIONS,
    TODO_TIMESTAMPS,
    Document,
    entry_to_document,
)
from giftping.store.engine import in_batches
from giftping.store.fields import DocumentError, time_to_text
from giftping.store.first_schema import (
    changes_to_entries,
    changes_to_guilds,
    is_guild_of_first,
    is_open_in_first,
    opened_entry,
)
from giftping.store.forgotten import forgotten_members, without_forgotten
from giftping.store.guild_documents import subscription_to_document
from giftping.store.legacy.inheritance import Inheritance
from giftping.store.legacy.newer import bring_up_to_date
from giftping.store.legacy.olddata import OldData
from giftping.store.legacy.shapes import (
    GIFT_CODES,
    STATE,
    Reported,
    is_of_giftping,
    read_gift_code,
    read_member_document,
    read_sent,
    read_state,
    snowflake,
)
from giftping.store.records import Store

BATCH = 1000

JOB = "migrate "
"""How the run records of migrations are called, followed by what was taken over."""

OnProgress = Callable[[int, int], None]
BackUp = Callable[[Iterable[tuple[str, Iterable[Mapping[str, Any]]]]], str]
"""Keeps the documents of the named collections and returns where, "" when there were none."""


@dataclass(frozen=True, slots=True)
class MigrationRequest:
    """What a migration goes by.

    `game_sources` are the sources that list codes of the older bot's game; `host` is who does it; `again`
    merges what went over completely before, so that what was cleared since comes back.
    """

    host: str
    game_sources: Collection[str] = ()
    dry_run: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Numbers:
    """How many documents there were to take over, and what became of them."""

    found: int = 0
    added: int = 0
    """Those that were not there yet."""
    newer: int = 0
    """Those that were there, and have been brought up to date: members who have handed in or were pinged since."""


@dataclass(frozen=True, slots=True)
class GuildNumbers:
    """The ledger entries of one guild, and whether its settings were among what was found and what was added."""

    guild_id: int
    entries: Numbers
    settings: Numbers


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a migration did, or in a dry run would do.

    `done_before` is when the same old data went over completely; nothing was compared then. `backup` is
    the file that holds what was there before, "" where nothing was, or nothing was added.
    """

    sources: tuple[str, ...]
    target: str
    dry_run: bool
    guilds: tuple[GuildNumbers, ...] = ()
    collections: Mapping[str, Numbers] = field(default_factory=dict)
    reported: tuple[Reported, ...] = ()
    backup: str = ""
    done_before: datetime | None = None

    @property
    def added(self) -> int:
        """How many documents were added."""
        return sum(numbers.added for numbers in self.collections.values())

    @property
    def newer(self) -> int:
        """How many members have handed in, or were pinged, since they were taken over."""
        return sum(numbers.newer for numbers in self.collections.values())


def migrate(
    sources: Sequence[OldData],
    target: Store,
    request: MigrationRequest,
    *,
    clock: Callable[[], datetime],
    back_up: BackUp,
    on_progress: OnProgress | None = None,
) -> MigrationReport:
    """The report of what was taken over from the sources into the target; of two that differ the first source counts.

    Raise StoreError when old data cannot be read or the target cannot be read or written; what was added until
    then is there, and the next migration goes on from it.
    """
    started = clock()
    old = _read(sources, target.name, started)
    fingerprint = old.fingerprint
    before = None if request.again else completed_at(target, fingerprint)
    old.tables = without_forgotten(old.tables, forgotten_members(target.engine))
    moving = _Moving(sources, target, request, clock, back_up, on_progress, old.total())
    if before is not None:
        moving.found[TODO_TIMESTAMPS] = len(old.tables[TODO_TIMESTAMPS])
        moving.bring_up_to_date(old.tables[TODO_TIMESTAMPS])
        if not moving.newer.total():
            odd = (*old.reported(), *moving.reported)
            return MigrationReport(old.names, target.name, request.dry_run, reported=odd, done_before=before)
    else:
        for collection, documents in old.documents(started, request.game_sources):
            moving.move(collection, documents)
    if not request.dry_run:
        for source in sources:
            if source.keeps_flag:
                source.set_flag()
        details = {"fingerprint": fingerprint, "added": sum(moving.added.values())}
        target.record_run(RunRecord(JOB + ", ".join(old.names), request.host, started, clock(), 0, details))
    return moving.report(old.names, (*old.reported(), *moving.reported))


def completed_at(target: Store, fingerprint: str) -> datetime | None:
    """When the same old data went over completely, from whichever host; None when it did not."""
    runs = [run for run in target.runs() if run.job.startswith(JOB)]
    return max((run.finished_at for run in runs if run.details.get("fingerprint") == fingerprint), default=None)


def taken_over(target: Store) -> list[str]:
    """What went over completely at some time, by name, whatever came into it since; reads no old data."""
    jobs = (run.job.removeprefix(JOB) for run in target.runs() if run.job.startswith(JOB))
    return list(dict.fromkeys(name for job in jobs for name in job.split(", ")))


@dataclass
class _Old:
    """What was read of the old data, and where giftping's own documents in it can be read again."""

    sources: Sequence[OldData]
    target: str
    inheritance: Inheritance = field(default_factory=Inheritance)
    tables: dict[str, list[Document]] = field(default_factory=lambda: {name: [] for name in COLLECTIONS})
    own_entries: int = 0
    own_ids: Any = field(default_factory=hashlib.sha256)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.sources)

    @property
    def fingerprint(self) -> str:
        own = self.own_ids.copy()
        for name, documents in self.tables.items():
            own.update(f"{name}\0{sorted(document['_id'] for document in documents)}\0".encode(errors="replace"))
        return f"{self.inheritance.fingerprint()}-{own.hexdigest()[:16]}"

    def reported(self) -> tuple[Reported, ...]:
        return (*self.inheritance.left_out(), *self.inheritance.reported)

    def total(self) -> int:
        entries = sum(self.inheritance.count(guild_id) for guild_id in self.inheritance.guild_ids)
        return self.own_entries + entries + sum(len(documents) for documents in self.tables.values())

    def documents(self, now: datetime, game_sources: Collection[str]) -> Iterator[tuple[str, Iterator[Document]]]:
        """All that is to be taken over, the guilds' settings last; giftping's own documents go first."""
        yield DELIVERIES, iter(self.tables[DELIVERIES])
        yield LEDGER, self._ledger(now)
        for name in (CODES, *TODO_COLLECTIONS, RUNS):
            yield name, iter(self.tables[name])
        yield CODES, map(code_to_document, self.inheritance.codes(now))
        yield GUILDS, iter(self.tables[GUILDS])
        yield SUBSCRIPTIONS, iter(self.tables[SUBSCRIPTIONS])
        yield SUBSCRIPTIONS, map(subscription_to_document, self.inheritance.subscriptions(now, game_sources))

    def _ledger(self, now: datetime) -> Iterator[Document]:
        for source in self.sources:
            if source.name != self.target:
                for document in source.documents(LEDGER):
                    if _is_own_entry(document):
                        yield opened_entry(document) if is_open_in_first(document) else dict(document)
        for guild_id in self.inheritance.guild_ids:
            yield from map(entry_to_document, self.inheritance.entries(guild_id, now))


def _is_own_entry(document: Mapping[str, Any]) -> bool:
    return is_of_giftping(document) and snowflake(_guild_of(str(document.get("_id")))) is not None


def _read(sources: Sequence[OldData], target: str, now: datetime) -> _Old:
    old = _Old(sources, target)
    for source in sources:
        _read_ledger(source, old)
        for document in source.documents(STATE):
            old.inheritance.add(read_state(document, source.name))
        for document in source.documents(GIFT_CODES):
            old.inheritance.add(read_gift_code(document, now))
        if source.name != target:
            for name in (GUILDS, SUBSCRIPTIONS, CODES, RUNS, DELIVERIES):
                _read_table(source, name, old)
            _upgrade_tables(source, old, now)
        for name in TODO_COLLECTIONS:
            _read_members(source, name, old)
    return old


def _read_ledger(source: OldData, old: _Old) -> None:
    for document in source.documents(LEDGER):
        if not _is_own_entry(document):
            old.inheritance.add(read_sent(document))
        elif source.name != old.target:
            old.own_entries += 1
            old.own_ids.update(f"{document['_id']}\0".encode(errors="replace"))


def _read_table(source: OldData, name: str, old: _Old) -> None:
    for document in source.documents(name):
        id_ = document.get("_id")
        if isinstance(id_, str) and (name not in (GUILDS, SUBSCRIPTIONS) or snowflake(_guild_of(id_)) is not None):
            old.tables[name].append(dict(document))
        else:
            old.inheritance.reported.append(Reported(name, repr(id_), "not an id of giftping's"))


def _upgrade_tables(source: OldData, old: _Old, now: datetime) -> None:
    """Bring what a giftping before this one wrote into the shapes of today."""

    def odd(error: DocumentError) -> None:
        old.inheritance.reported.append(Reported(source.name, str(error), "left out"))

    for *subscriptions, guild in changes_to_guilds(list(old.tables[GUILDS]), odd):
        old.tables[SUBSCRIPTIONS] += [dict(one.after) for one in subscriptions if one.after is not None]
        if guild.after is not None:
            old.tables[GUILDS].append(dict(guild.after))
    old.tables[GUILDS] = [one for one in old.tables[GUILDS] if not is_guild_of_first(one)]
    ours = (document for document in source.documents(LEDGER) if _is_own_entry(document))
    for delivery, *_ in changes_to_entries(ours, now, odd):
        old.tables[DELIVERIES].append(dict(delivery.after or {}))


def _read_members(source: OldData, name: str, old: _Old) -> None:
    texts: list[Document] = []
    others: list[Document] = []
    for document in source.documents(name):
        taken, odd = read_member_document(name, document)
        if odd is not None:
            old.inheritance.reported.append(odd)
        if taken is None:
            continue
        (texts if taken["_id"] == document.get("_id") else others).append(taken)
    # Where a member has a document by a text and one by a number, the one by the text is the one that was used last.
    old.tables[name] += [*texts, *others]


@dataclass
class _Moving:
    """Adds documents to the target where they are not there yet, and counts."""

    sources: Sequence[OldData]
    target: Store
    request: MigrationRequest
    clock: Callable[[], datetime]
    back_up: BackUp
    on_progress: OnProgress | None
    total: int
    done: int = 0
    backup: str | None = None
    found: Counter[str] = field(default_factory=Counter)
    added: Counter[str] = field(default_factory=Counter)
    found_by_guild: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    added_by_guild: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    newer: Counter[str] = field(default_factory=Counter)
    reported: list[Reported] = field(default_factory=list)
    _planned: set[tuple[str, str]] = field(default_factory=set)

    def move(self, collection: str, documents: Iterator[Document]) -> None:
        for batch in in_batches(documents, BATCH):
            ids = {document["_id"] for document in batch}
            there = self.target.engine.present(collection, ids)
            missing = [document for document in batch if document["_id"] not in there]
            self._count(collection, batch, self._add(collection, missing) if missing else frozenset())
            if collection == TODO_TIMESTAMPS:
                self.bring_up_to_date([document for document in batch if document["_id"] in there])
            self.done += len(batch)
            if self.on_progress is not None:
                self.on_progress(self.done, self.total)

    def bring_up_to_date(self, documents: Sequence[Document]) -> None:
        keep = None if self.request.dry_run else self._keep_what_was
        self.newer[TODO_TIMESTAMPS] += bring_up_to_date(self.target, documents, self.clock(), keep, self.reported)

    def _keep_what_was(self) -> None:
        if self.backup is None:
            self.backup = self.back_up(self._to_keep())

    def _add(self, collection: str, missing: Sequence[Document]) -> frozenset[str]:
        if self.request.dry_run:
            new = {document["_id"] for document in missing if (collection, document["_id"]) not in self._planned}
            self._planned |= {(collection, id_) for id_ in new}
            return frozenset(new)
        self._keep_what_was()
        if collection == LEDGER:
            # The mirrors of other hosts follow what was written of late: an old date would hide it from them.
            written = {"updated_at": time_to_text(self.clock())}
            missing = [{**document, **written} for document in missing]
        return self.target.insert_documents(collection, missing)

    def _to_keep(self) -> Iterator[tuple[str, Iterable[Mapping[str, Any]]]]:
        """The stores that are added to, and the old states, which are told that all went over."""
        for name in COLLECTIONS:
            if name not in (META, MIRROR):
                yield name, self.target.engine.walk(name)
        for source in self.sources:
            if source.keeps_flag:
                yield STATE, source.documents(STATE)

    def _count(self, collection: str, batch: Sequence[Document], added: Collection[str]) -> None:
        self.found[collection] += len(batch)
        self.added[collection] += len(added)
        if collection in (LEDGER, SUBSCRIPTIONS):
            self.found_by_guild[collection].update(_guild_of(document["_id"]) for document in batch)
            self.added_by_guild[collection].update(map(_guild_of, added))

    def report(self, sources: tuple[str, ...], reported: tuple[Reported, ...]) -> MigrationReport:
        guilds = {name for counts in self.found_by_guild.values() for name in counts}
        return MigrationReport(
            sources=sources,
            target=self.target.name,
            dry_run=self.request.dry_run,
            guilds=tuple(
                GuildNumbers(int(guild), self._numbers(LEDGER, guild), self._numbers(SUBSCRIPTIONS, guild))
                for guild in sorted(guilds, key=int)
            ),
            collections={
                name: Numbers(self.found[name], self.added[name], self.newer[name]) for name in sorted(self.found)
            },
            reported=reported,
            backup=self.backup or "",
        )

    def _numbers(self, collection: str, guild: str) -> Numbers:
        return Numbers(self.found_by_guild[collection][guild], self.added_by_guild[collection][guild])


def _guild_of(id_: str) -> str:
    return id_.partition(":")[0]
