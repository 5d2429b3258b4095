"""Settles what an earlier run left claimed: look for the message, then record it, post it again, or say so."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from giftping.codes.announcement import announcements, announces
from giftping.codes.courier import Courier
from giftping.codes.model import Code
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.discord.outcome import Absent, Finding, Found, Refused, Route, Undecided
from giftping.discord.snowflake import snowflake_at
from giftping.settings.catalogue import Game
from giftping.store.base import Destination, EntryState, GuildRecord, LedgerEntry
from giftping.store.records import Store

UNDER_WAY = timedelta(minutes=1)
"""How long after its claim a post may still be on its way to the channel."""

CLAIM_MARGIN = timedelta(minutes=10)
"""How far the clock that dated a claim may be from Discord's: the claim has no anchor of its own."""

TOLD_FOR = timedelta(hours=1)
"""How long the operator is told in every run of a delivery that waits."""


class Step(Enum):
    """What to do about a delivery after looking for it."""

    RECORD = auto()
    POST_AGAIN = auto()
    REPEAT = auto()
    ASK = auto()
    WAIT = auto()


def step_after(finding: Finding, *, age: timedelta, repeats_safely_for: timedelta, resend: bool) -> Step:
    """What follows from a look at the channel; `age` is counted from the first claim.

    POST_AGAIN is for what is surely not there. REPEAT is for what may be: Discord answers a post with the same
    delivery id with the message that it has, so that nothing about it may be changed.
    """
    if isinstance(finding, Found):
        return Step.RECORD
    # Safer than any look, while it lasts: the repeat brings the message that is there, or makes it.
    if age < repeats_safely_for:
        return Step.REPEAT
    # Its holder may have been killed with the request already on its way.
    if isinstance(finding, Absent):
        return Step.WAIT if age < UNDER_WAY else Step.POST_AGAIN
    if not finding.for_good:
        return Step.WAIT
    return Step.POST_AGAIN if resend else Step.ASK


@dataclass(frozen=True, slots=True)
class OpenDelivery:
    """The ledger entries that one delivery left open; there is at least one."""

    delivery_id: str
    """The id of its only entry where an older release gave none."""
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
    """The deliveries with entries in these states, oldest first."""
    grouped: dict[str, list[LedgerEntry]] = {}
    for entry in store.entries(guild_id, states):
        grouped.setdefault(entry.delivery_id or entry.id, []).append(entry)
    return [OpenDelivery(delivery_id, tuple(entries)) for delivery_id, entries in grouped.items()]


def may_settle(delivery: OpenDelivery, host: str, lease: timedelta, now: datetime) -> bool:
    """Whether this host, which holds its run lock, may settle the delivery now."""
    return delivery.held_by == host or now - delivery.held_since > lease


@dataclass(frozen=True, slots=True)
class DeliverySettler:
    """Settles open deliveries one at a time."""

    courier: Courier
    guilds: Mapping[int, GuildRecord]
    games: Mapping[str, Game]
    codes: Mapping[tuple[str, str], Code]
    """Those that may go out now, by game and key: what is posted again is made from them."""
    lease: timedelta
    """How long after a claim its holder may still post."""
    quiet_since: Mapping[str, datetime] = field(default_factory=dict)
    """Since when it is known that nobody is at a delivery any more, by its id."""
    resend: bool = False
    """Whether what nobody can tell is posted again, instead of waiting for a person."""
    posts: bool = True
    """Where not, nothing is posted: what is surely absent is released for the next check."""

    def settle(self, delivery: OpenDelivery) -> DeliveryReport:
        """How one delivery stands after a look for it, and after what followed from that was done."""
        now = self.courier.clock()
        route = self._route_back(delivery)
        finding = self._look(delivery, route, now)
        if isinstance(route, Refused) or not self._may_repeat(delivery):
            window = timedelta(0)
        else:
            window = route.repeats_safely_for
        step = step_after(finding, age=now - delivery.since, repeats_safely_for=window, resend=self.resend)
        if step is Step.RECORD and isinstance(finding, Found):
            return self._record(delivery, finding)
        if step in (Step.POST_AGAIN, Step.REPEAT):
            if not self._take_over(delivery, now):
                return self._report(delivery, DeliveryResult.TAKEN, "another host settles it")
            return self._post_again(delivery, may_be_there=step is Step.REPEAT)
        reason = finding.reason if isinstance(finding, Undecided) else "too early to tell"
        if step is Step.WAIT:
            is_uncertain = delivery.entries[0].state is EntryState.UNCERTAIN
            result = DeliveryResult.UNCERTAIN if is_uncertain else DeliveryResult.UNCLEAR
            report = self._report(delivery, result, reason)
            return replace(report, told=now - delivery.since < TOLD_FOR)
        # Looking again would never settle it: a person is asked, and no check looks at it any more.
        self.courier.store.mark_uncertain(delivery.delivery_id, delivery.ids, at=now)
        return self._report(delivery, DeliveryResult.UNCERTAIN, reason)

    def rehearse(self, delivery: OpenDelivery) -> DeliveryReport:
        """What a real run would begin with."""
        return self._report(delivery, DeliveryResult.PLANNED, "left open by an earlier run, looked for first")

    def _take_over(self, delivery: OpenDelivery, now: datetime) -> bool:
        """Whether this host may now post the delivery again; a look alone leaves the claim's date as it is."""
        return self.courier.store.take_over(
            delivery.delivery_id,
            delivery.ids,
            held_by=delivery.held_by,
            held_since=delivery.held_since,
            by=self.courier.host,
            at=now,
        )

    def _route_back(self, delivery: OpenDelivery) -> Route | Refused:
        guild = self.guilds.get(delivery.guild_id)
        channel_id = delivery.entries[0].channel_id
        if channel_id is not None:
            return self.courier.routes(Destination(channel_id=channel_id))
        # A webhook's address is a secret and stands in no entry: only while the guild has kept it is it still known.
        if guild is None or guild.updated_at > delivery.since or not guild.destination.webhook:
            return Refused("the guild's destination has changed since", lasting=True)
        return self.courier.routes(guild.destination)

    def _look(self, delivery: OpenDelivery, route: Route | Refused, now: datetime) -> Finding:
        if isinstance(route, Refused):
            return Undecided(route.reason, for_good=route.lasting)
        # A message that is recorded is another delivery's, whatever codes it shows.
        sent = self.courier.store.entries(delivery.guild_id, (EntryState.SENT,))
        accounted = frozenset(entry.message_id for entry in sent if entry.message_id is not None)
        until = min(now, self._posted_before(delivery))
        return route.find(
            announces(delivery.spellings),
            since=snowflake_at(delivery.since - CLAIM_MARGIN),
            until=snowflake_at(until + CLAIM_MARGIN),
            accounted=accounted,
            quiet=now - until >= UNDER_WAY,
        )

    def _posted_before(self, delivery: OpenDelivery) -> datetime:
        # No holder posts after its lease, and nobody needs to look further than it may have posted.
        lease_ends = delivery.held_since + self.lease
        if delivery.entries[0].state is EntryState.UNCERTAIN:
            return min(lease_ends, delivery.entries[0].updated_at)
        return min(lease_ends, self.quiet_since.get(delivery.delivery_id, lease_ends))

    def _record(self, delivery: OpenDelivery, found: Found) -> DeliveryReport:
        self.courier.store.mark_sent(
            delivery.delivery_id,
            delivery.ids,
            message_id=found.message_id,
            channel_id=found.channel_id,
            at=self.courier.clock(),
        )
        return self._report(delivery, DeliveryResult.SETTLED, "found in the channel")

    def _may_repeat(self, delivery: OpenDelivery) -> bool:
        """Whether a repeat would be the very post again: to the same channel, with all of its codes in one message."""
        guild = self.guilds.get(delivery.guild_id)
        if guild is None or not self.posts or self._has_moved(delivery, guild):
            return False
        game, codes = self._still_owed(delivery, guild)
        return game is not None and len(codes) == len(delivery.entries) and len(announcements(game, codes, None)) == 1

    def _has_moved(self, delivery: OpenDelivery, guild: GuildRecord) -> bool:
        return delivery.entries[0].channel_id != guild.destination.channel_id

    def _still_owed(self, delivery: OpenDelivery, guild: GuildRecord) -> tuple[Game | None, list[Code]]:
        game = self.games.get(delivery.entries[0].game)
        if game is None or game.slug not in guild.games:
            return None, []
        listed = [(entry, self.codes.get((entry.game, entry.key))) for entry in delivery.entries]
        return game, [replace(code, spelling=entry.spelling) for entry, code in listed if code is not None]

    def _post_again(self, delivery: OpenDelivery, *, may_be_there: bool) -> DeliveryReport:
        guild = self.guilds.get(delivery.guild_id)
        game, codes = self._still_owed(delivery, guild) if guild else (None, [])
        if guild is None or game is None:
            return self._release(delivery, "the guild no longer follows the game")
        if not self.posts or self._has_moved(delivery, guild):
            # A new claim says where it goes: an entry that names the old channel would be looked for there.
            return self._release(delivery, "it is not there; the next check posts it")
        if not codes:
            return self._release(delivery, "no longer listed as valid")
        route = self.courier.routes(guild.destination)
        if isinstance(route, Refused):
            return replace(self._release(delivery, route.reason), result=DeliveryResult.REFUSED)
        announcement = announcements(game, codes, guild.mention_role_id)[0]
        # A code that left the lists, or no longer fits, is open again: it must not be held by a message without it.
        again = {code.key for code in announcement.codes}
        self.courier.store.release(
            delivery.delivery_id, [entry.id for entry in delivery.entries if entry.key not in again]
        )
        ids = [entry.id for entry in delivery.entries if entry.key in again]
        return self.courier.post(guild, route, announcement, delivery.delivery_id, ids, may_be_there=may_be_there)

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
