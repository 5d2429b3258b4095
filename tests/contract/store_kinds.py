"""The engines that keep the contract. A new engine is one row of ENGINE_KINDS, and all contract tests run over it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fakes.mongod import new_database, or_skip, shared_mongod, shared_replica_set
from fakes.shared_store import FakeSharedEngine

from giftping.store.documents import GUILDS
from giftping.store.engine import Engine
from giftping.store.mirror.engine import MirroredEngine
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine


@dataclass(frozen=True)
class EngineKind:
    """How to get an empty engine, by an address that another process can open too (or a skip), and how to open it."""

    new_address: Callable[[Path], str]
    open: Callable[[str], Engine]

    def open_store(self, address: str) -> Store:
        """The store above it."""
        return Store(self.open(address))


def _folder(tmp_path: Path) -> str:
    return str(tmp_path / "state")


def _new_mongodb_and_folder(tmp_path: Path) -> str:
    return f"{new_database(or_skip(shared_mongod))} {tmp_path / 'state'}"


def _mongodb_with_mirror(address: str) -> Engine:
    uri, _, folder = address.partition(" ")
    return mirrored(MongoEngine(uri), Path(folder))


def _in_step_with_one_that_went_away(tmp_path: Path) -> str:
    with closing(mirrored(FakeSharedEngine(tmp_path / "shared"), tmp_path / "state")) as engine:
        engine.get(GUILDS, ["1"])
    return _folder(tmp_path)


def _mirror_alone(address: str) -> Engine:
    return mirrored(FakeSharedEngine(Path(address).with_name("shared"), lambda: True), Path(address))


def mirrored(database: FakeSharedEngine | MongoEngine, folder: Path) -> MirroredEngine:
    """A database with its mirror in a folder."""
    return MirroredEngine(
        database,  # type: ignore[arg-type]  # stands for one
        TinyEngine(folder),
        folder=folder,
        host="host-a",
        clock=lambda: datetime.now(UTC),
    )


REPLICA_SET = "mongodb-replica-set"

ENGINE_KINDS = {
    "tinydb": EngineKind(_folder, lambda address: TinyEngine(Path(address))),
    "tinydb-folding-often": EngineKind(_folder, lambda address: TinyEngine(Path(address), fold_at=0)),
    "mongodb": EngineKind(lambda _: new_database(or_skip(shared_mongod)), MongoEngine),
    "mongodb-with-mirror": EngineKind(_new_mongodb_and_folder, _mongodb_with_mirror),
    "mirror-alone": EngineKind(_in_step_with_one_that_went_away, _mirror_alone),
    REPLICA_SET: EngineKind(lambda _: new_database(or_skip(shared_replica_set).uri), MongoEngine),
}

ON_ONE_SERVER = [name for name in ENGINE_KINDS if name != REPLICA_SET]
"""The kinds that differ for one who reads what they wrote themselves.

The primary of a replica set does for one handle what a server alone does: both wait for a majority, and are read where
they were written. What may differ is what several handles see of each other, and how indexes are made.
"""

BELOW_RECORDS = ["tinydb", "mongodb"]
"""The kinds that records are tried above: these are written once, and what they rest on has a suite of its own."""
