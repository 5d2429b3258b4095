"""What a run that has little to do may load. The lists are the whole truth: a module that is not on them fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from giftping.demo.sources import StandInSources

ROOT = Path(__file__).parents[2]

PROBE = """\
import atexit, os, runpy, sys
before = set(sys.modules)
atexit.register(lambda: open(os.environ["LOADED"], "w").write("\\n".join(sorted(set(sys.modules) - before))))
sys.argv[0] = "giftping"
runpy.run_module("giftping", run_name="__main__")
"""

TYPER = {"annotated_doc", "shellingham", "typer"}
HTTP = {"anyio", "certifi", "h11", "httpcore", "httpx", "idna"}

COMMAND_LINE = {"giftping", "giftping.cli", "giftping.errors", "giftping.output", "giftping.output.streams"}
SETTINGS = {
    "giftping.settings",
    "giftping.codes",
    "giftping.settings.catalogue",
    "giftping.codes.model",
    "giftping.codes.sources",
    "giftping.codes.sources.kinds",
    "giftping.settings.sources",
    "giftping.settings.dotenv",
    "giftping.settings.durations",
    "giftping.settings.environment",
    "giftping.settings.problems",
    "giftping.settings.secrets",
    "giftping.settings.load",
    "giftping.settings.file",
    "giftping.settings.reading",
    "giftping.settings.declaring",
    "giftping.settings.keys",
    "giftping.settings.value_types",
    "giftping.settings.table_reader",
    "giftping.text",
}
SESSION = {
    "giftping.codes.report",
    "giftping.commands",
    "giftping.commands.session",
    "giftping.output.log",
    "giftping.store",
    "giftping.store.errors",
    "giftping.store.tiny.files",
    "giftping.store.opening",
    "giftping.store.tiny",
    "giftping.wiring",
}
IDLE_CHECK = {
    "giftping.net",
    "giftping.codes.sources.kinds",
    "giftping.runs.check",
    "giftping.codes.back_off",
    "giftping.codes.fetch",
    "giftping.codes.gather",
    "giftping.codes.idle",
    "giftping.codes.memory",
    "giftping.codes.request",
    "giftping.commands.check",
    "giftping.commands.jobs",
    "giftping.output",
    "giftping.output.check_lines",
    "giftping.output.phrases",
    "giftping.output.trouble",
    "giftping.runs.reporting",
    "giftping.delivery",
    "giftping.delivery.clock",
    "giftping.net.http_date",
    "giftping.net.steady",
    "giftping.runs.clock",
    "giftping.net.lean_httpx",
    "giftping.runs",
    "giftping.runs.codec",
    "giftping.runs.last_check",
    "giftping.runs.lock",
    "giftping.runs.sources_file",
    "giftping.runs.state_folder",
    "giftping.runs.stopping",
    "giftping.net.transport",
}
JSON_STORE = {
    "giftping.commands.codes",
    "giftping.output",
    "giftping.output.code_objects",
    "giftping.output.json",
    "giftping.output.phrases",
    "giftping.store.base",
    "giftping.store.clears",
    "giftping.store.code_documents",
    "giftping.store.documents",
    "giftping.store.engine",
    "giftping.store.fields",
    "giftping.store.guild_documents",
    "giftping.store.guild_records",
    "giftping.store.base_records",
    "giftping.store.tiny.folder",
    "giftping.store.tiny.journal",
    "giftping.store.mirror",
    "giftping.store.mirror.notes",
    "giftping.store.mirror.changes",
    "giftping.store.tiny.snapshot",
    "giftping.store.statistics",
    "giftping.store.tiny.tables",
    "giftping.store.records",
    "giftping.store.tiny.engine",
}
HEAVY_STANDARD = {"asyncio", "concurrent.futures", "multiprocessing", "unittest", "xml", "sqlite3", "zoneinfo", "pdb"}

SOURCE = """\
[sources.{name}]
kind = "json"
game = "whiteout-survival"
url = "{url}"
min_interval = "{min_interval}"
rows = {{ at = "codes[]", code = "code" }}
"""


@dataclass
class Machine:
    """A folder with settings, sources that answer, and a guild."""

    folder: Path
    sources: StandInSources

    def configure(self, count: int, min_interval: str = "0s") -> None:
        tables = ["[codes]\nbuilt_in_sources = false\n"]
        for number in range(count):
            body = json.dumps({"codes": [{"code": f"GIFT{number}234"}]})
            self.sources.set(f"/{number}", body, "application/json", etag="auto")
            url = self.sources.url(f"/{number}")
            tables.append(SOURCE.format(name=f"source-{number}", url=url, min_interval=min_interval))
        (self.folder / "giftping.toml").write_text("\n".join(tables), "utf-8")

    def run(self, *arguments: str) -> set[str]:
        """Run a command and return the modules that it had loaded at its end, Python's own at start left out."""
        loaded = self.folder / "loaded"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIFTPING_STATE": str(self.folder / "state"),
            "LOADED": str(loaded),
            "PYTHONPATH": str(ROOT),
        }
        command = [sys.executable, "-c", PROBE, *arguments]
        ran = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return set(loaded.read_text("utf-8").split())


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with StandInSources() as sources:
        yield Machine(tmp_path, sources)


def third_party(loaded: set[str]) -> set[str]:
    """Return the packages among the modules that are neither Python's own nor ours."""
    packages = {name.partition(".")[0] for name in loaded}
    hooks = {"sitecustomize", "usercustomize", "__editable___giftping_finder"}
    return {name for name in packages - sys.stdlib_module_names - hooks if name != "giftping" and name[0] != "_"}


def ours(loaded: set[str]) -> set[str]:
    return {name for name in loaded if name.partition(".")[0] == "giftping"}


def test_the_version_loads_typer_and_nothing_else(machine: Machine) -> None:
    loaded = machine.run("--version")
    assert third_party(loaded) <= TYPER
    assert ours(loaded) <= COMMAND_LINE
    assert not loaded & HEAVY_STANDARD


def test_only_the_command_of_the_bot_loads_discord_py(machine: Machine) -> None:
    """It may not be installed; `giftping.discord` is another thing."""
    script = "import sys, giftping.cli; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not set(ran.stdout.split()) & {"discord", "aiohttp", "giftping.bot"}
    loaded = machine.run("bot", "--help")
    assert not loaded & {"discord", "aiohttp", "giftping.bot"}
    assert ours(loaded) <= COMMAND_LINE


def test_a_program_that_may_open_the_ledger_loads_nothing_heavy_until_it_does() -> None:
    script = "import sys; before = set(sys.modules); import giftping.store; print(*sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert third_party(loaded) == set()
    assert ours(loaded) == {"giftping", "giftping.errors", "giftping.store", "giftping.store.errors"}
    assert not loaded & HEAVY_STANDARD


def test_an_idle_check_loads_what_a_conditional_get_needs(machine: Machine) -> None:
    machine.configure(1)
    machine.run("guilds", "add", "1", "--channel", "2")
    machine.run("codes", "check")
    loaded = machine.run("codes", "check")
    assert machine.sources.not_modified("/0") == 1
    assert third_party(loaded) <= TYPER | HTTP
    assert ours(loaded) <= COMMAND_LINE | SETTINGS | SESSION | IDLE_CHECK
    assert not loaded & HEAVY_STANDARD


def test_a_check_in_which_no_source_is_due_loads_no_http_library(machine: Machine) -> None:
    machine.configure(1, min_interval="1h")
    machine.run("guilds", "add", "1", "--channel", "2")
    machine.run("codes", "check")
    loaded = machine.run("codes", "check")
    assert machine.sources.not_modified("/0") == 0
    assert third_party(loaded) <= TYPER
    assert not loaded & (HEAVY_STANDARD | {"http", "email.utils", "giftping.net.transport"})


def test_several_sources_cost_a_thread_pool_and_no_more(machine: Machine) -> None:
    machine.configure(3)
    machine.run("guilds", "add", "1", "--channel", "2")
    machine.run("codes", "check")
    loaded = machine.run("codes", "check")
    assert third_party(loaded) <= TYPER | HTTP
    assert ours(loaded) <= COMMAND_LINE | SETTINGS | SESSION | IDLE_CHECK
    assert not loaded & (HEAVY_STANDARD - {"concurrent.futures"})


def test_statistics_load_the_ledger_and_no_network(machine: Machine) -> None:
    machine.configure(1)
    machine.run("guilds", "add", "1", "--channel", "2")
    loaded = machine.run("codes", "stats", "--json")
    assert third_party(loaded) <= TYPER | {"tinydb"}
    assert ours(loaded) <= COMMAND_LINE | SETTINGS | SESSION | JSON_STORE
    assert not loaded & HEAVY_STANDARD
