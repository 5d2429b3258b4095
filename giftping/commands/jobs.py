"""What `codes check` and `todo sweep` have in common: being told to stop, and whom a run tells what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from giftping.errors import EXIT_FINE, EXIT_TROUBLE
from giftping.runs.reporting import STOPPED, Reporting
from giftping.runs.stopping import stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from giftping.commands.session import Session
    from giftping.output.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Account:
    """What a run has to say besides its results, which it has told already."""

    exit_code: int
    lines: Sequence[str]
    """Its results, a line each, for the monitor."""
    idle_line: str
    """What to say of a run without results; empty where something was said in its place."""
    notices: Sequence[str]
    """What whoever runs it should know, though nothing is wrong."""
    troubles: Sequence[Trouble]
    over: Callable[[str, str], str]
    """Says of a key, and of what was said of it, in words that the trouble is over; nothing where the run did not show
    that."""
    events: Iterable[tuple[str, Mapping[str, str]]]
    """What became of each thing, with the level at which a log has it."""
    give: Callable[[int], object] = lambda _exit_code: None
    """Gives the JSON object, with the exit code that the run ends in."""


def run_job(session: Session, job: str, work: Callable[[], Account], *, is_whole: bool) -> int:
    """Do a run of a job, `codes` or `todo`, tell what is wrong and what became of it, and return the exit code.

    Only a whole run counts for the monitor and the operator.
    """
    with stopping() as stop, Reporting(session, job, is_whole=is_whole) as reporting:
        session.wiring.stopped = stop.asked
        account = work()
        exit_code = _tell(session, account, reporting)
        account.give(exit_code)
        if stop.asked():
            session.log(STOPPED, "warning")
        reporting.end(exit_code, account.lines or [account.idle_line], stopped=stop.asked())
    return stop.exit_code or exit_code


def _tell(session: Session, account: Account, reporting: Reporting) -> int:
    """Tell what is wrong and what became of it; the exit code, in which counts what waits for a person and was told."""
    for notice in account.notices:
        session.log(notice, "warning")
    # cron mails whatever is written, so that lasting trouble is told once there; a person gets an answer each time.
    is_asked = session.verbose > 0 or (session.at_terminal and not session.quiet)
    told = reporting.tell(account.troubles, account.over, everything=is_asked)
    exit_code = account.exit_code or (EXIT_TROUBLE if any(one.counts_when_told for one in told) else EXIT_FINE)
    if session.verbose or session.log_json:
        for level, fields in account.events:
            session.event(level, fields)
    is_idle = not account.lines and exit_code == EXIT_FINE
    if is_idle and account.idle_line and (session.at_terminal or session.verbose):
        session.tell(account.idle_line)
    return exit_code
