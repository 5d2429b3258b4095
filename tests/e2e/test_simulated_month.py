"""A month in a guild, with timers and the bot: what members were sent is compared with what was promised."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from fakes.mongod import new_database, or_skip, shared_mongod
from fakes.patient import be_patient
from invariants import (
    Calm,
    Promises,
    after_a_submission,
    forgotten,
    gaps,
    in_quiet_hours,
    lost_or_repeated,
    pings_among,
    too_close,
    unpinged,
    while_away,
    wrongly_removed,
)
from scene import FULL
from simulated_hosts import CHANNEL, GUILD, ROLE, Host
from simulation import AtOnce, FakeClock, ReadOnce, World, midnight

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.loopback import Reply
from giftping.runs import sweep as sweeping
from giftping.todo import repository

Played = TypeVar("Played")

MET = ("sweeps killed", "commands killed", "roles taken", "roles given back", "faults struck", "pauses")
MET_WITH_MONGODB = ("outages", "sweeps while MongoDB was away", "submissions while MongoDB was away")

SEEDS = {"JSON file": (4, 5, 6, 7, 8) if FULL else (4,), "MongoDB": (1, 2, 3, 4, 5) if FULL else (1,)}
"""Those by which whatever is to be met in a month is met, of each store."""

QUARTER, HOUR, THREE_HOURS = timedelta(minutes=15), timedelta(hours=1), timedelta(hours=3)
OFTEN = QUARTER if FULL else HOUR

JITTER = timedelta(seconds=30)

MONTH_SETTINGS = """\
[todo]
quiet_hours = "23:00-07:00"
"""
SHARED_SETTINGS = (
    MONTH_SETTINGS
    + """
[mongo]
shared = true
"""
)
MONTH_PROMISES = Promises(quiet=(time(23), time(7)))


def alone(play: Callable[..., Played], *arguments: object) -> Played:
    """Return what a play brings, in a process of its own: to measure coverage there would triple what it costs."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=one_order) as process:
        return process.submit(play, *arguments).result()


def one_order() -> None:
    """Do everything in one thread, so that a seed gives the same month again; spare disk and processor."""
    be_patient()
    setattr(os, "fsync", os.fstat)  # noqa: B010 -- for the whole process, which ends with the play
    setattr(repository, "member_from", ReadOnce())  # noqa: B010
    setattr(sweeping, "_pool", AtOnce)  # noqa: B010
    setattr(sweeping, "side_by_side", lambda work, items: [work(item) for item in items])  # noqa: B010


@dataclass(frozen=True, slots=True)
class Part:
    """Some days of the month: how often the timer fires (None: the hosts are down), and whether all goes well."""

    days: float
    period: timedelta | None
    calm: bool = False
    joins: bool = False
    """Whether a second host has joined by now, where there is a MongoDB to share."""


Hours = tuple[float, float]
"""After how many hours, at least and at most, a member hands in the next TODO."""

# Each question to a server costs some hundred times what a look into the file does.
ALL_MEMBERS: dict[bool, list[Hours]] = {
    False: [(17, 23.5)] * 10 + [(18, 48)] * 24 + [(30, 200)] * 16,
    True: [(17, 23.5)] * 4 + [(18, 48)] * 12 + [(30, 120)] * 3 + [(110, 190)] * 9,
}
# Fewer of those to whom the same happens, and as many who fall silent for long enough to lose the role.
SOME_MEMBERS: dict[bool, list[Hours]] = {
    False: [(17, 23.5)] * 3 + [(18, 48)] * 6 + [(30, 120)] * 2 + [(160, 240)] * 7,
    True: [(17, 23.5)] * 3 + [(18, 48)] * 6 + [(30, 120)] * 2 + [(160, 240)] * 7,
}
MEMBERS = ALL_MEMBERS if FULL else SOME_MEMBERS
"""What members are like, by the file and with MongoDB."""

MONTH = (
    Part(1.5, OFTEN),
    Part(1, OFTEN, calm=True),
    Part(8.5, THREE_HOURS),
    Part(2, None),
    Part(1, OFTEN),
    Part(6, THREE_HOURS, calm=True),
    Part(7, THREE_HOURS, joins=True),
    Part(1.5, OFTEN),
    Part(1.5, OFTEN, calm=True),
)
# As many turns of fate, most of them shorter. While all is well no hour is given away: then the silent lose the role.
SOME_DAYS = (
    Part(0.5, OFTEN),
    Part(0.5, OFTEN, calm=True),
    Part(3, THREE_HOURS),
    Part(1, None),
    Part(0.5, OFTEN),
    Part(6, THREE_HOURS, calm=True),
    Part(4, THREE_HOURS, joins=True),
    Part(0.5, OFTEN),
    Part(0.5, OFTEN, calm=True),
)
DAYS = MONTH if FULL else SOME_DAYS


@contextmanager
def opened(
    folder: Path, seed: int, members: int, *, hosts: int = 1, settings: str = "", **how: object
) -> Iterator[World]:
    clock = FakeClock(midnight(2026, 10, 3))
    with StandInDiscord(clock=clock, limits=None, members_intent=True) as discord:
        world = World(folder, discord, clock, Random(seed), **how)
        try:
            world.set_up(members, hosts=hosts, settings=settings)
            yield world
            assert discord.unexpected == []
        finally:
            world.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("seed", "is_mongodb"),
    [
        pytest.param(
            seed, store == "MongoDB", id=f"{seed}-{store}", marks=pytest.mark.xdist_group(f"simulated month, {store}")
        )
        for store, seeds in SEEDS.items()
        for seed in seeds
    ],
)
def test_in_a_month_of_troubles_every_promise_holds(
    seed: int, is_mongodb: bool, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    uri = new_database(or_skip(shared_mongod)) if is_mongodb else ""
    counts, violations = alone(month, tmp_path, seed, uri)
    told = f"seed {seed}: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    assert not violations, "\n".join([told, *violations[:20], f"{len(violations)} violations"])
    for what in MET + MET_WITH_MONGODB * is_mongodb:
        assert counts[what], f"no {what}: {told}"
    record_property("told", f"simulated month {'with MongoDB, ' * is_mongodb}{told}")


def month(folder: Path, seed: int, uri: str = "") -> tuple[dict[str, int], list[str]]:
    """Return what happened in the month, counted, and every promise that was broken, in words."""
    # By a file two hosts go on as no two do in earnest: they are there to meet each other at each step.
    many, hosts = len(MEMBERS[bool(uri)]), 1 if uri else 2
    with opened(folder, seed, many, hosts=hosts, settings=MONTH_SETTINGS, mongo_uri=uri) as world:
        _populate(world)
        calm = [found for part in DAYS if (found := _play(world, part)) is not None]
        _settle(world)
        pings = pings_among(world.discord.all_notifications(), world.begun)
        changes = [change for change in world.discord.role_changes if change.role_id == ROLE]
        with world.repository() as members:
            known = {user_id: member.last_submit for user_id, member in members.load().members.items()}
            (followed,) = members.store.subscriptions(GUILD)
            wanted = (str(world.mentioned),) if world.mentioned else ()
        violations = [
            *(f"nonce {nonce} was written again {times} times" for nonce, times in world.discord.written_again.items()),
            *too_close(pings, MONTH_PROMISES),
            *after_a_submission(pings, world.lives, MONTH_PROMISES),
            *while_away(pings, world.lives),
            *in_quiet_hours(pings, world.lives, MONTH_PROMISES),
            *wrongly_removed(changes, pings, world.lives, MONTH_PROMISES, world.begun),
            *unpinged(pings, changes, world.lives, MONTH_PROMISES, calm),
            *lost_or_repeated(_todos_among(world), world.handed_in),
            *forgotten(world.lives, known),
            *([] if followed.mentions == wanted else [f"set {world.mentioned}, known {followed}"]),
        ]
        world.counts.update(
            {
                "requests": world.requests,
                "pings": len(pings),
                "warnings": sum(ping.is_warning for ping in pings),
                "roles taken": sum(change.by_bot and not change.given for change in changes),
                "roles given back": sum(change.by_bot and change.given for change in changes),
            }
        )
        return dict(world.counts), violations


def _todos_among(world: World) -> list[str]:
    """Return the texts of the TODOs that stand in the channel."""
    shown = (str(message.embeds) for message in world.discord.messages(CHANNEL))
    return [found for text in shown for found in re.findall(r"task \d+ of \d+", text)]


def _settle(world: World) -> None:
    """Let all be well again, and the sweeps come that bring to its end what is open."""
    world.calm_down()
    for _ in range(3):
        world.go_to(world.clock() + QUARTER)
        for host in world.hosts:
            host.sweep()


def _populate(world: World) -> None:
    """Let some members be reliable, most not, and some fall silent; three have a clock of their own."""
    habits = MEMBERS[bool(world.mongo_uri)]
    for person, hours in zip(world.people.values(), habits, strict=True):
        person.hours = hours
        world.live(person)
    travellers = list(world.people)[-3:]
    for user_id, zone in zip(travellers, ("Europe/Berlin", "America/New_York", "Australia/Sydney"), strict=True):
        world.move_to(user_id, zone)
    for user_id in list(world.people)[::9]:
        world.discord.close_dms(user_id)
    world.at(world.clock() + timedelta(days=1), world.meddle)
    world.at(world.clock() + timedelta(hours=5), world.manage)


def _play(world: World, part: Part) -> Calm | None:
    """Let a part of the month pass, and return when in it everything was to work."""
    begin, end = world.clock(), world.clock() + timedelta(days=part.days)
    if part.calm:
        world.calm_down()
    else:
        world.troubled = True
    if part.joins and world.mongo_uri:
        for host in world.hosts:
            host.configure(SHARED_SETTINGS)
        world.add_host(SHARED_SETTINGS)
    at = begin
    while part.period is not None and at < end:
        world.go_to(max(world.clock(), at + timedelta(seconds=world.random.uniform(-30, 30))))
        if part.calm:
            _sweep_in_peace(world)
        else:
            _sweep_in_trouble(world)
        at += part.period
    world.go_to(max(end, world.clock()))
    if not part.calm or part.period is None:
        return None
    # What was left open before is settled first.
    settled = begin + part.period + timedelta(minutes=30)
    return Calm(settled, end, part.period + 2 * JITTER)


def _sweep_in_peace(world: World) -> None:
    hosts = world.hosts if world.random.random() < 0.1 else world.hosts[:1]
    world.turns.run([host.sweep for host in hosts])


def _sweep_in_trouble(world: World) -> None:
    random = world.random
    if random.random() < 0.1:
        world.counts["sweeps missed"] += 1
        return
    if random.random() < 0.5:
        _plan_faults(world)
    if world.mongo_uri and random.random() < 0.02:
        _plan_outage(world)
    together = random.random() < 0.4
    hosts = random.sample(world.hosts, min(len(world.hosts), 1 + together))
    world.turns.run([*(_sweep(world, host) for host in hosts), *(world.late_submissions(3) if together else ())])
    world.counts["overlapping sweeps"] += len(hosts) > 1
    world.discord.clear_faults()
    world.discord.reset_new_dms()
    world.discord.new_dms = random.choice([None, None, 1])
    world.discord.members_intent = random.random() < 0.8


def _sweep(world: World, host: Host) -> Callable[[], object]:
    kill, loss = world.mishap(0.2, 12, 12, 40, 120), world.mishap(0.02, 30)
    return lambda: host.sweep(kill, loss)


def _plan_outage(world: World) -> None:
    """Let MongoDB go away some time from now, for hours: for all, or where several share it for one of them."""
    random = world.random
    at, hours = world.clock() + timedelta(hours=random.uniform(0, 6)), random.uniform(0.2, 9)
    for host in random.choice([world.hosts, world.hosts[:1], world.hosts[1:]]):
        world.at(at, lambda host=host: world.lose_database(host, hours))


def _plan_faults(world: World) -> None:
    """Let some of the next requests fail, before or after they are carried out."""
    random, discord = world.random, world.discord
    kinds = [
        faults.rate_limited(retry_after=random.uniform(0.05, 40)),
        faults.rate_limited("shared", retry_after=random.uniform(0.05, 10)),
        faults.rate_limited("global", retry_after=random.uniform(0.05, 5)),
        faults.status(500),
        faults.html(502),
        faults.reset(),
        faults.close(),
        faults.garbage(),
        faults.status(403, 50001),
        faults.status(403, 40003),
    ]
    for _ in range(random.randint(1, 5)):
        fault = random.choice(kinds)
        is_refusal = fault.name.startswith(("4",))
        match = Match(method=random.choice([None, "POST", "POST", "GET", "DELETE"]), nth=random.randint(1, 5))
        # A refusal is carried out by nobody: Discord does not say no to what it has done.
        after = not is_refusal and random.random() < 0.5
        discord.fail(_counted(world, fault), match=match, after=after, times=random.randint(1, 3))


def _counted(world: World, fault: faults.Fault) -> faults.Fault:
    def strike(moment: faults.Moment) -> Reply | None:
        world.counts["faults struck"] += 1
        return fault.strike(moment)

    return faults.Fault(fault.name, strike)


STEADY_SETTINGS = """\
[todo]
remove_after = "90d"
new_dms = 50
linger = "{linger}"
"""


@pytest.mark.xdist_group("steady timer")
@pytest.mark.parametrize(("overdue", "days"), [(2, 8), (60, 3)])
def test_a_timer_of_three_hours_pings_every_three_hours(overdue: int, days: int, tmp_path: Path) -> None:
    """With 60 members a round takes so long that three days shift it by more than the linger time."""
    longest, shortest = alone(gaps_of_a_steady_timer, tmp_path, overdue, days, "2m")
    assert shortest >= THREE_HOURS
    assert longest <= THREE_HOURS + timedelta(minutes=2)


@pytest.mark.xdist_group("steady timer")
def test_without_lingering_the_same_timer_skips_rounds(tmp_path: Path) -> None:
    longest, shortest = alone(gaps_of_a_steady_timer, tmp_path, 2, 15, "0s")
    assert shortest >= THREE_HOURS
    assert longest >= 2 * THREE_HOURS - 4 * JITTER


def gaps_of_a_steady_timer(folder: Path, overdue: int, days: int, linger: str) -> tuple[timedelta, timedelta]:
    """Return the longest and the shortest time between two pings of one member by one leg."""
    settings = STEADY_SETTINGS.format(linger=linger)
    with opened(folder, 7, overdue, settings=settings, latencies=(0.2, 1.0)) as world:
        begin = world.clock()
        for number in range(days * 8):
            at = begin + number * THREE_HOURS + timedelta(seconds=world.random.uniform(-30, 30))
            world.go_to(max(at, world.clock()))
            report = world.hosts[0].sweep()
            assert report is not None
            assert report.exit_code == 0, report.trouble_lines()
        found = gaps(pings_among(world.discord.all_notifications()))
        assert len(found) == 2 * overdue
        rounds = days * 8 - 8
        assert all(len(between) >= rounds // 2 - 2 for between in found.values())
        between = [gap for theirs in found.values() for gap in theirs]
        return max(between), min(between)
