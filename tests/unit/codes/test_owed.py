"""What was refused is owed until it goes out or ends, whatever the sources say meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from code_builders import gathered, sighting, source
from fakes.deliveries import delivery, stored
from fakes.discord_route import FORBIDDEN, GONE
from fakes.records import NOON, entry
from hypothesis import given
from hypothesis import strategies as st
from test_check import Stage, mark_after, results, seen, stage

from giftping.codes.owed import OWED_FOR, Owed, missed_by, owed_by, without
from giftping.codes.report import DeliveryResult
from giftping.codes.request import CheckRequest
from giftping.delivery.deliveries import MISSED_KEPT, Deliveries, DeliveryState, delivery_document, delivery_from
from giftping.discord.outcome import Refused
from giftping.store.base import HOME_GAME, EntryState
from giftping.store.documents import DELIVERIES

NO_CHANNEL = Refused("HTTP 404 Unknown Channel (10003)", 404, 10003, lasting=True)
FORUM = Refused("HTTP 400 Cannot send messages in a non-text channel (50008)", 400, 50008, lasting=True)
WEBHOOK_OF_FORUM = Refused("HTTP 400 … must have a thread_name (220001)", 400, 220001, lasting=True)
HALF_AN_HOUR, HOUR, DAY = timedelta(minutes=30), timedelta(hours=1), timedelta(days=1)


def unlist(play: Stage) -> None:
    play.listed = gathered([], [source()], lists="lists-2")


def owed(play: Stage) -> set[str]:
    return {one.id for one in owed_by(stored(play.store).values())}


@pytest.mark.parametrize("still_listed", [True, False])
@pytest.mark.parametrize("answer", [NO_CHANNEL, FORBIDDEN, FORUM, WEBHOOK_OF_FORUM])
def test_a_code_goes_out_when_its_channel_is_back(answer: Refused, still_listed: bool) -> None:
    play = stage("New1000")
    play.route().answer(answer)
    assert results(play.run()) == [(1, DeliveryResult.REFUSED)]
    assert owed(play) == {"1:NEW1000"}
    if not still_listed:
        unlist(play)
    play.run()
    assert len(play.route().posted) == 1, "it rests"
    play.clock.pass_time(HOUR)
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert owed(play) == set()
    assert (play.store.states(), play.run().broken) == ({"1:NEW1000": "sent"}, 0)


def test_a_channel_that_is_not_there_is_tried_after_half_an_hour_then_ever_later_up_to_a_day() -> None:
    play = stage("New1000")
    play.route().answer(*[NO_CHANNEL] * 99)
    tried = []
    for minute in range(0, 5 * 24 * 60, 10):
        posts = len(play.route().posted)
        play.run()
        tried += [minute] if len(play.route().posted) > posts else []
        play.clock.pass_time(timedelta(minutes=10))
    assert [after - before for before, after in pairwise(tried)] == [30, 60, 120, 240, 480, 960, 1440, 1440, 1440]


def test_a_refusal_that_passes_stays_owed_when_no_source_lists_the_code_any_more() -> None:
    play = stage("New1000")
    play.route().answer(Refused("HTTP 429, 5 times in a row", 429))
    play.run()
    unlist(play)
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert owed(play) == set()


def test_a_code_that_ends_before_it_can_go_out_is_told_as_missed_once() -> None:
    play = stage(subscriptions=[seen(1), seen(2)])
    play.listed = gathered([sighting("New1000", expires_at=NOON + 2 * HOUR)], [source()])
    play.route(1).answer(GONE)
    mark = mark_after(play.run())
    assert mark is None, "what was just refused is looked at by the next run"
    mark = mark_after(play.run())
    assert mark is not None
    assert mark.due_at == NOON + 2 * HOUR, "an idle run does not sleep past its end"
    play.clock.pass_time(3 * HOUR)
    report = play.run()
    (missed,) = report.missed
    assert (missed.guild_id, missed.spelling, missed.reason) == (1, "New1000", GONE.reason)
    assert "expired" in missed.ended
    assert report.exit_code == 69
    assert (play.run().missed, owed(play)) == ((), set())


def test_a_code_whose_end_nobody_knows_is_owed_for_a_month() -> None:
    play = stage("New1000")
    play.route().answer(GONE)
    play.run()
    unlist(play)
    play.clock.pass_time(OWED_FOR - DAY)
    assert [rest.owed for rest in play.run().resting()] == [1]
    play.clock.pass_time(2 * DAY)
    assert [missed.spelling for missed in play.run().missed] == ["New1000"]


def test_a_code_that_is_still_listed_is_owed_for_as_long_as_that() -> None:
    play = stage("New1000")
    play.route().answer(GONE)
    play.run()
    play.clock.pass_time(OWED_FOR + DAY)
    report = play.run()
    assert (report.missed, [rest.owed for rest in report.resting()]) == ((), [1])


def test_what_a_guild_does_not_follow_any_more_is_not_owed() -> None:
    play = stage("New1000")
    play.route().answer(GONE)
    play.run()
    play.store.remove_subscriptions(1)
    assert play.run().missed == ()
    assert owed(play) == set()


def test_a_run_about_one_guild_leaves_what_others_are_owed() -> None:
    play = stage("New1000", subscriptions=[seen(1), seen(2)])
    play.route(1).answer(GONE)
    play.route(2).answer(GONE)
    play.run()
    before = owed(play)
    play.run(CheckRequest(guild_id=2))
    assert owed(play) == before
    assert len(before) == 2


def test_a_dry_run_tells_what_was_missed_and_forgets_nothing() -> None:
    play = stage()
    play.listed = gathered([sighting("New1000", expires_at=NOON + HOUR)], [source()])
    play.route(1).answer(GONE)
    play.run()
    play.clock.pass_time(2 * HOUR)
    assert len(play.run(CheckRequest(dry_run=True)).missed) == 1
    assert owed(play) != set()


def test_what_the_ledger_has_meanwhile_is_not_owed_any_more() -> None:
    play = stage("New1000")
    play.route().answer(GONE)
    play.run()
    (one,) = play.store.subscriptions()
    play.store.insert([entry(1, "NEW1000", state=EntryState.SENT)])
    play.store.put_subscriptions(replace(one, broken=None))
    unlist(play)
    assert list(play.run().deliveries()) == []
    assert owed(play) == set()


def test_a_document_that_cannot_be_read_is_named_and_holds_up_nobody() -> None:
    play = stage("New1000")
    odd = {**delivery_document(delivery("OLD1000", state=DeliveryState.REFUSED)), "since": "soon"}
    play.store.insert_documents(DELIVERIES, [odd])
    report = play.run()
    assert results(report) == [(1, DeliveryResult.SENT)]
    assert ["delivery-1" in line and "since" in line for line in report.trouble] == [True]


def test_each_code_is_owed_once_since_it_was_refused_first() -> None:
    refused = [
        delivery("GIFT100", "GIFT200", state=DeliveryState.REFUSED, owed_since=NOON + HOUR, reason="HTTP 404"),
        delivery("GIFT200", id="delivery-2", state=DeliveryState.REFUSED, owed_since=NOON, reason="HTTP 403"),
        delivery("GIFT300", id="delivery-3", state=DeliveryState.UNCLEAR),
    ]
    assert owed_by(refused) == [
        Owed("1:GIFT100", 1, HOME_GAME, "GIFT100", "Gift100", NOON + HOUR, "HTTP 404"),
        Owed("1:GIFT200", 1, HOME_GAME, "GIFT200", "Gift200", NOON, "HTTP 403"),
    ]


def test_a_refused_delivery_owes_what_is_not_over_and_goes_with_the_last_of_it() -> None:
    written = [delivery("GIFT100", "GIFT200"), delivery("GIFT300", id="delivery-3"), delivery("GIFT400", id="other")]
    refused = [delivery_from(delivery_document(one)) for one in written]
    narrowed, gone = without(refused, dict.fromkeys(("1:GIFT100", "1:GIFT300"), ""), NOON)
    assert narrowed.after is not None
    assert (narrowed.after["entries"], narrowed.after["spellings"]) == (["1:GIFT200"], ["Gift200"])
    assert (gone.id, gone.after) == ("delivery-3", None)


@given(st.dictionaries(st.sampled_from(["1:GIFT100", "1:GIFT200", "1:GIFT300"]), st.sampled_from(["", "x", "y"])))
def test_each_code_that_was_owed_is_owed_still_or_on_record_as_missed_or_neither(over: dict[str, str]) -> None:
    refused = delivery("GIFT100", "GIFT200", "GIFT300", state=DeliveryState.REFUSED, owed_since=NOON, reason="HTTP 404")
    kept = delivery_from(delivery_document(refused))
    changes = without([kept], over, NOON + HOUR)
    after = [delivery_from(one.after) for one in changes if one.after is not None] if changes else [kept]
    assert {one.id for one in owed_by(after)} == set(refused.entries) - over.keys()
    missed = missed_by(after)
    assert {one.id: one.over_reason for one in missed} == {id_: why for id_, why in over.items() if why}
    assert all((one.since, one.over_at, one.reason) == (NOON, NOON + HOUR, "HTTP 404") for one in missed)
    assert len({one.id for one in after}) == len(after)


def test_what_was_missed_is_on_record_for_a_year_and_a_run_does_not_read_it() -> None:
    play = stage(subscriptions=[seen(1)])
    for code in ("New1000", "New2000"):
        play.listed = gathered([sighting(code, expires_at=play.clock.now + HOUR)], [source()], lists=code)
        play.route(1).answer(GONE)
        play.run()
        play.clock.pass_time(2 * HOUR)
        assert [one.spelling for one in play.run().missed] == [code]
        assert [one.spelling for one in missed_by(stored(play.store).values())] == [code]
        assert Deliveries(play.store, play.lock, play.clock).load() == []
        play.clock.pass_time(MISSED_KEPT)


def test_one_deleted_channel_among_many_does_not_deafen_the_monitor() -> None:
    play = stage("New1000", subscriptions=[seen(number) for number in range(1, 201)])
    play.route(50).answer(*[NO_CHANNEL] * 99)
    first = play.run()
    refused = [delivery for delivery in first.deliveries() if delivery.result is DeliveryResult.REFUSED]
    assert [(delivery.guild_id, delivery.broke) for delivery in refused] == [(50, True)]
    for _ in range(50):
        play.clock.pass_time(HALF_AN_HOUR)
        report = play.run()
        assert (report.exit_code, report.broken) == (0, 1), "only the runs that tell of it count it"
    assert sum(len(play.route(number).posted) for number in range(1, 201) if number != 50) == 199
