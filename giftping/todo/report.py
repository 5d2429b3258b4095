"""What a sweep or a submission did, as values: for the terminal, for `--json`, for the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from giftping.delivery.clock import UNKNOWN, ClockVerdict
from giftping.errors import EXIT_FINE, EXIT_TROUBLE
from giftping.text import counted
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.rules import Due

if TYPE_CHECKING:
    from giftping.discord.message import Message


class ActionResult(StrEnum):
    """How a leg or a change of a role ended."""

    DONE = "done"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    """It may have happened: the next sweep looks."""
    UNCERTAIN = "uncertain"
    """It may have happened, and nobody can tell any more."""
    CLOSED = "closed"
    """The member takes no direct messages."""
    LATER = "later"
    """Not tried this time, by intent."""


FAILED = frozenset({ActionResult.REFUSED, ActionResult.UNCLEAR, ActionResult.UNCERTAIN})


@dataclass(frozen=True, slots=True)
class LegReport:
    """One leg of a notice for one member and how it ended."""

    user_id: int
    name: str
    kind: NoticeKind
    leg: LegName
    result: ActionResult
    reason: str = ""
    message_id: int | None = None
    settled: bool = False
    """Whether it was an earlier run's."""
    mend: str = ""
    """What a person has to mend before it can be done, in words."""
    rests: bool = False
    """Whether it is tried again within a day, and not by the next sweep."""
    is_left_alone: bool = False
    """Whether it was not tried this time, since it was refused not long ago, in a way that a person has to mend."""


@dataclass(frozen=True, slots=True)
class RoleReport:
    """A role taken or given back, or not, for one member."""

    user_id: int
    name: str
    given: bool
    """Whether it was to be given back, and not to be taken."""
    result: ActionResult
    reason: str = ""
    mend: str = ""
    """What a person has to mend before it can be done, in words."""


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """What is due for one member, or when something will be."""

    user_id: int
    name: str
    due: Due
    trouble: str = ""
    """Why Discord could not be asked about them, so that nothing was done; empty where it was not needed."""


@dataclass(frozen=True, slots=True)
class PlannedWrites:
    """The direct messages of a dry run."""

    now: int = 0
    """How many would go out."""
    later: int = 0
    """How many would wait for a later sweep, since few new channels are opened in one."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """One sweep."""

    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    plan: tuple[PlannedAction, ...] = ()
    """What was due at its start, for everybody on the roster."""
    legs: tuple[LegReport, ...] = ()
    roles: tuple[RoleReport, ...] = ()
    left: tuple[int, ...] = ()
    """Those who were found to have left the guild."""
    returned: tuple[int, ...] = ()
    """Those who had left, and were found to be back."""
    messages: tuple[tuple[str, Message], ...] = ()
    """What a dry run would post, each with where it would go."""
    writes: PlannedWrites = PlannedWrites()
    """The direct messages of a dry run."""
    trouble: tuple[str, ...] = ()
    """What else went wrong, in words."""
    notices: tuple[str, ...] = ()
    """What the store had to say of itself, which is no trouble of the sweep's."""
    told_before: frozenset[str] = frozenset()
    """The lines of trouble that the sweep before has told: they are not told again."""
    downtime_since: datetime | None = None
    """The start of the time before this sweep that is not charged to anybody."""
    waited_for: int = 0
    """How many were about to fall due and were waited for."""
    stopped: bool = False
    """Whether the sweep was told to stop, so that what it had not begun is left to the next one."""
    clock: ClockVerdict = UNKNOWN
    """What this host's clock was worth, as far as that was known."""
    standing: str | None = None
    """What lasts of the store, such as that MongoDB is away; empty where all is well, None where nobody has looked."""
    is_whole: bool = False
    """Whether everything was looked at: what was wrong before, and was not met, is over."""

    @property
    def exit_code(self) -> int:
        """0 when all is well, 69 when something failed.

        What waits for a person, as uncertain or left alone, counts only in the sweeps that tell of it, which is not
        known here.
        """
        failing = any(report.result in FAILED and not waits_for_a_person(report) for report in self._all())
        standing = self.trouble or not self.clock.may_send
        return EXIT_TROUBLE if failing or standing or any(one.trouble for one in self.plan) else EXIT_FINE

    @property
    def news(self) -> tuple[str, ...]:
        """What the store had to say of itself besides what lasts."""
        return tuple(one for one in self.notices if one != self.standing)

    @property
    def has_delivered(self) -> bool:
        """Whether this sweep has told anybody anything."""
        return any(leg.result is ActionResult.DONE and not leg.settled for leg in self.legs)

    def count(self, kind: NoticeKind) -> int:
        """How many members got a notice of this kind by at least one leg."""
        return len({leg.user_id for leg in self.legs if leg.kind is kind and leg.result is ActionResult.DONE})

    def counts(self) -> dict[str, int]:
        """How often each thing was done, in the words of the plan."""
        done = Counter({kind.value: self.count(kind) for kind in NoticeKind})
        return dict(+done)

    def trouble_lines(self) -> list[str]:
        """The troubles in words, with what the sweep met on its way."""
        return [*self.member_lines(), *self.trouble]

    def member_lines(self) -> list[str]:
        """The troubles about members: a line for each cause, which names the member where it is one's alone."""
        lines = _by_cause(self.failures())
        unseen: dict[str, list[PlannedAction]] = {}
        for planned in self.plan:
            if planned.trouble:
                unseen.setdefault(planned.trouble, []).append(planned)
        lines += [f"{_who(planned)}: Discord does not say how they stand ({why})" for why, planned in unseen.items()]
        return lines

    def lines_for_a_person(self) -> list[str]:
        """Those of the lines that are about what waits for a person."""
        return _by_cause(failed for failed in self.failures() if waits_for_a_person(failed))

    def failures(self) -> Iterator[LegReport | RoleReport]:
        """The legs and roles that failed or are uncertain, by member."""
        failed = [report for report in self._all() if report.result in FAILED]
        yield from sorted(failed, key=lambda report: report.user_id)

    def _all(self) -> Iterator[LegReport | RoleReport]:
        yield from self.legs
        yield from self.roles


def waits_for_a_person(report: LegReport | RoleReport) -> bool:
    """Whether nothing comes of it by itself soon: nobody can tell any more, or it is left alone until it is mended."""
    return report.result is ActionResult.UNCERTAIN or (isinstance(report, LegReport) and report.is_left_alone)


def what_happened(line: str) -> str:
    """A line of trouble without what follows and what to mend: these are the same where what happened is."""
    return line.partition("; ")[0]


def _by_cause(failures: Iterable[LegReport | RoleReport]) -> list[str]:
    # By cause: when Discord is away, 1,000 members are one line and not a mail of 1,000.
    causes: dict[str, list[LegReport | RoleReport]] = {}
    for failed in failures:
        causes.setdefault(_cause(failed), []).append(failed)
    return [f"{_who(failed)}: {cause}" for cause, failed in causes.items()]


def _who(reports: Sequence[LegReport | RoleReport | PlannedAction]) -> str:
    """The member that reports are about, or how many members."""
    members = {report.user_id: report.name for report in reports}
    if len(members) > 1:
        return counted(len(members), "member")
    user_id, name = next(iter(members.items()))
    return f"member {user_id}{f' ({name})' if name else ''}"


_SAID = {
    ActionResult.REFUSED: "refused",
    ActionResult.UNCLEAR: "unclear whether it arrived",
    ActionResult.UNCERTAIN: "nobody can tell whether it arrived",
}

_WHAT_FOLLOWS = {ActionResult.REFUSED: "; the next sweep tries again", ActionResult.UNCLEAR: "; the next sweep looks"}


def _cause(report: LegReport | RoleReport) -> str:
    if isinstance(report, LegReport):
        what = f"{report.kind.value}, {'channel' if report.leg is LegName.CHANNEL else 'direct message'}"
    else:
        what = "giving the role back" if report.given else "taking the role"
    reason = f" ({report.reason})" if report.reason else ""
    mend = f"; {report.mend}" if report.mend else ""
    follows = _WHAT_FOLLOWS.get(report.result, "")
    if isinstance(report, LegReport) and report.rests:
        follows = "; tried again within a day"
    return f"{what}: {_SAID[report.result]}{reason}{mend}{follows}"
