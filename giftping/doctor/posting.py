"""How announcements are posted at a destination: whether its channel can do what the subscriptions ask of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from giftping.discord.channel_types import type_of
from giftping.discord.permissions import THREADS
from giftping.doctor.judgement import Judgement, fail, named, warn
from giftping.store.base import ChannelKind, Posting, PostsIn
from giftping.text import id_or_none

KINDS: Mapping[int, ChannelKind] = {
    0: ChannelKind.TEXT,
    5: ChannelKind.ANNOUNCEMENT,
    15: ChannelKind.FORUM,
    16: ChannelKind.MEDIA,
    **dict.fromkeys(THREADS, ChannelKind.THREAD),
}
"""The types of channel that codes are announced in (Channel Types). A voice channel's messages are seen by nobody who
is not there."""

FORUMS = frozenset({ChannelKind.FORUM, ChannelKind.MEDIA})
"""The kinds of channel in which each message needs a post of its own."""

KIND_WORDS: Mapping[ChannelKind, str] = {
    ChannelKind.TEXT: "a text channel",
    ChannelKind.ANNOUNCEMENT: "an announcement channel",
    ChannelKind.THREAD: "a thread",
    ChannelKind.FORUM: "a forum",
    ChannelKind.MEDIA: "a media channel",
}

WANTS_TAG = 1 << 4
"""The flag of a forum whose posts need a tag each (Channel Flags, REQUIRE_TAG)."""


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What a channel is and asks for, as Discord shows it."""

    kind: ChannelKind | None = None
    """None where nobody has seen it, or codes cannot be announced in it."""
    tags: Mapping[str, str] | None = None
    """The names of a forum's tags by their ids; None where they were not shown."""
    wants_tag: bool = False
    """Whether each post of it needs one of them."""
    is_locked: bool = False
    """Whether it is a thread that is locked to whoever posts there."""


UNSEEN = PlaceFacts()
"""What is known of a channel that nobody has seen."""


def place_in(channel: Mapping[str, Any]) -> PlaceFacts:
    """What a channel is and asks for, from Discord's JSON of it."""
    listed, flags, metadata = channel.get("available_tags"), channel.get("flags"), channel.get("thread_metadata")
    tags = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else None
    return PlaceFacts(
        KINDS.get(type_of(channel) or 0) if type_of(channel) is not None else None,
        None if tags is None else {str(one.get("id")): str(one.get("name")) for one in tags},
        wants_tag=isinstance(flags, int) and bool(flags & WANTS_TAG),
        is_locked=isinstance(metadata, dict) and metadata.get("locked") is True,
    )


def fitting(posting: Posting, kind: ChannelKind | None) -> Posting:
    """How messages are posted in a channel of a kind, where that was not said: in a forum each is a post of its own."""
    posts = posting.posts
    if posts is None and (kind in FORUMS or (kind is None and posting.tags)):
        posts = PostsIn.PER_ANNOUNCEMENT
    return replace(posting, kind=kind or posting.kind, posts=posts)


def tag_ids(asked: Collection[str], tags: Mapping[str, str] | None) -> tuple[str, ...]:
    """The ids of tags that were asked for by id or by name. Raise LookupError with one that there is none of."""
    by_name = {name.casefold(): id_ for id_, name in (tags or {}).items()}
    found = []
    for one in asked:
        id_ = by_name.get(one.casefold(), one)
        if id_or_none(id_) is None or (tags is not None and id_ not in tags):
            raise LookupError(one)
        found.append(id_)
    return tuple(dict.fromkeys(found))


def judge_posting(
    name: str,
    guild_id: int,
    postings: Collection[Posting],
    place: PlaceFacts,
    lacks: Collection[str] | None,
    *,
    change: str,
    is_webhook: bool,
) -> Judgement | None:
    """What of that a destination cannot do, None where it can do all of it; `change` begins the command that mends it.

    `lacks` are the permissions that the bot does not have to publish there, None where there is no bot.
    """
    subject = str(guild_id)
    wanted = {posting.posts for posting in postings}
    of = "of " if is_webhook else ""
    is_what = f"{name} is {of}{KIND_WORDS[place.kind]}" if place.kind is not None else ""
    if place.kind in FORUMS and None in wanted:
        said = f"{is_what}, where each message needs a post"
        return fail(said, f"{change} --posts per-announcement, or --posts kept", subject)
    if place.kind is not None and place.kind not in FORUMS and wanted - {None}:
        return fail(f"{is_what}, and takes no posts", f"{change} --posts none; or give it a forum", subject)
    if place.is_locked:
        return fail(f"{name} posts into a thread that is locked", "unlock the thread, or name another one", subject)
    if (wrong := _judge_tags(name, guild_id, postings, place, change)) is not None:
        return wrong
    if not any(posting.publishes for posting in postings):
        return None
    if place.kind not in (None, ChannelKind.ANNOUNCEMENT):
        said = f"{is_what}: only messages of an announcement channel can be published"
        return fail(said, f"{change} --no-publish; or make it an announcement channel", subject)
    if lacks is None:
        said = f"{name}: a webhook alone cannot publish its messages, and there is no bot token"
        then = f"set DISCORD_TOKEN of a bot that may Manage Messages there; or {change} --no-publish"
        return warn(said, then, subject)
    if lacks:
        said = f"{name}: its messages cannot be published, as the bot lacks {', '.join(lacks)}"
        return warn(said, f"allow it there: {', '.join(lacks)}; or {change} --no-publish", subject)
    return None


def _judge_tags(
    name: str, guild_id: int, postings: Collection[Posting], place: PlaceFacts, change: str
) -> Judgement | None:
    if place.tags is None:
        return None
    subject, change = str(guild_id), f"{change} --tag NAME"
    some = named(list(place.tags.values())) or "it has none yet"
    if place.wants_tag and not all(posting.tags for posting in postings):
        return fail(f"{name} asks for a tag with each post", f"{change} ({some})", subject)
    unknown = [tag for posting in postings for tag in posting.tags if tag not in place.tags]
    if unknown:
        return fail(f"{name} has no tag {unknown[0]}", f"{change} ({some})", subject)
    return None
