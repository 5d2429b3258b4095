"""Names beside ids, where people read a line. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from giftping.text import printable

if TYPE_CHECKING:
    from giftping.store.base import Guild

# Not in an option.
_IDS = re.compile(r"(?<![-\w])(?:[Gg]uild (\d{1,20})|channel \d{1,20})(?!\d)")


def with_names(line: str, guilds: Mapping[int, Guild]) -> str:
    """A line with what guilds and their channels are called behind their ids, as far as that is known."""
    if not guilds:
        return line
    destinations = {label: name for guild in guilds.values() for label, name in guild.destinations.items()}

    def named(found: re.Match[str]) -> str:
        guild = guilds.get(int(found[1])) if found[1] else None
        name = printable(guild.shown_as if guild else destinations.get(found[0], ""))
        # It may stand there already.
        is_new = name and not line.startswith(f" ({name}", found.end())
        return f"{found[0]} ({name})" if is_new else found[0]

    return _IDS.sub(named, line)
