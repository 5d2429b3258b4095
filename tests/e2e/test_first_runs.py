"""The first runs of a guild, end to end."""

from __future__ import annotations

from forks import Forker, forked
from scene import GAME, Scene

from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine


def test_a_new_guild_is_seeded_and_only_later_codes_are_posted(scene: Scene, forker: Forker) -> None:
    """D13: first-run seeding is per guild, so a guild added later gets no flood of old codes."""
    scene.list_codes("OLD1CODE", "OLD2CODE")
    host = forked(scene.host(), forker)
    early = scene.bot_guild(host, 1)
    assert host.run("codes", "check").exit_code == 0
    assert scene.arrived(early) == {"OLD1CODE": 1, "OLD2CODE": 1}

    scene.discord.add_guild(77)
    scene.discord.add_channel(770, 77)
    scene.channels[77] = 770
    assert host.run("guilds", "add", "77", "--channel", "770").exit_code == 0
    ran = host.run("codes", "check")
    assert "2 current codes recorded, not posted" in ran.output
    assert scene.arrived(77) == {}

    scene.list_codes("OLD1CODE", "OLD2CODE", "NEW3CODE")
    assert host.run("codes", "check").exit_code == 0
    assert scene.arrived(77) == {"NEW3CODE": 1}
    assert scene.arrived(early) == {"OLD1CODE": 1, "OLD2CODE": 1, "NEW3CODE": 1}


def test_seeded_codes_go_out_when_the_user_asks_for_them(scene: Scene, forker: Forker) -> None:
    scene.list_codes("OLD1CODE")
    host = forked(scene.host(), forker)
    scene.discord.add_guild(77)
    scene.discord.add_channel(770, 77)
    scene.channels[77] = 770
    host.run("guilds", "add", "77", "--channel", "770")
    host.run("codes", "check")
    assert host.states() == {"77:OLD1CODE": "seeded"}
    ran = host.run("guilds", "add", "77", "--announce-current")
    assert ran.exit_code == 0, ran.errors
    host.run("codes", "check")
    assert scene.arrived(77) == {"OLD1CODE": 1}
    assert host.states() == {"77:OLD1CODE": "sent"}


def test_a_run_with_nothing_new_says_nothing_and_asks_the_source_conditionally(scene: Scene, forker: Forker) -> None:
    scene.list_codes("CODE1234")
    host = forked(scene.host(), forker)
    scene.webhook_guild(host)
    host.run("codes", "check")
    ran = host.run("codes", "check")
    assert (ran.exit_code, ran.output, ran.errors) == (0, "", "")
    assert scene.sources.not_modified(f"/{GAME}") == 1


def test_the_ledger_keeps_how_the_last_run_of_each_host_went(scene: Scene, forker: Forker) -> None:
    scene.list_codes("CODE1234")
    host = forked(scene.host(), forker)
    scene.bot_guild(host)
    host.run("codes", "check")
    with Store(TinyEngine(host.state, read_only=True)) as store:
        [run] = store.runs()
    assert (run.job, run.exit_code) == ("codes check", 0)
    assert run.details["deliveries"] == {"sent": 1}
    assert run.details["sources"][f"api-{GAME}"]["outcome"] == "listed"
