"""Takes the role from a member, once in a lapse and never unwarned, and gives it back.

Taking it is a delivery like a message: claimed by the rules as they are in the moment before the request goes out, and
fenced before its first byte. What was cut short is not simply done again (settle_roles.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from giftping.delivery.clock import Clock
from giftping.delivery.deliveries import Deliveries, Delivery, DeliveryState, LostDeliveryError
from giftping.discord.http import Answer
from giftping.discord.meanings import meaning_of
from giftping.discord.members import UNKNOWN_MEMBER, MemberInfo, MembersClient
from giftping.discord.outcome import Refused, WithdrawnError
from giftping.store.base import StoreAwayError
from giftping.todo.held_back import withdrawn_while_held
from giftping.todo.history import Event
from giftping.todo.model import Leg, LegState, Member, Notice, NoticeKind, RemovalState
from giftping.todo.periods import Period
from giftping.todo.report import ActionResult, RoleReport
from giftping.todo.repository import MemberChange, MemberRepository, new_id
from giftping.todo.rules import Action, TodoRules, due, span_text
from giftping.todo.transitions import with_removal, without_removal

ROLE = "role"
"""The kind of a delivery that takes a role."""

STILL_THERE = "the member still had the role right after the request"
"""The reason of such a delivery whose own run has looked: what is still there later was not taken meanwhile."""


@dataclass
class _Taking:
    """One role that is about to be taken."""

    user_id: int
    delivery: Delivery
    """Nothing is claimed as long as it has no document."""


@dataclass(frozen=True, slots=True)
class RoleKeeper:
    """Takes and gives one role of one guild; the notices that tell of it are left for the messenger."""

    repository: MemberRepository
    deliveries: Deliveries
    members: MembersClient
    clock: Clock
    rules: TodoRules
    guild_id: int
    role_id: int
    downtimes: Sequence[Period] = ()
    """When nobody was reminded because no sweep ran: that time counts against nobody's role."""

    # Taken

    def take(self, user_id: int, dm: LegState) -> RoleReport | None:
        """How taking the role ended; None when by the rules it is not to be taken any more.

        `dm` is how the DM leg of the notice about it stands.
        """
        member = self.repository.member(user_id)
        reason = f"giftping: no TODO for {span_text(self.rules.remove_after)}, warned at least "
        reason += f"{span_text(self.rules.warning)} before"
        entries = (f"{user_id}:{ROLE}",)
        taking = _Taking(user_id, self.deliveries.new(ROLE, guild_id=self.guild_id, entries=entries))
        result = self.members.take_role(
            self.guild_id,
            user_id,
            self.role_id,
            reason=reason,
            ready=lambda: self._claim(taking),
            fence=lambda: self._fence(taking),
        )
        if isinstance(result, Answer):
            self._taken(taking, dm)
            return _report(member, given=False, result=ActionResult.DONE)
        if isinstance(result, Refused):
            self._release(taking)
            is_nothing = result.withdrawn or result.code == UNKNOWN_MEMBER
            return None if is_nothing else _refused(member, result, given=False)
        if self._is_gone_now(taking):
            self._taken(taking, dm)
            return _report(member, given=False, result=ActionResult.DONE)
        return _report(member, given=False, result=ActionResult.UNCLEAR, reason=result.reason)

    def _claim(self, taking: _Taking) -> None:
        """Claim the removal, or, after a 429, see that it is still ours and still due."""
        member = self._still_doomed(taking)
        # Asked after the reading, which may be what notices that the store is away, and after the claim.
        self._withdraw_if_away()
        if not is_claimed_by(member, taking.delivery.id):
            now, host = self.clock(), self.rules.host
            delivery = replace(taking.delivery, since=now, anchor=self.members.http.anchor())
            claimed = with_removal(member, RemovalState.CLAIMED, now=now, by=host, delivery=delivery.id)
            changes = self.repository.changes_of([MemberChange(claimed)])
            with withdrawn_while_held(self.repository.store):
                taking.delivery, made = self.deliveries.claim(delivery, list(changes.values()))
            if not all(made):
                raise WithdrawnError("another run has it")
        self._withdraw_if_away()

    def _fence(self, taking: _Taking) -> None:
        with withdrawn_while_held(self.repository.store):
            try:
                taking.delivery = self.deliveries.fence(replace(taking.delivery, since=self.clock()))
            except LostDeliveryError:
                raise WithdrawnError("another run has taken it over") from None
        # The last look, with nothing between it and the first byte: since the claim somebody may have handed in.
        self._still_doomed(taking)
        self._withdraw_if_away()

    def _still_doomed(self, taking: _Taking) -> Member:
        """The member as they are now. Raise WithdrawnError when by the rules the role is not to be taken any more."""
        member = self.repository.member(taking.user_id)
        unclaimed = without_removal(member) if is_claimed_by(member, taking.delivery.id) else member
        if due(unclaimed, self.rules, self.clock(), self.downtimes).action is not Action.REMOVE:
            raise WithdrawnError("the role is not to be taken any more")
        return member

    def _withdraw_if_away(self) -> None:
        if self.repository.store.is_away:
            raise WithdrawnError("a submission to the shared store, which is away, would not be seen")

    def _taken(self, taking: _Taking, dm: LegState) -> None:
        # The delivery first: it may be what notices that the store is an older one, which knows of no claim.
        with suppress(LostDeliveryError):
            taking.delivery = self.deliveries.change(replace(taking.delivery, state=DeliveryState.DONE))
        self.note_taken(taking.user_id, taking.delivery.id, dm)
        self.deliveries.remove_done()

    def note_taken(self, user_id: int, delivery_id: str, dm: LegState, *, is_told: bool = True) -> None:
        """Write down that a claimed removal was done; `is_told` where the member is to be told of it."""
        now = self.clock()
        notice = Notice(new_id(), NoticeKind.REMOVAL, now, dm=Leg(dm))
        event = Event(f"{notice.id}:role", user_id, NoticeKind.REMOVAL.value, now, self.rules.host, result="role taken")

        def change(member: Member) -> MemberChange | None:
            if not is_claimed_by(member, delivery_id):
                return None
            taken = with_removal(member, RemovalState.DONE, now=now, by=self.rules.host)
            # A TODO that came while the role was taken has ended the lapse: the role comes back, and there is no news.
            is_news = is_told and taken.present_lapse is not None
            return MemberChange(taken.with_notice(notice) if is_news else taken, (event,))

        self.repository.amend([user_id], change)

    def _release(self, taking: _Taking) -> None:
        """Take back a claim by which surely no role was taken; while the store is away the next sweep does that."""
        store = self.repository.store
        # The delivery first: only as long as it is ours the removal is, too.
        is_claimed = taking.delivery.document is not None and not store.held_back
        if is_claimed and self.deliveries.remove(taking.delivery):
            self.release(taking.user_id, taking.delivery.id)

    def release(self, user_id: int, delivery_id: str) -> None:
        """Write down that a claimed removal was not done."""
        self.repository.amend(
            [user_id],
            lambda member: MemberChange(without_removal(member)) if is_claimed_by(member, delivery_id) else None,
        )

    def _is_gone_now(self, taking: _Taking) -> bool:
        """Whether the role is gone, of a request that ended unclear; else that is left for the next sweep.

        Nobody else can have given it back so soon: a role that is still there has not been taken until now.
        """
        seen = self.members.member(self.guild_id, taking.user_id)
        if isinstance(seen, MemberInfo) and self.role_id not in seen.role_ids:
            return True
        reason = STILL_THERE if isinstance(seen, MemberInfo) else ""
        with suppress(LostDeliveryError, StoreAwayError):
            self.deliveries.leave(replace(taking.delivery, reason=reason), self.members.http.discord_now())
        return False

    def note_kept(self, user_id: int, delivery_id: str, reason: str) -> None:
        """Write down that a lapse is over, and that the member keeps the role."""
        now, host = self.clock(), self.rules.host
        event = Event(new_id(), user_id, NoticeKind.REMOVAL.value, now, host, result="role kept", reason=reason)

        def change(member: Member) -> MemberChange | None:
            if not is_claimed_by(member, delivery_id):
                return None
            return MemberChange(with_removal(member, RemovalState.ABSENT, now=now, by=host), (event,))

        self.repository.amend([user_id], change)

    def end(self, user_id: int) -> None:
        """Write down that a lapse is over and that there was no role to take."""
        now = self.clock()

        def change(member: Member) -> MemberChange | None:
            if due(member, self.rules, now, self.downtimes).action is not Action.END:
                return None
            event = Event(new_id(), member.user_id, NoticeKind.REMOVAL.value, now, self.rules.host, result="no role")
            return MemberChange(with_removal(member, RemovalState.ABSENT, now=now, by=self.rules.host), (event,))

        self.repository.amend([user_id], change)

    # Given back

    def give_back(self, user_id: int, dm: LegState) -> RoleReport | None:
        """How giving the role back ended; None when it is not to be given back.

        Nothing is claimed: given twice does no harm, and the notice about it is made once, by whoever writes it down
        first. `dm` is how its DM leg stands.
        """
        member = self.repository.member(user_id)
        if due(member, self.rules, self.clock(), self.downtimes).action is not Action.RESTORE:
            return None
        # It stays owed: everything waits for the store alike.
        if self.repository.store.held_back:
            return None
        reason = "giftping: a TODO was handed in"
        result = self.members.give_role(self.guild_id, user_id, self.role_id, reason=reason)
        if isinstance(result, Answer):
            self._given(user_id, dm)
            return _report(member, given=True, result=ActionResult.DONE)
        if isinstance(result, Refused) and (result.withdrawn or result.code == UNKNOWN_MEMBER):
            return None
        if isinstance(result, Refused):
            return _refused(member, result, given=True)
        return _report(member, given=True, result=ActionResult.UNCLEAR, reason=result.reason)

    def _given(self, user_id: int, dm: LegState) -> None:
        now = self.clock()
        notice = Notice(new_id(), NoticeKind.RESTORE, now, dm=Leg(dm))
        event = Event(f"{notice.id}:role", user_id, NoticeKind.RESTORE.value, now, self.rules.host, result="role given")

        def change(member: Member) -> MemberChange | None:
            if due(member, self.rules, now, self.downtimes).action is not Action.RESTORE:
                return None
            return MemberChange(replace(member, lapse=None).with_notice(notice), (event,))

        self.repository.amend([user_id], change)


def is_claimed_by(member: Member, delivery_id: str) -> bool:
    """Whether the role of a member is being taken by a delivery; an older release knew of none, and its id is empty."""
    removal = member.removal
    return removal is not None and removal.state is RemovalState.CLAIMED and removal.delivery == delivery_id


def _report(member: Member, *, given: bool, result: ActionResult, reason: str = "") -> RoleReport:
    return RoleReport(member.user_id, member.name, given, result, reason)


def _refused(member: Member, refused: Refused, *, given: bool) -> RoleReport:
    mend = meaning_of(refused.status, refused.code, of_role=True).mend
    return RoleReport(member.user_id, member.name, given, ActionResult.REFUSED, refused.reason, mend)
