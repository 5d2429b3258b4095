from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.discord.finding import (
    Candidate,
    Window,
    candidates_among,
    decide,
)
from giftping.discord.outcome import Absent, Found, Undecided
from giftping.discord.snowflake import snowflake_at

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WINDOW = Window(snowflake_at(NOON - 2 * MINUTE), snowflake_at(NOON + 5 * MINUTE))


def at(minutes, matches, number=0):
    return Candidate(snowflake_at(NOON + minutes * MINUTE) + number, 7, matches)


IN, LATER, BEFORE, AFTER = at(0, True), at(1, True), at(-3, True), at(6, True)
HIDDEN, OTHER = at(2, None), at(2, False, 1)
FOUND = Found(IN.message_id, 7)
ID = frozenset[int]()


@pytest.mark.parametrize(
    ("candidates", "accounted", "complete", "settled", "finding"),
    [
        ([], (), True, True, Absent),
        ([], (), True, False, Undecided),
        ([], (), False, True, Undecided),
        ([OTHER], (), True, True, Absent),
        ([BEFORE, AFTER], (), True, True, Absent),
        ([IN], (), True, True, FOUND),
        ([IN], (), False, False, FOUND),
        ([LATER, IN], (), True, True, FOUND),
        ([IN, HIDDEN, OTHER], (), True, True, FOUND),
        ([IN], (IN,), True, True, Absent),
        ([LATER, IN], (LATER,), True, True, FOUND),
        ([HIDDEN], (), True, True, "for good"),
        ([HIDDEN, OTHER], (IN,), True, True, "for good"),
        ([HIDDEN], (), True, False, Undecided),
        ([HIDDEN], (), False, True, Undecided),
        ([HIDDEN], (HIDDEN,), True, True, Absent),
        ([at(-3, None), at(6, None)], (), True, True, Absent),
    ],
)
def test_what_a_look_decides(candidates, accounted, complete, settled, finding):
    ids = frozenset(one.message_id for one in accounted)
    decided = decide(candidates, WINDOW, accounted=ids, complete=complete, settled=settled)
    if isinstance(finding, Found):
        assert decided == finding
    elif finding == "for good":
        assert isinstance(decided, Undecided)
        assert decided.for_good
    else:
        assert isinstance(decided, finding)
        assert not getattr(decided, "for_good", False)


@given(
    st.lists(st.tuples(st.integers(-4, 7), st.sampled_from([True, False, None])), max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_absent_is_only_said_when_no_message_of_the_window_can_be_it(drawn, complete, settled):
    candidates = [at(minutes, matches, number) for number, (minutes, matches) in enumerate(drawn)]
    decided = decide(candidates, WINDOW, accounted=frozenset(), complete=complete, settled=settled)
    possible = [one for one in candidates if one.matches is not False and WINDOW.holds(one.message_id)]
    if isinstance(decided, Absent):
        assert complete
        assert settled
        assert not possible
    if isinstance(decided, Found):
        assert any(one.message_id == decided.message_id and one.matches for one in possible)


def test_both_ends_of_a_window_belong_to_it():
    assert WINDOW.holds(WINDOW.since)
    assert WINDOW.holds(WINDOW.until)
    assert not WINDOW.holds(WINDOW.since - 1)
    assert not WINDOW.holds(WINDOW.until + 1)
    assert WINDOW.before == WINDOW.until + 1


def test_a_window_without_an_end_goes_on_to_the_present():
    window = Window(WINDOW.since)
    assert window.before is None
    assert window.holds(2**63)
    assert not window.holds(WINDOW.since - 1)


def test_reading_backwards_ends_where_nothing_older_belongs_to_the_window():
    assert WINDOW.begins_before(WINDOW.since + 1)
    assert not WINDOW.begins_before(WINDOW.since)


def test_a_text_that_may_be_shown_later_is_not_undecided_for_good():
    decided = decide([HIDDEN], WINDOW, accounted=frozenset(), complete=True, settled=True, shown_later=True)
    assert isinstance(decided, Undecided)
    assert not decided.for_good


def test_only_messages_by_the_right_author_are_candidates():
    messages = [
        {"id": "5", "channel_id": "7", "by": "us"},
        {"id": "6", "channel_id": "7", "by": "them"},
        {"id": "none", "by": "us"},
        {"id": "8", "by": "us"},
    ]
    found = candidates_among(messages, lambda message: message["by"] == "us", lambda message: None)
    assert found == [Candidate(5, 7, None), Candidate(8, None, None)]
