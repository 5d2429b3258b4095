"""A simulated guild: members with lives of their own, hosts that sweep, a Discord that fails, and one clock for all.

Everything happens in one order that a seed decides. Runs that overlap have a thread each, of which one goes on at a
time; another may get its turn at every step that a run takes, which is before everything it does to the store or asks
of Discord. A run may be killed at any step, before or after it is carried out.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from invariants import Life, Stretch, Submitted

from giftping.demo.discord import StandInDiscord
from giftping.discord.http import DiscordHttp
from giftping.net.transport import SocketTransport
from giftping.runs.sweep import SubmitRequest, Timing, run_submit, run_sweep
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.store.documents import TODO_TIMESTAMPS
from giftping.store.engine import Change, Engine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.member_documents import member_from
from giftping.todo.model import Member, Pause
from giftping.todo.report import SweepReport
from giftping.todo.repository import MemberChange, MemberRepository, new_id
from giftping.todo.validation import TodoDraft
from giftping.wiring import POSTING_THREADS, Wiring

GUILD, CHANNEL, ROLE, OWNER = 1, 2, 3, 9
FIRST_MEMBER = 1001
KOLKATA = ZoneInfo("Asia/Kolkata")

ENGINE_STEPS = frozenset({"get", "find", "walk", "change"})

WIRE_PATIENCE = timedelta(seconds=10)
"""How long others may go on while a request is under way: it ends within 15 seconds."""


class Killed(BaseException):
    """The run's process was killed at this step: no error that the program could handle."""


class FakeClock:
    """The one clock of Discord, hosts and members."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.now.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class AtOnce(Executor):
    """A pool that does at once what it is given, so that the order is the same each time."""

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args, **kwargs))
        return future


class ReadOnce:
    """Reads members as `member_from` does, but those that no run has changed since only once."""

    def __init__(self) -> None:
        self._known: dict[int, Member] = {}

    def __call__(self, user_id: int, roster: Mapping[str, Any] | None, timestamps: Mapping[str, Any] | None) -> Member:
        known = self._known.get(user_id)
        if known is None or known.roster_document is not roster or known.timestamps_document is not timestamps:
            known = self._known[user_id] = member_from(user_id, roster, timestamps)
        return known


class Turns:
    """Lets one of several threads go on at a time."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._changed = threading.Condition()
        self._running: list[int] = []
        self._mine = threading.local()
        self._turn: int | None = None
        self._errors: list[BaseException] = []

    def run(self, jobs: Sequence[Callable[[], object]]) -> None:
        """Do the jobs, in turns when there is more than one. Raise what the first one raised that raised."""
        if len(jobs) == 1:
            jobs[0]()
            return
        threads = [threading.Thread(target=self._run, args=(number, job)) for number, job in enumerate(jobs)]
        self._turn = None
        for thread in threads:
            thread.start()
        with self._changed:
            self._changed.wait_for(lambda: len(self._running) == len(threads))
            self._pass_on()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _run(self, me: int, job: Callable[[], object]) -> None:
        self._mine.number = me
        with self._changed:
            self._running.append(me)
            self._running.sort()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._turn == me)
        try:
            job()
        except BaseException as error:  # noqa: BLE001  # raised again by the thread that waits
            self._errors.append(error)
        finally:
            with self._changed:
                self._running.remove(me)
                self._pass_on()

    def step(self) -> None:
        """Let another thread go on, perhaps, and return when it is the caller's turn again."""
        if len(self._running) < 2:
            return
        me = self._mine.number
        with self._changed:
            self._pass_on()
            self._changed.wait_for(lambda: self._turn == me)

    def _pass_on(self) -> None:
        self._turn = self._random.choice(self._running) if self._running else None
        self._changed.notify_all()


@dataclass
class Run:
    """One process of giftping: its steps, and at which of them it is killed, before or after that is carried out."""

    world: World
    kill_at: int | None = None
    kill_after: bool = False
    steps: int = 0

    @contextmanager
    def step(self, about: Sequence[int] = ()) -> Iterator[None]:
        """Take one step, which is the body of the block; `about` are the members whom it is about to change."""
        self.steps += 1
        self.world.others(about)
        if self.steps == self.kill_at and not self.kill_after:
            raise Killed
        yield
        if self.steps == self.kill_at:
            raise Killed


class SteppedEngine:
    """An engine every use of which is a step. Closing it leaves it open for the next run."""

    def __init__(self, engine: Engine, run: Run) -> None:
        self._engine = engine
        self._run = run

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if name not in ENGINE_STEPS:
            return found

        def stepped(*args: Any, **kwargs: Any) -> Any:
            about: Sequence[int] = ()
            if name == "change":
                about = [int(change.id) for change in args[0] if change.collection == TODO_TIMESTAMPS]
            with self._run.step(about):
                return found(*args, **kwargs)

        return stepped

    def close(self) -> None:
        return


class SteppedTransport(httpx.BaseTransport):
    """Real sockets on which a request takes its time by the fake clock, and is a step."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._sockets = SocketTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        world = self._run.world
        with world.wire(), self._run.step():
            # Direct messages go out side by side: each takes its part of the time.
            is_one_of_many = request.method == "POST" and f"/channels/{CHANNEL}/" not in request.url.path
            seconds = world.random.uniform(*world.latencies) / (POSTING_THREADS if is_one_of_many else 1)
            world.clock.pass_time(seconds / 2)
            response = self._sockets.handle_request(request)
            world.clock.pass_time(seconds / 2)
            world.requests += 1
        return response

    def close(self) -> None:
        self._sockets.close()


class SimulatedWiring(Wiring):
    """A wiring of one run, on the world's clock and the host's store."""

    def __init__(self, settings: Settings, store: Store, run: Run) -> None:
        super().__init__(settings)
        self.store = store
        self.run = run

    def open_store(self, *, read_only: bool = False) -> Any:
        return Store(SteppedEngine(self.store.engine, self.run))

    def _new_http(self, budget: timedelta) -> DiscordHttp:
        clock, token = self.run.world.clock, self.settings.discord.token
        return DiscordHttp(
            self.settings.discord.api,
            token=token.reveal() if token else None,
            budget=budget,
            monotonic=clock.monotonic,
            sleep=self.run.world.sleep,
            now=clock,
            steady=clock.monotonic,
            transport=SteppedTransport(self.run),
        )


@dataclass
class Host:
    """One machine: its own lock and name, and its own object on the store that all share."""

    world: World
    settings: Settings
    store: Store

    def sweep(self, kill_at: int | None = None, *, kill_after: bool = False) -> SweepReport | None:
        """Return what a sweep did, None for one that was killed."""
        world = self.world
        with self._wiring(kill_at, kill_after=kill_after) as wiring:
            try:
                report = run_sweep(wiring, timing=Timing(world.clock, world.sleep))
            except Killed:
                world.counts["sweeps killed"] += 1
                return None
            world.counts["sweeps"] += 1
            return report

    def submit(self, user_id: int, text: str, kill_at: int | None = None, *, kill_after: bool = False) -> bool:
        """Hand in a TODO, and return whether the command lived to its end."""
        with self._wiring(kill_at, kill_after=kill_after) as wiring:
            try:
                repository = MemberRepository(wiring.open_store(), self.world.clock)
                request = SubmitRequest(user_id, TodoDraft(must_do=text))
                run_submit(wiring, repository, request, timing=Timing(self.world.clock, self.world.sleep))
            except Killed:
                self.world.counts["submissions killed"] += 1
                return False
            return True

    @contextmanager
    def _wiring(self, kill_at: int | None, *, kill_after: bool) -> Iterator[SimulatedWiring]:
        wiring = SimulatedWiring(self.settings, self.store, Run(self.world, kill_at, kill_after))
        try:
            yield wiring
        finally:
            wiring.close()


@dataclass
class Person:
    """A member with habits: after how many hours, at least and at most, the next TODO comes."""

    user_id: int
    life: Life
    hours: tuple[float, float]
    plan: int = 0
    away: bool = False


@dataclass
class World:
    """The guild, its people and its hosts. `troubled` lets people hand in at the worst moments and runs be killed."""

    folder: Path
    discord: StandInDiscord
    clock: FakeClock
    random: Random
    latencies: tuple[float, float] = (0.05, 0.4)
    troubled: bool = False
    people: dict[int, Person] = field(default_factory=dict)
    hosts: list[Host] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    _events: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _number: int = 0
    _on_wire: int = 0
    _people_act: bool = False

    def __post_init__(self) -> None:
        self.turns = Turns(self.random)
        self._wire_since = self.clock.now

    # The stage

    def set_up(self, members: int, *, hosts: int = 1, settings: str = "") -> None:
        """Add the guild, its members, all on the roster from now on, and the hosts."""
        discord, now = self.discord, self.clock()
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_role(GUILD, ROLE)
        store = self.folder / "store"
        for number in range(hosts):
            folder = self.folder / f"host-{number}"
            folder.mkdir()
            (folder / "giftping.toml").write_text(settings, "utf-8")
            environment = {
                "HOME": str(folder),
                "GIFTPING_STATE": str(folder / "state"),
                "GIFTPING_DISCORD_API": discord.api,
                "DISCORD_TOKEN": discord.bot_token,
                "GUILD_ID": str(GUILD),
                "TODO_CHANNEL_ID": str(CHANNEL),
                "ROLE_ID": str(ROLE),
                "OWNER_ID": str(OWNER),
            }
            self.hosts.append(Host(self, load_settings(environment, cwd=folder), Store(TinyEngine(store))))
        for user_id in range(FIRST_MEMBER, FIRST_MEMBER + members):
            discord.add_member(GUILD, user_id, roles=(ROLE,))
            self.people[user_id] = Person(user_id, Life(now, KOLKATA), (18, 23))
        self.repository().save([MemberChange(Member(user_id, f"m{user_id}", added=now)) for user_id in self.people])

    def repository(self) -> MemberRepository:
        """Return the members as a person's own command sees them."""
        return MemberRepository(self.hosts[0].store, self.clock)

    def move_to(self, user_id: int, zone: str) -> None:
        """Let a member have a time zone of their own."""
        self.people[user_id].life.zone = ZoneInfo(zone)
        self.repository().amend([user_id], lambda member: MemberChange(replace(member, time_zone=zone)))

    def close(self) -> None:
        """Close the hosts' stores."""
        for host in self.hosts:
            host.store.close()

    @property
    def lives(self) -> dict[int, Life]:
        """What each member did."""
        return {user_id: person.life for user_id, person in self.people.items()}

    # Time

    def at(self, when: datetime, act: Callable[[], None]) -> None:
        """Let something happen at a time."""
        self._number += 1
        heappush(self._events, (when, self._number, act))

    def go_to(self, when: datetime) -> None:
        """Let time pass up to an instant, and what people planned happen."""
        while self._events and self._events[0][0] <= when and not self._people_are_held:
            at, _, act = heappop(self._events)
            self.clock.now = max(self.clock.now, at)
            self._act(act)
        self.clock.now = max(self.clock.now, when)

    def sleep(self, seconds: float) -> None:
        """Wait, as a run does; a request that is under way meanwhile comes to its end first."""
        while self._on_wire:
            self.turns.step()
        # A wait for less than the clock can show would be no wait at all.
        self.go_to(self.clock.now + timedelta(seconds=seconds) + timedelta(microseconds=1))
        self.others()

    @property
    def _people_are_held(self) -> bool:
        """Whether nobody hands in now: a request is under way, or somebody is at it already."""
        return self._people_act or self._on_wire > 0

    def _act(self, act: Callable[[], None]) -> None:
        self._people_act = True
        try:
            act()
        finally:
            self._people_act = False

    @contextmanager
    def wire(self) -> Iterator[None]:
        """Have a request under way: what a member does meanwhile cannot call it back, so that nobody does anything."""
        if not self._on_wire:
            self._wire_since = self.clock.now
        self._on_wire += 1
        try:
            yield
        finally:
            self._on_wire -= 1

    def others(self, about: Sequence[int] = ()) -> None:
        """Let other runs go on, and people do what they meant to do by now, or those whom a run is about to change."""
        if self._on_wire and (self._people_act or self.clock.now - self._wire_since > WIRE_PATIENCE):
            return
        self.turns.step()
        if self._people_are_held:
            return
        if self.troubled and self.random.random() < (0.03 if about else 0.003):
            self._hand_in_at_the_worst_moment(about or tuple(self.people))
        if self._events and self._events[0][0] <= self.clock.now:
            self.go_to(self.clock.now)

    def _hand_in_at_the_worst_moment(self, user_ids: Sequence[int]) -> None:
        late = [person for user_id in user_ids if self._is_late(person := self.people[user_id])]
        if late:
            person = self.random.choice(late)
            self.counts["submissions in a sweep"] += 1
            self._act(lambda: self._hand_in(person))

    def _is_late(self, person: Person) -> bool:
        last = person.life.submissions[-1].ended if person.life.submissions else person.life.joined
        return not person.away and self.clock.now - last >= timedelta(hours=24)

    # What people do

    def live(self, person: Person) -> None:
        """Let a member hand in after as many hours as they do, and so on."""
        person.plan += 1
        plan = person.plan

        def act() -> None:
            if person.plan == plan:
                self._hand_in(person)

        self.at(self.clock.now + timedelta(hours=self.random.uniform(*person.hours)), act)

    def _hand_in(self, person: Person) -> None:
        if not person.away:
            began = self.clock()
            if self.random.random() < 0.9:
                self._hand_in_to_the_older_bot(person)
            else:
                self._hand_in_until_done(person)
            person.life.submissions.append(Submitted(began, self.clock()))
            self.counts["submissions"] += 1
            self._change_habits(person)
        self.live(person)

    def _hand_in_until_done(self, person: Person) -> None:
        for tries in range(10):
            kill_at = self.random.randint(1, 12) if self.troubled and self.random.random() < 0.2 else None
            text = f"task {self.counts['submissions']}-{tries}"
            if self.random.choice(self.hosts).submit(
                person.user_id, text, kill_at, kill_after=self.random.random() < 0.5
            ):
                return
        raise AssertionError("nobody is killed ten times in a row")

    def _hand_in_to_the_older_bot(self, person: Person) -> None:
        """Write what the older bot writes."""
        store = self.hosts[0].store
        id_ = str(person.user_id)
        found = store.engine.get(TODO_TIMESTAMPS, [id_]).get(id_)
        todo = {"name": "older", "date": "01/01/2026", "must_do": "x", "can_do": "N/A", "dont_do": "N/A"}
        after = {**(found or {}), "_id": id_, "last_submit": self.clock().timestamp(), "last_ping": 0, "todo": todo}
        assert store.engine.change([Change(TODO_TIMESTAMPS, found, after)]) == [True]

    def _change_habits(self, person: Person) -> None:
        chance = self.random.random()
        if chance < 0.02:
            self.at(self._soon(), lambda: self._pause(person))
        elif chance < 0.03:
            self.at(self._soon(), lambda: self._leave(person))
        elif chance < 0.04:
            self.discord.close_dms(person.user_id)
        elif chance < 0.06:
            self.discord.open_dms(person.user_id)

    def _soon(self) -> datetime:
        return self.clock.now + timedelta(hours=self.random.uniform(0, 60))

    def _pause(self, person: Person) -> None:
        start, end = self.clock(), self.clock() + timedelta(hours=self.random.uniform(2, 96))
        pause = Pause(new_id(), start, end, "holiday")
        self.repository().amend(
            [person.user_id], lambda member: MemberChange(replace(member, pauses=(*member.pauses, pause)))
        )
        person.life.pauses.append(Stretch(start, end))
        self.counts["pauses"] += 1

    def _leave(self, person: Person) -> None:
        if person.away:
            return
        person.away = True
        held = self.discord.roles_of(GUILD, person.user_id) & {ROLE}
        self.discord.remove_member(GUILD, person.user_id)
        left = self.clock()
        person.life.absences.append(Stretch(left))
        self.counts["leavings"] += 1

        def come_back() -> None:
            person.away = False
            roles = held if self.random.random() < 0.5 else ()
            self.discord.add_member(GUILD, person.user_id, roles=roles)
            person.life.absences[-1] = Stretch(left, self.clock())

        self.at(self.clock.now + timedelta(hours=self.random.uniform(1, 120)), come_back)

    def meddle(self) -> None:
        """Let somebody give the role to some who have lost it, and take it from a few, once a day."""
        for person in self.people.values():
            if person.away:
                continue
            has_role = ROLE in self.discord.roles_of(GUILD, person.user_id)
            if not has_role and self.random.random() < 0.3:
                self.discord.give_role(GUILD, person.user_id, ROLE)
                self.counts["roles given by hand"] += 1
            elif has_role and self.random.random() < 0.002:
                self.discord.take_role(GUILD, person.user_id, ROLE)
                self.counts["roles taken by hand"] += 1
        self.at(self.clock.now + timedelta(days=1), self.meddle)


def midnight(year: int, month: int, day: int) -> datetime:
    """Return the beginning of a day in UTC."""
    return datetime(year, month, day, tzinfo=UTC)
