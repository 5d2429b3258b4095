"""What MongoDB is asked for: the filters and updates behind each method of the store. Pure, plain dicts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from giftping.store.documents import (
    LEDGER,
    TODO_EVENTS,
    Document,
)
from giftping.store.engine import Change, fields_to_set, fields_to_unset, guarded_values

ANY_TEXT: Document = {"$gte": ""}

_NO_TEXTS = (
    *("number", "object", "binData", "undefined", "objectId", "bool", "date", "null", "dbPointer", "javascript"),
    *("symbol", "javascriptWithScope", "timestamp", "minKey", "maxKey"),
)
"""All types that an `_id` may have, but for texts."""

LAST_CHARACTER = "\U0010ffff"

INDEXES: Mapping[str, Mapping[str, Sequence[tuple[str, int]]]] = {
    LEDGER: {
        "giftping_state": (("state", 1), ("_id", 1)),
    },
    TODO_EVENTS: {
        "giftping_member": (("user_id", 1), ("at", 1)),
        "giftping_kind": (("kind", 1), ("at", 1)),
    },
}
"""The indexes that giftping makes, by collection and name; a guild's entries are a range of the ledger's ids."""

INDEXES_OF_FIRST = ("giftping_holder", "giftping_updated_at")
"""Those of the ledger that 0.1.0 made beside them, and that nobody asks by any more."""

INDEXES_ID = "mongodb"
INDEXES_VERSION = 4
"""In `meta`: which indexes were made, so that no run asks for them again."""


def that_is(value: object) -> Document:
    """The condition that a field is the value, or missing where that is None, and not a list that holds it."""
    return {"$eq": value} if isinstance(value, list | tuple) else {"$eq": value, "$not": {"$type": "array"}}


def that_is_one_of(values: Collection[object]) -> Document:
    """The condition that a field is one of the values, or missing where None is among them; no list that holds one."""
    return {"$in": list(values), "$not": {"$type": "array"}}


def no_text_like(pattern: str) -> Document:
    """The condition on `_id` that is met by all but texts, and by texts unlike a regular expression where one is given.

    Without one the types are named: they are ranges of the index, and a ledger is long.
    """
    return {"$not": {"$regex": f"^{pattern}$"}} if pattern else {"$type": list(_NO_TEXTS)}


def ids_within(beginning: str) -> Document:
    """The condition on `_id` that texts which begin so meet; none where every one does."""
    return {"$gte": beginning, "$lt": beginning + LAST_CHARACTER} if beginning else {}


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
