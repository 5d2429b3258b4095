"""Taking over a delivery in MongoDB: all of its entries or none, without transactions, which a lone server lacks.

The entry with the lowest id is the referee: whoever re-dates it holds the delivery, and re-dates the others
after it, in the order of their ids. Each re-dated entry keeps from whom it was taken. A process that dies
half-way leaves a head that is its own and a tail that lags behind, known by the hold that the head was taken
from; the delivery is the head's, and the next to take it over brings the tail up first.
"""

from __future__ import annotations

from collections.abc import Collection as Items
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.collection import Collection

from giftping.store.documents import Document, taken_over_fields
from giftping.store.fields import time_to_text
from giftping.store.mongo_documents import OPEN, of_delivery

TAKEN_FROM = "taken_from"

_HOLD = ("claimed_by", "claimed_at")
_CHANGED = (*_HOLD, "state", "updated_at", TAKEN_FROM)


@dataclass(frozen=True, slots=True)
class Takeover:
    """One delivery's change of hands: from `held_by`, who has had it since `held_since`, to `by`."""

    delivery_id: str
    held_by: str
    held_since: datetime
    by: str
    at: datetime

    @property
    def before(self) -> Document:
        """What an entry that is still held says of it."""
        return {"claimed_by": self.held_by, "claimed_at": time_to_text(self.held_since)}

    @property
    def after(self) -> Document:
        """What changes in each entry."""
        return taken_over_fields(by=self.by, at=self.at) | {TAKEN_FROM: self.before}


def take_over(ledger: Collection[Document], ids: Items[str], takeover: Takeover) -> bool:
    """Whether all of the delivery's entries were taken over; nothing is changed otherwise."""
    ordered = sorted(set(ids))
    if not ordered:
        return True
    before = _open_entries(ledger, ordered, takeover.delivery_id)
    if len(before) != len(ordered):
        return False
    referee = before[0]
    lagging = [entry for entry in before if _hold(entry) == referee.get(TAKEN_FROM) != _hold(referee)]
    if any(_hold(entry) != takeover.before for entry in before if entry not in lagging):
        return False
    _bring_up(ledger, takeover.delivery_id, referee, lagging)
    if not _move(ledger, takeover, before[:1]):
        return False
    if _move(ledger, takeover, before[1:]) == len(before) - 1:
        return True
    _give_back(ledger, takeover, before, lagging)
    return False


def _open_entries(ledger: Collection[Document], ids: Sequence[str], delivery_id: str) -> list[Document]:
    wanted = {"_id": {"$in": list(ids)}, "delivery_id": delivery_id, "state": OPEN}
    return sorted(ledger.find(wanted), key=lambda entry: str(entry["_id"]))


def _hold(entry: Mapping[str, Any]) -> Document:
    return {name: entry.get(name) for name in _HOLD}


def _bring_up(
    ledger: Collection[Document], delivery_id: str, referee: Mapping[str, Any], lagging: Sequence[Document]
) -> None:
    changes = {name: referee[name] for name in _CHANGED if name in referee}
    _update(ledger, [(of_delivery(entry["_id"], delivery_id) | _hold(entry), {"$set": changes}) for entry in lagging])


def _move(ledger: Collection[Document], takeover: Takeover, entries: Sequence[Document]) -> int:
    """How many entries were still held as before, and are now the new holder's."""
    return _update(
        ledger,
        [
            (of_delivery(entry["_id"], takeover.delivery_id) | takeover.before, {"$set": takeover.after})
            for entry in entries
        ],
    )


def _give_back(
    ledger: Collection[Document], takeover: Takeover, before: Sequence[Document], lagging: Sequence[Document]
) -> None:
    """Undo, the referee last, what was taken of a delivery that somebody else has settled a part of meanwhile."""
    after = {name: takeover.after[name] for name in _HOLD}
    referee = before[0]
    undo = []
    for entry in reversed(before):
        was = referee if entry in lagging else entry
        old = {name: was[name] for name in _CHANGED if name in was}
        update: Document = {"$set": old}
        if TAKEN_FROM not in was:
            update["$unset"] = {TAKEN_FROM: ""}
        undo.append((of_delivery(entry["_id"], takeover.delivery_id) | after, update))
    _update(ledger, undo)


def _update(ledger: Collection[Document], changes: Sequence[tuple[Document, Document]]) -> int:
    """How many of the entries met their condition; they are changed one after the other."""
    if not changes:
        return 0
    return ledger.bulk_write([UpdateOne(condition, update) for condition, update in changes]).matched_count
