"""A day with giftping that brings every key of every command's JSON about: what docs/json.md is compared with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from docs_reading import Ran, commands, run
from docs_todo import ASHA, BEN, CHITRA, DEV, ELA, OWNER, TodoScene
from fakes.shared_store import FakeSharedEngine

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources
from giftping.demo.stage import BOT_CHANNEL, BOT_GUILD, KINGSHOT, ROLE, WEBHOOK_CHANNEL, WEBHOOK_GUILD, WOS, Stage
from giftping.demo.world import ChannelType, Permission
from giftping.store.documents import HOSTS
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

CLOSED_GUILD, CLOSED_CHANNEL = 300_000_000_000_000_003, 300_000_000_000_000_033
NEWS_GUILD, NEWS_CHANNEL = 500_000_000_000_000_005, 500_000_000_000_000_055
NEW_GUILD, NEW_CHANNEL = 400_000_000_000_000_004, 400_000_000_000_000_044


@dataclass
class Story:
    """What happened: the objects that each command wrote, by the command's name."""

    stage: Stage
    told: dict[str, list[tuple[tuple[str, ...], Any]]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, token: bool = True) -> Ran:
        environment = self.stage.environment() | self.variables
        if not token:
            del environment["DISCORD_TOKEN"]
        return run(list(arguments), self.stage.folder, environment)

    def tell(self, *arguments: str) -> None:
        """Run a command with --json and keep its object."""
        ran = self.run(*arguments, "--json")
        command = next(name for name, _ in commands() if " ".join(arguments).startswith(name))
        self.told.setdefault(command, []).append((arguments, ran.json))


def play(folder: Path) -> Story:
    """Return the story, played on a stage of its own in the folder."""
    with StandInDiscord(limits=None) as discord, StandInSources() as sources:
        stage = Stage(folder, discord, sources)
        stage.set_up()
        story = Story(stage)
        _set_up(story)
        _announce(story)
        _look(story)
        _settle(story)
        _clear(story)
        _hold(story)
        _todo(story)
        _restore(story)
        _try_who_is_told(story)
    return story


def _set_up(story: Story) -> None:
    discord = story.stage.discord
    for guild, channel in ((CLOSED_GUILD, CLOSED_CHANNEL), (NEW_GUILD, NEW_CHANNEL)):
        discord.add_guild(guild)
        discord.add_channel(channel, guild)
    discord.add_guild(NEWS_GUILD)
    discord.add_channel(NEWS_CHANNEL, NEWS_GUILD, type=ChannelType.ANNOUNCEMENT)
    story.tell("init", "settings")
    story.tell("config", "check")
    story.tell("config", "show")
    story.run("guilds", "add", str(WEBHOOK_GUILD), "--webhook", "env:WOS_WEBHOOK", "--announce-current")
    publishing = ("--channel", str(NEWS_CHANNEL), "--publish", "--announce-current")
    story.run("guilds", "add", str(NEWS_GUILD), *publishing)
    story.run("guilds", "add", str(CLOSED_GUILD), "--channel", str(CLOSED_CHANNEL), "--announce-current")
    discord.set_permissions(CLOSED_CHANNEL, Permission.NONE)
    bot = ("guilds", "add", str(BOT_GUILD), "--channel", str(BOT_CHANNEL), "--mention", str(ROLE))
    story.tell(*bot, "--announce-current")
    story.tell("guilds", "test", str(BOT_GUILD))


def _announce(story: Story) -> None:
    stage = story.stage
    stage.add_code(WOS, "Frost2026", "VIP XP x200", "2099-12-31")
    stage.add_code(WOS, "AutumnGift", "Meat x100", "2099-12-31")
    assert story.run("codes", "check").exit_code == 69, "the closed channel refuses"
    # One of the two ends before the channel is open again.
    stage.codes[WOS][-1]["expires"] = "2026-01-01"
    stage.on_page.append(("FROST2026", "VIP XP x200"))
    stage.add_code(WOS, "WinterGift", "Meat x50,000")
    stage.add_code(WOS, "EXAMPLE", "")
    stage.add_code(KINGSHOT, "VIP777", "Mythic shard x1")
    story.run("guilds", "add", str(NEW_GUILD), "--channel", str(NEW_CHANNEL))
    story.tell("codes", "check")


def _look(story: Story) -> None:
    story.tell("guilds", "list")
    story.tell("sources", "list", "--game", WOS)
    story.tell("sources", "test", "sample-api")
    story.tell("codes", "list", "--all")
    story.tell("codes", "stats", "--guild", str(BOT_GUILD))
    for code in ("Frost2026", "EXAMPLE"):
        story.tell("codes", "explain", code, "--guild", str(BOT_GUILD))
    story.tell("codes", "explain", "Frost2026")


def _settle(story: Story) -> None:
    """Leave an announcement by webhook open that nobody can look for, as there is no token."""
    stage = story.stage
    stage.discord.fail(faults.status(500), match=Match(method="POST", channel_id=WEBHOOK_CHANNEL))
    story.tell("codes", "add", "SnowDay24", "--game", WOS, "--rewards", "Gems x100", "--expires", "2099-12-31")
    guild = ("--guild", str(WEBHOOK_GUILD))
    story.run("codes", "check", *guild, token=False)
    story.run("codes", "check", *guild, token=False)
    story.tell("codes", "settle")
    story.tell("codes", "settle", *guild, "--sent")


def _clear(story: Story) -> None:
    story.tell("codes", "clear", "--guild", str(BOT_GUILD), "--code", "Frost2026", "--yes")
    story.tell("guilds", "remove", str(CLOSED_GUILD), "--yes")
    sent = {str(BOT_GUILD): ["Summer23", "no code: at all"]}
    older = {"channels": {str(BOT_GUILD): BOT_CHANNEL}, "sent": sent, "initialized": True}
    (story.stage.folder / "giftcode_state.json").write_text(json.dumps(older), "utf-8")
    story.tell("migrate", "--from-json", "giftcode_state.json")


def _hold(story: Story) -> None:
    """Let a list suddenly have many codes, of which another one confirms the first."""
    stage = story.stage
    burst = [f"Blizzard{number:02}" for number in range(12)]
    for code in burst:
        stage.add_code(WOS, code, "Meat x100")
    story.tell("codes", "check")
    stage.on_page.append((burst[0], "Meat x100"))
    stage.add_code(WOS, "AfterTheStorm", "Meat x100")
    story.tell("codes", "check")
    story.tell("codes", "held")
    story.tell("codes", "approve", burst[1])
    story.tell("codes", "withdraw", burst[1])
    story.tell("codes", "reject", "--source", "sample-api")
    old = [f"Old{number:02}Gift" for number in range(40)]
    lists = [old, [*old, "SnowDay2026", "Copy"], [*old, "Snowday2026", "Copy", *burst]]
    bodies = [{"body": json.dumps({"codes": [{"code": code} for code in codes]})} for codes in lists]
    dated = [{"at": f"2026-05-0{day}T00:00:00Z", **line} for day, line in enumerate([*bodies, {"status": 503}], 1)]
    (stage.folder / "history.jsonl").write_text("\n".join(map(json.dumps, dated)), "utf-8")
    story.tell("sources", "replay", "sample-api", "history.jsonl")


def _todo(story: Story) -> None:
    stage = story.stage
    scene = TodoScene(stage.discord, stage.folder / "state")
    scene.set_up()
    story.variables = scene.variables
    roster = ("todo", "roster")
    story.tell(*roster, "add", str(ASHA), "--time-zone", "Europe/Berlin")
    for user_id in (BEN, CHITRA, DEV, ELA):
        story.run(*roster, "add", str(user_id))
    scene.live_on()
    story.tell("todo", "pause", str(CHITRA), "--from", "2099-12-24", "--to", "2099-12-31", "--reason", "holidays")
    story.tell("todo", "sweep", "--dry-run")
    story.tell("todo", "sweep")
    story.tell("todo", "status")
    story.tell("todo", "submit", str(BEN), "--must-do", "Read chapter 4", "--dont-do", "Late nights")
    (stage.folder / "plan.png").write_bytes(b"a picture")
    for_asha = ("--for", str(ASHA), "--by", str(OWNER), "--can-do", "One page more", "--attach", "plan.png")
    story.tell("todo", "submit", *for_asha)
    story.tell("todo", "status", str(ASHA))
    story.tell("todo", "list")
    story.tell("todo", "history", str(BEN))
    story.tell("todo", "delete", str(BEN))
    story.tell("todo", "forget", str(BEN), "--yes")
    story.tell(*roster, "list")
    story.tell(*roster, "remove", str(DEV), "--yes")
    story.tell("doctor")
    with Store(TinyEngine(stage.folder / "state")) as store:
        store.insert_documents(HOSTS, [{"_id": "web-2", "shared": False}])
    story.tell("store", "status")
    story.tell("store", "forget", "web-2", "--yes")


def _restore(story: Story) -> None:
    """Let the ledger move to a database, of which a backup is restored, and which then comes back empty."""
    database, backup = story.stage.folder / "mongodb", story.stage.folder / "backup"
    story.variables["MONGO_URI"] = "mongodb://stands-in/giftping"

    def stands_in(*_: object) -> FakeSharedEngine:
        return FakeSharedEngine(database)

    with patch("giftping.store.opening.database_of", stands_in):
        story.run("codes", "check")
        shutil.copytree(database, backup)
        story.run("guilds", "remove", str(NEW_GUILD), "--yes")
        shutil.rmtree(database)
        backup.rename(database)
        story.run("codes", "check")
        story.tell("store", "status")
        story.tell("store", "accept", "--yes")
        shutil.rmtree(database)
        story.run("codes", "check")
        story.tell("store", "adopt", "--yes")


def _try_who_is_told(story: Story) -> None:
    """Name a monitor that is not there, and the channel of a guild as the operator's."""
    stage, settings = story.stage, story.stage.folder / "giftping.toml"
    stage.discord.add_webhook(97, "operators-token", NEW_CHANNEL)
    story.variables |= {"TELL_ME": stage.discord.webhook_url(97), "BEAT": "http://monitor.invalid/ping/1"}
    told = '\n[operator]\nwebhook = "env:TELL_ME"\n[heartbeat]\ncodes = "env:BEAT"\n'
    settings.write_text(settings.read_text("utf-8") + told, "utf-8")
    story.tell("operator", "test")
    story.tell("heartbeat", "test")
    story.tell("config", "check")


def paths(value: object, types: Mapping[str, str], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the dotted path of every key in an object, and its value: `[]` in a list, `*` for a key of a map.

    What the types call a map of something, such as counts, or anything at all, is one value.
    """
    kind = types.get(prefix, "")
    if kind.startswith("map of ") or kind == "any":
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if kind == "map":
                yield from paths(item, types, f"{prefix}.*")
                continue
            path = f"{prefix}.{key}" if prefix else key
            yield path, item
            yield from paths(item, types, path)
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, types, f"{prefix}[]")
