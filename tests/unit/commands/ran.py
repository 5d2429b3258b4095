"""How a command line went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ran:
    """The exit code of a command, and what it wrote."""

    exit_code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """What `--json` wrote: one object and nothing else."""
        return json.loads(self.output)

    @property
    def error(self) -> str:
        """The one line of trouble that it wrote."""
        (line,) = self.errors.splitlines()
        return line
