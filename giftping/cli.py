"""The Typer app: arguments in, exit code out. The only file that imports typer."""

# No annotations as texts here: typer reads them at each start, and evaluating texts takes longer than all else it does.

import gc
import inspect
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from giftping import __version__
from giftping.errors import EXIT_FINE, EXIT_SETTINGS, EXIT_TROUBLE, GiftpingError, error_lines, exit_code_of

if TYPE_CHECKING:
    from giftping.commands.session import Session

HELP = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="giftping",
    help="Announces gift codes in Discord guilds, and reminds members of their daily TODOs: never twice, never lost.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
    epilog=(
        "Exit codes: 0 fine · 1 unexpected · 2 usage · 69 something failed or is uncertain · 75 another run is at it"
        " · 78 settings · 130 Ctrl-C · 143 SIGTERM"
    ),
)


def _group(name: str, text: str, above: typer.Typer = app) -> typer.Typer:
    group = typer.Typer(help=text, no_args_is_help=True, context_settings=HELP)
    above.add_typer(group, name=name)
    return group


codes_app = _group("codes", "Gift codes: look for new ones, and look into what went where.")
guilds_app = _group("guilds", "Guilds: where announcements go.")
sources_app = _group("sources", "Sources: the places that list codes.")
config_app = _group("config", "Settings: check and show them.")
operator_app = _group("operator", "The operator: who is told of trouble.")
heartbeat_app = _group("heartbeat", "The monitors that raise the alarm when a job does not run.")
store_app = _group("store", "The store: how it stands, and which hosts use it.")
todo_app = _group("todo", "Daily TODOs: remind members, and see who has handed in.")
roster_app = _group("roster", "The roster: the members who take part.", todo_app)


# What every command has


class Running:
    """The command that runs, as far as `run` needs to know of it when something goes wrong."""

    session: "Session | None" = None
    """The session of the command; none while its arguments are still being read."""


def _session(
    job: str,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Write each line on standard error as one JSON object.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The settings file, instead of the usual places.")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object on standard output, nothing else.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but trouble.")] = False,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, show_default=False, help="Say more; twice: tracebacks as well."),
    ] = 0,
) -> "Session":
    """The session that the options of every command ask for; `job` is what it is called in logs."""
    from giftping.commands.session import Session

    return Session(config, json, quiet, verbose, log_json, job, confirm=_confirm)


def _confirm(question: str) -> bool:
    return sys.stdin.isatty() and typer.confirm(question)


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    return list(inspect.signature(function).parameters.values())


SHARED = _parameters(_session)[1:]


def with_odd(exit_code: int, has_met_odd: bool) -> int:  # noqa: FBT001 it is what is asked about
    """The exit code of a command that did its job, and may have met documents that it could not read."""
    return EXIT_TROUBLE if has_met_odd and exit_code == EXIT_FINE else exit_code


Does = Callable[..., int]
"""What a command does: it takes the session and the command's own arguments, and returns the exit code."""


def command(group: typer.Typer, name: str, *, job: str = "", has_config: bool = True) -> Callable[[Does], Does]:
    """A decorator that makes a command of what takes the session and the command's own arguments.

    The command takes the shared options besides: `--log-json` only as a `job`, `--config` only where it has settings.
    """
    left_out = [option for option, is_wanted in (("log_json", job), ("config", has_config)) if not is_wanted]
    shared = [parameter for parameter in SHARED if parameter.name not in left_out]

    def register(does: Does) -> Does:
        def run_command(**given: Any) -> None:
            session = _session(job, **{parameter.name: given.pop(parameter.name) for parameter in shared})
            Running.session = session
            session.handle_all_logging()
            raise typer.Exit(with_odd(does(session, **given), session.has_met_odd))

        # typer reads the options off the signature, and passes their values by name.
        signature = inspect.Signature([*_parameters(does)[1:], *shared])
        run_command.__signature__ = signature  # type: ignore[attr-defined]
        run_command.__doc__ = does.__doc__
        group.command(name)(run_command)
        return does

    return register


# Arguments that several commands have


def discord_id(text: str) -> int:
    """A Discord id from the command line."""
    from giftping.text import parse_id

    try:
        return parse_id(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


# What typer calls an argument of this kind.
discord_id.__name__ = "id"


def _id_option(name: str, text: str, *, metavar: str = "ID") -> Any:
    return typer.Option(name, parser=discord_id, metavar=metavar, help=text)


Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
OneGame = Annotated[str | None, typer.Option("--game", metavar="GAME", help="Only this game.")]
OneSource = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="All that are held because of this source.")
]
SomeCodes = Annotated[list[str] | None, typer.Argument(metavar="[CODE...]", help="The codes.", show_default=False)]
GuildId = Annotated[int, typer.Argument(parser=discord_id, metavar="GUILD", help="The guild's numeric id.")]
OneGuild = Annotated[int | None, _id_option("--guild", "Only this guild, by its id.")]
TheGuild = Annotated[int, _id_option("--guild", "The guild, by its id.")]
User = Annotated[int, typer.Argument(parser=discord_id, metavar="USER", help="The member's numeric id.")]
OneUser = Annotated[
    int | None, typer.Argument(parser=discord_id, metavar="[USER]", help="The member's numeric id.", show_default=False)
]


# The commands


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


@command(app, "init", has_config=False)
def init(
    session: "Session",
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where giftping.toml goes.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    guild: Annotated[int | None, _id_option("--guild", "Your guild, by its id.")] = None,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", help="Codes go out by webhook: env:NAME, file:PATH, or the URL."),
    ] = None,
    channel: Annotated[int | None, _id_option("--channel", "Codes go into this channel.")] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="TOKEN", help="The bot's token: env:NAME, file:PATH, or itself.")
    ] = None,
    todo_channel: Annotated[int | None, _id_option("--todo-channel", "TODO reminders go there.")] = None,
    todo_role: Annotated[int | None, _id_option("--todo-role", "The role silent members lose.")] = None,
    owner: Annotated[int | None, _id_option("--owner", "Who administers the TODOs.")] = None,
) -> int:
    """Write a commented giftping.toml, and show the crontab line. At a terminal, without options, it asks first."""
    from giftping.commands.init import InitRequest
    from giftping.commands.init import init as write_settings

    request = InitRequest(guild, webhook, channel, token, todo_channel, todo_role, owner)
    ask = _ask if sys.stdin.isatty() and sys.stdout.isatty() and not (session.json or session.quiet) else None
    return write_settings(session, folder, request, force=force, ask=ask)


def _ask(question: str, hidden: bool) -> str:  # noqa: FBT001 as the one who asks calls it
    return str(typer.prompt(question, default="", show_default=False, hide_input=hidden))


@command(app, "demo", has_config=False)
def demo(
    session: "Session",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder with the ledger, and say where it is.")] = False,
) -> int:
    """Show everything once, offline: sample sources and a stand-in Discord on this machine."""
    from giftping.demo.show import show

    return show(session, keep=keep)


@command(app, "doctor")
def doctor(
    session: "Session",
    live: Annotated[
        bool, typer.Option("--live", help="Ask every source now, and about every guild however many there are.")
    ] = False,
) -> int:
    """Look at everything that giftping needs, and say what to do where it is not right. Posts and writes nothing."""
    from giftping.commands.doctor import doctor as examine

    return examine(session, live=live)


@command(config_app, "check")
def config_check(session: "Session") -> int:
    """Check the settings; every mistake is named at once."""
    from giftping.commands import setup

    return setup.check_config(session)


@command(config_app, "show")
def config_show(session: "Session") -> int:
    """Show every setting that counts and where it comes from; secrets are masked."""
    from giftping.commands import setup

    return setup.show_config(session)


@command(operator_app, "test")
def operator_test(session: "Session") -> int:
    """Post a test message by the operator's webhook, and say how it went."""
    from giftping.commands import contacts

    return contacts.test_operator(session)


@command(heartbeat_app, "test")
def heartbeat_test(session: "Session") -> int:
    """Ping the monitors: start (where it is wanted), fail, and then success, so that the alarm is over again."""
    from giftping.commands import contacts

    return contacts.test_heartbeat(session)


# What `guilds add` is told of a guild


WebhookReference = Annotated[
    str | None,
    typer.Option("--webhook", metavar="URL", help="Post by webhook: env:NAME, file:PATH, or the URL itself."),
]
ChannelId = Annotated[int | None, _id_option("--channel", "Post into this channel with the bot token.")]
Games = Annotated[
    list[str] | None,
    typer.Option(
        "--game",
        metavar="GAME",
        help="A game; may be repeated. Without one: all, if they go to one place; whiteout-survival to begin with.",
    ),
]
Mentions = Annotated[
    list[str] | None,
    typer.Option("--mention", metavar="ROLE", help="A role's id, everyone or here; may be repeated."),
]
NoMention = Annotated[bool, typer.Option("--no-mention", help="Mention nobody any more.")]
StyleName = Annotated[
    str | None,
    typer.Option(
        "--style", metavar="STYLE", help="How announcements look: full, or compact, which is a line for each code."
    ),
]
Label = Annotated[
    str | None, typer.Option("--label", metavar="TEXT", help="What to call the guild; an empty one is taken away.")
]
Language = Annotated[
    str | None,
    typer.Option(
        "--language",
        metavar="NAME",
        help="The language of what members see: en, de, es, or one of your own.",
    ),
]
AnnounceCurrent = Annotated[
    bool,
    typer.Option("--announce-current", help="Announce the codes that are valid now, too."),
]
Posts = Annotated[
    str | None,
    typer.Option(
        "--posts",
        metavar="HOW",
        help="In a forum: per-announcement, or kept for one post that all follow in; none where it is no forum.",
    ),
]
Tags = Annotated[
    list[str] | None,
    typer.Option("--tag", metavar="TAG", help="A tag for the posts, by name or id; may be repeated."),
]
NoTag = Annotated[bool, typer.Option("--no-tag", help="Give the posts no tags any more.")]
Publishes = Annotated[
    bool | None,
    typer.Option("--publish/--no-publish", help="Publish the messages of an announcement channel, with the bot token."),
]
Username = Annotated[
    str | None,
    typer.Option("--username", metavar="NAME", help="The name that the webhook posts under; empty for its own."),
]
Avatar = Annotated[
    str | None,
    typer.Option("--avatar", metavar="URL", help="The picture that the webhook posts under; empty for its own."),
]
NoCheck = Annotated[
    bool, typer.Option("--no-check", help="Do not ask Discord what the webhook, the channel and the roles are.")
]


@command(guilds_app, "add")
def guilds_add(
    session: "Session",
    guild: GuildId,
    webhook: WebhookReference = None,
    channel: ChannelId = None,
    game: Games = None,
    mention: Mentions = None,
    no_mention: NoMention = False,
    style: StyleName = None,
    label: Label = None,
    language: Language = None,
    announce_current: AnnounceCurrent = False,
    posts: Posts = None,
    tag: Tags = None,
    no_tag: NoTag = False,
    publish: Publishes = None,
    username: Username = None,
    avatar: Avatar = None,
    no_check: NoCheck = False,
) -> int:
    """Add games that a guild follows, or change where they go; other games of the guild stay as they are."""
    from giftping.commands import subscribing
    from giftping.commands.guild_request import GuildRequest, mention_from, style_named
    from giftping.commands.posting import PostingRequest

    request = GuildRequest(
        guild,
        webhook,
        channel,
        tuple(game or ()),
        tuple(map(mention_from, mention or ())),
        announce_current,
        no_mention,
        label=label,
        language=language,
        style=style_named(style) if style else None,
        posting=PostingRequest(posts, tuple(tag or ()), no_tag, publish, username, avatar),
        is_checked=not no_check,
    )
    return subscribing.add(session, request)


@command(guilds_app, "list")
def guilds_list(session: "Session") -> int:
    """List the guilds and how their destinations stand."""
    from giftping.commands import guilds

    return guilds.list_guilds(session)


@command(guilds_app, "remove")
def guilds_remove(session: "Session", guild: GuildId, game: OneGame = None, yes: Yes = False) -> int:
    """Stop announcing in a guild, or one game there; what it was sent stays in the ledger."""
    from giftping.commands import subscribing

    return subscribing.remove(session, guild, game, yes=yes)


@command(guilds_app, "test")
def guilds_test(
    session: "Session",
    guild: Annotated[
        int | None,
        typer.Argument(parser=discord_id, metavar="GUILD", help="The guild's numeric id; not needed for the only one."),
    ] = None,
    post: Annotated[bool, typer.Option("--post/--no-post", help="Post a sample, or only look.")] = True,
    no_mention: Annotated[
        bool, typer.Option("--no-mention", help="Ping nobody; whom announcements mention is shown all the same.")
    ] = False,
) -> int:
    """Post what an announcement will look like to each destination of a guild, and tell whom it pings."""
    from giftping.commands import guilds

    return guilds.test(session, guild, post=post, pings=not no_mention)


@command(sources_app, "list")
def sources_list(session: "Session", game: OneGame = None) -> int:
    """List the sources and how they stand."""
    from giftping.commands import sources

    return sources.list_sources(session, game)


@command(sources_app, "test")
def sources_test(
    session: "Session",
    name: Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="PATH", help="Read this saved page instead of fetching.")
    ] = None,
) -> int:
    """Show what a source yields, and why each dropped row was dropped."""
    from giftping.commands import sources

    return sources.test(session, name, file)


@command(sources_app, "replay")
def sources_replay(
    session: "Session",
    name: Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")],
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="What it answered: JSON lines, or a folder of bodies."),
    ],
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="SPAN", help="Look as often as that, 5m; without it, at each recorded body."),
    ] = None,
) -> int:
    """Show what a recorded history would have brought: what goes out when, and what is held."""
    from giftping.commands.replay import replay_source

    return replay_source(session, name, files, _span(every) if every else None)


@command(codes_app, "check", job="codes check")
def codes_check(
    session: "Session",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be posted; write and post nothing.")
    ] = False,
    guild: OneGuild = None,
    game: OneGame = None,
) -> int:
    """Look for new codes and announce them. This is the line for cron."""
    from giftping.codes.request import CheckRequest
    from giftping.commands.check import check

    request = CheckRequest(dry_run=dry_run, guild_id=guild, game=game)
    return check(session, request)


@command(codes_app, "list")
def codes_list(
    session: "Session",
    game: OneGame = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that may not go out, and why.")] = False,
) -> int:
    """List the codes that are known."""
    from giftping.commands import codes

    return codes.list_codes(session, game, everything=everything)


@command(codes_app, "add")
def codes_add(
    session: "Session",
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code, in its exact spelling.")],
    game: Annotated[str, typer.Option("--game", metavar="GAME", help="The game it is for.")],
    rewards: Annotated[str, typer.Option("--rewards", metavar="TEXT", help="What it brings.")] = "",
    expires: Annotated[
        str, typer.Option("--expires", metavar="DATE", help="Its last day, 2026-12-31, or a full ISO 8601 time.")
    ] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Whatever speaks against it.")] = False,
    again: Annotated[bool, typer.Option("--again", help="As a new round: also where it was announced before.")] = False,
    guild: OneGuild = None,
) -> int:
    """Add a code by hand; it goes out with the next check."""
    from giftping.commands.adding import add_code

    expires_at = _expiry(expires)
    return add_code(
        session, code, game, rewards=rewards, expires_at=expires_at, anyway=anyway, again=again, guild_id=guild
    )


@command(codes_app, "held")
def codes_held(session: "Session", game: OneGame = None, source: OneSource = None) -> int:
    """Show the codes that are held back, and why."""
    from giftping.commands.rulings import held

    return held(session, game, source)


@command(codes_app, "approve")
def codes_approve(session: "Session", codes: SomeCodes = None, game: OneGame = None, source: OneSource = None) -> int:
    """Say that held codes are real; they go out with the next check."""
    from giftping.commands.rulings import approve

    return approve(session, codes or [], game, source)


@command(codes_app, "reject")
def codes_reject(session: "Session", codes: SomeCodes = None, game: OneGame = None, source: OneSource = None) -> int:
    """Say that held codes are none; they go out nowhere."""
    from giftping.commands.rulings import reject

    return reject(session, codes or [], game, source)


@command(codes_app, "withdraw")
def codes_withdraw(
    session: "Session",
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code; upper and lower case are the same here.")],
    game: OneGame = None,
    undo: Annotated[bool, typer.Option("--undo", help="It is a code after all.")] = False,
) -> int:
    """Take a code back: it goes out nowhere any more."""
    from giftping.commands.rulings import withdraw

    return withdraw(session, code, game, undo=undo)


@command(codes_app, "stats")
def codes_stats(
    session: "Session",
    guild: OneGuild = None,
    per: Annotated[str, typer.Option("--per", metavar="PERIOD", help="The chart's bars: day, week or month.")] = "day",
) -> int:
    """Show how many codes went out, when, and from where."""
    from giftping.commands import codes

    return codes.stats(session, guild, per)


@command(codes_app, "clear")
def codes_clear(
    session: "Session",
    guild: TheGuild,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only this code.")] = None,
    game: OneGame = None,
    yes: Yes = False,
) -> int:
    """Forget what went to a guild: what is still valid is announced again."""
    from giftping.commands import codes

    return codes.clear(session, guild, code, game, yes=yes)


@command(codes_app, "settle")
def codes_settle(
    session: "Session",
    of_guild: Annotated[
        int | None,
        typer.Argument(parser=discord_id, metavar="[GUILD]", help="Only this guild, by its id.", show_default=False),
    ] = None,
    guild: OneGuild = None,
    code: Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only this code.")] = None,
    sent: Annotated[bool, typer.Option("--sent", help="You looked: the message is there.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="You looked: it is not there. The next check posts it.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Of all guilds, with --sent or --resend.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only what was begun since then.")
    ] = None,
) -> int:
    """Settle announcements whose fate is uncertain."""
    from giftping.commands.settle import settle

    chosen = guild if of_guild is None else of_guild
    begun = _since(since) if since else None
    return settle(session, chosen, code, sent=sent, resend=resend, everything=everything, since=begun)


@command(codes_app, "explain")
def codes_explain(
    session: "Session",
    code: Annotated[str, typer.Argument(metavar="CODE", help="The code; upper and lower case are the same here.")],
    guild: OneGuild = None,
) -> int:
    """Say why a code was, or was not, announced, and all that happened to it."""
    from giftping.commands.explaining import explain

    return explain(session, code, guild)


def _span(text: str) -> timedelta:
    from giftping.settings.durations import parse_duration

    try:
        span = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"--every: {error}") from None
    if not span:
        raise typer.BadParameter("--every: must be longer than nothing")
    return span


def _since(text: str) -> datetime:
    from giftping.commands.settle import parse_since

    try:
        return parse_since(text)
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}") from None


def _expiry(text: str) -> datetime | None:
    from giftping.commands.codes import parse_expiry

    try:
        return parse_expiry(text)
    except ValueError as error:
        raise typer.BadParameter(f"--expires: {error}") from None


@command(app, "bot")
def bot(
    session: "Session",
    remove_other_commands: Annotated[
        bool,
        typer.Option(
            "--remove-other-commands",
            help="Take away the slash commands that another bot with this token has left in servers.",
        ),
    ] = False,
) -> int:
    """Run the bot, which answers slash commands until it is told to end (SIGTERM)."""
    from giftping.bot.main import run_bot

    return run_bot(session, removes_others=remove_other_commands)


@command(app, "migrate")
def migrate(
    session: "Session",
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
) -> int:
    """Take over what older bots, or another giftping, have recorded. Nothing old is changed."""
    from giftping.commands.migrate import MigrateRequest
    from giftping.commands.migrate import migrate as take_over

    request = MigrateRequest(tuple(from_json or ()), from_db, dry_run, again)
    return take_over(session, request)


@command(store_app, "status")
def store_status(session: "Session") -> int:
    """Show whether the store can be reached, what waits for it, and which hosts use it."""
    from giftping.commands.store import status

    return status(session)


@command(store_app, "adopt")
def store_adopt(session: "Session", yes: Yes = False) -> int:
    """Upload what this host remembers to a MongoDB that is not as it remembers it."""
    from giftping.commands.store import adopt

    return adopt(session, yes=yes)


@command(store_app, "accept")
def store_accept(session: "Session", yes: Yes = False) -> int:
    """Believe a MongoDB that is not as this host remembers it; what was sent stays sent."""
    from giftping.commands.store import accept

    return accept(session, yes=yes)


@command(store_app, "forget")
def store_forget(
    session: "Session",
    host: Annotated[str, typer.Argument(metavar="HOST", help="The host's name, as store status shows it.")],
    yes: Yes = False,
) -> int:
    """Forget a host that is gone for good, so that the others need not reckon with it."""
    from giftping.commands.store import forget

    return forget(session, host, yes=yes)


@command(todo_app, "sweep", job="todo sweep")
def todo_sweep(
    session: "Session",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show who would be told what; write, post and ping nothing.")
    ] = False,
) -> int:
    """Remind whoever is due, and take the role from those who stayed silent. This is the line for cron."""
    from giftping.commands.sweep import sweep

    return sweep(session, dry_run=dry_run)


@command(todo_app, "submit")
def todo_submit(
    session: "Session",
    user: OneUser = None,
    for_user: Annotated[int | None, _id_option("--for", "Whose it is, where --by hands it in.", metavar="USER")] = None,
    by: Annotated[int | None, _id_option("--by", "The owner, who hands it in for them.", metavar="OWNER")] = None,
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
) -> int:
    """Hand in a TODO: it is checked, saved, then posted."""
    from giftping.commands.submit import Given, submit

    given = Given(user, for_user, by, name, date, must_do, can_do, dont_do, attach, file)
    return submit(session, given)


@command(todo_app, "status")
def todo_status(session: "Session", user: OneUser = None) -> int:
    """Say how a member stands, or everybody: the last TODO, what comes next, and why."""
    from giftping.commands.todo import status

    return status(session, user)


@command(todo_app, "list")
def todo_list(session: "Session") -> int:
    """List who has handed in today and who has not, each by their own day."""
    from giftping.commands.todo import list_today

    return list_today(session)


@command(todo_app, "delete")
def todo_delete(session: "Session", user: User) -> int:
    """Delete the text of a member's last TODO; the clock and the history go on. forget removes all of it."""
    from giftping.commands.todo import delete

    return delete(session, user)


@command(todo_app, "forget")
def todo_forget(session: "Session", user: User, yes: Yes = False) -> int:
    """Forget a member who asks for it: texts, history, files, pauses. delete takes the last text alone."""
    from giftping.commands.forgetting import forget_member

    return forget_member(session, user, yes=yes)


@command(todo_app, "history")
def todo_history(
    session: "Session",
    user: User,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The latest so many.")] = 30,
) -> int:
    """Show what happened to a member, the newest last."""
    from giftping.commands.todo import history

    return history(session, user, limit)


@command(todo_app, "pause")
def todo_pause(
    session: "Session",
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
) -> int:
    """Let all clocks of a member stand still for some days."""
    from giftping.commands.pause import PauseRequest, pause

    request = PauseRequest(user, start, last, reason, over)
    return pause(session, request)


@command(roster_app, "add")
def roster_add(
    session: "Session",
    user: User,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="What to call them.")] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", metavar="ZONE", help="Their zone, such as Europe/Berlin.")
    ] = None,
    exempt: Annotated[
        bool | None, typer.Option("--exempt/--no-exempt", help="Whether they are left alone.", show_default=False)
    ] = None,
) -> int:
    """Add a member to the roster, or change what it says of one."""
    from giftping.commands.roster import RosterRequest, add

    request = RosterRequest(user, name, time_zone, exempt)
    return add(session, request)


@command(roster_app, "remove")
def roster_remove(session: "Session", user: User, yes: Yes = False) -> int:
    """Take a member off the roster; what they handed in stays."""
    from giftping.commands.roster import remove

    return remove(session, user, yes=yes)


@command(roster_app, "list")
def roster_list(session: "Session") -> int:
    """List the members who take part."""
    from giftping.commands.roster import list_roster

    return list_roster(session)


# Beginning and ending


def main() -> None:
    """Run the command line and end the process."""
    from giftping.output.streams import take_streams

    streams = take_streams()
    if sys.platform == "win32":
        sys.exit(_refuse_windows())
    try:
        run()
    except SystemExit as ended:
        sys.exit(streams.exit_code(ended.code if isinstance(ended.code, int) else EXIT_FINE))
    finally:
        # Python's last collection would walk through everything that was loaded: a tenth of an idle run.
        gc.freeze()


def run() -> None:
    """Run the command line. Raise SystemExit with the exit code."""
    try:
        # typer itself would draw mistakes in arguments past the log, and a token in the wrong place with them. It still
        # ends the process when whoever read the output has gone.
        sys.exit(app(standalone_mode=False))
    except KeyboardInterrupt:
        sys.exit(130)
    except typer.Abort:
        # Ctrl-C, or the end of the input, at a question.
        sys.exit(_told(["aborted"], 130))
    except Exception as error:  # noqa: BLE001 the last place where an error can be said in one line
        sys.exit(_tell_error(error))
    finally:
        if Running.session is not None:
            Running.session.close()
            Running.session = None


def _session_so_far() -> "Session":
    """The session of the command that runs; before there is one, such a one as its words ask for, read or not."""
    from giftping.commands.session import Session

    return Running.session or Session(log_json="--log-json" in sys.argv, json="--json" in sys.argv)


def _refuse_windows() -> int:
    """The exit code on a system without the locks that keep two runs apart, once that is told."""
    sys.stderr.write(
        "giftping: runs on Linux, and by hand on macOS; on Windows it does not: use WSL, or a machine with Linux\n"
    )
    return EXIT_SETTINGS


def _tell_error(error: Exception) -> int:
    if isinstance(error, ModuleNotFoundError) and error.name == "fcntl":
        return _refuse_windows()
    if hasattr(error, "format_message"):
        return _tell_mistake(error)
    exit_code = _told(error_lines(error), exit_code_of(error))
    if isinstance(error, GiftpingError):
        return exit_code
    if (session := _session_so_far()).verbose > 1:
        import traceback

        session.write_log("".join(traceback.format_exception(error)), "error")
    return exit_code


def _tell_mistake(error: Any) -> int:
    """Tell what typer cannot read, and where help is. Its errors have no public root in every version allowed."""
    context = getattr(error, "ctx", None)
    exit_code: int = error.exit_code
    if type(error).__name__ == "NoArgsIsHelpError":  # The help has been shown, by whoever raised it.
        return exit_code
    lines = [error.format_message()]
    if context is not None:
        lines.append(f"{' '.join(context.get_usage().split())}; {context.command_path} --help says more")
    return _told(lines, exit_code)


def _told(lines: Sequence[str], exit_code: int) -> int:
    """The exit code of what could not be done, once that is told: here, and nowhere else."""
    session = _session_so_far()
    # A job's run has told it itself, or knows that it was told today; a store says of itself why it is away.
    for line in lines if not session.has_told_end else ():
        if not session.was_told(line):
            session.write_log(f"giftping: {line}", "error")
    session.give_error(lines, exit_code)
    return exit_code
