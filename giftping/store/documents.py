"""The records of a store as documents, and back. Pure; the same documents in MongoDB and in the JSON file.

Optional values that are not set are left out of a document, so that `sent_at` is there exactly when the
entry was sent. Old documents are read as the older bots wrote them: no `game` is the game they came
with, no `state` is sent, no `spelling` is the key, times without a zone are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from giftping.store.base import (
    EVERYONE,
    HERE,
    HOME_GAME,
    NOT_RECORDED,
    SCHEMA_VERSION,
    EntryState,
    LedgerEntry,
    RunRecord,
    StoreError,
    Style,
)
from giftping.store.fields import Fields, is_text, time_to_text, whole_number
from giftping.text import id_or_none, key_of

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
NEVER_SUBMITTED = 4102444800.0
"""In place of the time of a last TODO where there is none: the first day of 2100, in epoch seconds. The older TODO bot,
which somebody may go back to, takes the role from whoever has no such time, and leaves alone whose lies ahead."""
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

_STYLES = {one.value: one for one in Style}

Document = dict[str, Any]


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
        webhook_id=entry.webhook_id,
        shown=entry.shown,
        edited_at=text_or_none(entry.edited_at),
        host=entry.host,
        edited_by=entry.edited_by,
        style=entry.style and entry.style.value,
        mention=list(entry.mentions),
        publishing=entry.publishing,
    )


def is_ledger_document(document: Mapping[str, Any]) -> bool:
    """Whether the document is of one guild and one code; an older shape kept a guild's codes in one document."""
    return "code" in document or "codes" not in document


def key_in(document: Mapping[str, Any]) -> str:
    """The key that a document of one guild and one code stands for: what it names, else the end of its `_id`."""
    code = document.get("code")
    return str(code) if is_text(code) else str(document.get("_id")).rpartition(":")[2].partition("~")[0]


def entry_from_document(document: Mapping[str, Any]) -> LedgerEntry:
    """The ledger entry of a document, an older bot's too. Raise DocumentError when it is none."""
    fields = Fields(LEDGER, document)
    key = fields.text("code")
    entry = LedgerEntry(
        guild_id=fields.id("guild_id"),
        game=fields.optional_text("game") or HOME_GAME,
        key=key,
        spelling=fields.optional_text("spelling") or key,
        source=fields.optional_text("source") or "auto",
        state=_known_state(fields),
        created_at=created_at_of(document),
        updated_at=fields.first_time("updated_at", "sent_at", "created_at") or NOT_RECORDED,
        delivery_id=fields.optional_text("delivery_id"),
        sent_at=fields.first_time("sent_at"),
        message_id=fields.optional_id("message_id"),
        channel_id=fields.optional_id("channel_id"),
        number=fields.optional_number("round", 1),
        webhook_id=fields.optional_id("webhook_id"),
        shown=fields.optional_text("shown"),
        edited_at=fields.first_time("edited_at"),
        host=fields.optional_text("host"),
        edited_by=fields.optional_text("edited_by"),
        style=style_from(document.get("style")),
        mentions=mentions_in(document.get("mention")),
        publishing=fields.optional_text("publishing"),
    )
    # It is asked for by its `_id`: one that says something else is nobody's, or somebody else's.
    if document.get("_id") != entry.id:
        raise fields.wrong("_id", f"{entry.id!r}")
    return entry


def mentions_in(listed: object) -> tuple[str, ...]:
    """The ids of roles, "everyone" and "here" in what a document lists."""
    found = [one for one in listed if isinstance(one, str)] if isinstance(listed, list | tuple) else []
    return tuple(dict.fromkeys(one for one in found if one in (EVERYONE, HERE) or id_or_none(one) is not None))


def style_from(text: object) -> Style | None:
    """The style that a document names; None for none, and for one of a later release."""
    return _STYLES.get(text) if isinstance(text, str) else None


def _known_state(fields: Fields) -> EntryState:
    try:
        return EntryState(state_of(fields.document))
    except ValueError as error:
        raise fields.wrong("state", f"one of {', '.join(EntryState)}") from error


def stray_entry(document: Mapping[str, Any]) -> tuple[int | None, str, object]:
    """The guild, the game and the key that a document of the ledger names, whatever its `_id` is.

    Of such an entry it is known that there is one, and nothing is made of what else it says.
    """
    guild_id, code = document.get("guild_id"), document.get("code")
    key = key_of(str(code)) if is_text(code) else None
    return id_or_none(guild_id) or id_or_none(whole_number(guild_id)), str(game_of(document)), key


def created_at_of(document: Mapping[str, Any]) -> datetime:
    """When a ledger document was made, by the best time it has; the epoch when it has none."""
    return Fields(LEDGER, document).first_time("created_at", "sent_at", "updated_at") or NOT_RECORDED


def state_of(document: Mapping[str, Any]) -> str:
    """The state of a ledger document; what the older bot wrote was sent."""
    state = document.get("state")
    state = EntryState.SENT if state in (None, "") else state
    return EntryState.OPEN if state in OLDER_OPEN_STATES else state


def game_of(document: Mapping[str, Any]) -> str:
    """The game of a ledger document; the older bot, which had one game, did not write it."""
    return document.get("game") or HOME_GAME


def sent_fields(
    *, message_id: int | None, channel_id: int | None, sent_at: datetime, now: datetime, host: str = ""
) -> Document:
    """The fields that change in an entry that was sent; an unknown message or channel leaves what is recorded."""
    changes: Document = {"state": EntryState.SENT.value, "sent_at": time_to_text(sent_at)}
    known = set_values(message_id=message_id, channel_id=channel_id, host=host)
    return changes | {"updated_at": time_to_text(now)} | known


def edited_fields(*, shown: str, spelling: str, now: datetime, host: str = "") -> Document:
    """The fields that change in an entry whose message was put right."""
    changes: Document = {"shown": shown, "spelling": spelling, "edited_at": time_to_text(now)}
    return changes | {"updated_at": time_to_text(now)} | set_values(edited_by=host)


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
    run = RunRecord(
        job=fields.text("job"),
        host=fields.text("host"),
        started_at=fields.time("started_at"),
        finished_at=fields.time("finished_at"),
        exit_code=fields.number("exit_code"),
        details=dict(fields.table("details", optional=True).document),
    )
    if document.get("_id") != run.id:
        raise fields.wrong("_id", f"{run.id!r}")
    return run


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


def kept_in(before: Mapping[str, Any] | None, ours: frozenset[str]) -> Document:
    """What is not ours in a document that is written over."""
    return {name: value for name, value in (before or {}).items() if name not in ours}


def set_values(**values: Any) -> Document:
    """The values that are set: not None, and not empty."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [], {})}
