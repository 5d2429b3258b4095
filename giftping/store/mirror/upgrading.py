"""The upgrade of a database and of its mirror, and of what that has noted to be carried back, before the two meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from giftping.store.base import SCHEMA_VERSION, StoreAwayError
from giftping.store.documents import DELIVERIES, GUILDS, LEDGER, MIRROR, SUBSCRIPTIONS
from giftping.store.mirror.notes import CARRIED, QUEUED, SYNCED_ID, queued_id, synced_of
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.tables import Operation, Tables, put, remove

if TYPE_CHECKING:
    from giftping.store.upgrade import Upgraded


_COLLECTIONS = {
    GUILDS: SUBSCRIPTIONS,
    "first-looks": SUBSCRIPTIONS,
    "announced": SUBSCRIPTIONS,
    "broken": SUBSCRIPTIONS,
    "released": LEDGER,
}
_REMOVED = "removed from "


def upgrade_both(
    database: MongoEngine, mirror: TinyEngine, folder: Path, *, host: str, now: datetime
) -> tuple[Upgraded, ...]:
    """What was upgraded: the database where it can be reached, then the mirror.

    Raise StoreError while a host of the older version may be at the database: the mirror is left then, too.
    """
    older: list[MongoEngine | TinyEngine] = []
    synced = synced_of(mirror)
    # One that a giftping of today was in step with is today's: nobody waits a second time for one that is away.
    if synced is None or not synced.id or mirror.schema() < SCHEMA_VERSION:
        with suppress(StoreAwayError):
            older += [database] if database.schema() < SCHEMA_VERSION else []
    older += [mirror] if mirror.schema() < SCHEMA_VERSION else []
    done: list[Upgraded] = []
    for engine in older:
        # Hardly ever needed, and not loaded by every run.
        from giftping.store.upgrade import upgrade

        with suppress(StoreAwayError):
            done += filter(None, [upgrade(engine, folder, host=host, now=now, shares=engine is database)])
    if mirror.schema() >= SCHEMA_VERSION:
        translate_notes(mirror)
    return tuple(done)


def translate_notes(mirror: TinyEngine) -> None:
    """Let the notes of 0.1.0 be notes of today, in a mirror that has been upgraded.

    Of clears none is made: what they removed is still on record there.
    """
    if not any(map(_is_older, mirror.walk(MIRROR))):
        return

    def decide(tables: Tables) -> tuple[list[Operation], None]:
        notes = [note for note in tables[MIRROR].values() if _is_older(note)]
        synced = tables[MIRROR].get(SYNCED_ID)
        at = str(synced["at"]) if synced and "at" in synced else "1970-01-01T00:00:00+00:00"
        made: dict[str, dict[str, Any]] = {}
        for note in notes:
            for collection, id_ in _what_it_is_of(note, tables):
                new = made.setdefault(
                    queued_id(collection, id_),
                    {
                        "_id": queued_id(collection, id_),
                        "collection": collection,
                        "document": id_,
                        "order": len(made),
                        "at": at,
                    },
                )
                # An empty one stood for none.
                if note.get("before"):
                    new["before"] = note["before"]
        gone = [remove(MIRROR, str(note["_id"])) for note in notes]
        return [*gone, *(put(MIRROR, note) for note in made.values())], None

    mirror.write(decide)


def _is_older(note: Mapping[str, Any]) -> bool:
    return not str(note["_id"]).startswith(QUEUED) and ("document" in note or "cleared_at" in note)


def _what_it_is_of(note: Mapping[str, Any], tables: Tables) -> Iterator[tuple[str, str]]:
    """The documents that a note is of, by collection and id."""
    kind, id_ = str(note.get("collection", "")), str(note.get("document", ""))
    collection = _COLLECTIONS.get(kind, kind.removeprefix(_REMOVED))
    if collection == SUBSCRIPTIONS:
        # Of what was noted of a guild nobody knows of which of its games; a guild that was removed has none any more.
        guild_id = id_.partition(":")[0]
        yield from ((SUBSCRIPTIONS, str(one["_id"])) for one in tables.within(SUBSCRIPTIONS, f"{guild_id}:"))
    elif collection == LEDGER:
        if (entry := tables[LEDGER].get(id_)) is not None:
            delivery_id = str(entry.get("delivery_id") or "")
            yield from [(DELIVERIES, delivery_id)] if delivery_id in tables[DELIVERIES] else []
            yield LEDGER, id_
    elif collection in CARRIED:
        yield collection, id_
