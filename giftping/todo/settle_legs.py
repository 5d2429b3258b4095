"""What earlier runs left open: legs of which nobody said what came of them, and notices that are too old to be news."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from giftping.delivery.clock import Clock, delivery_time
from giftping.discord.finding import Window, candidates_among, decide
from giftping.discord.outcome import Absent, Finding, Found, Refused, Undecided
from giftping.discord.rest import History, RestClient, is_by
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.todo.claims import leg_event
from giftping.todo.history import Event
from giftping.todo.model import PINGS, UNDER_WAY, Leg, LegName, LegState, Member, Notice
from giftping.todo.notices import shows
from giftping.todo.report import ActionResult, LegReport
from giftping.todo.repository import MemberChange, MemberRepository
from giftping.todo.rules import TodoRules
from giftping.todo.transitions import with_delivery, with_refusal

CLAIM_MARGIN = timedelta(minutes=10)
"""How far the clock that dated a claim may be from Discord's: the claim has no anchor of its own."""

NEWS_FOR = timedelta(days=7)
"""How long it is tried to deliver a notice other than a ping."""


@dataclass(frozen=True, slots=True)
class OpenLeg:
    """A claimed leg of which nobody has said what came of it: it may have arrived."""

    member: Member
    notice: Notice
    name: LegName

    @property
    def leg(self) -> Leg:
        """The leg itself."""
        return self.notice.leg(self.name)


def open_legs(members: Iterable[Member], rules: TodoRules, now: datetime) -> list[OpenLeg]:
    """The legs that this host may look after: its own once they are quiet, others' once their lease is over."""
    found = []
    for member in members:
        for notice in member.notices:
            for name in notice.legs_in(LegState.CLAIMED):
                leg = notice.leg(name)
                # Its own run is over, since a host sweeps once at a time, and only its message may still be under way;
                # whether another host's run is over, nothing but its lease tells.
                patience = UNDER_WAY if leg.by == rules.host else rules.lease
                if leg.at is None or now - leg.at >= patience:
                    found.append(OpenLeg(member, notice, name))
    return found


@dataclass(frozen=True, slots=True)
class LegSettler:
    """Looks for messages in the channels they were for, one reading of each channel for all of them."""

    repository: MemberRepository
    rest: RestClient
    clock: Clock
    rules: TodoRules
    stopped: Callable[[], bool] = lambda: False

    def settle(self, members: Iterable[Member]) -> list[LegReport]:
        """How every open leg that can be looked for has ended, once that is written down."""
        # One reading of a channel for all its legs: reading has a rate limit, and a cut-short sweep leaves many.
        by_channel: dict[int, list[OpenLeg]] = {}
        for found in open_legs(members, self.rules, self.clock()):
            by_channel.setdefault(found.leg.channel_id or 0, []).append(found)
        return [
            report
            for channel_id, legs in by_channel.items()
            if not self.stopped()
            for report in self._in_channel(channel_id, legs)
        ]

    def _in_channel(self, channel_id: int, legs: Sequence[OpenLeg]) -> list[LegReport]:
        since = min(found.leg.at or found.notice.made_at for found in legs)
        window = Window(snowflake_at(since - CLAIM_MARGIN))
        me = self.rest.me()
        history = self.rest.read_back(channel_id, window) if isinstance(me, int) else me
        if isinstance(history, History) and isinstance(me, int):
            ours = [message for message in history.messages if is_by(message, me)]
            return [self._decide(found, ours, window, complete=history.complete) for found in legs]
        reason = getattr(history, "reason", "")
        # A channel that is gone keeps its secret; a token that is refused for now may be mended.
        gone = isinstance(history, Refused) and history.lasting and not history.everywhere
        return [self._written(found, Undecided(f"cannot look: {reason}", for_good=gone)) for found in legs]

    def _decide(
        self, found: OpenLeg, ours: Sequence[Mapping[str, object]], window: Window, *, complete: bool
    ) -> LegReport:
        candidates = candidates_among(ours, lambda _: True, lambda message: shows(message, found.notice))
        finding = decide(candidates, window, accounted=frozenset(), complete=complete, settled=True)
        return self._written(found, finding)

    def _written(self, found: OpenLeg, finding: Finding) -> LegReport:
        """Write down what was found of a leg, unless somebody else has done so."""
        now, name = self.clock(), found.name
        message_id = finding.message_id if isinstance(finding, Found) else None
        reason = finding.reason if isinstance(finding, Undecided) else "cut short, and not in the channel"

        def change(member: Member) -> MemberChange | None:
            notice = member.notice(found.notice.id)
            # Another host has settled it, or the run that claimed it was slow and is not dead.
            if notice is None or notice.leg(name) != found.leg:
                return None
            if message_id is not None:
                return MemberChange(self._delivered(member, notice, name, message_id), (event(member, notice),))
            # Surely absent: the leg is open again, and the interval was not used up.
            if isinstance(finding, Absent):
                return MemberChange(with_refusal(member, notice, name, reason=reason), (event(member, notice),))
            if isinstance(finding, Undecided) and finding.for_good:
                return MemberChange(with_refusal(member, notice, name, reason=reason, state=LegState.UNCERTAIN))
            return None

        def event(member: Member, notice: Notice) -> Event:
            said = "" if message_id is not None else reason
            return leg_event(member, notice, name, now, self.rules.host, reason=said, message_id=message_id)

        self.repository.amend([found.member.user_id], change)
        return LegReport(
            found.member.user_id,
            found.member.name,
            found.notice.kind,
            name,
            _result(finding),
            reason if message_id is None else "",
            message_id,
            settled=True,
        )

    def _delivered(self, member: Member, notice: Notice, name: LegName, message_id: int) -> Member:
        """The member with a leg that was found; it counts from when it was posted, by Discord's clock."""
        leg = notice.leg(name)
        at = delivery_time(snowflake_time(message_id), self.clock())
        return with_delivery(member, notice, name, at=at, message_id=message_id, channel_id=leg.channel_id)

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


def _is_old_news(notice: Notice, now: datetime) -> bool:
    return notice.kind not in PINGS and now - notice.made_at >= NEWS_FOR


def _result(finding: Finding) -> ActionResult:
    if isinstance(finding, Found):
        return ActionResult.DONE
    if isinstance(finding, Absent):
        return ActionResult.LATER
    return ActionResult.UNCERTAIN if finding.for_good else ActionResult.UNCLEAR
