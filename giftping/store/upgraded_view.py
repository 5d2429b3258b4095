"""What 0.1.0 wrote, looked at as if it had been upgraded: looking changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from giftping.store.base import StoreError
from giftping.store.documents import DELIVERIES, GUILDS, LEDGER, SUBSCRIPTIONS
from giftping.store.engine import Change, Engine, OddId, Where, rests_on, wanted_by
from giftping.store.fields import DocumentError
from giftping.store.upgrade import changes_left

_CHANGED = (GUILDS, SUBSCRIPTIONS, DELIVERIES, LEDGER)
"""The collections that an upgrade changes."""


class UpgradedView:
    """An engine that is only looked at: what the first schema wrote reads as if it had been upgraded."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self._engine = engine
        self._now = now
        self._tables: dict[str, dict[str, Mapping[str, Any]]] = {}

    @property
    def name(self) -> str:
        """What to call the store in messages."""
        return self._engine.name

    @property
    def notices(self) -> Sequence[str]:
        """What the engine has to say."""
        return self._engine.notices

    @property
    def is_away(self) -> bool:
        """Whether MongoDB could not be reached."""
        return self._engine.is_away

    @property
    def odd_ids(self) -> Collection[OddId]:
        """The documents that the engine skips."""
        return self._engine.odd_ids

    @property
    def held_back(self) -> str:
        """Why nothing is to be claimed or sent now."""
        return self._engine.held_back

    @property
    def closed_fingerprint(self) -> str | None:
        """None: this is not how it is stored."""
        return None

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        if (table := self._table(collection)) is None:
            return self._engine.get(collection, ids)
        return {id_: table[id_] for id_ in ids if id_ in table}

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document."""
        if (table := self._table(collection)) is None:
            return self._engine.present(collection, ids)
        return frozenset(id_ for id_ in ids if id_ in table)

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted, by `_id`."""
        if (table := self._table(collection)) is None:
            return self._engine.find(collection, where, within=within)
        return list(filter(wanted_by(where), (table[id_] for id_ in sorted(table) if id_.startswith(within))))

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents."""
        table = self._table(collection)
        return self._engine.walk(collection) if table is None else iter(table.values())

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression."""
        return self._engine.strays(collection, unlike)

    def stamps(self, collection: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The id of each document, and the values that a change of it rests on."""
        fields = rests_on(collection)
        for document in self.walk(collection):
            yield document["_id"], tuple(document.get(field) for field in fields)

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:  # noqa: ARG002 -- as an engine's
        """Never: raise StoreError."""
        raise StoreError(f"{self.name}: opened for reading only; nothing was written")

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()

    def _table(self, collection: str) -> dict[str, Mapping[str, Any]] | None:
        """The upgraded documents of a collection, None for one that an upgrade leaves as it is."""
        if collection not in _CHANGED:
            return None
        if not self._tables:
            tables = {name: {str(one["_id"]): one for one in self._engine.walk(name)} for name in _CHANGED}
            for change in (change for group in changes_left(self._engine, self._now, _ignore) for change in group):
                if change.after is None:
                    tables[change.collection].pop(change.id, None)
                elif change.before is not None or change.id not in tables[change.collection]:
                    tables[change.collection][change.id] = change.after
            self._tables = tables
        return self._tables[collection]


def _ignore(error: DocumentError) -> None:
    """Whoever needs the document says that it cannot be read."""
