"""What a sweep or a submission did, as values: for the terminal, for `--json`, for the exit code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from giftping.errors import EXIT_FINE, EXIT_TROUBLE
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.rules import Due

if TYPE_CHECKING:
    from giftping.discord.message import Message


class Result(StrEnum):
    """How a leg or a change of a role ended.

    UNCLEAR may have happened: the next sweep looks. CLOSED: the member takes no direct messages. LATER: not tried
    this time, by intent. PLANNED: a dry run would try it.
    """

    DONE = "done"
    REFUSED = "refused"
    UNCLEAR = "unclear"
    UNCERTAIN = "uncertain"
    CLOSED = "closed"
    LATER = "later"
    PLANNED = "planned"


FAILED = frozenset({Result.REFUSED, Result.UNCLEAR, Result.UNCERTAIN})


@dataclass(frozen=True, slots=True)
class LegReport:
    """One leg of a notice for one member and how it ended; `settled` when it was an earlier run's."""

    user_id: int
    name: str
    kind: NoticeKind
    leg: LegName
    result: Result
    reason: str = ""
    message_id: int | None = None
    settled: bool = False


@dataclass(frozen=True, slots=True)
class RoleReport:
    """A role taken or given back, or not, for one member."""

    user_id: int
    name: str
    given: bool
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """What is due for one member, or when something will be; `look` is why Discord could not be asked about them."""

    user_id: int
    name: str
    due: Due
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class PlannedWrites:
    """The direct messages of a dry run: those that would go out, and those that would wait for a later sweep."""

    now: int = 0
    later: int = 0


@dataclass(frozen=True, slots=True)
class SweepReport:
    """One sweep.

    `plan` is what was due at its start, for everybody on the roster. `messages` are what a dry run would post, each
    with where it would go, and `writes` its direct messages. `trouble` is what else went wrong, in words;
    `told_before` are the lines of trouble that the sweep before has told. `downtime_since` is the start of the time
    before this sweep that is not charged to anybody; `waited_for` counts those who were about to fall due; `stopped`
    when the sweep was told to stop, so that what it had not begun is left to the next one.
    """

    started_at: datetime
    finished_at: datetime
    dry_run: bool = False
    plan: tuple[Planned, ...] = ()
    legs: tuple[LegReport, ...] = ()
    roles: tuple[RoleReport, ...] = ()
    left: tuple[int, ...] = ()
    returned: tuple[int, ...] = ()
    messages: tuple[tuple[str, Message], ...] = ()
    writes: PlannedWrites = PlannedWrites()
    trouble: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    told_before: frozenset[str] = frozenset()
    downtime_since: datetime | None = None
    waited_for: int = 0
    stopped: bool = False

    @property
    def exit_code(self) -> int:
        """0 when all is well, 69 when something failed or is uncertain."""
        failing = any(report.result in FAILED for report in self._all())
        return EXIT_TROUBLE if failing or self.trouble or any(one.trouble for one in self.plan) else EXIT_FINE

    @property
    def has_delivered(self) -> bool:
        """Whether this sweep has told anybody anything."""
        return any(leg.result is Result.DONE and not leg.settled for leg in self.legs)

    def count(self, kind: NoticeKind) -> int:
        """How many members got a notice of this kind by at least one leg."""
        return len({leg.user_id for leg in self.legs if leg.kind is kind and leg.result is Result.DONE})

    def counts(self) -> dict[str, int]:
        """How often each thing was done, in the words of the plan."""
        done = Counter({kind.value: self.count(kind) for kind in NoticeKind})
        return dict(+done)

    def trouble_lines(self) -> list[str]:
        """Return what went wrong, in words: a line for each cause, which names the member where it is one's alone."""
        causes: dict[str, list[LegReport | RoleReport]] = {}
        for failed in self.failures():
            causes.setdefault(_cause(failed), []).append(failed)
        lines = [f"{_who(failed)}: {cause}" for cause, failed in causes.items()]
        unseen: dict[str, list[Planned]] = {}
        for planned in self.plan:
            if planned.trouble:
                unseen.setdefault(planned.trouble, []).append(planned)
        lines += [f"{_who(planned)}: Discord does not say how they stand ({why})" for why, planned in unseen.items()]
        return [*lines, *self.trouble]

    def failures(self) -> Iterator[LegReport | RoleReport]:
        """Yield what failed or is uncertain, by member."""
        failed = [report for report in self._all() if report.result in FAILED]
        yield from sorted(failed, key=lambda report: report.user_id)

    def _all(self) -> Iterator[LegReport | RoleReport]:
        yield from self.legs
        yield from self.roles


def _who(reports: Sequence[LegReport | RoleReport | Planned]) -> str:
    """The member that reports are about, or how many members."""
    members = {report.user_id: report.name for report in reports}
    if len(members) > 1:
        return f"{len(members)} members"
    user_id, name = next(iter(members.items()))
    return f"member {user_id}{f' ({name})' if name else ''}"


_SAID = {
    Result.REFUSED: "refused",
    Result.UNCLEAR: "unclear whether it arrived",
    Result.UNCERTAIN: "nobody can tell whether it arrived",
}

_WHAT_FOLLOWS = {Result.REFUSED: "; the next sweep tries again", Result.UNCLEAR: "; the next sweep looks"}


def _cause(report: LegReport | RoleReport) -> str:
    if isinstance(report, LegReport):
        what = f"{report.kind.value}, {'channel' if report.leg is LegName.CHANNEL else 'direct message'}"
    else:
        what = "giving the role back" if report.given else "taking the role"
    reason = f" ({report.reason})" if report.reason else ""
    return f"{what}: {_SAID[report.result]}{reason}{_WHAT_FOLLOWS.get(report.result, '')}"
