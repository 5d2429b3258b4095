"""How close to Discord's own limits the members are reminded: a sweep over 1,000 who are all overdue."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from dictated import LIMITS, least_seconds, windows_before_the_last
from scene import Host

from giftping.demo.clock import ShiftedClock
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Logged
from giftping.demo.ratelimits import CHANNEL_MESSAGES
from giftping.discord.http import DiscordHttp
from giftping.discord.members import MembersClient
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.model import Member, Membership
from giftping.todo.repository import MemberChange, MemberRepository

GUILD, CHANNEL, ROLE, FIRST_USER = 1, 2, 3, 1_001
SILENCE = timedelta(hours=30)
SETTINGS = '[todo]\nbudget = "10m"\nlease = "15m"\n'

MEASURED = """\
import atexit, pathlib, runpy
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: pathlib.Path("status").write_text(status.read_text() if status.exists() else ""))
runpy.run_module("giftping", run_name="__main__")
"""
"""The command, with what the kernel says of the process at its end left in a file."""


@dataclass(frozen=True, slots=True)
class Swept:
    """One sweep as it was seen from outside; `least` is the time that the limits alone dictate, in seconds."""

    seconds: float
    least: float
    exit_code: int
    limited: int
    notifications: Counter[str]
    requests: Counter[str]
    memory: str


def measure(members: int, *, is_known: bool, members_intent: bool = False) -> Swept:
    """Return how a sweep went over so many overdue members, whom Discord was asked about before or not."""
    clock = ShiftedClock()
    with tempfile.TemporaryDirectory() as folder, StandInDiscord(clock=clock, members_intent=members_intent) as discord:
        user_ids = range(FIRST_USER, FIRST_USER + members)
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_role(GUILD, ROLE)
        for user_id in user_ids:
            discord.add_member(GUILD, user_id, roles=(ROLE,))
        channels = opened_dms(discord, clock, user_ids)
        host = new_host(Path(folder), discord)
        enrol(host, channels, is_known=is_known)
        before = len(discord.requests)
        began = time.perf_counter()
        process = host.start("todo", "sweep", "-q", wrapper=("-c", MEASURED))
        _, errors = process.communicate()
        seconds = time.perf_counter() - began
        sys.stderr.write(errors)
        requests = discord.requests[before:]
        return Swept(
            seconds=seconds,
            least=dictated(requests),
            exit_code=process.returncode,
            limited=discord.limited.total(),
            notifications=Counter(notification.kind for notification in discord.all_notifications()),
            requests=Counter(f"{request.method} {request.template}" for request in requests),
            memory=peak_memory(host.folder / "status"),
        )


def opened_dms(discord: StandInDiscord, clock: ShiftedClock, user_ids: range) -> dict[int, int]:
    """Return the direct-message channels of users; the limits are kept by the stand-in's clock, with no waiting."""
    clock.forward(timedelta(days=-1))
    with DiscordHttp(
        discord.api,
        token=discord.bot_token,
        budget=timedelta(days=1),
        monotonic=lambda: clock().timestamp(),
        sleep=lambda seconds: clock.forward(timedelta(seconds=seconds)),
    ) as http:
        opened = {user_id: MembersClient(http).open_dm(user_id) for user_id in user_ids}
    clock.forward(datetime.now(UTC) - clock())
    return {user_id: channel_id for user_id, channel_id in opened.items() if isinstance(channel_id, int)}


def new_host(folder: Path, discord: StandInDiscord) -> Host:
    """Return a machine that sweeps the guild."""
    (folder / "giftping.toml").write_text(SETTINGS, "utf-8")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "GIFTPING_STATE": str(folder / "state"),
        "GIFTPING_DISCORD_API": discord.api,
        "DISCORD_TOKEN": discord.bot_token,
        "GUILD_ID": str(GUILD),
        "TODO_CHANNEL_ID": str(CHANNEL),
        "ROLE_ID": str(ROLE),
    }
    return Host(folder, environment)


def enrol(host: Host, channels: dict[int, int], *, is_known: bool) -> None:
    """Put members on the roster who have been silent for too long."""
    now = datetime.now(UTC)
    membership = Membership(now, in_guild=True, has_role=True) if is_known else None
    with Store(TinyEngine(host.state)) as store:
        MemberRepository(store, lambda: now).save(
            [
                MemberChange(
                    Member(
                        user_id,
                        f"member {user_id}",
                        added=now - 2 * SILENCE,
                        last_submit=now - SILENCE,
                        membership=membership,
                        dm_channel_id=channel_id,
                    )
                )
                for user_id, channel_id in channels.items()
            ]
        )


def dictated(requests: Sequence[Logged]) -> float:
    """Return how long the limits alone make a sweep last, between its first request and its last.

    A direct message follows the post to the channel that names its member, so that those for the posts of the channel's
    last window come after that has begun.
    """
    served = [request for request in requests if not request.limited]
    posts = [one for one in served if one.channel_id == CHANNEL and one.method == "POST"]
    of_channel = LIMITS.of_route("POST", CHANNEL_MESSAGES)
    last = posts[(len(posts) - 1) // of_channel.requests * of_channel.requests :]
    named = {int(user_id) for post in last for user_id in post.body["allowed_mentions"]["users"]}
    then = len(last) + sum(one.user_id in named for one in served if one.template == CHANNEL_MESSAGES)
    in_the_end = windows_before_the_last(len(posts), of_channel) + windows_before_the_last(then, LIMITS.everything)
    return max(least_seconds(served), in_the_end)


def peak_memory(status: Path) -> str:
    """Return the most memory that the process had, as Linux tells it."""
    found = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
    return f"{int(found[1]) / 1024:.0f} MiB" if found else "unknown"


def report(what: str, swept: Swept, aim: str = "") -> None:
    """Print one sweep; a short one is not held to the aim, as its start and its last second weigh too much."""
    arrived = ", ".join(f"{count} by {kind}" for kind, count in sorted(swept.notifications.items()))
    sys.stdout.write(
        f"{what}: {swept.seconds:.1f} s, the limits alone dictate {swept.least:.1f} s\n"
        f"  against what they dictate: {swept.seconds / swept.least:.2f} ×{aim}\n"
        f"  429s: {swept.limited}   (aim: 0), exit code {swept.exit_code}, peak memory {swept.memory}\n"
        f"  notifications: {arrived}\n"
    )
    for route, count in sorted(swept.requests.items()):
        sys.stdout.write(f"  {count:>5} {route}\n")
    sys.stdout.flush()


def main() -> None:
    """Print how long sweeps take, with members that Discord was asked about before, and with others."""
    report("1,000 members", measure(1_000, is_known=True), "   (aim: at most 1.05)")
    report("100 members to be listed", measure(100, is_known=False, members_intent=True))
    report("100 members to be looked at one by one", measure(100, is_known=False))


if __name__ == "__main__":
    main()
