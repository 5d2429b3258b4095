"""Claims on legs: which legs are owed, taking them just before their message goes out, and what came of it.

A message is a delivery. It is claimed in the very moment before it goes out, after all waiting for rate limits, and its
legs with it, each only if by the rules it is still due: whoever has just handed in a TODO is not pinged by a message
that was made before. Before its first byte it passes the fence: whoever has been asleep for so long that another run
has settled it sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from giftping.delivery.clock import Clock, delivery_time
from giftping.delivery.deliveries import Deliveries, Delivery, LostDeliveryError
from giftping.delivery.retries import is_left_alone, message_retry_at
from giftping.discord.http import DiscordHttp
from giftping.discord.meanings import Meaning, meaning_of
from giftping.discord.outcome import Done, Outcome, Unclear, WithdrawnError
from giftping.discord.snowflake import snowflake_time
from giftping.store.base import StoreAwayError
from giftping.todo.errands import Errand, Recipient
from giftping.todo.held_back import withdrawn_while_held
from giftping.todo.history import Event
from giftping.todo.model import PINGS, LegName, LegState, Member, Notice, NoticeKind
from giftping.todo.periods import Period
from giftping.todo.report import ActionResult, LegReport
from giftping.todo.repository import MemberChange, MemberRepository, new_id
from giftping.todo.rules import TodoRules, due
from giftping.todo.transitions import ping_for, with_claim, with_delivery, with_refusal, with_stray_ping

SEVERAL = "notices"
"""The kind of a delivery that tells several things."""

NOTICE_KINDS = (*(kind.value for kind in NoticeKind), SEVERAL)
"""The kinds of the deliveries that carry legs."""


@dataclass
class Outgoing:
    """One message on its way: whom it is for, and what it has claimed."""

    leg: LegName
    errands: Sequence[Errand]
    delivery: Delivery
    """Nothing is claimed as long as it has no document."""
    recipients: list[Recipient] = field(default_factory=list)
    """Whose leg it has claimed, and holds."""
    is_overtaken: bool = False
    """Whether it was taken back at the fence because of one of them: the others are to be told by another message."""

    @property
    def is_claimed(self) -> bool:
        """Whether its delivery has been written."""
        return self.delivery.document is not None


@dataclass(frozen=True, slots=True)
class LegClaims:
    """Claims legs in the name of one run of one host."""

    repository: MemberRepository
    deliveries: Deliveries
    http: DiscordHttp
    """Whose time dates the claims: nobody's clock does."""
    clock: Clock
    rules: TodoRules
    downtimes: Sequence[Period]
    dm_state: Callable[[Member], LegState]
    """How the DM leg of a new notice stands for a member."""

    def owed(self, members: Mapping[int, Member], errands: Sequence[Errand], leg: LegName) -> list[Recipient]:
        """The members, with their notices, whose leg is to be sent now; those whose errand is done are left out."""
        known = [(members[errand.user_id], errand) for errand in errands if errand.user_id in members]
        return [found for member, errand in known if (found := self._owed(member, errand, leg)) is not None]

    def _owed(self, member: Member, errand: Errand, leg: LegName) -> Recipient | None:
        if errand.notice_id:
            notice = member.notice(errand.notice_id)
            return (member, notice) if notice and self._is_to_be_tried(notice, leg) else None
        now = self.clock()
        # By the rules as they are now: since the plan was made a TODO, a pause or another host's ping may have come.
        found = due(member, self.rules, now, self.downtimes)
        if not found.is_ping or leg not in found.legs:
            return None
        notice = ping_for(member, found, new_id(), now, dm=self.dm_state(member))
        return (member, notice) if self._is_to_be_tried(notice, leg) else None

    def _is_to_be_tried(self, notice: Notice, leg: LegName) -> bool:
        known = notice.leg(leg)
        return known.state is LegState.OPEN and not is_left_alone(known.retry_at, self.clock())

    # Before it goes out

    def outgoing(self, errands: Sequence[Errand], leg: LegName, channel_id: int) -> Outgoing:
        """A message to a channel, with nothing claimed yet."""
        return Outgoing(leg, errands, self.deliveries.new(SEVERAL, channel_id=channel_id))

    def claim(self, outgoing: Outgoing) -> list[Recipient]:
        """The members, as they are now, whom the message is to tell: their legs are claimed by it.

        The first call claims; each other one comes after a 429, and lets go of those who are not to be told any more.
        Raise WithdrawnError when nobody is left, and while the store holds back whatever is to be sent.
        """
        members = self.repository.load([errand.user_id for errand in outgoing.errands]).members
        # Asked after the reading, which may be what notices that the store is away.
        with withdrawn_while_held(self.repository.store):
            if outgoing.is_claimed:
                self._let_go_of_the_overtaken(outgoing, members)
            else:
                self._claim(outgoing, members)
        if not outgoing.recipients:
            raise WithdrawnError("nobody is to be told any more")
        return outgoing.recipients

    def _claim(self, outgoing: Outgoing, members: Mapping[int, Member]) -> None:
        leg, id_, channel_id = outgoing.leg, outgoing.delivery.id, outgoing.delivery.channel_id
        # Of two errands for one member the later one: a document changes once in a write, and the other stays owed.
        owed = {member.user_id: (member, notice) for member, notice in self.owed(members, outgoing.errands, leg)}
        if not owed:
            return
        now = self.clock()
        claimed = {
            user_id: (with_claim(member, notice, leg, now=now, delivery=id_, channel_id=channel_id), notice)
            for user_id, (member, notice) in owed.items()
        }
        delivery = replace(
            outgoing.delivery,
            kind=_kind_of(notice for _, notice in owed.values()),
            since=now,
            anchor=self.http.anchor(),
            entries=_entries(owed.values(), leg),
        )
        changes = self.repository.changes_of([MemberChange(member) for member, _ in claimed.values()])
        outgoing.delivery, made = self.deliveries.claim(delivery, list(changes.values()))
        # Whose document has changed since it was read is not won: another host has it, or a TODO has just come.
        outgoing.recipients = [claimed[user_id] for user_id, is_won in zip(changes, made, strict=True) if is_won]

    def _let_go_of_the_overtaken(self, outgoing: Outgoing, members: Mapping[int, Member]) -> None:
        """Keep those whose leg is still this message's, and due by the rules as they are now."""
        kept: list[Recipient] = []
        overtaken: list[Recipient] = []
        for known, made in outgoing.recipients:
            member = members.get(known.user_id)
            notice = member.notice(made.id) if member else None
            if member is None or notice is None or not _is_held(notice, outgoing):
                continue
            (kept if self._is_still_due(member, notice, outgoing.leg) else overtaken).append((member, notice))
        outgoing.recipients = kept
        if overtaken:
            self._open_again(outgoing, overtaken)

    def _is_still_due(self, member: Member, notice: Notice, leg: LegName) -> bool:
        if notice.kind not in PINGS:
            return True
        # As if it had not been claimed: the claim itself counts as a ping.
        unclaimed = with_refusal(member, notice, leg, reason="")
        found = due(unclaimed, self.rules, self.clock(), self.downtimes)
        return found.is_ping and leg in found.legs

    def fence(self, outgoing: Outgoing) -> None:
        """Note that the message may be there from now on, and whom it tells.

        Raise WithdrawnError where it is not this run's any more.
        """
        entries = _entries(outgoing.recipients, outgoing.leg)
        fenced = replace(outgoing.delivery, entries=entries, since=self.clock())
        with withdrawn_while_held(self.repository.store):
            try:
                outgoing.delivery = self.deliveries.fence(fenced)
            except LostDeliveryError:
                raise WithdrawnError("another run has taken it over") from None
            # The last look, with nothing between it and the first byte: since the claim somebody may have handed in.
            is_ping = any(notice.kind in PINGS for _, notice in outgoing.recipients)
            outgoing.is_overtaken = is_ping and not self._are_all_to_be_told(outgoing)
        if outgoing.is_overtaken:
            raise WithdrawnError("not all of them are to be told any more")

    def _are_all_to_be_told(self, outgoing: Outgoing) -> bool:
        members = self.repository.load([member.user_id for member, _ in outgoing.recipients]).members
        for known, made in outgoing.recipients:
            member = members.get(known.user_id)
            notice = member.notice(made.id) if member else None
            if member is None or notice is None or not _is_held(notice, outgoing):
                return False
            if not self._is_still_due(member, notice, outgoing.leg):
                return False
        return True

    # What came of it

    def record(self, outgoing: Outgoing, outcome: Outcome) -> list[LegReport]:
        """How a message ended for each member that it was for, once that is written down."""
        if isinstance(outcome, Done):
            return self._record_done(outgoing, outcome)
        if isinstance(outcome, Unclear):
            return self._record_unclear(outgoing, outcome)
        if outcome.withdrawn:
            # While the store is away nothing is written to it: what is left is settled as that of a killed run.
            if not self.repository.store.held_back:
                self._release(outgoing)
            return []
        meaning = meaning_of(outcome.status, outcome.code)
        # Of several it is not known whose part of it was refused: each is tried alone first.
        is_alone = len(outgoing.recipients) == 1
        self._release(outgoing, outcome.reason, of_content=meaning if is_alone else None)
        rests = is_alone and meaning.is_of_message
        reports = _reports(outgoing, ActionResult.REFUSED, outcome.reason)
        return [replace(one, mend=meaning.mend, rests=rests) for one in reports]

    def _record_done(self, outgoing: Outgoing, outcome: Done) -> list[LegReport]:
        message_id, channel_id = outcome.message_id, outcome.channel_id or outgoing.delivery.channel_id
        # By Discord's clock, never by ours: it is what the interval lies between.
        at = delivery_time(snowflake_time(message_id), self.clock())

        def delivered(member: Member, notice: Notice) -> Member:
            return with_delivery(member, notice, outgoing.leg, at=at, message_id=message_id, channel_id=channel_id)

        # All of it in one write for each collection: the next message waits for each of them.
        members = self.repository.load([member.user_id for member, _ in outgoing.recipients]).members
        edit = self._edit(outgoing, outgoing.recipients, delivered, message_id=message_id)
        edits = [changed for member in members.values() if (changed := edit(member)) is not None]
        events, changes = self.repository.events_of(edits), self.repository.changes_of(edits)
        made = self.deliveries.note_arrival(
            replace(outgoing.delivery, message_id=message_id), [*events, *changes.values()]
        )
        done = {user_id for user_id, is_made in zip(changes, made[len(events) :], strict=True) if is_made}
        # Whose document has changed since it was read is amended as it is now.
        if left := [one for one in outgoing.recipients if one[0].user_id not in done]:
            self._change(outgoing, left, delivered, message_id=message_id)
        return _reports(outgoing, ActionResult.DONE, message_id=message_id)

    def _record_unclear(self, outgoing: Outgoing, outcome: Unclear) -> list[LegReport]:
        # The claims stay: the next sweep looks in the channel before anybody is told once more.
        with suppress(LostDeliveryError, StoreAwayError):
            self.deliveries.leave(outgoing.delivery, self.http.discord_now())
        return _reports(outgoing, ActionResult.UNCLEAR, outcome.reason)

    def close(self, outgoing: Outgoing, reason: str) -> list[LegReport]:
        """That a leg is not to be sent any more to these members, once that is written down."""
        self._release(outgoing, reason, LegState.CLOSED)
        return _reports(outgoing, ActionResult.CLOSED, reason)

    def close_unsent(self, owed: Recipient, leg: LegName, reason: str) -> list[LegReport]:
        """The same for a leg to which there is no way, so that no message was made."""
        user_id, id_ = owed[0].user_id, owed[1].id

        def closed(member: Member) -> MemberChange | None:
            notice = member.notice(id_)
            if notice is None or notice.leg(leg).state is not LegState.OPEN:
                return None
            return MemberChange(with_refusal(member, notice, leg, reason=reason, state=LegState.CLOSED))

        self.repository.amend([user_id], closed)
        return [leg_report(*owed, leg, ActionResult.CLOSED, reason)]

    def _release(
        self,
        outgoing: Outgoing,
        reason: str = "",
        state: LegState = LegState.OPEN,
        of_content: Meaning | None = None,
    ) -> None:
        """Take back a claim of which surely nothing was posted."""
        # The delivery first: only as long as it is ours its legs are, too.
        if outgoing.is_claimed and self.deliveries.remove(outgoing.delivery):
            self._open_again(outgoing, outgoing.recipients, reason, state, of_content)

    def _open_again(
        self,
        outgoing: Outgoing,
        recipients: Sequence[Recipient],
        reason: str = "",
        state: LegState = LegState.OPEN,
        of_content: Meaning | None = None,
    ) -> None:
        now = self.clock()

        def refused(member: Member, notice: Notice) -> Member:
            leg = notice.leg(outgoing.leg)
            retry_at = message_retry_at(of_content, leg.noes + 1, now) if of_content else None
            return with_refusal(
                member, notice, outgoing.leg, reason=reason or leg.reason, state=state, retry_at=retry_at
            )

        self._change(
            outgoing,
            recipients,
            refused,
            # That somebody takes no direct messages is no event.
            reason=reason if state is LegState.OPEN else "",
        )

    def _change(
        self,
        outgoing: Outgoing,
        recipients: Sequence[Recipient],
        change: Callable[[Member, Notice], Member],
        *,
        reason: str = "",
        message_id: int | None = None,
    ) -> None:
        """Change the members' notices as they are now, where the leg is still this message's.

        What was delivered is entered also where it is not.
        """
        notices, now = {member.user_id: notice for member, notice in recipients}, self.clock()
        edit = self._edit(outgoing, recipients, change, reason=reason, message_id=message_id)
        amended = self.repository.amend(list(notices), edit)
        if message_id is not None:
            stray = {user_id: notice for user_id, notice in notices.items() if user_id not in amended}
            self._enter_stray(stray, outgoing.leg, message_id, now)

    def _edit(
        self,
        outgoing: Outgoing,
        recipients: Sequence[Recipient],
        change: Callable[[Member, Notice], Member],
        *,
        reason: str = "",
        message_id: int | None = None,
    ) -> Callable[[Member], MemberChange | None]:
        """What changes a member, with what the history says of it, as long as the leg is this message's."""
        ids, leg = {member.user_id: notice.id for member, notice in recipients}, outgoing.leg
        now = self.clock()

        def edited(member: Member) -> MemberChange | None:
            notice = member.notice(ids[member.user_id])
            if notice is None or not _is_held(notice, outgoing):
                return None
            # The same refusal each quarter of an hour would fill the history.
            is_news = message_id is not None or (reason != "" and notice.leg(leg).reason != reason)
            event = leg_event(member, notice, leg, now, self.rules.host, reason=reason, message_id=message_id)
            return MemberChange(change(member, notice), (event,) if is_news else ())

        return edited

    def _enter_stray(self, notices: Mapping[int, Notice], leg: LegName, message_id: int, now: datetime) -> None:
        """Enter what was delivered though nobody waits for it: a TODO came meanwhile, or it was given up."""
        at = delivery_time(snowflake_time(message_id), now)
        for member in self.repository.load(notices).members.values() if notices else ():
            notice = notices[member.user_id]
            event = leg_event(member, notice, leg, now, self.rules.host, message_id=message_id)
            self.repository.enter([event])
            if notice.kind in PINGS:
                self.repository.amend([member.user_id], lambda known: MemberChange(with_stray_ping(known, at)))


def entry_of(user_id: int, notice_id: str, leg: LegName) -> str:
    """How a delivery names a leg that it carries."""
    return f"{user_id}:{notice_id}:{leg.value}"


def _entries(recipients: Iterable[Recipient], leg: LegName) -> tuple[str, ...]:
    return tuple(entry_of(member.user_id, notice.id, leg) for member, notice in recipients)


def _kind_of(notices: Iterable[Notice]) -> str:
    kinds = {notice.kind.value for notice in notices}
    return kinds.pop() if len(kinds) == 1 else SEVERAL


def _is_held(notice: Notice, outgoing: Outgoing) -> bool:
    """Whether a leg is still the message's."""
    leg = notice.leg(outgoing.leg)
    return leg.state is LegState.CLAIMED and leg.delivery == outgoing.delivery.id


def _reports(
    outgoing: Outgoing, result: ActionResult, reason: str = "", message_id: int | None = None
) -> list[LegReport]:
    return [leg_report(*one, outgoing.leg, result, reason, message_id) for one in outgoing.recipients]


def leg_event(
    member: Member,
    notice: Notice,
    leg: LegName,
    at: datetime,
    by: str,
    *,
    reason: str = "",
    message_id: int | None = None,
) -> Event:
    """The event of a leg that was delivered, or refused."""
    result = "delivered" if message_id is not None else "not delivered"
    # A delivery is entered once, whoever notices it: the message's id is a part of the event's.
    id_ = f"{notice.id}:{leg.value}:{message_id or new_id()}"
    return Event(id_, member.user_id, notice.kind.value, at, by, leg.value, result, reason, message_id=message_id)


def leg_report(
    member: Member, notice: Notice, leg: LegName, result: ActionResult, reason: str = "", message_id: int | None = None
) -> LegReport:
    """How a leg ended."""
    return LegReport(member.user_id, member.name, notice.kind, leg, result, reason, message_id)
