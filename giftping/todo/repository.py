"""The members as the store keeps them: read together, changed on condition, and every change in the history."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from giftping.delivery.clock import Clock
from giftping.store.base import Examined, StoreError
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
    Document,
)
from giftping.store.engine import USER_ID, Change
from giftping.store.fields import DocumentError
from giftping.store.forgotten import odd_notes, purge_again
from giftping.store.records import Store
from giftping.todo.document_fields import OddDocumentError
from giftping.todo.history import Event, event_document, event_from, waiting_events
from giftping.todo.member_documents import member_from, roster_document_of, timestamps_document_of, user_id_of
from giftping.todo.model import Member
from giftping.todo.strays import Strays, as_one, owner_of, strays_among
from giftping.todo.sweep_notes import SWEEP_ID, SweepNotes, notes_document, notes_from

TRIES = 20
"""How often a change is made anew because somebody else was faster; each time somebody else has got on."""

CORRECT = "correct or remove the document"
INEXACT = "its _id is a double, which cannot hold a Discord id exactly"


@dataclass(frozen=True, slots=True)
class OddDocument:
    """A document that was skipped."""

    where: str
    """Its collection and `_id`, or the member that it is of."""
    why: str
    user_id: int | None = None
    """Where it is a member's after all."""


@dataclass(frozen=True, slots=True)
class LoadedMembers:
    """Members as they were read together."""

    members: Mapping[int, Member]
    """By id, in the order of the ids."""
    odd: tuple[OddDocument, ...] = ()
    """The documents that could not be read; their members are not among the others."""

    def only(self, ids: Collection[int]) -> LoadedMembers:
        """Those of the members that have one of the ids."""
        return LoadedMembers({user_id: member for user_id, member in self.members.items() if user_id in ids})

    def on_roster(self) -> Iterator[Member]:
        """Those who take part."""
        return (member for member in self.members.values() if member.on_roster)


@dataclass(frozen=True, slots=True)
class MemberChange:
    """A change of one member."""

    member: Member
    """What they are to become, made from a member that was read."""
    events: tuple[Event, ...] = ()
    """What the history is to say of it."""


class RepositoryError(StoreError):
    """A document is odd, or others kept changing it; the text names it, and the next step."""


def new_id() -> str:
    """A fresh id for a notice, a pause or an event."""
    return secrets.token_hex(8)


class MemberRepository:
    """Reads and changes members over one store. Every method raises StoreError when that fails.

    The history is a collection of its own, and no store changes two of them at once. So the events of a change are
    written into the changed document first, in the same write, and copied to the history after it; what a run that was
    killed has left there, the next change of that member brings over.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self._clock = clock
        # An event that is entered once more is only a request more: this spares those of the same run.
        self._in_history: set[str] = set()
        self._read: dict[int, Member] = {}
        self._strays: dict[str, Strays] = {}
        self._lost_events: set[int | None] = set()
        """Whose events could not be read; None for those of which that is not known either."""

    # Reading

    def load(self, ids: Collection[int] | None = None) -> LoadedMembers:
        """Everybody on the roster or with timestamps, or those with the given ids, known or not."""
        odd: list[OddDocument] = []
        roster = self._by_member(ACTIVE_MEMBERS, ids, odd)
        timestamps = self._by_member(TODO_TIMESTAMPS, ids, odd)
        members: dict[int, Member] = {}
        for user_id in sorted({*(ids or ()), *roster, *timestamps}):
            try:
                if ids is None and user_id in roster and user_id not in timestamps:
                    self._refuse_doubtful(user_id)
                members[user_id] = self._member(
                    user_id,
                    self._joined(ACTIVE_MEMBERS, user_id, roster.get(user_id, ())),
                    self._joined(TODO_TIMESTAMPS, user_id, timestamps.get(user_id, ())),
                )
            except OddDocumentError as error:
                odd.append(OddDocument(f"member {user_id}", str(error), user_id))
        return LoadedMembers(members, tuple(odd))

    def _by_member(
        self, collection: str, ids: Collection[int] | None, odd: list[OddDocument]
    ) -> dict[int, list[Mapping[str, Any]]]:
        """The documents of each member, the one under their own id first; what is nobody's is added to `odd`."""
        strays = self._strays_in(collection)
        found: dict[int, list[Mapping[str, Any]]] = {}
        for id_, document in self._documents(collection, ids).items():
            try:
                found[user_id_of(document)] = [document]
            except OddDocumentError as error:
                if owner_of(id_) is None:
                    odd.append(OddDocument(f"{collection} {id_!r}", str(error)))
        if ids is None:
            odd += [OddDocument(f"{collection} {one['_id']!r}", INEXACT) for one in strays.inexact]
        for user_id, documents in strays.by_owner.items():
            if ids is None or user_id in ids:
                found.setdefault(user_id, []).extend(documents)
        return found

    def _strays_in(self, collection: str) -> Strays:
        """The documents of a collection whose `_id` is written in another way; asked once."""
        if collection not in self._strays:
            strays = strays_among(self.store.engine.strays(collection, USER_ID))
            self._strays[collection] = strays
            of_somebody = (one for documents in strays.by_owner.values() for one in documents)
            self.store.note_read(collection, [*of_somebody, *strays.inexact])
        return self._strays[collection]

    def _refuse_doubtful(self, user_id: int) -> None:
        """Raise OddDocumentError for one of the roster who has handed in nothing, where that may not be so."""
        if (stray := self._strays_in(TODO_TIMESTAMPS).may_be_of(user_id)) is not None:
            raise OddDocumentError(
                f"{TODO_TIMESTAMPS} has no document of theirs, and nobody can tell whose {stray['_id']!r} is"
            )

    def _joined(
        self, collection: str, user_id: int, documents: Sequence[Mapping[str, Any]]
    ) -> Mapping[str, Any] | None:
        """What a member's documents come to. Raise OddDocumentError where one of them is odd."""
        if len(documents) > 1:
            is_roster = collection == ACTIVE_MEMBERS
            for one in documents:
                member_from(user_id, one if is_roster else None, None if is_roster else one)
        return as_one(collection, user_id, documents, self.store.joined) if documents else None

    def put_right(self, ids: Collection[int] | None = None) -> None:
        """Write what stands under other spellings of members' ids under their own, and remove it there.

        Nothing where one of a member's documents is odd, or somebody is faster: the next time does it.
        """
        for collection in (ACTIVE_MEMBERS, TODO_TIMESTAMPS):
            wanted = {
                user_id: documents
                for user_id, documents in self._strays_in(collection).by_owner.items()
                if ids is None or user_id in ids
            }
            if not wanted or self.store.held_back:
                continue
            there = self._documents(collection, wanted.keys())
            for user_id, documents in wanted.items():
                self._put_right(collection, user_id, there.get(str(user_id)), documents)
            del self._strays[collection]

    def remove_strays(self, user_id: int) -> None:
        """Remove what stands under other spellings of a member's id, whether or not it can be read."""
        for collection in (ACTIVE_MEMBERS, TODO_TIMESTAMPS):
            for stray in self._strays_in(collection).by_owner.get(user_id, ()):
                self.store.engine.change([Change(collection, stray, None)])
            del self._strays[collection]

    def _put_right(
        self, collection: str, user_id: int, own: Mapping[str, Any] | None, strays: Sequence[Mapping[str, Any]]
    ) -> None:
        try:
            after = self._joined(collection, user_id, [*([] if own is None else [own]), *strays])
            member_from(user_id, *((after, None) if collection == ACTIVE_MEMBERS else (None, after)))
        except OddDocumentError:
            # Named by whoever reads it.
            return
        # First the one that counts: what is cut short in between is joined once more, which changes nothing.
        if after == own or self.store.engine.change([Change(collection, own, after)])[0]:
            for stray in strays:
                self.store.engine.change([Change(collection, stray, None)])

    def member(self, user_id: int) -> Member:
        """One member, not on the roster when nothing is known. Raise RepositoryError for documents that are odd."""
        loaded = self.load([user_id])
        if loaded.odd:
            raise _odd_document(loaded.odd[0].where, loaded.odd[0].why)
        return loaded.members[user_id]

    def _member(self, user_id: int, roster: Mapping[str, Any] | None, timestamps: Mapping[str, Any] | None) -> Member:
        """The member of two documents. Those that a store gives out again, as they were, are not read anew."""
        known = self._read.get(user_id)
        if (
            known is None
            or not _is_as_before(known.roster_document, roster)
            or not _is_as_before(known.timestamps_document, timestamps)
        ):
            known = self._read[user_id] = member_from(user_id, roster, timestamps)
        return known

    def _documents(self, collection: str, ids: Collection[int] | None) -> dict[Any, Mapping[str, Any]]:
        if ids is None:
            return {document.get("_id"): document for document in self.store.engine.walk(collection)}
        return dict(self.store.engine.get(collection, [str(id_) for id_ in ids]))

    def events(self, user_id: int | None = None, kind: str | None = None) -> list[Event]:
        """The history of one member, of one kind, or all of it, oldest first."""
        if user_id is not None:
            documents: Iterable[Mapping[str, Any]] = self.store.engine.find(TODO_EVENTS, {"user_id": [str(user_id)]})
        elif kind is not None:
            documents = self.store.engine.find(TODO_EVENTS, {"kind": [kind]})
        else:
            documents = self.store.engine.walk(TODO_EVENTS)
        waiting = self._documents(TODO_TIMESTAMPS, None if user_id is None else [user_id]).values()
        by_id = {document["_id"]: document for document in (*documents, *waiting_events(waiting))}
        events = [event for document in by_id.values() if (event := self._event(document)) is not None]
        chosen = [event for event in events if user_id in (None, event.user_id) and kind in (None, event.kind)]
        return sorted(chosen, key=lambda event: (event.at, event.id))

    def _event(self, document: Mapping[str, Any]) -> Event | None:
        """The event of a document; None for one that cannot be read, which the store names."""
        try:
            return event_from(document)
        except OddDocumentError as error:
            why = str(error).removeprefix(f"{TODO_EVENTS}: ")
            said = DocumentError(f"{TODO_EVENTS}: document {document.get('_id')!r}: {why}; {CORRECT}")
            self.store.note_odd(TODO_EVENTS, document, said)
            self._lost_events.add(owner_of(document.get("user_id")))
            return None

    def examine_history(self, now: datetime, last: Examined | None = None) -> Examined:
        """What a look at the whole history, and at who is forgotten in it, came to; the `last` one while it holds."""
        for note, error in odd_notes(self.store.engine):
            self.store.note_odd(TODO_STATE, note, error)
        return self.store.examined(TODO_EVENTS, lambda document: self._event(document) is not None, now, last)

    def purge_forgotten(self, now: datetime) -> bool:
        """Whether something had come back of those who were forgotten, as by a backup, and is taken away again."""
        return not self.store.held_back and purge_again(self.store.engine, now)

    def is_history_known(self, user_id: int) -> bool:
        """Whether nothing of a member's history was among what `events` could not read; an error is never a gap."""
        return not {user_id, None} & self._lost_events

    # Changing

    def save(self, edits: Sequence[MemberChange]) -> frozenset[int]:
        """The ids of the members who were changed: those whose documents are still as they were read.

        The roster's document changes only together with the timestamps' where both do.
        """
        now = self._clock()
        # Before they are written over.
        self._enter(_left_in_documents(edits))
        stamped = self._changed(TODO_TIMESTAMPS, edits, now)
        listed = self._changed(ACTIVE_MEMBERS, edits, now)
        # The timestamps first: claims are made by them, and whose claim is lost is not to change otherwise either.
        done = self.store.made(list(stamped.values()))
        lost = {str(user_id) for user_id in stamped} - done
        left = [change for user_id, change in listed.items() if str(user_id) not in lost]
        if left:
            done |= self.store.made(left)
        changed = {user_id for user_id in {*stamped, *listed} if str(user_id) in done and str(user_id) not in lost}
        self._enter(
            [event_document(event) for edit in edits if edit.member.user_id in changed for event in edit.events]
        )
        return frozenset(changed)

    def changes_of(self, edits: Sequence[MemberChange]) -> dict[int, Change]:
        """The changes of the timestamps' documents, by member, for whoever makes them together with others."""
        return self._changed(TODO_TIMESTAMPS, edits, self._clock())

    def events_of(self, edits: Sequence[MemberChange]) -> list[Change]:
        """What enters the history with these changes, for whoever makes them together, these first.

        Among them is what earlier changes have left in the documents that are written over.
        """
        entered = [event_document(event) for edit in edits for event in edit.events]
        by_id = {one["_id"]: one for one in (*_left_in_documents(edits), *entered)}
        return [Change(TODO_EVENTS, None, one) for id_, one in by_id.items() if id_ not in self._in_history]

    def _changed(self, collection: str, edits: Sequence[MemberChange], now: datetime) -> dict[int, Change]:
        changes = {}
        for edit in edits:
            member = edit.member
            if collection == TODO_TIMESTAMPS:
                before, after = member.timestamps_document, _timestamps_after(edit, now)
            elif not member.on_roster:
                continue
            else:
                before, after = member.roster_document, roster_document_of(member, now)
            if after is not None and after != before:
                changes[member.user_id] = Change(collection, before, after)
        return changes

    def amend(self, ids: Collection[int], change: Callable[[Member], MemberChange | None]) -> dict[int, Member]:
        """The members that were changed, as they were written: made anew from what they are until nobody is faster.

        `change` returns None for one that is to stay. Raise RepositoryError when others keep coming in between.
        """
        amended: dict[int, Member] = {}
        left = set(ids)
        self.put_right(left)
        for _ in range(TRIES):
            members = self.load(left).members.values()
            edits = {edit.member.user_id: edit for member in members if (edit := change(member)) is not None}
            done = self.save(list(edits.values())) if edits else frozenset()
            amended |= {user_id: edits[user_id].member for user_id in done}
            # One whose document would not change is never among those that were changed, and is done all the same.
            left = set(edits) - done - {id_ for id_, edit in edits.items() if not self._changes_anything(edit)}
            if not left:
                return amended
        raise RepositoryError(f"member {min(left)}: the document keeps changing; the next sweep tries again")

    def _changes_anything(self, edit: MemberChange) -> bool:
        now = self._clock()
        return bool(self._changed(TODO_TIMESTAMPS, [edit], now) or self._changed(ACTIVE_MEMBERS, [edit], now))

    def enter(self, events: Iterable[Event]) -> None:
        """Add events to the history that belong to no change of the timestamps."""
        self._enter([event_document(event) for event in events])

    def _enter(self, documents: Sequence[Document]) -> None:
        new = [document for document in documents if document["_id"] not in self._in_history]
        if new:
            self.store.insert_documents(TODO_EVENTS, new)
            self._in_history |= {document["_id"] for document in new}

    def remove_from_roster(self, user_id: int) -> bool:
        """Whether a member was on the roster and is taken off it; timestamps and history stay."""
        self.put_right([user_id])
        return bool(self.store.remove_documents(ACTIVE_MEMBERS, [str(user_id)]))

    def notes(self) -> SweepNotes:
        """The notes that the last sweep has left."""
        try:
            return notes_from(self.store.engine.get(TODO_STATE, [SWEEP_ID]).get(SWEEP_ID))
        except OddDocumentError as error:
            raise _odd_document(f"{TODO_STATE} {SWEEP_ID!r}", str(error)) from None

    def change_notes(self, change: Callable[[SweepNotes], SweepNotes]) -> SweepNotes:
        """The sweeps' notes, changed from what they are now. Raise RepositoryError when others keep changing them."""
        for _ in range(TRIES):
            before = self.notes()
            after = change(before)
            document = notes_document(replace(after, document=before.document))
            if before.document is not None and document == before.document:
                return after
            if self.store.engine.change([Change(TODO_STATE, before.document, document)])[0]:
                return replace(after, document=None)
        raise RepositoryError("the notes of the sweeps keep changing; the next sweep tries again")


def _is_as_before(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> bool:
    """Whether a document is the one that was read, which the JSON file gives out itself and MongoDB an equal one of."""
    return before is now or (isinstance(now, dict) and before == now)


def _odd_document(where: str, why: str) -> RepositoryError:
    return RepositoryError(f"{where}: {why}; {CORRECT}")


def _timestamps_after(edit: MemberChange, now: datetime) -> Document | None:
    """The timestamps' document with a change and its events; None where nothing changes in it."""
    before = edit.member.timestamps_document
    waiting = list((before or {}).get("events") or ())
    unchanged = timestamps_document_of(edit.member, now, waiting)
    says_nothing = set(unchanged) <= {"_id", "last_ping", "last_submit", "updated_at"} and not edit.member.last_ping
    if unchanged == before or (before is None and says_nothing and edit.member.last_submit is None):
        return None
    return timestamps_document_of(edit.member, now, [event_document(event) for event in edit.events] or waiting)


def _left_in_documents(edits: Iterable[MemberChange]) -> list[Document]:
    """The events that earlier changes have left in the documents that these write over."""
    written = [edit.member.timestamps_document for edit in edits if edit.member.timestamps_document]
    return [dict(event) for event in waiting_events(written)]
