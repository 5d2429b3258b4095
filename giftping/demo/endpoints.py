"""The stand-in Discord's endpoints: which there are, and what each of them answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from giftping.demo import shapes
from giftping.demo.faults import JSON_HEADERS
from giftping.demo.loopback import Answer
from giftping.demo.ratelimits import CHANNEL_MESSAGES, WEBHOOK
from giftping.demo.rules import UNBUILT, Draft, Form, draft_of, is_empty
from giftping.demo.world import Author, Channel, ChannelType, Guild, Permission, StoredMessage, Webhook, World

WEBHOOK_MESSAGE = WEBHOOK + "/messages/{message_id}"
CHANNEL_MESSAGE = CHANNEL_MESSAGES + "/{message_id}"

_SNOWFLAKE = re.compile(r"0|[1-9][0-9]{0,19}")
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


class ApiError(Exception):
    """What Discord answers instead of doing what was asked; `unexpected` where the stand-in is not built for it."""

    def __init__(self, status: int, code: int, message: str, *, unexpected: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.unexpected = unexpected


def unknown(code: int, thing: str) -> ApiError:
    """Return the 404 of a thing that is not there."""
    return ApiError(404, code, f"Unknown {thing}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a known route. `raw_ids` are the ids in its path as text, without any token."""

    method: str
    template: str
    raw_ids: Mapping[str, str]
    token: str = field(repr=False)
    query: Mapping[str, str]
    body: Mapping[str, Any]

    def id(self, name: str) -> int:
        """Return an id from the path. Raise InvalidForm when it is no snowflake."""
        return _snowflake(name, self.raw_ids[name])

    def boolean(self, name: str) -> bool:
        """Return a boolean of the query, false where it is not given. Raise InvalidForm when it is none."""
        text = self.query.get(name, "false").lower()
        form = Form()
        if text not in _BOOLEANS:
            form.wrong([name], "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        form.check()
        return _BOOLEANS[text]

    def snowflake(self, name: str) -> int | None:
        """Return an id of the query, None where it is not given. Raise InvalidForm when it is no snowflake."""
        return _snowflake(name, self.query[name]) if name in self.query else None


def _snowflake(name: str, text: str) -> int:
    form = Form()
    if not _SNOWFLAKE.fullmatch(text):
        form.wrong([name], "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
    form.check()
    return int(text)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method and a path, and the function that answers it."""

    method: str
    template: str
    answer: Callable[[World, Call], Answer]

    @property
    def for_webhook(self) -> bool:
        """Whether a webhook's token in the path takes the place of the bot's token."""
        return self.template.startswith(WEBHOOK)

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return what stands in the path's places, None when this is another endpoint."""
        if method != self.method:
            return None
        wanted, given = self.template.split("/"), path.split("/")
        if len(wanted) != len(given):
            return None
        places: dict[str, str] = {}
        for name, part in zip(wanted, given, strict=True):
            if name.startswith("{") and part:
                places[name.strip("{}")] = part
            elif name != part:
                return None
        return places


def json_answer(body: object, status: int = 200) -> Answer:
    """Return a response with a JSON body."""
    return Answer(status, json.dumps(body).encode(), JSON_HEADERS)


def no_content() -> Answer:
    """Return the response to what has been done and has nothing to show."""
    return Answer(204, headers={"Via": JSON_HEADERS["Via"]})


# Webhooks


def webhook_of(world: World, call: Call) -> Webhook:
    """Return the webhook of a path. Raise ApiError when there is none or the token is wrong."""
    hook = world.webhooks.get(call.id("webhook_id"))
    if hook is None:
        raise unknown(10015, "Webhook")
    if call.token != hook.token:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    return hook


def _get_webhook(world: World, call: Call) -> Answer:
    hook = webhook_of(world, call)
    return json_answer(shapes.webhook(hook, world.channels[hook.channel_id].guild_id))


def _execute_webhook(world: World, call: Call) -> Answer:
    hook = webhook_of(world, call)
    wait = call.boolean("wait")
    channel = _webhook_channel(world, call, hook)
    draft = _draft(call)
    _refuse_empty(draft.content, draft.embeds)
    if channel.type is ChannelType.FORUM:
        channel = _forum_thread(world, channel, draft)
    elif draft.thread_name:
        raise ApiError(400, 220003, "Webhooks can only create threads in forum channels")
    stored = world.post(channel, Author(hook.id, draft.username or hook.name), draft, hook)
    return json_answer(shapes.message(stored)) if wait else no_content()


def _webhook_channel(world: World, call: Call, hook: Webhook) -> Channel:
    channel = world.channels[hook.channel_id]
    thread_id = call.snowflake("thread_id")
    if thread_id is None:
        return channel
    thread = world.channels.get(thread_id)
    if thread is None or thread.parent_id != channel.id:
        raise unknown(10003, "Channel")
    return thread


def _forum_thread(world: World, forum: Channel, draft: Draft) -> Channel:
    if not draft.thread_name:
        raise ApiError(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
    id_ = world.snowflake()
    thread = Channel(id_, forum.guild_id, draft.thread_name, forum.permissions, ChannelType.THREAD, forum.id)
    world.channels[id_] = thread
    return thread


def _webhook_message(world: World, call: Call) -> tuple[Channel, StoredMessage]:
    hook = webhook_of(world, call)
    channel = _webhook_channel(world, call, hook)
    stored = channel.messages.get(call.id("message_id"))
    if stored is None or stored.webhook_id != hook.id:
        raise unknown(10008, "Message")
    return channel, stored


def _get_webhook_message(world: World, call: Call) -> Answer:
    _, stored = _webhook_message(world, call)
    return json_answer(shapes.message(stored))


def _edit_webhook_message(world: World, call: Call) -> Answer:
    channel, stored = _webhook_message(world, call)
    draft = _draft(call)
    changed = replace(
        stored,
        content=draft.content if "content" in draft.given else stored.content,
        embeds=draft.embeds if "embeds" in draft.given else stored.embeds,
        edited_at=world.clock(),
    )
    _refuse_empty(changed.content, changed.embeds)
    channel.messages[stored.id] = changed
    return json_answer(shapes.message(changed))


def _delete_webhook_message(world: World, call: Call) -> Answer:
    channel, stored = _webhook_message(world, call)
    del channel.messages[stored.id]
    return no_content()


# Channels


def channel_of(world: World, call: Call, *needed: Permission) -> Channel:
    """Return the channel of a path. Raise ApiError when there is none or the bot may not do this in it."""
    channel = world.channels.get(call.id("channel_id"))
    if channel is None:
        raise unknown(10003, "Channel")
    if Permission.VIEW_CHANNEL not in channel.permissions:
        raise ApiError(403, 50001, "Missing Access")
    if any(permission not in channel.permissions for permission in needed):
        raise ApiError(403, 50013, "Missing Permissions")
    return channel


def _get_channel(world: World, call: Call) -> Answer:
    return json_answer(shapes.channel(channel_of(world, call)))


def _create_message(world: World, call: Call) -> Answer:
    channel = channel_of(world, call, Permission.SEND_MESSAGES)
    draft = _draft(call)
    _refuse_empty(draft.content, draft.embeds)
    if draft.embeds and Permission.EMBED_LINKS not in channel.permissions:
        raise ApiError(403, 50013, "Missing Permissions")
    stored = world.post(channel, world.bot, draft)
    return json_answer(shapes.message(stored, nonce=draft.nonce))


def _list_messages(world: World, call: Call) -> Answer:
    channel = channel_of(world, call)
    limit = _limit(call)
    if Permission.READ_MESSAGE_HISTORY not in channel.permissions:
        return json_answer([])
    chosen = _chosen(list(channel.messages.values()), call, limit)
    return json_answer([_seen_by_bot(world, stored) for stored in reversed(chosen)])


def _limit(call: Call) -> int:
    text = call.query.get("limit", "50")
    form = Form()
    if not text.isdecimal():
        form.wrong(["limit"], "NUMBER_TYPE_COERCE", f'Value "{text}" is not int.')
    elif int(text) < 1:
        form.wrong(["limit"], "NUMBER_TYPE_MIN", "int value should be greater than or equal to 1.")
    elif int(text) > 100:
        form.wrong(["limit"], "NUMBER_TYPE_MAX", "int value should be less than or equal to 100.")
    form.check()
    return int(text)


def _chosen(messages: list[StoredMessage], call: Call, limit: int) -> list[StoredMessage]:
    """Return the asked-for messages, oldest first: `after` takes the nearest ones to its id, the others the newest."""
    before, after, around = call.snowflake("before"), call.snowflake("after"), call.snowflake("around")
    if around is not None:
        older = [stored for stored in messages if stored.id < around]
        rest = [stored for stored in messages if stored.id >= around]
        half = limit // 2
        return (older[-half:] if half else []) + rest[: limit - half]
    if after is not None:
        return list(islice((stored for stored in messages if stored.id > after), limit))
    return [stored for stored in messages if before is None or stored.id < before][-limit:]


def _seen_by_bot(world: World, stored: StoredMessage) -> dict[str, Any]:
    own = world.bot.id in {stored.author.id, stored.application_id, *stored.notified.users}
    return shapes.message(stored, hidden=not (own or world.message_content))


def _channel_message(channel: Channel, call: Call) -> StoredMessage:
    stored = channel.messages.get(call.id("message_id"))
    if stored is None:
        raise unknown(10008, "Message")
    return stored


def _get_message(world: World, call: Call) -> Answer:
    channel = channel_of(world, call, Permission.READ_MESSAGE_HISTORY)
    return json_answer(_seen_by_bot(world, _channel_message(channel, call)))


def _delete_message(world: World, call: Call) -> Answer:
    channel = channel_of(world, call)
    stored = _channel_message(channel, call)
    if stored.author.id != world.bot.id and Permission.MANAGE_MESSAGES not in channel.permissions:
        raise ApiError(403, 50013, "Missing Permissions")
    del channel.messages[stored.id]
    return no_content()


# Users and guilds


def _get_me(world: World, _call: Call) -> Answer:
    return json_answer(shapes.me(world.bot))


def guild_of(world: World, call: Call) -> Guild:
    """Return the guild of a path. Raise ApiError when the bot is not in it."""
    guild = world.guilds.get(call.id("guild_id"))
    if guild is None:
        raise unknown(10004, "Guild")
    return guild


def _get_guild(world: World, call: Call) -> Answer:
    return json_answer(shapes.guild(guild_of(world, call)))


def _get_roles(world: World, call: Call) -> Answer:
    return json_answer([shapes.role(role) for role in guild_of(world, call).roles.values()])


def _draft(call: Call) -> Draft:
    for part in UNBUILT:
        if call.body.get(part):
            raise ApiError(400, 0, f"the stand-in Discord does not know {part!r} in a message", unexpected=True)
    return draft_of(call.body)


def _refuse_empty(content: str, embeds: tuple[dict[str, Any], ...]) -> None:
    if is_empty(content, embeds):
        raise ApiError(400, 50006, "Cannot send an empty message")


ENDPOINTS = (
    Endpoint("POST", WEBHOOK, _execute_webhook),
    Endpoint("POST", CHANNEL_MESSAGES, _create_message),
    Endpoint("GET", WEBHOOK, _get_webhook),
    Endpoint("GET", WEBHOOK_MESSAGE, _get_webhook_message),
    Endpoint("PATCH", WEBHOOK_MESSAGE, _edit_webhook_message),
    Endpoint("DELETE", WEBHOOK_MESSAGE, _delete_webhook_message),
    Endpoint("GET", CHANNEL_MESSAGES, _list_messages),
    Endpoint("GET", CHANNEL_MESSAGE, _get_message),
    Endpoint("DELETE", CHANNEL_MESSAGE, _delete_message),
    Endpoint("GET", "/channels/{channel_id}", _get_channel),
    Endpoint("GET", "/users/@me", _get_me),
    Endpoint("GET", "/guilds/{guild_id}", _get_guild),
    Endpoint("GET", "/guilds/{guild_id}/roles", _get_roles),
)


def endpoint_for(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
    """Return the endpoint that answers, and what stands in its places; None when there is none."""
    for endpoint in ENDPOINTS:
        places = endpoint.match(method, path)
        if places is not None:
            return endpoint, places
    return None
