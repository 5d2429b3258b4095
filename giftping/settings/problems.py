"""Mistakes in settings, gathered so that all of them are told at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a table."""

    key: str
    """The dotted key, relative to the table; empty for the table itself."""
    reason: str
    """What is wrong, and what to do about it."""

    def below(self, prefix: str) -> Problem:
        """The same mistake as seen from one table further up."""
        return Problem(f"{prefix}.{self.key}" if self.key else prefix, self.reason)


def near_name(name: object, allowed: Iterable[str]) -> str:
    """The name among the allowed ones that was probably meant, empty where none comes near."""
    # Here, because a run without mistakes does not need it.
    from difflib import get_close_matches

    near = get_close_matches(str(name), sorted(allowed), n=1)
    return near[0] if near else ""


def nearest(name: object, allowed: Iterable[str], *, otherwise: str = "known here") -> str:
    """A hint at the right name: the nearest one, or all there are."""
    names = sorted(allowed)
    near = near_name(name, names)
    return f"did you mean {near!r}?" if near else f"{otherwise}: {', '.join(names) or 'none'}"


def unknown_key(key: str, allowed: Iterable[str]) -> Problem:
    """The problem of a key that nobody reads, with the nearest right key or all of them."""
    return Problem(key, f"unknown key; {nearest(key, allowed)}")


def unknown_value(key: str, value: object, allowed: Iterable[str]) -> Problem:
    """The problem of a value outside a fixed set, with the nearest right one or all of them."""
    return Problem(key, f"{value!r} is not known; {nearest(value, allowed, otherwise='one of')}")
