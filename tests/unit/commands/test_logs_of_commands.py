"""A command takes over what libraries log in its process, and knows the secrets that it has met by then."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from ran import Ran

from giftping.commands.session import Session

Giftping = Callable[..., Ran]
Do = Callable[[Session], object]

IN_ENVIRONMENT, IN_DOTENV, IN_FILE = "of-the-environment", "of-the-dot-env-file", "of-a-file-named-later"


@pytest.fixture
def check(giftping: Giftping, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """What runs a command that does this, on a machine with a secret in each place."""
    monkeypatch.setenv("SOME_TOKEN", IN_ENVIRONMENT)
    (home / ".env").write_text(f"OTHER_TOKEN={IN_DOTENV}\n", "utf-8")
    (home / ".env").chmod(0o600)
    (home / "hook").write_text(IN_FILE, "utf-8")
    (home / "hook").chmod(0o600)

    def run(do: Do, *options: str) -> Ran:
        def command(session: Session) -> int:
            do(session)
            return 0

        monkeypatch.setattr("giftping.commands.setup.check_config", command)
        return giftping("config", "check", *options)

    return run


def say(*secrets: str) -> None:
    logging.getLogger("pymongo").warning("with %s", " ".join(secrets))


def test_before_there_are_settings_the_secrets_of_the_environment_are_known(check: Callable[..., Ran]) -> None:
    assert check(lambda _session: say(IN_ENVIRONMENT)).error == "WARNING pymongo: with ***"


def test_with_the_settings_come_those_of_env_files_and_then_each_that_is_resolved(
    check: Callable[..., Ran], home: Path
) -> None:
    def do(session: Session) -> None:
        settings = session.settings
        say(IN_ENVIRONMENT, IN_DOTENV, IN_FILE)
        settings.secret(f"file:{home / 'hook'}")
        say(IN_ENVIRONMENT, IN_DOTENV, IN_FILE)

    first, second = check(do).errors.splitlines()
    assert first == f"WARNING pymongo: with *** *** {IN_FILE}"
    assert second == "WARNING pymongo: with *** *** ***"


def test_settings_that_cannot_be_read_leave_those_of_the_environment(check: Callable[..., Ran], home: Path) -> None:
    (home / "giftping.toml").write_text("[codes", "utf-8")

    def do(session: Session) -> None:
        say(IN_ENVIRONMENT)
        _ = session.settings

    ran = check(do)
    assert ran.exit_code == 78
    assert ran.errors.splitlines()[0] == "WARNING pymongo: with ***"


@pytest.mark.parametrize("options", [(), ("-q",), ("-v",), ("--json",)])
def test_requests_are_no_news_and_a_warning_is_told_once(check: Callable[..., Ran], options: tuple[str, ...]) -> None:
    def do(_session: Session) -> None:
        logging.getLogger("httpx").info("HTTP Request: POST https://discord.com/api/webhooks/1/token")
        logging.getLogger("discord.gateway").info("connected")
        logging.getLogger("discord.gateway").warning("blocked")

    assert check(do, *options).error == "WARNING discord.gateway: blocked"


def test_a_log_in_json_holds_the_lines_of_libraries_too(
    giftping: Giftping, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    def check(_session: Session, _request: object) -> int:
        logging.getLogger("httpx").warning("odd")
        return 0

    monkeypatch.setattr("giftping.commands.check.check", check)
    line = json.loads(giftping("codes", "check", "--log-json").error)
    assert {name: line[name] for name in ("level", "job", "logger", "message")} == {
        "level": "warning",
        "job": "codes check",
        "logger": "httpx",
        "message": "odd",
    }
