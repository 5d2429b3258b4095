"""Tells a monitor that a job has run, and how: it raises the alarm when a run fails, or when none comes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from giftping.net.lean_httpx import httpx
from giftping.net.transport import Deadline, SocketTransport
from giftping.settings.secrets import SecretError

if TYPE_CHECKING:
    from giftping.settings.keys import Settings

SECONDS = 5.0
"""How long one ping may take."""

BODY_BYTES = 10_000
"""The most of a summary that is sent, as Healthchecks keeps no more."""

# Healthchecks' own words, which follow the address (Pinging API).
START, FAIL, SUCCESS = "start", "fail", ""


def ping_by(settings: Settings, reference: str, summary: str = "", *, kind: str = "") -> str:
    """Why a monitor could not be told of a run at the address that a reference names, empty when it was."""
    try:
        url = settings.secret(reference).reveal()
    except SecretError as error:
        return str(error)
    return url_mistake(url) or ping(url, summary, kind=kind)


def ping(url: str, summary: str = "", *, kind: str = "", transport: httpx.BaseTransport | None = None) -> str:
    """Why a monitor could not be told of a run, empty when it was; nothing is raised for what a network can do.

    `kind` is START, FAIL or SUCCESS, which is empty: the monitor's address goes on with it.
    """
    # The deadline covers all of it; this is for each single operation.
    timeout = httpx.Timeout(SECONDS)
    # Names of files that are not UTF-8 hold lone surrogates, which cannot be encoded.
    body = summary.encode(errors="replace")[:BODY_BYTES]
    try:
        with (
            Deadline(SECONDS),
            httpx.Client(transport=transport or SocketTransport(), timeout=timeout, trust_env=False) as client,
        ):
            request = client.build_request("POST", address(url, kind), content=body, headers={"User-Agent": "giftping"})
            # The body is never read: only the status counts, and whoever answers may not stop.
            response = client.send(request, stream=True)
            status = response.status_code
            response.close()
    except httpx.TimeoutException:
        return "timed out"
    # Not in httpx's words: they may hold the address, and whoever has that can ping.
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return "could not connect"
    return "" if 200 <= status < 300 else f"HTTP {status}"


def address(url: str, kind: str) -> str:
    """Where a ping of that kind goes; what follows a `?` in the address stays at its end."""
    if not kind:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{kind}"))


def url_mistake(url: str) -> str:
    """Why a monitor's address cannot be one, without showing it; empty when it can."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    return "" if usable and url.isascii() and url.isprintable() else "is not an http:// or https:// address"
