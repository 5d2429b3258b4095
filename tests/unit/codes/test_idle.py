from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.records import NOON
from hypothesis import given, settings
from hypothesis import strategies as st

from giftping.codes.idle import FULL_LOOK_EVERY, GLANCE_EVERY, IdleMark, mark_from_json, mark_to_json

MARK = IdleMark(
    settings="settings",
    store="store",
    lists="lists",
    games=("kingshot", "whiteout-survival"),
    look_again_at=NOON + FULL_LOOK_EVERY,
    due_at=NOON + 2 * FULL_LOOK_EVERY,
    guild_count=3,
    trouble=True,
)
SHARED = replace(MARK, look_again_at=NOON + GLANCE_EVERY, shared="as it was")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(mark_to_json(MARK))), inner),
    max_leaves=12,
)


@pytest.mark.parametrize("mark", [MARK, SHARED, replace(MARK, due_at=None)])
def test_a_mark_comes_back_from_its_json_as_it_was(mark: IdleMark) -> None:
    assert mark_from_json(json.loads(json.dumps(mark_to_json(mark)))) == mark


@pytest.mark.parametrize("key", sorted(mark_to_json(MARK)))
def test_a_mark_with_a_piece_missing_is_none(key: str) -> None:
    whole = mark_to_json(MARK)
    del whole[key]
    assert mark_from_json(whole) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"look_again_at": "soon"},
        {"look_again_at": 5},
        {"look_again_at": "2026-05-04T12:00:00"},
        {"due_at": "2026-05-04T12:00:00"},
        {"due_at": 5},
        {"games": "kingshot"},
        {"games": None},
        {"guild_count": "many"},
    ],
    ids=str,
)
def test_a_mark_with_a_piece_that_is_wrong_is_none(wrong: dict[str, object]) -> None:
    assert mark_from_json(mark_to_json(MARK) | wrong) is None


@given(JSON)
@settings(max_examples=60)
def test_whatever_a_file_holds_is_a_mark_or_none(value: object) -> None:
    mark = mark_from_json(value)
    assert mark is None or mark_from_json(mark_to_json(mark)) == mark


def test_a_mark_holds_while_nothing_has_changed_and_no_look_is_due() -> None:
    assert MARK.holds(settings="settings", store="store", now=NOON)
    assert not MARK.holds(settings="others", store="store", now=NOON)
    assert not MARK.holds(settings="settings", store="written to", now=NOON)
    assert MARK.holds(settings="settings", store="store", now=MARK.look_again_at - timedelta(seconds=1))
    assert not MARK.holds(settings="settings", store="store", now=MARK.look_again_at)


def test_a_mark_made_by_a_clock_that_was_ahead_does_not_hold() -> None:
    years_ahead = replace(MARK, look_again_at=NOON + timedelta(days=1500))
    assert not years_ahead.holds(settings="settings", store="store", now=NOON)


def test_a_mark_does_not_hold_when_something_is_due() -> None:
    due = replace(MARK, due_at=NOON + timedelta(minutes=1))
    assert due.holds(settings="settings", store="store", now=NOON)
    assert not due.holds(settings="settings", store="store", now=NOON + timedelta(minutes=1))


def test_a_mark_of_a_shared_store_holds_on_as_long_as_a_glance_gives_the_same() -> None:
    late = NOON + GLANCE_EVERY + timedelta(minutes=3)
    assert SHARED.holds(settings="settings", store="store", now=late)
    assert SHARED.glanced(late).look_again_at == late + GLANCE_EVERY
    assert SHARED.glanced(late).due_at == SHARED.due_at
