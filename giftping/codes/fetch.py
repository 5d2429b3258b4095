"""Ask one source for its body: what is asked, what may come back, and the limits of the asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from giftping import __version__

if TYPE_CHECKING:
    import httpx

USER_AGENT = f"giftping/{__version__} (+https://pypi.org/project/giftping/)"


def user_agent(contact: str) -> str:
    """Return what giftping calls itself to the sources, with the address that its user can be written to."""
    return USER_AGENT.replace(")", f"; {contact})") if contact else USER_AGENT


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to ask for. The validators are what the source itself gave with the body that is remembered."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The source says that the remembered body still stands."""


@dataclass(frozen=True, slots=True)
class Body:
    """A whole, unpacked body, as the source sent it; nobody has looked into it yet."""

    content: bytes = field(repr=False)
    content_type: str
    etag: str
    last_modified: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Failed:
    """No body, and why in words that hold no secret; `retry_after` is what the server asked for, if it did."""

    reason: str
    retry_after: timedelta | None = None


Fetched = NotModified | Body | Failed


class Fetches(Protocol):
    """Whatever can ask a source."""

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        """Return what came of the request. Raise nothing for what a network or a server can do."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long (seconds), how much (bytes, unpacked) and how far (redirects) one fetch may go."""

    connect: float = 5.0
    total: float = 15.0
    body: int = 2 * 1024 * 1024
    redirects: int = 5


def shown(url: str) -> str:
    """A URL as it may be printed: scheme, host and path. Logins and queries may be secrets."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "?", parts.port
    except ValueError:
        return "(an unreadable URL)"
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path}"


class Fetcher:
    """Fetches one source at a time, from any thread; httpx is loaded with the first fetch, not before.

    `transport` makes what carries the requests of one fetch; by default real sockets.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        transport: Callable[[], httpx.BaseTransport] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or Limits()
        self._transport = transport
        self._monotonic = monotonic

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        """Return what came of the request. Raise nothing for what a network or a server can do."""
        from giftping.codes.exchange import exchange
        from giftping.net.transport import Deadline, SocketTransport

        transport = (self._transport or SocketTransport)()
        with Deadline(self._limits.total, self._monotonic) as deadline:
            return exchange(request, self._limits, transport, deadline, now)
