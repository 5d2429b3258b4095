"""Decides what a look at a channel says about a message whose post had an unclear end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from giftping.discord.outcome import Absent, Finding, Found, Matcher, Undecided
from giftping.text import counted, id_or_none


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a channel in which a message can be, by ids: they are in the order in which Discord made them."""

    since: int
    """The smallest id of it: an anchor, from just before the post."""
    until: int | None = None
    """The largest, None where it goes on to the present."""

    @property
    def before(self) -> int | None:
        """The smallest id that is younger than the window, None where none is."""
        return None if self.until is None else self.until + 1

    def holds(self, message_id: int) -> bool:
        """Whether a message is in the window."""
        return self.since <= message_id and (self.until is None or message_id <= self.until)

    def begins_before(self, message_id: int) -> bool:
        """Whether messages older than this one may be in the window."""
        return self.since < message_id


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
    candidates: Iterable[Candidate],
    window: Window,
    *,
    accounted: frozenset[int],
    complete: bool,
    settled: bool,
    shown_later: bool = False,
) -> Finding:
    """What the messages say of the one that is looked for.

    `complete` when the whole window was read; `settled` when Discord can no longer be busy with the post;
    `shown_later` when a text that is hidden now may be shown at another time.
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
        return Undecided(reason, for_good=settled and complete and not shown_later)
    if not complete:
        return Undecided("there are more messages since than are read in one go")
    if not settled:
        return Undecided("too early to tell: Discord may still be posting it")
    return Absent()
