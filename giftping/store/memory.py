"""An engine that keeps its documents in memory, for what is played through and not kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import RLock
from types import MappingProxyType
from typing import Any

from giftping.store.engine import (
    Change,
    OddId,
    Where,
    changed_document,
    fresh_rev,
    refuse_doubles,
    still_holds,
    wanted_by,
)
from giftping.store.fields import plain_document


class MemoryEngine:
    """Keeps `giftping.store.engine.Engine` in dictionaries, which are gone with it."""

    name = "the store in memory"
    notices: Sequence[str] = ()
    is_away = False
    held_back = ""
    odd_ids: Collection[OddId] = ()
    closed_fingerprint = None

    def __init__(self) -> None:
        self._lock = RLock()
        self._collections: dict[str, dict[str, Mapping[str, Any]]] = {}

    def _documents(self, verb: str, collection: str) -> dict[str, Mapping[str, Any]]:  # noqa: ARG002 -- for who listens
        return self._collections.setdefault(collection, {})

    def close(self) -> None:
        """Nothing: what is in memory needs no closing."""

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        with self._lock:
            documents = self._documents("get", collection)
            return {id_: documents[id_] for id_ in ids if id_ in documents}

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document."""
        with self._lock:
            return frozenset(ids) & self._documents("present", collection).keys()

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted, by `_id`."""
        with self._lock:
            documents = self._documents("find", collection)
            ids = [id_ for id_ in documents if id_.startswith(within)] if within else list(documents)
            is_wanted = wanted_by(where)
            return [documents[id_] for id_ in sorted(id_ for id_ in ids if not where or is_wanted(documents[id_]))]

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents."""
        with self._lock:
            return iter(list(self._documents("walk", collection).values()))

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is a text unlike a regular expression: there is none but texts."""
        return [one for one in self.walk(collection) if unlike and not re.fullmatch(unlike, one["_id"])]

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        """For each of the changes whether it was made."""
        refuse_doubles(changes)
        with self._lock:
            # What fails does so before anything is made.
            collections = {key: self._documents(*key) for key in dict.fromkeys(map(_call, changes))}
            return [self._make(collections[_call(change)], change, rev or fresh_rev()) for change in changes]

    @staticmethod
    def _make(documents: dict[str, Mapping[str, Any]], change: Change, rev: str) -> bool:
        stored = documents.get(change.id)
        if not still_holds(stored, change):
            return False
        if change.after is None:
            del documents[change.id]
        else:
            # Whoever changes what was given out fails here, as with a store that reads its documents anew.
            documents[change.id] = MappingProxyType(plain_document(changed_document(stored, change, rev)))
        return True


def _call(change: Change) -> tuple[str, str]:
    verb = "add" if change.before is None else "remove" if change.after is None else "amend"
    return verb, change.collection
