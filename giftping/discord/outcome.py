"""How a post can end, and how a look for it can end. The only verdicts the jobs act on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from giftping.discord.message import Message
from giftping.discord.snowflake import snowflake_time


@dataclass(frozen=True, slots=True)
class Done:
    """Discord answered 2xx with a message id: the message is there."""

    message_id: int
    channel_id: int | None = None

    @property
    def at(self) -> datetime:
        """When it was delivered, by Discord's own clock: what is measured between deliveries is measured by this."""
        return snowflake_time(self.message_id)


@dataclass(frozen=True, slots=True)
class Refused:
    """A clean no: surely nothing was posted."""

    reason: str
    """In words that hold no secret: see giftping.discord.refusals."""
    status: int | None = None
    """Of HTTP; None when no connection was made, or none was tried."""
    code: int | None = None
    """Discord's own, None where something else has answered."""
    lasting: bool = False
    """Whether trying again soon is pointless (401, 403, 404)."""
    everywhere: bool = False
    """Whether the no was not about this destination but about the bot token, this address or the run's budget, so that
    the rest of the run's posts by the same route need not be tried."""
    retry_after: timedelta | None = None
    """For how long Discord wants no more of it, where that is a limit and it has said so."""
    withdrawn: bool = False
    """Whether the caller took the request back in the last moment."""
    parts: tuple[str, ...] = ()
    """The parts of the body that were refused, where Discord has named them."""


class WithdrawnError(Exception):
    """Raised by a caller's own function to take its request back before it goes out; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Unclear:
    """The request may have been carried out: time-out, reset or 5xx after it was written."""

    reason: str


Outcome = Done | Refused | Unclear


@dataclass(frozen=True, slots=True)
class Found:
    """The message was seen in the channel."""

    message_id: int
    channel_id: int | None


@dataclass(frozen=True, slots=True)
class Absent:
    """The channel was read back to before the post, and the message is not there."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Looking did not settle it."""

    reason: str
    for_good: bool = False
    """Whether looking again later cannot settle it either."""


Finding = Found | Absent | Undecided

Matcher = Callable[[Mapping[str, Any]], bool | None]
"""Whether a message, as Discord's API gives it, is the one looked for; None when its text is hidden from us."""


class Route(Protocol):
    """One way to one destination."""

    @property
    def label(self) -> str:
        """What to call the destination in messages, without any secret: `webhook 1234…` or `channel 1234…`."""

    @property
    def webhook_id(self) -> int | None:
        """The webhook that it goes through, None where the bot posts."""

    @property
    def repeats_safely_for(self) -> timedelta:
        """How long after a post another with the same delivery id cannot make a second message; zero: never."""

    @property
    def can_look(self) -> bool:
        """Whether there is anybody who may look for what was posted."""

    def ask(self) -> Refused | Unclear | None:
        """None once Discord has said what time it is; one request is made where it has not said so in this run.

        Else what became of that request. Without Discord's time there is no anchor.
        """

    def anchor(self) -> int | None:
        """The snowflake that no message posted from now on is below, None before Discord has said what time it is.

        It goes by Discord's clock and never by the wall clock of this host.
        """

    def post(
        self, message: Message, delivery_id: str, *, since: int | None = None, fence: Callable[[], None] | None = None
    ) -> Outcome:
        """Post one message and say how it ended. Never raises for what Discord or a network can do.

        `since` is the snowflake that the first post of this delivery cannot be below, None where this is the first: an
        answer whose message is older than that, or from later, says nothing.

        `fence` is called when the connection is there, right before the first byte, and again for each repeat after a
        429. It may raise WithdrawnError: then nothing is sent, and the outcome says so. What else it raises goes to the
        caller, with nothing sent.
        """

    def edit(self, message: Message, message_id: int, channel_id: int | None) -> Outcome:
        """Put a message that was posted by this way right, as a whole, and say how that ended; its content stays.

        Done where it is so now, however often it was asked for. No waiting for a limit that this has used up: a later
        run may try. `channel_id` is where the message is, None where that is not known.
        """

    def find(
        self, matches: Matcher, *, since: int, until: int | None, accounted: frozenset[int], quiet: bool
    ) -> Finding:
        """Look for a message that may have been posted from the snowflake `since` on, to `until` where that is given.

        `accounted` are ids of messages known to belong to other deliveries. `quiet` says that nobody can have been at
        it for a minute: what Discord may still be posting is not absent where a repeat would make a second message.
        """
