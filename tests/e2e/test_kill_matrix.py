"""A run is killed with SIGKILL at every step between its start and its end; what the next runs make of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from killing import Killer, Killers, Machine, Trouble, Victim, machine_in, scene_in, wait_until_quiet
from scene import GAME, Ran, Scene, finish

from giftping.demo import faults
from giftping.demo.log import Match

CODES = tuple(f"GIFT{number}CODE" for number in range(12))
"""Two messages' worth."""

WHILE = timedelta(minutes=20)
"""Longer than Discord knows a nonce, than a claim is leased, and than Discord may be busy with a post."""

RUNS = 3
HALVES = ("os.write", "socket.send", "socket.sendall")


@dataclass(frozen=True, slots=True)
class Play:
    """Guilds by route, what the host's token can see, and whether a while passes before the next run."""

    name: str
    webhooks: int = 0
    bots: int = 0
    token: bool = True
    visible: bool = True
    later: bool = False

    @property
    def settles(self) -> bool:
        """Whether the next runs can find out about every message without a person's help."""
        return not self.webhooks or (self.token and self.visible and self.later)

    @property
    def is_serial(self) -> bool:
        """Whether one thread does all, so that a step's number names the same step in every run."""
        return self.webhooks + self.bots == 1


PLAYS = (
    Play("bot", bots=1),
    Play("bot, 20 min later", bots=1, later=True),
    Play("webhook without a token", webhooks=1, token=False),
    Play("webhook, readable", webhooks=1),
    Play("webhook, readable, 20 min later", webhooks=1, later=True),
    Play("webhook, text hidden, 20 min later", webhooks=1, visible=False, later=True),
    Play("2 webhooks and 2 bots side by side, 20 min later", webhooks=2, bots=2, later=True),
)


@pytest.fixture(scope="module")
def killers() -> Iterator[Killers]:
    killers = Killers()
    yield killers
    killers.close()


@contextmanager
def opened(play: Play, folder: Path, killer: Killer) -> Iterator[tuple[Scene, Machine]]:
    """Give a scene with the play's guilds, all new and owed all codes, long before the first run."""
    with scene_in(folder) as scene:
        scene.discord.message_content = play.visible
        scene.list_codes(*CODES)
        host = machine_in(scene, killer, token=play.token)
        put_clocks(scene, host, -2 * WHILE)
        for number in range(play.webhooks):
            scene.webhook_guild(host, number)
        for number in range(play.bots):
            scene.bot_guild(host, number)
        put_clocks(scene, host, 2 * WHILE)
        yield scene, host


def put_clocks(scene: Scene, host: Machine, by: timedelta) -> None:
    """Put the host's and Discord's clock forward, or back."""
    scene.discord.clock.forward(by)
    host.ahead += by.total_seconds()


def run_killed(play: Play, scene: Scene, host: Machine, *arguments: str, **how: object) -> Ran:
    """Run to the kill, with everything that was under way then brought to its end, and let the play's time pass."""
    past = WHILE if play.later else timedelta(0)
    put_clocks(scene, host, -past)
    ran = host.run(*arguments, **how)
    wait_until_quiet(scene.discord)
    put_clocks(scene, host, past)
    return ran


def check_until_fine(host: Machine) -> Ran:
    for _ in range(RUNS):
        ran = host.run("codes", "check")
        if ran.exit_code == 0:
            break
        assert ran.exit_code == 69, ran
    return ran


def hold_promises(play: Play, scene: Scene, host: Machine) -> None:
    """Run until all is well, and compare what arrived, what the ledger says, and what the user is told."""
    ran = check_until_fine(host)
    open_ones = open_entries(scene, host)
    states = Counter(open_ones.values())
    assert ran.exit_code == (69 if open_ones else 0), ran
    told = host.run("codes", "stats", "--json").json["states"]
    assert {state: told[state] for state in ("claimed", "uncertain")} == {"uncertain": 0, "claimed": 0, **states}
    if play.settles:
        assert not open_ones
    elif not play.token or not play.visible:
        assert set(states) <= {"uncertain"}
        settle_as_a_person_would(scene, host)
    else:
        assert set(states) <= {"claimed"}
        put_clocks(scene, host, WHILE)
    assert check_until_fine(host).exit_code == 0
    assert not open_entries(scene, host)


def open_entries(scene: Scene, host: Machine) -> dict[str, str]:
    """Return the state of each entry that is not sent; nothing is there twice, and nothing is missing in silence."""
    states = host.states()
    for guild in scene.channels:
        arrived = scene.arrived(guild)
        assert set(arrived.values()) <= {1}, (guild, arrived)
        sent = {code for code in CODES if states[f"{guild}:{code}"] == "sent"}
        assert sent <= set(arrived), (guild, arrived, states)
        assert sent == set(CODES) or guild in scene.webhooks, (guild, states)
    return {entry: state for entry, state in states.items() if state != "sent"}


def settle_as_a_person_would(scene: Scene, host: Machine) -> None:
    """Look into each channel and say what is there. One message at most was under way to a guild."""
    uncertain = [entry.split(":") for entry, state in host.states().items() if state == "uncertain"]
    for guild in sorted({int(guild) for guild, _ in uncertain}):
        found = {code in scene.arrived(guild) for of_guild, code in uncertain if int(of_guild) == guild}
        assert len(found) == 1
        ran = host.run("codes", "settle", "--guild", str(guild), "--sent" if found == {True} else "--resend")
        assert ran.exit_code == 0, ran


def troubles(steps: list[str]) -> list[Trouble]:
    """Return a kill before every step, and one half-way through every step that writes."""
    numbered = list(enumerate(steps, 1))
    before = [Trouble(kill_at=number) for number, _ in numbered]
    return before + [Trouble(kill_at=number, half_way=True) for number, name in numbered if name in HALVES]


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_run_killed_at_any_step_posts_nothing_twice_and_loses_nothing(
    play: Play, killers: Killers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """D2, D34: `kill -9` at every call that touches a file or a socket, and half-way through those that write."""
    with killers.lent() as killer, opened(play, tmp_path / "unkilled", killer) as (scene, host):
        assert run_killed(play, scene, host, "codes", "check").exit_code == 0
        steps = list(host.steps)
        hold_promises(play, scene, host)
    assert len(steps) > 50
    killed: list[int] = []

    def kill(trouble: Trouble) -> None:
        folder = tmp_path / f"{trouble.kill_at}-{trouble.half_way}"
        with killers.lent() as killer, opened(play, folder, killer) as (scene, host):
            ran = run_killed(play, scene, host, "codes", "check", trouble=trouble)
            killed.append(ran.exit_code)
            hold_promises(play, scene, host)

    planned = troubles(steps)
    killers.each(kill, planned)
    # Threads side by side share connections in different ways, so that a run may have a few steps less.
    assert killed.count(-9) >= len(planned) - (0 if play.is_serial else 12)
    assert set(killed) <= {-9, 0}
    record_property("told", f"kill matrix: {play.name}: {killed.count(-9)} runs killed, at {len(steps)} steps")


FATES = ("never stored", "stored while the run dies", "stored before the run dies")


def kill_at_request(scene: Scene, victim: Victim, nth: int, fate: str) -> None:
    """Let the stand-in Discord kill the run that makes the nth post."""
    match = Match(method="POST", nth=nth)
    if fate == "never stored":
        scene.discord.fail(faults.call(victim.kill, faults.reset()), match=match)
    else:
        scene.discord.call(victim.kill, match=match, after=fate == "stored before the run dies")


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: play.name)
def test_a_run_killed_while_discord_has_its_request_posts_nothing_twice_and_loses_nothing(
    play: Play, killers: Killers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """D2: the message may be there, or not; the run can never have known."""
    posts = [(nth, fate) for nth in range(1, 2 * (play.webhooks + play.bots) + 1) for fate in FATES]

    def kill(post: tuple[int, str]) -> None:
        nth, fate = post
        with killers.lent() as killer, opened(play, tmp_path / f"{nth} {fate}", killer) as (scene, host):
            victim = Victim()
            kill_at_request(scene, victim, nth, fate)
            assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
            assert scene.discord.unspent_faults() == []
            hold_promises(play, scene, host)

    killers.each(kill, posts)
    record_property("told", f"kill matrix: {play.name}: {len(posts)} runs killed while Discord had their request")


SETTLING_PLAYS = [play for play in PLAYS if play.later and play.visible and play.is_serial]


@pytest.mark.parametrize("fate", ["never stored", "stored before the run dies"])
@pytest.mark.parametrize("play", SETTLING_PLAYS, ids=lambda play: play.name)
def test_a_run_killed_while_it_settles_what_a_killed_run_left_posts_nothing_twice_and_loses_nothing(
    play: Play, fate: str, killers: Killers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """The second run is killed at every step, too; what it has posted may be under way for a minute from then."""
    at_once = replace(play, later=False)

    @contextmanager
    def after_a_kill(folder: str) -> Iterator[tuple[Scene, Machine]]:
        with killers.lent() as killer, opened(play, tmp_path / folder, killer) as (scene, host):
            victim = Victim()
            kill_at_request(scene, victim, 1, fate)
            assert run_killed(play, scene, host, "codes", "check", on_start=victim.started).exit_code == -9
            yield scene, host

    def kill(trouble: Trouble) -> None:
        with after_a_kill(f"{trouble.kill_at}-{trouble.half_way}") as (scene, host):
            assert run_killed(at_once, scene, host, "codes", "check", trouble=trouble).exit_code == -9
            hold_promises(at_once, scene, host)

    with after_a_kill("unkilled") as (scene, host):
        assert host.run("codes", "check").exit_code == 0
        planned = troubles(host.steps)
    killers.each(kill, planned)
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
