"""Brings notices out: claim a leg, send it, record what came of it. The only place that posts to members.

A leg is claimed in the very moment before its message goes out, after all waiting for rate limits, and only if by the
rules it is still due: whoever has just handed in a TODO is not pinged by a message that was made before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from giftping.discord.limits import ATTACHMENT
from giftping.discord.members import (
    CANNOT_DM,
    DMS_TOO_FAST,
    INVALID_RECIPIENT,
    NO_MUTUAL_GUILDS,
    UNKNOWN_CHANNEL,
    UNKNOWN_USER,
    MembersClient,
)
from giftping.discord.message import Message, Upload
from giftping.discord.outcome import Done, Outcome, Refused, WithdrawnError
from giftping.discord.rest import RestClient
from giftping.todo.history import Event
from giftping.todo.model import PINGS, Lapse, LegName, LegState, Member, Notice, NoticeKind, Todo
from giftping.todo.notices import Told, channel_message, dm_message
from giftping.todo.periods import Period
from giftping.todo.report import LegReport, PlannedWrites, Result
from giftping.todo.repository import Clock, LoadedMembers, MemberChange, MemberRepository, new_id
from giftping.todo.rules import TodoRules, due, outlook
from giftping.todo.transitions import ping_for, with_claim, with_delivery, with_refusal

DMS_CLOSED_FOR = timedelta(days=7)
"""How long a member who takes no direct messages is left alone with them."""

DMS_STOPPED_FOR = timedelta(hours=1)
"""How long no new direct messages are opened once Discord has said that it was too fast."""

NOT_TO_BE_REACHED = frozenset({CANNOT_DM, NO_MUTUAL_GUILDS, INVALID_RECIPIENT, UNKNOWN_USER})


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to tell one member: a notice that is owed, or without one the ping that is due."""

    user_id: int
    notice_id: str = ""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where notices go: the TODO channel, and direct messages; and the role that they name.

    `new_dms` is how many direct-message channels one run may open.
    """

    channel_id: int
    role_id: int | None = None
    direct_messages: bool = True
    new_dms: int = 10


def no_upload(_todo: Todo) -> Upload | None:
    """Return that there is no file to send along."""
    return None


@dataclass
class Messenger:
    """Tells members things in the name of one run. Safe to use from several threads.

    `upload` gives the file of a TODO where this host has it. `dms_stopped` is why no more direct messages are sent in
    this run, `channel_refused` why no more posts to the channel; both empty while they are. Once `stopped` says so no
    message is begun any more.
    """

    repository: MemberRepository
    rest: RestClient
    members: MembersClient
    clock: Clock
    rules: TodoRules
    addresses: Addresses
    downtimes: Sequence[Period] = ()
    may_open_dms: bool = True
    upload: Callable[[Todo], Upload | None] = no_upload
    stopped: Callable[[], bool] = lambda: False
    dms_stopped: str = ""
    dms_too_fast: bool = False
    channel_refused: str = ""
    _opened: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def deliver(
        self,
        posts: Sequence[Sequence[Errand]],
        writes: Sequence[Errand],
        pool: Executor,
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> list[LegReport]:
        """How all legs ended: posts one after the other, direct messages beside them, but after their post."""
        reports: list[LegReport] = []
        total = len(writes) + sum(map(len, posts))
        posted = {errand for errands in posts for errand in errands}
        under_way = [pool.submit(self.write, errand) for errand in writes if errand not in posted]
        to_write = set(writes)
        for errands in posts:
            reports += self.post(errands)
            under_way += [pool.submit(self.write, errand) for errand in errands if errand in to_write]
            on_progress(len(reports), total)
        for number, written in enumerate(under_way, total - len(under_way) + 1):
            reports += written.result()
            on_progress(number, total)
        return reports

    def preview(self, loaded: LoadedMembers, errands: Sequence[Errand]) -> tuple[str, Message] | None:
        """Where a message for these errands would go and what it would say; None when nobody is to be told."""
        owed = [
            found
            for errand in errands
            if (found := self._owed(loaded.members[errand.user_id], errand, LegName.CHANNEL)) is not None
        ]
        told = [self._told(member, notice) for member, notice in owed]
        return (f"channel {self.addresses.channel_id}", channel_message(told)) if told else None

    def planned_writes(self, loaded: LoadedMembers, errands: Sequence[Errand]) -> PlannedWrites:
        """How many direct messages these errands would bring now, and how many would wait for a later run."""
        owed = [
            found[0]
            for errand in errands
            if (found := self._owed(loaded.members[errand.user_id], errand, LegName.DM)) is not None
        ]
        new = sum(member.dm_channel_id is None for member in owed)
        waiting = max(new - (self.addresses.new_dms if self.may_open_dms else 0), 0)
        return PlannedWrites(len(owed) - waiting, waiting)

    # The channel leg

    def post(self, errands: Sequence[Errand]) -> list[LegReport]:
        """How the channel legs of these errands ended; all go into one message."""
        if self.stopped():
            return []
        if self.channel_refused:
            return self._not_tried(errands)
        nonce = new_id()
        sent: list[tuple[Member, Notice]] = []

        def message() -> Message:
            # A second call comes after a 429: what was claimed with the first stays claimed unless it was taken away.
            claimed = self._claim(errands, LegName.CHANNEL, self.addresses.channel_id, held=sent)
            sent[:] = claimed
            if not claimed:
                raise WithdrawnError("nobody is to be told any more")
            return channel_message([self._told(member, notice) for member, notice in claimed])

        outcome = self._send(self.addresses.channel_id, message, nonce, errands)
        if isinstance(outcome, Refused) and (outcome.lasting or outcome.everywhere):
            self.channel_refused = outcome.reason
        return self._record(LegName.CHANNEL, sent, outcome)

    def _send(
        self, channel_id: int, message: Callable[[], Message], nonce: str, errands: Sequence[Errand] = ()
    ) -> Outcome:
        upload = self._upload_of(errands)
        if upload is None:
            return self.rest.post_message(channel_id, lambda: _without_pictures(message()), nonce)
        try:
            made = message()
        except WithdrawnError as error:
            return Refused(error.reason, withdrawn=True)
        return self.rest.post_message(channel_id, replace(made, files=(upload,)), nonce)

    def _upload_of(self, errands: Sequence[Errand]) -> Upload | None:
        if len(errands) != 1 or not errands[0].notice_id:
            return None
        notice = self.repository.member(errands[0].user_id).notice(errands[0].notice_id)
        return self.upload(notice.todo) if notice and notice.todo and notice.todo.attachment else None

    def _not_tried(self, errands: Sequence[Errand]) -> list[LegReport]:
        members = self.repository.loaded([errand.user_id for errand in errands]).members
        reports = []
        for errand in errands:
            if (found := self._owed(members[errand.user_id], errand, LegName.CHANNEL)) is not None:
                member, notice = found
                reports.append(_report(member, notice, LegName.CHANNEL, Result.REFUSED, self.channel_refused))
        return reports

    # The DM leg

    def write(self, errand: Errand) -> list[LegReport]:
        """How the DM leg of an errand ended; nothing where it is not owed."""
        if self.stopped():
            return []
        member = self.repository.member(errand.user_id)
        found = self._owed(member, errand, LegName.DM)
        if found is None:
            return []
        member, notice = found
        if self.dms_stopped:
            return [_report(member, notice, LegName.DM, Result.LATER, self.dms_stopped)]
        channel_id = self._dm_channel(member)
        if isinstance(channel_id, int):
            return self._write_to(channel_id, errand)
        if channel_id.result is Result.CLOSED:
            return self._closed([(member, notice)], channel_id.reason)
        return [_report(member, notice, LegName.DM, channel_id.result, channel_id.reason)]

    def _write_to(self, channel_id: int, errand: Errand) -> list[LegReport]:
        sent: list[tuple[Member, Notice]] = []

        def message() -> Message:
            sent[:] = self._claim([errand], LegName.DM, channel_id, held=sent)
            if not sent:
                raise WithdrawnError("not to be told any more")
            return dm_message(self._told(*sent[0]))

        outcome = self._send(channel_id, message, new_id())
        code = outcome.code if isinstance(outcome, Refused) else None
        if code in NOT_TO_BE_REACHED and isinstance(outcome, Refused):
            return self._closed(sent, outcome.reason)
        if code == UNKNOWN_CHANNEL:
            self._remember(errand.user_id, lambda member: replace(member, dm_channel_id=None))
        if code == DMS_TOO_FAST and isinstance(outcome, Refused):
            self._stop_dms(outcome.reason)
        return self._record(LegName.DM, sent, outcome)

    def _dm_channel(self, member: Member) -> int | _NoChannel:
        """The direct-message channel of a member, opened if need be, or why there is none now."""
        if member.dm_channel_id is not None:
            return member.dm_channel_id
        with self._lock:
            if not self.may_open_dms or self._opened >= self.addresses.new_dms:
                return _NoChannel(Result.LATER, "no more new direct messages in this run")
            self._opened += 1
        opened = self.members.open_dm(member.user_id)
        if isinstance(opened, int):
            self._remember(member.user_id, lambda known: replace(known, dm_channel_id=opened))
            return opened
        if isinstance(opened, Refused) and opened.withdrawn:
            return _NoChannel(Result.LATER, opened.reason)
        code = opened.code if isinstance(opened, Refused) else None
        if code == DMS_TOO_FAST:
            self._stop_dms(opened.reason)
            return _NoChannel(Result.LATER, opened.reason)
        return _NoChannel(Result.CLOSED if code in NOT_TO_BE_REACHED else Result.REFUSED, opened.reason)

    def _stop_dms(self, reason: str) -> None:
        self.dms_stopped, self.dms_too_fast = reason, True

    def _remember(self, user_id: int, change: Callable[[Member], Member]) -> None:
        self.repository.amend([user_id], lambda member: MemberChange(change(member)) if member.on_roster else None)

    def _closed(self, sent: Sequence[tuple[Member, Notice]], reason: str) -> list[LegReport]:
        now = self.clock()
        for member, _ in sent:
            self._remember(member.user_id, lambda known: replace(known, dms_closed_at=now))
        self._change(
            sent, LegName.DM, lambda m, n: with_refusal(m, n, LegName.DM, reason=reason, state=LegState.CLOSED)
        )
        return [_report(member, notice, LegName.DM, Result.CLOSED, reason) for member, notice in sent]

    # Both

    def _claim(
        self, errands: Sequence[Errand], leg: LegName, channel_id: int, *, held: Sequence[tuple[Member, Notice]]
    ) -> list[tuple[Member, Notice]]:
        """The members, as they are now, whose leg is owed and was claimed, or is still held by this message.

        Raise WithdrawnError while nothing is to be sent because the shared store is away.
        """
        members = self.repository.loaded([errand.user_id for errand in errands]).members
        if self.repository.store.holds:
            raise WithdrawnError("the shared store is away")
        if held:
            fresh = [(members.get(member.user_id), notice.id) for member, notice in held]
            held = [(member, notice) for member, id_ in fresh if member and (notice := member.notice(id_))]
            return [(member, notice) for member, notice in held if not _is_overtaken(member, notice)]
        now = self.clock()
        owed: dict[int, tuple[Member, Notice]] = {}
        for errand in errands:
            found = self._owed(members[errand.user_id], errand, leg) if errand.user_id in members else None
            if found is not None:
                member, notice = found
                claimed = with_claim(member, notice, leg, now=now, by=self.rules.host, channel_id=channel_id)
                owed[member.user_id] = (claimed, notice)
        won = self.repository.save([MemberChange(member) for member, _ in owed.values()]) if owed else frozenset()
        return [found for user_id, found in owed.items() if user_id in won]

    def _owed(self, member: Member, errand: Errand, leg: LegName) -> tuple[Member, Notice] | None:
        """The notice whose leg is to be sent now, None when it is not any more."""
        if errand.notice_id:
            notice = member.notice(errand.notice_id)
            return (member, notice) if notice and notice.leg(leg).state is LegState.OPEN else None
        now = self.clock()
        found = due(member, self.rules, now, self.downtimes)
        if not found.is_ping or leg not in found.legs:
            return None
        notice = ping_for(member, found, new_id(), now, dm=self.dm_state(member))
        return (member, notice) if notice.leg(leg).state is LegState.OPEN else None

    def dm_state(self, member: Member) -> LegState:
        """How the DM leg of a new notice stands: to be sent, or closed where there is no use in it."""
        closed_at = member.dms_closed_at
        tells = self.addresses.direct_messages and (closed_at is None or self.clock() - closed_at >= DMS_CLOSED_FOR)
        return LegState.OPEN if tells else LegState.CLOSED

    def _told(self, member: Member, notice: Notice) -> Told:
        """A notice with the times that its text names."""
        now = self.clock()
        if notice.kind is NoticeKind.WARNING and member.silent_since is not None:
            warned = replace(member, lapse=Lapse(member.silent_since, warned_at=now))
            role_off_at = outlook(warned, self.rules, self.downtimes).role_off_at
        else:
            role_off_at = None
        return Told(member, notice, now + self.rules.remind_every, role_off_at, self.addresses.role_id)

    def _record(self, leg: LegName, sent: Sequence[tuple[Member, Notice]], outcome: Outcome) -> list[LegReport]:
        """Write down what came of a message, and return that for each member that it was for."""
        if isinstance(outcome, Done):
            at, message_id, channel_id = self.clock(), outcome.message_id, outcome.channel_id
            self._change(
                sent,
                leg,
                lambda member, notice: with_delivery(
                    member, notice, leg, at=at, message_id=message_id, channel_id=channel_id
                ),
                message_id=message_id,
            )
            return [_report(member, notice, leg, Result.DONE, message_id=message_id) for member, notice in sent]
        if not isinstance(outcome, Refused):
            return [_report(member, notice, leg, Result.UNCLEAR, outcome.reason) for member, notice in sent]
        if outcome.withdrawn:
            return []
        reason = outcome.reason
        self._change(sent, leg, lambda member, notice: with_refusal(member, notice, leg, reason=reason), reason=reason)
        return [_report(member, notice, leg, Result.REFUSED, reason) for member, notice in sent]

    def _change(
        self,
        sent: Sequence[tuple[Member, Notice]],
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
            is_news = message_id is not None or notice.leg(leg).reason != reason
            event = leg_event(member, notice, leg, now, self.rules.host, reason=reason, message_id=message_id)
            return MemberChange(after, (event,) if is_news else ())

        amended = self.repository.amend(list(notices), changed)
        if message_id is not None:
            gone = [(member, notice) for member, notice in sent if member.user_id not in amended]
            self.repository.enter(
                leg_event(member, notice, leg, now, self.rules.host, message_id=message_id) for member, notice in gone
            )


def _is_overtaken(member: Member, notice: Notice) -> bool:
    """Whether a TODO has come since a ping was made; an older bot leaves the ping in place."""
    return notice.kind in PINGS and member.silent_since is not None and member.silent_since > notice.made_at


def _without_pictures(message: Message) -> Message:
    """A message that brings no files without the pictures that would be among them."""
    embeds = [replace(embed, image="") if embed.image.startswith(ATTACHMENT) else embed for embed in message.embeds]
    return replace(message, embeds=tuple(embeds))


@dataclass(frozen=True, slots=True)
class _NoChannel:
    """Why there is no direct-message channel: CLOSED for good, LATER by intent, or REFUSED."""

    result: Result
    reason: str


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
    """Return what the history says of a leg that was delivered, or refused."""
    result = "delivered" if message_id is not None else "not delivered"
    id_ = f"{notice.id}:{leg.value}:{message_id or new_id()}"
    return Event(id_, member.user_id, notice.kind.value, at, by, leg.value, result, reason, message_id=message_id)


def _report(
    member: Member, notice: Notice, leg: LegName, result: Result, reason: str = "", message_id: int | None = None
) -> LegReport:
    return LegReport(member.user_id, member.name, notice.kind, leg, result, reason, message_id)
