"""A terminal is written sentences that break between words; whoever reads by lines has one for each message."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_streams import started

from giftping.output.render import drawn, table
from giftping.output.wrapping import _width, wrapped

WORDS = st.lists(st.text("abc.読書é\u0301", max_size=12), min_size=1, max_size=20)


@given(WORDS, st.integers(1, 60), st.integers(0, 6))
def test_no_word_is_broken_or_lost_and_what_can_fit_does(words: list[str], columns: int, depth: int) -> None:
    line = " " * depth + " ".join(words)
    parts = wrapped(line, columns)
    assert " ".join(parts).split() == line.split()
    for part in parts:
        assert _width(part) <= columns or len(part.split()) <= 1


GROUPS = ("doctor", "codes settle", "guilds add", "sources test", "store forget")
ARGUMENTS = st.sampled_from(
    ("123456789012345678", "ID", "…", "--sent", "--all --since 3d", "--game whiteout-survival", "--channel ID", "'a b'")
)
COMMANDS = st.one_of(
    st.builds(
        lambda group, given: " ".join(("giftping", group, *given)),
        st.sampled_from(GROUPS),
        st.lists(ARGUMENTS, max_size=4),
    ),
    st.sampled_from(("sudo chown -R me: '/srv/a b'", "chmod o-w /srv/state")).map("run: {}".format),
    st.sampled_from(("giftping codes approve 'A B' --game afk", "giftping codes held")).map("`{}`".format),
)
PROSE = st.sampled_from(("then:", "look into it;", "it is uncertain (and waits),", "読書 is; or:"))


@given(st.lists(st.tuples(PROSE, COMMANDS), min_size=1, max_size=3), st.integers(4, 90), st.integers(0, 4))
def test_a_command_can_be_copied_whole_from_a_terminal_of_any_width(
    said: list[tuple[str, str]], columns: int, depth: int
) -> None:
    line = " " * depth + "; ".join(f"{prose} {command}" for prose, command in said)
    in_table = drawn(table("a title", ["Check", "What"], [["a", line.strip()]])).splitlines()
    for parts in (wrapped(line, columns), in_table):
        assert " ".join(" ".join(parts).split()).endswith(" ".join(line.split()))
        for _, command in said:
            assert any(command.removeprefix("run: ") in part for part in parts)


def test_a_table_breaks_no_command_where_there_is_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "giftping guilds add 123456789012345678 --game whiteout-survival --channel ID"
    for columns in (20, 40, 60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        shown = drawn(table("a title", ["Check", "What"], [["a", f"{'word ' * 9}: {command}"], ["b", "word " * 30]]))
        assert command in shown
        assert [one for one in shown.splitlines() if len(one) > columns and one.strip() != command] == []


def test_a_table_with_a_long_title_and_little_in_it_fits_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = drawn(table(f"source {'word ' * 12}", ["Code"], [["a"]]))
    assert max(map(len, shown.splitlines())) <= 40
    assert shown.splitlines()[-1].strip() == "a"


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
