"""An engine that holds documents as MongoDB gives them out: of any type of BSON, under any `_id`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from giftping.store.engine import Change
from giftping.store.memory import MemoryEngine


class RawEngine(MemoryEngine):
    """Keeps what it is given as it is; what giftping writes is kept as `MemoryEngine` keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.odd: dict[str, list[Mapping[str, Any]]] = {}
        self.met: dict[tuple[str, str], None] = {}

    def hold(self, collection: str, document: Mapping[str, Any]) -> None:
        """Have a document, whatever its `_id` is."""
        if type(document["_id"]) is str:
            self._collections.setdefault(collection, {})[document["_id"]] = document
        else:
            self.odd.setdefault(collection, []).append(document)

    def held(self) -> dict[str, list[Mapping[str, Any]]]:
        """All that is there."""
        names = sorted({*self._collections, *self.odd})
        return {name: [*self._collections.get(name, {}).values(), *self.odd.get(name, ())] for name in names}

    @property
    def odd_ids(self) -> Any:
        """Those met so far."""
        return self.met.keys()

    def _documents(self, verb: str, collection: str) -> dict[str, Mapping[str, Any]]:
        if verb in ("find", "walk"):
            self.met |= {(collection, repr(one["_id"])): None for one in self.odd.get(collection, ())}
        return super()._documents(verb, collection)

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, or one unlike a regular expression."""
        texts = [one for one in self.walk(collection) if unlike and not re.fullmatch(unlike, one["_id"])]
        return [*self.odd.get(collection, ()), *texts]

    def change(self, changes: Any, *, rev: str = "") -> list[bool]:
        """For each of the changes whether it was made."""
        strays: list[Change] = [one for one in changes if type(one.id) is not str]
        for one in strays:
            there = self.odd.get(one.collection, [])
            self.odd[one.collection] = [kept for kept in there if kept is not one.before]
        return super().change([one for one in changes if type(one.id) is str], rev=rev) if not strays else [True]
