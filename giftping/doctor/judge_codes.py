"""What `giftping doctor` makes of the gift codes: sources, destinations, the checks, and what they left open. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from giftping.doctor.judging import (
    FORBIDDEN,
    NOT_FOUND,
    UNAUTHORIZED,
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

STILL = timedelta(days=90)
"""After how long without any change a source may have been given up by those who kept it."""

FAILING_LONG = timedelta(days=1)
"""How long a source may fail: what it listed last is too old then to speak of."""

LATE, GONE = timedelta(minutes=15), timedelta(days=1)
"""How long there may be no check beyond three times the usual time between two, and how long at all."""


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source that is in use, as it was when it was asked last; `trouble` says why that failed.

    `is_new_shape` when it answered something that its definition does not fit. `count` codes and `dropped` other rows
    are in its list, which was confirmed at `listed_at` and last changed at `changed_at`.
    """

    name: str
    is_built_in: bool = True
    trouble: str = ""
    is_new_shape: bool = False
    failing_since: datetime | None = None
    count: int = 0
    dropped: int = 0
    listed_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BrokenFacts:
    """A destination that the checks leave alone: why, since when, and when they try again, None for never."""

    reason: str
    since: datetime
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DestinationFacts:
    """Where a guild's announcements go, as Discord shows it now; `is_asked` unless there were too many to ask.

    `unusable` says why there is no way there at all, such as a secret that is not set; `trouble` what Discord says
    to a look. `missing` are the permissions that the bot lacks in its channel.
    """

    guild_id: int
    label: str
    is_webhook: bool = False
    is_asked: bool = True
    unusable: str = ""
    trouble: Trouble | None = None
    takes_no_messages: str = ""
    channel_guild_id: int | None = None
    missing: tuple[str, ...] | Trouble = ()
    lost_mention: int | None = None
    broken: BrokenFacts | None = None

    @property
    def is_gone(self) -> bool:
        """Whether Discord knows it no more."""
        gone = (UNAUTHORIZED, NOT_FOUND) if self.is_webhook else (NOT_FOUND,)
        return self.trouble is not None and self.trouble.status in gone


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """The last check of this host, None for none: when it ended, how, and the usual time between two.

    `elsewhere` is when the last check of another host ended.
    """

    at: datetime | None = None
    exit_code: int = 0
    every: timedelta | None = None
    elsewhere: datetime | None = None


@dataclass(frozen=True, slots=True)
class CodesFacts:
    """The gift-code part. `memory_trouble` says why it is not known what the sources listed last.

    `unknown_games` and `unlisted_games` are games that guilds follow and no settings name, or no source lists.
    `uncertain` codes wait for a person; `stale` claims are older than the lease. `is_live` when the sources were asked
    just now.
    """

    now: datetime
    sources: tuple[SourceFacts, ...] = ()
    memory_trouble: str = ""
    is_live: bool = False
    unknown_games: tuple[str, ...] = ()
    unlisted_games: tuple[str, ...] = ()
    destinations: tuple[DestinationFacts, ...] = ()
    check: CheckFacts = CheckFacts()
    uncertain: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()


# Sources


def _source(codes: CodesFacts) -> list[Judgement]:
    found = [_one_source(source, codes) for source in codes.sources]
    troubled = [one for one in found if one is not None]
    if codes.memory_trouble:
        troubled.append(warn(codes.memory_trouble, "if it comes again, remove that file"))
    well = [source for source, one in zip(codes.sources, found, strict=True) if one is None]
    return troubled + ([ok(_well_sources(well, codes.now))] if well else [])


def _well_sources(sources: Sequence[SourceFacts], now: datetime) -> str:
    changed = [(source.changed_at, source.name) for source in sources if source.changed_at is not None]
    answer = f"{counted(len(sources), 'source')} {'answers' if len(sources) == 1 else 'answer'}"
    if not changed:
        return answer
    at, name = max(changed)
    return f"{answer}; the last change was {_ago(at, now)}: {name}"


def _one_source(source: SourceFacts, codes: CodesFacts) -> Judgement | None:
    test = f"giftping sources test {source.name}"
    if source.trouble:
        return _failing_source(source, codes.now, test)
    if source.listed_at is None:
        return warn(f"{source.name} was never asked on this host", "run: giftping codes check", source.name)
    if source.dropped and not source.count:
        rows = counted(source.dropped, "row")
        return warn(f"{source.name} lists {rows}, and none is a code", f"see what it yields: {test}", source.name)
    age = codes.now - (source.changed_at or source.listed_at)
    if age >= STILL:
        said = f"{source.name} has not changed for {about(age)}"
        return warn(said, f"see whether it is still kept: {test}", source.name)
    return None


def _failing_source(source: SourceFacts, now: datetime, test: str) -> Judgement:
    span = f" for {about(max(now - source.failing_since, timedelta(0)))}" if source.failing_since else ""
    if source.is_new_shape:
        said = f"{source.name} has had another shape{span}: {source.trouble}"
        mend = "wait for a release that knows it, or switch it off" if source.is_built_in else "correct its table"
        return fail(said, f"see what it yields: {test}; then {mend}", source.name)
    said = f"{source.name} has failed{span}: {source.trouble}"
    if source.listed_at is None or now - source.listed_at >= FAILING_LONG:
        return fail(said, f"see what it says: {test}; if it is gone for good, switch it off", source.name)
    kept = f"what it listed {_ago(source.listed_at, now)} still counts"
    return warn(f"{said}; {kept}", f"wait; if it stays: {test}", source.name)


def _game(codes: CodesFacts) -> list[Judgement]:
    unknown = [
        fail(f"{game} is followed, and no settings name it", "correct it: giftping guilds add … --game", game)
        for game in codes.unknown_games
    ]
    unlisted = [
        fail(f"{game} is followed, and no source for it is switched on", "switch one on: giftping sources list", game)
        for game in codes.unlisted_games
    ]
    return unknown + unlisted or [ok("each game that a guild follows has a source")]


# Destinations


def _destination(codes: CodesFacts) -> list[Judgement]:
    found = [_one_destination(destination, codes.now) for destination in codes.destinations]
    troubled = [one for one in found if one is not None]
    well = [one for one, judged in zip(codes.destinations, found, strict=True) if judged is None]
    asked = sum(one.is_asked for one in well)
    said = f"{asked} of {counted(len(codes.destinations), 'guild')} can be posted to"
    if left := len(well) - asked:
        said += f"; {left} were not asked about: giftping doctor --live asks about all"
    return troubled + ([ok(said)] if well else [])


def _one_destination(one: DestinationFacts, now: datetime) -> Judgement | None:
    name, subject = f"guild {one.guild_id}: {one.label}", str(one.guild_id)
    test = f"giftping guilds test {one.guild_id}"
    if one.unusable:
        return fail(f"{name}: {one.unusable}", f"set what is missing, then: {test}", subject)
    if one.trouble is not None:
        return _hidden_destination(one, one.trouble, name, test)
    if one.takes_no_messages:
        said = f"{name} is {one.takes_no_messages} and takes no messages"
        return fail(said, f"give it a text channel: giftping guilds add {one.guild_id} --channel ID", subject)
    if one.channel_guild_id not in (None, one.guild_id):
        said = f"{name} is in guild {one.channel_guild_id}"
        return fail(said, f"give it one of its own: giftping guilds add {one.guild_id} --channel ID", subject)
    if isinstance(one.missing, Trouble):
        said = f"{name}: what the bot may do is not to be told: {one.missing.reason}"
        return warn(said, "run giftping doctor again", subject)
    if one.missing:
        names = ", ".join(one.missing)
        return fail(
            f"{name}: the bot lacks {names}", f"allow it there, or for its role: {names}; then: {test}", subject
        )
    if one.broken is not None:
        return _resting(one.broken, now, name, test, subject)
    if one.lost_mention is not None:
        said = f"{name}: the role {one.lost_mention}, which is to be mentioned, is gone"
        return warn(said, f"name another: giftping guilds add {one.guild_id} --mention ROLE", subject)
    return None


def _hidden_destination(one: DestinationFacts, trouble: Trouble, name: str, test: str) -> Judgement:
    subject = str(one.guild_id)
    if one.is_gone and one.is_webhook:
        said = f"{name} is gone ({trouble.reason})"
        return fail(said, f"make a new one: giftping guilds add {one.guild_id} --webhook URL; then: {test}", subject)
    if one.is_gone:
        said = f"{name} is not there ({trouble.reason})"
        return fail(said, f"give it another: giftping guilds add {one.guild_id} --channel ID; then: {test}", subject)
    if trouble.status == FORBIDDEN:
        said = f"{name}: the bot cannot see it ({trouble.reason})"
        return fail(said, f"invite the bot to the guild, and allow it View Channel there; then: {test}", subject)
    return unanswered(f"{name} was not shown", trouble, subject)


def _resting(broken: BrokenFacts, now: datetime, name: str, test: str, subject: str) -> Judgement:
    said = f"{name} has been left alone for {about(max(now - broken.since, timedelta(0)))}: {broken.reason}"
    if broken.retry_at is None:
        return fail(said, f"it can be seen now: {test}", subject)
    return warn(said, f"it is tried again by itself; to have it done now: {test}", subject)


def _webhook_purge(codes: CodesFacts) -> Judgement | None:
    webhooks = [one for one in codes.destinations if one.is_webhook and one.is_asked]
    gone = [f"guild {one.guild_id}" for one in webhooks if one.is_gone]
    if gone:
        said = (
            f"{counted(len(gone), 'webhook')} {are(gone)} gone ({named(gone)}): an older TODO bot deletes, every few"
            " minutes, all webhooks of a guild that it has no note of"
        )
        next_step = "if that bot is in the guild, stop it before you make a new webhook, or use --channel instead"
        return warn(said, next_step)
    return ok("no webhook has vanished") if webhooks else None


# Checks, and what they left open


def _last_check(codes: CodesFacts) -> Judgement:
    check = codes.check
    timer = "have a timer run giftping codes check: giftping init shows the line"
    if check.at is None:
        if check.elsewhere is not None and codes.now - check.elsewhere < GONE:
            return ok(f"none on this host; another one's was {_ago(check.elsewhere, codes.now)}")
        return warn("there was none on this host yet", timer)
    age, usual = max(codes.now - check.at, timedelta(0)), check.every
    said = f"{about(age)} ago" + (f", usually every {about(usual)}" if usual else "")
    if age >= max(GONE, 3 * (usual or timedelta(0))):
        return fail(said, timer)
    if usual is not None and age >= 3 * usual + LATE:
        return warn(said, timer)
    if check.exit_code:
        return warn(f"{said}, with trouble (exit code {check.exit_code})", "see what it was: giftping codes check -v")
    return ok(said)


def _ago(moment: datetime, now: datetime) -> str:
    return f"{about(max(now - moment, timedelta(0)))} ago"


def _uncertain(codes: CodesFacts) -> Judgement:
    if codes.uncertain:
        said = (
            f"of {counted(len(codes.uncertain), 'code')} nobody can tell whether it arrived: {named(codes.uncertain)}"
        )
        return fail(said, "look into the channels, then: giftping codes settle")
    return ok("of every code it is known whether it arrived")


def _stale(codes: CodesFacts) -> Judgement:
    if codes.stale:
        said = f"{counted(len(codes.stale), 'code')} of a run that ended midway {are(codes.stale)} not settled"
        return warn(f"{said}: {named(codes.stale)}", "the next check looks; to have it look now: giftping codes check")
    return ok("no code is claimed for longer than the lease")


CODES_CHECKS: tuple[tuple[str, Callable[[CodesFacts], Judgement | Sequence[Judgement] | None]], ...] = (
    ("source", _source),
    ("game", _game),
    ("destination", _destination),
    ("webhook purge", _webhook_purge),
    ("last check", _last_check),
    ("uncertain", _uncertain),
    ("claims", _stale),
)
"""The checks of the gift-code part. `source`, `game` and `destination` say something of each one that is not well."""
