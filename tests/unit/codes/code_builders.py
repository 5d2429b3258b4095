"""Codes, games and sources for the tests of the parts between sources and Discord."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fakes.records import NOON

from giftping.codes.gather import Gathered, SourceReport
from giftping.codes.memory import Memory, SourceOutcome, SourceState, after_listing
from giftping.codes.model import Code, Listing, Sighting
from giftping.settings.catalogue import Game
from giftping.store.base import HOME_GAME

WOS = Game(HOME_GAME, "Whiteout Survival", 0x3366FF, "https://redeem.example/?code={code}")
KINGSHOT = Game("kingshot", "Kingshot")
GAMES = {game.slug: game for game in (WOS, KINGSHOT)}


def code(spelling: str = "Gift100", game: str = HOME_GAME, **changes: object) -> Code:
    fields: dict[str, object] = {"sources": ("api",), "spellings": {"api": spelling}}
    return Code(game, spelling.upper(), spelling, **(fields | changes))  # type: ignore[arg-type]  # fields by name


def codes(*spellings: str, game: str = HOME_GAME) -> list[Code]:
    return [code(spelling, game) for spelling in spellings]


def sighting(spelling: str = "Gift100", game: str = HOME_GAME, source: str = "api", **changes: object) -> Sighting:
    return Sighting(source, game, spelling, **changes)  # type: ignore[arg-type]  # fields by name


def source(name: str = "api", game: str = HOME_GAME, *, has_list: bool = True, **changes: object) -> SourceReport:
    return SourceReport(name, game, SourceOutcome.LISTED, has_list=has_list, **changes)  # type: ignore[arg-type]  # by name


def gathered(sightings: Iterable[Sighting], sources: Iterable[SourceReport] = (), lists: str = "lists-1") -> Gathered:
    """Return what the sources list; without `sources` each one that is named has a list and is well."""
    sightings = tuple(sightings)
    named = {(one.source, one.game) for one in sightings}
    reports = tuple(sources) or tuple(source(name, game) for name, game in sorted(named))
    return Gathered(reports, sightings, lists, Memory(), is_memory_new=False)


NEW = SourceState("f1")


@dataclass(frozen=True)
class Definition:
    """As much of a source's definition as the memory looks at."""

    name: str = "wiki"
    fingerprint: str = "f1"
    min_interval: timedelta = timedelta(minutes=5)


def listing(*codes: str) -> Listing:
    return Listing(tuple(Sighting("wiki", "game", code) for code in codes))


def listed(*codes: str, state: SourceState = NEW, now: datetime = NOON) -> SourceState:
    return after_listing(state, listing(*codes), now, etag='"v1"', last_modified="then", sha256="abc")


__all__ = ["GAMES", "KINGSHOT", "NEW", "NOON", "WOS", "Definition", "code", "codes", "gathered"]
