from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fakes.deliveries import delivery
from fakes.records import LATER, NOON, code, entry, subscription

from giftping.codes.explain import Explanation, code_of, explain
from giftping.codes.holds import JudgingRules
from giftping.codes.owed import Owed
from giftping.delivery.deliveries import Delivery, DeliveryState
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import (
    HOME_GAME,
    Broken,
    CodeRecord,
    EntryState,
    LedgerEntry,
    Round,
    SourceMemory,
    Subscription,
)

SEEN = subscription(seeded=("site",))


def told(
    *of: Subscription,
    known: bool = True,
    records: tuple[CodeRecord, ...] = (code(),),
    entries: tuple[LedgerEntry, ...] = (),
    listed: tuple[tuple[str, str], ...] = ((HOME_GAME, "GIFT100"),),
    owed: Mapping[str, Owed] | None = None,
    deliveries: Mapping[str, Delivery] | None = None,
    held_back: str = "",
    missed: tuple[Owed, ...] = (),
) -> Explanation:
    return explain(
        "GIFT100",
        (of or (SEEN,)) if known else (),
        records,
        entries,
        listed=listed,
        now=LATER,
        when=lambda moment: f"{moment:%H:%M}",
        rules=JudgingRules({}, {}, frozenset({"CN"})),
        owed=owed or {},
        deliveries=deliveries or {},
        held_back=held_back,
        missed=missed,
    )


def owed_code(reason: str, retry_at: datetime | None = None) -> Owed:
    return Owed("1:GIFT100", 1, HOME_GAME, "GIFT100", "Gift100", NOON, reason, retry_at)


def test_what_would_go_out_waits_while_everything_is_held_back() -> None:
    assert told().answer == "Gift100 goes out with the next check."
    assert told(held_back="the database is away").answer == "Gift100 waits: the database is away"
    owed = {HOME_GAME: owed_code("HTTP 500")}
    assert told(owed=owed).answer == "Gift100 was refused, and goes out with the next check."
    waits = told(owed=owed, held_back="the database is away").answer
    assert waits == "Gift100 was refused, and waits: the database is away"


def hand_made(at: datetime = NOON) -> CodeRecord:
    return code(sources={MANUAL_SOURCE: SourceMemory("Gift100", at, at)})


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (EntryState.SENT, "Gift100 was announced."),
        (EntryState.SEEDED, "Gift100 was not posted: it was there at the guild's first look."),
        (EntryState.OPEN, "Gift100 is on its way, or a run was cut short: the next check looks for it."),
    ],
)
def test_what_the_ledger_holds_is_the_answer(state: EntryState, answer: str) -> None:
    assert told(entries=(entry(state=state, message_id=7),)).answer == answer


def test_what_went_out_of_an_earlier_round_says_nothing_of_the_present_one() -> None:
    anew, before = code(rounds=(Round(NOON, "said by ada"),)), entry(state=EntryState.SENT)
    assert told(records=(anew,), entries=(before,)).answer == "Gift100 goes out with the next check."
    both = (before, replace(before, number=2))
    assert told(records=(anew,), entries=both).answer == "Gift100 was announced."


def test_what_is_uncertain_is_settled_by_a_command_that_is_named() -> None:
    unclear = delivery(state=DeliveryState.UNCLEAR, reason="cannot read")
    explanation = told(entries=(entry(),), deliveries={"delivery-1": unclear})
    assert explanation.answer == "Gift100 is uncertain: nobody can tell whether it arrived."
    settle = "`giftping codes settle 1 --sent` or `giftping codes settle 1 --resend`"
    assert explanation.steps[-1] == f"look into the channel, then: {settle}"


def test_what_was_given_up_is_said_to_be() -> None:
    closed = delivery(state=DeliveryState.CLOSED)
    answer = told(entries=(entry(),), deliveries={"delivery-1": closed}).answer
    assert answer == "Gift100 was given up: nobody can tell any more whether it arrived."


def test_a_code_whose_message_was_refused_is_tried_again_later_and_not_by_the_next_check() -> None:
    at = LATER + timedelta(hours=1)
    explanation = told(owed={HOME_GAME: owed_code("HTTP 400 Invalid Form Body (50035)", retry_at=at)})
    assert explanation.answer == (
        f"Gift100 was refused, and is tried again after {at:%H:%M}; at once: giftping guilds test 1."
    )
    assert any("refuses the message itself" in step for step in explanation.steps)


def test_a_code_that_was_refused_is_owed_though_no_source_lists_it_any_more() -> None:
    explanation = told(listed=(), owed={HOME_GAME: owed_code("HTTP 404 Unknown Channel (10003)")})
    assert explanation.answer == "Gift100 was refused, and goes out with the next check."


def test_one_spelling_in_two_games_is_answered_for_each() -> None:
    other = entry(game="kingshot", state=EntryState.SEEDED)
    answer = told(entries=(entry(state=EntryState.SENT), other)).answer
    assert "was announced (whiteout-survival)" in answer
    assert "first look (kingshot)" in answer


def test_a_guild_that_nobody_added_gets_nothing() -> None:
    explanation = told(known=False)
    assert explanation.answer == "GIFT100 was not announced: the guild is not known."
    assert explanation.steps[-1] == "see: giftping guilds list"


def test_a_code_that_nobody_listed_is_not_announced() -> None:
    explanation = told(records=(), listed=())
    assert explanation.answer == "GIFT100 was not announced: no source lists it."
    assert explanation.steps[0] == "no source has listed it, and nobody added it"


def test_a_code_that_a_run_has_seen_and_taken_no_note_of_waits_for_what_held_that_back() -> None:
    assert told(records=(), held_back="another host is here").answer == "GIFT100 waits: another host is here"
    assert told(records=()).answer == "GIFT100 is looked at by the next check."
    assert "no source has listed it, and nobody added it" not in told(records=()).steps
    elsewhere = told(records=(), listed=(("kingshot", "GIFT100"),), held_back="another host is here")
    assert elsewhere.answer == "GIFT100 was not announced: no source lists it."


def test_a_guild_gets_no_codes_of_games_that_it_does_not_follow() -> None:
    assert told(replace(SEEN, game="kingshot")).answer.endswith("the guild does not follow its game.")


def test_an_expired_code_says_when_it_expired() -> None:
    answer = told(records=(code(expires_at=NOON),)).answer
    assert answer == "Gift100 was not announced: expired on 2026-05-04 12:00 UTC."


def test_a_code_of_a_skipped_region_says_where_it_works() -> None:
    assert told(records=(code(regions=("CN",)),)).answer == "Gift100 was not announced: works in CN only."


def test_a_code_that_left_every_list_does_not_go_out() -> None:
    assert told(listed=()).answer == "Gift100 was not announced: no source lists it any more."


def test_a_code_added_by_hand_needs_no_list() -> None:
    assert told(records=(hand_made(),), listed=()).answer == "Gift100 goes out with the next check."


@pytest.mark.parametrize("reason", ["HTTP 403", "HTTP 400 Invalid Form Body (50035)", "HTTP 429, 5 times in a row"])
def test_of_what_was_refused_until_it_ended_that_is_said(reason: str) -> None:
    missed = Owed(
        "1:GIFT100", 1, HOME_GAME, "GIFT100", "Gift100", NOON - timedelta(hours=1), reason, None, NOON, "expired"
    )
    ended = code(expires_at=NOON)
    answer = told(records=(ended,), missed=(missed,)).answer
    assert answer.startswith("Gift100 was not announced: expired on ")
    assert answer.endswith(f"; until then, since 11:00, it was refused: {reason}.")
    assert reason not in told(records=(ended,), missed=(replace(missed, id="1:GIFT100~2"),)).answer, "of its round"
    assert told(missed=(missed,)).answer == told().answer, "it may go out again"


def test_a_broken_destination_says_how_to_mend_it() -> None:
    resting = replace(SEEN, broken=Broken(NOON, "HTTP 403", retry_at=LATER + timedelta(hours=1)))
    assert told(resting).answer == (
        "Gift100 waits: the guild's destination is broken (HTTP 403); Discord forbids it there: look at the channel's"
        " permissions, then: giftping guilds test 1 (tried again after 13:07)"
    )


def test_before_the_first_look_a_listed_code_is_one_of_the_old_ones() -> None:
    assert told(subscription()).answer.startswith("Gift100 is not posted: it was there before the guild's first look")
    assert told(subscription(announce_current=True)).answer == "Gift100 goes out with the next check."
    assert (
        told(subscription(), records=(hand_made(LATER),), listed=()).answer == "Gift100 goes out with the next check."
    )


def test_otherwise_it_goes_out() -> None:
    assert told().answer == "Gift100 goes out with the next check."


def test_a_remembered_code_is_judged_as_it_was_listed() -> None:
    assert code_of(code(state="expired", regions=("CN",))).regions == ("CN",)
    assert code_of(code(state="")).state == "unstated"
