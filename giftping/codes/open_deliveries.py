"""The deliveries of gift codes that are on record, with their open entries, and the entries that they left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from giftping.codes.entries import ANNOUNCEMENT, Held, held_by_delivery, sent
from giftping.delivery.deliveries import Deliveries, Delivery, DeliveryState
from giftping.store.base import EntryState, LedgerEntry
from giftping.store.documents import DELIVERIES, LEDGER, OLDER_OPEN_STATES, entry_from_document
from giftping.store.engine import Change
from giftping.store.fields import DocumentError
from giftping.store.holder import Holder

NOT_ON_RECORD = "what became of it is not on record"


def open_deliveries(deliveries: Deliveries) -> list[Held]:
    """All deliveries of gift codes that are on record, with their open entries, oldest first.

    Open entries whose delivery is gone become a delivery of which nobody knows.
    """
    # All of them: of one that cannot be read nobody knows the kind.
    found = [one for one in deliveries.load() if one.kind == ANNOUNCEMENT]
    documents = deliveries.store.engine.find(LEDGER, {"state": [EntryState.OPEN.value, *OLDER_OPEN_STATES]})
    held, of_none = held_by_delivery(found, documents)
    if of_none:
        # Claimed since the deliveries were read, or settled since the entries were: only what stays is of none.
        known = deliveries.store.engine.get(DELIVERIES, of_none.keys())
        ids = [id_ for delivery_id, entries in of_none.items() if delivery_id not in known for id_ in entries]
        still = deliveries.store.engine.get(LEDGER, ids) if ids else {}
        for delivery_id, entries in of_none.items():
            left = {id_: one for id_, one in entries.items() if still.get(id_) == one}
            held += _of_nobody(deliveries.host, delivery_id, left)
    return held


def _of_nobody(host: str, delivery_id: str, documents: Mapping[str, Mapping[str, object]]) -> list[Held]:
    entries: list[LedgerEntry] = []
    for document in documents.values():
        try:
            entries.append(entry_from_document(document))
        except DocumentError:
            continue
    if not entries:
        return []
    first = entries[0]
    delivery = Delivery(
        id=delivery_id,
        kind=ANNOUNCEMENT,
        holder=Holder(host, ""),
        since=min(entry.created_at for entry in entries),
        state=DeliveryState.WRITTEN,
        guild_id=first.guild_id,
        game=first.game,
        channel_id=first.channel_id,
        webhook_id=first.webhook_id,
        entries=tuple(entry.id for entry in entries),
        spellings=tuple(entry.spelling for entry in entries),
        reason=NOT_ON_RECORD,
    )
    return [Held(delivery, documents)]


def mend(deliveries: Deliveries, held: Sequence[Held], now: datetime) -> list[Delivery]:
    """Bring entries up to what became of their deliveries, and return the deliveries that are done.

    There are no transactions on a lone server: open entries of a done delivery read as sent, of a refused one as free.
    """
    changes: list[Change] = []
    for one in held:
        if one.delivery.state is DeliveryState.DONE:
            changes += sent(one.entries, one.delivery, now)
        elif one.delivery.state is DeliveryState.REFUSED:
            changes += [Change(LEDGER, document, None) for document in one.entries.values()]
    if changes:
        deliveries.store.engine.change(changes)
    return [one.delivery for one in held if one.delivery.state is DeliveryState.DONE]
