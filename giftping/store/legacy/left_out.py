"""The guilds of an older bot that did not come over, as nobody knows what went there, or where that was. No I/O.

It is read out of the older bot's documents, which stay: whoever mends them, or takes a guild out of them, ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from giftping.store.legacy.inheritance import Inheritance, add_command
from giftping.store.legacy.shapes import is_of_giftping, read_sent, read_state

HISTORY, CHANNEL = "what was sent there cannot be read", "its channel cannot be read"


def left_out(states: Iterable[Mapping[str, Any]], ledger: Iterable[Mapping[str, Any]]) -> dict[int, tuple[str, str]]:
    """Why each guild of the states was left out, by its id, and the command that adds it as a new one."""
    old, nowhere = Inheritance(), dict[int, tuple[str, str]]()
    for read in map(read_state, states):
        old.add(read)
        nowhere |= {guild_id: (CHANNEL, add_command(guild_id, "ID")) for guild_id in read.misplaced}
    for document in ledger:
        if not is_of_giftping(document):
            old.add(read_sent(document))
    lost = {id_: (HISTORY, add_command(id_, str(channel_id))) for id_, channel_id in old.without_history()}
    return dict(sorted((nowhere | lost).items()))
