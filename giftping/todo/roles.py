"""Takes the role from a member, once in a lapse and never unwarned, and gives it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from giftping.delivery.clock import Clock
from giftping.discord.http import Answer
from giftping.discord.meanings import meaning_of
from giftping.discord.members import UNKNOWN_MEMBER, MembersClient
from giftping.discord.outcome import Refused, WithdrawnError
from giftping.discord.rest import NOT_FOUND
from giftping.todo.history import Event
from giftping.todo.model import Leg, LegState, Member, Notice, NoticeKind, RemovalState
from giftping.todo.periods import Period
from giftping.todo.report import ActionResult, RoleReport
from giftping.todo.repository import MemberChange, MemberRepository, new_id
from giftping.todo.rules import Action, TodoRules, due, span_text
from giftping.todo.transitions import with_removal, without_removal


@dataclass(frozen=True, slots=True)
class RoleKeeper:
    """Takes and gives one role of one guild; the notices that tell of it are left for the messenger."""

    repository: MemberRepository
    members: MembersClient
    clock: Clock
    rules: TodoRules
    guild_id: int
    role_id: int
    downtimes: Sequence[Period] = ()
    """When nobody was reminded because no sweep ran: that time counts against nobody's role."""

    def take(self, user_id: int, dm: LegState) -> RoleReport | None:
        """How taking the role ended; None when by the rules it is not to be taken any more.

        It is claimed in the moment before the request goes out, by the rules as they are then. Discord takes a role
        that is not there without complaint, so that a removal that was cut short is simply done again. `dm` is how the
        DM leg of the notice about it stands.
        """
        member = self.repository.member(user_id)
        reason = f"giftping: no TODO for {span_text(self.rules.remove_after)}, warned at least "
        reason += f"{span_text(self.rules.warning)} before"
        result = self.members.take_role(
            self.guild_id, user_id, self.role_id, reason=reason, ready=lambda: self._claim(user_id)
        )
        if isinstance(result, Answer):
            self._taken(user_id, dm)
            return _report(member, given=False, result=ActionResult.DONE)
        if isinstance(result, Refused) and result.withdrawn:
            return None
        if isinstance(result, Refused):
            # An earlier request of which nobody knows what came of it may have taken the role all the same.
            if not _is_claimed(member) or result.status == NOT_FOUND:
                self.repository.amend([user_id], self._released)
            if result.code == UNKNOWN_MEMBER:
                return None
            return _refused(member, result, given=False)
        return _report(member, given=False, result=ActionResult.UNCLEAR, reason=result.reason)

    def _claim(self, user_id: int) -> None:
        member = self.repository.member(user_id)
        if due(member, self.rules, self.clock(), self.downtimes).action is not Action.REMOVE:
            raise WithdrawnError("the role is not to be taken any more")
        claimed = with_removal(member, RemovalState.CLAIMED, now=self.clock(), by=self.rules.host)
        # Asked after the reading, which may be what notices that the store is away.
        self._withdraw_if_held()
        if not self.repository.save([MemberChange(claimed)]):
            raise WithdrawnError("another run has it")
        # And after the claim, in which it may have been lost: it is then settled as one that was cut short.
        self._withdraw_if_held()

    def _withdraw_if_held(self) -> None:
        store = self.repository.store
        if store.is_away:
            raise WithdrawnError("a submission to the shared store, which is away, would not be seen")
        if store.held_back:
            raise WithdrawnError(store.held_back)

    def _taken(self, user_id: int, dm: LegState) -> None:
        now = self.clock()
        notice = Notice(new_id(), NoticeKind.REMOVAL, now, dm=Leg(dm))
        event = Event(f"{notice.id}:role", user_id, NoticeKind.REMOVAL.value, now, self.rules.host, result="role taken")

        def change(member: Member) -> MemberChange | None:
            known = member.lapse.removal if member.lapse else None
            if known is None or known.state is not RemovalState.CLAIMED:
                return None
            taken = with_removal(member, RemovalState.DONE, now=now, by=self.rules.host)
            # A TODO that came while the role was taken has ended the lapse: the role comes back, and there is no news.
            is_news = taken.present_lapse is not None
            return MemberChange(taken.with_notice(notice) if is_news else taken, (event,))

        self.repository.amend([user_id], change)

    def _released(self, member: Member) -> MemberChange | None:
        removal = member.lapse.removal if member.lapse else None
        mine = removal is not None and removal.state is RemovalState.CLAIMED and removal.by == self.rules.host
        return MemberChange(without_removal(member)) if mine else None

    def end(self, user_id: int) -> None:
        """Write down that a lapse is over and that there was no role to take."""
        now = self.clock()

        def change(member: Member) -> MemberChange | None:
            if due(member, self.rules, now, self.downtimes).action is not Action.END:
                return None
            event = Event(new_id(), member.user_id, NoticeKind.REMOVAL.value, now, self.rules.host, result="no role")
            return MemberChange(with_removal(member, RemovalState.ABSENT, now=now, by=self.rules.host), (event,))

        self.repository.amend([user_id], change)

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


def _is_claimed(member: Member) -> bool:
    removal = member.lapse.removal if member.lapse else None
    return removal is not None and removal.state is RemovalState.CLAIMED


def _report(member: Member, *, given: bool, result: ActionResult, reason: str = "") -> RoleReport:
    return RoleReport(member.user_id, member.name, given, result, reason)


def _refused(member: Member, refused: Refused, *, given: bool) -> RoleReport:
    mend = meaning_of(refused.status, refused.code, of_role=True).mend
    return RoleReport(member.user_id, member.name, given, ActionResult.REFUSED, refused.reason, mend)
