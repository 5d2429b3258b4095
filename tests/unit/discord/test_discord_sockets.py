"""How a request ends when the connection itself misbehaves, over real sockets on loopback."""

from __future__ import annotations

import logging
import socket
import time
from datetime import timedelta
from itertools import count

import httpx
import pytest
from fakes.patience import PATIENT

from giftping.discord import http as discord_http
from giftping.discord.http import Answer, DiscordHttp, Endpoint
from giftping.discord.message import Upload
from giftping.discord.outcome import Refused, Unclear
from giftping.net import transport
from giftping.net.transport import proxy_for

KEEP_IDLE = transport.KEEP_IDLE
POST = Endpoint("POST", "POST /channels/{channel}/messages", "/channels/7/messages", "channel 7")
MESSAGE = b'{"id": "1"}'


@pytest.fixture
def client(loopback, monkeypatch):
    monkeypatch.setattr(transport, "KEEP_IDLE", PATIENT)
    clients = []

    def connect(handler_or_url, *, total=PATIENT):
        server = None if isinstance(handler_or_url, str) else loopback(handler_or_url)
        http = DiscordHttp(server.url if server else handler_or_url, token="t", budget=timedelta(0), total=total)
        clients.append(http)
        return http, server

    yield connect
    for http in clients:
        http.close()


def post(http):
    return http.request(POST, json={"content": "hi"})


def test_a_refused_connection_was_never_made(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    http, _ = client(f"http://127.0.0.1:{port}")
    assert post(http) == Refused("could not connect: connection refused")


def test_a_name_that_nobody_knows_was_never_reached(client, monkeypatch):
    def nowhere(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    http, _ = client("http://localhost:1")
    assert post(http) == Refused("could not connect: the name of the host was not found")


def test_the_next_address_of_a_name_is_tried_when_one_is_dead(client, monkeypatch):
    def two_addresses(*_args, **_options):
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("127.99.99.99", 0)), (*kind, ("127.0.0.1", 0))]

    _, server = client(after_reading(lambda connection: connection.answer(MESSAGE)))
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **options: two_addresses() if host == "two.localhost" else real(host, *args, **options),
    )
    named, _ = client(server.url.replace("127.0.0.1", "two.localhost"))
    assert post(named) == Answer(200, {"id": "1"})
    assert server.connections == 1


def test_a_server_that_does_not_speak_tls_was_never_reached(client):
    http, server = client(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    http, _ = client(server.url.replace("http://", "https://"))
    outcome = post(http)
    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("could not connect: ")


def test_a_server_that_hangs_in_the_tls_handshake_was_never_reached(client):
    _, server = client(lambda connection: connection.hang())
    http, _ = client(server.url.replace("http://", "https://"), total=0.3)
    assert post(http) == Refused("could not connect: timed out")


def after_reading(action):
    def handle(connection):
        connection.read_request()
        action(connection)

    return handle


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (lambda connection: connection.reset(), "connection reset by peer after the request was written"),
        (lambda connection: None, "connection closed or not HTTP after the request was written"),
        (lambda connection: connection.send(b"220 smtp ready\r\n"), "connection closed or not HTTP after"),
        (
            lambda connection: connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"),
            "HTTP 200, connection closed or not HTTP before the answer was whole",
        ),
        (
            lambda connection: connection.answer(b"", "302 Found", f"Location: {'x' * 65530}"),
            "redirected to an invalid URL after the request was written",
        ),
    ],
)
def test_a_connection_that_breaks_after_the_request_is_unclear(client, action, reason):
    http, server = client(after_reading(action))
    outcome = post(http)
    assert isinstance(outcome, Unclear)
    assert outcome.reason.startswith(reason)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        (
            lambda connection: connection.drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 5000, 0.02),
            Unclear("timed out after the request was written"),
        ),
        (
            lambda connection: connection.drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 500, 0.002),
            Unclear("timed out after the request was written"),
        ),
        (
            lambda connection: (
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"),
                connection.drip(b" " * 5000, 0.02),
            ),
            Unclear("HTTP 200, timed out before the answer was whole"),
        ),
        (
            lambda connection: (
                connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5000\r\n\r\n"),
                connection.drip(b" " * 5000, 0.02),
            ),
            Unclear("HTTP 400, and the answer is not Discord's"),
        ),
    ],
    ids=["drips its headers", "goes on and on", "drips its body", "drips a refusal"],
)
def test_a_server_that_never_ends_does_not_hold_the_run(client, monkeypatch, action, outcome):
    """Each look at the clock, such as before each read, takes a long time here, and a request 20 times that."""
    looks = count(step=PATIENT)
    monkeypatch.setattr(discord_http, "Deadline", lambda seconds: transport.Deadline(seconds, lambda: next(looks)))
    http, _ = client(after_reading(action), total=20 * PATIENT)
    assert post(http) == outcome


def test_a_server_that_hangs_does_not_hold_the_run(client, monkeypatch):
    monkeypatch.setattr(discord_http, "Deadline", lambda seconds: transport.Deadline(seconds, lambda: 0.0))
    http, _ = client(after_reading(lambda connection: connection.hang()), total=0.3)
    assert post(http) == Unclear("timed out after the request was written")


def test_a_file_arrives_whole(client):
    received = []

    def handle(connection):
        received.append(connection.read_request())
        connection.answer(MESSAGE)

    http, _ = client(handle)
    content = bytes(range(256)) * 4096
    file = Upload("plan.png", content, "image/png")
    assert http.request(POST, json={"content": "hi"}, files=(file,)) == Answer(200, {"id": "1"})
    assert content in received[0]


def test_connections_are_used_again(client):
    def handle(connection):
        while connection.read_request():
            connection.answer(MESSAGE)

    http, server = client(handle)
    assert [post(http) for _ in range(3)] == [Answer(200, {"id": "1"})] * 3
    assert server.connections == 1


def test_a_kept_connection_that_the_server_has_closed_is_not_used_again(client):
    def handle(connection):
        connection.read_request()
        connection.answer(MESSAGE)
        connection.socket.shutdown(socket.SHUT_RDWR)

    http, server = client(handle)
    for sent in range(1, 4):
        assert post(http) == Answer(200, {"id": "1"})
        while server.connections < sent or any(thread.is_alive() for thread in server.threads[1:]):
            time.sleep(0.001)
    assert server.connections == 3


def test_an_idle_connection_is_given_up_by_us_first(client, monkeypatch):
    def handle(connection):
        while connection.read_request():
            connection.answer(MESSAGE)

    assert KEEP_IDLE <= 5
    monkeypatch.setattr(transport, "KEEP_IDLE", 0.0)
    http, server = client(handle)
    assert [post(http) for _ in range(2)] == [Answer(200, {"id": "1"})] * 2
    assert server.connections == 2


def test_a_proxy_from_the_environment_is_used_for_real_hosts_only(client, loopback, monkeypatch):
    def handle(connection):
        asked.append(connection.read_request().split(b"\r\n")[0])
        connection.answer(b"", "403 Forbidden")

    asked: list[bytes] = []
    proxy = loopback(handle).url.removesuffix("/api/v10")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    http, _ = client("https://discord.test")
    assert post(http) == Refused("could not connect: the proxy did not let it through")
    assert asked == [b"CONNECT discord.test:443 HTTP/1.1"]
    direct, _ = client(after_reading(lambda connection: connection.answer(MESSAGE)))
    assert post(direct) == Answer(200, {"id": "1"})
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://discord.com/api", "http://proxy.test:3128"),
        ("https://127.0.0.1:8443/api", ""),
        ("https://localhost/api", ""),
        ("https://stage.localhost/api", ""),
        ("https://[::1]/api", ""),
        ("https://left.alone.test/api", ""),
    ],
)
def test_this_machine_and_the_hosts_of_no_proxy_are_asked_directly(monkeypatch, url, proxy):
    monkeypatch.setenv("https_proxy", "proxy.test:3128")
    monkeypatch.setenv("no_proxy", "alone.test")
    parsed = httpx.URL(url)
    assert proxy_for(parsed.scheme, parsed.host) == proxy


def test_a_proxy_that_cannot_be_used_is_refused_in_words(client, monkeypatch):
    monkeypatch.setenv("https_proxy", "gopher://user:pass@proxy.test")
    http, _ = client("https://discord.test")
    refused = post(http)
    assert isinstance(refused, Refused)
    assert "proxy in the environment" in refused.reason
    assert "pass" not in refused.reason
    assert refused.everywhere


def test_an_address_that_is_no_url_is_refused_in_words(client):
    http, _ = client("https://[::1")
    assert post(http) == Refused("could not connect: the address of the API is not a URL", everywhere=True)


def test_certificates_that_cannot_be_loaded_are_refused_in_words(client, monkeypatch):
    transport.tls_context.cache_clear()
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/bundle.pem")
    http, _ = client("https://localhost:1")
    refused = post(http)
    assert isinstance(refused, Refused)
    assert "look at SSL_CERT_FILE" in refused.reason
    assert refused.everywhere


def test_nothing_secret_is_logged_of_a_real_request(client, caplog):
    caplog.set_level(logging.DEBUG)
    http, _ = client(after_reading(lambda connection: connection.answer(MESSAGE)))
    webhook = Endpoint("POST", "POST /webhooks/{webhook}", "/webhooks/1/s3cret", "webhook 1", as_bot=False)
    assert http.request(webhook, json={}) == Answer(200, {"id": "1"})
    assert "s3cret" not in caplog.text
