"""What is wrong, in words, and by what it is known to be the same trouble as before. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from giftping.delivery.clock import ClockStanding, ClockVerdict


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, in words."""

    key: str
    """The same in each run as long as it is the same trouble: by it, trouble is told once and then once a day."""
    line: str
    is_known: bool = False
    """Whether an earlier run, or another host, has told of it already."""
    counts_when_told: bool = False
    """Whether it counts in the exit code of the runs that tell of it, and of no other: it waits for a person."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What it is about, by name, for logs."""


CLOCK = "clock"
"""The key of the trouble with this host's clock: how far it is off changes from run to run."""


def clock_troubles(clock: ClockVerdict) -> Iterator[Trouble]:
    """That this host's clock is off, where it is."""
    if clock.line:
        yield Trouble(CLOCK, clock.line, fields={"outcome": clock.standing.value})


def clock_over(clock: ClockVerdict) -> str:
    """That this host's clock is right again, in words; empty where nobody has said so."""
    return "this host's clock is right again" if clock.standing is ClockStanding.RIGHT else ""


def without_numbers(line: str) -> str:
    """A line of trouble without how many and how long: it is the same trouble while these change."""
    import re

    return re.sub(r"\b\d+(\.\d+)? (s|members?|guilds?|codes?)\b", r"\2", line)
