from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from doctor_facts import FAIL, MONGO, OK, WARN, judged

from giftping.doctor.judgement import Verdict
from giftping.doctor.mongo import MONGO_CHECKS, judge_mirror


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "said"),
    [
        ("mongodb", {}, OK, "a server of its own answers"),
        ("mongodb", {"replica_set": "rs0", "members": 3}, OK, "the primary of rs0 answers, of 3 members"),
        ("mongodb", {"trouble": "the connection was refused"}, FAIL, "the connection was refused"),
        ("mongodb user", {"lacking": ("insert", "update")}, FAIL, "may not insert, update"),
        ("mongodb user", {"lacking": None}, WARN, "not to be told"),
        ("mongodb clock", {"clock_offset": timedelta(seconds=-70)}, FAIL, "1 min ahead of MongoDB's"),
        ("mirror", {"waiting": 1}, WARN, "1 change waits"),
        ("mirror", {"waiting": 3, "trouble": "away"}, WARN, "3 changes wait"),
        ("mirror", {"in_step": False}, OK, "made by the first check"),
        ("mirror", {}, OK, "in step"),
    ],
)
def test_what_is_wrong_with_mongodb_is_found_by_name(
    name: str, changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judged(MONGO_CHECKS, replace(MONGO, **changes))[name]  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


def test_of_a_mongodb_that_is_away_only_that_and_the_mirror_are_told() -> None:
    away = replace(MONGO, trouble="away", clock_offset=None)
    assert list(judged(MONGO_CHECKS, away)) == ["mongodb", "mirror"]
    assert judge_mirror(replace(away, in_step=False)) is None
