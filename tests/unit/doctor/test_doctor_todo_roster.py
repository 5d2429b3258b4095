from __future__ import annotations

from dataclasses import replace

import pytest
from doctor_facts import FAIL, OK, ROSTER, WARN, judged

from giftping.doctor.judgement import Verdict
from giftping.doctor.todo_roster import ROSTER_CHECKS, judge_left


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "said"),
    [
        ("roster", {"odd": ("active_members 'x': its _id is odd",)}, FAIL, "1 document cannot be read and is skipped"),
        ("roster", {"size": 0}, WARN, "nobody is on it"),
        ("roster", {"never_submitted": 3}, OK, "8 members, 3 of them without any TODO yet"),
        ("left the guild", {"left": ("member 51 (Ada)",)}, WARN, "member 51 (Ada)"),
        (
            "not on roster",
            {"unlisted": ("member 61", "member 62")},
            WARN,
            "2 people handed in TODOs lately and are not",
        ),
    ],
)
def test_what_is_wrong_with_the_roster_is_found_by_name(
    name: str, changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judged(ROSTER_CHECKS, replace(ROSTER, **changes))[name]  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


def test_of_many_members_three_are_named_and_the_rest_is_counted() -> None:
    found = judge_left(replace(ROSTER, left=tuple(f"member {number}" for number in range(5))))
    assert found is not None
    assert found.what.endswith("member 0; member 1; member 2 and 2 more")
