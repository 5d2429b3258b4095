"""What is known of a member of the TODO roster, as values. All times are aware and in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from giftping.todo.periods import Period


class NoticeKind(StrEnum):
    """What a member, or the TODO channel, is told."""

    REMINDER = "reminder"
    WARNING = "warning"
    REMOVAL = "removal"
    RESTORE = "restore"
    SUBMISSION = "submission"


PINGS = frozenset({NoticeKind.REMINDER, NoticeKind.WARNING})
"""The notices that come in rounds, never two within the interval."""


class LegName(StrEnum):
    """The two ways to a member."""

    CHANNEL = "channel"
    DM = "dm"


class LegState(StrEnum):
    """Where one leg of a notice stands.

    OPEN is yet to be sent, or was surely not delivered; CLAIMED may have arrived, since nobody has said what came of
    it; UNCERTAIN likewise, and nobody will; CLOSED is not to be sent.
    """

    OPEN = "open"
    CLAIMED = "claimed"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    CLOSED = "closed"


MAY_HAVE_ARRIVED = frozenset({LegState.CLAIMED, LegState.SENT, LegState.UNCERTAIN})

UNDER_WAY = timedelta(minutes=1)
"""How long after a claim its message may still be under way: a request ends within 15 s, the rest is Discord's."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a notice. `at` is when it was delivered, or claimed by the host `by`; `reason` is of the last no."""

    state: LegState = LegState.OPEN
    at: datetime | None = None
    by: str = ""
    reason: str = ""
    message_id: int | None = None
    channel_id: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was handed in with a TODO; `url` is where Discord keeps it, and may be out of date."""

    filename: str
    content_type: str = ""
    size: int = 0
    url: str = ""

    @property
    def is_image(self) -> bool:
        """Whether it is shown within the post."""
        return self.content_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class Todo:
    """One handed-in TODO. `date` is as it was typed; `submitted_by` is set when somebody else handed it in."""

    name: str
    date: str
    must_do: str = ""
    can_do: str = ""
    dont_do: str = ""
    id: str = ""
    submitted_at: datetime | None = None
    submitted_by: int | None = None
    attachment: Attachment | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told by one or two legs.

    `ping_before` is the last ping's time from before this one's round; `todo` is what a submission's post shows.
    """

    id: str
    kind: NoticeKind
    made_at: datetime
    channel: Leg = Leg()
    dm: Leg = Leg()
    ping_before: datetime | None = None
    todo: Todo | None = None

    def leg(self, name: LegName) -> Leg:
        """One of the legs."""
        return self.channel if name is LegName.CHANNEL else self.dm

    def with_leg(self, name: LegName, leg: Leg) -> Notice:
        """The notice with another leg in place of the one of that name."""
        return replace(self, channel=leg) if name is LegName.CHANNEL else replace(self, dm=leg)

    def legs_in(self, *states: LegState) -> tuple[LegName, ...]:
        """Which legs are in one of the states, the channel first."""
        return tuple(name for name in LegName if self.leg(name).state in states)

    @property
    def counts_from(self) -> datetime | None:
        """When a leg was last delivered, or may have been; None when surely none was."""
        return max(
            (leg.at for leg in (self.channel, self.dm) if leg.state in MAY_HAVE_ARRIVED and leg.at), default=None
        )

    @property
    def delivered_at(self) -> datetime | None:
        """When the first leg was surely delivered; None when none was."""
        return min((leg.at for leg in (self.channel, self.dm) if leg.state is LegState.SENT and leg.at), default=None)

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to be done about it."""
        return not self.legs_in(LegState.OPEN, LegState.CLAIMED)


class RemovalState(StrEnum):
    """Where the removal of a role stands; ABSENT when there was no role to take."""

    CLAIMED = "claimed"
    DONE = "done"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Removal:
    """That the role is being taken, or was: since when, and by which host."""

    state: RemovalState
    at: datetime
    by: str = ""


@dataclass(frozen=True, slots=True)
class Lapse:
    """What happened in one lapse; `since` is the start of the silence that it belongs to."""

    since: datetime
    warned_at: datetime | None = None
    removal: Removal | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which a member's clocks stand still; without an end until it is ended."""

    id: str
    start: datetime
    end: datetime | None = None
    reason: str = ""

    @property
    def period(self) -> Period:
        """The time itself."""
        return Period(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Membership:
    """How Discord showed a member when it was last asked; without `in_guild` the rest says nothing."""

    at: datetime
    in_guild: bool
    is_bot: bool = False
    has_role: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One member, from the roster and the timestamps together.

    The two documents that it was read from are kept, so that a change can be made on condition that they are still
    as they were, and what other programs have put into them stays.
    """

    user_id: int
    name: str = ""
    on_roster: bool = True
    added: datetime | None = None
    exempt: bool = False
    time_zone: str = ""
    pauses: tuple[Pause, ...] = ()
    left_at: datetime | None = None
    membership: Membership | None = None
    dm_channel_id: int | None = None
    dms_closed_at: datetime | None = None
    last_submit: datetime | None = None
    last_ping: datetime | None = None
    todo: Todo | None = None
    lapse: Lapse | None = None
    notices: tuple[Notice, ...] = ()
    roster_document: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    timestamps_document: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def silent_since(self) -> datetime | None:
        """When the clock started: the last submission, or the coming onto the roster where that is later."""
        return max((at for at in (self.last_submit, self.added) if at), default=None)

    @property
    def present_lapse(self) -> Lapse | None:
        """What happened in the present silence; None when nothing has yet."""
        return self.lapse if self.lapse and self.lapse.since == self.silent_since else None

    @property
    def ping(self) -> Notice | None:
        """The present round's reminder or warning, None when there is none."""
        return next((notice for notice in self.notices if notice.kind in PINGS), None)

    def notice(self, notice_id: str) -> Notice | None:
        """One of the notices, None when it is not there any more."""
        return next((notice for notice in self.notices if notice.id == notice_id), None)

    def with_notice(self, notice: Notice) -> Member:
        """The member with a notice added, or in place of the one with its id; of pings only one stays."""
        kept = [
            other
            for other in self.notices
            if other.id != notice.id and not (other.kind in PINGS and notice.kind in PINGS)
        ]
        return replace(self, notices=(*kept, notice))

    @property
    def label(self) -> str:
        """What to call the member in messages to the operator."""
        return f"member {self.user_id}{f' ({self.name})' if self.name else ''}"
