"""Settles what an earlier run left under way: look for the message, then record it, repeat it, free it, or say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from giftping.codes.announcement import announcements, announces
from giftping.codes.courier import Courier
from giftping.codes.entries import Held
from giftping.codes.look import Look, look_as_claimed, look_for
from giftping.codes.model import Code
from giftping.codes.places import by_bot, by_webhook, channel_in, next_place
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.codes.scope import OwnCodes
from giftping.codes.subscriptions import webhook_route
from giftping.delivery.deliveries import WAITS_FOR, Delivery, DeliveryState, LostDeliveryError
from giftping.discord.outcome import Absent, Finding, Found, Refused, Route, Undecided
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.settings.catalogue import Game
from giftping.store.base import EntryState, Subscription
from giftping.text import key_of

QUIET = timedelta(minutes=1)
"""How long after nobody can be at a post any more Discord may still be busy carrying it out."""

FORSAKEN_AFTER = timedelta(days=1)
"""After how long a delivery of another host is settled though Discord does not say what time it is: a person can be
asked then, and it cannot be posted."""

TOLD_FOR = timedelta(hours=1)
"""How long a delivery that waits is news for a host that has not told of it yet; after that another one has."""

CUT_SHORT = "the run was cut short before it went out"
NOT_THERE = "it is not there; the next check posts it"
DID_NOT_ARRIVE = "it did not arrive"
NOT_FOLLOWED = "the guild no longer follows the game"


class Step(Enum):
    """What to do about a delivery after looking for it."""

    RECORD = auto()
    REPEAT = auto()
    """Post it once more with its nonce: Discord answers with the message that it has, or makes it."""
    FREE = auto()
    """Let a new delivery carry its codes."""
    ASK = auto()
    WAIT = auto()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What counts beside what was seen."""

    is_quiet: bool
    """Whether nobody has been at it for so long that Discord cannot be carrying it out any more."""
    is_lease_over: bool
    may_repeat: bool
    """Whether a repeat would be the very post again, under a nonce."""
    is_nonce_fresh: bool
    """Whether Discord surely knows the nonce of the first post still."""
    resend: bool
    """Whether what nobody can tell is posted again, instead of waiting for a person."""


def step_after(finding: Finding, now: Circumstances) -> Step:
    """What follows from a look at the channel."""
    if isinstance(finding, Found):
        return Step.RECORD
    # Safer than any look, while it lasts. Of what was not there a moment ago Discord will know the nonce, too, if it
    # should arrive after all.
    if now.may_repeat and (now.is_nonce_fresh or (isinstance(finding, Absent) and not now.is_quiet)):
        return Step.REPEAT
    if isinstance(finding, Absent):
        return Step.FREE if now.is_quiet else Step.WAIT
    if now.resend:
        return Step.FREE if now.is_lease_over else Step.WAIT
    # What could not be looked at may be seen another time; meanwhile a person knows of it.
    return Step.ASK if finding.for_good or now.is_lease_over else Step.WAIT


@dataclass(frozen=True, slots=True)
class DeliverySettler:
    """Settles deliveries that are under way or unclear, one at a time."""

    courier: Courier
    subscriptions: Mapping[int, Sequence[Subscription]]
    """By guild."""
    games: Mapping[str, Game]
    codes: Mapping[tuple[str, str], Code]
    """Those that may go out now, by game and key: what is repeated is made from them."""
    lease: timedelta
    """How long after a claim its holder may still post."""
    resend: bool = False
    """Whether what nobody can tell is posted again, once, instead of waiting for a person."""
    posts: bool = True
    """Where not, nothing is posted: what is surely absent is left to the next check."""
    own: OwnCodes = field(default_factory=dict)
    """Those that may go out to guilds whose own people have added them."""
    may_go_out: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    """By game and key of each code that is known whether it may go out; of one that has ended nobody is asked."""

    def may_settle(self, held: Held) -> bool:
        """Whether nobody is at a delivery; Discord is asked for its time where that has to be known."""
        if held.delivery.state is DeliveryState.UNCLEAR:
            return True
        deliveries = self.courier.deliveries
        if held.delivery.holder.host != deliveries.host and self.courier.discord_now() is None:
            route = self._route_back(held)
            if not isinstance(route, Refused):
                route.ask()
        now = self.courier.discord_now()
        if now is None and self.courier.clock() - held.delivery.since > FORSAKEN_AFTER:
            return deliveries.lock.is_gone(held.delivery.holder)
        return deliveries.nobody_is_at(held.delivery, now, self.lease)

    def is_worth_a_look(self, held: Held) -> bool:
        """Whether a look may tell; of what is unclear for good only a person can, or it is resent once."""
        delivery = held.delivery
        return delivery.state is not DeliveryState.UNCLEAR or not delivery.is_final or self._resends(delivery)

    def _resends(self, delivery: Delivery) -> bool:
        return self.resend and not delivery.is_resent

    def settle(self, held: Held) -> DeliveryReport | None:
        """How one delivery stands after a look for it, and after what followed from that was done.

        None where there is nothing to tell: its codes are owed, and go out with this run, or the next.
        """
        delivery = held.delivery
        subscription = self._subscription_of(held)
        if delivery.state is DeliveryState.CLAIMED:
            # Not a byte of it went out.
            return self._free(held, CUT_SHORT, subscription)
        route = self._route_back(held)
        if not isinstance(route, Refused):
            route.ask()
        now = self.courier.discord_now()
        around = self._circumstances(held, subscription, route, now)
        finding = self._look(held, route, around)
        step = step_after(finding, around)
        if step is Step.RECORD and isinstance(finding, Found):
            return self._record(held, finding)
        if step is Step.REPEAT and subscription is not None and not isinstance(route, Refused):
            return self._repeat(held, subscription, now)
        if step is Step.FREE:
            unknown = finding.reason if isinstance(finding, Undecided) else ""
            freed = replace(held, delivery=replace(delivery, is_resent=delivery.is_resent or bool(unknown)))
            return self._free(freed, unknown or DID_NOT_ARRIVE, subscription)
        reason = finding.reason if isinstance(finding, Undecided) else "too early to tell"
        if step is Step.WAIT:
            return self._wait(held, reason, now)
        return self._ask(held, reason, now, for_good=isinstance(finding, Undecided) and finding.for_good)

    def close(self, held: Held) -> DeliveryReport:
        """Give up a delivery of which nobody can tell, or cares, any more."""
        try:
            self.courier.deliveries.change(replace(held.delivery, state=DeliveryState.CLOSED))
        except LostDeliveryError:
            return self._taken(held)
        return self._report(held, DeliveryResult.CLOSED, held.delivery.reason)

    def rehearse(self, held: Held) -> DeliveryReport:
        """What a real run would begin with."""
        return self._report(held, DeliveryResult.PLANNED, "left open by an earlier run, looked for first")

    # What is known

    def _route_back(self, held: Held) -> Route | Refused:
        delivery = self._with_its_post(held)
        if delivery.channel_id is not None and delivery.webhook_id is None:
            return self.courier.routes(by_bot(delivery))
        known = sorted(self._of_guild(held), key=lambda one: one.game != delivery.game)
        if not any(one.destination.webhook for one in known):
            return Refused("the guild's destination has changed since", lasting=True)
        route = webhook_route(delivery.webhook_id, known, lambda one: self.courier.routes(by_webhook(one, delivery)))
        return route if route is not None else Refused("the guild's webhook has changed since", lasting=True)

    def _with_its_post(self, held: Held) -> Delivery:
        """The delivery; of one that is not on record it is known by the subscription whether it opened a post."""
        delivery, subscription = held.delivery, self._subscription_of(held)
        if delivery.document is not None or subscription is None or subscription.posting.posts is None:
            return delivery
        return replace(delivery, opens_post=delivery.channel_id == subscription.destination.channel_id)

    def _subscription_of(self, held: Held) -> Subscription | None:
        return next((one for one in self._of_guild(held) if one.game == held.delivery.game), None)

    def _of_guild(self, held: Held) -> Sequence[Subscription]:
        return self.subscriptions.get(held.guild_id, ())

    def _circumstances(
        self, held: Held, subscription: Subscription | None, route: Route | Refused, now: datetime | None
    ) -> Circumstances:
        delivery = held.delivery
        age = delivery.age(now)
        # Without Discord's time this host's own tells when to ask a person: nothing is sent for that.
        is_lease_over = (self.courier.clock() - delivery.since if age is None else age) > self.lease
        window = timedelta(0) if isinstance(route, Refused) else route.repeats_safely_for
        quiet_from = self._quiet_from(delivery)
        return Circumstances(
            is_quiet=now is not None and now - quiet_from >= QUIET,
            is_lease_over=is_lease_over,
            may_repeat=window > timedelta(0) and subscription is not None and self._may_repeat(held, subscription),
            is_nonce_fresh=now is not None and now - snowflake_time(delivery.begins) < window,
            resend=self._resends(delivery),
        )

    def _quiet_from(self, delivery: Delivery) -> datetime:
        """Since when nobody can be at a delivery any more, by Discord's time."""
        lease_ends = snowflake_time(delivery.held_since or delivery.begins) + self.lease
        return lease_ends if delivery.quiet_since is None else min(lease_ends, snowflake_time(delivery.quiet_since))

    def _look(self, held: Held, route: Route | Refused, around: Circumstances) -> Finding:
        if isinstance(route, Refused):
            return Undecided(route.reason, for_good=route.lasting)
        # A message that is recorded is another delivery's, whatever codes it shows.
        recorded = self.courier.store.entries(held.guild_id, (EntryState.SENT,))
        accounted = frozenset(entry.message_id for entry in recorded if entry.message_id is not None)
        # Nobody needs to look further than it may have arrived.
        until = snowflake_at(self._quiet_from(held.delivery) + 2 * QUIET) if around.is_quiet else None
        return route.find(
            announces(held.delivery.spellings),
            since=held.delivery.begins,
            until=until,
            accounted=accounted,
            quiet=around.is_quiet,
        )

    def _may_repeat(self, held: Held, subscription: Subscription) -> bool:
        """Whether a repeat would be the very post again: to the same channel, with all of its codes in one message."""
        delivery, place = held.delivery, next_place(subscription)
        is_same_place = (delivery.channel_id, delivery.opens_post) == (channel_in(place), place.opens_post)
        if not (self.posts and delivery.document is not None and is_same_place):
            return False
        game, codes = self._still_owed(held)
        wanted = held.delivery.entries
        is_whole = len(codes) == len(wanted) and held.entries.keys() >= set(wanted)
        return game is not None and is_whole and len(announcements(self._look_of(held, game, subscription), codes)) == 1

    def _still_owed(self, held: Held) -> tuple[Game | None, list[Code]]:
        game = self.games.get(held.delivery.game)
        if game is None:
            return None, []
        own = self.own.get((held.guild_id, game.slug), {})
        keys = {spelling: key_of(spelling) for spelling in held.delivery.spellings}
        listed = [(spelling, self.codes.get((game.slug, key)) or own.get(key)) for spelling, key in keys.items()]
        return game, [replace(code, spelling=spelling) for spelling, code in listed if code is not None]

    def _look_of(self, held: Held, game: Game, subscription: Subscription) -> Look:
        look = look_for(subscription, game, self.courier.words(held.guild_id))
        return look_as_claimed(look, next(iter(held.entries.values()), {}))

    # What follows

    def _record(self, held: Held, found: Found) -> DeliveryReport:
        try:
            self.courier.record(held, found.message_id, found.channel_id)
        except LostDeliveryError:
            return self._taken(held)
        return replace(self._report(held, DeliveryResult.SETTLED, "found in the channel"), message_id=found.message_id)

    def _repeat(self, held: Held, subscription: Subscription, now: datetime | None) -> DeliveryReport:
        taken = self.courier.deliveries.take_over(held.delivery, now)
        game, codes = self._still_owed(held)
        route = self.courier.routes(next_place(subscription))
        if taken is None or game is None or isinstance(route, Refused) or now is None:
            return self._taken(held)
        announcement = announcements(self._look_of(held, game, subscription), codes)[0]
        since = snowflake_time(taken.begins)
        is_fresh = now - since < route.repeats_safely_for
        # What was not there at the look, Discord knows for so long from then on.
        before = (since if is_fresh else now) + route.repeats_safely_for
        return self.courier.post(
            subscription, route, announcement, replace(held, delivery=taken), may_be_there=True, before=before
        )

    def _free(self, held: Held, reason: str, subscription: Subscription | None) -> DeliveryReport | None:
        is_followed = subscription is not None and held.delivery.game in self.games
        if not self.courier.release(held, reason if is_followed else NOT_FOLLOWED):
            return self._taken(held)
        if not is_followed:
            return self._report(held, DeliveryResult.RELEASED, NOT_FOLLOWED)
        return None if self.posts else self._report(held, DeliveryResult.RELEASED, NOT_THERE)

    def _wait(self, held: Held, reason: str, now: datetime | None) -> DeliveryReport:
        if held.delivery.state is DeliveryState.UNCLEAR:
            return replace(self._report(held, DeliveryResult.UNCERTAIN, reason), told=False)
        # From now on it is known that nobody is at it.
        if held.delivery.quiet_since is None and held.delivery.holder.host == self.courier.deliveries.host:
            self.courier.leave(held)
        age = held.delivery.age(now)
        report = self._report(held, DeliveryResult.UNCLEAR, reason)
        return replace(report, told=age is None or age < TOLD_FOR)

    def _ask(self, held: Held, reason: str, now: datetime | None, *, for_good: bool) -> DeliveryReport:
        delivery = held.delivery
        report = self._report(held, DeliveryResult.UNCERTAIN, reason)
        was_asked = delivery.state is DeliveryState.UNCLEAR
        if have_ended(delivery, self.may_go_out):
            return self.close(replace(held, delivery=replace(delivery, reason=reason)))
        if was_asked and (delivery.reason, delivery.is_final) == (reason, for_good):
            return replace(report, told=False)
        unclear = replace(delivery, state=DeliveryState.UNCLEAR, reason=reason, is_final=for_good)
        try:
            self.courier.deliveries.leave(unclear, now)
        except LostDeliveryError:
            return self._taken(held)
        return replace(report, told=not was_asked)

    def _taken(self, held: Held) -> DeliveryReport:
        return self._report(held, DeliveryResult.TAKEN, "another host settles it")

    def _report(self, held: Held, result: DeliveryResult, reason: str) -> DeliveryReport:
        return DeliveryReport(
            guild_id=held.guild_id,
            game=held.delivery.game,
            destination="",
            codes=held.delivery.spellings,
            result=result,
            reason=reason,
            delivery_id=held.delivery.id,
        )


def is_over(held: Held, codes: Mapping[tuple[str, str], bool], now: datetime) -> bool:
    """Whether an unclear delivery closes itself: all of its codes have ended, or it has waited for long enough.

    `codes` says by game and key of those that are known whether they may go out.
    """
    if held.delivery.state is not DeliveryState.UNCLEAR:
        return False
    return have_ended(held.delivery, codes) or now - held.delivery.since >= WAITS_FOR


def have_ended(delivery: Delivery, codes: Mapping[tuple[str, str], bool]) -> bool:
    """Whether all codes of a delivery have ended, by what is known of each: whether it may go out."""
    return all(codes.get((delivery.game, key_of(spelling))) is False for spelling in delivery.spellings)
