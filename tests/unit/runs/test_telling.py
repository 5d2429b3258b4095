from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from giftping.runs.codec import from_json, to_json
from giftping.runs.telling import AGAIN_AFTER, FORGOTTEN_AFTER, Mark, Telling, tell

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def meet(*keys: str, told: dict[str, Mark] | None = None, now: datetime = NOW, known: bool = False) -> Telling:
    return tell(dict.fromkeys(keys, known), lambda _: "", told or {}, now)


def test_trouble_is_news_once_and_again_after_a_day() -> None:
    first = meet("a")
    assert first.news == {"a"}
    assert meet("a", told=dict(first.told), now=NOW + AGAIN_AFTER - MINUTE).news == frozenset()
    again = meet("a", told=dict(first.told), now=NOW + AGAIN_AFTER)
    assert again.news == {"a"}
    assert meet("a", told=dict(again.told), now=NOW + AGAIN_AFTER + MINUTE).news == frozenset()


def test_trouble_that_another_has_told_is_news_in_a_day() -> None:
    first = meet("a", known=True)
    assert first.news == frozenset()
    assert meet("a", told=dict(first.told), now=NOW + AGAIN_AFTER, known=True).news == {"a"}


def test_what_has_lasted_is_told_to_be_over_and_forgotten() -> None:
    lasting = dict(meet("a", told=dict(meet("a").told), now=NOW + MINUTE).told)
    telling = tell({"b": False}, lambda key: f"{key} is well", lasting, NOW + 2 * MINUTE)
    assert telling.over == ("a is well",)
    assert set(telling.told) == {"b"}


def test_what_was_met_once_is_over_in_silence() -> None:
    telling = tell({}, lambda key: f"{key} is well", meet("a").told, NOW + MINUTE)
    assert (telling.over, telling.told) == ((), {})


def test_the_same_words_for_several_are_told_once() -> None:
    told = {"a": Mark(NOW, lasted=True), "b": Mark(NOW, lasted=True)}
    assert tell({}, lambda _: "all is well", told, NOW + MINUTE).over == ("all is well",)


def test_what_nobody_looked_at_stays_told_and_is_forgotten_in_the_end() -> None:
    told = {"a": Mark(NOW)}
    assert meet(told=told, now=NOW + MINUTE).told == told
    assert meet(told=told, now=NOW + FORGOTTEN_AFTER).told == {}


def test_a_time_from_a_clock_that_was_wrong_hides_nothing() -> None:
    assert meet("a", told={"a": Mark(NOW + timedelta(days=400))}).news == {"a"}


def test_what_was_told_survives_the_file_and_anything_else_is_not_taken_for_it() -> None:
    marks = {"a": Mark(NOW), "guild 1 broken": Mark(NOW + MINUTE, lasted=True)}
    document = {
        "a": {"told_at": "2026-05-04T12:00:00+00:00", "lasted": False},
        "guild 1 broken": {"told_at": "2026-05-04T12:01:00+00:00", "lasted": True},
    }
    assert to_json(marks) == document
    assert from_json(dict[str, Mark], document) == marks
    for damaged in (None, [], 5, {"a": 5}, {"a": {}}, {"a": {"told_at": "2026-05-04T12:00:00", "lasted": True}}):
        with pytest.raises(ValueError):  # noqa: PT011 - it is never shown
            from_json(dict[str, Mark], damaged)
