"""What earlier runs left open: messages of which nobody said what came of them, and notices too old to be news.

A delivery whose process is still there is its own, however long it takes. What was never written needs no look; what
was is looked for in its channel, from Discord's own time just before it was claimed on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from giftping.delivery.clock import Clock, delivery_time
from giftping.delivery.deliveries import BLIND_MARGIN, WAITS_FOR, Deliveries, Delivery, DeliveryState, LostDeliveryError
from giftping.discord.finding import Window, candidates_among, decide
from giftping.discord.outcome import Absent, Found, Refused, Undecided
from giftping.discord.rest import NOT_FOUND, History, RestClient, is_by
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.todo.claims import NOTICE_KINDS, entry_of, leg_event, user_of
from giftping.todo.model import PINGS, UNDER_WAY, Leg, LegName, LegState, Member, Notice
from giftping.todo.notices import shows
from giftping.todo.report import ActionResult, LegReport
from giftping.todo.repository import MemberChange, MemberRepository
from giftping.todo.rules import TodoRules
from giftping.todo.transitions import with_delivery, with_late_claim, with_refusal

NEWS_FOR = timedelta(days=7)
"""How long it is tried to deliver a notice other than a ping."""

NEVER_WRITTEN = "cut short before it went out"
NOT_THERE = "cut short, and not in the channel"

ENDED = (DeliveryState.DONE, DeliveryState.CLOSED)
"""The states in which it is known what came of a delivery, or that it never will be."""

LegChange = Callable[[Member, Notice, LegName], Member]
"""What a member becomes by what is known of one leg."""


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """A claimed leg of which nobody has said what came of it."""

    member: Member
    notice: Notice
    name: LegName

    @property
    def leg(self) -> Leg:
        """The leg itself."""
        return self.notice.leg(self.name)

    @property
    def entry(self) -> str:
        """What its delivery calls it."""
        return entry_of(self.member.user_id, self.notice.id, self.name)


@dataclass(frozen=True, slots=True)
class OpenMessage:
    """A message that may have arrived, with the legs that it carries."""

    legs: Sequence[OpenLeg]
    channel_id: int
    begins: int
    """The snowflake that it cannot be below."""
    last_byte: datetime
    """The latest that its first byte can have gone out."""
    delivery: Delivery | None = None
    """None where an older release, which knew of none, has claimed a leg."""


def claimed_legs(members: Iterable[Member]) -> list[OpenLeg]:
    """The legs that are claimed, of whichever run."""
    return [
        OpenLeg(member, notice, name)
        for member in members
        for notice in member.notices
        for name in notice.legs_in(LegState.CLAIMED)
    ]


def may_be_settled(leg: Leg, rules: TodoRules, now: datetime) -> bool:
    """Whether the run of an older release that has claimed a leg is over; elsewhere only its lease tells."""
    patience = UNDER_WAY if leg.by == rules.host else rules.lease
    return leg.at is None or now - leg.at >= patience


@dataclass(frozen=True, slots=True)
class LegSettler:
    """Settles what no process is at any more, with one reading of each channel for all of it."""

    repository: MemberRepository
    deliveries: Deliveries
    rest: RestClient
    clock: Clock
    rules: TodoRules
    stopped: Callable[[], bool] = lambda: False

    def settle(self, members: Iterable[Member]) -> list[LegReport]:
        """How every open leg that can be settled has ended, once that is written down."""
        left: dict[str, list[OpenLeg]] = {}
        for found in claimed_legs(members):
            left.setdefault(found.leg.delivery, []).append(found)
        messages = self._of_older_releases(left.pop("", []))
        # Read after the members: a delivery is there before a leg names it, and goes after none does any more.
        deliveries = self.deliveries.load(kinds=NOTICE_KINDS)
        carried = self._legs_in(deliveries)
        reports: list[LegReport] = []
        ended = []
        for delivery in deliveries:
            left.pop(delivery.id, None)
            legs = carried.get(delivery.id, [])
            if delivery.state in ENDED:
                reports += self._brought_to_its_end(delivery, legs)
                ended.append(delivery)
            elif not self._nobody_is_at(delivery):
                continue
            elif delivery.state is DeliveryState.CLAIMED or not legs:
                # What was never written is not there; nobody waits for what no leg names.
                reports += self._taken_back(legs) if self.deliveries.remove(delivery) else []
            else:
                messages += self._taken_over(delivery, legs)
        for legs in left.values():
            reports += self._taken_back(legs)
        reports += self._looked_for(messages)
        self.deliveries.remove_done(ended)
        return reports

    def _legs_in(self, deliveries: Sequence[Delivery]) -> dict[str, list[OpenLeg]]:
        """The legs that each delivery carries, by its id.

        Read after the deliveries: one that was claimed since the members were read is not one that nobody waits for.
        """
        ids = {user_id for one in deliveries for entry in one.entries if (user_id := user_of(entry)) is not None}
        carried: dict[str, list[OpenLeg]] = {}
        for found in claimed_legs(self.repository.load(ids).members.values()) if ids else ():
            carried.setdefault(found.leg.delivery, []).append(found)
        return carried

    def _nobody_is_at(self, delivery: Delivery) -> bool:
        if delivery.holder.host != self.deliveries.host and delivery.channel_id is not None:
            # Another host's lease goes by Discord's time; a sweep that has nothing to settle does not ask for it.
            self.rest.ask(delivery.channel_id)
        return self.deliveries.nobody_is_at(delivery, self.rest.http.discord_now(), self.rules.lease)

    def _now(self) -> datetime:
        return self.rest.http.discord_now() or self.clock()

    # What needs no look

    def _taken_back(self, legs: Iterable[OpenLeg], reason: str = NEVER_WRITTEN) -> list[LegReport]:
        """The legs that surely were not delivered: they are open again, and the interval was not used up."""
        return [
            self._written(found, ActionResult.LATER, lambda *known: with_refusal(*known, reason=reason), reason=reason)
            for found in legs
        ]

    def _brought_to_its_end(self, delivery: Delivery, legs: Sequence[OpenLeg]) -> list[LegReport]:
        """The legs of a delivery that is done or closed, but whose run was cut short before they said so."""
        carried = [found for found in legs if found.entry in delivery.entries]
        reports = self._taken_back(found for found in legs if found.entry not in delivery.entries)
        if delivery.message_id is not None:
            return reports + self._delivered(carried, delivery.message_id)
        return reports + self._closed(carried, delivery.reason, delivery.since)

    def _delivered(self, legs: Iterable[OpenLeg], message_id: int) -> list[LegReport]:
        """The legs that were found: delivered when the message says so itself, by Discord's clock."""
        at = delivery_time(snowflake_time(message_id), self.clock())

        def delivered(found: OpenLeg) -> LegChange:
            channel_id = found.leg.channel_id
            return lambda *known: with_delivery(*known, at=at, message_id=message_id, channel_id=channel_id)

        return [self._written(found, ActionResult.DONE, delivered(found), message_id=message_id) for found in legs]

    def _closed(self, legs: Iterable[OpenLeg], reason: str, last_byte: datetime) -> list[LegReport]:
        """The legs of which nobody will ever tell: they count as a ping, and never as a warning."""

        def closed(member: Member, notice: Notice, name: LegName) -> Member:
            counted = with_late_claim(member, notice, name, at=last_byte + UNDER_WAY)
            known = counted.notice(notice.id) or notice
            return with_refusal(counted, known, name, reason=reason, state=LegState.UNCERTAIN)

        return [self._written(found, ActionResult.UNCERTAIN, closed, reason=reason) for found in legs]

    # What may have arrived

    def _of_older_releases(self, legs: Iterable[OpenLeg]) -> list[OpenMessage]:
        now = self.clock()
        messages = []
        for found in legs:
            at = found.leg.at or found.notice.made_at
            if may_be_settled(found.leg, self.rules, now):
                messages.append(OpenMessage([found], found.leg.channel_id or 0, snowflake_at(at - BLIND_MARGIN), at))
        return messages

    def _taken_over(self, delivery: Delivery, legs: Sequence[OpenLeg]) -> list[OpenMessage]:
        """The message that is this run's to settle now: from here on its old holder's fence does not hold."""
        known = snowflake_time(delivery.quiet_since) if delivery.quiet_since is not None else delivery.since
        taken = self.deliveries.take_over(delivery, self.rest.http.discord_now())
        if taken is None:
            return []
        return [OpenMessage(legs, delivery.channel_id or 0, delivery.begins, min(known, self._now()), taken)]

    def _looked_for(self, messages: Iterable[OpenMessage]) -> list[LegReport]:
        # One reading of a channel for all its legs: reading has a rate limit, and a cut-short sweep leaves many.
        by_channel: dict[int, list[OpenMessage]] = {}
        for message in messages:
            by_channel.setdefault(message.channel_id, []).append(message)
        reports: list[LegReport] = []
        for channel_id, ours in by_channel.items():
            reports += self._in_channel(channel_id, ours) if not self.stopped() else []
        return reports

    def _in_channel(self, channel_id: int, messages: Sequence[OpenMessage]) -> list[LegReport]:
        window = Window(min(message.begins for message in messages))
        me = self.rest.me()
        history = self.rest.read_back(channel_id, window) if isinstance(me, int) else me
        if isinstance(history, History) and isinstance(me, int):
            ours = [message for message in history.messages if is_by(message, me)]
            return [report for one in messages for report in self._decided(one, ours, complete=history.complete)]
        # A channel that is gone keeps its secret; a token that is refused for now may be mended.
        gone = isinstance(history, Refused) and history.lasting and not history.everywhere
        may_come_back = getattr(history, "status", None) != NOT_FOUND
        undecided = Undecided(f"cannot look: {getattr(history, 'reason', '')}", for_good=gone)
        result = ActionResult.UNCERTAIN if gone else ActionResult.UNCLEAR
        return [
            report for one in messages for report in self._left(one, undecided, result, may_come_back=may_come_back)
        ]

    def _decided(
        self, message: OpenMessage, ours: Sequence[Mapping[str, object]], *, complete: bool
    ) -> list[LegReport]:
        is_quiet = self._now() - message.last_byte >= UNDER_WAY
        arrived: dict[int, list[OpenLeg]] = {}
        absent, finding = [], Undecided("it carries nothing")
        for found in message.legs:
            candidates = candidates_among(ours, lambda _: True, partial(_carries, found.notice))
            window = Window(message.begins)
            look = decide(candidates, window, accounted=frozenset(), complete=complete, settled=is_quiet)
            if isinstance(look, Found):
                arrived.setdefault(look.message_id, []).append(found)
            elif isinstance(look, Absent):
                absent.append(found)
            else:
                finding = look
        if arrived:
            return self._arrived(message, arrived)
        if len(absent) == len(message.legs):
            return self._absent(message)
        # Its run has only just ended, and Discord may still be carrying it out.
        return self._left(message, finding, ActionResult.LATER if complete else ActionResult.UNCLEAR)

    def _arrived(self, message: OpenMessage, arrived: Mapping[int, Sequence[OpenLeg]]) -> list[LegReport]:
        """A message that was found; whoever is not named in it was let go of by a repeat of it."""
        message_id = min(arrived)
        named = {found.entry for legs in arrived.values() for found in legs}
        done = {"state": DeliveryState.DONE, "message_id": message_id, "entries": tuple(sorted(named))}
        if not self._is_changed(message, **done):
            return []
        reports = [report for id_, legs in arrived.items() for report in self._delivered(legs, id_)]
        return reports + self._taken_back([found for found in message.legs if found.entry not in named], NOT_THERE)

    def _absent(self, message: OpenMessage) -> list[LegReport]:
        is_ours = message.delivery is None or self.deliveries.remove(message.delivery)
        return self._taken_back(message.legs, NOT_THERE) if is_ours else []

    def _left(
        self, message: OpenMessage, finding: Undecided, result: ActionResult, *, may_come_back: bool = True
    ) -> list[LegReport]:
        """A message of which a look does not tell: another one will, or the interval is over at some time.

        The post of a TODO has none: as long as its channel may be read again, it is looked for.
        """
        is_ping = any(found.notice.kind in PINGS for found in message.legs)
        age = self._now() - message.last_byte
        is_over = age >= self.rules.remind_every + UNDER_WAY
        if (is_over and (is_ping or not may_come_back)) or age >= WAITS_FOR:
            closed = {"state": DeliveryState.CLOSED, "reason": finding.reason, "since": message.last_byte}
            is_ours = self._is_changed(message, **closed)
            return self._closed(message.legs, finding.reason, message.last_byte) if is_ours else []
        was_told = message.delivery is not None and message.delivery.state is DeliveryState.UNCLEAR
        if not self._is_kept(message, finding):
            return []
        # It may have gone out later than it was claimed, and the interval lies between deliveries.
        reports = [
            self._written(found, result, lambda *known: with_late_claim(*known, at=message.last_byte))
            for found in message.legs
        ]
        # What looking will never tell is told once.
        told = [replace(report, reason=finding.reason) for report in reports]
        return told if not (was_told and finding.for_good) else []

    def _is_kept(self, message: OpenMessage, finding: Undecided) -> bool:
        """Whether the delivery is ours, and left for the next sweep, with why it is unclear."""
        if message.delivery is None:
            return True
        kept = replace(message.delivery, quiet_since=snowflake_at(message.last_byte))
        if finding.for_good:
            kept = replace(kept, state=DeliveryState.UNCLEAR, reason=finding.reason)
        try:
            self.deliveries.leave(kept, self.rest.http.discord_now())
        except LostDeliveryError:
            return False
        return True

    def _is_changed(self, message: OpenMessage, **fields: Any) -> bool:
        """Whether the delivery was ours, and is changed so; there is none where an older release claimed the legs."""
        if message.delivery is None:
            return True
        try:
            self.deliveries.change(replace(message.delivery, **fields))
        except LostDeliveryError:
            return False
        return True

    # Written down

    def _written(
        self,
        found: OpenLeg,
        result: ActionResult,
        change: LegChange,
        *,
        reason: str = "",
        message_id: int | None = None,
    ) -> LegReport:
        """How a leg has ended, once that is written down, unless somebody else has done so."""
        now, name, host = self.clock(), found.name, self.rules.host
        is_news = message_id is not None or reason != ""

        def changed(member: Member) -> MemberChange | None:
            notice = member.notice(found.notice.id)
            # Another run has settled it, or the one that claimed it was slow and is not dead.
            if notice is None or notice.leg(name) != found.leg:
                return None
            event = leg_event(member, notice, name, now, host, reason=reason, message_id=message_id)
            return MemberChange(change(member, notice, name), (event,) if is_news else ())

        self.repository.amend([found.member.user_id], changed)
        member, kind = found.member, found.notice.kind
        return LegReport(member.user_id, member.name, kind, name, result, reason, message_id, settled=True)

    def drop_old_news(self, members: Iterable[Member]) -> list[LegReport]:
        """The open legs of notices that could not be delivered for so long that they are no news: they are given up."""
        now = self.clock()
        old = {member.user_id: [notice for notice in member.notices if _is_old_news(notice, now)] for member in members}
        old = {user_id: notices for user_id, notices in old.items() if notices}
        dropped = self.repository.amend(list(old), lambda member: self._without_old_news(member, now)) if old else {}
        return [
            LegReport(
                user_id, member.name, notice.kind, name, ActionResult.UNCERTAIN, "given up after a week", settled=True
            )
            for user_id, member in dropped.items()
            for notice in old[user_id]
            for name in notice.legs_in(LegState.OPEN, LegState.CLAIMED)
        ]

    def _without_old_news(self, member: Member, now: datetime) -> MemberChange:
        kept = tuple(notice for notice in member.notices if not _is_old_news(notice, now))
        events = tuple(
            leg_event(member, notice, name, now, self.rules.host, reason="given up after a week")
            for notice in member.notices
            if _is_old_news(notice, now)
            for name in notice.legs_in(LegState.OPEN, LegState.CLAIMED)
        )
        return MemberChange(replace(member, notices=kept), events)


def _carries(notice: Notice, message: Mapping[str, Any]) -> bool:
    return shows(message, notice)


def _is_old_news(notice: Notice, now: datetime) -> bool:
    return notice.kind not in PINGS and now - notice.made_at >= NEWS_FOR
