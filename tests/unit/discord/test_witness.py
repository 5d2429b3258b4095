"""Discord's time: heard from its answers, carried on by a clock that nobody sets, asked for once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fakes.clock import TestClock

from giftping.discord.http import DiscordHttp, Endpoint
from giftping.discord.outcome import Refused, Unclear
from giftping.discord.snowflake import snowflake_at
from giftping.discord.witness import ASKS, HEARD_FOR

BY_BOT = Endpoint("GET", "GET /channels/{channel}", "/channels/7", "channel 7")
BY_WEBHOOK = Endpoint("GET", "GET /webhooks/{webhook}", "/webhooks/5/t", "webhook 5/t", as_bot=False, secret="t")
DATE = "Fri, 20 Nov 2026 12:00:30 GMT"


class Script:
    """Answers from a list, the last one for ever, and keeps what was asked."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def client_for(clock):
    def make(*answers, token="t", **options):
        script = Script(*answers)
        http = DiscordHttp(
            "https://discord.test/api/v10",
            token=token,
            budget=timedelta(seconds=60),
            monotonic=clock.monotonic,
            steady=clock.monotonic,
            sleep=clock.sleep,
            transport=httpx.MockTransport(script),
            **options,
        )
        return http, script

    return make


def answer(status, body, headers):
    return httpx.Response(status, json=body, headers=headers)


NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize("date", ["Fri, 20 Nov 2026 12:00:30 GMT", "Fri, 20 Nov 2026 13:00:30 +0100"])
def test_discords_clock_is_learned_from_its_answers_and_carried_on_by_one_that_nobody_sets(client_for, clock, date):
    wall = TestClock(NOON)
    http, _ = client_for(answer(200, {}, {"date": date}), now=wall)
    assert http.discord_now() is http.anchor() is http.clock_offset is None
    http.request(BY_BOT)
    assert http.clock_offset == timedelta(seconds=30)
    assert http.discord_now() == NOON + timedelta(seconds=30)
    wall.pass_time(timedelta(days=-30))
    clock.sleep(100)
    assert http.discord_now() == NOON + timedelta(seconds=130)
    assert http.anchor() == snowflake_at(NOON + timedelta(seconds=70))
    assert http.clock_offset == timedelta(days=30, seconds=130)


@pytest.mark.parametrize(
    "event",
    [
        answer(200, {}, {"date": ""}),
        answer(200, {}, {"date": "yesterday"}),
        answer(200, {}, {"date": "Thu, 01 Jan 1970 00:00:09 GMT"}),
        answer(200, {}, {"date": "Fri, 31 Dec 9999 23:59:59 GMT"}),
        answer(200, {}, {"date": "Fri, 31 Dec 9999 23:59:59 -2359"}),
        httpx.Response(200, text="<p>Log in first</p>", headers={"date": "Fri, 20 Nov 2026 12:00:30 GMT"}),
        httpx.Response(403, text="<p>Not from here</p>", headers={"date": "Fri, 20 Nov 2026 12:00:30 GMT"}),
        answer(502, {}, {"date": "Fri, 20 Nov 2026 12:00:30 GMT"}),
    ],
)
def test_an_absurd_date_and_that_of_anybody_else_is_no_witness(client_for, event):
    http, _ = client_for(event)
    unheard = http.ask(BY_BOT)
    assert isinstance(unheard, Refused | Unclear)
    assert http.discord_now() is http.anchor() is http.clock_offset is None


def test_a_later_answer_without_a_date_leaves_the_witness_as_it_was(client_for):
    http, _ = client_for(answer(200, {}, {"date": "Fri, 20 Nov 2026 12:00:30 GMT"}), answer(200, {}, {"date": "no"}))
    http.request(BY_BOT)
    http.request(BY_BOT)
    assert http.discord_now() == NOON + timedelta(seconds=30)


def dated(status=200, date="Fri, 20 Nov 2026 12:00:30 GMT"):
    return answer(status, {"code": 10003, "message": "Unknown Channel"} if status == 404 else {}, {"date": date})


def test_discord_is_asked_for_its_time_once(client_for):
    http, stand_in = client_for(dated(404), dated())
    assert http.ask(BY_BOT) is None
    assert http.ask(BY_WEBHOOK) is None
    assert len(stand_in.requests) == 1


def test_a_bot_that_lives_on_asks_again_after_an_hour(client_for, clock):
    http, stand_in = client_for(dated(), dated(date="Fri, 20 Nov 2026 13:00:30 GMT"))
    http.ask(BY_BOT)
    clock.sleep(HEARD_FOR.total_seconds() - 1)
    http.ask(BY_BOT)
    assert len(stand_in.requests) == 1
    clock.sleep(1)
    assert http.ask(BY_BOT) is None
    assert len(stand_in.requests) == 2


def test_where_nothing_answers_it_is_asked_a_few_times_and_then_not_for_a_minute(client_for, clock):
    http, stand_in = client_for(*[httpx.ConnectTimeout("x")] * ASKS, dated())
    assert [http.ask(BY_BOT) for _ in range(9)] == [Refused("could not connect: timed out")] * 9
    assert len(stand_in.requests) == ASKS
    clock.sleep(60)
    assert http.ask(BY_BOT) is None


def test_one_of_many_threads_asks(client_for):
    http, stand_in = client_for(dated())
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: http.ask(BY_BOT), range(40))) == [None] * 40
    assert len(stand_in.requests) == 1


def test_a_token_that_is_missing_keeps_no_webhook_from_asking(client_for):
    http, stand_in = client_for(dated(), token=None)
    assert all(isinstance(http.ask(BY_BOT), Refused) for _ in range(9))
    assert http.ask(BY_WEBHOOK) is None
    assert len(stand_in.requests) == 1
