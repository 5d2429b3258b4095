"""How close to Discord's own limits many guilds are served: one announcement for each of 1,000 guilds.

The rate is measured where Discord measures it, between the first request and the last. What the command takes before
and after that, to start and to write down what came of it, is much the same for a guild and for thousands: it is shown.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from dictated import least_seconds
from fakes.mongod import new_database, shared_mongod
from scene import Scene

from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources
from giftping.store.base import HOME_GAME, Destination, Subscription
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

GUILDS = 1_000
FAR_AWAY = 0.2
"""Seconds that an answer takes where Discord is far away."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One run as it was seen from outside, in seconds."""

    arrived: int
    requests: int
    exit_code: int
    limited: int
    before: float
    """Until the first request."""
    between: float
    """From the first request to the last."""
    after: float
    """From then on."""
    least: float
    """What the limits alone dictate between the first request and the last."""


def measure(*, by_webhook: bool = False, in_mongodb: bool = False, takes: float = 0.0) -> Delivered:
    """Return how a run went that announced a code in every guild; `takes` is how long Discord is at each answer."""
    with tempfile.TemporaryDirectory() as folder, StandInDiscord() as discord, StandInSources() as sources:
        scene = Scene(Path(folder), discord, sources)
        scene.list_codes("CODE1234")
        host = scene.host()
        now = datetime.now(UTC)
        if in_mongodb:
            host.environment["MONGO_URI"] = new_database(shared_mongod())
        with Store(MongoEngine(host.environment["MONGO_URI"]) if in_mongodb else TinyEngine(host.state)) as store:
            for number in range(1, GUILDS + 1):
                place = destination(discord, number, by_webhook=by_webhook)
                store.put_subscriptions(Subscription(number, HOME_GAME, place, now, now, announce_current=True))
        came: list[float] = []

        def note() -> None:
            came.append(time.perf_counter())
            time.sleep(takes)

        discord.call(note, times=None)
        began = time.perf_counter()
        ran = host.run("codes", "check", "-q")
        ended = time.perf_counter()
        sys.stderr.write(ran.errors)
        return Delivered(
            arrived=discord.count(Match(method="POST")),
            requests=len(came),
            exit_code=ran.exit_code,
            limited=discord.limited.total(),
            before=min(came) - began,
            between=max(came) - min(came),
            after=ended - max(came),
            least=least_seconds(discord.requests),
        )


def destination(discord: StandInDiscord, number: int, *, by_webhook: bool) -> Destination:
    """Return where a guild's announcements go, once Discord knows the guild."""
    channel_id, webhook_id = 100_000 + number, 200_000 + number
    discord.add_guild(number)
    discord.add_channel(channel_id, number)
    if not by_webhook:
        return Destination(channel_id=channel_id)
    discord.add_webhook(webhook_id, f"token-{number}", channel_id)
    return Destination(webhook=discord.webhook_url(webhook_id))


def report(what: str, one: Delivered, aim: str = "") -> None:
    """Print one run."""
    whole = one.before + one.between + one.after
    sys.stdout.write(
        f"{what}: {one.arrived} announcements, {one.requests} requests within {one.between:.2f} s,"
        f" the limits alone dictate {one.least:.1f} s\n"
        f"  share of the ideal rate: {one.least / one.between:.1%}{aim}\n"
        f"  429s: {one.limited}   (aim: 0), exit code {one.exit_code}\n"
        f"  the whole run: {whole:.2f} s, {one.before:.2f} s of it before the first request and {one.after:.2f} s"
        f" after the last; against the limits {one.least / whole:.1%}\n"
    )
    sys.stdout.flush()


def main() -> None:
    """Print the rate against the ideal one, and how many 429 were provoked."""
    aim = "   (aim: at least 98 %)"
    report("by the bot", measure(), aim)
    report("by webhooks", measure(by_webhook=True), aim)
    report("by the bot, with MongoDB", measure(in_mongodb=True), aim)
    # No second of Discord's may hold more than 50, wherever on its way a request was counted: that costs an answer's
    # time each second, so that 1 in 1.2 is what is left of the ideal.
    report(f"by the bot, answers taking {FAR_AWAY} s", measure(takes=FAR_AWAY))


if __name__ == "__main__":
    main()
