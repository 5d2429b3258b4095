"""What a change is to others: whether it is news to them, a claim, or in need of the database they share. Pure."""

from __future__ import annotations

from giftping.store.documents import CLEARS, CODES, DELIVERIES, HOSTS, LEDGER, META, RUNS, TODO_STATE
from giftping.store.engine import REV, Change

QUIET = frozenset({RUNS, HOSTS, TODO_STATE, META})
"""What is written there gives no other host anything to do, so that it is no reason to look."""

SIGHTINGS = ("last_seen", "sources")
"""The fields of a code that each look at its sources changes."""


def is_quiet(change: Change) -> bool:
    """Whether a change gives no other host anything to do."""
    before, after = change.before, change.after
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


def needs_database(change: Change) -> bool:
    """Whether a change waits for a database that hosts share: new entries, claims, clears. An outcome does not.

    What came of a message that went out is known to this host alone, and is not to be lost.
    """
    if change.collection == CLEARS:
        return True
    if change.collection not in (LEDGER, DELIVERIES):
        return False
    return change.before is None or is_claim(change)
