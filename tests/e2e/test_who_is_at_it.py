"""Who may settle a delivery: nobody while its process lives, frozen or not; and where a look for it begins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
from fakes.deliveries import delivery, put_delivery
from fakes.patience import PATIENT
from forks import ForkedHost, Forker, Forkers, Victim, forked, wait_until_quiet
from mongodb import ledger_behind, open_gate, uses
from plays import CODES, FATES, WHILE, Play, check_until_fine, kill_at_request, open_entries, opened, put_clocks
from scene import GAME, Ran, Scene, findings, sample

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.world import Permission
from giftping.discord.snowflake import snowflake_at
from giftping.store.holder import Holder
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

CHECK = ("codes", "check")
AFTER_THE_LEASE = timedelta(minutes=11)

LIVES_ON = """
import sys, time
from pathlib import Path
from giftping.store.holder import ProcessLock
lock = ProcessLock(Path(sys.argv[1]), sys.argv[2])
print(lock.take().process, flush=True)
time.sleep(120)
"""


def known_to_both(scene: Scene, first: ForkedHost, second: ForkedHost) -> int:
    guild = scene.bot_guild(first)
    for host in (first, second):
        assert host.run(*CHECK).exit_code == 0
    return guild


@pytest.mark.parametrize("moment", ["its claim", "its entries", "its fence"])
def test_a_process_that_was_frozen_for_longer_than_the_lease_does_not_post_what_another_host_has_settled(
    moment: str, scene: Scene, forkers: Forkers
) -> None:
    """7.6: SIGSTOP, or a paused virtual machine, between claim and post."""
    with open_gate() as gate, forkers.lent() as forker, forkers.lent() as other_forker:
        ledger = ledger_behind(gate)
        scene.list_codes()
        first, second = forked(scene.host("first"), forker), forked(scene.host("second"), other_forker)
        for host in (first, second):
            # A busy machine is no outage.
            uses(host, ledger.uri, shared=True)
        guild = known_to_both(scene, first, second)
        # The first run with the other host in the database looks at more than those after it.
        codes = ["ROUND0CODE"]
        scene.list_codes(*codes)
        assert first.run(*CHECK).exit_code == 0
        codes.append("ROUND1CODE")
        scene.list_codes(*codes)
        before = len(gate.commands)
        assert first.run(*CHECK).exit_code == 0
        commands = gate.commands[before:]
        # Claimed in two writes, fenced in one, which a look at the database goes before, recorded in two, and removed.
        removed = len(commands) - commands[::-1].index("delete")
        number = removed - {"its claim": 6, "its entries": 5, "its fence": 3}[moment]
        assert second.run(*CHECK).exit_code == 0

        victim, frozen, awake = Victim(), threading.Event(), threading.Event()
        begun = len(gate.commands)

        def freeze(count: int) -> None:
            if count == begun + number and not frozen.is_set():
                victim.kill(signal.SIGSTOP)
                frozen.set()
                # What is on its way is on its way for as long, too.
                assert awake.wait(PATIENT)

        codes.append("ROUND2CODE")
        scene.list_codes(*codes)
        gate.on_command = freeze
        ends: list[Ran] = []
        run = threading.Thread(target=lambda: ends.append(first.run(*CHECK, on_start=victim.started)))
        run.start()
        assert frozen.wait(PATIENT)
        scene.discord.clock.forward(AFTER_THE_LEASE)
        second.ahead += AFTER_THE_LEASE
        settled = check_until_fine(second)
        arrived = scene.arrived(guild)
        victim.kill(signal.SIGCONT)
        awake.set()
        run.join()
        wait_until_quiet(scene.discord)
        assert settled.exit_code == 0
        assert arrived["ROUND2CODE"] == 1 or moment == "its claim", arrived
        assert scene.arrived(guild) == dict.fromkeys(codes, 1)
        assert ends[0].exit_code in (0, 69), ends
        # It is as late for the first host as for all others.
        first.ahead += AFTER_THE_LEASE
        assert check_until_fine(first).exit_code == 0
        assert set(ledger.states().values()) == {"sent"}


@pytest.mark.parametrize("frozen", [False, True])
def test_what_a_brother_is_at_is_left_alone_for_as_long_as_he_lives(scene: Scene, forker: Forker, frozen: bool) -> None:
    scene.list_codes("HELD1CODE")
    host = forked(scene.host(), forker)
    guild = scene.bot_guild(host)
    name = (host.state / "host").read_text("utf-8").strip() if (host.state / "host").exists() else "a-host"
    (host.state / "host").write_text(name, "utf-8")
    command = [sys.executable, "-c", LIVES_ON, str(host.state), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as brother:
        assert brother.stdout is not None
        holder = Holder(name, brother.stdout.readline().strip())
        now = datetime.now(UTC)
        one = delivery(
            "HELD1CODE",
            guild_id=guild,
            game=GAME,
            holder=holder,
            since=now,
            anchor=snowflake_at(now),
            channel_id=scene.channels[guild],
            spellings=("HELD1CODE",),
        )
        with Store(TinyEngine(host.state)) as store:
            put_delivery(store, one)
        if frozen:
            os.kill(brother.pid, signal.SIGSTOP)
        for _ in range(2):
            put_clocks(scene, host, timedelta(days=1))
            assert host.run(*CHECK).exit_code == 0
            assert scene.arrived(guild) == {}
            assert [one["state"] for one in host.deliveries()] == ["written"]
        assert "somebody is at it" in host.run("codes", "settle", str(guild), "--resend").output
        brother.kill()
    assert host.run(*CHECK).exit_code == 0
    assert scene.arrived(guild) == {"HELD1CODE": 1}
    assert host.states() == {f"{guild}:HELD1CODE": "sent"}


ROUTES = (Play("bot", bots=1), Play("webhook, readable", webhooks=1))
AHEAD = (125, 180, -180, 540, -540)


@pytest.mark.parametrize(
    ("play", "fate", "ahead"), sample(list(product(ROUTES, FATES, AHEAD)), 4), ids=lambda of: getattr(of, "name", None)
)
def test_a_host_whose_clock_was_wrong_when_it_was_killed_finds_what_it_had_posted(
    play: Play, fate: str, ahead: int, forkers: Forkers, tmp_path: Path
) -> None:
    """7.4: the look began at the claimer's wall clock, and the message lay before that."""
    with opened(play, tmp_path / "scene", forkers) as (scene, host):
        wrong = timedelta(seconds=ahead)
        host.ahead += wrong
        victim = Victim()
        kill_at_request(scene, victim, 1, fate)
        assert host.run(*CHECK, on_start=victim.started).exit_code == -9
        wait_until_quiet(scene.discord)
        host.ahead -= wrong
        put_clocks(scene, host, WHILE)
        assert check_until_fine(host).exit_code == 0
        assert open_entries(scene, host) == {}
        (guild,) = scene.channels
        assert scene.arrived(guild) == dict.fromkeys(CODES, 1)


# What nobody can look for


def left_unclear(scene: Scene, forker: Forker, *, stored: bool) -> tuple[ForkedHost, int]:
    """Return a host with a bot that may post but not read, and a message of which it does not know."""
    scene.list_codes("BLIND1CODE")
    host = forked(scene.host(), forker)
    guild = scene.bot_guild(host)
    scene.discord.set_permissions(scene.channels[guild], Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
    scene.discord.fail(faults.status(500), match=Match(method="POST"), after=stored)
    assert host.run(*CHECK).exit_code == 69
    put_clocks(scene, host, timedelta(minutes=3))
    assert host.run(*CHECK).exit_code == 69
    assert host.states() == {f"{guild}:BLIND1CODE": "open"}
    put_clocks(scene, host, AFTER_THE_LEASE)
    return host, guild


@pytest.mark.parametrize(("stored", "said"), [(True, "--sent"), (False, "--resend")])
def test_what_a_bot_that_may_not_read_cannot_look_for_is_shown_to_a_person_who_settles_it(
    scene: Scene, forker: Forker, stored: bool, said: str
) -> None:
    """7.9: it stayed for ever, exit 69 for days, and `codes settle` said that nothing was uncertain."""
    host, guild = left_unclear(scene, forker, stored=stored)
    ran = host.run(*CHECK)
    assert ran.exit_code == 69
    assert f"`giftping codes settle {guild} --sent` or `giftping codes settle {guild} --resend`" in ran.errors
    assert host.states() == {f"{guild}:BLIND1CODE": "uncertain"}
    assert host.run("codes", "stats", "--json").json["states"]["uncertain"] == 1
    found = {one["name"]: one for one in findings(host.run("doctor", "--json"))}["uncertain"]
    assert f"BLIND1CODE (guild {guild})" in found["what"]
    assert host.run("codes", "settle", str(guild), said).exit_code == 0
    assert check_until_fine(host).exit_code == 0
    assert scene.arrived(guild) == {"BLIND1CODE": 1}
    assert host.deliveries() == []


def test_what_could_not_be_looked_for_is_found_by_a_check_once_it_may_be_read(scene: Scene, forker: Forker) -> None:
    host, guild = left_unclear(scene, forker, stored=True)
    assert host.run(*CHECK).exit_code == 69
    scene.discord.set_permissions(scene.channels[guild], Permission.POSTING)
    put_clocks(scene, host, timedelta(hours=2))
    assert check_until_fine(host).exit_code == 0
    assert (scene.arrived(guild), host.states()) == ({"BLIND1CODE": 1}, {f"{guild}:BLIND1CODE": "sent"})


def test_all_that_was_left_since_an_outage_is_settled_with_one_command(scene: Scene, forker: Forker) -> None:
    scene.list_codes("LOST1CODE")
    host = forked(scene.host(token=False), forker)
    guilds = [scene.webhook_guild(host, number) for number in range(3)]
    scene.discord.fail(faults.status(502), match=Match(method="POST"), times=3)
    for _ in range(2):
        assert host.run(*CHECK).exit_code == 69
    assert set(host.states().values()) == {"uncertain"}
    tomorrow = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"
    ran = host.run("codes", "settle", "--all", "--since", tomorrow, "--resend")
    assert ran.output == "Nothing of that is uncertain.\n", "something else is"
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%d/%m/%Y}"
    ran = host.run("codes", "settle", "--all", "--since", yesterday, "--resend")
    assert (ran.exit_code, ran.output.count("goes out again with the next check")) == (0, 3)
    assert check_until_fine(host).exit_code == 0
    assert [scene.arrived(guild) for guild in guilds] == [{"LOST1CODE": 1}] * 3


@pytest.mark.parametrize("looks", [0, 1])
def test_an_uncertain_code_that_has_ended_closes_its_delivery_and_troubles_nobody_any_more(
    looks: int, scene: Scene, forker: Forker
) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    scene.list_codes({"code": "BRIEF1CODE", "expires": ends.isoformat()})
    host = forked(scene.host(token=False), forker)
    guild = scene.webhook_guild(host)
    scene.discord.fail(faults.status(500), match=Match(method="POST"))
    for _ in range(1 + looks):
        assert host.run(*CHECK).exit_code == 69
    put_clocks(scene, host, timedelta(hours=2))
    ran = host.run(*CHECK)
    assert (ran.exit_code, ran.errors) == (0, "")
    assert "given up, nobody can tell any more whether it arrived" in ran.output
    assert [one["state"] for one in host.deliveries()] == ["closed"]
    assert host.run("codes", "settle").output == "Nothing is uncertain.\n"
    assert "was given up" in host.run("codes", "explain", "BRIEF1CODE", "--guild", str(guild)).output
    assert (host.run(*CHECK).exit_code, scene.arrived(guild)) == (0, {})


def test_a_webhook_that_was_made_anew_is_not_taken_for_the_one_that_posted(scene: Scene, forker: Forker) -> None:
    """7.12: through the new one nothing of the old one is seen, which is no sign that it is not there."""
    scene.list_codes("MOVED1CODE")
    host = forked(scene.host(), forker)
    guild = scene.webhook_guild(host)
    scene.discord.fail(faults.status(500), match=Match(method="POST"), after=True)
    assert host.run(*CHECK).exit_code == 69
    scene.discord.add_webhook(9_999_999, "another-secret", scene.channels[guild])
    host.environment["HOOK_1"] = scene.discord.webhook_url(9_999_999)
    put_clocks(scene, host, WHILE)
    ran = host.run(*CHECK)
    assert (ran.exit_code, host.states()) == (69, {f"{guild}:MOVED1CODE": "uncertain"})
    assert "webhook has changed since" in ran.errors
    assert scene.arrived(guild) == {"MOVED1CODE": 1}
