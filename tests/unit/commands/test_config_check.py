"""What `giftping config check` says of settings with mistakes: all of them at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ran import Ran

Run = Callable[..., Ran]

MISTAKEN = """\
time_zoen = "UTC"

[sources.first]
kind = "json"
game = "kingshot"
ulr = "https://a.example"
rows = { at = "codes[", code = { path = "a b", pattern = "(" } }
dates = { formats = ["%d.%m.%Y", "%Q", "%d %d", "day"] }

[sources.second]
kind = "html"
game = "kingshott"
url = "https://b.example"
rows = { at = "tr[", code = "td", cod = "td" }
"""


def test_all_mistakes_are_told_at_once_the_expressions_of_sources_included(giftping: Run, home: Path) -> None:
    (home / "giftping.toml").write_text(MISTAKEN, "utf-8")
    ran = giftping("config", "check")
    assert (ran.exit_code, ran.output) == (78, "")
    told = [line.removeprefix(f"giftping: {home}/giftping.toml:").split(": ")[:3] for line in ran.errors.splitlines()]
    assert [(line, key) for line, key, _ in told] == [
        ("1", "time_zoen"),
        ("3", "sources.first.url"),
        ("6", "sources.first.ulr"),
        ("7", "sources.first.rows.code.pattern"),
        ("7", "sources.first.rows.at"),
        ("7", "sources.first.rows.code"),
        ("8", "sources.first.dates.formats"),
        ("8", "sources.first.dates.formats"),
        ("8", "sources.first.dates.formats"),
        ("12", "sources.second.game"),
        ("14", "sources.second.rows.cod"),
        ("14", "sources.second.rows.at"),
    ]


@pytest.mark.parametrize(("text", "said"), [("%Q", "bad directive"), ("%d %d", "redefinition"), ("%", "stray %")])
def test_a_date_format_that_nothing_could_be_read_by_is_told(giftping: Run, home: Path, text: str, said: str) -> None:
    table = '[sources.mine]\nkind = "text"\ngame = "kingshot"\nurl = "https://a.example"\nrows = { code = "[A-Z]+" }\n'
    (home / "giftping.toml").write_text(f'{table}dates = {{ formats = ["%d %B %Y", "{text}"] }}\n', "utf-8")
    (line,) = giftping("config", "check").errors.splitlines()
    assert f"giftping.toml:6: sources.mine.dates.formats: '{text}' is not a date format: " in line
    assert said in line


def test_a_misspelt_built_in_source_is_asked_about(giftping: Run, home: Path) -> None:
    (home / "giftping.toml").write_text('[sources.wostool]\nmin_interval = "1 h"\n', "utf-8")
    first, second = giftping("config", "check").errors.splitlines()
    assert first.endswith(
        "giftping.toml:1: sources.wostool: is no built-in source; did you mean 'wostools'? "
        "(A source of your own needs kind, game, url, rows as well.)"
    )
    assert ":2: sources.wostool.min_interval: " in second


def test_a_source_of_ones_own_that_is_complete_may_be_named_nearly_as_a_built_in_one(giftping: Run, home: Path) -> None:
    table = (
        '[sources.wostool]\nkind = "text"\ngame = "kingshot"\nurl = "https://a.example"\nrows = { code = "[A-Z]+" }\n'
    )
    (home / "giftping.toml").write_text(table, "utf-8")
    assert giftping("config", "check").exit_code == 0


def test_a_source_that_is_far_from_all_built_in_ones_is_told_what_it_lacks(giftping: Run, home: Path) -> None:
    (home / "giftping.toml").write_text('[sources.of-my-own]\nkind = "text"\n', "utf-8")
    keys = [line.split(": ")[2] for line in giftping("config", "check").errors.splitlines()]
    assert keys == ["sources.of-my-own.game", "sources.of-my-own.url", "sources.of-my-own.rows"]


def test_every_mistake_in_the_table_of_a_built_in_source_is_told(giftping: Run, home: Path) -> None:
    table = (
        '[sources.wostools]\nkind = "html"\ngame = "kingshot"\nurl = "nowhere"\nrows = { at = "tr[", code = "td" }\n'
    )
    (home / "giftping.toml").write_text(table, "utf-8")
    keys = [line.split(": ")[2] for line in giftping("config", "check").errors.splitlines()]
    assert keys == [f"sources.wostools.{key}" for key in ("kind", "game", "url", "rows.at")]


@pytest.mark.parametrize(("address", "says"), [("mongodb://h/", True), ("mongodb://h/legend_star", False)])
def test_an_older_bots_address_without_a_database_is_told_what_that_bot_calls_it(
    giftping: Run, monkeypatch: pytest.MonkeyPatch, address: str, *, says: bool
) -> None:
    monkeypatch.setenv("MONGODB_URI", address)
    ran = giftping("config", "check")
    assert "MONGODB_URI, the older bot's name for MONGO_URI, is read" in ran.output
    assert ("set MONGO_DB_NAME=legend_star to go on with that" in ran.output) == says
    monkeypatch.setenv("MONGO_DB_NAME", "x")
    assert "legend_star" not in giftping("config", "check").output.replace(address, "")
