"""What a check of `giftping doctor` comes to, and the words that all of them use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

SHOWN = 3
"""How many of several things are named."""

CLOCK_WARN, CLOCK_FAIL = timedelta(seconds=5), timedelta(minutes=1)
"""How far this machine's clock may be from another one: answers tell whole seconds, and take some on their way."""

UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404


class Verdict(StrEnum):
    """How a check ended. WARN is what works for now; FAIL is what does not."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a check found; `next_step` is empty when all is well.

    `subject` is the source, or the id of the guild, that it is about; empty for what is about no single one.
    """

    verdict: Verdict
    what: str
    next_step: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something could not be found out; `status` is that of a clean no, None when there was no answer at all."""

    reason: str
    status: int | None = None


def ok(what: str) -> Judgement:
    """Return that all is well."""
    return Judgement(Verdict.OK, what)


def warn(what: str, next_step: str, subject: str = "") -> Judgement:
    """Return what works for now."""
    return Judgement(Verdict.WARN, what, next_step, subject)


def fail(what: str, next_step: str, subject: str = "") -> Judgement:
    """Return what does not work."""
    return Judgement(Verdict.FAIL, what, next_step, subject)


def unanswered(what: str, trouble: Trouble, subject: str = "") -> Judgement:
    """Return that Discord has not said how something stands."""
    next_step = "run giftping doctor again; if it stays, see https://discordstatus.com"
    return fail(f"{what}: {trouble.reason}", next_step, subject)


def about(span: timedelta) -> str:
    """A span in its largest unit, rounded down: `3 h`."""
    seconds = int(span.total_seconds())
    sizes = (("d", 86_400), ("h", 3_600), ("min", 60))
    unit, size = next(((unit, size) for unit, size in sizes if seconds >= size), ("s", 1))
    return f"{seconds // size} {unit}"


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 member`, `2 people`."""
    plural = {"person": "people"}.get(noun, f"{noun}s")
    return f"{count} {noun if count == 1 else plural}"


def are(things: Sequence[str]) -> str:
    """The verb for so many things."""
    return "is" if len(things) == 1 else "are"


def named(things: Sequence[str]) -> str:
    """The first few of several things by name, and how many more there are."""
    more = f" and {len(things) - SHOWN} more" if len(things) > SHOWN else ""
    return "; ".join(things[:SHOWN]) + more


def clock_judged(offset: timedelta, whose: str) -> Judgement:
    """Return what a clock is worth that another one, `whose`, is ahead of by `offset`."""
    apart = abs(offset)
    way = "behind" if offset > timedelta(0) else "ahead of"
    said = f"this machine's clock is {about(apart)} {way} {whose}"
    if apart >= CLOCK_FAIL:
        return fail(said, "set it, and keep it right: timedatectl set-ntp true")
    if apart >= CLOCK_WARN:
        return warn(said, "keep it right: timedatectl set-ntp true")
    return ok(f"right by {whose}, to a few seconds")
