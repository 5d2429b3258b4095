"""Asks Discord about members: whether they are there, are bots, and have the role."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from giftping.discord.members import MISSING_ACCESS, UNKNOWN_MEMBER, UNKNOWN_USER, MemberInfo, MembersClient
from giftping.discord.outcome import Refused
from giftping.todo.book import Clock
from giftping.todo.model import Presence

LIST_FROM = 5
"""From how many members on the guild's whole list is asked for, which takes a privileged intent, before each alone."""

SideBySide = Callable[[Callable[[int], "Presence | str"], Sequence[int]], "list[Presence | str]"]


@dataclass(frozen=True, slots=True)
class Lookout:
    """Asks about the members of one guild; `role_id` is the TODO role. `side_by_side` asks several at a time."""

    members: MembersClient
    clock: Clock
    guild_id: int
    role_id: int | None
    side_by_side: SideBySide

    def look(self, user_ids: Collection[int]) -> dict[int, Presence | str]:
        """Return how each member stands, or why that cannot be told."""
        wanted = sorted(user_ids)
        if len(wanted) >= LIST_FROM:
            listed = self.members.members(self.guild_id)
            if isinstance(listed, dict):
                return {user_id: self._presence(listed.get(user_id)) for user_id in wanted}
            if not (isinstance(listed, Refused) and listed.code == MISSING_ACCESS):
                return dict.fromkeys(wanted, listed.reason)
        return dict(zip(wanted, self.side_by_side(self._look_at, wanted), strict=True))

    def _look_at(self, user_id: int) -> Presence | str:
        found = self.members.member(self.guild_id, user_id)
        if isinstance(found, MemberInfo):
            return self._presence(found)
        is_gone = isinstance(found, Refused) and found.code in (UNKNOWN_MEMBER, UNKNOWN_USER)
        return self._presence(None) if is_gone else found.reason

    def _presence(self, found: MemberInfo | None) -> Presence:
        now = self.clock()
        if found is None:
            return Presence(now, in_guild=False)
        return Presence(now, in_guild=True, is_bot=found.is_bot, has_role=self.role_id in found.role_ids)
