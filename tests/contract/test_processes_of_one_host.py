"""Several processes of one host while MongoDB comes and goes: each claim has one winner, and none is lost."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.mongod import Mongod, new_database, or_skip, own_mongod
from fakes.patient import be_patient
from fakes.records import entry

from giftping.store.documents import DELIVERIES
from giftping.store.engine import Change
from giftping.store.mirror.engine import MirroredEngine
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

KEYS = 120
SOON = timedelta(milliseconds=200)


@pytest.fixture
def server() -> Iterator[Mongod]:
    shared: Mongod = or_skip(own_mongod)
    shared.ensure_started()
    yield shared
    shared.ensure_started()


def opened(uri: str, folder: Path) -> Store:
    database = MongoEngine(uri, server_selection=SOON)
    mirror = TinyEngine(folder)
    return Store(MirroredEngine(database, mirror, folder=folder, host="one", clock=lambda: datetime.now(UTC)))


def claim_all(uri: str, folder: Path, name: str) -> None:
    be_patient()
    won: list[str] = []
    for start in range(0, KEYS, 6):
        with opened(uri, folder) as store:
            for number in range(start, start + 6):
                delivery_id = f"{name}-{number}"
                delivery = Change(DELIVERIES, None, {"_id": delivery_id, "state": "claimed"})
                claim = entry(1, f"CODE{number}", delivery_id=delivery_id)
                store.engine.change([delivery])
                won += store.insert([claim])
                time.sleep(0.01)
    (folder.parent / f"{name}.json").write_text(json.dumps(won), "utf-8")


def test_each_claim_has_one_winner_and_is_on_record_when_mongodb_is_back(server: Mongod, tmp_path: Path) -> None:
    """7.7: whoever returns first takes nothing from a brother who has just claimed it."""
    uri, folder = new_database(server.uri), tmp_path / "state"
    with opened(uri, folder) as store:
        store.insert([entry(1, "FIRST")])
    context = multiprocessing.get_context("spawn")
    names = ("check", "sweep", "bot")
    processes = [context.Process(target=claim_all, args=(uri, folder, name)) for name in names]
    for process in processes:
        process.start()
    for _ in range(3):
        time.sleep(1)
        server.kill()
        time.sleep(0.7)
        server.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    with opened(uri, folder) as store:
        recorded = {one.id: one.delivery_id for one in store.entries()}
        assert not store.is_away
    won = {name: json.loads((tmp_path / f"{name}.json").read_text("utf-8")) for name in names}
    counts = Counter(id_ for ids in won.values() for id_ in ids)
    assert counts == {f"1:CODE{number}": 1 for number in range(KEYS)}
    for name, ids in won.items():
        assert {id_: recorded[id_].partition("-")[0] for id_ in ids} == dict.fromkeys(ids, name)
