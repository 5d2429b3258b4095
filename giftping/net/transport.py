"""Real sockets for httpx, to sources and to Discord, with one deadline over all that one request does on them.

httpx's own timeouts count from byte to byte, so a server that drips keeps a run alive for ever. httpcore, the
engine of httpx, takes a network backend; this one lets every single operation last only as long as the deadline
of its thread allows.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar, Token
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import Any, Self, cast
from urllib.request import getproxies, proxy_bypass

import httpcore

from giftping.net.lean_httpx import httpx

KEEP_IDLE = 2.0
"""Seconds that an idle connection is kept: less than servers keep it, so that none is used that is gone."""

# As `openssl rehash` names them: the hash of the subject, and a number (openssl-rehash(1)).
HASHED_CERTIFICATE = re.compile(r"[0-9a-f]{8}\.0")


class Deadline:
    """The instant by which something must be over, `seconds` from when this is made.

    As a context manager it holds for all that its thread does on connections of this module.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds
        # A list, because one deadline may be entered again within itself.
        self._tokens: list[Token[Deadline | None]] = []

    def __enter__(self) -> Self:
        self._tokens.append(_in_force.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _in_force.reset(self._tokens.pop())

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let what is done inside of it take no time of this deadline."""
        began = self._monotonic()
        try:
            yield
        finally:
            self._end += self._monotonic() - began

    @property
    def left(self) -> float:
        """Seconds that are left; zero or less once it has passed."""
        return self._end - self._monotonic()

    @property
    def passed(self) -> bool:
        """Whether the time is up."""
        return self.left <= 0


class Fence:
    """What has to be asked before the first byte of a request goes out, when the connection for it is there.

    As a context manager it holds for the next request of its thread on connections of this module. What it raises goes
    to the caller as it is, with nothing sent; that connection is not used any more.
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self.is_passed = False
        """Whether the first byte may be on its way."""

    def __enter__(self) -> Self:
        self._token = _in_the_way.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _in_the_way.reset(self._token)

    def pass_through(self) -> None:
        """Ask, unless that was done before. Raise whatever it raises."""
        if self.is_passed:
            return
        deadline = _in_force.get()
        # It has a patience of its own: a database that is slow to answer is no network that is.
        with deadline.paused() if deadline is not None else nullcontext():
            self._ask()
        self.is_passed = True


# No arguments: httpx and httpcore, which lie between the caller and the sockets, would not pass them on.
_in_force: ContextVar[Deadline | None] = ContextVar("deadline", default=None)
_in_the_way: ContextVar[Fence | None] = ContextVar("fence", default=None)

TO_PROXY = b"CONNECT "
"""How a request begins that is for a proxy: it asks for the connection on which the caller's own request goes out."""


def time_left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """The timeout, or what the deadline in force leaves where that is less. Raise `late` after it."""
    deadline = _in_force.get()
    if deadline is None:
        return timeout
    left = deadline.left
    if left <= 0:
        raise late("the whole exchange took too long")
    return left if timeout is None else min(timeout, left)


class UnusableProxyError(httpx.ProxyError):
    """The proxy that the environment names cannot be one; the text says why, and shows no login."""


class UnusableCertificatesError(httpx.ConnectError):
    """The certificates that servers are judged by cannot be loaded; the text says what to look at."""


UNUSABLE_ENVIRONMENT = (UnusableProxyError, UnusableCertificatesError)
"""Errors that every request to the host meets again until somebody mends the environment."""


class DeadlineStream(httpcore.NetworkStream):
    """A connection on which no read or write outlasts the deadline in force."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The next bytes. Raise httpcore.ReadTimeout when they do not come in time."""
        return self._stream.read(max_bytes, time_left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send the bytes, by the fence in the way. Raise httpcore.WriteTimeout when they cannot be sent in time."""
        # Here and not at httpcore's own traces: nothing comes between this and the byte, whatever its version. It ends
        # a request without a body, such as that for a tunnel, by writing nothing.
        fence = _in_the_way.get()
        if fence is not None and buffer and not buffer.startswith(TO_PROXY):
            fence.pass_through()
        self._stream.write(buffer, time_left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The connection with TLS on it. Raise httpcore.ConnectTimeout when that takes too long."""
        timeout = time_left(timeout, httpcore.ConnectTimeout)
        return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows about itself."""
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """Connections that obey the deadline in force, from the name lookup's end to the last byte."""

    def __init__(self) -> None:
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address that answers.

        Each address gets its share of the time that is left, so that dead ones do not starve the last.
        Raise httpcore.ConnectError or httpcore.ConnectTimeout when none does.
        """
        try:
            # A lookup takes no timeout; it ends when the resolver gives up (resolv.conf(5)).
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        # UnicodeError: a part of the name is empty or too long for a name (Python's codec idna).
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} was not resolved") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for position, address in enumerate(addresses):
            left = time_left(None, httpcore.ConnectTimeout)
            # A host often has an IPv6 address that leads nowhere from here, and it comes first.
            share = None if left is None else left / (len(addresses) - position)
            within = min((span for span in (share, timeout) if span is not None), default=None)
            try:
                stream = self._sockets.connect_tcp(address, port, within, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if position == len(addresses) - 1:
                    raise
            else:
                return DeadlineStream(stream)
        raise httpcore.ConnectError(f"the name {host} has no address")


class SocketTransport(httpx.BaseTransport):
    """What httpx sends requests through, from any thread, by the environment's proxy where it names one.

    TLS is set up only when an https URL is asked.
    """

    def __init__(self) -> None:
        self._pools: dict[tuple[str, str], httpcore.ConnectionPool] = {}
        self._lock = Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response with its body unread. Raise httpx.TransportError when there is none."""
        url = request.url
        core_url = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        core_request = httpcore.Request(
            request.method,
            core_url,
            headers=request.headers.raw,
            content=cast("Iterable[bytes]", request.stream),
            extensions=request.extensions,
        )
        with errors_of_httpx():
            response = self._pool(url).handle_request(core_request)
        return httpx.Response(
            response.status, headers=response.headers, stream=BodyStream(response), extensions=response.extensions
        )

    def close(self) -> None:
        """Close what is still open."""
        for pool in self._pools.values():
            pool.close()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        proxy = proxy_for(url.scheme, url.host)
        key = (url.scheme, proxy)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = open_pool(url.scheme, proxy)
            return self._pools[key]


class BodyStream(httpx.SyncByteStream):
    """The unread body of a response."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with errors_of_httpx():
            yield from self._response.iter_stream()

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()


@contextmanager
def errors_of_httpx() -> Iterator[None]:
    """Turn httpcore's errors into httpx's of the same name."""
    # httpx does this in its own transport, in whose place this one stands.
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ) as error:
        raise cast("type[httpx.TransportError]", getattr(httpx, type(error).__name__))(str(error)) from error


def open_pool(scheme: str, proxy: str) -> httpcore.ConnectionPool:
    """Connections for URLs of a scheme, through the proxy where one is named.

    Raise UnusableProxyError or UnusableCertificatesError.
    """
    # No limit of connections: who waits for one would wait within its deadline.
    context = tls_context() if scheme == "https" else None
    if not proxy:
        return httpcore.ConnectionPool(
            ssl_context=context, max_connections=None, keepalive_expiry=KEEP_IDLE, network_backend=DeadlineBackend()
        )
    url = proxy_url(proxy)
    return httpcore.HTTPProxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"),
        proxy_auth=(url.username, url.password) if url.username else None,
        ssl_context=context,
        proxy_ssl_context=tls_context() if url.scheme == "https" else None,
        max_connections=None,
        keepalive_expiry=KEEP_IDLE,
        network_backend=DeadlineBackend(),
    )


def proxy_url(proxy: str) -> httpx.URL:
    """The URL of a proxy. Raise UnusableProxyError unless it is an http or https one."""
    try:
        url = httpx.URL(proxy)
    except httpx.InvalidURL:
        raise UnusableProxyError("the proxy in the environment is not a URL") from None
    if url.scheme not in {"http", "https"} or not url.host:
        kind = f"a {url.scheme} one" if url.host else "without a host"
        raise UnusableProxyError(f"the proxy in the environment is {kind}; giftping can use http and https ones")
    return url


def proxy_for(scheme: str, host: str) -> str:
    """The proxy that the environment names for a host, or "". Loopback hosts never have one."""
    if is_loopback(host) or proxy_bypass(host):
        return ""
    # As urllib reads the environment: lower case goes before upper case, and HTTP_PROXY counts for nothing under CGI.
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all", "")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: localhost, a name below it, or a loopback address."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


@cache
def tls_context() -> ssl.SSLContext:
    """The TLS settings of this process: the system's certificates, else those of certifi.

    A hashed folder of certificates is looked into only when a server shows one; a bundle in one file costs
    about 20 ms to read, which every idle run would pay. Raise UnusableCertificatesError.
    """
    folder = ssl.get_default_verify_paths().capath
    try:
        if folder and "SSL_CERT_FILE" not in os.environ and is_hashed(Path(folder)):
            return ssl.create_default_context(capath=folder)
        return httpx.create_ssl_context()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UnusableCertificatesError(
            f"the certificates cannot be loaded ({reason}); look at SSL_CERT_FILE and SSL_CERT_DIR"
        ) from error


def is_hashed(folder: Path) -> bool:
    """Whether OpenSSL can look certificates up in a folder by the hash of their subject."""
    try:
        return any(HASHED_CERTIFICATE.fullmatch(entry.name) for entry in folder.iterdir())
    except OSError:
        return False
