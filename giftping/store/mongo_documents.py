"""What MongoDB is asked for: the filters and updates behind each method of the store. Pure, plain dicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import HOME_GAME, Broken, CodeRecord, Destination, EntryState
from giftping.store.changes import Change, fields_to_set, fields_to_unset, guarded_values
from giftping.store.documents import (
    CLEARS,
    CODES,
    LEDGER,
    META,
    OPEN_STATES,
    TODO_EVENTS,
    Document,
    broken_to_document,
    code_to_document,
    field_name,
)
from giftping.store.fields import time_to_text

OPEN = {"$in": list(OPEN_STATES)}

ANY_ID = {"$gte": ""}

INDEXES: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]] = {
    LEDGER: {
        "giftping_state": (("state", 1), ("_id", 1)),
        "giftping_updated_at": (("updated_at", 1),),
        "giftping_holder": (("claimed_by", 1), ("updated_at", -1)),
    },
    TODO_EVENTS: {
        "giftping_member": (("user_id", 1), ("at", 1)),
        "giftping_kind": (("kind", 1), ("at", 1)),
    },
}
"""The indexes that giftping makes, by collection and name; a guild's entries are a range of the ledger's ids."""

INDEXES_ID = "mongodb"
INDEXES_VERSION = 3
"""In `meta`: which indexes were made, so that no run asks for them again."""

REVISION_ID = "mirrors"
"""In `meta`: a number that changes when mirrors are to be compared with the whole ledger."""

_UNSET: tuple[object, ...] = (None, "")
"""What a field that does not say counts as; None in a `$in` matches a missing field too."""

_A_DATE = {"$type": "date"}

_OPTIONAL_OF_CODE = ("rewards", "expires_at", "expiry_text", "state", "regions")


def ids_of_guild(guild_id: int) -> Document:
    """The condition on `_id` that all entries of a guild meet, and no document of an older shape does.

    The rewrite of the older bot kept one document a guild in the same collection; its id has no colon.
    """
    return {"$gte": f"{guild_id}:", "$lt": f"{guild_id};"}


def in_states(states: Collection[EntryState]) -> Document:
    """The filter for entries in one of the states, or in any; what the older bot wrote was sent."""
    entries = {"code": {"$type": "string"}}
    if not states:
        return entries
    values: list[object] = [state.value for state in states]
    return entries | {"state": {"$in": [*values, *(_UNSET if EntryState.SENT in states else ())]}}


def of_game_and_key(game: str | None, key: str | None) -> Document:
    """The filter for entries of a game and a key, where given; the older bot, with one game, wrote none."""
    code: Document = {"code": {"$type": "string"} if key is None else key}
    if game is None:
        return code
    return code | {"game": {"$in": [game, *_UNSET]} if game == HOME_GAME else game}


def held_open_by(host: str) -> Document:
    """The filter for entries that a host has claimed and not settled for good."""
    return {"claimed_by": host, "state": OPEN}


def written_since(since: datetime | None) -> Document:
    """The filter for documents that were written since then, and for those that do not say, or are dated."""
    if since is None:
        return {}
    return {"$or": [{"updated_at": {"$gte": time_to_text(since)}}, *({"updated_at": odd} for odd in (None, _A_DATE))]}


def of_delivery(id_: str, delivery_id: str, states: Collection[str] = OPEN_STATES) -> Document:
    """The filter for one entry, as long as it is the delivery's and in one of the states."""
    return {"_id": id_, "delivery_id": delivery_id, "state": {"$in": list(states)}}


def guild_going_to(guild_id: int, destination: Destination) -> Document:
    """The filter for a guild, as long as its announcements go to the destination."""
    channel_id = destination.channel_id
    return {
        "_id": str(guild_id),
        "destination.webhook": destination.webhook or {"$in": list(_UNSET)},
        "destination.channel_id": channel_id if channel_id is None else {"$in": [channel_id, str(channel_id)]},
    }


def broken_update(broken: Broken | None) -> Document:
    """The update that notes a destination as broken, or as working again."""
    return {"$unset": {"broken": ""}} if broken is None else {"$set": {"broken": broken_to_document(broken)}}


def seeded_update(game: str, sources: Collection[str], *, announced: bool) -> Document:
    """The update that adds sources to a guild's first looks; nothing to update is an empty one."""
    update: Document = {}
    if sources:
        update["$addToSet"] = {f"seeded.{field_name(game)}": {"$each": sorted(set(sources))}}
    if announced:
        update["$pull"] = {"announce_current": game}
    return update


def code_update(code: CodeRecord) -> Document:
    """The update that merges what is known of a code into its document, by the rule of `Store.remember`."""
    document = code_to_document(code)
    sources: Mapping[str, Mapping[str, Any]] = document.pop("sources")
    earliest = {"first_seen": document.pop("first_seen")}
    latest = {"last_seen": document.pop("last_seen")}
    document.pop("_id")
    for name, memory in sources.items():
        earliest[f"sources.{name}.first_seen"] = memory["first_seen"]
        latest[f"sources.{name}.last_seen"] = memory["last_seen"]
        document[f"sources.{name}.spelling"] = memory["spelling"]
    update: Document = {"$set": document, "$min": earliest, "$max": latest}
    gone = {name: "" for name in _OPTIONAL_OF_CODE if name not in document}
    return update | ({"$unset": gone} if gone else {})


def that_is(value: object) -> Document:
    """The condition that a field is the value, or missing where that is None, and not a list that holds it."""
    return {"$eq": value} if isinstance(value, list | tuple) else {"$eq": value, "$not": {"$type": "array"}}


def as_it_was_read(change: Change, guard: Collection[str]) -> Document:
    """The filter for the document of a change, as long as it is as it was read."""
    return {"_id": change.id} | {name: that_is(value) for name, value in guarded_values(change, guard).items()}


def update_or_refusal(change: Change, rev: str) -> Document:
    """The update that makes a change when it is sent as an upsert, and that is refused where nothing is found.

    A plain update that finds nothing is only left out of the count, and the count of many in one request does not
    say which it was. This one cannot insert: MongoDB refuses, by its place in the request, to make a document whose
    `_id` is another than the one that was asked for.
    """
    update: Document = {"$set": fields_to_set(change, rev), "$setOnInsert": {"_id": None}}
    gone = fields_to_unset(change)
    return update | ({"$unset": dict.fromkeys(gone, "")} if gone else {})


def glance_pipeline(host: str) -> list[Document]:
    """The aggregation over the guilds that tells what others may have left for a host to do."""
    others_claims = {"state": EntryState.CLAIMED.value, "claimed_by": {"$ne": host}}
    by_hand = {f"sources.{MANUAL_SOURCE}": {"$exists": True}}
    return [
        _counted("guilds", "updated_at"),
        _joined(LEDGER, [{"$match": others_claims}, _counted("claims", "claimed_at")]),
        _joined(LEDGER, [*_latest_by_host(), {"$match": {"_id": {"$nin": [host, None]}}}]),
        _joined(META, [{"$match": {"_id": REVISION_ID}}]),
        _joined(CLEARS, [_counted("clears", "cleared_at")]),
        _joined(CODES, [{"$match": by_hand}, _counted("by_hand", "first_seen")]),
        {"$sort": {"_id": 1}},
    ]


def _latest_by_host() -> list[Document]:
    """The stages that tell when each host last wrote an entry; the index gives it with one step for each host."""
    order = {"claimed_by": 1, "updated_at": -1}
    return [{"$sort": order}, {"$group": {"_id": "$claimed_by", "latest": {"$first": "$updated_at"}}}]


def _counted(name: str, latest: str) -> Document:
    return {"$group": {"_id": name, "count": {"$sum": 1}, "latest": {"$max": f"${latest}"}}}


def _joined(collection: str, pipeline: list[Document]) -> Document:
    return {"$unionWith": {"coll": collection, "pipeline": pipeline}}
