"""Phrases of one's own: the tables [words.LANGUAGE]."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from giftping.settings.problems import Problem, unknown_key
from giftping.settings.value_types import is_table, parse_language, toml_type
from giftping.words.catalogue import HOME_LANGUAGE, flat, mistakes_in, phrases_of, same_names


def read_words(tables: Mapping[str, object], problems: list[Problem]) -> dict[str, Mapping[str, str]]:
    """The phrases by language and dotted name; those that cannot be said are noted and left out."""
    found: dict[str, Mapping[str, str]] = {}
    for typed, table in tables.items():
        language, wrong = typed.lower(), _wrong(typed, table)
        if language in found:
            wrong = f"is language {language}, which has a table already"
        if wrong or not is_table(table):
            problems.append(Problem(f"words.{typed}", wrong))
            continue
        phrases = flat(table)
        for name, reason in list(mistakes_in(phrases)):
            problem = Problem(name, reason) if reason else unknown_key(name, phrases_of(HOME_LANGUAGE))
            problems.append(problem.below(f"words.{typed}"))
            del phrases[name]
        for name, other in list(same_names(language, phrases)):
            problem = Problem(name, f"is what {other} is called, too: Discord wants a name for each")
            problems.append(problem.below(f"words.{typed}"))
            del phrases[name]
        found[language] = MappingProxyType(phrases)
    return found


def _wrong(language: str, table: object) -> str:
    """Why a table is none of words, empty where it is one."""
    try:
        parse_language(language)
    except ValueError as error:
        return str(error)
    return "" if is_table(table) else f"must be a table of phrases, not {toml_type(table)}"
