"""The history of the members, which is only ever added to: its events, and their documents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from giftping.store.documents import TODO_EVENTS, Document
from giftping.store.fields import is_text
from giftping.todo.document_fields import DocumentFields, epoch_of, set_values


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a member."""

    id: str
    """Made from what it tells of where that can be: a change that is made anew then enters it once."""
    user_id: int
    kind: str
    """A NoticeKind, or what was done to the roster."""
    at: datetime
    by: str = ""
    """The host, or the user, that did it."""
    leg: str = ""
    """The leg of a notice that `result` is of; empty where it is of no leg."""
    result: str = ""
    reason: str = ""
    day: str = ""
    """The member's own date of a submission."""
    message_id: int | None = None


def event_document(event: Event) -> Document:
    """The document of an event."""
    return {"_id": event.id, "user_id": str(event.user_id), "kind": event.kind, "at": epoch_of(event.at)} | set_values(
        by=event.by,
        leg=event.leg,
        result=event.result,
        reason=event.reason,
        day=event.day,
        message_id=str(event.message_id) if event.message_id else None,
    )


def event_from(document: Mapping[str, Any]) -> Event:
    """The event of a document. Raise OddDocumentError when it is none."""
    reader = DocumentFields(TODO_EVENTS, document)
    user_id, at = reader.id("user_id"), reader.time("at")
    if user_id is None or at is None:
        raise reader.odd("user_id" if user_id is None else "at", "whose event it is, and of when")
    return Event(
        id=reader.required_text("_id"),
        user_id=user_id,
        kind=reader.text("kind"),
        at=at,
        by=reader.text("by"),
        leg=reader.text("leg"),
        result=reader.text("result"),
        reason=reader.text("reason"),
        day=reader.text("day"),
        message_id=reader.id("message_id"),
    )


def waiting_events(documents: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The events that are written into documents of the timestamps, and may not be in the history yet."""
    for document in documents:
        events = document.get("events")
        for event in events if isinstance(events, list | tuple) else ():
            if isinstance(event, Mapping) and is_text(event.get("_id")):
                yield event
