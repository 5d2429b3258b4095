"""An engine in memory which notes what it is asked and can be made to fail, and the store above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from giftping.store.base import LedgerEntry, StoreError, Subscription
from giftping.store.documents import LEDGER, SUBSCRIPTIONS, entry_from_document, entry_to_document
from giftping.store.guild_documents import subscription_to_document
from giftping.store.memory import MemoryEngine
from giftping.store.records import Store

READING = frozenset({"get", "present", "find", "walk"})
"""The first words of calls that change nothing."""


class NotingEngine(MemoryEngine):
    """Notes what it is asked; once closed it can be opened by using it again.

    `calls` say what it was asked, in order: a verb and a collection, such as "find guilds"; of changes the verbs are
    "add", "amend" and "remove". One that is in `failing`, whole or by its verb alone, raises StoreError.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.failing: set[str] = set()
        self.is_closed = False

    def _documents(self, verb: str, collection: str) -> dict[str, Mapping[str, Any]]:
        call = f"{verb} {collection}"
        self.calls.append(call)
        if self.failing & {verb, call}:
            raise StoreError(f"{self.name} cannot be used: a test says so; mend the test")
        return super()._documents(verb, collection)

    def close(self) -> None:
        self.is_closed = True


class MemoryStore(Store):
    """The store above an engine in memory, with a ledger to look into past it."""

    engine: NotingEngine

    def __init__(self, subscriptions: Sequence[Subscription] = (), entries: Sequence[LedgerEntry] = ()) -> None:
        super().__init__(NotingEngine())
        self.insert_documents(SUBSCRIPTIONS, [subscription_to_document(one) for one in subscriptions])
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
