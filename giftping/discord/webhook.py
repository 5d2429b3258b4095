"""Discord webhooks: their URLs, posting through them, and finding out later whether a post went through."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from giftping.discord.buttons import COMPONENTS, sent_as_taken
from giftping.discord.finding import Candidate, Window, candidates_among, decide
from giftping.discord.http import DiscordHttp, Endpoint, Result
from giftping.discord.message import Message
from giftping.discord.outcome import Finding, Matcher, Outcome, Refused, Unclear, Undecided
from giftping.discord.posts import first_messages
from giftping.discord.rest import MESSAGE, UNKNOWN_MESSAGE, History, RestClient, done, object_in, posted
from giftping.discord.threads import ARCHIVED, edited_in
from giftping.text import id_or_none

HOSTS = frozenset(f"{part}{host}" for part in ("", "ptb.", "canary.") for host in ("discord.com", "discordapp.com"))
"""Discord's own hosts, those of its test clients and its older name among them."""

HIDDEN_LOOKS = 50
"""The messages whose text is asked for one by one in one look: it costs a request each."""

_PATH = re.compile(r"(?:/api(?:/v\d+)?)?/webhooks/(?P<id>\d{1,20})/(?P<token>[\w-]{1,200})/?", re.ASCII)

_PAYLOAD_KEYS = ("content", "embeds", "allowed_mentions")

_WITH_COMPONENTS = {"with_components": "true"}
"""Without it Discord leaves out the buttons of a webhook that no application owns (Execute Webhook)."""


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """A webhook."""

    id: int
    token: str = field(repr=False)
    """A secret: who has it may post."""
    thread_id: int | None = None
    """The thread of its channel to post into, None for the channel itself."""


@dataclass(frozen=True, slots=True)
class WebhookInfo:
    """A webhook as Discord shows it to whoever has its URL."""

    channel_id: int
    """The channel that it posts to."""
    guild_id: int | None
    """None where Discord does not say."""
    name: str


def parse_webhook_url(url: str, *, api: str) -> WebhookAddress:
    """The webhook that a URL names: one of Discord's own, or on the host of `api`.

    Raise ValueError, with a text that does not hold the token, for anything else.
    """
    try:
        parts = urlsplit(url.strip())
        own = urlsplit(api)
        same_host = (parts.scheme, parts.netloc) == (own.scheme, own.netloc)
    except ValueError:
        raise ValueError("the webhook URL is not a URL") from None
    # Who has set another API, a stand-in or a proxy, has webhooks there, too.
    if not same_host and (parts.scheme != "https" or parts.netloc.lower() not in HOSTS):
        raise ValueError("the webhook URL does not begin with https://discord.com/api/webhooks/")
    found = _PATH.fullmatch(parts.path.removeprefix(own.path.rstrip("/")) if same_host else parts.path)
    webhook_id = id_or_none(found["id"]) if found else None
    if found is None or webhook_id is None:
        raise ValueError("the webhook URL does not end in /webhooks/ID/TOKEN")
    return WebhookAddress(webhook_id, found["token"], _thread_of(parts.query))


def _thread_of(query: str) -> int | None:
    given = parse_qs(query, keep_blank_values=True).get("thread_id")
    if given is None:
        return None
    thread_id = id_or_none(given[0])
    if thread_id is None or len(given) > 1:
        raise ValueError("the thread_id of the webhook URL is not one id")
    return thread_id


def payload(message: Message) -> dict[str, Any]:
    """The JSON object that posts a message through a webhook, as discord-webhook builds it.

    What that library adds for its own use (its options, empty members) is left out.
    """
    # The library brings no types of its own.
    from discord_webhook import DiscordEmbed, DiscordWebhook  # type: ignore[import-untyped]

    webhook = DiscordWebhook(url="", content=message.content, allowed_mentions=message.allowed_mentions(), embeds=[])
    for embed in message.embeds:
        built = DiscordEmbed(title=embed.title, description=embed.description, color=embed.color, fields=[])
        for part in embed.fields:
            built.add_embed_field(part.name, part.value, inline=part.inline)
        if embed.footer:
            built.set_footer(embed.footer)
        if embed.image:
            built.set_image(embed.image)
        if embed.thumbnail:
            built.set_thumbnail(embed.thumbnail)
        webhook.add_embed(built)
    whole = {name: part for name, part in webhook.json.items() if name in _PAYLOAD_KEYS}
    if not whole.get("content"):
        # In an edit an empty one would take the content away.
        whole.pop("content", None)
    rows = message.button_rows()
    embeds = {"embeds": [_without_empty(embed) for embed in whole["embeds"]]}
    return whole | embeds | ({COMPONENTS: rows} if rows else {})


def _without_empty(embed: Mapping[str, Any]) -> dict[str, Any]:
    filled = {name: part for name, part in embed.items() if part or name == "color"}
    for name in ("footer", "image", "thumbnail"):
        if name in filled:
            filled[name] = {part: value for part, value in filled[name].items() if value is not None}
    return filled


def sender_parts(message: Message, *, opens_post: bool) -> dict[str, Any]:
    """What a webhook's body says beside the message itself: its name and picture, and the post that it may open."""
    post = message.post if opens_post else None
    parts = {
        "username": message.username,
        "avatar_url": message.avatar_url,
        "thread_name": post.name if post else "",
        "applied_tags": list(post.tags) if post else [],
    }
    return {name: part for name, part in parts.items() if part}


class WebhookRoute:
    """The way through a webhook. Discord knows no nonces here, so that no repeat is ever safe.

    `reader` is the bot, which may see the webhook's channel; None where there is no token. With `opens_post` each
    message opens a post of a forum, and is looked for among those.
    """

    repeats_safely_for = timedelta(0)

    def __init__(
        self, http: DiscordHttp, address: WebhookAddress, reader: RestClient | None, *, opens_post: bool = False
    ) -> None:
        self._opens_post = opens_post
        self._http = http
        self._address = address
        self._reader = reader if reader is not None and reader.http.has_token else None
        self.can_look = self._reader is not None
        self.label = f"webhook {address.id}"
        self.webhook_id: int | None = address.id
        self.thread_id = address.thread_id

    def ask(self) -> Refused | Unclear | None:
        """None once Discord has said what time it is, for which no token is needed; else why it has not."""
        return self._http.ask(self._endpoint("GET"))

    def anchor(self) -> int | None:
        """The snowflake that no message posted from now on is below, None before Discord has said what time it is."""
        return self._http.anchor()

    def post(
        self,
        message: Message,
        delivery_id: str,  # noqa: ARG002 - webhooks take no nonce
        *,
        since: int | None = None,
        fence: Callable[[], None] | None = None,
    ) -> Outcome:
        """Post one message and say how it ended."""
        since = self._http.anchor() if since is None else since
        endpoint = self._endpoint("POST")

        def send(one: Message) -> Result:
            # Without `wait` the answer is an empty 204, which comes too early to say anything (Execute Webhook).
            params = {"wait": "true"} | self._in_thread() | (_WITH_COMPONENTS if one.buttons else {})
            body = payload(one) | sender_parts(one, opens_post=self._opens_post)
            return self._http.request(endpoint, json=body, params=params, fence=fence)

        result = sent_as_taken(self._http, endpoint.resource, message, send)
        return posted(result, since, self._http.discord_now())

    def edit(self, message: Message, message_id: int, channel_id: int | None) -> Outcome:
        """Put a message of this webhook's right, as a whole, and say how that ended.

        One that is not where the webhook posts now may be in a thread that its address named before.
        """
        outcome = self._edit(message, message_id, self._address.thread_id)
        is_elsewhere = isinstance(outcome, Refused) and outcome.code == UNKNOWN_MESSAGE
        if is_elsewhere and channel_id not in (None, self._address.thread_id):
            # A channel is no thread of its own.
            in_thread = self._edit(message, message_id, channel_id)
            is_none = isinstance(in_thread, Refused) and in_thread.status in (400, 404) and in_thread.code != ARCHIVED
            return outcome if is_none else in_thread
        return outcome

    def _edit(self, message: Message, message_id: int, thread_id: int | None) -> Outcome:
        params = _WITH_COMPONENTS | ({"thread_id": str(thread_id)} if thread_id else {})
        endpoint = self._message("PATCH", message_id)

        def send(one: Message) -> Result:
            body = payload(one) | {COMPONENTS: one.button_rows()}
            return self._http.request(endpoint, json=body, params=params, is_repeated=False)

        def edit() -> Outcome:
            return done(sent_as_taken(self._http, endpoint.resource, message, send))

        return edited_in(self._http, thread_id, edit) if thread_id else edit()

    def find(
        self, matches: Matcher, *, since: int, until: int | None, accounted: frozenset[int], quiet: bool
    ) -> Finding:
        """Look for a message of this webhook, as the bot.

        Undecided for good without a bot, and where the bot may not see the channel (403, 404): webhooks are
        used where no bot is, so that waiting for a permission could be waiting for ever.
        """
        if self._reader is None:
            return Undecided(f"{self.label} cannot be read without a bot token", for_good=True)
        channel_id = self._channel()
        if not isinstance(channel_id, int):
            return _unreadable(self.label, channel_id)
        window = Window(since, until)
        read = partial(first_messages, self._reader) if self._opens_post else self._reader.read_back
        history = read(channel_id, window)
        if not isinstance(history, History):
            return _unreadable(f"channel {channel_id}", history)
        candidates = candidates_among(history.messages, self._is_ours, matches)
        possible = [one for one in candidates if window.holds(one.message_id) and one.message_id not in accounted]
        shown, shown_later = self._shown(possible, matches)
        # Nothing de-duplicates what a webhook posts: one that is still under way must not be taken for absent.
        return decide(
            shown,
            window,
            accounted=accounted,
            complete=history.complete,
            settled=quiet,
            shown_later=shown_later,
        )

    def _shown(self, candidates: Sequence[Candidate], matches: Matcher) -> tuple[list[Candidate], bool]:
        """The candidates, with those decided whose text the webhook's token shows, and whether it may show more later.

        To a bot without the intent Message Content the texts of others are hidden, those of webhooks among them
        (Gateway, Message Content Intent); to the holder of its token a webhook's own are not (Get Webhook Message).
        """
        shown: list[Candidate] = []
        later, looks = False, 0
        for one in sorted(candidates, key=lambda one: one.message_id):
            known = one
            if one.matches is None and looks < HIDDEN_LOOKS:
                looks += 1
                # The first message of a post has the id of the post.
                params = {"thread_id": str(one.message_id)} if self._opens_post else self._in_thread()
                message = object_in(self._http.request(self._message("GET", one.message_id), params=params))
                # A no is final; an end that is unclear, or a no to everything, is not.
                later |= isinstance(message, Unclear) or (isinstance(message, Refused) and not message.lasting)
                known = replace(one, matches=matches(message)) if isinstance(message, Mapping) else one
            shown.append(known)
            if known.matches:
                # Of several the oldest is the one: nothing younger has to be looked at.
                break
        return shown, later

    def look(self) -> WebhookInfo | Refused | Unclear:
        """The webhook as Discord shows it now; Unclear where the answer is something else."""
        shown = object_in(self._http.request(self._endpoint("GET")))
        if not isinstance(shown, Mapping):
            return shown
        channel_id, name = id_or_none(shown.get("channel_id")), shown.get("name")
        if id_or_none(shown.get("id")) != self._address.id or channel_id is None:
            return Unclear("the answer is not the webhook that was asked for")
        return WebhookInfo(channel_id, id_or_none(shown.get("guild_id")), name if isinstance(name, str) else "")

    def _channel(self) -> int | Refused | Unclear:
        """Where the webhook posts to: its thread, else the channel that Discord names now."""
        shown = self.look()
        return shown if not isinstance(shown, WebhookInfo) else self._address.thread_id or shown.channel_id

    def _is_ours(self, message: Mapping[str, Any]) -> bool:
        return id_or_none(message.get("webhook_id")) == self._address.id

    def _in_thread(self) -> dict[str, str]:
        return {"thread_id": str(self._address.thread_id)} if self._address.thread_id else {}

    def _message(self, method: str, message_id: int) -> Endpoint:
        return self._endpoint(method, f"/messages/{message_id}", MESSAGE)

    def _endpoint(self, method: str, beyond: str = "", named: str = "") -> Endpoint:
        # Rate limits are counted for id and token together (Rate Limits).
        key = f"{self._address.id}/{self._address.token}"
        return Endpoint(
            method,
            f"{method} /webhooks/{{webhook}}{named}",
            f"/webhooks/{key}{beyond}",
            f"webhook {key}",
            as_bot=False,
            secret=self._address.token,
        )


def _unreadable(what: str, answer: Refused | Unclear) -> Undecided:
    for_good = isinstance(answer, Refused) and answer.lasting and not answer.everywhere
    return Undecided(f"cannot read {what}: {answer.reason}", for_good=for_good)
