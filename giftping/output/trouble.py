"""What is wrong, in words, and by what it is known to be the same trouble as before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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


def without_numbers(line: str) -> str:
    """A line of trouble without how many and how long: it is the same trouble while these change."""
    import re

    return re.sub(r"\b\d+(\.\d+)? (s|members?|guilds?|codes?)\b", r"\2", line)
