"""What `giftping todo sweep` does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from giftping.commands.jobs import Account, run_job
from giftping.output.member_lines import due_words, place_of
from giftping.output.phrases import who
from giftping.output.sweep_lines import (
    done_lines,
    idle_line,
    sweep_events,
    sweep_over,
    sweep_troubles,
    waiting_lines,
    writes_line,
)
from giftping.output.todo_objects import sweep_object
from giftping.text import counted
from giftping.todo.model import LegName
from giftping.todo.report import ActionResult

if TYPE_CHECKING:
    from giftping.commands.session import Session
    from giftping.todo.report import PlannedAction, SweepReport


def sweep(session: Session, *, dry_run: bool) -> int:
    """Run one sweep, tell what came of it, and return the exit code."""
    return run_job(session, "todo", partial(_sweep, session, dry_run=dry_run), is_whole=not dry_run)


def _sweep(session: Session, *, dry_run: bool) -> Account:
    from giftping.runs.sweep import run_sweep

    with session.progress("Messages", shown=not dry_run) as on_progress:
        report = run_sweep(session.wiring, dry_run=dry_run, on_progress=on_progress)
    written = report.writes.now if dry_run else _written(report)
    zone = session.wiring.zone
    lines = list(done_lines(report, zone))
    for line in lines:
        session.tell(line)
    if dry_run:
        _show_plan(session, report)
    elif session.verbose:
        for line in waiting_lines(report, zone):
            session.tell(line)
    return Account(
        exit_code=report.exit_code,
        lines=lines,
        # A plan says by itself that nothing is due.
        idle_line="" if dry_run else idle_line(report, zone),
        notices=report.news,
        troubles=list(sweep_troubles(report)),
        over=partial(sweep_over, report),
        events=sweep_events(report, everything=session.verbose > 0),
        give=lambda exit_code: session.give(sweep_object(report, written, exit_code)),
    )


def _written(report: SweepReport) -> int:
    return sum(leg.leg is LegName.DM and leg.result is ActionResult.DONE and not leg.settled for leg in report.legs)


def _show_plan(session: Session, report: SweepReport) -> None:
    if session.quiet or session.json:
        return
    if not report.plan:
        session.tell(idle_line(report, session.wiring.zone))
        return
    from giftping.output.render import preview, table

    zone, now = session.wiring.zone, report.started_at
    rows = [_row(planned, session, report) for planned in sorted(report.plan, key=lambda one: place_of(one.due))]
    title = f"{counted(len(report.plan), 'member')}; times are {now.astimezone(zone):%Z}"
    session.show(table(title, ["Member", "What", "When", "Why"], rows), "")
    names = {planned.user_id: who(planned.user_id, planned.name) for planned in report.plan}
    for destination, message in report.messages:
        session.show(preview(message, zone, now=now, heading=destination, names=names))
    session.tell(writes_line(report.writes))


def _row(planned: PlannedAction, session: Session, report: SweepReport) -> list[str]:
    what, at = due_words(planned.due, session.wiring.zone, report.started_at)
    why = f"Discord does not say how they stand: {planned.trouble}" if planned.trouble else planned.due.why
    return [who(planned.user_id, planned.name), what, at, why]
