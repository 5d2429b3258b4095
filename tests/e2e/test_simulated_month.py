"""A month in a guild of 200, and timers as they are set: what members were sent is compared with what was promised."""

from __future__ import annotations

import os
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
from invariants import (
    Calm,
    Promises,
    after_a_submission,
    gaps,
    in_quiet_hours,
    pings_among,
    too_close,
    unpinged,
    while_away,
    wrongly_removed,
)
from scene import FULL
from simulation import ROLE, AtOnce, FakeClock, ReadOnce, World, midnight

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.loopback import Reply
from giftping.runs import sweep as sweeping
from giftping.todo import repository

Played = TypeVar("Played")

SEEDS = (1, 2, 3, 4, 5) if FULL else (1,)

QUARTER, THREE_HOURS = timedelta(minutes=15), timedelta(hours=3)
JITTER = timedelta(seconds=30)

MONTH_SETTINGS = """\
[todo]
quiet_hours = "23:00-07:00"
"""
MONTH_PROMISES = Promises(quiet=(time(23), time(7)))


def alone(play: Callable[..., Played], *arguments: object) -> Played:
    """Return what a play brings, in a process of its own: to measure coverage there would triple what it costs."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=one_order) as process:
        return process.submit(play, *arguments).result()


def one_order() -> None:
    """Do everything in one thread, so that a seed gives the same month again; spare disk and processor."""
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


MONTH = (
    Part(2.5, QUARTER),
    Part(1.5, QUARTER, calm=True),
    Part(7, THREE_HOURS),
    Part(2, None),
    Part(2, QUARTER),
    Part(5, THREE_HOURS, calm=True),
    Part(6, THREE_HOURS),
    Part(2, QUARTER),
    Part(2, QUARTER, calm=True),
)


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


@pytest.mark.timeout(600)
@pytest.mark.xdist_group("simulated month")
@pytest.mark.parametrize("seed", SEEDS)
def test_in_a_month_of_troubles_every_promise_holds(
    seed: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    counts, violations = alone(month, tmp_path, seed)
    told = f"seed {seed}: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    assert not violations, "\n".join([told, *violations[:20], f"{len(violations)} violations"])
    for what in ("sweeps killed", "submissions killed", "roles taken", "roles given back", "faults struck", "pauses"):
        assert counts[what] >= 3, told
    record_property("told", f"simulated month: {told}")


def month(folder: Path, seed: int) -> tuple[dict[str, int], list[str]]:
    """Return what happened in the month, counted, and every promise that was broken, in words."""
    with opened(folder, seed, 200, hosts=2, settings=MONTH_SETTINGS) as world:
        _populate(world)
        calm = [found for part in MONTH if (found := _play(world, part)) is not None]
        pings = pings_among(world.discord.all_notifications())
        changes = [change for change in world.discord.role_changes if change.role_id == ROLE]
        violations = [
            *(f"nonce {nonce} was written again {times} times" for nonce, times in world.discord.written_again.items()),
            *too_close(pings, MONTH_PROMISES),
            *after_a_submission(pings, world.lives, MONTH_PROMISES),
            *while_away(pings, world.lives),
            *in_quiet_hours(pings, world.lives, MONTH_PROMISES),
            *wrongly_removed(changes, pings, world.lives, MONTH_PROMISES),
            *unpinged(pings, changes, world.lives, MONTH_PROMISES, calm),
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


def _populate(world: World) -> None:
    """Let most members be reliable, some not, and some fall silent; three clocks are changed this month."""
    habits = [(17, 23.5)] * 140 + [(18, 48)] * 40 + [(30, 200)] * 20
    for person, hours in zip(world.people.values(), habits, strict=True):
        person.hours = hours
        world.live(person)
    travellers = list(world.people)[-3:]
    for user_id, zone in zip(travellers, ("Europe/Berlin", "America/New_York", "Australia/Sydney"), strict=True):
        world.move_to(user_id, zone)
    for user_id in list(world.people)[::9]:
        world.discord.close_dms(user_id)
    world.at(world.clock() + timedelta(days=1), world.meddle)


def _play(world: World, part: Part) -> Calm | None:
    """Let a part of the month pass, and return when in it everything was to work."""
    begin, end = world.clock(), world.clock() + timedelta(days=part.days)
    world.troubled = not part.calm
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
    hosts = random.sample(world.hosts, 2 if random.random() < 0.25 else 1)
    jobs = []
    for host in hosts:
        is_killed = random.random() < 0.15
        kill_at = random.randint(1, random.choice([12, 12, 40, 120])) if is_killed else None
        after = random.random() < 0.5
        jobs.append(lambda host=host, kill_at=kill_at, after=after: host.sweep(kill_at, kill_after=after))
    world.turns.run(jobs)
    world.counts["overlapping sweeps"] += len(hosts) > 1
    world.discord.clear_faults()
    world.discord.reset_new_dms()
    world.discord.new_dms = random.choice([None, None, 1])
    world.discord.members_intent = random.random() < 0.8


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
@pytest.mark.parametrize(("overdue", "days"), [(2, 30), (60, 5)])
def test_a_timer_of_three_hours_pings_every_three_hours(overdue: int, days: int, tmp_path: Path) -> None:
    """With 60 members a round takes so long that five days shift it by more than the linger time."""
    longest, shortest = alone(gaps_of_a_steady_timer, tmp_path, overdue, days, "2m")
    assert shortest >= THREE_HOURS
    assert longest <= THREE_HOURS + timedelta(minutes=2)


@pytest.mark.xdist_group("steady timer")
def test_without_lingering_the_same_timer_skips_rounds(tmp_path: Path) -> None:
    longest, shortest = alone(gaps_of_a_steady_timer, tmp_path, 2, 30, "0s")
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
