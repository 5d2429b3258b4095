"""The clock that a run goes by: this host's as long as nobody says better, else a witness's.

A clock is passed in wherever time matters, so that tests and the demo have one of their own. This host's may be wrong:
a small computer without a battery starts in 1970, and a virtual machine wakes up days late. Discord says what time it
is with each answer, and so does each source; what they say is compared here. The rules are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

Clock = Callable[[], datetime]
"""Gives the present instant, aware."""

NOTICEABLE = timedelta(minutes=1)
"""How far two clocks are apart before it means anything: a `Date` has whole seconds, and is some of them on its way."""

TOLERANCE = timedelta(minutes=10)
"""How far this host's clock may be off before nothing is sent by it: NTP that works keeps it to a second, and a clock
that is off by more is set wrong, not slow. What it wrote meanwhile is off by no more than this, either."""

NO_TIME_YET = datetime.min.replace(tzinfo=UTC)
"""Before this nothing has ended: the instant to judge by where nobody knows what time it is."""

BEFORE_ALL = datetime(2020, 1, 1, tzinfo=UTC)
"""Before this there was no giftping, and nothing was delivered."""

MEND = "set it, and keep it right: timedatectl set-ntp true"
"""What a person does about a clock that is wrong (timedatectl(1))."""


class ClockStanding(StrEnum):
    """What a host's clock is worth."""

    RIGHT = "right"
    OFF = "off"
    """By so little that a run goes by the witness's time, and on."""
    WRONG = "wrong"
    """By so much that nothing is sent."""
    UNKNOWN = "unknown"
    """No witness has said anything, or none that is enough."""


class ClockWitness(StrEnum):
    """Who says what time it is."""

    DISCORD = "discord"
    SOURCES = "sources"
    """Several of them, or one together with this host."""


_CLOCK_OF = {ClockWitness.DISCORD: "Discord's", ClockWitness.SOURCES: "that of the sources", None: ""}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a witness said the time was, beside what this host's clock said."""

    whose: str
    """`Discord`, or the host of a source."""
    shown: datetime
    own: datetime
    """By this host's clock, at that moment."""

    @property
    def ahead(self) -> timedelta:
        """How far the witness is ahead of this host."""
        return self.shown - self.own

    @property
    def differs(self) -> bool:
        """Whether the two are further apart than an answer takes."""
        return abs(self.ahead) > NOTICEABLE


@dataclass(frozen=True, slots=True)
class ClockVerdict:
    """What the witnesses of a run say of this host's clock."""

    standing: ClockStanding = ClockStanding.UNKNOWN
    ahead: timedelta = timedelta(0)
    """How far the witness is ahead of this host's clock."""
    witness: ClockWitness | None = None
    """By whose word; None where nobody has said anything, or nobody who can be reached."""
    is_untrusted: bool = False
    """Whether the servers' certificates are not valid yet by this host's clock: it is far behind, who knows how far."""

    @property
    def may_send(self) -> bool:
        """Whether anything may be sent."""
        return self.standing is not ClockStanding.WRONG

    @property
    def line(self) -> str:
        """What is wrong with the clock and what to do, in words; empty where nothing is known to be."""
        if self.is_untrusted:
            return f"this host's clock is far behind: by it the servers' certificates are not yet valid; {MEND}"
        if self.standing not in (ClockStanding.OFF, ClockStanding.WRONG):
            return ""
        way = "behind" if self.ahead > timedelta(0) else "ahead of"
        whose = _CLOCK_OF[self.witness]
        follows = f"this run goes by {whose}" if self.may_send else "nothing is sent until it is right"
        return f"this host's clock is {apart(self.ahead)} {way} {whose}: {follows}; {MEND}"


UNKNOWN = ClockVerdict()
UNTRUSTED = ClockVerdict(ClockStanding.WRONG, is_untrusted=True)


def apart(span: timedelta) -> str:
    """How far two clocks are apart, in one or two units: `5 min`, `2 h 10 min`, `30 d`."""
    minutes = max(1, round(abs(span).total_seconds() / 60))
    days, hours, minutes = minutes // 1440, minutes % 1440 // 60, minutes % 60
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts[:2])


def clock_verdict(discord: Sequence[Reading], sources: Iterable[Reading] = ()) -> ClockVerdict:
    """What a run's clock is worth by what was read.

    Discord has the last word, since whatever is sent is ordered by its time. Of several of its readings the one that is
    furthest off counts: that is a clock which was set while the run went on. Without Discord two have to agree, sources
    on different hosts or a source and this host: one alone may be wrong itself.
    """
    if discord:
        return _by(max(discord, key=lambda reading: abs(reading.ahead)), ClockWitness.DISCORD)
    ordered = sorted(sources, key=lambda reading: reading.ahead)
    groups = [
        [other for other in ordered[first:] if other.ahead - one.ahead <= NOTICEABLE]
        for first, one in enumerate(ordered)
    ]
    # Of equally many those that agree with this host: nothing says that it is wrong.
    most = max(groups, key=lambda group: (_witnesses(group), any(not one.differs for one in group)), default=[])
    return _by(most[len(most) // 2], ClockWitness.SOURCES) if _witnesses(most) > 1 else UNKNOWN


def _witnesses(group: Sequence[Reading]) -> int:
    """How many clocks show the same: those of the sources' hosts, and this host's."""
    return len({reading.whose for reading in group}) + any(not reading.differs for reading in group)


def _by(reading: Reading, witness: ClockWitness) -> ClockVerdict:
    if not reading.differs:
        return ClockVerdict(ClockStanding.RIGHT, reading.ahead, witness)
    standing = ClockStanding.OFF if abs(reading.ahead) <= TOLERANCE else ClockStanding.WRONG
    return ClockVerdict(standing, reading.ahead, witness)


class RunClock:
    """The clock of one run: this host's at its beginning, or a witness's, carried on by a clock that nobody sets.

    `wall` is this host's, `steady` gives the seconds of the other one. A step of the first during the run moves
    nothing.
    """

    def __init__(self, wall: Clock, steady: Callable[[], float]) -> None:
        self._wall, self._steady = wall, steady
        # Replaced as one, so that no thread sees one half of it.
        self._begun = self._base = (wall(), steady())

    def __call__(self) -> datetime:
        """The present instant."""
        instant, at = self._base
        return instant + timedelta(seconds=self._steady() - at)

    def go_by(self, shown: datetime) -> None:
        """Go by a witness from now on, who says that it is this instant now."""
        self._base = (shown, self._steady())

    def read(self, whose: str, shown: datetime) -> Reading:
        """What a witness says it is now, beside what this host's own clock says, or said at the beginning.

        The one of the two that is further off counts: what was decided until now was decided by the one, and what
        other processes of this host do is done by the other.
        """
        instant, at = self._begun
        carried = instant + timedelta(seconds=self._steady() - at)
        return Reading(whose, shown, max(carried, self._wall(), key=lambda own: abs(shown - own)))


def is_from_future(at: datetime | None, now: datetime) -> bool:
    """Whether a date in a record lies so far ahead that a wrong clock must have made it: it is to hold nobody up."""
    return at is not None and at - now > TOLERANCE


def delivery_time(posted_at: datetime, now: datetime) -> datetime:
    """When a message was delivered: at the time in its own id, which is Discord's, unless that cannot be."""
    return now if is_from_future(posted_at, now) or posted_at < BEFORE_ALL else posted_at
