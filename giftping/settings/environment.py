"""The environment giftping runs in: the real one, with `.env` files beneath it, and where each variable came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

REAL = "environment"

OWN_PREFIX = "GIFTPING_"
OWN_VARIABLES = frozenset({"GIFTPING_CONFIG", "GIFTPING_STATE", "GIFTPING_DISCORD_API"})
TEST_VARIABLES = frozenset({"GIFTPING_TEST_MONGO"})


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable of a `.env` file and the line, counted from 1, that sets it."""

    name: str
    value: str = field(repr=False)
    line: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a variable was set: "environment" or a `.env` file, there with the line."""

    name: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables, and for each the place that set it. Values are left out of its repr: some are secrets."""

    values: Mapping[str, str] = field(repr=False)
    places: Mapping[str, Place] = field(default_factory=dict)

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

    def unknown_variables(self) -> list[str]:
        """The names, sorted, that begin like giftping's own variables but that nobody reads."""
        return sorted(
            name
            for name in self.values
            if name.startswith(OWN_PREFIX) and name not in OWN_VARIABLES and name not in TEST_VARIABLES
        )
