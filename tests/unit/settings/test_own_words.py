"""Phrases of one's own, in the tables [words.LANGUAGE]."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from giftping.settings.file import SettingsError
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings

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
        load, '[words.de.announcement]\nrewards = "{gifts}"\ncod = "x"\n[words.es]\nedited = 5\n[words.Klingon]\n'
    )
    assert found["words.de.announcement.rewards"] == "{gifts} is not put in here; {rewards} is"
    assert "did you mean 'announcement.code'?" in found["words.de.announcement.cod"]
    assert "unknown key" in found["words.es.edited"]
    assert "small letters" in found["words.Klingon"]


@pytest.mark.parametrize(("text", "key"), [("words = 5", "words"), ("words = { de = 5 }", "words.de")])
def test_words_are_tables(load: Load, text: str, key: str) -> None:
    assert "must " in reasons(load, text)[key]


def test_a_language_is_one_that_there_is_or_one_of_ones_own(load: Load) -> None:
    assert load("").language == "en"
    assert load('language = "de"').language == "de"
    assert load('language = "pirate"\n[words.pirate]\n').language == "pirate"
    assert "one of: de, en, es" in reasons(load, 'language = "klingon"')["language"]
    assert "small letters" in reasons(load, 'language = "Deutsch!"')["language"]
