"""The stand-in Discord's endpoints: which there are, and what each of them answers."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

from giftping.demo import shapes
from giftping.demo.calls import ApiError, Call, Endpoint, json_answer, no_content, not_permitted, snowflake, unknown
from giftping.demo.guild_endpoints import GUILD_ENDPOINTS
from giftping.demo.loopback import Answer
from giftping.demo.messages import channel_of, draft_in, refuse_empty
from giftping.demo.ratelimits import CHANNEL_MESSAGES, CROSSPOST, WEBHOOK
from giftping.demo.rules import Draft, sender_of, thread_draft_of
from giftping.demo.threads import THREAD_ENDPOINTS, open_post, refuse_locked, thread_of
from giftping.demo.world import OLD, Author, Channel, ChannelType, Permission, StoredMessage, Webhook, World

DIRECT_CHANNELS = "/users/@me/channels"


# Webhooks


def webhook_of(world: World, call: Call) -> Webhook:
    """The webhook of a path. Raise ApiError when there is none or the token is wrong."""
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
    author = Author(hook.id, sender_of(call.body, hook.name))
    draft = _webhook_draft(world, call, channel)
    refuse_empty(draft.content, draft.embeds)
    asked = thread_draft_of(call.body, "thread_name")
    if asked is not None and "thread_id" in call.query:
        raise ApiError(400, 220002, "Webhooks posted to forum channels cannot have both a thread_name and thread_id")
    if asked is not None and not channel.type.takes_posts:
        raise ApiError(400, 220003, "Webhooks can only create threads in forum channels")
    if channel.type.takes_posts:
        if asked is None:
            raise ApiError(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id")
        _, stored = open_post(world, channel, author, asked, draft, hook)
    else:
        refuse_locked(channel, as_webhook=True)
        stored = world.post(channel, author, draft, hook)
    return json_answer(shapes.message(stored)) if wait else no_content()


def _get_webhook_message(world: World, call: Call) -> Answer:
    hook = webhook_of(world, call)
    stored = _webhook_channel(world, call, hook).messages.get(call.id("message_id"))
    # Only its own, and those whole: the intent Message Content is about bots.
    if stored is None or stored.webhook_id != hook.id:
        raise unknown(10008, "Message")
    return json_answer(shapes.message(stored))


def _edit_webhook_message(world: World, call: Call) -> Answer:
    hook = webhook_of(world, call)
    channel = _webhook_channel(world, call, hook)
    stored = channel.messages.get(call.id("message_id"))
    if stored is None or stored.webhook_id != hook.id:
        raise unknown(10008, "Message")
    draft = _webhook_draft(world, call, channel)
    return json_answer(shapes.message(_edited(world, call, channel, stored, draft)))


def _webhook_draft(world: World, call: Call, channel: Channel) -> Draft:
    """What a webhook is asked to post. No application owns it: of its components Discord knows only when asked to."""
    draft = draft_in(call.body, call.files, buttons=channel.id not in world.buttonless)
    return draft if call.boolean("with_components") else replace(draft, components=())


def _edited(world: World, call: Call, channel: Channel, stored: StoredMessage, draft: Draft) -> StoredMessage:
    """A message of the caller's own after its edit. Raise ApiError when Discord does not take it."""
    content = draft.content if "content" in call.body else stored.content
    refuse_empty(content, draft.embeds if "embeds" in call.body else stored.embeds)
    if channel.is_archived:
        raise ApiError(400, 50083, "Thread is archived")
    if world.clock() - stored.sent_at > OLD and world.old_edits is not None:
        if world.old_edits <= 0:
            message = "Maximum number of edits to messages older than 1 hour reached. Try again later"
            raise ApiError(429, 30046, message)
        world.old_edits -= 1
    return world.edit(channel, stored, draft, call.body)


def _webhook_channel(world: World, call: Call, hook: Webhook) -> Channel:
    channel = world.channels[hook.channel_id]
    thread_id = call.snowflake("thread_id")
    if thread_id is None:
        return channel
    return thread_of(world, channel, thread_id)


# Channels


def _get_channel(world: World, call: Call) -> Answer:
    channel = channel_of(world, call)
    if channel.recipient_id is None:
        return json_answer(shapes.channel(channel, world.bot))
    return json_answer(shapes.direct_channel(channel, world.users[channel.recipient_id]))


def _create_message(world: World, call: Call) -> Answer:
    channel = channel_of(world, call)
    in_thread = channel.type is ChannelType.THREAD
    if (Permission.SEND_MESSAGES_IN_THREADS if in_thread else Permission.SEND_MESSAGES) not in channel.permissions:
        raise not_permitted()
    draft = draft_in(call.body, call.files, buttons=channel.id not in world.buttonless)
    if not draft.files:
        refuse_empty(draft.content, draft.embeds)
    if draft.embeds and Permission.EMBED_LINKS not in channel.permissions:
        raise not_permitted()
    if draft.files and Permission.ATTACH_FILES not in channel.permissions:
        raise not_permitted()
    _refuse_unwilling(world, channel)
    refuse_locked(channel)
    stored = world.post(channel, world.bot, draft)
    return json_answer(shapes.message(stored, nonce=draft.nonce))


def _refuse_unwilling(world: World, channel: Channel) -> None:
    """Raise ApiError for a channel that takes no messages, or whose recipient takes none from the bot."""
    if not channel.type.takes_messages:
        raise ApiError(400, 50008, "Cannot send messages in a non-text channel")
    if channel.recipient_id is None:
        return
    if not world.shares_guild(channel.recipient_id):
        raise ApiError(403, 50278, "Cannot send messages to this user due to having no mutual guilds")
    if channel.recipient_id in world.closed_dms or world.users[channel.recipient_id].is_bot:
        raise ApiError(403, 50007, "Cannot send messages to this user")


def _list_messages(world: World, call: Call) -> Answer:
    channel = channel_of(world, call)
    limit = call.limit(default=50, most=100)
    if not channel.type.takes_messages:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    # No error, and no messages either (Get Channel Messages).
    if Permission.READ_MESSAGE_HISTORY not in channel.permissions:
        return json_answer([])
    chosen = _chosen(list(channel.messages.values()), call, limit)
    return json_answer([_seen_by_bot(world, channel, stored) for stored in reversed(chosen)])


def _chosen(messages: list[StoredMessage], call: Call, limit: int) -> list[StoredMessage]:
    """The asked-for messages, oldest first: `after` takes the nearest ones to its id, the others the newest."""
    before, after = call.snowflake("before"), call.snowflake("after")
    if after is not None:
        return list(islice((stored for stored in messages if stored.id > after), limit))
    return [stored for stored in messages if before is None or stored.id < before][-limit:]


def _seen_by_bot(world: World, channel: Channel, stored: StoredMessage) -> dict[str, Any]:
    # What a bot without the intent may read (Gateway, Message Content Intent).
    own = world.bot.id in {stored.author.id, *stored.notified.users}
    direct = channel.type is ChannelType.DM
    return shapes.message(stored, hidden=not (own or direct or world.message_content))


def _get_message(world: World, call: Call) -> Answer:
    channel = channel_of(world, call, Permission.READ_MESSAGE_HISTORY)
    stored = channel.messages.get(call.id("message_id"))
    if stored is None:
        raise unknown(10008, "Message")
    return json_answer(_seen_by_bot(world, channel, stored))


def _edit_message(world: World, call: Call) -> Answer:
    channel = channel_of(world, call)
    stored = channel.messages.get(call.id("message_id"))
    if stored is None:
        raise unknown(10008, "Message")
    if stored.author.id != world.bot.id:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    draft = draft_in(call.body, call.files, buttons=channel.id not in world.buttonless)
    return json_answer(_seen_by_bot(world, channel, _edited(world, call, channel, stored, draft)))


def _publish_message(world: World, call: Call) -> Answer:
    channel = channel_of(world, call)
    stored = channel.messages.get(call.id("message_id"))
    if channel.type is not ChannelType.ANNOUNCEMENT:
        raise ApiError(400, 50024, "Cannot execute action on this channel type")
    if stored is None:
        raise unknown(10008, "Message")
    is_own = stored.author.id == world.bot.id
    if (Permission.SEND_MESSAGES if is_own else Permission.MANAGE_MESSAGES) not in channel.permissions:
        raise not_permitted()
    if stored.is_published:
        raise ApiError(400, 40033, "This message has already been crossposted")
    published = channel.messages[stored.id] = replace(stored, is_published=True)
    return json_answer(_seen_by_bot(world, channel, published))


# Users


def _get_me(world: World, _call: Call) -> Answer:
    return json_answer(shapes.me(world.bot))


def _open_dm(world: World, call: Call) -> Answer:
    user = world.users.get(snowflake("recipient_id", str(call.body.get("recipient_id"))))
    if user is None:
        raise ApiError(400, 50033, "Invalid Recipient(s)")
    channel = world.dms.get(user.id)
    if channel is None:
        if world.new_dms is not None and world.opened_dms >= world.new_dms:
            raise ApiError(403, 40003, "You are opening direct messages too fast")
        channel = world.open_dm(user.id)
    return json_answer(shapes.direct_channel(channel, user))


ENDPOINTS = (
    Endpoint("POST", WEBHOOK, _execute_webhook),
    Endpoint("POST", CHANNEL_MESSAGES, _create_message, takes_files=True),
    Endpoint("GET", WEBHOOK, _get_webhook),
    Endpoint("GET", WEBHOOK + "/messages/{message_id}", _get_webhook_message),
    Endpoint("GET", CHANNEL_MESSAGES, _list_messages),
    Endpoint("GET", CHANNEL_MESSAGES + "/{message_id}", _get_message),
    Endpoint("PATCH", WEBHOOK + "/messages/{message_id}", _edit_webhook_message),
    Endpoint("PATCH", CHANNEL_MESSAGES + "/{message_id}", _edit_message),
    Endpoint("POST", CROSSPOST, _publish_message),
    Endpoint("GET", "/channels/{channel_id}", _get_channel),
    Endpoint("GET", "/users/@me", _get_me),
    Endpoint("POST", DIRECT_CHANNELS, _open_dm),
    *THREAD_ENDPOINTS,
    *GUILD_ENDPOINTS,
)


def endpoint_for(method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
    """The endpoint that answers, and what stands in its places; None when there is none."""
    for endpoint in ENDPOINTS:
        places = endpoint.match(method, path)
        if places is not None:
            return endpoint, places
    return None
