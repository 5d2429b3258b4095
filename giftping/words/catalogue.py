"""The phrases of each language, and the way to say one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter
from types import MappingProxyType

from giftping.text import counted

HOME_LANGUAGE = "en"
"""What is said where nobody chose a language, and where one lacks a phrase."""

LONGEST_PHRASE = 200
"""How many characters, as UTF-16 counts them, a phrase has at most, so that what is made of it stays within Discord's
limits."""

COMPACT = "compact."
LONGEST_IN_LINE = 60
"""How the names of those phrases begin that stand once for each code of a message, and how long they may be."""

COMMANDS = "commands."
"""How the names of those phrases begin that Discord shows of slash commands: what they are called, and what they do."""

PERMISSIONS = "permissions."
"""How the names of those phrases begin that are Discord's permissions, as its own settings name them."""

NAME = ".name"
"""How those of them end that are names."""

COMMAND_NAME = re.compile(r"[-_\w]{1,32}")
LONGEST_DESCRIPTION = 100
"""How long the name of a command or an option, and what is said of it, may be (Application Command Structure)."""

FOLDER = Path(__file__).parent

Phrases = Mapping[str, str]
"""Phrases by their dotted names."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in one language."""

    language: str
    phrases: Phrases

    def __call__(self, name: str, /, **values: object) -> str:
        """A phrase, with the values put in. Raise KeyError for one that there is not."""
        return self.phrases[name].format(**values)

    def counted(self, name: str, count: int, /, **values: object) -> str:
        """The form of a phrase for so many, with the values put in. Raise KeyError for one that there is not."""
        return self(f"{name}.{'one' if count == 1 else 'other'}", **values)


@cache
def languages() -> tuple[str, ...]:
    """The names of the languages that there are from the start, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def phrases_of(language: str) -> Phrases:
    """The phrases of a language that there is from the start."""
    return MappingProxyType(flat(tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))))


def words_of(language: str, own: Mapping[str, Phrases] = MappingProxyType({})) -> Words:
    """What is said in a language, with the user's `own` phrases, by language, before those there are.

    What a language lacks is said in the home language; so is everything in one that nobody knows.
    """
    built_in = phrases_of(language) if language in languages() else {}
    return Words(language, {**phrases_of(HOME_LANGUAGE), **built_in, **own.get(language, {})})


def flat(table: Mapping[str, object], above: str = "") -> dict[str, str]:
    """The phrases of nested tables, by dotted name; what is no phrase stands as it is."""
    found: dict[str, str] = {}
    for name, value in table.items():
        dotted = f"{above}{name}"
        found |= flat(value, f"{dotted}.") if isinstance(value, Mapping) else {dotted: value}  # type: ignore[dict-item]
    return found


def placeholders(phrase: str) -> frozenset[str]:
    """What a phrase wants put in. Raise ValueError where its braces do not hold a name and nothing else."""
    found = set()
    for _, name, form, conversion in Formatter().parse(phrase):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(f"{{{name}{conversion or ''}{form}}} is no place for a value: braces hold a name alone")
        found.add(name)
    return frozenset(found)


def _no_command(name: str, phrase: str) -> str:
    """Why Discord would not take a phrase for a command, and with it none of the commands; empty where it would."""
    if not name.startswith(COMMANDS):
        return ""
    if not name.endswith(NAME):
        is_long = len(phrase) > LONGEST_DESCRIPTION
        return f"is longer than {LONGEST_DESCRIPTION} characters, the most that Discord takes here" if is_long else ""
    is_name = COMMAND_NAME.fullmatch(phrase) and phrase == phrase.lower()
    return "" if is_name else "is no name of a command: write 1 to 32 small letters, digits, - and _"


def same_names(language: str, own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Those of a language's own phrases that name a command, or an option, as another one beside it is named.

    Each comes with that other one. Discord would take none of the commands.
    """
    said = words_of(language, {language: own}).phrases
    names = [name for name in said if name.startswith(COMMANDS) and name.endswith(NAME)]
    for name in names:
        beside = (one for one in names if one != name and _above(one) == _above(name))
        other = next((one for one in beside if said[one] == said[name]), None)
        if other is not None and name in own:
            yield name, other


def _above(name: str) -> str:
    """What a command, or an option, belongs to, by the name of the phrase that is its name."""
    return name.removesuffix(NAME).rpartition(".")[0]


def _length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def mistakes_in(phrases: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The names of the user's own phrases that cannot be said, each with the reason and what to write."""
    known = phrases_of(HOME_LANGUAGE)
    for name, phrase in phrases.items():
        if name not in known:
            yield name, ""
        elif not isinstance(phrase, str) or not phrase.strip():
            yield name, "must be a text that is not empty"
        elif _length(phrase) > (longest := LONGEST_IN_LINE if name.startswith(COMPACT) else LONGEST_PHRASE):
            yield name, f"is longer than {counted(longest, 'character')}, most emoji being two"
        elif reason := _no_command(name, phrase):
            yield name, reason
        else:
            try:
                unknown = placeholders(phrase) - placeholders(known[name])
            except ValueError as error:
                yield name, f"{error}; write {{{{ and }}}} for braces"
            else:
                if unknown:
                    there = ", ".join(f"{{{one}}}" for one in sorted(placeholders(known[name]))) or "nothing"
                    yield name, f"{{{min(unknown)}}} is not put in here; {there} is"
