from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ran import Ran

from giftping.codes.fetch import Failed, Fetched, FetchRequest
from giftping.codes.memory import SourceDay
from giftping.commands.sources import chart_of

Run = Callable[..., Ran]


# init


def test_init_writes_settings_that_are_valid_and_shows_the_crontab_line(giftping: Run, home: Path) -> None:
    ran = giftping("init", "new")
    assert ran.exit_code == 0
    file = home / "new" / "giftping.toml"
    assert file.exists()
    (line,) = [line for line in ran.output.splitlines() if "codes check" in line and "*" in line]
    assert line.split()[:5] == ["3-59/5", "*", "*", "*", "*"]
    assert line.rstrip().endswith(f"codes check -q --config {file}")
    (line,) = [line for line in ran.output.splitlines() if "todo sweep" in line and "*" in line]
    assert line.split()[:5] == ["8-59/15", "*", "*", "*", "*"]
    assert line.rstrip().endswith(f"todo sweep -q --config {file}")
    assert giftping("config", "check", "--config", str(file)).exit_code == 0


def test_init_writes_nothing_over_a_file_that_is_there(giftping: Run, home: Path) -> None:
    before = (home / "giftping.toml").read_text("utf-8")
    ran = giftping("init")
    assert ran.exit_code == 2
    assert "--force" in ran.error
    assert (home / "giftping.toml").read_text("utf-8") == before


def test_init_writes_over_a_file_when_it_is_told_to(giftping: Run, home: Path) -> None:
    assert "codes.example" in (home / "giftping.toml").read_text("utf-8")
    ran = giftping("init", "--force", "--json")
    assert set(ran.json) == {"file", "secrets", "next", "crontab", "todo_crontab", "units"}
    assert "codes.example" not in (home / "giftping.toml").read_text("utf-8")


def test_init_says_where_it_cannot_write(giftping: Run, home: Path) -> None:
    ran = giftping("init", "giftping.toml")
    assert ran.exit_code == 2
    assert "giftping.toml" in ran.error


# store


@pytest.mark.parametrize("way", ["adopt", "accept"])
def test_where_there_is_nothing_to_decide_nobody_is_asked_and_nothing_has_failed(giftping: Run, way: str) -> None:
    ran = giftping("store", way)
    assert (ran.exit_code, ran.errors) == (0, "")
    assert "of this host alone: there is nothing to decide." in ran.output
    found = giftping("store", way, "--json").json
    assert (found["was"], found["decided"], found["guilds"]) == (None, None, 0)


# config


def test_settings_are_shown_with_where_they_come_from_and_without_secrets(
    giftping: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "MTA-a-token-that-nobody-may-see"
    monkeypatch.setenv("DISCORD_TOKEN", token)
    for words in ((), ("--json",)):
        ran = giftping("config", "show", *words)
        assert token not in ran.output + ran.errors
        assert ran.output.count("Asia/Kolkata") == 1  # The one in the file, which [todo] follows.
        assert "DISCORD_TOKEN" in ran.output
    assert "time_zone" in giftping("config", "show").output


def test_a_users_own_source_with_a_bad_expression_is_a_mistake_of_the_settings(giftping: Run, home: Path) -> None:
    table = '[sources.mine]\nkind = "json"\ngame = "kingshot"\nurl = "https://a.example"\n'
    (home / "giftping.toml").write_text(f'{table}rows = {{ at = "codes[", code = "code" }}\n', "utf-8")
    ran = giftping("config", "check")
    assert (ran.exit_code, ran.output) == (78, "")
    assert "sources.mine.rows" in ran.errors
    assert "giftping.toml" in ran.errors


# sources


def test_a_saved_page_shows_what_the_source_would_yield_and_why_a_row_was_dropped(giftping: Run, home: Path) -> None:
    (home / "page.txt").write_text("GIFT2026\nSAMPLE\n", "utf-8")
    ran = giftping("sources", "test", "my-list", "--file", "page.txt")
    assert ran.exit_code == 0
    assert "my-list: 1 code may go out" in ran.output
    assert "GIFT2026" in ran.output
    assert "is a placeholder" in ran.output
    told = giftping("sources", "test", "my-list", "--file", "page.txt", "--json").json
    assert set(told) == {"name", "outcome", "reason", "codes", "dropped"}
    assert [one["spelling"] for one in told["codes"]] == ["GIFT2026"]
    assert told["dropped"] == [{"text": "SAMPLE", "reason": "is a placeholder"}]


def test_a_source_that_fails_is_69_and_keeps_the_same_keys(giftping: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(_: object, request: FetchRequest, now: datetime) -> Fetched:
        return Failed("timed out after 15 s")

    monkeypatch.setattr("giftping.codes.fetch.Fetcher.fetch", fetch)
    ran = giftping("sources", "test", "my-list", "--json")
    assert ran.exit_code == 69
    assert (ran.json["outcome"], ran.json["reason"], ran.json["codes"]) == ("failed", "timed out after 15 s", [])
    assert ran.error == "source my-list: timed out after 15 s"


def test_an_unknown_source_is_answered_with_the_nearest_name(giftping: Run) -> None:
    ran = giftping("sources", "test", "my-lost")
    assert (ran.exit_code, "did you mean 'my-list'?" in ran.error) == (2, True)
    ran = giftping("sources", "list", "--game", "kingshott")
    assert (ran.exit_code, "did you mean 'kingshot'?" in ran.error) == (2, True)


def test_a_file_that_is_not_there_is_named(giftping: Run) -> None:
    ran = giftping("sources", "test", "my-list", "--file", "missing.txt")
    assert ran.exit_code == 2
    assert "missing.txt" in ran.error


def test_sources_are_listed_with_how_they_stand(giftping: Run) -> None:
    (told,) = giftping("sources", "list", "--json").json["sources"]
    assert told["name"] == "my-list"
    assert told["outcome"] is None
    assert (told["count"], told["days"], told["family"]) == (None, [], "my-list")
    shown = giftping("sources", "list").output
    assert "1 source\n" in shown
    assert "never asked" in shown


def test_the_chart_of_a_source_has_a_character_for_each_day_since_the_first_that_is_known() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    days = [
        SourceDay("2026-11-01", 9, size=3),
        SourceDay("2026-11-14", 9, failed=9, size=-1),
        SourceDay("2026-11-15", 9, size=0),
        SourceDay("2026-11-16", 9, failed=9, size=4),
        SourceDay("2026-11-18", 9, failed=1, size=4),
        SourceDay("2026-11-19", 9, size=8),
        SourceDay("2026-11-20", 9, size=2),
    ]
    assert chart_of(days, now) == "×▁×·▅█▃"
    assert chart_of([], now) == ""
