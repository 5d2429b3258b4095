"""Settles what an earlier run left claimed: look for the message, then record it, post it again, or say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from giftping.codes.announcement import announcements, announces
from giftping.codes.catalogue import Game
from giftping.codes.courier import Courier
from giftping.codes.model import Code
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.discord.outcome import Absent, Finding, Found, Refused, Route, Undecided
from giftping.store.base import Destination, EntryState, GuildRecord, LedgerEntry, Store


class Step(Enum):
    """What to do about a delivery after looking for it."""

    RECORD = auto()
    REPEAT = auto()
    ASK = auto()
    WAIT = auto()


def decide(finding: Finding, *, age: timedelta, repeats_safely_for: timedelta, resend: bool) -> Step:
    """Return what follows from a look at the channel; `age` is counted from the first claim."""
    if isinstance(finding, Found):
        return Step.RECORD
    if isinstance(finding, Absent) or age < repeats_safely_for:
        return Step.REPEAT
    if not finding.for_good:
        return Step.WAIT
    return Step.REPEAT if resend else Step.ASK


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """The ledger entries that one delivery left open."""

    delivery_id: str
    entries: tuple[LedgerEntry, ...]

    @property
    def guild_id(self) -> int:
        """The guild it was for."""
        return self.entries[0].guild_id

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its entries."""
        return tuple(entry.id for entry in self.entries)

    @property
    def since(self) -> datetime:
        """When it was first claimed: the message cannot be older."""
        return min(entry.created_at for entry in self.entries)

    @property
    def held_since(self) -> datetime:
        """When its present holder claimed it."""
        return max(entry.claimed_at or entry.created_at for entry in self.entries)

    @property
    def held_by(self) -> str:
        """The host that holds it."""
        return self.entries[0].claimed_by

    @property
    def spellings(self) -> tuple[str, ...]:
        """The codes it announces."""
        return tuple(entry.spelling for entry in self.entries)


def open_deliveries(store: Store, states: Collection[EntryState], guild_id: int | None = None) -> list[OpenDelivery]:
    """Return the deliveries with entries in these states, oldest first."""
    grouped: dict[str, list[LedgerEntry]] = {}
    for entry in store.entries(guild_id, states):
        grouped.setdefault(entry.delivery_id or entry.id, []).append(entry)
    return [OpenDelivery(delivery_id, tuple(entries)) for delivery_id, entries in grouped.items()]


def may_settle(delivery: OpenDelivery, host: str, lease: timedelta, now: datetime) -> bool:
    """Return whether this host, which holds its run lock, may settle the delivery now."""
    return delivery.held_by == host or now - delivery.held_since > lease


@dataclass(frozen=True, slots=True)
class Settler:
    """Settles open deliveries one at a time.

    `codes` are the codes that may go out now, by game and key: what is repeated is made from them. Without
    `posts` nothing is repeated at once: what is surely absent is released for the next check.
    """

    courier: Courier
    guilds: Mapping[int, GuildRecord]
    games: Mapping[str, Game]
    codes: Mapping[tuple[str, str], Code]
    resend: bool = False
    posts: bool = True

    def settle(self, delivery: OpenDelivery) -> DeliveryReport:
        """Look for one delivery, act on what is found, and return how it stands."""
        store, now = self.courier.store, self.courier.clock()
        held = store.take_over(
            delivery.delivery_id,
            delivery.ids,
            held_by=delivery.held_by,
            held_since=delivery.held_since,
            by=self.courier.host,
            at=now,
        )
        if not held:
            return self._report(delivery, DeliveryResult.TAKEN, "another host settles it")
        route = self._route_back(delivery)
        finding = self._look(delivery, route, now)
        window = timedelta(0) if isinstance(route, Refused) else route.repeats_safely_for
        step = decide(finding, age=now - delivery.since, repeats_safely_for=window, resend=self.resend)
        if step is Step.RECORD and isinstance(finding, Found):
            return self._record(delivery, finding)
        if step is Step.REPEAT:
            return (
                self._repeat(delivery) if self.posts else self._release(delivery, "not there; the next check posts it")
            )
        reason = finding.reason if isinstance(finding, Undecided) else ""
        if step is Step.WAIT:
            return self._report(delivery, DeliveryResult.UNCLEAR, reason)
        store.mark_uncertain(delivery.delivery_id, delivery.ids, at=now)
        return self._report(delivery, DeliveryResult.UNCERTAIN, reason)

    def rehearse(self, delivery: OpenDelivery) -> DeliveryReport:
        """Return what a real run would begin with."""
        return self._report(delivery, DeliveryResult.PLANNED, "left open by an earlier run, looked for first")

    def _route_back(self, delivery: OpenDelivery) -> Route | Refused:
        guild = self.guilds.get(delivery.guild_id)
        channel_id = delivery.entries[0].channel_id
        if channel_id is not None:
            return self.courier.routes(Destination(channel_id=channel_id))
        if guild is None or guild.updated_at > delivery.since or not guild.destination.webhook:
            return Refused("the guild's destination has changed since", lasting=True)
        return self.courier.routes(guild.destination)

    def _look(self, delivery: OpenDelivery, route: Route | Refused, now: datetime) -> Finding:
        if isinstance(route, Refused):
            return Undecided(route.reason, for_good=route.lasting)
        sent = self.courier.store.entries(delivery.guild_id, (EntryState.SENT,))
        accounted = frozenset(entry.message_id for entry in sent if entry.message_id is not None)
        return route.find(announces(delivery.spellings), since=delivery.since, until=now, accounted=accounted)

    def _record(self, delivery: OpenDelivery, found: Found) -> DeliveryReport:
        self.courier.store.mark_sent(
            delivery.delivery_id,
            delivery.ids,
            message_id=found.message_id,
            channel_id=found.channel_id,
            at=self.courier.clock(),
        )
        return self._report(delivery, DeliveryResult.SETTLED, "found in the channel")

    def _repeat(self, delivery: OpenDelivery) -> DeliveryReport:
        guild = self.guilds.get(delivery.guild_id)
        game = self.games.get(delivery.entries[0].game)
        if guild is None or game is None or game.slug not in guild.games:
            return self._release(delivery, "the guild no longer follows the game")
        listed = [(entry, self.codes.get((entry.game, entry.key))) for entry in delivery.entries]
        codes = [replace(code, spelling=entry.spelling) for entry, code in listed if code is not None]
        if not codes:
            return self._release(delivery, "no longer listed as valid")
        route = self.courier.routes(guild.destination)
        if isinstance(route, Refused):
            return self._release(delivery, route.reason)
        announcement = announcements(game, codes, guild.mention_role_id)[0]
        again = {code.key for code in announcement.codes}
        self.courier.store.release(
            delivery.delivery_id, [entry.id for entry in delivery.entries if entry.key not in again]
        )
        ids = [entry.id for entry in delivery.entries if entry.key in again]
        return self.courier.post(guild, route, announcement, delivery.delivery_id, ids)

    def _release(self, delivery: OpenDelivery, reason: str) -> DeliveryReport:
        self.courier.store.release(delivery.delivery_id, delivery.ids)
        return self._report(delivery, DeliveryResult.RELEASED, reason)

    def _report(self, delivery: OpenDelivery, result: DeliveryResult, reason: str) -> DeliveryReport:
        return DeliveryReport(
            guild_id=delivery.guild_id,
            game=delivery.entries[0].game,
            destination="",
            codes=delivery.spellings,
            result=result,
            reason=reason,
            delivery_id=delivery.delivery_id,
        )
