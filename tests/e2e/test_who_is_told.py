"""Who may settle a sweep's message: nobody while its process lives, frozen or not, on this host or on another."""

from __future__ import annotations

import shutil
import signal
import threading
from datetime import datetime, timedelta

import pytest
from fakes.patience import PATIENT
from forks import ForkedHost, Forker, Forkers, Victim, forked, wait_until_quiet
from mongodb import ledger_behind, open_gate, uses
from scene import Ran, Scene
from todo_scene import ANN, INTERVAL, SETTINGS, SWEEP, TodoScene, members, todo_scene

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.todo.model import Member, NoticeKind

AFTER_THE_LEASE = timedelta(minutes=11)
CHANNEL_ONLY = "direct_messages = false\n"
POST = Match(method="POST")
SUBMIT = ("todo", "submit", str(ANN), "--must-do", "read a chapter")


def ann(began: datetime, dm_channels: dict[int, int]) -> list[Member]:
    return [member for member in members(began, dm_channels) if member.user_id == ANN]


def pings_of_ann(play: TodoScene, since: datetime) -> list[str]:
    return [one.leg for one in play.received() if one.user_id == ANN and one.is_ping and one.at >= since]


MOMENTS = {"its claim": 6, "its leg": 5, "its fence": 4, "what came of it": 3}
"""The writes of a sweep that has one message to post, counted back from the one that lets go of its delivery."""


def writes_of(commands: list[str]) -> list[str]:
    return [command for command in commands if command in ("insert", "update", "delete")]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_sweep_that_was_frozen_for_longer_than_the_lease_pings_nobody_whom_another_host_has_pinged(
    moment: str, scene: Scene, forkers: Forkers
) -> None:
    """7.6: SIGSTOP at each of the writes between the claim and the end."""
    with open_gate() as gate, forkers.lent() as forker, forkers.lent() as other_forker:
        ledger = ledger_behind(gate)
        play = todo_scene(scene, forker, ann, ledger=ledger, settings=CHANNEL_ONLY)
        other = scene.host("other", settings=SETTINGS + CHANNEL_ONLY)
        other.environment.update(play.host.environment, GIFTPING_STATE=str(other.state), HOME=str(other.folder))
        second = forked(other, other_forker)
        for host in (play.host, second):
            # A busy machine is no outage.
            uses(host, ledger.uri, shared=True)
            assert host.run("codes", "check").exit_code in (0, 69)
        for _ in range(2):
            before = len(gate.commands)
            play.sweep()
            play.pass_time(INTERVAL)
        second.ahead = play.host.ahead
        writes = writes_of(gate.commands[before:])
        number = writes.index("delete") - MOMENTS[moment]
        began, begun = scene.discord.clock(), len(gate.commands)

        victim, frozen, awake = Victim(), threading.Event(), threading.Event()

        def freeze(_count: int) -> None:
            if len(writes_of(gate.commands[begun:])) == number + 1 and not frozen.is_set():
                victim.kill(signal.SIGSTOP)
                frozen.set()
                # What is on its way is on its way for as long, too.
                assert awake.wait(PATIENT)

        gate.on_command = freeze
        ends: list[Ran] = []
        run = threading.Thread(target=lambda: ends.append(play.host.run(*SWEEP, on_start=victim.started)))
        run.start()
        assert frozen.wait(PATIENT)
        scene.discord.clock.forward(AFTER_THE_LEASE)
        second.ahead += AFTER_THE_LEASE
        settled = second.run(*SWEEP)
        pinged = pings_of_ann(play, began)
        victim.kill(signal.SIGCONT)
        awake.set()
        run.join()
        wait_until_quiet(scene.discord)
        assert settled.exit_code == 0, settled
        assert pinged == ["channel"]
        assert pings_of_ann(play, began) == ["channel"]
        assert ends[0].exit_code in (0, 69), ends
        play.hold_promises()


@pytest.mark.parametrize("frozen", [False, True])
def test_what_a_brother_tells_is_left_alone_for_as_long_as_he_lives(
    frozen: bool, scene: Scene, forker: Forker, forkers: Forkers
) -> None:
    """`todo submit` waits for a rate limit, or is frozen in it, while sweeps of the same host come."""
    play = todo_scene(scene, forker, ann, settings=CHANNEL_ONLY)
    victim, waits, goes_on = Victim(), threading.Event(), threading.Event()

    def hold() -> None:
        if frozen:
            victim.kill(signal.SIGSTOP)
        waits.set()
        assert goes_on.wait(PATIENT)

    scene.discord.fail(faults.call(hold, faults.rate_limited(retry_after=0.5)), match=POST)
    ends: list[Ran] = []
    with forkers.lent() as brother:
        folder = play.host.folder / "brother"
        folder.mkdir()
        shutil.copy(play.host.folder / "giftping.toml", folder)
        submits = ForkedHost(folder, play.host.environment, forker=brother, ahead=play.host.ahead)
        run = threading.Thread(target=lambda: ends.append(submits.run(*SUBMIT, on_start=victim.started)))
        run.start()
        assert waits.wait(PATIENT)
        for _ in range(2):
            play.pass_time(AFTER_THE_LEASE)
            play.sweep()
            assert [one.kind for one in play.received() if one.at >= play.began] == []
        goes_on.set()
        if frozen:
            victim.kill(signal.SIGCONT)
        run.join()
    assert ends[0].exit_code == 0, ends
    play.sweep()
    assert [one.kind for one in play.received() if one.at >= play.began] == [NoticeKind.SUBMISSION]
