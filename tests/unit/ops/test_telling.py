from __future__ import annotations

from datetime import UTC, datetime, timedelta

from giftping.ops.telling import AGAIN_AFTER, FORGOTTEN_AFTER, Telling, tell, told_from_json, told_to_json

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def meet(*keys: str, told: dict[str, datetime] | None = None, now: datetime = NOW, known: bool = False) -> Telling:
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


def test_what_is_over_is_told_and_forgotten() -> None:
    told = {"a": NOW, "b": NOW}
    telling = tell({"b": False}, lambda key: f"{key} is well", told, NOW + MINUTE)
    assert telling.over == ("a is well",)
    assert set(telling.told) == {"b"}


def test_the_same_words_for_several_are_told_once() -> None:
    assert tell({}, lambda _: "all is well", {"a": NOW, "b": NOW}, NOW + MINUTE).over == ("all is well",)


def test_what_nobody_looked_at_stays_told_and_is_forgotten_in_the_end() -> None:
    told = {"a": NOW}
    assert meet(told=told, now=NOW + MINUTE).told == told
    assert meet(told=told, now=NOW + FORGOTTEN_AFTER).told == {}


def test_a_time_from_a_clock_that_was_wrong_hides_nothing() -> None:
    assert meet("a", told={"a": NOW + timedelta(days=400)}).news == {"a"}


def test_what_was_told_survives_the_file_and_anything_else_is_as_if_nothing_was() -> None:
    told = {"a": NOW, "guild 1 broken": NOW + MINUTE}
    assert told_from_json(told_to_json(told)) == told
    for damaged in (None, [], 5, {"a": 5}, {"a": "yesterday"}, {"a": "2026-05-04T12:00:00"}):
        assert told_from_json(damaged) == {}, damaged
