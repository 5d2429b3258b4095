"""What is known of a member of the TODO roster, as values. Pure; all times are aware and in UTC."""

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
"""The notices that ask for a TODO, never two within the interval; a member has one of them at most."""


class LegName(StrEnum):
    """The two ways to a member."""

    CHANNEL = "channel"
    DM = "dm"


class LegState(StrEnum):
    """Where one leg of a notice stands."""

    OPEN = "open"
    """Yet to be sent, or surely not delivered."""
    CLAIMED = "claimed"
    """About to be sent, or sent: it may have arrived, and nobody has said yet what came of it."""
    SENT = "sent"
    UNCERTAIN = "uncertain"
    """It may have arrived, and nobody will ever say."""
    CLOSED = "closed"
    """Not to be sent."""


MAY_HAVE_ARRIVED = frozenset({LegState.CLAIMED, LegState.SENT, LegState.UNCERTAIN})
"""The states that count as a ping: the interval is kept also where a message has arrived that nobody knows of."""

UNDER_WAY = timedelta(minutes=1)
"""How long after its first byte a message may still be under way: a request ends within 15 s, the rest is Discord's."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a notice."""

    state: LegState = LegState.OPEN
    at: datetime | None = None
    """When it was delivered, by its message's own id, or claimed."""
    by: str = ""
    """The host that claimed it, where an older release did, which knew of no deliveries."""
    reason: str = ""
    """Why it was not delivered when that was last tried."""
    message_id: int | None = None
    channel_id: int | None = None
    """Where it went or was about to go: there it is looked for."""
    delivery: str = ""
    """The id of the delivery that has claimed it: one that is not there any more was never written."""
    noes: int = 0
    """How often the content of its message was refused."""
    retry_at: datetime | None = None
    """When it is tried again after that; None for the next sweep."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that was handed in with a TODO."""

    filename: str
    content_type: str = ""
    size: int = 0
    """In bytes."""
    url: str = ""
    """Where Discord keeps it, as the older bot noted it; such addresses run out."""

    @property
    def is_image(self) -> bool:
        """Whether it is shown within the post."""
        return self.content_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class Todo:
    """One handed-in TODO."""

    name: str
    date: str
    """As DD/MM/YYYY; an older bot took whatever was typed."""
    must_do: str = ""
    can_do: str = ""
    dont_do: str = ""
    id: str = ""
    submitted_at: datetime | None = None
    submitted_by: int | None = None
    """Who handed it in where that was somebody else."""
    attachment: Attachment | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told by one or two legs."""

    id: str
    kind: NoticeKind
    made_at: datetime
    channel: Leg = Leg()
    dm: Leg = Leg()
    ping_before: datetime | None = None
    """The time of the ping before this one: what counts again when surely no leg of it was delivered."""
    todo: Todo | None = None
    """What a submission's post shows; the member may have handed in another one meanwhile."""

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
        # The last one: the interval is to lie between any two messages, whichever way they came.
        return max(
            (leg.at for leg in (self.channel, self.dm) if leg.state in MAY_HAVE_ARRIVED and leg.at), default=None
        )

    @property
    def delivered_at(self) -> datetime | None:
        """When the first leg was surely delivered; None when none was."""
        # The first one: from then on the member could know.
        return min((leg.at for leg in (self.channel, self.dm) if leg.state is LegState.SENT and leg.at), default=None)

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to be done about it."""
        return not self.legs_in(LegState.OPEN, LegState.CLAIMED)


class RemovalState(StrEnum):
    """Where the removal of a role stands."""

    CLAIMED = "claimed"
    """About to be taken, or taken: nobody has said yet what came of it."""
    DONE = "done"
    ABSENT = "absent"
    """There was no role to take."""


@dataclass(frozen=True, slots=True)
class Removal:
    """That the role is being taken, or was."""

    state: RemovalState
    at: datetime
    """When it got into that state."""
    by: str = ""
    """The host that did it."""
    delivery: str = ""
    """The id of the delivery that has claimed it, empty where an older release did."""


@dataclass(frozen=True, slots=True)
class Lapse:
    """What happened in one lapse."""

    since: datetime
    """The start of the silence: it tells the present lapse from one that a submission has ended."""
    warned_at: datetime | None = None
    """When the first leg of a warning was delivered."""
    removal: Removal | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which a member's clocks stand still."""

    id: str
    start: datetime
    end: datetime | None = None
    """None: until somebody ends it."""
    reason: str = ""

    @property
    def period(self) -> Period:
        """The time itself."""
        return Period(self.start, self.end)


@dataclass(frozen=True, slots=True)
class Membership:
    """How Discord showed a member when it was last asked."""

    at: datetime
    """When that was."""
    in_guild: bool
    """Where not, the other two say nothing."""
    is_bot: bool = False
    has_role: bool = False


@dataclass(frozen=True, slots=True)
class Member:
    """One member, from the roster and the timestamps together."""

    user_id: int
    name: str = ""
    on_roster: bool = True
    added: datetime | None = None
    """When they came onto the roster."""
    is_found: bool = False
    """Whether an older bot put them there, so that giftping has found them."""
    clock_from: datetime | None = None
    """Since when their silence counts, where a sweep has started their clock: they were found, or undated, or have been
    forgotten."""
    exempt: bool = False
    time_zone: str = ""
    """The name of their own zone, empty where they go by that of the settings."""
    pauses: tuple[Pause, ...] = ()
    left_at: datetime | None = None
    """Since when they are known not to be in the guild; None while they are."""
    membership: Membership | None = None
    """How Discord last showed them, None where it was never asked."""
    dm_channel_id: int | None = None
    dms_closed_at: datetime | None = None
    """When Discord last said that they take no direct messages from the bot."""
    last_submit: datetime | None = None
    last_ping: datetime | None = None
    """When the last ping was delivered, or may have been, since the last TODO."""
    todo: Todo | None = None
    lapse: Lapse | None = None
    """The present lapse, or an earlier one whose role is yet to be given back."""
    notices: tuple[Notice, ...] = ()
    """Those that are not over: a leg is owed, or may be under way."""
    roster_document: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """As it was read: a change is made only where it is still so, and what other programs put into it stays."""
    timestamps_document: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """Likewise."""

    @property
    def silent_since(self) -> datetime | None:
        """When the clock started: the last submission, or the coming onto the roster where that is later.

        None until a sweep has started the clock of whoever was found on the roster and never handed in: an older bot
        has left them alone, so that they are not late from the start.
        """
        is_left_alone = self.is_found and self.last_submit is None
        # Whoever comes back onto the roster after a year is not a year late.
        came = self.clock_from or (None if is_left_alone else self.added)
        return max((at for at in (self.last_submit, came) if at), default=None)

    @property
    def present_lapse(self) -> Lapse | None:
        """What happened in the present silence; None when nothing has yet."""
        return self.lapse if self.lapse and self.lapse.since == self.silent_since else None

    @property
    def removal(self) -> Removal | None:
        """The removal in the lapse that is noted, None where there was none."""
        return self.lapse.removal if self.lapse else None

    @property
    def ping(self) -> Notice | None:
        """The present reminder or warning, None when there is none."""
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
