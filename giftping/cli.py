"""The Typer app: arguments in, exit code out. Only this file and those beside it named cli_… import typer."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from giftping import __version__
from giftping.cli_options import (
    HELP,
    Config,
    Json,
    LogJson,
    Quiet,
    Running,
    Verbose,
    Yes,
    end,
    new_group,
    session_of,
    snowflake,
)
from giftping.cli_todo import todo_app
from giftping.errors import EXIT_UNEXPECTED, GiftpingError

app = typer.Typer(
    name="giftping",
    help="Announces gift codes in Discord guilds, and reminds members of their daily TODOs: never twice, never lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
    epilog="Exit codes: 0 fine · 2 usage · 69 something failed or is uncertain · 75 another run is at it · 78 settings",
)


def _group(name: str, text: str) -> typer.Typer:
    group = new_group(text)
    app.add_typer(group, name=name)
    return group


codes_app = _group("codes", "Gift codes: look for new ones, and look into what went where.")
guilds_app = _group("guilds", "Guilds: where announcements go.")
sources_app = _group("sources", "Sources: the places that list codes.")
config_app = _group("config", "Settings: check and show them.")
app.add_typer(todo_app, name="todo")

OneGame = Annotated[str | None, typer.Option("--game", metavar="GAME", help="Only this game.")]
GuildId = Annotated[int, typer.Argument(parser=snowflake, metavar="GUILD", help="The guild's numeric id.")]
OneGuild = Annotated[
    int | None, typer.Option("--guild", parser=snowflake, metavar="ID", help="Only this guild, by its id.")
]
TheGuild = Annotated[int, typer.Option("--guild", parser=snowflake, metavar="ID", help="The guild, by its id.")]


def _version(value: bool) -> None:  # noqa: FBT001 typer calls it with the option's value
    if value:
        typer.echo(f"giftping {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Announces gift codes in Discord guilds, and reminds members of their daily TODOs: never twice, never lost."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where giftping.toml goes.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    guild: Annotated[
        int | None, typer.Option("--guild", parser=snowflake, metavar="ID", help="Your guild, by its id.")
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", help="Codes go out by webhook: env:NAME, file:PATH, or the URL."),
    ] = None,
    channel: Annotated[
        int | None, typer.Option("--channel", parser=snowflake, metavar="ID", help="Codes go into this channel.")
    ] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="TOKEN", help="The bot's token: env:NAME, file:PATH, or itself.")
    ] = None,
    todo_channel: Annotated[
        int | None, typer.Option("--todo-channel", parser=snowflake, metavar="ID", help="TODO reminders go there.")
    ] = None,
    todo_role: Annotated[
        int | None, typer.Option("--todo-role", parser=snowflake, metavar="ID", help="The role silent members lose.")
    ] = None,
    owner: Annotated[
        int | None, typer.Option("--owner", parser=snowflake, metavar="ID", help="Who administers the TODOs.")
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Write a commented giftping.toml, and show the crontab line. At a terminal, without options, it asks first."""
    from giftping.commands import init as command

    request = command.InitRequest(guild, webhook, channel, token, todo_channel, todo_role, owner)
    ask = _ask if sys.stdin.isatty() and sys.stdout.isatty() and not (json or quiet) else None
    end(command.init(session_of(None, json, quiet, verbose), folder, request, force=force, ask=ask))


def _ask(question: str, hidden: bool) -> str:  # noqa: FBT001 as the one who asks calls it
    return str(typer.prompt(question, default="", show_default=False, hide_input=hidden))


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with the ledger, and say where it is.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Show everything once, offline: sample sources and a stand-in Discord on this machine."""
    from giftping.demo.show import show

    end(show(session_of(None, json, quiet, verbose), keep=keep))


@app.command()
def doctor(
    live: Annotated[
        bool, typer.Option("--live", help="Ask every source now, and about every guild however many there are.")
    ] = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Look at everything that giftping needs, and say what to do where it is not right. Posts and writes nothing."""
    from giftping.commands.doctor import doctor as command

    end(command(session_of(config, json, quiet, verbose), live=live))


@config_app.command("check")
def config_check(config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0) -> None:
    """Check the settings; every mistake is named at once."""
    from giftping.commands import setup

    end(setup.check_config(session_of(config, json, quiet, verbose)))


@config_app.command("show")
def config_show(config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0) -> None:
    """Show every setting that counts and where it comes from; secrets are masked."""
    from giftping.commands import setup

    end(setup.show_config(session_of(config, json, quiet, verbose)))


@guilds_app.command("add")
def guilds_add(
    guild: GuildId,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", help="Post by webhook: env:NAME, file:PATH, or the URL itself."),
    ] = None,
    channel: Annotated[
        int | None,
        typer.Option("--channel", parser=snowflake, metavar="ID", help="Post into this channel with the bot token."),
    ] = None,
    game: Annotated[
        list[str] | None,
        typer.Option(
            "--game", metavar="GAME", help="A game to follow; may be repeated. Without one: whiteout-survival."
        ),
    ] = None,
    mention: Annotated[
        int | None,
        typer.Option("--mention", parser=snowflake, metavar="ROLE", help="The role to mention, by its id."),
    ] = None,
    no_mention: Annotated[bool, typer.Option("--no-mention", help="Mention no role any more.")] = False,
    announce_current: Annotated[
        bool,
        typer.Option("--announce-current", help="Announce the codes that are valid now, too."),
    ] = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Add a guild, or change the settings of a known one."""
    from giftping.commands import guilds

    request = guilds.GuildRequest(guild, webhook, channel, tuple(game or ()), mention, announce_current, no_mention)
    end(guilds.add(session_of(config, json, quiet, verbose), request))


@guilds_app.command("list")
def guilds_list(config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0) -> None:
    """List the guilds and how their destinations stand."""
    from giftping.commands import guilds

    end(guilds.list_guilds(session_of(config, json, quiet, verbose)))


@guilds_app.command("remove")
def guilds_remove(
    guild: GuildId,
    yes: Yes = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Stop announcing in a guild; what it was sent stays in the ledger."""
    from giftping.commands import guilds

    end(guilds.remove(session_of(config, json, quiet, verbose), guild, yes=yes))


@guilds_app.command("test")
def guilds_test(
    guild: GuildId,
    post: Annotated[bool, typer.Option("--post/--no-post", help="Post a test message, or only look.")] = True,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Post a test message to a guild's destination."""
    from giftping.commands import guilds

    end(guilds.test(session_of(config, json, quiet, verbose), guild, post=post))


@sources_app.command("list")
def sources_list(
    game: OneGame = None, config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0
) -> None:
    """List the sources and how they stand."""
    from giftping.commands import sources

    end(sources.list_sources(session_of(config, json, quiet, verbose), game))


@sources_app.command("test")
def sources_test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="Read this saved page instead of fetching.")
    ] = None,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Show what a source yields, and why each dropped row was dropped."""
    from giftping.commands import sources

    end(sources.test(session_of(config, json, quiet, verbose), name, file))


@codes_app.command("check")
def codes_check(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be posted; write and post nothing.")
    ] = False,
    guild: OneGuild = None,
    game: OneGame = None,
    log_json: LogJson = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Look for new codes and announce them. This is the line for cron."""
    from giftping.codes.request import CheckRequest
    from giftping.commands.check import check

    request = CheckRequest(dry_run=dry_run, guild_id=guild, game=game)
    end(check(session_of(config, json, quiet, verbose, log_json=log_json, job="codes check"), request))


@codes_app.command("list")
def codes_list(
    game: OneGame = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that may not go out, and why.")] = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """List the codes that are known."""
    from giftping.commands import codes

    end(codes.list_codes(session_of(config, json, quiet, verbose), game, everything=everything))


@codes_app.command("add")
def codes_add(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code, in its exact spelling.")],
    game: Annotated[str, typer.Option("--game", metavar="GAME", help="The game it is for.")],
    rewards: Annotated[str, typer.Option("--rewards", metavar="TEXT", help="What it brings.")] = "",
    expires: Annotated[
        str, typer.Option("--expires", metavar="DATE", help="Its last day, 2026-12-31, or a full ISO 8601 time.")
    ] = "",
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Add a code by hand; it goes out with the next check."""
    from giftping.commands import codes

    session = session_of(config, json, quiet, verbose)
    end(codes.add_code(session, code, game, rewards=rewards, expires_at=_expiry(expires)))


@codes_app.command("stats")
def codes_stats(
    guild: OneGuild = None,
    per: Annotated[str, typer.Option("--per", metavar="PERIOD", help="The chart's bars: day, week or month.")] = "day",
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Show how many codes went out, when, and from where."""
    from giftping.commands import codes

    end(codes.stats(session_of(config, json, quiet, verbose), guild, per))


@codes_app.command("clear")
def codes_clear(
    guild: TheGuild,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only this code.")] = None,
    game: OneGame = None,
    yes: Yes = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Forget what went to a guild: what is still valid is announced again."""
    from giftping.commands import codes

    end(codes.clear(session_of(config, json, quiet, verbose), guild, code, game, yes=yes))


@codes_app.command("settle")
def codes_settle(
    guild: OneGuild = None,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only this code.")] = None,
    sent: Annotated[bool, typer.Option("--sent", help="You looked: the message is there.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="You looked: it is not there. The next check posts it.")
    ] = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Settle announcements whose fate is uncertain."""
    from giftping.commands.settle import settle

    end(settle(session_of(config, json, quiet, verbose), guild, code, sent=sent, resend=resend))


@codes_app.command("explain")
def codes_explain(
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code; upper and lower case are the same here.")],
    guild: TheGuild,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Say why a code was, or was not, announced in a guild."""
    from giftping.commands import codes

    end(codes.explain(session_of(config, json, quiet, verbose), code, guild))


@app.command()
def bot(config: Config = None, json: Json = False, quiet: Quiet = False, verbose: Verbose = 0) -> None:
    """Run the bot, which answers slash commands until it is told to end (SIGTERM)."""
    from giftping.bot.main import run_bot

    end(run_bot(session_of(config, json, quiet, verbose)))


@app.command()
def migrate(
    from_json: Annotated[
        list[Path] | None,
        typer.Option(
            "--from-json", metavar="PATH", help="An older bot's giftcode_state.json, or another giftping.json."
        ),
    ] = None,
    from_db: Annotated[
        str | None, typer.Option("--from-db", metavar="NAME", help="Another database on the server of MONGO_URI.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be added; write nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Merge once more what went over completely before.")] = False,
    config: Config = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Take over what older bots, or another giftping, have recorded. Nothing old is changed."""
    from giftping.commands import migrate as command

    request = command.MigrateRequest(tuple(from_json or ()), from_db, dry_run, again)
    end(command.migrate(session_of(config, json, quiet, verbose), request))


def _expiry(text: str) -> datetime | None:
    from giftping.commands.codes import parse_expiry

    try:
        return parse_expiry(text)
    except ValueError as error:
        raise typer.BadParameter(f"--expires: {error}") from None


def main() -> None:
    """Run the command line and end the process."""
    try:
        run()
    finally:
        # Python's last collection would walk through everything that was loaded: a tenth of an idle run.
        gc.freeze()


def run() -> None:
    """Run the command line. Raise SystemExit with the exit code."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 the last place where an error can be said in one line
        sys.exit(_tell_error(error))
    finally:
        if Running.session is not None:
            Running.session.close()


def _tell_error(error: Exception) -> int:
    from giftping.commands.session import Session
    from giftping.settings.secrets import Redactor, secret_values

    loaded = vars(Running.session).get("settings") if Running.session else None
    redact: Callable[[str], str] = loaded.redactor() if loaded else Redactor(secret_values(os.environ))
    session = Running.session or Session()
    if isinstance(error, GiftpingError):
        for line in error.lines:
            session.write_log(f"giftping: {line}", "error", redact=redact)
        return error.exit_code
    said = f"giftping: unexpected {type(error).__name__}: {error} (-vv shows where)"
    session.write_log(said, "error", redact=redact)
    if Running.verbose > 1:
        import traceback

        session.write_log("".join(traceback.format_exception(error)), "error", redact=redact)
    return EXIT_UNEXPECTED
