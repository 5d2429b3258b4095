"""What each source said last, on this host, and when it may be asked again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from giftping.codes.model import Listing

if TYPE_CHECKING:
    from giftping.settings.sources import SourceDefinition

FIRST_BACK_OFF = timedelta(minutes=1)
LONGEST_BACK_OFF = timedelta(hours=6)
LONGEST_RETRY_AFTER = timedelta(hours=24)
LONGEST_SLACK = timedelta(seconds=30)


class Outcome(StrEnum):
    """What came of a source in a run."""

    LISTED = "listed"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    FAILED = "failed"
    SHAPE_CHANGED = "shape_changed"


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of one source, under one definition of it.

    `listing` is None until it has answered once; `listed_at` is when it last confirmed the listing,
    `changed_at` when the listing last became another one. `not_before` is a back-off or what the server
    asked for. `etag`, `last_modified` and `sha256` belong to the body that `listing` was read from; `digest`
    is equal for equal sightings.
    """

    fingerprint: str
    etag: str = ""
    last_modified: str = ""
    sha256: str = ""
    listing: Listing | None = None
    digest: str = ""
    listed_at: datetime | None = None
    changed_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str = ""
    failing_since: datetime | None = None
    failures: int = 0
    requested_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """The states of all sources, by name; `trouble` says why an existing file was not used."""

    states: Mapping[str, SourceState] = field(default_factory=lambda: MappingProxyType({}))
    trouble: str = field(default="", compare=False)

    def of(self, definition: SourceDefinition) -> SourceState:
        """The state of a source; an empty one when its definition is not the one that was remembered."""
        fingerprint = definition.fingerprint
        state = self.states.get(definition.name)
        return state if state and state.fingerprint == fingerprint else SourceState(fingerprint)

    def with_states(self, states: Mapping[str, SourceState]) -> Memory:
        """This memory with some states replaced; those of other sources stay."""
        return Memory(MappingProxyType({**self.states, **states}))


@dataclass(frozen=True, slots=True)
class Due:
    """The source may be asked now."""


@dataclass(frozen=True, slots=True)
class NotDue:
    """The source is left alone until then, and why."""

    until: datetime
    reason: str


def due(state: SourceState, definition: SourceDefinition, now: datetime) -> Due | NotDue:
    """Whether a source may be asked now.

    `min_interval` counts from the last request, less a little slack: a timer that fires every minute with
    jitter must meet a five-minute interval in the fifth minute, not in the sixth. Times further ahead than
    any wait can last come from a clock that was wrong, and hold nobody up.
    """
    if state.not_before and now < state.not_before <= now + LONGEST_RETRY_AFTER:
        return NotDue(state.not_before, state.reason)
    if state.requested_at and state.requested_at <= now:
        next_request = state.requested_at + definition.min_interval
        if now < next_request - slack(definition.min_interval):
            return NotDue(next_request, "asked less than min_interval ago")
    return Due()


def slack(wait: timedelta) -> timedelta:
    """How much earlier than a wait's end a source may be asked."""
    return min(wait / 4, LONGEST_SLACK)


def after_listing(
    state: SourceState, listing: Listing, now: datetime, *, etag: str, last_modified: str, sha256: str
) -> SourceState:
    """The state after a body was read."""
    digest = digest_of(listing)
    return SourceState(
        fingerprint=state.fingerprint,
        etag=etag,
        last_modified=last_modified,
        sha256=sha256,
        listing=listing,
        digest=digest,
        listed_at=now,
        changed_at=state.changed_at if digest == state.digest else now,
        outcome=Outcome.LISTED,
        requested_at=now,
    )


def digest_of(listing: Listing) -> str:
    """A hash of what is listed, the same in every process; the order of the sightings does not count."""
    rows = sorted(
        "\x1f".join(
            (
                sighting.source,
                sighting.game,
                sighting.spelling,
                sighting.rewards,
                sighting.expires_at.isoformat() if sighting.expires_at else "",
                sighting.expiry_text,
                sighting.state,
                sighting.region,
            )
        )
        for sighting in listing.sightings
    )
    return sha256("\x1e".join(rows).encode(errors="surrogatepass")).hexdigest()


def after_unchanged(state: SourceState, now: datetime, *, etag: str = "", last_modified: str = "") -> SourceState:
    """The state after the source said that the remembered body still stands, or sent the same one again."""
    return replace(
        state,
        etag=etag or state.etag,
        last_modified=last_modified or state.last_modified,
        listed_at=now,
        outcome=Outcome.UNCHANGED,
        reason="",
        failing_since=None,
        failures=0,
        requested_at=now,
        not_before=None,
    )


def after_failure(
    state: SourceState, outcome: Outcome, reason: str, now: datetime, retry_after: timedelta | None = None
) -> SourceState:
    """The state after a failure: the listing and its validators stand, and the source is left alone.

    The wait doubles with each failure in a row, from one minute to six hours, and is at least what the server
    asked for, up to a day.
    """
    failures = state.failures + 1
    wait = back_off(failures)
    wait = max(wait - slack(wait), min(retry_after or timedelta(0), LONGEST_RETRY_AFTER))
    return replace(
        state,
        outcome=outcome,
        reason=reason,
        failing_since=state.failing_since or now,
        failures=failures,
        requested_at=now,
        not_before=now + wait,
    )


def back_off(failures: int) -> timedelta:
    """How long a source is left alone after so many failures in a row."""
    doublings = min(failures - 1, 16)
    return min(FIRST_BACK_OFF * (1 << doublings), LONGEST_BACK_OFF)
