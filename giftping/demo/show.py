"""`giftping demo`: both jobs once, offline, scene by scene."""

from __future__ import annotations

import shutil
import signal
import tempfile
import textwrap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources
from giftping.demo.stage import (
    BOT_CHANNEL,
    BOT_GUILD,
    KINGSHOT,
    ROLE,
    WEBHOOK_CHANNEL,
    WEBHOOK_GUILD,
    WOS,
    Ran,
    Stage,
)
from giftping.demo.todo_scenes import BEN, NAMES, TOLD, set_up_members, todo_messages, told
from giftping.discord.message import Embed, EmbedField, LinkButton, Message
from giftping.wiring import utc_now

if TYPE_CHECKING:
    from giftping.commands.session import Session
    from giftping.demo.world import StoredMessage

EXIT_FINE = 0
EXIT_TROUBLE = 69
CHANNELS = ((WEBHOOK_GUILD, WEBHOOK_CHANNEL, "webhook"), (BOT_GUILD, BOT_CHANNEL, "bot"))


@dataclass(frozen=True, slots=True)
class Count:
    """How often one code arrived in one guild, as the stand-in counted."""

    guild_id: int
    route: str
    code: str
    times: int


def show(session: Session, *, keep: bool) -> int:
    """Play all scenes and return 0 when every code and every reminder arrived exactly once, 69 otherwise."""
    folder = Path(tempfile.mkdtemp(prefix="giftping-demo-"))
    try:
        with StandInDiscord() as discord, StandInSources() as sources:
            stage = Stage(folder, discord, sources)
            stage.set_up()
            performance = _Show(session, stage)
            runs = performance.play()
            counts = count(stage)
            notified = told(discord)
    finally:
        if not keep:
            shutil.rmtree(folder)
    once = all(item.times == 1 for item in counts) and len(counts) == EXPECTED
    expected = once and notified == TOLD and performance.as_announced
    session.give(
        {
            "runs": [{"arguments": list(run.arguments), "exit_code": run.exit_code} for run in runs],
            "arrived": [
                {"guild_id": str(item.guild_id), "route": item.route, "code": item.code, "times": item.times}
                for item in counts
            ],
            "notified": {str(user_id): ways for user_id, ways in notified.items()},
            "exactly_once": expected,
            "folder": str(folder) if keep else None,
        }
    )
    _close(session, counts, notified, expected=expected, folder=folder if keep else None)
    return EXIT_FINE if expected else EXIT_TROUBLE


EXPECTED = 11
"""Five codes for the guild with the webhook; these and one of another game for the guild with the bot."""


class _Show:
    """The scenes, in order; each one runs the real command."""

    def __init__(self, session: Session, stage: Stage) -> None:
        self._session = session
        self._stage = stage
        self._runs: list[Ran] = []
        self._scenes = 0
        self.as_announced = True
        self._shown = dict.fromkeys((WEBHOOK_CHANNEL, BOT_CHANNEL), 0)
        self._todo_shown = 0

    def play(self) -> list[Ran]:
        stage, scene, run = self._stage, self._scene, self._run
        scene("Two guilds subscribe: one by webhook, one by the bot, with a role to mention")
        run("guilds", "add", str(WEBHOOK_GUILD), "--webhook", "env:WOS_WEBHOOK", "--announce-current")
        add = ("guilds", "add", str(BOT_GUILD), "--channel", str(BOT_CHANNEL), "--mention", str(ROLE))
        run(*add, "--game", WOS, "--game", KINGSHOT, "--announce-current")

        scene("The first run: three sources, three codes, two guilds")
        stage.on_page.append(("gogoWOS", "Gems x100"))
        stage.add_code(WOS, "OFFICIALSTORE0709", "Gems x1,000; Hero XP x2", "2099-07-09")
        stage.add_code(WOS, "Frost2026", "VIP XP x200")
        stage.add_code(WOS, "OLDNEWS", "Gems x10", "2020-01-01")
        run("codes", "check")
        self._show_new_messages()

        scene("The second run: nothing new, nothing to say")
        run("codes", "check")

        scene("A code appears, and goes out alone")
        stage.add_code(WOS, "WINTERGIFT", "Meat x50,000")
        run("codes", "check")
        self._show_new_messages()

        scene("Discord answers 500 to the bot; the webhook guild gets its code all the same")
        stage.add_code(WOS, "SnowDay24", "Speedup 1h x3")
        stage.refuse_once()
        run("codes", "check", exit_code=EXIT_TROUBLE)
        self._say("   The next run looks into the channel, finds nothing there, and posts it:")
        run("codes", "check")
        self._show_new_messages()

        scene("A run is killed after Discord stored the message, before it was recorded")
        stage.add_code(KINGSHOT, "VIP777", "Mythic shard x1")
        stage.kill_after_storing()
        run("codes", "check", exit_code=-signal.SIGKILL)
        self._say("   The next run finds the message in the channel: it is recorded, not repeated.")
        run("codes", "check")
        self._show_new_messages()
        self._play_todo()
        return self._runs

    def _play_todo(self) -> None:
        stage, scene, run = self._stage, self._scene, self._run
        scene("The TODO part: members as an older bot has left them")
        set_up_members(stage)
        run("todo", "status")

        scene("A sweep reminds the one who is overdue, and warns the one who is about to lose the role")
        run("todo", "sweep")
        self._show_todo_messages()
        self._say("   The next sweep leaves them alone: three hours have to pass.")
        run("todo", "sweep")

        scene("Ben hands in his TODO")
        run("todo", "submit", str(BEN), "--name", "Ben", "--must-do", "Two pages", "--dont-do", "Late nights")
        self._show_todo_messages()
        run("todo", "list")

    def _show_todo_messages(self) -> None:
        if self._session.quiet or self._session.json:
            return
        from giftping.output.render import preview

        messages = todo_messages(self._stage.discord)
        for stored in messages[self._todo_shown :]:
            heading = f"guild {BOT_GUILD} · the TODO channel · as Discord shows it"
            self._session.show(preview(message_of(stored), None, now=utc_now(), heading=heading, names=NAMES))
        self._todo_shown = len(messages)

    def _scene(self, title: str) -> None:
        self._scenes += 1
        self._say(f"\n{self._scenes}. {title}")

    def _say(self, text: str) -> None:
        self._session.tell(text)

    def _run(self, *arguments: str, exit_code: int = EXIT_FINE) -> None:
        ran = self._stage.run(*arguments)
        self._runs.append(ran)
        self._say(_folded(f"   $ giftping {' '.join(arguments)}", "       "))
        for line in (*ran.output.splitlines(), *ran.errors.splitlines()):
            self._say(_folded(f"     {line}", "       "))
        if ran.exit_code:
            ending = "killed (SIGKILL)" if ran.exit_code < 0 else f"exit code {ran.exit_code}"
            self._say(f"     [{ending}]")
        elif not ran.output and not ran.errors:
            self._say("     (no output, exit code 0)")
        if ran.exit_code != exit_code:
            self.as_announced = False
            self._say(f"     This should have ended with {exit_code}.")

    def _show_new_messages(self) -> None:
        if self._session.quiet or self._session.json:
            return
        from giftping.output.render import preview

        for guild, channel, route in CHANNELS:
            messages = self._stage.discord.messages(channel)
            for stored in messages[self._shown[channel] :]:
                heading = f"guild {guild} · by {route} · as Discord shows it"
                self._session.show(preview(message_of(stored), None, now=utc_now(), heading=heading))
            self._shown[channel] = len(messages)


def _folded(line: str, indent: str) -> str:
    width = max(shutil.get_terminal_size().columns, 40)
    return "\n".join(textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False))


def message_of(stored: StoredMessage) -> Message:
    """A stored message as a value that can be previewed."""
    buttons = (LinkButton(one["label"], one["url"]) for row in stored.components for one in row["components"])
    return Message(
        content=stored.content, embeds=tuple(_embed(embed) for embed in stored.embeds), buttons=tuple(buttons)
    )


def _embed(embed: Any) -> Embed:
    return Embed(
        title=embed.get("title", ""),
        description=embed.get("description", ""),
        color=embed.get("color", 0),
        fields=tuple(EmbedField(field["name"], field["value"]) for field in embed.get("fields", ())),
        footer=embed.get("footer", {}).get("text", ""),
    )


def count(stage: Stage) -> list[Count]:
    """How often each code arrived in each guild."""
    result = []
    for guild, channel, route in CHANNELS:
        times = Counter(code for codes in stage.arrived(channel) for code in codes)
        result += [Count(guild, route, code, number) for code, number in sorted(times.items())]
    return result


def _close(
    session: Session, counts: list[Count], notified: dict[int, list[str]], *, expected: bool, folder: Path | None
) -> None:
    if session.quiet or session.json:
        return
    from giftping.output.render import table

    rows = [[str(item.guild_id), item.route, item.code, str(item.times)] for item in counts]
    session.show("", table("What arrived, counted by the stand-in", ["Guild", "By", "Code", ">Times"], rows))
    ways = [[NAMES[user_id], ", ".join(one) or "not disturbed"] for user_id, one in notified.items()]
    session.show("", table("Who was notified, counted by the stand-in", ["Member", "By"], ways))
    once = "Every code and every reminder arrived exactly once."
    session.tell(once if expected else "Something arrived twice, or not at all.")
    if folder is not None:
        session.tell(f"The ledger is in {folder / 'state'}.")
