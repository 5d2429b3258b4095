"""Hosts whose commands run in forks of a server that has everything imported: hundreds of runs and kills in seconds.

Each run is a process of its own that calls `giftping.cli.main` and ends with its exit code. From outside it can be
given another time of day and shorter time-outs, be killed at any step, find its disk full from there on, and tell what
its steps were.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

from fakes.patience import PATIENT, wait_until
from scene import Host, Ran, Scene

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources

SIDE_BY_SIDE = 2
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to a run, at or from the step of that number; 0: never. `signal` is what it is killed with."""

    kill_at: int = 0
    half_way: bool = False
    fail_from: int = 0
    error: int = errno.ENOSPC
    signal: int = signal.SIGKILL


NONE = Trouble()


class Step(NamedTuple):
    """A call by which a run touched a file or a socket."""

    name: str
    leaves_another_state: bool
    """Whether what is there after it differs from what was there before; False where nobody watched."""


class Forker:
    """The server, a process that runs commands in forks of itself. Safe to use from one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", Path(__file__).with_name("fork_server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def close(self) -> None:
        self._process.communicate()

    def run(self, jobs: Sequence[dict[str, Any]], on_start: Callable[[list[int]], object]) -> list[int]:
        """Run jobs at the same time, each to its end, and return the exit codes; `on_start` is told the pids."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(jobs) + "\n")
        stdin.flush()
        on_start(json.loads(stdout.readline()))
        ends: list[int] = json.loads(stdout.readline())
        return ends


@dataclass
class ForkedHost(Host):
    """A host that runs its commands in forks.

    Its clock is `ahead` of this machine's, or goes by the file `clocks`, see `set_clocks`. It waits as long as a test
    does, unless it is `in_a_hurry`, and gives up an answer once the file `gives_up_at` is there. `runs` is how all its
    runs went, `steps` are those of the last one, or of the first of several at once.
    """

    forker: Forker = field(kw_only=True)
    ahead: timedelta = timedelta()
    clocks: Path | None = None
    gives_up_at: Path | None = None
    in_a_hurry: bool = False
    runs: list[Ran] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def run(
        self,
        *arguments: str,
        wrapper: Sequence[str] = (),
        trouble: Trouble = NONE,
        watched: bool = False,
        on_start: Callable[[list[int]], object] = id,
        **extra: str,
    ) -> Ran:
        """Run the command to its end, or to where the trouble ends it."""
        assert not wrapper, "a fork calls giftping itself"
        job = self._job(arguments, trouble, watched=watched, **extra)
        (ran,) = _run(self.forker, [(self, job)], on_start)
        return ran

    def run_together(
        self, commands: Sequence[Sequence[str]], on_start: Callable[[list[int]], object] = id
    ) -> list[Ran]:
        """Start commands at the same instant, and return how each of them went."""
        jobs = [(self, self._job(arguments, number=number)) for number, arguments in enumerate(commands)]
        return _run(self.forker, jobs, on_start)

    def _job(
        self,
        arguments: Sequence[str],
        trouble: Trouble = NONE,
        *,
        number: int = 0,
        watched: bool = False,
        **extra: str,
    ) -> dict[str, Any]:
        files = self.folder / f"run-{number}"
        files.mkdir(exist_ok=True)
        for name in ("output", "errors", "trace", "imported"):
            (files / name).write_bytes(b"")
        return {
            "arguments": arguments,
            "environment": {**self.environment, **extra},
            "folder": str(self.folder),
            "files": str(files),
            "ahead": self.ahead.total_seconds(),
            "clocks": str(self.clocks) if self.clocks else "",
            "gives_up_at": str(self.gives_up_at or ""),
            "in_a_hurry": self.in_a_hurry,
            "watched": watched,
            **asdict(trouble),
        }


def _run(
    forker: Forker, jobs: Sequence[tuple[ForkedHost, dict[str, Any]]], on_start: Callable[[list[int]], object] = id
) -> list[Ran]:
    codes = forker.run([job for _, job in jobs], on_start)
    ended = []
    for (host, job), code in zip(jobs, codes, strict=True):
        files = Path(job["files"])
        ran = Ran(code, (files / "output").read_text("utf-8"), (files / "errors").read_text("utf-8"))
        host.runs.append(ran)
        ended.append(ran)
    first, job = jobs[0]
    first.steps = _steps_in(Path(job["files"], "trace").read_text("utf-8"))
    return ended


def _steps_in(trace: str) -> list[Step]:
    """The steps that a trace names, in their order; a line that is a number says that the step left another state."""
    lines = trace.splitlines()
    left = {int(line) for line in lines if line.isdecimal()}
    names = [line for line in lines if not line.isdecimal()]
    return [Step(name, number in left) for number, name in enumerate(names, 1)]


def run_at_once(hosts: Sequence[ForkedHost], arguments: Sequence[str], troubles: Sequence[Trouble] = ()) -> list[Ran]:
    """Start a command on every host at the same instant, each with its own trouble, and return how they went."""
    jobs = [
        (host, host._job(arguments, trouble))
        for host, trouble in zip(hosts, troubles or [NONE] * len(hosts), strict=True)
    ]
    return _run(hosts[0].forker, jobs)


def run_side_by_side(commands: Sequence[tuple[ForkedHost, Sequence[str]]]) -> list[Ran]:
    """Start commands at the same instant, each on its host, and return how they went."""
    jobs = [(host, host._job(arguments, number=number)) for number, (host, arguments) in enumerate(commands)]
    return _run(commands[0][0].forker, jobs)


def forked(host: Host, forker: Forker) -> ForkedHost:
    """The same host, running its commands in forks."""
    return ForkedHost(host.folder, host.environment, forker=forker)


class Forkers:
    """As many forkers as work side by side, each lent to one scene at a time, and state folders to begin with."""

    def __init__(self, folder: Path) -> None:
        self._free: SimpleQueue[Forker] = SimpleQueue()
        self._all = [Forker() for _ in range(SIDE_BY_SIDE)]
        self._folder = folder
        self._lock = threading.Lock()
        for forker in self._all:
            self._free.put(forker)

    def begin_with(self, name: str, state: Path) -> bool:
        """Put the state folder that was kept under that name in place, and return whether there was one."""
        template = self._folder / name
        if not template.exists():
            return False
        shutil.copytree(template, state)
        return True

    def keep(self, name: str, state: Path) -> None:
        """Keep a copy of a state folder to begin with another time; the first one counts."""
        draft = Path(tempfile.mkdtemp(dir=self._folder)) / name
        shutil.copytree(state, draft)
        with self._lock:
            if not (self._folder / name).exists():
                draft.rename(self._folder / name)

    def close(self) -> None:
        for forker in self._all:
            forker.close()

    @contextmanager
    def lent(self) -> Iterator[Forker]:
        forker = self._free.get()
        try:
            yield forker
        finally:
            self._free.put(forker)

    def each(self, play: Callable[[Item], None], items: Iterable[Item]) -> None:
        """Play with each of the items, some side by side. Raise what the first play to fail raised."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            plays = [pool.submit(play, item) for item in items]
            try:
                for done in plays:
                    done.result()
            finally:
                for waiting in plays:
                    waiting.cancel()


@contextmanager
def scene_in(folder: Path) -> Iterator[Scene]:
    """Return an empty scene, as the fixture does, for tests that play many."""
    folder.mkdir(parents=True)
    with StandInDiscord(limits=None) as discord, StandInSources(discord.clock) as sources:
        yield Scene(folder, discord, sources)
        assert discord.violations == []
        assert discord.unexpected == []


class Victim:
    """A run that is killed from outside: `kill` may be called before its pid is known."""

    def __init__(self) -> None:
        self._pid: Future[int] = Future()

    def started(self, pids: list[int]) -> None:
        self._pid.set_result(pids[0])

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self._pid.result(PATIENT), number)

    def is_stopped(self) -> bool:
        """Whether it is there, and was stopped."""
        try:
            stat = Path(f"/proc/{self._pid.result(PATIENT)}/stat").read_text("ascii")
        except OSError:
            return False
        # Behind its name, which stands in brackets, whatever that is (proc_pid_stat(5)).
        return stat.rpartition(")")[2].split()[0] == "T"


def wait_until_quiet(server: Any) -> None:
    """Return when a stand-in has carried out everything that a killed run had written to it.

    Connections are accepted in order: once one made now is answered, all before it have their handler. To count those
    accepted would not do: on a busy machine several of the killed run's may wait for that still.
    """
    listener = server._server._listener
    with socket.create_connection(listener.server_address, timeout=PATIENT) as ours:
        ours.sendall(b"no request\r\n\r\n")
        assert ours.recv(1), "the stand-in does not answer"
    wait_until(lambda: not listener._handlers, "the stand-in is still busy", pause=0.001)
