"""What `giftping doctor` makes of the TODO part: the way to its channel, the roster, and the sweeps. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from giftping.doctor.judging import (
    FORBIDDEN,
    NOT_FOUND,
    Judgement,
    Trouble,
    about,
    are,
    counted,
    fail,
    named,
    ok,
    unanswered,
    warn,
)

SWEEP_LATE, SWEEP_GONE = timedelta(minutes=30), timedelta(days=1)
"""How long beyond an interval of reminders, and how long at all, there may be no sweep."""


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

    `lists_members` says whether the bot may list the guild's members, `list_from` from how many on the roster on a
    sweep would; times are shown in `zone`.
    """

    now: datetime
    guild_id: int | None = None
    channel_id: int | None = None
    role_id: int | None = None
    guild: GuildFacts | Trouble | None = None
    channel: ChannelFacts | Trouble | None = None
    lists_members: bool | Trouble | None = None
    list_from: int = 0
    direct_messages: bool = True
    new_dms: int = 0
    remind_every: timedelta = timedelta(hours=3)
    roster: RosterFacts | None = None
    zone: tzinfo | None = None


# The way to the channel


def _guild(todo: TodoFacts) -> Judgement | None:
    if todo.guild_id is None:
        return fail("GUILD_ID is not set", "set it, or guild in [todo] of giftping.toml")
    if isinstance(todo.guild, Trouble) and todo.guild.status in (FORBIDDEN, NOT_FOUND):
        said = f"the bot is not in guild {todo.guild_id} ({todo.guild.reason})"
        return fail(said, "invite the bot there, or set GUILD_ID to the right guild")
    if isinstance(todo.guild, Trouble):
        return unanswered(f"guild {todo.guild_id} was not shown", todo.guild)
    return ok(f"{todo.guild.name} ({todo.guild_id})") if todo.guild else None


def _channel(todo: TodoFacts) -> Judgement | None:
    if todo.channel_id is None:
        return fail("TODO_CHANNEL_ID is not set", "set it, or channel in [todo] of giftping.toml")
    channel, name = todo.channel, f"channel {todo.channel_id}"
    if channel is None:
        return None
    if isinstance(channel, Trouble):
        if channel.status == FORBIDDEN:
            return fail(f"the bot cannot see {name} ({channel.reason})", "allow it View Channel there")
        if channel.status == NOT_FOUND:
            return fail(f"there is no {name} ({channel.reason})", "set TODO_CHANNEL_ID to one that is there")
        return unanswered(f"{name} was not shown", channel)
    if todo.guild_id is not None and channel.guild_id != todo.guild_id:
        where = f"in guild {channel.guild_id}" if channel.guild_id else "in no guild"
        return fail(f"{name} is {where}, not in guild {todo.guild_id}", "set TODO_CHANNEL_ID, or GUILD_ID, right")
    if channel.takes_no_messages:
        said = f"{name} is {channel.takes_no_messages} and takes no messages"
        return fail(said, "set TODO_CHANNEL_ID to a text channel or a thread")
    return ok(f"{name} is in the guild and takes messages")


def _channel_permissions(todo: TodoFacts) -> Judgement | None:
    if not isinstance(todo.channel, ChannelFacts) or not isinstance(todo.guild, GuildFacts):
        return None
    if todo.channel.takes_no_messages or todo.channel.guild_id != todo.guild_id:
        return None
    missing = todo.channel.missing
    if isinstance(missing, Trouble):
        return warn(f"not to be told: {missing.reason}", "run giftping doctor again")
    if missing:
        names = ", ".join(missing)
        return fail(f"the bot lacks {names} in channel {todo.channel_id}", f"allow it there, or for its role: {names}")
    return ok("the bot may post there, with embeds and files, and read back")


def _role(todo: TodoFacts) -> Judgement | None:
    if todo.role_id is None:
        return ok("none is set: members are reminded, and nobody loses a role")
    if not isinstance(todo.guild, GuildFacts):
        return None
    role = todo.guild.role
    if role is None:
        return fail(f"the guild has no role {todo.role_id}", "set ROLE_ID to one that it has, or leave it away")
    if todo.role_id == todo.guild_id:
        return fail("it is @everyone, which nobody can lose", "set ROLE_ID to a role of its own")
    if role.is_managed:
        said = f"{role.name} belongs to an integration, which alone may give and take it"
        return fail(said, "make a role for the TODO members, and set ROLE_ID to that")
    return ok(f"{role.name} ({todo.role_id})")


def _manage_roles(todo: TodoFacts) -> Judgement | None:
    bot = _bot_with_role(todo)
    if isinstance(bot, Trouble):
        return unanswered("the bot's own roles were not shown", bot)
    if bot is None:
        return None
    if not bot.manages_roles:
        return fail("the bot lacks Manage Roles", "allow it for the bot's role, in the guild's settings under Roles")
    return ok("the bot has Manage Roles")


def _role_order(todo: TodoFacts) -> Judgement | None:
    bot = _bot_with_role(todo)
    role = todo.guild.role if isinstance(todo.guild, GuildFacts) else None
    if role is None or not isinstance(bot, BotFacts):
        return None
    if role.position >= bot.position:
        return fail(
            f"the bot's highest role (position {bot.position}) is not above {role.name} (position {role.position})",
            f"drag a role of the bot's above {role.name}, in the guild's settings under Roles",
        )
    return ok(f"the bot's highest role is above {role.name}")


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
        return warn(f"not to be told: {granted.reason}", "run giftping doctor again")
    if granted:
        return ok("the bot may list the guild's members")
    size = todo.roster.size if todo.roster else 0
    if size < todo.list_from:
        return ok(f"not granted, and not needed: with {counted(size, 'member')} each is asked about alone")
    said = f"not granted: all {size} members are asked about one by one, which takes time"
    return warn(said, "switch Server Members Intent on in Discord's developer portal, under Bot")


def _direct_messages(todo: TodoFacts) -> Judgement | None:
    if not todo.direct_messages:
        return ok("switched off: members are told in the channel alone")
    roster = todo.roster
    if roster is None:
        return None
    if roster.dms_stopped_until is not None and roster.dms_stopped_until > todo.now:
        until = f"{roster.dms_stopped_until.astimezone(todo.zone):%Y-%m-%d %H:%M %Z}"
        said = f"Discord found that they were opened too fast: no new ones until {until}"
        return warn(said, "wait; if it comes again, lower new_dms in [todo]")
    if not todo.new_dms:
        return ok("new_dms is 0: only members who were written to before get them")
    closed = (
        f"; {roster.closed_dms} of {roster.size} take none, and are told in the channel" if roster.closed_dms else ""
    )
    return ok(f"switched on{closed}")


# The roster and its sweeps


def _roster(todo: TodoFacts) -> Judgement | None:
    roster = todo.roster
    if roster is None:
        return None
    if roster.odd:
        said = f"{counted(len(roster.odd), 'document')} cannot be read and {are(roster.odd)} skipped"
        return fail(f"{said}: {named(roster.odd)}", "correct or remove what is named")
    if not roster.size:
        return warn("nobody is on it", "put members on it: giftping todo roster add")
    never = f", {roster.never_submitted} of them without any TODO yet" if roster.never_submitted else ""
    return ok(f"{counted(roster.size, 'member')}{never}")


def _left(todo: TodoFacts) -> Judgement | None:
    if not todo.roster or not todo.roster.size:
        return None
    left = todo.roster.left
    if left:
        said = f"{counted(len(left), 'member')} {are(left)} not in the guild: {named(left)}"
        return warn(said, "nobody reminds them; take them off: giftping todo roster remove")
    return ok("nobody on the roster is known to have left the guild")


def _unlisted(todo: TodoFacts) -> Judgement | None:
    if todo.roster is None:
        return None
    unlisted = todo.roster.unlisted
    if unlisted:
        said = f"{counted(len(unlisted), 'person')} handed in TODOs lately and {are(unlisted)} not on the roster"
        return warn(f"{said}: {named(unlisted)}", "nobody reminds them; put them on: giftping todo roster add")
    return ok("nobody who hands in TODOs is missing on the roster")


def _last_sweep(todo: TodoFacts) -> Judgement | None:
    roster = todo.roster
    if roster is None:
        return None
    if not roster.size:
        return ok("not needed: nobody is on the roster")
    timer = "have a timer run giftping todo sweep every 15 minutes: crontab.example"
    if roster.last_sweep is None:
        return warn("there was none yet", timer)
    age = max(todo.now - roster.last_sweep, timedelta(0))
    said = f"{about(age)} ago"
    if age >= max(SWEEP_GONE, todo.remind_every + SWEEP_LATE):
        return fail(said, timer)
    if age >= todo.remind_every + SWEEP_LATE:
        return warn(f"{said}, and members are to be reminded every {about(todo.remind_every)}", timer)
    if roster.told:
        return warn(f"{said}, with trouble: {named(roster.told)}", "mend that; the next sweep tries again")
    return ok(said)


def _claims(todo: TodoFacts) -> Judgement | None:
    if todo.roster is None:
        return None
    stale = todo.roster.stale
    if stale:
        said = f"{counted(len(stale), 'claim')} of a run that ended midway {are(stale)} not settled: {named(stale)}"
        return warn(said, "the next sweep looks; to have it look now: giftping todo sweep")
    return ok("none is open for longer than the lease")


TODO_CHECKS: tuple[tuple[str, Callable[[TodoFacts], Judgement | None]], ...] = (
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
