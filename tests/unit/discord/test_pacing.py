from __future__ import annotations

import json
import queue
import threading
from collections import deque

import pytest
from fakes.patience import PATIENT

from giftping.discord.pacing import LONGEST, Hold, Lane, Pacer, TooLongError, hold_of, is_from_discord, number

WEBHOOK = Lane("POST /webhooks/{webhook}", "webhook 1", as_bot=False)
CHANNEL = Lane("POST /channels/{channel}/messages", "channel 1", as_bot=True)


def told(remaining, reset_after, *, limit=5, bucket="abc"):
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset-after": str(reset_after),
        "x-ratelimit-bucket": bucket,
    }


@pytest.fixture
def pacer(clock):
    return Pacer(60, clock.monotonic, clock.sleep)


def send(pacer, lane, headers=None, hold=None):
    pacer.leave(pacer.enter(lane), headers or {}, hold)


def test_a_webhook_that_says_nothing_gets_five_requests_in_two_seconds(pacer, clock):
    for _ in range(5):
        send(pacer, WEBHOOK)
    assert clock.sleeps == []
    send(pacer, WEBHOOK)
    assert clock.sleeps == [pytest.approx(2.0)]


def test_webhooks_do_not_wait_for_each_other(pacer, clock):
    for webhook in range(40):
        send(pacer, Lane(WEBHOOK.route, f"webhook {webhook}", as_bot=False), told(0, 30))
    assert clock.sleeps == []


def test_a_bucket_with_nothing_remaining_waits_for_its_reset(pacer, clock):
    send(pacer, CHANNEL, told(1, 4.0))
    send(pacer, CHANNEL, told(0, 3.9))
    assert clock.sleeps == []
    send(pacer, CHANNEL, told(4, 5.0))
    assert clock.sleeps == [pytest.approx(4.0, abs=0.02)]


def test_after_its_reset_a_bucket_holds_its_limit_again(pacer, clock):
    send(pacer, CHANNEL, told(0, 1.0, limit=3))
    clock.seconds += 2
    for _ in range(3):
        send(pacer, CHANNEL)
    assert clock.sleeps == []


def test_routes_that_share_a_bucket_wait_for_it_together(pacer, clock):
    other = Lane("GET /channels/{channel}/messages", "channel 1", as_bot=True)
    send(pacer, other, told(3, 5.0))
    send(pacer, CHANNEL, told(0, 5.0))
    send(pacer, other, told(4, 5.0))
    assert clock.sleeps == [pytest.approx(5.0, abs=0.02)]


def test_an_answer_that_was_overtaken_does_not_give_requests_back(pacer, clock):
    lanes = [pacer.enter(WEBHOOK) for _ in range(2)]
    pacer.leave(lanes[1], told(0, 2.0))
    pacer.leave(lanes[0], told(1, 2.0))
    send(pacer, WEBHOOK)
    assert clock.sleeps == [pytest.approx(2.0, abs=0.02)]


def test_requests_under_way_are_counted_before_their_answers_come(pacer, clock):
    send(pacer, WEBHOOK, told(2, 1.5))
    tickets = [pacer.enter(WEBHOOK) for _ in range(2)]
    entered, thread = enter_in_a_thread(pacer, WEBHOOK)
    assert not entered.wait(0.05)
    for ticket, remaining in zip(tickets, (1, 0), strict=True):
        pacer.leave(ticket, told(remaining, 1.5))
    thread.join()
    assert clock.sleeps == [pytest.approx(1.505)]


def test_requests_that_an_answer_has_counted_already_do_not_hold_up_the_next_until_the_reset(pacer, clock):
    send(pacer, WEBHOOK, told(4, 9.0))
    tickets = [pacer.enter(WEBHOOK) for _ in range(3)]
    pacer.leave(tickets[2], told(1, 9.0))
    entered, thread = enter_in_a_thread(pacer, WEBHOOK)
    assert not entered.wait(0.05)
    pacer.leave(tickets[0], told(3, 9.0))
    pacer.leave(tickets[1], told(2, 9.0))
    thread.join()
    assert entered.is_set()
    assert clock.sleeps == []


def test_a_request_that_is_never_answered_holds_up_the_next_no_longer_than_the_reset(pacer, clock):
    send(pacer, WEBHOOK, told(1, 0.02))
    pacer.enter(WEBHOOK)
    entered, thread = enter_in_a_thread(pacer, WEBHOOK)
    assert not entered.wait(0.05)
    clock.seconds += 0.03
    thread.join()
    assert entered.is_set()


@pytest.mark.parametrize("as_bot", [True, False])
def test_no_second_holds_more_than_fifty_requests_of_one_sender(pacer, clock, as_bot):
    times = []
    for target in range(200):
        ticket = pacer.enter(Lane("GET /x/{x}", f"x {target}", as_bot=as_bot))
        clock.seconds += 0.003
        times.append(clock.seconds)
        clock.seconds += 0.003
        pacer.leave(ticket, {})
    assert all(later - earlier >= 1.0 for earlier, later in zip(times, times[50:], strict=False))
    assert 200 / (times[-1] - times[0]) > 0.95 * 50


def test_of_all_who_wait_for_a_place_each_waits_for_one_of_its_own(clock):
    """And not all for the next: for each place all of them would be awake, and all but one for nothing."""
    asleep: queue.SimpleQueue[float] = queue.SimpleQueue()
    awake = threading.Event()

    def sleep(seconds: float) -> None:
        asleep.put(seconds)
        assert awake.wait(PATIENT)

    pacer = Pacer(0, clock.monotonic, sleep)
    for target in range(50):
        send(pacer, Lane("GET /x/{x}", f"x {target}", as_bot=True))
        clock.seconds += 0.01
    waiting = [enter_in_a_thread(pacer, Lane("GET /x/{x}", f"y {target}", as_bot=True)) for target in range(20)]
    waits = sorted(asleep.get(timeout=PATIENT) for _ in waiting)
    assert waits == [pytest.approx(0.5 + place * 0.01) for place in range(20)]
    clock.seconds += waits[-1]
    awake.set()
    for entered, thread in waiting:
        thread.join()
        assert entered.is_set()
    assert asleep.empty()


def test_who_is_told_to_stop_while_in_line_leaves_the_place_to_the_next(clock):
    def sleep(seconds: float) -> None:
        if is_stopped:
            raise KeyboardInterrupt
        clock.sleep(seconds)

    is_stopped, pacer = False, Pacer(0, clock.monotonic, sleep)
    for target in range(50):
        send(pacer, Lane("GET /x/{x}", f"x {target}", as_bot=True))
        clock.seconds += 0.01
    is_stopped = True
    with pytest.raises(KeyboardInterrupt):
        pacer.enter(CHANNEL)
    is_stopped = False
    pacer.enter(CHANNEL)
    assert clock.sleeps == [pytest.approx(0.5)]


def test_the_bot_and_the_address_are_counted_apart(pacer, clock):
    for target in range(50):
        send(pacer, Lane("GET /x/{x}", f"x {target}", as_bot=True))
    send(pacer, WEBHOOK)
    assert clock.sleeps == []


def test_a_hold_on_one_bucket_leaves_the_others_alone(pacer, clock):
    send(pacer, WEBHOOK, {}, Hold(7.0, everywhere=False))
    send(pacer, Lane(WEBHOOK.route, "webhook 2", as_bot=False))
    assert clock.sleeps == []
    send(pacer, WEBHOOK)
    assert clock.sleeps == [pytest.approx(7.0, abs=0.02)]


def test_a_hold_on_everything_stops_every_request_of_that_sender(pacer, clock):
    send(pacer, WEBHOOK, {}, Hold(7.0, everywhere=True))
    send(pacer, CHANNEL)
    assert clock.sleeps == []
    send(pacer, Lane(WEBHOOK.route, "webhook 2", as_bot=False))
    assert clock.sleeps == [pytest.approx(7.0, abs=0.02)]


def test_a_hold_beyond_what_the_headers_tell_is_kept_and_then_the_headers_count_again(pacer, clock):
    """Some routes have limits of their own beneath the bucket's: a 429 with requests remaining."""
    send(pacer, CHANNEL, told(1, 9.0), Hold(3.0, everywhere=False))
    send(pacer, CHANNEL, told(0, 6.0))
    send(pacer, CHANNEL)
    assert clock.sleeps == [pytest.approx(3.0, abs=0.02), pytest.approx(6.0, abs=0.02)]


def test_what_was_sent_before_a_buckets_name_was_known_still_counts(pacer, clock):
    for _ in range(5):
        send(pacer, WEBHOOK)
    send(pacer, Lane(WEBHOOK.route, "webhook 2", as_bot=False), told(4, 2.0))
    send(pacer, WEBHOOK)
    assert clock.sleeps == [pytest.approx(2.0)]


def test_a_wait_beyond_the_budget_is_not_waited_for(pacer, clock):
    send(pacer, WEBHOOK, {}, Hold(61.0, everywhere=False))
    with pytest.raises(TooLongError, match="rate limited for 61 s, and this run may wait 60 s more") as refused:
        pacer.enter(WEBHOOK)
    assert not refused.value.everywhere
    assert clock.sleeps == []


def test_what_was_waited_is_gone_from_the_budget(pacer):
    send(pacer, WEBHOOK, {}, Hold(50.0, everywhere=False))
    send(pacer, WEBHOOK, {}, Hold(15.0, everywhere=True))
    with pytest.raises(TooLongError) as refused:
        pacer.enter(WEBHOOK)
    assert refused.value.everywhere


def test_keeping_to_fifty_a_second_costs_no_budget(clock):
    pacer = Pacer(0, clock.monotonic, clock.sleep)
    for target in range(200):
        send(pacer, Lane("GET /x/{x}", f"x {target}", as_bot=True))
    assert len(clock.sleeps) == 3


def test_waits_side_by_side_are_charged_once(clock):
    """Two threads that wait for the same ten seconds have held the run for ten seconds, not twenty."""
    both_asleep = threading.Barrier(2)

    def sleep(seconds: float) -> None:
        both_asleep.wait(PATIENT)
        clock.seconds = 1011.0

    pacer = Pacer(12, clock.monotonic, sleep)
    lanes = [Lane(WEBHOOK.route, f"webhook {number}", as_bot=False) for number in range(2)]
    for lane in lanes:
        send(pacer, lane, {}, Hold(10.0, everywhere=False))
    sent: deque[str] = deque()

    def work(lane: Lane) -> None:
        send(pacer, lane)
        sent.append(lane.resource)

    threads = [threading.Thread(target=work, args=(lane,)) for lane in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sent) == ["webhook 0", "webhook 1"]


def test_a_bucket_nobody_knows_yet_is_asked_one_request_at_a_time(pacer, clock):
    first = pacer.enter(CHANNEL)
    entered = threading.Event()

    def second() -> None:
        pacer.leave(pacer.enter(CHANNEL), {})
        entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    assert not entered.wait(0.05)
    pacer.leave(first, told(4, 5.0))
    thread.join()
    assert entered.is_set()
    assert clock.sleeps == []


# Tickets that come back unused


@pytest.mark.parametrize("lane", [WEBHOOK, CHANNEL])
def test_a_ticket_that_comes_back_unused_counts_for_nothing(pacer, clock, lane):
    send(pacer, lane, told(1, 9.0))
    for _ in range(200):
        pacer.give_back(pacer.enter(lane))
    send(pacer, lane)
    assert clock.sleeps == []
    send(pacer, lane)
    assert clock.sleeps == [pytest.approx(9.005)]


def enter_in_a_thread(pacer, lane):
    """Return whether the lane lets a request through, and the thread that waits for it."""
    entered = threading.Event()

    def enter() -> None:
        pacer.enter(lane)
        entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    return entered, thread


def test_who_waits_for_an_unknown_bucket_goes_when_the_ticket_before_comes_back_unused(pacer, clock):
    first = pacer.enter(CHANNEL)
    entered, thread = enter_in_a_thread(pacer, CHANNEL)
    assert not entered.wait(0.05)
    pacer.give_back(first)
    thread.join()
    assert entered.is_set()
    assert clock.sleeps == []


def test_who_waits_for_a_place_among_the_fifty_gets_the_one_that_comes_back_unused(pacer, clock):
    tickets = [pacer.enter(Lane("GET /x/{x}", f"x {target}", as_bot=True)) for target in range(50)]
    entered, thread = enter_in_a_thread(pacer, CHANNEL)
    assert not entered.wait(0.05)
    pacer.give_back(tickets[7])
    thread.join()
    assert entered.is_set()
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.5", 1.5),
        (2, 2.0),
        ("0", 0.0),
        ("1e300", LONGEST),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
        (True, None),
        ([1], None),
        (10**400, None),
    ],
)
def test_only_sensible_numbers_are_believed(value, expected):
    assert number(value) == expected


@pytest.mark.parametrize(
    ("headers", "body", "tries", "hold"),
    [
        ({"retry-after": "2"}, {"retry_after": 1.25, "global": False}, 1, Hold(1.25, False)),
        ({"retry-after": "2"}, None, 1, Hold(2.0, False)),
        ({"retry-after": "2.5"}, {"retry_after": "soon"}, 1, Hold(2.5, False)),
        ({"x-ratelimit-reset-after": "0.5"}, {}, 1, Hold(0.5, False)),
        ({}, {"retry_after": 3, "global": True}, 1, Hold(3.0, True)),
        ({"x-ratelimit-scope": "global", "retry-after": "1"}, None, 1, Hold(1.0, True)),
        ({"x-ratelimit-global": "true", "retry-after": "1"}, None, 1, Hold(1.0, True)),
        ({"x-ratelimit-scope": "shared", "retry-after": "1"}, None, 1, Hold(1.0, False)),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, 1, Hold(1.0, False)),
        ({"retry-after": "-5"}, {"retry_after": json.loads("NaN")}, 1, Hold(1.0, False)),
        ({}, None, 3, Hold(4.0, False)),
        ({"retry-after": "0"}, None, 1, Hold(0.0, False)),
        ({"retry-after": "0"}, None, 3, Hold(4.0, False)),
    ],
)
def test_how_long_a_429_is_waited_for(headers, body, tries, hold):
    assert hold_of(headers, body, tries) == hold


@pytest.mark.parametrize(
    ("headers", "from_discord"),
    [
        ({"via": "1.1 google"}, True),
        ({"x-ratelimit-limit": "5"}, True),
        ({"retry-after": "600", "server": "cloudflare"}, False),
    ],
)
def test_a_429_without_via_and_rate_limit_headers_is_cloudflares(headers, from_discord):
    assert is_from_discord(headers) is from_discord
