"""What one fetch makes of servers and networks, good and bad; over real sockets where bytes matter."""

from __future__ import annotations

import gzip
import hashlib
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fakes.patience import PATIENT
from hypothesis import given
from hypothesis import strategies as st
from raw_server import RawServer, answer, close, drip, gzipped, hang, reset, say

from giftping import __version__
from giftping.codes.fetch import (
    Body,
    Bounds,
    Failed,
    Fetched,
    Fetcher,
    FetchRequest,
    NotModified,
    gunzipped,
    printable_url,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHORT = Bounds(connect=0.3, total=0.3)
FAST = Bounds(connect=PATIENT, total=PATIENT)
MEBIBYTE = 1024 * 1024


def fetch(url: str, limits: Bounds = FAST, **request: object) -> Fetched:
    return Fetcher(limits).fetch(FetchRequest(url, **request), NOW)  # type: ignore[arg-type]  # a test's shorthand


def fetch_of(handler: object, url: str = "https://codes.test/list", **request: object) -> Fetched:
    fetcher = Fetcher(transport=lambda: httpx.MockTransport(handler))  # type: ignore[arg-type]  # any handler
    return fetcher.fetch(FetchRequest(url, **request), NOW)  # type: ignore[arg-type]  # a test's shorthand


def reason_of(fetched: Fetched) -> str:
    assert isinstance(fetched, Failed), fetched
    return fetched.reason


def test_a_body_comes_with_its_type_validators_and_hash():
    play = answer("200 OK", b"CODE1", "Content-Type: text/plain", 'ETag: "v1"', "Last-Modified: yesterday")
    with RawServer(play) as server:
        fetched = fetch(server.url)
    assert fetched == Body(b"CODE1", "text/plain", '"v1"', "yesterday", hashlib.sha256(b"CODE1").hexdigest())


def test_the_request_names_giftping_takes_gzip_only_and_is_conditional():
    """D24: a source that has validators is asked with them."""
    with RawServer(answer("304 Not Modified")) as server:
        fetched = fetch(
            server.url, etag='"v1"', last_modified="Fri, 20 Nov 2026 11:00:00 GMT", headers={"X-API-Key": "k"}
        )
        head = server.heads[0].lower()
    assert fetched == NotModified()
    assert f"user-agent: giftping/{__version__} (+https://" in head
    assert "accept-encoding: gzip\r\n" in head
    assert 'if-none-match: "v1"\r\n' in head
    assert "if-modified-since: fri, 20 nov 2026 11:00:00 gmt\r\n" in head
    assert "x-api-key: k\r\n" in head


def test_an_empty_body_is_a_body():
    """D15: whether an empty list is honest is for the parser to say."""
    with RawServer(answer("200 OK")) as server:
        fetched = fetch(server.url)
    assert isinstance(fetched, Body)
    assert fetched.content == b""


def test_an_empty_body_that_claims_to_be_gzip_is_a_body():
    with RawServer(answer("200 OK", b"", "Content-Encoding: gzip")) as server:
        assert isinstance(fetch(server.url), Body)


def test_a_packed_body_is_unpacked_and_hashed_unpacked():
    with RawServer(gzipped(b"CODE1\n" * 1000)) as server:
        fetched = fetch(server.url)
    assert isinstance(fetched, Body)
    assert fetched.content == b"CODE1\n" * 1000
    assert fetched.sha256 == hashlib.sha256(fetched.content).hexdigest()


def test_a_body_in_chunks_and_one_that_ends_with_the_connection_are_whole():
    chunked = say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nCOD\r\n2\r\nE1\r\n0\r\n\r\n")
    with RawServer(chunked, say(b"HTTP/1.0 200 OK\r\n\r\nCODE1")) as server:
        for fetched in (fetch(server.url), fetch(server.url)):
            assert isinstance(fetched, Body)
            assert fetched.content == b"CODE1"


def test_a_body_of_exactly_the_limit_is_taken():
    with RawServer(answer("200 OK", b"x" * 1000), gzipped(b"x" * 1000)) as server:
        for fetched in (fetch(server.url, Bounds(body=1000)), fetch(server.url, Bounds(body=1000))):
            assert isinstance(fetched, Body)


def test_whatever_the_content_type_is_the_body_goes_to_the_parser():
    with RawServer(answer("200 OK", b"<html>", "Content-Type: image/png")) as server:
        fetched = fetch(server.url)
    assert isinstance(fetched, Body)
    assert fetched.content_type == "image/png"


BOMB = gzip.compress(b"\0" * (64 * MEBIBYTE))

BAD_SERVERS = [
    ("50 MB", answer("200 OK", b"x" * (50 * MEBIBYTE)), FAST, r"longer than 2 MiB"),
    ("gzip bomb", answer("200 OK", BOMB, "Content-Encoding: gzip"), FAST, r"longer than 2 MiB"),
    ("truncated", answer("200 OK", b"CODE", length=40), FAST, r"cut off"),
    ("truncated chunks", say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nCOD"), FAST, r"cut off"),
    (
        "truncated gzip",
        answer("200 OK", gzip.compress(b"CODE1" * 99)[:-4], "Content-Encoding: gzip"),
        FAST,
        r"gzip data ends early",
    ),
    ("not gzip", answer("200 OK", b"CODE", "Content-Encoding: gzip"), FAST, r"says that it is gzip, and is not"),
    ("brotli", answer("200 OK", b"CODE", "Content-Encoding: br"), FAST, r"content encoding 'br'"),
    ("gzip twice", answer("200 OK", b"CODE", "Content-Encoding: gzip, gzip"), FAST, r"content encoding 'gzip, gzip'"),
    ("hang", hang, SHORT, r"took longer than 0\.3 s in all"),
    ("header drip", drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"z"), SHORT, r"took longer than 0\.3 s in all"),
    ("status drip", drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), SHORT, r"took longer than 0\.3 s in all"),
    ("body drip", drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x"), SHORT, r"took longer than 0\.3 s in all"),
    (
        "gzip drip that unpacks to nothing",
        drip(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\0\0\0\xff\xff"),
        SHORT,
        r"took longer than 0\.3 s in all",
    ),
    ("endless headers", say(b"HTTP/1.1 200 OK\r\n" + b"X-More: y\r\n" * 50000), FAST, r"not HTTP|connection broke"),
    ("reset", reset, FAST, r"the connection broke|closed without an answer"),
    ("closed", close, FAST, r"closed without an answer"),
    ("not HTTP", say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), FAST, r"not HTTP"),
    ("204", say(b"HTTP/1.1 204 No Content\r\n\r\n"), FAST, r"answered 204 No Content"),
    ("206", answer("206 Partial Content", b"CO"), FAST, r"answered 206 Partial Content"),
    ("304 unasked", answer("304 Not Modified"), FAST, r"304 Not Modified though nothing was remembered"),
    ("403", answer("403 Forbidden", b"challenge"), FAST, r"answered 403 Forbidden"),
    ("404", answer("404 Not Found"), FAST, r"answered 404 Not Found"),
    ("500", answer("500 Internal Server Error"), FAST, r"answered 500 Internal Server Error"),
    ("502", answer("502 Bad Gateway", b"<html>"), FAST, r"answered 502 Bad Gateway"),
    ("530", answer("530 Origin Down", b"error 1033"), FAST, r"answered 530$"),
]


@pytest.mark.parametrize(
    ("play", "limits", "reason"), [case[1:] for case in BAD_SERVERS], ids=[c[0] for c in BAD_SERVERS]
)
def test_a_bad_server_is_a_failure_in_words(play, limits, reason):
    with RawServer(play) as server:
        assert re.search(reason, reason_of(fetch(server.url, limits)))


def test_a_gzip_bomb_is_never_inflated_in_memory():
    assert len(next(iter(gunzipped([BOMB], 1000)))) == 1001


def test_a_refused_connection_and_a_name_that_does_not_resolve_are_failures():
    with RawServer(close) as server:
        url = server.url
    assert "no connection" in reason_of(fetch(url))
    assert "the name nowhere.invalid was not resolved" in reason_of(fetch("http://nowhere.invalid/"))


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "date", "expected"),
    [
        ("120", None, timedelta(seconds=120)),
        ("0", None, timedelta(0)),
        ("Fri, 20 Nov 2026 12:10:00 GMT", None, timedelta(minutes=10)),
        ("Fri, 20 Nov 2026 12:10:00 GMT", "Fri, 20 Nov 2026 12:09:00 GMT", timedelta(minutes=1)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", None, timedelta(0)),
        ("99999999999999999999", None, timedelta(seconds=10**9)),
        ("soon", None, None),
        ("-5", None, None),
        ("Fri, 99 Nov 2026 99:99:99 GMT", None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(status, value, date, expected):
    """D24: what a server asks for is honoured; its date is read against its own clock where it tells it."""
    headers = {"Retry-After": value} | ({"Date": date} if date else {})
    fetched = fetch_of(lambda request: httpx.Response(status, headers=headers))
    assert isinstance(fetched, Failed)
    assert fetched.retry_after == expected


def test_retry_after_on_other_statuses_means_nothing():
    assert fetch_of(lambda request: httpx.Response(404, headers={"Retry-After": "60"})) == Failed(
        "answered 404 Not Found"
    )


def routes(table):
    """Return a handler that redirects by a table from URL to URL, and the requests it saw."""
    seen = []

    def handler(request):
        seen.append(request)
        target = table.get(str(request.url))
        if target is None:
            return httpx.Response(200, stream=httpx.ByteStream(b"CODE1"))
        return httpx.Response(302, headers={"Location": target})

    return handler, seen


def test_redirects_are_followed_up_to_five():
    table = {f"https://codes.test/{n}": f"/{n + 1}" for n in range(5)}
    handler, seen = routes(table)
    assert isinstance(fetch_of(handler, "https://codes.test/0"), Body)
    assert len(seen) == 6


def test_a_redirect_loop_ends():
    handler, seen = routes({"https://codes.test/a": "/b", "https://codes.test/b": "/a"})
    assert "more than 5 redirects" in reason_of(fetch_of(handler, "https://codes.test/a"))
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("start", "target", "reason"),
    [
        ("https://codes.test/", "http://codes.test/", "from https down to http://codes.test/"),
        ("http://codes.test/", "file:///etc/passwd", "is not an http or https URL"),
        ("http://codes.test/", "ftp://codes.test/x", "ftp://codes.test/x is not an http or https URL"),
        ("http://codes.test/", "http:///", "redirects"),
        ("http://codes.test/", "http://[::1/", "invalid URL"),
        ("http://codes.test/", "http://codes.test:99999/", "not an http or https URL"),
        ("http://codes.test/", "", "does not say where to"),
        ("http://codes.test/", "https://.codes.test/", "not an http or https URL"),
    ],
)
def test_a_redirect_that_leads_astray_is_a_failure(start, target, reason):
    assert reason in reason_of(fetch_of(routes({start: target})[0], start))


def test_a_redirect_from_http_up_to_https_keeps_the_headers():
    handler, seen = routes({"http://codes.test/": "https://codes.test/"})
    assert isinstance(fetch_of(handler, "http://codes.test/", headers={"X-API-Key": "k"}), Body)
    assert [request.headers.get("x-api-key") for request in seen] == ["k", "k"]


@pytest.mark.parametrize("elsewhere", ["https://other.test/", "https://codes.test:8443/"])
def test_a_secret_header_is_not_sent_on_to_another_host_and_does_not_come_back(elsewhere):
    table = {"https://codes.test/a": elsewhere, elsewhere: "https://codes.test/b", "https://codes.test/b": "/c"}
    handler, seen = routes(table)
    fetch_of(handler, "https://codes.test/a", headers={"X-API-Key": "k", "accept": "text/x"}, etag='"v1"')
    assert [request.headers.get("x-api-key") for request in seen] == ["k", None, None, None]
    assert [request.headers["accept"] for request in seen] == ["text/x"] * 4


def test_a_url_that_is_none_is_a_failure():
    assert "invalid URL" in reason_of(fetch("http://[::1/"))
    assert "not an http or https URL" in reason_of(fetch("codes.test/list"))


NETWORK_ERRORS = [
    error
    for error in vars(httpx).values()
    if isinstance(error, type) and issubclass(error, httpx.RequestError) and error is not httpx.RequestError
]


@pytest.mark.parametrize("error", NETWORK_ERRORS, ids=lambda error: error.__name__)
@pytest.mark.parametrize("when", ["before the answer", "in the body"])
def test_every_network_error_is_a_failure_in_words(error, when):
    """D18: no class of network error gets past the handlers."""

    def broken_body():
        yield b"CO"
        raise error("cut")

    class Broken(httpx.SyncByteStream):
        def __iter__(self):
            return broken_body()

    def handler(request):
        if when == "in the body":
            return httpx.Response(200, stream=Broken())
        raise error("cut")

    reason = reason_of(fetch_of(handler))
    assert reason
    assert "Traceback" not in reason


def test_the_error_table_holds_what_httpx_can_raise():
    names = {error.__name__ for error in NETWORK_ERRORS}
    assert {"ConnectError", "ReadTimeout", "RemoteProtocolError", "ProxyError", "WriteError", "PoolTimeout"} <= names


def test_a_reason_never_shows_a_header_value_a_login_or_a_query():
    """Promise 7, where libraries would quote: a header that cannot be sent, and URLs."""
    with RawServer(answer("200 OK")) as server:
        url = server.url.replace("//", "//user:hunter2@") + "/list?key=hunter3"
        reasons = [
            reason_of(fetch(server.url, headers={"X-API-Key": "hunter1\r\nX: y"})),
            reason_of(fetch_of(routes({url: "ftp://u:hunter4@h/p?hunter5"})[0], url)),
            reason_of(fetch(url.replace("http:", "gopher:"))),
        ]
    assert not re.search("hunter", " ".join(reasons))
    assert "hunter" not in repr(FetchRequest(url, {"X-API-Key": "hunter1"}))


@pytest.mark.parametrize("validator", ['"caf\xe9"', "a\nb", "  ", ""])
def test_a_validator_that_cannot_be_sent_is_left_out(validator):
    with RawServer(answer("200 OK", b"CODE1")) as server:
        assert isinstance(fetch(server.url, etag=validator), Body)
        assert "if-none-match" not in server.heads[0].lower()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://user:pass@codes.test:8443/a/b?key=1#x", "https://codes.test:8443/a/b"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("http://[::1/", "(an unreadable URL)"),
        ("http://codes.test:port/", "(an unreadable URL)"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url, text):
    assert printable_url(url) == text


@given(location=st.text(max_size=60), prefix=st.sampled_from(["", "http://", "https://", "//", "http://codes.test:"]))
def test_no_redirect_target_can_break_a_fetch(location, prefix):
    target = prefix + location

    def handler(request):
        if str(request.url) != "http://codes.test/":
            return httpx.Response(200, stream=httpx.ByteStream(b""))
        return httpx.Response(302, headers=[(b"Location", target.encode("utf-8", "replace"))])

    assert isinstance(fetch_of(handler, "http://codes.test/"), Body | Failed)


@given(packed=st.binary(max_size=200))
def test_no_bytes_that_call_themselves_gzip_can_break_a_fetch(packed):
    stream = httpx.ByteStream(packed)
    headers = {"Content-Encoding": "gzip"}
    assert isinstance(fetch_of(lambda request: httpx.Response(200, headers=headers, stream=stream)), Body | Failed)


def test_a_fetch_over_http_sets_up_no_tls_and_making_a_fetcher_imports_no_httpx():
    program = (
        "import sys; from datetime import UTC, datetime; from giftping.codes import gather, fetch, memory;"
        "fetcher = fetch.Fetcher(); assert 'httpx' not in sys.modules, 'httpx'; import ssl;"
        "ssl.SSLContext.load_verify_locations = ssl.SSLContext.load_default_certs = None;"
        "print(type(fetcher.fetch(fetch.FetchRequest(sys.argv[1]), datetime.now(UTC))).__name__);"
        "heavy = {'bs4', 'concurrent.futures.thread', 'jmespath', 'tinydb', 'asyncio'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    with RawServer(answer("200 OK", b"CODE1")) as server:
        result = subprocess.run(
            [sys.executable, "-c", program, server.url], capture_output=True, text=True, check=False
        )
    assert (result.stdout, result.stderr) == ("Body\n", "")
