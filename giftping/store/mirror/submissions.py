"""Two states of a member's submissions and pings made one: the later submission counts. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from giftping.store.documents import Document, done_lapse

_PINGS = ("reminder", "warning")
"""The notices that ask for a TODO: a member has one of them at most."""

_LEGS = ("channel", "dm")
_FURTHEST_LAST = ("open", "claimed", "uncertain", "closed", "sent")


def further_submission(
    there: Mapping[str, Any], before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """The state with the later submission, or of one submission the later ping, with the notices of both.

    A notice that either of the two has done with is not brought back by the other, and one that was delivered on
    either side is not delivered again.
    """
    if after is None:
        return there
    is_ours = _when(after) >= _when(there)
    base, other = (after, there) if is_ours else (there, after)
    known = before or {}
    joined = ("lapse", "notices", "done", "events")
    document: Document = {name: value for name, value in base.items() if name not in joined}
    if done := list(dict.fromkeys([*_list(other, "done"), *_list(base, "done")])):
        document["done"] = done
        base, other = _without_done(base, done), _without_done(other, done)
    has_answered = _number(base.get("last_submit")) > _number(other.get("last_submit"))
    if has_answered or any(map(_is_ping, _list(base, "notices"))):
        # Whoever has handed in since is not pinged, and nobody has two pings.
        other = {**other, "notices": [one for one in _list(other, "notices") if _is_kept(one, base)]}
    if (lapse := _lapse(base, other, known)) is not None:
        document["lapse"] = dict(lapse)
    if notices := [_further(one, other) for one in _of_both(base, other, known, "notices", "id")]:
        document["notices"] = notices
    if events := _of_both(base, other, known, "events", "_id"):
        document["events"] = events
    return document


def _without_done(state: Mapping[str, Any], done: Sequence[Any]) -> Mapping[str, Any]:
    """A state without what either of the two has done with, though it may be from a backup, and have it open."""
    lapse = _table(state, "lapse")
    left = {name: value for name, value in state.items() if name not in ("lapse", "notices")}
    # A role that was taken is given back by whoever knows of it: only a lapse that ended knowing that is done with.
    if lapse is not None and not {done_lapse(lapse), done_lapse({**lapse, "removal": True})} & {*map(str, done)}:
        left["lapse"] = lapse
    notices = _list(state, "notices")
    return {**left, "notices": [one for one in notices if not isinstance(one, Mapping) or one.get("id") not in done]}


def _is_ping(notice: object) -> bool:
    return isinstance(notice, Mapping) and notice.get("kind") in _PINGS


def _is_kept(notice: object, base: Mapping[str, Any]) -> bool:
    return not _is_ping(notice) or _holds(_list(base, "notices"), notice, "id")


def _when(document: Mapping[str, Any]) -> tuple[float, float]:
    return _number(document.get("last_submit")), _number(document.get("last_ping"))


def _lapse(base: Mapping[str, Any], other: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The lapse of the later state, but never without a role that was taken meanwhile and not given back."""
    ours, theirs, before = _table(base, "lapse"), _table(other, "lapse"), _table(known, "lapse")
    if before is not None and before in (ours, theirs):
        # One of the two has left it as it was: the other knows better.
        return theirs if ours == before else ours
    if ours is not None and theirs is not None and ours.get("since") == theirs.get("since"):
        removal = ours.get("removal") or theirs.get("removal")
        return {**theirs, **ours, **({"removal": removal} if removal else {})}
    return theirs if _has_taken_role(theirs) and not _has_taken_role(ours) else ours


def _has_taken_role(lapse: Mapping[str, Any] | None) -> bool:
    return lapse is not None and bool(lapse.get("removal")) and not lapse.get("restored_at")


def _of_both(
    base: Mapping[str, Any], other: Mapping[str, Any], known: Mapping[str, Any], name: str, key: str
) -> list[Any]:
    """The items of both lists; one that both had, and that one of them has no more, is done with."""
    ours, theirs = _list(base, name), _list(other, name)
    done = [one for one in _list(known, name) if not (_holds(ours, one, key) and _holds(theirs, one, key))]
    joined = [*ours, *(one for one in theirs if not _holds(ours, one, key))]
    return [one for one in joined if not _holds(done, one, key)]


def _further(notice: Any, other: Mapping[str, Any]) -> Any:
    """A notice with each leg as the one of the two states has it that got further with it."""
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


def _holds(items: Sequence[Any], item: object, key: str) -> bool:
    return any(_is_same(item, one, key) for one in items)


def _is_same(one: object, other: object, key: str) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.get(key) is not None:
        return bool(one[key] == other.get(key))
    return one == other


def _number(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value == value
    return value if is_number else 0  # type: ignore[return-value]  # a number


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = document.get(name)
    return value if isinstance(value, Mapping) else None


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []
