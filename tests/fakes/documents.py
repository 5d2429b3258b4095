"""A whole document of each collection, with something in every field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fakes.deliveries import delivery
from fakes.records import LATER, NOON, code, entry, run, subscription

from giftping.delivery.deliveries import delivery_document
from giftping.delivery.hosts import HostRecord, host_to_document
from giftping.store.base import Broken, EntryState, Guild, Hold, Round, Ruling
from giftping.store.code_documents import code_to_document
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
    entry_to_document,
    run_to_document,
)
from giftping.store.fields import time_to_text
from giftping.store.guild_documents import guild_to_document, subscription_to_document

AT = NOON.timestamp()


def _subscription(guild_id: int) -> dict[str, Any]:
    return subscription_to_document(
        subscription(
            guild_id,
            place=1,
            mentions=("7", "here"),
            seeded=("site",),
            addresses={"site": "https://site.example"},
            announce_current=True,
            broken=Broken(NOON, "gone", 2, LATER, 404, 10003),
        )
    )


def _code(number: int) -> dict[str, Any]:
    return code_to_document(
        code(
            f"GIFT{number}",
            rewards="Gems",
            expires_at=LATER,
            latest_end=LATER,
            expiry_text="soon",
            state="active",
            regions=("EU",),
            rounds=(Round(NOON, "came back"),),
            holds={"site": Hold(NOON, "a burst", LATER, None, 2)},
            withdrawn=Ruling("Olga", NOON),
            approved=Ruling("Olga", NOON),
        )
    )


def _timestamps(number: int) -> dict[str, Any]:
    todo = {"name": "x", "date": "01/06/2026", "must_do": "read", "can_do": "N/A", "dont_do": "N/A", "submitted_at": AT}
    leg = {"state": "claimed", "at": AT, "by": "host-a", "channel_id": "5", "delivery": "d"}
    return {
        "_id": str(number),
        "last_submit": AT,
        "last_ping": AT + 5,
        "todo": {**todo, "attachment": {"filename": "a.png", "size": 5, "url": "https://a.example"}},
        "lapse": {"since": AT, "warned_at": AT, "removal": {"state": "done", "at": AT, "by": "host-a"}},
        "notices": [{"id": "n", "kind": "reminder", "made_at": AT, "channel": leg, "dm": leg, "todo": todo}],
        "done": ["n0"],
        "events": [{"_id": f"w{number}", "user_id": str(number), "kind": "reminder", "at": AT}],
    }


def _member(number: int) -> dict[str, Any]:
    return {
        "_id": str(number),
        "user_id": number,
        "name": "Ann",
        "added": AT,
        "exempt": True,
        "time_zone": "Europe/Berlin",
        "pauses": [{"id": "p", "from": AT, "to": AT + 5, "reason": "away"}],
        "left_at": AT,
        "seen": {"at": AT, "in_guild": True, "is_bot": False, "has_role": True},
        "dm_channel_id": "5",
        "dms_closed_at": AT,
    }


def _sent(number: int) -> dict[str, Any]:
    known = entry(number, "GIFT1", state=EntryState.SENT, sent_at=NOON, message_id=5, channel_id=6, edited_at=LATER)
    return entry_to_document(known)


SAMPLES: Mapping[str, Callable[[int], dict[str, Any]]] = {
    LEDGER: _sent,
    DELIVERIES: lambda number: delivery_document(delivery(f"D{number}", guild_id=number, id=f"delivery-{number}")),
    SUBSCRIPTIONS: _subscription,
    GUILDS: lambda number: dict(guild_to_document(Guild(number, "Frost", "de"), NOON) or {}),
    CODES: _code,
    HOSTS: lambda number: host_to_document(HostRecord(f"host-{number}", shared=True, seen_at=NOON)),
    RUNS: lambda number: run_to_document(run(host=f"host-{number}")),
    CLEARS: lambda number: {"_id": f"c{number}", "guild_id": number, "code": "GIFT1", "cleared_at": time_to_text(NOON)},
    TODO_TIMESTAMPS: _timestamps,
    ACTIVE_MEMBERS: _member,
    TODO_EVENTS: lambda number: {"_id": f"e{number}", "user_id": str(number), "kind": "added", "at": AT, "by": "x"},
    TODO_STATE: lambda number: {
        "_id": "sweep" if number == VICTIM else "other",
        "last_sweep": AT,
        "downtimes": [[AT, AT + 5]],
        "told": ["x"],
        "last_gap": 900.0,
        "dms_stopped_until": AT,
    },
}
"""A whole document of each collection, by a number that makes it another one."""

VICTIM, BYSTANDER = 1, 2
