"""What older bots left: old data in memory, a sample of each shape of any size, and stores that die on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from giftping.store.engine import Engine
from giftping.store.records import Store

Collections = Mapping[str, Sequence[Mapping[str, Any]]]

STATE_ID = "giftcode_state"
NAIVE = "2024-03-01T10:00:00.000001"


class OldBag:
    """Old data as `giftping.store.legacy.olddata.OldData`; `flags` counts how often the older bot's flag was set."""

    keeps_flag = True

    def __init__(self, collections: Collections, name: str = "old") -> None:
        self.name = name
        self.flags = 0
        self._collections = collections

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        return iter(self._collections.get(collection, ()))

    def set_flag(self) -> None:
        self.flags += 1


def _lists(guilds: int, codes: Sequence[str]) -> dict[str, Any]:
    return {str(guild): list(codes) for guild in range(1, guilds + 1)}


def _channels(guilds: int) -> dict[str, Any]:
    return {str(guild): 1000 + guild if guild % 2 else str(1000 + guild) for guild in range(1, guilds + 1)}


def v0(guilds: int, codes: Sequence[str]) -> Collections:
    """A file of the first release: no flags, codes as they were typed."""
    typed = [f" {code.title()} " if number % 2 else code.lower() for number, code in enumerate(codes)]
    return {STATE_ID: [{"_id": STATE_ID, "channels": _channels(guilds), "sent": _lists(guilds, typed)}]}


def v05(guilds: int, codes: Sequence[str]) -> Collections:
    state = {"_id": STATE_ID, "channels": _channels(guilds), "sent": _lists(guilds, codes), "initialized": True}
    return {STATE_ID: [{**state, "created_at": NAIVE, "updated_at": NAIVE}]}


def everywhere(guilds: int, codes: Sequence[str]) -> Collections:
    """A state that knows all codes by its list for every guild."""
    state = {"channels": _channels(guilds), "sent": {"global": list(codes)}, "migrated_to_sent_adapter": True}
    return {STATE_ID: [{"_id": STATE_ID, **state}]}


def gift_codes(guilds: int, codes: Sequence[str]) -> Collections:
    known = [{"_id": code, "date": NAIVE, "validation_status": "posted"} for code in codes]
    return {STATE_ID: [{"_id": STATE_ID, "channels": _channels(guilds)}], "gift_codes": known}


def v1(guilds: int, codes: Sequence[str]) -> Collections:
    times = {"sent_at": NAIVE, "created_at": NAIVE, "updated_at": NAIVE}
    sent = [
        {"_id": f"{guild}:{code}", "guild_id": guild, "code": code, "source": "auto", **times}
        for guild in range(1, guilds + 1)
        for code in codes
    ]
    return {STATE_ID: [{"_id": STATE_ID, "channels": _channels(guilds)}], "sent_giftcodes": sent}


def v2(guilds: int, codes: Sequence[str]) -> Collections:
    sent = [
        {"_id": guild, "guild_id": int(guild), "codes": listed, "source": "auto", "last_sent_at": NAIVE}
        for guild, listed in _lists(guilds, [code.lower() for code in codes]).items()
    ]
    return {STATE_ID: [{"_id": STATE_ID, "channels": _channels(guilds)}], "sent_giftcodes": sent}


SHAPES: dict[str, Callable[[int, Sequence[str]], Collections]] = {
    "v0": v0,
    "v0.5": v05,
    "global": everywhere,
    "gift_codes": gift_codes,
    "v1": v1,
    "v2": v2,
}


class KilledError(BaseException):
    """The process is killed here; nothing in it can catch that."""


class Mortal(Store):
    """A store in which the process is killed at a call of its engine: before it, or after what it did is durable."""

    def __init__(self, store: Store, turn: int, *, after: bool) -> None:
        engine: Any = _MortalEngine(store.engine, turn, after=after)
        super().__init__(engine)


class _MortalEngine:
    def __init__(self, engine: Engine, turn: int, *, after: bool) -> None:
        self._engine = engine
        self._left = turn
        self._after = after

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._engine, name)
        return self._counted(value) if callable(value) else value

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise KilledError
            answer = call(*arguments, **named)
            if self._left == 0:
                raise KilledError
            return answer

        return counted
