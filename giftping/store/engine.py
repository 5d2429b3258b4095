"""The contract of an engine: what the store asks of the JSON file, of MongoDB and of the two together.

An engine knows documents, not what they mean. A change says what was read and what shall be, and is made only where
the document is still as it was read: that is the only referee between processes and hosts. Pure, but for `fresh_rev`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Protocol, TypeVar

from giftping.store.documents import LEDGER, TODO_EVENTS, TODO_TIMESTAMPS, Document
from giftping.store.fields import plain_document

REV = "rev"
"""The field that says which of its states a document is in: new with every change, so that whoever decided on an older
state learns of it. What other programs write leaves it as it is; for that there is RESTS_ON."""

RESTS_ON: Mapping[str, tuple[str, ...]] = {
    # In the older bot's shape, and many: one that has changed is in another state, or in another delivery's hands.
    LEDGER: ("state", "delivery_id", "updated_at"),
    # The older bot writes these two, and no `rev`.
    TODO_TIMESTAMPS: (REV, "last_submit", "last_ping"),
    # They are never changed.
    TODO_EVENTS: (),
}
"""The fields by which a document is still as it was read; `rev` in all other collections. A missing field is as good
as null, 5 and 5.0 are equal."""

TRIES = 20
"""How often a change is made anew because somebody else was faster; each time somebody else has got on."""

Where = Mapping[str, Collection[object]]
"""For each of some top-level fields the values that are wanted; None among them stands for a missing field, too."""

OddId = tuple[str, str]
"""A collection, and an `_id` in it that is no text, as it is shown."""

_Item = TypeVar("_Item")

USER_ID = "[1-9][0-9]{0,19}"
"""How the ids of the members' documents are written, as a regular expression."""


def rests_on(collection: str) -> tuple[str, ...]:
    """The fields by which a document of the collection is still as it was read."""
    return RESTS_ON.get(collection, (REV,))


def stamp_of(collection: str, document: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values that a change of a document rests on: what to compare two states of it by."""
    return tuple(document.get(field) for field in rests_on(collection))


@dataclass(frozen=True, slots=True)
class Change:
    """What one document is to become."""

    collection: str
    before: Mapping[str, Any] | None
    """As it was read; None for one that is to be new."""
    after: Mapping[str, Any] | None
    """None for one that is to go."""

    @property
    def id(self) -> str:
        """The `_id` of the document."""
        id_: str = (self.after or self.before or {})["_id"]
        return id_

    @property
    def key(self) -> tuple[str, str]:
        """Collection and `_id`."""
        return self.collection, self.id


class Engine(Protocol):
    """What every engine can do, held by `tests/contract`.

    Every method raises StoreError when documents cannot be read or written: an error is never an empty answer. A
    change that is answered is durable. May be used from several threads, and by several processes at once. Ids are
    texts; a document whose `_id` is none is skipped, and named by `odd_ids`.
    """

    @property
    def name(self) -> str:
        """What to call the store in messages; holds no secret."""

    @property
    def notices(self) -> Sequence[str]:
        """What to tell the user of the store itself, such as that a part of it is away."""

    @property
    def is_away(self) -> bool:
        """Whether MongoDB could not be reached, so that its mirror is asked; never of an engine of its own."""

    @property
    def held_back(self) -> str:
        """Why nothing is to be claimed or sent now; empty where it may be."""

    @property
    def odd_ids(self) -> Collection[OddId]:
        """The documents met so far whose `_id` is no text; it grows with those met later."""

    @property
    def closed_fingerprint(self) -> str | None:
        """A token of what was held when this object closed it; None when there may be more than this one saw."""

    def get(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id. One query."""

    def present(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document. One query."""

    def find(self, collection: str, where: Where | None = None, *, within: str = "") -> list[Mapping[str, Any]]:
        """The documents that are wanted, by `_id`; `within` is how their ids begin. One query for 10,000 documents."""

    def walk(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """All documents as they are; nothing where there is no such collection."""

    def strays(self, collection: str, unlike: str = "") -> list[Mapping[str, Any]]:
        """The documents whose `_id` is no text, which nothing else gives out, or a text unlike a regular expression.

        One query. A change takes one off that is given as it was read, alone in its call.
        """

    def change(self, changes: Sequence[Change], *, rev: str = "") -> list[bool]:
        """For each of the changes whether it was made: whether its document was still as it was read.

        `rev`, where given, is the one that the documents get: whoever goes on from them need not read them again. Each
        change is made or not by itself, in their order by collection; one write for a collection, however many there
        are. Only top-level fields that differ are written, so that what somebody has added since stays. Raise
        ValueError, with nothing changed, for two changes of one document.
        """

    def close(self) -> None:
        """Release what is held open; safe to call twice.

        Raise StoreError when a file could not be brought up to date; nothing is lost then.
        """


def found_by_key(engine: Engine, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The documents under these collections and ids. One query for each collection."""
    ids: dict[str, set[str]] = {}
    for collection, id_ in keys:
        ids.setdefault(collection, set()).add(id_)
    return {(name, id_): one for name, wanted in ids.items() for id_, one in engine.get(name, wanted).items()}


def refuse_doubles(changes: Sequence[Change]) -> None:
    """Raise ValueError for two changes of one document, for one of none, and where an id changes."""
    if any(change.before is None and change.after is None for change in changes):
        raise ValueError("a change of no document")
    if len({change.key for change in changes}) < len(changes):
        raise ValueError("two changes of one document in one call")
    for change in changes:
        if change.before is not None and change.after is not None and change.before["_id"] != change.after["_id"]:
            raise ValueError("a document cannot change its _id")


def in_batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The items, so many at a time."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def fresh_rev() -> str:
    """A `rev` that no document has had yet."""
    return os.urandom(8).hex()


def plain_change(change: Change) -> Change:
    """The change with what JSON has no word for as texts."""
    before, after = change.before, change.after
    return replace(
        change,
        before=None if before is None else plain_document(before),
        after=None if after is None else plain_document(after),
    )


def guarded_values(change: Change) -> Document:
    """The values that a stored document must still hold to be changed; None for what it must not hold."""
    before = change.before or {}
    return {name: before.get(name) for name in rests_on(change.collection)}


def still_holds(stored: Mapping[str, Any] | None, change: Change) -> bool:
    """Whether a stored document, None where there is none, is as the change takes it to be."""
    if stored is None or change.before is None:
        return stored is None and change.before is None
    return all(stored.get(name) == value for name, value in guarded_values(change).items())


def fields_to_set(change: Change, rev: str) -> Document:
    """The fields that the change writes: those that differ from what was read, and the new `rev`."""
    before, after = change.before or {}, change.after or {}
    differing = {
        name: value for name, value in after.items() if name != REV and (name not in before or before[name] != value)
    }
    return differing | ({REV: rev} if REV in rests_on(change.collection) else {})


def fields_to_unset(change: Change) -> tuple[str, ...]:
    """The fields that the change takes away."""
    return tuple(name for name in change.before or () if name not in (change.after or {}) and name != REV)


def changed_document(stored: Mapping[str, Any] | None, change: Change, rev: str) -> Document:
    """The document after the change; what has been added to the stored one since it was read stays."""
    gone = fields_to_unset(change)
    kept = {name: value for name, value in (stored or {}).items() if name not in gone}
    return kept | fields_to_set(change, rev)


def wanted_by(where: Where | None) -> Callable[[Mapping[str, Any]], bool]:
    """What says whether a document has one of the wanted values in each of the fields."""
    fields = [
        (field, frozenset(value for value in values if isinstance(value, str)), tuple(values))
        for field, values in (where or {}).items()
    ]

    def is_wanted(document: Mapping[str, Any]) -> bool:
        for field, among, values in fields:
            value = document.get(field)
            # What a document holds may not go into a set; nearly all of it is a text.
            if value not in (among if type(value) is str else values):
                return False
        return True

    return is_wanted
