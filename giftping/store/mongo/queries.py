"""What MongoDB is asked for: the filters and updates behind each method of the store. Pure, plain dicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import EntryState
from giftping.store.documents import (
    CLEARS,
    CODES,
    LEDGER,
    META,
    OPEN_STATES,
    TODO_EVENTS,
    Document,
)
from giftping.store.engine import Change, fields_to_set, fields_to_unset, guarded_values

OPEN = {"$in": list(OPEN_STATES)}

ANY_ID: Document = {"$gte": ""}

LAST_CHARACTER = "\U0010ffff"

INDEXES: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]] = {
    LEDGER: {
        "giftping_state": (("state", 1), ("_id", 1)),
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


def that_is(value: object) -> Document:
    """The condition that a field is the value, or missing where that is None, and not a list that holds it."""
    return {"$eq": value} if isinstance(value, list | tuple) else {"$eq": value, "$not": {"$type": "array"}}


def that_is_one_of(values: Collection[object]) -> Document:
    """The condition that a field is one of the values, or missing where None is among them; no list that holds one."""
    return {"$in": list(values), "$not": {"$type": "array"}}


def ids_within(beginning: str) -> Document:
    """The condition on `_id` that texts which begin so meet."""
    return {"$gte": beginning, "$lt": beginning + LAST_CHARACTER} if beginning else ANY_ID


def as_it_was_read(change: Change) -> Document:
    """The filter for the document of a change, as long as it is as it was read."""
    return {"_id": change.id} | {name: that_is(value) for name, value in guarded_values(change).items()}


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
