"""What giftping knows from the start: games, and the sources that list their codes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from giftping.codes.sources.definition import SLUG, SourceDefinition, read_definition
from giftping.problems import Problem
from giftping.tables import TableReader

DEFAULT_COLOR = 0xFFD700
_GAME_KEYS = ("title", "color", "redeem_url")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True)
class Game:
    """A game: its slug, what people call it, the colour of its embeds, and where its codes are redeemed.

    `redeem_url` may hold `{code}`; "" where there is no such page.
    """

    slug: str
    title: str
    color: int = DEFAULT_COLOR
    redeem_url: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The built-in games and sources. `tables` holds each source's TOML table, for `changed` to build on."""

    games: Mapping[str, Game]
    sources: tuple[SourceDefinition, ...]
    tables: Mapping[str, Mapping[str, object]]

    def changed(self, name: str, table: Mapping[str, object]) -> tuple[SourceDefinition | None, list[Problem]]:
        """Return the built-in source with a user's table laid over it, and every mistake in the result.

        A table that says only `enabled = false` or `min_interval = "1h"` is complete this way. Raise KeyError
        when there is no such built-in source.
        """
        return read_definition(name, {**self.tables[name], **table})


class CatalogueError(Exception):
    """The built-in catalogue has a mistake; its text lists them."""


def load_catalogue() -> Catalogue:
    """Return the built-in games and sources. Raise CatalogueError when the shipped file is wrong."""
    document = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
    problems: list[Problem] = []
    games: dict[str, Game] = {}
    for slug, table in document["games"].items():
        game, found = read_game(slug, table)
        problems += [problem.below(f"games.{slug}") for problem in found]
        if game:
            games[slug] = game
    sources: list[SourceDefinition] = []
    for name, table in document["sources"].items():
        source, found = read_definition(name, table, built_in=True)
        problems += [problem.below(f"sources.{name}") for problem in found]
        if source:
            sources.append(source)
    if problems:
        raise CatalogueError("; ".join(f"{problem.key}: {problem.reason}" for problem in problems))
    return Catalogue(games, tuple(sources), document["sources"])


def read_game(slug: str, table: Mapping[str, object]) -> tuple[Game | None, list[Problem]]:
    """Return the game that a `[games.SLUG]` table holds, or None, and every mistake in it."""
    reader = TableReader(table)
    reader.only(_GAME_KEYS)
    if not SLUG.fullmatch(slug):
        reason = f"the name {slug!r} must be lower-case letters, digits, '-' and '_', at most 64"
        reader.problems.append(Problem("", reason))
    title = reader.text("title", default=slug.replace("-", " ").title())
    color = reader.text("color", default=f"#{DEFAULT_COLOR:06x}")
    if not _COLOR.fullmatch(color):
        reader.wrong("color", f'must be a colour such as "#ffd700", not {color!r}')
        color = f"#{DEFAULT_COLOR:06x}"
    redeem_url = reader.text("redeem_url")
    if redeem_url and not re.fullmatch(r"https://[^\s{}]+(?:\{code\}[^\s{}]*)?", redeem_url):
        reader.wrong("redeem_url", f"must be an https:// address, with at most one {{code}} in it, not {redeem_url!r}")
    return (None if reader.problems else Game(slug, title, int(color[1:], 16), redeem_url)), reader.problems
