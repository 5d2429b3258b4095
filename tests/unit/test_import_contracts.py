"""A new module is bound by the import contracts wherever it stands: nobody has to add it to a list."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")

PACKAGES = sorted(path.parent.name for path in (ROOT / "giftping").glob("*/__init__.py"))
NESTED = [*PACKAGES, "codes.sources"]
"""Every package, and one below another."""

LIBRARIES = {
    "typer": [],
    "rich": ["output", "commands"],
    "discord": ["bot"],
    "pymongo": ["store"],
    "tinydb": ["store"],
    "httpx": ["net"],
    "bs4": ["codes.sources"],
}
"""The rooms that may know a library; the root's `cli.py` is no room."""

TURNED = {
    **{f"{package}.newcomer_above": "giftping.cli" for package in PACKAGES},
    "codes.sources.newcomer_above": "giftping.cli",
    **{f"{package}.newcomer_bot": "giftping.bot.main" for package in PACKAGES if package != "bot"},
    **{
        f"{package}.newcomer_{library}": library
        for library, rooms in LIBRARIES.items()
        for package in NESTED
        if package not in rooms
    },
    "codes.newcomer_todo": "giftping.todo.rules",
    "todo.newcomer_codes": "giftping.codes.plan",
    "store.newcomer_discord": "giftping.discord.http",
    "discord.newcomer_store": "giftping.store.base",
    "codes.sources.newcomer_store": "giftping.store.base",
    "bot.newcomer_store": "giftping.store.tiny.engine",
    "commands.newcomer_store": "giftping.store.mongo.engine",
    "output.newcomer_store": "giftping.store.tiny.engine",
    "runs.newcomer_store": "giftping.store.mirror.engine",
    "doctor.newcomer_store": "giftping.store.mongo.engine",
    "demo.newcomer_store": "giftping.store.tiny.engine",
    "codes.newcomer_store": "giftping.store.tiny.engine",
    "todo.newcomer_store": "giftping.store.mirror.engine",
    "codes.newcomer_socket": "socket",
    "todo.newcomer_subprocess": "subprocess",
    "todo.newcomer_os": "os",
    "todo.newcomer_net": "giftping.net.transport",
    "codes.sources.newcomer_pathlib": "pathlib",
    "codes.sources.newcomer_time": "time",
}
"""Modules that break the direction, and what each of them imports."""


pytestmark = pytest.mark.xdist_group("import contracts")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "1000"}
    command = [LINT, "--config", "pyproject.toml", "--no-cache"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy of the package with all of those modules in it."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    shutil.copytree(ROOT / "giftping", folder / "giftping", ignore=shutil.ignore_patterns("__pycache__"))
    for name, imported in TURNED.items():
        place = folder / "giftping" / Path(*name.split(".")).with_suffix(".py")
        place.write_text(f"import {imported}\n", "utf-8")
    (folder / "giftping" / "newcomer.py").write_text("", "utf-8")
    ran = lint(folder)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout


def test_a_module_that_breaks_the_direction_is_found_wherever_it_stands(complaints: str) -> None:
    lines = [f"giftping.{name} -> {imported} (" for name, imported in TURNED.items()]
    assert [line for line in lines if line not in complaints] == []


def test_a_module_at_the_top_of_the_package_has_to_be_given_its_place(complaints: str) -> None:
    assert "giftping.newcomer" in complaints


def test_what_stands_outside_a_list_is_closed_not_open() -> None:
    """Names of modules appear in a contract only where something is allowed to them, never where it is forbidden."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    bound = {
        name
        for contract in contracts
        for key in ("source_modules", "protected_modules", "modules", "containers", "ancestors")
        for name in contract.get(key, [])
    }
    ours = {name for name in bound if name.startswith("giftping.")}
    paths = {name: ROOT / Path(*name.removesuffix(".*").split(".")) for name in ours}
    modules = {name for name, path in paths.items() if not path.is_dir()}
    assert modules <= {"giftping.errors", "giftping.text"}
    assert len(ours) > 5
