"""Claims on legs: which legs are owed, taking one just before its message goes out, and what came of it.

A leg is claimed in the very moment before its message goes out, after all waiting for rate limits, and only if by the
rules it is still due: whoever has just handed in a TODO is not pinged by a message that was made before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from giftping.delivery.clock import Clock, delivery_time
from giftping.discord.meanings import meaning_of
from giftping.discord.outcome import Done, Outcome, Refused, WithdrawnError
from giftping.todo.errands import Errand, Recipient
from giftping.todo.history import Event
from giftping.todo.model import PINGS, LegName, LegState, Member, Notice
from giftping.todo.periods import Period
from giftping.todo.report import ActionResult, LegReport
from giftping.todo.repository import MemberChange, MemberRepository, new_id
from giftping.todo.rules import TodoRules, due
from giftping.todo.transitions import ping_for, with_claim, with_delivery, with_refusal


@dataclass(frozen=True, slots=True)
class LegClaims:
    """Claims legs in the name of one run of one host."""

    repository: MemberRepository
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
            return (member, notice) if notice and notice.leg(leg).state is LegState.OPEN else None
        now = self.clock()
        # By the rules as they are now: since the plan was made a TODO, a pause or another host's ping may have come.
        found = due(member, self.rules, now, self.downtimes)
        if not found.is_ping or leg not in found.legs:
            return None
        notice = ping_for(member, found, new_id(), now, dm=self.dm_state(member))
        return (member, notice) if notice.leg(leg).state is LegState.OPEN else None

    def claim(
        self, errands: Sequence[Errand], leg: LegName, channel_id: int, *, held: Sequence[Recipient]
    ) -> list[Recipient]:
        """The members, as they are now, whose leg is owed and was claimed, or is still `held` by this message.

        Raise WithdrawnError while the store holds back whatever is to be sent.
        """
        members = self.repository.load([errand.user_id for errand in errands]).members
        # Asked after the reading, which may be what notices that the store is away.
        self._withdraw_if_held()
        if held:
            return _still_held(members, held)
        now, host = self.clock(), self.rules.host
        # Of two errands for one member the later one: a document changes once in a write, and the other stays owed.
        claimed = {
            member.user_id: (with_claim(member, notice, leg, now=now, by=host, channel_id=channel_id), notice)
            for member, notice in self.owed(members, errands, leg)
        }
        # Whose document has changed since it was read is not won: another host has it, or a TODO has just come.
        won = self.repository.save([MemberChange(member) for member, _ in claimed.values()]) if claimed else frozenset()
        # And after the claim: one in which the store was lost has no referee. It is settled as that of a killed run.
        self._withdraw_if_held()
        return [found for user_id, found in claimed.items() if user_id in won]

    def _withdraw_if_held(self) -> None:
        if why := self.repository.store.held_back:
            raise WithdrawnError(why)

    def record(self, leg: LegName, sent: Sequence[Recipient], outcome: Outcome) -> list[LegReport]:
        """How a message ended for each member that it was for, once that is written down."""
        if isinstance(outcome, Done):
            at, message_id, channel_id = delivery_time(outcome.at, self.clock()), outcome.message_id, outcome.channel_id
            self._change(
                sent,
                leg,
                lambda member, notice: with_delivery(
                    member, notice, leg, at=at, message_id=message_id, channel_id=channel_id
                ),
                message_id=message_id,
            )
            return [
                leg_report(member, notice, leg, ActionResult.DONE, message_id=message_id) for member, notice in sent
            ]
        if not isinstance(outcome, Refused):
            # The claims stay: the next sweep looks in the channel before anybody is told once more.
            return [leg_report(member, notice, leg, ActionResult.UNCLEAR, outcome.reason) for member, notice in sent]
        if outcome.withdrawn:
            return []
        reason = outcome.reason
        self._change(sent, leg, lambda member, notice: with_refusal(member, notice, leg, reason=reason), reason=reason)
        mend = meaning_of(outcome.status, outcome.code).mend
        refused = [leg_report(member, notice, leg, ActionResult.REFUSED, reason) for member, notice in sent]
        return [replace(report, mend=mend) for report in refused]

    def close(self, leg: LegName, sent: Sequence[Recipient], reason: str) -> list[LegReport]:
        """That a leg is not to be sent any more to these members, once that is written down."""
        self._change(
            sent, leg, lambda member, notice: with_refusal(member, notice, leg, reason=reason, state=LegState.CLOSED)
        )
        return [leg_report(member, notice, leg, ActionResult.CLOSED, reason) for member, notice in sent]

    def _change(
        self,
        sent: Sequence[Recipient],
        leg: LegName,
        change: Callable[[Member, Notice], Member],
        *,
        reason: str = "",
        message_id: int | None = None,
    ) -> None:
        """Change the members' notices as they are now; what was delivered is entered also when the notice is gone."""
        notices = {member.user_id: notice for member, notice in sent}
        now = self.clock()

        def changed(member: Member) -> MemberChange | None:
            known = notices[member.user_id]
            notice = member.notice(known.id)
            if notice is None:
                return None
            after = change(member, notice)
            # The same refusal each quarter of an hour would fill the history.
            is_news = message_id is not None or notice.leg(leg).reason != reason
            event = leg_event(member, notice, leg, now, self.rules.host, reason=reason, message_id=message_id)
            return MemberChange(after, (event,) if is_news else ())

        amended = self.repository.amend(list(notices), changed)
        if message_id is not None:
            # A TODO that came while the message was under way has taken the ping away; it was delivered all the same.
            gone = [(member, notice) for member, notice in sent if member.user_id not in amended]
            self.repository.enter(
                leg_event(member, notice, leg, now, self.rules.host, message_id=message_id) for member, notice in gone
            )


def _still_held(members: Mapping[int, Member], held: Sequence[Recipient]) -> list[Recipient]:
    """Those whose claim has neither been settled by somebody else nor overtaken by a TODO."""
    fresh = [(members.get(member.user_id), notice.id) for member, notice in held]
    known = [(member, notice) for member, id_ in fresh if member and (notice := member.notice(id_))]
    return [(member, notice) for member, notice in known if not _is_overtaken(member, notice)]


def _is_overtaken(member: Member, notice: Notice) -> bool:
    """Whether a TODO has come since a ping was made; an older bot leaves the ping in place."""
    return notice.kind in PINGS and member.silent_since is not None and member.silent_since > notice.made_at


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
