"""A terminal is written sentences that break between words; whoever reads by lines has one for each message."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_streams import started

from giftping.output.wrapping import _width, wrapped

WORDS = st.lists(st.text("abc.読書é\u0301", max_size=12), min_size=1, max_size=20)


@given(WORDS, st.integers(1, 60), st.integers(0, 6))
def test_no_word_is_broken_or_lost_and_what_can_fit_does(words: list[str], columns: int, depth: int) -> None:
    line = " " * depth + " ".join(words)
    parts = wrapped(line, columns)
    assert " ".join(parts).split() == line.split()
    for part in parts:
        assert _width(part) <= columns or len(part.split()) <= 1


def seen(home: Path, columns: int, *arguments: str) -> str:
    """What a terminal of so many columns is written by a command."""
    ours, theirs = pty.openpty()
    child = os.fork()
    if child == 0:
        os.setsid()
        for number in range(3):
            os.dup2(theirs, number)
        os.chdir(home)
        environment = {"PATH": "/usr/bin:/bin", "COLUMNS": str(columns), "TERM": "xterm", "GIFTPING_STATE": "state"}
        words = started(*arguments)
        os.execve(words[0], words, environment)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        said += part
    os.close(ours)
    os.waitpid(child, 0)
    return said.decode().replace("\r", "")


@pytest.mark.parametrize("columns", [40, 79, 200])
def test_what_a_command_says_fits_a_terminal_of_any_width(tmp_path: Path, columns: int) -> None:
    (tmp_path / "giftping.toml").write_text("", "utf-8")
    said = seen(tmp_path, columns, "guilds", "add", "123", "--webhook", "env:HOOK", "--no-check")
    assert max(map(len, said.splitlines())) <= columns
    assert "Guild 123 added: whiteout-survival by webhook env:HOOK." in " ".join(said.split())
    assert "HOOK is not set" in " ".join(said.split())
