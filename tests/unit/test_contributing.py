"""CONTRIBUTING.md, the hooks and the workflow name what is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from docs_reading import DOCS, ROOT, blocks, section, text_of

from giftping.codes.sources import kinds
from giftping.settings import sources

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
HOOKS = text_of(ROOT / ".pre-commit-config.yaml")
WORKFLOWS = {path.name: text_of(path) for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
WORKFLOW, RELEASE = WORKFLOWS["ci.yml"], WORKFLOWS["release.yml"]
DESIGN = DOCS / "design.md"
TARGETS = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))


@pytest.mark.parametrize("page", [CONTRIBUTING, DESIGN], ids=lambda page: page.name)
def test_every_file_that_the_page_names_is_there(page: Path) -> None:
    text = text_of(page)
    named = set(re.findall(r"`((?:giftping|tests|docs|tools|\.ci)/[\w/.]+|[\w-]+\.(?:toml|lock))`", text))
    named = {str(ROOT / name) for name in named if name != "tests/data/VERSION"}
    named |= {str(page.parent / link) for link in re.findall(r"\]\(([^)#]+)\)", text)}
    assert len(named) > 10
    assert [name for name in named if not Path(name).exists()] == []


def rooms() -> list[str]:
    """The rows of the table of folders: what stands at the top of the package, as its own docstring says it."""
    (layers,) = [
        contract["layers"]
        for contract in tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    ]
    rows = ["| folder | what it is |", "| --- | --- |"]
    for name in (name.strip("() ") for layer in layers for name in layer.split("|")):
        package, module = ROOT / "giftping" / name / "__init__.py", ROOT / "giftping" / f"{name}.py"
        place = package if package.exists() else module
        if place.exists():
            said = (ast.get_docstring(ast.parse(text_of(place))) or "").partition("\n")[0]
            rows.append(f"| `{name}{'/' if package.exists() else '.py'}` | {said.removesuffix('.')} |")
    return rows


def test_the_table_of_folders_says_what_the_folders_say_of_themselves() -> None:
    shown = [line for line in section(CONTRIBUTING, "The house").splitlines() if line.startswith("|")]
    assert shown == rooms()


def test_where_something_is_it_is() -> None:
    answers = section(CONTRIBUTING, "Where is what")
    found = re.findall(r"`(giftping/[\w/]+\.py)`: (?:a field of )?((?:`[\w.]+`(?:, | and )?)+)", answers)
    assert len(found) >= 10
    for path, names in found:
        for name in re.findall(r"[\w.]+", names):
            assert re.search(rf"\b{re.escape(name.rpartition('.')[2])}\b", text_of(ROOT / path)), (path, name)


@pytest.mark.parametrize("diagram", [block.text for block in blocks(DESIGN) if block.language == "mermaid"])
def test_the_drawings_name_modules_that_are_there(diagram: str) -> None:
    modules = re.findall(r"[\[\"]([a-z]+/[a-z_]+):", diagram)
    assert len(modules) > 5
    assert [name for name in modules if not list((ROOT / "giftping").glob(f"{name}*"))] == []


def test_every_name_of_the_code_that_the_page_names_is_there() -> None:
    assert "ShapeChangedError" in text_of(CONTRIBUTING)
    assert all(hasattr(kinds, name) for name in ("KINDS", "Parser", "ShapeChangedError"))
    assert all(hasattr(sources, name) for name in ("SOURCE_KINDS", "RowRule", "FieldRule"))


def test_every_target_that_is_to_be_made_is_in_the_makefile() -> None:
    lines = "".join(block.text for block in blocks(CONTRIBUTING))
    named = {word for line in re.findall(r"^\$ make ([a-z -]+)", lines, re.MULTILINE) for word in line.split()}
    named |= set(re.findall(r"`make ([a-z-]+)`", text_of(CONTRIBUTING)))
    assert {"test", "lint", "man", "lock"} <= named
    assert named - TARGETS == set()


def test_the_hooks_run_tools_of_the_environment_and_fetch_nothing() -> None:
    assert re.findall(r"repo: (.+)", HOOKS) == ["local"]
    assert set(re.findall(r"language: (.+)", HOOKS)) == {"system"}
    commands = re.findall(r"entry: \.venv/bin/(\S+)", HOOKS)
    assert len(commands) == HOOKS.count("entry:")
    assert [name for name in commands if not Path(sys.executable).with_name(name).exists()] == []


def test_the_workflow_runs_what_has_to_pass_and_may_do_nothing_else() -> None:
    assert set(re.findall(r"permissions:\n +(.+)", WORKFLOW)) == {"contents: read"}
    commands = ["bash .ci/run ${{ matrix.tests }}", "bash .ci/wheel", "bash .ci/run full"]
    assert re.findall(r"run: (.+)", WORKFLOW) == commands
    assert re.search(r'cron: "\d+ \d+ \* \* 1"', WORKFLOW)
    assert re.search(r"^  push:$", WORKFLOW, re.MULTILINE)


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=list(WORKFLOWS))
def test_a_workflow_gives_its_jobs_nothing_and_pins_what_others_wrote(workflow: str) -> None:
    assert re.search(r"^permissions: \{\}$", workflow, re.MULTILINE)
    assert "secrets." not in workflow
    used = re.findall(r"uses: (.+)", workflow)
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action)] == []


def test_only_the_job_that_publishes_may_publish_and_it_runs_nothing_of_ours() -> None:
    before, _, publishing = RELEASE.partition("  publish:\n")
    assert "id-token" not in before
    assert "id-token: write" in publishing
    assert "needs: build" in publishing
    assert "run:" not in publishing
    assert "checkout" not in publishing


def test_the_workflow_tries_every_python_that_giftping_says_it_runs_on() -> None:
    classifiers = re.findall(r"Python :: (3\.\d+)\"", text_of(ROOT / "pyproject.toml"))
    tried = dict(re.findall(r'python: "(3\.\d+)", tests: "(.*?)"', WORKFLOW))
    assert list(tried) == classifiers
    assert [tried[classifiers[0]], tried[classifiers[-1]]] == ["", ""]
    assert {tried[python] for python in classifiers[1:-1]} == {"unit contract"}


def test_a_release_is_not_ready_before_everything_is_there() -> None:
    command = [sys.executable, ROOT / "tools" / "release.py", "v99.0.0"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    for what in ("giftping/__init__.py", "CHANGELOG.md: no section", "docs/upgrading.md", "tests/data/99.0.0"):
        assert what in ran.stderr


def test_without_a_tag_the_release_tool_says_how_it_is_used() -> None:
    command = [sys.executable, ROOT / "tools" / "release.py"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (2, "usage: python tools/release.py TAG, such as v1.2.3\n")


def test_every_upper_bound_has_its_reason_above_it() -> None:
    lines = text_of(ROOT / "pyproject.toml").partition("[project.scripts]")[0].splitlines()
    bounded = [number for number, line in enumerate(lines) if re.search(r"\"[\w.-]+>=[^\"]+,<", line)]
    assert bounded
    assert [lines[number] for number in bounded if not lines[number - 1].lstrip().startswith("#")] == []


@pytest.mark.parametrize("name", ["typer", "httpx", "pytest", "mypy", "ruff", "discord-py", "hatchling", "audioop-lts"])
def test_the_lock_file_pins_what_the_tests_run_with(name: str) -> None:
    lines = text_of(ROOT / "requirements-dev.lock").splitlines()
    assert [line for line in lines if re.match(rf"{name}==[\d.]+(?: ;|$)", line)] != []
    assert [line for line in lines if not re.match(r"#|[a-z0-9-]+==\S+(?: ; .+)?$", line.strip())] == []
