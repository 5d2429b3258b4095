"""Announcements in forums: which post each goes into, and what becomes of one that is kept up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from code_builders import WOS, codes
from fakes.clock import TestClock
from fakes.deliveries import FakeLock, stored
from fakes.discord_route import FORBIDDEN, TIMED_OUT, FakeRoute, Routes
from fakes.records import NOON, subscription
from fakes.store import MemoryStore
from fakes.words import in_english

from giftping.codes.courier import Courier
from giftping.codes.entries import Origins
from giftping.codes.report import DeliveryReport, DeliveryResult
from giftping.delivery.deliveries import Deliveries, DeliveryState
from giftping.discord.outcome import Done, Refused
from giftping.discord.snowflake import snowflake_at
from giftping.store.base import Destination, Posting, PostsIn, Subscription

FORUM = Destination(channel_id=500)
FIRST, SECOND = snowflake_at(NOON) + 1, snowflake_at(NOON) + 2
POST_IS_GONE = Refused("HTTP 404 Unknown Channel (10003)", 404, 10003, lasting=True)
EACH, KEPT = Posting(posts=PostsIn.PER_ANNOUNCEMENT), Posting(posts=PostsIn.KEPT)
MANY = [f"Code{number:04}" for number in range(23)]


class Play:
    """A forum: the way to open posts there, and into the first and the second one."""

    def __init__(self, posting: Posting, kept_post: int | None = None) -> None:
        self.store = MemoryStore([subscription(destination=FORUM, posting=posting, kept_post=kept_post)])
        self.opening = FakeRoute()
        self.inside = {post: FakeRoute() for post in (FIRST, SECOND)}
        routes = Routes([(replace(FORUM, opens_post=True), self.opening)])
        routes.routes |= {replace(FORUM, thread_id=post): route for post, route in self.inside.items()}
        clock = TestClock()
        lock = Deliveries(self.store, FakeLock(), clock)
        self.courier = Courier(lock, routes, clock, clock, Origins({"api": "api"}), in_english)

    def announce(self, *spellings: str) -> list[DeliveryReport]:
        return self.courier.announce(self.subscription(), WOS, codes(*spellings))

    def subscription(self) -> Subscription:
        return self.store.subscriptions(1)[0]


def opened(post: int) -> Done:
    return Done(post, post)


def test_each_announcement_opens_a_post_of_its_own() -> None:
    stage = Play(EACH)
    stage.opening.answer(opened(FIRST), opened(SECOND), opened(SECOND + 1))
    stage.announce(*MANY)
    assert [len(codes) for codes in stage.opening.codes()] == [10, 10, 3]
    assert stage.subscription().kept_post is None
    first = stage.store.ledger["1:CODE0000"]
    assert (first.message_id, first.channel_id) == (FIRST, FIRST)


def test_the_first_announcement_opens_the_post_that_all_others_follow_in() -> None:
    stage = Play(KEPT)
    stage.opening.answer(opened(FIRST))
    stage.announce(*MANY)
    stage.announce("Gift100")
    assert [len(codes) for codes in stage.opening.codes()] == [10]
    assert [len(codes) for codes in stage.inside[FIRST].codes()] == [10, 3, 1]
    assert stage.subscription().kept_post == FIRST


@pytest.mark.parametrize("code", [50083, 160005])
def test_a_kept_post_that_is_closed_keeps_its_own_game_waiting_and_no_other(code: int) -> None:
    stage = Play(KEPT, kept_post=FIRST)
    closed = Refused(f"HTTP 400 closed ({code})", 400, code, lasting=True)
    stage.inside[FIRST].answer(closed, closed)
    (report,) = stage.announce("Gift100", "Gift200")
    assert (report.broke, report.waits_for_a_person, stage.subscription().broken) == (False, True, None)
    assert report.meaning is not None
    assert (report.meaning.kind, report.retry_at) == ("post", NOON + timedelta(hours=1))
    # The codes are not why: they go out in one message once it is open.
    owed = [one for one in stored(stage.store).values() if one.state is DeliveryState.REFUSED]
    assert stage.courier.announce(stage.subscription(), WOS, codes("Gift100", "Gift200"), owed)
    assert [len(codes) for codes in stage.inside[FIRST].codes()] == [2, 2]


@pytest.mark.parametrize("posting", [EACH, Posting()])
def test_a_thread_that_is_closed_and_no_kept_post_is_a_broken_destination(posting: Posting) -> None:
    stage = Play(posting)
    stage.courier.routes.routes[FORUM] = stage.opening  # type: ignore[attr-defined]
    stage.opening.answer(Refused("HTTP 400 closed (160005)", 400, 160005, lasting=True))
    assert stage.announce("Gift100")[0].broke
    assert stage.subscription().broken is not None


def test_a_post_that_was_deleted_is_opened_anew_by_the_same_delivery() -> None:
    stage = Play(KEPT, kept_post=FIRST)
    stage.inside[FIRST].answer(POST_IS_GONE)
    stage.opening.answer(opened(SECOND))
    stage.opening.before_post = lambda: None
    (report,) = stage.announce("Gift100")
    assert (report.result, stage.subscription().kept_post) == (DeliveryResult.SENT, SECOND)
    assert stage.subscription().broken is None
    tried, again = stage.inside[FIRST].posted[0], stage.opening.posted[0]
    assert tried.delivery_id == again.delivery_id
    stage.announce("Gift200")
    assert stage.inside[SECOND].codes() == [{"Gift200"}]


@pytest.mark.parametrize("posting", [EACH, KEPT], ids=["each", "kept"])
def test_where_a_post_is_looked_for_stands_in_the_delivery_before_its_first_byte(posting: Posting) -> None:
    stage = Play(posting, kept_post=FIRST)
    stage.inside[FIRST].answer(POST_IS_GONE)
    stage.opening.answer(TIMED_OUT)
    stage.announce("Gift100")
    (left,) = stored(stage.store).values()
    assert (left.state, left.opens_post, left.channel_id) == (DeliveryState.WRITTEN, True, 500)


def test_an_unclear_message_in_the_post_is_looked_for_there() -> None:
    stage = Play(KEPT, kept_post=FIRST)
    stage.inside[FIRST].answer(TIMED_OUT)
    stage.announce("Gift100")
    (left,) = stored(stage.store).values()
    assert (left.state, left.opens_post, left.channel_id) == (DeliveryState.WRITTEN, False, FIRST)
    assert stage.opening.posted == []


def test_a_forum_that_is_gone_with_its_post_is_broken() -> None:
    stage = Play(KEPT, kept_post=FIRST)
    stage.inside[FIRST].answer(POST_IS_GONE)
    stage.opening.answer(POST_IS_GONE)
    (report,) = stage.announce("Gift100")
    assert (report.result, report.broke) == (DeliveryResult.REFUSED, True)
    assert stage.store.states() == {}
    # It may have been a slip of Discord's: the post is tried first.
    assert stage.subscription().kept_post == FIRST


def test_another_no_to_the_post_opens_no_other_one() -> None:
    stage = Play(KEPT, kept_post=FIRST)
    stage.inside[FIRST].answer(FORBIDDEN)
    stage.announce("Gift100")
    assert (stage.opening.posted, stage.subscription().kept_post) == ([], FIRST)


def test_a_game_that_went_elsewhere_meanwhile_keeps_no_post_there() -> None:
    stage = Play(KEPT)

    def move() -> None:
        moved = replace(stage.subscription(), updated_at=NOON.replace(year=2027))
        stage.store.put_subscriptions(moved)

    stage.opening.after_fence = move
    stage.opening.answer(opened(FIRST))
    stage.announce("Gift100")
    assert stage.subscription().kept_post is None
