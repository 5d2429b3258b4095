from __future__ import annotations

from doctor_facts import FAIL, OK, WARN

from giftping.doctor.ledger import LedgerFacts, judge_ledger


def test_a_ledger_that_cannot_be_read_fails_and_one_with_something_to_say_warns() -> None:
    found = judge_ledger(LedgerFacts("", trouble="giftping.json is damaged"))
    assert (found.verdict, found.what) == (FAIL, "giftping.json is damaged")
    found = judge_ledger(LedgerFacts("", notices=("MongoDB is away",)))
    assert (found.verdict, found.what) == (WARN, "MongoDB is away")


def test_a_ledger_that_nobody_has_written_to_is_not_said_to_have_been_read() -> None:
    found = judge_ledger(LedgerFacts("giftping.json", is_there=False))
    assert (found.verdict, found.what) == (OK, "giftping.json (made by the first write)")
    assert judge_ledger(LedgerFacts("giftping.json")).what == "giftping.json can be read"


def test_documents_that_cannot_be_read_are_named() -> None:
    odd = ("subscriptions: document '1:kingshot': destination is 5, not an object", *(f"odd {n}" for n in range(9)))
    found = judge_ledger(LedgerFacts("giftping.json", odd=odd))
    assert (found.verdict, found.next_step) == (FAIL, "correct or remove what is named")
    assert found.what.startswith(f"10 documents cannot be read and are skipped: {odd[0]}; odd 0")
    assert " and " in found.what
