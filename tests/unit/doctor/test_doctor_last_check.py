from __future__ import annotations

import pytest
from doctor_facts import DAY, FAIL, HOUR, MINUTE, NOW, OK, WARN

from giftping.doctor.judgement import Verdict
from giftping.doctor.last_check import LastCheckFacts, judge_last_check


@pytest.mark.parametrize(
    ("check", "verdict", "said"),
    [
        (LastCheckFacts(NOW), WARN, "none on this host yet"),
        (LastCheckFacts(NOW, elsewhere=NOW - HOUR), OK, "another one's was 1 h ago"),
        (LastCheckFacts(NOW, elsewhere=NOW - DAY), WARN, "none on this host yet"),
        (LastCheckFacts(NOW, NOW - 29 * MINUTE, every=5 * MINUTE), OK, "29 min ago, usually every 5 min"),
        (LastCheckFacts(NOW, NOW - 30 * MINUTE, every=5 * MINUTE), WARN, "30 min ago"),
        (LastCheckFacts(NOW, NOW - 2 * HOUR), OK, "2 h ago"),
        (LastCheckFacts(NOW, NOW - DAY, every=5 * MINUTE), FAIL, "1 d ago"),
        (LastCheckFacts(NOW, NOW - 2 * DAY, every=DAY), OK, "2 d ago"),
        (LastCheckFacts(NOW, NOW - 3 * DAY, every=DAY), FAIL, "3 d ago"),
        (LastCheckFacts(NOW, NOW - MINUTE, exit_code=69), WARN, "exit code 69"),
        (LastCheckFacts(NOW, NOW + MINUTE, every=5 * MINUTE), OK, "0 s ago"),
    ],
)
def test_a_last_check_is_judged_by_its_usual_spacing(check: LastCheckFacts, verdict: Verdict, said: str) -> None:
    found = judge_last_check(check)
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)
