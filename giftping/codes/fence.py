"""What is asked right before the first byte of a post: whether it is still ours, and still to be sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from giftping.delivery.deliveries import Deliveries, Delivery, LostDeliveryError
from giftping.discord.outcome import WithdrawnError
from giftping.store.base import StoreAwayError

DiscordClock = Callable[[], datetime | None]
"""Gives Discord's time, None before it has said what that is."""

TAKEN = "another host has it"
TOO_LATE = "too late to repeat it: Discord may not know any more that it has it"


class DeliveryFence:
    """What is asked right before the first byte of a post, and of each repeat after a 429: whether to send it still."""

    def __init__(
        self, deliveries: Deliveries, discord_now: DiscordClock, delivery: Delivery, before: datetime | None
    ) -> None:
        self.delivery = delivery
        """As it was written last."""
        self.is_lost = False
        """Whether somebody else had it, so that nothing was sent."""
        self._deliveries = deliveries
        self._discord_now = discord_now
        self._before = before

    def __call__(self) -> None:
        """Note the delivery as written. Raise WithdrawnError where it is not to be sent now."""
        store = self._deliveries.store
        if self._before is not None:
            now = self._discord_now()
            if now is None or now >= self._before:
                raise WithdrawnError(TOO_LATE)
        try:
            if not store.held_back:
                self.delivery = self._deliveries.fence(self.delivery)
        except LostDeliveryError:
            self.is_lost = True
            raise WithdrawnError(TAKEN) from None
        except StoreAwayError as error:
            raise WithdrawnError(str(error)) from None
        # That write may be what noticed that MongoDB is away.
        if store.held_back:
            raise WithdrawnError(store.held_back)
