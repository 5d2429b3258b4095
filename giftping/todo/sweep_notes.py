"""What sweeps keep for each other: when the last one began, how often they come, and when there was none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from giftping.delivery.clock import is_from_future
from giftping.store.base import Broken
from giftping.store.documents import TODO_STATE, Document
from giftping.todo.document_fields import DocumentFields, epoch_of, instant_from, set_values
from giftping.todo.periods import Period

SWEEP_ID = "sweep"

SKEW = timedelta(days=1)
"""How far in the future a time may lie before it is told that a clock was wrong."""

DOWNTIMES_KEPT = 100


@dataclass(frozen=True, slots=True)
class BrokenChannel:
    """The channel that said a lasting no, and how it stands since."""

    channel_id: int
    broken: Broken


@dataclass(frozen=True, slots=True)
class SweepNotes:
    """The notes that each sweep reads at its start and leaves for the next one."""

    last_sweep: datetime | None = None
    """When the last one began."""
    downtimes: tuple[Period, ...] = ()
    """The times in which nobody swept though somebody should have."""
    dms_stopped_until: datetime | None = None
    """When new direct messages may be opened again, since Discord has said that it was too fast."""
    told: tuple[str, ...] = ()
    """The lines of trouble that the last one told."""
    last_gap: timedelta | None = None
    """The time between the two last ones; two that several hosts began almost together are one."""
    channel: BrokenChannel | None = None
    """The channel that said a lasting no; None where none did, or it has taken a message since."""
    document: Mapping[str, Any] | None = None
    """The document that they were read from, None where there is none yet."""


def broken_in(notes: SweepNotes, channel_id: int | None) -> Broken | None:
    """How a channel stands that said a lasting no; another one than that has said nothing."""
    return notes.channel.broken if notes.channel is not None and notes.channel.channel_id == channel_id else None


def downtime_before(notes: SweepNotes, now: datetime, longest_gap: timedelta) -> Period | None:
    """The time since the last sweep where that is so long that there was none when there should have been."""
    last = notes.last_sweep
    return Period(last, now) if last is not None and now - last > longest_gap else None


def notes_without_future(notes: SweepNotes, now: datetime) -> SweepNotes:
    """The notes without what a clock that was ahead has written: nobody knows how long a downtime of its was."""
    last = notes.last_sweep
    return replace(
        notes,
        downtimes=tuple(period for period in notes.downtimes if not is_from_future(period.end, now)),
        last_sweep=now if is_from_future(last, now) else last,
    )


def patience(notes: SweepNotes, now: datetime, every: timedelta, linger: timedelta) -> timedelta:
    """How far off the next pings may be that a sweep waits for; `every` is the interval between two of one member.

    That is the linger time. But a ping takes a moment, and the interval counts from when it was delivered: where the
    timer is as slow as the interval, each ping comes a little later after it than the one before. Such a sweep waits
    longer, since the next one comes when the whole interval is over once more.
    """
    if notes.last_sweep is None or notes.last_gap is None:
        return linger
    # The shorter of two gaps: after one night with the machine off, a fast timer is not taken for a slow one.
    is_as_slow = min(notes.last_gap, now - notes.last_sweep) >= every - linger
    return max(linger, every / 4) if is_as_slow and linger else linger


def with_sweep(notes: SweepNotes, now: datetime, longest_gap: timedelta, linger: timedelta) -> SweepNotes:
    """The notes once a sweep has begun: its time, and the downtime that it ends."""
    downtime = downtime_before(notes, now, longest_gap)
    downtimes = (*notes.downtimes, *([downtime] if downtime else ()))[-DOWNTIMES_KEPT:]
    # Hosts' clocks differ, and the later time counts; but one far in the future would hide every downtime until then.
    last = max(now, notes.last_sweep) if notes.last_sweep and notes.last_sweep - now < SKEW else now
    gap = last - notes.last_sweep if notes.last_sweep and last > notes.last_sweep else timedelta(0)
    last_gap = gap if gap > linger else notes.last_gap
    return replace(notes, last_sweep=last, downtimes=downtimes, last_gap=last_gap)


def notes_from(document: Mapping[str, Any] | None) -> SweepNotes:
    """The notes of a document, empty ones where there is none yet. Raise OddDocumentError when it is odd."""
    if document is None:
        return SweepNotes()
    reader = DocumentFields(TODO_STATE, document)
    try:
        downtimes = [Period(instant_from(start), instant_from(end)) for start, end in document.get("downtimes") or ()]
        told = tuple(reader.texts("told"))
    except (TypeError, ValueError, OverflowError):
        raise reader.odd("downtimes", "a list of two times in epoch seconds each") from None
    return SweepNotes(
        last_sweep=reader.time("last_sweep"),
        downtimes=tuple(downtimes),
        dms_stopped_until=reader.time("dms_stopped_until"),
        told=told,
        last_gap=reader.seconds("last_gap"),
        channel=_channel_from(reader.table("channel")),
        document=document,
    )


def notes_document(notes: SweepNotes) -> Document:
    """The document of the notes; what is not ours in the one that they were read from stays."""
    kept = {name: value for name, value in (notes.document or {}).items() if name not in _OWN}
    return (
        kept
        | {"_id": SWEEP_ID}
        | set_values(
            last_sweep=epoch_of(notes.last_sweep),
            downtimes=[[epoch_of(period.start), epoch_of(period.end)] for period in notes.downtimes],
            dms_stopped_until=epoch_of(notes.dms_stopped_until),
            told=list(notes.told),
            last_gap=notes.last_gap.total_seconds() if notes.last_gap else None,
            channel=_channel_document(notes.channel) if notes.channel else None,
        )
    )


_OWN = frozenset({"last_sweep", "downtimes", "dms_stopped_until", "told", "last_gap", "channel"})
"""The fields that are written anew each time, or else go."""


def _channel_from(reader: DocumentFields | None) -> BrokenChannel | None:
    if reader is None:
        return None
    channel_id, since = reader.id("channel_id"), reader.time("since")
    if channel_id is None or since is None:
        raise reader.odd("channel_id" if channel_id is None else "since", "set")
    broken = Broken(
        since=since,
        reason=reader.text("reason"),
        times=reader.count("times"),
        retry_at=reader.time("retry_at"),
        status=reader.count("status") or None,
        code=reader.count("code") or None,
    )
    return BrokenChannel(channel_id, broken)


def _channel_document(channel: BrokenChannel) -> Document:
    broken = channel.broken
    return set_values(
        channel_id=str(channel.channel_id),
        since=epoch_of(broken.since),
        reason=broken.reason,
        times=broken.times,
        retry_at=epoch_of(broken.retry_at),
        status=broken.status,
        code=broken.code,
    )
