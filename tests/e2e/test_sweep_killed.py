"""A sweep, or a submission, is killed with SIGKILL at every step; what members and the channel have got in the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from forks import NONE, Forkers, Step, Trouble, Victim, wait_until_quiet
from plays import FATES, kill_at, troubles
from scene import Ran, sample
from todo_scene import (
    BACK,
    GUILD,
    INTERVAL,
    OVERDUE,
    ROLE,
    SWEEP,
    TodoScene,
    opened_todo_scene,
    submits,
)

from giftping.demo.log import Match
from giftping.todo.model import NoticeKind

Told = Callable[[str, object], None]

SHORTLY, LATER = timedelta(minutes=2), timedelta(minutes=20)
"""Once a claim is quiet; and once a claim's lease is over, and Discord has forgotten a nonce."""

PATIENCES = ((SHORTLY,), (LATER,), (timedelta(0), SHORTLY))
"""When the next sweeps come after a kill."""

COMMANDS_EACH = 40
"""Of how many kills one is followed by more: `todo history` for everybody, and one more round."""

SUBMIT = ("todo", "submit", str(BACK), "--must-do", "read a chapter", "--date", f"{datetime.now(UTC):%d/%m/%Y}")


def sweep_killed(play: TodoScene, trouble: Trouble = NONE, *, watched: bool = False) -> Ran:
    """Sweep to the kill; what Discord has is carried out."""
    ran = play.host.run(*SWEEP, trouble=trouble, watched=watched)
    wait_until_quiet(play.scene.discord)
    return ran


def until_all_is_well(play: TodoScene, patience: tuple[timedelta, ...], *, commands: bool) -> None:
    """Let the next sweeps run, and compare what everybody got with what they were owed."""
    for past in patience:
        play.pass_time(past)
        play.sweep()
    play.everything_is_done(play.began)
    play.hold_promises()
    if commands:
        before = play.received()
        play.sweep()
        assert play.received() == before, "a sweep for which nothing was due"
        play.the_command_tells_the_history()
        once_more_when_the_interval_is_over(play)


def once_more_when_the_interval_is_over(play: TodoScene) -> None:
    play.pass_time(INTERVAL)
    began = play.scene.discord.clock()
    play.sweep()
    again = [(one.user_id, one.leg) for one in play.received() if one.at >= began]
    assert sorted(again) == sorted((user_id, leg) for user_id in OVERDUE for leg in ("channel", "dm"))
    play.hold_promises()


def planned_troubles(steps: Sequence[Step]) -> list[Trouble]:
    """The kills: a sample, of which fewer are half-way through a write, for all of those go to the same journal."""
    planned = troubles(steps)
    between, half_way = [[one for one in planned if one.half_way is half] for half in (False, True)]
    return [*sample(between, 4), *sample(half_way, 11)]


def test_a_sweep_killed_at_any_step_tells_nobody_anything_twice_and_forgets_nobody(
    forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    """Reminders, a retry of one leg, a warning, a removal, a restore and the post of a TODO, all in one sweep."""
    with forkers.lent() as forker, opened_todo_scene(tmp_path / "unkilled", forker) as play:
        assert sweep_killed(play, watched=True).exit_code == 0
        steps = list(play.host.steps)
        until_all_is_well(play, (SHORTLY,), commands=True)
    planned = list(enumerate(planned_troubles(steps)))
    killed: list[int] = []

    def kill(numbered: tuple[int, Trouble]) -> None:
        number, trouble = numbered
        with forkers.lent() as forker, opened_todo_scene(tmp_path / str(number), forker) as play:
            killed.append(sweep_killed(play, trouble).exit_code)
            until_all_is_well(play, PATIENCES[number % len(PATIENCES)], commands=number % COMMANDS_EACH == 0)

    forkers.each(kill, planned)
    # Direct messages go out side by side, so that a run may have a step less than another.
    assert killed.count(-9) >= len(planned) - 5
    assert set(killed) <= {-9, 0}
    record_property("told", f"todo sweep: {killed.count(-9)} sweeps killed, at {len(steps)} steps")


REQUESTS = (*(Match(method="POST", nth=nth) for nth in range(1, 13)), Match(method="DELETE"), Match(method="PUT"))


def test_a_sweep_killed_while_discord_has_its_request_tells_nobody_anything_twice_and_forgets_nobody(
    forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    """The message may be there, or the role gone; the sweep can never have known."""
    # Each request, and each fate with each kind of request.
    moments = sample([(number, match, fate) for number, match in enumerate(REQUESTS) for fate in FATES], 4)

    def kill(moment: tuple[int, Match, str]) -> None:
        number, match, fate = moment
        with forkers.lent() as forker, opened_todo_scene(tmp_path / f"{number} {fate}", forker) as play:
            victim = Victim()
            kill_at(play.scene, victim, match, fate)
            assert play.host.run(*SWEEP, on_start=victim.started).exit_code == -9
            wait_until_quiet(play.scene.discord)
            assert play.scene.discord.unspent_faults() == []
            until_all_is_well(play, PATIENCES[number % len(PATIENCES)], commands=False)

    forkers.each(kill, moments)
    record_property("told", f"todo sweep: {len(moments)} sweeps killed while Discord had their request")


def check_submission(play: TodoScene, ran: Ran, patience: tuple[timedelta, ...]) -> bool:
    """Return whether a submission was saved, all of it having happened once then, and nothing of it else."""
    for past in patience:
        play.pass_time(past)
        play.sweep()
    play.hold_promises()
    handed_in = [event for event in play.events() if event.user_id == BACK and event.kind == "submission"]
    entered = [event for event in handed_in if event.result == "handed in"]
    told = [(one.kind, one.leg) for one in play.received() if one.user_id == BACK]
    given = [change for change in play.scene.discord.role_changes if change.user_id == BACK]
    if not entered:
        assert ran.exit_code == -9
        assert (handed_in, told, given) == ([], [], [])
        return False
    assert len(entered) == 1
    assert set(told) - {(NoticeKind.RESTORE, "dm")} == {
        (NoticeKind.SUBMISSION, "channel"),
        (NoticeKind.RESTORE, "channel"),
    }
    assert [change.given for change in given] == [True]
    assert ROLE in play.scene.discord.roles_of(GUILD, BACK)
    return True


def test_a_submission_killed_at_any_step_is_not_saved_or_is_posted_once(
    forkers: Forkers, tmp_path: Path, record_property: Told
) -> None:
    """The member had lost the role, which the submission, or the next sweep, gives back once."""
    with forkers.lent() as forker, opened_todo_scene(tmp_path / "unkilled", forker, submits) as play:
        ran = play.host.run(*SUBMIT, watched=True)
        assert ran.exit_code == 0, ran
        steps = list(play.host.steps)
        assert check_submission(play, ran, (SHORTLY,))
    planned = list(enumerate(planned_troubles(steps)))
    saved: list[bool] = []

    def kill(numbered: tuple[int, Trouble]) -> None:
        number, trouble = numbered
        with forkers.lent() as forker, opened_todo_scene(tmp_path / str(number), forker, submits) as play:
            ran = play.host.run(*SUBMIT, trouble=trouble)
            assert ran.exit_code == -9
            wait_until_quiet(play.scene.discord)
            is_saved = check_submission(play, ran, PATIENCES[number % len(PATIENCES)])
            saved.append(is_saved)
            if not is_saved or number % 4 == 0:
                # Who was not told that it is saved says it again.
                assert play.host.run(*SUBMIT).exit_code == (2 if is_saved else 0)
                assert check_submission(play, ran, (SHORTLY,))

    forkers.each(kill, planned)
    assert {True, False} == set(saved)
    record_property("told", f"todo submit: {len(planned)} submissions killed, {saved.count(True)} of them saved")


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("request_", [Match(method="PUT"), *(Match(method="POST", nth=nth) for nth in (1, 2))])
def test_a_submission_killed_while_discord_has_its_request_is_posted_once(
    request_: Match, fate: str, forkers: Forkers, tmp_path: Path
) -> None:
    with forkers.lent() as forker, opened_todo_scene(tmp_path / "scene", forker, submits) as play:
        victim = Victim()
        kill_at(play.scene, victim, request_, fate)
        ran = play.host.run(*SUBMIT, on_start=victim.started)
        assert ran.exit_code == -9
        wait_until_quiet(play.scene.discord)
        assert check_submission(play, ran, (SHORTLY,))
