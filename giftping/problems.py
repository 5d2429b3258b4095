"""Mistakes in settings, gathered so that all of them are told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: the dotted key it was made at, and what to do about it."""

    key: str
    reason: str

    def below(self, prefix: str) -> Problem:
        """Return the same mistake as seen from one table further up."""
        return Problem(f"{prefix}.{self.key}" if self.key else prefix, self.reason)


def unknown_key(key: str, allowed: Iterable[str]) -> Problem:
    """Return the problem of a key that nobody reads, with the nearest right key or all of them."""
    names = sorted(allowed)
    near = difflib.get_close_matches(key, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"
    return Problem(key, f"unknown key; {hint}")


def unknown_value(key: str, value: object, allowed: Iterable[str]) -> Problem:
    """Return the problem of a value outside a fixed set, with the nearest right one or all of them."""
    names = sorted(allowed)
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}"
    return Problem(key, f"{value!r} is not known; {hint}")
