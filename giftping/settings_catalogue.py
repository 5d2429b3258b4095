"""The user's own games and sources, laid over the built-in ones."""

from __future__ import annotations

from collections.abc import Mapping

from giftping.codes.catalogue import Catalogue, Game, read_game
from giftping.codes.sources.definition import SourceDefinition, read_definition
from giftping.problems import Problem, unknown_value
from giftping.tables import is_table, toml_type


def read_games(own: Mapping[str, object], catalogue: Catalogue, problems: list[Problem]) -> dict[str, Game]:
    """Return the built-in games and the `[games.SLUG]` tables; a table named as a built-in game changes keys of it."""
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
    """Return the sources by name, disabled ones too: the built-in ones, then the `[sources.NAME]` tables in order.

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
