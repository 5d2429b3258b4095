"""How a command line went."""

from __future__ import annotations

import json
import re
import shlex
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


def printed_commands(text: str) -> list[list[str]]:
    """The commands that a text names between code marks, as a shell takes them, without the program's name."""
    # What Discord is sent is escaped; its readers do not see that.
    said = re.sub(r"\\([`_*])", r"\1", text)
    return [shlex.split(found)[1:] for found in re.findall(r"`(giftping .*?)`", said)]
