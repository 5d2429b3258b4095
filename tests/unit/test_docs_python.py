"""The page on the ledger's Python face: its program is run, its tables are those of the code."""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
from pathlib import Path
from typing import get_args

import pytest
from docs_reading import DOCS, Block, bare, blocks, section, table, text_of

from giftping.store.base import EntrySource
from giftping.store.ledger import Ledger, LedgerStats
from giftping.store.statistics import STATES

PAGE = DOCS / "python.md"
PROGRAMS = [block for block in blocks(PAGE) if block.language == "python"]
OUTPUTS = [block for block in blocks(PAGE) if block.language == "text"]


@pytest.mark.parametrize(("program", "output"), list(zip(PROGRAMS, OUTPUTS, strict=True)))
@pytest.mark.usefixtures("bare_machine")
def test_the_program_prints_what_the_page_shows(
    program: Block, output: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith(("MONGO", "GIFTPING", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program.text, PAGE.name, "exec"), {})
    assert bare(printed.getvalue()) == bare(output.text)
    assert (tmp_path / ".local" / "state" / "giftping" / "giftping.json").is_file()


def test_there_is_a_program_to_run() -> None:
    assert PROGRAMS


def test_the_table_of_calls_is_what_a_ledger_can_be_asked() -> None:
    shown = {row[0] for row in table(section(PAGE, "The calls"))}
    assert {re.sub(r"\(.*", "", call) for call in shown} == {
        name for name, member in inspect.getmembers(Ledger, inspect.isfunction) if name[0] != "_" and name != "close"
    }
    for call in shown:
        name, parameters = call.rstrip(")").split("(")
        signature = inspect.signature(getattr(Ledger, name))
        known = [
            parameter.name if parameter.default is parameter.empty else f'{parameter.name}="{parameter.default}"'
            for parameter in signature.parameters.values()
            if parameter.name not in ("self", "game")
        ]
        assert parameters.split(", ") == known


def test_every_state_and_every_source_is_described() -> None:
    assert {row[0] for row in table(section(PAGE, "What counts as sent"))} == set(STATES)
    (named,) = re.findall(r"`source` is one of ([^.]*)\.", text_of(PAGE))
    assert tuple(re.findall("`(.*?)`", named)) == get_args(EntrySource)


def test_every_number_is_described() -> None:
    assert [row[0] for row in table(section(PAGE, "Numbers"))] == list(LedgerStats.__annotations__)
