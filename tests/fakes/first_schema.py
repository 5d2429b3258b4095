"""What 0.1.0 wrote: some documents of each kind, by collection."""

from __future__ import annotations

from typing import Any

from giftping.store.documents import CODES, GUILDS, LEDGER, META, RUNS, SCHEMA_ID, TODO_TIMESTAMPS

Documents = dict[str, list[dict[str, Any]]]

LONG_AGO = "2026-05-03T08:00:00.000000+00:00"
CLAIMED_AT = "2026-05-04T11:40:00.000000+00:00"

ODD_GUILD = {"_id": "9", "guild_id": 9, "destination": "the hall", "games": ["kingshot"]}


def guild_document(guild_id: int, *games: str, **fields: object) -> dict[str, Any]:
    """Return a guild's document as 0.1.0 wrote it."""
    return {
        "_id": str(guild_id),
        "guild_id": guild_id,
        "destination": {"channel_id": 500 + guild_id},
        "games": list(games),
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
        **fields,
    }


def entry_document(id_: str, state: str, **fields: object) -> dict[str, Any]:
    """Return a ledger entry as 0.1.0 wrote it."""
    guild_id, _, key = id_.partition(":")
    return {
        "_id": id_,
        "guild_id": int(guild_id),
        "game": "whiteout-survival",
        "code": key,
        "spelling": key.title(),
        "source": "api",
        "state": state,
        "created_at": CLAIMED_AT,
        "updated_at": CLAIMED_AT,
        **fields,
    }


def open_entry(id_: str, state: str, delivery_id: str, **fields: object) -> dict[str, Any]:
    """Return an entry that was claimed, or whose fate nobody could tell."""
    claim = {"delivery_id": delivery_id, "claimed_by": "host-a", "claimed_at": CLAIMED_AT}
    return entry_document(id_, state, **claim, **fields)


def documents() -> Documents:
    """Return all of it."""
    both = ("whiteout-survival", "kingshot")
    return {
        META: [{"_id": SCHEMA_ID, "version": 1}],
        GUILDS: [
            guild_document(1, *both, seeded={"kingshot": ["api"], "gone": ["wiki"]}, announce_current=[both[0]]),
            guild_document(
                2,
                "whiteout-survival",
                destination={"webhook": "env:HOOK"},
                mention_role_id=77,
                seeded={"whiteout-survival": ["api.example.org", "wiki"]},
                broken={"since": LONG_AGO, "reason": "HTTP 404 Unknown Webhook (10015)", "times": 2},
            ),
            dict(ODD_GUILD),
        ],
        LEDGER: [
            entry_document("1:SENT", "sent", sent_at=CLAIMED_AT, delivery_id="d0", message_id=70, channel_id=501),
            entry_document("1:SEEDED", "seeded"),
            open_entry("1:ONE", "claimed", "d1", channel_id=501),
            open_entry("1:TWO", "claimed", "d1", channel_id=501),
            open_entry("2:UNSURE", "uncertain", "d2"),
            {**open_entry("2:ALONE", "claimed", ""), "delivery_id": ""},
            {"_id": "2:OLD", "guild_id": 2, "code": "OLD", "source": "auto", "sent_at": "2024-03-01T10:00:00.000001"},
            open_entry("2:ODD", "claimed", "d3", created_at="soon"),
        ],
        CODES: [
            {
                "_id": "kingshot:ONE",
                "game": "kingshot",
                "key": "ONE",
                "spelling": "One",
                "first_seen": LONG_AGO,
                "last_seen": CLAIMED_AT,
                "sources": {},
            }
        ],
        RUNS: [run_document("host-a", LONG_AGO)],
        TODO_TIMESTAMPS: [
            {
                "_id": "5",
                "last_ping": 0,
                "notices": [
                    {"id": "n", "kind": "reminder", "made_at": 1.5, "channel": {"state": "claimed", "by": "host-a"}}
                ],
            }
        ],
    }


def run_document(host: str, finished_at: str) -> dict[str, Any]:
    """Return the record of a run."""
    times = {"started_at": finished_at, "finished_at": finished_at}
    return {"_id": f"codes check@{host}", "job": "codes check", "host": host, **times, "exit_code": 0, "details": {}}
