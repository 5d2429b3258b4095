"""The environment giftping runs in: the real one, with `.env` files beneath it, and where each variable came from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

REAL = "environment"

OWN_PREFIX = "GIFTPING_"
# giftping itself reads none of these; its suite does.
TEST_VARIABLES = frozenset({"GIFTPING_TEST_MONGO"})


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a `.env` file."""

    name: str
    value: str = field(repr=False)
    line: int
    """The line that sets it, counted from 1."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable was set."""

    name: str
    """"environment", or the path of a `.env` file."""
    line: int | None = None
    """The line of that file."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables, and where they were set."""

    values: Mapping[str, str] = field(repr=False)
    """The variables by name; left out of the repr, because some are secrets."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where a variable was set, for those that the real environment does not hold."""

    def get(self, name: str) -> str:
        """A variable's value; empty when it is not set, as an empty variable counts as not set."""
        return self.values.get(name, "")

    def place_of(self, name: str) -> Place:
        """Where a variable was set."""
        return self.places.get(name, Place(REAL))

    def beneath(self, file: Path, variables: Iterable[Variable]) -> Environment:
        """This environment with the variables of a `.env` file added that are not in it yet.

        Where the file sets a variable twice, the last line counts. A variable that is set to nothing in the
        real environment stays nothing: so one can switch off what a `.env` file sets.
        """
        fresh = {variable.name: variable for variable in variables if variable.name not in self.values}
        if not fresh:
            return self
        values = {**self.values, **{name: variable.value for name, variable in fresh.items()}}
        places = {**self.places, **{name: Place(str(file), variable.line) for name, variable in fresh.items()}}
        return Environment(MappingProxyType(values), MappingProxyType(places))

    def unknown_variables(self, known: Collection[str]) -> list[str]:
        """The names, sorted, that begin like giftping's own variables but are none of the known ones."""
        own = (name for name in self.values if name.startswith(OWN_PREFIX))
        return sorted(name for name in own if name not in known and name not in TEST_VARIABLES)
