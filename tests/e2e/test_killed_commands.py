"""Commands that change the ledger by hand are killed at every step; saying them once more completes them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from forks import ForkedHost, Forkers, Trouble, Victim
from plays import CODES, Play, check_until_fine, kill_at_request, opened, run_killed, troubles
from scene import Scene, sample

WEBHOOK = Play("webhook without a token", webhooks=1, token=False)
SEEDED = Play("bot", bots=1)
GUILD = {WEBHOOK: 1000, SEEDED: 2000}

Told = Callable[[str, object], None]


@contextmanager
def told_already(play: Play, folder: Path, forkers: Forkers) -> Iterator[tuple[Scene, ForkedHost]]:
    """Give a scene in which the guild was sent all codes."""
    with opened(play, folder, forkers) as (scene, host):
        assert host.run("codes", "check").exit_code == 0
        yield scene, host


@contextmanager
def seeded(play: Play, folder: Path, forkers: Forkers) -> Iterator[tuple[Scene, ForkedHost]]:
    """Give a scene with another guild in place of the play's; all codes were recorded for it and not posted."""
    with opened(play, folder, forkers) as (scene, host):
        scene.channels.clear()
        scene.channels[77] = 770
        scene.discord.add_guild(77)
        scene.discord.add_channel(770, 77)
        shutil.move(host.state, folder / "before")
        if not forkers.begin_with("seeded", host.state):
            shutil.move(folder / "before", host.state)
            assert host.run("guilds", "remove", str(GUILD[play]), "--yes").exit_code == 0
            assert host.run("guilds", "add", "77", "--channel", "770").exit_code == 0
            assert host.run("codes", "check").exit_code == 0
            assert set(host.states().values()) == {"seeded"}
            forkers.keep("seeded", host.state)
        yield scene, host


@contextmanager
def uncertain(play: Play, folder: Path, forkers: Forkers, fate: str) -> Iterator[tuple[Scene, ForkedHost]]:
    """Give a scene in which nobody can tell whether the first message arrived."""
    with opened(play, folder, forkers) as (scene, host):
        victim = Victim()
        kill_at_request(scene, victim, 1, fate)
        assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
        assert host.run("codes", "check").exit_code == 69
        yield scene, host


def kill_at_every_step(
    forkers: Forkers,
    folder: Path,
    scene_for: Callable[[Path], object],
    command: tuple[str, ...],
    times: int,
    begin: int,
) -> int:
    """Kill the command at each step, say it once more, and let a check follow: each code is there so many times."""
    with scene_for(folder / "unkilled") as (_, host):
        assert host.run(*command, watched=True).exit_code == 0
        # They open and change the same ledger, and each begins at another step: together they meet all kinds of them.
        planned = sample(troubles(host.steps), 4, begin)

    def kill(trouble: Trouble) -> None:
        with scene_for(folder / f"{trouble.kill_at}-{trouble.half_way}") as (scene, host):
            assert host.run(*command, trouble=trouble).exit_code == -9
            ran = host.run(*command)
            assert ran.exit_code == 0, ran
            assert check_until_fine(host).exit_code == 0
            (guild,) = scene.channels
            assert scene.arrived(guild) == dict.fromkeys(CODES, times)
            assert set(host.states().values()) == {"sent"}

    forkers.each(kill, planned)
    return len(planned)


def test_codes_clear_killed_at_any_step_is_done_when_it_is_said_again(
    forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    command = ("codes", "clear", "--guild", str(GUILD[WEBHOOK]), "--yes")
    count = kill_at_every_step(
        forkers, tmp_path, lambda folder: told_already(WEBHOOK, folder, forkers), command, times=2, begin=0
    )
    record_property("told", f"kill matrix: codes clear: {count} commands killed")


def test_announce_current_killed_at_any_step_is_done_when_it_is_said_again(
    forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    command = ("guilds", "add", "77", "--announce-current")
    count = kill_at_every_step(
        forkers, tmp_path, lambda folder: seeded(SEEDED, folder, forkers), command, times=1, begin=1
    )
    record_property("told", f"kill matrix: guilds add --announce-current: {count} commands killed")


@pytest.mark.parametrize(
    ("fate", "said", "begin"),
    [("never stored", "--resend", 2), ("stored before the run dies", "--sent", 3)],
    ids=["resend", "sent"],
)
def test_codes_settle_killed_at_any_step_is_done_when_it_is_said_again(
    fate: str, said: str, begin: int, forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    command = ("codes", "settle", "--guild", str(GUILD[WEBHOOK]), said)
    count = kill_at_every_step(
        forkers, tmp_path, lambda folder: uncertain(WEBHOOK, folder, forkers, fate), command, times=1, begin=begin
    )
    record_property("told", f"kill matrix: codes settle {said}: {count} commands killed")
