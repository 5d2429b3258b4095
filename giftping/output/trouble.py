"""What is wrong, in words, and by what it is known to be the same trouble as before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from giftping.delivery.clock import ClockStanding, ClockVerdict


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong, in words."""

    key: str
    """The same in each run as long as it is the same trouble: by it, trouble is told once and then once a day.

    `ONLY_IF_ASKED` for what is no news by itself.
    """
    line: str
    is_known: bool = False
    """Whether an earlier run, or another host, has told of it already."""
    counts_when_told: bool = False
    """Whether it counts in the exit code of the runs that tell of it, and of no other: it waits for a person."""
    is_told_once: bool = False
    """Whether it is not told again once a day: it may well last for weeks, and nothing is lost by it."""
    end_is_news: bool = False
    """Whether its end is told though no second run has met it."""
    is_of_host: bool = False
    """Whether it is trouble of this host and of no single job: whichever job meets it first tells it for all."""
    level: str = "error"
    """How much it matters in a log."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What it is about, by name, for logs."""


ONLY_IF_ASKED = ""
"""The key of what other runs tell of, once and daily: here only whoever asks is told that there is something."""

STORE = "store"
"""How the key of what lasts of the store begins, such as that MongoDB is away."""

RUN = "run"
"""How the key begins of what a whole look at everything meets, or else it is over."""

CLOCK = "clock"
"""The key of the trouble with this host's clock, or how it begins: how far it is off changes from run to run."""


def clock_troubles(clock: ClockVerdict) -> Iterator[Trouble]:
    """That this host's clock is off, where it is."""
    if clock.line:
        # That nothing is sent any more is not known to who was told that runs go by Discord's time.
        key = CLOCK if clock.may_send else f"{CLOCK} {clock.standing}"
        yield Trouble(key, clock.line, is_of_host=True, fields={"outcome": clock.standing.value})


def clock_over(clock: ClockVerdict) -> str:
    """That this host's clock is right again, in words; empty where nobody has said so."""
    return "this host's clock is right again" if clock.standing is ClockStanding.RIGHT else ""


def store_troubles(standing: str | None, lines: Sequence[str]) -> Iterator[Trouble]:
    """What lasts of the store, which is the same for all jobs of a host; nothing where all is well, or nobody looked.

    Among the `lines` of trouble is the one that says so, where it keeps the run from sending.
    """
    if standing:
        line = next((line for line in lines if standing in line), "")
        level = "error" if line else "warning"
        yield Trouble(store_key(standing), line or standing, is_of_host=True, level=level)


def run_troubles(standing: str | None, lines: Iterable[str]) -> Iterator[Trouble]:
    """What a run met on its way, but for what lasts of the store; it is over when a whole look does not meet it."""
    for line in lines:
        if not (standing and standing in line):
            # An idle run between two that look does not meet it: that is no sign of a slip.
            yield Trouble(f"{RUN} {without_numbers(line)}", line, end_is_news=True)


def store_key(standing: str) -> str:
    """The key of what lasts of the store: numbers in it, such as how much waits, change while it is the same."""
    import re

    return f"{STORE} {re.sub(r'[0-9]+', '#', standing)}"


def store_over(standing: str | None) -> str:
    """That the store is well again, in words; empty where nobody has looked."""
    return "the store is as it should be again: what waited for it goes on" if standing == "" else ""


def told_again(line: str, since: str) -> str:
    """A line of trouble that was told before, with since when: before what is to be done about it."""
    what, semicolon, then = line.partition("; ")
    return f"{what} (since {since}){semicolon}{then}"


def over_line(line: str) -> str:
    """That the trouble of a line is over: without what was to be done about it."""
    return f"{line.partition('; ')[0]}: this is over"


def without_numbers(line: str) -> str:
    """A line of trouble without how many and how long: it is the same trouble while these change."""
    import re

    return re.sub(r"\b\d+(\.\d+)? (s|members?|guilds?|codes?)\b", r"\2", line)
