"""What the `giftping sources` commands do."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UsageError
from giftping.output.json import instant
from giftping.settings.problems import nearest
from giftping.text import counted, end_text, until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from giftping.codes.memory import SourceDay, SourceState
    from giftping.codes.model import Listing
    from giftping.settings.sources import SourceDefinition
    from giftping.store.base import RunRecord


CHART_DAYS = 14
"""How many days the chart of a source shows, the latest ones."""

_BARS = "▁▂▃▄▅▆▇█"


def list_sources(session: Session, game: str | None) -> int:
    """List the sources, and how each one stands on this host."""
    from giftping.runs.sources_file import read_memory
    from giftping.runs.state_folder import SOURCES

    settings = session.settings
    session.check_game(game)
    memory = read_memory(settings.state / SOURCES)
    now = session.clock_of_look()
    sources = [source for source in settings.sources.values() if game in (None, source.game)]
    states = {source.name: memory.of(source) for source in sources}
    runs, held = _kept(session)
    states |= _known_to_hosts(runs, [name for name, state in states.items() if state.health is None])
    session.give(
        {"sources": [_source_object(source, states[source.name], now, held.get(source.name)) for source in sources]}
    )
    rows = (_source_row(source, states[source.name], now, held.get(source.name)) for source in sources)
    columns = ["Source", "Game", "Kind", "State", "Listed", "Codes"]
    session.show_table(counted(len(sources), "source"), columns, rows)
    return EXIT_FINE


def _kept(session: Session) -> tuple[list[RunRecord], dict[str, int]]:
    """What the ledger has of checks on all hosts, and by source how many percent of its new codes were held back."""
    from giftping.codes.health import held_percents
    from giftping.codes.record import JOB
    from giftping.store.base import StoreError

    try:
        with session.store(read_only=True) as store:
            runs = sorted(store.runs(), key=lambda run: run.finished_at)
            return [run for run in runs if run.job == JOB], held_percents(store.codes())
    except StoreError as error:
        session.trouble(f"what other hosts know of the sources cannot be read: {error}")
        return [], {}


def _known_to_hosts(runs: Sequence[RunRecord], names: Sequence[str]) -> dict[str, SourceState]:
    """How sources that this host knows nothing of were for the last host that left a record of a check."""
    from giftping.codes.memory import SourceState
    from giftping.runs.codec import from_json

    known: dict[str, SourceState] = {}
    for kept in (run.details.get("sources") for run in runs):
        for name in names:
            entry = kept.get(name) if isinstance(kept, Mapping) else None
            # An older release left less.
            if isinstance(entry, Mapping) and entry.get("health"):
                with suppress(ValueError):
                    known[name] = from_json(SourceState, {"fingerprint": "", **entry}, sparse=True)
    return known


def _count(state: SourceState) -> int | None:
    """How many codes a source's list has; what the store knows of one is how many there were."""
    from giftping.codes.memory import size_of

    days = state.health.listed_days() if state.health and state.listing is None else []
    return days[-1].size if days and days[-1].size >= 0 else size_of(state)


def _source_object(
    source: SourceDefinition, state: SourceState, now: datetime, held_percent: int | None
) -> dict[str, Any]:
    from giftping.codes.fetch import printable_url
    from giftping.codes.health import concern_about, usual_size
    from giftping.codes.memory import Health
    from giftping.settings.durations import duration_text

    health = state.health or Health()
    days = health.listed_days()
    return {
        "name": source.name,
        "game": source.game,
        "kind": source.kind,
        "family": source.upstream,
        "url": printable_url(source.url),
        "enabled": source.enabled,
        "built_in": source.built_in,
        "min_interval": duration_text(source.min_interval),
        "outcome": state.outcome.value if state.outcome else None,
        "reason": state.reason,
        "listed_at": instant(state.listed_at),
        "changed_at": instant(state.changed_at),
        "failing_since": instant(state.failing_since),
        "failures": state.failures,
        "count": _count(state),
        "usual_count": usual_size(days),
        "concern": concern_about(state, now),
        "held_percent": held_percent,
        "changes": [instant(changed_at) for changed_at in health.changes],
        "days": [
            {
                "day": day.day,
                "asked": day.asked,
                "failed": day.failed,
                "unmodified": day.unmodified,
                "count": day.size if day.size >= 0 else None,
            }
            for day in days
        ],
    }


def _source_row(source: SourceDefinition, state: SourceState, now: datetime, held: int | None) -> list[str]:
    from giftping.codes.health import concern_about

    stands = state.outcome.value.replace("_", " ") if state.outcome else "never asked"
    if state.failing_since:
        stands += f": {state.reason}"
    elif concern := concern_about(state, now):
        stands += f"; {concern}"
    if held:
        stands += f"; {held} % of its new codes were held"
    last = until(state.listed_at, now) if state.listed_at else "–"
    size = _count(state)
    codes = f"{chart_of(state.health.listed_days(), now)} {size}" if state.health and size is not None else "–"
    return [source.name, source.game, source.kind, stands if source.enabled else "switched off", last, codes.strip()]


def chart_of(days: Sequence[SourceDay], now: datetime) -> str:
    """A source's last days, a character each: how long its list was, × where no request went well, · for none."""
    known = {day.day: day for day in days}
    dates = [f"{now - timedelta(days=back):%Y-%m-%d}" for back in reversed(range(CHART_DAYS))]
    first = next((number for number, date in enumerate(dates) if date in known), CHART_DAYS)
    top = max((day.size for day in days), default=0) or 1
    return "".join(_bar(known.get(date), top) for date in dates[first:])


def _bar(day: SourceDay | None, top: int) -> str:
    if day is None or day.size < 0:
        return "·" if day is None or day.failed < day.asked else "×"
    if day.failed == day.asked:
        return "×"
    return _BARS[min(round(day.size / top * (len(_BARS) - 1)), len(_BARS) - 1)]


def test(session: Session, name: str, file: Path | None) -> int:
    """Fetch a source, or read a saved body, and show what it yields and why each dropped row was dropped."""
    from giftping.codes.sources.expressions import check_expressions
    from giftping.codes.sources.kinds import ShapeChangedError, parser_of

    source = session.settings.sources.get(name)
    if source is None:
        raise UsageError(f"there is no source {name!r}; {nearest(name, session.settings.sources)}")
    problems = check_expressions(source)
    if problems:
        raise UsageError("; ".join(f"sources.{name}.{problem.key}: {problem.reason}" for problem in problems))
    now = session.clock_of_look()
    body = _body(session, source, file, now)
    if isinstance(body, str):
        return _failed(session, name, "failed", body)
    content, content_type = body
    try:
        listing = parser_of(source.kind)(source, content, content_type, now)
    except ShapeChangedError as error:
        return _failed(session, name, "shape_changed", f"shape changed: {error}")
    return _show(session, source, listing, now)


def _body(session: Session, source: SourceDefinition, file: Path | None, now: datetime) -> tuple[bytes, str] | str:
    if file is not None:
        try:
            return file.read_bytes(), ""
        except OSError as error:
            raise UsageError(f"--file {file}: {error.strerror}") from None
    from giftping.codes.fetch import Body, Failed, Fetcher, FetchRequest
    from giftping.runs.check import SecretHeaders

    fetched = SecretHeaders(session.settings, Fetcher()).fetch(FetchRequest(source.url, source.headers), now)
    if isinstance(fetched, Failed):
        return fetched.reason
    if isinstance(fetched, Body):
        return fetched.content, fetched.content_type
    return "answered 304 Not Modified to a request without validators"


def _failed(session: Session, name: str, outcome: str, reason: str) -> int:
    session.give({"name": name, "outcome": outcome, "reason": reason, "codes": [], "dropped": []})
    session.trouble(f"source {name}: {reason}")
    return EXIT_TROUBLE


def _show(session: Session, source: SourceDefinition, listing: Listing, now: datetime) -> int:
    from giftping.codes.guards.refusals import clearance
    from giftping.codes.merge import merge

    skipped, games = frozenset(session.settings.codes.skipped_regions), session.settings.games
    listed = merge(listing.sightings)
    judged = [(code, clearance(code, now, skipped, games)) for code in listed]
    good = [code for code, verdict_ in judged if verdict_.may_go_out]
    refused = [(code.spelling, verdict_.reason) for code, verdict_ in judged if not verdict_.may_go_out]
    dropped = [*refused, *((row.text, row.reason) for row in listing.dropped)]
    objects: list[dict[str, Any]] = [
        {
            "spelling": code.spelling,
            "key": code.key,
            "rewards": code.rewards,
            "expires_at": instant(code.expires_at),
            "expiry_text": code.expiry_text,
            "regions": list(code.regions),
        }
        for code in good
    ]
    session.give(
        {
            "name": source.name,
            "outcome": "listed",
            "reason": "",
            "codes": objects,
            "dropped": [{"text": text, "reason": reason} for text, reason in dropped],
        }
    )
    zone = session.wiring.zone
    has_regions = any(code.regions for code in good)
    rows = (
        [
            code.spelling,
            code.rewards or "–",
            end_text(code.expires_at, code.expiry_text, zone) or "–",
            *([", ".join(code.regions) or "–"] if has_regions else []),
        ]
        for code in good
    )
    columns = ["Code", "Rewards", "Expires", *(["Region"] if has_regions else [])]
    session.show_table(f"{source.name}: {counted(len(good), 'code')} may go out", columns, rows)
    if dropped:
        session.tell("")
        session.show_table(f"{len(dropped)} dropped", ["Row", "Why"], dropped)
    return EXIT_FINE
