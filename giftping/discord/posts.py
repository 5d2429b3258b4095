"""The posts of forums: how the bot opens one, and how one is found again whose end was unclear."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from giftping.discord.buttons import sent_as_taken
from giftping.discord.channel_types import type_of
from giftping.discord.finding import Window
from giftping.discord.http import Answer, Endpoint
from giftping.discord.message import Message
from giftping.discord.outcome import Done, Outcome, Refused, Unclear
from giftping.discord.permissions import THREADS
from giftping.discord.rest import (
    CHANNEL,
    PAGES,
    UNKNOWN_MESSAGE,
    ChannelRoute,
    History,
    RestClient,
    object_in,
    posted,
)
from giftping.discord.snowflake import snowflake_time
from giftping.text import id_or_none

_POSTS: Collection[int | None] = THREADS

PAGE = 100
"""Archived posts of one page, the most that Discord gives (List Public Archived Threads)."""


def open_post(
    rest: RestClient,
    channel_id: int,
    message: Message,
    *,
    since: int | None = None,
    fence: Callable[[], None] | None = None,
) -> Outcome:
    """How opening a post with a message ended: no nonce keeps a repeat from opening another.

    Raise ValueError for a message without a post.
    """
    if message.post is None:
        raise ValueError("the message names no post to open")
    about_post: dict[str, Any] = {"name": message.post.name}
    if message.post.tags:
        about_post["applied_tags"] = list(message.post.tags)
    since = rest.http.anchor() if since is None else since
    endpoint = _of_channel("POST", "/threads", channel_id)
    result = sent_as_taken(
        rest.http,
        endpoint.resource,
        message,
        lambda one: rest.http.request(endpoint, json=about_post | {"message": one.payload()}, fence=fence),
    )
    outcome = posted(result, since, rest.http.discord_now())
    if not isinstance(outcome, Done):
        return outcome
    # The first message of a post has the id of the post, which is a channel of its own.
    thread = object_in(result)
    if isinstance(thread, Mapping) and type_of(thread) in _POSTS and id_or_none(thread.get("parent_id")) == channel_id:
        return Done(outcome.message_id, outcome.message_id)
    return Unclear("the answer is not a post of the channel")


def first_messages(rest: RestClient, channel_id: int, window: Window) -> History | Refused | Unclear:
    """The first messages of a channel's posts of the window, whoever has opened them, archived ones among them."""
    channel = rest.channel(channel_id)
    if not isinstance(channel, Mapping):
        return channel
    guild_id = id_or_none(channel.get("guild_id"))
    if guild_id is None:
        return Unclear(f"channel {channel_id} is in no guild")
    active = _threads_in(rest.http.request(_of_guild(guild_id)))
    if not isinstance(active, list):
        return active
    # Whoever may not read back is told so by this one: what is active would simply be missing in that list.
    archived = _archived(rest, channel_id, window)
    if not isinstance(archived, tuple):
        return archived
    listed, is_complete = archived
    ours = (one for one in active if id_or_none(one.get("parent_id")) == channel_id)
    posts = {id_: one for one in (*ours, *listed) if (id_ := id_or_none(one.get("id"))) and window.holds(id_)}
    found: list[Mapping[str, Any]] = []
    for post_id in sorted(posts, reverse=True):
        message = _first_message(rest, post_id, posts[post_id])
        if not isinstance(message, Mapping):
            return message
        found.append(message)
    return History(tuple(found), complete=is_complete)


def _archived(
    rest: RestClient, channel_id: int, window: Window
) -> tuple[list[Mapping[str, Any]], bool] | Refused | Unclear:
    """The posts that were archived since the window began, and whether they are all of those."""
    begins, found, before = snowflake_time(window.since), list[Mapping[str, Any]](), ""
    for _ in range(PAGES):
        params = {"limit": str(PAGE)} | ({"before": before} if before else {})
        result = rest.http.request(_of_channel("GET", "/threads/archived/public", channel_id), params=params)
        page = _threads_in(result)
        if not isinstance(page, list):
            return page
        found += page
        last = _archived_at(page[-1]) if page else None
        # They come by when they were archived, the latest first: none can have been before it was opened.
        has_more = isinstance(result, Answer) and result.body.get("has_more") is True
        if not has_more or last is None or last < begins - timedelta(minutes=1):
            return found, True
        before = last.isoformat()
    return found, False


def _first_message(rest: RestClient, post_id: int, post: Mapping[str, Any]) -> Mapping[str, Any] | Refused | Unclear:
    endpoint = Endpoint(
        "GET",
        f"GET {CHANNEL}/messages/{{message}}",
        f"/channels/{post_id}/messages/{post_id}",
        f"channel {post_id}",
    )
    message = object_in(rest.http.request(endpoint))
    if isinstance(message, Refused) and message.code == UNKNOWN_MESSAGE:
        # Somebody has deleted it, and nobody can tell any more what it said: its text is hidden.
        return {"id": str(post_id), "channel_id": str(post_id), "author": {"id": post.get("owner_id")}}
    return message


def _threads_in(result: Answer | Refused | Unclear) -> list[Mapping[str, Any]] | Refused | Unclear:
    listed = object_in(result)
    if not isinstance(listed, Mapping):
        return listed
    threads = listed.get("threads")
    if not isinstance(threads, list) or not all(isinstance(one, dict) for one in threads):
        return Unclear("the answer is not a list of threads")
    return threads


def _archived_at(thread: Mapping[str, Any]) -> datetime | None:
    metadata = thread.get("thread_metadata")
    at = metadata.get("archive_timestamp") if isinstance(metadata, dict) else None
    try:
        read = datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:
        return None
    return read if read is not None and read.tzinfo is not None else None


def _of_channel(method: str, beyond: str, channel_id: int) -> Endpoint:
    return Endpoint(method, f"{method} {CHANNEL}{beyond}", f"/channels/{channel_id}{beyond}", f"channel {channel_id}")


def _of_guild(guild_id: int) -> Endpoint:
    path = f"/guilds/{guild_id}/threads/active"
    return Endpoint("GET", "GET /guilds/{guild}/threads/active", path, f"guild {guild_id}")


class ForumRoute(ChannelRoute):
    """The way to a forum, where the bot opens a post with each message. No nonce makes a repeat harmless there."""

    repeats_safely_for = timedelta(0)

    def post(
        self,
        message: Message,
        delivery_id: str,  # noqa: ARG002 - a post takes no nonce
        *,
        since: int | None = None,
        fence: Callable[[], None] | None = None,
    ) -> Outcome:
        """Open a post with one message and say how it ended."""
        return open_post(self._rest, self.channel_id, message, since=since, fence=fence)

    def edit(self, message: Message, message_id: int, channel_id: int | None) -> Outcome:
        """Put the first message of a post, or another one in it, right, as a whole, and say how that ended."""
        return super().edit(message, message_id, message_id if channel_id is None else channel_id)

    def _history(self, window: Window) -> History | Refused | Unclear:
        """The first messages of the posts of the window: one is found again by that."""
        return first_messages(self._rest, self.channel_id, window)
