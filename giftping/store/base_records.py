"""What all records are made of: documents of an engine, read one by one, and changed until nobody was faster."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self, TypeVar

from giftping.store.base import Examined, StoreError
from giftping.store.documents import Document
from giftping.store.engine import TRIES, Change, Engine, OddId
from giftping.store.fields import DocumentError

Amendment = Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
"""What a document is to become, None for one that is to go, and the very same one where it is to stay."""

Record = TypeVar("Record")


class BaseRecords:
    """The documents of an engine, and what was met among them that cannot be read."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._odd: dict[str, str] = {}
        self._read_all_the_same: set[OddId] = set()

    @property
    def name(self) -> str:
        """What to call the store in messages; holds no secret."""
        return self.engine.name

    @property
    def notices(self) -> Sequence[str]:
        """What to tell the user of the store itself, such as that a part of it is away."""
        return self.engine.notices

    @property
    def odd(self) -> tuple[str, ...]:
        """The documents that could not be read so far, and were skipped: which, why, and what to do about it."""
        skipped = (
            f"{collection}: document {id_}: its _id is no text; skipped: correct or remove the document"
            for collection, id_ in tuple(self.engine.odd_ids)
            if (collection, id_) not in self._read_all_the_same
        )
        return (*self._odd.values(), *skipped)

    @property
    def is_away(self) -> bool:
        """Whether MongoDB could not be reached, so that its mirror is asked."""
        return self.engine.is_away

    @property
    def held_back(self) -> str:
        """Why nothing is to be claimed or sent now, codes and TODOs alike; empty where it may be.

        It is asked after the write of a claim, too: that may be what notices that MongoDB is away.
        """
        return self.engine.held_back

    @property
    def standing(self) -> str:
        """What lasts of the store, in words: why nothing is to be sent, or that a part of it is away; else empty."""
        return self.held_back or (self.notices[-1] if self.is_away and self.notices else "")

    @property
    def closed_fingerprint(self) -> str | None:
        """A token of what the store held when this object closed it; None when it may hold more than this one saw."""
        return self.engine.closed_fingerprint

    def close(self) -> None:
        """Release what the store holds open; safe to call twice."""
        self.engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *exc_info: object) -> None:
        try:
            self.close()
        except StoreError:
            # Nothing is lost, and the next to open the store meets the same: the first trouble goes first.
            if exception_type is None:
                raise

    def note_odd(self, collection: str, document: Mapping[str, Any], error: DocumentError) -> None:
        """Remember a document that cannot be read, however often it is met."""
        self._odd[f"{collection} {document.get('_id')!r}"] = str(error)

    def note_read(self, collection: str, documents: Iterable[Mapping[str, Any]]) -> None:
        """Remember documents whose `_id` is no text, and whose reader says what there is to say of them."""
        self._read_all_the_same |= {(collection, repr(document["_id"])) for document in documents}

    @staticmethod
    def joined(collection: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
        """What two documents under one `_id` come to, by the rule by which two hosts meet that have changed it."""
        # Two of one thing are rare: no other run loads the rules.
        from giftping.store.mirror.changes import known
        from giftping.store.mirror.replay import RULES

        return RULES[collection](one, known(collection, other)) or one

    def insert_documents(self, collection: str, documents: Sequence[Mapping[str, Any]]) -> frozenset[str]:
        """Add the documents whose `_id` is free and return those ids; an existing one is left as it is. One write."""
        first: dict[str, Mapping[str, Any]] = {}
        for document in documents:
            first.setdefault(document["_id"], document)
        return self.made([Change(collection, None, document) for document in first.values()])

    def remove_documents(self, collection: str, ids: Collection[str]) -> frozenset[str]:
        """Remove documents, whatever they hold, and return the ids of those that were there."""
        return self._amend(collection, ids, lambda _: None)

    def _readable(
        self, collection: str, documents: Iterable[Mapping[str, Any]], record_of: Callable[[Mapping[str, Any]], Record]
    ) -> Iterator[Record]:
        """The records of the documents, without those that cannot be read."""
        for document in documents:
            try:
                yield record_of(document)
            except DocumentError as error:
                self.note_odd(collection, document, error)

    def examined(
        self, collection: str, is_readable: Callable[[Mapping[str, Any]], bool], now: datetime, last: Examined | None
    ) -> Examined:
        """What a look at all documents of a collection came to; `is_readable` names those that cannot be read.

        The `last` look, where it may still be gone by: then only what was odd is looked at again.
        """
        if last is not None and last.spares(self.name, now):
            # An `_id` that is no text is met by no `get`, and costs no more than this.
            self.engine.strays(collection)
            for document in self.engine.get(collection, last.odd).values() if last.odd else ():
                is_readable(document)
            return last
        count, odd = 0, []
        for document in self.engine.walk(collection):
            count += 1
            if not is_readable(document):
                odd.append(document["_id"])
        return Examined(self.name, now, count, tuple(odd))

    def made(self, changes: Sequence[Change]) -> frozenset[str]:
        """The ids of the changes that were made. One write."""
        made = self.engine.change(changes) if changes else ()
        return frozenset(change.id for change, is_made in zip(changes, made, strict=True) if is_made)

    def _put(self, collection: str, document: Document) -> None:
        """Write a document whole, whatever was there."""
        self._amend(collection, [document["_id"]], lambda _: document, new=lambda _: document)

    def _amend(
        self,
        collection: str,
        ids: Collection[str],
        change: Amendment,
        new: Callable[[str], Mapping[str, Any]] | None = None,
        rev: str = "",
    ) -> frozenset[str]:
        """The ids of the documents that were changed: made anew from what they are until nobody is faster.

        `new` makes those that are not there. One that `change` cannot read stays as it is. `rev`, where given, is the
        one that they get. Raise StoreError when others keep coming in between.
        """
        changed: set[str] = set()
        left = set(ids)
        for _ in range(TRIES):
            there = self.engine.get(collection, left) if left else {}
            changes = [
                Change(collection, before, after)
                for before, after in self._readable(collection, there.values(), lambda before: (before, change(before)))
                if after is not before
            ]
            if new is not None:
                changes += [Change(collection, None, new(id_)) for id_ in sorted(left - there.keys())]
            if not changes:
                return frozenset(changed)
            made = self.engine.change(changes, rev=rev)
            changed |= {one.id for one, is_made in zip(changes, made, strict=True) if is_made}
            left = {one.id for one, is_made in zip(changes, made, strict=True) if not is_made}
            if not left:
                return frozenset(changed)
        raise self._too_busy(collection, min(left))

    def _too_busy(self, collection: str, id_: str) -> StoreError:
        return StoreError(f"{self.name}: {collection} {id_!r} keeps changing; the next run tries again")
