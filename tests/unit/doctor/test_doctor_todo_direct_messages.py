from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import HOUR, MESSAGES, NOW, OK, WARN

from giftping.doctor.judgement import Verdict
from giftping.doctor.todo_direct_messages import judge_direct_messages


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({"closed": 2}, OK, "2 of 8 take none"),
        ({"stopped_until": NOW + HOUR}, WARN, "until 2026-11-25 13:00 UTC"),
        ({"stopped_until": NOW}, OK, "switched on"),
    ],
)
def test_who_takes_none_is_counted_and_a_stop_says_until_when(
    changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judge_direct_messages(replace(MESSAGES, **changes))  # type: ignore[arg-type]
    assert found is not None
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


def test_direct_messages_that_are_switched_off_are_no_trouble() -> None:
    off = judge_direct_messages(replace(MESSAGES, is_on=False))
    assert off is not None
    assert off.what.startswith("switched off")
    none_new = judge_direct_messages(replace(MESSAGES, most_new=0))
    assert none_new is not None
    assert "new_dms is 0" in none_new.what


def test_where_the_ledger_does_not_tell_only_a_switch_is_told() -> None:
    assert judge_direct_messages(replace(MESSAGES, roster_size=None)) is None
    assert judge_direct_messages(replace(MESSAGES, roster_size=None, is_on=False)) is not None
