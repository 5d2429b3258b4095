"""Asks Discord about members: whether they are there, are bots, and have the role."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from giftping.delivery.clock import Clock
from giftping.discord.members import MISSING_ACCESS, UNKNOWN_MEMBER, UNKNOWN_USER, MemberInfo, MembersClient
from giftping.discord.outcome import Refused, Unclear
from giftping.todo.model import Membership

LIST_FROM = 5
"""From how many members on the guild's whole list is asked for, which takes a privileged intent, before each alone."""

SideBySide = Callable[[Callable[[int], "Membership | str"], Sequence[int]], "list[Membership | str]"]


@dataclass
class MembershipReader:
    """Asks Discord about the members of one guild."""

    members: MembersClient
    clock: Clock
    guild_id: int
    role_id: int | None
    """The TODO role."""
    side_by_side: SideBySide
    """Asks about several at a time."""
    _listed: dict[int, MemberInfo] | Refused | Unclear | None = None

    def sees_all(self, user_ids: Collection[int]) -> bool:
        """Whether one question tells of all these members; it is asked anew, and its answer kept for `look`.

        False where each has to be asked about alone, because the list of members takes a privilege that the bot lacks.
        """
        self._listed = self.members.members(self.guild_id) if len(user_ids) >= LIST_FROM else None
        if self._listed is not None and _lacks_privilege(self._listed):
            self._listed = None
            return False
        return True

    def look(self, user_ids: Collection[int]) -> dict[int, Membership | str]:
        """How each member stands, or why that cannot be told; as `sees_all` has learnt, where it was asked."""
        wanted = sorted(user_ids)
        if isinstance(self._listed, dict):
            return {user_id: self._membership(self._listed.get(user_id)) for user_id in wanted}
        if self._listed is not None:
            return dict.fromkeys(wanted, self._listed.reason)
        return dict(zip(wanted, self.side_by_side(self._look_at, wanted), strict=True))

    def _look_at(self, user_id: int) -> Membership | str:
        found = self.members.member(self.guild_id, user_id)
        if isinstance(found, MemberInfo):
            return self._membership(found)
        # Any other 404 is a proxy's, or of a guild that the bot has left: it says nothing of the member.
        is_gone = isinstance(found, Refused) and found.code in (UNKNOWN_MEMBER, UNKNOWN_USER)
        return self._membership(None) if is_gone else found.reason

    def _membership(self, found: MemberInfo | None) -> Membership:
        now = self.clock()
        if found is None:
            return Membership(now, in_guild=False)
        return Membership(now, in_guild=True, is_bot=found.is_bot, has_role=self.role_id in found.role_ids)


def _lacks_privilege(listed: dict[int, MemberInfo] | Refused | Unclear) -> bool:
    return isinstance(listed, Refused) and listed.code == MISSING_ACCESS
