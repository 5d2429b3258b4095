from __future__ import annotations

from doctor_facts import FAIL, WARN

from giftping.doctor.ledger import LedgerFacts, judge_ledger


def test_a_ledger_that_cannot_be_read_fails_and_one_with_something_to_say_warns() -> None:
    found = judge_ledger(LedgerFacts("", trouble="giftping.json is damaged"))
    assert (found.verdict, found.what) == (FAIL, "giftping.json is damaged")
    found = judge_ledger(LedgerFacts("", notices=("MongoDB is away",)))
    assert (found.verdict, found.what) == (WARN, "MongoDB is away")
