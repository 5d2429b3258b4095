"""What a run costs a MongoDB: nothing when nothing is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from forks import Forker, forked
from mongodb import Gate, ledger_behind, uses
from plays import put_clocks
from scene import Scene

IMPORTED = """
import sys
from giftping.cli import main
try:
    main()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules} & {"pymongo", "bson", "tinydb"}))
"""


def test_an_idle_run_imports_no_pymongo_and_connects_nowhere(scene: Scene, gate: Gate) -> None:
    scene.list_codes("FIRST1CODE")
    host = scene.host()
    uses(host, ledger_behind(gate).uri)
    scene.bot_guild(host)
    for _ in range(2):
        assert host.run("codes", "check").exit_code == 0
    gate.open()
    ran = host.run("codes", "check", wrapper=("-c", IMPORTED))
    assert (ran.exit_code, ran.output, ran.errors) == (0, "\n", "")
    assert gate.connections == 0
    assert host.run("codes", "check", "--json").json["idle"]


def test_every_ten_minutes_an_idle_run_makes_one_round_trip(scene: Scene, gate: Gate, forker: Forker) -> None:
    scene.list_codes("FIRST1CODE")
    host = forked(scene.host(), forker)
    uses(host, ledger_behind(gate).uri)
    scene.bot_guild(host)
    for _ in range(2):
        assert host.run("codes", "check").exit_code == 0
    for minutes, commands in ((9, []), (11, ["find"]), (20, []), (22, ["find"]), (90, ["find"])):
        gate.open()
        put_clocks(scene, host, timedelta(minutes=minutes) - host.ahead)
        ran = host.run("codes", "check", "--json")
        assert (ran.json["idle"], gate.commands) == (True, commands), minutes


def test_a_glance_shows_what_another_host_left_to_do(scene: Scene, gate: Gate, forker: Forker) -> None:
    scene.list_codes("FIRST1CODE")
    one, other = forked(scene.host("one"), forker), scene.host("other")
    ledger = ledger_behind(gate)
    for host in (one, other):
        uses(host, ledger.uri)
    scene.bot_guild(one)
    for _ in range(2):
        assert one.run("codes", "check").exit_code == 0
    guild = scene.bot_guild(other, 2)
    assert one.run("codes", "check", "--json").json["idle"]
    put_clocks(scene, one, timedelta(minutes=11))
    assert not one.run("codes", "check", "--json").json["idle"]
    assert scene.arrived(guild) == {"FIRST1CODE": 1}


def test_a_run_that_looks_closer_and_finds_nothing_new_asks_as_often_whatever_the_number_of_guilds(
    scene: Scene, gate: Gate, forker: Forker, record_property: Callable[[str, object], None]
) -> None:
    scene.list_codes("FIRST1CODE")
    host = forked(scene.host(), forker)
    uses(host, ledger_behind(gate).uri)
    counts = []
    for number in range(3):
        scene.bot_guild(host, number)
        for _ in range(2):
            assert host.run("codes", "check").exit_code == 0
        (host.state / "last-check.json").unlink()
        gate.open()
        assert host.run("codes", "check").exit_code == 0
        counts.append(Counter(gate.commands))
    assert counts[0] == counts[1] == counts[2]
    # Three of them are what the hosts have signed, which hosts of 0.1.0 have run, and what is owed; one is whether the
    # collections were made anew, as by a restored backup; two are the ledger and the clears, of which what cannot be
    # read is named.
    assert counts[0].total() <= 19
    assert set(counts[0]) == {"find", "update", "listCollections"}
    record_property("told", f"mongodb: a run that looks closer and finds nothing new: {dict(counts[0])}")
