"""What is asked again because the server takes no more requests just now, as managed ones do that sell throughput.

One rule: it is asked again when the server says, or after ever longer pauses, until the waits of one link come to so
many seconds; from then on the server counts as away.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from giftping.store.documents import Document

THROTTLED = 16500
"""The code of Azure Cosmos DB for that (https://learn.microsoft.com/azure/cosmos-db/mongodb/error-codes-solutions)."""

OVERLOADED = "SystemOverloadedError"
"""The label of MongoDB's own servers for that, whatever the code (its drivers' specification, Client Backpressure)."""

BUDGET = 30.0
"""Seconds that one link waits in all."""

FIRST_PAUSE = 0.1
_LONGEST = 5.0
_RETRY_AFTER = re.compile(r"RetryAfterMs\s*[=:]\s*(\d{1,9})")

Put: TypeAlias = InsertOne[Document] | ReplaceOne[Document] | UpdateOne
"""A write that is refused where the document's place is taken, or where it is not as it was read."""

DUPLICATE_KEY = 11000
_OTHER_ID = 66
"""What answers an upsert that would insert under another `_id` than the one it asks for.

ImmutableField; https://github.com/mongodb/mongo/blob/r6.0.5/src/mongo/base/error_codes.yml
"""

_Answer = TypeVar("_Answer")


class Patience:
    """The waits of one link for a server that throttles. Safe to use from several threads."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep, budget: float = BUDGET) -> None:
        self._sleep = sleep
        self._left = budget

    def ask(self, ask: Callable[[], _Answer]) -> _Answer:
        """The answer to a request that may be made again as a whole."""
        pause = FIRST_PAUSE
        while True:
            try:
                return ask()
            except PyMongoError as error:
                if not _is_throttled(error) or not self.waits(pause, str(error)):
                    raise
            pause *= 2

    def waits(self, pause: float, text: str) -> bool:
        """Whether there is patience left for another try, once it is time for that: when the text says, or later."""
        named = _RETRY_AFTER.search(text)
        seconds = min(max(pause, int(named[1]) / 1000 if named else 0), _LONGEST)
        if seconds > self._left:
            return False
        self._left -= seconds
        self._sleep(seconds)
        return True


def _is_throttled(error: PyMongoError) -> bool:
    """Whether a request was refused as a whole; of a batch some may have been made, which is its maker's to know."""
    if not isinstance(error, OperationFailure) or isinstance(error, BulkWriteError):
        return False
    return error.code == THROTTLED or error.has_error_label(OVERLOADED)


def put_batch(documents: Collection[Document], changes: Mapping[str, Put], patience: Patience) -> set[str]:
    """The ids of the changes that were made; what the server had no throughput for is asked again, and only that."""
    left, lost = list(changes), set[str]()
    pause = FIRST_PAUSE
    while left:
        try:
            documents.bulk_write([changes[id_] for id_ in left], ordered=False)
        except BulkWriteError as error:
            again = _throttled(error)
            refused = [one for one in error.details["writeErrors"] if one not in again]
            if not all(map(_is_lost, refused)) or (again and not patience.waits(pause, str(again[0]))):
                raise
            lost |= {left[one["index"]] for one in refused}
            left = [left[one["index"]] for one in again]
            pause *= 2
        else:
            break
    return set(changes) - lost


def remove_batch(documents: Collection[Document], removals: Sequence[DeleteOne], patience: Patience) -> int:
    """How many documents are gone; likewise."""
    left, gone = list(removals), 0
    pause = FIRST_PAUSE
    while left:
        try:
            return gone + documents.bulk_write(left, ordered=False).deleted_count
        except BulkWriteError as error:
            again = _throttled(error)
            if len(again) < len(error.details["writeErrors"]) or not patience.waits(pause, str(again[0])):
                raise
            gone += error.details["nRemoved"]
            left = [left[one["index"]] for one in again]
            pause *= 2
    return gone


def _throttled(error: BulkWriteError) -> list[Mapping[str, Any]]:
    """The writes of a batch that may be asked again. Raise the error where the others may not have been confirmed."""
    if error.details["writeConcernErrors"]:
        raise error
    return [one for one in error.details["writeErrors"] if one.get("code") == THROTTLED]


def _is_lost(refused: Mapping[str, Any]) -> bool:
    """Whether a write came too late: the id is taken, not by another unique index, or the document changed."""
    if refused["code"] == _OTHER_ID:
        return True
    return refused["code"] == DUPLICATE_KEY and list(refused.get("keyPattern", ["_id"])) == ["_id"]
