from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from code_builders import GAMES, KINGSHOT, WOS, code
from fakes.clock import TestClock
from fakes.discord_route import FORBIDDEN, NO_TOKEN, TIMED_OUT, FakeRoute, Routes
from fakes.records import NOON, entry, guild
from fakes.store import MemoryStore

from giftping.codes.announcement import announcements
from giftping.codes.courier import Courier, Origins
from giftping.codes.model import Code
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.codes.settle import (
    CLAIM_MARGIN,
    DeliverySettler,
    OpenDelivery,
    Step,
    may_settle,
    open_deliveries,
    step_after,
)
from giftping.discord.outcome import Absent, Finding, Found, Refused, Undecided
from giftping.discord.snowflake import snowflake_at
from giftping.store.base import HOME_GAME, Destination, EntryState, GuildRecord, LedgerEntry

LEASE = timedelta(minutes=10)
WINDOW = timedelta(minutes=5)
SOON, LATE = timedelta(seconds=30), timedelta(minutes=30)
CHANNEL, WEBHOOK = Destination(channel_id=500), Destination(webhook="env:HOOK")
FOUND, UNDECIDED, FOR_GOOD = Found(77, 500), Undecided("cannot read"), Undecided("hidden", for_good=True)


@pytest.mark.parametrize(
    ("finding", "age", "window", "resend", "step"),
    [
        (FOUND, SOON, WINDOW, False, Step.RECORD),
        (FOUND, LATE, timedelta(0), True, Step.RECORD),
        (Absent(), SOON, WINDOW, False, Step.REPEAT),
        (Absent(), SOON, timedelta(0), False, Step.WAIT),
        (Absent(), LATE, WINDOW, False, Step.POST_AGAIN),
        (Absent(), LATE, timedelta(0), False, Step.POST_AGAIN),
        (UNDECIDED, SOON, WINDOW, False, Step.REPEAT),
        (UNDECIDED, LATE, WINDOW, False, Step.WAIT),
        (UNDECIDED, LATE, WINDOW, True, Step.WAIT),
        (UNDECIDED, SOON, timedelta(0), True, Step.WAIT),
        (FOR_GOOD, SOON, WINDOW, False, Step.REPEAT),
        (FOR_GOOD, LATE, WINDOW, False, Step.ASK),
        (FOR_GOOD, LATE, WINDOW, True, Step.POST_AGAIN),
        (FOR_GOOD, SOON, timedelta(0), False, Step.ASK),
        (FOR_GOOD, SOON, timedelta(0), True, Step.POST_AGAIN),
    ],
)
def test_what_follows_from_a_look(
    finding: Finding, age: timedelta, window: timedelta, resend: bool, step: Step
) -> None:
    assert step_after(finding, age=age, repeats_safely_for=window, resend=resend) is step


def test_a_host_settles_its_own_claims_at_once_and_those_of_others_after_their_lease() -> None:
    delivery = OpenDelivery("delivery-1", (entry(),))
    assert may_settle(delivery, "host-a", LEASE, NOON)
    assert not may_settle(delivery, "host-b", LEASE, NOON + LEASE)
    assert may_settle(delivery, "host-b", LEASE, NOON + LEASE + timedelta(seconds=1))


def test_a_lease_counts_from_the_last_time_somebody_took_the_claim_over() -> None:
    delivery = OpenDelivery("delivery-1", (entry(claimed_at=NOON + LATE),))
    assert not may_settle(delivery, "host-b", LEASE, NOON + LATE + LEASE)
    assert delivery.since == NOON


def test_the_codes_of_one_message_are_one_open_delivery() -> None:
    store = MemoryStore(
        entries=[
            entry(1, "GIFT100"),
            entry(1, "GIFT200"),
            entry(1, "GIFT300", delivery_id="delivery-2"),
            entry(1, "GIFT400", delivery_id="delivery-3", state=EntryState.SENT),
        ]
    )
    found = open_deliveries(store, (EntryState.CLAIMED,))
    assert [(one.delivery_id, one.spellings) for one in found] == [
        ("delivery-1", ("Gift100", "Gift200")),
        ("delivery-2", ("Gift300",)),
    ]


@dataclass
class Play:
    store: MemoryStore
    route: FakeRoute
    clock: TestClock
    settler: DeliverySettler

    def settle(self) -> DeliveryReport:
        (delivery,) = open_deliveries(self.store, (EntryState.CLAIMED, EntryState.UNCERTAIN))
        return self.settler.settle(delivery)


def play(
    finding: Finding,
    *,
    entries: Sequence[LedgerEntry] = (),
    guilds: Sequence[GuildRecord] = (),
    listed: Sequence[Code] = (),
    age: timedelta = LATE,
    window: timedelta = WINDOW,
    host: str = "host-a",
    resend: bool = False,
    posts: bool = True,
    at: Destination = CHANNEL,
) -> Play:
    """Return a stage with one open delivery of Gift100 in guild 1, unless said otherwise."""
    store = MemoryStore(guilds or [guild()], entries or [entry(channel_id=500)])
    route = FakeRoute(finding=finding, repeats_safely_for=window)
    clock = TestClock(NOON + age)
    courier = Courier(store, Routes([(at, route)]), clock, host, Origins({"api": "api"}))
    settler = DeliverySettler(
        courier,
        {one.guild_id: one for one in store.guilds()},
        GAMES,
        {(one.game, one.key): one for one in listed or [code("Gift100")]},
        LEASE,
        resend=resend,
        posts=posts,
    )
    return Play(store, route, clock, settler)


def test_a_message_that_is_found_is_recorded_and_not_posted_again() -> None:
    stage = play(FOUND)
    report = stage.settle()
    assert report.result is DeliveryResult.SETTLED
    sent = stage.store.ledger["1:GIFT100"]
    assert (sent.state, sent.message_id, sent.channel_id) == (EntryState.SENT, 77, 500)
    assert stage.route.posted == []


def test_a_message_that_is_absent_is_posted_again_under_the_same_delivery() -> None:
    stage = play(Absent())
    assert stage.settle().result is DeliveryResult.SENT
    assert [(one.delivery_id, one.codes) for one in stage.route.posted] == [("delivery-1", {"Gift100"})]
    assert stage.store.states() == {"1:GIFT100": "sent"}


def test_the_spelling_that_was_claimed_is_repeated_whatever_the_sources_write_now() -> None:
    stage = play(Absent(), listed=[code("GIFT100")])
    stage.settle()
    assert stage.route.codes() == [{"Gift100"}]


def test_what_cannot_be_decided_for_good_is_uncertain_and_the_user_is_asked() -> None:
    stage = play(FOR_GOOD)
    report = stage.settle()
    assert (report.result, report.reason) == (DeliveryResult.UNCERTAIN, "hidden")
    assert stage.store.states() == {"1:GIFT100": "uncertain"}


def test_those_who_prefer_a_rare_repeat_get_one() -> None:
    stage = play(FOR_GOOD, resend=True)
    assert stage.settle().result is DeliveryResult.SENT


def test_what_cannot_be_decided_yet_stays_claimed_and_is_looked_for_again() -> None:
    stage = play(UNDECIDED)
    before = dict(stage.store.ledger)
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.store.ledger == before


def test_the_operator_is_not_told_in_every_run_for_ever_that_a_delivery_waits() -> None:
    assert play(UNDECIDED, age=LATE).settle().told
    assert not play(UNDECIDED, age=timedelta(hours=2)).settle().told


def test_within_the_nonces_window_the_same_post_is_repeated_without_knowing() -> None:
    stage = play(UNDECIDED, age=SOON)
    assert stage.settle().result is DeliveryResult.SENT
    assert stage.route.posted[0].delivery_id == "delivery-1"


def test_a_no_to_a_repeat_says_nothing_of_the_first_post() -> None:
    stage = play(UNDECIDED, age=SOON)
    stage.route.answer(FORBIDDEN)
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "claimed"}


def test_a_no_to_what_was_surely_absent_opens_the_code_again() -> None:
    stage = play(Absent())
    stage.route.answer(FORBIDDEN)
    assert stage.settle().result is DeliveryResult.REFUSED
    assert stage.store.states() == {}


def test_a_repeat_that_is_unclear_stays_claimed() -> None:
    stage = play(Absent())
    stage.route.answer(TIMED_OUT)
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "claimed"}


TWO = (entry(1, "GIFT100", channel_id=500), entry(1, "GIFT200", channel_id=500))


def test_a_repeat_without_knowing_must_be_the_very_message_so_it_waits_when_a_code_has_gone() -> None:
    """Discord answers the nonce with its first message, which shows both: releasing one would announce it twice."""
    stage = play(UNDECIDED, entries=TWO, listed=[code("Gift100")], age=SOON)
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.route.posted == []
    assert set(stage.store.states().values()) == {"claimed"}


def long_codes() -> list[Code]:
    texts = {"rewards": "🎁" * 400, "expiry_text": "x" * 80}
    return [code(f"Gift{number}00", **texts) for number in range(10)]


def test_what_outgrew_one_message_is_not_repeated_without_knowing() -> None:
    grown = long_codes()
    assert len(announcements(WOS, grown, None)) > 1
    stage = play(UNDECIDED, entries=[entry(1, one.key, channel_id=500) for one in grown], listed=grown, age=SOON)
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.route.posted == []


def test_what_outgrew_one_message_goes_out_in_part_and_the_rest_is_open_again() -> None:
    grown = long_codes()
    stage = play(Absent(), entries=[entry(1, one.key, channel_id=500) for one in grown], listed=grown)
    report = stage.settle()
    assert report.result is DeliveryResult.SENT
    assert 0 < len(report.codes) < len(grown)
    assert stage.store.states() == {f"1:{spelling.upper()}": "sent" for spelling in report.codes}


def test_a_code_that_is_no_longer_listed_is_left_out_of_what_is_posted_again() -> None:
    stage = play(Absent(), entries=TWO, listed=[code("Gift200")])
    assert stage.settle().codes == ("Gift200",)
    assert stage.store.states() == {"1:GIFT200": "sent"}


def test_an_absent_message_whose_codes_are_all_gone_is_released() -> None:
    stage = play(Absent(), listed=[code("Other100")])
    report = stage.settle()
    assert (report.result, report.reason) == (DeliveryResult.RELEASED, "no longer listed as valid")
    assert stage.store.states() == {}


def test_a_guild_that_is_gone_gets_nothing() -> None:
    stage = play(Absent(), guilds=[guild(99)])
    assert stage.settle().result is DeliveryResult.RELEASED
    assert stage.route.posted == []


@pytest.mark.parametrize("games", [("kingshot",), ()])
def test_a_game_that_is_no_longer_followed_is_not_posted(games: tuple[str, ...]) -> None:
    stage = play(Absent(), guilds=[guild(games=games)])
    assert stage.settle().result is DeliveryResult.RELEASED


def test_a_game_that_the_settings_no_longer_name_is_not_posted() -> None:
    stage = play(Absent())
    stage.settler = replace(stage.settler, games={"kingshot": KINGSHOT})
    assert stage.settle().result is DeliveryResult.RELEASED


def test_an_announcement_is_looked_for_where_it_was_posted_even_when_the_guild_has_moved() -> None:
    moved = guild(destination=Destination(channel_id=600), updated_at=NOON + SOON)
    stage = play(FOUND, guilds=[moved])
    assert stage.settle().result is DeliveryResult.SETTLED


def test_what_is_not_in_the_old_channel_is_claimed_anew_for_the_new_one() -> None:
    """The old claim names the old channel: after another kill the message would be looked for there, and doubled."""
    moved = guild(destination=Destination(channel_id=600), updated_at=NOON + SOON)
    stage = play(Absent(), guilds=[moved])
    assert stage.settle().result is DeliveryResult.RELEASED
    assert stage.store.states() == {}
    assert stage.route.posted == []


def test_nothing_is_repeated_blindly_into_another_channel() -> None:
    moved = guild(destination=Destination(channel_id=600), updated_at=NOON + SOON)
    stage = play(UNDECIDED, guilds=[moved], age=SOON)
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "claimed"}


def test_a_webhook_that_was_replaced_since_leaves_its_delivery_uncertain() -> None:
    replaced = guild(destination=WEBHOOK, updated_at=NOON + SOON)
    stage = play(Absent(), guilds=[replaced], entries=[entry()], at=WEBHOOK)
    report = stage.settle()
    assert (report.result, report.reason) == (
        DeliveryResult.UNCERTAIN,
        "the guild's destination has changed since",
    )


def test_a_webhook_is_looked_through_when_it_is_still_the_guilds() -> None:
    stage = play(FOUND, guilds=[guild(destination=WEBHOOK)], entries=[entry()], at=WEBHOOK, window=timedelta(0))
    assert stage.settle().result is DeliveryResult.SETTLED


def test_a_destination_that_cannot_be_used_now_keeps_its_claim() -> None:
    stage = play(Absent())
    stage.settler = replace(stage.settler, courier=replace(stage.settler.courier, routes=lambda _: NO_TOKEN))
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "claimed"}


def test_another_host_that_was_quicker_is_left_to_it() -> None:
    stage = play(Absent())
    (delivery,) = open_deliveries(stage.store, (EntryState.CLAIMED,))
    stage.store.take_over("delivery-1", ["1:GIFT100"], held_by="host-a", held_since=NOON, by="host-b", at=NOON + LEASE)
    assert stage.settler.settle(delivery).result is DeliveryResult.TAKEN
    assert stage.route.posted == []


def test_a_look_reaches_from_the_claim_to_the_end_of_the_lease() -> None:
    """Whoever claims posts within the lease; what was posted later is somebody else's."""
    stage = play(UNDECIDED, age=timedelta(hours=5))
    stage.settle()
    (look,) = stage.route.looks
    assert look.since == snowflake_at(NOON - CLAIM_MARGIN)
    assert look.until == snowflake_at(NOON + LEASE + CLAIM_MARGIN)
    assert look.quiet


def test_messages_of_other_deliveries_are_accounted_for() -> None:
    sent = entry(1, "OLD1000", state=EntryState.SENT, delivery_id="delivery-0", message_id=55)
    stage = play(UNDECIDED, entries=[entry(channel_id=500), sent])
    stage.settle()
    assert stage.route.looks[0].accounted == {55}


def test_without_posting_what_is_absent_is_left_to_the_next_check() -> None:
    stage = play(Absent(), entries=[entry(channel_id=500, state=EntryState.UNCERTAIN)], posts=False, listed=[])
    assert stage.settle().result is DeliveryResult.RELEASED
    assert stage.store.states() == {}
    assert stage.route.posted == []


def test_without_posting_nothing_that_may_be_there_is_released() -> None:
    """The next check would claim it under a new delivery id, which no nonce protects."""
    stage = play(UNDECIDED, entries=[entry(channel_id=500)], posts=False, age=SOON)
    assert stage.settle().result is DeliveryResult.UNCLEAR
    assert stage.store.states() == {"1:GIFT100": "claimed"}


def test_an_uncertain_delivery_that_turns_up_is_recorded() -> None:
    stage = play(FOUND, entries=[entry(channel_id=500, state=EntryState.UNCERTAIN)], posts=False)
    assert stage.settle().result is DeliveryResult.SETTLED
    assert stage.store.states() == {"1:GIFT100": "sent"}


def test_a_rehearsal_looks_nowhere_and_writes_nothing() -> None:
    stage = play(FOUND)
    (delivery,) = open_deliveries(stage.store, (EntryState.CLAIMED,))
    stage.store.calls.clear()
    assert stage.settler.rehearse(delivery).result is DeliveryResult.PLANNED
    assert stage.store.calls == []
    assert stage.route.looks == []


def test_a_delivery_in_doubt_is_taken_as_refused_when_it_is_absent_and_has_no_way_out() -> None:
    stage = play(Absent())
    routes = iter([stage.route, Refused("no such webhook")])
    stage.settler = replace(stage.settler, courier=replace(stage.settler.courier, routes=lambda _: next(routes)))
    report = stage.settle()
    assert (report.result, report.reason) == (DeliveryResult.REFUSED, "no such webhook")
    assert stage.store.states() == {}


def test_the_game_of_the_delivery_is_the_one_that_is_reported() -> None:
    assert play(FOUND).settle().game == HOME_GAME
