"""A fortnight of three hosts that share a MongoDB, and of which none can be trusted to know what time it is.

Their clocks jump, drift, and are set in the middle of a run; processes freeze at a step while the others go on; the
database comes back as it was days ago. True time is that of the stand-in Discord. What it received is compared with
what was promised; nothing here asks giftping how it went, but for the exit codes of its runs.

What `docs/delivery.md` says cannot be promised is not asked for: a process that is frozen between the fence and the
first byte goes on before its lease is over, and after a restore the first host to run is one that has written since
the backup was made.
"""

from __future__ import annotations

import fcntl
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from forks import ForkedHost, Forker, Trouble, Victim, forked, wait_until_quiet
from invariants import Life, Promises, Submitted, after_a_submission, pings_among, too_close, wrongly_removed
from mongodb import Ledger, uses
from scene import Ran, Scene
from set_clocks import set_clocks

from giftping.demo import faults
from giftping.demo.log import Match, visible_codes
from giftping.runs.state_folder import CHECK_LOCK, SWEEP_LOCK

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHECK, SWEEP = ("codes", "check"), ("todo", "sweep")
FINE, TROUBLE, BUSY = 0, 69, 75

GUILD, CHANNEL, ROLE = 5001, 5002, 5003
FIRST_MEMBER = 101
HABITS = ((16, 23), (18, 30), (20, 60), (30, 90), (200, 400))
"""After how many hours each member hands in the next TODO."""

TOLERANCE = 10 * MINUTE
UNSURE = MINUTE / 2
"""How near to the tolerance a clock may go either way."""

LEASE = 10 * MINUTE
SHORTLY = 4 * MINUTE
"""Twice this is less than a lease."""

JUMPS = (-3 * DAY, 30 * DAY, -20 * MINUTE, 20 * MINUTE, 5 * HOUR, -12 * MINUTE)
"""By how much a clock comes to be wrong."""
LITTLE = (-9 * MINUTE, -3 * MINUTE, 3 * MINUTE, 9 * MINUTE)
"""By how much one comes to be off."""

SETTINGS = """\
[todo]
linger = "0s"
downtime = "1d"
"""
"""Half a day without a sweep is charged, so that somebody loses the role within the fortnight."""

REMINDED = Promises()


@dataclass
class Machine:
    """One host. Its wall clock is `error` ahead of true time and drifts, in seconds an hour."""

    name: str
    host: ForkedHost
    second: ForkedHost
    """The same host, for a run that is to be frozen while others of it go on."""
    error: timedelta = timedelta(0)
    drift: float = 0.0
    since_boot: float = 0.0
    """What the clock that nobody sets shows beyond this machine's and what has passed in the play."""
    is_mended: bool = False
    """Whether its clock was wrong, and is right since its last check."""

    @property
    def is_wrong(self) -> bool:
        return abs(self.error) > TOLERANCE + UNSURE

    @property
    def is_trusted(self) -> bool:
        return abs(self.error) < TOLERANCE - UNSURE


@dataclass
class Listed:
    """A code, the stretch in which the source lists it, and its end."""

    code: str
    since: datetime
    until: datetime
    expires: datetime | None = None

    def as_listed(self) -> dict[str, str]:
        return {"code": self.code} | ({"expires": self.expires.isoformat()} if self.expires else {})


@dataclass
class Frozen:
    """A run that is stopped at some step, and until when."""

    machine: Machine
    arguments: Sequence[str]
    victim: Victim
    thread: threading.Thread
    ends: list[Ran]
    requests: int
    until: datetime
    was_wrong: bool
    holds_store: bool = False
    """Whether it was stopped while it had locked the store of its folder: others of its host wait, and give up then."""


@dataclass
class Fortnight:
    """The play. `violations` are the promises that were broken, in words; the file `told` has all that happened."""

    scene: Scene
    ledger: Ledger
    forkers: Sequence[Forker]
    random: Random
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    codes: list[Listed] = field(default_factory=list)
    lives: dict[int, Life] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.told = self.scene.folder / "told"
        self.passed = timedelta(0)
        self.frozen: Frozen | None = None
        self._restore_at = self.now
        self._next: dict[int, datetime] = {}
        self._backups: list[tuple[datetime, dict[str, list[dict[str, Any]]]]] = []
        self._restored: tuple[int, datetime] | None = None
        self._late: set[str] = set()

    # The stage

    def set_up(self) -> None:
        """Add guilds of both routes, the members of a third, and three hosts that share the database."""
        discord, scene = self.scene.discord, self.scene
        discord.message_content, discord.members_intent = True, True
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_role(GUILD, ROLE)
        scene.list_codes()
        for name in ("first", "second", "third"):
            self.machines.append(self._machine(name))
        self._set_clocks()
        first, *others = self.machines
        for guild in (scene.bot_guild(first.host), scene.webhook_guild(first.host)):
            assert guild in scene.channels
        for machine in self.machines:
            machine.host.environment["HOOK_1"] = machine.second.environment["HOOK_1"] = discord.webhook_url(9_000_001)
        for user_id in range(FIRST_MEMBER, FIRST_MEMBER + len(HABITS)):
            discord.add_member(GUILD, user_id, roles=(ROLE,))
            began = self.now
            assert first.host.run("todo", "roster", "add", str(user_id)).exit_code == FINE
            self.lives[user_id] = Life(began, UTC)
            self._plan(user_id)
        for machine in (first, *others, first):
            assert machine.host.run(*CHECK).exit_code == FINE

    def _machine(self, name: str) -> Machine:
        host = forked(self.scene.host(name, settings=SETTINGS), self.forkers[0])
        uses(host, self.ledger.uri, shared=True)
        host.environment |= {"GUILD_ID": str(GUILD), "TODO_CHANNEL_ID": str(CHANNEL), "ROLE_ID": str(ROLE)}
        host.clocks = host.folder / "clocks"
        twin = host.folder / "twin"
        twin.mkdir()
        (twin / "giftping.toml").symlink_to(host.folder / "giftping.toml")
        return Machine(name, host, replace(host, folder=twin, forker=self.forkers[1]), drift=self.random.uniform(-9, 9))

    # Time

    @property
    def now(self) -> datetime:
        """True time."""
        return self.scene.discord.clock()

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, for all clocks, frozen processes included."""
        self.scene.discord.clock.forward(span)
        self.passed += span
        for machine in self.machines:
            machine.error += timedelta(seconds=machine.drift * (span / HOUR))
        self._set_clocks()

    def _set_clocks(self) -> None:
        for machine in self.machines:
            assert machine.host.clocks is not None
            wall = (self.passed + machine.error).total_seconds()
            set_clocks(machine.host.clocks, wall, self.passed.total_seconds() + machine.since_boot)

    def _jump(self, machine: Machine, error: timedelta) -> None:
        was_wrong = machine.is_wrong
        machine.error = error
        machine.is_mended = (was_wrong or machine.is_mended) and machine.is_trusted
        self._set_clocks()
        self._tell(f"{machine.name}'s clock is {error} ahead now")

    # What happens

    def play(self, days: int) -> None:
        """Let days pass."""
        end = self.now + days * DAY
        self._restore_at = self.now + self.random.uniform(1.5, 3) * DAY
        while self.now < end:
            self.pass_time(self._span())
            self._thaw_when_due()
            self._hand_in()
            self._change_list()
            self._change_clocks()
            self._keep_backup()
            if self._is_time_to_restore() and self.frozen is None:
                self._restore()
            for machine in self.random.sample(self._awake(), self.random.choice((1, 1, 2))):
                for arguments in self.random.choice(((CHECK, SWEEP), (SWEEP, CHECK), (CHECK,), (SWEEP,))):
                    self._run_in_some_trouble(machine, arguments)

    def _awake(self) -> list[Machine]:
        """The hosts that can run something now."""
        stuck = self.frozen.machine if self.frozen is not None and self.frozen.holds_store else None
        return [machine for machine in self.machines if machine is not stuck]

    def _span(self) -> timedelta:
        random = self.random
        span = random.uniform(2, 30) * MINUTE if random.random() < 0.3 else random.uniform(6, 20) * HOUR
        # While a run is frozen others have their turn.
        return span if self.frozen is None else min(span, max(self.frozen.until - self.now, MINUTE) * 0.6)

    def _change_list(self) -> None:
        random, now = self.random, self.now
        if random.random() < 0.08:
            for _ in range(random.choice((1, 1, 3))):
                lasts = random.uniform(0.5, 4) * DAY
                self._list_another(lasts, now + lasts * random.uniform(0.3, 1.2) if random.random() < 0.4 else None)
        if self.codes and random.random() < 0.03:
            # It comes back, and is the same.
            again = random.choice(self.codes)
            again.until = max(again.until, now + DAY)
        self._show_list()

    def _list_another(self, lasts: timedelta = 2 * DAY, expires: datetime | None = None) -> None:
        """Let the source list a code that nobody has seen."""
        self.codes.append(Listed(f"GIFT{len(self.codes):03}CODE", self.now, self.now + lasts, expires))
        self.counts["codes"] += 1
        self._show_list()

    def _show_list(self) -> None:
        self.scene.list_codes(*(one.as_listed() for one in self._listed()))

    def _listed(self) -> list[Listed]:
        return [one for one in self.codes if one.since <= self.now < one.until]

    def _change_clocks(self) -> None:
        random = self.random
        self.scene.sources.clock = self.scene.discord.clock
        if random.random() < 0.1:
            wrong = random.choice(JUMPS)
            self.scene.sources.clock = lambda: self.scene.discord.clock() + wrong
        for machine in self.machines:
            if machine.is_wrong:
                if random.random() < 0.2:
                    self._mend(machine)
            elif random.random() < 0.05:
                self._jump(machine, random.choice((*JUMPS, *LITTLE)))
                self._reboot_sometimes(machine)
                self.counts["jumps"] += 1

    def _mend(self, machine: Machine) -> None:
        """Set a clock right; the very next check has to work."""
        self._jump(machine, self.random.uniform(-1, 1) * timedelta(seconds=20))
        self.counts["clocks mended"] += 1
        if machine in self._awake() and not (self.frozen and self.frozen.machine is machine):
            self._run(machine, CHECK)
            self._run(machine, SWEEP)

    def _reboot_sometimes(self, machine: Machine) -> None:
        if self.random.random() < 0.3 and not (self.frozen and self.frozen.machine is machine):
            up = time.clock_gettime(time.CLOCK_BOOTTIME)
            machine.since_boot = 20 - up - self.passed.total_seconds()
            self.counts["reboots"] += 1
            if self.random.random() < 0.3:
                self._jump(machine, datetime(1970, 1, 1, 0, 1, tzinfo=UTC) - self.now)
            self._set_clocks()

    # Members

    def _plan(self, user_id: int) -> None:
        shortest, longest = HABITS[user_id - FIRST_MEMBER]
        self._next[user_id] = self.now + self.random.uniform(shortest, longest) * HOUR

    def _hand_in(self) -> None:
        for user_id in [one for one, at in self._next.items() if at <= self.now]:
            machine, began = self.random.choice(self._awake()), self.now
            ran = machine.host.run("todo", "submit", str(user_id), "--must-do", f"task {self.counts['submissions']}")
            self._tell(f"{user_id} hands in on {machine.name}", ran)
            self._is_no_accident(ran, "todo submit")
            self.lives[user_id].submissions.append(Submitted(began, self.now))
            self.counts["submissions"] += 1
            self._plan(user_id)

    # Backups

    def _keep_backup(self) -> None:
        if not self._is_awaited and self.random.random() < 0.15:
            database = self.ledger.database
            kept = {name: list(database[name].find()) for name in database.list_collection_names()}
            self._backups = [*self._backups[-5:], (self.now, kept)]

    def _is_time_to_restore(self) -> bool:
        return self.now > self._restore_at and bool(self._backups) and not self._is_awaited

    def _restore(self) -> None:
        """Put an old backup back. The first host to run then has written since; another may have written after it."""
        random, machine = self.random, self.random.choice(self.machines)
        if not machine.is_trusted:
            return
        self._restore_at = self.now + random.uniform(1.5, 3) * DAY
        self._list_another()
        if "sent" not in self._run(machine, CHECK).output:
            return
        if random.random() < 0.6:
            self._freeze(random.choice([one for one in self.machines if one is not machine]), CHECK, 2 * HOUR)
            self.counts["restores beside a frozen run"] += self.frozen is not None
        if random.random() < 0.6:
            self._list_another()
            self._run(random.choice([one for one in self._awake() if one is not machine] or [machine]), CHECK)
        at, kept = random.choice(self._backups)
        database = self.ledger.database
        for name in database.list_collection_names():
            database[name].delete_many({})
        for name, documents in kept.items():
            if documents:
                database[name].insert_many(documents)
        self._backups = [one for one in self._backups if one[0] <= at]
        self.counts["restores"] += 1
        self._tell(f"the database is what it was {self.now - at} ago")
        self._restored = (max(int(one.get("epoch", 0)) for one in kept["meta"]), self.now)
        # An idle check looks into the database every ten minutes only, by a clock that may be off.
        self.pass_time(2 * TOLERANCE + MINUTE)
        self._run(machine, CHECK)
        if self.frozen is not None and random.random() < 0.5:
            self._thaw()

    # Runs

    def _run_in_some_trouble(self, machine: Machine, arguments: Sequence[str]) -> None:
        chance = self.random.random()
        if machine not in self._awake():
            return
        if self._is_busy(machine, arguments):
            self._run(machine, arguments)
        elif chance < 0.13 and self.frozen is None and not self._is_time_to_restore():
            self._freeze(machine, arguments, self.random.choice((SHORTLY, 12 * MINUTE, 40 * MINUTE, 6 * HOUR, 2 * DAY)))
        elif chance < 0.22 and self.frozen is None:
            self._set_clock_within(machine, arguments)
        elif chance < 0.29:
            self._run_with_faults(machine, arguments)
        elif chance < 0.34:
            self._run_killed(machine, arguments)
        else:
            self._run(machine, arguments)

    def _is_busy(self, machine: Machine, arguments: Sequence[str]) -> bool:
        frozen = self.frozen
        return frozen is not None and frozen.machine is machine and frozen.arguments == arguments

    def _run(self, machine: Machine, arguments: Sequence[str], *, is_calm: bool = True) -> Ran:
        """Run a command to its end; without troubles it has to do all there was to do."""
        under_way = self._under_way()
        began, requests, was_mended = self.now, len(self.scene.discord.requests), machine.is_mended
        is_awaited = self._is_awaited
        ran = machine.host.run(*arguments)
        self._tell(f"{machine.name} {' '.join(arguments)}", ran)
        self._is_no_accident(ran, " ".join(arguments), busy=self._is_busy(machine, arguments))
        if ran.exit_code == BUSY:
            return ran
        self._asks_nobody(machine, ran)
        self._sent_nothing_when_wrong(machine, requests, was_wrong=machine.is_wrong)
        if is_calm and machine.is_trusted and not is_awaited:
            if arguments == CHECK:
                self._everything_arrived(machine, under_way, ran)
                self.counts["mended clocks that work at once"] += was_mended
                machine.is_mended = False
            elif self.frozen is None:
                self._everybody_was_told(machine, began, under_way)
        return ran

    @property
    def _is_awaited(self) -> bool:
        """Whether some host has not put back yet what it knows, after a restore, so that nothing is sent."""
        if self._restored is None:
            return False
        epoch, at = self._restored
        found = self.ledger.database["meta"].find_one({"_id": "identity"}) or {}
        is_noticed = found.get("epoch", 0) > epoch or self.now > at + DAY
        if is_noticed and found.get("complete"):
            self._restored = None
        return self._restored is not None

    def _run_with_faults(self, machine: Machine, arguments: Sequence[str]) -> None:
        random, discord = self.random, self.scene.discord
        if random.random() < 0.2:
            discord.fail(faults.reset(), times=None)
        else:
            fault = random.choice((faults.status(500), faults.html(502), faults.reset(), faults.close()))
            match = Match("POST", nth=random.randint(1, 2))
            discord.fail(fault, match=match, after=random.random() < 0.5)
        self._run(machine, arguments, is_calm=False)
        discord.clear_faults()
        self.counts["runs with faults"] += 1

    def _run_killed(self, machine: Machine, arguments: Sequence[str]) -> None:
        trouble = Trouble(kill_at=self.random.randint(5, 110))
        requests = len(self.scene.discord.requests)
        ran = machine.host.run(*arguments, trouble=trouble)
        # A frozen run keeps its connections.
        if self.frozen is None:
            wait_until_quiet(self.scene.discord)
        self._tell(f"{machine.name} {' '.join(arguments)}, to be killed", ran)
        self._sent_nothing_when_wrong(machine, requests, was_wrong=machine.is_wrong)
        self.counts["runs killed"] += ran.exit_code < 0

    # Frozen processes

    def _freeze(self, machine: Machine, arguments: Sequence[str], span: timedelta) -> bool:
        """Whether a run was stopped at some step; it goes on when it is time."""
        if arguments == CHECK and self.random.random() < 0.7:
            self._list_another()
        victim, ends = Victim(), list[Ran]()
        requests = len(self.scene.discord.requests)
        trouble = Trouble()
        if self.random.random() < 0.5:
            trouble = Trouble(kill_at=self.random.randint(10, 100), signal=signal.SIGSTOP)
        else:
            match = Match(self.random.choice((None, "POST")), nth=self.random.randint(1, 3))
            stop = lambda: victim.kill(signal.SIGSTOP)  # noqa: E731
            self.scene.discord.call(stop, match=match, after=self.random.random() < 0.5)

        def run() -> None:
            ends.append(machine.second.run(*arguments, trouble=trouble, on_start=victim.started))

        thread = threading.Thread(target=run)
        thread.start()
        is_stopped = _is_stopped_before_its_end(victim, thread)
        self.scene.discord.clear_faults()
        frozen = Frozen(machine, arguments, victim, thread, ends, requests, self.now + span, machine.is_wrong)
        if not is_stopped:
            thread.join()
            self._ended(frozen)
            return False
        self.counts["runs frozen"] += 1
        frozen.holds_store = _is_store_locked(machine)
        self.frozen = frozen
        self._tell(f"{machine.name} {' '.join(arguments)} is frozen until {frozen.until:%m-%d %H:%M}")
        if span and self._is_at_its_first_byte(frozen):
            # What cannot be promised: it goes on in good time, and nobody hands in meanwhile.
            self.counts["runs frozen at their first byte"] += 1
            for _ in range(2):
                self.pass_time(min(SHORTLY, span))
                for other in self.machines:
                    if other is not machine:
                        self._run(other, arguments, is_calm=False)
            self._thaw()
        return True

    def _is_at_its_first_byte(self, frozen: Frozen) -> bool:
        """Whether the frozen run may have passed a fence whose message Discord has not received."""
        name = (frozen.machine.host.state / "host").read_text("utf-8").strip()
        written = self.ledger.database["deliveries"].find({"host": name, "state": "written"})
        received = self.scene.discord.requests[frozen.requests :]
        nonces = {str(one.body.get("nonce")) for one in received if one.method == "POST"}
        hooks = {one.webhook_id for one in received if one.method == "POST" and one.webhook_id}
        return any(
            one["_id"] not in nonces and (not one.get("webhook_id") or int(one["webhook_id"]) not in hooks)
            for one in written
        )

    def _thaw_when_due(self) -> None:
        if self.frozen is not None and self.now >= self.frozen.until:
            self._thaw()

    def _thaw(self) -> None:
        frozen, self.frozen = self.frozen, None
        assert frozen is not None
        frozen = replace(frozen, requests=len(self.scene.discord.requests))
        frozen.victim.kill(signal.SIGCONT)
        frozen.thread.join()
        assert not frozen.thread.is_alive(), frozen
        wait_until_quiet(self.scene.discord)
        self._ended(frozen)

    def close(self) -> None:
        """Leave nothing behind, whatever has gone wrong."""
        if self.frozen is not None:
            self.frozen.victim.kill()
            self.frozen.thread.join()

    def _ended(self, frozen: Frozen) -> None:
        (ran,) = frozen.ends
        what = " ".join(frozen.arguments)
        self._tell(f"{frozen.machine.name} {what} went on", ran)
        self._is_no_accident(ran, what)
        self._sent_nothing_when_wrong(frozen.machine, frozen.requests, was_wrong=frozen.was_wrong)
        arrived = {code for one in self.scene.discord.arrived() for code in one.codes}
        self._late |= {one.code for one in self.codes if one.code in arrived}

    def _set_clock_within(self, machine: Machine, arguments: Sequence[str]) -> None:
        """Let a clock be set while a run goes on."""
        if not self._freeze(machine, arguments, timedelta(0)) or self.frozen is None:
            return
        self._jump(machine, self.random.choice((timedelta(0), *JUMPS, *LITTLE)))
        self.counts["clocks set within a run"] += 1
        self._thaw()

    # What must hold

    def _asks_nobody(self, machine: Machine, ran: Ran) -> None:
        """No host asks a person which settings count: nobody has changed any since the play began."""
        if "giftping store adopt" in ran.errors:
            status = machine.host.run("store", "status", "--json")
            found = status.json["differences"] if status.output else status
            self._violated(f"{machine.name} asks a person which settings count: {found}")
            self._tell("a person says so", machine.host.run("store", "adopt", "--yes"))

    def _is_no_accident(self, ran: Ran, what: str, *, busy: bool = False) -> None:
        if ran.exit_code not in (FINE, TROUBLE) and not (busy and ran.exit_code == BUSY):
            self._violated(f"{what} ended in {ran.exit_code}: {ran.errors}")
        if "Traceback" in ran.errors:
            self._violated(f"{what} failed: {ran.errors}")

    def _sent_nothing_when_wrong(self, machine: Machine, requests: int, *, was_wrong: bool) -> None:
        sent = [one for one in self.scene.discord.requests[requests:] if one.method != "GET"]
        if was_wrong and machine.is_wrong and sent:
            self._violated(f"{machine.name}, {machine.error} off, sent {[(one.method, one.template) for one in sent]}")
        self.counts["runs by a wrong clock"] += was_wrong and machine.is_wrong

    def _under_way(self) -> set[str]:
        """What somebody may be at: entries of deliveries that nobody may settle yet, and legs of notices."""
        found = self.ledger.database["deliveries"].find({"state": {"$in": ["claimed", "written", "unclear"]}})
        return {str(entry) for one in found for entry in one.get("entries", ())}

    def _everything_arrived(self, machine: Machine, under_way: set[str], ran: Ran) -> None:
        for guild in self.scene.channels:
            arrived = self.scene.arrived(guild)
            for one in self._listed():
                is_over = one.expires is not None and one.expires - MINUTE <= self.now
                if not is_over and one.code not in arrived and f"{guild}:{one.code}" not in under_way:
                    self._violated(f"{one.code} did not arrive in {guild} with {machine.name}'s check: {ran}")

    def _everybody_was_told(self, machine: Machine, began: datetime, under_way: set[str]) -> None:
        pings = pings_among(self.scene.discord.all_notifications())
        for user_id, life in self.lives.items():
            last = life.last_submission(self.now)
            silent = began - (last.ended if last else life.joined)
            theirs = [ping.at for ping in pings if ping.user_id == user_id]
            was_pinged = any(at > began - 3 * HOUR - MINUTE for at in theirs)
            is_open = any(one.startswith(f"{user_id}:") for one in under_way)
            if DAY + MINUTE < silent < 5 * DAY - MINUTE and not was_pinged and not is_open:
                self._violated(f"member {user_id}, silent for {silent}, was not pinged by {machine.name}'s sweep")

    def _violated(self, what: str) -> None:
        self.violations.append(f"{self.now:%m-%d %H:%M:%S} {what}")
        self._tell(f"!!!! {what}")

    def _tell(self, what: str, ran: Ran | None = None) -> None:
        ended = f": {ran.exit_code} {ran.output.strip()!r} {ran.errors.strip()!r}" if ran else ""
        with self.told.open("a", encoding="utf-8") as file:
            file.write(f"{self.now:%m-%d %H:%M:%S} {what}{ended}\n")

    # The end

    def end(self) -> None:
        """Let everything be well again, and compare what was received with what was promised."""
        if self.frozen is not None:
            self._thaw()
        self.scene.discord.clear_faults()
        self.scene.sources.clock = self.scene.discord.clock
        for machine in self.machines:
            machine.drift = 0.0
            self._jump(machine, timedelta(0))
        ends: list[int] = []
        for _ in range(4):
            self.pass_time(11 * MINUTE)
            ends = [self._run(machine, one).exit_code for machine in self.machines for one in (CHECK, SWEEP)]
        if any(ends):
            self._violated(f"in the end, all clocks right, the runs end in {ends}")
        self.violations += self._broken()
        self.counts["pings"] = len(pings_among(self.scene.discord.all_notifications()))
        self.counts["roles taken"] = sum(one.by_bot and not one.given for one in self.scene.discord.role_changes)

    def _broken(self) -> Iterator[str]:
        discord = self.scene.discord
        states = self.ledger.states()
        for guild, channel in self.scene.channels.items():
            arrived = self.scene.arrived(guild)
            yield from (f"{code} arrived {times} times in {guild}" for code, times in arrived.items() if times > 1)
            for code in arrived:
                if states.get(f"{guild}:{code}") != "sent":
                    yield f"{code} arrived in {guild}, and is {states.get(f'{guild}:{code}')} in the ledger"
            yield from self._too_late(guild, channel)
        pings = pings_among(discord.all_notifications())
        changes = [one for one in discord.role_changes if one.role_id == ROLE]
        yield from too_close(pings, REMINDED)
        yield from after_a_submission(pings, self.lives, REMINDED)
        yield from wrongly_removed(changes, pings, self.lives, REMINDED)
        yield from (f"{nonce} was written again {times} times" for nonce, times in discord.written_again.items())
        left = list(self.ledger.database["deliveries"].find({"state": {"$in": ["claimed", "written"]}}))
        yield from (f"{one} is still under way" for one in left)

    def _too_late(self, guild: int, channel: int) -> Iterator[str]:
        ends = {one.code: one.expires for one in self.codes if one.expires and one.code not in self._late}
        for message in self.scene.discord.messages(channel):
            for code in visible_codes(message):
                if code in ends and message.sent_at > ends[code] + MINUTE:
                    yield f"{code}, which had ended at {ends[code]}, went out to {guild} at {message.sent_at}"


def _is_stopped_before_its_end(victim: Victim, thread: threading.Thread) -> bool:
    """Whether the run has come to be stopped; waits until it is, or has ended."""
    while thread.is_alive():
        if victim.is_stopped():
            return True
        thread.join(0.002)
    return False


def _is_store_locked(machine: Machine) -> bool:
    """Whether a process has locked the store of a host, or its way to the database."""
    runs = {CHECK_LOCK, SWEEP_LOCK}
    return any(_is_locked(path) for path in machine.host.state.glob("*.lock") if path.name not in runs)


def _is_locked(path: Path) -> bool:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
