"""What starts giftping: the lines of a crontab, and those that install the systemd units."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

CHECK = ("codes", "check")
SWEEP = ("todo", "sweep")
SWEEP_MINUTES = 15


def crontab_line(command: Path, *, config: Path | None = None, minutes: int = 5, job: tuple[str, ...] = CHECK) -> str:
    """A crontab line that does a job every so many minutes (1 to 59) and is silent when all is well.

    Not on the full hour, when everybody else asks. `command` is the absolute path of giftping, as cron's PATH
    is short. Raise ValueError for other minutes.
    """
    if not 1 <= minutes <= 59:
        raise ValueError(f"minutes must be from 1 to 59, not {minutes}")
    words = [str(command), *job, "-q", *(["--config", str(config)] if config else [])]
    # In a crontab, % ends the command unless a backslash stands before it, even inside quotes.
    escaped = shlex.join(words).replace("%", r"\%")
    times = "*" if minutes == 1 else f"{minutes // 2 + 1}-59/{minutes}"
    return f"{times} * * * * {escaped}"


def unit_lines(units: Path, command: Path, jobs: Sequence[str], *, config: Path | None, is_root: bool) -> list[str]:
    """The shell lines that install the units of some jobs, such as `codes`, and start their timers.

    `units` is where the unit files are, `command` the absolute path of giftping, which takes the place of the one in
    the files; `config` is named to it where it would not find that by itself.
    """
    to = "/etc/systemd/system" if is_root else "~/.config/systemd/user"
    systemctl = "systemctl" if is_root else "systemctl --user"
    named = f" --config {_unit_word(config)}" if config else ""
    # What sed takes for its own in the new text: `|` ends it here, `&` stands for what was found.
    before, after = (re.sub(r"([|&\\])", r"\\\1", part) for part in (f"ExecStart={_unit_word(command)}", named))
    edit = shlex.quote(rf"s|^ExecStart=[^ ]*\(.*\)|{before}\1{after}|")
    files = [f"giftping-{job}.timer" for job in jobs]
    lines = [] if is_root else [f"mkdir -p {to}"]
    for job in jobs:
        service = f"giftping-{job}.service"
        lines.append(f"sed {edit} {shlex.quote(str(units / service))} > {to}/{service}")
    copied = " ".join(shlex.quote(str(units / name)) for name in [*files, "giftping-failure@.service"])
    lines.append(f"cp {copied} {to}/")
    lines.append(f"{systemctl} daemon-reload && {systemctl} enable --now {' '.join(files)}")
    if not is_root:
        # Without it a user's timers end with the user's last session (loginctl(1)).
        lines.append("loginctl enable-linger")
    return lines


def _unit_word(path: Path) -> str:
    """A path as a word of a command in a unit file."""
    # In a unit file `%` begins a specifier (systemd.unit(5)), and a backslash an escape (systemd.syntax(7)).
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return text if re.fullmatch(r"[\w/.+:@%~-]+", text) else f'"{text}"'
