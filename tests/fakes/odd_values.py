"""Values of every type that BSON has, and documents that are damaged by them in one place, at whatever depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from bson import Binary, Code, DatetimeMS, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from fakes.odd_ids import ODD_IDS
from hypothesis import strategies as st

FIXED = (
    *(
        None,
        True,
        False,
        0,
        -1,
        2**31,
        2**63,
        10**30,
        10**400,
        0.5,
        -0.0,
        1e300,
        float("nan"),
        float("inf"),
        float("-inf"),
    ),
    *("", " ", "soon", "0", "5", "NaN", "2026-13-45", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "\x00"),
    *([], {}, [[]], [{}], [None], {"": None}, {"a": {"b": [5]}}, b"", b"\xff"),
    *(Int64(5), Decimal128("NaN"), Decimal128("5"), ObjectId(), Binary(b"5", 128), Regex("a", "i"), Code("5")),
    *(MinKey(), MaxKey(), Timestamp(5, 1), DatetimeMS(2**60), DatetimeMS(-(2**60))),
    *(datetime.min, datetime.max, datetime(2026, 1, 1)),  # noqa: DTZ001, DTZ901 -- as PyMongo gives them
    datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=5))),
    datetime(1969, 12, 31, tzinfo=UTC),
)
"""One of each kind that has been met, or may be."""

LEAVES = st.one_of(
    st.sampled_from(FIXED),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.datetimes(),
)
ODD_VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)

Path = tuple[str | int, ...]


def paths(value: object, at: Path = ()) -> Iterator[Path]:
    """The way to each field of a document, and to each item of what it holds."""
    items: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*at, key)
        yield from paths(inner, (*at, key))


def with_value(document: Mapping[str, Any], path: Path, value: object) -> dict[str, Any]:
    """The document with another value in one place."""
    damaged: Any = deepcopy(dict(document))
    inner = damaged
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return dict(damaged)


@st.composite
def damaged(draw: st.DrawFn, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with another value in one place; of its `_id` one that MongoDB takes."""
    path = draw(st.sampled_from(list(paths(document))))
    value = draw(st.sampled_from(list(ODD_IDS.values()))) if path == ("_id",) else draw(ODD_VALUES)
    return with_value(document, path, value)
