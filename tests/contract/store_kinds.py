"""The stores that keep the contract. A new store is one row of STORE_KINDS, and all contract tests run over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fakes.mongod import new_database, or_skip, shared_mongod, shared_replica_set

from giftping.store.base import Store
from giftping.store.mongo import MongoStore
from giftping.store.tiny import TinyStore


@dataclass(frozen=True)
class StoreKind:
    """How to get an empty store, by an address that another process can open too (or a skip), and how to open it."""

    new_address: Callable[[Path], str]
    open: Callable[[str], Store]


def _folder(tmp_path: Path) -> str:
    return str(tmp_path / "state")


STORE_KINDS = {
    "tinydb": StoreKind(_folder, lambda address: TinyStore(Path(address))),
    "tinydb-folding-often": StoreKind(_folder, lambda address: TinyStore(Path(address), fold_at=0)),
    "mongodb": StoreKind(lambda _: new_database(or_skip(shared_mongod)), MongoStore),
    "mongodb-replica-set": StoreKind(lambda _: new_database(or_skip(shared_replica_set).uri), MongoStore),
}
