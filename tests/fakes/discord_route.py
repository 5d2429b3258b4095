"""A route to nowhere: it answers what a test lays ready, and keeps what it was asked to post."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from fakes.records import NOON

from giftping.codes.announcement import shown_codes
from giftping.discord.message import Message
from giftping.discord.outcome import Absent, Done, Finding, Matcher, Outcome, Refused, Route, Unclear, WithdrawnError
from giftping.discord.snowflake import snowflake_at
from giftping.store.base import Destination

FIRST_MESSAGE = 700_000
FORBIDDEN = Refused("HTTP 403: Missing Permissions (50013)", 403, 50013, lasting=True)
GONE = Refused("HTTP 404: Unknown Webhook (10015)", 404, 10015, lasting=True)
BAD_FORM = Refused("HTTP 400: Invalid Form Body (50035)", 400, 50035)
NO_TOKEN = Refused("no bot token: set DISCORD_TOKEN to post to a channel")
TIMED_OUT = Unclear("timed out after the request was sent")


@dataclass(frozen=True, slots=True)
class Posted:
    """One post as the route was asked for it."""

    message: Message
    delivery_id: str
    since: int | None = None

    @property
    def codes(self) -> frozenset[str]:
        return shown_codes(self.message.payload())


@dataclass(frozen=True, slots=True)
class Edited:
    """One edit as the route was asked for it."""

    message: Message
    message_id: int
    channel_id: int | None

    @property
    def text(self) -> str:
        return "\n".join(field.value for embed in self.message.embeds for field in embed.fields)


@dataclass(frozen=True, slots=True)
class Look:
    """One look for a message as the route was asked for it."""

    matches: Matcher
    since: int
    until: int | None
    accounted: frozenset[int]
    quiet: bool


@dataclass
class FakeRoute:
    """Keeps `giftping.discord.outcome.Route`; without anything laid ready every post is done and nothing is found."""

    label: str = "channel 500"
    webhook_id: int | None = None
    repeats_safely_for: timedelta = timedelta(0)
    can_look: bool = True
    answers: deque[Outcome | Exception] = field(default_factory=deque)
    finding: Finding = field(default_factory=Absent)
    posted: list[Posted] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    before_post: Callable[[], object] = lambda: None
    after_fence: Callable[[], object] = lambda: None
    anchored: int = snowflake_at(NOON)
    unheard: Refused | Unclear | None = None
    asked: int = 0
    edited: list[Edited] = field(default_factory=list)
    edit_answers: deque[Outcome | Exception] = field(default_factory=deque)

    def answer(self, *answers: Outcome | Exception) -> None:
        self.answers.extend(answers)

    def ask(self) -> Refused | Unclear | None:
        self.asked += 1
        return self.unheard

    def anchor(self) -> int | None:
        return None if self.unheard else self.anchored

    def post(
        self, message: Message, delivery_id: str, *, since: int | None = None, fence: Callable[[], None] | None = None
    ) -> Outcome:
        self.before_post()
        if fence is not None:
            try:
                fence()
            except WithdrawnError as error:
                return Refused(error.reason, withdrawn=True)
        self.after_fence()
        self.posted.append(Posted(message, delivery_id, since))
        answer = self.answers.popleft() if self.answers else Done(FIRST_MESSAGE + len(self.posted), 500)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def edit(self, message: Message, message_id: int, channel_id: int | None) -> Outcome:
        self.edited.append(Edited(message, message_id, channel_id))
        answer = self.edit_answers.popleft() if self.edit_answers else Done(message_id, channel_id)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def find(
        self, matches: Matcher, *, since: int, until: int | None, accounted: frozenset[int], quiet: bool
    ) -> Finding:
        self.looks.append(Look(matches, since, until, accounted, quiet))
        return self.finding

    def codes(self) -> list[frozenset[str]]:
        """Return the codes of each post, in order."""
        return [posted.codes for posted in self.posted]


class Routes:
    """Leads every destination that a test names to its route, and any other one nowhere."""

    def __init__(self, routes: Iterable[tuple[Destination, Route | Refused]] = ()) -> None:
        self.routes = dict(routes)
        self.asked: list[Destination] = []

    def __call__(self, destination: Destination) -> Route | Refused:
        self.asked.append(destination)
        return self.routes.get(destination, Refused(f"no route to {destination}"))
