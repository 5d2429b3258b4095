"""The records of a store as documents, and back. Pure; the same documents in MongoDB and in the JSON file.

Optional values that are not set are left out of a document, so that `sent_at` is there exactly when the
entry was sent. Old documents are read as the older bots wrote them: no `game` is the game they came
with, no `state` is sent, no `spelling` is the key, times without a zone are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from giftping.store.base import (
    HOME_GAME,
    SCHEMA_VERSION,
    CodeRecord,
    EntryState,
    Hold,
    LedgerEntry,
    Round,
    RunRecord,
    SourceMemory,
    StoreError,
    Withdrawn,
)
from giftping.store.fields import Fields, time_to_text

LEDGER = "sent_giftcodes"
CODES = "codes"
GUILDS = "guilds"
RUNS = "runs"
HOSTS = "hosts"
META = "meta"
TODO_TIMESTAMPS = "todo_timestamps"
ACTIVE_MEMBERS = "active_members"
TODO_EVENTS = "todo_events"
TODO_STATE = "todo_state"
TODO_COLLECTIONS = (TODO_TIMESTAMPS, ACTIVE_MEMBERS, TODO_EVENTS, TODO_STATE)
CLEARS = "clears"
DELIVERIES = "deliveries"
"""One document for each message under way: see giftping.delivery.deliveries."""
SUBSCRIPTIONS = "subscriptions"
MIRROR = "mirror"
"""Kept in a mirror only: how far it has followed the shared store, and what was written while that was away."""
COLLECTIONS = (
    META,
    GUILDS,
    CODES,
    RUNS,
    HOSTS,
    *TODO_COLLECTIONS,
    CLEARS,
    DELIVERIES,
    SUBSCRIPTIONS,
    MIRROR,
    LEDGER,
)

OLDER_OPEN_STATES = ("claimed", "uncertain")
"""What an older release called entries that are open."""

SCHEMA_ID = "schema"

_OF_CODE = frozenset(
    {"_id", "game", "key", "spelling", "first_seen", "last_seen", "sources", "rewards", "expires_at", "expiry_text"}
    | {"state", "regions", "rounds", "holds", "withdrawn"}
)

Document = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# The ledger


def entry_to_document(entry: LedgerEntry) -> Document:
    """The document of a ledger entry, in the older bot's shape with giftping's fields added."""
    return {
        "_id": entry.id,
        "guild_id": entry.guild_id,
        "game": entry.game,
        "code": entry.key,
        "spelling": entry.spelling,
        "source": entry.source,
        "state": entry.state.value,
        "created_at": time_to_text(entry.created_at),
        "updated_at": time_to_text(entry.updated_at),
    } | set_values(
        delivery_id=entry.delivery_id,
        sent_at=text_or_none(entry.sent_at),
        message_id=entry.message_id,
        channel_id=entry.channel_id,
        round=None if entry.number == 1 else entry.number,
    )


def is_ledger_document(document: Mapping[str, Any]) -> bool:
    """Whether the document is of one guild and one code; an older shape kept a guild's codes in one document."""
    return isinstance(document.get("code"), str)


def entry_from_document(document: Mapping[str, Any]) -> LedgerEntry:
    """The ledger entry of a document, an older bot's too. Raise DocumentError when it is none."""
    fields = Fields(LEDGER, document)
    key = fields.text("code")
    return LedgerEntry(
        guild_id=fields.id("guild_id"),
        game=game_of(document),
        key=key,
        spelling=fields.optional_text("spelling") or key,
        source=fields.optional_text("source") or "auto",
        state=_known_state(fields),
        created_at=created_at_of(document),
        updated_at=fields.first_time("updated_at", "sent_at", "created_at") or _EPOCH,
        delivery_id=fields.optional_text("delivery_id"),
        sent_at=fields.first_time("sent_at"),
        message_id=fields.optional_id("message_id"),
        channel_id=fields.optional_id("channel_id"),
        number=fields.number("round") if "round" in document else 1,
    )


def _known_state(fields: Fields) -> EntryState:
    try:
        return EntryState(state_of(fields.document))
    except ValueError as error:
        raise fields.wrong("state", f"one of {', '.join(EntryState)}") from error


def created_at_of(document: Mapping[str, Any]) -> datetime:
    """When a ledger document was made, by the best time it has; the epoch when it has none."""
    return Fields(LEDGER, document).first_time("created_at", "sent_at", "updated_at") or _EPOCH


def state_of(document: Mapping[str, Any]) -> str:
    """The state of a ledger document; what the older bot wrote was sent."""
    state = document.get("state") or EntryState.SENT
    return EntryState.OPEN if state in OLDER_OPEN_STATES else state


def game_of(document: Mapping[str, Any]) -> str:
    """The game of a ledger document; the older bot, which had one game, did not write it."""
    return document.get("game") or HOME_GAME


def sent_fields(*, message_id: int | None, channel_id: int | None, sent_at: datetime, now: datetime) -> Document:
    """The fields that change in an entry that was sent; an unknown message or channel leaves what is recorded."""
    changes: Document = {"state": EntryState.SENT.value, "sent_at": time_to_text(sent_at)}
    return changes | {"updated_at": time_to_text(now)} | set_values(message_id=message_id, channel_id=channel_id)


# The memory of codes


def code_to_document(code: CodeRecord, before: Mapping[str, Any] | None = None) -> Document:
    """The document of what is known of a code, written over the one `before`: what is not ours in that stays."""
    kept = {name: value for name, value in (before or {}).items() if name not in _OF_CODE}
    return (
        kept
        | {
            "_id": code.id,
            "game": code.game,
            "key": code.key,
            "spelling": code.spelling,
            "first_seen": time_to_text(code.first_seen),
            "last_seen": time_to_text(code.last_seen),
            "sources": {field_name(name): _memory_to_document(memory) for name, memory in code.sources.items()},
        }
        | set_values(
            rewards=code.rewards,
            expires_at=text_or_none(code.expires_at),
            expiry_text=code.expiry_text,
            state=code.state,
            regions=list(code.regions),
            rounds=[{"began_at": time_to_text(one.began_at)} | set_values(reason=one.reason) for one in code.rounds],
            holds={field_name(source): _hold_to_document(hold) for source, hold in code.holds.items()},
            withdrawn=code.withdrawn and {"by": code.withdrawn.by, "at": time_to_text(code.withdrawn.at)},
        )
    )


def code_from_document(document: Mapping[str, Any]) -> CodeRecord:
    """The record of a code that a document holds. Raise DocumentError when it says nothing of one."""
    fields = Fields(CODES, document)
    sources, holds = fields.table("sources", optional=True), fields.table("holds", optional=True)
    withdrawn = fields.table("withdrawn") if document.get("withdrawn") else None
    return CodeRecord(
        game=fields.text("game"),
        key=fields.text("key"),
        spelling=fields.text("spelling"),
        first_seen=fields.time("first_seen"),
        last_seen=fields.time("last_seen"),
        sources={plain_name(name): _memory_from(sources.table(name)) for name in sources.document},
        rewards=fields.optional_text("rewards"),
        expires_at=fields.first_time("expires_at"),
        expiry_text=fields.optional_text("expiry_text"),
        state=fields.optional_text("state"),
        regions=fields.texts("regions"),
        rounds=tuple(Round(one.time("began_at"), one.optional_text("reason")) for one in fields.tables("rounds")),
        holds={plain_name(name): _hold_from(holds.table(name)) for name in holds.document},
        withdrawn=Withdrawn(withdrawn.text("by"), withdrawn.time("at")) if withdrawn else None,
    )


def _memory_to_document(memory: SourceMemory) -> Document:
    return {
        "spelling": memory.spelling,
        "first_seen": time_to_text(memory.first_seen),
        "last_seen": time_to_text(memory.last_seen),
    }


def _memory_from(fields: Fields) -> SourceMemory:
    return SourceMemory(fields.text("spelling"), fields.time("first_seen"), fields.time("last_seen"))


def _hold_to_document(hold: Hold) -> Document:
    return {"since": time_to_text(hold.since), "reason": hold.reason} | set_values(until=text_or_none(hold.until))


def _hold_from(fields: Fields) -> Hold:
    return Hold(fields.time("since"), fields.text("reason"), fields.first_time("until"))


def merge_code_records(known: CodeRecord, seen: CodeRecord) -> CodeRecord:
    """The record of a code after it was seen again, by the rule of `Store.remember`."""
    sources = dict(known.sources)
    for name, memory in seen.sources.items():
        before = sources.get(name, memory)
        sources[name] = replace(
            memory,
            first_seen=min(before.first_seen, memory.first_seen),
            last_seen=max(before.last_seen, memory.last_seen),
        )
    return replace(
        seen,
        first_seen=min(known.first_seen, seen.first_seen),
        last_seen=max(known.last_seen, seen.last_seen),
        sources=sources,
        # Of these a sighting says nothing.
        rounds=known.rounds or seen.rounds,
        holds=known.holds or seen.holds,
        withdrawn=known.withdrawn or seen.withdrawn,
    )


# Runs and the schema


def run_to_document(run: RunRecord) -> Document:
    """The document of the last run of a job on a host."""
    return {
        "_id": run.id,
        "job": run.job,
        "host": run.host,
        "started_at": time_to_text(run.started_at),
        "finished_at": time_to_text(run.finished_at),
        "exit_code": run.exit_code,
        "details": dict(run.details),
    }


def run_from_document(document: Mapping[str, Any]) -> RunRecord:
    """The last run that a document tells of. Raise DocumentError when it tells of none."""
    fields = Fields(RUNS, document)
    return RunRecord(
        job=fields.text("job"),
        host=fields.text("host"),
        started_at=fields.time("started_at"),
        finished_at=fields.time("finished_at"),
        exit_code=fields.number("exit_code"),
        details=dict(fields.table("details", optional=True).document),
    )


def schema_document(version: int = SCHEMA_VERSION) -> Document:
    """The document in `meta` that says by which schema the store is written."""
    return {"_id": SCHEMA_ID, "version": version}


def refuse_older_schema(version: int, where: str) -> None:
    """Raise StoreError when the version is older than today's: what is written now would not fit the rest."""
    if version < SCHEMA_VERSION:
        raise StoreError(
            f"{where}: written by an older giftping (schema {version}, this one writes {SCHEMA_VERSION}); giftping"
            " codes check upgrades it"
        )


def refuse_newer_schema(version: object, where: str) -> None:
    """Raise StoreError when the version is not a number, or newer than this giftping knows."""
    if type(version) is not int:
        raise StoreError(f"{where}: its schema version is {version!r}, not a number; restore it from a backup")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{where}: written by a newer giftping (schema {version}, this one knows {SCHEMA_VERSION}); update giftping"
        )


# What is done with


def done_lapse(lapse: Mapping[str, Any]) -> str:
    """By which text a member's document remembers that a lapse is done with; another one where the role was taken."""
    return f"lapse {lapse.get('since')}{' taken' if lapse.get('removal') else ''}"


# Names as field names


def field_name(name: str) -> str:
    """A name as a document's field name; MongoDB reads `.` and `$` in one as a path or an operator."""
    return name.replace("%", "%25").replace(".", "%2E").replace("$", "%24")


def plain_name(field: str) -> str:
    """The name that was made a field name."""
    return field.replace("%24", "$").replace("%2E", ".").replace("%25", "%")


def text_or_none(at: datetime | None) -> str | None:
    """A time as a document holds it, None for none."""
    return None if at is None else time_to_text(at)


def set_values(**values: Any) -> Document:
    """The values that are set: not None, and not empty."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [], {})}
