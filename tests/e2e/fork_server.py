"""A server that runs the command in forks of itself, and kills one, or fills its disk, at a chosen step.

`forks.py` asks it: each line on standard input is a list of jobs in JSON, which are done at the same time. Two lines
answer it: the children's pids, and how they ended. What a run had to import, the server imports before the next
one, so that hundreds of runs cost seconds; from outside, a run can be given another time of day, clocks that
are set while it goes on, and a moment at which it has waited too long.

The product carries no hook for this: the calls by which it touches files and sockets are wrapped here, in the
child, before `giftping.cli.main` is called. Each such call is a step, but for those that leave nothing behind when
the process dies: locks, which the kernel frees, and what is only opened or is there already.
"""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[1]))

import typer.main
from fakes.patient import be_patient
from set_clocks import SetClocks

from giftping.cli import app, main
from giftping.settings import load

FILE_CALLS = ("open", "write", "pwrite", "ftruncate", "fsync", "replace", "rename", "link", "unlink", "mkdir")
SOCKET_CALLS = ("connect", "send", "sendall", "recv")
NEEDS_ROOM = {"os.open", "os.write", "os.pwrite", "os.fsync", "os.replace", "os.link", "os.mkdir"}

SENT = {"socket.send", "socket.sendall"}
READING_REQUEST = re.compile(rb"(GET|HEAD) |(POST|PATCH) .*\r\n\r\n\Z", re.DOTALL)
"""A request that asks to be shown something, or the head of one whose body is still to come: nobody acts on that."""

READING_COMMANDS = {"aggregate", "count", "distinct", "find", "getMore", "hello", "ismaster", "listIndexes", "ping"}
OP_MSG = 2013
NAME_OF_COMMAND = 26
"""Where in a message to MongoDB the name of its command stands: behind the header, the flags and two type bytes."""

_write = os.write
_open = os.open


class Steps:
    """Counts the steps of this process, notes them in a file, and brings the trouble at the one whose turn it is.

    Where it watches, it also notes which of them left another state behind: of the state folder, or, by what was
    written to a socket, of somebody else's. What a run killed right after one that did not would leave is what the
    step before it left.
    """

    def __init__(self, job: dict[str, Any], clocks: SetClocks | None = None) -> None:
        self._clocks = clocks
        self._trace = _open(Path(job["files"], "trace"), os.O_WRONLY)
        self._kill_at: int = job["kill_at"]
        self._signal: int = job["signal"]
        self._half_way: bool = job["half_way"]
        self._fail_from: int = job["fail_from"]
        self._error: int = job["error"]
        self._watched = Path(job["environment"]["GIFTPING_STATE"]) if job["watched"] else None
        self._state = self._look()
        self._count = 0
        self._lock = threading.Lock()

    def wrap_everything(self) -> None:
        for name in FILE_CALLS:
            setattr(os, name, self._wrapped(f"os.{name}", getattr(os, name)))
        for name in SOCKET_CALLS:
            setattr(socket.socket, name, self._wrapped(f"socket.{name}", getattr(socket.socket, name)))
        os.fdopen = self._fdopen(os.fdopen)

    def reach(self, name: str) -> int:
        """Count a step and return its number; the process may end here."""
        with self._lock:
            self._count += 1
            _write(self._trace, f"{name}\n".encode())
            count = self._count
        if count == self._kill_at and not self._half_way:
            os.kill(os.getpid(), self._signal)
        self._look_at_clocks()
        return count

    def _look_at_clocks(self) -> None:
        if self._clocks is not None:
            self._clocks.look()

    def _wrapped(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if _changes_nothing(name, arguments):
                return call(*arguments, **named)
            number = self.reach(name)
            if number == self._kill_at and self._half_way:
                _begin(name, call, arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            if self._fails(name, number, arguments):
                if self._half_way and number == self._fail_from and name == "os.write":
                    return _begin(name, call, arguments)
                raise OSError(self._error, os.strerror(self._error))
            try:
                return call(*arguments, **named)
            finally:
                self._look_at_clocks()
                if self._watched:
                    self._note_what_is_left(number, asks_for_change=name in SENT and not _only_reads(arguments[1]))

        return wrapped

    def _note_what_is_left(self, number: int, *, asks_for_change: bool) -> None:
        with self._lock:
            before, self._state = self._state, self._look()
            if asks_for_change or self._state != before:
                _write(self._trace, f"{number}\n".encode())

    def _look(self) -> dict[Path, bytes | None]:
        if self._watched is None:
            return {}
        return {path: path.read_bytes() if path.is_file() else None for path in self._watched.rglob("*")}

    def _fails(self, name: str, number: int, arguments: tuple[Any, ...]) -> bool:
        if not self._fail_from or number < self._fail_from or name not in NEEDS_ROOM:
            return False
        return self._error != errno.ENOSPC or name != "os.open" or not _is_there(arguments[0])

    def _fdopen(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def fdopen(descriptor: int, *arguments: Any, **named: Any) -> Any:
            if self._fail_from and self._count >= self._fail_from:
                os.dup2(_open("/dev/full", os.O_WRONLY), descriptor)
            return call(descriptor, *arguments, **named)

        return fdopen


def _is_there(path: Any) -> bool:
    return Path(path).exists()


def _changes_nothing(name: str, arguments: tuple[Any, ...]) -> bool:
    if name == "os.open" and not arguments[1] & os.O_TRUNC:
        return not arguments[1] & os.O_CREAT or _is_there(arguments[0])
    return name == "os.mkdir" and _is_there(arguments[0])


def _only_reads(data: Any) -> bool:
    """Whether what is sent asks a source, Discord or MongoDB to show something, and to change nothing."""
    request = bytes(data)
    if len(request) > NAME_OF_COMMAND and struct.unpack_from("<i", request, 12)[0] == OP_MSG:
        return request[NAME_OF_COMMAND : request.index(b"\0", NAME_OF_COMMAND)].decode() in READING_COMMANDS
    return READING_REQUEST.match(request) is not None


def _begin(name: str, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do the first half of what writes to a file or a socket, nothing of anything else."""
    if name in ("os.write", "socket.send", "socket.sendall"):
        first, data, *_ = arguments
        return call(first, bytes(data)[: len(data) // 2])
    return None


def _give_up_at(there: Path) -> None:
    """Let an answer that does not come be given up as late once the file is there, and remove it."""
    import httpcore

    from giftping.net.transport import DeadlineStream

    read = DeadlineStream.read

    def read_or_give_up(stream: Any, max_bytes: int, timeout: float | None = None) -> bytes:
        while not select.select([stream.get_extra_info("socket")], [], [], 0.005)[0]:
            if there.exists():
                there.unlink()
                raise httpcore.ReadTimeout("it came too late")
        return read(stream, max_bytes, timeout)

    DeadlineStream.read = read_or_give_up


def live(job: dict[str, Any]) -> int:
    """Be the command: its exit code, unless the end comes first."""
    known, files = set(sys.modules), Path(job["files"])
    for number, path in ((0, os.devnull), (1, files / "output"), (2, files / "errors")):
        descriptor = os.open(path, os.O_RDWR)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["folder"])
    sys.argv = ["giftping", *job["arguments"]]
    if job["ahead"]:
        import time_machine

        time_machine.travel(timedelta(seconds=job["ahead"])).start()
    if not job["in_a_hurry"]:
        be_patient()
    if job["gives_up_at"]:
        _give_up_at(Path(job["gives_up_at"]))
    steps = Steps(job, SetClocks(job["clocks"]) if job["clocks"] else None)
    steps.wrap_everything()
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    steps.reach("exit")
    (files / "imported").write_text("\n".join(name for name in list(sys.modules) if name not in known), "utf-8")
    return code


def start(job: dict[str, Any], gate: int) -> int:
    """Fork a child that does the job once the gate is open, and return its pid."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            os.read(gate, 1)
            code = live(job)
        except BaseException:  # noqa: BLE001 -- a forked child must never go on as its parent
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)
    return child


def import_what_was_imported(jobs: list[dict[str, Any]]) -> None:
    """Import what these runs had to, so that the next ones find it there."""
    names = [name for job in jobs for name in Path(job["files"], "imported").read_text("utf-8").split()]
    for name in names:
        with suppress(ImportError):
            importlib.import_module(name)
    if names:
        gc.freeze()


def serve() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # The tree of commands takes as long to build as an idle run, and is the same in every child.
    commands = typer.main.get_command(app)
    typer.main.get_command = lambda _app: commands
    # So does what ships with giftping: the games and sources that there are.
    catalogue = load.load_catalogue()
    load.load_catalogue = lambda: catalogue
    # Spare the disk: processes are killed here, not the machine, and what a killed process wrote is there.
    os.fsync = os.fstat
    gc.freeze()
    for line in sys.stdin:
        jobs = json.loads(line)
        waiting, opening = os.pipe()
        children = [start(job, waiting) for job in jobs]
        os.write(opening, b"." * len(children))
        print(json.dumps(children), file=answers, flush=True)
        ends = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        import_what_was_imported(jobs)
        print(json.dumps(ends), file=answers, flush=True)
        os.close(waiting)
        os.close(opening)


if __name__ == "__main__":
    serve()
