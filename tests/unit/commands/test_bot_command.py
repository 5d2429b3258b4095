"""giftping bot: what it needs, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import time_machine
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route
from ran import Ran

from giftping.bot import main
from giftping.demo.sources import StandInSources
from giftping.runs.lock import RunLock
from giftping.runs.state_folder import BOT_LOCK

ROOT = Path(__file__).parents[3]
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.made-up.token"

WITHOUT_DISCORD = """\
import sys
sys.modules["discord"] = None
from giftping.cli import main
main()
"""

Run = Callable[..., None]


@pytest.fixture
def token(home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the settings hold a token."""
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    return TOKEN


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens that a bot was run with; it is told to end at once."""
    tokens: list[str] = []
    monkeypatch.setattr("giftping.bot.app.run", lambda settings, token, on_connected, **_: tokens.append(token))
    return tokens


def ending_with(error: Exception) -> Run:
    def run(*_: object, **_named: object) -> None:
        raise error

    return run


# What it needs


def test_without_discord_py_the_command_that_installs_it_is_said(home: Path, token: str) -> None:
    environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_DISCORD, "bot"], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert ran.stderr == "giftping: the bot needs discord.py, which comes with: pip install 'giftping[bot]'\n"


def test_without_a_token_the_setting_is_named(giftping: Callable[..., Ran], runs: list[str]) -> None:
    ran = giftping("bot")
    assert ran.exit_code == 78
    assert ran.error == "giftping: environment: DISCORD_TOKEN: is not set; the bot needs it to connect"
    assert runs == []


def test_a_second_bot_on_the_same_state_is_refused(
    home: Path, token: str, giftping: Callable[..., Ran], runs: list[str]
) -> None:
    with RunLock(home / "state" / BOT_LOCK):
        ran = giftping("bot", "--json")
    assert ran.exit_code == 75
    assert "another run holds the lock" in ran.error
    assert set(ran.json) == {"error", "exit_code"}
    assert runs == []


def test_the_bot_and_a_check_have_different_locks(
    home: Path, token: str, giftping: Callable[..., Ran], runs: list[str]
) -> None:
    with RunLock(home / "state" / "check.lock"):
        assert giftping("bot").exit_code == 0
    assert runs == [token]


# How it ends


def test_a_bot_that_was_told_to_end_is_fine_and_says_nothing(
    token: str, giftping: Callable[..., Ran], runs: list[str]
) -> None:
    assert giftping("bot", "-q") == Ran(0, "", "")


def test_json_is_one_object_with_the_state_folder(
    home: Path, token: str, giftping: Callable[..., Ran], runs: list[str]
) -> None:
    assert giftping("bot", "--json").json == {"state": str(home / "state")}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (discord.LoginFailure("Improper token has been passed."), main.REFUSED),
        (discord.ConnectionClosed(None, shard_id=None, code=4004), main.REFUSED),  # type: ignore[arg-type]
        (discord.ConnectionClosed(None, shard_id=None, code=4013), "Discord closed the connection: 4013"),  # type: ignore[arg-type]
        (OSError("no route"), "the connection to Discord ended: no route"),
        (aiohttp.ClientError(f"lost with {TOKEN}"), "the connection to Discord ended: lost with ***"),
        (
            discord.GatewayNotFound(),
            "the connection to Discord ended: The gateway to connect to discord was not found.",
        ),
    ],
)
def test_what_ends_the_bot_is_one_line_without_the_token(
    token: str,
    giftping: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
) -> None:
    monkeypatch.setattr("giftping.bot.app.run", ending_with(error))
    ran = giftping("bot")
    assert (ran.exit_code, ran.error) == (78 if reason == main.REFUSED else 69, reason)


def test_a_bot_that_systemd_starts_again_and_again_tells_once_why_it_ends_and_when_it_is_connected(
    token: str, giftping: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftping.bot.app.run", ending_with(discord.LoginFailure("Improper token has been passed.")))
    assert giftping("bot") == Ran(78, "", f"{main.REFUSED}\n")
    assert giftping("bot") == giftping("bot", "-q") == Ran(78, "", "")
    assert giftping("bot", "-v").error == main.REFUSED
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=25)):
        assert "(since 2" in giftping("bot").error
        monkeypatch.setattr("giftping.bot.app.run", lambda _settings, _token, on_connected, **_: on_connected())
        assert giftping("bot") == Ran(0, "", "the bot token is refused: this is over\n")
        assert giftping("bot") == Ran(0, "", "")


def test_a_bot_without_its_token_tells_so_once(giftping: Callable[..., Ran], runs: list[str]) -> None:
    assert "DISCORD_TOKEN: is not set" in giftping("bot").error
    assert giftping("bot") == Ran(78, "", "")


def test_what_is_logged_goes_to_standard_error_without_the_token(
    token: str, giftping: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **_named: object) -> None:
        logging.getLogger("discord.gateway").warning("connecting with %s", token)
        try:
            raise ValueError(token)
        except ValueError:
            logging.getLogger("giftping.bot").exception("failed")

    monkeypatch.setattr("giftping.bot.app.run", run)
    ran = giftping("bot")
    assert "WARNING discord.gateway: connecting with ***" in ran.errors
    assert "ValueError: ***" in ran.errors
    assert TOKEN not in ran.errors + ran.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["-q"], ["giftping.bot WARNING"]),
        ([], ["giftping.bot WARNING", "giftping.bot INFO"]),
        (["-v"], ["giftping.bot WARNING", "giftping.bot INFO", "discord INFO"]),
        (["-vv"], ["giftping.bot WARNING", "giftping.bot INFO", "discord INFO", "giftping.bot DEBUG"]),
    ],
)
def test_how_much_is_logged_is_said_by_q_and_v(
    token: str,
    giftping: Callable[..., Ran],
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    told: list[str],
) -> None:
    def run(*_: object, **_named: object) -> None:
        for name, level in (
            ("giftping.bot", "WARNING"),
            ("giftping.bot", "INFO"),
            ("discord", "INFO"),
            ("giftping.bot", "DEBUG"),
            ("discord", "DEBUG"),
        ):
            logging.getLogger(name).log(logging.getLevelName(level), f"{name} {level}")

    monkeypatch.setattr("giftping.bot.app.run", run)
    ran = giftping("bot", *options)
    assert [line.partition(": ")[2] for line in ran.errors.splitlines()] == told


# Another address of the API


@pytest.fixture
def api(home: Path, token: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInSources]:
    """A server that stands in for Discord's API, named by the settings."""
    monkeypatch.setattr(Route, "BASE", Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    with StandInSources() as server:
        monkeypatch.setenv("GIFTPING_DISCORD_API", server.url("/api"))
        yield server


def answer(api: StandInSources, body: Any, status: int = 200) -> None:
    api.set("/api/gateway/bot", json.dumps(body), "application/json", status=status)


def test_the_gateway_is_the_one_that_the_api_names(
    api: StandInSources, giftping: Callable[..., Ran], runs: list[str]
) -> None:
    answer(api, {"url": "ws://127.0.0.1:1/", "shards": 1})
    assert giftping("bot").exit_code == 0
    assert api.url("/api") == Route.BASE
    assert yarl.URL("ws://127.0.0.1:1/") == DiscordWebSocket.DEFAULT_GATEWAY
    assert runs == [TOKEN]


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"message": "401: Unauthorized", "code": 0}, 401, main.REFUSED),
        ({"message": "out of order"}, 500, "does not say where its gateway is: HTTP 500"),
        ({"shards": 1}, 200, "does not say where its gateway is: no url"),
        ([], 200, "does not say where its gateway is: no url"),
    ],
)
def test_the_token_goes_nowhere_else_when_the_api_names_no_gateway(
    api: StandInSources, giftping: Callable[..., Ran], runs: list[str], body: Any, status: int, reason: str
) -> None:
    answer(api, body, status)
    ran = giftping("bot")
    assert ran.exit_code == (78 if status == 401 else 69)
    assert reason in ran.error
    assert runs == []
