"""Plays: guilds and a host, a run that comes to grief, and what must hold after the next runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from forks import ForkedHost, Forkers, Step, Trouble, Victim, forked, scene_in, wait_until_quiet
from scene import FULL, Ran, Scene

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
    forums: int = 0
    """In which the bot opens posts."""
    forum_webhooks: int = 0
    is_kept: bool = False
    """Whether the forums keep one post up for the game."""
    token: bool = True
    visible: bool = True
    later: bool = False

    @property
    def settles(self) -> bool:
        """Whether the next runs can find out about every message without a person's help."""
        return not self.is_without_nonce or (self.token and self.later)

    @property
    def is_without_nonce(self) -> bool:
        """Whether in some guild a repeat would be a second message."""
        return bool(self.webhooks or self.forums or self.forum_webhooks)

    @property
    def guilds(self) -> tuple[int, int, int, int]:
        """How many there are by each route."""
        return self.webhooks, self.bots, self.forums, self.forum_webhooks

    @property
    def is_serial(self) -> bool:
        """Whether one thread does all, so that a step's number names the same step in every run."""
        return sum(self.guilds) == 1


@contextmanager
def opened(play: Play, folder: Path, forkers: Forkers) -> Iterator[tuple[Scene, ForkedHost]]:
    """Give a scene with the play's guilds, all new and owed all codes, long before the first run.

    Where the same was played before, the guilds' records are those of the first time.
    """
    with forkers.lent() as forker, scene_in(folder) as scene:
        scene.discord.message_content = play.visible
        scene.list_codes(*CODES)
        host = forked(scene.host(token=play.token), forker)
        is_known = forkers.begin_with(play.name, host.state)
        if is_known:
            scene.add = lambda *_: None  # type: ignore[method-assign]
        put_clocks(scene, host, -2 * WHILE)
        for number in range(play.webhooks):
            scene.webhook_guild(host, number)
        for number in range(play.bots):
            scene.bot_guild(host, number)
        kept = ("--posts", "kept") if play.is_kept else ()
        for number in range(play.forums):
            scene.forum_guild(host, number, *kept)
        for number in range(play.forum_webhooks):
            scene.forum_guild(host, number, *kept, by_webhook=True)
        put_clocks(scene, host, 2 * WHILE)
        if not is_known:
            forkers.keep(play.name, host.state)
        yield scene, host


def put_clocks(scene: Scene, host: ForkedHost, by: timedelta) -> None:
    """Put the host's and Discord's clock forward, or back."""
    scene.discord.clock.forward(by)
    host.ahead += by


def run_killed(play: Play, scene: Scene, host: ForkedHost, *arguments: str, **how: object) -> Ran:
    """Run to the kill, with everything that was under way then brought to its end, and let the play's time pass."""
    past = WHILE if play.later else timedelta(0)
    put_clocks(scene, host, -past)
    ran = host.run(*arguments, **how)
    wait_until_quiet(scene.discord)
    put_clocks(scene, host, past)
    return ran


def check_until_fine(host: ForkedHost) -> Ran:
    for _ in range(RUNS):
        ran = host.run("codes", "check")
        if ran.exit_code == 0:
            break
        assert ran.exit_code == 69, ran
    return ran


def hold_promises(play: Play, scene: Scene, host: ForkedHost) -> None:
    """Run until all is well, and compare what arrived, what the ledger says, and what the user is told."""
    ran = check_until_fine(host)
    open_ones = open_entries(scene, host)
    states = Counter(open_ones.values())
    # What waits for a person counts in the run that tells of it, and that one has gone by.
    assert ran.exit_code == (69 if states["open"] else 0), ran
    if open_ones:
        told = host.run("codes", "stats", "--json").json["states"]
        assert {state: told[state] for state in ("open", "uncertain")} == {"uncertain": 0, "open": 0, **states}
    if play.settles or not open_ones:
        assert not open_ones
    elif not play.token:
        assert set(states) <= {"uncertain"}
        settle_as_a_person_would(scene, host)
    else:
        assert set(states) <= {"open"}
        put_clocks(scene, host, WHILE)
    assert check_until_fine(host).exit_code == 0
    assert not open_entries(scene, host)
    if play.is_kept:
        assert [len(scene.discord.posts(scene.channels[guild])) for guild in scene.forums] == [1]


def open_entries(scene: Scene, host: ForkedHost) -> dict[str, str]:
    """Return the state of each entry that is not sent; nothing is there twice, and nothing is missing in silence."""
    states = host.states()
    for guild in scene.channels:
        arrived = scene.arrived(guild)
        assert set(arrived.values()) <= {1}, (guild, arrived)
        sent = {code for code in CODES if states[f"{guild}:{code}"] == "sent"}
        assert sent <= set(arrived), (guild, arrived, states)
        assert sent == set(CODES) or guild in scene.without_nonce, (guild, states)
    return {entry: state for entry, state in states.items() if state != "sent"}


def settle_as_a_person_would(scene: Scene, host: ForkedHost) -> None:
    """Look into each channel and say what is there. One message at most was under way to a guild."""
    uncertain = [entry.split(":") for entry, state in host.states().items() if state == "uncertain"]
    for guild in sorted({int(guild) for guild, _ in uncertain}):
        found = {code in scene.arrived(guild) for of_guild, code in uncertain if int(of_guild) == guild}
        assert len(found) == 1
        ran = host.run("codes", "settle", "--guild", str(guild), "--sent" if found == {True} else "--resend")
        assert ran.exit_code == 0, ran


def troubles(steps: Sequence[Step]) -> list[Trouble]:
    """The kills before a step, and half-way through one that writes, that find another state than the one before.

    A run that dies leaves what it had written and asked for, and nothing of what it knew: where a step only read, the
    kill after it is the kill before it. Of each kind of step one is there all the same; with FULL all are.
    """
    every = [
        Trouble(kill_at=number, half_way=half_way)
        for half_way in (False, True)
        for number, step in enumerate(steps, 1)
        if not half_way or step.name in HALVES
    ]
    if FULL:
        return every
    of_its_kind = {(steps[one.kill_at - 1].name, one.half_way): one for one in every}.values()
    return [one for one in every if one in of_its_kind or _finds_another_state(steps, one)]


def _finds_another_state(steps: Sequence[Step], trouble: Trouble) -> bool:
    if trouble.half_way:
        # Half of a request is none, whoever it was meant for.
        step = steps[trouble.kill_at - 1]
        return step.leaves_another_state and step.name == "os.write"
    return trouble.kill_at > 1 and steps[trouble.kill_at - 2].leaves_another_state


FATES = ("never stored", "stored while the run dies", "stored before the run dies")


def kill_at_request(scene: Scene, victim: Victim, nth: int, fate: str) -> None:
    """Let the stand-in Discord kill the run that makes the nth post."""
    kill_at(scene, victim, Match(method="POST", nth=nth), fate)


def kill_at(scene: Scene, victim: Victim, match: Match, fate: str) -> None:
    """Let the stand-in Discord kill the run that makes a request."""
    if fate == "never stored":
        scene.discord.fail(faults.call(victim.kill, faults.reset()), match=match)
    else:
        scene.discord.call(victim.kill, match=match, after=fate == "stored before the run dies")
