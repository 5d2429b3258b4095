"""The mark that lets an idle run end after its conditional GETs, without opening the store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from giftping.codes.report import CheckReport

if TYPE_CHECKING:
    from giftping.codes.gather import Gathered

FULL_LOOK_EVERY = timedelta(hours=1)
"""However quiet it is, the store is looked at this often."""

GLANCE_EVERY = timedelta(minutes=10)
"""A store that hosts share is glanced at this often: another one may have added a guild, or left claims to settle."""


TOLD_AGAIN = timedelta(days=1, minutes=1)
"""After how long a run that could be idle looks again at what is wrong, so that it can be told once more."""


@dataclass(frozen=True, slots=True)
class IdleMark:
    """What the last complete check on this host saw; as long as none of it changes there is nothing to do.

    The names of the fields are keys of a file: see giftping.runs.last_check.
    """

    settings: str
    """A hash of the settings that decide what a check does."""
    store: str
    """What tells that nobody has written to this host's store since."""
    lists: str
    """What tells that the sources list the same: the fingerprint of what was gathered."""
    games: tuple[str, ...]
    """The games whose sources are asked."""
    look_again_at: datetime
    """When it is time to look all the same: into the store, or, where hosts share one, by a glance at it."""
    due_at: datetime | None = None
    """When something is known to become due, None for nothing."""
    guild_count: int = 0
    trouble: bool = False
    """Whether the run told of trouble that the next one meets again: an idle one's exit code tells, too."""
    broken: int = 0
    """How many destinations wait for a person, which counts in the exit code of a run that tells of it."""
    uncertain: int = 0
    """How many codes are uncertain, which counts in the same way."""
    awaited: tuple[str, ...] = ()
    """The failing sources whose next good answer may release what is held."""
    shared: str = ""
    """What a glance at the store that hosts share gave, empty where there is none."""

    def holds(self, *, settings: str, store: str, now: datetime) -> bool:
        """Whether settings and store are as they were and nothing is due; the lists are compared later.

        A mark from further ahead than any look is put off was made by a clock that was wrong.
        """
        is_due = self.due_at is not None and self.due_at <= now
        is_sane = self.look_again_at <= now + FULL_LOOK_EVERY
        in_time = is_sane and (now < self.look_again_at or bool(self.shared))
        return self.settings == settings and self.store == store and in_time and not is_due

    def glanced(self, now: datetime) -> IdleMark:
        """The mark after a glance at the shared store that gave what it gave before."""
        return replace(self, look_again_at=now + GLANCE_EVERY)


def idle_report(mark: IdleMark, gathered: Gathered, started: datetime, finished: datetime) -> CheckReport | None:
    """The report of a run that is over, None when a list is not the one that the mark knows, or is known again."""
    answers = any(source.name in mark.awaited and not source.is_failing for source in gathered.sources)
    if answers or gathered.fingerprint != mark.lists:
        return None
    return CheckReport(
        started_at=started,
        finished_at=finished,
        idle=True,
        guild_count=mark.guild_count,
        games=mark.games,
        lists=gathered.fingerprint,
        sources=gathered.sources,
        standing_trouble=mark.trouble,
        broken=mark.broken,
        uncertain=mark.uncertain,
    )


def next_mark(report: CheckReport, settings: str, store: str, shared: str = "") -> IdleMark | None:
    """The mark that lets the next run be idle, None when there is something left to do."""
    if report.dry_run or not report.is_settled:
        return None
    ends = (
        report.others_lease_ends,
        report.next_owed_end,
        report.next_hold_end,
        report.next_edit_at,
        report.next_publishing_at,
    )
    due = [instant for instant in (*(rest.retry_at for rest in report.resting()), *ends) if instant]
    if report.trouble or report.uncertain or any(report.resting()):
        due.append(report.finished_at + TOLD_AGAIN)
    return IdleMark(
        settings=settings,
        store=store,
        lists=report.lists,
        games=report.games,
        look_again_at=report.finished_at + (GLANCE_EVERY if shared else FULL_LOOK_EVERY),
        due_at=min(due, default=None),
        guild_count=report.guild_count,
        trouble=bool(report.trouble),
        broken=report.broken,
        uncertain=report.uncertain,
        awaited=report.awaited_sources,
        shared=shared,
    )
