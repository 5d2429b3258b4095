"""The disk fills up at any step of a run, or cannot be written to; what the user is told, and what the next runs do."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from forks import Forkers, Trouble
from plays import CODES, Play, hold_promises, opened, run_killed
from scene import Ran, sample

PLAYS = (
    Play("bot", bots=1),
    Play("webhook without a token", webhooks=1, token=False),
)


def is_clear(ran: Ran) -> bool:
    """Return whether each line of trouble names a file and the reason, and the one that ended the run the next step."""
    lines = ran.errors.splitlines()
    ended = [line for line in lines if line.startswith("giftping: ")]
    reasons = all("No space left on device" in line and ("/" in line or ".json" in line) for line in lines)
    return reasons and len(ended) <= 1 and all(line.endswith("make room on the disk and run again") for line in ended)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_disk_that_is_full_from_any_step_on_loses_nothing_and_doubles_nothing(
    play: Play, forkers: Forkers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """D3, D7: a write that failed is told, with exit code 69, and never taken for done."""
    with opened(play, tmp_path / "unharmed", forkers) as (_, host):
        assert host.run("codes", "check").exit_code == 0
        steps = list(enumerate(host.steps, 1))

    harmed: list[bool] = []

    def fill(trouble: Trouble) -> None:
        with opened(play, tmp_path / f"{trouble.fail_from}-{trouble.half_way}", forkers) as (scene, host):
            ran = run_killed(play, scene, host, "codes", "check", trouble=trouble)
            harmed.append(ran.exit_code == 69)
            assert ran.exit_code == 69 or (ran.exit_code, ran.errors) == (0, ""), (trouble, ran)
            assert is_clear(ran), ran
            hold_promises(play, scene, host)

    # What a run says to others needs no room: from there on is from its next file on.
    planned = [Trouble(fail_from=number) for number, step in steps if step.name.startswith("os.")]
    planned += [Trouble(fail_from=number, half_way=True) for number, step in steps if step.name == "os.write"]
    # What the two of them do with files is nearly the same.
    planned = list(sample(planned, 2, PLAYS.index(play)))
    forkers.each(fill, planned)
    assert harmed.count(True) > len(planned) - 8
    record_property("told", f"full disk: {play.name}: {len(planned)} runs, from one of {len(steps)} steps on")


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_in_a_state_folder_that_cannot_be_written_to_nothing_is_posted(
    play: Play, forkers: Forkers, tmp_path: Path
) -> None:
    with opened(play, tmp_path / "scene", forkers) as (scene, host):
        ran = host.run("codes", "check", trouble=Trouble(fail_from=1, error=errno.EROFS))
        assert ran.exit_code == 69, ran
        assert "Read-only file system" in ran.errors
        assert "unexpected" not in ran.errors
        assert len(ran.errors.splitlines()) == 1
        assert scene.discord.arrived() == []
        assert host.run("codes", "check").exit_code == 0
        (guild,) = scene.channels
        assert scene.arrived(guild) == dict.fromkeys(CODES, 1)
