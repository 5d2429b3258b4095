"""Read a TOML table by the keys that a dataclass declares, and gather every mistake in it, not only the first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from giftping.settings.declaring import Key, keys_of
from giftping.settings.problems import Problem, unknown_key
from giftping.settings.value_types import WrongValueError, is_table, parse_pattern, parse_text, parse_zone, toml_type

_COSTLY = (parse_pattern, parse_zone)


class TableReader:
    """A table that is being read; `problems` gathers what is wrong, under the table's dotted key.

    In a `trusted` table patterns are not compiled and zones not looked up: each run would pay for it.
    """

    def __init__(
        self,
        table: Mapping[str, object],
        prefix: str = "",
        problems: list[Problem] | None = None,
        *,
        trusted: bool = False,
    ) -> None:
        self.table = table
        self.prefix = prefix
        self.problems: list[Problem] = [] if problems is None else problems
        self.trusted = trusted

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
                self.wrong(name, unknown_key(name, allowed).reason)

    def values(self, declared: type, kind: str = "") -> dict[str, Any]:
        """The values of the keys that a dataclass declares, by field; those that are wrong are noted and left out.

        `kind` is the kind of a source. A key that holds a table is the caller's to read.
        """
        found: dict[str, Any] = {}
        for name, key in keys_of(declared, kind).items():
            if name in self.table:
                found |= self.value(name, key)
            elif key.required:
                self.wrong(name, f"is missing: {key.required}")
        return found

    def value(self, name: str, key: Key) -> dict[str, Any]:
        """The value that stands at `name`, read as that of a key, by the key's field; nothing where it is wrong."""
        if key.parse is None:
            return {}
        parse = parse_text if self.trusted and key.parse in _COSTLY else key.parse
        try:
            return {key.field: parse(self.table[name])}
        except WrongValueError as error:
            self.problems += [problem.below(self.key(name)) for problem in error.problems]
            if error.rest is not None:
                return {key.field: error.rest}
        except ValueError as error:
            self.wrong(name, str(error))
        return {}

    def within(self, table: Mapping[str, object], name: str) -> TableReader:
        """A reader of a table that stands at a key of this one."""
        return TableReader(table, self.key(name), self.problems, trusted=self.trusted)

    @contextmanager
    def inside(self, name: str) -> Iterator[TableReader | None]:
        """A reader of the table at a key, None where there is none or the value is no table."""
        value = self.table.get(name)
        if value is None:
            yield None
        elif is_table(value):
            yield self.within(value, name)
        else:
            self.wrong(name, f"must be a table, not {toml_type(value)}")
            yield None
