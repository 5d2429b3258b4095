"""The last word before the first byte: who has lost a delivery meanwhile sends nothing at all."""

from __future__ import annotations

import socket
import ssl
import subprocess
from datetime import timedelta
from pathlib import Path
from shutil import which

import httpx
import pytest
from fakes.patience import PATIENT, wait_until

from giftping.discord import http as discord_http
from giftping.discord.http import Answer, DiscordHttp, Endpoint
from giftping.discord.outcome import Refused, Unclear, WithdrawnError
from giftping.net import transport

POST = Endpoint("POST", "POST /channels/{channel}/messages", "/channels/7/messages", "channel 7")
WITHDRAWN = Refused("no longer ours", withdrawn=True)
MESSAGE = b'{"id": "1"}'
ANSWERED = Answer(200, {"id": "1"})
LIMITED = b'{"message": "You are being rate limited.", "retry_after": 0.01, "global": false}'


class Fence:
    """Counts how often it was asked, and raises what a test names, in order."""

    def __init__(self, *raised: Exception | None) -> None:
        self.raised = list(raised)
        self.asked = 0

    def __call__(self) -> None:
        self.asked += 1
        if self.raised and (error := self.raised.pop(0)) is not None:
            raise error


def withdrawn(*before: None) -> Fence:
    return Fence(*before, WithdrawnError("no longer ours"))


def post(http: DiscordHttp, fence: Fence):
    return http.request(POST, json={"content": "hi"}, fence=fence)


# What becomes of the request


@pytest.fixture
def scripted(clock):
    def make(*answers):
        left = list(answers)
        requests = []

        def answer(request):
            requests.append(request)
            return left.pop(0) if len(left) > 1 else left[0]

        http = DiscordHttp(
            "https://discord.test",
            token="t",
            budget=timedelta(seconds=60),
            monotonic=clock.monotonic,
            sleep=clock.sleep,
            transport=httpx.MockTransport(answer),
        )
        return http, requests

    return make


def limited():
    return httpx.Response(429, content=LIMITED, headers={"via": "x"})


def test_it_is_asked_before_each_try(scripted):
    http, requests = scripted(limited(), httpx.Response(200, content=MESSAGE))
    fence = Fence()
    assert post(http, fence) == ANSWERED
    assert fence.asked == len(requests) == 2


def test_what_it_takes_back_is_not_sent_and_counts_for_no_limit(scripted, clock):
    http, requests = scripted(httpx.Response(200, content=MESSAGE))
    assert [post(http, withdrawn()) for _ in range(120)] == [WITHDRAWN] * 120
    assert (requests, clock.sleeps) == ([], [])
    assert post(http, Fence()) == ANSWERED


def test_what_it_takes_back_before_a_repeat_is_not_repeated(scripted):
    http, requests = scripted(limited(), httpx.Response(200, content=MESSAGE))
    assert post(http, withdrawn(None)) == WITHDRAWN
    assert len(requests) == 1


def test_another_error_of_it_goes_to_the_caller_and_holds_up_nobody(scripted):
    http, requests = scripted(httpx.Response(200, content=MESSAGE))
    with pytest.raises(KeyError, match="store"):
        post(http, Fence(KeyError("store")))
    assert requests == []
    assert post(http, Fence()) == ANSWERED


# On real connections


@pytest.fixture
def client(loopback, monkeypatch):
    monkeypatch.setattr(transport, "KEEP_IDLE", PATIENT)
    clients = []

    def connect(handler_or_url, *, total=PATIENT):
        server = None if isinstance(handler_or_url, str) else loopback(handler_or_url)
        http = DiscordHttp(
            server.url if server else handler_or_url, token="t", budget=timedelta(seconds=5), total=total
        )
        clients.append(http)
        return http, server

    yield connect
    for http in clients:
        http.close()


class Server:
    """Answers each request of each connection, and keeps all that it was sent."""

    def __init__(self, *answers: tuple[bytes, str]) -> None:
        self.answers = list(answers)
        self.received: list[bytes] = []
        self.events: list[str] = []

    def __call__(self, connection) -> None:
        self.events.append("connected")
        while request := connection.read_request():
            self.events.append("request")
            self.received.append(request)
            body, status = self.answers.pop(0) if self.answers else (MESSAGE, "200 OK")
            connection.answer(body, status)


def test_it_is_asked_when_the_connection_is_there_and_before_any_byte(client):
    handler = Server()
    http, server = client(handler)

    class Looking(Fence):
        def __call__(self) -> None:
            super().__call__()
            wait_until(lambda: server.connections == 1, "no connection")
            handler.events.append("fence")

    assert post(http, fence := Looking()) == ANSWERED
    assert fence.asked == 1
    assert [event for event in handler.events if event != "connected"] == ["fence", "request"]


def test_of_what_it_takes_back_the_server_sees_no_byte(client):
    handler = Server()
    http, server = client(handler)
    assert post(http, withdrawn()) == WITHDRAWN
    wait_until(lambda: server.connections == 1 and not any(one.is_alive() for one in server.threads[1:]), "it goes on")
    assert handler.received == []
    assert post(http, Fence()) == ANSWERED
    assert (server.connections, len(handler.received)) == (2, 1)


def test_on_a_kept_connection_it_is_asked_as_well(client):
    handler = Server()
    http, server = client(handler)
    assert post(http, Fence()) == ANSWERED
    assert post(http, withdrawn()) == WITHDRAWN
    assert (server.connections, len(handler.received)) == (1, 1)
    assert post(http, Fence()) == ANSWERED
    assert len(handler.received) == 2


def test_it_is_asked_again_after_a_429(client):
    handler = Server((LIMITED, "429 Too Many Requests"))
    http, _ = client(handler)
    fence = Fence()
    assert post(http, fence) == ANSWERED
    assert fence.asked == len(handler.received) == 2
    handler.answers = [(LIMITED, "429 Too Many Requests")]
    assert post(http, withdrawn(None)) == WITHDRAWN
    assert len(handler.received) == 3


def test_it_is_not_asked_where_nobody_can_be_reached(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    http, _ = client(f"http://127.0.0.1:{port}")
    assert post(http, fence := Fence()) == Refused("could not connect: connection refused")
    assert fence.asked == 0


def test_its_own_patience_is_not_that_of_the_request(client, clock, monkeypatch):
    monkeypatch.setattr(discord_http, "Deadline", lambda seconds: transport.Deadline(seconds, clock.monotonic))
    http, _ = client(Server())

    class Slow(Fence):
        def __call__(self) -> None:
            super().__call__()
            clock.sleep(2 * PATIENT)

    assert post(http, Slow()) == ANSWERED


def test_a_break_after_it_is_unclear(client):
    http, _ = client(lambda connection: (connection.read_request(), connection.reset()))
    assert isinstance(post(http, Fence()), Unclear)


# By a proxy


@pytest.fixture
def by_proxy(loopback, monkeypatch):
    def start(handler):
        proxy = loopback(handler)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/api/v10"))
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        return proxy

    return start


def test_a_proxy_that_refuses_the_tunnel_is_met_before_it(client, by_proxy):
    handler = Server((b"", "403 Forbidden"))
    by_proxy(handler)
    http, _ = client("https://discord.test")
    assert post(http, fence := Fence()) == Refused("could not connect: the proxy did not let it through")
    assert fence.asked == 0
    assert handler.received[0].startswith(b"CONNECT ")


def test_a_proxy_that_never_answers_has_not_passed_on_what_was_never_sent(client, by_proxy):
    by_proxy(lambda connection: (connection.read_request(), connection.hang()))
    http, _ = client("https://discord.test", total=0.3)
    assert isinstance(post(http, fence := Fence()), Refused)
    assert fence.asked == 0


def test_what_a_proxy_passes_on_without_a_tunnel_is_fenced(client, by_proxy):
    handler = Server()
    by_proxy(handler)
    http, _ = client("http://discord.test")
    assert post(http, withdrawn()) == WITHDRAWN
    assert handler.received == []
    assert post(http, fence := Fence()) == ANSWERED
    assert fence.asked == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=discord.test"
        " -addext subjectAltName=DNS:discord.test -keyout key.pem -out bundle.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder


def test_in_a_tunnel_the_fence_is_before_the_request_and_not_before_the_tunnel(
    client, by_proxy, certificate: Path, monkeypatch
):
    events = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "bundle.pem", certificate / "key.pem")

    def tunnel(connection):
        events.append(connection.read_request().split(b" ")[0].decode())
        connection.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection.socket, server_side=True) as secured:
            events.append("secured")
            connection.socket = secured
            if request := connection.read_request():
                events.append(request.split(b" ")[0].decode())
                connection.answer(MESSAGE)

    class Noted(Fence):
        def __call__(self) -> None:
            wait_until(lambda: events[-1] == "secured", "no TLS")
            events.append("fence")
            super().__call__()

    by_proxy(tunnel)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "bundle.pem"))
    transport.tls_context.cache_clear()
    try:
        http, _ = client("https://discord.test")
        assert post(http, Noted()) == ANSWERED
        assert events == ["CONNECT", "secured", "fence", "POST"]
        events.clear()
        http, _ = client("https://discord.test")
        assert post(http, Noted(WithdrawnError("no longer ours"))) == WITHDRAWN
        assert events == ["CONNECT", "secured", "fence"]
    finally:
        transport.tls_context.cache_clear()
