"""An engine that several hosts share, made of a folder, which can be taken away and brought back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from giftping.store.base import StoreAwayError
from giftping.store.engine import Change, Where
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine


class FakeSharedEngine(TinyEngine):
    """Stands for a MongoDB. `away()` decides before each call whether it can be reached; nothing else fails."""

    name = "the shared store"
    closed_fingerprint = None

    def __init__(self, folder: Path, away: Callable[[], bool] = lambda: False) -> None:
        super().__init__(folder)
        self._away = away

    def _reach(self) -> None:
        if self._away():
            raise StoreAwayError("the shared store is away")

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        self._reach()
        return super().get(collection, ids)

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        self._reach()
        return super().present(collection, ids)

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        self._reach()
        return super().find(collection, where, within=within)

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        self._reach()
        return super().walk(collection)

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        self._reach()
        return super().change(changes, rev=rev)

    def glance(self, host: str) -> str:
        self._reach()
        return repr([list(super(FakeSharedEngine, self).walk(collection)) for collection in ("guilds", "clears")])


def shared_store(folder: Path, away: Callable[[], bool] = lambda: False) -> Store:
    """The store above such an engine."""
    return Store(FakeSharedEngine(folder, away))
