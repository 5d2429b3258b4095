"""A member as two documents, in the shapes of the older TODO bot with fields added, and back. Pure.

`todo_timestamps` has `last_submit`, `last_ping` (0 for none) and `todo`; `active_members` has `added`, `name` and
`user_id`; ids are texts, times epoch seconds. What was read and not understood is kept in a document that is written
again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from giftping.store.documents import ACTIVE_MEMBERS, NEVER_SUBMITTED, TODO_TIMESTAMPS, Document, done_lapse
from giftping.store.fields import time_to_text
from giftping.text import id_or_none
from giftping.todo.document_fields import DocumentFields, OddDocumentError, epoch_of, set_values
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

NOT_APPLICABLE = "N/A"
"""What the older bot stores for a list that was left empty."""

_ROSTER_FIELDS = (
    "exempt",
    "time_zone",
    "pauses",
    "left_at",
    "seen",
    "dm_channel_id",
    "dms_closed_at",
    "found",
    "clock_from",
)
_LOOKED_UP = ("name", "left_at", "seen", "dm_channel_id", "dms_closed_at", "found", "clock_from")
"""What sweeps find out of a member: no change that somebody made, which would count as the later one of two."""
_TIMESTAMPS_FIELDS = ("last_submit", "todo", "lapse", "notices", "done")

_DONE_KEPT = 30
"""How many of the notices and lapses that are done with a document remembers, for whoever meets an older copy of it."""


def user_id_of(document: Mapping[str, Any]) -> int:
    """Whose document it is. Raise OddDocumentError when its `_id` is no text of digits."""
    id_ = document.get("_id")
    user_id = id_or_none(id_) if isinstance(id_, str) else None
    if user_id is None:
        raise OddDocumentError("its _id is not a Discord id written as a text")
    return user_id


def member_from(user_id: int, roster: Mapping[str, Any] | None, timestamps: Mapping[str, Any] | None) -> Member:
    """The member that two documents tell of; None for one that is not there.

    Raise OddDocumentError, with the collection in its text, when a field is not what it should be.
    """
    on_roster = DocumentFields(ACTIVE_MEMBERS, roster or {})
    stamps = DocumentFields(TODO_TIMESTAMPS, timestamps or {})
    # Nothing is made of these here, but what cannot be read is not written over.
    if on_roster.id("user_id") not in (None, user_id):
        raise on_roster.odd("user_id", "that of its _id")
    on_roster.time("updated_at")
    stamps.time("updated_at")
    stamps.texts("done")
    for event in stamps.tables("events"):
        event.required_text("_id")
    return Member(
        user_id=user_id,
        name=on_roster.text("name"),
        on_roster=roster is not None,
        added=on_roster.time("added"),
        # Whatever giftping puts on the roster it dates; the older bot knew of no such date.
        is_found=roster is not None and (on_roster.flag("found") or "updated_at" not in roster),
        clock_from=on_roster.time("clock_from"),
        exempt=on_roster.flag("exempt"),
        time_zone=on_roster.zone("time_zone"),
        pauses=tuple(_pause_from(pause) for pause in on_roster.tables("pauses")),
        left_at=on_roster.time("left_at"),
        membership=_membership_from(seen) if (seen := on_roster.table("seen")) else None,
        dm_channel_id=on_roster.id("dm_channel_id"),
        dms_closed_at=on_roster.time("dms_closed_at"),
        last_submit=stamps.time("last_submit"),
        last_ping=stamps.time("last_ping"),
        todo=_todo_from(todo) if (todo := stamps.table("todo")) else None,
        lapse=_lapse_from(lapse) if (lapse := stamps.table("lapse")) else None,
        notices=tuple(_notice_from(notice) for notice in stamps.tables("notices")),
        roster_document=roster,
        timestamps_document=timestamps,
    )


def roster_document_of(member: Member, now: datetime) -> Document:
    """The document in `active_members` that the member is to have.

    `updated_at` says now where somebody changes it, and not where a sweep has looked the member up.
    """
    before = dict(member.roster_document or {})
    document = {name: value for name, value in before.items() if name not in _ROSTER_FIELDS}
    document |= {"_id": str(member.user_id), "name": member.name, "user_id": member.user_id}
    if member.added is not None and DocumentFields(ACTIVE_MEMBERS, before).time("added") != member.added:
        document["added"] = member.added
    document |= set_values(
        exempt=member.exempt or None,
        time_zone=member.time_zone,
        pauses=[_pause_object(pause) for pause in member.pauses],
        left_at=epoch_of(member.left_at),
        seen=_membership_object(member.membership) if member.membership else None,
        dm_channel_id=str(member.dm_channel_id) if member.dm_channel_id else None,
        dms_closed_at=epoch_of(member.dms_closed_at),
        clock_from=epoch_of(member.clock_from),
    )
    waits = member.is_found and member.silent_since is None
    by_somebody, known = ({name: one[name] for name in one if name not in _LOOKED_UP} for one in (document, before))
    if before and by_somebody == known:
        return document | ({"found": True} if before.get("found") is True and waits else {})
    # Once it is dated, nothing else tells that an older bot has put them there.
    return _dated(document | ({"found": True} if waits else {}), before, now)


def timestamps_document_of(member: Member, now: datetime, events: list[Document]) -> Document:
    """The document in `todo_timestamps` that the member is to have, with the events that lead to it.

    The events stand in the document until the history has them: the change and its record are one write.
    """
    before = dict(member.timestamps_document or {})
    # What was read, to see what changed: the two may look different in the document, such as an ISO text and a number.
    known = member_from(member.user_id, None, before)
    document = {name: value for name, value in before.items() if name not in (*_TIMESTAMPS_FIELDS, "events")}
    document["_id"] = str(member.user_id)
    # Written anew only where it changed: what an older bot wrote as whole seconds, or as a date, stays as it is.
    if known.last_ping != member.last_ping or "last_ping" not in before:
        document["last_ping"] = epoch_of(member.last_ping) or 0
    document |= set_values(
        last_submit=_last_submit(before, known, member),
        todo=before.get("todo") if known.todo == member.todo else todo_document(member.todo),
        lapse=_lapse_object(member.lapse) if member.lapse else None,
        notices=[_notice_object(notice) for notice in member.notices],
        done=_done(before, known, member),
        events=events,
    )
    return _dated(document, before, now)


def lacks_submission(member: Member) -> bool:
    """Whether a document of a member's says nothing of a last TODO, as an older release has left it."""
    document = member.timestamps_document
    return document is not None and member.last_submit is None and document.get("last_submit") != NEVER_SUBMITTED


def _last_submit(before: Mapping[str, Any], known: Member, member: Member) -> Any:
    """When the last TODO came, as it stands in the document; for whoever has handed in none a time far ahead."""
    if member.last_submit is None:
        return NEVER_SUBMITTED
    return before.get("last_submit") if known.last_submit == member.last_submit else epoch_of(member.last_submit)


def _done(before: Mapping[str, Any], known: Member, member: Member) -> list[str]:
    """The notices and lapses that are done with, the last of them: an older copy of the document has them open."""
    kept = before.get("done")
    kept = kept if isinstance(kept, list | tuple) else ()
    there = {notice.id for notice in member.notices}
    ended = [notice.id for notice in known.notices if notice.id not in there]
    if known.lapse and (member.lapse is None or member.lapse.since != known.lapse.since):
        ended.append(done_lapse(_lapse_object(known.lapse)))
    return [*(one for one in kept if one not in ended), *ended][-_DONE_KEPT:]


def _dated(document: Document, before: Mapping[str, Any], now: datetime) -> Document:
    """The document with the time of its change, unchanged when it is what it was before."""
    # That events wait for the history, or have gone there, is no change of the member.
    if document == {name: value for name, value in before.items() if name != "events"} | (
        {"events": document["events"]} if "events" in document else {}
    ):
        return document
    return document | {"updated_at": time_to_text(now)}


def _pause_from(reader: DocumentFields) -> Pause:
    start = reader.time("from")
    if start is None:
        raise reader.odd("from", "the time at which a pause begins")
    return Pause(reader.text("id"), start, reader.time("to"), reader.text("reason"))


def _pause_object(pause: Pause) -> Document:
    times = set_values(to=epoch_of(pause.end), reason=pause.reason)
    return {"id": pause.id, "from": epoch_of(pause.start)} | times


def _membership_from(reader: DocumentFields) -> Membership | None:
    at = reader.time("at")
    if at is None:
        return None
    return Membership(at, reader.flag("in_guild"), reader.flag("is_bot"), reader.flag("has_role"))


def _membership_object(membership: Membership) -> Document:
    return {
        "at": epoch_of(membership.at),
        "in_guild": membership.in_guild,
        "is_bot": membership.is_bot,
        "has_role": membership.has_role,
    }


def _todo_from(reader: DocumentFields) -> Todo:
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


def _attachment_from(reader: DocumentFields) -> Attachment:
    # Where the older bot noted no type, it noted at least whether it was an image.
    kind = reader.text("content_type") or ("image/*" if reader.text("file_type") == "image" else "")
    return Attachment(reader.text("filename"), kind, reader.count("size"), reader.text("url"))


def todo_document(todo: Todo | None) -> Document | None:
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
    } | set_values(
        submission_id=todo.id,
        submitted_at=time_to_text(todo.submitted_at) if todo.submitted_at else None,
        submitted_by_id=todo.submitted_by,
        attachment=file
        and set_values(
            filename=file.filename,
            file_type="image" if file.is_image else "document",
            content_type=file.content_type,
            size=file.size,
            url=file.url,
        ),
    )


def _lapse_from(reader: DocumentFields) -> Lapse | None:
    since = reader.time("since")
    if since is None:
        return None
    removal = reader.table("removal")
    return Lapse(since, reader.time("warned_at"), _removal_from(removal) if removal else None)


def _removal_from(reader: DocumentFields) -> Removal:
    at = reader.time("at")
    if at is None:
        raise reader.odd("at", "the time of a removal")
    return Removal(reader.one_of("state", RemovalState), at, reader.text("by"), reader.text("delivery"))


def _lapse_object(lapse: Lapse) -> Document:
    removal = lapse.removal
    return {"since": epoch_of(lapse.since)} | set_values(
        warned_at=epoch_of(lapse.warned_at),
        removal=removal
        and {"state": removal.state.value, "at": epoch_of(removal.at), "by": removal.by}
        | set_values(delivery=removal.delivery),
    )


def _notice_from(reader: DocumentFields) -> Notice:
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


def _notice_object(notice: Notice) -> Document:
    return {
        "id": notice.id,
        "kind": notice.kind.value,
        "made_at": epoch_of(notice.made_at),
        "channel": _leg_object(notice.channel),
        "dm": _leg_object(notice.dm),
    } | set_values(ping_before=epoch_of(notice.ping_before), todo=todo_document(notice.todo))


def _leg_from(reader: DocumentFields) -> Leg:
    return Leg(
        state=reader.one_of("state", LegState),
        at=reader.time("at"),
        by=reader.text("by"),
        reason=reader.text("reason"),
        message_id=reader.id("message_id"),
        channel_id=reader.id("channel_id"),
        delivery=reader.text("delivery"),
        noes=reader.count("noes"),
        retry_at=reader.time("retry_at"),
    )


def _leg_object(leg: Leg) -> Document:
    return {"state": leg.state.value} | set_values(
        at=epoch_of(leg.at),
        by=leg.by,
        reason=leg.reason,
        message_id=str(leg.message_id) if leg.message_id else None,
        channel_id=str(leg.channel_id) if leg.channel_id else None,
        delivery=leg.delivery,
        noes=leg.noes or None,
        retry_at=epoch_of(leg.retry_at),
    )
