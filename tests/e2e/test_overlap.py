"""Runs that overlap: eight checks at once, and other commands while one is at it."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.patience import PATIENT
from forks import ForkedHost, Forker, forked
from scene import FULL, GAME, Scene, finish

from giftping.demo import faults

AT_ONCE = 8
ROUNDS = 20 if FULL else 10
CHECK = ("codes", "check")


@pytest.fixture
def host(scene: Scene, forker: Forker) -> ForkedHost:
    scene.list_codes()
    return forked(scene.host(token=True), forker)


def test_of_eight_checks_at_once_each_code_is_posted_by_one(
    scene: Scene, host: ForkedHost, record_property: Callable[[str, object], None]
) -> None:
    """D2: overlapping runs post nothing twice and lose nothing; who comes too late says who is at it."""
    guilds = [scene.webhook_guild(host), scene.bot_guild(host)]
    ends: Counter[int] = Counter()
    for number in range(ROUNDS):
        codes = [f"ROUND{n}CODE" for n in range(number + 1)]
        scene.list_codes(*codes)
        pids: list[int] = []
        runs = host.run_together([CHECK] * AT_ONCE, on_start=pids.extend)
        ends.update(ran.exit_code for ran in runs)
        assert {ran.exit_code for ran in runs} <= {0, 75}, runs
        assert [ran for ran in runs if ran.exit_code == 0]
        for ran in runs:
            if ran.exit_code == 75:
                # Who comes before the other has written its name down cannot give it.
                assert ran.errors == "giftping: another run holds the lock\n" or named_pid(ran.errors) in pids
                assert ran.output == ""
            else:
                assert ran.errors == ""
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1)
    assert set(host.states().values()) == {"sent"}
    assert ends[75] > ROUNDS
    record_property("told", f"overlap: {ROUNDS} x {AT_ONCE} checks at once: {ends[0]} ran, {ends[75]} came too late")


def named_pid(errors: str) -> int:
    found = re.fullmatch(r"giftping: another run holds the lock \(pid (\d+), since \d\d:\d\d:\d\d\)\n", errors)
    assert found, errors
    return int(found[1])


def test_all_who_come_while_a_check_is_at_work_name_it_and_leave(scene: Scene, tmp_path: Path) -> None:
    """The whole command as cron starts it: seven more while the first waits for its source."""
    scene.list_codes("FIRST1CODE")
    host = scene.host()
    guild = scene.bot_guild(host)
    asked, released = threading.Event(), threading.Event()
    scene.sources.fail(f"/{GAME}", faults.call(asked.set, faults.hang(released)), times=1)
    first = host.start(*CHECK)
    assert asked.wait(PATIENT)
    others = [finish(process) for process in [host.start(*CHECK) for _ in range(AT_ONCE - 1)]]
    assert [(ran.exit_code, named_pid(ran.errors)) for ran in others] == [(75, first.pid)] * (AT_ONCE - 1)
    released.set()
    assert finish(first).exit_code == 0
    assert scene.arrived(guild) == {"FIRST1CODE": 1}


def test_other_commands_beside_a_check_neither_fail_nor_lose_anything(scene: Scene, host: ForkedHost) -> None:
    """What a person does while cron runs a check is seen by that check or by the next one."""
    scene.list_codes("LISTED0CODE")
    first, second = scene.bot_guild(host, 900), scene.webhook_guild(host, 900)
    scene.discord.add_role(second, 77)
    assert host.run(*CHECK).exit_code == 0
    for number in range(1, 1 + ROUNDS // 2):
        scene.list_codes(*(f"LISTED{n}CODE" for n in range(number + 1)))
        added = 2000 + number
        scene.discord.add_guild(added)
        scene.discord.add_channel(10 * added, added)
        scene.channels[added] = 10 * added
        runs = host.run_together(
            [
                CHECK,
                ("guilds", "add", str(added), "--channel", str(10 * added), "--announce-current"),
                ("guilds", "add", str(second), "--mention", "77"),
                ("codes", "add", f"BY{number}HAND", "--game", GAME),
                ("codes", "clear", "--guild", str(first), "--code", f"LISTED{number - 1}CODE", "--yes"),
                ("codes", "stats", "--json"),
                ("guilds", "list", "--json"),
                ("codes", "list", "--json"),
            ]
        )
        assert [(ran.exit_code, ran.errors) for ran in runs] == [(0, "")] * len(runs)
        assert runs[4].output == f"1 entry cleared for guild {first} (guild {first}).\n"
        last = host.run(*CHECK)
        assert (last.exit_code, last.errors) == (0, "")
        codes = {f"LISTED{n}CODE" for n in range(number + 1)} | {f"BY{n + 1}HAND" for n in range(number)}
        assert scene.arrived(second) == dict.fromkeys(codes, 1)
        assert scene.arrived(added) == dict.fromkeys(codes, 1)
        twice = {f"LISTED{n}CODE" for n in range(number)}
        assert scene.arrived(first) == {code: 2 if code in twice else 1 for code in codes}


def test_a_guild_that_is_changed_while_a_check_has_its_first_look_keeps_what_the_check_noted(
    scene: Scene, host: ForkedHost
) -> None:
    """Else the next new code would be taken for one from before the guild's time, and never go out."""
    scene.list_codes("OLD1CODE")
    guild = scene.bot_guild(host, 1)
    scene.discord.add_webhook(9_000_001, "webhook-secret-1", scene.channels[guild])
    assert host.run("guilds", "remove", str(guild), "--yes").exit_code == 0
    assert host.run("guilds", "add", str(guild), "--channel", str(scene.channels[guild])).exit_code == 0
    secret = host.folder / "webhook-url"
    os.mkfifo(secret)
    slow = host.start("guilds", "add", str(guild), "--webhook", f"file:{secret}")
    with secret.open("w") as pipe:
        # The command has opened its secret, and waits for what it holds.
        assert host.run(*CHECK).exit_code == 0
        url = scene.discord.webhook_url(9_000_001)
        pipe.write(url)
        (host.folder / "plain-file").write_text(url)
        (host.folder / "plain-file").replace(secret)
    assert finish(slow).exit_code == 0
    scene.list_codes("OLD1CODE", "NEW2CODE")
    assert host.run(*CHECK).exit_code == 0
    assert scene.arrived(guild) == {"NEW2CODE": 1}
    assert host.states()[f"{guild}:NEW2CODE"] == "sent"
