"""A guild's settings as documents: one for each game that it follows, and one for what is of the guild itself. Pure.

What has nothing to say is not kept: a guild without a name of its own is known by its subscriptions alone. Fields that
are not ours, or of a later release, stay in a document that is written over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from giftping.store.base import Broken, Destination, GuildRecord, Subscription
from giftping.store.documents import GUILDS, SUBSCRIPTIONS, Document, field_name, plain_name, set_values, text_or_none
from giftping.store.fields import Fields, time_to_text
from giftping.text import id_or_none

_OF_SUBSCRIPTION = frozenset(
    {"_id", "guild_id", "game", "destination", "created_at", "updated_at"}
    | {"place", "mention", "seeded", "announce_current", "broken"}
)
GUILD_OF_FIRST_SCHEMA = frozenset({"destination", "games", "mention_role_id", "seeded", "announce_current", "broken"})
"""What a guild's own document held before each of its games had one."""

_OF_GUILD = frozenset({"_id", "guild_id", "label", "created_at", "updated_at"}) | GUILD_OF_FIRST_SCHEMA


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
        mention=None if one.mention_role_id is None else str(one.mention_role_id),
        announce_current=one.announce_current or None,
        broken=broken_to_document(one.broken) if one.broken else None,
    )
    if one.seeded is not None:
        # Nothing is known of where they were then: for an address there is room.
        known = _addresses(before)
        document["seeded"] = {name: known.get(name, "") for name in map(field_name, one.seeded)}
    return _kept(before, _OF_SUBSCRIPTION) | document


def subscription_from_document(document: Mapping[str, Any]) -> Subscription:
    """The subscription that a document holds. Raise DocumentError when it holds none."""
    fields = Fields(SUBSCRIPTIONS, document)
    destination = fields.table("destination")
    seeded = None if document.get("seeded") is None else fields.table("seeded")
    guild_id, game = fields.id("guild_id"), fields.text("game")
    if document.get("_id") != subscription_id(guild_id, game):
        raise fields.wrong("_id", f"{subscription_id(guild_id, game)!r}")
    broken = document.get("broken")
    return Subscription(
        guild_id=guild_id,
        game=game,
        destination=Destination(
            webhook=destination.optional_text("webhook"), channel_id=destination.optional_id("channel_id")
        ),
        created_at=fields.time("created_at"),
        updated_at=fields.time("updated_at"),
        place=fields.number("place") if "place" in document else 0,
        mention_role_id=next(filter(None, map(id_or_none, _mentions(fields))), None),
        seeded=None if seeded is None else tuple(plain_name(name) for name in seeded.document),
        announce_current=document.get("announce_current") is True,
        broken=broken_from(fields.table("broken")) if broken else None,
    )


def _mentions(fields: Fields) -> tuple[str, ...]:
    """The ids of roles, "everyone" and "here"; one of them may stand there alone."""
    if isinstance(fields.document.get("mention"), list | tuple):
        return fields.texts("mention")
    return (fields.optional_text("mention"),)


def destination_to_document(destination: Destination) -> Document:
    """The part of a document that says where announcements go."""
    return set_values(webhook=destination.webhook, channel_id=destination.channel_id)


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
        status=fields.number("status") if "status" in fields.document else None,
        code=fields.number("code") if "code" in fields.document else None,
    )


# Guilds


def subscriptions_of(guild: GuildRecord) -> list[Subscription]:
    """The subscriptions that a guild's settings come to."""
    return [
        Subscription(
            guild_id=guild.guild_id,
            game=game,
            destination=guild.destination,
            created_at=guild.created_at,
            updated_at=guild.updated_at,
            place=place,
            mention_role_id=guild.mention_role_id,
            seeded=guild.seeded.get(game),
            announce_current=game in guild.announce_current,
            broken=guild.broken,
        )
        for place, game in enumerate(dict.fromkeys(guild.games))
    ]


def guild_to_document(guild: GuildRecord, before: Mapping[str, Any] | None = None) -> Document | None:
    """The document of what is of the guild itself, written over the one `before`; None where that is nothing."""
    kept = _kept(before, _OF_GUILD)
    if not guild.label and not set(kept) - {"rev"}:
        return None
    return (
        kept
        | {
            "_id": str(guild.guild_id),
            "guild_id": guild.guild_id,
            "created_at": time_to_text(guild.created_at),
            "updated_at": time_to_text(guild.updated_at),
        }
        | set_values(label=guild.label)
    )


def guild_of(subscriptions: Iterable[Subscription], label: str = "") -> GuildRecord:
    """The settings of a guild, from its subscriptions, of which there has to be one."""
    known = sorted(subscriptions, key=lambda one: (one.place, one.game))
    first = known[0]
    return GuildRecord(
        guild_id=first.guild_id,
        destination=first.destination,
        games=tuple(one.game for one in known),
        created_at=min(one.created_at for one in known),
        updated_at=max(one.updated_at for one in known),
        mention_role_id=first.mention_role_id,
        seeded={one.game: one.seeded for one in known if one.seeded is not None},
        announce_current=tuple(one.game for one in known if one.announce_current),
        broken=next((one.broken for one in known if one.broken), None),
        label=label,
    )


def guilds_of(subscriptions: Iterable[Subscription], labels: Mapping[int, str]) -> Iterator[GuildRecord]:
    """The settings of all guilds, from subscriptions in the order of their ids."""
    for guild_id, of_it in groupby(subscriptions, key=lambda one: one.guild_id):
        yield guild_of(of_it, labels.get(guild_id, ""))


def label_from_document(document: Mapping[str, Any]) -> tuple[int, str]:
    """A guild's id and its name, empty where it has none. Raise DocumentError when the document is none of a guild."""
    fields = Fields(GUILDS, document)
    if not GUILD_OF_FIRST_SCHEMA.isdisjoint(document):
        raise fields.wrong("games", "what it can be upgraded from; add the guild again")
    return fields.id("guild_id"), fields.optional_text("label")


def _addresses(before: Mapping[str, Any] | None) -> Mapping[str, Any]:
    known = (before or {}).get("seeded")
    return known if isinstance(known, Mapping) else {}


def _kept(before: Mapping[str, Any] | None, ours: frozenset[str]) -> Document:
    """What is not ours in a document."""
    return {name: value for name, value in (before or {}).items() if name not in ours}
