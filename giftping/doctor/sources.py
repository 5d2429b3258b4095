"""The sources of gift codes, and the games that guilds follow: whether each source answers, and each game has one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from giftping.codes.fetch import Fetcher
from giftping.codes.gather import SourceReport, Visit, gather
from giftping.codes.gather import report as report_of
from giftping.codes.memory import SourceOutcome, hides_changes
from giftping.codes.subscriptions import games_of
from giftping.doctor.judgement import Checks, Judgement, about, ago, fail, judge_each, ok, warn
from giftping.runs.check import SecretHeaders, sources_of
from giftping.runs.sources_file import read_memory
from giftping.runs.state_folder import SOURCES
from giftping.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from giftping.settings.keys import Settings
    from giftping.settings.sources import SourceDefinition
    from giftping.store.base import Subscription

FAILING_LONG = timedelta(days=1)
"""How long a source may fail: what it listed last is too old then to speak of."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source that is in use, as it was when it was asked last."""

    name: str
    is_built_in: bool = True
    """Whether giftping brings its definition along; else it is a table of the settings file."""
    trouble: str = ""
    """Why asking it failed."""
    is_new_shape: bool = False
    """Whether it failed by answering something that its definition does not fit."""
    failing_since: datetime | None = None
    """When the first of its failures in a row was."""
    count: int = 0
    """The codes in its list."""
    dropped: int = 0
    """The rows in its list that are no codes."""
    listed_at: datetime | None = None
    """When its list was last confirmed; None where it never answered."""
    changed_at: datetime | None = None
    """When its list last became another one."""
    concern: str = ""
    """What is unusual about its list though it answers, in words that follow its name."""
    hides_changes: bool = False
    """Whether it says that nothing has changed when something has."""


@dataclass(frozen=True, slots=True)
class SourcesFacts:
    """The sources of all games that guilds follow."""

    now: datetime
    """The time of the look."""
    sources: tuple[SourceFacts, ...] = ()
    memory_trouble: str = ""
    """Why it is not known what the sources listed last."""
    unknown_games: tuple[str, ...] = ()
    """Games that guilds follow and no settings name."""
    unlisted_games: tuple[str, ...] = ()
    """Games that guilds follow and no source lists."""


# Looking


def look_at_sources(
    settings: Settings, subscriptions: Sequence[Subscription], now: datetime, *, live: bool
) -> SourcesFacts:
    """How the sources are. With `live` they are asked now; without it their last answers to a check are taken."""
    followed = games_of(subscriptions)
    sources = sources_of(settings, followed)
    reports, memory_trouble = _reports(settings, sources, now, live=live)
    listed = {source.game for source in sources}
    return SourcesFacts(
        now=now,
        sources=tuple(_source(one, settings) for one in reports),
        memory_trouble=memory_trouble,
        unknown_games=tuple(game for game in followed if game not in settings.games),
        unlisted_games=tuple(game for game in followed if game in settings.games and game not in listed),
    )


def _reports(
    settings: Settings, sources: Sequence[SourceDefinition], now: datetime, *, live: bool
) -> tuple[tuple[SourceReport, ...], str]:
    """How the sources are, and why their memory cannot be used, if so."""
    memory = read_memory(settings.state / SOURCES)
    if live:
        # What is gathered here is not written down: the next check has to see for itself what is new.
        fetcher = SecretHeaders(settings, Fetcher())
        return gather(sources, memory, fetcher, now, force=True).sources, memory.trouble
    states = [(source, memory.of(source)) for source in sources]
    return tuple(report_of(Visit(source, state, state), now) for source, state in states), memory.trouble


def _source(report: SourceReport, settings: Settings) -> SourceFacts:
    return SourceFacts(
        name=report.name,
        is_built_in=settings.sources[report.name].built_in,
        trouble=report.reason or "it failed" if report.is_failing else "",
        is_new_shape=report.outcome is SourceOutcome.SHAPE_CHANGED,
        failing_since=report.failing_since,
        count=report.count,
        dropped=report.dropped,
        listed_at=report.listed_at,
        changed_at=report.changed_at,
        concern=report.concern,
        hides_changes=hides_changes(report.health),
    )


# Judging


def judge_sources(facts: SourcesFacts) -> list[Judgement]:
    """Each source that is not well, and all others in one line."""
    troubled, well = judge_each(facts.sources, partial(_judge_source, now=facts.now))
    if facts.memory_trouble:
        troubled.append(warn(facts.memory_trouble, "if it comes again, remove that file"))
    return troubled + ([ok(_well(well, facts.now))] if well else [])


def _well(sources: Sequence[SourceFacts], now: datetime) -> str:
    changed = [(source.changed_at, source.name) for source in sources if source.changed_at is not None]
    answer = f"{counted(len(sources), 'source', 'answer')}"
    if not changed:
        return answer
    at, name = max(changed)
    return f"{answer}; the last change was {ago(at, now)}: {name}"


def _judge_source(source: SourceFacts, now: datetime) -> Judgement | None:
    test = f"giftping sources test {source.name}"
    if source.trouble:
        return _judge_failing(source, now, test)
    if source.listed_at is None:
        return warn(f"{source.name} was never asked on this host", "run: giftping codes check", source.name)
    # An honest empty list has no rows at all; rows of which none is a code are more likely a page that has changed.
    if source.dropped and not source.count:
        rows = counted(source.dropped, "row")
        return warn(f"{source.name} lists {rows}, and none is a code", f"see what it yields: {test}", source.name)
    if source.concern:
        return warn(f"{source.name} {source.concern}", f"see whether it is still kept: {test}", source.name)
    if source.hides_changes:
        said = f"{source.name} says that nothing has changed (304) when something has"
        return warn(said, "nothing has to be done: it is asked for all of it each time", source.name)
    return None


def _judge_failing(source: SourceFacts, now: datetime, test: str) -> Judgement:
    span = f" for {about(now - source.failing_since)}" if source.failing_since else ""
    if source.is_new_shape:
        # Waiting does not help here: somebody has to teach giftping the new shape.
        said = f"{source.name} has had another shape{span}: {source.trouble}"
        mend = "wait for a release that knows it, or switch it off" if source.is_built_in else "correct its table"
        return fail(said, f"see what it yields: {test}; then {mend}", source.name)
    said = f"{source.name} has failed{span}: {source.trouble}"
    if source.listed_at is None or now - source.listed_at >= FAILING_LONG:
        return fail(said, f"see what it says: {test}; if it is gone for good, switch it off", source.name)
    kept = f"what it listed {ago(source.listed_at, now)} still counts"
    return warn(f"{said}; {kept}", f"wait; if it stays: {test}", source.name)


def judge_games(facts: SourcesFacts) -> list[Judgement]:
    """Each game whose followers wait for codes that cannot come."""
    unknown = [
        fail(f"{game} is followed, and no settings name it", "correct it: giftping guilds add … --game", game)
        for game in facts.unknown_games
    ]
    unlisted = [
        fail(f"{game} is followed, and no source for it is switched on", "switch one on: giftping sources list", game)
        for game in facts.unlisted_games
    ]
    return unknown + unlisted or [ok("each game that a guild follows has a source")]


SOURCES_CHECKS: Checks[SourcesFacts] = (
    ("source", judge_sources),
    ("game", judge_games),
)
