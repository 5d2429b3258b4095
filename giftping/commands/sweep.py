"""What `giftping todo sweep` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftping.commands.session import EXIT_FINE, Session
from giftping.output.codes import Trouble, counted, without_numbers
from giftping.output.todo import (
    done_lines,
    due_words,
    idle_line,
    place_of,
    printable,
    sweep_events,
    sweep_object,
    waiting_lines,
    who,
)
from giftping.runs.reporting import STOPPED, Reporting
from giftping.runs.stopping import stopping
from giftping.todo.model import LegName
from giftping.todo.report import ActionResult

if TYPE_CHECKING:
    from giftping.todo.report import PlannedAction, PlannedWrites, SweepReport


def sweep(session: Session, *, dry_run: bool) -> int:
    """Run one sweep, tell what came of it, and return the exit code."""
    with stopping() as stop, Reporting(session, "todo", is_whole=not dry_run) as reporting:
        session.house.stopped = stop.asked
        report = _run(session, dry_run=dry_run)
        session.give(sweep_object(report, report.writes.now if dry_run else _written(report)))
        _tell(session, report, reporting)
        if dry_run and not (session.quiet or session.json):
            _show_plan(session, report)
            if report.plan:
                session.tell(_writes_line(report.writes))
        if stop.asked():
            session.log(STOPPED, "warning")
        zone = session.house.zone
        lines = list(done_lines(report, zone)) or [idle_line(report, zone)]
        reporting.end(report.exit_code, lines, stopped=stop.asked())
    return stop.exit_code or report.exit_code


def _run(session: Session, *, dry_run: bool) -> SweepReport:
    from giftping.runs.sweep import run_sweep

    if session.at_terminal and not (session.quiet or dry_run):
        from giftping.output.render import progress

        with progress("Messages", shown=True) as on_progress:
            return run_sweep(session.house, dry_run=dry_run, on_progress=on_progress)
    return run_sweep(session.house, dry_run=dry_run)


def _writes_line(writes: PlannedWrites) -> str:
    """Return what a dry run says of direct messages."""
    later = f"; {writes.later} more in later sweeps, as few conversations are begun at a time"
    return f"{counted(writes.now, 'direct message')} would go out besides{later if writes.later else ''}."


def _written(report: SweepReport) -> int:
    return sum(leg.leg is LegName.DM and leg.result is ActionResult.DONE and not leg.settled for leg in report.legs)


def _tell(session: Session, report: SweepReport, reporting: Reporting) -> None:
    zone = session.house.zone
    lines = list(done_lines(report, zone))
    for line in lines:
        session.tell(line)
    if session.verbose and not report.dry_run:
        for line in waiting_lines(report, zone):
            session.tell(line)
    for notice in report.notices:
        session.log(notice, "warning")
    # cron's mails tell trouble once; who asks at a terminal gets an answer, not a bare exit code.
    is_asked = session.verbose > 0 or ((session.at_terminal or report.dry_run) and not session.quiet)
    found = [
        Trouble(without_numbers(line), printable(line), line in report.told_before) for line in report.trouble_lines()
    ]
    well = "" if found or not report.has_delivered else "all is well again: what was refused before goes out"
    reporting.tell(found, lambda _: well, everything=is_asked)
    if session.verbose or session.log_json:
        for level, fields in sweep_events(report):
            if session.verbose or level == "info":
                session.event(level, fields)
    is_silent = not lines and not report.dry_run and report.exit_code == EXIT_FINE
    if is_silent and (session.at_terminal or session.verbose):
        session.tell(idle_line(report, zone))


def _show_plan(session: Session, report: SweepReport) -> None:
    from giftping.output.render import preview, table

    if not report.plan:
        session.tell(idle_line(report, session.house.zone))
        return
    zone, now = session.house.zone, report.started_at
    rows = [_row(planned, session, report) for planned in sorted(report.plan, key=lambda one: place_of(one.due))]
    title = f"{counted(len(report.plan), 'member')}; times are {now.astimezone(zone):%Z}"
    session.show(table(title, ["Member", "What", "When", "Why"], rows), "")
    names = {planned.user_id: who(planned.user_id, planned.name) for planned in report.plan}
    for destination, message in report.messages:
        session.show(preview(message, zone, now=now, heading=destination, names=names))


def _row(planned: PlannedAction, session: Session, report: SweepReport) -> list[str]:
    what, at = due_words(planned.due, session.house.zone, report.started_at)
    why = f"Discord does not say how they stand: {planned.trouble}" if planned.trouble else planned.due.why
    return [who(planned.user_id, planned.name), what, at, why]
