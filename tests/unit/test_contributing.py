"""CONTRIBUTING.md, the hooks and the workflow name what is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from docs_reading import ROOT, blocks, text_of

from giftping.codes.sources import kinds
from giftping.settings import sources

CONTRIBUTING = ROOT / "CONTRIBUTING.md"
HOOKS = text_of(ROOT / ".pre-commit-config.yaml")
WORKFLOW = text_of(ROOT / ".github" / "workflows" / "ci.yml")
TARGETS = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`((?:giftping|tests|docs|\.ci)/[\w/.]+|[\w-]+\.(?:toml|lock))`", text_of(CONTRIBUTING)))
    named |= set(re.findall(r"\]\(([^)#]+)\)", text_of(CONTRIBUTING)))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_name_of_the_code_that_the_page_names_is_there() -> None:
    assert "ShapeChangedError" in text_of(CONTRIBUTING)
    assert all(hasattr(kinds, name) for name in ("KINDS", "Parser", "ShapeChangedError"))
    assert all(hasattr(sources, name) for name in ("SOURCE_KINDS", "RowRule", "FieldRule"))


def test_every_target_that_is_to_be_made_is_in_the_makefile() -> None:
    lines = "".join(block.text for block in blocks(CONTRIBUTING))
    named = {word for line in re.findall(r"^\$ make ([a-z ]+)", lines, re.MULTILINE) for word in line.split()}
    named |= set(re.findall(r"`make ([a-z]+)`", text_of(CONTRIBUTING)))
    assert {"test", "lint", "man", "lock"} <= named
    assert named - TARGETS == set()


def test_the_hooks_run_tools_of_the_environment_and_fetch_nothing() -> None:
    assert re.findall(r"repo: (.+)", HOOKS) == ["local"]
    assert set(re.findall(r"language: (.+)", HOOKS)) == {"system"}
    commands = re.findall(r"entry: \.venv/bin/(\S+)", HOOKS)
    assert len(commands) == HOOKS.count("entry:")
    assert [name for name in commands if not Path(sys.executable).with_name(name).exists()] == []


def test_the_workflow_runs_what_has_to_pass_and_may_do_nothing_else() -> None:
    assert re.search(r"^permissions: \{\}$", WORKFLOW, re.MULTILINE)
    assert re.findall(r"permissions:\n +(.+)", WORKFLOW) == ["contents: read"]
    assert re.findall(r"run: (.+)", WORKFLOW) == ["bash .ci/run"]
    assert re.search(r'cron: "\d+ \d+ \* \* 1"', WORKFLOW)
    assert re.search(r"^  push:$", WORKFLOW, re.MULTILINE)
    used = re.findall(r"uses: (.+)", WORKFLOW)
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action)] == []


def test_the_workflow_tries_every_python_that_giftping_says_it_runs_on() -> None:
    classifiers = re.findall(r"Python :: (3\.\d+)\"", text_of(ROOT / "pyproject.toml"))
    (matrix,) = re.findall(r"python: \[(.+)\]", WORKFLOW)
    assert re.findall(r"3\.\d+", matrix) == classifiers


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
