"""Deadlines, proxies, loopback and TLS: what fetches travel on."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpcore
import pytest
from fakes.patience import PATIENT
from raw_server import RawServer, answer

from giftping.codes.fetch import Body, Bounds, Failed, Fetcher, FetchRequest
from giftping.net import transport
from giftping.net.transport import Deadline, is_loopback, proxy_for, time_left, tls_context

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_this_machine(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_deadline_shortens_every_wait_and_refuses_one_that_would_begin_late():
    now = [100.0]
    with Deadline(15, lambda: now[0]) as deadline:
        assert time_left(5, httpcore.ReadTimeout) == 5
        now[0] = 112.0
        assert time_left(5, httpcore.ReadTimeout) == 3
        assert time_left(None, httpcore.ReadTimeout) == 3
        now[0] = 115.0
        assert deadline.passed
        with pytest.raises(httpcore.ConnectTimeout):
            time_left(5, httpcore.ConnectTimeout)
    assert time_left(5, httpcore.ReadTimeout) == 5
    assert time_left(None, httpcore.ReadTimeout) is None


def test_a_deadline_holds_for_its_own_thread_only():
    with Deadline(0), ThreadPoolExecutor(1) as pool:
        assert pool.submit(time_left, 5, httpcore.ReadTimeout).result() == 5


def test_time_that_ran_out_before_the_connection_is_told_as_such():
    ticks = iter([0.0, *[99.0] * 50])
    with RawServer(answer("200 OK")) as server:
        fetched = Fetcher(Bounds(total=15), monotonic=lambda: next(ticks)).fetch(FetchRequest(server.url), NOW)
    assert fetched == Failed("took longer than 15 s in all")


@pytest.fixture
def addresses(monkeypatch):
    """The addresses that codes.test has."""
    known, lookup = [], socket.getaddrinfo

    def getaddrinfo(host, port, *args, **options):
        return (
            [(2, 1, 6, "", (ip, port)) for ip in known]
            if host == "codes.test"
            else lookup(host, port, *args, **options)
        )

    monkeypatch.setattr("giftping.net.transport.socket.getaddrinfo", getaddrinfo)
    return known


def test_an_address_that_refuses_does_not_hide_the_one_that_answers(addresses):
    addresses += ["127.0.0.2", "127.0.0.1"]
    with RawServer(answer("200 OK", b"CODE1")) as server:
        assert isinstance(Fetcher().fetch(FetchRequest(f"http://codes.test:{server.port}/"), NOW), Body)


def test_addresses_that_do_not_answer_share_the_time_there_is(addresses, monkeypatch):
    addresses += ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    waits = []

    def connect_tcp(self, host, port, timeout, *_):
        waits.append((host, timeout))
        raise httpcore.ConnectTimeout("dead")

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_tcp)
    fetcher = Fetcher(Bounds(connect=0.8, total=1.5), monotonic=lambda: 0.0)
    assert fetcher.fetch(FetchRequest("http://codes.test/"), NOW) == Failed("no connection within 0.8 s")
    assert waits == [("127.0.0.2", 0.5), ("127.0.0.3", 0.75), ("127.0.0.4", 0.8)]


def test_a_name_without_addresses_is_a_failure(addresses):
    fetched = Fetcher().fetch(FetchRequest("http://codes.test/"), NOW)
    assert fetched == Failed("no connection: the name codes.test has no address")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_loopback_hosts_never_have_a_proxy(host, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    assert is_loopback(host)
    assert proxy_for("http", host) == ""


@pytest.mark.parametrize(
    ("variables", "scheme", "proxy"),
    [
        ({"http_proxy": "http://a.test:1"}, "http", "http://a.test:1"),
        ({"http_proxy": "http://a.test:1"}, "https", ""),
        ({"HTTPS_PROXY": "a.test:1"}, "https", "http://a.test:1"),
        ({"all_proxy": "socks5://a.test:1"}, "https", "socks5://a.test:1"),
        ({"http_proxy": "http://a.test:1", "no_proxy": "codes.test"}, "http", ""),
        ({}, "http", ""),
    ],
)
def test_other_hosts_have_the_proxy_of_the_environment(variables, scheme, proxy, monkeypatch):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(scheme, "codes.test") == proxy


def test_a_request_goes_through_a_proxy_with_its_login(monkeypatch):
    with RawServer(answer("200 OK", b"CODE1")) as server:
        monkeypatch.setenv("http_proxy", f"http://me:pass@127.0.0.1:{server.port}")
        fetched = Fetcher().fetch(FetchRequest("http://codes.test/list"), NOW)
        head = server.heads[0]
    assert isinstance(fetched, Body)
    assert head.startswith("GET http://codes.test/list HTTP/1.1")
    assert "Proxy-Authorization: Basic bWU6cGFzcw==" in head


@pytest.mark.parametrize("proxy", ["socks5://proxy.test:1", "ftp://me:hunter2@proxy.test", "http://[::1", "http://"])
def test_a_proxy_that_cannot_be_used_is_a_failure_without_its_login(proxy, monkeypatch):
    monkeypatch.setenv("http_proxy", proxy)
    fetched = Fetcher().fetch(FetchRequest("http://codes.test/"), NOW)
    assert isinstance(fetched, Failed)
    assert "proxy failed" in fetched.reason
    assert "hunter2" not in fetched.reason


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that signs itself, as a key file, a bundle and a hashed folder."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    command += " -addext subjectAltName=DNS:localhost -keyout key.pem -out bundle.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    name = subprocess.run(
        ["openssl", "x509", "-hash", "-noout", "-in", "bundle.pem"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    (folder / "hashed").mkdir()
    shutil.copy(folder / "bundle.pem", folder / "hashed" / f"{name}.0")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def tls_server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "bundle.pem", certificate / "key.pem")
    with RawServer(answer("200 OK", b"CODE1"), tls=context) as server:
        yield f"https://localhost:{server.port}/list"


@pytest.fixture(autouse=True)
def fresh_tls_context():
    tls_context.cache_clear()
    yield
    tls_context.cache_clear()


@pytest.mark.parametrize("variables", [{"SSL_CERT_DIR": "hashed"}, {"SSL_CERT_FILE": "bundle.pem"}], ids=str)
def test_https_trusts_the_certificates_of_the_system_or_the_environment(
    variables, certificate, tls_server, monkeypatch
):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(certificate / value))
    assert isinstance(Fetcher().fetch(FetchRequest(tls_server), NOW), Body)


def test_a_proxy_that_speaks_tls_is_trusted_by_the_same_certificates(certificate, tls_server, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate / "hashed"))
    monkeypatch.setenv("http_proxy", tls_server.removesuffix("/list"))
    assert isinstance(Fetcher().fetch(FetchRequest("http://codes.test/list"), NOW), Body)


def test_certificates_that_cannot_be_loaded_are_a_failure_that_says_where_to_look(monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/bundle.pem")
    fetched = Fetcher().fetch(FetchRequest("https://localhost:1/"), NOW)
    assert fetched == Failed(
        "no connection: the certificates cannot be loaded (No such file or directory);"
        " look at SSL_CERT_FILE and SSL_CERT_DIR"
    )


def test_a_certificate_that_nobody_vouches_for_is_a_failure(certificate, tls_server, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate / "empty"))
    fetched = Fetcher().fetch(FetchRequest(tls_server), NOW)
    assert isinstance(fetched, Failed)
    assert "no connection" in fetched.reason
    assert "CERTIFICATE_VERIFY_FAILED" in fetched.reason


def test_a_server_that_hangs_in_the_tls_handshake_is_cut():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://localhost:{listener.getsockname()[1]}/"
        fetched = Fetcher(Bounds(connect=0.2, total=PATIENT)).fetch(FetchRequest(url), NOW)
    assert fetched == Failed("no connection within 0.2 s")


def test_a_folder_that_is_not_there_holds_no_certificates(tmp_path: Path):
    assert not transport.is_hashed(tmp_path / "none")
    assert not transport.is_hashed(tmp_path)
