"""What `giftping codes check` does; apart from the other commands, because an idle run loads no more than this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from giftping.codes.report import DeliveryResult
from giftping.commands.session import EXIT_FINE, Session, UsageError
from giftping.output import check_object, counted, good_lines, summary_line, trouble_lines
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.codes.report import CheckReport
    from giftping.codes.request import CheckRequest


def check(session: Session, request: CheckRequest) -> int:
    """Run one check, tell what came of it, and return the exit code."""
    from giftping.checking import run_check

    session.check_game(request.game)
    if session.at_terminal and not session.quiet:
        from giftping.render import progress

        with progress("Guilds", shown=True) as on_progress:
            report = run_check(session.house, request, on_progress)
    else:
        report = run_check(session.house, request)
    if request.guild_id is not None and not report.guild_count:
        raise UsageError(f"there is no guild {request.guild_id}: giftping guilds list")
    session.give(check_object(report))
    _tell(session, report)
    return report.exit_code


def _tell(session: Session, report: CheckReport) -> None:
    lines = list(good_lines(report))
    for line in lines:
        session.tell(line)
    if report.dry_run and not (session.quiet or session.json):
        _show_previews(session, report)
    # cron's mails tell trouble once; who asks at a terminal gets an answer, not a bare exit code.
    is_asked = session.verbose > 0 or (session.at_terminal and not session.quiet)
    for line in trouble_lines(report, session.house.zone, verbose=is_asked):
        session.trouble(line)
    if session.verbose:
        for source in report.sources:
            outcome = source.outcome.value.replace("_", " ")
            session.tell(f"source {source.name}: {outcome}, {counted(source.count, 'code')}")
        for text in report.disagreements:
            session.tell(f"sources disagree: {text}")
    if not lines and (session.at_terminal or session.verbose) and report.exit_code == EXIT_FINE:
        session.tell(summary_line(report))


def _show_previews(session: Session, report: CheckReport) -> None:
    from giftping.render import preview

    for delivery in report.deliveries():
        if delivery.message is not None and delivery.result is DeliveryResult.PLANNED:
            heading = f"guild {delivery.guild_id} · {delivery.destination}"
            session.show(preview(delivery.message, session.house.zone, now=utc_now(), heading=heading))
