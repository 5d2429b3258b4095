"""How end-to-end tests kill runs: a process that forks them, and scenes whose hosts run in it."""

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
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

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


class Killer:
    """One process that runs the command in forks of itself, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", Path(__file__).with_name("killer.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def run(self, jobs: Sequence[Mapping[str, Any]], on_start: Callable[[list[int]], object]) -> list[int]:
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
class Machine(Host):
    """A host whose runs are forked, counted and, where wanted, killed.

    Its clock is `ahead` of this machine's by so many seconds; `steps` are those of its last run, or of the
    first of several.
    """

    killer: Killer | None = None
    ahead: float = 0.0
    steps: list[str] = field(default_factory=list)

    def run(
        self,
        *arguments: str,
        wrapper: Sequence[str] = (),
        trouble: Trouble = NONE,
        on_start: Callable[[list[int]], object] = id,
        **extra: str,
    ) -> Ran:
        """Run the command to its end, or to where the trouble ends it."""
        (ran,) = self.run_together([arguments], trouble, on_start, **extra)
        return ran

    def run_together(
        self,
        commands: Sequence[Sequence[str]],
        trouble: Trouble = NONE,
        on_start: Callable[[list[int]], object] = id,
        **extra: str,
    ) -> list[Ran]:
        """Start commands at the same instant, and return how each of them went."""
        assert self.killer is not None
        folders = [self.folder / f"run-{number}" for number in range(len(commands))]
        for folder in folders:
            folder.mkdir(exist_ok=True)
            for name in ("output", "errors", "trace"):
                (folder / name).write_bytes(b"")
        jobs = [
            {
                "arguments": arguments,
                "environment": {**self.environment, **extra},
                "folder": str(self.folder),
                "files": str(folder),
                "ahead": self.ahead,
                **asdict(trouble),
            }
            for folder, arguments in zip(folders, commands, strict=True)
        ]
        codes = self.killer.run(jobs, on_start)
        self.steps = (folders[0] / "trace").read_text("utf-8").splitlines()
        return [
            Ran(code, (folder / "output").read_text("utf-8"), (folder / "errors").read_text("utf-8"))
            for folder, code in zip(folders, codes, strict=True)
        ]


def run_at_once(
    killer: Killer, hosts: Sequence[Machine], arguments: Sequence[str], troubles: Sequence[Trouble] = ()
) -> list[Ran]:
    """Start a command on every host at the same instant, each with its own trouble, and return how they went."""
    jobs = []
    for host, trouble in zip(hosts, troubles or [NONE] * len(hosts), strict=True):
        for name in ("output", "errors", "trace"):
            (host.folder / name).write_bytes(b"")
        job: dict[str, Any] = {"arguments": arguments, "environment": host.environment, "folder": str(host.folder)}
        jobs.append(job | {"files": str(host.folder), "ahead": host.ahead, **asdict(trouble)})
    codes = killer.run(jobs, id)
    return [
        Ran(code, (host.folder / "output").read_text("utf-8"), (host.folder / "errors").read_text("utf-8"))
        for host, code in zip(hosts, codes, strict=True)
    ]


class Killers:
    """As many killers as work side by side, each lent to one scene at a time, and state folders to begin with."""

    def __init__(self, folder: Path) -> None:
        self._free: SimpleQueue[Killer] = SimpleQueue()
        self._all = [Killer() for _ in range(SIDE_BY_SIDE)]
        self._folder = folder
        self._lock = threading.Lock()
        for killer in self._all:
            self._free.put(killer)

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
        for killer in self._all:
            killer.close()

    @contextmanager
    def lent(self) -> Iterator[Killer]:
        killer = self._free.get()
        try:
            yield killer
        finally:
            self._free.put(killer)

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


def machine_in(scene: Scene, killer: Killer, *, token: bool, settings: str = "") -> Machine:
    """Return a new host of the scene whose runs the killer forks."""
    host = scene.host(token=token, settings=settings)
    return Machine(host.folder, host.environment, killer)


@contextmanager
def scene_in(folder: Path) -> Iterator[Scene]:
    """Return an empty scene, as the fixture does, for tests that play many."""
    folder.mkdir(parents=True)
    with StandInDiscord(limits=None) as discord, StandInSources() as sources:
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
        os.kill(self._pid.result(timeout=20), number)


def wait_until_quiet(server: Any) -> None:
    """Return when a stand-in has carried out everything that a killed run had written to it.

    Connections are accepted in order: once one made now is seen, all before it have their handler.
    """
    listener = server._server._listener
    accepted = listener.accepted
    with socket.create_connection(listener.server_address):
        _until(lambda: listener.accepted > accepted)
    _until(lambda: not listener._handlers)


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < end, "the stand-in is still busy"
        time.sleep(0.001)
