"""What the `giftping sources` commands do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from giftping.commands.session import Session
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UsageError
from giftping.output.json import instant
from giftping.settings.problems import nearest
from giftping.text import counted, until, when
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from giftping.codes.memory import SourceState
    from giftping.codes.model import Listing
    from giftping.settings.sources import SourceDefinition


def list_sources(session: Session, game: str | None) -> int:
    """List the sources, and how each one stands on this host."""
    from giftping.runs.sources_file import read_memory
    from giftping.runs.state_folder import SOURCES

    settings = session.settings
    session.check_game(game)
    memory = read_memory(settings.state / SOURCES)
    sources = [source for source in settings.sources.values() if game in (None, source.game)]
    states = {source.name: memory.of(source) for source in sources}
    session.give({"sources": [_source_object(source, states[source.name]) for source in sources]})
    now = utc_now()
    rows = (_source_row(source, states[source.name], now) for source in sources)
    session.show_table(counted(len(sources), "source"), ["Source", "Game", "Kind", "State", "Listed"], rows)
    return EXIT_FINE


def _source_object(source: SourceDefinition, state: SourceState) -> dict[str, Any]:
    from giftping.codes.fetch import printable_url
    from giftping.settings.durations import duration_text

    return {
        "name": source.name,
        "game": source.game,
        "kind": source.kind,
        "url": printable_url(source.url),
        "enabled": source.enabled,
        "built_in": source.built_in,
        "min_interval": duration_text(source.min_interval),
        "outcome": state.outcome.value if state.outcome else None,
        "reason": state.reason,
        "listed_at": instant(state.listed_at),
        "changed_at": instant(state.changed_at),
        "failing_since": instant(state.failing_since),
    }


def _source_row(source: SourceDefinition, state: SourceState, now: datetime) -> list[str]:
    stands = state.outcome.value.replace("_", " ") if state.outcome else "never asked"
    if state.failing_since:
        stands += f": {state.reason}"
    last = until(state.listed_at, now) if state.listed_at else "–"
    return [source.name, source.game, source.kind, stands if source.enabled else "switched off", last]


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
    now = utc_now()
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
    from giftping.codes.guards import clearance
    from giftping.codes.merge import merge

    skipped = frozenset(session.settings.codes.skipped_regions)
    judged = [(code, clearance(code, now, skipped)) for code in merge(listing.sightings)]
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
    rows = (
        [
            code.spelling,
            code.rewards or "–",
            when(code.expires_at, zone) if code.expires_at else code.expiry_text or "–",
        ]
        for code in good
    )
    session.show_table(f"{source.name}: {counted(len(good), 'code')} may go out", ["Code", "Rewards", "Expires"], rows)
    if dropped:
        session.tell("")
        session.show_table(f"{len(dropped)} dropped", ["Row", "Why"], dropped)
    return EXIT_FINE
