from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from doctor_facts import DAY, FAIL, HOUR, NOW, OK, SWEEPS, WARN, judged

from giftping.doctor.judgement import Verdict
from giftping.doctor.todo_sweeps import SWEEPS_CHECKS, judge_last_sweep


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "said"),
    [
        ("open claims", {"stale": ("member 51, reminder (channel)",)}, WARN, "member 51, reminder (channel)"),
        ("last sweep", {"last": None}, WARN, "none yet"),
        ("last sweep", {"last": None, "is_needed": False}, OK, "not needed"),
        ("last sweep", {"told": ("reminder: refused",)}, WARN, "reminder: refused"),
    ],
)
def test_what_is_wrong_with_the_sweeps_is_found_by_name(
    name: str, changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judged(SWEEPS_CHECKS, replace(SWEEPS, **changes))[name]  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(hours=3, minutes=29), OK),
        (timedelta(hours=3, minutes=30), WARN),
        (timedelta(hours=23, minutes=59), WARN),
        (DAY, FAIL),
        (timedelta(minutes=-5), OK),
    ],
)
def test_a_last_sweep_that_is_long_ago_warns_and_then_fails(age: timedelta, verdict: Verdict) -> None:
    assert judge_last_sweep(replace(SWEEPS, last=NOW - age)).verdict is verdict


def test_a_sweep_is_late_by_the_interval_that_is_set() -> None:
    seldom = replace(SWEEPS, remind_every=12 * HOUR, last=NOW - 5 * HOUR)
    assert judge_last_sweep(seldom).verdict is OK
