"""What a person says became of a delivery of which nobody else can tell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from giftping.codes.entries import ANNOUNCEMENT, Held, freed, sent
from giftping.delivery.deliveries import Deliveries, DeliveryState, LostDeliveryError
from giftping.store.documents import LEDGER
from giftping.store.engine import Change

BY_HAND = "a person has looked, and it is not there"


def settle_by_hand(deliveries: Deliveries, held: Held, ids: Collection[str], now: datetime, *, arrived: bool) -> bool:
    """Whether a delivery was still as it was read; these of its codes are recorded as sent then, or owed.

    The rest of its codes stays as it is: one that nobody has looked for is none that is not there.
    """
    delivery = held.delivery
    chosen = {id_: document for id_, document in held.entries.items() if id_ in ids}
    pairs = list(zip(delivery.entries, delivery.spellings, strict=True))
    rest, part = [pair for pair in pairs if pair[0] not in ids], [pair for pair in pairs if pair[0] in ids]
    try:
        if arrived:
            after = delivery.carrying(rest) if rest else replace(delivery, state=DeliveryState.DONE, reason="")
            deliveries.change(after, sent(chosen, replace(delivery, message_id=None), now))
        elif not rest:
            deliveries.refuse(replace(delivery, reason=BY_HAND), freed(chosen))
        else:
            deliveries.change(delivery.carrying(rest))
            owed = deliveries.new(ANNOUNCEMENT, state=DeliveryState.REFUSED, guild_id=delivery.guild_id)
            owed = replace(
                owed.carrying(part),
                game=delivery.game,
                channel_id=delivery.channel_id,
                reason=BY_HAND,
                owed_since=delivery.owed_since or now,
            )
            deliveries.claim(owed, [Change(LEDGER, document, None) for document in chosen.values()])
    except LostDeliveryError:
        return False
    return True
