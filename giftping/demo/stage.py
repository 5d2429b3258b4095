"""The demo's stage: sample sources and a stand-in Discord on loopback, a temporary folder, and the real command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources

WEBHOOK_GUILD = 100_000_000_000_000_001
BOT_GUILD = 200_000_000_000_000_002
WEBHOOK_CHANNEL = 100_000_000_000_000_011
BOT_CHANNEL = 200_000_000_000_000_022
WEBHOOK = 100_000_000_000_000_111
ROLE = 200_000_000_000_000_222
WOS, KINGSHOT = "whiteout-survival", "kingshot"
POST_BY_BOT = Match(method="POST", channel_id=BOT_CHANNEL)

SETTINGS = """\
[codes]
built_in_sources = false

[sources.sample-api]
kind = "json"
game = "whiteout-survival"
url = "{api}"
min_interval = "0s"
rows = {{ at = "codes[]", code = "code", rewards = "rewards", expires = "expires" }}

[sources.sample-page]
kind = "html"
game = "whiteout-survival"
url = "{page}"
min_interval = "0s"
rows = {{ at = "ul.codes li", anchor = "ul.codes", code = "b", rewards = "i" }}

[sources.sample-kingshot]
kind = "json"
game = "kingshot"
url = "{kingshot}"
min_interval = "0s"
rows = {{ at = "codes[]", code = "code", rewards = "rewards", expires = "expires" }}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the real command: what it wrote and how it ended; the exit code is negative for a signal."""

    arguments: tuple[str, ...]
    exit_code: int
    output: str
    errors: str


@dataclass
class Stage:
    """Everything the demo plays with."""

    folder: Path
    discord: StandInDiscord
    sources: StandInSources
    codes: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    on_page: list[tuple[str, str]] = field(default_factory=list)
    extra_environment: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[str] | None = None

    def set_up(self) -> None:
        """Put up two guilds and three sources, and write the settings."""
        discord = self.discord
        for guild, name, channel in (
            (WEBHOOK_GUILD, "Frost Harbour", WEBHOOK_CHANNEL),
            (BOT_GUILD, "Castle Watch", BOT_CHANNEL),
        ):
            discord.add_guild(guild, name=name)
            discord.add_channel(channel, guild)
        discord.add_role(BOT_GUILD, ROLE, name="Gift hunters")
        discord.add_webhook(WEBHOOK, "sample-webhook-token", WEBHOOK_CHANNEL)
        self._publish()
        urls = {name: self.sources.url(f"/{name}") for name in ("api", "page", "kingshot")}
        (self.folder / "giftping.toml").write_text(SETTINGS.format(**urls), "utf-8")

    def add_code(self, game: str, code: str, rewards: str, expires: str = "") -> None:
        """Let a game's API list one more code."""
        self.codes.setdefault(game, []).append({"code": code, "rewards": rewards, "expires": expires})
        self._publish()

    def _publish(self) -> None:
        for path, game in (("/api", WOS), ("/kingshot", KINGSHOT)):
            body = json.dumps({"codes": self.codes.get(game, [])})
            self.sources.set(path, body, "application/json", etag="auto")
        items = "".join(f"<li><b>{code}</b> <i>{rewards}</i></li>" for code, rewards in self.on_page)
        page = f"<html><body><h1>Gift codes</h1><ul class='codes'>{items}</ul></body></html>"
        self.sources.set("/page", page, etag="auto")

    def run(self, *arguments: str) -> Ran:
        """Run the installed giftping as cron would, and return how it went."""
        command = [sys.executable, "-m", "giftping", *arguments]
        self._process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        output, errors = self._process.communicate(timeout=60)
        return Ran(arguments, self._process.returncode, output, errors)

    def environment(self) -> dict[str, str]:
        """The environment of the demo's runs: nothing of the user's own but the path."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "GIFTPING_STATE": str(self.folder / "state"),
            "GIFTPING_DISCORD_API": self.discord.api,
            "DISCORD_TOKEN": self.discord.bot_token,
            "WOS_WEBHOOK": self.discord.webhook_url(WEBHOOK),
            **self.extra_environment,
        }

    def refuse_once(self) -> None:
        """Let Discord answer the bot's next post with 500 and keep nothing of it."""
        self.discord.fail(faults.status(500), match=POST_BY_BOT)

    def kill_after_storing(self) -> None:
        """Kill the run with SIGKILL once Discord has the bot's next message, before it can hear so."""
        self.discord.call(self._kill, match=POST_BY_BOT, after=True)

    def _kill(self) -> None:
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)

    def arrived(self, channel: int) -> list[tuple[str, ...]]:
        """The codes of each message that stands in a channel, oldest first."""
        return [arrival.codes for arrival in self.discord.arrived() if arrival.channel_id == channel]
