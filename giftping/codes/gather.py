"""Ask all due sources side by side, and say of each what it lists and how fresh that is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from giftping.codes.back_off import Wait, after_failure, may_be_conditional, wait_before_asking
from giftping.codes.fetch import Body, Failed, Fetches, FetchRequest, NotModified
from giftping.codes.memory import (
    Health,
    Memory,
    SourceOutcome,
    SourceState,
    after_listing,
    after_unchanged,
    is_worth_a_look,
)
from giftping.codes.model import Sighting
from giftping.codes.sources.kinds import ShapeChangedError, parser_of

if TYPE_CHECKING:
    from giftping.settings.sources import SourceDefinition

MOST_AT_ONCE = 16
"""Requests side by side. Each may hold a body of 2 MiB, and the machine may be a small one."""


@dataclass(frozen=True, slots=True)
class SourceReport:
    """One source in one run."""

    name: str
    game: str
    outcome: SourceOutcome
    reason: str = ""
    """Why it failed, or is left alone."""
    address: str = ""
    """What tells its address from any other; no secret that may be in that."""
    count: int = 0
    """How many codes its listing has, new or remembered."""
    dropped: int = 0
    """How many rows of that were not taken for codes."""
    has_list: bool = False
    """Whether it has ever answered, under this definition."""
    changed: bool = False
    """Whether the listing is another one than before this run."""
    was_empty: bool = False
    """Whether the listing before this run had no code."""
    listed_at: datetime | None = None
    """When it last confirmed the listing, None while it never answered."""
    listed_before: datetime | None = None
    """When it had last confirmed its listing before this run."""
    changed_at: datetime | None = None
    """When the listing last became another one, None while it never answered."""
    failing_since: datetime | None = None
    """When the first of its failures in a row was, None when its last request went well."""
    failures: int = 0
    """How many of its requests in a row failed."""
    waiting_until: datetime | None = None
    """When it is asked again; None where it was asked in this run."""
    health: Health | None = None
    """How it has been lately, None before its first request."""
    concern: str = ""
    """What is unusual about its list though it answers, in words that follow its name."""

    @property
    def is_failing(self) -> bool:
        """Whether its last request failed, in this run or in an earlier one."""
        return self.failing_since is not None


@dataclass(frozen=True, slots=True)
class Gathered:
    """What all sources list now; what a failing or waiting source listed last still stands."""

    sources: tuple[SourceReport, ...]
    sightings: tuple[Sighting, ...]
    fingerprint: str
    """Equal for equal lists of the same sources, across runs."""
    memory: Memory
    """What is to be remembered for the next run."""
    is_memory_new: bool
    """Whether it is another one than before, and has to be written."""

    @property
    def changed(self) -> bool:
        """Whether any list differs from the one before."""
        return any(source.changed for source in self.sources)


@dataclass(frozen=True, slots=True)
class Visit:
    """One source before and after it was asked."""

    definition: SourceDefinition
    before: SourceState
    after: SourceState
    """The same as before where it was not asked."""
    wait: Wait | None = None
    """Why it was not asked, None where it was."""


def gather(
    definitions: Sequence[SourceDefinition], memory: Memory, fetcher: Fetches, now: datetime, *, force: bool = False
) -> Gathered:
    """What the sources list; those that are due are asked for it, or all of them with `force`."""
    plans = [plan(definition, memory, now, force=force) for definition in definitions]
    asked = iter(ask_all([visit for visit in plans if visit.wait is None], fetcher, now))
    visits = [visit if visit.wait else next(asked) for visit in plans]
    states = {visit.definition.name: visit.after for visit in visits}
    new_memory = memory.with_states(states)
    return Gathered(
        sources=tuple(report(visit, now) for visit in visits),
        sightings=tuple(sighting for visit in visits for sighting in sightings_of(visit.after)),
        fingerprint=fingerprint_of(visits),
        memory=new_memory,
        is_memory_new=new_memory != memory,
    )


def plan(definition: SourceDefinition, memory: Memory, now: datetime, *, force: bool) -> Visit:
    """The visit of one source, still to be made unless it has to wait."""
    state = memory.of(definition)
    return Visit(definition, state, state, None if force else wait_before_asking(state, definition, now))


def ask_all(visits: Sequence[Visit], fetcher: Fetches, now: datetime) -> Iterable[Visit]:
    """The visits made, in their order; several go side by side."""
    if len(visits) <= 1:
        return [ask(visit, fetcher, now) for visit in visits]
    # Imported late: an idle run of one source does without.
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(len(visits), MOST_AT_ONCE), "source") as pool:
        return list(pool.map(lambda visit: ask(visit, fetcher, now), visits))


def ask(visit: Visit, fetcher: Fetches, now: datetime) -> Visit:
    """The visit after the source was asked and, where its body is a new one, read."""
    definition, state = visit.definition, visit.before
    validators = (state.etag, state.last_modified) if may_be_conditional(state, now) else ("", "")
    request = FetchRequest(definition.url, definition.headers, *validators)
    match fetcher.fetch(request, now):
        case NotModified():
            after = after_unchanged(state, now)
        case Failed(reason, retry_after):
            after = after_failure(state, SourceOutcome.FAILED, reason, now, retry_after)
        case Body() as body:
            after = read(definition, state, body, now)
    return Visit(definition, state, after)


def read(definition: SourceDefinition, state: SourceState, body: Body, now: datetime) -> SourceState:
    """The state after a body came; one that is known by its hash is not parsed again."""
    # Servers without validators send the same body every time: to parse it again would bring nothing new.
    if state.listing is not None and body.sha256 == state.sha256:
        return after_unchanged(state, now, etag=body.etag, last_modified=body.last_modified, is_body=True)
    from giftping.codes.sources.countdowns import steadied

    try:
        listing = parser_of(definition.kind)(definition, body.content, body.content_type, now)
    except ShapeChangedError as error:
        return after_failure(state, SourceOutcome.SHAPE_CHANGED, str(error), now)
    listing = steadied(listing, state.listing, now)
    return after_listing(
        state,
        listing,
        now,
        etag=body.etag,
        last_modified=body.last_modified,
        sha256=body.sha256,
        was_whole=not may_be_conditional(state, now),
    )


def report(visit: Visit, now: datetime) -> SourceReport:
    """How one source stands."""
    state, wait = visit.after, visit.wait
    listing = state.listing
    return SourceReport(
        name=visit.definition.name,
        game=visit.definition.game,
        address=sha256(visit.definition.url.encode()).hexdigest()[:16],
        outcome=SourceOutcome.WAITING if wait else state.outcome or SourceOutcome.WAITING,
        reason=state.reason or (wait.reason if wait else ""),
        count=len(listing.sightings) if listing else 0,
        dropped=len(listing.dropped) if listing else 0,
        has_list=listing is not None,
        changed=state.digest != visit.before.digest,
        was_empty=visit.before.listing is not None and not visit.before.listing.sightings,
        listed_at=state.listed_at,
        listed_before=visit.before.listed_at,
        changed_at=state.changed_at,
        failing_since=state.failing_since,
        failures=state.failures,
        waiting_until=wait.until if wait else None,
        health=state.health,
        concern=_concern(state, now),
    )


def _concern(state: SourceState, now: datetime) -> str:
    if not is_worth_a_look(state, now):
        return ""
    # Imported late: an idle run of sources that are as they always are does without.
    from giftping.codes.health import concern_about

    return concern_about(state, now)


def sightings_of(state: SourceState) -> tuple[Sighting, ...]:
    """What a source listed last; nothing when it never answered."""
    return state.listing.sightings if state.listing else ()


def fingerprint_of(visits: Iterable[Visit]) -> str:
    """A hash of which sources there are and what each one lists."""
    # The definition counts, too: another one may list the same codes from another page.
    lines = sorted(f"{visit.definition.name} {visit.after.fingerprint} {visit.after.digest}" for visit in visits)
    return sha256("\n".join(lines).encode()).hexdigest()
