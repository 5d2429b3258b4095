"""What all groups of the command line share: options, ids, and how a command begins and ends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from giftping.commands.session import Session

HELP = {"help_option_names": ["-h", "--help"]}

Json = Annotated[bool, typer.Option("--json", help="Write one JSON object on standard output, nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but trouble.")]
Verbose = Annotated[
    int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more; twice: tracebacks as well.")
]
Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings file, instead of the usual places.")
]
LogJson = Annotated[bool, typer.Option("--log-json", help="Write each line on standard error as one JSON object.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]


def new_group(text: str) -> typer.Typer:
    """A group of commands; `text` is its help."""
    return typer.Typer(help=text, no_args_is_help=True, context_settings=HELP)


def snowflake(text: str) -> int:
    """A Discord id from the command line."""
    from giftping.commands.guilds import parse_snowflake

    try:
        return parse_snowflake(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


snowflake.__name__ = "id"


class Running:
    """The command that runs, as far as the handlers of `giftping.cli.main` need to know of it."""

    verbose = 0
    session: Session | None = None


def session_of(
    config: Path | None, json: Json, quiet: Quiet, verbose: Verbose, *, log_json: bool = False, job: str = ""
) -> Session:
    """The session of this invocation; `job` is what it is called in logs."""
    from giftping.commands.session import Session

    Running.verbose = verbose
    Running.session = Session(config, json, quiet, verbose, log_json, job, confirm=_confirm)
    return Running.session


def end(code: int) -> None:
    """End the command with an exit code."""
    raise typer.Exit(code)


def _confirm(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question)
