"""What an answer, or the lack of one, means for a request. No sockets here: see test_discord_sockets."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from giftping.discord import http as discord_http
from giftping.discord.http import USER_AGENT, Answer, DiscordHttp, Endpoint
from giftping.discord.outcome import Refused, Unclear

TOKEN = "MTIz.bot-token.s3cret"
SECRET = "webhook-t0ken"
BY_BOT = Endpoint("POST", "POST /channels/{channel}/messages", "/channels/7/messages", "channel 7")
VIA = {"via": "1.1 google"}


def by_webhook(number=1):
    path = f"/webhooks/{number}/{SECRET}"
    return Endpoint("POST", "POST /webhooks/{webhook}", path, f"webhook {number}", as_bot=False, secret=SECRET)


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
    def make(*answers, token=TOKEN, budget=60, api="https://discord.test/api/v10/", **options):
        script = Script(*answers)
        http = DiscordHttp(
            api,
            token=token,
            budget=timedelta(seconds=budget),
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            transport=httpx.MockTransport(script),
            **options,
        )
        return http, script

    return make


def answer(status, body=None, headers=VIA):
    return httpx.Response(status, json=body, headers=headers)


def error(status, code, message="no"):
    return answer(status, {"code": code, "message": message})


def limited(seconds, scope="user", **headers):
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": scope == "global"}
    return httpx.Response(429, json=body, headers=VIA | {"x-ratelimit-scope": scope} | headers)


OK = answer(200, {"id": "1"})
REQUEST = httpx.Request("POST", "https://discord.test")


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (httpx.ConnectError("x"), "could not connect: the connection failed"),
        (httpx.ConnectTimeout("x"), "could not connect: timed out"),
        (httpx.PoolTimeout("x"), "could not connect: no connection was free in time"),
        (httpx.UnsupportedProtocol("x"), "could not connect: the address of the API is neither http nor https"),
        (httpx.ProxyError("x"), "could not connect: the proxy did not let it through"),
    ],
)
def test_what_never_reached_discord_is_refused(client_for, event, reason):
    http, _ = client_for(event)
    assert http.request(BY_BOT) == Refused(reason)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (httpx.ReadTimeout("x"), "timed out after the request was written"),
        (httpx.WriteTimeout("x"), "timed out after the request was written"),
        (httpx.ReadError("x"), "the connection failed after the request was written"),
        (httpx.WriteError("x"), "the connection failed after the request was written"),
        (httpx.RemoteProtocolError("x"), "connection closed or not HTTP after the request was written"),
        (answer(500), "HTTP 500"),
        (httpx.Response(502, html="<h1>bad gateway</h1>"), "HTTP 502"),
        (httpx.Response(504), "HTTP 504"),
        (httpx.Response(301, headers={"location": "https://discord.test/elsewhere"}), "HTTP 301"),
        (httpx.Response(304), "HTTP 304"),
    ],
)
def test_what_may_have_been_carried_out_is_unclear_and_not_tried_again(client_for, event, reason):
    http, script = client_for(event)
    assert http.request(BY_BOT) == Unclear(reason)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("event", "refused"),
    [
        (error(400, 50035, "Invalid Form Body"), Refused("HTTP 400 Invalid Form Body (50035)", 400, 50035)),
        (
            error(403, 50013, "Missing Permissions"),
            Refused("HTTP 403 Missing Permissions (50013)", 403, 50013, lasting=True),
        ),
        (error(404, 10003, "Unknown Channel"), Refused("HTTP 404 Unknown Channel (10003)", 404, 10003, lasting=True)),
        (
            error(401, 0, "401: Unauthorized"),
            Refused("HTTP 401 Unauthorized", 401, 0, lasting=True, everywhere=True),
        ),
        (
            error(403, 40333, "internal network error"),
            Refused("HTTP 403 internal network error (40333)", 403, 40333, everywhere=True),
        ),
        (httpx.Response(400, html="<h1>bad request</h1>"), Refused("HTTP 400", 400)),
        (
            httpx.Response(403, html="<h1>Sign in to the hotel's network</h1>"),
            Refused("HTTP 403, and the answer is not Discord's", 403, everywhere=True),
        ),
        (httpx.Response(407), Refused("HTTP 407, and the answer is not Discord's", 407, everywhere=True)),
    ],
)
def test_a_clean_no_is_refused(client_for, event, refused):
    http, script = client_for(event)
    assert http.request(BY_BOT) == refused
    assert len(script.requests) == 1


def test_a_good_answer_is_handed_on(client_for):
    http, script = client_for(OK)
    assert http.request(BY_BOT, json={"content": "hi"}, params={"wait": "true"}) == Answer(200, {"id": "1"})
    (request,) = script.requests
    assert str(request.url) == "https://discord.test/api/v10/channels/7/messages?wait=true"
    assert request.headers["user-agent"] == USER_AGENT
    assert USER_AGENT.startswith("DiscordBot (https://")
    assert request.headers["authorization"] == f"Bot {TOKEN}"
    assert request.headers["content-type"] == "application/json"


def test_a_webhook_is_not_shown_the_bot_token(client_for):
    http, script = client_for(OK)
    http.request(by_webhook())
    assert "authorization" not in script.requests[0].headers


@pytest.mark.parametrize("body", [b"", b"\x00{", b"<html>"])
def test_a_good_status_without_json_has_no_body(client_for, body):
    http, _ = client_for(httpx.Response(200, content=body))
    assert http.request(BY_BOT) == Answer(200, None)


def test_an_answer_beyond_two_mebibytes_is_unclear(client_for):
    http, _ = client_for(httpx.Response(200, content=b" " * (discord_http.BODY_BYTES + 1)))
    assert http.request(BY_BOT) == Unclear("HTTP 200, the answer is larger than 2097152 bytes")


def test_a_429_is_waited_out_and_tried_again(client_for, clock):
    http, script = client_for(limited(1.5), OK)
    assert http.request(by_webhook()) == Answer(200, {"id": "1"})
    assert clock.sleeps == [pytest.approx(1.5, abs=0.01)]
    assert len(script.requests) == 2


@pytest.mark.parametrize(("scope", "waits"), [("user", False), ("shared", False), ("global", True)])
def test_only_a_global_429_stops_other_webhooks(client_for, clock, scope, waits):
    http, _ = client_for(limited(100, scope), OK)
    assert isinstance(http.request(by_webhook(1)), Refused)
    outcome = http.request(by_webhook(2))
    assert isinstance(outcome, Refused) is waits
    assert clock.sleeps == []


def test_a_global_429_of_the_address_leaves_the_bot_alone(client_for):
    http, _ = client_for(limited(100, "global"), OK)
    refused = http.request(by_webhook())
    assert refused == Refused("HTTP 429, rate limited for 100 s, and this run may wait 60 s more", 429, everywhere=True)
    assert http.request(BY_BOT) == Answer(200, {"id": "1"})


def test_a_429_beyond_the_budget_is_a_clean_no_and_is_not_asked_again(client_for, clock):
    http, script = client_for(limited(61))
    expected = "rate limited for 61 s, and this run may wait 60 s more"
    assert http.request(by_webhook()) == Refused(f"HTTP 429, {expected}", 429)
    assert http.request(by_webhook()) == Refused(expected)
    assert len(script.requests) == 1
    assert clock.sleeps == []


def test_a_429_without_end_is_given_up(client_for, clock):
    http, script = client_for(limited(0))
    assert http.request(by_webhook()) == Refused("HTTP 429, 5 times in a row", 429)
    assert len(script.requests) == 5
    assert clock.sleeps == [pytest.approx(seconds, abs=0.01) for seconds in (0, 2, 4, 8)]


@pytest.mark.parametrize(
    "page",
    [
        httpx.Response(429, html="<h1>slow down</h1>", headers=VIA | {"retry-after": "3"}),
        httpx.Response(429, content=b"{", headers=VIA | {"retry-after": "3"}),
        httpx.Response(429, json={"retry_after": "soon"}, headers={"x-ratelimit-limit": "5", "retry-after": "3"}),
    ],
)
def test_a_429_of_any_form_is_understood(client_for, clock, page):
    http, _ = client_for(page, OK)
    assert http.request(by_webhook()) == Answer(200, {"id": "1"})
    assert clock.sleeps == [pytest.approx(3, abs=0.01)]


def test_a_cloudflare_ban_ends_everything_for_this_run(client_for, clock):
    http, script = client_for(httpx.Response(429, html="error code: 1015", headers={"retry-after": "1"}), OK)
    banned = Refused("HTTP 429, Cloudflare blocks this address for a while", 429, everywhere=True)
    assert http.request(by_webhook(1)) == banned
    assert http.request(by_webhook(2)) == banned
    assert http.request(BY_BOT) == banned
    assert len(script.requests) == 1
    assert clock.sleeps == []


def test_what_is_not_sent_any_more_is_not_waited_for_either(client_for, clock):
    http, _ = client_for(httpx.Response(429, html="error code: 1015"))
    for number in range(100):
        http.request(by_webhook(number))
    assert clock.sleeps == []


def test_a_request_that_waited_while_everything_was_stopped_is_not_sent(clock):
    """One thread waits out its 429 while another is told that the address is banned."""
    script = Script(limited(1.0), httpx.Response(429, html="error code: 1015"), OK)

    def sleep(seconds):
        clock.sleep(seconds)
        http.request(by_webhook(2))

    http = DiscordHttp(
        "https://discord.test",
        token=None,
        budget=timedelta(seconds=60),
        monotonic=clock.monotonic,
        sleep=sleep,
        transport=httpx.MockTransport(script),
    )
    refused = http.request(by_webhook(1))
    assert isinstance(refused, Refused)
    assert refused.everywhere
    assert len(script.requests) == 2


def test_a_shared_429_is_not_our_fault_and_does_not_count_against_us(client_for, monkeypatch):
    monkeypatch.setattr(discord_http, "INVALID_REQUESTS", 1)
    http, _ = client_for(limited(0.1, "shared"), OK)
    assert http.request(by_webhook()) == Answer(200, {"id": "1"})


def test_a_bad_bot_token_is_shown_once_and_webhooks_go_on(client_for):
    http, script = client_for(error(401, 0, "401: Unauthorized"), OK)
    first = http.request(BY_BOT)
    again = http.request(Endpoint("GET", "GET /channels/{channel}", "/channels/8", "channel 8"))
    assert first == again
    assert len(script.requests) == 1
    assert http.request(by_webhook()) == Answer(200, {"id": "1"})


@pytest.mark.parametrize("gone", [error(404, 10015, "Unknown Webhook"), error(401, 50027, "Invalid Webhook Token")])
def test_a_webhook_that_is_gone_is_not_asked_again_and_others_are(client_for, gone):
    http, script = client_for(gone, OK)
    first = http.request(by_webhook(1))
    assert isinstance(first, Refused)
    assert (first.lasting, first.everywhere) == (True, False)
    assert http.request(by_webhook(1)) == first
    assert len(script.requests) == 1
    assert http.request(by_webhook(2)) == Answer(200, {"id": "1"})


def test_a_thread_that_is_gone_does_not_end_its_webhook(client_for):
    http, _ = client_for(error(404, 10003, "Unknown Channel"), OK)
    assert isinstance(http.request(by_webhook()), Refused)
    assert http.request(by_webhook()) == Answer(200, {"id": "1"})


def test_a_run_stops_long_before_discord_bans_the_address(client_for, monkeypatch):
    monkeypatch.setattr(discord_http, "INVALID_REQUESTS", 3)
    http, script = client_for(error(403, 50001, "Missing Access"))
    for channel in range(5):
        refused = http.request(Endpoint("GET", "GET /channels/{channel}", f"/channels/{channel}", f"channel {channel}"))
    assert len(script.requests) == 3
    assert refused == Refused("3 requests were refused in this run; the rest is left for a later one", everywhere=True)


def test_without_a_token_nothing_is_asked_as_the_bot(client_for):
    http, script = client_for(OK, token=None)
    assert http.request(BY_BOT) == Refused("no bot token is set", everywhere=True)
    assert script.requests == []
    assert not http.has_token


@pytest.mark.parametrize("token", ["with blank", "line\nbreak", "ünicode"])
def test_a_token_that_cannot_be_one_is_a_mistake_that_does_not_show_it(token):
    with pytest.raises(ValueError, match="the Discord bot token holds") as raised:
        DiscordHttp("https://discord.test", token=token, budget=timedelta(0))
    assert token not in str(raised.value)


@pytest.mark.parametrize("api", ["discord.com", "ftp://discord.com", "http://[", "http://\x00", "https://a.test:x"])
def test_an_api_address_that_cannot_be_used_is_refused(api):
    http = DiscordHttp(api, token=TOKEN, budget=timedelta(0))
    refused = http.request(BY_BOT)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith("could not connect: ")
    http.close()


@pytest.mark.parametrize(
    ("date", "offset"),
    [
        ("Fri, 20 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Fri, 20 Nov 2026 12:00:30 -0000", timedelta(seconds=30)),
        ("yesterday", None),
        ("", None),
    ],
)
def test_discords_clock_is_learned_from_its_answers(client_for, date, offset):
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    http, _ = client_for(answer(200, {}, {"date": date}), now=lambda: noon)
    assert http.discord_now() == noon
    http.request(BY_BOT)
    assert http.clock_offset == offset
    assert http.discord_now() == noon + (offset or timedelta(0))


@pytest.mark.parametrize(("endpoint", "secret"), [(by_webhook(), SECRET), (BY_BOT, TOKEN)])
@pytest.mark.parametrize(
    "event",
    [
        lambda secret: OK,
        lambda secret: error(404, 10015, f"Unknown Webhook {secret}"),
        lambda secret: answer(301, headers={"location": f"https://discord.test/{secret}"}),
        lambda secret: httpx.ConnectError(f"https://discord.test/{secret}"),
        lambda secret: httpx.ReadTimeout(f"https://discord.test/{secret}"),
    ],
)
def test_no_secret_is_in_any_reason_repr_or_log(client_for, caplog, event, endpoint, secret):
    caplog.set_level(logging.DEBUG)
    http, _ = client_for(event(secret))
    assert secret not in f"{http.request(endpoint)!r} {endpoint!r} {http!r}"
    assert secret not in caplog.text
