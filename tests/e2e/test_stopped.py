"""Runs that are told to stop: the message in flight is brought to its end and recorded, nothing new is begun."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from forks import ForkedHost, Forker, Forkers, Trouble, Victim, forked, scene_in, wait_until_quiet
from plays import CODES, Play, hold_promises, opened, put_clocks, run_killed
from scene import FULL, GAME, SOURCE, Scene
from todo_scene import SWEEP, opened_todo_scene

from giftping.demo import faults
from giftping.demo.log import Match

Told = Callable[[str, object], None]

RUNS_OF_A_JOB = 100 if FULL else 12
STOPPED = {143, -15}
"""A run that comes to its own end after SIGTERM, and one that had nothing to bring to an end yet, or any more."""

PLAY = Play("2 webhooks and 2 bots side by side, 20 min later", webhooks=2, bots=2, later=True)
SHORTLY, LATER = timedelta(minutes=2), timedelta(minutes=20)


def random_moments(steps: int) -> list[tuple[int, Trouble]]:
    """A moment for SIGTERM in each run, the same ones in every test run; the kill matrices have SIGKILL."""
    chosen = random.Random(2026)
    return [
        (number, Trouble(kill_at=chosen.randint(1, steps), signal=signal.SIGTERM)) for number in range(RUNS_OF_A_JOB)
    ]


def test_checks_ended_at_random_moments_announce_everything_once(
    forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    with opened(PLAY, tmp_path / "whole", forkers) as (scene, host):
        assert run_killed(PLAY, scene, host, "codes", "check").exit_code == 0
        steps = len(host.steps)
    ended: list[int] = []

    def end(numbered: tuple[int, Trouble]) -> None:
        number, trouble = numbered
        with opened(PLAY, tmp_path / str(number), forkers) as (scene, host):
            ran = run_killed(PLAY, scene, host, "codes", "check", trouble=trouble)
            ended.append(ran.exit_code)
            if ran.exit_code == 143:
                states = host.states()
                assert set(states.values()) <= {"sent"}, (ran, states)
                for guild in scene.channels:
                    assert set(scene.arrived(guild)) == {code for code in CODES if f"{guild}:{code}" in states}
            hold_promises(PLAY, scene, host)

    forkers.each(end, random_moments(steps))
    assert set(ended) <= {*STOPPED, 0}, ended
    assert ended.count(143) > RUNS_OF_A_JOB * 2 / 5, ended
    record_property("told", f"codes check: {ended.count(143)} of {RUNS_OF_A_JOB} runs stopped")


def test_sweeps_ended_at_random_moments_tell_nobody_anything_twice_and_forget_nobody(
    forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    with forkers.lent() as forker, opened_todo_scene(tmp_path / "whole", forker) as play:
        assert play.host.run(*SWEEP).exit_code == 0
        steps = len(play.host.steps)
    ended: list[int] = []

    def end(numbered: tuple[int, Trouble]) -> None:
        number, trouble = numbered
        with forkers.lent() as forker, opened_todo_scene(tmp_path / str(number), forker) as play:
            ran = play.host.run(*SWEEP, trouble=trouble)
            wait_until_quiet(play.scene.discord)
            ended.append(ran.exit_code)
            if ran.exit_code == 143:
                play.hold_promises()
            for past in (SHORTLY, LATER):
                play.pass_time(past)
                play.sweep()
            play.everything_is_done(play.began)
            play.hold_promises()

    forkers.each(end, random_moments(steps))
    assert set(ended) <= {*STOPPED, 0}, ended
    assert ended.count(143) > RUNS_OF_A_JOB * 2 / 5, ended
    record_property("told", f"todo sweep: {ended.count(143)} of {RUNS_OF_A_JOB} runs stopped")


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_check_that_is_told_to_stop_while_discord_has_its_message_records_that_and_posts_no_more(
    forkers: Forkers, tmp_path: Path, number: int, exit_code: int
) -> None:
    play = Play("bot", bots=1)
    with opened(play, tmp_path / "scene", forkers) as (scene, host):
        victim = Victim()
        scene.discord.call(lambda: victim.kill(number), match=Match(method="POST", nth=1))
        ran = host.run("codes", "check", on_start=victim.started)
        assert ran.exit_code == exit_code, ran
        assert "told to stop" in ran.errors
        (guild,) = scene.channels
        arrived = scene.arrived(guild)
        assert 0 < len(arrived) < len(CODES)
        assert host.states() == {f"{guild}:{code}": "sent" for code in arrived}
        hold_promises(play, scene, host)


def test_a_sweep_that_is_told_to_stop_while_discord_has_its_message_records_that(
    forker: Forker, tmp_path: Path
) -> None:
    with opened_todo_scene(tmp_path / "scene", forker) as play:
        victim = Victim()
        play.scene.discord.call(lambda: victim.kill(signal.SIGTERM), match=Match(method="POST", nth=1))
        began = len(play.received())
        ran = play.host.run(*SWEEP, on_start=victim.started)
        assert ran.exit_code == 143, ran
        assert len(play.received()) > began
        play.hold_promises()


# What stays bounded

RUNS_OF_FAILURE = 120 if FULL else 30
TIMER = timedelta(minutes=2)


def run_for_hours(host: ForkedHost, scene: Scene, *arguments: str) -> tuple[list[int], list[int]]:
    """Run as a timer would, and return how many lines each run wrote and how large the state folder was after it."""
    lines, sizes = [], []
    for _ in range(RUNS_OF_FAILURE):
        ran = host.run(*arguments)
        assert ran.exit_code == 69, ran
        lines.append(len((ran.output + ran.errors).splitlines()))
        sizes.append(sum(path.stat().st_size for path in host.state.rglob("*") if path.is_file()))
        put_clocks(scene, host, TIMER)
    return lines, sizes


def test_checks_against_failing_sources_and_destinations_say_it_once_and_grow_nothing(
    forker: Forker, tmp_path: Path
) -> None:
    with scene_in(tmp_path / "scene") as scene:
        scene.list_codes("GIFT2026")
        nowhere = SOURCE.format(name="nowhere", game=GAME, url=scene.sources.url("/nowhere"))
        host = forked(scene.host(token=True, settings=nowhere), forker)
        guilds = {scene.webhook_guild(host): 404, scene.bot_guild(host): 400}
        for guild, status in guilds.items():
            match = Match(method="POST", channel_id=scene.channels[guild])
            scene.discord.fail(faults.status(status), match=match, times=None)
        lines, sizes = run_for_hours(host, scene, "codes", "check")
        put_clocks(scene, host, timedelta(days=1))
        again = host.run("codes", "check").errors.splitlines()
        assert len(again) == 3, again
        assert host.run("codes", "check").errors == ""
        assert [scene.arrived(guild) for guild in guilds] == [{}, {}]
    assert lines[0] == 3
    assert sum(lines[1:]) == 0, lines
    assert max(sizes[20:]) <= max(sizes[:20]) * 1.02, sizes[::6]


def test_sweeps_into_a_channel_that_refuses_say_it_once_and_grow_nothing(forker: Forker, tmp_path: Path) -> None:
    with opened_todo_scene(tmp_path / "scene", forker) as play:
        play.scene.discord.fail(faults.status(403, 50001), match=Match(method="POST"), times=None)
        lines, sizes = run_for_hours(play.host, play.scene, *SWEEP)
        events = play.events()
    assert 0 < lines[0] < 20
    assert sum(lines[20:]) == 0, lines
    assert max(sizes[24:]) <= max(sizes[:24]) * 1.05, sizes[::6]
    assert len(events) < 100, len(events)
