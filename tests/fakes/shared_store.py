"""A store that several hosts share, made of an embedded one, which can be taken away and brought back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import EntryState, LedgerEntry, StoreAwayError
from giftping.store.documents import CLEARS, MIRROR, OPEN_STATES
from giftping.store.records import Store
from giftping.text import key_of

LOCAL = frozenset({"name", "notices", "close", "closed_fingerprint", "fail_after", "calls"})


class FakeSharedStore(Store):
    """Keeps `SharedStore` over a folder. `is_away()` decides before each call whether it can be reached."""

    def __init__(self, folder: Path, is_away: Callable[[], bool] = lambda: False) -> None:
        super().__init__(folder)
        self._is_away = is_away

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name.startswith("_") or name in LOCAL or not callable(value):
            return value

        def asked(*arguments: Any, **named: Any) -> Any:
            if self._is_away():
                raise StoreAwayError("the shared store is away")
            return value(*arguments, **named)

        return asked

    @property
    def name(self) -> str:
        return "the shared store"

    def adopt(self, entries: Sequence[LedgerEntry], *, host: str) -> frozenset[str]:
        there = {entry.id: entry for entry in super().entries()}
        mine = [
            entry
            for entry in entries
            if entry.id not in there or (there[entry.id].state in OPEN_STATES and there[entry.id].claimed_by == host)
        ]
        super().put_entries(mine)
        return frozenset(entry.id for entry in mine)

    def drop_open(self, ids: Collection[str], *, host: str) -> int:
        found = [
            entry
            for entry in super().entries()
            if entry.id in ids and entry.state in OPEN_STATES and entry.claimed_by == host
        ]
        return sum(super(FakeSharedStore, self).release(entry.delivery_id, [entry.id]) for entry in found)

    def clear_before(self, guild_id: int, *, game: str | None, key: str | None, before: datetime) -> int:
        found = [
            entry
            for entry in super().entries(guild_id)
            if entry.created_at < before and game in (None, entry.game) and key in (None, key_of(entry.key))
        ]
        return sum(super(FakeSharedStore, self).clear(guild_id, game=entry.game, key=entry.key) for entry in found)

    def changed_since(self, since: datetime | None) -> Iterator[Sequence[LedgerEntry]]:
        return iter([[entry for entry in super().entries() if since is None or entry.updated_at >= since]])

    def tell_mirrors(self) -> None:
        super().put_documents(MIRROR, [{"_id": "mirrors", "number": self._revision() + 1}])

    def revision(self) -> int:
        return self._revision()

    def _revision(self) -> int:
        return next((found["number"] for found in super().documents(MIRROR) if found["_id"] == "mirrors"), 0)

    def glance(self, host: str) -> str:
        others = [entry.id for entry in super().entries(states=(EntryState.CLAIMED,)) if entry.claimed_by != host]
        by_hand = [code.id for code in super().codes() if MANUAL_SOURCE in code.sources]
        clears = [document["_id"] for document in super().documents(CLEARS)]
        latest = max(
            (entry.updated_at for entry in super().entries() if entry.claimed_by not in ("", host)), default=None
        )
        left = [others, by_hand, clears, latest, self.revision()]
        return repr([[(guild.guild_id, guild.updated_at) for guild in super().guilds()], *left])
