from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.runs.codec import from_json, to_json
from giftping.runs.telling import AGAIN_AFTER, FORGOTTEN_AFTER, MOST_KEPT, Mark, Met, Telling, tell

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def meet(*keys: str, told: dict[str, Mark] | None = None, now: datetime = NOW, known: bool = False) -> Telling:
    return tell({key: Met(f"{key} is ill", is_known=known) for key in keys}, unseen, told or {}, now)


def unseen(_key: str, _line: str) -> str:
    return ""


def well(key: str, _line: str) -> str:
    return f"{key} is well"


def mark(at: datetime = NOW, *, lasted: bool = False) -> Mark:
    return Mark(at, at, "a is ill", lasted)


def test_trouble_is_news_once_and_again_after_a_day() -> None:
    first = meet("a")
    assert first.news == {"a": None}
    assert meet("a", told=dict(first.told), now=NOW + AGAIN_AFTER - MINUTE).news == {}
    again = meet("a", told=dict(first.told), now=NOW + AGAIN_AFTER)
    assert again.news == {"a": NOW}
    assert meet("a", told=dict(again.told), now=NOW + AGAIN_AFTER + MINUTE).news == {}
    assert meet("a", told=dict(again.told), now=NOW + 2 * AGAIN_AFTER).news == {"a": NOW}


def test_what_is_to_be_told_once_is_never_told_again_until_it_is_over() -> None:
    told = dict(meet("a").told)
    for days in range(1, 40):
        telling = tell({"a": Met("a", is_told_once=True)}, unseen, told, NOW + timedelta(days=days))
        assert telling.news == {}
        told = dict(telling.told)
    over = tell({}, well, told, NOW + timedelta(days=40))
    assert over.over == ("a is well",)
    again = tell({"a": Met("a", is_told_once=True)}, unseen, dict(over.told), NOW + timedelta(days=41))
    assert set(again.news) == {"a"}


def test_trouble_that_another_has_told_is_news_in_a_day() -> None:
    first = meet("a", known=True)
    assert first.news == {}
    assert set(meet("a", told=dict(first.told), now=NOW + AGAIN_AFTER, known=True).news) == {"a"}


def test_what_has_lasted_is_told_to_be_over_and_forgotten() -> None:
    lasting = dict(meet("a", told=dict(meet("a").told), now=NOW + MINUTE).told)
    telling = tell({"b": Met("b")}, well, lasting, NOW + 2 * MINUTE)
    assert telling.over == ("a is well",)
    assert set(telling.told) == {"b"}


def test_what_was_met_once_is_over_in_silence() -> None:
    telling = tell({}, well, meet("a").told, NOW + MINUTE)
    assert (telling.over, telling.told) == ((), {})


def test_the_same_words_for_several_are_told_once() -> None:
    told = {"a": mark(lasted=True), "b": mark(lasted=True)}
    assert tell({}, lambda _key, _line: "all is well", told, NOW + MINUTE).over == ("all is well",)


def test_what_nobody_looked_at_stays_told_and_is_forgotten_in_the_end() -> None:
    told = {"a": mark()}
    assert meet(told=told, now=NOW + MINUTE).told == told
    assert meet(told=told, now=NOW + FORGOTTEN_AFTER).told == {}


@given(
    offsets=st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=6),
    once=st.booleans(),
)
def test_no_clock_that_was_wrong_hides_trouble_for_longer_than_a_day(offsets: list[int], once: bool) -> None:
    """Once a clock that jumped about is right, trouble is told within a day, and no date lies ahead."""
    told: dict[str, Mark] = {}
    for offset in offsets:
        told = dict(tell({"a": Met("a", is_told_once=once)}, unseen, told, NOW + timedelta(seconds=offset)).told)
    right = meet("a", told=told)
    at_last = right.news or meet("a", told=dict(right.told), now=NOW + AGAIN_AFTER).news
    assert at_last
    assert all(since is None or since <= NOW + AGAIN_AFTER for since in at_last.values())


def test_a_memory_of_many_guilds_keeps_those_told_last() -> None:
    told = {f"old {number}": mark(NOW - MINUTE) for number in range(MOST_KEPT)}
    telling = meet("a", told=told)
    assert len(telling.told) == MOST_KEPT
    assert "a" in telling.told


def test_what_was_told_survives_the_file_and_anything_else_is_not_taken_for_it() -> None:
    marks = {"a": mark(), "guild 1 broken": mark(NOW + MINUTE, lasted=True)}
    noon, later = "2026-05-04T12:00:00+00:00", "2026-05-04T12:01:00+00:00"
    document = {
        "a": {"told_at": noon, "since": noon, "line": "a is ill", "lasted": False},
        "guild 1 broken": {"told_at": later, "since": later, "line": "a is ill", "lasted": True},
    }
    assert to_json(marks) == document
    assert from_json(dict[str, Mark], document) == marks
    for damaged in (None, [], 5, {"a": 5}, {"a": {}}, {"a": {**document["a"], "told_at": "2026-05-04T12:00:00"}}):
        with pytest.raises(ValueError):  # noqa: PT011 - it is never shown
            from_json(dict[str, Mark], damaged)
