"""When a collection was read whole, and what in it could not be read: reading a long one is not for every run. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

SHORT = 10_000
"""So many documents are read whole by each run that may meet them, in a moment; of more, only the odd ones are."""

EVERY = timedelta(days=1)
"""How often a longer collection is read whole."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What a whole look at a collection came to. The names of the fields are keys of a file."""

    store: str
    """What the store is called that it is in."""
    at: datetime
    documents: int
    """How many there were."""
    odd: tuple[str, ...] = ()
    """The ids of those that could not be read: they are looked at by each run until they are mended."""

    @property
    def is_long(self) -> bool:
        """Whether there are too many to be read by each run."""
        return self.documents > SHORT

    def spares(self, store: str, now: datetime) -> bool:
        """Whether the collection of this store need not be read whole now; a look in the future spares nothing."""
        return self.is_long and self.store == store and self.at <= now < self.at + EVERY
