"""A simulated guild: members with lives of their own, hosts that sweep, a bot, a Discord that fails, one clock for all.

Everything happens in one order that a seed decides. Runs that overlap have a thread each, of which one goes on at a
time; another may get its turn at every step that a run takes, which is before everything it does to the store or asks
of Discord (`simulated_hosts`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from invariants import Life, Stretch, Submitted
from simulated_hosts import CHANNEL, GUILD, OWNER, ROLE, Host, Mishap, by_one_clock

from giftping.commands import guilds, pause, roster, subscribing, todo
from giftping.commands.guild_request import GuildRequest
from giftping.demo.discord import StandInDiscord
from giftping.discord.members import MemberInfo
from giftping.store.documents import TODO_TIMESTAMPS
from giftping.store.engine import Change, Engine
from giftping.store.mongo.engine import MongoEngine
from giftping.todo.member_documents import member_from
from giftping.todo.model import Member
from giftping.todo.repository import MemberChange, MemberRepository

FIRST_MEMBER = 1001
KOLKATA = ZoneInfo("Asia/Kolkata")

NEVER = datetime.max.replace(tzinfo=UTC)

WIRE_PATIENCE = timedelta(seconds=10)
"""How long others may go on while a request is under way: it ends within 15 seconds."""


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
    mongo_uri: str = ""
    troubled: bool = False
    people: dict[int, Person] = field(default_factory=dict)
    hosts: list[Host] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    handed_in: list[str] = field(default_factory=list)
    """The texts of the TODOs that the bot has said are handed in."""
    mentioned: int | None = None
    """The role that codes mention, as the staff have last set it."""
    _flights: dict[datetime, datetime] = field(default_factory=dict)
    _events: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _number: int = 0
    _written: int = 0
    _on_wire: int = 0
    _people_act: bool = False

    def __post_init__(self) -> None:
        self.turns = Turns(self.random)
        self._wire_since = self.clock.now
        self._open = ExitStack()
        self._open.enter_context(by_one_clock(self.clock))
        if self.mongo_uri:
            self.database = MongoEngine(self.mongo_uri)
            self._open.callback(self.database.close)

    # The stage

    def set_up(self, members: int, *, hosts: int = 1, settings: str = "") -> None:
        """Add the guild, its members, all on the roster from now on, and the hosts; the first one has the bot."""
        discord, now = self.discord, self.clock()
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_role(GUILD, ROLE)
        for _ in range(hosts):
            self.add_host(settings)
        for user_id in range(FIRST_MEMBER, FIRST_MEMBER + members):
            discord.add_member(GUILD, user_id, roles=(ROLE,))
            self.people[user_id] = Person(user_id, Life(now, KOLKATA), (18, 23))
        with self.repository() as repository:
            repository.save([MemberChange(Member(user_id, f"m{user_id}", added=now)) for user_id in self.people])

    def add_host(self, settings: str) -> None:
        """Add a machine with a timer."""
        folder = self.folder / f"host-{len(self.hosts)}"
        folder.mkdir()
        environment = {
            "HOME": str(folder),
            "GIFTPING_STATE": str(folder / "state"),
            "GIFTPING_DISCORD_API": self.discord.api,
            "DISCORD_TOKEN": self.discord.bot_token,
            "GUILD_ID": str(GUILD),
            "TODO_CHANNEL_ID": str(CHANNEL),
            "ROLE_ID": str(ROLE),
            "OWNER_ID": str(OWNER),
        }
        if self.mongo_uri:
            environment["MONGO_URI"] = self.mongo_uri
        host = Host(self, folder, environment)
        host.configure(settings)
        self.hosts.append(host)
        self._open.callback(host.close)

    @contextmanager
    def repository(self) -> Iterator[MemberRepository]:
        """Give the members as a person's own command sees them."""
        with self.hosts[0].process("command") as wiring, wiring.open_store() as store:
            yield MemberRepository(store, self.clock)

    def move_to(self, user_id: int, zone: str) -> None:
        """Let a member have a time zone of their own."""
        self.people[user_id].life.zone = ZoneInfo(zone)
        with self.repository() as repository:
            repository.amend([user_id], lambda member: MemberChange(replace(member, time_zone=zone)))

    def close(self) -> None:
        """Close what is open."""
        self._open.close()

    @property
    def bot(self) -> Host:
        """The host with the bot."""
        return self.hosts[0]

    @property
    def lives(self) -> dict[int, Life]:
        """What each member did."""
        return {user_id: person.life for user_id, person in self.people.items()}

    # MongoDB

    def lose_database(self, host: Host, hours: float | None = None) -> None:
        """Let MongoDB be away for a host, for some minutes unless it is said how long; not while all is to be well."""
        if host.is_cut_off or not self.troubled:
            return
        host.is_cut_off = True
        self.counts["outages"] += 1

        def come_back() -> None:
            host.is_cut_off = False

        self.at(self.clock.now + timedelta(hours=self.random.uniform(0.01, 0.5) if hours is None else hours), come_back)

    def calm_down(self) -> None:
        """Let all be well from now on."""
        self.troubled = False
        for host in self.hosts:
            host.is_cut_off = False

    def queued(self) -> list[Submitted]:
        """Return the TODOs that the bot has taken, and of which no other host can know yet."""
        return [one for person in self.people.values() for one in person.life.submissions if one.ended == NEVER]

    def note_carried_back(self, queued: Sequence[Submitted]) -> None:
        """Note that from now on all hosts can know of what was queued."""
        for person in self.people.values():
            known = person.life.submissions
            known[:] = [replace(one, ended=self.clock()) if one in queued else one for one in known]

    # What was under way

    def note_flight(self, begun: datetime) -> None:
        """Note when the request was begun that arrives now."""
        self._flights.setdefault(_to_the_millisecond(self.clock.now), begun)

    def begun(self, arrived: datetime) -> datetime:
        """Return when the request was begun that arrived then: what was done later could not call it back."""
        return self._flights.get(_to_the_millisecond(arrived), arrived)

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
            self.bot.has_queued = False
            if self._has_older_bot and self.random.random() < 0.3:
                self._hand_in_to_the_older_bot(person)
            else:
                self._hand_in_until_done(person)
            # Until it has been carried to the MongoDB that hosts share, no other host can know of it.
            is_known = len(self.hosts) == 1 or not self.bot.has_queued
            person.life.submissions.append(Submitted(began, self.clock() if is_known else NEVER))
            self.counts["submissions"] += 1
            self.counts["submissions while MongoDB was away"] += self.bot.has_queued
            self._change_habits(person)
        self.live(person)

    @property
    def _has_older_bot(self) -> bool:
        """Whether the older bot takes TODOs now. What it writes in a host's own MongoDB no mirror would know of."""
        if not self.mongo_uri:
            return True
        return len(self.hosts) > 1 and not any(host.is_cut_off for host in self.hosts)

    def late_submissions(self, most: int) -> list[Callable[[], object]]:
        """Return what some do who are late, each as a job of its own."""
        late = [person for person in self.people.values() if self._is_late(person)]
        chosen = self.random.sample(late, min(len(late), self.random.randint(0, most)))
        self.counts["submissions beside a sweep"] += len(chosen)
        return [lambda person=person: self._hand_in(person) for person in chosen]

    def _hand_in_until_done(self, person: Person) -> None:
        for _ in range(20):
            self._written += 1
            text = f"task {self._written} of {person.user_id}"
            if self.bot.submit(person.user_id, text, self.mishap(0.2, 12, 40), self.mishap(0.02, 30)):
                self.handed_in.append(text)
                return
            self.clock.pass_time(10)
        raise AssertionError(f"refused twenty times in a row: {self.bot.refused}")

    def mishap(self, chance: float, *steps: int) -> Mishap | None:
        """Return what befalls a run within so many steps, at times; nothing where all goes well."""
        if not self.troubled or self.random.random() >= chance:
            return None
        return Mishap(self.random.randint(1, self.random.choice(steps)), self.random.random() < 0.5)

    def _hand_in_to_the_older_bot(self, person: Person) -> None:
        """Write what the older bot writes."""
        id_ = str(person.user_id)
        with self._older_bots_store() as engine:
            found = engine.get(TODO_TIMESTAMPS, [id_]).get(id_)
            words = {"name": "older", "date": "01/01/2026", "must_do": "x", "can_do": "N/A", "dont_do": "N/A"}
            now = self.clock().timestamp()
            after = {**(found or {}), "_id": id_, "last_submit": now, "last_ping": 0, "todo": words}
            assert engine.change([Change(TODO_TIMESTAMPS, found, after)]) == [True]

    @contextmanager
    def _older_bots_store(self) -> Iterator[Engine]:
        if self.mongo_uri:
            yield self.database
        else:
            with self.hosts[0].process("timer") as wiring:
                yield wiring.open_store().engine.unstepped

    def _change_habits(self, person: Person) -> None:
        chance = self.random.random()
        if chance < 0.02:
            self.at(self._soon(), lambda: self._pause(person))
        elif chance < 0.03:
            self.at(self._soon(), lambda: self._leave(person))
        elif chance < 0.035:
            self.at(self._soon(), lambda: self._take_off_the_roster(person))
        elif chance < 0.04:
            self.discord.close_dms(person.user_id)
        elif chance < 0.06:
            self.discord.open_dms(person.user_id)

    def _soon(self) -> datetime:
        return self.clock.now + timedelta(hours=self.random.uniform(0, 60))

    def _pause(self, person: Person) -> None:
        """Let the staff pause a member by the bot, and end that some time later."""
        if self.until_done(pause.pause, pause.PauseRequest(person.user_id, reason="holiday")):
            begun = self.clock()
            person.life.pauses.append(Stretch(begun))
            self.counts["pauses"] += 1
            self.at(self.clock.now + timedelta(hours=self.random.uniform(2, 96)), lambda: self._unpause(person, begun))

    def _unpause(self, person: Person, begun: datetime) -> None:
        person.life.pauses[-1] = Stretch(begun, self.clock())
        self.until_done(pause.pause, pause.PauseRequest(person.user_id, over=True))

    def _take_off_the_roster(self, person: Person) -> None:
        """Let the staff take a member off the roster by the bot, and put them back on it some time later.

        What the roster alone knew of them, their zone and their pauses, is forgotten with that.
        """
        is_paused = any(pause.end is None for pause in person.life.pauses)
        if person.away or is_paused or person.life.zone != KOLKATA:
            return
        person.away = True
        self.until_done(roster.remove, person.user_id, yes=True)
        left = self.clock()
        person.life.absences.append(Stretch(left))
        self.counts["taken off the roster"] += 1

        def put_back() -> None:
            person.away = False
            began = self.clock()
            person.life.absences[-1] = Stretch(left, began)
            role_ids = self.discord.roles_of(GUILD, person.user_id)
            seen = MemberInfo(person.user_id, f"m{person.user_id}", is_bot=False, role_ids=frozenset(role_ids))
            self.until_done(roster.add, roster.RosterRequest(person.user_id, seen=seen))
            # The clock starts anew, as with a TODO.
            person.life.submissions.append(Submitted(began, self.clock(), is_todo=False))

        self.at(self.clock.now + timedelta(hours=self.random.uniform(1, 48)), put_back)

    def manage(self) -> None:
        """Let the staff look, and change where codes go and whom they mention, three times a day."""
        someone = self.random.choice(list(self.people))
        for command, *arguments in ((todo.list_today,), (todo.status, someone), (guilds.show, GUILD)):
            self.bot.command(command, *arguments, kill=self.mishap(0.2, 12, 40))
        role_id = self.random.choice([None, 31, 32])
        request = GuildRequest(
            GUILD, channel_id=CHANNEL, mentions=(str(role_id),) if role_id else (), mentions_nobody=role_id is None
        )
        if self.until_done(subscribing.add, request):
            self.mentioned = role_id
        self.at(self.clock.now + timedelta(hours=8), self.manage)

    def until_done(self, command: Callable[..., int], *arguments: Any, **named: Any) -> bool:
        """Return whether a command of the bot was done; one that was killed or found no store is given again."""
        for tries in range(20):
            result = self.bot.command(partial(command, **named), *arguments, kill=self.mishap(0.2, 12, 40))
            if result is not None and not result.is_store_trouble:
                # One that was killed may have done it, so that there is nothing to do any more.
                return not result.refusal or tries > 0
            self.clock.pass_time(10)
        raise AssertionError("nobody is refused twenty times in a row")

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


def _to_the_millisecond(at: datetime) -> datetime:
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
