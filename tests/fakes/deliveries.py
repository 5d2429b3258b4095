"""Deliveries to put into a store, and a lock of a process that is alive for as long as a test says."""

from __future__ import annotations

from collections.abc import Sequence

from fakes.records import NOON, entry

from giftping.delivery.deliveries import Delivery, DeliveryState, delivery_document, delivery_from
from giftping.discord.snowflake import snowflake_at
from giftping.store.base import HOME_GAME, entry_id
from giftping.store.documents import DELIVERIES, LEDGER, entry_to_document
from giftping.store.engine import Change
from giftping.store.holder import Holder
from giftping.store.records import Store

GONE_PROCESS = Holder("host-a", "gone")
ANOTHER_HOST = Holder("host-b", "far-away")


class FakeLock:
    """The lock of one process; `alive` are the tokens of those of its brothers that still run."""

    def __init__(self, host: str = "host-a") -> None:
        self.holder = Holder(host, "this-one")
        self.alive: set[str] = set()
        self.forgotten: list[Holder] = []

    def take(self) -> Holder:
        return self.holder

    def is_gone(self, holder: Holder) -> bool:
        return holder.process not in {self.holder.process, *self.alive}

    def forget(self, holder: Holder) -> None:
        self.forgotten.append(holder)


def delivery(*keys: str, guild_id: int = 1, game: str = HOME_GAME, **changes: object) -> Delivery:
    """Return one of these codes, Gift100 unless said otherwise, that was written at noon by a process that is gone."""
    keys = keys or ("GIFT100",)
    fields: dict[str, object] = {
        "id": "delivery-1",
        "kind": "announcement",
        "holder": GONE_PROCESS,
        "since": NOON,
        "state": DeliveryState.WRITTEN,
        "anchor": snowflake_at(NOON),
        "channel_id": 499 + guild_id,
        "guild_id": guild_id,
        "game": game,
        "entries": tuple(entry_id(guild_id, game, key) for key in keys),
        "spellings": tuple(key.title() for key in keys),
    }
    return Delivery(**(fields | changes))  # type: ignore[arg-type]  # fields by name


def put_delivery(store: Store, one: Delivery, but: Sequence[str] = (), *, entries: bool = True) -> Delivery:
    """Put a delivery into a store, with its open entries `but` for some, and return it as it is read there."""
    changes = [Change(DELIVERIES, None, delivery_document(one))]
    for id_, spelling in zip(one.entries, one.spellings, strict=True) if entries else ():
        if id_ not in but:
            record = entry(
                one.guild_id or 0,
                spelling.upper(),
                one.game,
                spelling=spelling,
                delivery_id=one.id,
                channel_id=one.channel_id,
            )
            changes.append(Change(LEDGER, None, entry_to_document(record)))
    assert all(store.engine.change(changes))
    return stored(store)[one.id]


def stored(store: Store) -> dict[str, Delivery]:
    """Return all deliveries in a store by id."""
    return {document["_id"]: delivery_from(document) for document in store.engine.find(DELIVERIES)}


def delivery_states(store: Store) -> list[tuple[str, tuple[str, ...]]]:
    """Return the state of each delivery in a store, with the codes that it shows, oldest first."""
    found = sorted(stored(store).values(), key=lambda one: (one.since, one.spellings))
    return [(one.state.value, one.spellings) for one in found]
