"""How members are told to hand in a TODO: in a way that is there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from giftping.discord.limits import FIELD_VALUE_LENGTH, truncate
from giftping.todo.bot_presence import is_bot_there
from giftping.words.catalogue import LONGEST_PHRASE

if TYPE_CHECKING:
    from giftping.settings.keys import Settings
    from giftping.store.records import Store
    from giftping.words.catalogue import Words

ROOM = FIELD_VALUE_LENGTH - LONGEST_PHRASE
"""Beside it there may be another sentence in the same field."""


def how_to(store: Store, settings: Settings, words: Words, now: datetime) -> str:
    """How a member hands in a TODO, in words: `/todo` while the bot runs, else as the settings say, or whom to ask.

    Raise StoreError when it cannot be read whether the bot runs.
    """
    todo = settings.todo
    if is_bot_there(store.runs(), todo.guild_id, now):
        return words("todo.how")
    if todo.how_to:
        return truncate(todo.how_to, ROOM)
    whom = f"<@{todo.owner_id}>" if todo.owner_id else words("todo.whoever")
    return words("todo.how_by_other", whom=whom)
