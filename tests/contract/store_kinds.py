"""The stores that keep the contract. A new store is one row of STORE_KINDS, and all contract tests run over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from fakes.mongod import new_database, or_skip, shared_mongod, shared_replica_set
from fakes.shared_store import shared_store

from giftping.store.mirror.store import FailoverStore
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine


@dataclass(frozen=True)
class StoreKind:
    """How to get an empty store, by an address that another process can open too (or a skip), and how to open it."""

    new_address: Callable[[Path], str]
    open: Callable[[str], Store]


def _folder(tmp_path: Path) -> str:
    return str(tmp_path / "state")


def _new_mongodb_and_folder(tmp_path: Path) -> str:
    return f"{new_database(or_skip(shared_mongod))} {tmp_path / 'state'}"


def _mongodb_with_mirror(address: str) -> Store:
    uri, _, folder = address.partition(" ")
    return _mirrored(Store(MongoEngine(uri)), folder)


def _in_step_with_one_that_went_away(tmp_path: Path) -> str:
    with _mirrored(shared_store(tmp_path / "shared"), _folder(tmp_path)) as store:
        store.guilds()
    return _folder(tmp_path)


def _mirror_alone(address: str) -> Store:
    return _mirrored(shared_store(Path(address).with_name("shared"), lambda: True), address)


def _mirrored(shared: Store, folder: str) -> Store:
    # The host is the one whose claims the contract's tests take over: while the ledger is away, no other's are.
    return FailoverStore(shared, Store(TinyEngine(Path(folder))), host="host-a", clock=lambda: datetime.now(UTC))


REPLICA_SET = "mongodb-replica-set"

STORE_KINDS = {
    "tinydb": StoreKind(_folder, lambda address: Store(TinyEngine(Path(address)))),
    "tinydb-folding-often": StoreKind(_folder, lambda address: Store(TinyEngine(Path(address), fold_at=0))),
    "mongodb": StoreKind(lambda _: new_database(or_skip(shared_mongod)), Store),
    REPLICA_SET: StoreKind(lambda _: new_database(or_skip(shared_replica_set).uri), Store),
    "mongodb-with-mirror": StoreKind(_new_mongodb_and_folder, _mongodb_with_mirror),
    "mirror-alone": StoreKind(_in_step_with_one_that_went_away, _mirror_alone),
}

ON_ONE_SERVER = [name for name in STORE_KINDS if name != REPLICA_SET]
"""The kinds that differ for one who reads what they wrote themselves.

The primary of a replica set does for one handle what a server alone does: both wait for a majority, and are read where
they were written. What may differ is what several handles see of each other, and how indexes are made.
"""
