from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.settings.file import SettingsError
from giftping.settings.keys import Origin, Settings, TodoSettings
from giftping.settings.load import load_settings
from giftping.settings.value_types import QuietHours, parse_quiet_hours

ID_VARIABLES = {"guild": "GUILD_ID", "channel": "TODO_CHANNEL_ID", "role": "ROLE_ID", "owner": "OWNER_ID"}
NO_ID = "must be a Discord id: copy it from Discord with developer mode on"
TOO_SHORT_FOR_A_WARNING = "must fit between remind_after (1d) and remove_after (5d), or nobody could be warned in time"
NO_QUIET_HOURS = 'must be two times of day, like "23:00-07:00", not'

Load = Callable[..., Settings]


@pytest.fixture
def load(bare_machine: None, tmp_path: Path) -> Load:
    """Loads settings from the lines of a [todo] table, the text of a .env file, and variables."""

    def loading(lines: str = "", *, dotenv: str = "", **variables: str) -> Settings:
        (tmp_path / "giftping.toml").write_text(f"[todo]\n{lines}")
        (tmp_path / ".env").write_text(dotenv)
        (tmp_path / ".env").chmod(0o600)
        return load_settings({"HOME": str(tmp_path), **variables}, cwd=tmp_path)

    return loading


def mistakes(load: Load, lines: str = "", *, dotenv: str = "", **variables: str) -> list[str]:
    """Return the mistakes, those in the table without the name of the file."""
    with pytest.raises(SettingsError) as caught:
        load(lines, dotenv=dotenv, **variables)
    return [str(mistake).rpartition("giftping.toml:")[2] for mistake in caught.value.mistakes]


def ids_of(settings: Settings) -> list[int | None]:
    todo = settings.todo
    return [todo.guild_id, todo.channel_id, todo.role_id, todo.owner_id]


def test_without_settings_the_older_systems_times_count(load: Load) -> None:
    todo = load().todo
    assert todo == TodoSettings()
    assert (todo.remind_after, todo.remind_every) == (timedelta(hours=24), timedelta(hours=3))
    assert (todo.remove_after, todo.time_zone) == (timedelta(days=5), None)


def test_the_table_says_what_is_different(load: Load) -> None:
    todo = load(
        """
        guild = "123456789012345678"
        channel = 18446744073709551615
        role = "3"
        owner = 4
        remind_after = "20h"
        remind_every = "2h"
        remove_after = "3d"
        warning = "1d"
        linger = "90s"
        downtime = "4h"
        quiet_hours = "22:30-08:05"
        time_zone = "Europe/Berlin"
        direct_messages = false
        new_dms = 50
        exempt = ["5", 6]
        budget = "2m"
        lease = "3m"
        """
    ).todo
    assert todo == TodoSettings(
        guild_id=123456789012345678,
        channel_id=2**64 - 1,
        role_id=3,
        owner_id=4,
        remind_after=timedelta(hours=20),
        remind_every=timedelta(hours=2),
        remove_after=timedelta(days=3),
        warning=timedelta(days=1),
        linger=timedelta(seconds=90),
        downtime=timedelta(hours=4),
        quiet_hours=QuietHours(time(22, 30), time(8, 5)),
        time_zone="Europe/Berlin",
        direct_messages=False,
        new_dms=50,
        exempt=frozenset({5, 6}),
        budget=timedelta(minutes=2),
        lease=timedelta(minutes=3),
    )


def test_the_older_bots_variables_go_before_the_file(load: Load, tmp_path: Path) -> None:
    lines = "guild = 1\nchannel = 2\nrole = 3\n"
    settings = load(lines, dotenv="ROLE_ID=30\n", GUILD_ID="10", OWNER_ID="40")
    assert ids_of(settings) == [10, 2, 30, 40]
    assert {key: settings.origins[f"todo.{key}"] for key in ID_VARIABLES} == {
        "guild": Origin("environment", "GUILD_ID"),
        "channel": Origin("file", f"{tmp_path}/giftping.toml"),
        "role": Origin("environment", f"ROLE_ID in {tmp_path}/.env"),
        "owner": Origin("environment", "OWNER_ID"),
    }


@pytest.mark.parametrize("nothing", ["", "0"])
def test_an_id_that_a_variable_leaves_open_is_the_files(nothing: str, load: Load, tmp_path: Path) -> None:
    settings = load("guild = 1\n", **dict.fromkeys(ID_VARIABLES.values(), nothing))
    assert ids_of(settings) == [1, None, None, None]
    assert settings.origins["todo.guild"] == Origin("file", f"{tmp_path}/giftping.toml")
    assert "todo.owner" not in settings.origins


@pytest.mark.parametrize("variable", ID_VARIABLES.values())
@pytest.mark.parametrize("text", ["general", "-1", "1.5", "18446744073709551616", "٣", " 1", "<@1>", "1" * 5000])
def test_a_variable_that_is_no_id_is_named(text: str, variable: str, load: Load) -> None:
    assert mistakes(load, **{variable: text}) == [f"environment: {variable}: {NO_ID}"]


def test_a_wrong_id_in_the_env_file_is_named_with_its_line(load: Load, tmp_path: Path) -> None:
    assert mistakes(load, dotenv="A=1\nROLE_ID=todo\n") == [f"{tmp_path}/.env:2: ROLE_ID: {NO_ID}"]


@pytest.mark.parametrize("key", ID_VARIABLES)
@pytest.mark.parametrize("value", ["0", "'0'", "''", "'general'", "true", "1.0", "-5", "18446744073709551616", "[1]"])
def test_a_key_that_is_no_id_is_named(value: str, key: str, load: Load) -> None:
    assert mistakes(load, f"{key} = {value}") == [f"2: todo.{key}: {NO_ID}"]


def test_a_wrong_id_in_the_file_is_told_even_where_the_variable_goes_before_it(load: Load) -> None:
    assert mistakes(load, "guild = 'home'", GUILD_ID="1") == [f"2: todo.guild: {NO_ID}"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("exempt = 5", ["2: todo.exempt: must be an array of Discord ids, not an integer"]),
        ("exempt = ['me', 5, 0]", [f"2: todo.exempt: 'me' {NO_ID}", f"2: todo.exempt: 0 {NO_ID}"]),
        ("new_dms = 51", ["2: todo.new_dms: must be a whole number from 0 to 50"]),
        ("new_dms = -1", ["2: todo.new_dms: must be a whole number from 0 to 50"]),
        ("new_dms = true", ["2: todo.new_dms: must be a whole number from 0 to 50"]),
        ("new_dms = '5'", ["2: todo.new_dms: must be a whole number from 0 to 50"]),
        ("direct_messages = 'no'", ["2: todo.direct_messages: must be true or false, not a string"]),
        (
            "time_zone = 'Asia/Calcuta'",
            ["2: todo.time_zone: 'Asia/Calcuta' is no time zone; did you mean 'Asia/Calcutta'?"],
        ),
        ("time_zone = ''", ["2: todo.time_zone: must not be empty"]),
        ("guild_id = 1", ["2: todo.guild_id: unknown key; did you mean 'guild'?"]),
        ("unclear = 'ask'", ["2: todo.unclear: unknown key here; it belongs in [codes]"]),
        ("warning = '0s'", ["2: todo.warning: must be longer than nothing"]),
        ("linger = 5", ['2: todo.linger: 5 has no unit; write "5s", "5m", "5h" or "5d"']),
        ("quiet_hours = 'at night'", [f"2: todo.quiet_hours: {NO_QUIET_HOURS} 'at night'"]),
        ("quiet_hours = 23", ["2: todo.quiet_hours: must be a string, not an integer"]),
        ("quiet_hours = '07:00-07:00'", ["2: todo.quiet_hours: must not be the whole day: the two times are the same"]),
    ],
)
def test_a_wrong_value_is_told_with_what_to_write(lines: str, expected: list[str], load: Load) -> None:
    assert mistakes(load, lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("remind_after = '5d'", "2: todo.remind_after: remind_after (5d) must be shorter than remove_after (5d)"),
        ("remove_after = '20h'", "2: todo.remove_after: remind_after (1d) must be shorter than remove_after (20h)"),
        (
            "remove_after = '2d'\nremind_after = '3d'",
            "3: todo.remind_after: remind_after (3d) must be shorter than remove_after (2d)",
        ),
        ("warning = '94h'", f"2: todo.warning: warning (94h) and remind_every (3h) {TOO_SHORT_FOR_A_WARNING}"),
        (
            "downtime = '90h'\nremind_every = '85h'",
            f"3: todo.remind_every: warning (12h) and remind_every (85h) {TOO_SHORT_FOR_A_WARNING}",
        ),
        (
            "remove_after = '38h'",
            "2: todo.remove_after: warning (12h) and remind_every (3h) must fit between remind_after (1d) "
            "and remove_after (38h), or nobody could be warned in time",
        ),
        ("linger = '601s'", "2: todo.linger: must be at most 10m, not 601s"),
        ("remind_every = '2m'", "2: todo.remind_every: linger (2m) must be shorter than remind_every (2m)"),
        (
            "remind_every = '5m'\nlinger = '5m'",
            "3: todo.linger: linger (5m) must be shorter than remind_every (5m)",
        ),
        (
            "downtime = '3h'",
            "2: todo.downtime: downtime (3h) must be longer than remind_every (3h), "
            "or a timer that runs that often would count as down",
        ),
        (
            "remind_every = '6h'",
            "2: todo.remind_every: downtime (6h) must be longer than remind_every (6h), "
            "or a timer that runs that often would count as down",
        ),
        (
            "budget = '10m'",
            "2: todo.budget: the lease (10m) must be longer than the budget (10m), which a claim outlasts",
        ),
        (
            "budget = '5m'\nlease = '5m'",
            "3: todo.lease: the lease (5m) must be longer than the budget (5m), which a claim outlasts",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_told_at_the_one_that_was_written(
    lines: str, expected: str, load: Load
) -> None:
    assert mistakes(load, lines) == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        "remove_after = '39h'",  # 24 h + 3 h + 12 h
        "linger = '0s'",
        "linger = '10m'",
        "downtime = '181m'",
        "remind_every = '121s'",
        "lease = '301s'",
        "new_dms = 0",
        "exempt = []",
        "time_zone = 'UTC'",
    ],
)
def test_what_just_fits_is_no_mistake(lines: str, load: Load) -> None:
    assert load(lines).todo


def test_all_contradictions_are_told_at_once(load: Load) -> None:
    found = mistakes(load, "remind_after = '6d'\nlinger = '11m'\ndowntime = '1h'\nlease = '1m'")
    assert [line.split(": ")[1] for line in found] == [
        "todo.remind_after",
        "todo.linger",
        "todo.downtime",
        "todo.lease",
    ]


def test_a_value_that_is_wrong_in_itself_contradicts_nothing(load: Load) -> None:
    assert mistakes(load, "remind_every = 'often'\ndowntime = '1h'\nwarning = '5d'\n") == [
        "2: todo.remind_every: 'often' is not a span of time; write a number and one unit, "
        'like "90s", "5m", "12h" or "1d"'
    ]


@pytest.mark.parametrize(
    "text", ["", "23:00", "23:00-24:00", "7:00-9:00", "23-07", "23:00 - 07:00", "23:60-07:00", "٢3:00-07:00"]
)
def test_quiet_hours_are_two_times_of_day(text: str) -> None:
    with pytest.raises(ValueError, match=NO_QUIET_HOURS):
        parse_quiet_hours(text)


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_quiet_hours_are_written_as_they_are_read(start: int, end: int) -> None:
    text = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    if start == end:
        with pytest.raises(ValueError, match="must not be the whole day"):
            parse_quiet_hours(text)
    else:
        hours = parse_quiet_hours(text)
        assert str(hours) == text
        assert [hours.start.hour * 60 + hours.start.minute, hours.end.hour * 60 + hours.end.minute] == [start, end]
