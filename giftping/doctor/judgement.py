"""What a check of `giftping doctor` comes to, and the words that all of them use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from giftping.text import counted, verb_for

SHOWN = 3
"""How many of several things are named."""

ODD_SHOWN = 100
"""So many documents that cannot be read are named: whoever is to mend them has to know each."""


class Verdict(StrEnum):
    """How a check ended. WARN is what works for now; FAIL is what does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a check makes of the facts."""

    verdict: Verdict
    what: str
    """What was found, in words."""
    next_step: str = ""
    """What to do about it; empty when all is well."""
    subject: str = ""
    """The source, the game, or the id of the guild that it is about; empty for what is about no single one."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """What there is where an answer should be: why something could not be found out."""

    reason: str
    status: int | None = None
    """The HTTP status of a clean no; None when there was no answer at all."""
    is_on_the_way: bool = False
    """Whether Discord has surely not been reached: no connection was made, or something else answered in its place."""


Part = TypeVar("Part")
Checks = tuple[tuple[str, Callable[[Part], Judgement | Sequence[Judgement] | None]], ...]
"""Checks by name, in the order in which they are told.

A check is a function from facts to a judgement, None where it does not apply. What it says of several things is a
judgement for each of them that is not well, and one for all others.
"""


def ok(what: str) -> Judgement:
    """That all is well."""
    return Judgement(Verdict.OK, what)


def warn(what: str, next_step: str, subject: str = "") -> Judgement:
    """What works for now."""
    return Judgement(Verdict.WARN, what, next_step, subject)


def fail(what: str, next_step: str, subject: str = "") -> Judgement:
    """What does not work."""
    return Judgement(Verdict.FAIL, what, next_step, subject)


def unanswered(what: str, trouble: NoAnswer, subject: str = "") -> Judgement:
    """That Discord has not said how something stands, without which nothing works."""
    # Discord's own page says nothing of a proxy, a firewall or an address in the settings.
    looking = "https://discordstatus.com"
    if trouble.is_on_the_way:
        looking = "whether this machine reaches Discord: its network, a proxy or firewall, GIFTPING_DISCORD_API"
    return fail(f"{what}: {trouble.reason}", f"run giftping doctor again; if it stays, see {looking}", subject)


def untold(what: str, trouble: NoAnswer, subject: str = "") -> Judgement:
    """That something is not known which may well be in order."""
    return warn(f"{what}: {trouble.reason}", "run giftping doctor again", subject)


Thing = TypeVar("Thing")


def judge_each(
    things: Iterable[Thing], judge: Callable[[Thing], Judgement | None]
) -> tuple[list[Judgement], list[Thing]]:
    """The judgements of the things that are not well, and the things that are: those for which there is none."""
    judged = [(thing, judge(thing)) for thing in things]
    return [one for _, one in judged if one is not None], [thing for thing, one in judged if one is None]


# Words


def about(span: timedelta) -> str:
    """A span in its largest unit, rounded down: `3 h`; `0 s` for what is yet to come."""
    # What another machine has written down may lie ahead of this one's clock, by a little.
    seconds = max(0, int(span.total_seconds()))
    sizes = (("d", 86_400), ("h", 3_600), ("min", 60))
    unit, size = next(((unit, size) for unit, size in sizes if seconds >= size), ("s", 1))
    return f"{seconds // size} {unit}"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago a moment was: `3 h ago`."""
    return f"{about(now - moment)} ago"


def named(things: Sequence[str], most: int = SHOWN) -> str:
    """The first few of several things by name, and how many more there are."""
    more = f" and {len(things) - most} more" if len(things) > most else ""
    return "; ".join(things[:most]) + more


def left_midway(things: Sequence[str], noun: str) -> str:
    """What to say of claims older than the lease: the run that made them is over, and nobody has settled them."""
    left = f"{counted(len(things), noun)} of a run that ended midway {verb_for(len(things), 'are')} not settled"
    return f"{left}: {named(things)}"
