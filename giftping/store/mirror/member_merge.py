"""Two states of one document of the TODO part made one: ours from the mirror, theirs from the shared store. Pure.

Where it is known what both began with, what one of them has done away with since is not brought back by the other: a
notice that has been delivered is not delivered again, and a role that was given back is not given back once more.

Merging what was merged once more changes nothing, so that a carrying back may be cut short anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from giftping.store.changes import REV
from giftping.store.documents import ACTIVE_MEMBERS, TODO_STATE, TODO_TIMESTAMPS, Document
from giftping.store.fields import plain_document, time_from_value

MERGED = (ACTIVE_MEMBERS, TODO_TIMESTAMPS, TODO_STATE)
"""The collections whose documents several hosts change."""

GUARDS: Mapping[str, Sequence[str]] = {TODO_TIMESTAMPS: ("last_submit", "last_ping")}
"""What an older bot writes to a document of theirs without a new `rev`."""

_LONG_AGO = float("-inf")


def merged(
    collection: str,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any] | None,
    before: Sequence[Mapping[str, Any]] = (),
) -> Document:
    """The document that the shared store is to hold; `theirs` itself, field by field, where it says the same already.

    `before` are the states in which both stores may have held the document alike, where they are known.
    """
    if theirs is None:
        return {name: value for name, value in ours.items() if name != REV}
    plain = plain_document(theirs)
    document = dict(ours) if plain in before else _MERGES[collection](ours, plain, _common(before, plain))
    # A date that the shared store holds as such stays one.
    kept = {name: theirs[name] for name, value in document.items() if name in plain and plain[name] == value}
    rev = {REV: theirs[REV]} if REV in theirs else {}
    return {name: value for name, value in document.items() if name != REV} | kept | rev


def _common(states: Sequence[Mapping[str, Any]], theirs: Mapping[str, Any]) -> Document:
    """The state that both began with: the one that theirs is of, by its `rev`, else the first.

    Where it may be any of them, what each had in its lists was known to both.
    """
    known = next((state for state in states if REV in state and state[REV] == theirs.get(REV)), None)
    if known is not None or not states:
        return dict(known or {})
    common = dict(states[0])
    for state in states[1:]:
        for name, key in (("notices", "id"), ("events", "_id"), ("pauses", "id")):
            if joined := _joined(_list(common, name), _list(state, name), key):
                common[name] = joined
    return common


def _merged_timestamps(ours: Mapping[str, Any], theirs: Mapping[str, Any], before: Mapping[str, Any]) -> Document:
    """The state with the later submission, or the later ping after it, with what happened in the other."""
    base, other = _later_first(ours, theirs, lambda one: (_number(one, "last_submit"), _number(one, "last_ping")))
    document = _fields_of_both(base, other, before)
    document.pop("lapse", None)
    if (lapse := _merged_lapse(base, other, before)) is not None:
        document["lapse"] = lapse
    document = _with_lists_of_both(document, base, other, before, notices="id", events="_id")
    if "notices" in document:
        document["notices"] = [_further(notice, other) for notice in document["notices"]]
    return document


def _fields_of_both(base: Mapping[str, Any], other: Mapping[str, Any], before: Mapping[str, Any]) -> Document:
    """The fields of both, without those that one of the two has taken away and the other has left alone."""
    gone = {
        name
        for name, value in before.items()
        if (name not in base and other.get(name) == value) or (name not in other and base.get(name) == value)
    }
    return {name: value for name, value in {**other, **base}.items() if name not in gone}


_LEGS = ("channel", "dm")
_FURTHEST_LAST = ("open", "claimed", "uncertain", "closed", "sent")


def _further(notice: Any, other: Mapping[str, Any]) -> Any:
    """A notice of the base with each leg as the one of the two has it that got further with it."""
    theirs = next((one for one in _list(other, "notices") if _is_same(notice, one, "id")), None)
    if not isinstance(notice, Mapping) or not isinstance(theirs, Mapping):
        return notice
    further = {
        leg: theirs[leg] for leg in _LEGS if leg in theirs and _progress(theirs.get(leg)) > _progress(notice.get(leg))
    }
    return {**notice, **further}


def _progress(leg: object) -> int:
    state = leg.get("state") if isinstance(leg, Mapping) else None
    return _FURTHEST_LAST.index(state) if state in _FURTHEST_LAST else -1


def _merged_lapse(
    base_state: Mapping[str, Any], other_state: Mapping[str, Any], before: Mapping[str, Any]
) -> Document | None:
    """The lapse of the base, but never forget a role that was taken and not given back.

    Where one of the two has left the lapse as it was, the other knows better.
    """
    base, other = _table(base_state, "lapse"), _table(other_state, "lapse")
    known = _table(before, "lapse")
    if known is not None and known in (base, other):
        changed = other if base == known else base
        return None if changed is None else dict(changed)
    if base is not None and other is not None and base.get("since") == other.get("since"):
        removal = base.get("removal") or other.get("removal")
        return {**other, **base, **({"removal": removal} if removal else {})}
    chosen = other if _has_taken_role(other) and not _has_taken_role(base) else base
    return None if chosen is None else dict(chosen)


def _has_taken_role(lapse: Mapping[str, Any] | None) -> bool:
    return lapse is not None and bool(lapse.get("removal")) and not lapse.get("restored_at")


def _merged_member(ours: Mapping[str, Any], theirs: Mapping[str, Any], before: Mapping[str, Any]) -> Document:
    base, other = _later_first(ours, theirs, lambda one: _instant(one.get("updated_at")))
    return _with_lists_of_both(_fields_of_both(base, other, before), base, other, before, pauses="id")


def _merged_state(ours: Mapping[str, Any], theirs: Mapping[str, Any], _before: Mapping[str, Any]) -> Document:
    document = {**theirs, **ours}
    if "last_sweep" in document:
        document["last_sweep"] = max((ours, theirs), key=lambda one: _number(one, "last_sweep")).get("last_sweep")
    if downtimes := _joined(_list(ours, "downtimes"), _list(theirs, "downtimes"), "id"):
        document["downtimes"] = sorted(downtimes, key=_edges)
    return document


_MERGES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], Document]] = {
    ACTIVE_MEMBERS: _merged_member,
    TODO_TIMESTAMPS: _merged_timestamps,
    TODO_STATE: _merged_state,
}


def _later_first(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], when: Callable[[Mapping[str, Any]], Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The two, the later one first; ours where both are of one time."""
    return (ours, theirs) if when(ours) >= when(theirs) else (theirs, ours)


def _with_lists_of_both(
    document: Document,
    base: Mapping[str, Any],
    other: Mapping[str, Any],
    before: Mapping[str, Any],
    **keys: str,
) -> Document:
    """The document with the lists of both states, by field; a key names what is unique in a list's items.

    An item that both had before, and that one of them has no more, is done with; so is a list of nothing but such.
    """
    joined = dict(document)
    for name, key in keys.items():
        both = _list(base, name), _list(other, name)
        done = [one for one in _list(before, name) if not all(_holds(items, one, key) for items in both)]
        left = [one for one in _joined(*both, key) if not _holds(done, one, key)]
        if left:
            joined[name] = left
        elif any(both):
            joined.pop(name, None)
    return joined


def _holds(items: Sequence[Any], item: object, key: str) -> bool:
    return any(_is_same(item, one, key) for one in items)


def _joined(first: Sequence[Any], second: Sequence[Any], key: str) -> list[Any]:
    joined = list(first)
    for item in second:
        if not _holds(joined, item, key):
            joined.append(item)
    return joined


def _is_same(one: object, other: object, key: str) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.get(key) is not None:
        return bool(one[key] == other.get(key))
    return one == other


def _edges(downtime: object) -> tuple[float, ...]:
    edges = downtime if isinstance(downtime, list) else []
    return tuple(_as_number(edge) for edge in edges)


def _instant(value: object) -> float:
    """A time, written as epoch seconds or as a text, in epoch seconds; before all others where it is neither."""
    if not isinstance(value, str):
        return _as_number(value, _LONG_AGO)
    try:
        return time_from_value(value).timestamp()
    except (ValueError, OverflowError):
        return _LONG_AGO


def _number(document: Mapping[str, Any], name: str) -> float:
    return _as_number(document.get(name))


def _as_number(value: object, otherwise: float = 0) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return value if is_number else otherwise  # type: ignore[return-value]  # a number


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = document.get(name)
    return value if isinstance(value, Mapping) else None


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []
