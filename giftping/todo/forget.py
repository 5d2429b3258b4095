"""`todo forget`: what is kept of a member is taken away, and the note that it was keeps it away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from giftping.store.documents import ACTIVE_MEMBERS, TODO_TIMESTAMPS
from giftping.store.forgotten import note_forgotten, purge
from giftping.todo.repository import MemberRepository


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What became of a member's documents."""

    had_todo: bool
    """Whether there was anything of what they handed in."""
    events: int
    """Entries of the history that were removed."""
    on_roster: bool
    pauses_left: int
    """Those that have not ended."""


def forget_documents(repository: MemberRepository, user_id: int, at: datetime) -> Forgotten:
    """What became of a member who is forgotten. Raise StoreError when the store cannot be read or written."""
    engine = repository.store.engine
    # What is under another spelling of their id counts as theirs; what cannot be read of that is theirs as well.
    repository.put_right([user_id])
    repository.remove_strays(user_id)
    # First the note: what is cut short after it is finished by the next one who meets it.
    note_forgotten(engine, user_id, at)
    purged = purge(engine, user_id, at.timestamp())
    roster: Mapping[str, Any] | None = engine.get(ACTIVE_MEMBERS, [str(user_id)]).get(str(user_id))
    left = (roster or {}).get("pauses") or ()
    return Forgotten(TODO_TIMESTAMPS in purged.changed, purged.events, roster is not None, len(left))
