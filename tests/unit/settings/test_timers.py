from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from giftping.settings.timers import crontab_line


def test_a_crontab_line_names_the_command_in_full_and_is_silent() -> None:
    assert (
        crontab_line(Path("/opt/giftping/bin/giftping")) == "3-59/5 * * * * /opt/giftping/bin/giftping codes check -q"
    )


def test_a_crontab_line_survives_strange_paths() -> None:
    line = crontab_line(Path("/home/me/100% mine/giftping"), config=Path("/etc/my file.toml"), minutes=1)
    fields, command = line.rsplit("* ", 1)
    assert fields == "* * * * "
    assert not re.search(r"(?<!\\)%", command)
    assert shlex.split(command.replace(r"\%", "%")) == [
        "/home/me/100% mine/giftping",
        "codes",
        "check",
        "-q",
        "--config",
        "/etc/my file.toml",
    ]


@pytest.mark.parametrize("minutes", [0, 60])
def test_cron_counts_minutes_from_1_to_59(minutes: int) -> None:
    with pytest.raises(ValueError, match="minutes must be from 1 to 59"):
        crontab_line(Path("/giftping"), minutes=minutes)
