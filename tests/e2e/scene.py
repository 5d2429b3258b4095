"""What end-to-end tests play with: the installed command, a stand-in Discord, sources, and hosts with state folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources
from giftping.demo.world import ChannelType

FULL = os.environ.get("TEST_FULL") == "1"
"""Whether to play everything, also what hardly differs from something that is played anyway: `make test-full`."""

Item = TypeVar("Item")


def sample(items: Sequence[Item], each: int, begin: int = 0) -> Sequence[Item]:
    """Return one of so many items, all of them with FULL.

    Where several tests have the same items, each begins at another one, so that together they meet all.
    """
    return items if FULL else items[begin % each :: each]


GIFTPING = str(Path(__file__).parents[1] / "fakes" / "patient.py")
"""The command, with time for a slow machine."""

GAME = "whiteout-survival"
SOURCE = """\
[sources.{name}]
kind = "json"
game = "{game}"
url = "{url}"
min_interval = "0s"
rows = {{ at = "codes[]", code = "code", rewards = "rewards", expires = "expires" }}
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the command: its exit code (negative for a signal) and what it wrote."""

    exit_code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


@dataclass
class Host:
    """One machine: a state folder, settings, and the environment that cron would give."""

    folder: Path
    environment: dict[str, str]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def start(self, *arguments: str, wrapper: Sequence[str] = (), **extra: str) -> subprocess.Popen[str]:
        """Start the command and return the process; `wrapper` is put in place of `giftping`."""
        command = [sys.executable, *(wrapper or (GIFTPING,)), *arguments]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **extra},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(self, *arguments: str, wrapper: Sequence[str] = (), **extra: str) -> Ran:
        """Run the command to its end."""
        return finish(self.start(*arguments, wrapper=wrapper, **extra))

    def ledger(self) -> dict[str, dict[str, Any]]:
        """Return the ledger's documents by `_id`, as a later run would find them."""
        from giftping.store.documents import entry_to_document
        from giftping.store.records import Store
        from giftping.store.tiny.engine import TinyEngine

        with Store(TinyEngine(self.state, read_only=True)) as store:
            return {entry.id: dict(entry_to_document(entry)) for entry in store.entries()}

    def states(self) -> dict[str, str]:
        """Return the state of each ledger entry by `_id`; `uncertain` where nobody can tell whether it arrived."""
        from giftping.store.records import Store
        from giftping.store.tiny.engine import TinyEngine

        with Store(TinyEngine(self.state, read_only=True)) as store:
            unclear = store.unclear()
            return {
                entry.id: "uncertain" if entry.state == "open" and entry.id in unclear else entry.state.value
                for entry in store.entries()
            }

    def deliveries(self) -> list[dict[str, Any]]:
        """Return the documents of the deliveries, as a later run would find them."""
        from giftping.store.documents import DELIVERIES
        from giftping.store.tiny.engine import TinyEngine

        engine = TinyEngine(self.state, read_only=True)
        return [dict(document) for document in engine.find(DELIVERIES)]


def findings(ran: Ran) -> list[dict[str, Any]]:
    """What `doctor --json` found that is not well; everything else has no next step, and is said to be well."""
    found = ran.json["findings"]
    assert [one for one in found if (one["verdict"] == "ok") != (one["next_step"] == "")] == []
    return [one for one in found if one["verdict"] != "ok"]


def finish(process: subprocess.Popen[str]) -> Ran:
    """Wait for a started command and return how it went."""
    output, errors = process.communicate()
    return Ran(process.returncode, output, errors)


@dataclass
class Scene:
    """A stand-in Discord with guilds, sources with codes, and hosts that run giftping."""

    folder: Path
    discord: StandInDiscord
    sources: StandInSources
    games: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    webhooks: dict[int, int] = field(default_factory=dict)
    channels: dict[int, int] = field(default_factory=dict)
    forums: set[int] = field(default_factory=set)
    """The guilds that are given a forum."""

    @property
    def without_nonce(self) -> set[int]:
        """The guilds in which no nonce keeps a repeat from being a second message."""
        return {*self.webhooks, *self.forums}

    def list_codes(self, *codes: str | dict[str, str], game: str = GAME) -> None:
        """Let the game's source list exactly these codes."""
        self.games[game] = [code if isinstance(code, dict) else {"code": code} for code in codes]
        body = json.dumps({"codes": self.games[game]})
        self.sources.set(f"/{game}", body, "application/json", etag="auto")

    def host(self, name: str = "host", *, token: bool = True, settings: str = "") -> Host:
        """Return a new machine that reads the listed games."""
        folder = self.folder / name
        folder.mkdir()
        tables = [SOURCE.format(name=f"api-{game}", game=game, url=self.sources.url(f"/{game}")) for game in self.games]
        toml = settings if "[codes]" in settings else f"{settings}\n[codes]\nbuilt_in_sources = false\n"
        (folder / "giftping.toml").write_text("\n".join([toml, *tables]), "utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "GIFTPING_STATE": str(folder / "state"),
            "GIFTPING_DISCORD_API": self.discord.api,
        }
        if token:
            environment["DISCORD_TOKEN"] = self.discord.bot_token
        return Host(folder, environment)

    def webhook_guild(self, host: Host, number: int = 1, *options: str) -> int:
        """Add a guild that is posted to by webhook, by a reference to the host's environment; return its id."""
        guild, channel, webhook = 1000 + number, 1_000_000 + number, 9_000_000 + number
        self.discord.add_guild(guild)
        self.discord.add_channel(channel, guild)
        self.discord.add_webhook(webhook, f"webhook-secret-{number}", channel)
        self.channels[guild], self.webhooks[guild] = channel, webhook
        host.environment[f"HOOK_{number}"] = self.discord.webhook_url(webhook)
        self.add(host, guild, "--webhook", f"env:HOOK_{number}", *options)
        return guild

    def bot_guild(self, host: Host, number: int = 1, *options: str) -> int:
        """Add a guild that is posted to by the bot; return its id."""
        guild, channel = 2000 + number, 2_000_000 + number
        self.discord.add_guild(guild)
        self.discord.add_channel(channel, guild)
        self.channels[guild] = channel
        self.add(host, guild, "--channel", str(channel), *options)
        return guild

    def forum_guild(self, host: Host, number: int = 1, *options: str, by_webhook: bool = False) -> int:
        """Add a guild that has a forum, where the bot or a webhook opens posts; return its id."""
        guild, channel = 3000 + number + 1000 * by_webhook, 3_000_000 + number + 1_000_000 * by_webhook
        self.discord.add_guild(guild)
        self.discord.add_channel(channel, guild, type=ChannelType.FORUM)
        self.channels[guild] = channel
        self.forums.add(guild)
        way = ("--channel", str(channel))
        if by_webhook:
            webhook = self.webhooks[guild] = 9_100_000 + number
            self.discord.add_webhook(webhook, f"forum-secret-{number}", channel)
            host.environment[f"FORUM_HOOK_{number}"] = self.discord.webhook_url(webhook)
            # Without a token nobody sees what its channel is.
            way = ("--webhook", f"env:FORUM_HOOK_{number}", "--posts", "per-announcement")
        self.add(host, guild, *way, *options)
        return guild

    def add(self, host: Host, guild: int, *options: str) -> None:
        """Run `guilds add`; the guild announces what is valid now, unless the options say something else."""
        ran = host.run("guilds", "add", str(guild), *(options or ()), "--announce-current")
        assert ran.exit_code == 0, ran.errors

    def arrived(self, guild: int) -> Counter[str]:
        """Return how often each code arrived in a guild, in its channel or in posts there, as the stand-in counts."""
        channel = self.channels[guild]
        places = {channel, *(post.id for post in self.discord.posts(channel))}
        return Counter(
            code for arrival in self.discord.arrived() if arrival.channel_id in places for code in arrival.codes
        )
