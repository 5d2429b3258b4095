from __future__ import annotations

from doctor_facts import FAIL, WARN

from giftping.doctor.deliveries import DeliveriesFacts, judge_claims, judge_uncertain


def test_codes_that_are_uncertain_or_left_claimed_are_named() -> None:
    found = judge_uncertain(DeliveriesFacts(uncertain=("GIFT4YOU (guild 11)",)))
    assert (found.verdict, "GIFT4YOU (guild 11)" in found.what) == (FAIL, True)
    assert "giftping codes settle" in found.next_step
    found = judge_claims(DeliveriesFacts(stale=("GIFT4YOU (guild 11)",)))
    assert (found.verdict, "GIFT4YOU (guild 11)" in found.what) == (WARN, True)
