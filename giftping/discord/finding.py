"""Decides what a look at a channel says about a message whose post had an unclear end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from giftping.discord.outcome import Absent, Finding, Found, Matcher, Undecided
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.text import counted, id_or_none

CLOCK_MARGIN = timedelta(minutes=2)
"""How far two clocks may still be apart once the difference that was seen is taken out: a clock drifts."""

BLIND_MARGIN = timedelta(minutes=10)
"""The same where Discord's clock was not seen."""

SETTLING = timedelta(minutes=1)
"""How long after a claim Discord may still be busy carrying out its post."""


@dataclass(frozen=True, slots=True)
class Window:
    """The time, by Discord's clock, in which a message can have been posted; both ends count."""

    since: datetime
    until: datetime

    @property
    def before(self) -> int:
        """The smallest id that is younger than the window."""
        return snowflake_at(self.until + timedelta(milliseconds=1))

    def holds(self, message_id: int) -> bool:
        """Whether a message was posted in the window."""
        return self.since <= snowflake_time(message_id) <= self.until

    def begins_before(self, message_id: int) -> bool:
        """Whether messages older than this one may be in the window."""
        return snowflake_time(message_id) >= self.since


def window_of(since: datetime, until: datetime, offset: timedelta | None) -> Window:
    """The window of a post between two instants of our clock, wide enough for what clocks do.

    `offset` is how far Discord's clock is ahead of ours, None where that is not known.
    """
    margin = BLIND_MARGIN if offset is None else CLOCK_MARGIN
    ahead = offset or timedelta(0)
    return Window(since + ahead - margin, until + ahead + margin)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A message by the right author."""

    message_id: int
    channel_id: int | None
    matches: bool | None
    """Whether it is the one looked for, None where its text is hidden."""


def candidates_among(
    messages: Iterable[Mapping[str, Any]], is_ours: Callable[[Mapping[str, Any]], bool], matches: Matcher
) -> list[Candidate]:
    """Those of the messages, as Discord's API gives them, that have the right author."""
    found = []
    for message in messages:
        message_id = id_or_none(message.get("id"))
        if message_id is not None and is_ours(message):
            channel_id = id_or_none(message.get("channel_id"))
            found.append(Candidate(message_id, channel_id, matches(message)))
    return found


def decide(
    candidates: Iterable[Candidate], window: Window, *, accounted: frozenset[int], complete: bool, settled: bool
) -> Finding:
    """What the messages say of the one that is looked for.

    `complete` when the whole window was read; `settled` when Discord can no longer be busy with the post.
    Only a text that matches is Found, only an empty, complete and settled window is Absent: one hidden
    text that no other delivery accounts for may be the message, or anybody's who holds the same webhook.
    """
    open_ones = [one for one in candidates if one.message_id not in accounted and window.holds(one.message_id)]
    matching = [one for one in open_ones if one.matches]
    if matching:
        # Of several the oldest: the others can only be repeats of it.
        first = min(matching, key=lambda one: one.message_id)
        return Found(first.message_id, first.channel_id)
    hidden = sum(one.matches is None for one in open_ones)
    if hidden:
        reason = f"{counted(hidden, 'message')} of that time may be it, and the bot may not read the text"
        return Undecided(reason, for_good=settled and complete)
    if not complete:
        return Undecided("there are more messages since than are read in one go")
    if not settled:
        return Undecided("too early to tell: Discord may still be posting it")
    return Absent()
