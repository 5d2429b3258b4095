"""The documents of an embedded store as they are stored: read, added, changed by what was read, and removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from giftping.store.changes import Change, changed_document, changes_by_id, fresh_rev, still_holds
from giftping.store.fields import plain_document
from giftping.store.shared import SharedTables
from giftping.store.tables import Operation, Tables, put, remove


class TinyDocuments:
    """The part of `TinyStore` that knows no records; what JSON has no word for becomes a text."""

    _shared: SharedTables

    def documents(self, collection: str) -> Iterator[Mapping[str, Any]]:
        """A collection's documents as they are at the moment of the call."""
        with self._shared.tables() as tables:
            return iter(list(tables.all_documents(collection)))

    def stored_ids(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids that have a document in the collection."""
        with self._shared.tables() as tables:
            documents = tables[collection]
            return frozenset(id_ for id_ in ids if id_ in documents)

    def documents_of(self, collection: str, ids: Collection[str]) -> dict[str, Mapping[str, Any]]:
        """The documents with these ids, by id."""
        with self._shared.tables() as tables:
            documents = tables[collection]
            return {id_: documents[id_] for id_ in ids if id_ in documents}

    def documents_where(self, collection: str, field: str, value: str) -> list[Mapping[str, Any]]:
        """The documents whose top-level field is the text, by `_id`."""
        found = [document for document in self.documents(collection) if document.get(field) == value]
        return sorted(found, key=lambda document: str(document["_id"]))

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free; what JSON has no word for becomes a text."""
        by_id: dict[str, Mapping[str, Any]] = {}
        for document in documents:
            by_id.setdefault(document["_id"], document)

        def decide(tables: Tables) -> tuple[list[Operation], frozenset[str]]:
            free = [id_ for id_ in by_id if id_ not in tables[collection]]
            return [put(collection, plain_document(by_id[id_])) for id_ in free], frozenset(free)

        return self._shared.write(decide)

    def change_documents(
        self, collection: str, changes: Sequence[Change], *, guard: Collection[str] = (), rev: str = ""
    ) -> frozenset[str]:
        """Make those changes whose document is still as it was read, and return the ids of what was changed.

        `rev`, where given, is the one that the documents get. Raise ValueError for two changes of one document.
        """
        by_id = {id_: _plain_change(change) for id_, change in changes_by_id(changes).items()}
        rev = rev or fresh_rev()

        def decide(tables: Tables) -> tuple[list[Operation], frozenset[str]]:
            there = tables[collection]
            holding = [id_ for id_, change in by_id.items() if still_holds(there.get(id_), change, guard)]
            changed = [changed_document(there.get(id_), by_id[id_], rev) for id_ in holding]
            return [put(collection, document) for document in changed], frozenset(holding)

        return self._shared.write(decide)

    def remove_documents(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Remove documents and return the ids of those that were there."""

        def decide(tables: Tables) -> tuple[list[Operation], frozenset[str]]:
            there = [id_ for id_ in dict.fromkeys(ids) if id_ in tables[collection]]
            return [remove(collection, id_) for id_ in there], frozenset(there)

        return self._shared.write(decide)

    # What a mirror of a shared store takes

    def put_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> None:
        """Write documents whole, those that differ from what is there."""

        def decide(tables: Tables) -> tuple[list[Operation], None]:
            there = tables[collection]
            return [put(collection, document) for document in documents if there.get(document["_id"]) != document], None

        self._shared.write(decide)

    def take_in(
        self, collection: str, documents: Mapping[str, Mapping[str, Any]], *, seen: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """Put documents, given by `_id`, in the place of those that were seen, and remove what was seen besides.

        What somebody has written since is left as it is.
        """

        def decide(tables: Tables) -> tuple[list[Operation], None]:
            there = tables[collection]
            unseen = {id_ for id_ in documents.keys() | seen.keys() if there.get(id_) != seen.get(id_)}
            differing = [id_ for id_ in documents if id_ not in unseen and there.get(id_) != documents[id_]]
            gone = sorted(there.keys() & seen.keys() - documents.keys() - unseen)
            puts: list[Operation] = [put(collection, documents[id_]) for id_ in differing]
            return puts + [remove(collection, id_) for id_ in gone], None

        self._shared.write(decide)


def _plain_change(change: Change) -> Change:
    before = change.before
    return Change(plain_document(change.after), None if before is None else plain_document(before))
