"""Real servers are killed, stopped and started again while runs go on: a replica set, and one alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fakes.mongod import Mongod, ReplicaSet, database, new_database, or_skip, own_mongod, shared_replica_set
from forks import ForkedHost, Forker, forked
from mongodb import Ledger, ledger_behind, open_gate, uses, worth_an_outage
from scene import GAME, Scene, sample

from giftping.demo import faults
from giftping.demo.log import Match

CHECK = ("codes", "check")
ALL_GUILDS = 20
POSTS = range(1, ALL_GUILDS + 1)

WAITS_FOR_AN_ELECTION = "serverSelectionTimeoutMS=8000"
DOES_NOT_WAIT = "serverSelectionTimeoutMS=100"


@pytest.fixture
def servers() -> Iterator[ReplicaSet]:
    replica_set: ReplicaSet = or_skip(shared_replica_set)
    replica_set.start()
    yield replica_set
    replica_set.start()


@pytest.fixture
def alone() -> Iterator[Mongod]:
    mongod: Mongod = or_skip(own_mongod)
    mongod.ensure_started()
    yield mongod
    mongod.kill()
    mongod.start()


@pytest.fixture
def starter(alone: Mongod) -> Iterator[ThreadPoolExecutor]:
    """Return a thread that servers can be started in: they end with the thread that started them."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


def new_host(scene: Scene, forker: Forker, uri: str) -> ForkedHost:
    scene.list_codes()
    host = forked(scene.host(), forker)
    uses(host, uri)
    return host


def until_fine(host: ForkedHost) -> None:
    for _ in range(4):
        if (ran := host.run(*CHECK)).exit_code == 0:
            return
    raise AssertionError(ran)


@pytest.mark.parametrize("patience", [WAITS_FOR_AN_ELECTION, DOES_NOT_WAIT])
def test_the_primary_is_killed_at_a_post_to_one_of_twenty_guilds(
    scene: Scene, forker: Forker, servers: ReplicaSet, patience: str, record_property: Callable[[str, object], None]
) -> None:
    address = new_database(servers.uri)
    ledger = Ledger(address, database(address))
    host = new_host(scene, forker, f"{address}&{patience}")
    guilds = [scene.bot_guild(host, number) for number in range(ALL_GUILDS)]
    until_fine(host)
    codes: list[str] = []
    # Between two posts of one run nothing changes but their number, and each kill costs an election or two.
    for post in sample(POSTS, 13, begin=6 if patience == DOES_NOT_WAIT else 0):
        codes.append(f"POST{post}CODE")
        scene.list_codes(*codes)
        scene.discord.call(servers.primary().kill, match=Match(method="POST", nth=post))
        ran = host.run(*CHECK)
        assert ran.exit_code == 0, ran
        assert scene.discord.unspent_faults() == []
        servers.start()
        until_fine(host)
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1), post
        assert set(ledger.states().values()) == {"sent"}
        assert len(ledger.states()) == ALL_GUILDS * len(codes)
    record_property("told", f"mongodb: primary killed at {len(codes)} of the posts to {ALL_GUILDS} guilds")


def test_the_primary_is_killed_at_each_request_of_a_run(scene: Scene, forker: Forker, servers: ReplicaSet) -> None:
    """While a source has its request, and before and after each post; the next run finds two members of three."""
    address = new_database(servers.uri)
    ledger = Ledger(address, database(address))
    host = new_host(scene, forker, f"{address}&{DOES_NOT_WAIT}")
    guilds = [scene.bot_guild(host, number) for number in range(2)]
    until_fine(host)
    codes: list[str] = []
    moments = [(0, False), (1, False), (1, True), (2, False), (2, True)]
    for number, (post, after) in enumerate(sample(moments, 2)):
        codes.append(f"ROUND{number}CODE")
        scene.list_codes(*codes)
        kill = servers.primary().kill
        if post:
            scene.discord.call(kill, match=Match(method="POST", nth=post), after=after)
        else:
            scene.sources.fail(f"/{GAME}", faults.call(kill), times=1)
        assert host.run(*CHECK).exit_code == 0
        until_fine(host)
        servers.start()
        until_fine(host)
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1), (post, after)
        assert set(ledger.states().values()) == {"sent"}


def test_a_server_alone_is_stopped_and_started_again_at_each_request_of_a_run(
    scene: Scene, forker: Forker, alone: Mongod, starter: ThreadPoolExecutor
) -> None:
    address = new_database(alone.uri)
    ledger = Ledger(address, database(address))
    host = new_host(scene, forker, f"{address}?serverSelectionTimeoutMS=8000")
    guilds = [scene.bot_guild(host, number) for number in range(2)]
    until_fine(host)

    def stop_and_start() -> None:
        alone.stop()
        starter.submit(alone.start).result()

    def kill_and_start() -> None:
        alone.kill()
        starter.submit(alone.start).result()

    codes: list[str] = []
    for number, (post, after, again) in enumerate(
        [(0, False, stop_and_start), (1, False, kill_and_start), (1, True, stop_and_start), (2, False, kill_and_start)]
    ):
        codes.append(f"ROUND{number}CODE")
        scene.list_codes(*codes)
        if post:
            scene.discord.call(again, match=Match(method="POST", nth=post), after=after)
        else:
            scene.sources.fail(f"/{GAME}", faults.call(again), times=1)
        assert host.run(*CHECK).exit_code == 0
        until_fine(host)
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1), (post, after)
        assert set(ledger.states().values()) == {"sent"}


@pytest.mark.parametrize("after", [False, True], ids=["before it has it", "after it was carried out"])
def test_connections_may_be_cut_at_every_command_of_a_run(scene: Scene, forker: Forker, after: bool) -> None:
    """What a server that was stopped and started again between any two commands looks like."""
    with open_gate() as gate:
        ledger = ledger_behind(gate)
        host = new_host(scene, forker, ledger.uri)
        guilds = [scene.bot_guild(host, number) for number in range(2)]
        until_fine(host)
        codes: list[str] = []
        numbers = [0]
        for number in numbers:
            codes.append(f"ROUND{number}CODE")
            scene.list_codes(*codes)
            gate.open()
            if number:
                gate.shut_at(number, after=after, opens_again=True)
            assert host.run(*CHECK).exit_code == 0
            if not number:
                numbers += worth_an_outage(gate.commands, after=after, begin=2)
            until_fine(host)
            for guild in guilds:
                assert scene.arrived(guild) == dict.fromkeys(codes, 1), (number, gate.commands)
            assert set(ledger.states().values()) == {"sent"}
        assert len(numbers) > 5
