"""The documents are what the page says, and the page says what `giftping/store/schema.py` does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from docs_reading import DOCS, section, table
from fakes.records import LATER, NOON, code, entry, run, subscription

from giftping.delivery.deliveries import Delivery, DeliveryState, delivery_document
from giftping.delivery.hosts import HostRecord, host_to_document
from giftping.store import code_documents, guild_documents
from giftping.store.base import Broken, Guild, GuildAddition, Hold, PastRuling, Posting, Round, Ruling, Style
from giftping.store.code_documents import code_to_document
from giftping.store.documents import (
    CODES,
    COLLECTIONS,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    entry_to_document,
    run_to_document,
)
from giftping.store.guild_documents import guild_to_document, subscription_to_document
from giftping.store.holder import Holder
from giftping.store.schema import REV_FIELD, SHAPES
from giftping.todo.history import Event, event_document

PAGE = DOCS / "documents.md"


@pytest.mark.parametrize("collection", SHAPES)
def test_the_page_describes_each_collection_as_the_program_does(collection: str) -> None:
    rows = {row[0]: (row[1], row[2].strip("`")) for row in table(section(PAGE, collection))}
    assert rows == {name: (kind, says.strip("`")) for name, (kind, says) in SHAPES[collection].fields.items()}
    assert SHAPES[collection].about in " ".join(section(PAGE, collection).split())


def test_every_collection_is_described() -> None:
    assert SHAPES.keys() == set(COLLECTIONS)


def written() -> dict[str, dict[str, Any]]:
    """Return a document of each collection with every field that giftping writes."""
    full = subscription(
        place=1,
        mentions=("5",),
        seeded=("site",),
        announce_current=True,
        broken=Broken(NOON, "gone"),
        style=Style.COMPACT,
        posting=Posting(publishes=True),
        kept_post=1,
    )
    delivery = Delivery(
        "d", "announcement", Holder("a", "p"), NOON, DeliveryState.WRITTEN, 1, 2, 3, guild_id=1, game="wuwa", reason="x"
    )
    others = {"held_since": 4, "message_id": 5, "quiet_since": 6, "spellings": ("A",), "entries": ("1:A",)}
    missed = {"over_at": NOON, "over_reason": "z"}
    flags = {
        "owed_since": NOON,
        "noes": 1,
        "retry_at": NOON,
        "is_final": True,
        "is_resent": True,
        "opens_post": True,
    }
    event = Event(
        "e", 1, "submission", NOON, by="host", leg="dm", result="x", reason="y", day="2026-05-04", message_id=5
    )
    return {
        LEDGER: entry_to_document(
            entry(
                sent_at=LATER,
                message_id=1,
                channel_id=2,
                number=2,
                webhook_id=3,
                shown="ended",
                edited_at=LATER,
                host="a",
                edited_by="b",
                style=Style.FULL,
                mentions=("5",),
                publishing="owed",
            )
        ),
        SUBSCRIPTIONS: subscription_to_document(full),
        GUILDS: guild_to_document(Guild(1, "Frost", "de", "Frostland", {"channel 5": "codes"}), NOON) or {},
        CODES: code_to_document(
            code(
                rewards="gems",
                expires_at=LATER,
                expiry_text="soon",
                state="expired",
                regions=("eu",),
                rounds=(Round(NOON),),
                holds={"site": Hold(NOON, "cut")},
                withdrawn=Ruling("ada", NOON),
                approved=Ruling("ada", LATER),
                past_rulings=(PastRuling("withdrawn", Ruling("ada", NOON), Ruling("bob", LATER)),),
                latest_end=LATER,
                shown="Gift100 ended",
                own={1: GuildAddition("Gift100", NOON)},
            )
        ),
        RUNS: run_to_document(run()),
        HOSTS: host_to_document(HostRecord("a", shared=True, seen_at=NOON)),
        DELIVERIES: delivery_document(replace(delivery, **others, **flags, **missed)),
        TODO_EVENTS: event_document(event),
    }


@pytest.mark.parametrize("collection", written())
def test_what_is_written_is_what_is_described(collection: str) -> None:
    assert written()[collection].keys() - {REV_FIELD} == SHAPES[collection].fields.keys()


def test_what_is_kept_in_a_document_is_what_is_not_described() -> None:
    """A field that giftping writes and does not know for its own would come back when it is taken away."""
    assert SHAPES[CODES].fields.keys() == code_documents._OF_CODE
    assert SHAPES[SUBSCRIPTIONS].fields.keys() == guild_documents._OF_SUBSCRIPTION
    assert SHAPES[GUILDS].fields.keys() == guild_documents._OF_GUILD - guild_documents.GUILD_OF_FIRST_SCHEMA
