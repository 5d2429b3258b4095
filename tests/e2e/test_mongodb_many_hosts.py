"""Several hosts, each with its own state folder, one MongoDB, the same sources, all at once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from forks import NONE, ForkedHost, Forker, Trouble, Victim, forked, run_at_once, wait_until_quiet
from mongodb import Ledger, uses
from plays import kill_at_request
from scene import FULL, GAME, Scene

HOSTS = 3
ROUNDS = 50 if FULL else 10
GUILDS = 3
SHORT_LEASE = '[codes]\nbuilt_in_sources = false\nlease = "2s"\nbudget = "1s"\n'
CHECK = ("codes", "check")


def machine(scene: Scene, forker: Forker, ledger: Ledger, name: str, settings: str = "") -> ForkedHost:
    host = scene.host(name, settings=settings)
    uses(host, ledger.uri, shared=True)
    return forked(host, forker)


def test_three_hosts_at_once_with_random_kills_post_nothing_twice_and_lose_nothing(
    scene: Scene, forker: Forker, ledger: Ledger, record_property: Callable[[str, object], None]
) -> None:
    scene.list_codes()
    hosts = [machine(scene, forker, ledger, f"host-{number}", SHORT_LEASE) for number in range(HOSTS)]
    guilds = [scene.bot_guild(hosts[0], number) for number in range(GUILDS)]
    chance = random.Random(20_261_120)
    for host in hosts:
        assert host.run(*CHECK).exit_code == 0
    ends: Counter[int] = Counter()
    codes: list[str] = []
    for number in range(ROUNDS):
        codes.append(f"ROUND{number}CODE")
        scene.list_codes(*codes)
        troubles = [Trouble(kill_at=chance.randint(1, 110)) if chance.random() < 0.6 else NONE for _ in hosts]
        ran = run_at_once(hosts, CHECK, troubles)
        ends.update(one.exit_code for one in ran)
        assert {one.exit_code for one in ran} <= {0, 69, -9}, ran
        wait_until_quiet(scene.discord)
        for guild in guilds:
            assert set(scene.arrived(guild).values()) <= {1}, (number, scene.arrived(guild))
    while set(ledger.states().values()) != {"sent"} or len(ledger.states()) < GUILDS * ROUNDS:
        run_at_once(hosts, CHECK)
    for guild in guilds:
        assert scene.arrived(guild) == dict.fromkeys(codes, 1)
    assert ends[-9] > ROUNDS // 3
    record_property("told", f"mongodb: {HOSTS} hosts x {ROUNDS} rounds: {ends[-9]} runs killed, {ends[0]} fine")


def test_claims_of_a_host_that_died_hold_the_others_up_no_longer_than_the_lease(
    scene: Scene, forker: Forker, ledger: Ledger
) -> None:
    scene.list_codes()
    first, second = (machine(scene, forker, ledger, name) for name in ("first", "second"))
    guild = scene.bot_guild(first)
    for host in (first, second):
        assert host.run(*CHECK).exit_code == 0
    scene.list_codes("CLAIMED1CODE")
    victim = Victim()
    kill_at_request(scene, victim, 1, "never stored")
    assert first.run(*CHECK, on_start=victim.started).exit_code == -9
    assert ledger.states() == {f"{guild}:CLAIMED1CODE": "open"}
    for ahead, arrived in ((timedelta(minutes=9), {}), (timedelta(minutes=10, seconds=5), {"CLAIMED1CODE": 1})):
        second.ahead = ahead
        scene.discord.clock.forward(ahead)
        assert second.run(*CHECK).exit_code == 0
        assert scene.arrived(guild) == arrived
    assert ledger.states() == {f"{guild}:CLAIMED1CODE": "sent"}


def test_on_the_bot_route_clocks_nine_minutes_apart_post_nothing_twice(
    scene: Scene, forker: Forker, ledger: Ledger
) -> None:
    """A live claim then looks nearly as old as its lease; both hosts go by Discord's time, not by their own."""
    scene.list_codes()
    first, second = (machine(scene, forker, ledger, name) for name in ("first", "second"))
    guild = scene.bot_guild(first)
    second.ahead = timedelta(minutes=9)
    for host in (first, second):
        assert host.run(*CHECK).exit_code == 0
    codes = []
    for number in range(5):
        codes.append(f"ROUND{number}CODE")
        scene.list_codes(*codes)
        run_at_once([first, second], CHECK)
        assert set(scene.arrived(guild).values()) == {1}
    assert scene.arrived(guild) == dict.fromkeys(codes, 1)


def test_a_guild_added_by_hand_on_one_host_and_a_code_on_another_meet(
    scene: Scene, forker: Forker, ledger: Ledger
) -> None:
    scene.list_codes()
    first, second = (machine(scene, forker, ledger, name) for name in ("first", "second"))
    guild = scene.bot_guild(first)
    assert second.run("codes", "add", "BYHAND1", "--game", GAME).exit_code == 0
    for host in (first, second, first):
        assert host.run(*CHECK).exit_code == 0
    assert scene.arrived(guild) == {"BYHAND1": 1}


def test_a_code_that_two_guilds_add_on_two_hosts_and_then_the_operator_goes_to_each_guild_once(
    scene: Scene, forker: Forker, ledger: Ledger
) -> None:
    scene.list_codes()
    first, second = hosts = [machine(scene, forker, ledger, name) for name in ("first", "second")]
    guilds = [scene.bot_guild(first, number) for number in (1, 2, 3)]
    for host in hosts:
        assert host.run(*CHECK).exit_code == 0
    for host, guild in zip(hosts, guilds, strict=False):
        assert host.run("codes", "add", "OURS1CODE", "--game", GAME, "--guild", str(guild)).exit_code == 0
    run_at_once(hosts, CHECK)
    assert [scene.arrived(guild) for guild in guilds] == [{"OURS1CODE": 1}, {"OURS1CODE": 1}, {}]
    assert second.run("codes", "add", "OURS1CODE", "--game", GAME).exit_code == 0
    run_at_once(hosts, CHECK)
    run_at_once(hosts, CHECK)
    assert [scene.arrived(guild) for guild in guilds] == [{"OURS1CODE": 1}] * 3
