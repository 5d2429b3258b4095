"""A run is killed with SIGKILL at every step between its start and its end; what the next runs make of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.patience import PATIENT
from forks import ForkedHost, Forkers, Trouble, Victim, wait_until_quiet
from plays import CODES, FATES, Play, hold_promises, kill_at_request, opened, run_killed, troubles
from scene import GAME, Scene, finish, sample

from giftping.demo import faults
from giftping.demo.log import Match

PLAYS = (
    Play("bot", bots=1),
    Play("bot, 20 min later", bots=1, later=True),
    Play("webhook without a token", webhooks=1, token=False),
    Play("webhook, readable", webhooks=1),
    Play("webhook, readable, 20 min later", webhooks=1, later=True),
    Play("webhook, text hidden, 20 min later", webhooks=1, visible=False, later=True),
    Play("forum", forums=1),
    Play("forum, 20 min later", forums=1, later=True),
    Play("forum, one post kept up, 20 min later", forums=1, is_kept=True, later=True),
    Play("forum by webhook, one post kept up, 20 min later", forum_webhooks=1, is_kept=True, later=True),
    Play("forum by webhook without a token", forum_webhooks=1, token=False),
    Play("forum by webhook, readable, 20 min later", forum_webhooks=1, later=True),
    Play("forum by webhook, text hidden, 20 min later", forum_webhooks=1, visible=False, later=True),
    Play("2 webhooks and 2 bots side by side, 20 min later", webhooks=2, bots=2, later=True),
)


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_run_killed_at_any_step_posts_nothing_twice_and_loses_nothing(
    play: Play, forkers: Forkers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """D2, D34: `kill -9` at every call that touches a file or a socket, and half-way through those that write."""
    with opened(play, tmp_path / "unkilled", forkers) as (scene, host):
        assert run_killed(play, scene, host, "codes", "check", watched=True).exit_code == 0
        steps = list(host.steps)
        hold_promises(play, scene, host)
    assert len(steps) > 40
    killed: list[int] = []

    def kill(trouble: Trouble) -> None:
        folder = tmp_path / f"{trouble.kill_at}-{trouble.half_way}"
        with opened(play, folder, forkers) as (scene, host):
            ran = run_killed(play, scene, host, "codes", "check", trouble=trouble)
            killed.append(ran.exit_code)
            hold_promises(play, scene, host)

    # Threads side by side take steps in another order each time: a sample of the numbers meets all of them.
    alike = [one for one in PLAYS if one.guilds == play.guilds]
    planned = sample(troubles(steps), len(alike) if play.is_serial else 8, alike.index(play))
    forkers.each(kill, planned)
    assert killed.count(-9) >= len(planned) - (0 if play.is_serial else 3)
    assert set(killed) <= {-9, 0}
    record_property("told", f"kill matrix: {play.name}: {killed.count(-9)} runs killed, at {len(steps)} steps")


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_run_killed_while_discord_has_its_request_posts_nothing_twice_and_loses_nothing(
    play: Play, forkers: Forkers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """D2: the message may be there, or not; the run can never have known."""
    posts = [(nth, fate) for nth in ((1, 2) if play.is_serial else (1, 4, 8)) for fate in FATES]
    posts = sample(posts, 2, PLAYS.index(play))

    def kill(post: tuple[int, str]) -> None:
        nth, fate = post
        with opened(play, tmp_path / f"{nth} {fate}", forkers) as (scene, host):
            victim = Victim()
            kill_at_request(scene, victim, nth, fate)
            assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
            assert scene.discord.unspent_faults() == []
            hold_promises(play, scene, host)

    forkers.each(kill, posts)
    record_property("told", f"kill matrix: {play.name}: {len(posts)} runs killed while Discord had their request")


@contextmanager
def killed_with_its_post_under_way(scene: Scene, host: ForkedHost) -> Iterator[None]:
    """Kill a check whose post Discord carries out only at the end of the block."""
    victim, looked = Victim(), threading.Event()

    def kill_and_wait() -> None:
        victim.kill()
        assert looked.wait(PATIENT)

    scene.discord.call(kill_and_wait, match=Match(method="POST"))
    try:
        assert host.run("codes", "check", on_start=victim.started).exit_code == -9
        yield
    finally:
        looked.set()
        wait_until_quiet(scene.discord)


@pytest.mark.parametrize(
    "play", [play for play in PLAYS if play.is_serial and not play.later], ids=lambda play: play.name
)
def test_a_message_that_discord_stores_only_after_the_next_run_has_looked_is_there_once(
    play: Play, forkers: Forkers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """What a killed run had written may still be carried out: the nonce, or patience, keeps it one message."""
    with opened(play, tmp_path / "scene", forkers) as (scene, host):
        with killed_with_its_post_under_way(scene, host):
            assert host.run("codes", "check").exit_code == (69 if play.is_without_nonce else 0)
        hold_promises(play, scene, host)
    record_property("told", f"kill matrix: {play.name}: 1 run killed, whose message Discord stored late")


@pytest.mark.parametrize("play", [play for play in PLAYS if play.is_serial and play.later], ids=lambda play: play.name)
def test_a_repeat_that_discord_stores_only_after_the_next_run_has_looked_is_there_once(
    play: Play, forkers: Forkers, tmp_path: Path
) -> None:
    """The first claim is old then, and the repeat is not."""
    with opened(play, tmp_path / "scene", forkers) as (scene, host):
        victim = Victim()
        kill_at_request(scene, victim, 1, "never stored")
        assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
        with killed_with_its_post_under_way(scene, host):
            assert host.run("codes", "check").exit_code == (69 if play.is_without_nonce else 0)
        # What went out while nobody knew of the first post has opened one of its own.
        hold_promises(replace(play, later=False, is_kept=False), scene, host)


SETTLING_PLAYS = [play for play in PLAYS if play.later and play.is_serial]
SETTLED_FATES = ("never stored", "stored before the run dies")


@pytest.mark.parametrize("fate", SETTLED_FATES)
@pytest.mark.parametrize("play", SETTLING_PLAYS, ids=lambda play: play.name)
def test_a_run_killed_while_it_settles_what_a_killed_run_left_posts_nothing_twice_and_loses_nothing(
    play: Play, fate: str, forkers: Forkers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The second run is killed at every step, too; what it has posted may be under way for a minute from then."""
    at_once = replace(play, later=False)

    @contextmanager
    def after_a_kill(folder: str) -> Iterator[tuple[Scene, ForkedHost]]:
        with opened(play, tmp_path / folder, forkers) as (scene, host):
            victim = Victim()
            kill_at_request(scene, victim, 1, fate)
            assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
            yield scene, host

    def kill(trouble: Trouble) -> None:
        with after_a_kill(f"{trouble.kill_at}-{trouble.half_way}") as (scene, host):
            assert run_killed(at_once, scene, host, "codes", "check", trouble=trouble).exit_code == -9
            hold_promises(at_once, scene, host)

    with after_a_kill("unkilled") as (_, host):
        assert host.run("codes", "check", watched=True).exit_code == 0
        number = SETTLING_PLAYS.index(play) * len(SETTLED_FATES) + SETTLED_FATES.index(fate)
        planned = sample(troubles(host.steps), 6, number)
    forkers.each(kill, planned)
    record_property("told", f"kill matrix: {play.name}, {fate}: {len(planned)} settling runs killed")


def test_a_run_killed_while_a_source_has_its_request_loses_nothing(scene: Scene) -> None:
    """The whole command as cron starts it."""
    scene.list_codes(*CODES)
    host = scene.host(token=False)
    guild = scene.webhook_guild(host)
    victim = Victim()
    scene.sources.fail(f"/{GAME}", faults.call(victim.kill), times=1)
    process = host.start("codes", "check")
    victim.started([process.pid])
    assert finish(process).exit_code == -9
    assert host.run("codes", "check").exit_code == 0
    assert scene.arrived(guild) == dict.fromkeys(CODES, 1)
