"""Members, rules and notices with everything filled in that a test does not care for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fakes.rules import default_rules
from hypothesis import strategies as st

from giftping.todo.model import Lapse, Leg, LegState, Member, Membership, Notice, NoticeKind, Removal, RemovalState
from giftping.todo.rules import TodoRules

HOST = "host-a"
DELIVERY = "a-delivery"
START = datetime(2026, 6, 1, 9, 30, tzinfo=UTC)
"""When the member of a test handed in the last TODO."""

HOUR, DAY, INSTANT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)


def member(user_id: int = 1, **changes: Any) -> Member:
    """A member who holds the role and has been silent since START."""
    known = Member(
        user_id,
        "Ann",
        added=START - 30 * DAY,
        membership=Membership(START, in_guild=True, has_role=True),
        last_submit=START,
    )
    return replace(known, **changes)


def rules(**changes: Any) -> TodoRules:
    return default_rules(HOST, **changes)


def sent(at: datetime, message_id: int = 700) -> Leg:
    return Leg(LegState.SENT, at, message_id=message_id, channel_id=2)


def refused(reason: str = "HTTP 403") -> Leg:
    return Leg(LegState.OPEN, reason=reason)


def claimed(at: datetime, delivery: str = DELIVERY, channel_id: int = 2) -> Leg:
    return Leg(LegState.CLAIMED, at, channel_id=channel_id, delivery=delivery)


def claimed_by_older(at: datetime, by: str = HOST) -> Leg:
    """A leg as 0.1.0 claimed it, which knew of no deliveries."""
    return Leg(LegState.CLAIMED, at, by=by, channel_id=2)


def notice(kind: NoticeKind = NoticeKind.REMINDER, made_at: datetime = START + DAY, **changes: Any) -> Notice:
    return replace(Notice("00000000000000aa", kind, made_at), **changes)


def warned(at: datetime, **changes: Any) -> Lapse:
    return Lapse(START, warned_at=at, **changes)


def removal(state: RemovalState, at: datetime, by: str = HOST) -> Removal:
    return Removal(state, at, by)


# What a document may hold

moments = st.integers(1, 2 * 10**9 * 10**6).map(
    lambda micros: datetime(1970, 1, 1, tzinfo=UTC) + micros * timedelta(microseconds=1)
)
maybe = st.none() | moments
words = st.text(st.characters(codec="utf-8"), max_size=12)
some_ids = st.integers(1, 2**64 - 1)
