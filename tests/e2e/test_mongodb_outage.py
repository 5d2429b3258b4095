"""MongoDB is the ledger: it is there, it is away, it goes away at every step of a run, and it comes back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from forks import ForkedHost, Forker, forked
from mongodb import Gate, Ledger, shares, uses, worth_an_outage
from plays import put_clocks
from scene import GAME, Ran, Scene

from giftping.demo import faults
from giftping.demo.log import Match

CHECK = ("codes", "check")
HOLD = '[mongo]\non_outage = "hold"\n'
GUILDS = 3


@pytest.fixture
def new_host(scene: Scene, ledger: Ledger, forker: Forker) -> Callable[..., ForkedHost]:
    def new(name: str = "host", settings: str = "", *, shared: bool = False) -> ForkedHost:
        host = forked(scene.host(name, settings=settings), forker)
        uses(host, ledger.uri, shared=shared)
        return host

    scene.list_codes()
    return new


@pytest.fixture
def host(new_host: Callable[..., ForkedHost]) -> ForkedHost:
    return new_host()


def fine(ran: Ran) -> Ran:
    assert (ran.exit_code, ran.errors) == (0, ""), ran
    return ran


def test_two_hosts_with_one_mongodb_announce_each_code_once(
    scene: Scene, host: ForkedHost, new_host: Callable[..., ForkedHost], ledger: Ledger
) -> None:
    second = new_host("second", shared=True)
    shares(host)
    guilds = [scene.webhook_guild(host, 1), scene.bot_guild(host, 1)]
    second.environment["HOOK_1"] = host.environment["HOOK_1"]
    scene.list_codes("FIRST1CODE", "FIRST2CODE")
    for one in (host, second, host, second):
        fine(one.run(*CHECK))
    added_elsewhere = scene.bot_guild(second, 2)
    scene.list_codes("FIRST1CODE", "FIRST2CODE", "THIRD3CODE")
    for one in (host, second):
        fine(one.run(*CHECK))
    for guild in [*guilds, added_elsewhere]:
        assert scene.arrived(guild) == {"FIRST1CODE": 1, "FIRST2CODE": 1, "THIRD3CODE": 1}
    assert set(ledger.states().values()) == {"sent"}
    assert len(ledger.states()) == 9


def test_a_host_that_never_met_mongodb_and_finds_it_away_posts_and_seeds_nothing(
    scene: Scene, host: ForkedHost, gate: Gate
) -> None:
    """D4, D6: a read error is never an empty ledger."""
    scene.bot_guild(host)
    scene.list_codes("FIRST1CODE")
    newcomer = forked(scene.host("newcomer"), host.forker)
    uses(newcomer, host.environment["MONGO_URI"])
    gate.shut()
    for arguments in (
        CHECK,
        (*CHECK, "--dry-run"),
        ("codes", "stats"),
        ("guilds", "add", "77", "--channel", "78", "--no-check"),
    ):
        ran = newcomer.run(*arguments)
        assert ran.exit_code == 69
        assert ran.output == ""
        assert ran.errors.count("\n") == 1
        assert "the connection was refused" in ran.errors
        assert "has never met it" in ran.errors
    assert scene.discord.arrived() == []
    assert newcomer.ledger() == {}
    gate.open()
    scene.list_codes("FIRST1CODE")
    fine(newcomer.run(*CHECK))
    assert scene.arrived(2001) == {"FIRST1CODE": 1}


def test_while_it_is_away_the_mirror_serves_and_its_return_brings_back_everything_once(
    scene: Scene, host: ForkedHost, gate: Gate, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("BEFORE1CODE")
    fine(host.run(*CHECK))
    gate.shut()
    scene.list_codes("BEFORE1CODE", "DURING1CODE")
    ran = host.run(*CHECK)
    assert ran.exit_code == 0
    assert ran.errors.count("going on with the mirror") == 1
    assert ran.errors.count("\n") == 1
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "DURING1CODE": 1}
    recorded = host.ledger()[f"{guild}:DURING1CODE"]
    assert recorded["state"] == "sent"
    assert set(ledger.states()) == {f"{guild}:BEFORE1CODE"}
    gate.open()
    back = host.run(*CHECK)
    assert back.exit_code == 0
    assert back.errors.count("is back") == 1
    carried = ledger.entries()[f"{guild}:DURING1CODE"]
    assert carried == recorded
    fine(host.run(*CHECK))
    assert ledger.entries()[f"{guild}:DURING1CODE"] == carried
    second = new_host("second", shared=True)
    shares(host)
    for one in (host, second):
        fine(one.run(*CHECK))
    assert scene.arrived(guild) == {"BEFORE1CODE": 1, "DURING1CODE": 1}


def test_what_one_host_carried_back_late_is_in_the_mirrors_of_the_others(
    scene: Scene, host: ForkedHost, gate: Gate, new_host: Callable[..., ForkedHost], ledger: Ledger
) -> None:
    """It was written long before: the date of writing does not show the other hosts that it is new to them."""
    guild = scene.bot_guild(host)
    second = new_host("second", shared=True)
    shares(host)
    for one in (host, second):
        fine(one.run(*CHECK))
    # The first one is alone for a while: two that go on without MongoDB there are no more.
    known = host.run("store", "status", "--json").json["hosts"]
    (other,) = [one["name"] for one in known if not one["own"]]
    assert host.run("store", "forget", other, "--yes").exit_code == 0
    shares(host, shared=False)
    fine(host.run(*CHECK))
    gate.shut()
    scene.list_codes("DURING1CODE")
    assert host.run(*CHECK).exit_code == 0
    gate.open()
    shares(host)
    put_clocks(scene, host, timedelta(minutes=30))
    second.ahead = host.ahead
    scene.list_codes()
    # The first one has not run since it shares again.
    assert second.run(*CHECK).exit_code == 69
    assert host.run(*CHECK).exit_code == 0
    put_clocks(scene, second, timedelta(minutes=30))
    assert second.run(*CHECK).exit_code == 0
    gate.shut()
    scene.list_codes("DURING1CODE")
    assert second.run(*CHECK).exit_code == 69
    assert scene.arrived(guild) == {"DURING1CODE": 1}
    assert f"{guild}:DURING1CODE" in second.ledger()


@pytest.mark.parametrize("after", [False, True], ids=["before it has it", "after it was carried out"])
def test_it_may_go_away_at_every_command_of_a_run(
    scene: Scene,
    host: ForkedHost,
    gate: Gate,
    ledger: Ledger,
    after: bool,
    record_property: Callable[[str, object], None],
) -> None:
    guilds = [scene.bot_guild(host, number) for number in range(GUILDS)]
    fine(host.run(*CHECK))
    codes: list[str] = []
    numbers = [0]
    for number in numbers:
        codes.append(f"ROUND{number}CODE")
        scene.list_codes(*codes)
        gate.open()
        if number:
            gate.shut_at(number, after=after)
        ran = host.run(*CHECK)
        assert ran.exit_code == 0, (number, gate.commands, ran)
        if not number:
            commands = len(gate.commands)
            numbers += worth_an_outage(gate.commands, after=after)
        # With the last two it only tells the others that it is over: nothing is missed without them.
        told = {0} if not number else {1} if number <= commands - 2 else {0, 1}
        assert ran.errors.count("\n") in told, (number, ran)
        recorded = {id_: entry for id_, entry in host.ledger().items() if id_.endswith(f":{codes[-1]}")}
        gate.open()
        ran = host.run(*CHECK)
        assert ran.exit_code == 0, (number, ran)
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1), (number, gate.commands)
        entries = ledger.entries()
        assert {entry["state"] for entry in entries.values()} == {"sent"}, number
        assert len(entries) == len(guilds) * len(codes)
        assert {id_: entries[id_] for id_ in recorded} == recorded, number
        assert host.ledger() == entries, number
    assert commands > 15
    times = f"{len(numbers) - 1} of {commands} commands of a run, {'after' if after else 'before'} it"
    record_property("told", f"mongodb: away at {times}")


def test_it_may_go_away_at_every_post(scene: Scene, host: ForkedHost, gate: Gate, ledger: Ledger) -> None:
    guilds = [scene.webhook_guild(host, number) for number in range(6)]
    fine(host.run(*CHECK))
    codes = []
    for number in range(1, len(guilds) + 1):
        codes.append(f"ROUND{number}CODE")
        scene.list_codes(*codes)
        scene.discord.call(gate.shut, match=Match(method="POST", nth=number))
        ran = host.run(*CHECK)
        assert ran.exit_code == 0, ran
        assert ran.errors.count("going on with the mirror") == 1
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1)
        gate.open()
        assert host.run(*CHECK).exit_code == 0
        assert len(ledger.states()) == len(guilds) * len(codes)
        assert set(ledger.states().values()) == {"sent"}


def test_with_hold_nothing_is_posted_while_it_is_away_and_everything_at_its_return(
    scene: Scene, new_host: Callable[..., ForkedHost], gate: Gate, ledger: Ledger
) -> None:
    host = new_host("holding", settings=HOLD)
    guild, by_webhook = scene.bot_guild(host), scene.webhook_guild(host)
    fine(host.run(*CHECK))
    gate.shut()
    scene.list_codes("DURING1CODE")
    told = host.run(*CHECK)
    assert told.exit_code == 69
    assert "nothing is announced until it is back" in told.errors
    again = host.run(*CHECK, "--json")
    assert again.exit_code == 69
    assert "nothing is announced until it is back" in str(again.json["trouble"])
    assert scene.discord.arrived() == []
    gate.open()
    assert host.run(*CHECK).exit_code == 0
    assert scene.arrived(guild) == scene.arrived(by_webhook) == {"DURING1CODE": 1}
    assert set(ledger.states().values()) == {"sent"}


@pytest.mark.parametrize(
    "command", [("codes", "clear", "--guild", "{guild}", "--yes"), ("codes", "withdraw", "GIFT1CODE")]
)
def test_what_needs_a_shared_database_is_refused_while_it_is_away_in_one_line(
    scene: Scene, new_host: Callable[..., ForkedHost], gate: Gate, command: tuple[str, ...]
) -> None:
    host = new_host("sharing")
    shares(host)
    guild = scene.bot_guild(host)
    scene.list_codes("GIFT1CODE")
    fine(host.run(*CHECK))
    gate.shut()
    refused = host.run(*(word.format(guild=guild) for word in command))
    assert (refused.exit_code, refused.output, refused.errors.count("\n")) == (69, "", 1)
    assert "nothing is announced until it is back" in refused.errors


@pytest.mark.parametrize("after", [False, True], ids=["before it has it", "after it was carried out"])
def test_with_hold_it_may_go_away_at_every_command_of_a_run(
    scene: Scene, new_host: Callable[..., ForkedHost], gate: Gate, ledger: Ledger, after: bool
) -> None:
    """A webhook alone: what is not known to have been posted could not be found out."""
    host = new_host("holding", settings=HOLD)
    del host.environment["DISCORD_TOKEN"]
    guilds = [scene.webhook_guild(host, number) for number in range(2)]
    fine(host.run(*CHECK))
    codes: list[str] = []
    numbers = [0]
    for number in numbers:
        codes.append(f"ROUND{number}CODE")
        scene.list_codes(*codes)
        gate.open()
        if number:
            gate.shut_at(number, after=after)
        ran = host.run(*CHECK)
        assert ran.exit_code in (0, 69), ran
        if not number:
            numbers += worth_an_outage(gate.commands, after=after, begin=1)
        gate.open()
        ran = host.run(*CHECK)
        assert ran.exit_code == 0, (number, ran)
        for guild in guilds:
            assert scene.arrived(guild) == dict.fromkeys(codes, 1), number
        assert set(ledger.states().values()) == {"sent"}
    assert len(numbers) > 5


def test_what_people_do_while_it_is_away_is_done_there_at_its_return(
    scene: Scene, host: ForkedHost, gate: Gate, ledger: Ledger, new_host: Callable[..., ForkedHost]
) -> None:
    guild = scene.bot_guild(host)
    scene.list_codes("FIRST1CODE", "SECOND2CODE")
    fine(host.run(*CHECK))
    gate.shut()

    def away(*arguments: str) -> Ran:
        ran = host.run(*arguments)
        assert ran.exit_code == 0, ran
        assert ran.errors.count("\n") == 1, ran
        assert "going on with the mirror" in ran.errors or "to be carried back" in ran.errors, ran
        return ran

    assert away("codes", "clear", "--guild", str(guild), "--code", "FIRST1CODE", "--yes", "--json").json["cleared"] == 1
    assert away("codes", "stats", "--json").json["total"] == 1
    away("codes", "add", "MANUAL1CODE", "--game", GAME)
    scene.discord.add_guild(2002)
    scene.discord.add_channel(20_020, 2002)
    scene.channels[2002] = 20_020
    away("guilds", "add", "2002", "--channel", "20020", "--announce-current")
    away("guilds", "list")
    away("codes", "explain", "FIRST1CODE", "--guild", str(guild))
    assert ledger.states() == {f"{guild}:FIRST1CODE": "sent", f"{guild}:SECOND2CODE": "sent"}
    gate.open()
    waiting = host.run("codes", "stats")
    assert "to be carried back" in waiting.errors
    ran = host.run(*CHECK)
    assert ran.exit_code == 0
    assert ran.errors.count("is back") == 1
    assert scene.arrived(guild) == {"FIRST1CODE": 2, "SECOND2CODE": 1, "MANUAL1CODE": 1}
    assert scene.arrived(2002) == {"FIRST1CODE": 1, "SECOND2CODE": 1, "MANUAL1CODE": 1}
    assert set(ledger.states().values()) == {"sent"}
    second = new_host("second", shared=True)
    shares(host)
    for one in (host, second):
        fine(one.run(*CHECK))
    fine(host.run("codes", "stats"))
    assert len(second.run("guilds", "list", "--json").json["guilds"]) == 2


def test_uncertain_ones_are_settled_while_it_is_away(
    scene: Scene, host: ForkedHost, gate: Gate, ledger: Ledger
) -> None:
    del host.environment["DISCORD_TOKEN"]
    guild = scene.webhook_guild(host)
    scene.list_codes("UNCLEAR1CODE")
    scene.discord.fail(faults.reset(), match=Match(method="POST"), after=True)
    host.run(*CHECK)
    assert host.run(*CHECK).exit_code == 69
    assert ledger.states() == {f"{guild}:UNCLEAR1CODE": "open"}
    gate.shut()
    assert host.run("codes", "settle", "--guild", str(guild), "--sent").exit_code == 0
    gate.open()
    assert host.run(*CHECK).exit_code == 0
    assert ledger.states() == {f"{guild}:UNCLEAR1CODE": "sent"}
    assert scene.arrived(guild) == {"UNCLEAR1CODE": 1}
