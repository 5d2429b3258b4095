"""The past of members, written into the store as sweeps and submissions would have left it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.history import Event
from giftping.todo.model import Lapse, Member
from giftping.todo.repository import MemberChange, MemberRepository
from giftping.todo.sweep_notes import SweepNotes

GUILD, CHANNEL, ROLE, OWNER = 1, 2, 3, 9
ASHA, BEN, CHITRA = 101, 102, 103
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Past:
    """Writes into the store of a state folder, and reads it."""

    state: Path

    def member(self, user_id: int, name: str, *, silent: timedelta | None = None, **fields: Any) -> None:
        """Put a member on the roster, since a month ago, with the last TODO so long ago."""
        last = now() - silent if silent is not None else None
        fields = {"name": name, "on_roster": True, "added": now() - 30 * DAY, "last_submit": last} | fields
        with Store(TinyEngine(self.state)) as store:
            MemberRepository(store, now).amend([user_id], lambda member: MemberChange(replace(member, **fields)))

    def warned(self, user_id: int, name: str) -> None:
        """Put a member on the roster who is to lose the role now."""
        since = now() - 5 * DAY - HOUR
        lapse = Lapse(since, warned_at=now() - 13 * HOUR)
        self.member(user_id, name, last_submit=since, last_ping=now() - HOUR, lapse=lapse)

    def swept(self, ago: timedelta) -> None:
        """Let the last sweep have been so long ago."""
        with Store(TinyEngine(self.state)) as store:
            MemberRepository(store, now).change_notes(lambda _: SweepNotes(last_sweep=now() - ago))

    def document(self, collection: str, document: Mapping[str, Any]) -> None:
        """Put any document into the store."""
        with Store(TinyEngine(self.state)) as store:
            store.insert_documents(collection, [dict(document)])

    def read(self, user_id: int) -> Member:
        """Return a member as the store has them."""
        with Store(TinyEngine(self.state, read_only=True)) as store:
            return MemberRepository(store, now).member(user_id)

    def events(self, user_id: int) -> list[Event]:
        """Return a member's history."""
        with Store(TinyEngine(self.state, read_only=True)) as store:
            return MemberRepository(store, now).events(user_id)
