"""Games and sources: what giftping knows from the start, with the user's own tables laid over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from giftping.settings.problems import Problem, unknown_value
from giftping.settings.sources import SLUG, SourceDefinition, read_definition
from giftping.settings.tables import TableReader, is_table, toml_type

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
        """The built-in source with a user's table laid over it, and every mistake in the result.

        A table that says only `enabled = false` or `min_interval = "1h"` is complete this way. Raise KeyError
        when there is no such built-in source.
        """
        return read_definition(name, {**self.tables[name], **table})


class CatalogueError(Exception):
    """The built-in catalogue has a mistake; its text lists them."""


def load_catalogue() -> Catalogue:
    """The built-in games and sources. Raise CatalogueError when the shipped file is wrong."""
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
    """The game that a `[games.SLUG]` table holds, or None, and every mistake in it."""
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


def read_games(own: Mapping[str, object], catalogue: Catalogue, problems: list[Problem]) -> dict[str, Game]:
    """The built-in games and the `[games.SLUG]` tables; a table named as a built-in game changes keys of it."""
    games = dict(catalogue.games)
    for slug, table in own.items():
        if not is_table(table):
            problems.append(_no_table("games", slug, table))
            continue
        game, found = read_game(slug, {**_table_of(games.get(slug)), **table})
        problems += [problem.below(f"games.{slug}") for problem in found]
        if game:
            games[slug] = game
    return games


def read_sources(
    own: Mapping[str, object],
    games: Mapping[str, object],
    catalogue: Catalogue,
    problems: list[Problem],
    *,
    built_in: bool,
) -> dict[str, SourceDefinition]:
    """The sources by name, disabled ones too: the built-in ones, then the `[sources.NAME]` tables in order.

    A table named as a built-in source changes keys of that source. Without `built_in`, only those built-in
    sources are there that have a table. `games` are the games a source may name, well or wrongly described.
    """
    sources = {source.name: source for source in catalogue.sources} if built_in else {}
    for name, table in own.items():
        if not is_table(table):
            problems.append(_no_table("sources", name, table))
            continue
        source, found = _read_source(name, table, catalogue)
        if not found and source and source.game not in games:
            found = [unknown_value("game", source.game, games)]
        problems += [problem.below(f"sources.{name}") for problem in found]
        if source:
            sources[name] = source
    return sources


def _read_source(
    name: str, table: Mapping[str, object], catalogue: Catalogue
) -> tuple[SourceDefinition | None, list[Problem]]:
    original = catalogue.tables.get(name)
    if original is None:
        return read_definition(name, table)
    for key in ("kind", "game"):
        if key in table and table[key] != original[key]:
            reason = (
                f"{name} is a built-in source with the {key} {original[key]!r}; give a source of your own its own name"
            )
            return None, [Problem(key, reason)]
    return catalogue.changed(name, table)


def _table_of(game: Game | None) -> dict[str, object]:
    if game is None:
        return {}
    table: dict[str, object] = {"title": game.title, "color": f"#{game.color:06x}"}
    return {**table, "redeem_url": game.redeem_url} if game.redeem_url else table


def _no_table(parent: str, name: str, value: object) -> Problem:
    return Problem(f"{parent}.{name}", f"must be a table, written as [{parent}.NAME], not {toml_type(value)}")
