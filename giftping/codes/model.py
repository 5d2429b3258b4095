"""The words of gift codes: sighting, listing, code. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from giftping.settings.sources import SightingState


def key_of(spelling: str) -> str:
    """The key under which spellings of one code meet: trimmed and upper-cased."""
    return spelling.strip().upper()


@dataclass(frozen=True, slots=True)
class Sighting:
    """One code as one source lists it.

    `spelling` is exact, because redeeming is case-sensitive. `expires_at` is aware and is the first
    instant at which the code no longer counts as valid; `expiry_text` is what the source wrote, which may
    be no date at all ("unknown", "End of May"). `region` is empty for everywhere.
    """

    source: str
    game: str
    spelling: str
    rewards: str = ""
    expires_at: datetime | None = None
    expiry_text: str = ""
    state: SightingState = SightingState.UNSTATED
    region: str = ""

    @property
    def key(self) -> str:
        """The key of the code that was sighted."""
        return key_of(self.spelling)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A row that a parser or a guard did not take for a code, and why."""

    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What one source lists now: its sightings, in the source's order, and the rows that were dropped."""

    sightings: tuple[Sighting, ...] = ()
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """The sightings of one code, merged.

    `spellings` maps each source to the spelling it lists; `sources` is sorted; `disagreements` says in
    words where sources contradict each other.
    """

    game: str
    key: str
    spelling: str
    sources: tuple[str, ...]
    spellings: Mapping[str, str] = field(default_factory=dict)
    rewards: str = ""
    expires_at: datetime | None = None
    expiry_text: str = ""
    state: SightingState = SightingState.UNSTATED
    regions: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a code may go out, and the reason in words when it may not."""

    may_go_out: bool
    reason: str = ""
