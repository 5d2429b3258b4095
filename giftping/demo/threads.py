"""The stand-in Discord's threads: a forum's posts, which of them there are, and what of them may be written to."""

from __future__ import annotations

from datetime import datetime

from giftping.demo import shapes
from giftping.demo.calls import ApiError, Call, Endpoint, json_answer, not_permitted, unknown
from giftping.demo.guild_endpoints import guild_of
from giftping.demo.loopback import Answer
from giftping.demo.messages import channel_of, draft_in, refuse_empty
from giftping.demo.rules import Draft, ThreadDraft, thread_draft_of
from giftping.demo.world import Author, Channel, ChannelType, Permission, StoredMessage, Webhook, World

THREADS = "/channels/{channel_id}/threads"


def open_post(
    world: World, forum: Channel, author: Author, asked: ThreadDraft, draft: Draft, webhook: Webhook | None = None
) -> tuple[Channel, StoredMessage]:
    """A new post of a forum, whose first message has its id. Raise ApiError for one that the forum does not take."""
    if forum.wants_tag and not asked.tags:
        raise ApiError(400, 40067, "A tag is required to create a forum post in this channel")
    if not {tag.id for tag in forum.tags}.issuperset(asked.tags):
        raise ApiError(400, 10087, "Unknown tag")
    thread = Channel(0, forum.guild_id, asked.name, forum.permissions, ChannelType.THREAD, forum.id)
    thread.owner_id, thread.applied_tags = author.id, asked.tags
    stored = world.post(thread, author, draft, webhook, opens=True)
    world.channels[thread.id] = thread
    return thread, stored


def _create_thread(world: World, call: Call) -> Answer:
    forum = channel_of(world, call, Permission.SEND_MESSAGES)
    if not forum.type.takes_posts:
        raise ApiError(400, 0, "the stand-in Discord opens no threads but a forum's posts", unexpected=True)
    asked = thread_draft_of(call.body, "name")
    if asked is None:
        raise ApiError(400, 50035, "Invalid Form Body")
    draft = draft_in(call.body.get("message") or {}, buttons=forum.id not in world.buttonless)
    refuse_empty(draft.content, draft.embeds)
    if draft.embeds and Permission.EMBED_LINKS not in forum.permissions:
        raise not_permitted()
    thread, _ = open_post(world, forum, world.bot, asked, draft)
    return json_answer(shapes.thread(thread), 201)


def _active_threads(world: World, call: Call) -> Answer:
    guild = guild_of(world, call)
    return json_answer(_listed([one for one in _threads(world) if one.guild_id == guild.id and not one.is_archived]))


def _archived_threads(world: World, call: Call) -> Answer:
    parent = channel_of(world, call, Permission.READ_MESSAGE_HISTORY)
    limit, before = call.limit(default=50, most=100), call.query.get("before")
    found = [one for one in _threads(world) if one.parent_id == parent.id and one.is_archived and one.archived_at]
    found.sort(key=lambda one: one.archived_at or world.clock(), reverse=True)
    if before is not None:
        until = datetime.fromisoformat(before)
        found = [one for one in found if one.archived_at is not None and one.archived_at < until]
    return json_answer(_listed(found[:limit]) | {"has_more": len(found) > limit})


def _threads(world: World) -> list[Channel]:
    """Those that the bot may see."""
    return [
        one
        for one in world.channels.values()
        if one.type is ChannelType.THREAD and Permission.VIEW_CHANNEL in one.permissions
    ]


def _listed(threads: list[Channel]) -> dict[str, object]:
    return {"threads": [shapes.thread(one) for one in threads], "members": [], "has_more": False}


def _change_thread(world: World, call: Call) -> Answer:
    """A thread that was archived, or opened again; nothing else of a channel is changed."""
    thread = channel_of(world, call)
    if set(call.body) - {"archived"}:
        raise ApiError(400, 0, "the stand-in Discord changes nothing but whether threads are archived", unexpected=True)
    # Any other channel is changed by those alone that manage it.
    if thread.type is not ChannelType.THREAD:
        raise not_permitted()
    refuse_locked(thread)
    if Permission.SEND_MESSAGES_IN_THREADS not in thread.permissions:
        raise not_permitted()
    archive(world, thread, archived=call.body.get("archived") is True)
    return json_answer(shapes.thread(thread))


def archive(world: World, thread: Channel, *, archived: bool) -> None:
    """Archive a thread, or open it again."""
    if thread.is_archived != archived:
        thread.is_archived, thread.archived_at = archived, world.clock()


def refuse_locked(channel: Channel, *, as_webhook: bool = False) -> None:
    """Raise ApiError for a thread that is locked to who may not manage threads."""
    if channel.is_locked and (as_webhook or Permission.MANAGE_THREADS not in channel.permissions):
        raise ApiError(400, 160005, "Thread is locked")


def thread_of(world: World, parent: Channel, thread_id: int) -> Channel:
    """A thread of a channel. Raise ApiError where there is none such."""
    thread = world.channels.get(thread_id)
    if thread is None or thread.parent_id != parent.id:
        raise unknown(10003, "Channel")
    return thread


THREAD_ENDPOINTS = (
    Endpoint("POST", THREADS, _create_thread),
    Endpoint("GET", THREADS + "/archived/public", _archived_threads),
    Endpoint("GET", "/guilds/{guild_id}/threads/active", _active_threads),
    Endpoint("PATCH", "/channels/{channel_id}", _change_thread),
)
