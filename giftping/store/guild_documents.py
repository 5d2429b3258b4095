"""Guilds as documents: one for each game that one follows, and one for what is of the guild itself. Pure.

What has nothing to say is not kept: a guild without a name of its own is known by its subscriptions alone. Fields that
are not ours, or of a later release, stay in a document that is written over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from giftping.store.base import (
    Broken,
    ChannelKind,
    Destination,
    Guild,
    Posting,
    PostsIn,
    Style,
    Subscription,
)
from giftping.store.documents import (
    GUILDS,
    SUBSCRIPTIONS,
    Document,
    field_name,
    kept_in,
    mentions_in,
    plain_name,
    set_values,
    style_from,
    text_or_none,
)
from giftping.store.fields import Fields, is_text, time_to_text

_OF_SUBSCRIPTION = frozenset(
    {"_id", "guild_id", "game", "destination", "created_at", "updated_at"}
    | {"place", "mention", "seeded", "announce_current", "broken", "style", "posting", "kept_post"}
)
GUILD_OF_FIRST_SCHEMA = frozenset({"destination", "games", "mention_role_id", "seeded", "announce_current", "broken"})
"""What a guild's own document held before each of its games had one."""

_OF_GUILD = (
    frozenset({"_id", "guild_id", "label", "language", "title", "destinations", "created_at", "updated_at"})
    | GUILD_OF_FIRST_SCHEMA
)


def subscription_id(guild_id: int, game: str) -> str:
    """The `_id` of a subscription."""
    return f"{guild_id}:{game}"


def within_guild(guild_id: int) -> str:
    """How the ids of a guild's subscriptions begin."""
    return f"{guild_id}:"


# Subscriptions


def subscription_to_document(one: Subscription, before: Mapping[str, Any] | None = None) -> Document:
    """The document of a subscription, written over the one `before`."""
    document: Document = {
        "_id": subscription_id(one.guild_id, one.game),
        "guild_id": one.guild_id,
        "game": one.game,
        "destination": destination_to_document(one.destination),
        "created_at": time_to_text(one.created_at),
        "updated_at": time_to_text(one.updated_at),
    }
    document |= set_values(
        place=one.place or None,
        mention=list(one.mentions) or None,
        announce_current=one.announce_current or None,
        broken=broken_to_document(one.broken) if one.broken else None,
        style=_style_to_document(one.style, before),
        posting=_posting_to_document(one.posting),
        kept_post=one.kept_post,
    )
    if one.seeded is not None:
        known = {**_addresses(before), **{field_name(name): address for name, address in one.addresses.items()}}
        document["seeded"] = {name: known.get(name, "") for name in map(field_name, one.seeded)}
    return kept_in(before, _OF_SUBSCRIPTION) | document


def _style_to_document(style: Style, before: Mapping[str, Any] | None) -> Document:
    """The part of a document that says how announcements look; what a later release has there stays."""
    known = (before or {}).get("style")
    others = {name: value for name, value in known.items() if name != "form"} if isinstance(known, Mapping) else {}
    named = known.get("form") if isinstance(known, Mapping) else None
    if style is Style.FULL and named is not None and style_from(named) is None:
        return {**others, "form": named}
    return others | set_values(form=None if style is Style.FULL else style.value)


def subscription_from_document(document: Mapping[str, Any]) -> Subscription:
    """The subscription that a document holds. Raise DocumentError when it holds none."""
    fields = Fields(SUBSCRIPTIONS, document)
    destination = fields.table("destination")
    seeded = None if document.get("seeded") is None else fields.table("seeded")
    guild_id, game = fields.id("guild_id"), fields.text("game")
    if document.get("_id") != subscription_id(guild_id, game):
        raise fields.wrong("_id", f"{subscription_id(guild_id, game)!r}")
    webhook, channel_id = destination.optional_text("webhook"), destination.optional_id("channel_id")
    if not webhook and channel_id is None:
        raise fields.wrong("destination", "a webhook or a channel")
    return Subscription(
        guild_id=guild_id,
        game=game,
        destination=Destination(webhook=webhook, channel_id=channel_id),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
        place=fields.optional_number("place", 0),
        mentions=_mentions(fields),
        seeded=None if seeded is None else tuple(plain_name(name) for name in seeded.document),
        addresses={
            plain_name(name): address
            for name, address in (seeded.document if seeded else {}).items()
            if address and is_text(address)
        },
        announce_current=fields.flag("announce_current"),
        broken=None if document.get("broken") is None else broken_from(fields.table("broken")),
        style=style_from(fields.table("style", optional=True).document.get("form")) or Style.FULL,
        posting=_posting_from(fields.table("posting", optional=True)),
        kept_post=fields.optional_id("kept_post"),
    )


def _mentions(fields: Fields) -> tuple[str, ...]:
    """The ids of roles, "everyone" and "here"; one of them may stand there alone."""
    is_list = isinstance(fields.document.get("mention"), list | tuple)
    return mentions_in(fields.texts("mention") if is_list else (fields.optional_text("mention"),))


def destination_to_document(destination: Destination) -> Document:
    """The part of a document that says where announcements go."""
    return set_values(webhook=destination.webhook, channel_id=destination.channel_id)


def _posting_to_document(posting: Posting) -> Document:
    return set_values(
        kind=posting.kind and posting.kind.value,
        posts=posting.posts and posting.posts.value,
        tags=list(posting.tags),
        publishes=posting.publishes or None,
        username=posting.username,
        avatar_url=posting.avatar_url,
    )


_AS_EVER = Posting()


def _posting_from(fields: Fields) -> Posting:
    if not fields.document:
        return _AS_EVER
    kind, posts = fields.optional_kind("kind", list(ChannelKind)), fields.optional_kind("posts", list(PostsIn))
    return Posting(
        kind=ChannelKind(kind) if kind else None,
        posts=PostsIn(posts) if posts else None,
        tags=fields.texts("tags"),
        publishes=fields.flag("publishes"),
        username=fields.optional_text("username"),
        avatar_url=fields.optional_text("avatar_url"),
    )


def broken_to_document(broken: Broken) -> Document:
    """The part of a document that says since when and why its destination is broken."""
    return {"since": time_to_text(broken.since), "reason": broken.reason, "times": broken.times} | set_values(
        retry_at=text_or_none(broken.retry_at), status=broken.status, code=broken.code
    )


def broken_from(fields: Fields) -> Broken:
    """Since when and why a destination is broken. Raise DocumentError when the fields do not say."""
    return Broken(
        since=fields.time("since"),
        reason=fields.text("reason"),
        times=fields.number("times"),
        retry_at=fields.first_time("retry_at"),
        # An older release kept the words alone.
        status=None if fields.document.get("status") is None else fields.number("status"),
        code=None if fields.document.get("code") is None else fields.number("code"),
    )


# Guilds


def guild_to_document(guild: Guild, now: datetime, before: Mapping[str, Any] | None = None) -> Document | None:
    """The document of what is of the guild itself, written over the one `before`; None where that is nothing."""
    kept = kept_in(before, _OF_GUILD)
    if guild == Guild(guild.guild_id) and not set(kept) - {"rev"}:
        return None
    at = time_to_text(now)
    created_at = (before or {}).get("created_at", at)
    own = {"_id": str(guild.guild_id), "guild_id": guild.guild_id, "created_at": created_at, "updated_at": at}
    named = {field_name(label): name for label, name in guild.destinations.items()}
    return kept | own | set_values(label=guild.label, language=guild.language, title=guild.title, destinations=named)


def guild_from_document(document: Mapping[str, Any]) -> Guild:
    """The guild that a document holds. Raise DocumentError when it holds none."""
    fields = Fields(GUILDS, document)
    if not GUILD_OF_FIRST_SCHEMA.isdisjoint(document):
        raise fields.wrong("games", "what it can be upgraded from; add the guild again")
    guild_id = fields.id("guild_id")
    if document.get("_id") != str(guild_id):
        raise fields.wrong("_id", f"{str(guild_id)!r}")
    named = fields.table("destinations", optional=True)
    return Guild(
        guild_id,
        fields.optional_text("label"),
        fields.optional_text("language"),
        fields.optional_text("title"),
        {plain_name(label): named.text(label) for label in named.document},
    )


def _addresses(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
    known = (before or {}).get("seeded")
    return known if isinstance(known, Mapping) else {}
