"""What docs/several-hosts.md shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

from forks import Forker, forked
from mongodb import ledger_behind, open_gate, uses
from scene import Ran, Scene

PAGE = (Path(__file__).parents[2] / "docs" / "several-hosts.md").read_text("utf-8")
SHOWN = [block.split("\n", 1) for block in re.findall(r"```console\n\$ (.*?)```", PAGE, re.DOTALL)]


def test_what_the_page_shows_of_an_outage_is_what_happens(scene: Scene, forker: Forker) -> None:
    with open_gate() as gate:
        ledger = ledger_behind(gate)
        scene.list_codes()
        host, newcomer = (forked(scene.host(name), forker) for name in ("host", "newcomer"))
        for one in (host, newcomer):
            uses(one, ledger.uri)
        scene.bot_guild(host)
        assert host.run("codes", "check").exit_code == 0

        def as_shown(ran: Ran) -> str:
            text = (ran.output + ran.errors).replace(gate.address, "127.0.0.1:27017")
            text = text.replace(ledger.database.name, "giftping")
            text = text.replace("guild 2001 (guild 2001):", "guild 200000000000000002 (Frost):")
            text = text.replace("channel 2000001 (", "channel 200000000000000022 (")
            return text.replace(str(host.state), "/home/you/.local/state/giftping")

        away, back, never_met = SHOWN
        assert {command for command, _ in SHOWN} == {"giftping codes check"}
        gate.shut()
        scene.list_codes("SnowDay24")
        assert as_shown(host.run("codes", "check")) == away[1]
        assert as_shown(newcomer.run("codes", "check")) == never_met[1]
        gate.open()
        assert as_shown(host.run("codes", "check")) == back[1]


def test_a_host_that_runs_once_without_the_address_is_told_and_repeats_nothing_later(
    scene: Scene, forker: Forker
) -> None:
    """The shell of a person, say, where cron's environment has it."""
    with open_gate() as gate:
        ledger = ledger_behind(gate)
        scene.list_codes()
        host = forked(scene.host(), forker)
        guild = scene.bot_guild(host)
        scene.list_codes("ALONE1CODE")
        assert host.run("codes", "check").errors == ""
        uses(host, ledger.uri)
        scene.list_codes("ALONE1CODE", "SHARED2CODE")
        assert "carried over from" in host.run("codes", "check").errors
        del host.environment["MONGO_URI"]
        scene.list_codes("ALONE1CODE", "SHARED2CODE", "WITHOUT3CODE")
        ran = host.run("codes", "check")
        assert "MONGO_URI is not set" in ran.errors
        assert ran.errors.count("\n") == 1
        assert host.run("codes", "stats").errors == ""
        uses(host, ledger.uri)
        assert "carried over from" in host.run("codes", "check").errors
        assert host.run("codes", "check").errors == ""
        assert scene.arrived(guild) == {"ALONE1CODE": 1, "SHARED2CODE": 1, "WITHOUT3CODE": 1}
        assert set(ledger.states().values()) == {"sent"}
