"""What earlier runs left open of taking a role: done again only where it surely was not done.

Discord takes a role that is not there without complaint, and one that a person has given back by hand as well. So it
is looked what became of the request: a role that is gone was taken; of one that is there the guild's audit log says
whether it was taken in between. Where the bot may not view that, the member keeps it: in doubt nobody loses it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from giftping.delivery.deliveries import BLIND_MARGIN, Delivery, DeliveryState
from giftping.discord.members import UNKNOWN_MEMBER, MemberInfo
from giftping.discord.outcome import Refused
from giftping.discord.rest import ME
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.todo.model import UNDER_WAY, LegState, Member, Removal, RemovalState
from giftping.todo.report import ActionResult, RoleReport
from giftping.todo.roles import ROLE, STILL_THERE, RoleKeeper

KEPT = "it was cut short, and the member has the role: perhaps it was given back by hand, so it stays in this lapse"
"""What is said of a removal of which nobody can tell."""


@dataclass(frozen=True, slots=True)
class RoleSettler:
    """Settles the removals that no process is at any more."""

    keeper: RoleKeeper
    dm_state: Callable[[Member], LegState]
    """How the DM leg of a notice of removal stands for a member."""
    stopped: Callable[[], bool] = lambda: False

    def settle(self, members: Iterable[Member]) -> list[RoleReport]:
        """How the removals ended that can be settled, once that is written down."""
        claimed = [(member, removal) for member in members if (removal := _claimed(member)) is not None]
        # Whether a submission came elsewhere is not seen while the store is away: then nothing is done to a role.
        if self.keeper.repository.store.is_away:
            return []
        # Read after the members: a delivery is there before a removal names it.
        deliveries = {one.id: one for one in self.keeper.deliveries.load(kinds=(ROLE,))}
        reports = []
        for member, removal in claimed:
            if not self.stopped():
                reports.append(self._settled(member, removal, deliveries.pop(removal.delivery, None)))
        for delivery in deliveries.values():
            if self._nobody_is_at(delivery):
                self.keeper.deliveries.remove(delivery)
        return [report for report in reports if report is not None]

    def _settled(self, member: Member, removal: Removal, delivery: Delivery | None) -> RoleReport | None:
        keeper, now = self.keeper, self.keeper.clock()
        if delivery is not None:
            if not self._nobody_is_at(delivery):
                return None
            if delivery.state is DeliveryState.CLAIMED:
                return self._not_taken(member, removal, delivery)
            if delivery.state is DeliveryState.DONE:
                return self._taken(member, removal, delivery, is_told=True)
            taken_over = keeper.deliveries.take_over(delivery, keeper.members.http.discord_now())
            return self._looked_at(member, removal, taken_over) if taken_over else None
        if removal.delivery:
            return self._not_taken(member, removal, None)
        # Of an older release, which knew of no deliveries: on this host its run is over.
        patience = UNDER_WAY if removal.by == keeper.rules.host else keeper.rules.lease
        return self._looked_at(member, removal, None) if now - removal.at >= patience else None

    def _nobody_is_at(self, delivery: Delivery) -> bool:
        deliveries, http = self.keeper.deliveries, self.keeper.members.http
        if delivery.holder.host != deliveries.host:
            # Another host's lease goes by Discord's time.
            http.ask(ME)
        return deliveries.nobody_is_at(delivery, http.discord_now(), self.keeper.rules.lease)

    def _looked_at(self, member: Member, removal: Removal, delivery: Delivery | None) -> RoleReport | None:
        keeper, user_id, id_ = self.keeper, member.user_id, removal.delivery
        seen = keeper.members.member(keeper.guild_id, user_id)
        if not isinstance(seen, MemberInfo):
            if isinstance(seen, Refused) and seen.code == UNKNOWN_MEMBER:
                return self._not_taken(member, removal, delivery)
            return self._report(member, ActionResult.UNCLEAR, f"cannot look: {seen.reason}")
        if keeper.role_id not in seen.role_ids:
            return self._taken(member, removal, delivery, is_told=True)
        if delivery is not None and delivery.reason == STILL_THERE:
            return self._not_taken(member, removal, delivery)
        begins = delivery.begins if delivery is not None else snowflake_at(removal.at - BLIND_MARGIN)
        was_taken = keeper.members.was_role_taken(keeper.guild_id, user_id, keeper.role_id, begins)
        if was_taken is True:
            # It was given back by hand, and stays: there is no loss to tell of.
            return self._taken(member, removal, delivery, is_told=False)
        if was_taken is False:
            return self._not_taken(member, removal, delivery) if self._is_quiet(delivery) else None
        if isinstance(was_taken, Refused) and was_taken.lasting and not was_taken.everywhere:
            keeper.note_kept(user_id, id_, was_taken.reason)
            self._remove(delivery)
            return self._report(member, ActionResult.UNCERTAIN, KEPT)
        return self._report(member, ActionResult.UNCLEAR, f"cannot look into the audit log: {was_taken.reason}")

    def _is_quiet(self, delivery: Delivery | None) -> bool:
        """Whether Discord cannot be busy with the request any more."""
        if delivery is None:
            return True
        known = snowflake_time(delivery.quiet_since) if delivery.quiet_since is not None else delivery.since
        return (self.keeper.members.http.discord_now() or self.keeper.clock()) - known >= UNDER_WAY

    def _taken(
        self, member: Member, removal: Removal, delivery: Delivery | None, *, is_told: bool
    ) -> RoleReport | None:
        # The member first: without its delivery the removal would be taken for one that was never asked for.
        self.keeper.note_taken(member.user_id, removal.delivery, self.dm_state(member), is_told=is_told)
        self._remove(delivery)
        return self._report(member, ActionResult.DONE, "")

    def _not_taken(self, member: Member, removal: Removal, delivery: Delivery | None) -> RoleReport | None:
        """None, once it is written down that it was not taken: if it is still due, this sweep does it."""
        if delivery is None or self.keeper.deliveries.remove(delivery):
            self.keeper.release(member.user_id, removal.delivery)
        return None

    def _remove(self, delivery: Delivery | None) -> None:
        if delivery is not None:
            self.keeper.deliveries.remove(delivery)

    def _report(self, member: Member, result: ActionResult, reason: str) -> RoleReport:
        return RoleReport(member.user_id, member.name, False, result, reason)


def _claimed(member: Member) -> Removal | None:
    removal = member.removal
    return removal if removal is not None and removal.state is RemovalState.CLAIMED else None
