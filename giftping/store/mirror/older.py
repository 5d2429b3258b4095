"""What a copy has noted under 0.1.0 to be carried back, as notes of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from giftping.store.documents import DELIVERIES, GUILDS, LEDGER, MIRROR, SUBSCRIPTIONS
from giftping.store.mirror.notes import CARRIED, QUEUED, SYNCED_ID, queued_id
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.tables import Operation, Tables, put, remove

_COLLECTIONS = {
    GUILDS: SUBSCRIPTIONS,
    "first-looks": SUBSCRIPTIONS,
    "announced": SUBSCRIPTIONS,
    "broken": SUBSCRIPTIONS,
    "released": LEDGER,
}
_REMOVED = "removed from "


def translate_notes(copy: TinyEngine) -> None:
    """Let the notes of 0.1.0 be notes of today, in a copy that has been upgraded.

    Of clears none is made: what they removed is still on record there.
    """
    if not any(map(_is_older, copy.walk(MIRROR))):
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

    copy.write(decide)


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
