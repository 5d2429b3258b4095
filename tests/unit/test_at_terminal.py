"""What a person at a terminal is told that cron is not."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import PropertyMock, patch

import pytest
from docs_reading import run

from giftping.commands.session import Session

SETTINGS = """
[codes]
built_in_sources = false
[sources.gone]
kind = "json"
game = "whiteout-survival"
url = "http://127.0.0.1:1/codes"
min_interval = "0s"
rows = { at = "codes", code = "code" }
"""


@pytest.fixture
def failing(tmp_path: Path) -> Path:
    """A folder in which a source has failed, and cron has told so."""
    (tmp_path / "giftping.toml").write_text(SETTINGS, "utf-8")
    run(["guilds", "add", "1", "--channel", "2"], tmp_path)
    assert "source gone: " in run(["codes", "check"], tmp_path).errors
    return tmp_path


def test_trouble_that_cron_has_told_is_told_again_at_a_terminal(failing: Path) -> None:
    assert (run(["codes", "check"], failing).errors, run(["codes", "check"], failing).exit_code) == ("", 69)
    with patch.object(Session, "at_terminal", PropertyMock(return_value=True)):
        assert run(["codes", "check"], failing).errors.startswith("source gone: ")


def test_at_a_terminal_too_quiet_is_quiet_about_what_was_told(failing: Path) -> None:
    with patch.object(Session, "at_terminal", PropertyMock(return_value=True)):
        assert run(["codes", "check", "-q"], failing).errors == ""
