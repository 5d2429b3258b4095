"""What becomes of a change that was made while MongoDB was away, once it is back: one rule for each collection. Pure.

Where the database's document is still as it was, the change is made; where it is as it was to be, all is done. The
rules are for what is left: both have been changed. Replaying what was replayed changes nothing, so that a replay may be
cut short anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from giftping.store.base import EntryState
from giftping.store.code_documents import joined_doubts
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    NEVER_SUBMITTED,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
    Document,
    done_lapse,
    game_of,
    set_values,
    state_of,
)
from giftping.store.engine import REV, Change, changed_document, guarded_values, still_holds
from giftping.store.fields import DocumentError, epoch_seconds, is_text, list_in, table_in, tables_in
from giftping.store.mirror.changes import Queued

There = Mapping[str, Any] | None
"""A document as the database has it, in plain values; None where it has none."""

Rule = Callable[[Mapping[str, Any], Queued], There]
"""What the database is to hold, from what it holds and what was changed meanwhile; None for nothing."""

_LONG_AGO = float("-inf")

_PINGS = ("reminder", "warning")
"""The notices that ask for a TODO: a member has one of them at most, and whoever has handed in none."""

_LEGS = ("channel", "dm")
_FURTHEST_LAST = ("open", "claimed", "uncertain", "closed", "sent")


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
    mirror and the database knows a delivery as done that is written there.
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
    seeded = {**table_in(there, "seeded"), **table_in(queued.after, "seeded"), **table_in(later, "seeded")}
    # What one of the two has announced since is announced.
    waits = all(one.get("announce_current") is True for one in (there, queued.after))
    kept = {name: value for name, value in later.items() if name not in ("seeded", "announce_current")}
    # A post that one of the two has opened is kept up, as long as the game goes there.
    if not kept.get("kept_post"):
        posts = (one.get("kept_post") for one in (queued.after, there) if _updated(one) == _updated(later))
        kept |= set_values(kept_post=next(filter(None, posts), None))
    has_looked = "seeded" in there or "seeded" in queued.after
    return kept | ({"seeded": seeded} if has_looked else {}) | ({"announce_current": True} if waits else {})


def _joined_code(there: Mapping[str, Any], queued: Queued) -> There:
    """What both have learnt of a code: sightings, in all and by each source, doubts and rounds."""
    if queued.after is None:
        return there
    document = _applied(there, Change(CODES, queued.before, queued.after)) | _seen(there, queued.after)
    sources = dict(table_in(there, "sources"))
    for name, memory in table_in(queued.after, "sources").items():
        known = sources.get(name)
        if isinstance(known, Mapping) and isinstance(memory, Mapping):
            memory = {**memory, **_seen(known, memory)}
        sources[name] = memory
    joined = {**document, "sources": sources, **_doubts(there, queued.after)}
    # What the messages of both show has to be looked up.
    return {name: value for name, value in joined.items() if name != "shown"}


def _doubts(there: Mapping[str, Any], ours: Mapping[str, Any]) -> Document:
    try:
        return joined_doubts(there, ours)
    except DocumentError:
        # One that cannot be read stays as it is, and is told of by whoever reads it.
        return {}


def later_submission(there: Mapping[str, Any], queued: Queued) -> There:
    """The state with the later submission, or of one submission the later ping; what was sent or taken stays so."""
    if queued.after is None:
        return there
    later, other = sorted((queued.after, there), key=_last_heard, reverse=True)
    done = list(dict.fromkeys(one for each in (other, later) for one in list_in(each, "done") if is_text(one)))
    joined = {
        "done": done,
        "lapse": _lapse(later, other, {*done}),
        "notices": _notices(later, other, done),
        # The history takes in each of them once.
        "events": [*tables_in(later, "events"), *_besides(later, other, "events", "_id")],
    }
    kept = {name: value for name, value in later.items() if name not in joined}
    return kept | {name: value for name, value in joined.items() if value}


def _last_heard(document: Mapping[str, Any]) -> tuple[float, float]:
    return max(0, _submitted(document)), max(0, _instant(document.get("last_ping")))


def _lapse(later: Mapping[str, Any], other: Mapping[str, Any], done: Collection[str]) -> Mapping[str, Any] | None:
    """The lapse of the later state, but never without a role that was taken, and that nobody has given back."""
    # Whoever ended one without knowing that the role was taken has not given it back.
    ours, theirs = (
        lapse if lapse and not {done_lapse(lapse), done_lapse({**lapse, "removal": True})} & {*done} else None
        for lapse in (table_in(later, "lapse"), table_in(other, "lapse"))
    )
    if theirs is None or not theirs.get("removal") or (ours and ours.get("removal")):
        return ours
    return {**theirs, **ours} if ours and ours.get("since") == theirs.get("since") else theirs


def _notices(later: Mapping[str, Any], other: Mapping[str, Any], done: Collection[str]) -> list[Any]:
    """What the later state has to tell, each leg as far as either came with it, and what of the other is no ping."""
    known = {_id_in(one, "id"): one for one in tables_in(other, "notices")}
    ours = [_further_notice(one, known.get(_id_in(one, "id"), {})) for one in tables_in(later, "notices")]
    theirs = [one for one in _besides(later, other, "notices", "id") if one.get("kind") not in _PINGS]
    return [one for one in (*ours, *theirs) if one.get("id") not in done]


def _further_notice(notice: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    def came(one: Mapping[str, Any], leg: str) -> int:
        state = table_in(one, leg).get("state")
        return _FURTHEST_LAST.index(state) if state in _FURTHEST_LAST else -1

    return {**notice, **{leg: other[leg] for leg in _LEGS if leg in other and came(other, leg) > came(notice, leg)}}


def _where_free(there: Mapping[str, Any], queued: Queued) -> There:  # noqa: ARG001 -- as all rules are called
    """What is there stays."""
    return there


_FURTHER_ENTRY = _further(("open", "seeded", "sent"), state_of)


def _further_entry(there: Mapping[str, Any], queued: Queued) -> There:
    """The entry that came further, with what its message was made to show last."""
    kept, ours = _FURTHER_ENTRY(there, queued), queued.after
    if kept is None or ours is None or ours.get("message_id") != there.get("message_id"):
        return kept
    last = max((kept, there, ours), key=lambda one: _instant(one.get("edited_at")))
    return (
        kept
        if last is kept
        else {
            **kept,
            **{
                name: last[name]
                for name in ("shown", "spelling", "edited_at", "edited_by", "updated_at")
                if name in last
            },
        }
    )


RULES: Mapping[str, Rule] = {
    LEDGER: _further_entry,
    DELIVERIES: _further(
        ("claimed", "written", "unclear", "closed", "refused", "missed", "done"),
        lambda one: str(one.get("state")),
        removed_at_its_end=True,
    ),
    GUILDS: _later_setting,
    SUBSCRIPTIONS: _later_setting,
    ACTIVE_MEMBERS: _later(lambda one: _updated(one)),
    TODO_TIMESTAMPS: later_submission,
    TODO_STATE: _later(lambda one: max(_instant(one.get("last_sweep")), _instant(one.get("forgotten_at")))),
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
    TODO_TIMESTAMPS: lambda before, after: _submitted(after) > _submitted(before),
    TODO_STATE: lambda _, after: True,  # noqa: ARG005
    CODES: lambda _, after: True,  # noqa: ARG005
    RUNS: lambda _, after: True,  # noqa: ARG005
}
"""What is there again, by what it was and became here, though somebody has removed it from the database meanwhile."""


# Tombstones


def is_cleared(entry: There, clears: Collection[Mapping[str, Any]]) -> bool:
    """Whether a guild's entry was cleared after it was sent, or seeded; what was recorded after a clear stays.

    So does what was under way then, and was found to have been sent: a clear leaves it.
    """
    if entry is None or state_of(entry) == EntryState.OPEN:
        return False
    sent = max(_instant(entry.get("sent_at") or entry.get("created_at")), _updated(entry))
    # One that does not say when may have been sent since.
    return sent > _LONG_AGO and any(
        _covers(clear, entry) and sent < _instant(clear.get("before") or clear.get("cleared_at")) for clear in clears
    )


def _covers(clear: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    return (
        str(clear.get("guild_id")) == str(entry.get("guild_id"))
        and clear.get("game") in (None, game_of(entry))
        and clear.get("code") in (None, entry.get("code"))
    )


# Values as documents hold them


def _submitted(document: Mapping[str, Any]) -> float:
    at = _instant(document.get("last_submit"))
    return _LONG_AGO if at == NEVER_SUBMITTED else at


def _updated(document: Mapping[str, Any]) -> float:
    return _instant(document.get("updated_at"))


def _instant(value: object) -> float:
    """A time in epoch seconds; before all others where it is none."""
    return epoch_seconds(value, _LONG_AGO)


def _seen(there: Mapping[str, Any], ours: Mapping[str, Any]) -> Document:
    """When something was seen first and last, by two records of it."""
    seen: Document = {}
    for name, choose in (("first_seen", min), ("last_seen", max)):
        known = [one[name] for one in (there, ours) if _instant(one.get(name)) > _LONG_AGO]
        if known:
            seen[name] = choose(known, key=_instant)
    return seen


def _besides(document: Mapping[str, Any], other: Mapping[str, Any], name: str, key: str) -> list[Mapping[str, Any]]:
    """The objects in a list of the other document that are not in the one's."""
    there = {_id_in(one, key) for one in tables_in(document, name)}
    return [one for one in tables_in(other, name) if _id_in(one, key) not in there]


def _id_in(one: Mapping[str, Any], key: str) -> str:
    """By what an object in a list is known; a text of it where it is none."""
    return str(one.get(key))
