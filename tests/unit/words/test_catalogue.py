"""The phrases that members see: the same in every language, and one's own before them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docs_reading import DOCS, section, table
from hypothesis import given
from hypothesis import strategies as st

import giftping
from giftping.discord import meanings
from giftping.discord.meanings import Meaning
from giftping.discord.permissions import Permission, permission_label
from giftping.words.catalogue import (
    COMMANDS,
    HOME_LANGUAGE,
    LONGEST_PHRASE,
    flat,
    languages,
    mistakes_in,
    phrases_of,
    placeholders,
    words_of,
)
from giftping.words.said import Said

HOME = phrases_of(HOME_LANGUAGE)
OTHERS = [language for language in languages() if language != HOME_LANGUAGE]
PRODUCT = Path(giftping.__file__).parent

SAME_IN = {
    "de": {
        "announcement.code",
        "announcement.region",
        "todo.post.name",
        "bot.stats.codes",
        "bot.form.name",
        "permissions.administrator",
        "commands.giftcode_add.code.name",
        "commands.todo.name",
    },
    "es": {"commands.todo.name"},
}
"""What a language says as English does, and means to."""


def test_there_is_english_german_and_spanish() -> None:
    assert set(languages()) >= {"de", "en", "es"}


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_what_the_home_language_says_and_puts_in_the_same(language: str) -> None:
    there = phrases_of(language)
    assert there.keys() == HOME.keys()
    assert {name: placeholders(phrase) for name, phrase in there.items()} == {
        name: placeholders(phrase) for name, phrase in HOME.items()
    }


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_left_in_english_but_what_is_meant_to_be(language: str) -> None:
    assert {name for name, phrase in phrases_of(language).items() if phrase == HOME[name]} == SAME_IN[language]


@pytest.mark.parametrize("language", languages())
def test_every_built_in_phrase_is_one_that_could_be_ones_own(language: str) -> None:
    assert list(mistakes_in(phrases_of(language))) == []


@pytest.mark.parametrize("language", languages())
def test_no_phrase_is_longer_than_one_of_ones_own_may_be(language: str) -> None:
    assert [name for name, phrase in phrases_of(language).items() if len(phrase) > LONGEST_PHRASE] == []


def said_in(module: Path) -> set[str]:
    """Return the names of the phrases that a module says."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        callee, name = ast.unparse(node.func), node.args[0].value
        if callee.endswith(("words", "Said", "on_button", "said")):
            found.add(name)
        elif callee.endswith("words.counted"):
            found |= {f"{name}.one", f"{name}.other"}
    return found


def every_meaning() -> list[Meaning]:
    """Return all that a no of Discord's can mean."""
    tables = [vars(meanings), *(one for one in vars(meanings).values() if isinstance(one, dict))]
    return [one for table in tables for one in table.values() if isinstance(one, Meaning)]


def test_every_phrase_is_said_somewhere_and_every_one_that_is_said_is_there() -> None:
    said = set[str]().union(*(said_in(module) for module in PRODUCT.rglob("*.py")))
    shown = {name for name in said if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", name)}
    shown |= {permission_label(permission).phrase for permission in Permission}
    shown |= {meaning.phrase for meaning in every_meaning()} - {""}
    # What Discord shows of commands is compared with the commands themselves: tests/unit/bot/test_bot_languages.py.
    assert {name for name in shown if not name.startswith(COMMANDS)} == {
        name for name in HOME if not name.startswith(COMMANDS)
    }


def test_ones_own_phrase_goes_before_the_catalogues_and_the_rest_stays() -> None:
    words = words_of("de", {"de": {"announcement.code": "Der Code:"}, "en": {"announcement.redeem": "Go"}})
    assert words("announcement.code") == "Der Code:"
    assert words("announcement.redeem") == "Einlösen"


def test_a_language_of_ones_own_lacks_nothing() -> None:
    words = words_of("pirate", {"pirate": {"announcement.redeem": "Plunder"}})
    assert words("announcement.redeem") == "Plunder"
    assert words.counted("announcement.title", 2, game="Rise") == "🎁 New Rise gift codes"


def test_what_is_put_in_is_not_read_as_a_phrase() -> None:
    assert words_of("en")("announcement.rewards", rewards="{0.__class__} {x}") == "**Rewards:** {0.__class__} {x}"


@pytest.mark.parametrize(
    ("name", "phrase", "reason"),
    [
        ("announcement.rewards", "{reward}", "{reward} is not put in here; {rewards} is"),
        ("announcement.code", "{rewards}", "{rewards} is not put in here; nothing is"),
        ("announcement.rewards", "{rewards.__class__}", "braces hold a name alone"),
        ("announcement.rewards", "{rewards!r}", "braces hold a name alone"),
        ("announcement.rewards", "{rewards:>99999999}", "braces hold a name alone"),
        ("announcement.rewards", "{", "write {{ and }} for braces"),
        ("announcement.rewards", "{}", "braces hold a name alone"),
        ("announcement.code", " ", "must be a text that is not empty"),
        ("announcement.code", 5, "must be a text that is not empty"),
        ("announcement.code", "x" * (LONGEST_PHRASE + 1), "is longer than 200 characters"),
        ("announcement.code", "😀" * (LONGEST_PHRASE // 2 + 1), "is longer than 200 characters"),
        ("compact.ended", "x" * 61, "is longer than 60 characters"),
        ("announcement.cod", "x", ""),
        ("announcement", "x", ""),
        ("commands.todo.name", "To do", "is no name of a command"),
        ("commands.todo.name", "TODO", "is no name of a command"),
        ("commands.todo.name", "x" * 33, "is no name of a command"),
        ("commands.todo.about", "x" * 101, "is longer than 100 characters"),
    ],
)
def test_a_phrase_that_cannot_be_said_is_told_with_the_reason(name: str, phrase: object, reason: str) -> None:
    ((where, why),) = mistakes_in({name: phrase})
    assert where == name
    assert reason in why


@given(st.sampled_from(sorted(HOME)), st.text(max_size=40))
def test_whatever_is_no_mistake_can_be_said(name: str, phrase: str) -> None:
    if not list(mistakes_in({name: phrase})):
        words_of("en", {"en": {name: phrase}})(name, **dict.fromkeys(placeholders(HOME[name]), "x"))


def test_nested_tables_are_phrases_by_dotted_names() -> None:
    assert flat({"a": {"b": {"one": "x"}, "c": "y"}, "d": "z"}) == {"a.b.one": "x", "a.c": "y", "d": "z"}


def test_the_page_lists_every_phrase_as_it_is_in_english() -> None:
    rows = table(section(DOCS / "words.md", "Words of your own"))
    assert [[name, phrase, re.findall("{([a-z_]+)}", put_in)] for name, phrase, put_in in rows] == [
        [name, phrase, sorted(placeholders(phrase))] for name, phrase in HOME.items()
    ]


def test_what_was_said_in_english_is_said_in_another_language_with_other_values() -> None:
    said = Said("todo.wrong.empty_file", file="tok3n.txt")
    assert said == "tok3n.txt is empty"
    assert said.in_words(words_of("de")) == "tok3n.txt ist leer"
    assert said.in_words(words_of("de"), file="x", other="y") == "x ist leer"
    hidden = said.redacted(lambda text: text.replace("tok3n", "***"))
    assert (hidden, hidden.in_words(words_of("de"))) == ("***.txt is empty", "***.txt ist leer")


def test_what_is_put_in_is_said_in_the_other_language_too_and_safe_to_tell() -> None:
    lacking = (Said("permissions.view_channel"), "tok3n")
    said = Said("todo.wrong.empty", fields=lacking)
    assert said == "nothing is in it; write at least one of View Channel, tok3n, or attach a file"
    hidden = said.redacted(lambda text: text.replace("tok3n", "***"))
    there = words_of("de")("todo.wrong.empty", fields="Kanal ansehen, ***")
    assert hidden.in_words(words_of("de")) == there
