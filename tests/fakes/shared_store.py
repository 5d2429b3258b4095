"""An engine that several hosts share, made of a folder, which can be taken away and brought back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from fakes.old_data import OldBag

from giftping.store.base import StoreAwayError
from giftping.store.engine import Change, Where, stamp_of
from giftping.store.tiny.engine import TinyEngine


class FakeSharedEngine(TinyEngine):
    """Stands for a MongoDB. `away()` decides before each call whether it can be reached; nothing else fails."""

    name = "the shared store"
    closed_fingerprint = None
    made: Mapping[str, str] = MappingProxyType({})
    """What tells which its collections are; nothing, unless a test says so."""

    def __init__(self, folder: Path, away: Callable[[], bool] = lambda: False) -> None:
        super().__init__(folder)
        self._away = away

    def _reach(self) -> None:
        if self._away():
            raise StoreAwayError("the shared store is away")

    @property
    def election(self) -> object:
        return None

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

    def stamps(self, collection: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        self._reach()
        return iter([(one["_id"], stamp_of(collection, one)) for one in super().walk(collection)])

    def schema(self) -> int:
        self._reach()
        return super().schema()

    def found(self, collection: str, id_: str) -> Mapping[str, Any] | None:
        return self.get(collection, [id_]).get(id_)

    def incarnations(self, collections: Collection[str]) -> Mapping[str, str]:
        self._reach()
        return {name: token for name, token in self.made.items() if name in collections}

    def old_data(self, database: str | None = None) -> OldBag:
        return OldBag({}, self.name)
