"""The machines of a simulated guild: each with a timer, one with the bot, and the runs of both by one clock.

A run is a process of its own: it opens the store, holds what it sends under a lock of its own, and takes steps, which
are everything that it does to the store or asks of Discord. At each of them others may go on, it may be killed, and
MongoDB may be lost to it, before or after the step is carried out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import parse_qsl

import httpx

from giftping import wiring as wirings
from giftping.bot import command_runner
from giftping.bot.command_runner import CommandResult, CommandRunner
from giftping.commands import submit
from giftping.demo.loopback import Cut, Peer, Request
from giftping.discord.http import DiscordHttp
from giftping.runs import sweep as sweeping
from giftping.runs.lock import LockHeldError
from giftping.runs.sweep import Timing, run_sweep
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.store import opening
from giftping.store.base import StoreAwayError, StoreError
from giftping.store.documents import TODO_TIMESTAMPS
from giftping.store.engine import Engine
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.report import SweepReport
from giftping.wiring import POSTING_THREADS, Wiring

if TYPE_CHECKING:
    from simulation import World

GUILD, CHANNEL, ROLE, OWNER = 1, 2, 3, 9

ENGINE_STEPS = frozenset({"get", "find", "walk", "change"})
DATABASE_STEPS = ENGINE_STEPS | {"present", "stamps", "schema"}


class Killed(BaseException):
    """The run's process was killed at this step: no error that the program could handle."""


@dataclass(frozen=True, slots=True)
class Mishap:
    """What befalls a run at one of its steps, before or after that is carried out."""

    at: int
    is_after: bool


@dataclass
class Run:
    """One process of giftping: its steps, at which of them it is killed, and at which it loses MongoDB."""

    world: World
    host: Host
    kill: Mishap | None = None
    loss: Mishap | None = None
    steps: int = 0
    asked: int = 0
    is_dead: bool = False

    @contextmanager
    def step(self, about: Sequence[int] = ()) -> Iterator[None]:
        """Take one step, which is the body of the block; `about` are the members whom it is about to change."""
        self.world.others(about)
        with self.may_be_killed():
            yield

    @contextmanager
    def may_be_killed(self) -> Iterator[None]:
        """Take one step at which nobody else goes on."""
        self.steps += 1
        dies_now = self.kill is not None and self.steps == self.kill.at
        if self.is_dead or (dies_now and self.kill and not self.kill.is_after):
            self.is_dead = True
            raise Killed
        yield
        if dies_now:
            self.is_dead = True
            raise Killed

    @contextmanager
    def question(self) -> Iterator[None]:
        """Ask MongoDB, which may not be there, or be lost before its answer came."""
        self.asked += 1
        is_lost_now = self.loss is not None and self.asked == self.loss.at
        if is_lost_now and self.loss and not self.loss.is_after:
            self.world.lose_database(self.host)
        if self.host.is_cut_off:
            raise StoreAwayError("MongoDB cannot be reached")
        yield
        if is_lost_now:
            self.world.lose_database(self.host)
            raise StoreAwayError("MongoDB did not answer")


class SteppedEngine:
    """An engine every use of which is a step."""

    def __init__(self, engine: Engine, run: Run, *, stays_open: bool) -> None:
        self.unstepped = engine
        self._run = run
        self._stays_open = stays_open

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.unstepped, name)
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
        """Close it, unless the next run goes on with it; what was killed says no goodbye."""
        if self._stays_open:
            return
        try:
            self.unstepped.close()
        except Killed:
            if not self._run.is_dead:
                raise


class ReachedDatabase:
    """The one MongoDB as a run reaches it, or does not. What it asks are steps, at which nobody else goes on."""

    def __init__(self, engine: MongoEngine, run: Run) -> None:
        self._engine = engine
        self._run = run

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if name not in DATABASE_STEPS:
            return found

        def asked(*args: Any, **kwargs: Any) -> Any:
            with self._run.question(), self._run.may_be_killed():
                answer = found(*args, **kwargs)
                # Read at once, as long as it is there.
                return iter(list(answer)) if isinstance(answer, Iterator) else answer

        return asked

    def close(self) -> None:
        return


class Waiting(Peer):
    """A client that waits for its answer."""

    def __init__(self) -> None:
        return

    @property
    def is_gone(self) -> bool:
        return False


class SteppedTransport(httpx.BaseTransport):
    """The way to the stand-in, without sockets: a request takes its time by the fake clock, and is a step."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        world = self._run.world
        begun = world.clock.now
        # Whatever is done from here on has come too late for this request.
        world.clock.now += timedelta(microseconds=1)
        with world.wire(), self._run.step():
            # Direct messages go out side by side: each takes its part of the time.
            is_one_of_many = request.method == "POST" and f"/channels/{CHANNEL}/" not in request.url.path
            seconds = world.random.uniform(*world.latencies) / (POSTING_THREADS if is_one_of_many else 1)
            world.clock.pass_time(seconds / 2)
            world.note_flight(begun)
            response = _answered(world, request)
            world.clock.pass_time(seconds / 2)
            world.requests += 1
        return response


def _answered(world: World, request: httpx.Request) -> httpx.Response:
    asked = Request(
        method=request.method,
        path=request.url.path,
        query=dict(parse_qsl(request.url.query.decode(), keep_blank_values=True)),
        headers=dict(request.headers),
        body=request.read(),
    )
    reply = world.discord.respond(asked, Waiting())
    if reply is Cut.RESET:
        raise httpx.ReadError("connection reset by peer")
    if reply is Cut.CLOSED:
        raise httpx.RemoteProtocolError("server disconnected without sending a response")
    assert not isinstance(reply, Cut)
    assert isinstance(reply.body, bytes)
    return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)


class SimulatedWiring(Wiring):
    """The wiring of one run: the world's clock, the host's store, the way to the stand-in."""

    def __init__(self, settings: Settings, run: Run, engine: TinyEngine | None) -> None:
        super().__init__(settings)
        self.run = run
        self._engine = engine

    def open_store(self, *, read_only: bool = False) -> Any:
        stays_open = self._engine is not None
        engine = self._engine or super().open_store(read_only=read_only).engine
        return Store(SteppedEngine(engine, self.run, stays_open=stays_open))

    def join(self, store: Any, *, read_only: bool = False) -> str:
        return super().join(Store(store.engine.unstepped), read_only=read_only)

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


class Present(threading.local):
    """What each thread is at just now."""

    wiring: SimulatedWiring | None = None


@dataclass
class Host:
    """One machine: its state folder, its timer, and its bot, where it has one."""

    world: World
    folder: Path
    environment: dict[str, str]
    settings: Settings = field(init=False)
    is_cut_off: bool = False
    refused: str = ""
    """Why the bot has not taken the last TODO."""
    has_queued: bool = False
    """Whether the bot has taken the last TODO without MongoDB."""
    _engines: dict[str, TinyEngine] = field(default_factory=dict)

    def configure(self, settings: str) -> None:
        """Let the host go by other settings from now on."""
        (self.folder / "giftping.toml").write_text(settings, "utf-8")
        self.settings = load_settings(self.environment, cwd=self.folder)

    @property
    def has_database(self) -> bool:
        return self.settings.mongo.uri is not None

    def sweep(self, kill: Mishap | None = None, loss: Mishap | None = None) -> SweepReport | None:
        """Return what a sweep did, None for one that was killed, or did nothing."""
        world = self.world
        with self.process("timer", kill, loss) as wiring:
            queued = [] if self.is_cut_off or self is not world.bot else world.queued()
            try:
                report = run_sweep(wiring, timing=Timing(world.clock, world.sleep))
            except Killed:
                world.counts["sweeps killed"] += 1
            except LockHeldError:
                world.counts["sweeps that met another one"] += 1
            except StoreError:
                assert self.has_database
                world.counts["sweeps without a store"] += 1
            else:
                world.counts["sweeps"] += 1
                world.counts["sweeps while MongoDB was away"] += self.is_cut_off
                # It carries back what it finds queued at its beginning.
                if queued and loss is None and not self.is_cut_off:
                    world.note_carried_back(queued)
                return report
        return None

    def command(self, command: Callable[..., int], *arguments: Any, **mishaps: Mishap | None) -> CommandResult | None:
        """Return what a command of the bot came to, None where its process was killed."""
        with self.process("bot", **mishaps):
            try:
                return CommandRunner(self.settings).run_now(command, *arguments)
            except Killed:
                self.world.counts["commands killed"] += 1
                return None

    def submit(self, user_id: int, text: str, kill: Mishap | None = None, loss: Mishap | None = None) -> bool:
        """Hand in a TODO by the bot's form, and return whether it said that this is done."""
        form = self.command(submit.may_submit, user_id)
        if form is None or form.refusal:
            self.refused = form.refusal if form else ""
            return False
        # Discord's own time, in whole milliseconds, as the id of the interaction has it.
        at = self.world.clock.now.replace(microsecond=self.world.clock.now.microsecond // 1000 * 1000)
        given = submit.Given(user=user_id, must_do=text, at=at)
        result = self.command(submit.submit, given, kill=kill, loss=loss)
        self.refused = result.refusal if result else ""
        self.has_queued = result is not None and result.is_by_mirror
        return result is not None and not result.refusal

    @contextmanager
    def process(self, what: str, kill: Mishap | None = None, loss: Mishap | None = None) -> Iterator[SimulatedWiring]:
        """A process of this host: everything that this thread opens within the block is its own."""
        run = Run(self.world, self, kill, loss)
        wiring = SimulatedWiring(self.settings, run, self._engine(what))
        before, PRESENT.wiring = PRESENT.wiring, wiring
        try:
            yield wiring
        finally:
            PRESENT.wiring = before
            wiring.close()

    def _engine(self, what: str) -> TinyEngine | None:
        """The JSON file as the timer or the bot has it open; opened anew each time, it would be read each time."""
        if self.has_database:
            return None
        if what not in self._engines:
            self._engines[what] = TinyEngine(self.world.folder / "store")
        return self._engines[what]

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()


PRESENT = Present()


def present_wiring(_settings: Settings) -> SimulatedWiring:
    assert PRESENT.wiring is not None
    return PRESENT.wiring


def present_database(_settings: Settings, _uri: object) -> ReachedDatabase:
    assert PRESENT.wiring is not None
    run = PRESENT.wiring.run
    return ReachedDatabase(run.world.database, run)


@contextmanager
def by_one_clock(clock: Any) -> Iterator[None]:
    """Let all that giftping does in this process go by the clock, in the process of whichever host a thread is at."""
    with (
        patch.object(wirings, "datetime", SimpleNamespace(now=lambda _zone: clock())),
        patch.object(sweeping, "steady_seconds", clock.monotonic),
        patch.object(command_runner, "Wiring", present_wiring),
        patch.object(opening, "database_of", present_database),
    ):
        yield
