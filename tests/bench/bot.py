"""What `giftping bot` costs while nobody asks it anything, and how fast it answers while Discord makes posts wait."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from gateway import LocalGateway
from scene import Host

from giftping.demo.discord import StandInDiscord
from giftping.demo.faults import rate_limited
from giftping.demo.log import Match
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.model import Member
from giftping.todo.repository import MemberChange, MemberRepository

FIRST_GUILD, CHANNELS, ROLES = 10_000, 60, 30
POSTS, WAIT = 6, 20.0
"""How many members hand in while Discord asks to wait, and for how many seconds."""
SECONDS = 60
"""How long it is watched: Discord's interval of heartbeats, 41.25 s, and a little more."""


@dataclass(frozen=True, slots=True)
class Idle:
    """What the kernel says of the process: memory in MiB, and the processor time of a minute in seconds.

    `fresh` is before its first command, `resident` after one of each kind, `peak` the most that it ever had.
    """

    fresh: float
    resident: float
    peak: float
    processor: float
    beats: int


def measure(guilds: int) -> Idle:
    """Return what a bot in so many guilds costs, once it is ready and has nothing to do."""
    with (
        tempfile.TemporaryDirectory() as folder,
        StandInDiscord() as discord,
        LocalGateway(discord, token=discord.bot_token) as gateway,
    ):
        for number in range(guilds):
            first = FIRST_GUILD * (number + 1)
            channels = range(first + 1, first + 1 + CHANNELS)
            gateway.add_guild(first, channels=channels, roles=range(first + 1_000, first + 1_000 + ROLES))
        process = new_host(Path(folder), gateway.api, discord.bot_token).start("bot")
        assert process.stderr is not None
        for line in process.stderr:
            if "ready as" in line:
                break
        fresh = memory(process.pid, "VmRSS")
        for name in ("giftcode", "todostatus"):
            gateway.answer(gateway.slash(name, user_id=1, guild_id=FIRST_GUILD, channel_id=FIRST_GUILD + 1))
        before, beats = processor_seconds(process.pid), gateway.beats
        time.sleep(SECONDS)
        idle = Idle(
            fresh,
            memory(process.pid, "VmRSS"),
            memory(process.pid, "VmHWM"),
            (processor_seconds(process.pid) - before) * 60 / SECONDS,
            gateway.beats - beats,
        )
        process.send_signal(signal.SIGTERM)
        process.communicate()
        assert (process.returncode, gateway.wrong) == (0, [])
        return idle


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long members wait while others' posts do: in seconds, until a command is answered, and until a form opens."""

    command: float
    form: float
    before: float
    """The command's time while nothing waits."""


def measure_waiting() -> Waiting:
    """Return how fast a bot answers while Discord makes posts of TODOs wait."""
    members = range(1, POSTS + 2)
    where = {"guild_id": FIRST_GUILD, "channel_id": FIRST_GUILD + 1}
    with (
        tempfile.TemporaryDirectory() as folder,
        StandInDiscord() as discord,
        LocalGateway(discord, token=discord.bot_token) as gateway,
    ):
        discord.add_guild(FIRST_GUILD)
        discord.set_bot(FIRST_GUILD)
        discord.add_channel(FIRST_GUILD + 1, FIRST_GUILD)
        gateway.add_guild(FIRST_GUILD, channels=(FIRST_GUILD + 1,))
        host = new_host(Path(folder), gateway.api, discord.bot_token)
        now = datetime.now(UTC)
        with Store(TinyEngine(host.state)) as store:
            changes = [MemberChange(Member(one, f"member {one}", added=now)) for one in members]
            MemberRepository(store, lambda: now).save(changes)
        with host.start("bot") as process:
            forms = [gateway.answer(gateway.slash("todo", user_id=one, **where)) for one in members[:-1]]
            before = seconds_of(gateway, "giftcode", user_id=members[-1], **where)
            posts = Match("POST", "/channels/{channel_id}/messages")
            discord.fail(rate_limited(retry_after=WAIT), match=posts, times=POSTS)
            for form, one in zip(forms, members, strict=False):
                gateway.submit(form, {"Must do": f"chapter {one}"}, user_id=one, **where)
            gateway.wait_until(lambda: any(map(posts.takes, discord.requests)), "nobody has posted")
            time.sleep(1)
            command = seconds_of(gateway, "giftcode", user_id=members[-1], **where)
            form_opens = seconds_of(gateway, "todo", user_id=members[-1], **where)
            process.send_signal(signal.SIGTERM)
            process.communicate()
        return Waiting(command, form_opens, before)


def seconds_of(gateway: LocalGateway, name: str, **given: int) -> float:
    """Return the seconds until a command has its whole answer."""
    began = time.monotonic()
    gateway.answer(gateway.slash(name, **given))
    return time.monotonic() - began


def new_host(folder: Path, api: str, token: str) -> Host:
    """Return a machine for a bot that takes TODOs in the first guild."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "GIFTPING_STATE": str(folder / "state"),
        "GIFTPING_DISCORD_API": api,
        "DISCORD_TOKEN": token,
        "GUILD_ID": str(FIRST_GUILD),
        "TODO_CHANNEL_ID": str(FIRST_GUILD + 1),
    }
    return Host(folder, environment)


def memory(pid: int, key: str) -> float:
    """Return what Linux tells of a process's memory, in MiB."""
    found = re.search(rf"^{key}:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process's threads have used; the ticks of proc(5) are too coarse for this."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def main(guilds: Sequence[int] = (1, 100)) -> None:
    """Print what an idle bot costs in one guild, and in many with channels and roles of their own."""
    for count in guilds:
        idle = measure(count)
        sys.stdout.write(
            f"{count:>4} guilds: {idle.fresh:.0f} MiB, {idle.resident:.0f} MiB once commands were used"
            f" (peak {idle.peak:.0f} MiB);"
            f" {idle.processor * 1000:.1f} ms of processor time a minute, {idle.beats} heartbeats\n"
        )
        sys.stdout.flush()
    waiting = measure_waiting()
    sys.stdout.write(
        f"while {POSTS} posts wait {WAIT:.0f} s: /giftcode {waiting.command * 1000:.0f} ms"
        f" ({waiting.before * 1000:.0f} ms before), the form {waiting.form * 1000:.0f} ms\n"
    )


if __name__ == "__main__":
    main()
