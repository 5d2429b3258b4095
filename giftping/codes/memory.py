"""What is remembered of each source on this host: what it said last, and how its last request ended. Pure."""

from __future__ import annotations

import re
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


KEPT_DAYS = 30
KEPT_CHANGES = 8

HIDDEN_TOO_OFTEN = 2
"""After how many changes in a row that it did not own up to a source's "not modified" is not asked for any more."""

EMPTY_FOR = timedelta(days=1)
LEAST_STILL = timedelta(days=10)
"""A list that has not changed for less than this is nothing to look at."""

_DAY = re.compile(r"(\d{4}-\d\d-\d\d) (\d+) (\d+) (\d+) (-?\d+)")


class SourceOutcome(StrEnum):
    """What came of a source in a run."""

    LISTED = "listed"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    FAILED = "failed"
    SHAPE_CHANGED = "shape_changed"


@dataclass(frozen=True, slots=True)
class SourceDay:
    """What a source did on one day, in UTC."""

    day: str
    asked: int = 0
    failed: int = 0
    """How many of the requests failed."""
    unmodified: int = 0
    """In answer to how many it said no more than that nothing has changed (304)."""
    size: int = -1
    """How many codes its list had at the end of the day; -1 before its first list."""

    @property
    def text(self) -> str:
        """The day in short: a month of a source is read in every run, and looked into in few."""
        return f"{self.day} {self.asked} {self.failed} {self.unmodified} {self.size}"

    @classmethod
    def read(cls, text: str) -> SourceDay | None:
        """The day of a text, None for a text that is none."""
        found = _DAY.fullmatch(text)
        return cls(found[1], *(int(number) for number in found.groups()[1:])) if found else None


@dataclass(frozen=True, slots=True)
class Health:
    """How a source has been lately. The names of the fields are keys of a file: see giftping.runs.sources_file."""

    days: tuple[str, ...] = ()
    """Its days as `SourceDay` writes them, oldest first."""
    changes: tuple[datetime, ...] = ()
    """When its list last became another one, oldest first."""
    unmodified: int = 0
    """How many times it has said that nothing has changed since it last sent a body."""
    hidden: int = 0
    """How many changes in a row it had said that of, and sent when it was asked for all of it."""

    def listed_days(self) -> list[SourceDay]:
        """Its days, oldest first."""
        return [day for text in self.days if (day := SourceDay.read(text)) is not None]


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
    whole_at: datetime | None = None
    """When it last sent a whole body, and did not only say that nothing has changed."""
    health: Health | None = None
    """How it has been lately, None before its first request."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of all sources."""

    states: Mapping[str, SourceState] = field(default_factory=lambda: MappingProxyType({}))
    """By the name of the source."""
    trouble: str = field(default="", compare=False)
    """Why an existing file was not used, in words."""

    def of(self, definition: SourceDefinition) -> SourceState:
        """The state of a source; an empty one, but for its health, when its definition is not the remembered one."""
        fingerprint = definition.fingerprint
        state = self.states.get(definition.name)
        if state is None or state.fingerprint == fingerprint:
            return state or SourceState(fingerprint)
        # How it has been does not depend on how it is read, and a new release reads each source anew.
        return SourceState(fingerprint, health=state.health)

    def with_states(self, states: Mapping[str, SourceState]) -> Memory:
        """This memory with some states replaced; those of other sources stay."""
        # A run about one game must not forget what the sources of the others said.
        return Memory(MappingProxyType({**self.states, **states}))


def after_listing(
    state: SourceState,
    listing: Listing,
    now: datetime,
    *,
    etag: str,
    last_modified: str,
    sha256: str,
    was_whole: bool = True,
) -> SourceState:
    """The state after a body was read; `was_whole` where it was asked for, and not only what has changed."""
    digest = digest_of(listing)
    health = noted(state.health, now, len(listing.sightings))
    if state.listing is not None and digest != state.digest:
        health = with_change(state.health, health, now, was_whole=was_whole)
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
        whole_at=now,
        health=health,
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


def after_unchanged(
    state: SourceState, now: datetime, *, etag: str = "", last_modified: str = "", is_body: bool = False
) -> SourceState:
    """The state after the source said that the remembered body still stands, or, with `is_body`, sent it again."""
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
        whole_at=now if is_body else state.whole_at,
        health=noted(state.health, now, size_of(state), unmodified=not is_body),
    )


def size_of(state: SourceState) -> int | None:
    """How many codes a source's list has, None where it has none."""
    return len(state.listing.sightings) if state.listing is not None else None


def noted(
    health: Health | None,
    now: datetime,
    size: int | None,
    *,
    failed: bool = False,
    unmodified: bool = False,
) -> Health:
    """The health after a request, with the size of the list that stands after it, None where there is none."""
    health = health or Health()
    today = f"{now:%Y-%m-%d}"
    # Days ahead were noted by a clock that was wrong.
    days = [text for text in health.days if text[:10] <= today]
    day = (SourceDay.read(days.pop()) if days and days[-1][:10] == today else None) or SourceDay(today)
    day = replace(
        day,
        asked=day.asked + 1,
        failed=day.failed + failed,
        unmodified=day.unmodified + unmodified,
        size=-1 if size is None else size,
    )
    days = [*days, day.text][-KEPT_DAYS:]
    so_often = health.unmodified + 1 if unmodified else health.unmodified if failed else 0
    return replace(health, days=tuple(days), unmodified=so_often)


def with_change(before: Health | None, after: Health, now: datetime, *, was_whole: bool) -> Health:
    """The health after a body with another list; `was_whole` where the source was asked for all of it."""
    said_otherwise = before.unmodified if before else 0
    hidden = after.hidden + 1 if was_whole and said_otherwise else after.hidden if was_whole else 0
    return replace(after, changes=(*after.changes, now)[-KEPT_CHANGES:], hidden=hidden)


def hides_changes(health: Health | None) -> bool:
    """Whether a source keeps saying that nothing has changed when something has."""
    return health is not None and health.hidden >= HIDDEN_TOO_OFTEN


def is_worth_a_look(state: SourceState, now: datetime) -> bool:
    """Whether something about the list may be unusual: it is empty, or has not changed for some time."""
    if state.listing is None or state.changed_at is None or state.failures:
        return False
    age = now - state.changed_at
    return age >= LEAST_STILL or (not state.listing.sightings and age >= EMPTY_FOR)
