"""The way to a member by direct message: whether there is one, and how many new ones a run may open.

A bot that opens many of them too quickly may be blocked from opening new ones (Discord, Create DM): few are opened in
a run, none for an hour after Discord has said that it was too fast, and those that are open are remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from giftping.delivery.clock import Clock
from giftping.discord.members import (
    CANNOT_DM,
    DMS_TOO_FAST,
    INVALID_RECIPIENT,
    NO_MUTUAL_GUILDS,
    UNKNOWN_USER,
    MembersClient,
)
from giftping.discord.outcome import Refused
from giftping.todo.model import LegState, Member
from giftping.todo.report import ActionResult
from giftping.todo.repository import MemberChange, MemberRepository

CLOSED_FOR = timedelta(days=7)
"""How long a member who takes no direct messages is left alone with them."""

STOPPED_FOR = timedelta(hours=1)
"""How long no new direct messages are opened once Discord has said that it was too fast."""

NOT_TO_BE_REACHED = frozenset({CANNOT_DM, NO_MUTUAL_GUILDS, INVALID_RECIPIENT, UNKNOWN_USER})
"""Refusals that are about the member: whoever gets one is not written to again soon."""


@dataclass(frozen=True, slots=True)
class NoChannel:
    """Why there is no direct-message channel now."""

    result: ActionResult
    """CLOSED for good, LATER by intent, or REFUSED."""
    reason: str


@dataclass
class DirectMessages:
    """The direct-message channels that one run writes to. Safe to use from several threads."""

    repository: MemberRepository
    members: MembersClient
    clock: Clock
    allowed: bool
    """Whether members are told by direct message at all."""
    new_in_a_run: int
    """How many channels may be opened."""
    may_open: bool = True
    """Whether any may be: not so soon after Discord has said that it was too fast."""
    stopped_reason: str = ""
    """What Discord said when it was too fast; no more direct messages are sent in this run then."""
    _opened: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def leg_state(self, member: Member) -> LegState:
        """How the DM leg of a new notice stands: to be sent, or closed where there is no use in it."""
        closed_at = member.dms_closed_at
        is_open = self.allowed and (closed_at is None or self.clock() - closed_at >= CLOSED_FOR)
        return LegState.OPEN if is_open else LegState.CLOSED

    def channel_of(self, member: Member) -> int | NoChannel:
        """The direct-message channel of a member, opened if need be, or why there is none now."""
        if self.stopped_reason:
            return NoChannel(ActionResult.LATER, self.stopped_reason)
        if member.dm_channel_id is not None:
            return member.dm_channel_id
        with self._lock:
            # Counted before it is asked for: two threads that both saw room for one would open two.
            if not self.may_open or self._opened >= self.new_in_a_run:
                return NoChannel(ActionResult.LATER, "no more new direct messages in this run")
            self._opened += 1
        opened = self.members.open_dm(member.user_id)
        if isinstance(opened, int):
            self._remember(member.user_id, lambda known: replace(known, dm_channel_id=opened))
            return opened
        if isinstance(opened, Refused) and opened.withdrawn:
            return NoChannel(ActionResult.LATER, opened.reason)
        code = opened.code if isinstance(opened, Refused) else None
        if code == DMS_TOO_FAST:
            self.stop(opened.reason)
            return NoChannel(ActionResult.LATER, opened.reason)
        return NoChannel(ActionResult.CLOSED if code in NOT_TO_BE_REACHED else ActionResult.REFUSED, opened.reason)

    def stop(self, reason: str) -> None:
        """Send no more of them in this run: Discord has said that it was too fast."""
        self.stopped_reason = reason

    def forget_channel(self, user_id: int) -> None:
        """Let the member's channel be opened anew: the one that was known is gone."""
        self._remember(user_id, lambda member: replace(member, dm_channel_id=None))

    def note_closed(self, user_id: int) -> None:
        """Remember since when a member takes no direct messages."""
        now = self.clock()
        self._remember(user_id, lambda member: replace(member, dms_closed_at=now))

    def to_be_opened(self, members: int) -> int:
        """How many of so many members without a channel get one in this run."""
        return min(members, self.new_in_a_run if self.may_open else 0)

    def _remember(self, user_id: int, change: Callable[[Member], Member]) -> None:
        # It stands in the roster's document, and nobody is put on the roster by a message.
        self.repository.amend([user_id], lambda member: MemberChange(change(member)) if member.on_roster else None)
