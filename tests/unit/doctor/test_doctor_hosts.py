from __future__ import annotations

import pytest
from doctor_facts import DAY, HOUR, MINUTE, NOW, OK, WARN

from giftping.delivery.hosts import HostRecord, refusal
from giftping.doctor.hosts import HostFacts, HostsFacts, judge_other_hosts
from giftping.doctor.judgement import Verdict


@pytest.mark.parametrize(
    ("host", "verdict", "said"),
    [
        (HostFacts("b", "codes check", NOW - 9 * DAY), OK, "1 other host"),
        (HostFacts("b", "codes check", NOW - 2 * DAY, missed=NOW - HOUR), WARN, "b: last codes check 2 d ago"),
        (HostFacts("b", "codes check", NOW - 2 * DAY, missed=NOW - 59 * MINUTE), OK, "1 other host"),
        (HostFacts("b", "codes check", NOW - 31 * DAY, missed=NOW - DAY), OK, "no other host"),
    ],
)
def test_a_host_that_does_not_follow_the_others_is_named_until_it_is_taken_for_switched_off(
    host: HostFacts, verdict: Verdict, said: str
) -> None:
    found = judge_other_hosts(HostsFacts(NOW, (host,)))
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


def test_hosts_that_have_not_agreed_to_share_fail_by_the_rule_that_the_runs_go_by() -> None:
    line = refusal(HostRecord("a", shared=True), [HostRecord("b", shared=False)])
    found = judge_other_hosts(HostsFacts(NOW, (HostFacts("b", "codes check", NOW - DAY),), line))
    assert found.verdict is Verdict.FAIL
    assert f"{found.what}: {found.next_step}" == line
    assert "giftping store forget b" in found.next_step
