"""How much memory a large host takes at most: runs and looks over 10,000 guilds and a JSON ledger of 50,000 entries."""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from scene import Host, Scene

from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources
from giftping.store.base import HOME_GAME, Destination, EntryState, LedgerEntry, Subscription
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

GUILDS, POSTED_TO, OTHER_GAME = 10_000, 200, "kingshot"
CODES = [f"CODE{number}234" for number in range(5)]
AIM = 80

MEASURED = """\
import atexit, pathlib, runpy
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: pathlib.Path("status").write_text(status.read_text() if status.exists() else ""))
runpy.run_module("giftping", run_name="__main__")
"""
"""The command, with what the kernel says of the process at its end left in a file."""


def fill(host: Host, discord: StandInDiscord) -> None:
    """Put the guilds into the host's store, each of which has been sent every code of the home game."""
    now = datetime.now(UTC)
    games = (HOME_GAME,), (HOME_GAME, OTHER_GAME)
    with Store(TinyEngine(host.state)) as store:
        for number in range(1, GUILDS + 1):
            is_posted_to = number <= POSTED_TO
            channel = Destination(channel_id=100_000 + number)
            store.put_subscriptions(
                *(
                    Subscription(number, game, channel, now, now, announce_current=game == OTHER_GAME)
                    for game in games[is_posted_to]
                )
            )
            if is_posted_to:
                discord.add_guild(number)
                discord.add_channel(100_000 + number, number)
        entry = LedgerEntry(0, HOME_GAME, "", "", "stand-in", EntryState.SENT, now, now, sent_at=now)
        for code in CODES:
            store.insert(
                [
                    replace(entry, guild_id=number, key=code, spelling=code, message_id=10**18 + number)
                    for number in range(1, GUILDS + 1)
                ]
            )


def peak_memory(host: Host, *arguments: str) -> int:
    """The most memory that a command took, in MiB."""
    ran = host.run(*arguments, wrapper=("-c", MEASURED))
    sys.stderr.write(ran.errors)
    found = re.search(r"VmHWM:\s+(\d+) kB", (host.folder / "status").read_text("utf-8"))
    return int(found[1]) // 1024 if found else 0


def main() -> None:
    """Print the peaks."""
    with tempfile.TemporaryDirectory() as folder, StandInDiscord() as discord, StandInSources() as sources:
        scene = Scene(Path(folder), discord, sources)
        scene.list_codes(*CODES)
        scene.list_codes(game=OTHER_GAME)
        host = scene.host()
        fill(host, discord)
        peaks = {"first check": peak_memory(host, "codes", "check", "-q")}
        peaks["idle check"] = peak_memory(host, "codes", "check", "-q")
        scene.list_codes("CODE9999", game=OTHER_GAME)
        peaks[f"check that posts to {POSTED_TO}"] = peak_memory(host, "codes", "check", "-q")
        scene.list_codes(*CODES, "CODE8888")
        peaks["codes check --dry-run"] = peak_memory(host, "codes", "check", "--dry-run", "--json")
        for command in (["codes", "stats"], ["guilds", "list"], ["doctor"]):
            for form in ([], ["--json"]):
                peaks[" ".join([*command, *form])] = peak_memory(host, *command, *form)
        arrived = discord.count(Match(method="POST"))
    for name, peak in peaks.items():
        sys.stdout.write(f"{name:<28}{peak:>5} MiB   (aim: at most {AIM})\n")
    sys.stdout.write(f"announcements: {arrived}\n")


if __name__ == "__main__":
    main()
