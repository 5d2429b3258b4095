"""The `giftping todo` commands: arguments in, exit code out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from giftping.cli_options import Config, Json, LogJson, Quiet, Verbose, Yes, end, new_group, session_of, snowflake

todo_app = new_group("Daily TODOs: remind members, and see who has handed in.")
roster_app = new_group("The roster: the members who take part.")
todo_app.add_typer(roster_app, name="roster")

User = Annotated[int, typer.Argument(parser=snowflake, metavar="USER", help="The member's numeric id.")]
OneUser = Annotated[
    int | None, typer.Argument(parser=snowflake, metavar="[USER]", help="The member's numeric id.", show_default=False)
]


@todo_app.command("sweep")
def todo_sweep(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show who would be told what; write, post and ping nothing.")
    ] = False,
    log_json: LogJson = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Remind whoever is due, and take the role from those who stayed silent. This is the line for cron."""
    from giftping.commands.sweep import sweep

    end(sweep(session_of(config, json, quiet, verbose, log_json=log_json, job="todo sweep"), dry_run=dry_run))


@todo_app.command("submit")
def todo_submit(
    user: OneUser = None,
    for_user: Annotated[
        int | None, typer.Option("--for", parser=snowflake, metavar="USER", help="Whose it is, where --by hands it in.")
    ] = None,
    by: Annotated[
        int | None, typer.Option("--by", parser=snowflake, metavar="OWNER", help="The owner, who hands it in for them.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="The name above it.")] = None,
    date: Annotated[
        str | None, typer.Option("--date", metavar="DD/MM/YYYY", help="The day it is for; without it, today.")
    ] = None,
    must_do: Annotated[str | None, typer.Option("--must-do", metavar="TEXT", help="What has to be done.")] = None,
    can_do: Annotated[str | None, typer.Option("--can-do", metavar="TEXT", help="What may be done.")] = None,
    dont_do: Annotated[str | None, typer.Option("--dont-do", metavar="TEXT", help="What is not to be done.")] = None,
    attach: Annotated[Path | None, typer.Option("--attach", metavar="PATH", help="A file to post along.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="PATH", help="Read it as JSON from this file; - is standard input."),
    ] = None,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Hand in a TODO: it is checked, saved, then posted."""
    from giftping.commands.submit import Given, submit

    given = Given(user, for_user, by, name, date, must_do, can_do, dont_do, attach, file)
    end(submit(session_of(config, json, quiet, verbose), given))


@todo_app.command("status")
def todo_status(
    user: OneUser = None, config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0
) -> None:
    """Say how a member stands, or everybody: the last TODO, what comes next, and why."""
    from giftping.commands.todo import status

    end(status(session_of(config, json, quiet, verbose), user))


@todo_app.command("list")
def todo_list(config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0) -> None:
    """List who has handed in today and who has not, each by their own day."""
    from giftping.commands.todo import list_today

    end(list_today(session_of(config, json, quiet, verbose)))


@todo_app.command("delete")
def todo_delete(
    user: User, config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0
) -> None:
    """Delete the text of a member's TODO; the clock goes on."""
    from giftping.commands.todo import delete

    end(delete(session_of(config, json, quiet, verbose), user))


@todo_app.command("history")
def todo_history(
    user: User,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The latest so many.")] = 30,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Show what happened to a member, the newest last."""
    from giftping.commands.todo import history

    end(history(session_of(config, json, quiet, verbose), user, limit))


@todo_app.command("pause")
def todo_pause(
    user: User,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="Its first day, by the member's clock; without it, now."),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Its last day; without it, until it is ended.")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False)] = "",
    over: Annotated[bool, typer.Option("--end", help="End the present pause now, and drop later ones.")] = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Let all clocks of a member stand still for some days."""
    from giftping.commands.pause import PauseRequest, pause

    request = PauseRequest(user, start, last, reason, over)
    end(pause(session_of(config, json, quiet, verbose), request))


@roster_app.command("add")
def roster_add(
    user: User,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What to call them.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", metavar="ZONE", help="Their zone, such as Europe/Berlin.")
    ] = None,
    exempt: Annotated[
        bool | None, typer.Option("--exempt/--no-exempt", help="Whether they are left alone.", show_default=False)
    ] = None,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Add a member to the roster, or change what it says of one."""
    from giftping.commands.roster import RosterRequest, add

    request = RosterRequest(user, name, time_zone, exempt)
    end(add(session_of(config, json, quiet, verbose), request))


@roster_app.command("remove")
def roster_remove(
    user: User,
    yes: Yes = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Take a member off the roster; what they handed in stays."""
    from giftping.commands.roster import remove

    end(remove(session_of(config, json, quiet, verbose), user, yes=yes))


@roster_app.command("list")
def roster_list(config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0) -> None:
    """List the members who take part."""
    from giftping.commands.roster import list_roster

    end(list_roster(session_of(config, json, quiet, verbose)))
