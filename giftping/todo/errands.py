"""Errands: what is to be told to whom, and in which messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from giftping.todo.model import PINGS, LegName, LegState, Member, Notice
from giftping.todo.notices import NoticeDetails, Speech, batches, pings_a_message
from giftping.todo.report import PlannedAction

Recipient = tuple[Member, Notice]
"""A member, and the notice of theirs that one message tells them."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to tell one member."""

    user_id: int
    notice_id: str = ""
    """The notice that is owed; without one it is the ping that is due."""


def news_of(members: Iterable[Member]) -> list[Recipient]:
    """The notices, other than pings, of which a leg is yet to be delivered.

    A ping that is owed is none of them: whether it still is, the rules say when its message goes out.
    """
    return [
        (member, notice)
        for member in members
        for notice in member.notices
        if notice.kind not in PINGS and notice.legs_in(LegState.OPEN)
    ]


def posts_of(news: Sequence[Recipient], pings: Sequence[PlannedAction], speech: Speech) -> Iterator[list[Errand]]:
    """What goes into one channel message after the other."""
    to_post = [
        NoticeDetails(member, notice, speech.words) for member, notice in news if notice.channel.state is LegState.OPEN
    ]
    for batch in batches(to_post):
        yield [Errand(details.member.user_id, details.notice.id) for details in batch]
    to_channel = [Errand(one.user_id) for one in pings if LegName.CHANNEL in one.due.legs]
    at_once = pings_a_message(speech)
    for start in range(0, len(to_channel), at_once):
        yield to_channel[start : start + at_once]


def writes_of(news: Sequence[Recipient], pings: Sequence[PlannedAction]) -> list[Errand]:
    """What is to be told by direct message.

    All pings are: one whose DM leg is not due is found not to be owed, and costs no request.
    """
    owed = [Errand(member.user_id, notice.id) for member, notice in news if notice.dm.state is LegState.OPEN]
    return [*owed, *(Errand(one.user_id) for one in pings)]


def files_owed(members: Iterable[Member]) -> frozenset[str]:
    """The ids of the TODOs whose file is yet to be posted."""
    todos = (notice.todo for member in members for notice in member.notices)
    return frozenset(todo.id for todo in todos if todo and todo.attachment)
