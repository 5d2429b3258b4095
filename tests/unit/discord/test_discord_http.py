"""What an answer, or the lack of one, means for a request. No sockets here: see test_discord_sockets."""

from __future__ import annotations

import email
import email.policy
import json
import logging
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from giftping.discord import http as discord_http
from giftping.discord.bodies import read_json
from giftping.discord.http import USER_AGENT, Answer, DiscordHttp, Endpoint
from giftping.discord.message import Upload
from giftping.discord.outcome import Refused, Unclear, WithdrawnError

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
        (
            error(400, 220001, "Webhooks posted to forum channels must have a thread_name or thread_id"),
            Refused(
                "HTTP 400 Webhooks posted to forum channels must have a thread_name or thread_id (220001)",
                400,
                220001,
                lasting=True,
            ),
        ),
    ],
)
def test_a_clean_no_is_refused(client_for, event, refused):
    http, script = client_for(event)
    assert http.request(BY_BOT) == refused
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (httpx.Response(400, html="<h1>bad request</h1>"), "HTTP 400, and the answer is not Discord's"),
        (
            httpx.Response(403, html="<h1>Sign in to the hotel's network</h1>"),
            "HTTP 403, and the answer is not Discord's",
        ),
        (httpx.Response(407), "HTTP 407, and the answer is not Discord's"),
        (httpx.Response(404, json={"code": 404, "message": "no Route matched"}), "HTTP 404, and the answer is not"),
        (httpx.Response(404, json={"message": "Not Found"}), "HTTP 404, and the answer is not Discord's"),
        (error(408, 0, "408: Request Timeout"), "HTTP 408 Request Timeout"),
    ],
)
def test_a_no_that_is_not_discords_is_unclear(client_for, event, reason):
    http, script = client_for(event)
    outcome = http.request(BY_BOT)
    assert isinstance(outcome, Unclear)
    assert outcome.reason.startswith(reason)
    assert len(script.requests) == 1


def test_what_stands_between_makes_one_request_unclear_and_the_rest_of_the_run_is_not_sent(client_for):
    http, script = client_for(httpx.Response(403, html="<h1>Sign in to the hotel's network</h1>"))
    assert isinstance(http.request(BY_BOT), Unclear)
    after = http.request(BY_BOT)
    assert after == Refused("not tried: HTTP 403, and the answer is not Discord's", everywhere=True)
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


# A request that is made in the last moment


def told(remaining, reset_after):
    return VIA | {
        "x-ratelimit-limit": "5",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset-after": str(reset_after),
    }


def test_the_body_is_made_when_the_wait_for_the_bucket_is_over(client_for, clock):
    http, script = client_for(answer(200, {"id": "1"}, told(0, 4.0)), OK)
    http.request(BY_BOT, json={"content": "first"})
    began = clock.seconds
    assert http.request(BY_BOT, ready=lambda: {"after": round(clock.seconds - began, 2)}) == Answer(200, {"id": "1"})
    assert json.loads(script.requests[-1].content) == {"after": 4.0}


def test_the_body_is_made_anew_for_each_repeat_after_a_429(client_for, clock):
    http, script = client_for(limited(1.5), limited(2.5), OK)
    made = []

    def ready():
        made.append(round(clock.seconds - 1000, 1))
        return {"number": len(made)}

    assert http.request(BY_BOT, ready=ready) == Answer(200, {"id": "1"})
    assert made == [0, 1.5, 4.0]
    assert [json.loads(request.content)["number"] for request in script.requests] == [1, 2, 3]


def test_a_function_that_returns_nothing_sends_no_body(client_for):
    http, script = client_for(httpx.Response(204, headers=VIA))
    assert http.request(BY_BOT, ready=lambda: None) == Answer(204, None)
    assert script.requests[0].content == b""
    assert "content-type" not in script.requests[0].headers


def withdraw():
    raise WithdrawnError("submitted a moment ago")


WITHDRAWN = Refused("submitted a moment ago", withdrawn=True)


@pytest.mark.parametrize("endpoint", [BY_BOT, by_webhook()])
def test_a_request_that_is_taken_back_is_not_sent_and_counts_for_nothing(client_for, clock, endpoint):
    http, script = client_for(OK)
    assert [http.request(endpoint, ready=withdraw) for _ in range(100)] == [WITHDRAWN] * 100
    assert script.requests == []
    assert http.request(endpoint) == Answer(200, {"id": "1"})
    assert clock.sleeps == []


def test_a_request_may_be_taken_back_after_a_429(client_for, clock):
    http, script = client_for(limited(1.5), OK)
    answers = iter([{"content": "hi"}])

    def ready():
        return next(answers, None) or withdraw()

    assert http.request(BY_BOT, ready=ready) == WITHDRAWN
    assert len(script.requests) == 1


def test_what_breaks_while_the_body_is_made_goes_to_the_caller_and_blocks_nobody(client_for, clock):
    def broken():
        raise RuntimeError("the store is gone")

    http, script = client_for(OK)
    for _ in range(10):
        with pytest.raises(RuntimeError, match="the store is gone"):
            http.request(BY_BOT, ready=broken)
    assert script.requests == []
    assert http.request(BY_BOT) == Answer(200, {"id": "1"})
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("options", "stopping"),
    [
        ({"token": None}, None),
        ({}, error(401, 0, "401: Unauthorized")),
        ({"budget": 0}, limited(100)),
    ],
    ids=["no token", "the token was refused", "the budget is spent"],
)
def test_no_body_is_made_for_a_request_that_cannot_go_out(client_for, options, stopping):
    http, script = client_for(stopping or OK, **options)
    if stopping:
        http.request(BY_BOT)
    made = []
    assert isinstance(http.request(BY_BOT, ready=lambda: made.append("made")), Refused)
    assert made == []
    assert len(script.requests) == bool(stopping)


def test_no_body_is_made_when_everything_was_stopped_while_the_request_waited(clock):
    script = Script(limited(1.0), httpx.Response(429, html="error code: 1015"), OK)
    made = []

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
    assert isinstance(http.request(by_webhook(1), ready=lambda: made.append("made")), Refused)
    assert made == ["made"]


def test_what_happens_after_the_body_was_made_is_told_as_ever(client_for):
    http, _ = client_for(httpx.ReadError("x"))
    assert http.request(BY_BOT, ready=dict) == Unclear("the connection failed after the request was written")


# The reason in the audit log


@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("5 days without a TODO", "5%20days%20without%20a%20TODO"),
        ("भाई 🎁", "%E0%A4%AD%E0%A4%BE%E0%A4%88%20%F0%9F%8E%81"),
        ("line\r\nX-Other: 1", "line%0D%0AX-Other%3A%201"),
        ("é" * 513, "%C3%A9" * 512),
        ("\ud83d", "%3F"),
        ("", None),
    ],
)
def test_the_audit_log_is_told_why(client_for, reason, header):
    http, script = client_for(OK)
    http.request(BY_BOT, reason=reason)
    assert script.requests[0].headers.get("x-audit-log-reason") == header


# Files


PICTURE = Upload("plan.png", b"\x89PNG\r\n\x00--", "image/png")


def form(request):
    """Return the parts of a form as name, file name, content type and content."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + request.content, policy=email.policy.HTTP).iter_parts()
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in parts
    ]


def test_files_go_out_beside_the_json_body(client_for):
    http, script = client_for(OK)
    notes = Upload('my "notes".txt', b"one\ntwo", "text/plain; charset=utf-8")
    assert http.request(BY_BOT, json={"content": "भाई"}, files=(PICTURE, notes)) == Answer(200, {"id": "1"})
    (request,) = script.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    body, *files = form(request)
    assert (body[0], body[2], json.loads(body[3])) == ("payload_json", "application/json", {"content": "भाई"})
    assert files == [
        ("files[0]", "plan.png", "image/png", PICTURE.content),
        ("files[1]", "my %22notes%22.txt", "text/plain", b"one\ntwo"),
    ]


def test_files_are_sent_whole_again_after_a_429(client_for):
    http, script = client_for(limited(0.5), OK)
    http.request(BY_BOT, files=(PICTURE,))
    whole = [("files[0]", "plan.png", "image/png", PICTURE.content)]
    assert [form(request) for request in script.requests] == [whole, whole]


@pytest.mark.parametrize("content_type", ["", "picture", "image/png\r\nX-Other: 1", "image/png; name=é"])
def test_a_content_type_that_is_none_is_sent_as_plain_bytes(client_for, content_type):
    http, script = client_for(OK)
    http.request(BY_BOT, files=(Upload("a", b"x", content_type),))
    assert form(script.requests[0]) == [("files[0]", "a", "application/octet-stream", b"x")]


@pytest.mark.parametrize(("sizes", "seconds"), [((), 15), ((256 * 1024,), 16), ((1024 * 1024, 512 * 1024), 21)])
def test_a_large_upload_is_given_more_time(client_for, monkeypatch, sizes, seconds):
    given = []

    def deadline(allowed):
        given.append(allowed)
        return nullcontext()

    monkeypatch.setattr(discord_http, "Deadline", deadline)
    http, _ = client_for(OK)
    http.request(BY_BOT, files=[Upload("a", b"x" * size, "text/plain") for size in sizes])
    assert given == [seconds]


@pytest.mark.parametrize(("size", "is_read"), [(3_000_000, True), (3_000_001, False)])
def test_an_endpoint_may_allow_a_larger_answer(client_for, size, is_read):
    http, _ = client_for(httpx.Response(200, content=b" " * size))
    result = http.request(replace(BY_BOT, body_bytes=3_000_000))
    assert result == (Answer(200, None) if is_read else Unclear("HTTP 200, the answer is larger than 3000000 bytes"))


# Told to stop


def test_a_run_that_was_told_to_stop_sends_nothing_any_more(client_for):
    stopped = []
    http, script = client_for(answer(200, {}), stopped=lambda: bool(stopped))
    assert isinstance(http.request(BY_BOT, json={}), Answer)
    stopped.append(True)
    refused = http.request(BY_BOT, json={})
    assert (refused.reason, refused.withdrawn, refused.lasting) == ("told to stop", True, False)
    assert len(script.requests) == 1


def test_a_wait_for_a_rate_limit_ends_when_the_run_is_told_to_stop(client_for, clock):
    began = clock.seconds
    http, script = client_for(limited(50), stopped=lambda: clock.seconds - began > 2)
    refused = http.request(BY_BOT, json={})
    assert (refused.reason, refused.withdrawn) == ("told to stop", True)
    assert clock.seconds - began < 3
    assert len(script.requests) == 1


def test_a_wait_is_as_long_as_before_while_nobody_says_to_stop(client_for, clock):
    began = clock.seconds
    http, _ = client_for(limited(50), answer(200, {}), stopped=lambda: False)
    assert isinstance(http.request(BY_BOT, json={}), Answer)
    assert clock.seconds - began == pytest.approx(50, abs=0.5)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_reads_as_nothing(body):
    assert read_json(body) is None
