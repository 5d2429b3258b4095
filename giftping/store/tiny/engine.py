"""The engine that keeps documents in a state folder: a TinyDB file, and a journal beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from giftping.store.documents import refuse_older_schema
from giftping.store.engine import (
    Change,
    OddId,
    Where,
    changed_document,
    fresh_rev,
    refuse_doubles,
    rests_on,
    still_holds,
    wanted_by,
)
from giftping.store.fields import plain_document
from giftping.store.tiny.files import LOCK, stamp
from giftping.store.tiny.shared_tables import FOLD_AT, LOCK_WAIT, SharedTables
from giftping.store.tiny.tables import Operation, Tables, put, remove

Answer = TypeVar("Answer")

Decision = Callable[[Tables], tuple[list[Operation], Answer]]
"""What to write, and what to answer, on the tables as they are under the lock; it may be asked twice."""


class TinyEngine:
    """Keeps `giftping.store.engine.Engine` in a folder, which several processes may have open at once.

    The folder is made by the first write, not before. `read_only` changes nothing on the disk and works in a folder
    that cannot be written to. `lock_wait` is how long to wait for other processes; `fold_at` is the length in bytes
    from which the journal is folded into `giftping.json` while the folder is in use. `notices` are what whoever opens
    it wants the user to be told. All changes of one call are made together or not at all; what JSON has no word for
    becomes a text.

    Raise StoreError when the folder cannot be read, is damaged, or is a newer giftping's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        read_only: bool = False,
        lock_wait: timedelta = LOCK_WAIT,
        fold_at: int = FOLD_AT,
    ) -> None:
        self._folder = folder
        self._shared = SharedTables(folder, read_only=read_only, lock_wait=lock_wait, fold_at=fold_at)
        self._is_upgraded_now = False
        self._odd: dict[OddId, None] = {}
        self.notices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What to call the store in messages."""
        return self._shared.name

    @property
    def closed_fingerprint(self) -> str | None:
        """A token of what the folder held when this object closed it; None when it may hold more than this one saw."""
        return self._shared.closed_fingerprint

    @property
    def place(self) -> str:
        """A token that a copy of the folder does not have, and a folder that was moved still has."""
        found = stamp(self._folder / LOCK)
        # Not the device: it may have another number after each start of the machine.
        return "" if found is None else f"{found[1]}.{found[3]}"

    @property
    def is_away(self) -> bool:
        """Never: it is a store of its own."""
        return False

    @property
    def odd_ids(self) -> tuple[OddId, ...]:
        """The documents met so far whose `_id` is no text; it grows with those met later."""
        return tuple(self._odd)

    @property
    def held_back(self) -> str:
        """Nothing: it is nobody else's."""
        return ""

    def close(self) -> None:
        """Bring the snapshot up to date and release the files; safe to call twice."""
        self._shared.close()

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        with self._shared.tables() as tables:
            documents = tables[collection]
            return {id_: documents[id_] for id_ in ids if id_ in documents}

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document."""
        with self._shared.tables() as tables:
            documents = tables[collection]
            return frozenset(id_ for id_ in ids if id_ in documents)

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted at the moment of the call, by `_id`; `within` is how their ids begin."""
        with self._shared.tables() as tables:
            found = list(filter(wanted_by(where), tables.within(collection, within)))
            self._strays_in(tables, collection)
        return sorted(found, key=lambda document: str(document["_id"]))

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents as they are at the moment of the call."""
        with self._shared.tables() as tables:
            self._strays_in(tables, collection)
            return iter(list(tables.all_documents(collection)))

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression."""
        with self._shared.tables() as tables:
            texts = tables[collection].items() if unlike else ()
            return [*self._strays_in(tables, collection), *(one for id_, one in texts if not re.fullmatch(unlike, id_))]

    def _strays_in(self, tables: Tables, collection: str) -> Sequence[Mapping[str, Any]]:
        """The documents whose `_id` is no text, which are noted as met."""
        strays = tables.strays(collection)
        self._odd |= {(collection, repr(one["_id"])): None for one in strays}
        return strays

    def stamps(self, collection: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """The id of each document, and the values that a change of it rests on."""
        fields = rests_on(collection)
        for document in self.walk(collection):
            yield document["_id"], tuple(document.get(field) for field in fields)

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        """For each of the changes whether it was made; `rev`, where given, is the one that the documents get."""
        refuse_doubles(changes)
        plain, rev = [_plain(change) for change in changes], rev or fresh_rev()

        def decide(tables: Tables) -> tuple[list[Operation], list[bool]]:
            operations: list[Operation] = []
            made = []
            for change in plain:
                stored = tables.found(change.collection, change.id)
                made.append(holds := still_holds(stored, change))
                if holds and change.after is None:
                    operations.append(remove(change.collection, change.id))
                elif holds:
                    operations.append(put(change.collection, changed_document(stored, change, rev)))
            return operations, made

        return self.write(decide)

    def write(self, decide: Decision[Answer]) -> Answer:
        """Decide under the lock on what all have written, make the change durable, and return the answer.

        Raise StoreError where what is there was written by an older giftping, and is not being upgraded.
        """

        def decide_today(tables: Tables) -> tuple[list[Operation], Answer]:
            if not self._is_upgraded_now:
                refuse_older_schema(tables.schema, self.name)
            return decide(tables)

        return self._shared.write(decide_today)

    def schema(self) -> int:
        """By which schema what is there is written; today's where there is nothing."""
        with self._shared.tables() as tables:
            return tables.schema

    @contextmanager
    def upgrading(self) -> Iterator[None]:
        """Within the block what an older giftping wrote may be changed."""
        self._is_upgraded_now = True
        try:
            yield
        finally:
            self._is_upgraded_now = False

    def put(self, collection: str, documents: Collection[Mapping[str, Any]], gone: Collection[str] = ()) -> None:
        """Write documents whole, whatever was there, and remove others: what a mirror of another engine takes in."""

        def decide(tables: Tables) -> tuple[list[Operation], None]:
            there: Mapping[str, Mapping[str, Any]] = tables[collection]
            plain = [plain_document(document) for document in documents]
            puts: list[Operation] = [put(collection, one) for one in plain if there.get(one["_id"]) != one]
            return puts + [remove(collection, id_) for id_ in gone if id_ in there], None

        self.write(decide)


def _plain(change: Change) -> Change:
    before, after = change.before, change.after
    return replace(
        change,
        before=None if before is None else plain_document(before),
        after=None if after is None else plain_document(after),
    )
