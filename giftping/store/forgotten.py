"""What is kept of a member who asked to be forgotten, and that nothing brings the rest back.

That somebody was forgotten, and when, stands in `todo_state`: what is older and comes back later, from another host's
mirror, a backup or an older bot's database, is taken away again by the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from giftping.store.documents import (
    ACTIVE_MEMBERS,
    NEVER_SUBMITTED,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
    Document,
)
from giftping.store.engine import REV, Change, Engine
from giftping.store.errors import StoreError
from giftping.store.fields import time_from_value
from giftping.text import id_or_none

FORGOTTEN = "forgotten "
"""How the ids of such notes begin, followed by the user's id."""

KEPT = timedelta(days=365)
"""How long such a note is kept: no backup that is older is put back."""

TRIES = 20


@dataclass(frozen=True, slots=True)
class Purged:
    """What was taken away of one member's documents."""

    events: int = 0
    changed: frozenset[str] = frozenset()
    """The collections in which a document of theirs was changed or removed."""


def forgotten_document(user_id: int, at: datetime) -> Document:
    """The note that a member was forgotten."""
    return {"_id": f"{FORGOTTEN}{user_id}", "forgotten_at": at.timestamp()}


def forgotten_members(engine: Engine) -> dict[int, float]:
    """When each member who was forgotten was, in epoch seconds, by their id."""
    found: dict[int, float] = {}
    for document in engine.find(TODO_STATE, within=FORGOTTEN):
        user_id = id_or_none(str(document["_id"]).removeprefix(FORGOTTEN))
        at = document.get("forgotten_at")
        if user_id is not None and isinstance(at, int | float) and not isinstance(at, bool):
            found[user_id] = float(at)
    return found


def without_forgotten(
    tables: Mapping[str, list[Document]], forgotten: Mapping[int, float]
) -> dict[str, list[Document]]:
    """The documents by collection, without what members have asked to forget: they may be taken over."""
    kept = dict(tables)
    for name in (TODO_TIMESTAMPS, ACTIVE_MEMBERS, TODO_EVENTS) if forgotten else ():
        kept[name] = []
        for document in tables[name]:
            owner = id_or_none(str(document.get("user_id" if name == TODO_EVENTS else "_id")))
            is_forgotten = owner is not None and owner in forgotten
            after = kept_of(name, document, forgotten[owner or 0]) if is_forgotten else document
            kept[name] += [dict(after)] if after is not None else []
    return kept


def note_forgotten(engine: Engine, user_id: int, at: datetime) -> None:
    """Write the note, in place of an earlier one, and drop notes that are a year old."""
    known = {str(one["_id"]): one for one in engine.find(TODO_STATE, within=FORGOTTEN)}
    note = forgotten_document(user_id, at)
    earlier = known.pop(note["_id"], None)
    over = [
        one
        for one in known.values()
        if isinstance(then := one.get("forgotten_at"), int | float) and then < (at - KEPT).timestamp()
    ]
    engine.change([Change(TODO_STATE, earlier, note), *(Change(TODO_STATE, one, None) for one in over)])


def purge_again(engine: Engine) -> None:
    """Take away what has come back of those who were forgotten."""
    for user_id, at in forgotten_members(engine).items():
        purge(engine, user_id, at)


def purge(engine: Engine, user_id: int, at: float, *, reasons: bool = False) -> Purged:
    """What was taken away of a member in a store; with `reasons`, also those of pauses that lie ahead.

    Raise StoreError where others keep changing their documents.
    """
    id_ = str(user_id)
    changed: set[str] = set()
    for _ in range(TRIES):
        changes = []
        for name in (TODO_TIMESTAMPS, ACTIVE_MEMBERS):
            document = engine.get(name, [id_]).get(id_)
            if document is None:
                continue
            after = kept_of(name, document, at)
            if reasons and after is not None and name == ACTIVE_MEMBERS:
                after = without_reasons(after)
            if after != document:
                changes.append(Change(name, document, after))
        made = engine.change(changes) if changes else []
        changed |= {change.collection for change, is_made in zip(changes, made, strict=True) if is_made}
        if all(made):
            break
    else:
        raise StoreError(f"member {user_id}: the documents keep changing; run giftping todo forget again")
    found = engine.find(TODO_EVENTS, {"user_id": [id_, user_id]})
    events = [Change(TODO_EVENTS, one, None) for one in found if kept_of(TODO_EVENTS, one, at) is None]
    return Purged(sum(engine.change(events)) if events else 0, frozenset(changed))


def kept_of(collection: str, document: Mapping[str, Any], at: float) -> Mapping[str, Any] | None:
    """What of a member's document stays once they were forgotten; the document itself where all does, None for nothing.

    The clock begins anew, so that nobody is pinged for what is not known any more. A role that giftping took is still
    owed, and a pause that has not ended still holds, without its reason. What came after stays.
    """
    if collection == TODO_EVENTS:
        return None if _seconds(document.get("at")) <= at else document
    if collection == TODO_TIMESTAMPS:
        return _kept_timestamps(document, at)
    return _kept_roster(document, at) if collection == ACTIVE_MEMBERS else document


def _kept_timestamps(document: Mapping[str, Any], at: float) -> Mapping[str, Any] | None:
    lists = {
        name: [one for one in _tables(document, name) if _seconds(one.get(time)) > at]
        for name, time in (("notices", "made_at"), ("events", "at"))
    }
    lists = {name: ones for name, ones in lists.items() if ones}
    submitted = document.get("last_submit")
    if submitted != NEVER_SUBMITTED and _seconds(submitted) > at:
        kept = {name: value for name, value in document.items() if name not in ("notices", "events")} | lists
        return document if _is_same(kept, document) else kept
    last_ping = document.get("last_ping")
    is_pinged = _seconds(last_ping) > at
    lapse = _kept_lapse(document.get("lapse"), at)
    if not (lists or lapse or is_pinged):
        return None
    kept = {"_id": document["_id"], "last_submit": NEVER_SUBMITTED, "last_ping": last_ping if is_pinged else 0}
    kept |= lists | ({"lapse": lapse} if lapse else {})
    return document if _is_same(kept, {name: one for name, one in document.items() if name != "done"}) else kept


def _kept_lapse(lapse: Any, at: float) -> Any:
    if not isinstance(lapse, Mapping):
        return None
    if _seconds(lapse.get("since")) >= at:
        return lapse
    return {"since": at, "removal": lapse["removal"]} if lapse.get("removal") else None


def _kept_roster(document: Mapping[str, Any], at: float) -> Mapping[str, Any]:
    # A pause does not say when it was made: in a document of before, all of them were.
    is_of_before = _seconds(document.get("updated_at")) <= at
    pauses = [
        {
            name: value
            for name, value in one.items()
            if name != "reason" or (_seconds(one.get("from")) > at and not is_of_before)
        }
        for one in _tables(document, "pauses")
        if one.get("to") is None or _seconds(one.get("to")) > at
    ]
    kept = {name: value for name, value in document.items() if name not in ("pauses", "found")}
    kept |= {"pauses": pauses} if pauses else {}
    if max(_seconds(document.get("clock_from")), _seconds(document.get("added"))) < at:
        kept["clock_from"] = at
    return document if kept == document else kept


def without_reasons(roster: Mapping[str, Any]) -> Mapping[str, Any]:
    """A member of the roster with pauses that say no more than when they are."""
    pauses = [{name: value for name, value in one.items() if name != "reason"} for one in _tables(roster, "pauses")]
    return {**roster, "pauses": pauses} if pauses else roster


def _is_same(kept: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    noted = {REV, "updated_at"}
    return {k: v for k, v in kept.items() if k not in noted} == {k: v for k, v in document.items() if k not in noted}


def _tables(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = document.get(name)
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _seconds(value: object) -> float:
    """A time in epoch seconds; what is none is of long ago."""
    try:
        if isinstance(value, str | datetime) and (found := time_from_value(value)) is not None:
            return found.timestamp()
    except (ValueError, OverflowError):
        return 0
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return float(value) if is_number else 0  # type: ignore[arg-type]  # a number
