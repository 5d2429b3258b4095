"""The systemd units as tests read them: their settings, and the command that each one runs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

SYSTEM = Path(__file__).parents[2] / "systemd"
USER = SYSTEM / "user"
COMMAND = "/opt/giftping/bin/giftping"
COMMANDS = (COMMAND, "%h/.local/bin/giftping")


def settings_of(unit: Path) -> dict[str, dict[str, list[str]]]:
    """Return the values of each key of each section; a line that ends with a backslash goes on in the next one."""
    sections: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in re.sub(r"\\\n\s*", " ", unit.read_text("utf-8")).splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(found[1], {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return sections


def arguments_of(unit: Path) -> list[str]:
    """Return what a service starts giftping with."""
    (line,) = settings_of(unit)["Service"]["ExecStart"]
    command, *arguments = shlex.split(line)
    assert command in COMMANDS, command
    assert "%" not in "".join(arguments)
    return arguments
