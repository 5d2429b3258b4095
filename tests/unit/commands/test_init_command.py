"""`giftping init`: what it asks, what it writes, who can read that, and what it says to do next."""

from __future__ import annotations

import os
import pty
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest
from ran import Ran

from giftping import cli
from giftping.commands import init as command
from giftping.commands.init import InitRequest
from giftping.commands.session import Session
from giftping.errors import UsageError

Run = Callable[..., Ran]

TOKEN = "MTAxMjM0NTY3ODkwMTIzNDU2.GzQxYw.q7vT2nLx8KdPw0sRb4mYc6hJf1eZa9uXo3gWkN"
URL = "https://discord.com/api/webhooks/31/a-secret-of-the-webhook"
TODO = ("--todo-channel", "21", "--todo-role", "41", "--owner", "51")


@pytest.fixture
def empty(home: Path) -> Path:
    (home / "giftping.toml").unlink()
    return home


def test_without_options_everything_is_commented_out_and_no_secrets_are_kept(giftping: Run, empty: Path) -> None:
    ran = giftping("init", "--json")
    assert ran.exit_code == 0
    assert ran.json["secrets"] is None
    assert not (empty / ".env").exists()
    assert giftping("config", "check").exit_code == 0
    assert [line for line in (empty / "giftping.toml").read_text("utf-8").splitlines() if line[:1].isalpha()] == []


def test_a_state_folder_that_cron_will_not_know_is_warned_of(
    giftping: Run, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIFTPING_STATE", "/srv/elsewhere")
    ran = giftping("init")
    assert ran.exit_code == 0
    assert "warning: GIFTPING_STATE=/srv/elsewhere counts in this shell alone" in ran.error
    monkeypatch.delenv("GIFTPING_STATE")
    assert giftping("init", "--force").errors == ""


def test_what_is_given_is_filled_in_and_counts(giftping: Run, empty: Path) -> None:
    assert giftping("init", "--guild", "11", "--channel", "22", "--token", TOKEN, *TODO).exit_code == 0
    shown = giftping("config", "show", "--json").json["values"]
    todo = {key: shown[f"todo.{key}"]["value"] for key in ("guild", "channel", "role", "owner")}
    assert todo == {"guild": "11", "channel": "21", "role": "41", "owner": "51"}
    assert shown["discord.token"]["origin"] == "environment"


def test_secrets_go_into_a_file_for_this_user_alone_and_nowhere_else(giftping: Run, empty: Path) -> None:
    ran = giftping("init", "--guild", "11", "--webhook", URL, "--token", TOKEN)
    dotenv = empty / ".env"
    assert dotenv.read_text("utf-8") == f"DISCORD_TOKEN={TOKEN}\nWEBHOOK_11={URL}\n"
    assert stat.S_IMODE(dotenv.stat().st_mode) == 0o600
    for secret in (TOKEN, "a-secret-of-the-webhook"):
        assert secret not in ran.output + ran.errors + (empty / "giftping.toml").read_text("utf-8")
    assert "giftping guilds add 11 --webhook env:WEBHOOK_11" in ran.output
    added = giftping("guilds", "add", "11", "--webhook", "env:WEBHOOK_11", "--no-check")
    assert (added.exit_code, added.errors) == (0, "")


@pytest.mark.parametrize("reference", ["env:HOOK", "file:/etc/hook"])
def test_a_reference_is_taken_as_it_is(giftping: Run, empty: Path, reference: str) -> None:
    ran = giftping("init", "--guild", "11", "--webhook", reference, "--token", "file:token", "--json")
    assert (ran.json["secrets"], (empty / ".env").exists()) == (None, False)
    assert ran.json["next"][0] == f"giftping guilds add 11 --webhook {reference}"
    assert f'token = "file:{empty / "token"}"' in (empty / "giftping.toml").read_text("utf-8")


def test_what_stands_in_dotenv_stays_and_is_only_replaced_when_that_is_said(giftping: Run, empty: Path) -> None:
    dotenv = empty / ".env"
    dotenv.write_text("# mine\nexport DISCORD_TOKEN='old'  # a comment\nOTHER=1", "utf-8")
    dotenv.chmod(0o644)
    refused = giftping("init", "--token", TOKEN)
    assert refused.exit_code == 2
    assert "sets DISCORD_TOKEN already; --force" in refused.error
    assert not (empty / "giftping.toml").exists()
    assert giftping("init", "--token", TOKEN, "--force").exit_code == 0
    assert dotenv.read_text("utf-8") == f"# mine\nDISCORD_TOKEN={TOKEN}\nOTHER=1\n"
    assert stat.S_IMODE(dotenv.stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_written_over(giftping: Run, home: Path) -> None:
    before = (home / "giftping.toml").read_text("utf-8")
    ran = giftping("init")
    assert (ran.exit_code, (home / "giftping.toml").read_text("utf-8")) == (2, before)
    assert "--force" in ran.error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--webhook", URL), "--webhook needs --guild ID"),
        (("--todo-channel", "21"), "--todo-channel needs --guild ID"),
        (("--guild", "11", "--todo-role", "41"), "need --todo-channel ID"),
        (("--guild", "11", "--webhook", URL, "--channel", "22"), "either --webhook"),
        (("--guild", "11", "--webhook", f"{URL}?thread_id=x"), "--webhook: the thread_id"),
        (("--guild", "11", "--webhook", f"https://example.org/{TOKEN}"), "--webhook: the webhook URL does not begin"),
        (("--token", f"a {TOKEN}"), "--token: the bot token holds blanks"),
    ],
)
def test_options_that_cannot_be_right_are_named_and_nothing_is_written(
    giftping: Run, empty: Path, words: tuple[str, ...], said: str
) -> None:
    ran = giftping("init", *words)
    assert ran.exit_code == 2
    assert said in ran.error
    assert TOKEN not in ran.errors
    assert list(empty.iterdir()) == []


def test_elsewhere_the_next_steps_name_the_file(giftping: Run, empty: Path) -> None:
    steps = giftping("init", "settings", "--guild", "11", "--channel", "22", "--json").json["next"]
    assert steps[0] == f"giftping guilds add 11 --channel 22 --config {empty / 'settings' / 'giftping.toml'}"


# Asking


class Person:
    """Somebody at a terminal who gives these answers, and notes what was asked."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, bool]] = []

    def __call__(self, question: str, hidden: bool) -> str:
        self.asked.append((question, hidden))
        return self._answers.pop(0)


def asked(person: Person, request: InitRequest | None = None) -> str:
    command.init(Session(), Path(), request or InitRequest(), force=False, ask=person)
    return Path("giftping.toml").read_text("utf-8")


def test_who_answers_nothing_gets_the_plain_file_after_one_question(empty: Path) -> None:
    person = Person("")
    assert 'guild = "11"' not in asked(person)
    assert len(person.asked) == 1


def test_few_questions_lead_to_a_guild_with_everything(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    person = Person("11", "", "22", "21", "41", "51", TOKEN)
    written = asked(person)
    assert {f'{key} = "{value}"' in written for key, value in (("channel", 21), ("role", 41), ("owner", 51))} == {True}
    assert (empty / ".env").read_text("utf-8") == f"DISCORD_TOKEN={TOKEN}\n"
    assert "giftping guilds add 11 --channel 22" in capsys.readouterr().out
    assert [hidden for _, hidden in person.asked] == [False, True, False, False, False, False, True]


def test_an_answer_that_cannot_be_right_is_asked_again_without_repeating_a_secret(empty: Path) -> None:
    person = Person("eleven", "11", f"https://example.org/webhooks/31/{TOKEN}", URL, "")
    asked(person)
    questions = [question for question, _ in person.asked]
    assert questions[1].startswith("must be a Discord id")
    assert questions[3].startswith("the webhook URL does not begin")
    assert all(TOKEN not in question for question in questions)
    assert (empty / ".env").read_text("utf-8") == f"WEBHOOK_11={URL}\n"


def test_who_gives_an_option_is_asked_nothing(empty: Path) -> None:
    person = Person()
    asked(person, InitRequest(guild_id=11))
    assert person.asked == []


def test_nobody_is_asked_in_a_pipe(giftping: Run, empty: Path) -> None:
    with patch.object(cli, "_ask", side_effect=AssertionError("asked")):
        assert giftping("init").exit_code == 0


# systemd


@pytest.fixture
def systemd(empty: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for unit files on a machine that systemd runs; its units are two lines long."""
    units = empty / "share" / "giftping" / "systemd"
    for folder in (units, units / "user"):
        folder.mkdir(parents=True)
        for job in ("codes", "todo"):
            words = f"{job} {'check' if job == 'codes' else 'sweep'}"
            service = f"[Service]\nExecStart=/opt/giftping/bin/giftping {words}\n"
            (folder / f"giftping-{job}.service").write_text(service, "utf-8")
            (folder / f"giftping-{job}.timer").write_text("[Timer]\n", "utf-8")
        (folder / "giftping-failure@.service").write_text("[Service]\n", "utf-8")
    monkeypatch.setattr("sys.prefix", str(empty))
    monkeypatch.setattr(command, "SYSTEMD_RUNS", empty)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return units


def test_the_unit_lines_install_the_units_of_a_user_for_this_very_command(
    giftping: Run, systemd: Path, empty: Path
) -> None:
    folder = empty / "a & 100% | folder"
    lines = giftping("init", str(folder), "--guild", "11", *TODO, "--json").json["units"]
    assert [line for line in lines if "systemctl" in line] == [
        "systemctl --user daemon-reload && systemctl --user enable --now giftping-codes.timer giftping-todo.timer"
    ]
    assert lines[-1] == "loginctl enable-linger"
    files = "\n".join(line for line in lines if "systemctl" not in line and "loginctl" not in line)
    subprocess.run(["sh", "-eu", "-c", files], env={"HOME": str(empty), "PATH": "/usr/bin:/bin"}, check=True)
    installed = empty / ".config" / "systemd" / "user"
    (start,) = (installed / "giftping-todo.service").read_text("utf-8").splitlines()[1:]
    config = str(folder / "giftping.toml").replace("%", "%%")
    assert start.startswith("ExecStart=/")
    assert start.endswith(f' todo sweep --config "{config}"')
    assert "/opt/giftping" not in start
    assert sorted(path.name for path in installed.iterdir()) == [
        "giftping-codes.service",
        "giftping-codes.timer",
        "giftping-failure@.service",
        "giftping-todo.service",
        "giftping-todo.timer",
    ]


def test_root_gets_units_of_the_system_and_puts_the_settings_where_these_can_look(
    giftping: Run, systemd: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    lines = giftping("init", "--token", TOKEN, "--json").json["units"]
    assert lines[0] == f"install -D -m 644 {empty / 'giftping.toml'} /etc/giftping/giftping.toml"
    assert lines[1] == f"install -D -m 600 {empty / '.env'} /etc/giftping/environment && rm {empty / '.env'}"
    assert lines[-1] == "systemctl daemon-reload && systemctl enable --now giftping-codes.timer"
    assert not any("--config" in line or "todo" in line for line in lines)


def test_without_systemd_no_units_are_spoken_of(giftping: Run, systemd: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "SYSTEMD_RUNS", systemd / "nowhere")
    ran = giftping("init")
    assert ran.exit_code == 0
    assert "systemctl" not in ran.output


def test_a_dotenv_that_is_none_is_left_as_it_is(empty: Path) -> None:
    (empty / ".env").write_text("this is no variable\n", "utf-8")
    with pytest.raises(UsageError, match="cannot be added to"):
        command.init(Session(), Path(), InitRequest(token=TOKEN), force=False)
    assert (empty / ".env").read_text("utf-8") == "this is no variable\n"


def all_written(terminal: int) -> str:
    """All that was written to a terminal whose other end is closed: one reading of it may give a part."""
    parts = []
    # Linux answers with EIO at the end, others with nothing.
    with suppress(OSError):
        while part := os.read(terminal, 65_536):
            parts.append(part)
    return b"".join(parts).decode()


def test_at_a_terminal_it_asks_and_takes_an_empty_answer(empty: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"\n")
    environment = {"HOME": str(empty), "PATH": os.environ["PATH"], "TERM": "dumb", "COLUMNS": "40"}
    ran = subprocess.run(
        [sys.executable, "-m", "giftping", "init"], stdin=theirs, stdout=theirs, env=environment, cwd=empty, check=False
    )
    os.close(theirs)
    shown = all_written(ours)
    os.close(ours)
    assert ran.returncode == 0
    assert "Guild (server) id, empty to fill in nothing" in shown
    assert (empty / "giftping.toml").exists()
    # A sentence is broken where the terminal ends, what is to be copied is not.
    told = shown[shown.index("Wrote ") :].splitlines()
    assert [one for one in told if len(one) > 40 and not re.search(r"giftping |\* \* \*|systemctl|install ", one)] == []
    assert [one for one in told if "* * *" in one and not one.endswith("giftping.toml")] == []
