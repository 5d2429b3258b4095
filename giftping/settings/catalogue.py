"""Games and sources: what giftping knows from the start, with the user's own tables laid over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path

from giftping.settings.declaring import keys_of, setting
from giftping.settings.problems import Problem, near_name, unknown_value
from giftping.settings.sources import (
    MOST_HELD_ABOVE,
    SLUG,
    SOURCE_KINDS,
    SourceDefinition,
    parse_slug,
    read_definition,
)
from giftping.settings.table_reader import TableReader
from giftping.settings.value_types import (
    is_table,
    parse_flag,
    parse_pattern,
    parse_span,
    parse_text,
    parse_texts,
    toml_type,
    whole_number,
)
from giftping.text import cut

DEFAULT_COLOR = 0xFFD700
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_MOST_COMPARED = 100
_LONGEST_PICTURE = 2048
"""Discord takes no longer address of one (OpenAPI)."""

LookCloser = Callable[[SourceDefinition], list[Problem]]
"""What looks for mistakes that only the parsers' libraries find; the keys of its problems are relative to the table."""


def _parse_color(value: object) -> int:
    color = parse_text(value)
    if not _COLOR.fullmatch(color):
        raise ValueError(f'must be a colour such as "#ffd700", not {color!r}')
    return int(color[1:], 16)


def _parse_redeem_url(value: object) -> str:
    url = parse_text(value)
    if not re.fullmatch(r"https://[^\s{}]+(?:\{code\}[^\s{}]*)?", url):
        raise ValueError(f"must be an https:// address, with at most one {{code}} in it, not {url!r}")
    return url


def _parse_picture(value: object) -> str:
    url = parse_text(value)
    if not re.fullmatch(r"https://[^\s/?#\\@]+/\S+", url) or len(url) > _LONGEST_PICTURE:
        raise ValueError(f"must be the https:// address of a picture, not {cut(url, 80)!r}")
    return url


def _parse_slugs(value: object) -> tuple[str, ...]:
    return tuple(map(parse_slug, parse_texts(value)))


@dataclass(frozen=True, slots=True)
class Game:
    """A game whose codes are announced."""

    slug: str
    """What the settings call it: the table's name."""
    title: str = setting(parse_text, "")
    """What people call it; the slug in capitals where nobody says."""
    color: int = setting(_parse_color, DEFAULT_COLOR)
    """The edge of the message."""
    redeem_url: str = setting(_parse_redeem_url, "")
    """Where codes are redeemed, with `{code}` for the code; empty where there is no such page."""
    thumbnail: str = setting(_parse_picture, "")
    """The address of a small picture in the corner of the message; none where nobody says."""
    image: str = setting(_parse_picture, "")
    """The address of a large picture below the message; none where nobody says."""
    show_sources: bool = setting(parse_flag, default=False)
    """Whether the message says who lists a code."""
    code_pattern: str = setting(parse_pattern, "")
    """A regular expression for its codes, where they look unlike others: with spaces or punctuation, or short."""
    shares_codes: tuple[str, ...] = setting(_parse_slugs, ())
    """The games whose codes work in this one, too."""
    hold_above: int = setting(whole_number(most=MOST_HELD_ABOVE), 8)
    """How many new codes in one list of one source are no burst yet; what a burst brings is held."""
    ask_above: int = setting(whole_number(most=MOST_HELD_ABOVE), 25)
    """How many doubtful codes a burst may leave without a person being asked."""
    hold_for: timedelta = setting(parse_span, timedelta(minutes=30))
    """How long what is doubtful is held, where nobody has to be asked."""
    confirm: int = setting(whole_number(least=1, most=2), 1)
    """How many families have to list a code before it goes out; a second one is waited for for a day."""
    reissue_after: timedelta | None = setting(parse_span, None)
    """After how long on no list at all a code that is back counts as issued anew; never where nobody says."""

    @property
    def redeems_by_address(self) -> bool:
        """Whether each code has a page of its own where it is redeemed."""
        return "{code}" in self.redeem_url

    def redeem_address(self, spelling: str) -> str:
        """Where a code is redeemed; what would mean something in an address means nothing in the code."""
        from urllib.parse import quote

        return self.redeem_url.replace("{code}", quote(spelling, safe=""))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The built-in games and sources."""

    games: Mapping[str, Game]
    """The games by slug."""
    sources: tuple[SourceDefinition, ...]
    """The sources as they are without the user's changes."""
    tables: Mapping[str, Mapping[str, object]]
    """The TOML table of each source, for `changed` to build on."""

    def changed(self, name: str, table: Mapping[str, object]) -> tuple[SourceDefinition, list[Problem]]:
        """The built-in source with a user's table laid over it, and every mistake in the result.

        A table that says only `enabled = false` or `min_interval = "1h"` is complete this way. Raise KeyError
        when there is no such built-in source.
        """
        original = self.tables[name]
        wrong = [key for key in ("kind", "game") if key in table and table[key] != original[key]]
        # Rows that come with a kind of their own are judged by that kind, as far as there is one.
        is_judged_by_its_own = "rows" in table and table.get("kind") in SOURCE_KINDS
        kept = {key: original[key] for key in wrong if key == "game" or not is_judged_by_its_own}
        definition, problems = read_definition(name, {**original, **table, **kept})
        told = [
            Problem(
                key,
                f"{name} is a built-in source with the {key} {original[key]!r}; give a source of your own its own name",
            )
            for key in wrong
        ]
        return definition, told + problems


class CatalogueError(Exception):
    """The built-in catalogue has a mistake; its text lists them."""


def load_catalogue() -> Catalogue:
    """The built-in games and sources. Raise CatalogueError when the shipped file is wrong."""
    document = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
    problems: list[Problem] = []
    games = read_games(document["games"], {}, problems)
    sources: list[SourceDefinition] = []
    for name, table in document["sources"].items():
        source, found = read_definition(name, table, built_in=True)
        problems += [problem.below(f"sources.{name}") for problem in found]
        sources.append(source)
    if problems:
        raise CatalogueError("; ".join(f"{problem.key}: {problem.reason}" for problem in problems))
    return Catalogue(games, tuple(sources), document["sources"])


def read_game(slug: str, table: Mapping[str, object], original: Game | None = None) -> tuple[Game, list[Problem]]:
    """The game that a `[games.SLUG]` table holds, laid over the built-in one, and every mistake in the table."""
    reader = TableReader(table)
    reader.only(keys_of(Game))
    if not SLUG.fullmatch(slug):
        reader.wrong("", f"the name {slug!r} must be lower-case letters, digits, '-' and '_', at most 64")
    base = original or Game(slug, slug.replace("-", " ").title())
    return replace(base, **reader.values(Game)), reader.problems


def read_games(own: Mapping[str, object], built_in: Mapping[str, Game], problems: list[Problem]) -> dict[str, Game]:
    """The built-in games and the `[games.SLUG]` tables; a table named as a built-in game changes keys of it."""
    games = dict(built_in)
    for slug, table in own.items():
        if not is_table(table):
            problems.append(_no_table("games", slug, table))
            continue
        games[slug], found = read_game(slug, table, games.get(slug))
        problems += [problem.below(f"games.{slug}") for problem in found]
    return games


def read_sources(
    own: Mapping[str, object],
    games: Mapping[str, object],
    catalogue: Catalogue,
    problems: list[Problem],
    *,
    built_in: bool,
    look_closer: LookCloser | None = None,
) -> dict[str, SourceDefinition]:
    """The sources by name, disabled ones too: the built-in ones, then the `[sources.NAME]` tables in order.

    A table named as a built-in source changes keys of that source. Without `built_in`, only those built-in
    sources are there that have a table. `games` are the games a source may name, well or wrongly described.
    """

    @cache
    def unknown_game(game: str) -> Problem:
        # Not compared with each of thousands of games: that would take minutes where thousands of sources are wrong.
        return unknown_value("game", game, list(islice(games, _MOST_COMPARED)))

    sources = {source.name: source for source in catalogue.sources} if built_in else {}
    for name, table in own.items():
        if not is_table(table):
            problems.append(_no_table("sources", name, table))
            continue
        if name in catalogue.tables:
            source, found = catalogue.changed(name, table)
        else:
            source, found = read_definition(name, table)
            found = _perhaps_misspelt(name, table, catalogue, found)
        if source.game and source.game not in games:
            found.append(unknown_game(source.game))
        if look_closer:
            found += look_closer(source)
        problems += [problem.below(f"sources.{name}") for problem in found]
        sources[name] = source
    return sources


def _perhaps_misspelt(
    name: str, table: Mapping[str, object], catalogue: Catalogue, problems: list[Problem]
) -> list[Problem]:
    """The problems of a source of one's own; one in place of all that it lacks where a built-in one may be meant."""
    # Whoever misspells a built-in name has written a key or two, and would be told of all others as missing.
    missing = [key.name for key in keys_of(SourceDefinition).values() if key.required and key.name not in table]
    near = near_name(name, catalogue.tables) if missing else ""
    if not near:
        return problems
    needed = ", ".join(missing)
    reason = f"is no built-in source; did you mean {near!r}? (A source of your own needs {needed} as well.)"
    return [Problem("", reason), *(problem for problem in problems if problem.key not in missing)]


def _no_table(parent: str, name: str, value: object) -> Problem:
    return Problem(f"{parent}.{name}", f"must be a table, written as [{parent}.NAME], not {toml_type(value)}")
