"""What a new user starts from: the giftping.toml and the .env of `giftping init`, crontab lines, and systemd units."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from giftping.settings.dotenv import parse_dotenv
from giftping.settings.file import SettingsError
from giftping.settings.keys import keys_of, sentences
from giftping.settings.model import tables

_WIDTH = 110

_HEAD = """\
# giftping reads this file, then GIFTPING_* and DISCORD_TOKEN from the environment or a .env file beside it.
# Every line that is commented out shows the default or an example: remove the "# " in front to change it.
# After a change: giftping config check
#
# Secrets do not belong into this file. Put DISCORD_TOKEN=... and MONGO_URI=... into
# {folder}/.env (chmod 600).
"""

_GAMES_AND_SOURCES = """\


# `giftping sources list` shows the built-in sources. A table with the name of one changes keys of it.
# [sources.{source}]
# min_interval = "1h"
# enabled = false

# A game and a source of your own. Try it: giftping sources test my-list
# [games.my-game]
# title = "My Game"
# redeem_url = "https://example.org/redeem?code={{code}}"

# [sources.my-list]
# kind = "json"
# game = "my-game"
# url = "https://example.org/codes.json"
# rows = {{ at = "codes[]", code = "code", rewards = "reward", expires = "expires_at" }}
"""


def starter_toml(*, folder: Path, state: Path, source: str) -> str:
    """The text of a giftping.toml in which everything is commented out and works when it is not.

    `folder` is where the file goes, `state` the default folder of the ledger, `source` the name of a built-in
    source for the example.
    """
    parts = [_HEAD.format(folder=_escaped(str(folder)))]
    for name, declared in tables().items():
        if name:
            parts.append(f"\n\n[{name}]\n{_comment(declared.__doc__ or '')}")
        said = sentences(declared)
        for key in keys_of(declared).values():
            if key.parse:
                default = str(state) if key.name == "state" else key.show(key.default)
                value = key.example if default in (None, "", []) else default
                parts.append(f"\n{_comment(said[key.field])}# {key.name} = {_toml(value)}\n")
    return "".join(parts) + _GAMES_AND_SOURCES.format(source=source)


def filled_in(starter: str, settings: Mapping[str, str]) -> str:
    """The starter with settings, by dotted key, in place of the examples for them.

    Raise ValueError for a key that the starter has no line for.
    """
    for name, value in settings.items():
        table, _, key = name.rpartition(".")
        head, found, rest = starter.partition(f"\n[{table}]\n")
        line = rf'^# {re.escape(key)} = ".*"$'
        written = f'{key} = "{_escaped(value)}"'
        filled, count = re.subn(line, written.replace("\\", r"\\"), rest, count=1, flags=re.MULTILINE)
        if not count:
            msg = f"the starter has no line for {name}"
            raise ValueError(msg)
        starter = head + found + filled
    return starter


def dotenv_with(text: str, values: Mapping[str, str], *, replaces: bool = False) -> str:
    """The text of a `.env` file with variables added to it; what it sets to the same value stays as it is.

    Raise KeyError with the name of a variable that it sets to something else, unless it `replaces` that, and
    SettingsError where the text is not that of a `.env` file.
    """
    variables, mistakes = parse_dotenv(text, ".env")
    if mistakes:
        raise SettingsError(mistakes)
    lines = re.split(r"\r\n|\n|\r", text)
    if lines[-1] == "":
        lines.pop()
    known = {variable.name: variable for variable in variables}
    added = []
    for name, value in values.items():
        line = f"{name}={_dotenv_value(value)}"
        if name not in known:
            added.append(line)
        elif known[name].value != value:
            if not replaces:
                raise KeyError(name)
            lines[known[name].line - 1] = line
    return "".join(f"{line}\n" for line in [*lines, *added])


def _dotenv_value(value: str) -> str:
    if re.fullmatch(r"[\w:/.@%+=&?,~-]+", value, re.ASCII):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
        lines.append("loginctl enable-linger")
    return lines


def _unit_word(path: Path) -> str:
    """A path as a word of a command in a unit file."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return text if re.fullmatch(r"[\w/.+:@%~-]+", text) else f'"{text}"'


def _comment(text: str) -> str:
    plain = re.sub(r"`([^` ]+)`", r"\1", " ".join(text.split()))  # The documentation's way to mark a word.
    lines = textwrap.wrap(plain, _WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    return "".join(f"# {line}\n" for line in lines)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return f'"{_escaped(value)}"'
    return str(value)


def _escaped(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in quoted)
