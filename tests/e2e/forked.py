"""Hosts whose commands run in forks of one process that has everything imported: hundreds of runs in seconds.

Each run is a process of its own that calls `giftping.cli.main` and ends with its exit code; what is saved is the
imports. From outside, a run can be given another time of day and shorter time-outs.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scene import Host, Ran

PRELOADED = (
    "giftping.commands.codes",
    "giftping.commands.guilds",
    "giftping.commands.sources",
    "giftping.commands.check",
    "giftping.commands.doctor",
    "giftping.commands.init",
    "giftping.commands.migrate",
    "giftping.commands.pause",
    "giftping.runs.reporting",
    "giftping.commands.roster",
    "giftping.commands.settle",
    "giftping.commands.setup",
    "giftping.commands.submit",
    "giftping.commands.sweep",
    "giftping.commands.todo",
    "giftping.doctor.examine",
    "giftping.runs.sweep",
    "giftping.runs.check",
    "giftping.codes.explain",
    "giftping.codes.sources.json_api",
    "giftping.codes.sources.expressions",
    "giftping.discord.http",
    "giftping.discord.rest",
    "giftping.discord.webhook",
    "giftping.store.failover",
    "giftping.store.mongo",
    "giftping.store.tiny",
    "giftping.output.render",
    "discord_webhook",
    "concurrent.futures.thread",
    "jmespath",
    "time_machine",
    "traceback",
    "zoneinfo",
)


@dataclass(frozen=True, slots=True)
class Job:
    """One command to run. `ahead` is how many seconds its clock goes ahead, `patience` what one request may take."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    output: str
    errors: str
    ahead: float = 0.0
    patience: float | None = None


class Forker:
    """The process that forks. One command at a time; safe to use from one thread."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )

    def run(self, job: Job) -> int:
        """Return the exit code of a command, negative for a signal."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asdict(job)) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def open_forker() -> Iterator[Forker]:
    """Give a forker for as long as the block lasts."""
    forker = Forker()
    try:
        yield forker
    finally:
        forker.close()


@dataclass
class ForkedHost(Host):
    """A host that runs its commands in forks; `ahead` moves its clock, `patience` shortens its time-outs."""

    forker: Forker = field(kw_only=True)
    ahead: timedelta = timedelta()
    patience: float | None = None
    runs: list[Ran] = field(default_factory=list)

    def run(self, *arguments: str, wrapper: Sequence[str] = (), **extra: str) -> Ran:
        assert not wrapper, "a fork calls giftping itself"
        output, errors = self.folder / "stdout", self.folder / "stderr"
        job = Job(
            arguments=list(arguments),
            environment={**self.environment, **extra},
            folder=str(self.folder),
            output=str(output),
            errors=str(errors),
            ahead=self.ahead.total_seconds(),
            patience=self.patience,
        )
        code = self.forker.run(job)
        ran = Ran(code, output.read_text("utf-8"), errors.read_text("utf-8"))
        self.runs.append(ran)
        return ran


def forked(host: Host, forker: Forker) -> ForkedHost:
    """Return the same host, running its commands in forks."""
    return ForkedHost(host.folder, host.environment, forker=forker)


# In the process that forks


def _serve() -> None:
    import importlib

    import typer.main

    from giftping.cli import app

    for name in PRELOADED:
        importlib.import_module(name)
    # Made once: it is the same for every run, and a third of what a short one takes.
    commands = typer.main.get_command(app)
    typer.main.get_command = lambda _app: commands
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(job: dict[str, Any]) -> None:
    """Run the command, as a process that was started for it would, and end."""
    from giftping import cli

    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    for descriptor, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, job["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        (2, job["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    ):
        opened = os.open(path, flags, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    if job["ahead"]:
        import time_machine

        time_machine.travel(datetime.now(UTC) + timedelta(seconds=job["ahead"]), tick=True).start()
    if job["patience"]:
        from giftping.discord.http import DiscordHttp

        DiscordHttp.__init__.__kwdefaults__.update(connect=job["patience"], total=job["patience"])
    sys.argv = ["giftping", *job["arguments"]]
    code: object = 1
    try:
        cli.main()
        code = 0
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    _serve()
