from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftping.discord.finding import (
    BLIND_MARGIN,
    CLOCK_MARGIN,
    Candidate,
    Window,
    candidates_among,
    decide,
    window_of,
)
from giftping.discord.outcome import Absent, Found, Undecided
from giftping.discord.snowflake import snowflake_at

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WINDOW = Window(NOON - timedelta(minutes=2), NOON + timedelta(minutes=5))
MINUTE = timedelta(minutes=1)


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
@settings(max_examples=100)
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


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(0), timedelta(seconds=90)])
def test_a_clock_that_is_wrong_by_a_known_amount_does_not_move_the_window(ahead):
    """What our clock calls noon minus `ahead` is noon at Discord."""
    window = window_of(NOON - ahead, NOON - ahead, ahead)
    assert window == Window(NOON - CLOCK_MARGIN, NOON + CLOCK_MARGIN)
    assert window.holds(snowflake_at(NOON))


def test_without_knowledge_of_discords_clock_the_window_is_wider():
    assert window_of(NOON, NOON, None) == Window(NOON - BLIND_MARGIN, NOON + BLIND_MARGIN)


def test_the_window_includes_its_last_instant_when_read_backwards():
    assert WINDOW.holds(snowflake_at(WINDOW.until))
    assert snowflake_at(WINDOW.until) < WINDOW.before


def test_only_messages_by_the_right_author_are_candidates():
    messages = [
        {"id": "5", "channel_id": "7", "by": "us"},
        {"id": "6", "channel_id": "7", "by": "them"},
        {"id": "none", "by": "us"},
        {"id": "8", "by": "us"},
    ]
    found = candidates_among(messages, lambda message: message["by"] == "us", lambda message: None)
    assert found == [Candidate(5, 7, None), Candidate(8, None, None)]
