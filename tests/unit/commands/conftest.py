from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from past import CHANNEL, GUILD, OWNER, ROLE, Past
from ran import Ran

from giftping import cli
from giftping.demo.discord import StandInDiscord
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

SETTINGS = """\
time_zone = "Asia/Kolkata"

[codes]
built_in_sources = false

[sources.my-list]
kind = "text"
game = "whiteout-survival"
url = "https://codes.example/list.txt"
rows = { code = { pattern = '\\b[A-Z0-9]{6,12}\\b' } }
"""


OTHERS = (
    "GIFTPING",
    "DISCORD",
    "MONGO",
    "XDG",
    "NO_COLOR",
    "FORCE_COLOR",
    "HOOK",
    "GUILD_ID",
    "TODO_",
    "ROLE_",
    "OWNER_",
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with settings and nothing else, on a machine that has none of its own."""
    for name in list(os.environ):
        if name.startswith(OTHERS):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIFTPING_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("giftping.settings.file.SYSTEM_FOLDER", tmp_path / "etc")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "giftping.toml").write_text(SETTINGS, "utf-8")
    return tmp_path


@pytest.fixture
def giftping(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs a command line in this process, as the console script does, and says how it went."""

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["giftping", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.run()
        written = capsys.readouterr()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0 if code is None else 1, written.out, written.err)

    return run


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    """The store that the commands use."""
    with Store(TinyEngine(home / "state")) as store:
        yield store


@pytest.fixture
def discord(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInDiscord]:
    """A Discord with a guild for TODOs, which the settings name."""
    with StandInDiscord(limits=None) as discord:
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_role(GUILD, ROLE)
        for name, value in {
            "GIFTPING_DISCORD_API": discord.api,
            "DISCORD_TOKEN": discord.bot_token,
            "GUILD_ID": GUILD,
            "TODO_CHANNEL_ID": CHANNEL,
            "ROLE_ID": ROLE,
            "OWNER_ID": OWNER,
        }.items():
            monkeypatch.setenv(name, str(value))
        yield discord
        assert discord.unexpected == []


@pytest.fixture
def past(home: Path) -> Past:
    """Writes down the past of members."""
    return Past(home / "state")
