"""Old data in a MongoDB database: the ledger's own, or another one on the same server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from giftping.store.legacy.shapes import FLAG, STATE
from giftping.store.mongo.link import MongoLink


class OldDatabase:
    """A database of an older bot: its documents as they are, and the flag that it sets when all went over."""

    keeps_flag = True

    def __init__(self, link: MongoLink) -> None:
        self._link = link
        self.name = link.name

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents; nothing where there is no such collection."""
        with self._link.told():
            yield from self._link.collection(collection).find({})

    def set_flag(self) -> None:
        """Set the older bot's flag in its state document, where there is one and it is not set."""
        with self._link.told():
            self._link.collection(STATE).update_one({"_id": STATE, FLAG: {"$ne": True}}, {"$set": {FLAG: True}})
