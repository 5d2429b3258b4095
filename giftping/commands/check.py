"""What `giftping codes check` does; apart from the other commands, because an idle run loads no more than this."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from giftping.codes.report import DeliveryResult
from giftping.commands.jobs import Account, run_job
from giftping.errors import UnknownGuildError
from giftping.output.check_lines import check_events, detail_lines, good_lines, summary_line, trouble_over, troubles

if TYPE_CHECKING:
    from giftping.codes.report import CheckReport
    from giftping.codes.request import CheckRequest
    from giftping.commands.session import Session


def check(session: Session, request: CheckRequest) -> int:
    """Run one check, tell what came of it, and return the exit code."""
    session.check_game(request.game)
    return run_job(session, "codes", partial(_check, session, request), is_whole=request.is_complete)


def _check(session: Session, request: CheckRequest) -> Account:
    from giftping.runs.check import run_check

    with session.progress("Guilds") as on_progress:
        report = run_check(session.wiring, request, on_progress)
    # Only the run opens the store, so that only now is known whether there is such a guild.
    if request.guild_id is not None and not report.guild_count:
        raise UnknownGuildError(f"there is no guild {request.guild_id}: giftping guilds list")
    session.know(report.guilds)
    lines = list(good_lines(report, session.wiring.zone))
    for line in lines:
        session.tell(line)
    if report.dry_run and not (session.quiet or session.json):
        _show_previews(session, report)
    for line in detail_lines(report) if session.verbose else ():
        session.tell(line)
    return Account(
        exit_code=report.exit_code,
        lines=lines,
        idle_line=summary_line(report),
        notices=report.news,
        troubles=list(troubles(report, session.wiring.zone)),
        over=partial(trouble_over, report),
        events=check_events(report, everything=session.verbose > 0),
        give=partial(_give, session, report),
    )


def _give(session: Session, report: CheckReport, exit_code: int) -> None:
    """Write the JSON object, where it was asked for."""
    if session.json:
        from giftping.output.code_objects import check_object

        session.give(check_object(report, exit_code))


def _show_previews(session: Session, report: CheckReport) -> None:
    from giftping.output.render import preview

    for delivery in report.deliveries():
        if delivery.message is not None and delivery.result is DeliveryResult.PLANNED:
            heading = session.named(f"guild {delivery.guild_id} · {delivery.destination}")
            session.show(preview(delivery.message, session.wiring.zone, now=report.finished_at, heading=heading))
