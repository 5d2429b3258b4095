"""Read a TOML table value by value, and gather every mistake in it instead of stopping at the first."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeGuard

from giftping.settings.durations import parse_duration
from giftping.settings.problems import Problem, unknown_key, unknown_value
from giftping.text import parse_id


def is_table(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a TOML value is a table."""
    return isinstance(value, Mapping)


def toml_type(value: object) -> str:
    """Return what TOML calls the type of a value."""
    words = {bool: "a boolean", int: "an integer", float: "a float", str: "a string", list: "an array", dict: "a table"}
    return words.get(type(value), f"a {type(value).__name__}")


class TableReader:
    """A table that is being read; `problems` gathers what is wrong, under the table's dotted key."""

    def __init__(self, table: Mapping[str, object], prefix: str = "", problems: list[Problem] | None = None) -> None:
        self.table = table
        self.prefix = prefix
        self.problems: list[Problem] = [] if problems is None else problems

    def key(self, name: str) -> str:
        """The dotted key of a value of this table."""
        return f"{self.prefix}.{name}" if self.prefix else name

    def wrong(self, name: str, reason: str) -> None:
        """Note a mistake at a key of this table."""
        self.problems.append(Problem(self.key(name), reason))

    def only(self, allowed: Collection[str]) -> None:
        """Note every key that is not one of the allowed ones."""
        for name in self.table:
            if name not in allowed:
                found = unknown_key(name, allowed)
                self.problems.append(Problem(self.key(name), found.reason))

    def text(self, name: str, *, default: str = "", required: bool = False, what: str = "") -> str:
        """A string; note a missing one if it is required, an empty one, and one of another type."""
        if name not in self.table:
            if required:
                self.wrong(name, f"is missing: {what}" if what else "is missing")
            return default
        value = self.table[name]
        if not isinstance(value, str):
            self.wrong(name, f"must be a string, not {toml_type(value)}")
            return default
        if not value.strip():
            self.wrong(name, "must not be empty")
            return default
        return value

    def choice(self, name: str, allowed: Collection[str], *, default: str = "") -> str:
        """One of a fixed set of words, which is required where there is no default."""
        value = self.text(name, default=default, required=not default, what=f"one of {', '.join(sorted(allowed))}")
        if value and value not in allowed:
            found = unknown_value(name, value, allowed)
            self.problems.append(Problem(self.key(name), found.reason))
            return default
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """A boolean."""
        value = self.table.get(name, default)
        if isinstance(value, bool):
            return value
        self.wrong(name, f"must be true or false, not {toml_type(value)}")
        return default

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of strings."""
        value = self.table.get(name, [])
        if not isinstance(value, list):
            self.wrong(name, f"must be an array of strings, not {toml_type(value)}")
            return ()
        wrong = [item for item in value if not isinstance(item, str) or not item.strip()]
        if wrong:
            self.wrong(name, f"must hold non-empty strings only, not {toml_type(wrong[0])} {wrong[0]!r}")
            return ()
        return tuple(value)

    def count(self, name: str, *, default: int, most: int) -> int:
        """A whole number from 0 to `most`."""
        value = self.table.get(name, default)
        if type(value) is int and 0 <= value <= most:
            return value
        self.wrong(name, f"must be a whole number from 0 to {most}")
        return default

    def discord_id(self, name: str) -> int | None:
        """A Discord id, written as an integer or as a string of digits; None where there is none."""
        if name not in self.table:
            return None
        try:
            return parse_id(self.table[name])
        except ValueError as error:
            self.wrong(name, str(error))
            return None

    def discord_ids(self, name: str) -> frozenset[int]:
        """An array of Discord ids, each written as an integer or as a string of digits."""
        value = self.table.get(name, [])
        if not isinstance(value, list):
            self.wrong(name, f"must be an array of Discord ids, not {toml_type(value)}")
            return frozenset()
        found: set[int] = set()
        for item in value:
            try:
                found.add(parse_id(item))
            except ValueError as error:
                self.wrong(name, f"{item!r} {error}")
        return frozenset(found)

    def text_map(self, name: str) -> dict[str, str]:
        """A table of strings."""
        value = self.table.get(name, {})
        if not is_table(value):
            self.wrong(name, f"must be a table of strings, not {toml_type(value)}")
            return {}
        found: dict[str, str] = {}
        for key, item in value.items():
            if isinstance(item, str):
                found[key] = item
            else:
                self.wrong(f"{name}.{key}", f"must be a string, not {toml_type(item)}")
        return found

    def duration(self, name: str, *, default: timedelta) -> timedelta:
        """A span of time; note one that `parse_duration` cannot read."""
        if name not in self.table:
            return default
        try:
            return parse_duration(self.table[name])
        except ValueError as error:
            self.wrong(name, str(error))
            return default

    def pattern(self, name: str) -> str:
        """A regular expression; note one that does not compile."""
        value = self.text(name)
        reason = pattern_mistake(value)
        if reason:
            self.wrong(name, reason)
        return value

    @contextmanager
    def inside(self, name: str) -> Iterator[TableReader | None]:
        """Give a reader of the table at a key, None where there is none or the value is no table."""
        value = self.table.get(name)
        if value is None:
            yield None
        elif is_table(value):
            yield TableReader(value, self.key(name), self.problems)
        else:
            self.wrong(name, f"must be a table, not {toml_type(value)}")
            yield None


def pattern_mistake(pattern: str) -> str:
    """Why a regular expression does not compile, "" when it does."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression: {error}"
    return ""
