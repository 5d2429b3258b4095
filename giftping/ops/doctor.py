"""What `giftping doctor` makes of what it was shown: facts in, findings with the next step out. Pure.

A check is a function from facts to a verdict, None where it does not apply, and a line in CHECKS or TODO_CHECKS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

ROOM_WARN, ROOM_FAIL = 100 * 2**20, 5 * 2**20
"""Free bytes below which the state folder's disk is nearly full, and too full: the ledger is written anew at times."""

OTHERS = 0o007
"""The bits of a file's mode that are everybody's."""

CLOCK_WARN, CLOCK_FAIL = timedelta(seconds=5), timedelta(minutes=1)
"""How far this machine's clock may be from Discord's: its answers tell whole seconds, and take some on their way."""

SWEEP_LATE, SWEEP_GONE = timedelta(minutes=30), timedelta(days=1)
"""How long beyond an interval of reminders, and how long at all, there may be no sweep."""

SHOWN = 3
"""How many of several things are named."""

UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404


class Verdict(StrEnum):
    """How a check ended. WARN is what works for now; FAIL is what does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a check found; `next_step` is empty when all is well."""

    verdict: Verdict
    what: str
    next_step: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, with the check's name."""

    name: str
    verdict: Verdict
    what: str
    next_step: str


# What the checks are shown


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be found out; `status` is that of a clean no, None when there was no answer at all."""

    reason: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class SettingsFacts:
    """The settings that count: their file, None where there is none, and their warnings."""

    file: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderFacts:
    """The state folder; `free` are the bytes left on its disk, `mode` is None while it is not there yet."""

    path: str
    is_writable: bool
    free: int
    mode: int | None


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """The store: what to call it, why it cannot be read, and what it has to say of itself."""

    name: str
    trouble: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """A role of the guild; `is_managed` when an integration alone may give and take it."""

    name: str
    position: int
    is_managed: bool = False


@dataclass(frozen=True, slots=True)
class GuildFacts:
    """The guild, with the TODO role where it has that, and what the bot is in it."""

    name: str
    role: RoleFacts | None
    bot: BotFacts | Trouble


@dataclass(frozen=True, slots=True)
class BotFacts:
    """The bot as a member of the guild: whether it may change roles, and the position of its highest one."""

    manages_roles: bool
    position: int


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """The TODO channel: its guild, what it is when it takes no messages, and the permissions the bot lacks in it."""

    guild_id: int | None
    takes_no_messages: str = ""
    missing: tuple[str, ...] | Trouble = ()


@dataclass(frozen=True, slots=True)
class RosterFacts:
    """The roster as the ledger has it.

    `odd` are documents that cannot be read, `left` members who are not in the guild, `unlisted` those who hand in
    TODOs without being on the roster, `stale` claims older than the lease; `told` is what the last sweep had to tell.
    """

    size: int = 0
    never_submitted: int = 0
    closed_dms: int = 0
    odd: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    dms_stopped_until: datetime | None = None
    last_sweep: datetime | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TodoFacts:
    """The TODO part. None, but for the ids, is what was not asked for, as what comes before it failed.

    `clock_offset` is how far Discord's clock is ahead of ours; `lists_members` says whether the bot may list the
    guild's members, `list_from` from how many on the roster on a sweep would; times are shown in `zone`.
    """

    now: datetime
    guild_id: int | None = None
    channel_id: int | None = None
    role_id: int | None = None
    has_token: bool = True
    bot: int | Trouble | None = None
    guild: GuildFacts | Trouble | None = None
    channel: ChannelFacts | Trouble | None = None
    clock_offset: timedelta | None = None
    lists_members: bool | Trouble | None = None
    list_from: int = 0
    direct_messages: bool = True
    new_dms: int = 0
    remind_every: timedelta = timedelta(hours=3)
    roster: RosterFacts | None = None
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was looked at; `todo` is None where the TODO part is not set up."""

    settings: SettingsFacts
    folder: FolderFacts
    ledger: LedgerFacts
    todo: TodoFacts | None = None


def examined(facts: Facts) -> list[Finding]:
    """Return what every check that applies has found, in the order of the tables."""
    judged = [(name, check(facts)) for name, check in CHECKS]
    if facts.todo is not None:
        judged += [(name, check(facts.todo)) for name, check in TODO_CHECKS]
    return [Finding(name, one.verdict, one.what, one.next_step) for name, one in judged if one is not None]


def _ok(what: str) -> Judgement:
    return Judgement(Verdict.OK, what)


def _warn(what: str, next_step: str) -> Judgement:
    return Judgement(Verdict.WARN, what, next_step)


def _fail(what: str, next_step: str) -> Judgement:
    return Judgement(Verdict.FAIL, what, next_step)


def _unanswered(what: str, trouble: Trouble) -> Judgement:
    return _fail(f"{what}: {trouble.reason}", "run giftping doctor again; if it stays, see https://discordstatus.com")


# The machine


def _settings(facts: Facts) -> Judgement:
    warnings = facts.settings.warnings
    if warnings:
        return _warn("; ".join(warnings), "do what the warning says, then: giftping config check")
    return _ok(facts.settings.file or "no settings file: the defaults and the environment")


def _state_folder(facts: Facts) -> Judgement:
    folder = facts.folder
    room = f"{_size(folder.free)} free"
    if not folder.is_writable:
        return _fail(
            f"{folder.path} cannot be written to", "give it to the user that runs giftping, or set GIFTPING_STATE"
        )
    if folder.free < ROOM_FAIL:
        return _fail(f"{folder.path}: the disk is full ({room})", "make room on the disk")
    if folder.mode is not None and folder.mode & OTHERS:
        return _warn(f"{folder.path} is open to every user of this machine", f"run: chmod 700 {folder.path}")
    if folder.free < ROOM_WARN:
        return _warn(f"{folder.path}: the disk is nearly full ({room})", "make room on the disk")
    return _ok(f"{folder.path}{' (made by the first run)' if folder.mode is None else ''}, {room}")


def _ledger(facts: Facts) -> Judgement:
    ledger = facts.ledger
    if ledger.trouble:
        return _fail(ledger.trouble, "mend that: until then nothing is announced and nobody is reminded")
    if ledger.notices:
        return _warn("; ".join(ledger.notices), "giftping goes on meanwhile; if it stays, do what the notice says")
    return _ok(f"{ledger.name} can be read")


# The TODO part: the way to Discord


def _token(todo: TodoFacts) -> Judgement:
    if not todo.has_token:
        return _fail(
            "DISCORD_TOKEN is not set", "set it, or name its place as token in [discord]: giftping config show"
        )
    if isinstance(todo.bot, Trouble) and todo.bot.status == UNAUTHORIZED:
        return _fail(f"not accepted ({todo.bot.reason})", "make a new one in Discord's developer portal, under Bot")
    if isinstance(todo.bot, Trouble):
        return _unanswered("nobody has said whether it is good", todo.bot)
    return _ok(f"accepted, the bot is user {todo.bot}")


def _clock(todo: TodoFacts) -> Judgement | None:
    if todo.clock_offset is None:
        return None
    apart = abs(todo.clock_offset)
    way = "behind" if todo.clock_offset > timedelta(0) else "ahead of"
    said = f"this machine's clock is {_about(apart)} {way} Discord's"
    if apart >= CLOCK_FAIL:
        return _fail(said, "set it, and keep it right: timedatectl set-ntp true")
    if apart >= CLOCK_WARN:
        return _warn(said, "keep it right: timedatectl set-ntp true")
    return _ok("right by Discord's, to a few seconds")


def _guild(todo: TodoFacts) -> Judgement | None:
    if todo.guild_id is None:
        return _fail("GUILD_ID is not set", "set it, or guild in [todo] of giftping.toml")
    if isinstance(todo.guild, Trouble) and todo.guild.status in (FORBIDDEN, NOT_FOUND):
        said = f"the bot is not in guild {todo.guild_id} ({todo.guild.reason})"
        return _fail(said, "invite the bot there, or set GUILD_ID to the right guild")
    if isinstance(todo.guild, Trouble):
        return _unanswered(f"guild {todo.guild_id} was not shown", todo.guild)
    return _ok(f"{todo.guild.name} ({todo.guild_id})") if todo.guild else None


def _channel(todo: TodoFacts) -> Judgement | None:
    if todo.channel_id is None:
        return _fail("TODO_CHANNEL_ID is not set", "set it, or channel in [todo] of giftping.toml")
    channel, name = todo.channel, f"channel {todo.channel_id}"
    if channel is None:
        return None
    if isinstance(channel, Trouble):
        if channel.status == FORBIDDEN:
            return _fail(f"the bot cannot see {name} ({channel.reason})", "allow it View Channel there")
        if channel.status == NOT_FOUND:
            return _fail(f"there is no {name} ({channel.reason})", "set TODO_CHANNEL_ID to one that is there")
        return _unanswered(f"{name} was not shown", channel)
    if todo.guild_id is not None and channel.guild_id != todo.guild_id:
        where = f"in guild {channel.guild_id}" if channel.guild_id else "in no guild"
        return _fail(f"{name} is {where}, not in guild {todo.guild_id}", "set TODO_CHANNEL_ID, or GUILD_ID, right")
    if channel.takes_no_messages:
        said = f"{name} is {channel.takes_no_messages} and takes no messages"
        return _fail(said, "set TODO_CHANNEL_ID to a text channel or a thread")
    return _ok(f"{name} is in the guild and takes messages")


def _channel_permissions(todo: TodoFacts) -> Judgement | None:
    if not isinstance(todo.channel, ChannelFacts) or not isinstance(todo.guild, GuildFacts):
        return None
    if todo.channel.takes_no_messages or todo.channel.guild_id != todo.guild_id:
        return None
    missing = todo.channel.missing
    if isinstance(missing, Trouble):
        return _warn(f"not to be told: {missing.reason}", "run giftping doctor again")
    if missing:
        names = ", ".join(missing)
        return _fail(f"the bot lacks {names} in channel {todo.channel_id}", f"allow it there, or for its role: {names}")
    return _ok("the bot may post there, with embeds and files, and read back")


def _role(todo: TodoFacts) -> Judgement | None:
    if todo.role_id is None:
        return _ok("none is set: members are reminded, and nobody loses a role")
    if not isinstance(todo.guild, GuildFacts):
        return None
    role = todo.guild.role
    if role is None:
        return _fail(f"the guild has no role {todo.role_id}", "set ROLE_ID to one that it has, or leave it away")
    if todo.role_id == todo.guild_id:
        return _fail("it is @everyone, which nobody can lose", "set ROLE_ID to a role of its own")
    if role.is_managed:
        said = f"{role.name} belongs to an integration, which alone may give and take it"
        return _fail(said, "make a role for the TODO members, and set ROLE_ID to that")
    return _ok(f"{role.name} ({todo.role_id})")


def _manage_roles(todo: TodoFacts) -> Judgement | None:
    bot = _bot_with_role(todo)
    if isinstance(bot, Trouble):
        return _unanswered("the bot's own roles were not shown", bot)
    if bot is None:
        return None
    if not bot.manages_roles:
        return _fail("the bot lacks Manage Roles", "allow it for the bot's role, in the guild's settings under Roles")
    return _ok("the bot has Manage Roles")


def _role_order(todo: TodoFacts) -> Judgement | None:
    bot = _bot_with_role(todo)
    role = todo.guild.role if isinstance(todo.guild, GuildFacts) else None
    if role is None or not isinstance(bot, BotFacts):
        return None
    if role.position >= bot.position:
        return _fail(
            f"the bot's highest role (position {bot.position}) is not above {role.name} (position {role.position})",
            f"drag a role of the bot's above {role.name}, in the guild's settings under Roles",
        )
    return _ok(f"the bot's highest role is above {role.name}")


def _bot_with_role(todo: TodoFacts) -> BotFacts | Trouble | None:
    """Return what the bot is in the guild, None where there is no role for which that would matter."""
    if todo.role_id is None or not isinstance(todo.guild, GuildFacts):
        return None
    return todo.guild.bot


def _members_intent(todo: TodoFacts) -> Judgement | None:
    granted = todo.lists_members
    if granted is None:
        return None
    if isinstance(granted, Trouble):
        return _warn(f"not to be told: {granted.reason}", "run giftping doctor again")
    if granted:
        return _ok("the bot may list the guild's members")
    size = todo.roster.size if todo.roster else 0
    if size < todo.list_from:
        return _ok(f"not granted, and not needed: with {_counted(size, 'member')} each is asked about alone")
    said = f"not granted: all {size} members are asked about one by one, which takes time"
    return _warn(said, "switch Server Members Intent on in Discord's developer portal, under Bot")


def _direct_messages(todo: TodoFacts) -> Judgement | None:
    if not todo.direct_messages:
        return _ok("switched off: members are told in the channel alone")
    roster = todo.roster
    if roster is None:
        return None
    if roster.dms_stopped_until is not None and roster.dms_stopped_until > todo.now:
        until = f"{roster.dms_stopped_until.astimezone(todo.zone):%Y-%m-%d %H:%M %Z}"
        said = f"Discord found that they were opened too fast: no new ones until {until}"
        return _warn(said, "wait; if it comes again, lower new_dms in [todo]")
    if not todo.new_dms:
        return _ok("new_dms is 0: only members who were written to before get them")
    closed = (
        f"; {roster.closed_dms} of {roster.size} take none, and are told in the channel" if roster.closed_dms else ""
    )
    return _ok(f"switched on{closed}")


# The TODO part: the roster and its sweeps


def _roster(todo: TodoFacts) -> Judgement | None:
    roster = todo.roster
    if roster is None:
        return None
    if roster.odd:
        said = f"{_counted(len(roster.odd), 'document')} cannot be read and {_are(roster.odd)} skipped"
        return _fail(f"{said}: {_named(roster.odd)}", "correct or remove what is named")
    if not roster.size:
        return _warn("nobody is on it", "put members on it: giftping todo roster add")
    never = f", {roster.never_submitted} of them without any TODO yet" if roster.never_submitted else ""
    return _ok(f"{_counted(roster.size, 'member')}{never}")


def _left(todo: TodoFacts) -> Judgement | None:
    if not todo.roster or not todo.roster.size:
        return None
    left = todo.roster.left
    if left:
        said = f"{_counted(len(left), 'member')} {_are(left)} not in the guild: {_named(left)}"
        return _warn(said, "nobody reminds them; take them off: giftping todo roster remove")
    return _ok("nobody on the roster is known to have left the guild")


def _unlisted(todo: TodoFacts) -> Judgement | None:
    if todo.roster is None:
        return None
    unlisted = todo.roster.unlisted
    if unlisted:
        said = f"{_counted(len(unlisted), 'person')} handed in TODOs lately and {_are(unlisted)} not on the roster"
        return _warn(f"{said}: {_named(unlisted)}", "nobody reminds them; put them on: giftping todo roster add")
    return _ok("nobody who hands in TODOs is missing on the roster")


def _last_sweep(todo: TodoFacts) -> Judgement | None:
    roster = todo.roster
    if roster is None:
        return None
    if not roster.size:
        return _ok("not needed: nobody is on the roster")
    timer = "have a timer run giftping todo sweep every 15 minutes: crontab.example"
    if roster.last_sweep is None:
        return _warn("there was none yet", timer)
    age = max(todo.now - roster.last_sweep, timedelta(0))
    said = f"{_about(age)} ago"
    if age >= max(SWEEP_GONE, todo.remind_every + SWEEP_LATE):
        return _fail(said, timer)
    if age >= todo.remind_every + SWEEP_LATE:
        return _warn(f"{said}, and members are to be reminded every {_about(todo.remind_every)}", timer)
    if roster.told:
        return _warn(f"{said}, with trouble: {_named(roster.told)}", "mend that; the next sweep tries again")
    return _ok(said)


def _claims(todo: TodoFacts) -> Judgement | None:
    if todo.roster is None:
        return None
    stale = todo.roster.stale
    if stale:
        said = f"{_counted(len(stale), 'claim')} of a run that ended midway {_are(stale)} not settled: {_named(stale)}"
        return _warn(said, "the next sweep looks; to have it look now: giftping todo sweep")
    return _ok("none is open for longer than the lease")


def _about(span: timedelta) -> str:
    """Return a span in its largest unit, rounded down: `3 h`."""
    seconds = int(span.total_seconds())
    sizes = (("d", 86_400), ("h", 3_600), ("min", 60))
    unit, size = next(((unit, size) for unit, size in sizes if seconds >= size), ("s", 1))
    return f"{seconds // size} {unit}"


def _size(count: int) -> str:
    """Return a number of bytes in MiB, or in GiB from ten of them on."""
    return f"{count // 2**30} GiB" if count >= 10 * 2**30 else f"{count // 2**20} MiB"


def _counted(count: int, noun: str) -> str:
    plural = {"person": "people"}.get(noun, f"{noun}s")
    return f"{count} {noun if count == 1 else plural}"


def _are(things: Sequence[str]) -> str:
    return "is" if len(things) == 1 else "are"


def _named(things: Sequence[str]) -> str:
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return "; ".join(things[:SHOWN]) + more


CHECKS: tuple[tuple[str, Callable[[Facts], Judgement | None]], ...] = (
    ("settings", _settings),
    ("state folder", _state_folder),
    ("ledger", _ledger),
)
"""The checks of every installation."""

TODO_CHECKS: tuple[tuple[str, Callable[[TodoFacts], Judgement | None]], ...] = (
    ("bot token", _token),
    ("clock", _clock),
    ("guild", _guild),
    ("channel", _channel),
    ("permissions", _channel_permissions),
    ("role", _role),
    ("manage roles", _manage_roles),
    ("role order", _role_order),
    ("members intent", _members_intent),
    ("direct messages", _direct_messages),
    ("roster", _roster),
    ("left the guild", _left),
    ("not on roster", _unlisted),
    ("last sweep", _last_sweep),
    ("open claims", _claims),
)
"""The checks of the TODO part."""
