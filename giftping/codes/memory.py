"""What is remembered of each source on this host: what it said last, and how its last request ended. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

from giftping.codes.model import Listing

if TYPE_CHECKING:
    from giftping.settings.sources import SourceDefinition


class SourceOutcome(StrEnum):
    """What came of a source in a run."""

    LISTED = "listed"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    FAILED = "failed"
    SHAPE_CHANGED = "shape_changed"


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of one source. The names of most fields are keys of a file: see giftping.runs.sources_file."""

    fingerprint: str
    """Of the definition under which all of this was learnt: under another one nothing of it counts."""
    etag: str = ""
    """What came with the body that the listing was read from, as the next two."""
    last_modified: str = ""
    sha256: str = ""
    listing: Listing | None = None
    """What it listed last, None until it has answered once."""
    digest: str = ""
    """Equal for equal sightings, in whatever order."""
    listed_at: datetime | None = None
    """When it last confirmed the listing."""
    changed_at: datetime | None = None
    """When the listing last became another one."""
    outcome: SourceOutcome | None = None
    """How its last request ended, None before the first one."""
    reason: str = ""
    """Why that failed, in words."""
    failing_since: datetime | None = None
    failures: int = 0
    """How many requests in a row failed."""
    requested_at: datetime | None = None
    not_before: datetime | None = None
    """Until when it is left alone: the end of a back-off, or what the server asked for."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of all sources."""

    states: Mapping[str, SourceState] = field(default_factory=lambda: MappingProxyType({}))
    """By the name of the source."""
    trouble: str = field(default="", compare=False)
    """Why an existing file was not used, in words."""

    def of(self, definition: SourceDefinition) -> SourceState:
        """The state of a source; an empty one when its definition is not the one that was remembered."""
        fingerprint = definition.fingerprint
        state = self.states.get(definition.name)
        return state if state and state.fingerprint == fingerprint else SourceState(fingerprint)

    def with_states(self, states: Mapping[str, SourceState]) -> Memory:
        """This memory with some states replaced; those of other sources stay."""
        # A run about one game must not forget what the sources of the others said.
        return Memory(MappingProxyType({**self.states, **states}))


def after_listing(
    state: SourceState, listing: Listing, now: datetime, *, etag: str, last_modified: str, sha256: str
) -> SourceState:
    """The state after a body was read."""
    digest = digest_of(listing)
    # Made anew, not replaced: failures and back-off are over, and so is whatever else is added to the state one day.
    return SourceState(
        fingerprint=state.fingerprint,
        etag=etag,
        last_modified=last_modified,
        sha256=sha256,
        listing=listing,
        digest=digest,
        listed_at=now,
        changed_at=state.changed_at if digest == state.digest else now,
        outcome=SourceOutcome.LISTED,
        requested_at=now,
    )


def digest_of(listing: Listing) -> str:
    """A hash of what is listed, the same in every process; the order of the sightings does not count."""
    # The separators are control characters, which no text keeps, so that two fields cannot pass for one.
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
    # A 304 may leave its validators out; those of the remembered body still hold.
    return replace(
        state,
        etag=etag or state.etag,
        last_modified=last_modified or state.last_modified,
        listed_at=now,
        outcome=SourceOutcome.UNCHANGED,
        reason="",
        failing_since=None,
        failures=0,
        requested_at=now,
        not_before=None,
    )
