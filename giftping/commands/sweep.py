"""What `giftping todo sweep` does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from giftping.commands.reporting import STOPPED, Reporting
from giftping.commands.session import EXIT_FINE, Session
from giftping.ops.stopping import stopping
from giftping.output import Trouble, counted, without_numbers
from giftping.output_todo import (
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
from giftping.todo.book import Book
from giftping.todo.messenger import DMS_CLOSED_FOR
from giftping.todo.model import PINGS, LegName, LegState
from giftping.todo.report import Result

if TYPE_CHECKING:
    from giftping.todo.report import Planned, SweepReport


def sweep(session: Session, *, dry_run: bool) -> int:
    """Run one sweep, tell what came of it, and return the exit code."""
    with stopping() as stop, Reporting(session, "todo", is_whole=not dry_run) as reporting:
        session.house.stopped = stop.asked
        report = _run(session, dry_run=dry_run)
        writes = _planned_writes(session, report) if dry_run else _Writes(_written(report))
        session.give(sweep_object(report, writes.count))
        _tell(session, report, reporting)
        if dry_run and not (session.quiet or session.json):
            _show_plan(session, report)
            if report.plan:
                session.tell(writes.line())
        if stop.asked():
            session.log(STOPPED, "warning")
        zone = session.house.zone
        lines = list(done_lines(report, zone)) or [idle_line(report, zone)]
        reporting.end(report.exit_code, lines, stopped=stop.asked())
    return stop.exit_code or report.exit_code


def _run(session: Session, *, dry_run: bool) -> SweepReport:
    from giftping.sweeping import run_sweep

    if session.at_terminal and not (session.quiet or dry_run):
        from giftping.render import progress

        with progress("Messages", shown=True) as on_progress:
            return run_sweep(session.house, dry_run=dry_run, on_progress=on_progress)
    return run_sweep(session.house, dry_run=dry_run)


@dataclass(frozen=True, slots=True)
class _Writes:
    """The direct messages of a sweep: how many, and how many of them have to wait for a later one."""

    count: int
    waiting: int = 0

    def line(self) -> str:
        """Return what a dry run says of them."""
        said = f"{counted(self.count, 'direct message')} would go out besides"
        later = f"; {self.waiting} more in later sweeps, as few conversations are begun at a time"
        return f"{said}{later if self.waiting else ''}."


def _written(report: SweepReport) -> int:
    return sum(leg.leg is LegName.DM and leg.result is Result.DONE and not leg.settled for leg in report.legs)


def _planned_writes(session: Session, report: SweepReport) -> _Writes:
    """Return the direct messages that are owed or due, by the rules of the messenger, which has not run."""
    todo, now = session.settings.todo, report.started_at
    pinged = {planned.user_id: planned.due.legs for planned in report.plan if planned.due.is_ping}
    with session.house.open_store(read_only=True) as store:
        book = Book(store, lambda: now)
        members, stopped_until = book.roll().members.values(), book.notes().dms_stopped_until
    owed = begun = 0
    for member in members:
        closed_at = member.dms_closed_at
        takes = todo.direct_messages and (closed_at is None or now - closed_at >= DMS_CLOSED_FOR)
        is_retry = len(pinged.get(member.user_id, ())) == 1
        of_ping = LegName.DM in pinged.get(member.user_id, ()) and (takes or is_retry)
        news = [notice for notice in member.notices if notice.kind not in PINGS]
        here = of_ping + sum(notice.dm.state is LegState.OPEN for notice in news)
        owed += here
        begun += here if member.dm_channel_id is None else 0
    may_begin = 0 if stopped_until is not None and stopped_until > now else todo.new_dms
    waiting = max(begun - may_begin, 0)
    return _Writes(owed - waiting, waiting)


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
    from giftping.render import preview, table

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


def _row(planned: Planned, session: Session, report: SweepReport) -> list[str]:
    what, at = due_words(planned.due, session.house.zone, report.started_at)
    why = f"Discord does not say how they stand: {planned.trouble}" if planned.trouble else planned.due.why
    return [who(planned.user_id, planned.name), what, at, why]
