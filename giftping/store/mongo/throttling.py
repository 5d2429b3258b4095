"""What is asked again because the server takes no more requests just now, as managed ones do that sell throughput.

One rule: it is asked again when the server says, or after ever longer pauses, until the waits of one link come to so
many seconds; from then on the server counts as away.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

THROTTLED = 16500
"""The code of Azure Cosmos DB for that (https://learn.microsoft.com/azure/cosmos-db/mongodb/error-codes-solutions)."""

OVERLOADED = "SystemOverloadedError"
"""The label of MongoDB's own servers for that, whatever the code (its drivers' specification, Client Backpressure)."""

BUDGET = 30.0
"""Seconds that one link waits in all."""

FIRST_PAUSE = 0.1
_LONGEST = 5.0
_RETRY_AFTER = re.compile(r"RetryAfterMs\s*[=:]\s*(\d{1,9})")

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
                if not is_throttled(error) or not self.waits(pause, str(error)):
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


def is_throttled(error: PyMongoError) -> bool:
    """Whether a request was refused as a whole; of a batch some may have been made, which is its maker's to know."""
    if not isinstance(error, OperationFailure) or isinstance(error, BulkWriteError):
        return False
    return error.code == THROTTLED or error.has_error_label(OVERLOADED)


def is_throttled_write(refused: Mapping[str, Any]) -> bool:
    """Whether one write of a batch was refused for that reason."""
    return refused.get("code") == THROTTLED
