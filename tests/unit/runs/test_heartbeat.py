from __future__ import annotations

import httpx
import pytest

from giftping.runs.heartbeat import BODY_BYTES, FAIL, START, address, ping, url_mistake

URL = "https://hc.example/ping/0000-1111"


def pinged(answer: object, summary: str = "", kind: str = "") -> tuple[str, list[httpx.Request]]:
    """Ping a monitor that gives an answer, or raises it; return what came of it and what it got."""
    got: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        request.read()
        got.append(request)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    return ping(URL, summary, kind=kind, transport=httpx.MockTransport(handle)), got


@pytest.mark.parametrize(("kind", "path"), [("", ""), (START, "/start"), (FAIL, "/fail")])
def test_a_ping_brings_the_summary_to_the_address_of_its_kind(kind: str, path: str) -> None:
    why, (request,) = pinged(200, "2 codes sent", kind)
    assert why == ""
    assert (request.method, str(request.url)) == ("POST", URL + path)
    assert request.content == b"2 codes sent"


def test_no_more_of_a_summary_is_sent_than_is_kept() -> None:
    _, (request,) = pinged(200, "ü" * 20_000)
    assert len(request.content) == BODY_BYTES


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (404, "HTTP 404"),
        (302, "HTTP 302"),
        (httpx.ReadTimeout("0000-1111"), "timed out"),
        (httpx.ConnectError("0000-1111"), "could not connect"),
        (httpx.RemoteProtocolError("0000-1111"), "could not connect"),
    ],
)
def test_a_monitor_that_does_not_take_it_is_a_reason_and_no_error(answer: object, why: str) -> None:
    assert pinged(answer)[0] == why


def test_what_follows_a_question_mark_stays_at_the_end() -> None:
    assert address("https://a.example/push/1/?key=2", FAIL) == "https://a.example/push/1/fail?key=2"


@pytest.mark.parametrize("url", ["", "hunter2", "ftp://a.example", "https://", "https://a.example/\u00fc", "http://[1"])
def test_an_address_that_cannot_be_one_is_named_as_a_mistake_without_showing_it(url: str) -> None:
    assert url_mistake(url) == "is not an http:// or https:// address"
    assert url_mistake(URL) == ""
