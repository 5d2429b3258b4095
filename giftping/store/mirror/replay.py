"""What becomes of a change that was made while MongoDB was away, once it is back: one rule for each collection. Pure.

Where the database's document is still as it was, the change is made; where it is as it was to be, all is done. The
rules are for what is left: both have been changed. Replaying what was replayed changes nothing, so that a replay may be
cut short anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from giftping.store.base import EntryState
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
    Document,
    game_of,
    state_of,
)
from giftping.store.engine import REV, Change, changed_document, guarded_values, still_holds
from giftping.store.fields import time_from_value
from giftping.store.mirror.queued import Queued
from giftping.store.mirror.submissions import further_submission

There = Mapping[str, Any] | None
"""A document as the database has it, in plain values; None where it has none."""

Rule = Callable[[Mapping[str, Any], Queued], There]
"""What the database is to hold, from what it holds and what was changed meanwhile; None for nothing."""

_LONG_AGO = float("-inf")


def replayed(there: There, queued: Queued, clears: Collection[Mapping[str, Any]] = ()) -> There:
    """What the database is to hold; `there` itself where that is what it holds."""
    if queued.collection == LEDGER and is_cleared(queued.after, clears):
        return there
    if _is_same(there, queued.after):
        return there
    if there is None:
        is_ours = queued.asked is not None and not queued.asked
        return queued.after if is_ours or _outlives_removal(queued) else None
    for known in filter(None, (queued.before, queued.asked)):
        change = Change(queued.collection, known, queued.after)
        if _is_as_read(there, change):
            return None if queued.after is None else _applied(there, change)
    return RULES[queued.collection](there, queued)


def _outlives_removal(queued: Queued) -> bool:
    """Whether a document that the database had and has no more is to be there again; when it went is not known."""
    if queued.before is None or queued.after is None:
        return queued.after is not None
    rule = OUTLIVES.get(queued.collection)
    return rule is not None and rule(queued.before, queued.after)


def _is_as_read(there: Mapping[str, Any], change: Change) -> bool:
    # What an older giftping wrote has no `rev` that would tell.
    tells = any(value is not None for value in guarded_values(change).values())
    return still_holds(there, change) and (tells or _is_same(there, change.before))


def _is_same(one: There, other: There) -> bool:
    if one is None or other is None:
        return one is other
    return {name: value for name, value in one.items() if name != REV} == {
        name: value for name, value in other.items() if name != REV
    }


def _applied(there: Mapping[str, Any], change: Change) -> Document:
    """The document with what the change changes in it, whatever else has been changed."""
    document = changed_document(there, change, "")
    return {name: value for name, value in document.items() if name != REV} | {
        name: there[name] for name in (REV,) if name in there
    }


# The rules


def _further(
    stages: Sequence[str], stage: Callable[[Mapping[str, Any]], str], *, removed_at_its_end: bool = False
) -> Rule:
    """The rule by which the document that came further counts; a removal does where nothing has changed.

    Where what is `removed_at_its_end` goes, it had come as far as is known here: a host that was killed between its
    copy and the database knows a delivery as done that is written there.
    """

    def rank(document: Mapping[str, Any] | None) -> int:
        found = "" if document is None else stage(document)
        return stages.index(found) if found in stages else 0

    def rule(there: Mapping[str, Any], queued: Queued) -> There:
        ours = queued.before if queued.after is None and removed_at_its_end else queued.after
        return queued.after if rank(ours) > rank(there) else there

    return rule


def _later(when: Callable[[Mapping[str, Any]], float]) -> Rule:
    """The rule by which the later one counts; a removal is of when it was made."""

    def rule(there: Mapping[str, Any], queued: Queued) -> There:
        ours = _instant(queued.at) if queued.after is None else when(queued.after)
        return queued.after if ours >= when(there) else there

    return rule


def _later_setting(there: Mapping[str, Any], queued: Queued) -> There:
    """The later setting, with what either of the two has looked at first."""
    later = _later(_updated)(there, queued)
    if later is None or queued.after is None:
        return later
    seeded = {**_table(there, "seeded"), **_table(queued.after, "seeded"), **_table(later, "seeded")}
    # What one of the two has announced since is announced.
    waits = all(one.get("announce_current") is True for one in (there, queued.after))
    kept = {name: value for name, value in later.items() if name not in ("seeded", "announce_current")}
    has_looked = "seeded" in there or "seeded" in queued.after
    return kept | ({"seeded": seeded} if has_looked else {}) | ({"announce_current": True} if waits else {})


def _joined_code(there: Mapping[str, Any], queued: Queued) -> There:
    """What both have learnt of a code: the earliest and the latest sighting, in all and by each source."""
    if queued.after is None:
        return there
    document = _applied(there, Change(CODES, queued.before, queued.after)) | _seen(there, queued.after)
    sources = dict(_table(there, "sources"))
    for name, memory in _table(queued.after, "sources").items():
        known = sources.get(name)
        if isinstance(known, Mapping) and isinstance(memory, Mapping):
            memory = {**memory, **_seen(known, memory)}
        sources[name] = memory
    return {**document, "sources": sources}


def _where_free(there: Mapping[str, Any], queued: Queued) -> There:  # noqa: ARG001 -- as all rules are called
    """What is there stays."""
    return there


RULES: Mapping[str, Rule] = {
    LEDGER: _further(("open", "seeded", "sent"), state_of),
    DELIVERIES: _further(
        ("claimed", "written", "unclear", "closed", "refused", "done"),
        lambda one: str(one.get("state")),
        removed_at_its_end=True,
    ),
    GUILDS: _later_setting,
    SUBSCRIPTIONS: _later_setting,
    ACTIVE_MEMBERS: _later(lambda one: _updated(one)),
    TODO_TIMESTAMPS: lambda there, queued: further_submission(there, queued.before, queued.after),
    TODO_STATE: _later(lambda one: _instant(one.get("last_sweep"))),
    CODES: _joined_code,
    RUNS: _later(lambda one: _instant(one.get("finished_at"))),
    HOSTS: _later(lambda one: _instant(one.get("seen_at"))),
    TODO_EVENTS: _where_free,
    CLEARS: _where_free,
}
"""For each collection what counts where a document was changed on both sides."""

OUTLIVES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], bool]] = {
    LEDGER: lambda _, after: state_of(after) == EntryState.SENT,
    # A person has changed it here; what checks note of a guild is no reason to bring it back.
    GUILDS: lambda before, after: _updated(after) > _updated(before),
    SUBSCRIPTIONS: lambda before, after: _updated(after) > _updated(before),
    TODO_TIMESTAMPS: lambda before, after: _instant(after.get("last_submit")) > _instant(before.get("last_submit")),
    TODO_STATE: lambda _, after: True,  # noqa: ARG005
    CODES: lambda _, after: True,  # noqa: ARG005
    RUNS: lambda _, after: True,  # noqa: ARG005
}
"""What is there again, by what it was and became here, though somebody has removed it from the database meanwhile."""


# Tombstones


def is_cleared(entry: There, clears: Collection[Mapping[str, Any]]) -> bool:
    """Whether a guild's entry was cleared after it was sent; what was sent after a clear stays.

    So does what was under way then, and was found to have been sent: a clear leaves it.
    """
    if entry is None or state_of(entry) != EntryState.SENT:
        return False
    sent = max(_instant(entry.get("sent_at") or entry.get("created_at")), _updated(entry))
    return any(_covers(clear, entry) and sent < _instant(clear.get("cleared_at")) for clear in clears)


def _covers(clear: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return (
        str(clear.get("guild_id")) == str(entry.get("guild_id"))
        and clear.get("game") in (None, game_of(entry))
        and clear.get("code") in (None, entry.get("code"))
    )


# Values as documents hold them


def _updated(document: Mapping[str, Any]) -> float:
    return _instant(document.get("updated_at"))


def _instant(value: object) -> float:
    """A time, written as epoch seconds or as a text, in epoch seconds; before all others where it is neither."""
    if isinstance(value, str | datetime):
        try:
            return time_from_value(value).timestamp()
        except (ValueError, OverflowError):
            return _LONG_AGO
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return float(value) if is_number else _LONG_AGO  # type: ignore[arg-type]  # a number


def _seen(there: Mapping[str, Any], ours: Mapping[str, Any]) -> Document:
    """When something was seen first and last, by two records of it."""
    seen: Document = {}
    for name, choose in (("first_seen", min), ("last_seen", max)):
        known = [one[name] for one in (there, ours) if _instant(one.get(name)) > _LONG_AGO]
        if known:
            seen[name] = choose(known, key=_instant)
    return seen


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, Mapping) else {}
