"""Members' documents whose `_id` is written in another way than giftping does: whose they are, and what they come to.

Pure. The older bot's data was edited by hand, and imported by other tools: one that is not read as a member's own would
be a member who has handed in nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from giftping.store.documents import ACTIVE_MEMBERS, Document
from giftping.store.fields import EXACT, is_text, whole_number
from giftping.text import id_or_none

_TELLS = ("last_submit", "last_ping", "todo", "lapse", "notices")
"""What a document in `todo_timestamps` may say of a member; one that says nothing is nobody's."""


Later = Callable[[str, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any]]
"""What two documents of a collection, under one `_id`, come to."""


def owner_of(id_: object) -> int | None:
    """The member whose `_id` a number or a text stands for, None where it is none, or does not say which."""
    if is_text(id_):
        return id_or_none(str(id_).strip().lstrip("0"))
    return None if isinstance(id_, str) else id_or_none(whole_number(id_))


@dataclass(frozen=True, slots=True)
class Strays:
    """The documents of one collection whose `_id` is written in another way."""

    by_owner: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Those that are a member's all the same."""
    of_nobody: Sequence[Mapping[str, Any]] = ()
    """Those of which nobody can tell whose they are."""

    @property
    def inexact(self) -> Sequence[Mapping[str, Any]]:
        """Those of them whose `_id` is a number that may stand for several members."""
        return [one for one in self.of_nobody if isinstance(one["_id"], float) and abs(one["_id"]) > EXACT]

    def may_be_of(self, user_id: int) -> Mapping[str, Any] | None:
        """One that may be of a member who has none, and that tells of one; None where there is none."""
        telling = (one for one in self.of_nobody if any(one.get(name) for name in _TELLS))
        return next((one for one in telling if _may_stand_for(one["_id"], user_id)), None)


def _may_stand_for(id_: object, user_id: int) -> bool:
    return float(user_id) == id_ if isinstance(id_, float) else True


def strays_among(documents: Iterable[Mapping[str, Any]]) -> Strays:
    """The documents, by whose they are."""
    by_owner: dict[int, list[Mapping[str, Any]]] = {}
    of_nobody: list[Mapping[str, Any]] = []
    for document in documents:
        owner = owner_of(document["_id"])
        (of_nobody if owner is None else by_owner.setdefault(owner, [])).append(document)
    return Strays(by_owner, of_nobody)


def as_one(collection: str, user_id: int, documents: Sequence[Mapping[str, Any]], later: Later) -> Mapping[str, Any]:
    """The one document that several of a member come to, none of them odd: the later one counts, and nothing is lost.

    One that stands alone under the member's own id is given back itself. `later` is the store's rule of which of two
    counts, by which hosts that have changed the same meet.
    """
    id_ = str(user_id)
    first, *others = documents
    if not others and first["_id"] == id_:
        return first
    together: Mapping[str, Any] = {**first, "_id": id_}
    for other in others:
        one, other = together, {**other, "_id": id_}
        together = later(collection, one, other)
        if collection == ACTIVE_MEMBERS:
            earlier = other if together is one else one
            together = _with_pauses({**earlier, **together}, one, other)
    return together


def _with_pauses(together: Document, one: Mapping[str, Any], other: Mapping[str, Any]) -> Document:
    """A member of the roster with what either of two documents says in their favour."""
    pauses = {repr(pause.get("id") or pause): pause for each in (one, other) for pause in each.get("pauses") or ()}
    found = {"pauses": list(pauses.values()), "exempt": bool(one.get("exempt") or other.get("exempt"))}
    return together | {name: value for name, value in found.items() if value}
