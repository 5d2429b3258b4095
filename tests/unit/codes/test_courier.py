from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from code_builders import WOS, code, codes
from fakes.clock import TestClock
from fakes.deliveries import FakeLock, delivery, delivery_states, put_delivery, stored
from fakes.discord_route import BAD_FORM, FORBIDDEN, GONE, NO_TOKEN, TIMED_OUT, FakeRoute, Routes
from fakes.records import NOON, entry, subscription
from fakes.store import MemoryStore, NotingEngine
from fakes.words import ENGLISH, in_english

from giftping.codes.announcement import announcements
from giftping.codes.courier import Courier
from giftping.codes.entries import Origins
from giftping.codes.look import Look
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.delivery.deliveries import Deliveries, Delivery, DeliveryState
from giftping.discord.outcome import Done, Refused, Unclear
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.settings.sources import MANUAL_SOURCE
from giftping.store.base import Broken, Destination, EntryState, StoreError, Style, Subscription
from giftping.store.documents import LEDGER
from giftping.store.engine import Change

MANY = [f"Code{number:04}" for number in range(23)]


@dataclass
class Play:
    store: MemoryStore
    route: FakeRoute
    clock: TestClock
    courier: Courier
    subscription: Subscription

    def announce(self, *spellings: str, owed: tuple[Delivery, ...] = ()) -> list[DeliveryReport]:
        return self.courier.announce(self.subscription, WOS, codes(*spellings), owed)

    def owed(self) -> tuple[Delivery, ...]:
        return tuple(one for one in stored(self.store).values() if one.state is DeliveryState.REFUSED)


def play(of: Subscription | None = None) -> Play:
    record = of or subscription()
    store, route, clock = MemoryStore([record]), FakeRoute(), TestClock()
    routes = Routes([(record.destination, route)])
    courier = Courier(Deliveries(store, FakeLock(), clock), routes, clock, clock, Origins({"api": "api"}), in_english)
    return Play(store, route, clock, courier, record)


def results(reports: list[DeliveryReport]) -> list[DeliveryResult]:
    return [report.result for report in reports]


def test_a_code_is_claimed_before_it_is_posted_and_sent_after() -> None:
    stage = play()
    seen: list[dict[str, str]] = []
    stage.route.before_post = lambda: seen.append(stage.store.states())
    at = snowflake_time(snowflake_at(NOON + timedelta(minutes=1)))
    posted = snowflake_at(at) + 1
    stage.route.answer(Done(posted, 500))
    reports = stage.announce("Gift100")
    assert seen == [{"1:GIFT100": "open"}]
    assert results(reports) == [DeliveryResult.SENT]
    sent = stage.store.ledger["1:GIFT100"]
    assert (sent.state, sent.message_id, sent.channel_id, sent.source) == (EntryState.SENT, posted, 500, "api")
    assert sent.sent_at == at, "as Discord dates it"
    assert delivery_states(stage.store) == [("done", ("Gift100",))]


@pytest.mark.parametrize("message_id", [1, 700_001, snowflake_at(NOON + timedelta(days=1)), 2**63])
def test_no_code_counts_as_sent_at_a_time_that_cannot_be(message_id: int) -> None:
    stage = play()
    stage.route.answer(Done(message_id, 500))
    stage.announce("Gift100")
    assert abs(stage.store.ledger["1:GIFT100"].sent_at - NOON) < timedelta(minutes=1)


def test_a_code_that_the_ledger_holds_already_is_not_posted() -> None:
    stage = play()
    stage.store.insert([entry(1, "GIFT100", delivery_id="other")])
    assert results(stage.announce("Gift100")) == [DeliveryResult.TAKEN]
    assert stage.route.posted == []


def test_codes_that_another_host_took_are_left_out_of_the_message() -> None:
    """D1: two instances that both checked before both sent posted the same code twice."""
    stage = play()
    stage.store.insert([entry(1, "GIFT200", delivery_id="other")])
    (report,) = stage.announce("Gift100", "Gift200", "Gift300")
    assert report.codes == ("Gift100", "Gift300")
    assert stage.route.codes() == [{"Gift100", "Gift300"}]
    assert stage.store.states() == {"1:GIFT100": "sent", "1:GIFT200": "open", "1:GIFT300": "sent"}


def test_a_later_part_that_loses_a_code_still_mentions_nobody() -> None:
    stage = play(subscription(mentions=("42",)))
    stage.store.insert([entry(1, "CODE0012", delivery_id="other")])
    stage.announce(*MANY)
    assert [posted.message.mention_roles for posted in stage.route.posted] == [(42,), (), ()]
    recorded = [stage.store.ledger[f"1:{key.upper()}"].mentions for key in (MANY[0], MANY[11], MANY[22])]
    assert recorded == [("42",), (), ()]


@pytest.mark.parametrize("style", list(Style))
def test_the_ledger_says_how_a_message_looks_and_whom_it_mentions(style: Style) -> None:
    stage = play(subscription(mentions=("42", "here"), style=style))
    stage.announce("Gift100")
    entry = stage.store.ledger["1:GIFT100"]
    assert (entry.style, entry.mentions) == (style, ("42", "here"))


def test_many_codes_in_the_compact_style_are_one_message() -> None:
    stage = play(subscription(style=Style.COMPACT))
    assert results(stage.announce(*MANY)) == [DeliveryResult.SENT]
    assert stage.route.codes() == [set(MANY)]


def test_the_codes_of_one_message_carry_one_delivery_and_one_date() -> None:
    stage = play()
    stage.route.answer(TIMED_OUT)
    stage.announce("Gift100", "Gift200")
    (left,) = stored(stage.store).values()
    entries = stage.store.ledger.values()
    assert {(one.delivery_id, one.created_at) for one in entries} == {(left.id, NOON)}
    assert left.entries == tuple(one.id for one in entries)


def test_a_refused_post_leaves_nothing_behind_and_can_go_out_later() -> None:
    stage = play()
    stage.route.answer(BAD_FORM)
    assert results(stage.announce("Gift100")) == [DeliveryResult.REFUSED]
    assert stage.store.states() == {}
    assert delivery_states(stage.store) == [("refused", ("Gift100",))]
    assert stage.store.subscriptions()[0].broken is None
    assert results(stage.announce("Gift100", owed=stage.owed())) == [DeliveryResult.SENT]
    assert delivery_states(stage.store) == [("done", ("Gift100",))]


@pytest.mark.parametrize("code", [50035, 50006, 50109, 40005, 200000, 240000, 99999])
def test_a_message_that_is_refused_for_its_content_is_left_alone_for_longer_each_time(code: int) -> None:
    stage = play()
    waits = []
    for _ in range(7):
        stage.route.answer(Refused("HTTP 400: no", 400, code))
        (report,) = stage.announce("Gift100", owed=stage.owed())
        (owed,) = stage.owed()
        assert report.retry_at == owed.retry_at
        assert report.waits_for_a_person
        waits.append((owed.retry_at - stage.clock()) // timedelta(hours=1))
    assert waits == [1, 2, 4, 8, 16, 24, 24]
    assert stage.store.subscriptions()[0].broken is None, "the place is not to blame"


def test_what_was_refused_for_its_content_goes_alone_the_next_time() -> None:
    stage = play(subscription(mentions=("42",)))
    stage.route.answer(BAD_FORM)
    stage.announce("Gift100", "Gift200")
    stage.announce("Gift100", "Gift200", "Gift300", owed=stage.owed())
    assert stage.route.codes()[1:] == [{"Gift300"}, {"Gift100"}, {"Gift200"}]
    assert [one.message.mention_roles for one in stage.route.posted[1:]] == [(42,), (), ()]


@pytest.mark.parametrize("refused", [FORBIDDEN, Refused("HTTP 429", 429), Refused("could not connect")])
def test_no_other_no_leaves_a_message_alone(refused: Refused) -> None:
    stage = play()
    stage.route.answer(refused)
    stage.announce("Gift100")
    assert [one.retry_at for one in stage.owed()] == [None]


def test_an_unclear_post_stays_written_and_is_known_to_be_quiet_from_then_on() -> None:
    """D4: codes were marked sent before, or whether or not, Discord took the message."""
    stage = play()
    stage.route.answer(TIMED_OUT)
    assert results(stage.announce("Gift100")) == [DeliveryResult.UNCLEAR]
    assert stage.store.states() == {"1:GIFT100": "open"}
    (left,) = stored(stage.store).values()
    assert (left.state, left.holder.process, left.quiet_since) == (DeliveryState.WRITTEN, "", snowflake_at(NOON))


@pytest.mark.parametrize("can_look", [True, False])
def test_an_unclear_post_is_said_to_be_looked_for_where_its_way_lets_somebody_look(*, can_look: bool) -> None:
    stage = play()
    stage.route.can_look = can_look
    stage.route.answer(TIMED_OUT)
    assert [one.can_look for one in stage.announce("Gift100")] == [can_look]


@pytest.mark.parametrize("answer", [BAD_FORM, TIMED_OUT])
def test_a_failure_in_the_middle_leaves_the_first_part_sent_and_the_rest_open(answer: Refused) -> None:
    stage = play()
    stage.route.answer(Done(700_001, 500), answer)
    reports = stage.announce(*MANY)
    assert reports[0].result is DeliveryResult.SENT
    assert reports[1].result is not DeliveryResult.SENT
    assert (reports[2].result, reports[2].reason) == (
        DeliveryResult.REFUSED,
        "not tried, because the message before it did not go out",
    )
    sent = [id_ for id_, state in stage.store.states().items() if state == "sent"]
    assert sorted(sent) == [f"1:CODE{number:04}" for number in range(10)]
    assert not {f"1:CODE{number:04}" for number in range(20, 23)} & set(stage.store.ledger)
    assert ("refused", tuple(MANY[20:])) in delivery_states(stage.store), "they are owed"


def test_a_lasting_no_marks_the_destination_broken_and_is_told() -> None:
    stage = play()
    stage.route.answer(FORBIDDEN)
    (report,) = stage.announce("Gift100")
    broken = stage.store.subscriptions()[0].broken
    assert broken is not None
    assert (broken.reason, broken.times, broken.retry_at is None) == (FORBIDDEN.reason, 1, False)
    assert (report.told, report.broke) == (True, True)


def test_a_no_that_an_earlier_run_told_is_not_told_again() -> None:
    stage = play(subscription(broken=Broken(NOON, FORBIDDEN.reason)))
    stage.route.answer(FORBIDDEN)
    (report,) = stage.announce("Gift100")
    assert not report.told
    broken = stage.store.subscriptions()[0].broken
    assert broken is not None
    assert broken.times == 2


def test_a_webhook_that_is_gone_is_never_tried_again() -> None:
    stage = play()
    stage.route.answer(GONE)
    stage.announce("Gift100")
    broken = stage.store.subscriptions()[0].broken
    assert broken is not None
    assert broken.retry_at is None


def test_a_no_that_is_not_about_the_destination_breaks_nothing() -> None:
    stage = play()
    stage.route.answer(Refused("HTTP 401", 401, lasting=True, everywhere=True))
    (report,) = stage.announce("Gift100")
    assert stage.store.subscriptions()[0].broken is None
    assert not report.broke


def test_a_post_that_goes_through_mends_the_destination() -> None:
    stage = play(subscription(broken=Broken(NOON, FORBIDDEN.reason)))
    stage.announce("Gift100")
    assert stage.store.subscriptions()[0].broken is None


def test_without_a_way_every_code_stays_open() -> None:
    stage = play()
    stage.courier = replace(stage.courier, routes=lambda _: NO_TOKEN)
    reports = stage.announce(*MANY)
    assert {report.reason for report in reports} == {NO_TOKEN.reason}
    assert [spelling for report in reports for spelling in report.codes] == MANY
    assert stage.store.states() == {}
    assert delivery_states(stage.store) == [("refused", tuple(MANY))]
    stage.announce(*MANY, owed=stage.owed())
    assert len(stored(stage.store)) == 1, "what is owed is said once"


def test_nothing_to_announce_asks_for_no_way() -> None:
    stage = play()
    assert stage.announce() == []
    assert isinstance(stage.courier.routes, Routes)
    assert stage.courier.routes.asked == []


def test_a_ledger_that_cannot_be_written_stops_the_post() -> None:
    stage = play()
    stage.store.failing.add("add sent_giftcodes")
    with pytest.raises(StoreError):
        stage.announce("Gift100")
    assert stage.route.posted == []


def test_a_ledger_that_fails_after_the_post_leaves_the_claim_to_be_settled() -> None:
    stage = play()
    stage.store.failing.add("amend sent_giftcodes")
    with pytest.raises(StoreError):
        stage.announce(*MANY)
    assert len(stage.route.posted) == 1
    assert set(stage.store.states().values()) == {"open"}


def test_a_rehearsal_claims_and_posts_nothing() -> None:
    stage = play()
    reports = stage.courier.rehearse(stage.subscription, announcements(Look(WOS, ENGLISH), codes(*MANY)))
    assert results(reports) == [DeliveryResult.PLANNED] * 3
    assert all(report.message for report in reports)
    assert stage.store.calls == []
    assert stage.route.posted == []


def test_a_rehearsal_tells_when_there_is_no_way() -> None:
    stage = play()
    courier = replace(stage.courier, routes=lambda _: NO_TOKEN)
    reports = courier.rehearse(stage.subscription, announcements(Look(WOS, ENGLISH), codes("Gift100")))
    assert results(reports) == [DeliveryResult.REFUSED]


def test_seeding_records_without_posting_and_leaves_what_is_there() -> None:
    stage = play()
    stage.store.insert([entry(1, "GIFT100", state=EntryState.SENT)])
    stage.courier.seed(stage.subscription, codes("Gift100", "Gift200"))
    assert stage.store.states() == {"1:GIFT100": "sent", "1:GIFT200": "seeded"}
    assert stage.store.ledger["1:GIFT200"].delivery_id == ""
    assert stage.route.posted == []


def test_a_claim_by_webhook_names_no_channel_and_one_by_the_bot_does() -> None:
    for destination, channel in ((Destination(webhook="env:HOOK"), None), (Destination(channel_id=500), 500)):
        stage = play(subscription(destination=destination))
        stage.route.answer(TIMED_OUT)
        stage.announce("Gift100")
        assert stage.store.ledger["1:GIFT100"].channel_id == channel


def test_the_ledger_names_the_most_direct_place_that_lists_a_code() -> None:
    origins = Origins({"an-api": "api", "a-feed": "rss", "a-page": "website"})
    assert origins.of(code(sources=("a-feed", "a-page", "an-api"))) == "api"
    assert origins.of(code(sources=("a-feed", "a-page"))) == "rss"
    assert origins.of(code(sources=("a-page", MANUAL_SOURCE))) == "website"
    assert origins.of(code(sources=(MANUAL_SOURCE,))) == "manual"
    assert origins.of(code(sources=("a-source-that-is-gone",))) == "manual"


def test_a_run_that_is_told_to_stop_claims_nothing_more() -> None:
    stage = play()
    courier = replace(stage.courier, stopped=lambda: bool(stage.route.posted))
    reports = courier.announce(stage.subscription, WOS, codes(*MANY))
    assert results(reports) == [DeliveryResult.SENT]
    assert set(stage.store.states().values()) == {"sent"}


def test_a_post_that_was_taken_back_while_it_waited_is_no_refusal() -> None:
    stage = play()
    stage.route.answer(Refused("told to stop", withdrawn=True))
    (report,) = stage.announce("Gift100")
    assert (report.result, report.reason) == (DeliveryResult.RELEASED, "told to stop")
    assert stage.store.states() == {}
    assert delivery_states(stage.store) == [("refused", ("Gift100",))], "it is owed"
    assert stage.store.subscriptions()[0].broken is None


def test_it_is_noted_as_written_just_before_its_first_byte() -> None:
    stage = play()
    seen: list[DeliveryState] = []
    fenced: list[DeliveryState] = []
    stage.route.before_post = lambda: seen.extend(one.state for one in stored(stage.store).values())
    stage.route.after_fence = lambda: fenced.extend(one.state for one in stored(stage.store).values())
    stage.announce("Gift100")
    assert (seen, fenced) == ([DeliveryState.CLAIMED], [DeliveryState.WRITTEN])


def test_what_another_host_has_taken_over_meanwhile_is_not_sent() -> None:
    """A process that is frozen between its claim and its post for longer than the lease wakes up at the fence."""
    stage = play()

    def take_over() -> None:
        (one,) = stored(stage.store).values()
        assert Deliveries(stage.store, FakeLock("host-b"), stage.clock).take_over(one, NOON)

    stage.route.before_post = take_over
    (report,) = stage.announce("Gift100")
    assert report.result is DeliveryResult.TAKEN
    assert stage.route.posted == []
    assert stage.store.states() == {"1:GIFT100": "open"}, "it is the other's"


def test_a_message_that_went_out_although_it_was_taken_over_is_recorded_before_the_other_posts_it() -> None:
    stage = play()

    def take_over() -> None:
        (one,) = stored(stage.store).values()
        assert Deliveries(stage.store, FakeLock("host-b"), stage.clock).take_over(one, NOON)

    stage.route.after_fence = take_over
    assert results(stage.announce("Gift100")) == [DeliveryResult.SENT]
    assert stage.store.states() == {"1:GIFT100": "sent"}
    assert delivery_states(stage.store) == [("done", ("Gift100",))]


def test_a_message_that_went_out_although_it_was_freed_meanwhile_is_recorded_as_sent() -> None:
    stage = play()

    def free() -> None:
        (one,) = stored(stage.store).values()
        others = Deliveries(stage.store, FakeLock("host-b"), stage.clock)
        entries = [Change(LEDGER, one, None) for one in stage.store.engine.get(LEDGER, one.entries).values()]
        assert others.remove(others.take_over(one, NOON) or one, entries)

    stage.route.after_fence = free
    assert results(stage.announce("Gift100")) == [DeliveryResult.SENT]
    assert stage.store.states() == {"1:GIFT100": "sent"}


def test_without_discords_time_nothing_is_claimed_and_all_of_it_is_owed() -> None:
    stage = play()
    stage.route.unheard = Unclear("timed out")
    (report,) = stage.announce("Gift100")
    assert (report.result, report.everywhere) == (DeliveryResult.REFUSED, True)
    assert stage.route.posted == []
    assert delivery_states(stage.store) == [("refused", ("Gift100",))]


def test_a_new_attempt_remembers_since_when_its_codes_are_owed_and_takes_the_place_of_what_it_covers() -> None:
    stage = play()
    since = NOON - timedelta(days=3)
    of_two = delivery("GIFT100", "GIFT200", id="of-two", state=DeliveryState.REFUSED, owed_since=since)
    whole = delivery("GIFT100", id="whole", state=DeliveryState.REFUSED, owed_since=since + timedelta(days=1))
    owed = tuple(put_delivery(stage.store, one, entries=False) for one in (of_two, whole))
    stage.route.answer(BAD_FORM)
    stage.announce("Gift100", owed=owed)
    left = stored(stage.store)
    assert "whole" not in left
    assert left.pop("of-two").spellings == ("Gift100", "Gift200")
    (again,) = left.values()
    assert (again.state, again.owed_since) == (DeliveryState.REFUSED, since)


class HeldBack(NotingEngine):
    """An engine that holds back once it has made a number of changes."""

    after = 99

    @property
    def held_back(self) -> str:  # type: ignore[override]  # a test counts
        return "MongoDB is away" if len([call for call in self.calls if "deliveries" in call]) >= self.after else ""


@pytest.mark.parametrize(("after", "claims"), [(0, 0), (1, 1), (2, 2)])
def test_nothing_is_sent_once_the_store_holds_back(after: int, claims: int) -> None:
    """Before the claim, as its write noticed that MongoDB is away, or the fence's did."""
    stage = play()
    engine = HeldBack()
    engine.after = after
    stage.store.engine = engine
    stage.announce("Gift100")
    assert stage.route.posted == []
    writes = [call for call in engine.calls if call.split()[0] in ("add", "amend") and "deliveries" in call]
    assert len(writes) >= claims
