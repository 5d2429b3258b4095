"""What `giftping sources replay` does: a recorded history, played through the code of a check."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, UsageError
from giftping.output.json import instant
from giftping.settings.problems import nearest
from giftping.text import counted, when

if TYPE_CHECKING:
    from giftping.codes.report import HeldReport
    from giftping.runs.replay import Replayed

SHOWN = 5
"""So many of the codes that share a fate are named in a line."""


def replay_source(session: Session, name: str, files: Sequence[Path], every: timedelta | None) -> int:
    """Show what a recorded history of a source would have brought: announced, held, released, refused, edited."""
    from giftping.codes.sources.expressions import check_expressions
    from giftping.runs.recordings import RecordingError, read_recordings
    from giftping.runs.replay import replay

    source = session.settings.sources.get(name)
    if source is None:
        raise UsageError(f"there is no source {name!r}; {nearest(name, session.settings.sources)}")
    if problems := check_expressions(source):
        raise UsageError("; ".join(f"sources.{name}.{problem.key}: {problem.reason}" for problem in problems))
    try:
        history = read_recordings(files)
    except RecordingError as error:
        raise UsageError(str(error)) from None
    if not history:
        raise UsageError("there is nothing recorded in that")
    with session.progress("Checks") as on_progress:
        found = replay(session.settings, source, history, every=every, on_progress=on_progress)
    session.give(
        {
            "name": name,
            "checks": found.checks,
            "seeded": list(found.seeded),
            "announced": [{"code": one.spelling, "at": instant(one.at)} for one in found.announced],
            "held": [
                {
                    "code": one.report.spelling,
                    "at": instant(one.at),
                    "reason": one.report.reason,
                    "until": instant(one.report.until),
                }
                for one in found.held
            ],
            "released": [{"code": one.report.spelling, "at": instant(one.at)} for one in found.released],
            "edited": [{"code": one.spelling, "at": instant(one.at), "shows": one.shows} for one in found.edited],
            "refused": [
                {"code": one.spelling, "at": instant(at), "reason": one.reason} for one, at in found.refused.values()
            ],
            "failures": [{"at": instant(at), "reason": reason} for at, reason in found.failures],
        }
    )
    for line in _lines(found, lambda moment: when(moment, session.wiring.zone)):
        session.tell(line)
    return EXIT_FINE


def _lines(found: Replayed, said: Callable[[datetime], str]) -> Iterator[str]:
    """What came of it, in the order of time; then the numbers."""
    from giftping.codes.showing import for_reader

    events = [(one.at, "announced", "", one.spelling) for one in found.announced]
    events += [(at, "refused", one.reason, one.spelling) for one, at in found.refused.values()]
    events += [(one.at, "held", _why(one.report, said), one.report.spelling) for one in found.held]
    events += [(one.at, "released", "", one.report.spelling) for one in found.released]
    events += [(one.at, "edited", for_reader(one.shows, said), one.spelling) for one in found.edited]
    events += [(at, "failed", reason, "") for at, reason in found.failures]
    for (at, fate, reason), alike in groupby(sorted(events), key=lambda event: event[:3]):
        spellings = [spelling for *_, spelling in alike if spelling]
        # What went out is what this is about: of the rest, some stand for all.
        shown = spellings if fate == "announced" else spellings[:SHOWN]
        more = f" and {len(spellings) - len(shown)} more" if len(shown) < len(spellings) else ""
        yield f"{said(at)}  {fate}{': ' if spellings else ''}{', '.join(shown)}{more}{f' ({reason})' if reason else ''}"
    yield (
        f"{counted(found.checks, 'check')}: {len(found.announced)} announced, {len(found.held)} held,"
        f" {len(found.released)} released, {len(found.refused)} refused, {len(found.edited)} edited;"
        f" {counted(len(found.seeded), 'code')} of the first list not announced"
    )


def _why(report: HeldReport, said: Callable[[datetime], str]) -> str:
    ends = f"until {said(report.until)}" if report.until else "until a person, or a second family, says so"
    return f"{report.reason}; {ends}"
