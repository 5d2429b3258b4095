"""What becomes of the ledger entries of a delivery, as changes of their documents. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from giftping.codes.model import Code
from giftping.delivery.clock import delivery_time
from giftping.delivery.deliveries import Delivery
from giftping.discord.snowflake import snowflake_time
from giftping.store.base import LedgerEntry
from giftping.store.documents import LEDGER, entry_to_document, sent_fields
from giftping.store.engine import Change

ANNOUNCEMENT = "announcement"
"""The kind of a delivery of gift codes."""


class Publishing(StrEnum):
    """What an entry says of publishing its message; nothing where nobody wants that."""

    OWED = "owed"
    DONE = "done"
    GONE = "gone"
    """It cannot be published any more, or need not."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Which kind of place each source is, in the words the ledger's `source` field has always used."""

    labels: Mapping[str, str]
    """For each source by its name: `api`, `rss` or `website`."""

    def of(self, code: Code) -> str:
        """One of `api`, `rss`, `website` and `manual`: the most direct place that lists the code."""
        found = {self.labels.get(source, "manual") for source in code.sources}
        return next((label for label in ("api", "rss", "website") if label in found), "manual")


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery of gift codes, and those of its ledger entries that are open in its name."""

    delivery: Delivery
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: MappingProxyType({}))
    """Their documents by id, as they were read or written."""

    @property
    def guild_id(self) -> int:
        """The guild that it is for."""
        return self.delivery.guild_id or 0

    def spellings_by_id(self) -> dict[str, str]:
        """The codes that its message shows, by the ids of their entries."""
        return dict(zip(self.delivery.entries, self.delivery.spellings, strict=True))


def claimed(entry: LedgerEntry) -> Change:
    """The change that takes an entry, if nobody has it."""
    return Change(LEDGER, None, entry_to_document(entry))


def sent(entries: Mapping[str, Mapping[str, Any]], delivery: Delivery, now: datetime) -> list[Change]:
    """The changes that make the entries of a delivery that is done sent: when, its message's own id tells."""
    at = now if delivery.message_id is None else delivery_time(snowflake_time(delivery.message_id), now)
    changes = sent_fields(
        message_id=delivery.message_id,
        channel_id=delivery.channel_id,
        sent_at=at,
        now=now,
        host=delivery.holder.host,
    )
    return [Change(LEDGER, document, {**document, **changes}) for document in entries.values()]


def freed(entries: Mapping[str, Mapping[str, Any]]) -> list[Change]:
    """The changes that take the entries of a delivery off the ledger, so that their codes can go out."""
    return [Change(LEDGER, document, None) for document in entries.values()]


def held_by_delivery(
    deliveries: Sequence[Delivery], documents: Sequence[Mapping[str, Any]]
) -> tuple[list[Held], dict[str, dict[str, Mapping[str, Any]]]]:
    """The deliveries, each with its open entries among the documents, and by delivery id the entries of no delivery."""
    open_ones: dict[str, dict[str, Mapping[str, Any]]] = {}
    for document in documents:
        # An older release may have given none.
        delivery_id = document.get("delivery_id") or document["_id"]
        open_ones.setdefault(delivery_id, {})[document["_id"]] = document
    held = [Held(delivery, open_ones.pop(delivery.id, {})) for delivery in deliveries]
    return held, open_ones
