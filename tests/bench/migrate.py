"""Migrating 1,000 codes, against writing each of them by itself, in one run: `python tests/bench/migrate.py`."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.mongod import new_database, shared_mongod
from fakes.old_data import SHAPES, OldBag
from fakes.records import entry

from giftping.store.legacy.migrate import MigrationRequest, migrate
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

CODES = 1000
ROUNDS = 5
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def migrate_1000(store: Store, guilds: int = 5) -> float:
    """Return how many seconds it takes to migrate 1,000 codes of some guilds into an empty store."""
    old = OldBag(SHAPES["v0.5"](guilds, [f"CODE{number}" for number in range(CODES // guilds)]))
    started = time.perf_counter()
    report = migrate([old], store, MigrationRequest("bench"), clock=lambda: NOW, back_up=lambda kept: "")
    seconds = time.perf_counter() - started
    assert report.collections["sent_giftcodes"].added == CODES
    return seconds


def write_each(store: Store, guilds: int = 5) -> float:
    """Return how many seconds it takes to write as many codes one by one."""
    entries = [entry(guild, f"CODE{number}") for guild in range(1, guilds + 1) for number in range(CODES // guilds)]
    started = time.perf_counter()
    for one in entries:
        store.insert([one])
    return time.perf_counter() - started


def ratio(new_store: Callable[[], Store]) -> tuple[float, float]:
    """Return the median seconds of the migration and of the loop, in turns, each in a store that was written to."""
    seconds: dict[Callable[[Store], float], list[float]] = {migrate_1000: [], write_each: []}
    for _ in range(ROUNDS):
        for work, measured in seconds.items():
            with new_store() as store:
                store.insert([entry(99)])
                measured.append(work(store))
    return statistics.median(seconds[migrate_1000]), statistics.median(seconds[write_each])


def main() -> None:
    """Print one line for each store."""
    with tempfile.TemporaryDirectory() as folder:
        stores: dict[str, Callable[[], Store]] = {
            "json": lambda: Store(TinyEngine(Path(tempfile.mkdtemp(dir=folder)))),
            "mongod": lambda: Store(MongoEngine(new_database(shared_mongod()))),
        }
        for name, new_store in stores.items():
            batch, loop = ratio(new_store)
            print(f"migrate 1,000, {name}: {batch * 1000:.0f} ms, {loop / batch:.0f} x faster than one write per code")  # noqa: T201


if __name__ == "__main__":
    main()
