"""The manual page is in step with the commands, and can be read."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from docs_reading import commands, root, text_of
from man_page import EXIT_CODES, PAGE, escaped, man_page
from typer.core import TyperOption

from giftping import errors


def shown(page: Path) -> str:
    """A page as `man` shows it, on one line."""
    ran = subprocess.run(
        ["man", "--warnings", "-l", str(page)],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANWIDTH": "200", "MAN_KEEP_FORMATTING": ""},
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return " ".join(re.sub(".\b", "", ran.stdout).split())


def test_the_page_is_made_of_the_commands_that_there_are() -> None:
    assert text_of(PAGE) == man_page(root()), "docs/giftping.1 is not as it has to be any more: make man"


def test_every_command_with_every_option_is_on_the_page() -> None:
    parts = re.split(r"^\.S[SH] ", text_of(PAGE), flags=re.MULTILINE)
    (common,) = [part for part in parts if part.startswith("COMMON OPTIONS")]
    for name, command in commands():
        title = re.compile(rf"giftping {re.escape(escaped(name))}( |$)", re.MULTILINE)
        (part,) = [part for part in parts if title.match(part)]
        options = [option for each in command.params if isinstance(each, TyperOption) for option in each.opts]
        missing = [option for option in options if rf"\fB{escaped(option)}\fR" not in part + common]
        assert missing == [], name


def test_every_exit_code_is_on_the_page() -> None:
    constants = {value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert {code for code, _ in EXIT_CODES} == constants


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_man_shows_the_page_without_a_complaint() -> None:
    page = shown(PAGE)
    assert "giftping - announce gift codes" in page
    assert "giftping todo roster add USER" in page
    assert "--dry-run Show what would be posted; write and post nothing." in page


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("text", [r"a \ b", ".SH no heading", "'quoted' -- and so on", r"\fBnot bold\fR"])
def test_no_text_of_a_command_is_taken_for_a_request(text: str, tmp_path: Path) -> None:
    page = tmp_path / "page.1"
    page.write_text(f'.TH PAGE 1 "" "page"\n.SH NAME\npage \\- one\n.SH TEXT\n{escaped(text)}\n', "utf-8")
    assert f"TEXT {text}" in shown(page).replace("’", "'")
