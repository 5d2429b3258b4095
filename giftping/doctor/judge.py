"""What `giftping doctor` makes of what it was shown: facts in, findings with the next step out. Pure.

A check is a function from facts to a judgement, None where it does not apply, and a line in a table: CHECKS,
HOST_CHECKS and DISCORD_CHECKS here, CODES_CHECKS and TODO_CHECKS beside it. What a check says of several sources or
guilds is a judgement for each of them that is not well, and one for all others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from giftping.doctor.judge_codes import CODES_CHECKS, CodesFacts
from giftping.doctor.judge_todo import TODO_CHECKS, TodoFacts
from giftping.doctor.judging import (
    UNAUTHORIZED,
    Judgement,
    Trouble,
    Verdict,
    about,
    are,
    clock_judged,
    counted,
    fail,
    named,
    ok,
    unanswered,
    warn,
)

ROOM_WARN, ROOM_FAIL = 100 * 2**20, 5 * 2**20
"""Free bytes below which the state folder's disk is nearly full, and too full: the ledger is written anew at times."""

OTHERS = 0o007
"""The bits of a file's mode that are everybody's."""

HOST_LATE, HOST_GONE = timedelta(hours=1), timedelta(days=30)
"""How long another host may take to follow what is in the ledger, and after how long it is missed no longer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, with the check's name, and the source or the guild's id where it is about a single one."""

    name: str
    verdict: Verdict
    what: str
    next_step: str
    subject: str = ""


# What the checks are shown


@dataclass(frozen=True, slots=True)
class SettingsFacts:
    """The settings that count: their file, None where there is none, and their warnings."""

    file: str | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file that settings or secrets come from.

    `exposure` says what others can read in it that they should not; `is_open` when every user can change it.
    """

    path: str
    exposure: str = ""
    is_open: bool = False


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
class HostFacts:
    """Another host that shares the ledger: what it last did, and when.

    Checks with nothing new leave no trace in the ledger. `missed` is when others last wrote there, if the host has not
    come to see that.
    """

    name: str
    job: str
    at: datetime
    missed: datetime | None = None


@dataclass(frozen=True, slots=True)
class MongoFacts:
    """The MongoDB that several hosts share; `trouble` says why it cannot be used.

    `lacking` are the rights that its user lacks, None where they are not shown; `clock_offset` is how far its clock
    is ahead of ours. `waiting` changes are yet to be carried back from the mirror, which was last in step at
    `in_step_at`, None for never.
    """

    name: str
    trouble: str = ""
    replica_set: str = ""
    members: int = 1
    lacking: tuple[str, ...] | None = ()
    clock_offset: timedelta | None = None
    waiting: int = 0
    in_step_at: datetime | None = None
    others: tuple[HostFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class DiscordFacts:
    """How this host and Discord stand to each other.

    `bot` is the bot's user id, None where nobody was asked; `is_needed` when something cannot be done without a bot;
    `clock_offset` is how far Discord's clock is ahead of ours.
    """

    has_token: bool = True
    is_needed: bool = True
    bot: int | Trouble | None = None
    clock_offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that was looked at.

    `mongo`, `codes` and `todo` are None where that part is not set up, `discord` where neither of the two is.
    """

    now: datetime
    settings: SettingsFacts
    folder: FolderFacts
    ledger: LedgerFacts
    files: tuple[FileFacts, ...] = ()
    mongo: MongoFacts | None = None
    discord: DiscordFacts | None = None
    codes: CodesFacts | None = None
    todo: TodoFacts | None = None


Part = TypeVar("Part")
Check = Callable[[Part], Judgement | Sequence[Judgement] | None]


def examined(facts: Facts) -> list[Finding]:
    """Return what every check that applies has found, in the order of the tables."""
    return [
        *_found(CHECKS, facts),
        *_found(HOST_CHECKS, facts if facts.mongo else None),
        *_found(DISCORD_CHECKS, facts.discord),
        *_found(CODES_CHECKS, facts.codes),
        *_found(TODO_CHECKS, facts.todo),
    ]


def _found(checks: Iterable[tuple[str, Check[Part]]], part: Part | None) -> Iterator[Finding]:
    for name, check in checks if part is not None else ():
        judged = check(part) if part is not None else None
        for one in [judged] if isinstance(judged, Judgement) else judged or ():
            yield Finding(name, one.verdict, one.what, one.next_step, one.subject)


# The machine


def _settings(facts: Facts) -> Judgement:
    warnings = facts.settings.warnings
    if warnings:
        return warn("; ".join(warnings), "do what the warning says, then: giftping config check")
    return ok(facts.settings.file or "no settings file: the defaults and the environment")


def _files(facts: Facts) -> Judgement | None:
    files = facts.files
    changeable = [file.path for file in files if file.is_open]
    if changeable:
        said = f"every user of this machine can change {named(changeable)}, and with that what giftping does"
        return fail(said, f"run: chmod o-w {' '.join(changeable)}")
    exposed = [file for file in files if file.exposure]
    if exposed:
        said = f"every user of this machine can read {named([file.path for file in exposed])}, with secrets in it"
        return warn(said, f"run: chmod 600 {' '.join(file.path for file in exposed)}")
    return ok(f"{counted(len(files), 'file')} with settings or secrets, in nobody else's reach") if files else None


def _state_folder(facts: Facts) -> Judgement:
    folder = facts.folder
    room = f"{_size(folder.free)} free"
    if not folder.is_writable:
        return fail(
            f"{folder.path} cannot be written to", "give it to the user that runs giftping, or set GIFTPING_STATE"
        )
    if folder.free < ROOM_FAIL:
        return fail(f"{folder.path}: the disk is full ({room})", "make room on the disk")
    if folder.mode is not None and folder.mode & OTHERS:
        return warn(f"{folder.path} is open to every user of this machine", f"run: chmod 700 {folder.path}")
    if folder.free < ROOM_WARN:
        return warn(f"{folder.path}: the disk is nearly full ({room})", "make room on the disk")
    return ok(f"{folder.path}{' (made by the first run)' if folder.mode is None else ''}, {room}")


def _ledger(facts: Facts) -> Judgement:
    ledger = facts.ledger
    if ledger.trouble:
        return fail(ledger.trouble, "mend that: until then nothing is announced and nobody is reminded")
    if ledger.notices:
        return warn("; ".join(ledger.notices), "giftping goes on meanwhile; if it stays, do what the notice says")
    return ok(f"{ledger.name} can be read")


def _size(count: int) -> str:
    """A number of bytes in MiB, or in GiB from ten of them on."""
    return f"{count // 2**30} GiB" if count >= 10 * 2**30 else f"{count // 2**20} MiB"


# Several hosts


def _mongodb(facts: Facts) -> Judgement | None:
    mongo = facts.mongo
    if mongo is None:
        return None
    if mongo.trouble:
        return fail(mongo.trouble, "mend that, then run giftping doctor again")
    if mongo.replica_set:
        return ok(f"{mongo.name}: the primary of {mongo.replica_set} answers, of {counted(mongo.members, 'member')}")
    return ok(f"{mongo.name}: a server of its own answers")


def _mongodb_user(facts: Facts) -> Judgement | None:
    mongo = facts.mongo
    if mongo is None or mongo.trouble:
        return None
    if mongo.lacking is None:
        return warn("what its user may do is not to be told", "see the server's log")
    if mongo.lacking:
        said = f"its user may not {', '.join(mongo.lacking)}"
        return fail(said, "grant it the role readWrite on the database")
    return ok("its user may read and write")


def _mongodb_clock(facts: Facts) -> Judgement | None:
    mongo = facts.mongo
    if mongo is None or mongo.clock_offset is None:
        return None
    return clock_judged(mongo.clock_offset, "MongoDB's")


def _mirror(facts: Facts) -> Judgement | None:
    mongo = facts.mongo
    if mongo is None or (mongo.in_step_at is None and mongo.trouble):
        return None
    if mongo.waiting:
        verb = "waits" if mongo.waiting == 1 else "wait"
        said = f"{counted(mongo.waiting, 'change')} {verb} here to be carried back to MongoDB"
        if mongo.trouble:
            return warn(said, "mend MongoDB; the first check after that carries them back")
        return warn(said, "the next check does it; to have it done now: giftping codes check")
    if mongo.in_step_at is None:
        return ok("made by the first check")
    return ok(f"in step {about(max(facts.now - mongo.in_step_at, timedelta(0)))} ago, and nothing waits in it")


def _other_hosts(facts: Facts) -> Judgement | None:
    if facts.mongo is None or facts.mongo.trouble:
        return None
    others = facts.mongo.others
    silent = [
        f"{host.name}: last {host.job} {about(facts.now - host.at)} ago"
        for host in others
        if host.missed is not None and facts.now - host.missed >= HOST_LATE and facts.now - host.at < HOST_GONE
    ]
    if silent:
        said = f"{counted(len(silent), 'host')} {are(silent)} behind what others have recorded: {named(silent)}"
        return warn(said, "look after its timers; if it was switched off for good, all is well")
    live = [host for host in others if facts.now - host.at < HOST_GONE]
    return ok(f"{counted(len(live), 'other host')}, none of which is behind" if live else "no other host is known")


# Discord


def _token(discord: DiscordFacts) -> Judgement:
    if not discord.has_token and not discord.is_needed:
        return ok("none is set: webhooks need none, but what is unclear cannot be looked for then")
    if not discord.has_token:
        return fail("DISCORD_TOKEN is not set", "set it, or name its place as token in [discord]: giftping config show")
    if isinstance(discord.bot, Trouble) and discord.bot.status == UNAUTHORIZED:
        return fail(f"not accepted ({discord.bot.reason})", "make a new one in Discord's developer portal, under Bot")
    if isinstance(discord.bot, Trouble):
        return unanswered("nobody has said whether it is good", discord.bot)
    return ok(f"accepted, the bot is user {discord.bot}")


def _clock(discord: DiscordFacts) -> Judgement | None:
    return None if discord.clock_offset is None else clock_judged(discord.clock_offset, "Discord's")


CHECKS: tuple[tuple[str, Check[Facts]], ...] = (
    ("settings", _settings),
    ("files", _files),
    ("state folder", _state_folder),
    ("ledger", _ledger),
)
"""The checks of every installation."""

HOST_CHECKS: tuple[tuple[str, Check[Facts]], ...] = (
    ("mongodb", _mongodb),
    ("mongodb user", _mongodb_user),
    ("mongodb clock", _mongodb_clock),
    ("mirror", _mirror),
    ("other hosts", _other_hosts),
)
"""The checks of a ledger that several hosts share."""

DISCORD_CHECKS: tuple[tuple[str, Check[DiscordFacts]], ...] = (
    ("bot token", _token),
    ("clock", _clock),
)
"""The checks of the way to Discord."""
