"""Connections to Discord on which one deadline covers a whole request, from the connection to the last byte.

httpx's own time-outs start anew with every byte, so that a server that drips could hold a run for ever.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from ipaddress import ip_address
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

KEEP_IDLE = 2.0
"""Seconds an idle connection is kept: short of what servers close it after, so that none is used that is gone."""

_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let nothing that this thread does on a connection last beyond so many seconds from now."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def _within(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """Return the time-out, or what is left until the deadline where that is less. Raise `late` after it."""
    ends = _ends.get()
    if ends is None:
        return timeout
    left = ends - time.monotonic()
    if left <= 0:
        raise late("the request took too long as a whole")
    return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _within(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _within(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, _within(timeout, httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to the first address that answers; all of them together have until the deadline."""
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in _addresses(host, port):
            within = _within(timeout, httpcore.ConnectTimeout)
            try:
                return _Stream(super().connect_tcp(address, port, within, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("the name was not resolved") from error
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


class DeadlineTransport(httpx.HTTPTransport):
    """What httpx sends requests to one API through: by the environment's proxy, and never past the deadline.

    Raise ImportError for a SOCKS proxy without the package for it, ValueError for any other unknown proxy.
    """

    def __init__(self, api: httpx.URL) -> None:
        super().__init__(
            # Plain http (a stand-in on loopback) needs no certificates, which take 20 ms to load.
            verify=api.scheme != "http",
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEP_IDLE),
            proxy=proxy_for(api),
        )
        # httpx has no argument for it; the tests with dripping servers fail should this name change.
        self._pool._network_backend = _Backend()  # noqa: SLF001


def proxy_for(url: httpx.URL) -> str | None:
    """Return the proxy that the environment names for a URL; never one for this machine's own addresses."""
    if is_loopback(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy or None


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine by its name or address."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
