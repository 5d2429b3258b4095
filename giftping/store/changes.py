"""Changes of documents as they are stored: each goes by what was read. Pure; the same rules for every store.

A document's `rev` says which of its states it is in: it is new with every change, so that whoever decided on an
older state learns of it. What other programs write leaves `rev` as it is; for that there are guarded fields.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

REV = "rev"


@dataclass(frozen=True, slots=True)
class Change:
    """What one document is to become; `before` is the document as it was read, None for one that is to be new."""

    after: Mapping[str, Any]
    before: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The `_id` of the document."""
        id_: str = self.after["_id"]
        return id_


def changes_by_id(changes: Sequence[Change]) -> dict[str, Change]:
    """The changes by `_id`. Raise ValueError for two changes of one document, or where an id changes."""
    by_id = {change.id: change for change in changes}
    if len(by_id) < len(changes):
        raise ValueError("two changes of one document in one call")
    if any(change.before is not None and change.before["_id"] != change.id for change in changes):
        raise ValueError("a document cannot change its _id")
    return by_id


def fresh_rev() -> str:
    """A `rev` that no document has had yet."""
    return os.urandom(8).hex()


def guarded_values(change: Change, guard: Collection[str]) -> dict[str, Any]:
    """The values that a stored document must still hold to be changed; None for what it must not hold."""
    before = change.before or {}
    return {name: before.get(name) for name in (REV, *guard)}


def still_holds(stored: Mapping[str, Any] | None, change: Change, guard: Collection[str]) -> bool:
    """Whether a stored document, None where there is none, is as the change takes it to be."""
    if stored is None or change.before is None:
        return stored is None and change.before is None
    return all(stored.get(name) == value for name, value in guarded_values(change, guard).items())


def fields_to_set(change: Change, rev: str) -> dict[str, Any]:
    """The fields that the change writes: those that differ from what was read, and the new `rev`."""
    before = change.before or {}
    differing = {name: value for name, value in change.after.items() if name not in before or before[name] != value}
    return {**differing, REV: rev}


def fields_to_unset(change: Change) -> tuple[str, ...]:
    """The fields that the change takes away."""
    return tuple(name for name in change.before or () if name not in change.after and name != REV)


def changed_document(stored: Mapping[str, Any] | None, change: Change, rev: str) -> dict[str, Any]:
    """The document after the change; what has been added to the stored one since it was read stays."""
    gone = fields_to_unset(change)
    kept = {name: value for name, value in (stored or {}).items() if name not in gone}
    return kept | fields_to_set(change, rev)
