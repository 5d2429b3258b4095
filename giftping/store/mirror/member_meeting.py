"""The TODO part's documents between a shared store and a host's mirror: carried back, and followed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from giftping.store.base import Change, SharedStore
from giftping.store.changes import REV, fresh_rev
from giftping.store.documents import TODO_COLLECTIONS, TODO_EVENTS
from giftping.store.fields import plain_document
from giftping.store.mirror.member_merge import GUARDS, MERGED, merged
from giftping.store.mirror.notes import REMOVED, Pending, read_pending
from giftping.store.tiny.store import TinyStore


def carry_members(shared: SharedStore, mirror: TinyStore, pending: Pending) -> None:
    """Carry to the shared store what was written of members, and to their history, while it was away."""
    for collection in TODO_COLLECTIONS:
        removed = pending.of(REMOVED[collection])
        if gone := removed - mirror.stored_ids(collection, removed):
            shared.remove_documents(collection, gone)
    for collection in MERGED:
        _carry_merged(shared, mirror, collection, pending)
    if events := pending.of(TODO_EVENTS):
        shared.insert_documents(TODO_EVENTS, list(mirror.documents_of(TODO_EVENTS, events).values()))
        mirror.remove_documents(TODO_EVENTS, events)


def _carry_merged(shared: SharedStore, mirror: TinyStore, collection: str, pending: Pending) -> None:
    """Merge documents into those of the shared store, again and again until nobody has come in between."""
    left, before = pending.of(collection), pending.before.get(collection, {})
    while left:
        ours = mirror.documents_of(collection, left)
        theirs = shared.documents_of(collection, ours) if ours else {}
        documents = {id_: merged(collection, ours[id_], theirs.get(id_), before.get(id_, ())) for id_ in ours}
        changes = [Change(document, theirs.get(id_)) for id_, document in documents.items()]
        wanted = [change for change in changes if change.after != change.before]
        rev = fresh_rev()
        changed = shared.change_documents(collection, wanted, guard=GUARDS.get(collection, ()), rev=rev)
        left = frozenset(change.id for change in wanted) - changed
        done = {
            id_: plain_document(document | ({REV: rev} if id_ in changed else {}))
            for id_, document in documents.items()
            if id_ not in left
        }
        mirror.take_in(collection, done, seen={id_: ours[id_] for id_ in done})


def follow_members(shared: SharedStore, mirror: TinyStore) -> None:
    """Let the mirror take in what the shared store holds of members, and drop what is there no more.

    What is being noted, because a process of this host cannot reach the shared store, is left as it is, and so
    is what one that can has written since this began. The history stays in the shared store: it only ever grows.
    """
    for collection in MERGED:
        here = _by_id(mirror, collection)
        there = _by_id(shared, collection)
        pending = read_pending(mirror)
        being_noted = pending.of(collection) | pending.of(REMOVED[collection])
        mirror.take_in(collection, _without(there, being_noted), seen=_without(here, being_noted))


def _by_id(store: SharedStore | TinyStore, collection: str) -> dict[str, Mapping[str, Any]]:
    documents = [document for document in store.documents(collection) if isinstance(document["_id"], str)]
    return {document["_id"]: plain_document(document) for document in documents}


def _without(documents: Mapping[str, Mapping[str, Any]], ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
    return {id_: document for id_, document in documents.items() if id_ not in ids}
