"""Hosts with their mirrors, and a shared store that can be switched away, before any of its calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fakes.records import NOON
from fakes.shared_store import FakeSharedEngine

from giftping.store.mirror.engine import MirroredEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

HOST = "host-a"


@dataclass
class Site:
    """Hosts with their mirrors, and a shared store that can be switched away."""

    folder: Path
    away: bool = False
    now: datetime = NOON
    away_after: int | None = None
    _calls: int = field(default=0)

    def is_away(self) -> bool:
        self._calls += 1
        return self.away or (self.away_after is not None and self._calls > self.away_after)

    def forget_calls(self) -> None:
        self._calls, self.away_after = 0, None

    def shared(self) -> FakeSharedEngine:
        return FakeSharedEngine(self.folder / "shared", self.is_away)

    def open(self, host: str = HOST, **options: bool) -> Store:
        shared: Any = self.shared()
        folder = self.folder / host
        return Store(MirroredEngine(shared, TinyEngine(folder), folder=folder, host=host, clock=self.clock, **options))

    def clock(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def in_step(self, host: str = HOST) -> None:
        with self.open(host) as store:
            store.subscriptions()

    def shared_states(self) -> dict[str, str]:
        with Store(TinyEngine(self.folder / "shared", read_only=True)) as store:
            return {found.id: found.state.value for found in store.entries()}

    def mirror_states(self, host: str = HOST) -> dict[str, str]:
        with Store(TinyEngine(self.folder / host, read_only=True)) as store:
            return {found.id: found.state.value for found in store.entries()}
