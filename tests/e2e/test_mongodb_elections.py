"""Three hosts that share a MongoDB of three members, by codes and TODOs, while it loses one primary after another.

The clocks of two of the hosts are nine minutes off.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from elections import Electorate, Fate
from fakes.mongod import database, new_database, new_folder, or_skip
from fakes.patience import PATIENT
from forks import ForkedHost, Forker, forked, run_side_by_side, wait_until_quiet
from mongodb import Ledger, shares
from scene import FULL, Ran, Scene
from todo_scene import ANN, BEN, INTERVAL, NEW, SETTINGS, SWEEP, TodoScene, members, todo_scene

from giftping.demo.log import Match
from giftping.todo.model import Member

CHECK = ("codes", "check")
pytestmark = pytest.mark.xdist_group("electorate")
FINE, TROUBLE = 0, 69
MINUTE = timedelta(minutes=1)
OFF = (timedelta(0), 9 * MINUTE, -9 * MINUTE)
"""How far the clocks of the hosts are off."""

REMINDED = (ANN, BEN, NEW)
"""Who is overdue all the time; all of them are due again in each round, and keep the role however many there are."""

KEPT = 'remove_after = "365d"\n'

QUICK, LONG = 1_000, 10_000
"""How long the members wait for a silent primary, in milliseconds: less than giftping does, and MongoDB's default."""

FATES = tuple(Fate) if FULL else (Fate.NEVER_SEEN, Fate.CARRIED_OUT, Fate.ROLLED_BACK, Fate.PARTED)
EACH = {QUICK: 17, LONG: 61} if FULL else {QUICK: 50}
"""How far the commands are apart at which a primary is lost, of about 200 in a round."""

POST = Match("POST")
CALM_RUNS = 3


@dataclass
class Play:
    """Hosts that share a database, guilds by both routes and a roster, and the codes that were listed so far."""

    scene: Scene
    todo: TodoScene
    servers: Electorate
    ledger: Ledger
    hosts: list[ForkedHost]
    guilds: list[int]
    codes: list[str] = field(default_factory=list)
    began: datetime | None = None
    """When the round began."""

    def pass_time(self, by: timedelta) -> None:
        self.todo.pass_time(by)
        self.set_clocks()

    def set_clocks(self) -> None:
        for host, off in zip(self.hosts, OFF, strict=False):
            host.ahead = self.hosts[0].ahead + off

    def begin_round(self) -> None:
        """List one more code, and let everybody on the roster be due, who was not a moment before."""
        self.pass_time(INTERVAL - 5 * MINUTE)
        before = self.scene.discord.count(POST)
        assert {host.run(*SWEEP).exit_code for host in self.hosts} == {FINE}
        assert self.scene.discord.count(POST) == before
        self.pass_time(5 * MINUTE)
        self.codes.append(f"ROUND{len(self.codes)}CODE")
        self.scene.list_codes(*self.codes)
        self.began = self.scene.discord.clock()

    def all_at_once(self) -> list[Ran]:
        """Checks and sweeps on all hosts, on two of them together."""
        first, *others = self.hosts
        ran = run_side_by_side([(first, CHECK), *((host, job) for host in others for job in (SWEEP, CHECK))])
        assert {one.exit_code for one in ran} <= {FINE, TROUBLE}, ran
        # An election is no restored backup.
        assert [one for one in ran if "rolled back" in one.errors] == []
        return ran

    def end_round(self, what: object = "") -> None:
        """Let MongoDB be whole, and all hosts run until all is well: everything went out once."""
        self.servers.start()
        for _ in range(CALM_RUNS):
            ran = [host.run(*command) for host in self.hosts for command in (CHECK, SWEEP)]
            assert [one for one in ran if "rolled back" in one.errors] == [], what
            if {one.exit_code for one in ran} == {FINE}:
                break
        assert {one.exit_code for one in ran} == {FINE}, (what, ran)
        wait_until_quiet(self.scene.discord)
        for guild in self.guilds:
            assert self.scene.arrived(guild) == dict.fromkeys(self.codes, 1), what
        # Requests, too, before a nonce made one message of two.
        assert self.scene.discord.written_again == Counter(), what
        assert set(self.ledger.states().values()) <= {"sent"}, what
        self.todo.hold_promises()
        assert self.began is not None
        legs = [(one.user_id, one.leg) for one in self.todo.received() if one.at >= self.began and one.is_ping]
        assert sorted(legs) == sorted((user_id, leg) for user_id in REMINDED for leg in ("channel", "dm")), what

    def join(self, name: str, *, shared: bool) -> ForkedHost:
        """One more host of the same settings."""
        host = self.scene.host(name, settings=SETTINGS + KEPT)
        host.environment.update(self.hosts[0].environment, GIFTPING_STATE=str(host.state), HOME=str(host.folder))
        shares(host, shared=shared)
        self.hosts.append(forked(host, self.hosts[0].forker))
        self.set_clocks()
        return self.hosts[-1]


def reminded(began: datetime, dm_channels: dict[int, int]) -> list[Member]:
    overdue = [member for member in members(began, dm_channels) if member.user_id in REMINDED]
    return [replace(member, last_submit=began - timedelta(hours=25), last_ping=None) for member in overdue]


@pytest.fixture(scope="module")
def servers() -> Iterator[Electorate]:
    running: Electorate = or_skip(lambda: Electorate(new_folder()))
    with ExitStack() as stack:
        for member in running.members:
            stack.callback(member.kill)
        yield running


@pytest.fixture
def play(scene: Scene, forker: Forker, servers: Electorate) -> Play:
    """Two hosts that share a database; a third one may join them."""
    servers.start()
    servers.elect_within(QUICK)
    scene.list_codes()
    address = new_database(servers.uri)
    ledger = Ledger(address, database(address))
    todo = todo_scene(scene, forker, reminded, ledger=ledger, settings=KEPT)
    guilds = [scene.bot_guild(todo.host), scene.webhook_guild(todo.host)]
    shares(todo.host)
    play = Play(scene, todo, servers, ledger, [todo.host], guilds)
    play.join("second", shared=True)
    for host in play.hosts:
        assert host.run(*CHECK).exit_code == FINE
        assert host.run(*SWEEP).exit_code == FINE
    return play


def commands_of_a_round(play: Play) -> Sequence[str]:
    play.begin_round()
    play.servers.fronts.begin()
    play.all_at_once()
    commands = list(play.servers.fronts.commands)
    play.end_round()
    return commands


@pytest.mark.timeout(3600 if FULL else 900)
def test_wherever_the_primary_is_lost_nothing_goes_out_twice_and_nothing_is_lost(
    play: Play, record_property: Callable[[str, object], None]
) -> None:
    play.join("third", shared=True)
    commands = commands_of_a_round(play)
    ends: Counter[int] = Counter()
    lost = 0
    for milliseconds, each in EACH.items():
        play.servers.elect_within(milliseconds)
        numbers = range(1 + each // 2, len(commands), each)
        plays = [(fate, number) for number in numbers for fate in FATES] if FULL else zip(FATES, numbers, strict=False)
        for fate, number in plays:
            play.begin_round()
            play.servers.fronts.begin(number, fate)
            ends.update(one.exit_code for one in play.all_at_once())
            lost += play.servers.fronts.lost is not None
            play.end_round((fate, number, play.servers.fronts.commands[number - 1 : number]))
    assert lost >= 3
    record_property("told", f"mongodb: 3 hosts, {lost} primaries lost on the way: {ends[0]} runs fine, {ends[69]} held")


def test_in_an_election_of_ten_seconds_all_is_held_whoever_joins_is_forgotten_or_has_a_wrong_clock(play: Play) -> None:
    first, second = play.hosts
    discord = play.scene.discord
    play.begin_round()

    # It joins without saying that others use the database, too: nobody sends until it does, or is gone.
    third = play.join("third", shared=False)
    before = discord.count(POST)
    refused, silent = third.run(*CHECK), third.run(*SWEEP)
    assert {(ran.exit_code, ran.output) for ran in (refused, silent)} == {(TROUBLE, "")}
    assert silent.errors == "", "it is no single job's: the one that meets it first tells it"
    names = [name_of(host) for host in (first, second)]
    assert all(name in refused.errors for name in names)
    assert "set shared = true in [mongo] on all hosts" in refused.errors
    assert "giftping store forget HOST" in refused.errors
    assert {host.run(*CHECK).exit_code for host in (first, second)} == {TROUBLE}
    assert discord.count(POST) == before
    shares(third)
    play.end_round("joined")

    # Killed, or hanging: MongoDB's default is to wait ten seconds, and giftping's to wait three. In place of one that
    # hangs nobody is elected while the hosts wait, however slow this machine is: it comes back.
    for lose, within in (("kill", LONG), ("pause", PATIENT * 1000)) if FULL else (("pause", PATIENT * 1000),):
        play.servers.elect_within(round(within))
        play.begin_round()
        before = discord.count(POST)
        getattr(play.servers.primary(), lose)()
        for host in play.hosts:
            host.in_a_hurry = True
        ran = play.all_at_once()
        for host in play.hosts:
            host.in_a_hurry = False
        assert {one.exit_code for one in ran} == {TROUBLE}, ran
        assert discord.count(POST) == before
        play.end_round(lose)
    play.servers.elect_within(QUICK)

    # It is forgotten, and comes back; a clock that is wrong sends nothing, whoever is primary.
    play.begin_round()
    assert first.run("store", "forget", name_of(third), "--yes").exit_code == FINE
    before = discord.count(POST)
    second.ahead, third.ahead = first.ahead + 20 * MINUTE, first.ahead - 20 * MINUTE
    for host in (second, third):
        ran = host.run(*CHECK)
        assert ran.exit_code == TROUBLE
        assert "nothing is sent until it is right" in ran.errors
    play.servers.primary().kill()
    for host in (second, third):
        for command in (CHECK, SWEEP):
            assert host.run(*command).exit_code == TROUBLE
    assert discord.count(POST) == before
    play.set_clocks()
    play.end_round("forgotten, and wrong clocks")


def name_of(host: ForkedHost) -> str:
    name: str = host.run("store", "status", "--json").json["host"]
    return name
