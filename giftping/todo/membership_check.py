"""Who is there: which members Discord is asked about before anything is done for them, and what the answers change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from giftping.delivery.clock import Clock
from giftping.discord.limits import EMBEDS
from giftping.todo.history import Event
from giftping.todo.membership import MembershipReader
from giftping.todo.model import Member, Membership, Pause
from giftping.todo.periods import Period
from giftping.todo.repository import LoadedMembers, MemberChange, MemberRepository, new_id
from giftping.todo.rules import Action, TodoRules, due

SEEN_FOR = timedelta(hours=24)
"""How long a ping rests on what Discord last said of a member; whatever touches the role asks again."""

ABSENT_AGAIN = timedelta(hours=24)
"""How often it is asked whether a member who had left is back."""


@dataclass
class MembershipCheck:
    """Asks about those for whom something is due, and keeps what it learnt in one run."""

    reader: MembershipReader
    repository: MemberRepository
    clock: Clock
    rules: TodoRules
    downtimes: Sequence[Period]
    stopped: Callable[[], bool]
    unseen: dict[int, str] = field(default_factory=dict)
    """Why Discord did not say how a member stands, by member; nothing is done for them."""
    left: list[int] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)

    def in_parts(self, loaded: LoadedMembers) -> Iterator[LoadedMembers]:
        """The members in parts: those of whom each has to be asked about alone come ten at a time.

        Asking has a rate limit of its own; what is known meanwhile can go out beside it.
        """
        self.unseen = {}
        unseen = self._to_be_seen(loaded)
        if self.reader.sees_all(unseen):
            yield loaded
            return
        first, *others = [unseen[start : start + EMBEDS] for start in range(0, len(unseen), EMBEDS)]
        yield loaded.only({*loaded.members} - {*unseen} | {*first})
        for part in others:
            yield loaded.only(part)

    def looked_at(self, loaded: LoadedMembers, *, writes: bool = True) -> LoadedMembers:
        """The members as Discord shows those of them for whom something is due."""
        now = self.clock()
        wanted = self._to_be_seen(loaded)
        if not wanted:
            return loaded
        changes = []
        for user_id, membership in self.reader.look(wanted).items():
            if isinstance(membership, str):
                # Of whom a stopped run did not ask it does not tell as if Discord had refused to say.
                if not self.stopped():
                    self.unseen[user_id] = membership
                continue
            change = with_membership(loaded.members[user_id], membership, now)
            changes.append(change)
            self._note_move(loaded.members[user_id], change.member)
        if writes:
            self.repository.save(changes)
            # Read again: what somebody else has written meanwhile stands, whatever was seen here.
            return LoadedMembers({**loaded.members, **self.repository.load(wanted).members}, loaded.odd)
        return LoadedMembers({**loaded.members, **{one.member.user_id: one.member for one in changes}}, loaded.odd)

    def _to_be_seen(self, loaded: LoadedMembers) -> list[int]:
        now = self.clock()
        return [
            member.user_id for member in loaded.on_roster() if is_to_be_seen(member, self.rules, now, self.downtimes)
        ]

    def _note_move(self, before: Member, after: Member) -> None:
        if after.left_at is not None and before.left_at is None:
            self.left.append(after.user_id)
        if before.left_at is not None and after.left_at is None:
            self.returned.append(after.user_id)


def is_to_be_seen(member: Member, rules: TodoRules, now: datetime, downtimes: Sequence[Period]) -> bool:
    """Whether Discord is to be asked about a member before anything is done for them."""
    membership = member.membership
    if member.left_at is not None:
        return membership is None or now - membership.at >= ABSENT_AGAIN
    found = due(member, rules, now, downtimes)
    # A warning says that the role will go, so that it is asked whether there is one, however lately that was known.
    touches_role = found.action in (Action.WARN, Action.REMOVE, Action.END)
    is_old = membership is None or now - membership.at >= SEEN_FOR
    return touches_role or (found.is_ping and is_old)


def with_membership(member: Member, membership: Membership, now: datetime) -> MemberChange:
    """How a member changes who was looked at: one who is gone is parked, and one who is back has had a pause."""
    seen = replace(member, membership=membership)
    if not membership.in_guild:
        if member.left_at is not None:
            return MemberChange(seen)
        return MemberChange(replace(seen, left_at=now), (Event(new_id(), member.user_id, "left", now),))
    if member.left_at is None:
        return MemberChange(seen)
    # The time away is not charged, or whoever comes back after a week would lose the role on the first day.
    away = Pause(new_id(), member.left_at, now, "not in the guild")
    back = replace(seen, left_at=None, pauses=(*member.pauses, away))
    return MemberChange(back, (Event(new_id(), member.user_id, "returned", now),))
