"""The words of gift codes: sighting, listing, code. Values only. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from giftping.settings.sources import SightingState
from giftping.text import key_of


@dataclass(frozen=True, slots=True)
class Sighting:
    """One code as one source lists it."""

    source: str
    game: str
    spelling: str
    """Exact, because redeeming is case-sensitive."""
    rewards: str = ""
    expires_at: datetime | None = None
    """The first instant at which the code no longer counts as valid; aware."""
    expiry_text: str = ""
    """What the source wrote, which may be no date at all ("unknown", "End of May"); see `giftping.text.last_day`."""
    state: SightingState = SightingState.UNSTATED
    region: str = ""
    """Where alone it works; several are separated by commas, and empty means everywhere."""

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
    """What one source lists now."""

    sightings: tuple[Sighting, ...] = ()
    """In the source's order."""
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """The sightings of one code, merged."""

    game: str
    key: str
    """What its spellings have in common: see `giftping.text.key_of`."""
    spelling: str
    """The one that is shown."""
    sources: tuple[str, ...]
    """Who lists it, sorted."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """What each source writes."""
    rewards: str = ""
    expires_at: datetime | None = None
    """The latest end that any source names."""
    expiry_text: str = ""
    state: SightingState = SightingState.UNSTATED
    regions: tuple[str, ...] = ()
    """Where alone it works, sorted; empty for everywhere."""
    disagreements: tuple[str, ...] = ()
    """Where sources contradict each other, in words."""
    number: int = 1
    """Which round of it this is."""
    withdrawn: str = ""
    """Who has said that it is none, and when; empty where nobody has."""
    approved_at: datetime | None = None
    """When a person said that it is one, None where nobody has."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """Whether a code may go out."""

    may_go_out: bool
    reason: str = ""
    """Why it may not, in words."""
    held_by: str = ""
    """The source whose listing is doubtful, so that it is held back for now; empty where it is not, or is refused."""
    held_since: datetime | None = None
    held_until: datetime | None = None
    """When it is released; None where a person, or a second family, has to say so."""
