"""Random histories over every engine and the records above, by two handles, against dicts that say what is true."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes.records import LATER, NOON, code, entry, mark, subscription
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from store_kinds import BELOW_RECORDS, ENGINE_KINDS, EngineKind

from giftping.store.base import HOME_GAME, CodeRecord, EntryState, LedgerEntry, SourceMemory, Subscription
from giftping.store.documents import CODES, LEDGER, TODO_TIMESTAMPS
from giftping.store.engine import REV, Change, rests_on
from giftping.store.records import Store

HANDLES = st.integers(0, 1)
GUILDS = st.integers(1, 3)
GAMES = st.sampled_from([HOME_GAME, "kingshot"])
KEYS = st.sampled_from(["A1", "B2", "C3"])
DELIVERIES = st.sampled_from(["delivery-1", "delivery-2"])
ENTRIES = st.builds(entry, GUILDS, KEYS, GAMES, delivery_id=DELIVERIES, state=st.sampled_from(EntryState))
IDS = st.lists(st.builds(lambda *of: entry(*of).id, GUILDS, KEYS, GAMES), max_size=4)
TIMES = st.sampled_from([NOON, LATER])
PLAN = settings(stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow])
EXAMPLES = PLAN.max_examples // 4
"""As an example is a history of many steps, on real servers."""


COLLECTIONS = st.sampled_from([LEDGER, TODO_TIMESTAMPS, CODES])
SOME_IDS = st.sampled_from(["1:A", "1:B", "2:A"])
STATES = st.sampled_from(["open", "sent", None])
KINDS_OF_CHANGE = st.sampled_from(["put", "put", "remove"])


class EngineHistory(RuleBasedStateMachine):
    """Does the same to an engine by two handles and to dicts; each handle remembers what it has read."""

    kind: EngineKind

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._address = self.kind.new_address(Path(self._folder.name))
        self._handles = [self.kind.open(self._address), self.kind.open(self._address)]
        self._held: dict[tuple[str, str], dict[str, Any]] = {}
        self._read: list[dict[tuple[str, str], dict[str, Any]]] = [{}, {}]
        self._count = 0

    def teardown(self) -> None:
        for handle in self._handles:
            handle.close()
        self._folder.cleanup()

    @rule(handle=HANDLES)
    def reopen(self, handle: int) -> None:
        self._handles[handle].close()
        self._handles[handle] = self.kind.open(self._address)

    @rule(handle=HANDLES)
    def read(self, handle: int) -> None:
        for collection in (LEDGER, TODO_TIMESTAMPS, CODES):
            found = self._handles[handle].get(collection, ["1:A", "1:B", "2:A"])
            assert found == self._ours(collection)
            self._read[handle] |= {(collection, id_): dict(one) for id_, one in found.items()}
            for id_ in {"1:A", "1:B", "2:A"} - found.keys():
                self._read[handle].pop((collection, id_), None)

    @rule(
        handle=HANDLES,
        wanted=st.dictionaries(st.tuples(COLLECTIONS, SOME_IDS), st.tuples(KINDS_OF_CHANGE, STATES), min_size=1),
    )
    def change(self, handle: int, wanted: dict[tuple[str, str], tuple[str, str | None]]) -> None:
        self._count += 1
        rev, changes, expected = f"r{self._count}", [], []
        for (collection, id_), (kind, state) in wanted.items():
            before = self._read[handle].get((collection, id_))
            if kind == "remove" and before is None:
                continue
            after: dict[str, Any] | None = {**(before or {}), "_id": id_, "state": state, "count": self._count}
            changes.append(one := Change(collection, before, None if kind == "remove" else after))
            expected.append(is_made := self._holds(one))
            if is_made:
                self._make(one, rev)
        assert self._handles[handle].change(changes, rev=rev) == expected

    def _holds(self, change: Change) -> bool:
        stored, before = self._held.get(change.key), change.before
        if stored is None or before is None:
            return stored is None and before is None
        return all(stored.get(name) == before.get(name) for name in rests_on(change.collection))

    def _make(self, change: Change, rev: str) -> None:
        if change.after is None:
            del self._held[change.key]
            return
        before = change.before or {}
        differing = {name: value for name, value in change.after.items() if before.get(name, _NONE) != value}
        has_rev = {REV: rev} if REV in rests_on(change.collection) else {}
        self._held[change.key] = {**self._held.get(change.key, {}), **differing, **has_rev}

    @rule(handle=HANDLES, collection=COLLECTIONS, state=STATES, guild=st.sampled_from(["", "1:", "2:", "3:"]))
    def find(self, handle: int, collection: str, state: str | None, guild: str) -> None:
        wanted = [
            self._held[key]
            for key in sorted(self._held)
            if key[0] == collection and key[1].startswith(guild) and self._held[key].get("state") == state
        ]
        assert self._handles[handle].find(collection, {"state": [state]}, within=guild) == wanted

    @rule(handle=HANDLES, collection=COLLECTIONS)
    def look(self, handle: int, collection: str) -> None:
        ours = self._ours(collection).keys()
        assert self._handles[handle].present(collection, ["1:A", "1:B", "2:A"]) == ours

    @invariant()
    def both_handles_tell_the_truth(self) -> None:
        for engine in self._handles:
            for collection in (LEDGER, TODO_TIMESTAMPS, CODES):
                assert {one["_id"]: one for one in engine.walk(collection)} == self._ours(collection)

    def _ours(self, collection: str) -> dict[str, dict[str, Any]]:
        return {id_: one for (of, id_), one in self._held.items() if of == collection}


_NONE = object()


@pytest.mark.parametrize("kind_name", ENGINE_KINDS)
def test_any_history_of_changes_leaves_what_dicts_would_hold(kind_name: str) -> None:
    history = type("History", (EngineHistory,), {"kind": ENGINE_KINDS[kind_name]})
    run_state_machine_as_test(history, settings=settings(PLAN, max_examples=EXAMPLES))


class RecordsHistory(RuleBasedStateMachine):
    """Does the same to a store and to plain dicts."""

    kind: EngineKind

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._address = self.kind.new_address(Path(self._folder.name))
        self._handles = [self.kind.open_store(self._address), self.kind.open_store(self._address)]
        self._ledger: dict[str, LedgerEntry] = {}
        self._subscriptions: dict[tuple[int, str], Subscription] = {}
        self._codes: dict[str, CodeRecord] = {}

    def teardown(self) -> None:
        for handle in self._handles:
            handle.close()
        self._folder.cleanup()

    @rule(handle=HANDLES)
    def reopen(self, handle: int) -> None:
        self._handles[handle].close()
        self._handles[handle] = self.kind.open_store(self._address)

    @rule(handle=HANDLES, entries=st.lists(ENTRIES, max_size=4))
    def insert(self, handle: int, entries: list[LedgerEntry]) -> None:
        fresh = {one.id for one in entries} - self._ledger.keys()
        assert self._handles[handle].insert(entries) == fresh
        for one in entries:
            self._ledger.setdefault(one.id, one)

    @rule(handle=HANDLES, ids=IDS, state=st.sampled_from(EntryState), at=TIMES)
    def mark(self, handle: int, ids: list[str], state: EntryState, at: Any) -> None:
        there = set(ids) & self._ledger.keys()
        assert mark(self._handles[handle], *set(ids), state=state, at=at) == len(there)
        for id_ in there:
            self._ledger[id_] = replace(self._ledger[id_], state=state, updated_at=at)

    @rule(handle=HANDLES, ids=IDS)
    def remove(self, handle: int, ids: list[str]) -> None:
        there = set(ids) & self._ledger.keys()
        assert self._handles[handle].remove_documents(LEDGER, ids) == there
        for id_ in there:
            del self._ledger[id_]

    @rule(handle=HANDLES, guild_id=GUILDS, game=st.none() | GAMES, key=st.none() | KEYS)
    def clear(self, handle: int, guild_id: int, game: str | None, key: str | None) -> None:
        gone = [
            one.id
            for one in self._ledger.values()
            if one.guild_id == guild_id and game in (None, one.game) and key in (None, one.key)
            if one.state is not EntryState.OPEN
        ]
        assert self._handles[handle].clear(guild_id, game=game, key=key) == len(gone)
        for id_ in gone:
            del self._ledger[id_]

    @rule(handle=HANDLES, guild_id=GUILDS, game=GAMES, waiting=st.booleans())
    def put_subscription(self, handle: int, guild_id: int, game: str, waiting: bool) -> None:
        new = subscription(guild_id, game, announce_current=waiting)
        self._subscriptions[new.key] = new
        self._handles[handle].put_subscriptions(new)

    @rule(handle=HANDLES, guild_id=GUILDS, game=st.none() | GAMES)
    def remove_subscriptions(self, handle: int, guild_id: int, game: str | None) -> None:
        gone = [key for key in sorted(self._subscriptions) if key[0] == guild_id and game in (None, key[1])]
        assert self._handles[handle].remove_subscriptions(guild_id, game) == [
            self._subscriptions.pop(key) for key in gone
        ]

    @rule(
        handle=HANDLES,
        guild_id=GUILDS,
        game=GAMES,
        source=st.sampled_from(["a.b", "site", "wiki"]),
        announced=st.booleans(),
    )
    def note_seeded(self, handle: int, guild_id: int, game: str, source: str, announced: bool) -> None:
        self._handles[handle].note_seeded(guild_id, game, [source], announced=announced)
        if known := self._subscriptions.get((guild_id, game)):
            sources = known.seeded or ()
            seeded = sources if source in sources else (*sources, source)
            waiting = known.announce_current and not announced
            self._subscriptions[known.key] = replace(known, seeded=seeded, announce_current=waiting)

    @rule(handle=HANDLES, key=KEYS, source=st.sampled_from(["a.b", "site"]), at=TIMES)
    def remember(self, handle: int, key: str, source: str, at: object) -> None:
        seen = code(key, at=at, sources={source: SourceMemory(key, at, at)})  # type: ignore[arg-type]
        self._handles[handle].remember([seen])
        known = self._codes.get(seen.id, seen)
        memory = known.sources.get(source, seen.sources[source])
        merged = SourceMemory(key, min(memory.first_seen, seen.first_seen), max(memory.last_seen, seen.last_seen))
        self._codes[seen.id] = replace(
            seen,
            first_seen=min(known.first_seen, seen.first_seen),
            last_seen=max(known.last_seen, seen.last_seen),
            sources={**known.sources, source: merged},
        )

    @invariant()
    def both_handles_tell_the_truth(self) -> None:
        for store in self._handles:
            assert {one.id: one for one in store.entries()} == self._ledger
            assert store.subscriptions() == [self._subscriptions[key] for key in sorted(self._subscriptions)]
            assert {one.id: one for one in store.codes()} == self._codes
            self._each_guild_has_its_own(store)

    def _each_guild_has_its_own(self, store: Store) -> None:
        recorded = store.recorded("kingshot", ["A1", "B2", "C3"], [1, 2, 3])
        for guild_id in (1, 2, 3):
            own = {id_: one for id_, one in self._ledger.items() if one.guild_id == guild_id}
            assert {one.id: one for one in store.entries(guild_id)} == own
            assert recorded[guild_id] == {one.key for one in own.values() if one.game == "kingshot"}


@pytest.mark.parametrize("kind_name", BELOW_RECORDS)
def test_any_history_leaves_what_plain_dicts_would_hold(kind_name: str) -> None:
    history = type("History", (RecordsHistory,), {"kind": ENGINE_KINDS[kind_name]})
    run_state_machine_as_test(history, settings=settings(PLAN, max_examples=EXAMPLES))
