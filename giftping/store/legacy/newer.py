"""What members did at the older bot since they were taken over: a newer TODO, a newer ping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from giftping.store.base import StoreError
from giftping.store.documents import NEVER_SUBMITTED, TODO_TIMESTAMPS, Document
from giftping.store.engine import TRIES, Change
from giftping.store.fields import time_from_value, time_to_text
from giftping.store.legacy.shapes import Reported
from giftping.store.mirror.changes import known
from giftping.store.mirror.replay import later_submission
from giftping.store.records import Store

CLOCKS_APART = timedelta(days=1)
"""How far ahead of this host's clock a time may lie: one further ahead is a wrong clock's, and no newer one."""


class UnreadableTimeError(Exception):
    """A time of a document is none; the text names the field and the value."""


def bring_up_to_date(
    store: Store,
    documents: Sequence[Document],
    now: datetime,
    keep: Callable[[], None] | None,
    reported: list[Reported],
) -> int:
    """How many members of the store did something at the older bot since, by its documents; that is theirs now.

    `keep` puts aside what is there, before the first change; with None nothing is changed. What cannot be told is
    `reported`. Raise StoreError where others keep changing a member.
    """
    newer: set[str] = set()
    left = list(documents)
    for _ in range(TRIES):
        there = store.engine.get(TODO_TIMESTAMPS, {document["_id"] for document in left}) if left else {}
        changes, odd = _changes(there, left, now)
        if not changes or keep is None:
            reported += odd
            return len(newer | changes.keys())
        keep()
        made = store.made(list(changes.values()))
        newer |= made
        # Whoever has just handed in here is looked at once more.
        left = [document for document in left if document["_id"] not in made]
    raise StoreError(f"{TODO_TIMESTAMPS} {left[0]['_id']!r} keeps changing; run giftping migrate again")


def _changes(
    there: Mapping[str, Mapping[str, Any]], documents: Sequence[Document], now: datetime
) -> tuple[dict[str, Change], list[Reported]]:
    changes: dict[str, Change] = {}
    odd: list[Reported] = []
    for document in documents:
        id_ = document["_id"]
        before = there.get(id_)
        if before is None:
            continue
        known = changes[id_].after if id_ in changes else before
        try:
            after = with_newer(known or before, document, now)
        except UnreadableTimeError as error:
            odd.append(Reported(TODO_TIMESTAMPS, repr(id_), f"{error}; left as it is"))
            continue
        if after is not known:
            changes[id_] = Change(TODO_TIMESTAMPS, before, after)
    return changes, odd


def with_newer(there: Mapping[str, Any], old: Mapping[str, Any], now: datetime) -> Mapping[str, Any]:
    """The member's document with what the older bot's knows later; `there` itself where it knows nothing later.

    The later TODO counts, and of one TODO the later ping. What giftping alone knows stays: a role that it has taken and
    not given back, news that are yet to be told. Raise UnreadableTimeError where that cannot be told.
    """
    latest = (now + CLOCKS_APART).timestamp()
    submitted, pinged = _seconds(there, "last_submit"), _seconds(there, "last_ping")
    old_submitted, old_pinged = _seconds(old, "last_submit"), _seconds(old, "last_ping")
    for name, at in (("last_submit", old_submitted), ("last_ping", old_pinged)):
        if at > latest:
            raise UnreadableTimeError(f"{name}: {old[name]!r} lies in the future")
    if old_submitted > submitted:
        joined = later_submission(there, known(TODO_TIMESTAMPS, old))
        return {**(joined or {}), "updated_at": time_to_text(now)}
    if old_pinged > max(pinged, submitted):
        return {**there, "last_ping": old["last_ping"], "updated_at": time_to_text(now)}
    return there


def _seconds(document: Mapping[str, Any], name: str) -> float:
    """A time of a document in epoch seconds, 0 for none."""
    value = document.get(name)
    if value is None or value in (0, NEVER_SUBMITTED):
        return 0
    try:
        if isinstance(value, str | datetime):
            return time_from_value(value).timestamp()
        if isinstance(value, int | float) and not isinstance(value, bool):
            datetime.fromtimestamp(value)  # noqa: DTZ006 -- only whether there is such a time
            return float(value)
    except (TypeError, ValueError, OverflowError, OSError):
        pass
    raise UnreadableTimeError(f"{name}: {value!r} is not a time")
