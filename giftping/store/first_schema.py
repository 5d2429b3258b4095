"""What 0.1.0 wrote by the first schema, as documents of today. Pure.

Documents of today are none of its, so that what was cut short goes on where it was. A document that cannot be read is
left as it is: whoever needs it says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from giftping.store.base import Destination, EntryState, Subscription
from giftping.store.documents import (
    DELIVERIES,
    GUILDS,
    LEDGER,
    OLDER_OPEN_STATES,
    SUBSCRIPTIONS,
    Document,
    game_of,
    plain_name,
)
from giftping.store.engine import REV, Change
from giftping.store.fields import DocumentError, Fields, time_to_text
from giftping.store.guild_documents import (
    GUILD_OF_FIRST_SCHEMA,
    broken_from,
    subscription_to_document,
)

_LEFT_UNCERTAIN = "giftping 0.1.0 could not tell whether it arrived"

OnOdd = Callable[[DocumentError], None]
"""Is told of a document that stays as it is, because it cannot be read."""


def upgraded_guild(document: Mapping[str, Any]) -> tuple[list[Document], Document | None]:
    """The subscriptions that a guild's document comes to, and what is left of it. Raise DocumentError when it is odd.

    First looks at games that the guild follows no more are not kept.
    """
    subscriptions = subscriptions_from_first(document)
    left = {name: value for name, value in document.items() if name not in GUILD_OF_FIRST_SCHEMA}
    of_itself = set(left) - {"_id", "guild_id", "created_at", "updated_at", REV}
    return [subscription_to_document(one) for one in subscriptions], left if of_itself else None


def is_guild_of_first(document: Mapping[str, Any]) -> bool:
    """Whether the document is a guild's that was written by the first schema."""
    return not GUILD_OF_FIRST_SCHEMA.isdisjoint(document)


def subscriptions_from_first(document: Mapping[str, Any]) -> list[Subscription]:
    """The subscriptions that a guild's document comes to: one for each game. Raise DocumentError when it is odd."""
    fields = Fields(GUILDS, document)
    destination = fields.table("destination")
    seeded = fields.table("seeded", optional=True)
    if not (games := fields.texts("games")):
        raise fields.wrong("games", "a list of games")
    mentioned = fields.optional_id("mention_role_id")
    looked_at = {plain_name(name): seeded.texts(name) for name in seeded.document}
    announced = fields.texts("announce_current")
    return [
        Subscription(
            guild_id=fields.id("guild_id"),
            game=game,
            destination=Destination(
                webhook=destination.optional_text("webhook"), channel_id=destination.optional_id("channel_id")
            ),
            created_at=fields.time("created_at"),
            updated_at=fields.time("updated_at"),
            place=place,
            mentions=() if mentioned is None else (str(mentioned),),
            seeded=looked_at.get(game),
            announce_current=game in announced,
            broken=broken_from(fields.table("broken")) if document.get("broken") else None,
        )
        for place, game in enumerate(dict.fromkeys(games))
    ]


def is_open_in_first(document: Mapping[str, Any]) -> bool:
    """Whether the document is a ledger entry that the first schema calls claimed or uncertain."""
    return document.get("state") in OLDER_OPEN_STATES


def upgraded_delivery(entries: Sequence[Mapping[str, Any]], now: datetime) -> tuple[Document, list[Document]]:
    """The delivery that entries are open for, and these entries as they are then. Raise DocumentError for an odd one.

    Whoever held it is gone; whether it arrived is looked for, as after a run that was killed, and where nobody could
    tell it waits for a person as before. It has no anchor: its time is by its host's clock. A time that is yet to come
    counts as now.
    """
    fields = [Fields(LEDGER, entry) for entry in entries]
    first = fields[0]
    is_claimed = any(entry["state"] == "claimed" for entry in entries)
    since = min([now, *(one.first_time("created_at", "claimed_at", "updated_at") or now for one in fields)])
    delivery: Document = {
        "_id": delivery_id_of(entries[0]),
        "kind": "announcement",
        "host": next((host for one in fields if (host := one.optional_text("claimed_by"))), "") or "unknown",
        "process": "",
        "since": time_to_text(since),
        "state": "written" if is_claimed else "unclear",
        "entries": [one.text("_id") for one in fields],
        "guild_id": first.id("guild_id"),
        "game": game_of(entries[0]),
        "spellings": [one.optional_text("spelling") or one.text("code") for one in fields],
    }
    if (channel_id := first.optional_id("channel_id")) is not None:
        delivery["channel_id"] = str(channel_id)
    if not is_claimed:
        # 0.1.0 had looked until another look would have told nothing.
        delivery |= {"reason": _LEFT_UNCERTAIN, "is_final": True}
    return delivery, [opened_entry(entry) for entry in entries]


def delivery_id_of(entry: Mapping[str, Any]) -> str:
    """The id of the delivery that an entry is open for; of one that has none, its own."""
    return str(entry.get("delivery_id") or entry["_id"])


def opened_entry(entry: Mapping[str, Any]) -> Document:
    """An entry that was claimed or uncertain, as it is now that its delivery says which."""
    kept = {name: value for name, value in entry.items() if name not in ("claimed_by", "claimed_at")}
    return {**kept, "state": EntryState.OPEN.value, "delivery_id": delivery_id_of(entry)}


# Everything at once


def changes_to_guilds(documents: Iterable[Mapping[str, Any]], on_odd: OnOdd) -> Iterator[list[Change]]:
    """For each guild of the first schema the changes that upgrade it, its subscriptions first."""
    for document in documents:
        if not is_guild_of_first(document):
            continue
        try:
            subscriptions, left = upgraded_guild(document)
        except DocumentError as error:
            on_odd(error)
            continue
        yield [*(Change(SUBSCRIPTIONS, None, one) for one in subscriptions), Change(GUILDS, document, left)]


def changes_to_entries(documents: Iterable[Mapping[str, Any]], now: datetime, on_odd: OnOdd) -> Iterator[list[Change]]:
    """For each delivery of the first schema the changes that upgrade it, the delivery first."""
    by_delivery: dict[str, list[Mapping[str, Any]]] = {}
    for document in documents:
        if is_open_in_first(document):
            by_delivery.setdefault(delivery_id_of(document), []).append(document)
    for entries in by_delivery.values():
        readable = []
        for entry in entries:
            try:
                upgraded_delivery([entry], now)
            except DocumentError as error:
                on_odd(error)
            else:
                readable.append(entry)
        if readable:
            delivery, opened = upgraded_delivery(readable, now)
            yield [
                Change(DELIVERIES, None, delivery),
                *(Change(LEDGER, entry, after) for entry, after in zip(readable, opened, strict=True)),
            ]
