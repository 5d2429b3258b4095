"""The documentation as tests read it: its files, sections, fenced blocks, tables, commands; and how to run those."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import typer.main
from typer.core import TyperCommand, TyperGroup

from giftping import cli

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
JSON_PAGE, SETTINGS_PAGE, SOURCES_PAGE = DOCS / "json.md", DOCS / "settings.md", DOCS / "sources.md"
PAGES = (README, *sorted(DOCS.glob("*.md")))


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, the file name behind that, its text, and the heading it stands under."""

    page: Path
    section: str
    language: str
    name: str
    text: str


@dataclass(frozen=True)
class Ran:
    """One run of a command: what it wrote and how it ended."""

    exit_code: int
    output: str
    errors: str

    @property
    def shown(self) -> str:
        """Both streams as a page shows them: standard output first, no blanks at the ends of lines."""
        return bare(self.output + self.errors)

    @property
    def json(self) -> Any:
        return json.loads(self.output)


def text_of(page: Path) -> str:
    return page.read_text("utf-8")


def prose(text: str) -> str:
    """Return a text without its blocks."""
    return _BLOCK.sub("", text)


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", prose(text_of(page)), re.MULTILINE)


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def section(page: Path, title: str) -> str:
    """Return the text under a heading, as far as the next one."""
    whole = rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)"
    found = re.search(whole, _BLOCK.sub(_indented, text_of(page)), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no section {title!r}"
    return found[1]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    heading = ""
    pattern = r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$"
    for found in re.finditer(pattern, text_of(page), re.MULTILINE | re.DOTALL):
        if found["heading"]:
            heading = found["heading"]
        else:
            yield Block(page, heading, found["language"], found["name"] or "", found["text"])


def table(text: str) -> list[list[str]]:
    """Return the cells of the first table in a text, without its head; backquotes around a whole cell go."""
    lines = re.search(r"^\|.*\n\| ?-.*\n((?:\|.*\n?)+)", text, re.MULTILINE)
    assert lines, "there is no table"
    rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in lines[1].splitlines()]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell.strip()).replace(r"\|", "|") for cell in row] for row in rows]


def transcript(block: Block) -> list[tuple[list[str], str]]:
    """Return the commands of a console block, as words, each with the output shown under it."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return [(shlex.split(line, comments=True), bare(shown)) for line, shown in pairs]


def bare(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def run(arguments: list[str], folder: Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Run giftping in this process, in a folder and with an environment of its own, 80 columns wide."""
    output, errors = io.StringIO(), io.StringIO()
    variables = {"HOME": str(folder), "PATH": os.environ["PATH"], "COLUMNS": "80", "LANG": "C.UTF-8"}
    variables |= environment or {}
    with (
        contextlib.chdir(folder),
        patch.dict(os.environ, variables, clear=True),
        patch.object(sys, "argv", ["giftping", *arguments]),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
    ):
        try:
            cli.main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    return Ran(code, output.getvalue(), errors.getvalue())


def commands(group: TyperGroup | None = None, names: tuple[str, ...] = ()) -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command of the command line with its whole name."""
    for name, command in (group or root()).commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, (*names, name))
        elif isinstance(command, TyperCommand):
            yield " ".join((*names, name)), command


def root() -> TyperGroup:
    command = typer.main.get_command(cli.app)
    assert isinstance(command, TyperGroup)
    return command


_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _indented(block: re.Match[str]) -> str:
    """Return a block in which no comment looks like a heading."""
    return re.sub("^#", " #", block[0], flags=re.MULTILINE)
