from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.settings.dotenv import dotenv_with, parse_dotenv, read_dotenv
from giftping.settings.environment import Environment, Place
from giftping.settings.load import load_settings


def values_of(text: str) -> dict[str, str]:
    variables, mistakes = parse_dotenv(text, ".env")
    assert not mistakes
    return {variable.name: variable.value for variable in variables}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ("export A = 1 ", "1"),
        ("  A=a b # a remark", "a b"),
        ("A=a#b", "a#b"),
        ("A=#b", ""),
        ("A=", ""),
        ("A=''", ""),
        ("A='a # b' # a remark", "a # b"),
        (r"A='a\n'", r"a\n"),
        (r'A="a\n\"b\" \\ \$x \d"', 'a\n"b" \\ $x \\d'),
        ("A=https://x/?a=b", "https://x/?a=b"),
        ("A=it's", "it's"),
        ("A=${HOME}", "${HOME}"),
    ],
)
def test_a_line_of_an_env_file_sets_a_value(line: str, value: str) -> None:
    assert values_of(f"\ufeff# a remark\r\n\r\n{line}\r\n") == {"A": value}


def test_wrong_lines_are_told_by_number_and_never_by_their_text() -> None:
    text = 'A=1\nhunter2\n=hunter2\nB=\'hunter2\nC="hunter2" hunter2\nD=hun\0ter2\n1A=hunter2'
    variables, mistakes = parse_dotenv(text, ".env")
    assert [variable.name for variable in variables] == ["A"]
    assert [str(mistake) for mistake in mistakes] == [
        ".env:2: not a line of the form NAME=value",
        ".env:3: not a line of the form NAME=value",
        ".env:4: B: the quotes around its value do not match up on this line",
        ".env:5: C: the quotes around its value do not match up on this line",
        ".env:6: D: its value holds a NUL",
        ".env:7: not a line of the form NAME=value",
    ]


@given(st.text(max_size=200))
def test_any_text_is_read_or_told_line_by_line(text: str) -> None:
    variables, mistakes = parse_dotenv(text, ".env")
    numbers = [variable.line for variable in variables] + [mistake.line or 0 for mistake in mistakes]
    assert len(numbers) == len(set(numbers))
    assert all(1 <= number <= len(text) + 1 for number in numbers)


def test_the_real_environment_goes_before_the_file_even_when_it_is_empty() -> None:
    variables, _ = parse_dotenv("A=file\nB=file\nC=first\nC=last", ".env")
    environment = Environment({"A": "real", "B": ""}).beneath(Path("/x/.env"), variables)
    assert [environment.get(name) for name in "ABCD"] == ["real", "", "last", ""]
    assert environment.place_of("A") == Place("environment")
    assert environment.place_of("C") == Place("/x/.env", 4)
    assert "real" not in repr(environment)


@pytest.mark.usefixtures("bare_machine")
def test_the_file_beside_the_settings_goes_before_the_one_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "etc" / "giftping.toml").write_text("")
    (tmp_path / "etc" / ".env").write_text("DISCORD_TOKEN=beside the settings")
    (tmp_path / "here" / ".env").write_text("DISCORD_TOKEN=here\nOTHER=here\nGIFTPING_CONFIG=../etc/giftping.toml")
    loaded = load_settings({"HOME": str(tmp_path)}, cwd=tmp_path / "here")
    assert loaded.discord.token
    assert loaded.discord.token.reveal() == "beside the settings"
    assert loaded.secret("env:OTHER").reveal() == "here"


def test_a_folder_named_env_is_a_virtual_environment_and_no_settings(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert read_dotenv(tmp_path)[1:] == ([], [])
    assert read_dotenv(tmp_path / "missing")[1:] == ([], [])


def test_a_file_that_is_not_text_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=1\nB=\xff")
    path, variables, mistakes = read_dotenv(tmp_path)
    assert not variables
    assert [str(mistake) for mistake in mistakes] == [f"{path}:2: is not text in UTF-8"]


@pytest.mark.parametrize("value", ["plain-1", "mongodb://a:b%2F@host/x?y=1", 'with "quotes" and \\ and # and $x'])
def test_a_variable_that_is_added_to_dotenv_is_read_as_it_was_given(value: str) -> None:
    variables, mistakes = parse_dotenv(dotenv_with("A=1\r\nB='2'", {"NEW": value, "A": "1"}), ".env")
    assert mistakes == []
    assert {one.name: one.value for one in variables} == {"A": "1", "B": "2", "NEW": value}
