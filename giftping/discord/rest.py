"""Discord as the bot sees it: posts to a channel, reads it back, and finds its own messages there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from giftping.discord.buttons import COMPONENTS, sent_as_taken
from giftping.discord.finding import Window, candidates_among, decide
from giftping.discord.http import Answer, DiscordHttp, Endpoint
from giftping.discord.limits import NONCE_LENGTH
from giftping.discord.message import Message
from giftping.discord.outcome import Done, Finding, Matcher, Outcome, Refused, Unclear, Undecided
from giftping.discord.snowflake import snowflake_time
from giftping.discord.threads import edited_in
from giftping.text import id_or_none

PAGE = 100
"""Messages of one page, the most that Discord gives (Get Channel Messages)."""

PAGES = 20
"""Pages that are read at most to find one message."""

NONCE_WINDOW = timedelta(minutes=2)
"""How long Discord surely knows a nonce: "the past few minutes" (Create Message), taken cautiously."""

NOT_FOUND = 404

CHANNEL, MESSAGES = "/channels/{channel}", "/channels/{channel}/messages"
MESSAGE = "/messages/{message}"
"""Behind a channel or a webhook: one of its messages."""

ME = Endpoint("GET", "/users/@me", "/users/@me", "@me")
"""The bot itself: what can be asked where nothing else is known."""

UNKNOWN_MESSAGE = 10008
"""Discord's code for a message that is not there, in a channel that may be read."""

CLOCKS_APART = timedelta(minutes=10)
"""How far the time in a new message's id may lie before its post, or ahead of Discord's time: far enough for every
clock of Discord's, and for one in between that sets the Date."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a channel's messages."""

    messages: tuple[Mapping[str, Any], ...]
    """Newest first, as Discord's API gives them."""
    oldest: int | None
    """The smallest of their ids, None where there is none."""


@dataclass(frozen=True, slots=True)
class History:
    """Messages of a channel in a window of time."""

    messages: tuple[Mapping[str, Any], ...]
    """Newest first, as Discord's API gives them."""
    complete: bool
    """Whether they are all of them, and not as many as are read in one go."""


def done(result: Answer | Refused | Unclear) -> Outcome:
    """How a post or an edit ended: only an answer that is a message with an id is Done."""
    if not isinstance(result, Answer):
        return result
    body = result.body if isinstance(result.body, dict) else {}
    message_id = id_or_none(body.get("id"))
    if message_id is None:
        return Unclear(f"HTTP {result.status}, but the answer is not a message")
    return Done(message_id, id_or_none(body.get("channel_id")))


def posted(result: Answer | Refused | Unclear, since: int | None, now: datetime | None) -> Outcome:
    """How the post of a new message ended; Unclear where the answer is no message from `since` to `now`.

    `now` is Discord's time: before Discord has named it every message is taken to be of now. A nonce may bring the
    message that an earlier post of the same delivery has made.
    """
    outcome = done(result)
    if now is None or not isinstance(outcome, Done):
        return outcome
    begun = now if since is None else snowflake_time(since)
    # What only looks like Discord, such as the page of a proxy, would be believed for good, and date a ping.
    if not begun - CLOCKS_APART <= outcome.at <= now + CLOCKS_APART:
        return Unclear(f"the answer is not the message: its id, {outcome.message_id}, is not of now")
    return outcome


def object_in(result: Answer | Refused | Unclear) -> Mapping[str, Any] | Refused | Unclear:
    """The object that an answer holds, Unclear where it holds anything else."""
    if isinstance(result, Answer) and not isinstance(result.body, dict):
        return Unclear(f"HTTP {result.status}, but the answer is not an object")
    return result.body if isinstance(result, Answer) else result


def list_in(
    result: Answer | Refused | Unclear, what: str, read: Callable[[Mapping[str, Any]], Item | None]
) -> list[Item] | Refused | Unclear:
    """The list that an answer holds, each object read by `read`, which returns None for one that is no `what`.

    Unclear where the answer is not a list of nothing but `what`.
    """
    if not isinstance(result, Answer):
        return result
    listed = result.body if isinstance(result.body, list) else [None]
    found = [read(one) if isinstance(one, dict) else None for one in listed]
    known = [one for one in found if one is not None]
    if len(known) < len(found):
        return Unclear(f"HTTP {result.status}, but the answer is not a list of {what}")
    return known


def edited_payload(message: Message) -> dict[str, Any]:
    """The JSON object that makes a message this one: buttons that it has no more go."""
    return message.payload() | {COMPONENTS: message.button_rows()}


class RestClient:
    """The calls that giftping makes with the bot token. None of them raises for what Discord or a network can do."""

    def __init__(self, http: DiscordHttp) -> None:
        self.http = http
        self._me: int | None = None
        self._lock = threading.Lock()

    def post_message(
        self,
        channel_id: int,
        message: Message | Callable[[], Message],
        nonce: str,
        *,
        since: int | None = None,
        fence: Callable[[], None] | None = None,
    ) -> Outcome:
        """Post a message; one more with the same nonce within minutes gives the first one's id and posts nothing.

        A function makes the message when all waiting for rate limits is over, and again before each repeat
        after a 429; it may raise WithdrawnError. So may `fence`, which is called right before the first byte of each
        try, when the connection is there. `since` is the snowflake that the first post with this nonce cannot be below,
        None where this is the first. Raise ValueError for a nonce of more than 25 characters, and
        when a function makes a message with files.
        """
        if not 0 < len(nonce) <= NONCE_LENGTH:
            msg = f"a nonce has 1 to {NONCE_LENGTH} characters, not {len(nonce)}"
            raise ValueError(msg)
        since = self.http.anchor() if since is None else since
        endpoint, once = _of_channel("POST", MESSAGES, channel_id), {"nonce": nonce, "enforce_nonce": True}
        if isinstance(message, Message):
            result = sent_as_taken(
                self.http,
                endpoint.resource,
                message,
                lambda one: self.http.request(endpoint, json=one.payload() | once, files=one.files, fence=fence),
            )
        else:
            result = self.http.request(endpoint, ready=lambda: _without_files(message()).payload() | once, fence=fence)
        return posted(result, since, self.http.discord_now())

    def edit_message(self, channel_id: int, message_id: int, message: Message) -> Outcome:
        """Put a message of the bot's own right, as a whole; content that is empty stays, and nobody is notified."""
        path = f"{MESSAGES.format(channel=channel_id)}/{message_id}"
        endpoint = Endpoint("PATCH", f"PATCH {CHANNEL}{MESSAGE}", path, f"channel {channel_id}")

        def edit() -> Outcome:
            return done(
                sent_as_taken(
                    self.http,
                    endpoint.resource,
                    message,
                    lambda one: self.http.request(endpoint, json=edited_payload(one), is_repeated=False),
                )
            )

        return edited_in(self.http, channel_id, edit)

    def publish_message(self, channel_id: int, message_id: int) -> Outcome:
        """Hand a message on to the channels that follow its own, and say how that ended; a limit is not waited for."""
        route = f"{MESSAGES}{MESSAGE}/crosspost"
        path = f"{MESSAGES.format(channel=channel_id)}/{message_id}/crosspost"
        endpoint = Endpoint("POST", f"POST {route}", path, f"channel {channel_id}")
        return done(self.http.request(endpoint, is_repeated=False))

    def messages(
        self, channel_id: int, *, before: int | None = None, after: int | None = None, limit: int = PAGE
    ) -> Page | Refused | Unclear:
        """Up to `limit` of a channel's messages, older or younger than an id."""
        bounds = {"before": before, "after": after, "limit": limit}
        params = {name: str(value) for name, value in bounds.items() if value is not None}
        result = self.http.request(_of_channel("GET", MESSAGES, channel_id), params=params)
        listed = list_in(result, "messages", _identified)
        if not isinstance(listed, list):
            return listed
        oldest = min((message_id for message_id, _ in listed), default=None)
        return Page(tuple(message for _, message in listed), oldest)

    def ask(self, channel_id: int) -> Refused | Unclear | None:
        """None once Discord has said what time it is, for which it is asked for a channel; else why it has not."""
        return self.http.ask(_of_channel("GET", CHANNEL, channel_id))

    def channel(self, channel_id: int) -> Mapping[str, Any] | Refused | Unclear:
        """A channel as Discord's API gives it; Unclear where the answer is something else."""
        channel = object_in(self.http.request(_of_channel("GET", CHANNEL, channel_id)))
        if isinstance(channel, Mapping) and id_or_none(channel.get("id")) != channel_id:
            return Unclear("the answer is not the channel that was asked for")
        return channel

    def me(self) -> int | Refused | Unclear:
        """The bot's own user id; it is asked for once."""
        with self._lock:
            if self._me is None:
                user = object_in(self.http.request(ME))
                if not isinstance(user, Mapping):
                    return user
                self._me = id_or_none(user.get("id"))
            return self._me if self._me is not None else Unclear("the answer names no user")

    def read_back(self, channel_id: int, window: Window) -> History | Refused | Unclear:
        """A channel's messages of the window, read backwards from its end."""
        found: list[Mapping[str, Any]] = []
        before = window.before
        for _ in range(PAGES):
            page = self.messages(channel_id, before=before)
            if not isinstance(page, Page):
                return page
            found += page.messages
            # Nothing at all is suspicious; an empty page after others is the end of the channel.
            if not found:
                return self._unreadable(channel_id) or History((), complete=True)
            if page.oldest is None or not window.begins_before(page.oldest):
                return History(tuple(found), complete=True)
            before = page.oldest
        return History(tuple(found), complete=False)

    def _unreadable(self, channel_id: int) -> Refused | Unclear | None:
        """Why an empty list says nothing, None when the channel may be read.

        To a bot without the permission Read Message History every channel is empty (Get Channel Messages); only
        when it asks for one message is it told (Get Channel Message).
        """
        one = f"{MESSAGES.format(channel=channel_id)}/{channel_id}"
        result = self.http.request(Endpoint("GET", f"GET {MESSAGES}/{{message}}", one, f"channel {channel_id}"))
        if isinstance(result, Answer) or (isinstance(result, Refused) and result.code == UNKNOWN_MESSAGE):
            return None
        return result


def _identified(message: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]] | None:
    message_id = id_or_none(message.get("id"))
    return None if message_id is None else (message_id, message)


def _without_files(message: Message) -> Message:
    if message.files:
        raise ValueError("a message that is made in the last moment brings no files")
    return message


def _of_channel(method: str, route: str, channel_id: int) -> Endpoint:
    path = route.format(channel=channel_id)
    return Endpoint(method, f"{method} {route}", path, f"channel {channel_id}")


class ChannelRoute:
    """The way to a channel, posting as the bot. A repeat within minutes is harmless, thanks to the nonce."""

    repeats_safely_for = NONCE_WINDOW
    can_look = True

    def __init__(self, rest: RestClient, channel_id: int) -> None:
        self._rest = rest
        self.channel_id = channel_id
        self.label = f"channel {channel_id}"
        self.webhook_id: int | None = None

    def ask(self) -> Refused | Unclear | None:
        """None once Discord has said what time it is, else why it has not."""
        return self._rest.ask(self.channel_id)

    def anchor(self) -> int | None:
        """The snowflake that no message posted from now on is below, None before Discord has said what time it is."""
        return self._rest.http.anchor()

    def post(
        self, message: Message, delivery_id: str, *, since: int | None = None, fence: Callable[[], None] | None = None
    ) -> Outcome:
        """Post one message and say how it ended."""
        return self._rest.post_message(self.channel_id, message, delivery_id, since=since, fence=fence)

    def edit(self, message: Message, message_id: int, channel_id: int | None) -> Outcome:
        """Put a message of the bot's own right, as a whole, and say how that ended."""
        return self._rest.edit_message(self.channel_id if channel_id is None else channel_id, message_id, message)

    def find(
        self,
        matches: Matcher,
        *,
        since: int,
        until: int | None,
        accounted: frozenset[int],
        quiet: bool,
    ) -> Finding:
        """Look for the bot's own message, or the post that it has opened with it.

        What cannot be read now may be readable later, unless the channel is gone (404): then nobody can tell.
        """
        me = self._rest.me()
        if not isinstance(me, int):
            return Undecided(f"cannot look: {me.reason}")
        window = Window(since, until)
        history = self._history(window)
        if not isinstance(history, History):
            is_gone = isinstance(history, Refused) and history.lasting and history.status == NOT_FOUND
            return Undecided(f"cannot read {self.label}: {history.reason}", for_good=is_gone)
        candidates = candidates_among(history.messages, lambda message: is_by(message, me), matches)
        # A post that is still under way does no harm where the repeat has its nonce.
        settled = quiet or self.repeats_safely_for > timedelta(0)
        return decide(candidates, window, accounted=accounted, complete=history.complete, settled=settled)

    def _history(self, window: Window) -> History | Refused | Unclear:
        """Among what a message of the window is looked for."""
        return self._rest.read_back(self.channel_id, window)


def is_by(message: Mapping[str, Any], user_id: int) -> bool:
    """Whether a user wrote a message; what a webhook posts is by no user."""
    author = message.get("author")
    return isinstance(author, dict) and id_or_none(author.get("id")) == user_id and message.get("webhook_id") is None
