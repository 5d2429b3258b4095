"""How close to Discord's own limits many guilds are served: one announcement for each of 1,000 guilds."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from scene import Scene

from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources
from giftping.store.base import HOME_GAME, Destination, Subscription
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

GUILDS = 1_000
PER_SECOND = 50


def main() -> None:
    """Print the rate against the ideal one, and how many 429 were provoked."""
    with tempfile.TemporaryDirectory() as folder, StandInDiscord() as discord, StandInSources() as sources:
        scene = Scene(Path(folder), discord, sources)
        scene.list_codes("CODE1234")
        host = scene.host()
        now = datetime.now(UTC)
        with Store(TinyEngine(host.state)) as store:
            for number in range(1, GUILDS + 1):
                discord.add_guild(number)
                discord.add_channel(100_000 + number, number)
                channel = Destination(channel_id=100_000 + number)
                store.put_subscriptions(Subscription(number, HOME_GAME, channel, now, now, announce_current=True))
        began = time.perf_counter()
        ran = host.run("codes", "check", "-q")
        seconds = time.perf_counter() - began
        arrived = discord.count(Match(method="POST"))
    ideal = (GUILDS - PER_SECOND) / PER_SECOND
    sys.stdout.write(
        f"{arrived} announcements in {seconds:.1f} s, exit code {ran.exit_code}, 429s: {discord.limited.total()}\n"
    )
    sys.stdout.write(f"share of the ideal rate: {ideal / seconds:.0%}   (aim: at least 98 %)\n")


if __name__ == "__main__":
    main()
