"""Members, events and the sweep's own notes as documents, and back. Pure; times are epoch seconds.

The shapes are those of the older TODO bot, with fields added: `todo_timestamps` has `last_submit`, `last_ping` (0 for
none) and `todo`; `active_members` has `added`, `name` and `user_id`; ids are texts. What was read and not understood is
kept in a document that is written again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from giftping.store.documents import ACTIVE_MEMBERS, TODO_EVENTS, TODO_TIMESTAMPS, Document
from giftping.store.fields import time_from_value, time_to_text
from giftping.todo.model import (
    Attachment,
    Lapse,
    Leg,
    LegName,
    LegState,
    Member,
    Membership,
    Notice,
    NoticeKind,
    Pause,
    Removal,
    RemovalState,
    Todo,
)
from giftping.todo.periods import Period

NOT_APPLICABLE = "N/A"
"""What the older bot stores for a list that was left empty."""

_LATEST = 1e11
"""Epoch seconds beyond every date that is meant; one in milliseconds is larger."""

_ROSTER_FIELDS = ("exempt", "time_zone", "pauses", "left_at", "seen", "dm_channel_id", "dms_closed_at")
_TIMESTAMPS_FIELDS = ("last_submit", "todo", "lapse", "notices")


class OddDocumentError(Exception):
    """A document is not what its collection holds; the text says which field, and why."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a member: the history, which is only ever added to.

    `kind` is a NoticeKind, or what was done to the roster; `by` is the host, or the user, that did it; `leg` and
    `result` are of one leg of a notice; `day` is the member's own date of a submission.
    """

    id: str
    user_id: int
    kind: str
    at: datetime
    by: str = ""
    leg: str = ""
    result: str = ""
    reason: str = ""
    day: str = ""
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class SweepNotes:
    """What sweeps keep for each other: when the last one began, and in which times there was none.

    `last_gap` is the time between the two last ones, those apart that were begun almost together by several hosts.
    `dms_stopped_until` is when new direct messages may be opened again; `told` are the troubles told by the last one.
    """

    last_sweep: datetime | None = None
    downtimes: tuple[Period, ...] = ()
    dms_stopped_until: datetime | None = None
    told: tuple[str, ...] = ()
    last_gap: timedelta | None = None
    document: Mapping[str, Any] | None = None


def user_id_of(document: Mapping[str, Any]) -> int:
    """Whose document it is. Raise OddDocumentError when its `_id` is no text of digits."""
    id_ = document.get("_id")
    user_id = _id_in(id_) if isinstance(id_, str) else None
    if user_id is None:
        raise OddDocumentError("its _id is not a Discord id written as a text")
    return user_id


@lru_cache(maxsize=4096)
def _id_in(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]{0,19}", text) and int(text) < 2**64 else None


# Members


def member_from(user_id: int, roster: Mapping[str, Any] | None, timestamps: Mapping[str, Any] | None) -> Member:
    """The member that two documents tell of; None for one that is not there.

    Raise OddDocumentError, with the collection in its text, when a field is not what it should be.
    """
    on_roster = _Reader(ACTIVE_MEMBERS, roster or {})
    stamps = _Reader(TODO_TIMESTAMPS, timestamps or {})
    last_ping = stamps.time("last_ping")
    return Member(
        user_id=user_id,
        name=on_roster.text("name"),
        on_roster=roster is not None,
        added=on_roster.time("added"),
        exempt=on_roster.flag("exempt"),
        time_zone=on_roster.zone("time_zone"),
        pauses=tuple(_pause_from(pause) for pause in on_roster.tables("pauses")),
        left_at=on_roster.time("left_at"),
        membership=_membership_from(seen) if (seen := on_roster.table("seen")) else None,
        dm_channel_id=on_roster.id("dm_channel_id"),
        dms_closed_at=on_roster.time("dms_closed_at"),
        last_submit=stamps.time("last_submit"),
        last_ping=last_ping,
        todo=_todo_from(todo) if (todo := stamps.table("todo")) else None,
        lapse=_lapse_from(lapse) if (lapse := stamps.table("lapse")) else None,
        notices=tuple(_notice_from(notice) for notice in stamps.tables("notices")),
        roster_document=roster,
        timestamps_document=timestamps,
    )


def roster_document_of(member: Member, now: datetime) -> Document:
    """The document in `active_members` that the member is to have; `updated_at` says now where it changes."""
    before = dict(member.roster_document or {})
    document = {name: value for name, value in before.items() if name not in _ROSTER_FIELDS}
    document |= {"_id": str(member.user_id), "name": member.name, "user_id": member.user_id}
    if member.added is not None and _Reader(ACTIVE_MEMBERS, before).time("added") != member.added:
        document["added"] = member.added
    document |= _set_values(
        exempt=member.exempt or None,
        time_zone=member.time_zone,
        pauses=[_pause_to(pause) for pause in member.pauses],
        left_at=_epoch(member.left_at),
        seen=_membership_to(member.membership) if member.membership else None,
        dm_channel_id=str(member.dm_channel_id) if member.dm_channel_id else None,
        dms_closed_at=_epoch(member.dms_closed_at),
    )
    return _dated(document, before, now)


def timestamps_document_of(member: Member, now: datetime, events: list[Document]) -> Document:
    """The document in `todo_timestamps` that the member is to have, with the events that lead to it.

    The events stand in the document until the history has them: the change and its record are one write.
    """
    before = dict(member.timestamps_document or {})
    known = member_from(member.user_id, None, before)
    document = {name: value for name, value in before.items() if name not in (*_TIMESTAMPS_FIELDS, "events")}
    document["_id"] = str(member.user_id)
    if known.last_ping != member.last_ping or "last_ping" not in before:
        document["last_ping"] = _epoch(member.last_ping) or 0
    document |= _set_values(
        last_submit=before.get("last_submit")
        if known.last_submit == member.last_submit
        else _epoch(member.last_submit),
        todo=before.get("todo") if known.todo == member.todo else todo_to(member.todo),
        lapse=_lapse_to(member.lapse) if member.lapse else None,
        notices=[_notice_to(notice) for notice in member.notices],
        events=events,
    )
    return _dated(document, before, now)


def _dated(document: Document, before: Mapping[str, Any], now: datetime) -> Document:
    """The document with the time of its change, unchanged when it is what it was before."""
    if document == {name: value for name, value in before.items() if name != "events"} | (
        {"events": document["events"]} if "events" in document else {}
    ):
        return document
    return document | {"updated_at": time_to_text(now)}


def _pause_from(reader: _Reader) -> Pause:
    start = reader.time("from")
    if start is None:
        raise reader.odd("from", "the time at which a pause begins")
    return Pause(reader.text("id"), start, reader.time("to"), reader.text("reason"))


def _pause_to(pause: Pause) -> Document:
    times = _set_values(to=_epoch(pause.end), reason=pause.reason)
    return {"id": pause.id, "from": _epoch(pause.start)} | times


def _membership_from(reader: _Reader) -> Membership | None:
    at = reader.time("at")
    if at is None:
        return None
    return Membership(at, reader.flag("in_guild"), reader.flag("is_bot"), reader.flag("has_role"))


def _membership_to(membership: Membership) -> Document:
    return {
        "at": _epoch(membership.at),
        "in_guild": membership.in_guild,
        "is_bot": membership.is_bot,
        "has_role": membership.has_role,
    }


def _todo_from(reader: _Reader) -> Todo:
    lists = {name: reader.text(name) for name in ("must_do", "can_do", "dont_do")}
    file = reader.table("attachment")
    return Todo(
        name=reader.text("name") or reader.text("feature_name"),
        date=reader.text("date"),
        **{name: "" if text == NOT_APPLICABLE else text for name, text in lists.items()},
        id=reader.text("submission_id"),
        submitted_at=reader.time("submitted_at"),
        submitted_by=reader.id("submitted_by_id"),
        attachment=_attachment_from(file) if file else None,
    )


def _attachment_from(reader: _Reader) -> Attachment:
    kind = reader.text("content_type") or ("image/*" if reader.text("file_type") == "image" else "")
    return Attachment(reader.text("filename"), kind, reader.count("size"), reader.text("url"))


def todo_to(todo: Todo | None) -> Document | None:
    """The `todo` of a timestamps document: every list is there, as the older bot's readers expect."""
    if todo is None:
        return None
    file = todo.attachment
    return {
        "name": todo.name,
        "date": todo.date,
        "must_do": todo.must_do or NOT_APPLICABLE,
        "can_do": todo.can_do or NOT_APPLICABLE,
        "dont_do": todo.dont_do or NOT_APPLICABLE,
    } | _set_values(
        submission_id=todo.id,
        submitted_at=time_to_text(todo.submitted_at) if todo.submitted_at else None,
        submitted_by_id=todo.submitted_by,
        attachment=file
        and _set_values(
            filename=file.filename,
            file_type="image" if file.is_image else "document",
            content_type=file.content_type,
            size=file.size,
            url=file.url,
        ),
    )


def _lapse_from(reader: _Reader) -> Lapse | None:
    since = reader.time("since")
    if since is None:
        return None
    removal = reader.table("removal")
    return Lapse(since, reader.time("warned_at"), _removal_from(removal) if removal else None)


def _removal_from(reader: _Reader) -> Removal:
    at = reader.time("at")
    if at is None:
        raise reader.odd("at", "the time of a removal")
    return Removal(reader.one_of("state", RemovalState), at, reader.text("by"))


def _lapse_to(lapse: Lapse) -> Document:
    removal = lapse.removal
    return {"since": _epoch(lapse.since)} | _set_values(
        warned_at=_epoch(lapse.warned_at),
        removal=removal and {"state": removal.state.value, "at": _epoch(removal.at), "by": removal.by},
    )


def _notice_from(reader: _Reader) -> Notice:
    made_at = reader.time("made_at")
    if made_at is None:
        raise reader.odd("made_at", "the time at which a notice was made")
    legs = {name.value: _leg_from(leg) if (leg := reader.table(name.value)) else Leg() for name in LegName}
    return Notice(
        id=reader.text("id"),
        kind=reader.one_of("kind", NoticeKind),
        made_at=made_at,
        ping_before=reader.time("ping_before"),
        todo=_todo_from(todo) if (todo := reader.table("todo")) else None,
        **legs,
    )


def _notice_to(notice: Notice) -> Document:
    return {
        "id": notice.id,
        "kind": notice.kind.value,
        "made_at": _epoch(notice.made_at),
        "channel": _leg_to(notice.channel),
        "dm": _leg_to(notice.dm),
    } | _set_values(ping_before=_epoch(notice.ping_before), todo=todo_to(notice.todo))


def _leg_from(reader: _Reader) -> Leg:
    return Leg(
        state=reader.one_of("state", LegState),
        at=reader.time("at"),
        by=reader.text("by"),
        reason=reader.text("reason"),
        message_id=reader.id("message_id"),
        channel_id=reader.id("channel_id"),
    )


def _leg_to(leg: Leg) -> Document:
    return {"state": leg.state.value} | _set_values(
        at=_epoch(leg.at),
        by=leg.by,
        reason=leg.reason,
        message_id=str(leg.message_id) if leg.message_id else None,
        channel_id=str(leg.channel_id) if leg.channel_id else None,
    )


# Events and the sweep's notes


def event_to(event: Event) -> Document:
    """The document of an event."""
    return {"_id": event.id, "user_id": str(event.user_id), "kind": event.kind, "at": _epoch(event.at)} | _set_values(
        by=event.by,
        leg=event.leg,
        result=event.result,
        reason=event.reason,
        day=event.day,
        message_id=str(event.message_id) if event.message_id else None,
    )


def event_from(document: Mapping[str, Any]) -> Event:
    """The event of a document. Raise OddDocumentError when it is none."""
    reader = _Reader(TODO_EVENTS, document)
    user_id, at = reader.id("user_id"), reader.time("at")
    if user_id is None or at is None:
        raise reader.odd("user_id" if user_id is None else "at", "whose event it is, and of when")
    return Event(
        id=reader.text("_id"),
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


SWEEP_ID = "sweep"


def notes_from(document: Mapping[str, Any] | None) -> SweepNotes:
    """Return what sweeps have kept; nothing where there is no document yet. Raise OddDocumentError when it is odd."""
    if document is None:
        return SweepNotes()
    reader = _Reader("todo_state", document)
    try:
        spans = [Period(_instant(start), _instant(end)) for start, end in document.get("downtimes", ())]
        told = tuple(str(text) for text in document.get("told", ()))
    except (TypeError, ValueError, OverflowError):
        raise reader.odd("downtimes", "a list of two times in epoch seconds each") from None
    return SweepNotes(
        last_sweep=reader.time("last_sweep"),
        downtimes=tuple(spans),
        dms_stopped_until=reader.time("dms_stopped_until"),
        told=told,
        last_gap=reader.seconds("last_gap"),
        document=document,
    )


def notes_to(notes: SweepNotes) -> Document:
    """The document of what sweeps keep."""
    return {"_id": SWEEP_ID} | _set_values(
        last_sweep=_epoch(notes.last_sweep),
        downtimes=[[_epoch(span.start), _epoch(span.end)] for span in notes.downtimes],
        dms_stopped_until=_epoch(notes.dms_stopped_until),
        told=list(notes.told),
        last_gap=notes.last_gap.total_seconds() if notes.last_gap else None,
    )


# Values


class _Reader:
    """A document's fields by type; what is missing is None or empty. Raise OddDocumentError for another type."""

    def __init__(self, collection: str, document: Mapping[str, Any]) -> None:
        self._collection = collection
        self._document = document

    def text(self, name: str) -> str:
        value = self._document.get(name)
        if value is None:
            return ""
        if not isinstance(value, str | int | float):
            raise self.odd(name, "a text")
        return str(value)

    def zone(self, name: str) -> str:
        value = self.text(name)
        try:
            return ZoneInfo(value).key if value else ""
        except (ValueError, KeyError, OSError):
            raise self.odd(name, "the name of a time zone") from None

    def flag(self, name: str) -> bool:
        return self._document.get(name) is True

    def count(self, name: str) -> int:
        value = self._document.get(name)
        return value if isinstance(value, int) else 0

    def id(self, name: str) -> int | None:
        value = self._document.get(name)
        if value is None or value == "":
            return None
        try:
            return int(value)
        except (TypeError, ValueError):
            raise self.odd(name, "a Discord id") from None

    def time(self, name: str) -> datetime | None:
        """An instant given in epoch seconds, as a date, or as ISO text; 0 is none."""
        value = self._document.get(name)
        if value is None or value == 0:
            return None
        try:
            if isinstance(value, str | datetime):
                return time_from_value(value)
            return _instant(value)
        except (TypeError, ValueError, OverflowError):
            raise self.odd(name, "a time in epoch seconds") from None

    def seconds(self, name: str) -> timedelta | None:
        value = self._document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _LATEST:
            raise self.odd(name, "a number of seconds")
        return timedelta(seconds=value)

    def table(self, name: str) -> _Reader | None:
        value = self._document.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise self.odd(name, "an object")
        return _Reader(self._collection, value)

    def tables(self, name: str) -> list[_Reader]:
        values = self._document.get(name) or []
        if not isinstance(values, list | tuple) or not all(isinstance(value, Mapping) for value in values):
            raise self.odd(name, "a list of objects")
        return [_Reader(self._collection, value) for value in values]

    def one_of(self, name: str, kinds: Any) -> Any:
        try:
            return kinds(self._document.get(name))
        except ValueError:
            raise self.odd(name, f"one of {', '.join(kinds)}") from None

    def odd(self, name: str, wanted: str) -> OddDocumentError:
        return OddDocumentError(f"{self._collection}: {name} is {self._document.get(name)!r}, not {wanted}")


def _instant(value: object) -> datetime:
    """The instant of a number of epoch seconds. Raise ValueError or TypeError for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"not a number: {value!r}")
    if not math.isfinite(value) or not 0 < value < _LATEST:
        raise ValueError(f"not epoch seconds: {value!r}")
    return datetime.fromtimestamp(value, UTC)


def _epoch(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _set_values(**values: Any) -> Document:
    """The values that are set: not None, and not empty."""
    return {name: value for name, value in values.items() if value is not None and value not in ("", [], {})}
