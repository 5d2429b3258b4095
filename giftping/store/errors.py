"""How a store says that it failed; apart from its contract, so that an idle run need not load that."""

from __future__ import annotations

from giftping.errors import GiftpingError


class StoreError(GiftpingError):
    """The store could not be read or written; its text names it, the reason and the next step."""


class StoreAwayError(StoreError):
    """The store cannot be reached now: whether a write that was under way took effect is not known."""
