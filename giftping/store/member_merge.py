"""Two states of one document of the TODO part made one: ours from the mirror, theirs from the shared store. Pure.

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


def merged(collection: str, ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> Document:
    """Return what the shared store is to hold; `theirs` itself, field by field, where it says the same already."""
    if theirs is None:
        return {name: value for name, value in ours.items() if name != REV}
    plain = plain_document(theirs)
    document = _MERGES[collection](ours, plain)
    # A date that the shared store holds as such stays one.
    kept = {name: theirs[name] for name, value in document.items() if name in plain and plain[name] == value}
    rev = {REV: theirs[REV]} if REV in theirs else {}
    return {name: value for name, value in document.items() if name != REV} | kept | rev


def _merged_timestamps(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Document:
    """Return the state with the later submission, or the later ping after it, with what happened in the other."""
    base, other = _later_first(ours, theirs, lambda one: (_number(one, "last_submit"), _number(one, "last_ping")))
    document = {**other, **base}
    document.pop("lapse", None)
    if (lapse := _merged_lapse(_table(base, "lapse"), _table(other, "lapse"))) is not None:
        document["lapse"] = lapse
    return document | _joined_lists(base, other, notices="id", events="_id")


def _merged_lapse(base: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> Document | None:
    """Return the lapse of the base, but never forget a role that was taken and not given back."""
    if base is not None and other is not None and base.get("since") == other.get("since"):
        removal = base.get("removal") or other.get("removal")
        return {**other, **base, **({"removal": removal} if removal else {})}
    chosen = other if _has_taken_role(other) and not _has_taken_role(base) else base
    return None if chosen is None else dict(chosen)


def _has_taken_role(lapse: Mapping[str, Any] | None) -> bool:
    return lapse is not None and bool(lapse.get("removal")) and not lapse.get("restored_at")


def _merged_member(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Document:
    base, other = _later_first(ours, theirs, lambda one: _instant(one.get("updated_at")))
    return {**other, **base, **_joined_lists(base, other, pauses="id")}


def _merged_state(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Document:
    document = {**theirs, **ours}
    if "last_sweep" in document:
        document["last_sweep"] = max((ours, theirs), key=lambda one: _number(one, "last_sweep")).get("last_sweep")
    if downtimes := _joined(_list(ours, "downtimes"), _list(theirs, "downtimes"), "id"):
        document["downtimes"] = sorted(downtimes, key=_edges)
    return document


_MERGES: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Document]] = {
    ACTIVE_MEMBERS: _merged_member,
    TODO_TIMESTAMPS: _merged_timestamps,
    TODO_STATE: _merged_state,
}


def _later_first(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], when: Callable[[Mapping[str, Any]], Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the two, the later one first; ours where both are of one time."""
    return (ours, theirs) if when(ours) >= when(theirs) else (theirs, ours)


def _joined_lists(base: Mapping[str, Any], other: Mapping[str, Any], **keys: str) -> Document:
    """Return the lists of both states, by field; a key names what is unique in the items of a list."""
    return {
        name: _joined(_list(base, name), _list(other, name), key)
        for name, key in keys.items()
        if name in base or name in other
    }


def _joined(first: Sequence[Any], second: Sequence[Any], key: str) -> list[Any]:
    joined = list(first)
    for item in second:
        if not any(_is_same(item, one, key) for one in joined):
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
    """Return a time, written as epoch seconds or as a text, in epoch seconds; before all others where it is neither."""
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
