"""The documents are what the page says: it is the one place that describes each collection, field by field."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from docs_reading import DOCS, section, table, text_of
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
from giftping.store.engine import REV
from giftping.store.guild_documents import guild_to_document, subscription_to_document
from giftping.store.holder import Holder
from giftping.todo.history import Event, event_document

PAGE = DOCS / "documents.md"


def described(collection: str) -> set[str]:
    """The fields that the page describes; each has a type, and says something."""
    rows = table(section(PAGE, collection))
    assert all(len(row) == 3 and all(row) for row in rows)
    return {row[0] for row in rows}


def test_every_collection_is_described_and_no_other() -> None:
    sections = re.findall(r"^## (.*)$", text_of(PAGE), re.MULTILINE)
    assert sorted(sections) == sorted(COLLECTIONS)
    assert all("_id" in described(collection) for collection in COLLECTIONS)


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
    assert written()[collection].keys() - {REV} == described(collection)


def test_what_is_kept_in_a_document_is_what_is_not_described() -> None:
    """A field that giftping writes and does not know for its own would come back when it is taken away."""
    assert described(CODES) == code_documents._OF_CODE
    assert described(SUBSCRIPTIONS) == guild_documents._OF_SUBSCRIPTION
    assert described(GUILDS) == guild_documents._OF_GUILD - guild_documents.GUILD_OF_FIRST_SCHEMA
