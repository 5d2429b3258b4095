"""What `giftping codes check` does; apart from the other commands, because an idle run loads no more than this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftping.codes.report import DeliveryResult
from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.codes import (
    check_events,
    check_object,
    counted,
    good_lines,
    source_fields,
    summary_line,
    trouble_over,
    troubles,
)
from giftping.runs.reporting import STOPPED, Reporting
from giftping.runs.stopping import stopping
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.codes.report import CheckReport
    from giftping.codes.request import CheckRequest


def check(session: Session, request: CheckRequest) -> int:
    """Run one check, tell what came of it, and return the exit code."""
    session.check_game(request.game)
    with stopping() as stop, Reporting(session, "codes", is_whole=request.is_complete) as reporting:
        session.house.stopped = stop.asked
        report = _run(session, request)
        session.give(check_object(report))
        _tell(session, report, reporting)
        if stop.asked():
            session.log(STOPPED, "warning")
        reporting.end(report.exit_code, list(good_lines(report)) or [summary_line(report)], stopped=stop.asked())
    return stop.exit_code or report.exit_code


def _run(session: Session, request: CheckRequest) -> CheckReport:
    from giftping.runs.check import run_check

    if session.at_terminal and not session.quiet:
        from giftping.output.render import progress

        with progress("Guilds", shown=True) as on_progress:
            report = run_check(session.house, request, on_progress)
    else:
        report = run_check(session.house, request)
    if request.guild_id is not None and not report.guild_count:
        raise UsageError(f"there is no guild {request.guild_id}: giftping guilds list")
    return report


def _tell(session: Session, report: CheckReport, reporting: Reporting) -> None:
    lines = list(good_lines(report))
    for line in lines:
        session.tell(line)
    if report.dry_run and not (session.quiet or session.json):
        _show_previews(session, report)
    # cron's mails tell trouble once; who asks at a terminal gets an answer, not a bare exit code.
    is_asked = session.verbose > 0 or (session.at_terminal and not session.quiet)
    for notice in report.notices:
        session.log(notice, "warning")
    found = list(troubles(report, session.house.zone))
    reporting.tell(found, lambda key: trouble_over(report, key), everything=is_asked)
    if session.verbose or session.log_json:
        _log_events(session, report)
    if session.verbose:
        for source in report.sources:
            outcome = source.outcome.value.replace("_", " ")
            session.tell(f"source {source.name}: {outcome}, {counted(source.count, 'code')}")
        for text in report.disagreements:
            session.tell(f"sources disagree: {text}")
    if not lines and (session.at_terminal or session.verbose) and report.exit_code == EXIT_FINE:
        session.tell(summary_line(report))


def _log_events(session: Session, report: CheckReport) -> None:
    """Write a line for each code in each guild; what went wrong again and what sources say only for those who ask."""
    for level, fields in check_events(report):
        if session.verbose or level == "info":
            session.event(level, fields)
    for source in report.sources if session.verbose else ():
        session.event("error" if source.is_failing else "info", source_fields(source))


def _show_previews(session: Session, report: CheckReport) -> None:
    from giftping.output.render import preview

    for delivery in report.deliveries():
        if delivery.message is not None and delivery.result is DeliveryResult.PLANNED:
            heading = f"guild {delivery.guild_id} · {delivery.destination}"
            session.show(preview(delivery.message, session.house.zone, now=utc_now(), heading=heading))
