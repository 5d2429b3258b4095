"""Phrases of one's own, in the tables [words.LANGUAGE]."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from giftping.settings.file import SettingsError
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.words.catalogue import COMMANDS, NAME, languages, phrases_of, same_names, words_of

Load = Callable[[str], Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loading(toml: str) -> Settings:
        (tmp_path / "giftping.toml").write_text(toml, "utf-8")
        return load_settings({"HOME": str(tmp_path)}, cwd=tmp_path)

    return loading


def reasons(load: Load, text: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as told:
        load(text)
    return {mistake.key: mistake.reason for mistake in told.value.mistakes}


def test_phrases_are_known_by_language_and_dotted_name(load: Load) -> None:
    settings = load('[words.de.announcement]\ntitle = { one = "Neu: {game}" }\n[words.pirate]\nedited.ended = "Sunk:"')
    assert settings.words == {"de": {"announcement.title.one": "Neu: {game}"}, "pirate": {"edited.ended": "Sunk:"}}


def test_every_phrase_that_cannot_be_said_is_told_at_once(load: Load) -> None:
    found = reasons(
        load, '[words.de.announcement]\nrewards = "{gifts}"\ncod = "x"\n[words.es]\nedited = 5\n[words."Klingon!"]\n'
    )
    assert found["words.de.announcement.rewards"] == "{gifts} is not put in here; {rewards} is"
    assert "did you mean 'announcement.code'?" in found["words.de.announcement.cod"]
    assert "unknown key" in found["words.es.edited"]
    assert "no name of a language" in found["words.Klingon!"]


@pytest.mark.parametrize(("text", "key"), [("words = 5", "words"), ("words = { de = 5 }", "words.de")])
def test_words_are_tables(load: Load, text: str, key: str) -> None:
    assert "must " in reasons(load, text)[key]


def test_a_language_is_one_that_there_is_or_one_of_ones_own(load: Load) -> None:
    assert load("").language == "en"
    assert load('language = "de"').language == "de"
    assert load('language = "pirate"\n[words.pirate]\n').language == "pirate"
    assert "one of: de, en, es" in reasons(load, 'language = "klingon"')["language"]
    assert "no name of a language" in reasons(load, 'language = "Deutsch!"')["language"]


def test_a_language_may_be_written_in_any_case(load: Load) -> None:
    settings = load('language = "Pirate"\n[words.PIRATE]\nedited.ended = "Sunk:"')
    assert (settings.language, settings.words) == ("pirate", {"pirate": {"edited.ended": "Sunk:"}})
    assert load('language = " DE "').language == "de"
    twice = reasons(load, '[words.de]\nedited.ended = "Aus:"\n[words.DE]\nedited.ended = "Vorbei:"')
    assert "already" in twice["words.DE"]


NAMES = [name for name in phrases_of("en") if name.startswith(COMMANDS) and name.endswith(NAME)]


@pytest.mark.parametrize("language", [*languages(), "pirate"])
def test_what_stands_side_by_side_has_a_name_for_each(language: str) -> None:
    """Among all commands, and among the options or the commands of one, no two are called the same."""
    said = words_of(language).phrases
    for name, other in product(NAMES, NAMES):
        beside = [one for one in NAMES if one != name and one.split(".")[:-2] == name.split(".")[:-2]]
        same = [one for one in beside if said[one] == said[other]]
        found = list(same_names(language, {name: said[other]}))
        assert found == [(name, one) for one in same[:1]], (name, other)
        assert found or other not in beside


def test_config_check_names_what_is_called_as_another_one_is(load: Load) -> None:
    found = reasons(load, '[words.de.commands]\ntodo.name = "same"\natodo.name = "same"\nlisttodo.name = "giftcode"\n')
    assert list(found) == ["words.de.commands.todo.name", "words.de.commands.atodo.name"]
    assert "commands.atodo.name" in found["words.de.commands.todo.name"]
    assert (
        "commands.todo.name"
        in reasons(load, '[words.es.commands]\natodo.name = "todo"')["words.es.commands.atodo.name"]
    )
