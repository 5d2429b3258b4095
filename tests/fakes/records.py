"""Records to put into a store, with every field that a test does not care for filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from giftping.store.base import (
    HOME_GAME,
    CodeRecord,
    Destination,
    EntryState,
    LedgerEntry,
    RunRecord,
    SourceMemory,
    Subscription,
)
from giftping.store.documents import LEDGER
from giftping.store.engine import Change
from giftping.store.fields import time_to_text
from giftping.store.records import Store

NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(minutes=7)


def entry(guild_id: int = 1, key: str = "GIFT100", game: str = HOME_GAME, **changes: object) -> LedgerEntry:
    fields: dict[str, object] = {
        "spelling": key.title(),
        "source": "api",
        "state": EntryState.OPEN,
        "created_at": NOON,
        "updated_at": NOON,
        "delivery_id": "delivery-1",
    }
    return LedgerEntry(guild_id, game, key, **(fields | changes))  # type: ignore[arg-type]  # fields by name


def subscription(guild_id: int = 1, game: str = HOME_GAME, **changes: object) -> Subscription:
    fields: dict[str, object] = {
        "destination": Destination(channel_id=500),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Subscription(guild_id, game, **(fields | changes))  # type: ignore[arg-type]  # fields by name


def subscriptions(guild_id: int, *games: str, **changes: object) -> list[Subscription]:
    """One for each of the games, in their order."""
    return [subscription(guild_id, game, place=place, **changes) for place, game in enumerate(games)]


def code(key: str = "GIFT100", game: str = HOME_GAME, at: datetime = NOON, **changes: object) -> CodeRecord:
    fields: dict[str, object] = {
        "spelling": key.title(),
        "first_seen": at,
        "last_seen": at,
        "sources": {"site": SourceMemory(key.title(), at, at)},
    }
    return CodeRecord(game, key, **(fields | changes))  # type: ignore[arg-type]  # fields by name


def run(job: str = "codes-check", host: str = "host-a", **changes: object) -> RunRecord:
    fields: dict[str, object] = {"started_at": NOON, "finished_at": LATER, "exit_code": 0, "details": {}}
    return RunRecord(job, host, **(fields | changes))  # type: ignore[arg-type]  # fields by name


def mark(store: Store, *ids: str, state: EntryState = EntryState.SENT, at: datetime = LATER) -> int:
    """How many entries were given a state, as whoever settles a delivery does: in one write."""
    there = store.engine.get(LEDGER, ids).values()
    after = {"state": state.value, "updated_at": time_to_text(at)}
    return sum(store.engine.change([Change(LEDGER, one, {**one, **after}) for one in there]))
