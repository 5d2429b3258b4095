"""Writes docs/giftping.1, the manual page, from the commands that there are: make man."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer.main
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from giftping import cli, errors

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "giftping.1"
# These stand at every command, and are told once.
SHARED = ("--config", "--json", "--quiet", "--verbose")
EXIT_CODES = (
    (0, "All is well, whether there was anything to do or not."),
    (errors.EXIT_UNEXPECTED, "Something that nobody expected; -vv shows where."),
    (errors.EXIT_USAGE, "The command line is not right."),
    (errors.EXIT_TROUBLE, "Something failed or is uncertain; the rest was done."),
    (errors.EXIT_LOCKED, "Another run is at it."),
    (errors.EXIT_SETTINGS, "A setting is wrong; each mistake is named."),
)
FILES = (
    ("giftping.toml", "The settings: in the current folder, in ~/.config/giftping, or in /etc/giftping."),
    (".env", "Variables, one NAME=value a line; beside giftping.toml. Nobody else may read it."),
    ("~/.local/state/giftping", "The state folder: what went where. Keep it, and back it up."),
)
VARIABLES = (
    ("GIFTPING_CONFIG", "The settings file."),
    ("GIFTPING_STATE", "The state folder."),
    ("DISCORD_TOKEN", "The bot token. Also as DISCORD_TOKEN_FILE, or as a file of that name in CREDENTIALS_DIRECTORY."),
    ("MONGO_URI", "The MongoDB that several hosts share; likewise."),
)


def man_page(root: TyperGroup) -> str:
    """The manual page of a command line, as roff."""
    shared = {name: option for _, command in commands_of(root) for name, option in _shared(command).items()}
    return "".join(
        f"{line}\n"
        for line in (
            '.TH GIFTPING 1 "" "giftping" "User Commands"',
            ".SH NAME",
            r"giftping \- announce gift codes in Discord guilds, and remind members of their TODOs",
            ".SH SYNOPSIS",
            r".B giftping",
            r"[\fB\-\-version\fR] \fICOMMAND\fR [\fIOPTION\fR]...",
            ".SH DESCRIPTION",
            escaped(_sentence(root.help)),
            "It is started by cron or by a systemd timer, does one job, and ends.",
            ".SH COMMANDS",
            *(line for name, command in commands_of(root) for line in _command(name, command)),
            ".SH COMMON OPTIONS",
            *(line for name in SHARED if name in shared for line in _parameter(shared[name])),
            *(".TP", r"\fB\-h\fR, \fB\-\-help\fR", "Show what a command does and what it takes, and exit."),
            ".SH EXIT STATUS",
            *_entries((str(code), text) for code, text in EXIT_CODES),
            ".SH ENVIRONMENT",
            *_entries(VARIABLES),
            ".SH FILES",
            *_entries(FILES),
        )
    )


def commands_of(group: TyperGroup, above: str = "") -> Iterator[tuple[str, TyperCommand]]:
    """Each command below a group, with its whole name."""
    for name, command in group.commands.items():
        whole = f"{above} {name}".strip()
        if isinstance(command, TyperGroup):
            yield from commands_of(command, whole)
        elif isinstance(command, TyperCommand) and not command.hidden:
            yield whole, command


def escaped(text: str) -> str:
    """A text as roff shows it letter by letter, on one line."""
    line = " ".join(text.split()).replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{line}" if line.startswith((".", "'")) else line


def _command(name: str, command: TyperCommand) -> Iterator[str]:
    yield f".SS giftping {escaped(name)}{_synopsis(command)}"
    yield escaped(_sentence(command.help))
    for parameter in command.params:
        if not (isinstance(parameter, TyperOption) and set(SHARED) & set(parameter.opts)):
            yield from _parameter(parameter)


def _synopsis(command: TyperCommand) -> str:
    words = [_placeholder(each) for each in command.params if isinstance(each, TyperArgument)]
    return "".join(rf" \fI{escaped(word)}\fR" for word in words)


def _parameter(parameter: object) -> Iterator[str]:
    if isinstance(parameter, TyperArgument):
        yield from (".TP", rf"\fI{escaped(_placeholder(parameter))}\fR")
    elif isinstance(parameter, TyperOption):
        names = ", ".join(rf"\fB{escaped(name)}\fR" for name in (*parameter.opts, *parameter.secondary_opts))
        is_flag = parameter.is_flag or parameter.count
        yield from (".TP", names if is_flag else rf"{names} \fI{escaped(_placeholder(parameter))}\fR")
    else:
        return
    yield escaped(_sentence(parameter.help))


def _placeholder(parameter: TyperArgument | TyperOption) -> str:
    return parameter.metavar or (parameter.name or "").upper()


def _shared(command: TyperCommand) -> dict[str, TyperOption]:
    return {
        name: option
        for option in command.params
        if isinstance(option, TyperOption)
        for name in option.opts
        if name in SHARED
    }


def _entries(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in entries:
        yield from (".TP", rf"\fB{escaped(name)}\fR", escaped(text))


def _sentence(text: str | None) -> str:
    return re.sub(r"\s*\f.*", "", text or "", flags=re.DOTALL)


def main() -> None:
    """Write the page."""
    PAGE.write_text(man_page(typer.main.get_group(cli.app)), "utf-8")


if __name__ == "__main__":
    main()
