"""What earlier runs left open: settled at the beginning of a check, and counted at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftping.codes.courier import Courier
from giftping.codes.entries import ANNOUNCEMENT, Held
from giftping.codes.guards import clearance
from giftping.codes.holds import code_of
from giftping.codes.model import Code
from giftping.codes.open_deliveries import mend, open_deliveries
from giftping.codes.owed import OwedNow, no_longer_kept, without
from giftping.codes.report import DeliveryReport
from giftping.codes.request import CheckRequest
from giftping.codes.scope import OwnCodes, seen_apart
from giftping.codes.settle import DeliverySettler, is_over
from giftping.codes.subscriptions import by_guild
from giftping.delivery.deliveries import UNDER_WAY, Deliveries, Delivery, DeliveryState
from giftping.settings.catalogue import Game
from giftping.store.base import CodeRecord, Subscription
from giftping.store.documents import LEDGER

NOT_ENDED = (*UNDER_WAY, DeliveryState.UNCLEAR)
"""The states of what a run settles, or tells of."""


@dataclass(frozen=True, slots=True)
class Settling:
    """What a run settles, and by which rules."""

    games: Mapping[str, Game]
    lease: timedelta
    resend: bool
    skipped_regions: frozenset[str]
    request: CheckRequest
    ends_by: datetime
    """The instant by which a code has ended, or has waited for long enough."""

    def concerns(self, held: Held) -> bool:
        """Whether the run is about a delivery."""
        return self.request.guild_id in (None, held.guild_id) and self.request.game in (None, held.delivery.game)


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of the deliveries that earlier runs left open."""

    reports: tuple[DeliveryReport, ...] = ()
    done: tuple[Delivery, ...] = ()
    """Those that were recorded as done, and are of no use any more."""
    refused: tuple[Delivery, ...] = ()
    """Those that owe their codes."""


def settle_left(
    courier: Courier,
    settling: Settling,
    subscriptions: Iterable[Subscription],
    valid: Sequence[Code],
    records: Sequence[CodeRecord],
    own: OwnCodes,
) -> Settled:
    """How the deliveries stand that earlier runs left open, as far as this process may look into them.

    Of several records of a code the last one counts.
    """
    held = open_deliveries(courier.deliveries)
    request = settling.request
    may_go_out = _may_go_out(valid, records, settling) if held else {}
    settler = DeliverySettler(
        courier=courier,
        subscriptions=by_guild(subscriptions),
        games=settling.games,
        codes={(code.game, code.key): code for code in valid},
        own=own,
        lease=settling.lease,
        resend=settling.resend,
        may_go_out=may_go_out,
    )
    open_ones = [one for one in held if one.delivery.state in NOT_ENDED and settling.concerns(one)]
    if request.dry_run:
        reports = [settler.rehearse(one) for one in open_ones if one.delivery.state in UNDER_WAY]
        return Settled(tuple(reports), refused=_refused(held))
    if courier.store.held_back:
        return Settled(refused=_refused(held))
    done = mend(courier.deliveries, held, courier.clock())
    reports = []
    for one in open_ones:
        if courier.stopped() or courier.store.held_back:
            break
        if is_over(one, may_go_out, settling.ends_by):
            reports.append(settler.close(one))
        elif settler.is_worth_a_look(one) and settler.may_settle(one):
            report = settler.settle(one)
            reports += [report] if report is not None else []
            if one.delivery.holder.host == courier.deliveries.host:
                courier.deliveries.lock.forget(one.delivery.holder)
    freed = courier.deliveries.load((DeliveryState.REFUSED,), kinds=[ANNOUNCEMENT]) if open_ones else _refused(held)
    return Settled(tuple(reports), tuple(done), tuple(freed))


def _refused(held: Iterable[Held]) -> tuple[Delivery, ...]:
    return tuple(one.delivery for one in held if one.delivery.state is DeliveryState.REFUSED)


def _may_go_out(
    valid: Iterable[Code], records: Iterable[CodeRecord], settling: Settling
) -> dict[tuple[str, str], bool]:
    """By game and key of each code that is known whether it may go out."""
    now, regions, known = settling.ends_by, settling.skipped_regions, settling.games
    remembered = {
        (record.game, record.key): any(
            clearance(code_of(seen), now, regions, known).may_go_out for seen in seen_apart(record)
        )
        for record in records
    }
    return remembered | {(code.game, code.key): True for code in valid}


def tidy(deliveries: Deliveries, settled: Settled, owed: OwedNow, request: CheckRequest, now: datetime) -> None:
    """Remove the deliveries that are done, and what is not owed any more; a run that changes nothing writes nothing."""
    deliveries.remove_done(settled.done)
    refused = [one for one in settled.refused if request.is_about(one.guild_id)]
    ids = {id_ for one in refused for id_ in one.entries}
    arrived = deliveries.store.engine.present(LEDGER, ids) if ids else ()
    if changes := without(refused, {**owed.over, **dict.fromkeys(arrived, "")}, now):
        if owed.missed:
            changes += no_longer_kept(deliveries.load((DeliveryState.MISSED,)), now)
        deliveries.store.engine.change(changes)


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """What is open at the end of a run."""

    host: str
    deliveries: tuple[Delivery, ...]

    @property
    def uncertain(self) -> int:
        """How many codes there are of which nobody can tell whether they arrived."""
        unclear = [one for one in self.deliveries if one.state is DeliveryState.UNCLEAR]
        return sum(len(one.entries) for one in unclear)

    def first_lease_to_end(self, lease: timedelta, now: datetime, discord_now: datetime | None) -> datetime | None:
        """When this host may look into what somebody else has under way, None where nobody has."""
        ends = []
        for one in self.deliveries:
            is_ours = one.holder.host == self.host
            if one.state not in UNDER_WAY or (is_ours and not one.holder.process):
                continue
            age = one.age(discord_now)
            # Of a brother, who may end at any time, nothing tells but another look.
            waits = timedelta(0) if is_ours else lease - (age or timedelta(0))
            ends.append(now + max(waits, timedelta(0)))
        return min(ends, default=None)


def left_after(deliveries: Deliveries) -> LeftOpen:
    """What is open now."""
    found = deliveries.load(NOT_ENDED, kinds=[ANNOUNCEMENT])
    return LeftOpen(deliveries.host, tuple(found))
