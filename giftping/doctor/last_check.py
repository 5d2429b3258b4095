"""The last `giftping codes check`: whether a timer runs it, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from giftping.codes.record import JOB
from giftping.doctor.judgement import Checks, Judgement, about, ago, fail, ok, warn
from giftping.runs.last_check import read_last_check

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from giftping.store.base import RunRecord

LATE = timedelta(minutes=15)
"""How long there may be no check beyond three times the usual time between two."""

GONE = timedelta(days=1)
"""How long there may be no check at all, unless they are further apart than that."""


@dataclass(frozen=True, slots=True)
class LastCheckFacts:
    """The last check of this host, and of the others."""

    now: datetime
    """The time of the look."""
    at: datetime | None = None
    """When it ended; None where there was none on this host."""
    exit_code: int = 0
    """The code that it ended with; all but 0 is trouble."""
    every: timedelta | None = None
    """The usual time between two checks on this host; None after the first one."""
    elsewhere: datetime | None = None
    """When the last check of another host ended that the ledger knows of."""


def look_at_last_check(state: Path, runs: Sequence[RunRecord], host: str, now: datetime) -> LastCheckFacts:
    """What the last check on this host, `host`, left in the state folder, and others in the ledger."""
    last = read_last_check(state)
    elsewhere = [run.finished_at for run in runs if run.job == JOB and run.host != host]
    starts = last.starts if last else ()
    # The median, as a host that was off for a night, or a check by hand, says nothing of the timer.
    apart = [(later - earlier) / timedelta(seconds=1) for earlier, later in pairwise(starts)]
    return LastCheckFacts(
        now=now,
        at=last.finished_at if last else None,
        exit_code=last.exit_code if last else 0,
        every=timedelta(seconds=median(apart)) if apart else None,
        elsewhere=max(elsewhere, default=None),
    )


def judge_last_check(check: LastCheckFacts) -> Judgement:
    """Whether checks come as they usually do, by what lay between the last few of them: no setting names a timer."""
    timer = "have a timer run giftping codes check: giftping init shows the line"
    if check.at is None:
        if check.elsewhere is not None and check.now - check.elsewhere < GONE:
            return ok(f"none on this host; another one's was {ago(check.elsewhere, check.now)}")
        return warn("there was none on this host yet", timer)
    age, usual = check.now - check.at, check.every
    said = ago(check.at, check.now) + (f", usually every {about(usual)}" if usual else "")
    if age >= max(GONE, 3 * (usual or timedelta(0))):
        return fail(said, timer)
    if usual is not None and age >= 3 * usual + LATE:
        return warn(said, timer)
    if check.exit_code:
        return warn(f"{said}, with trouble (exit code {check.exit_code})", "see what it was: giftping codes check -v")
    return ok(said)


LAST_CHECK_CHECKS: Checks[LastCheckFacts] = (("last check", judge_last_check),)
