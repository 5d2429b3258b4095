"""What is kept of a member who asked to be forgotten, and that nothing brings the rest back.

That somebody was forgotten, and when, stands in `todo_state`: what is older and comes back later, from another host's
mirror, a backup or an older bot's database, is taken away again by the same rule.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
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
from giftping.store.engine import REV, TRIES, Change, Engine
from giftping.store.errors import StoreError
from giftping.store.fields import DocumentError, Fields, epoch_seconds, tables_in, whole_number
from giftping.text import id_or_none

FORGOTTEN = "forgotten "
"""How the ids of such notes begin, followed by the user's id."""

KEPT = timedelta(days=365)
"""How long such a note is kept: no backup that is older is put back."""


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
    read = map(_read, engine.find(TODO_STATE, within=FORGOTTEN))
    return dict(one for one in read if not isinstance(one, DocumentError))


def odd_notes(engine: Engine) -> Iterator[tuple[Mapping[str, Any], DocumentError]]:
    """The notes that cannot be read, each with what is odd: nobody knows what is to stay away by them."""
    for document in engine.find(TODO_STATE, within=FORGOTTEN):
        if isinstance(read := _read(document), DocumentError):
            yield document, read


def _read(document: Mapping[str, Any]) -> tuple[int, float] | DocumentError:
    """Who was forgotten, and when, by a note; what is odd where it does not say."""
    fields, at = Fields(TODO_STATE, document), document.get("forgotten_at")
    user_id = id_or_none(str(document["_id"]).removeprefix(FORGOTTEN))
    if user_id is None:
        return fields.wrong("_id", f"'{FORGOTTEN}' and a Discord id")
    if not isinstance(at, int | float) or isinstance(at, bool) or not math.isfinite(at):
        return fields.wrong("forgotten_at", "a time in epoch seconds")
    return user_id, float(at)


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


def purge_again(engine: Engine, now: datetime | None = None) -> bool:
    """Whether something had come back of those who were forgotten, and is taken away: a request or four where not.

    A note from later than `now` was written by a wrong clock, and counts as of now from now on: it would take away
    what they have yet to hand in. Raise StoreError where others keep changing their documents.
    """
    forgotten = forgotten_members(engine)
    if not forgotten:
        return False
    if now is not None and max(forgotten.values()) > now.timestamp():
        notes = [forgotten_document(user_id, now) for user_id, at in forgotten.items() if at > now.timestamp()]
        there = engine.get(TODO_STATE, [note["_id"] for note in notes])
        engine.change([Change(TODO_STATE, there.get(note["_id"]), note) for note in notes])
        forgotten = {user_id: min(at, now.timestamp()) for user_id, at in forgotten.items()}
    purged = _purge(engine, forgotten, reasons=False)
    return bool(purged.changed or purged.events)


def purge(engine: Engine, user_id: int, at: float) -> Purged:
    """What was taken away of a member in a store, also the reasons of pauses that lie ahead.

    Raise StoreError where others keep changing their documents.
    """
    return _purge(engine, {user_id: at}, reasons=True)


def _purge(engine: Engine, forgotten: Mapping[int, float], *, reasons: bool) -> Purged:
    at_of = {str(user_id): at for user_id, at in forgotten.items()}
    changed: set[str] = set()
    for _ in range(TRIES):
        changes = []
        for name in (TODO_TIMESTAMPS, ACTIVE_MEMBERS):
            for id_, document in engine.get(name, at_of.keys()).items():
                after = kept_of(name, document, at_of[id_])
                if reasons and after is not None and name == ACTIVE_MEMBERS:
                    after = without_reasons(after)
                if after != document:
                    changes.append(Change(name, document, after))
        made = engine.change(changes) if changes else []
        changed |= {change.collection for change, is_made in zip(changes, made, strict=True) if is_made}
        if all(made):
            break
    else:
        ids = ", ".join(sorted({change.id for change in changes}))
        raise StoreError(f"member {ids}: the documents keep changing; run giftping todo forget again")
    found = engine.find(TODO_EVENTS, {"user_id": [*at_of, *forgotten]})
    # 5 and 5.0 are equal where they are asked for, and true is as well.
    owners = [(one, id_or_none(str(whole_number(one["user_id"]) or one["user_id"]))) for one in found]
    events = [
        Change(TODO_EVENTS, one, None)
        for one, owner in owners
        if owner is not None and owner in forgotten and kept_of(TODO_EVENTS, one, forgotten[owner]) is None
    ]
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
        name: [one for one in tables_in(document, name) if _seconds(one.get(time)) > at]
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
        for one in tables_in(document, "pauses")
        if one.get("to") is None or _seconds(one.get("to")) > at
    ]
    kept = {name: value for name, value in document.items() if name not in ("pauses", "found")}
    kept |= {"pauses": pauses} if pauses else {}
    if max(_seconds(document.get("clock_from")), _seconds(document.get("added"))) < at:
        kept["clock_from"] = at
    return document if kept == document else kept


def without_reasons(roster: Mapping[str, Any]) -> Mapping[str, Any]:
    """A member of the roster with pauses that say no more than when they are."""
    pauses = [{name: value for name, value in one.items() if name != "reason"} for one in tables_in(roster, "pauses")]
    return {**roster, "pauses": pauses} if pauses else roster


def _is_same(kept: Mapping[str, Any], document: Mapping[str, Any]) -> bool:
    noted = {REV, "updated_at"}
    return {k: v for k, v in kept.items() if k not in noted} == {k: v for k, v in document.items() if k not in noted}


def _seconds(value: object) -> float:
    """A time in epoch seconds; what is none is of long ago."""
    return epoch_seconds(value, 0)
