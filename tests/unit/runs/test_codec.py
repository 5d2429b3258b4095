"""Dataclasses come back from JSON as they were, and whatever else a file holds is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.runs.codec import from_json, to_json

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Size(Enum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True, slots=True)
class Leaf:
    name: str
    colour: Colour = Colour.RED
    note: str = ""
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    at: datetime
    count: int
    fresh: bool
    leaves: tuple[Leaf, ...]
    sizes: Mapping[str, Size]
    best: Leaf | None = None
    rings: int = 0


ZONES = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=ZONES)
LEAVES = st.builds(Leaf, st.text(), st.sampled_from(Colour), st.text(), st.none() | TIMES)
TREES = st.builds(
    Tree,
    at=TIMES,
    count=st.integers(),
    fresh=st.booleans(),
    leaves=st.lists(LEAVES, max_size=3).map(tuple),
    sizes=st.dictionaries(st.text(), st.sampled_from(Size), max_size=3),
    best=st.none() | LEAVES,
    rings=st.integers(),
)
TREE = Tree(NOON, 3, True, (Leaf("oak"),), {"crown": Size.LARGE})
KEYS = st.sampled_from(["at", "count", "fresh", "leaves", "sizes", "best", "rings", "name", "colour", "seen_at", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(NOON.isoformat()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=15,
)


@pytest.mark.parametrize("sparse", [False, True])
@given(tree=TREES)
def test_a_value_comes_back_from_its_json_as_it_was(tree: Tree, sparse: bool) -> None:
    document = json.loads(json.dumps(to_json(tree, sparse=sparse)))
    assert from_json(Tree, document, sparse=sparse) == tree


@given(JSON | st.fixed_dictionaries(dict.fromkeys(to_json(TREE), JSON)))
def test_whatever_else_a_document_holds_is_refused_as_a_whole(document: Any) -> None:
    try:
        tree = from_json(Tree, document)
    except ValueError:
        return
    assert from_json(Tree, to_json(tree)) == tree


def test_a_whole_object_names_every_field() -> None:
    assert to_json(TREE) == {
        "at": "2026-05-04T12:00:00+00:00",
        "count": 3,
        "fresh": True,
        "leaves": [{"name": "oak", "colour": "red", "note": "", "seen_at": None}],
        "sizes": {"crown": 2},
        "best": None,
        "rings": 0,
    }


def test_a_sparse_object_leaves_out_what_is_empty_by_default_and_nothing_else() -> None:
    assert to_json(TREE, sparse=True) == {
        "at": "2026-05-04T12:00:00+00:00",
        "count": 3,
        "fresh": True,
        "leaves": [{"name": "oak", "colour": "red"}],
        "sizes": {"crown": 2},
        "rings": 0,
    }
    assert to_json(Leaf(""), sparse=True)["name"] == ""


@pytest.mark.parametrize("key", to_json(TREE))
def test_a_key_that_is_missing_is_a_mistake(key: str) -> None:
    document = to_json(TREE)
    del document[key]
    with pytest.raises(ValueError, match=f"{key} is missing"):
        from_json(Tree, document)


def test_a_sparse_object_may_lack_what_has_a_default_and_no_more() -> None:
    assert from_json(Leaf, {"name": "oak"}, sparse=True) == Leaf("oak")
    with pytest.raises(ValueError, match="name is missing"):
        from_json(Leaf, {}, sparse=True)


def test_a_key_of_a_newer_release_is_passed_over() -> None:
    assert from_json(Tree, to_json(TREE) | {"age": 100}) == TREE


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "soon"},
        {"at": "2026-05-04T12:00:00"},
        {"at": None},
        {"at": 5},
        {"count": "3"},
        {"count": True},
        {"count": 3.0},
        {"fresh": 1},
        {"leaves": None},
        {"leaves": "oak"},
        {"leaves": {"name": "oak"}},
        {"leaves": [{"name": "oak", "colour": "green", "note": "", "seen_at": None}]},
        {"sizes": []},
        {"sizes": {"crown": "2"}},
        {"sizes": {"crown": []}},
        {"best": 5},
    ],
    ids=str,
)
def test_a_value_of_another_kind_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - which words it says is of no interest to anybody
        from_json(Tree, to_json(TREE) | wrong)


@pytest.mark.parametrize("value", [1.5, b"", {1, 2}, {1: "one"}, NOON.replace(tzinfo=None), object(), Leaf(b"")])  # type: ignore[arg-type]
def test_what_could_not_be_read_again_is_not_written(value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - as above
        to_json(value)


def test_a_mapping_is_read_without_a_dataclass_around_it() -> None:
    assert from_json(dict[str, Leaf], to_json({"a": Leaf("oak")})) == {"a": Leaf("oak")}
