"""What a new user starts from: the giftping.toml and the .env of `giftping init`, crontab lines, and systemd units."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from giftping.settings.dotenv import parse_dotenv
from giftping.settings.file import SettingsError

_STARTER = """\
# giftping reads this file, then GIFTPING_* and DISCORD_TOKEN from the environment or a .env file beside it.
# Every line that is commented out shows the default or an example: remove the "# " in front to change it.
# After a change: giftping config check

# Where the ledger is kept: the record of what went to which guild. Back this folder up.
# state = "{state}"

# The zone that times are shown in; without it, the zone of this machine.
# time_zone = "Europe/Berlin"


[discord]
# Guilds with a webhook need nothing here. Guilds that are posted to by a bot need its token:
# put DISCORD_TOKEN=... into {folder}/.env (chmod 600), or name another place: env:NAME or file:PATH.
# token = "env:DISCORD_TOKEN"


[codes]
# What becomes of an announcement that Discord neither confirmed nor refused and that cannot be looked for:
# "ask" waits for `giftping codes settle`; "resend" takes a rare repeat for a short wait.
# unclear = "ask"

# How long one run waits for Discord's rate limits in total; what is left goes out in the next run.
# budget = "5m"

# How long a run may leave a code claimed before another host looks after it. Longer than the budget.
# lease = "10m"

# Codes that are only valid in these regions are not announced.
# skipped_regions = ["CN"]

# false: only the sources that have a table in this file are looked at.
# built_in_sources = true

# An address that the people who run the sources can write to; sent along when their pages are read.
# contact = "you@example.org"


[todo]
# The guild, the channel that reminders go to, the role that silent members lose, and who administers the
# TODOs. Copy the ids from Discord with developer mode on. GUILD_ID, TODO_CHANNEL_ID, ROLE_ID and OWNER_ID in
# the environment or the .env file go before them.
# guild = "123456789012345678"
# channel = "123456789012345679"
# role = "123456789012345680"
# owner = "123456789012345681"

# Members are reminded after so long without a TODO, and again every so often. The role goes in the end, but
# only so long after a warning that arrived.
# remind_after = "24h"
# remind_every = "3h"
# remove_after = "5d"
# warning = "12h"

# Nobody is reminded in these hours, by the clock of the member. Who has named no zone is in this one.
# quiet_hours = "23:00-07:00"
# time_zone = "Asia/Kolkata"

# Whether reminders also go out as direct messages, and with how many members a run may begin such a
# conversation: Discord minds many at once.
# direct_messages = true
# new_dms = 10

# Members who are never reminded and never lose the role.
# exempt = ["123456789012345682"]

# Who has this role may do with the bot what the owner may: hand in for others, and change the roster.
# staff_role = "123456789012345683"

# How long a run waits for members who are about to fall due, and the longest gap between two runs that still
# counts for the members: a longer one is downtime, and held against nobody.
# linger = "2m"
# downtime = "6h"

# As in [codes].
# budget = "5m"
# lease = "10m"


[mongo]
# For several hosts with one ledger: put MONGO_URI=mongodb://... into {folder}/.env (chmod 600), or name
# another place: env:NAME or file:PATH. The JSON file in the state folder is the mirror then.
# uri = "env:MONGO_URI"

# The database, where the URI names none. The older bots' name is the default.
# database = "discord_bot"

# While MongoDB is away: "continue" announces by what the mirror knows; "hold" waits, for several hosts.
# on_outage = "continue"

# How long a run waits for a server that can be written to.
# server_selection = "3s"


[heartbeat]
# A monitor that raises the alarm when a job fails or does not run, such as healthchecks.io: the address of
# each job's check, by env:NAME or file:PATH.
# codes = "env:HEARTBEAT_CODES"
# todo = "env:HEARTBEAT_TODO"

# true: the monitor is told when a run begins, too.
# start = false


[operator]
# A webhook of a channel of yours: it is told of broken destinations, failing sources and the like.
# webhook = "env:OPERATOR_WEBHOOK"


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
    return _STARTER.format(folder=_toml_text(str(folder)), state=_toml_text(str(state)), source=source)


def filled_in(starter: str, settings: Mapping[str, str]) -> str:
    """The starter with settings, by dotted key, in place of the examples for them.

    Raise ValueError for a key that the starter has no line for.
    """
    for name, value in settings.items():
        table, _, key = name.rpartition(".")
        head, found, rest = starter.partition(f"\n[{table}]\n")
        line = rf'^# {re.escape(key)} = ".*"$'
        written = f'{key} = "{_toml_text(value)}"'
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


def _toml_text(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return "".join(character if character.isprintable() else f"\\U{ord(character):08x}" for character in quoted)
