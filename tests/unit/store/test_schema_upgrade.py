"""The upgrade of a store of the first schema: once, with a backup, killed anywhere and resumed to the same end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from fakes.first_schema import ODD_GUILD, documents, guild_document, run_document
from fakes.mongod import database, new_database, or_skip, shared_mongod
from fakes.old_data import KilledError
from fakes.records import NOON, subscription

from giftping.store import upgrade as upgrade_module
from giftping.store.base import SCHEMA_VERSION, EntryState, StoreError
from giftping.store.documents import (
    COLLECTIONS,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    META,
    RUNS,
    SCHEMA_ID,
    SUBSCRIPTIONS,
)
from giftping.store.engine import REV, Change
from giftping.store.fields import time_to_text
from giftping.store.legacy.migrate import MigrationRequest, migrate
from giftping.store.legacy.olddata import open_file
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL, SNAPSHOT
from giftping.store.upgrade import UPGRADE_ID, Upgradable, Upgraded, UpgradedView, upgrade

Found = dict[str, list[dict[str, Any]]]


def write_folder(folder: Path, tables: Found) -> None:
    """Write a `giftping.json` as 0.1.0 did."""
    raw = {name: {str(n): one for n, one in enumerate(found, 1)} for name, found in tables.items()}
    generation = {"_id": "generation", "store": "s", "number": 3}
    raw[META][str(len(raw[META]) + 1)] = generation
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SNAPSHOT).write_text(json.dumps(raw), "utf-8")


def open_file_engine(folder: Path, tables: Found) -> Callable[[], Upgradable]:
    write_folder(folder / "state", tables)
    return lambda: TinyEngine(folder / "state")


def open_database(folder: Path, tables: Found) -> Callable[[], Upgradable]:
    uri: str = or_skip(lambda: new_database(shared_mongod()))
    for name, found in tables.items():
        database(uri)[name].insert_many([dict(one) for one in found])
    return lambda: MongoEngine(uri)


KINDS = {"file": open_file_engine, "mongodb": open_database}


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Upgradable]:
    """How to open a store that 0.1.0 wrote."""
    return KINDS[request.param](tmp_path, documents())


def upgraded(engine: Upgradable, tmp_path: Path, **changes: Any) -> Upgraded | None:
    terms: dict[str, Any] = {"host": "host-a", "now": NOON, "shares": True, **changes}
    return upgrade(engine, tmp_path / "state", **terms)


def contents(engine: Upgradable) -> dict[str, dict[str, dict[str, Any]]]:
    """Return all there is, without what differs between two upgrades: which backup was made, and when."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in COLLECTIONS:
        for document in engine.walk(name):
            if document["_id"] not in (UPGRADE_ID, "generation", "mongodb"):
                plain = {field: value for field, value in document.items() if field != REV}
                found.setdefault(name, {})[document["_id"]] = plain
    return found


def test_all_of_it_is_upgraded_and_nothing_is_lost(opened: Callable[[], Upgradable], tmp_path: Path) -> None:
    engine = opened()
    done = upgraded(engine, tmp_path)
    assert done is not None
    assert (done.guilds, done.deliveries) == (2, 3)
    assert [("'9'" in odd, "'2:ODD'" in odd) for odd in done.odd] == [(True, False), (False, True)]
    found = contents(engine)
    assert found[META] == {SCHEMA_ID: {"_id": SCHEMA_ID, "version": SCHEMA_VERSION}}
    assert found[GUILDS] == {"9": ODD_GUILD}, "what cannot be read is left as it is"
    assert found[SUBSCRIPTIONS].keys() == {"1:whiteout-survival", "1:kingshot", "2:whiteout-survival"}
    assert {id_: one["state"] for id_, one in found[DELIVERIES].items()} == {
        "d1": "written",
        "d2": "unclear",
        "2:ALONE": "written",
    }
    before = {name: {one["_id"]: one for one in ones} for name, ones in documents().items()}
    for name in (RUNS, "codes", "todo_timestamps"):
        assert found[name] == before[name], "it is in the shape of today already"
    for id_ in ("1:SENT", "1:SEEDED", "2:OLD", "2:ODD"):
        assert found[LEDGER][id_] == before[LEDGER][id_]
    assert upgraded(engine, tmp_path) is None, "once"
    assert contents(engine) == found
    engine.close()


def test_the_records_say_what_they_said(opened: Callable[[], Upgradable], tmp_path: Path) -> None:
    engine = opened()
    upgraded(engine, tmp_path)
    with Store(engine) as store:
        home, kingshot, other = store.subscriptions()
        assert [one.key for one in (home, kingshot)] == [(1, "whiteout-survival"), (1, "kingshot")]
        assert (home.seeded, home.announce_current) == (None, True)
        assert (kingshot.seeded, kingshot.announce_current) == (("api",), False)
        assert (other.mentions, other.broken is not None) == (("77",), True)
        states = {entry.key: entry.state for entry in store.entries()}
        assert states.pop("SENT") is states.pop("OLD") is EntryState.SENT
        assert states.pop("SEEDED") is EntryState.SEEDED
        assert set(states.values()) == {EntryState.OPEN}
        assert store.guilds() == {}
        assert len(store.odd) == 2


def test_what_it_was_before_is_in_a_file_that_can_be_taken_back(
    opened: Callable[[], Upgradable], tmp_path: Path
) -> None:
    engine = opened()
    done = upgraded(engine, tmp_path)
    assert done is not None
    assert done.backup in str(done)
    path = Path(done.backup)
    assert path.parent == tmp_path / "state"
    assert path.stat().st_mode & 0o777 == 0o600
    raw = json.loads(path.read_text("utf-8"))
    assert {"_id": SCHEMA_ID, "version": 1} in raw[META].values()
    kept = {one["_id"]: one for one in raw[GUILDS].values()}
    assert kept == {one["_id"]: one for one in documents()[GUILDS]}
    # Taken back by a giftping of today, it is what the upgrade made of it.
    with Store(TinyEngine(tmp_path / "restored")) as restored:
        report = migrate(
            [open_file(path)], restored, MigrationRequest("host-a"), clock=lambda: NOON, back_up=lambda _: ""
        )
        then, now = contents(restored.engine), contents(engine)
    assert any("'9'" in odd.what for odd in report.reported)
    assert then[SUBSCRIPTIONS] == now[SUBSCRIPTIONS]
    assert then[DELIVERIES] == now[DELIVERIES]
    assert {id_: one["state"] for id_, one in then[LEDGER].items() if id_ not in ("2:OLD", "2:ODD")} == {
        id_: one["state"] for id_, one in now[LEDGER].items() if id_ not in ("2:OLD", "2:ODD")
    }
    engine.close()


class Dying:
    """An engine whose process is killed at one of its changes: before it, or after it is durable.

    As in MongoDB, each change of one call is made by itself.
    """

    def __init__(self, engine: Upgradable, turn: int, *, after: bool) -> None:
        self._engine = engine
        self.left = turn
        self._after = after

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        made = []
        for change in changes:
            self.left -= 1
            if self.left == 0 and not self._after:
                raise KilledError
            made += self._engine.change([change], rev=rev)
            if self.left == 0:
                raise KilledError
        return made

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def upgrading(self) -> AbstractContextManager[None]:
        return self._engine.upgrading()


def test_killed_at_any_change_it_is_resumed_to_the_same_end(tmp_path: Path) -> None:
    write_folder(tmp_path / "whole", documents())
    engine = TinyEngine(tmp_path / "whole")
    counting = Dying(engine, 10**6, after=False)
    upgraded(counting, tmp_path)  # type: ignore[arg-type]  # it delegates
    wanted, steps = contents(engine), 10**6 - counting.left
    engine.close()
    assert steps > 10
    for step in range(1, steps + 1):
        for after in (False, True):
            folder = tmp_path / f"{step}-{after}"
            write_folder(folder / "state", documents())
            engine = TinyEngine(folder / "state")
            with pytest.raises(KilledError):
                upgraded(Dying(engine, step, after=after), folder)  # type: ignore[arg-type]  # it delegates
            engine.close()
            engine = TinyEngine(folder / "state")
            done = upgraded(engine, folder, now=NOON + timedelta(hours=1))
            assert contents(engine) == wanted, step
            engine.close()
            backups = list((folder / "state").glob("before-upgrade-*.json"))
            is_begun = step > 1 or after
            assert len(backups) == (1 if is_begun else 2), "the one from the beginning is the one"
            assert (done is None) == (step == steps and after)
            if done is not None and is_begun:
                assert done.backup == str(backups[0])
                assert "as an earlier run began it" in str(done), "the numbers of a part are none of the whole"


def test_a_database_that_was_cut_short_is_resumed_by_another_host(tmp_path: Path) -> None:
    opened = open_database(tmp_path, documents())
    engine = opened()
    with pytest.raises(KilledError):
        upgraded(Dying(engine, 4, after=True), tmp_path)  # type: ignore[arg-type]  # it delegates
    engine.close()
    engine = opened()
    assert engine.schema() == 1
    with pytest.raises(StoreError, match=r"written by an older giftping \(schema 1, this one writes 2\)"):
        Store(engine).put_subscriptions(subscription())
    done = upgraded(engine, tmp_path / "other", host="host-b")
    assert done is not None
    assert done.backup.startswith(str(tmp_path / "state")), "where the one that began has put it"
    assert contents(engine)[SUBSCRIPTIONS].keys() == {"1:whiteout-survival", "1:kingshot", "2:whiteout-survival"}
    Store(engine).put_subscriptions(subscription())
    engine.close()


def test_what_an_older_giftping_changes_meanwhile_is_upgraded_too(tmp_path: Path) -> None:
    write_folder(tmp_path / "state", documents())

    class Busy(TinyEngine):
        """Another process adds a guild, once, in between."""

        is_busy = True

        def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
            if self.is_busy and any(one.collection == GUILDS for one in changes):
                self.is_busy = False
                super().change([Change(GUILDS, None, guild_document(7, "kingshot"))])
            return super().change(changes, rev=rev)

    engine = Busy(tmp_path / "state")
    done = upgraded(engine, tmp_path)
    assert done is not None
    assert "7:kingshot" in contents(engine)[SUBSCRIPTIONS]
    engine.close()


def test_a_folder_of_a_journal_alone_is_upgraded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "state"
    with monkeypatch.context() as older:
        # As a 0.1.0 that was killed before it had ever folded leaves it.
        for module in ("giftping.store.tiny.tables", "giftping.store.documents"):
            older.setattr(f"{module}.SCHEMA_VERSION", 1)
        engine = TinyEngine(folder)
        engine.change([Change(GUILDS, None, guild_document(1, "kingshot"))])
    killed = tmp_path / "killed"
    killed.mkdir()
    shutil.copy(folder / JOURNAL, killed / JOURNAL)
    (killed / "store.lock").touch()
    assert b'"schema":1' in (killed / JOURNAL).read_bytes()
    engine = TinyEngine(killed)
    assert engine.schema() == 1
    assert upgraded(engine, tmp_path) is not None
    assert engine.schema() == SCHEMA_VERSION
    engine.close()
    assert Store(TinyEngine(killed)).subscriptions() != []


def test_an_empty_folder_is_of_today_and_stays_as_it_is(tmp_path: Path) -> None:
    engine = TinyEngine(tmp_path / "state")
    assert engine.schema() == SCHEMA_VERSION
    assert upgraded(engine, tmp_path) is None
    engine.close()
    assert not (tmp_path / "state").exists()


# Hosts of the older version


def minutes_ago(minutes: float) -> str:
    return time_to_text(NOON - timedelta(minutes=minutes))


def with_runs(*runs: dict[str, Any]) -> Found:
    return {**documents(), RUNS: list(runs)}


@pytest.fixture(params=KINDS)
def opened_with(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Found], Callable[[], Upgradable]]:
    return lambda tables: KINDS[request.param](tmp_path, tables)


def test_nothing_is_upgraded_while_a_host_of_the_older_version_may_be_at_it(
    opened_with: Callable[[Found], Callable[[], Upgradable]], tmp_path: Path
) -> None:
    runs = [run_document("host-b", minutes_ago(9)), run_document("host-a", minutes_ago(1))]
    engine = opened_with(with_runs(*runs))()
    before = contents(engine)
    with pytest.raises(StoreError, match=r"host-b ran giftping 0\.1\.0 less than ten minutes ago") as refused:
        upgraded(engine, tmp_path)
    assert "host-a" not in str(refused.value), "this one is upgraded"
    assert contents(engine) == before
    assert list(tmp_path.rglob("before-upgrade-*.json")) == []
    assert upgraded(engine, tmp_path, now=NOON + timedelta(minutes=1, seconds=1)) is not None
    engine.close()


def test_a_host_that_goes_on_is_waited_for(tmp_path: Path) -> None:
    engine = open_file_engine(tmp_path, with_runs(run_document("host-b", minutes_ago(5))))()
    for minutes in (0, 4):
        with pytest.raises(StoreError, match="host-b"):
            upgraded(engine, tmp_path, now=NOON + timedelta(minutes=minutes))
    assert engine.schema() == 1
    with engine.upgrading():
        before = engine.get(RUNS, ["codes check@host-b"])["codes check@host-b"]
        engine.change([Change(RUNS, before, {**before, "finished_at": time_to_text(NOON + timedelta(minutes=5))})])
    with pytest.raises(StoreError, match="host-b"):
        upgraded(engine, tmp_path, now=NOON + timedelta(minutes=6))
    assert upgraded(engine, tmp_path, now=NOON + timedelta(minutes=16)) is not None
    engine.close()


def test_a_run_from_the_future_counts_as_now_and_blocks_nobody_for_ever(tmp_path: Path) -> None:
    engine = open_file_engine(tmp_path, with_runs(run_document("host-b", time_to_text(NOON + timedelta(days=400)))))()
    for minutes in (0, 9):
        with pytest.raises(StoreError, match="host-b"):
            upgraded(engine, tmp_path, now=NOON + timedelta(minutes=minutes))
    assert upgraded(engine, tmp_path, now=NOON + timedelta(minutes=11)) is not None
    engine.close()


def test_hosts_of_today_and_runs_that_say_nothing_are_not_waited_for(tmp_path: Path) -> None:
    runs = [run_document("host-b", minutes_ago(1)), run_document("host-c", "soon"), {"_id": "odd", "host": 5}]
    tables = {**with_runs(*runs), HOSTS: [{"_id": "host-b", "shared": True}]}
    engine = open_file_engine(tmp_path, tables)()
    assert upgraded(engine, tmp_path) is not None
    engine.close()


# Looking


def test_who_only_looks_sees_what_an_upgrade_would_make_and_changes_nothing(
    opened: Callable[[], Upgradable], tmp_path: Path
) -> None:
    engine = opened()
    before = contents(engine)
    view = UpgradedView(engine, NOON)
    seen = {name: {one["_id"]: dict(one) for one in view.walk(name)} for name in COLLECTIONS if name != META}
    with Store(view) as looked:
        subscriptions, entries = looked.subscriptions(), list(looked.entries())
        assert looked.subscriptions(1) == subscriptions[:2]
        assert looked.engine.present(SUBSCRIPTIONS, ["1:kingshot", "3:x"]) == {"1:kingshot"}
        assert looked.engine.get(LEDGER, ["1:ONE"])["1:ONE"]["state"] == "open"
        with pytest.raises(StoreError, match="opened for reading only"):
            looked.put_subscriptions(subscription())
        assert contents(engine) == before
    engine = opened()
    upgraded(engine, tmp_path)
    after = contents(engine)
    for name, found in seen.items():
        assert {id_: {k: v for k, v in one.items() if k != REV} for id_, one in found.items()} == after.get(name, {})
    with Store(engine) as store:
        assert (subscriptions, entries) == (store.subscriptions(), list(store.entries()))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each guild and each message be a write of its own."""
    monkeypatch.setattr(upgrade_module, "BATCH", 1)


def test_of_several_processes_one_upgrades_and_the_others_wait_for_it(tmp_path: Path) -> None:
    """Whoever read before the first one was done would bring a guild back that somebody has removed since."""
    write_folder(tmp_path / "state", documents())
    start = Barrier(4)

    def go(_: int) -> Upgraded | None:
        engine = TinyEngine(tmp_path / "state")
        start.wait()
        try:
            return upgraded(engine, tmp_path)
        finally:
            engine.close()

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(go, range(4)))
    assert sum(one is not None for one in done) == 1
    assert len(list((tmp_path / "state").glob("before-upgrade-*.json"))) == 1
