from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from code_builders import GAMES, gathered, sighting, source
from fakes.clock import TestClock
from fakes.deliveries import ANOTHER_HOST, FakeLock, delivery, delivery_states, put_delivery, stored
from fakes.discord_route import BAD_FORM, FORBIDDEN, GONE, TIMED_OUT, FakeRoute, Routes
from fakes.records import NOON, subscription
from fakes.records import code as code_record
from fakes.store import READING, MemoryStore

from giftping.codes.check import check
from giftping.codes.check_tools import CheckRules, CheckTools
from giftping.codes.entries import Origins
from giftping.codes.gather import Gathered
from giftping.codes.idle import FULL_LOOK_EVERY, TOLD_AGAIN, IdleMark, idle_report, next_mark
from giftping.codes.report import CheckReport, DeliveryResult
from giftping.codes.request import CheckRequest
from giftping.commands.guild_request import GuildRequest
from giftping.commands.subscribing import changed
from giftping.delivery.deliveries import Deliveries, DeliveryState
from giftping.discord.outcome import Done, Found, Outcome, Refused, Undecided
from giftping.discord.snowflake import snowflake_at
from giftping.output.check_lines import troubles
from giftping.settings.sources import MANUAL_SOURCE, SourceDefinition
from giftping.store.base import (
    HOME_GAME,
    Broken,
    CodeRecord,
    Destination,
    Ruling,
    SourceMemory,
    StoreError,
    Subscription,
)
from giftping.store.documents import SUBSCRIPTIONS
from giftping.store.engine import Change
from giftping.store.holder import Holder
from giftping.wiring import Item, Result
from giftping.words.catalogue import words_of

LEASE = timedelta(minutes=10)


@dataclass
class Stage:
    """Guilds with a channel each (guild 1 in channel 501, …), what the sources list, and one host."""

    store: MemoryStore
    listed: Gathered
    clock: TestClock = field(default_factory=TestClock)
    routes: Routes = field(default_factory=Routes)
    gathered_for: list[tuple[str, ...]] = field(default_factory=list)
    opened: int = 0
    mark: IdleMark | None = None
    gathered: Gathered | None = None
    lock: FakeLock = field(default_factory=FakeLock)
    sources: dict[str, SourceDefinition] = field(default_factory=dict)
    asked_to_publish: list[tuple[int, int]] = field(default_factory=list)
    publish_answers: deque[Outcome] = field(default_factory=deque)

    def route(self, guild_id: int = 1) -> FakeRoute:
        found = self.routes.routes[Destination(channel_id=500 + guild_id)]
        assert isinstance(found, FakeRoute)
        return found

    def published(self, channel_id: int, message_id: int) -> Outcome:
        self.asked_to_publish.append((channel_id, message_id))
        return self.publish_answers.popleft() if self.publish_answers else Done(message_id, channel_id)

    def idle(self) -> CheckReport | None:
        """Return the report of an idle run, None when the lists have changed."""
        assert self.mark
        self.gathered = self._gather(self.mark.games)
        return idle_report(self.mark, self.gathered, self.clock(), self.clock())

    def run(self, request: CheckRequest | None = None, **rules: object) -> CheckReport:
        already, self.gathered = self.gathered, None
        for route in self.routes.routes.values():
            if isinstance(route, FakeRoute):
                route.anchored = snowflake_at(self.clock())
        tools = CheckTools(
            clock=self.clock,
            discord_now=self.clock,
            gather=self._gather,
            open_store=self._open,
            examine=lambda store: store.examine_entries(self.clock()),
            deliveries=lambda store: Deliveries(store, self.lock, self.clock),  # type: ignore[arg-type]  # of a test
            routes=self.routes,
            games=GAMES,
            sources=self.sources,
            origins=Origins({"api": "api"}),
            words=lambda language: words_of(language or "en"),
            side_by_side=one_after_the_other,
            publish=self.published,
            gathered=already,
        )
        fields: dict[str, object] = {"lease": LEASE}
        settings = CheckRules(**(fields | rules))  # type: ignore[arg-type]  # fields by name
        return check(tools, settings, request or CheckRequest())

    def _gather(self, games: Collection[str]) -> Gathered:
        self.gathered_for.append(tuple(games))
        return self.listed

    def _open(self) -> MemoryStore:
        self.opened += 1
        return self.store


def one_after_the_other(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [work(item) for item in items]


def stage(*listed: str, subscriptions: Sequence[Subscription] = (), **changes: object) -> Stage:
    records = [
        replace(one, destination=Destination(channel_id=500 + one.guild_id)) for one in subscriptions or [seen()]
    ]
    routes = Routes((one.destination, FakeRoute(f"channel {one.destination.channel_id}")) for one in records)
    listing = gathered([sighting(spelling) for spelling in listed], [source()])
    return Stage(MemoryStore(records), listing, routes=routes, **changes)  # type: ignore[arg-type]  # fields by name


def seen(guild_id: int = 1, game: str = HOME_GAME, **changes: object) -> Subscription:
    return subscription(guild_id, game, seeded=("api",), **changes)


def results(report: CheckReport) -> list[tuple[int, DeliveryResult]]:
    return [(delivery.guild_id, delivery.result) for delivery in report.deliveries()]


def test_a_new_code_goes_to_every_guild_that_follows_its_game() -> None:
    play = stage("New1000", subscriptions=[seen(1), seen(2), seen(3, "kingshot")])
    report = play.run()
    assert results(report) == [(1, DeliveryResult.SENT), (2, DeliveryResult.SENT)]
    assert play.store.states() == {"1:NEW1000": "sent", "2:NEW1000": "sent"}
    assert play.route(3).posted == []
    assert report.exit_code == 0


def test_the_next_run_has_nothing_to_say() -> None:
    play = stage("New1000")
    play.run()
    again = play.run()
    assert (list(again.deliveries()), list(again.seeded()), again.exit_code) == ([], [], 0)
    assert len(play.route().posted) == 1


def test_a_first_look_seeds_and_posts_nothing() -> None:
    play = stage("Old1000", "Old2000", subscriptions=[subscription()])
    report = play.run()
    assert [seed.codes for seed in report.seeded()] == [("Old1000", "Old2000")]
    assert play.store.states() == {"1:OLD1000": "seeded", "1:OLD2000": "seeded"}
    assert play.store.subscriptions()[0].seeded == ("api",)
    assert play.route().posted == []


def test_announce_current_posts_at_the_first_look_and_ends_there() -> None:
    play = stage("Old1000", subscriptions=[subscription(announce_current=True)])
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert play.store.subscriptions()[0].announce_current is False


def test_a_run_killed_between_the_look_and_the_first_claim_still_announces_in_the_next() -> None:
    play = stage("Old1000", subscriptions=[subscription(announce_current=True)])
    play.store.failing.add("add sent_giftcodes")
    with pytest.raises(StoreError):
        play.run()
    play.store.failing.clear()
    assert results(play.run()) == [(1, DeliveryResult.SENT)]


def test_a_run_killed_between_seeding_and_noting_it_seeds_the_rest_in_the_next() -> None:
    play = stage("Old1000", "Old2000", subscriptions=[subscription()])
    play.store.failing.add("amend subscriptions")
    with pytest.raises(StoreError):
        play.run()
    play.store.failing.clear()
    play.run()
    assert set(play.store.states().values()) == {"seeded"}
    assert play.route().posted == []


def test_a_dry_run_writes_and_posts_nothing() -> None:
    play = stage("New1000", subscriptions=[seen(1), subscription(2)])
    put_delivery(play.store, delivery("OPEN1000", channel_id=501))
    play.store.calls.clear()
    report = play.run(CheckRequest(dry_run=True))
    assert {call.partition(" ")[0] for call in play.store.calls} <= READING
    assert play.route().posted == []
    assert results(report) == [(1, DeliveryResult.PLANNED), (1, DeliveryResult.PLANNED)]
    assert [seed.codes for seed in report.seeded()] == [("New1000",)]
    assert next_mark(report, "settings", "store") is None


def test_a_guild_that_cannot_be_read_is_named_and_the_others_get_their_codes() -> None:
    play = stage("New1000", subscriptions=[seen(1), seen(2)])
    (odd, *_) = play.store.engine.find(SUBSCRIPTIONS)
    play.store.engine.change([Change(SUBSCRIPTIONS, odd, {**odd, "destination": 5})])
    report = play.run()
    assert results(report) == [(2, DeliveryResult.SENT)]
    assert len(report.trouble) == 1
    assert "subscriptions: document '1:whiteout-survival': destination is 5, not an object" in report.trouble[0]


@pytest.mark.parametrize(
    "call",
    [
        *("find subscriptions", "find guilds", "find codes", "add codes"),
        *("find sent_giftcodes", "present sent_giftcodes", "add sent_giftcodes"),
    ],
)
def test_a_store_that_fails_before_a_post_ends_the_run_and_nothing_is_posted(call: str) -> None:
    """D3: an outage of the database was read as "never sent", and everything went out again."""
    play = stage("New1000", subscriptions=[seen(1), seen(2)])
    play.store.failing.add(call)
    with pytest.raises(StoreError):
        play.run()
    assert play.route(1).posted == play.route(2).posted == []
    assert play.store.engine.is_closed


def test_nothing_is_posted_after_the_store_failed() -> None:
    play = stage("New1000", subscriptions=[seen(1), seen(2)])
    play.store.failing.add("amend sent_giftcodes")
    with pytest.raises(StoreError):
        play.run()
    assert len(play.route(1).posted) + len(play.route(2).posted) == 1


def test_a_guild_that_is_refused_does_not_stop_the_next_one() -> None:
    """D9: one guild's failure ended the whole round."""
    play = stage("New1000", subscriptions=[seen(1), seen(2), seen(3)])
    play.route(1).answer(FORBIDDEN)
    play.route(2).answer(TIMED_OUT)
    report = play.run()
    assert [result for _, result in results(report)] == [
        DeliveryResult.REFUSED,
        DeliveryResult.UNCLEAR,
        DeliveryResult.SENT,
    ]
    assert report.exit_code == 69


def test_a_refused_code_goes_out_in_a_later_run() -> None:
    """D2: a code that Discord refused was marked sent."""
    play = stage("New1000")
    play.route().answer(FORBIDDEN)
    play.run()
    play.clock.pass_time(timedelta(hours=1))
    assert results(play.run()) == [(1, DeliveryResult.SENT)]


def test_a_broken_destination_is_left_alone_and_what_it_is_owed_is_kept() -> None:
    play = stage("New1000")
    play.route().answer(GONE)
    play.run()
    play.clock.pass_time(timedelta(days=3))
    report = play.run()
    assert len(play.route().posted) == 1
    assert [(rest.guild_id, rest.owed) for rest in report.resting()] == [(1, 1)]
    assert (report.broken, report.exit_code) == (1, 0)


def test_what_was_refused_for_its_content_waits_alone_and_the_run_says_so_until_its_time_has_come() -> None:
    play = stage("New1000")
    play.route().answer(BAD_FORM)
    first = play.run()
    assert (first.exit_code, [one.waits_for_a_person for one in first.deliveries()]) == (0, [True])
    play.listed = gathered([sighting("New1000"), sighting("New2000")], [source()])
    second = play.run()
    assert play.route().codes()[1:] == [{"New2000"}], "the other one does not wait for it"
    (rest,) = second.resting()
    retry_at = play.clock() + timedelta(hours=1)
    assert (rest.guild_id, rest.owed, rest.retry_at, rest.since) == (1, 1, retry_at, play.clock())
    assert rest.meaning is not None
    assert (rest.meaning.kind, second.broken, second.is_settled) == ("content", 0, True)
    play.clock.pass_time(timedelta(hours=1))
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert list(play.run().resting()) == []


@pytest.mark.parametrize("refused", [BAD_FORM, FORBIDDEN])
def test_what_one_place_said_no_with_keeps_nothing_waiting_at_another(refused: Refused) -> None:
    play = stage("New1000")
    play.route().answer(*2 * [refused])
    play.run()
    play.clock.pass_time(timedelta(hours=1))
    play.run()
    # An hour after the second no it is not tried yet, at this place.
    play.clock.pass_time(timedelta(minutes=61))
    play.run()
    assert len(play.route().posted) == 2
    (one,) = play.store.subscriptions(1)
    elsewhere = Destination(channel_id=900)
    play.routes.routes[elsewhere] = there = FakeRoute()
    play.store.change_subscriptions(1, lambda _: changed(GuildRequest(1), elsewhere, [one], play.clock()))
    there.answer(BAD_FORM)
    (told,) = play.run().deliveries()
    # What is said there is the first no.
    assert (told.result, told.retry_at) == (DeliveryResult.REFUSED, play.clock() + timedelta(hours=1))
    play.clock.pass_time(timedelta(hours=1))
    assert results(play.run()) == [(1, DeliveryResult.SENT)]


def test_a_time_to_try_again_that_a_wrong_clock_has_noted_keeps_nothing_waiting() -> None:
    play = stage("New1000")
    play.clock.pass_time(timedelta(days=300))
    play.route().answer(BAD_FORM)
    play.run()
    play.clock.pass_time(timedelta(days=-300))
    assert results(play.run()) == [(1, DeliveryResult.SENT)]


def test_a_destination_that_just_said_a_lasting_no_is_not_asked_for_the_next_game() -> None:
    play = stage("New1000", subscriptions=[seen(), seen(1, "kingshot", place=1)])
    play.listed = gathered([sighting("New1000"), sighting("King100", "kingshot")])
    play.route().answer(GONE)
    report = play.run()
    assert len(play.route().posted) == 1
    assert not report.is_settled
    assert play.store.states() == {}


def test_what_an_earlier_run_left_open_is_settled_before_anything_new_goes_out() -> None:
    play = stage("Gift100", "New1000")
    put_delivery(play.store, delivery(channel_id=501))
    play.clock.pass_time(timedelta(minutes=20))
    play.route().finding = Found(77, 501)
    report = play.run()
    assert results(report) == [(1, DeliveryResult.SETTLED), (1, DeliveryResult.SENT)]
    assert play.route().codes() == [{"New1000"}]
    assert stored(play.store) == {}


def test_another_hosts_delivery_is_left_alone_until_its_lease_is_over() -> None:
    play = stage("Gift100")
    put_delivery(play.store, delivery(channel_id=501, holder=ANOTHER_HOST))
    play.clock.pass_time(LEASE - timedelta(seconds=1))
    assert results(report := play.run()) == []
    assert report.others_lease_ends is not None
    assert play.clock() <= report.others_lease_ends <= play.clock() + timedelta(seconds=2)
    play.clock.pass_time(timedelta(minutes=2))
    assert results(play.run()) == [(1, DeliveryResult.SENT)]


def test_what_a_brother_is_at_is_left_alone_and_looked_at_by_the_very_next_run() -> None:
    play = stage("Gift100")
    put_delivery(play.store, delivery(channel_id=501, holder=Holder("host-a", "the bot")))
    play.lock.alive.add("the bot")
    play.clock.pass_time(timedelta(days=1))
    report = play.run()
    assert (results(report), report.others_lease_ends) == ([], play.clock())
    play.lock.alive.clear()
    assert results(play.run()) == [(1, DeliveryResult.SENT)]


def test_what_was_claimed_and_never_written_goes_out_with_the_same_run_though_no_source_lists_it_any_more() -> None:
    play = stage()
    play.store.remember([code_record("GIFT100")])
    put_delivery(play.store, delivery(channel_id=501, state=DeliveryState.CLAIMED))
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert play.route().looks == []
    assert play.store.states() == {"1:GIFT100": "sent"}


def test_what_is_surely_absent_goes_out_with_the_same_run_and_once_where_that_is_refused() -> None:
    play = stage("Gift100")
    put_delivery(play.store, delivery(channel_id=501))
    play.clock.pass_time(timedelta(minutes=20))
    play.route().answer(replace(FORBIDDEN, lasting=False))
    assert results(play.run()) == [(1, DeliveryResult.REFUSED)]
    assert len(play.route().posted) == 1
    assert results(play.run()) == [(1, DeliveryResult.SENT)]


def test_a_code_that_a_source_spells_otherwise_by_now_is_not_announced_beside_its_open_delivery() -> None:
    play = stage("GIFT100")
    put_delivery(play.store, delivery(channel_id=501))
    play.route().repeats_safely_for = timedelta(minutes=2)
    play.clock.pass_time(timedelta(minutes=1))
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert play.route().codes() == [{"Gift100"}]


def test_a_run_that_sends_leaves_no_delivery_behind() -> None:
    play = stage("New1000", subscriptions=[seen(1), seen(2)])
    play.run()
    assert stored(play.store) == {}


def test_an_unclear_delivery_closes_itself_when_its_code_has_ended_and_is_not_posted_again() -> None:
    play = stage()
    play.listed = gathered([sighting("Gift100", expires_at=NOON + timedelta(hours=1))], [source()])
    put_delivery(play.store, delivery(channel_id=501, state=DeliveryState.UNCLEAR, is_final=True))
    assert (play.run().uncertain, play.route().looks) == (1, [])
    play.clock.pass_time(timedelta(hours=1))
    report = play.run()
    assert (results(report), report.uncertain, report.exit_code) == ([(1, DeliveryResult.CLOSED)], 0, 0)
    assert delivery_states(play.store) == [("closed", ("Gift100",))]
    assert (results(play.run()), play.route().posted) == ([], [])


@pytest.mark.parametrize("finding", [Undecided("it cannot read the channel", for_good=True), Undecided("HTTP 500")])
def test_what_ended_before_its_first_look_closes_itself_where_that_does_not_tell(finding: Undecided) -> None:
    play = stage()
    play.listed = gathered([sighting("Gift100", expires_at=NOON + timedelta(minutes=15))], [source()])
    put_delivery(play.store, delivery(channel_id=501))
    play.clock.pass_time(timedelta(minutes=20))
    play.route().finding = finding
    report = play.run()
    assert (results(report), report.uncertain, report.exit_code) == ([(1, DeliveryResult.CLOSED)], 0, 0)
    assert delivery_states(play.store) == [("closed", ("Gift100",))]
    assert stored(play.store)["delivery-1"].reason == finding.reason
    assert (results(play.run()), play.route().posted) == ([], [])


def test_what_ended_before_its_first_look_is_recorded_as_sent_where_it_is_found() -> None:
    play = stage()
    play.listed = gathered([sighting("Gift100", expires_at=NOON + timedelta(minutes=15))], [source()])
    put_delivery(play.store, delivery(channel_id=501))
    play.clock.pass_time(timedelta(minutes=20))
    play.route().finding = Found(77, 501)
    assert results(play.run()) == [(1, DeliveryResult.SETTLED)]
    assert play.store.states() == {"1:GIFT100": "sent"}


def test_nothing_is_settled_or_sent_while_the_store_holds_back_and_the_run_says_why() -> None:
    play = stage("New1000")
    put_delivery(play.store, delivery(channel_id=501))
    play.store.engine.held_back = "MongoDB is away"
    report = play.run()
    assert (results(report), report.trouble, report.exit_code) == ([], ("MongoDB is away",), 69)
    assert play.route().looks == play.route().posted == []


def test_a_run_about_one_guild_touches_no_other() -> None:
    play = stage("New1000", subscriptions=[seen(1), seen(2)])
    put_delivery(play.store, delivery("OPEN1000", guild_id=2, channel_id=502))
    play.clock.pass_time(timedelta(minutes=20))
    report = play.run(CheckRequest(guild_id=1))
    assert results(report) == [(1, DeliveryResult.SENT)]
    assert play.route(2).posted == []
    assert play.route(2).looks == []


def test_a_run_about_one_game_asks_only_its_sources() -> None:
    play = stage("New1000", subscriptions=[seen(), seen(1, "kingshot", place=1)])
    play.run(CheckRequest(game="kingshot"))
    assert play.gathered_for == [("kingshot",)]


def test_a_game_that_no_settings_name_is_told_and_stops_nobody() -> None:
    play = stage("New1000", subscriptions=[seen(1, "gone-game"), seen(1, place=1), seen(2)])
    play.store.remember([hand_made("HAND100", game="gone-game")])
    report = play.run()
    assert results(report) == [(1, DeliveryResult.SENT), (2, DeliveryResult.SENT)]
    assert report.exit_code == 69
    (line,) = report.trouble
    assert "guild 1" in line
    assert "'gone-game'" in line


def hand_made(key: str, **changes: object) -> CodeRecord:
    return code_record(key, sources={MANUAL_SOURCE: SourceMemory(key.title(), NOON, NOON)}, **changes)


def test_a_code_added_by_hand_goes_out_and_is_not_forgotten_as_one() -> None:
    play = stage()
    play.store.remember([hand_made("HAND100")])
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert play.route().codes() == [{"Hand100"}]
    assert MANUAL_SOURCE in play.store.codes()[0].sources


def test_an_expired_code_is_remembered_but_not_announced() -> None:
    play = stage()
    play.listed = gathered([sighting("Old1000", expires_at=NOON)])
    assert results(play.run()) == []
    assert [one.key for one in play.store.codes()] == ["OLD1000"]


def test_a_source_that_fails_is_trouble_and_its_codes_are_not_gone() -> None:
    play = stage()
    play.listed = gathered([sighting("Gift100")], [source(failing_since=NOON, reason="timed out")])
    assert results(report := play.run()) == [(1, DeliveryResult.SENT)]
    assert report.exit_code == 69


# The idle run


def mark_after(report: CheckReport) -> IdleMark | None:
    return next_mark(report, "settings", "store")


def test_a_run_that_finds_the_lists_as_they_were_does_not_open_the_store() -> None:
    play = stage("New1000")
    play.mark = mark_after(play.run())
    report = play.idle()
    assert report is not None
    assert (report.idle, report.exit_code, report.guild_count, play.opened) == (True, 0, 1, 1)
    assert play.gathered_for[1] == (HOME_GAME,)


def test_a_changed_list_is_looked_into_without_asking_the_sources_twice() -> None:
    play = stage("New1000")
    play.mark = mark_after(play.run())
    play.listed = replace(gathered([sighting("New1000"), sighting("New2000")]), fingerprint="lists-2")
    assert play.idle() is None
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert len(play.gathered_for) == 2


@pytest.mark.parametrize(
    ("request_", "complete"),
    [
        (CheckRequest(), True),
        (CheckRequest(guild_id=1), False),
        (CheckRequest(game=HOME_GAME), False),
        (CheckRequest(dry_run=True), False),
    ],
)
def test_only_a_run_about_everything_can_spare_the_next_one_a_look(request_: CheckRequest, complete: bool) -> None:
    assert request_.is_complete is complete


def test_whatever_must_be_tried_again_leaves_no_mark() -> None:
    for answer in (replace(FORBIDDEN, lasting=False), TIMED_OUT):
        play = stage("New1000")
        play.route().answer(answer)
        assert mark_after(play.run()) is None


def test_a_resting_guild_is_looked_at_again_when_its_rest_is_over() -> None:
    retry_at = NOON + timedelta(minutes=17)
    play = stage("New1000", subscriptions=[seen(broken=Broken(NOON, "HTTP 403", retry_at=retry_at))])
    mark = mark_after(play.run())
    assert mark is not None
    assert (mark.due_at, mark.broken, mark.trouble) == (retry_at, 1, False)


def test_an_idle_run_knows_how_many_codes_are_uncertain_and_tells_of_them_again_in_a_day() -> None:
    play = stage("New1000")
    put_delivery(play.store, delivery("LOST100", state=DeliveryState.UNCLEAR, is_final=True))
    play.mark = mark_after(play.run())
    report = play.idle()
    assert report is not None
    assert (report.uncertain, report.exit_code) == (1, 0)
    (told,) = troubles(report, None)
    assert (told.key, told.is_known, told.counts_when_told) == ("standing", True, True)
    assert play.mark is not None
    assert play.mark.due_at == report.started_at + TOLD_AGAIN


def test_the_store_is_looked_at_every_hour_however_quiet_it_is() -> None:
    play = stage()
    report = play.run()
    mark = mark_after(report)
    assert mark is not None
    assert mark.look_again_at == report.finished_at + FULL_LOOK_EVERY


def test_a_source_at_another_address_is_looked_at_first_again() -> None:
    play = stage("Old1000", subscriptions=[subscription()])
    play.listed = gathered([sighting("Old1000")], [source(address="one")])
    play.run()
    assert play.store.subscriptions()[0].addresses == {"api": "one"}
    old = [f"Archive{number:02}" for number in range(30)]
    play.listed = gathered([sighting(one) for one in old], [source(address="two")], "lists-2")
    report = play.run()
    assert [len(seed.codes) for seed in report.seeded()] == [30]
    assert (report.held, play.route().posted) == ((), [])
    play.listed = gathered([sighting(one) for one in [*old, "New1000"]], [source(address="two")], "lists-3")
    assert [delivery.codes for delivery in play.run().deliveries()] == [("New1000",)]


def test_where_an_older_release_has_looked_is_noted_with_the_next_announcement() -> None:
    play = stage("New1000")
    play.listed = gathered([sighting("New1000")], [source(address="one")])
    assert results(play.run()) == [(1, DeliveryResult.SENT)]
    assert play.store.subscriptions()[0].addresses == {"api": "one"}


def test_a_burst_is_held_for_every_guild_and_goes_out_to_all_of_them_also_to_one_that_was_added_meanwhile() -> None:
    old, new = [f"Archive{number:02}" for number in range(40)], [f"Winter{number:02}" for number in range(9)]
    play = stage(*old, subscriptions=[subscription(1), subscription(2)])
    play.run()
    play.listed = gathered([sighting(one) for one in [*old, *new]], [source()], "lists-2")
    report = play.run()
    assert (len(report.held), list(report.deliveries())) == (9, [])
    late = replace(subscription(3), destination=Destination(channel_id=503))
    play.store.put_subscriptions(late)
    play.routes.routes[late.destination] = FakeRoute("channel 503")
    assert [len(seed.codes) for seed in play.run().seeded()] == [40]
    assert not [id_ for id_ in play.store.ledger if "WINTER" in id_]
    play.clock.pass_time(timedelta(minutes=31))
    assert {(one.guild_id, len(one.codes)) for one in play.run().deliveries()} == {(1, 9), (2, 9), (3, 9)}


def test_an_idle_run_stays_idle_until_a_hold_ends_and_no_longer() -> None:
    old, new = [f"Archive{number:02}" for number in range(40)], [f"Winter{number:02}" for number in range(9)]
    play = stage(*old, subscriptions=[subscription()])
    play.run()
    play.listed = gathered([sighting(one) for one in [*old, *new]], [source()], "lists-2")
    report = play.run()
    mark = next_mark(report, "settings", "store")
    assert mark is not None
    assert mark.due_at == play.clock() + timedelta(minutes=30)
    assert mark.holds(settings="settings", store="store", now=play.clock() + timedelta(minutes=29))
    assert not mark.holds(settings="settings", store="store", now=play.clock() + timedelta(minutes=30))


def test_a_hold_whose_time_is_over_waits_idly_for_its_source_to_answer_and_no_longer() -> None:
    old, new = [f"Archive{number:02}" for number in range(40)], [f"Winter{number:02}" for number in range(9)]
    play = stage(*old, subscriptions=[subscription()])
    play.run()
    listed = [sighting(one) for one in [*old, *new]]
    play.listed = gathered(listed, [source(), source("other")], "lists-2")
    play.run()
    play.clock.pass_time(timedelta(minutes=40))
    failing = replace(source(), failing_since=play.clock())
    play.listed = gathered(listed, [failing, source("other")], "lists-2")
    report = play.run()
    assert (len(report.held), list(report.deliveries())) == (9, [])
    play.mark = next_mark(report, "settings", "store")
    assert play.mark is not None
    assert play.mark.holds(settings="settings", store="store", now=play.clock() + timedelta(minutes=30))
    assert play.idle() is not None
    # The list that it has then is the same one: it is the answer that counts.
    play.listed = gathered(listed, [source(), source("other")], "lists-2")
    assert play.idle() is None
    assert [len(one.codes) for one in play.run().deliveries()] == [9]


def test_a_code_that_is_issued_anew_goes_out_once_more_in_each_guild_and_under_an_id_of_its_own() -> None:
    play = stage(subscriptions=[seen(1), seen(2)])
    for days in (1, 60):
        until = play.clock() + timedelta(days=days)
        play.listed = gathered([sighting("Gift1000", expires_at=until)], [source()], f"until {days}")
        for _ in range(2):
            play.run()
        play.clock.pass_time(timedelta(days=10))
    assert play.store.states() == dict.fromkeys(["1:GIFT1000", "2:GIFT1000", "1:GIFT1000~2", "2:GIFT1000~2"], "sent")
    assert [len(play.route(guild_id).posted) for guild_id in (1, 2)] == [2, 2]


def test_a_withdrawn_code_is_owed_to_nobody_any_more() -> None:
    play = stage("Gift1000")
    play.route().answer(FORBIDDEN)
    play.run()
    assert delivery_states(play.store) == [("refused", ("Gift1000",))]
    play.store.amend_code(HOME_GAME, "GIFT1000", lambda one: replace(one, withdrawn=Ruling("ada", NOON)))
    play.clock.pass_time(timedelta(hours=2))
    report = play.run()
    assert (list(report.deliveries()), report.missed, delivery_states(play.store)) == ([], (), [])


def test_each_guild_is_told_in_its_own_language() -> None:
    play = stage("New1000", subscriptions=[seen(1), seen(2)])
    play.store.change_guild(2, lambda guild: replace(guild, language="es"), NOON)
    play.run()
    titles = [play.route(guild_id).posted[0].message.embeds[0].title for guild_id in (1, 2)]
    assert titles == ["🎁 New Whiteout Survival gift code", "🎁 Nuevo código de regalo de Whiteout Survival"]
