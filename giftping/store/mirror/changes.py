"""What a change is to others: news, a claim, in need of the database they share, or queued while that is away. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from giftping.store.documents import CLEARS, CODES, DELIVERIES, HOSTS, LEDGER, META, RUNS, TODO_STATE
from giftping.store.engine import REV, Change, changed_document, rests_on
from giftping.store.fields import plain_document

QUIET = frozenset({RUNS, HOSTS, TODO_STATE, META})
"""What is written there gives no other host anything to do, so that it is no reason to look."""

SIGHTINGS = ("last_seen", "sources")
"""The fields of a code that each look at its sources changes."""


RULINGS = ("approved", "withdrawn")
"""The fields of a code that a person changes."""


def is_quiet(change: Change) -> bool:
    """Whether a change gives no other host anything to do."""
    before, after = change.before, change.after
    if change.collection == HOSTS:
        # Whoever finds a backup in the database's place waits for the hosts that it knew of.
        return before is not None and after is not None and before.get("shared") == after.get("shared")
    if change.collection != CODES or before is None or after is None:
        return change.collection in QUIET
    # Seen once more, by sources that have listed it before.
    is_news = any(before.get(name) != after.get(name) for name in {*before, *after} - {*SIGHTINGS, REV})
    return not is_news and (before.get("sources") or {}).keys() == (after.get("sources") or {}).keys()


def is_claim(change: Change) -> bool:
    """Whether a change is about to send something: a new claim, or a delivery that is taken or written."""
    if change.after is None or change.collection not in (LEDGER, DELIVERIES):
        return False
    return str(change.after.get("state")) in ("claimed", "open", "written")


def is_fence(change: Change) -> bool:
    """Whether a change is the last thing before a message goes out."""
    return change.collection == DELIVERIES and change.after is not None and change.after.get("state") == "written"


def needs_database(change: Change) -> bool:
    """Whether a change waits for a database that hosts share: new entries, claims, clears, a person's word on a code.

    An outcome does not.

    What came of a message that went out is known to this host alone, and is not to be lost.
    """
    if change.collection == CLEARS or _is_ruling(change):
        return True
    if change.collection not in (LEDGER, DELIVERIES):
        return False
    return change.before is None or is_claim(change)


def _is_ruling(change: Change) -> bool:
    """Whether a person says that a code is one, or is none."""
    before, after = change.before or {}, change.after or {}
    return change.collection == CODES and any(before.get(name) != after.get(name) for name in RULINGS)


@dataclass(frozen=True, slots=True)
class Queued:
    """What became of one document while MongoDB was away."""

    collection: str
    id: str
    order: int
    before: Mapping[str, Any] | None
    """As it was before the first change; None where it was not there, or that is not known."""
    after: Mapping[str, Any] | None
    """As the mirror has it now; None where it has it no more."""
    at: str
    """When it was changed last, by this host's clock."""
    asked: Mapping[str, Any] | None = None
    """As the database was asked to have it when it was lost, and may have it; empty where it was asked to remove it."""

    @property
    def key(self) -> tuple[str, str]:
        """Collection and id."""
        return self.collection, self.id


def known(collection: str, document: Mapping[str, Any]) -> Queued:
    """A document of which nothing else is known: since when it is so, or what it was before."""
    return Queued(collection, str(document["_id"]), order=0, before=None, after=document, at="")


def taken_back(change: Change, rev: str) -> Change:
    """The change that undoes one of which nobody knows whether it was made, and which nobody goes by."""
    after = None if change.after is None else changed_document(change.before, change, rev)
    return Change(change.collection, after, change.before)


def has_taken_effect(there: Mapping[str, Any] | None, change: Change, rev: str) -> bool:
    """Whether a document is what a change under that `rev` makes of it, None for one that is not there."""
    if there is None or change.after is None:
        return there is None and change.after is None
    expected = plain_document(changed_document(change.before, change, rev))
    plain = plain_document(there)
    return all(plain.get(name) == expected.get(name) for name in rests_on(change.collection))
