from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import DAY, FAIL, HOUR, NOW, OK, SOURCE, SOURCES, WARN

from giftping.doctor.judgement import Verdict
from giftping.doctor.sources import judge_games, judge_sources


@pytest.mark.parametrize(
    ("changes", "verdict", "said", "step"),
    [
        ({"listed_at": None, "changed_at": None}, WARN, "never asked", "giftping codes check"),
        ({"trouble": "HTTP 502", "failing_since": NOW - HOUR}, WARN, "has failed for 1 h: HTTP 502", "wait"),
        ({"trouble": "HTTP 404", "listed_at": NOW - DAY}, FAIL, "HTTP 404", "giftping sources test a-list"),
        ({"trouble": "HTTP 404", "listed_at": None}, FAIL, "HTTP 404", "giftping sources test a-list"),
        ({"trouble": "no rows", "is_new_shape": True}, FAIL, "another shape: no rows", "a release that knows it"),
        (
            {"trouble": "no rows", "is_new_shape": True, "is_built_in": False},
            FAIL,
            "another shape",
            "correct its table",
        ),
        ({"count": 0, "dropped": 7}, WARN, "7 rows, and none is a code", "giftping sources test a-list"),
        ({"concern": "has not changed for 90 days"}, WARN, "a-list has not changed for 90", "sources test a-list"),
        ({"hides_changes": True}, WARN, "nothing has changed (304) when something has", "nothing has to be done"),
    ],
)
def test_a_source_that_is_not_well_is_found_by_name(
    changes: dict[str, object], verdict: Verdict, said: str, step: str
) -> None:
    (found,) = judge_sources(replace(SOURCES, sources=(replace(SOURCE, **changes),)))  # type: ignore[arg-type]
    assert (found.verdict, found.subject) == (verdict, "a-list")
    assert said in found.what
    assert step in found.next_step


def test_sources_that_are_well_share_a_line_beside_those_that_are_not() -> None:
    other = replace(SOURCE, name="b-list", changed_at=NOW - 2 * HOUR)
    broken = replace(SOURCE, name="c-list", trouble="HTTP 404", listed_at=None)
    troubled, well = judge_sources(replace(SOURCES, sources=(SOURCE, broken, other)))
    assert (troubled.subject, troubled.verdict) == ("c-list", FAIL)
    assert (well.verdict, well.what) == (OK, "2 sources answer; the last change was 2 h ago: b-list")


def test_an_honest_empty_list_is_no_trouble() -> None:
    found = judge_sources(replace(SOURCES, sources=(replace(SOURCE, count=0),)))
    assert [one.verdict for one in found] == [OK]


def test_a_memory_that_cannot_be_used_is_told() -> None:
    first, _ = judge_sources(replace(SOURCES, memory_trouble="sources.json cannot be read"))
    assert (first.verdict, first.what) == (WARN, "sources.json cannot be read")


def test_games_without_a_source_or_a_name_are_told() -> None:
    unknown, unlisted = judge_games(replace(SOURCES, unknown_games=("wos",), unlisted_games=("kingshot",)))
    assert (unknown.verdict, unknown.subject) == (FAIL, "wos")
    assert (unlisted.verdict, unlisted.subject) == (FAIL, "kingshot")
