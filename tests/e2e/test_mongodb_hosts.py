"""Hosts that use one MongoDB of three members, with what the settings say by default, and with mongo.shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes.mongod import ReplicaSet, database, new_database, or_skip, shared_replica_set
from forks import ForkedHost, Forker, forked
from mongodb import Ledger, shares, uses
from scene import Scene

CHECK = ("codes", "check")
IMPATIENT = "serverSelectionTimeoutMS=100"
"""Less than an election takes: whoever runs in it finds MongoDB away."""


@pytest.fixture
def servers() -> Iterator[ReplicaSet]:
    replica_set: ReplicaSet = or_skip(shared_replica_set)
    replica_set.start()
    yield replica_set
    replica_set.start()


@pytest.fixture
def address(servers: ReplicaSet) -> str:
    return f"{new_database(servers.uri)}&{IMPATIENT}"


def hosts_of(scene: Scene, forker: Forker, address: str, *, shared: bool) -> list[ForkedHost]:
    scene.list_codes()
    hosts = [forked(scene.host(name), forker) for name in ("first", "second")]
    for host in hosts:
        uses(host, address, shared=shared)
    return hosts


def states(address: str) -> set[str]:
    return set(Ledger(address, database(address)).states().values())


def own_name(host: ForkedHost) -> str:
    name: str = host.run("store", "status", "--json").json["host"]
    return name


def test_by_default_the_second_host_refuses_and_says_how_and_nothing_goes_out_twice_in_an_election(
    scene: Scene, forker: Forker, servers: ReplicaSet, address: str
) -> None:
    first, second = hosts_of(scene, forker, address, shared=False)
    guilds = [scene.bot_guild(first, number) for number in range(4)]
    assert first.run(*CHECK).exit_code == 0
    refused = second.run(*CHECK)
    assert (refused.exit_code, refused.output) == (69, "")
    assert own_name(first) in refused.errors
    assert "set shared = true in [mongo] on all hosts" in refused.errors
    assert f"giftping store forget {own_name(first)}" in refused.errors
    assert refused.errors.count("\n") == 1
    servers.primary().kill()
    scene.list_codes("ELECTION1CODE")
    ran = [host.run(*CHECK) for host in (second, first)]
    assert ran[0].exit_code == 69
    for guild in guilds:
        assert set(scene.arrived(guild).values()) <= {1}
    servers.start()
    assert first.run("store", "forget", own_name(second), "--yes").exit_code == 0
    assert first.run(*CHECK).exit_code == 0
    for guild in guilds:
        assert scene.arrived(guild) == {"ELECTION1CODE": 1}


def test_the_second_one_alone_posts_nothing_at_all_until_it_shares_with_the_first(
    scene: Scene, forker: Forker, address: str
) -> None:
    first, second = hosts_of(scene, forker, address, shared=False)
    guild = scene.bot_guild(first)
    assert first.run(*CHECK).exit_code == 0
    scene.list_codes("NEW1CODE")
    for options in ((), ("--dry-run",), ("--json",)):
        assert second.run(*CHECK, *options).exit_code == 69
    assert (scene.arrived(guild), states(address)) == ({}, set())
    shares(second)
    assert second.run(*CHECK).exit_code == 69
    assert scene.arrived(guild) == {}
    shares(first)
    assert first.run(*CHECK).exit_code == 0
    assert second.run(*CHECK).exit_code == 0
    assert scene.arrived(guild) == {"NEW1CODE": 1}


def test_hosts_that_share_lose_nothing_and_repeat_nothing_in_an_election(
    scene: Scene, forker: Forker, servers: ReplicaSet, address: str
) -> None:
    hosts = hosts_of(scene, forker, address, shared=True)
    guilds = [scene.bot_guild(hosts[0], number) for number in range(4)]
    for host in hosts:
        assert host.run(*CHECK).exit_code == 0
    codes = []
    for number in range(3):
        codes.append(f"ELECTION{number}CODE")
        servers.primary().kill()
        scene.list_codes(*codes)
        assert {host.run(*CHECK).exit_code for host in hosts} <= {0, 69}
        servers.start()
        for host in hosts:
            assert host.run(*CHECK).exit_code == 0
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1)
        assert states(address) == {"sent"}


def test_what_is_said_of_the_store_names_the_hosts_and_whether_they_share(
    scene: Scene, forker: Forker, address: str
) -> None:
    first, second = hosts_of(scene, forker, address, shared=True)
    shares(second, shared=False)
    scene.bot_guild(first)
    assert first.run(*CHECK).exit_code == 0
    second.run(*CHECK)
    ran = first.run("store", "status", "--json")
    assert ran.exit_code == 69
    assert {(host["own"], host["shared"]) for host in ran.json["hosts"]} == {(True, True), (False, False)}
    assert "runs without mongo.shared" in ran.json["held_back"]
    unknown = first.run("store", "forget", own_name(second)[:-1], "--yes")
    assert unknown.exit_code == 2
    assert f"did you mean {own_name(second)!r}" in unknown.errors
    assert first.run("store", "forget", own_name(second)).exit_code == 2
    own = first.run("store", "forget", own_name(first), "--yes")
    assert (own.exit_code, own.output) == (2, "")
    assert f"{own_name(first)} is this host" in own.errors
    assert first.run("store", "forget", own_name(second), "--yes").exit_code == 0
    assert first.run("store", "status", "--json").json["held_back"] is None
