"""One `codes settle` on this host: what nobody is at is looked for once more, and what a person says is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from giftping.runs.lock import RunLock
from giftping.runs.state_folder import CHECK_LOCK

if TYPE_CHECKING:
    from giftping.codes.entries import Held
    from giftping.codes.report import DeliveryReport
    from giftping.codes.settle import DeliverySettler
    from giftping.delivery.clock import Clock
    from giftping.delivery.deliveries import Deliveries
    from giftping.store.base import Guild
    from giftping.store.records import Store
    from giftping.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Wanted:
    """The deliveries that are to be settled."""

    guild_id: int | None = None
    """The guild that they are for, None for all of them."""
    key: str | None = None
    """The code that they carry, None for whichever."""
    since: datetime | None = None
    """When they were claimed at the earliest."""

    def is_meant(self, held: Held) -> bool:
        """Whether a delivery is one of them."""
        is_late = self.since is None or held.delivery.since >= self.since
        return self.guild_id in (None, held.guild_id) and is_late and bool(self.ids_of(held))

    def ids_of(self, held: Held) -> set[str]:
        """The ids of the entries that are meant in a delivery."""
        from giftping.text import key_of

        said = held.spellings_by_id()
        return {id_ for id_ in held.delivery.entries if self.key in (None, key_of(said.get(id_, "")))}


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the open deliveries brought."""

    reports: tuple[DeliveryReport, ...] = ()
    open: tuple[Held, ...] = ()
    """Those of which it is not known whether they arrived, and that nobody is at."""
    busy: tuple[Held, ...] = ()
    """Those that somebody is at right now."""
    guilds: Mapping[int, Guild] = field(default_factory=dict)
    """What is known of guilds, their names among it."""
    not_again: Mapping[str, str] = field(default_factory=dict)
    """By entry why an open code would go out no more, also where a person says that it is not there."""


def look_again(wiring: Wiring, clock: Clock, wanted: Wanted, *, looks: bool) -> Looked:
    """What is open of the deliveries that are wanted, after another look for each where `looks` says so.

    What is surely not there is left to the next check. Raise LockHeldError when a check is at it, StoreError when the
    ledger cannot be read or written.
    """
    with RunLock(wiring.settings.state / CHECK_LOCK), wiring.open_store() as store:
        deliveries = wiring.deliveries(store, clock=clock)
        found = _open(deliveries, wanted)
        settler = _settler(wiring, clock, deliveries, store)
        free = [held for held in found if settler.may_settle(held)]
        busy = tuple(held for held in found if held not in free)
        reports = [settler.settle(held) for held in free] if looks and not store.held_back else []
        left = {held.delivery.id for held in free}
        # Looked at, they are other documents, or none.
        still = [held for held in _open(deliveries, wanted) if held.delivery.id in left] if reports else free
        deliveries.remove_done()
        guilds, not_again = store.guilds(), _not_again(wiring, store, still, clock())
    return Looked(tuple(report for report in reports if report is not None), tuple(still), busy, guilds, not_again)


def record(
    wiring: Wiring,
    clock: Clock,
    decisions: Sequence[tuple[Held, bool]],
    wanted: Wanted,
    on_lost: Callable[[Held], None],
) -> None:
    """Record of each delivery whether it arrived, as a person has said; `on_lost` gets those that somebody was at."""
    from giftping.codes.by_hand import settle_by_hand

    with wiring.open_store() as store:
        deliveries = wiring.deliveries(store, clock=clock)
        for held, arrived in decisions:
            if not settle_by_hand(deliveries, held, wanted.ids_of(held), clock(), arrived=arrived):
                on_lost(held)
        deliveries.remove_done()


def _open(deliveries: Deliveries, wanted: Wanted) -> list[Held]:
    from giftping.codes.open_deliveries import open_deliveries
    from giftping.delivery.deliveries import DeliveryState

    # What was only claimed needs nobody: the next check frees it.
    states = (DeliveryState.WRITTEN, DeliveryState.UNCLEAR)
    return [one for one in open_deliveries(deliveries) if one.delivery.state in states and wanted.is_meant(one)]


def _not_again(wiring: Wiring, store: Store, still: Sequence[Held], now: datetime) -> dict[str, str]:
    from giftping.codes.holds import JudgingRules
    from giftping.codes.owed import why_not_again

    subscriptions, records = (store.subscriptions(), store.codes()) if still else ((), ())
    rules = JudgingRules.of(wiring.settings)
    whys = (why_not_again(one.delivery, subscriptions, records, now=now, rules=rules) for one in still)
    return {id_: why for one in whys for id_, why in one.items()}


def _settler(wiring: Wiring, clock: Clock, deliveries: Deliveries, store: Store) -> DeliverySettler:
    from giftping.codes.courier import Courier
    from giftping.codes.entries import Origins
    from giftping.codes.settle import DeliverySettler
    from giftping.codes.subscriptions import by_guild

    # Nothing is claimed here, and only a claim notes where its code came from.
    courier = Courier(deliveries, wiring.route_to, clock, wiring.discord_now, Origins({}), lambda _: wiring.words())
    return DeliverySettler(
        courier, by_guild(store.subscriptions()), wiring.settings.games, {}, wiring.settings.codes.lease, posts=False
    )
