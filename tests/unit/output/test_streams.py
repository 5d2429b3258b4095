"""No text, no encoding, no reader that has gone and no disk that is full ends a command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.output import streams
from giftping.store.documents import ACTIVE_MEMBERS
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

NAMES = {"1": "Zoë – “the” first…", "2": "読書 🌸", "3": "half a \ud83c character", "4": "Grüße → ×"}
LIST = ("todo", "roster", "list")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A machine with some members on its roster."""
    with Store(TinyEngine(tmp_path / "state")) as store:
        listed = [{"_id": id_, "name": name, "added": 1_780_000_000} for id_, name in NAMES.items()]
        store.insert_documents(ACTIVE_MEMBERS, listed)
    (tmp_path / "giftping.toml").write_text("", "utf-8")
    return tmp_path


ROOT = str(Path(streams.__file__).parents[2])


def started(*arguments: str, prelude: str = "") -> list[str]:
    """The words that start a command, after a prelude that is run when its modules are loaded."""
    code = f"import sys; sys.path.insert(0, {ROOT!r}); from giftping.cli import main; {prelude}\nmain()"
    return [sys.executable, "-c", code, *arguments]


def giftping(home: Path, *arguments: str, shell: str = "", prelude: str = "", **more: str) -> tuple[int, bytes, str]:
    """How a command ends that is started with next to no environment, and what it writes."""
    environment = {"GIFTPING_STATE": str(home / "state"), "COLUMNS": "80", **more}
    words = started(*arguments, prelude=prelude)
    if shell:
        words = ["sh", "-c", f'"$@" {shell}', "sh", *words]
    ran = subprocess.run(words, cwd=home, env=environment, capture_output=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr.decode()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-16"])
def test_what_an_encoding_does_not_have_is_replaced(home: Path, encoding: str) -> None:
    code, out, errors = giftping(home, *LIST, PYTHONIOENCODING=encoding)
    shown = out.decode(encoding)
    assert (code, errors, shown.count("Zo")) == (0, "", 1)
    if encoding == "ascii":
        assert 'Zo? - "the" first...' in shown
        assert "Gr??e -> x" in shown


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"TERM": "dumb"},
        {"NO_COLOR": "1"},
    ],
    ids=str,
)
def test_without_home_locale_and_terminal_it_is_the_same_list(home: Path, environment: dict[str, str]) -> None:
    code, out, errors = giftping(home, *LIST, **environment)
    assert (code, errors, b"4 members" in out, b"\x1b" in out) == (0, "", True, False)


def test_json_says_all_in_any_encoding(home: Path) -> None:
    code, out, _ = giftping(home, *LIST, "--json", PYTHONIOENCODING="ascii")
    told = {one["user_id"]: one["name"] for one in json.loads(out)["members"]}
    assert (code, told) == (0, NAMES)


def test_half_a_character_is_no_reason_to_end(home: Path) -> None:
    code, out, errors = giftping(home, *LIST)
    assert (code, errors) == (0, "")
    assert "half a" in out.decode()


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_closed_stream_changes_nothing_of_how_a_command_ends(home: Path, closed: str) -> None:
    assert giftping(home, *LIST, shell=closed) == (0, b"", "")
    assert giftping(home, "codes", "list", "--game", "none", shell=closed)[0] == 2


def test_no_file_gets_the_number_of_a_closed_stream(home: Path) -> None:
    where = home / "where"
    prelude = (
        f"import atexit, os; atexit.register(lambda: open({str(where)!r}, 'w').write(os.readlink('/proc/self/fd/1')))"
    )
    assert giftping(home, *LIST, shell=">&-", prelude=prelude)[0] == 0
    assert where.read_text("utf-8") == os.devnull


def test_whoever_stops_reading_does_not_end_the_job(home: Path) -> None:
    for_nobody, out = os.pipe()
    os.close(for_nobody)
    environment = {"GIFTPING_STATE": str(home / "state")}
    with os.fdopen(out, "wb") as stdout:
        ran = subprocess.run(
            started(*LIST), cwd=home, env=environment, stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("arguments", [(*LIST, "--json"), ("--help",)], ids=" ".join)
def test_a_full_disk_is_told_in_one_line(home: Path, arguments: tuple[str, ...]) -> None:
    code, _, errors = giftping(home, *arguments, shell=">/dev/full")
    assert code == 69
    assert errors == "giftping: standard output cannot be written (No space left on device); the rest was done\n"


@pytest.mark.parametrize(
    "prelude",
    ["sys.platform = 'win32'", "sys.modules['fcntl'] = None"],
    ids=["by its name", "by what it lacks"],
)
def test_on_windows_one_line_says_that_it_does_not_run_there(home: Path, prelude: str) -> None:
    code, out, errors = giftping(home, *LIST, prelude=prelude)
    assert (code, out) == (78, b"")
    assert re.fullmatch("giftping: [^\n]*Windows[^\n]*\n", errors)


@given(st.text(), st.sampled_from(["ascii", "latin-1", "cp1252", "shift_jis", "koi8-r", "utf-8"]))
def test_any_text_can_be_written_in_any_encoding(text: str, encoding: str) -> None:
    assert isinstance(text.encode(encoding, _replaced()), bytes)


def _replaced() -> str:
    import codecs

    codecs.register_error("tests.replaced", streams.replaced)
    return "tests.replaced"
