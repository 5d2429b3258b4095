from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fakes.deliveries import delivery
from fakes.records import LATER, NOON, code, entry, guild

from giftping.codes.explain import Explanation, code_of, explain
from giftping.delivery.deliveries import Delivery, DeliveryState
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import HOME_GAME, Broken, CodeRecord, EntryState, GuildRecord, LedgerEntry, SourceMemory

SEEN = guild(seeded={HOME_GAME: ("site",)})


def told(
    of: GuildRecord | None = SEEN,
    records: tuple[CodeRecord, ...] = (code(),),
    entries: tuple[LedgerEntry, ...] = (),
    listed: tuple[tuple[str, str], ...] = ((HOME_GAME, "GIFT100"),),
    owed: Mapping[str, tuple[datetime, str]] | None = None,
    deliveries: Mapping[str, Delivery] | None = None,
) -> Explanation:
    return explain(
        "GIFT100",
        of,
        records,
        entries,
        listed=listed,
        now=LATER,
        when=lambda moment: f"{moment:%H:%M}",
        skipped_regions=frozenset({"CN"}),
        owed=owed or {},
        deliveries=deliveries or {},
    )


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
    explanation = told(entries=(entry(state=state, message_id=7),))
    assert explanation.answer == answer
    (said,) = [step for step in explanation.steps if "message 7" in step]
    assert "delivery delivery-1" in said


def test_what_is_uncertain_is_settled_by_a_command_that_is_named() -> None:
    unclear = delivery(state=DeliveryState.UNCLEAR, reason="cannot read")
    explanation = told(entries=(entry(),), deliveries={"delivery-1": unclear})
    assert explanation.answer == "Gift100 is uncertain: nobody can tell whether it arrived."
    assert explanation.steps[-1] == "look into the channel, then: giftping codes settle 1 --sent, or --resend"
    (said,) = [step for step in explanation.steps if "unclear" in step]
    assert said.endswith("unclear: cannot read")
    assert any("delivery delivery-1 by host-a" in step for step in explanation.steps)


def test_what_was_given_up_is_said_to_be() -> None:
    closed = delivery(state=DeliveryState.CLOSED)
    answer = told(entries=(entry(),), deliveries={"delivery-1": closed}).answer
    assert answer == "Gift100 was given up: nobody can tell any more whether it arrived."


def test_a_code_that_was_refused_is_owed_though_no_source_lists_it_any_more() -> None:
    explanation = told(listed=(), owed={HOME_GAME: (NOON, "HTTP 404 Unknown Channel (10003)")})
    assert explanation.answer == "Gift100 was refused, and goes out with the next check."
    assert any("owed since (HTTP 404 Unknown Channel (10003))" in step for step in explanation.steps)


def test_one_spelling_in_two_games_is_answered_for_each() -> None:
    other = entry(game="kingshot", state=EntryState.SEEDED)
    answer = told(entries=(entry(state=EntryState.SENT), other)).answer
    assert "was announced (whiteout-survival)" in answer
    assert "first look (kingshot)" in answer


def test_a_guild_that_nobody_added_gets_nothing() -> None:
    explanation = told(of=None)
    assert explanation.answer == "GIFT100 was not announced: the guild is not known."
    assert explanation.steps[-1] == "see: giftping guilds list"


def test_a_code_that_nobody_listed_is_not_announced() -> None:
    explanation = told(records=(), listed=())
    assert explanation.answer == "GIFT100 was not announced: no source lists it."
    assert explanation.steps[0] == "no source has listed it, and nobody added it"


def test_a_guild_gets_no_codes_of_games_that_it_does_not_follow() -> None:
    assert told(of=replace(SEEN, games=("kingshot",))).answer.endswith("the guild does not follow its game.")


def test_an_expired_code_says_when_it_expired() -> None:
    answer = told(records=(code(expires_at=NOON),)).answer
    assert answer == "Gift100 was not announced: expired on 2026-05-04 12:00 UTC."


def test_a_code_of_a_skipped_region_says_where_it_works() -> None:
    assert told(records=(code(regions=("CN",)),)).answer == "Gift100 was not announced: works in CN only."


def test_a_code_that_left_every_list_does_not_go_out() -> None:
    assert told(listed=()).answer == "Gift100 was not announced: no source lists it any more."


def test_a_code_added_by_hand_needs_no_list() -> None:
    assert told(records=(hand_made(),), listed=()).answer == "Gift100 goes out with the next check."


def test_a_broken_destination_says_how_to_mend_it() -> None:
    resting = replace(SEEN, broken=Broken(NOON, "HTTP 403", retry_at=LATER + timedelta(hours=1)))
    assert told(of=resting).answer == (
        "Gift100 waits: the guild's destination is broken (HTTP 403); Discord forbids it there: look at the channel's"
        " permissions, then: giftping guilds test 1 (tried again after 13:07)"
    )


def test_before_the_first_look_a_listed_code_is_one_of_the_old_ones() -> None:
    assert told(of=guild()).answer.startswith("Gift100 is not posted: it was there before the guild's first look")
    assert told(of=guild(announce_current=(HOME_GAME,))).answer == "Gift100 goes out with the next check."
    assert told(of=guild(), records=(hand_made(LATER),), listed=()).answer == "Gift100 goes out with the next check."


def test_otherwise_it_goes_out() -> None:
    explanation = told()
    assert explanation.answer == "Gift100 goes out with the next check."
    assert explanation.steps[:2] == ("whiteout-survival: listed by site (Gift100)", "seen from 12:00 to 12:00")


def test_a_remembered_code_is_judged_as_it_was_listed() -> None:
    assert code_of(code(state="expired", regions=("CN",))).regions == ("CN",)
    assert code_of(code(state="")).state == "unstated"
