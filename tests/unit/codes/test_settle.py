"""What an earlier run left under way: looked for, then recorded, repeated, freed, or shown to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from code_builders import GAMES, KINGSHOT, WOS, code
from fakes.clock import TestClock
from fakes.deliveries import ANOTHER_HOST, FakeLock, delivery, delivery_states, put_delivery, stored
from fakes.discord_route import FORBIDDEN, NO_TOKEN, TIMED_OUT, FakeRoute, Routes
from fakes.records import NOON, entry, subscription
from fakes.store import MemoryStore
from fakes.words import ENGLISH, in_english

from giftping.codes.announcement import announcements
from giftping.codes.courier import Courier
from giftping.codes.entries import Origins
from giftping.codes.look import Look
from giftping.codes.model import Code
from giftping.codes.open_deliveries import mend, open_deliveries
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.codes.settle import (
    Circumstances,
    DeliverySettler,
    Step,
    is_over,
    step_after,
)
from giftping.codes.subscriptions import by_guild
from giftping.delivery.deliveries import WAITS_FOR, Deliveries, Delivery, DeliveryState
from giftping.discord.outcome import Absent, Finding, Found, Undecided
from giftping.discord.snowflake import snowflake_at
from giftping.store.base import HOME_GAME, Destination, EntryState, LedgerEntry, Posting, PostsIn, Style, Subscription
from giftping.store.documents import DELIVERIES, LEDGER
from giftping.store.engine import Change
from giftping.store.holder import Holder

LEASE = timedelta(minutes=10)
WINDOW = timedelta(minutes=2)
SOON, LATE = timedelta(seconds=30), timedelta(minutes=30)
CHANNEL, WEBHOOK = Destination(channel_id=500), Destination(webhook="env:HOOK")
FOUND, UNDECIDED, FOR_GOOD = Found(77, 500), Undecided("cannot read"), Undecided("hidden", for_good=True)

EARLY, OVER = {"is_quiet": False, "is_lease_over": False}, {"is_quiet": True, "is_lease_over": True}
REPEATABLE, FRESH = {"may_repeat": True}, {"may_repeat": True, "is_nonce_fresh": True}
RESEND = {"resend": True}


@pytest.mark.parametrize(
    ("finding", "around", "step"),
    [
        (FOUND, EARLY | FRESH, Step.RECORD),
        (FOUND, OVER | RESEND, Step.RECORD),
        (Absent(), EARLY | FRESH, Step.REPEAT),
        (Absent(), EARLY | REPEATABLE, Step.REPEAT),
        (Absent(), EARLY, Step.WAIT),
        (Absent(), OVER | REPEATABLE, Step.FREE),
        (Absent(), OVER, Step.FREE),
        (UNDECIDED, EARLY | FRESH, Step.REPEAT),
        (UNDECIDED, EARLY | REPEATABLE, Step.WAIT),
        (UNDECIDED, EARLY, Step.WAIT),
        (UNDECIDED, OVER | REPEATABLE, Step.ASK),
        (UNDECIDED, OVER, Step.ASK),
        (UNDECIDED, EARLY | RESEND, Step.WAIT),
        (UNDECIDED, OVER | RESEND, Step.FREE),
        (FOR_GOOD, EARLY | FRESH, Step.REPEAT),
        (FOR_GOOD, EARLY, Step.ASK),
        (FOR_GOOD, OVER, Step.ASK),
        (FOR_GOOD, EARLY | RESEND, Step.WAIT),
        (FOR_GOOD, OVER | RESEND, Step.FREE),
    ],
)
def test_what_follows_from_a_look(finding: Finding, around: dict[str, bool], step: Step) -> None:
    nothing = {"may_repeat": False, "is_nonce_fresh": False, "resend": False}
    assert step_after(finding, Circumstances(**(nothing | around))) is step


@dataclass
class Play:
    store: MemoryStore
    route: FakeRoute
    clock: TestClock
    lock: FakeLock
    settler: DeliverySettler

    @property
    def deliveries(self) -> Deliveries:
        return self.settler.courier.deliveries

    def settle(self) -> DeliveryReport | None:
        (held,) = [one for one in open_deliveries(self.deliveries) if one.delivery.state in LEFT]
        return self.settler.settle(held)

    def may_settle(self) -> bool:
        (held,) = open_deliveries(self.deliveries)
        return self.settler.may_settle(held)

    def left(self) -> Delivery:
        (one,) = stored(self.store).values()
        return one


LEFT = (DeliveryState.CLAIMED, DeliveryState.WRITTEN, DeliveryState.UNCLEAR)


def play(
    finding: Finding,
    *,
    of: Delivery | None = None,
    but: Sequence[str] = (),
    others: Sequence[LedgerEntry] = (),
    subscriptions: Sequence[Subscription] = (),
    listed: Sequence[Code] = (),
    age: timedelta = LATE,
    window: timedelta = WINDOW,
    resend: bool = False,
    posts: bool = True,
    at: Destination = CHANNEL,
) -> Play:
    """Return a stage with one delivery of Gift100 in guild 1 that was written by a run that is gone."""
    store = MemoryStore(subscriptions or [subscription()], others)
    put_delivery(store, of or delivery(), but)
    route = FakeRoute(finding=finding, repeats_safely_for=window, webhook_id=9 if at.webhook else None)
    clock, lock = TestClock(NOON + age), FakeLock()
    courier = Courier(
        Deliveries(store, lock, clock),  # type: ignore[arg-type]  # a lock of a test
        Routes([(at, route)]),
        clock,
        clock,
        Origins({"api": "api"}),
        in_english,
    )
    settler = DeliverySettler(
        courier,
        by_guild(store.subscriptions()),
        GAMES,
        {(one.game, one.key): one for one in listed or [code("Gift100")]},
        LEASE,
        resend=resend,
        posts=posts,
    )
    return Play(store, route, clock, lock, settler)


def result(report: DeliveryReport | None) -> DeliveryResult | None:
    return report.result if report else None


def of_webhook(**changes: object) -> Delivery:
    return delivery(channel_id=None, webhook_id=9, **changes)


# Who may settle


def test_what_a_brother_is_at_is_left_alone_for_as_long_as_he_lives() -> None:
    """Also when he is frozen for longer than any lease: he may wake up."""
    stage = play(FOUND, of=delivery(holder=Holder("host-a", "brother")), age=timedelta(days=3))
    stage.lock.alive.add("brother")
    assert not stage.may_settle()
    stage.lock.alive.clear()
    assert stage.may_settle()


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(minutes=20), timedelta(minutes=-20)])
def test_what_another_host_is_at_is_left_alone_until_its_lease_is_over_by_discords_time(ahead: timedelta) -> None:
    stage = play(FOUND, of=delivery(holder=ANOTHER_HOST), age=LEASE - SOON)
    stage.settler = replace(stage.settler, courier=replace(stage.settler.courier, clock=lambda: NOON + LEASE + ahead))
    assert not stage.may_settle()
    stage.clock.pass_time(SOON)
    assert stage.may_settle()


def test_a_lease_counts_from_when_somebody_took_it_over_and_the_look_begins_at_the_anchor_still() -> None:
    of = delivery(holder=ANOTHER_HOST, held_since=snowflake_at(NOON + LATE))
    stage = play(FOUND, of=of, age=LATE + LEASE - SOON)
    assert not stage.may_settle()
    stage.clock.pass_time(SOON)
    assert stage.may_settle()
    stage.settle()
    assert stage.route.looks[0].since == snowflake_at(NOON)


def test_while_discord_does_not_say_what_time_it_is_nothing_of_another_host_is_touched() -> None:
    stage = play(FOUND, of=delivery(holder=ANOTHER_HOST), age=timedelta(days=1))
    courier = replace(stage.settler.courier, discord_now=lambda: None)
    stage.settler = replace(stage.settler, courier=courier)
    assert not stage.may_settle()
    assert stage.route.asked == 1


# What was never written


def test_what_was_claimed_and_never_written_is_free_without_a_look_and_owed() -> None:
    stage = play(UNDECIDED, of=delivery(state=DeliveryState.CLAIMED), age=SOON)
    assert stage.settle() is None
    assert (stage.route.looks, stage.route.posted, stage.store.states()) == ([], [], {})
    assert delivery_states(stage.store) == [("refused", ("Gift100",))]


# What was


def test_a_message_that_is_found_is_recorded_and_not_posted_again() -> None:
    stage = play(FOUND)
    assert result(stage.settle()) is DeliveryResult.SETTLED
    sent = stage.store.ledger["1:GIFT100"]
    assert (sent.state, sent.message_id, sent.channel_id) == (EntryState.SENT, 77, 500)
    assert stage.route.posted == []


def test_a_message_that_is_surely_absent_is_owed_and_its_code_is_free() -> None:
    stage = play(Absent())
    assert stage.settle() is None
    assert (stage.store.states(), stage.route.posted) == ({}, [])
    assert delivery_states(stage.store) == [("refused", ("Gift100",))]


def test_what_is_not_there_and_may_still_be_on_its_way_is_repeated_with_its_nonce() -> None:
    """Should it arrive after all, Discord knows the nonce for minutes from then on."""
    stage = play(Absent(), age=timedelta(minutes=5))
    assert result(stage.settle()) is DeliveryResult.SENT
    assert [(one.delivery_id, one.codes) for one in stage.route.posted] == [("delivery-1", {"Gift100"})]
    assert stage.store.states() == {"1:GIFT100": "sent"}


def test_a_webhooks_message_is_not_taken_for_absent_before_nobody_has_been_at_it_for_a_minute() -> None:
    stage = play(
        Absent(),
        of=of_webhook(),
        subscriptions=[subscription(destination=WEBHOOK)],
        at=WEBHOOK,
        window=timedelta(0),
        age=SOON,
    )
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert not stage.route.looks[-1].quiet
    stage.clock.pass_time(timedelta(seconds=59))
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    stage.clock.pass_time(timedelta(seconds=1))
    assert stage.settle() is None
    assert stage.route.looks[-1].quiet
    assert stage.store.states() == {}


def test_the_spelling_that_was_claimed_is_repeated_whatever_the_sources_write_now() -> None:
    stage = play(Absent(), listed=[code("GIFT100")], age=SOON)
    stage.settle()
    assert stage.route.codes() == [{"Gift100"}]


def test_what_cannot_be_decided_for_good_is_uncertain_and_the_user_is_asked() -> None:
    stage = play(FOR_GOOD)
    report = stage.settle()
    assert report is not None
    assert (report.result, report.reason, report.told) == (DeliveryResult.UNCERTAIN, "hidden", True)
    assert stage.store.states() == {"1:GIFT100": "open"}
    assert (stage.left().state, stage.left().reason, stage.left().is_final) == (DeliveryState.UNCLEAR, "hidden", True)


def test_those_who_prefer_a_rare_repeat_get_one_after_the_lease() -> None:
    stage = play(FOR_GOOD, resend=True, age=timedelta(minutes=5))
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    stage.clock.pass_time(LEASE)
    assert stage.settle() is None
    assert stage.store.states() == {}
    assert stage.left().is_resent


def test_what_was_sent_again_once_is_not_sent_a_third_time() -> None:
    stage = play(FOR_GOOD, of=delivery(is_resent=True), resend=True)
    assert result(stage.settle()) is DeliveryResult.UNCERTAIN
    (held,) = open_deliveries(stage.deliveries)
    assert not stage.settler.is_worth_a_look(held)


def test_what_cannot_be_decided_yet_stays_written_and_is_looked_for_again() -> None:
    stage = play(UNDECIDED, age=timedelta(minutes=5))
    before = dict(stage.store.ledger)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.store.ledger == before
    assert stage.left().state is DeliveryState.WRITTEN


def test_what_could_not_be_looked_at_for_the_whole_lease_is_shown_to_a_person_and_looked_for_again_all_the_same() -> (
    None
):
    """7.9: a bot that may post but not read kept a delivery for ever, which no command reached."""
    stage = play(UNDECIDED)
    assert result(stage.settle()) is DeliveryResult.UNCERTAIN
    assert (stage.left().state, stage.left().is_final) == (DeliveryState.UNCLEAR, False)
    again = stage.settle()
    assert again is not None
    assert (again.result, again.told) == (DeliveryResult.UNCERTAIN, False)
    stage.route.finding = FOUND
    assert result(stage.settle()) is DeliveryResult.SETTLED


def test_within_the_nonces_window_the_same_post_is_repeated_without_knowing() -> None:
    stage = play(UNDECIDED, age=SOON)
    anchor = stage.left().anchor
    assert result(stage.settle()) is DeliveryResult.SENT
    assert [(one.delivery_id, one.since) for one in stage.route.posted] == [("delivery-1", anchor)]
    assert anchor is not None


def test_a_repeat_that_waits_for_longer_than_discord_knows_the_nonce_is_not_sent() -> None:
    """7.12: a rate limit that outlasts the nonce's life before a repeat."""
    stage = play(UNDECIDED, age=SOON)
    stage.route.before_post = lambda: stage.clock.pass_time(WINDOW)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.route.posted == []
    assert stage.left().state is DeliveryState.WRITTEN


def test_a_no_to_a_repeat_says_nothing_of_the_first_post() -> None:
    stage = play(UNDECIDED, age=SOON)
    stage.route.answer(FORBIDDEN)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "open"}


def test_a_repeat_that_is_unclear_stays_written() -> None:
    stage = play(Absent(), age=SOON)
    stage.route.answer(TIMED_OUT)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "open"}


TWO = delivery("GIFT100", "GIFT200")


def test_a_repeat_without_knowing_must_be_the_very_message_so_it_waits_when_a_code_has_gone() -> None:
    """Discord answers the nonce with its first message, which shows both: releasing one would announce it twice."""
    stage = play(UNDECIDED, of=TWO, listed=[code("Gift100")], age=SOON)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.route.posted == []
    assert set(stage.store.states().values()) == {"open"}


def long_codes() -> list[Code]:
    texts = {"rewards": "🎁" * 400, "expiry_text": "x" * 80}
    return [code(f"Gift{number}00", **texts) for number in range(10)]


def test_what_outgrew_one_message_is_not_repeated_without_knowing() -> None:
    grown = long_codes()
    assert len(announcements(Look(WOS, ENGLISH), grown)) > 1
    stage = play(UNDECIDED, of=delivery(*(one.key for one in grown)), listed=grown, age=SOON)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.route.posted == []


def test_a_repeat_looks_as_what_was_claimed_and_mentions_whom_that_did() -> None:
    """A nonce makes it one with the first post: what the guild wants by now is for the next message."""
    changed = subscription(style=Style.FULL, mentions=("42",))
    stage = play(Absent(), subscriptions=[changed], age=SOON)
    (document,) = stage.store.engine.find(LEDGER)
    assert all(
        stage.store.engine.change([Change(LEDGER, document, {**document, "style": "compact", "mention": ["5"]})])
    )
    assert result(stage.settle()) is DeliveryResult.SENT
    (posted,) = stage.route.posted
    assert posted.message.content == "<@&5>\n`Gift100`"
    assert posted.message.embeds[0].fields == ()


def test_a_guild_that_is_gone_gets_nothing() -> None:
    stage = play(Absent(), subscriptions=[subscription(99)])
    assert result(stage.settle()) is DeliveryResult.RELEASED
    assert stage.store.states() == {}


def test_a_game_that_is_no_longer_followed_is_not_posted() -> None:
    stage = play(Absent(), subscriptions=[subscription(1, "kingshot")])
    assert result(stage.settle()) is DeliveryResult.RELEASED


def test_a_game_that_the_settings_no_longer_name_is_not_posted() -> None:
    stage = play(Absent())
    stage.settler = replace(stage.settler, games={"kingshot": KINGSHOT})
    assert result(stage.settle()) is DeliveryResult.RELEASED


def test_an_announcement_is_looked_for_where_it_was_posted_even_when_the_guild_has_moved() -> None:
    moved = subscription(destination=Destination(channel_id=600), updated_at=NOON + SOON)
    stage = play(FOUND, subscriptions=[moved])
    assert result(stage.settle()) is DeliveryResult.SETTLED


def test_what_is_not_in_the_old_channel_is_claimed_anew_for_the_new_one() -> None:
    """The old claim names the old channel: after another kill the message would be looked for there, and doubled."""
    moved = subscription(destination=Destination(channel_id=600), updated_at=NOON + SOON)
    stage = play(Absent(), subscriptions=[moved])
    assert stage.settle() is None
    assert stage.store.states() == {}
    assert stage.route.posted == []


@pytest.mark.parametrize("posts", PostsIn, ids=repr)
def test_nothing_is_repeated_blindly_in_another_way(posts: PostsIn) -> None:
    """The channel has become a forum meanwhile: no post there has a nonce."""
    in_forum = subscription(posting=Posting(posts=posts))
    stage = play(UNDECIDED, subscriptions=[in_forum], age=SOON)
    stage.settle()
    assert stage.route.posted == []


@pytest.mark.parametrize("window", [timedelta(0), WINDOW], ids=["opening", "in the post"])
def test_what_goes_into_a_post_is_repeated_with_its_nonce_and_what_opens_one_is_not(window: timedelta) -> None:
    opens = not window
    kept = subscription(posting=Posting(posts=PostsIn.KEPT), kept_post=None if opens else 600)
    place = replace(CHANNEL, opens_post=True) if opens else replace(CHANNEL, thread_id=600)
    left = delivery(channel_id=500 if opens else 600, opens_post=opens)
    stage = play(UNDECIDED, of=left, subscriptions=[kept], age=SOON, window=window, at=place)
    looked_in = place if opens else Destination(channel_id=600)
    stage.settler.courier.routes.routes[looked_in] = stage.route  # type: ignore[attr-defined]  # of a test
    stage.settler.courier.routes.routes[Destination(channel_id=500, opens_post=True)] = stage.route  # type: ignore[attr-defined]
    stage.settle()
    assert len(stage.route.posted) == (0 if opens else 1)


@pytest.mark.parametrize("webhook_id", [None, 9], ids=["bot", "webhook"])
def test_a_post_that_is_found_is_the_one_that_is_kept_up(webhook_id: int | None) -> None:
    destination = WEBHOOK if webhook_id else CHANNEL
    kept = subscription(destination=destination, posting=Posting(posts=PostsIn.KEPT))
    left = delivery(channel_id=destination.channel_id, webhook_id=webhook_id, opens_post=True)
    at = replace(destination, opens_post=True)
    stage = play(Found(600, 600), of=left, subscriptions=[kept], at=at)
    report = stage.settle()
    assert report is not None
    assert report.result is DeliveryResult.SETTLED
    assert stage.store.subscriptions(1)[0].kept_post == 600
    assert stage.store.ledger["1:GIFT100"].channel_id == 600


def test_codes_of_no_delivery_in_a_forum_are_looked_for_among_its_posts() -> None:
    """In the forum itself no messages stand: to look there would be to find nothing, and to post again."""
    place = replace(CHANNEL, opens_post=True)
    in_forum = subscription(posting=Posting(posts=PostsIn.PER_ANNOUNCEMENT))
    stage = play(Found(600, 600), of=delivery(channel_id=500), subscriptions=[in_forum], at=place)
    stage.store.remove_documents(DELIVERIES, [stage.left().id])
    stage.settle()
    assert len(stage.route.looks) == 1


def test_nothing_is_repeated_blindly_into_another_channel() -> None:
    moved = subscription(destination=Destination(channel_id=600), updated_at=NOON + SOON)
    stage = play(UNDECIDED, subscriptions=[moved], age=SOON)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "open"}


@pytest.mark.parametrize("at", [WEBHOOK, CHANNEL])
def test_a_webhook_that_was_made_anew_since_leaves_its_delivery_to_a_person(at: Destination) -> None:
    """7.12: what was looked for by another webhook was taken for absent."""
    stage = play(Absent(), subscriptions=[subscription(destination=at)], of=of_webhook(), at=at, window=timedelta(0))
    stage.route.webhook_id = 10 if at.webhook else None
    report = stage.settle()
    assert report is not None
    assert (report.result, stage.left().is_final) == (DeliveryResult.UNCERTAIN, True)
    assert "has changed since" in report.reason
    assert stage.route.looks == []


def test_a_webhook_that_only_another_game_of_the_guild_has_now_is_still_looked_through() -> None:
    moved = subscription(destination=Destination(channel_id=600), updated_at=NOON + SOON)
    other = subscription(1, "kingshot", destination=WEBHOOK)
    stage = play(FOUND, subscriptions=[moved, other], of=of_webhook(), at=WEBHOOK, window=timedelta(0))
    stage.settler.courier.routes.routes[moved.destination] = FakeRoute()  # type: ignore[attr-defined]  # of a test
    assert result(stage.settle()) is DeliveryResult.SETTLED


def test_a_webhook_is_looked_through_when_it_is_still_the_guilds_whatever_was_changed_besides() -> None:
    changed = subscription(destination=WEBHOOK, updated_at=NOON + SOON)
    stage = play(FOUND, subscriptions=[changed], of=of_webhook(), at=WEBHOOK, window=timedelta(0))
    assert result(stage.settle()) is DeliveryResult.SETTLED


def test_a_destination_that_cannot_be_used_now_keeps_its_claim() -> None:
    stage = play(Absent(), age=SOON)
    stage.settler = replace(stage.settler, courier=replace(stage.settler.courier, routes=lambda _: NO_TOKEN))
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "open"}


@pytest.mark.parametrize(("finding", "age"), [(FOUND, LATE), (Absent(), LATE), (Absent(), SOON), (FOR_GOOD, LATE)])
def test_another_host_that_was_quicker_is_left_to_it(finding: Finding, age: timedelta) -> None:
    stage = play(finding, age=age)
    (held,) = open_deliveries(stage.deliveries)
    assert Deliveries(stage.store, FakeLock("host-b"), stage.clock).take_over(held.delivery)  # type: ignore[arg-type]
    assert result(stage.settler.settle(held)) is DeliveryResult.TAKEN
    assert stage.route.posted == []
    # What was found is there, whoever settles it.
    assert stage.store.states() == {"1:GIFT100": "sent" if finding == FOUND else "open"}


def test_a_look_reaches_from_the_anchor_to_where_it_may_have_arrived() -> None:
    """Whoever claims posts within the lease; what was posted later is somebody else's."""
    stage = play(UNDECIDED, age=timedelta(hours=5))
    stage.settle()
    (look,) = stage.route.looks
    assert (look.since, look.until) == (snowflake_at(NOON), snowflake_at(NOON + LEASE + timedelta(minutes=2)))


def test_messages_of_other_deliveries_are_accounted_for() -> None:
    sent = entry(1, "OLD1000", state=EntryState.SENT, delivery_id="delivery-0", message_id=55)
    stage = play(UNDECIDED, others=[sent])
    stage.settle()
    assert stage.route.looks[0].accounted == {55}


def test_without_posting_what_is_absent_is_left_to_the_next_check() -> None:
    stage = play(Absent(), of=delivery(state=DeliveryState.UNCLEAR), posts=False, listed=[])
    assert result(stage.settle()) is DeliveryResult.RELEASED
    assert stage.store.states() == {}
    assert stage.route.posted == []


def test_without_posting_nothing_that_may_be_there_is_released() -> None:
    """The next check would claim it under a new delivery id, which no nonce protects."""
    stage = play(UNDECIDED, posts=False, age=SOON)
    assert result(stage.settle()) is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "open"}


def test_an_uncertain_delivery_that_turns_up_is_recorded() -> None:
    stage = play(FOUND, of=delivery(state=DeliveryState.UNCLEAR), posts=False)
    assert result(stage.settle()) is DeliveryResult.SETTLED
    assert stage.store.states() == {"1:GIFT100": "sent"}


def test_a_rehearsal_looks_nowhere_and_writes_nothing() -> None:
    stage = play(FOUND)
    (held,) = open_deliveries(stage.deliveries)
    stage.store.calls.clear()
    assert stage.settler.rehearse(held).result is DeliveryResult.PLANNED
    assert stage.store.calls == []
    assert stage.route.looks == []


def test_the_game_of_the_delivery_is_the_one_that_is_reported() -> None:
    report = play(FOUND).settle()
    assert report is not None
    assert report.game == HOME_GAME


# What is known of deliveries that nobody settles


def test_open_entries_of_a_done_delivery_are_sent_and_of_a_refused_one_free() -> None:
    """There are no transactions on a lone server: a run may be killed between the two writes."""
    stage = play(FOUND, of=delivery("GIFT100", state=DeliveryState.DONE, message_id=77))
    put_delivery(stage.store, delivery("GIFT200", id="delivery-2", state=DeliveryState.REFUSED))
    done = mend(stage.deliveries, open_deliveries(stage.deliveries), stage.clock())
    assert [one.id for one in done] == ["delivery-1"]
    assert stage.store.states() == {"1:GIFT100": "sent"}
    assert stage.store.ledger["1:GIFT100"].message_id == 77


def test_open_entries_of_no_delivery_are_looked_for_like_any_other() -> None:
    """A database may come back without what was under way; they hold their codes for ever else."""
    stage = play(FOUND, of=delivery("GIFT100", state=DeliveryState.CLOSED))
    stage.store.insert([entry(1, "GIFT200", delivery_id="lost-one", channel_id=500)])
    held = [one for one in open_deliveries(stage.deliveries) if one.delivery.id == "lost-one"]
    assert [one.delivery.spellings for one in held] == [("Gift200",)]
    assert result(stage.settler.settle(held[0])) is DeliveryResult.SETTLED
    assert stage.store.states() == {"1:GIFT100": "open", "1:GIFT200": "sent"}


def test_a_delivery_of_which_nobody_can_tell_closes_itself_when_all_its_codes_have_ended_or_after_a_month() -> None:
    stage = play(FOR_GOOD, of=delivery("GIFT100", "GIFT200", state=DeliveryState.UNCLEAR, is_final=True))
    (held,) = open_deliveries(stage.deliveries)
    ended = {(HOME_GAME, "GIFT100"): False}
    assert not is_over(held, ended, stage.clock())
    assert is_over(held, ended | {(HOME_GAME, "GIFT200"): False}, stage.clock())
    assert not is_over(held, {}, NOON + WAITS_FOR - SOON)
    assert is_over(held, {}, NOON + WAITS_FOR)
    assert stage.settler.close(held).result is DeliveryResult.CLOSED
    assert stage.store.states() == {"1:GIFT100": "open", "1:GIFT200": "open"}, "they are not announced again"
