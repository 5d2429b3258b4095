"""An engine in memory which notes what it is asked and can be made to fail, and the store above it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from threading import RLock
from types import MappingProxyType
from typing import Any

from giftping.store.base import GuildRecord, LedgerEntry, StoreError
from giftping.store.documents import LEDGER, SUBSCRIPTIONS, entry_from_document, entry_to_document
from giftping.store.engine import (
    Change,
    Where,
    changed_document,
    fresh_rev,
    is_wanted,
    refuse_doubles,
    rests_on,
    still_holds,
)
from giftping.store.fields import plain_document
from giftping.store.guild_documents import subscription_to_document, subscriptions_of
from giftping.store.records import Store

READING = frozenset({"get", "present", "find", "walk", "stamps"})
"""The first words of calls that change nothing."""


class MemoryEngine:
    """Keeps `giftping.store.engine.Engine` in dictionaries; once closed it can be opened by using it again.

    `calls` say what it was asked, in order: a verb and a collection, such as "find guilds"; of changes the verbs are
    "add", "amend" and "remove". One that is in `failing`, whole or by its verb alone, raises StoreError.
    """

    name = "the store in memory"
    notices: tuple[str, ...] = ()
    is_away = False
    held_back = ""
    closed_fingerprint = None

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.failing: set[str] = set()
        self.is_closed = False
        self._lock = RLock()
        self._collections: dict[str, dict[str, Mapping[str, Any]]] = {}

    def _documents(self, verb: str, collection: str) -> dict[str, Mapping[str, Any]]:
        call = f"{verb} {collection}"
        self.calls.append(call)
        if self.failing & {verb, call}:
            raise StoreError(f"{self.name} cannot be used: a test says so; mend the test")
        return self._collections.setdefault(collection, {})

    def close(self) -> None:
        self.is_closed = True

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        with self._lock:
            documents = self._documents("get", collection)
            return {id_: documents[id_] for id_ in ids if id_ in documents}

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        with self._lock:
            return frozenset(ids) & self._documents("present", collection).keys()

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        with self._lock:
            documents = self._documents("find", collection)
            return [
                documents[id_]
                for id_ in sorted(documents)
                if id_.startswith(within) and is_wanted(documents[id_], where)
            ]

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        with self._lock:
            return iter(list(self._documents("walk", collection).values()))

    def stamps(self, collection: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        with self._lock:
            documents = list(self._documents("stamps", collection).values())
        for document in documents:
            yield document["_id"], tuple(document.get(field) for field in rests_on(collection))

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
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


class MemoryStore(Store):
    """The store above an engine in memory, with a ledger to look into past it."""

    engine: MemoryEngine

    def __init__(self, guilds: Sequence[GuildRecord] = (), entries: Sequence[LedgerEntry] = ()) -> None:
        super().__init__(MemoryEngine())
        documents = [subscription_to_document(one) for guild in guilds for one in subscriptions_of(guild)]
        self.insert_documents(SUBSCRIPTIONS, documents)
        self.insert_documents(LEDGER, [entry_to_document(entry) for entry in entries])
        self.calls.clear()

    @property
    def calls(self) -> list[str]:
        """What the engine was asked."""
        return self.engine.calls

    @property
    def failing(self) -> set[str]:
        """What the engine is asked in vain."""
        return self.engine.failing

    @property
    def ledger(self) -> dict[str, LedgerEntry]:
        """The entries by `_id`."""
        documents = self.engine._collections.get(LEDGER, {})
        return {id_: entry_from_document(document) for id_, document in documents.items()}

    def states(self) -> dict[str, str]:
        """The state of each entry by `_id`."""
        return {id_: entry.state.value for id_, entry in self.ledger.items()}
