"""Ask one source for its body: one conditional GET, within bounds, with redirects and what may come back.

httpx costs a third of an idle run, and a run in which no source is due asks nobody: so it, and what reads a mail's
headers, is imported by the functions that need it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from giftping import __version__
from giftping.net.http_date import http_date

if TYPE_CHECKING:
    import httpx

    from giftping.net.transport import Deadline

USER_AGENT = f"giftping/{__version__} (+https://pypi.org/project/giftping/)"

SHARED_HEADERS = frozenset({"accept", "accept-language", "user-agent"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
OK, NOT_MODIFIED = 200, 304
HIGHEST_PORT = 65535
GZIP = 16 + zlib.MAX_WBITS


def user_agent(contact: str) -> str:
    """What giftping calls itself to the sources, with the address that its user can be written to."""
    return USER_AGENT.replace(")", f"; {contact})") if contact else USER_AGENT


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """What to ask for. URLs and headers may hold secrets, so that neither is in a `repr`."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    etag: str = ""
    """What the source gave with the body that is remembered; empty for none. So is `last_modified`."""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The source says that the remembered body still stands."""


@dataclass(frozen=True, slots=True)
class Body:
    """A whole, unpacked body, as the source sent it; nobody has looked into it yet."""

    content: bytes = field(repr=False)
    content_type: str
    """The header as it came, empty where there was none; so are the next two."""
    etag: str
    last_modified: str
    sha256: str
    """Of the content, in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No body, and why."""

    reason: str
    """In words that hold no secret."""
    retry_after: timedelta | None = None
    """How long the server asked to be left alone, if it did."""


Fetched = NotModified | Body | Failed


Hear = Callable[[str, str, str], None]
"""Is told the host of an answer, its Date and its Age, empty where it has no such header."""


class Fetches(Protocol):
    """Whatever can ask a source."""

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        """What came of the request. Nothing is raised for what a network or a server can do."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, how much and how far one fetch may go."""

    connect: float = 5.0
    """Seconds until there is a connection."""
    total: float = 15.0
    """Seconds for everything, redirects and the whole body among it."""
    body: int = 2 * 1024 * 1024
    """Bytes of the body, unpacked."""
    redirects: int = 5


def printable_url(url: str) -> str:
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

    `transport` makes what carries the requests of one fetch; by default real sockets. `hear` is told what each server
    says the time is.
    """

    def __init__(
        self,
        bounds: Bounds | None = None,
        *,
        transport: Callable[[], httpx.BaseTransport] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        hear: Hear | None = None,
    ) -> None:
        self._hear = hear
        self._bounds = bounds or Bounds()
        self._transport = transport
        self._monotonic = monotonic

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        """What came of the request. Nothing is raised for what a network or a server can do."""
        from giftping.net.transport import Deadline, SocketTransport

        transport = (self._transport or SocketTransport)()
        with Deadline(self._bounds.total, self._monotonic) as deadline:
            return exchange(request, self._bounds, transport, deadline, now, self._hear)


class BadAnswerError(Exception):
    """The answer is not one that giftping takes; its text says why."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One URL of a chain of redirects."""

    url: httpx.URL
    at_home: bool = True
    """Whether it still is the host that the source's headers, which may be secrets, are for."""


def exchange(
    request: FetchRequest,
    bounds: Bounds,
    transport: httpx.BaseTransport,
    deadline: Deadline,
    now: datetime,
    hear: Hear | None = None,
) -> Fetched:
    """What came of one conditional GET. Nothing is raised for what a network or a server can do."""
    from giftping.net.lean_httpx import httpx

    timeout = httpx.Timeout(bounds.total, connect=bounds.connect)
    try:
        with httpx.Client(transport=transport, timeout=timeout, trust_env=False) as client:
            hop = Hop(askable_url(httpx.URL(request.url)))
            for _ in range(bounds.redirects + 1):
                outgoing = client.build_request("GET", hop.url, headers=headers_of(request, hop))
                response = client.send(outgoing, stream=True)
                try:
                    if hear is not None:
                        headers = response.headers
                        hear(hop.url.netloc.decode("ascii"), headers.get("date", ""), headers.get("age", ""))
                    if response.status_code not in REDIRECTS:
                        return judged(response, request, bounds, now)
                    hop = next_hop(hop, response.headers.get("location", ""))
                finally:
                    response.close()
            return Failed(f"more than {bounds.redirects} redirects, the last one to {printable_url(str(hop.url))}")
    except BadAnswerError as error:
        return Failed(str(error))
    except httpx.InvalidURL:
        return Failed(f"{printable_url(request.url)} is, or redirects to, an invalid URL")
    except httpx.HTTPError as error:
        return Failed(network_reason(error, bounds, deadline))


def askable_url(url: httpx.URL) -> httpx.URL:
    """The URL. Raise BadAnswerError unless it is an http or https one with a host."""
    is_askable = url.scheme in {"http", "https"} and url.host.strip(".") and (url.port or 0) <= HIGHEST_PORT
    # OpenSSL refuses such a name with a ValueError, and leaves the socket open.
    if not is_askable or url.host.startswith("."):
        raise BadAnswerError(f"{printable_url(str(url))} is not an http or https URL")
    return url


def headers_of(request: FetchRequest, hop: Hop) -> httpx.Headers:
    """The headers to send: away from home none that might be a secret; validators only if they can be sent."""
    from giftping.net.lean_httpx import httpx

    headers = httpx.Headers({"User-Agent": USER_AGENT, "Accept": "*/*"})
    for name, value in request.headers.items():
        if hop.at_home or name.lower() in SHARED_HEADERS:
            headers[name] = value
    # Set last: a source's own headers must not ask for what is not unpacked here.
    headers["Accept-Encoding"] = "gzip"
    for name, value in (("If-None-Match", request.etag), ("If-Modified-Since", request.last_modified)):
        if is_sendable(value):
            headers[name] = value
    return headers


def is_sendable(validator: str) -> bool:
    """Whether a validator may go into a header: servers have been seen to give odder ones than that."""
    return validator.strip() != "" and validator.isascii() and validator.isprintable()


def next_hop(hop: Hop, location: str) -> Hop:
    """Where a redirect leads. Raise BadAnswerError or httpx.InvalidURL where giftping does not follow."""
    if not location:
        raise BadAnswerError(f"{printable_url(str(hop.url))} redirects, but does not say where to")
    url = askable_url(hop.url.join(location))
    # Whoever sits in between could then read the headers, and list codes of their own.
    if hop.url.scheme == "https" and url.scheme == "http":
        raise BadAnswerError(f"{printable_url(str(hop.url))} redirects from https down to {printable_url(str(url))}")
    return Hop(url, hop.at_home and (hop.url.host, hop.url.port) == (url.host, url.port))


def judged(response: httpx.Response, request: FetchRequest, bounds: Bounds, now: datetime) -> Fetched:
    """What the last response of a chain means. Raise httpx.HTTPError or BadAnswerError when its body fails."""
    status = response.status_code
    if status == NOT_MODIFIED:
        if is_sendable(request.etag) or is_sendable(request.last_modified):
            return NotModified()
        return Failed("answered 304 Not Modified though nothing was remembered")
    if status != OK:
        return Failed(f"answered {status_text(status)}", retry_after(response, now))
    content = unpacked(response, bounds.body)
    headers = response.headers
    return Body(
        content=content,
        content_type=headers.get("content-type", ""),
        etag=headers.get("etag", ""),
        last_modified=headers.get("last-modified", ""),
        sha256=sha256(content).hexdigest(),
    )


def status_text(status: int) -> str:
    """A status with its standard words, if it has any."""
    from http import HTTPStatus

    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def retry_after(response: httpx.Response, now: datetime) -> timedelta | None:
    """How long a 429 or 503 asks to be left alone (RFC 9110 §10.2.3), or None.

    A date is read against the server's own clock where the server tells it.
    """
    value = response.headers.get("retry-after", "").strip()
    if response.status_code not in {429, 503} or not value:
        return None
    if value.isascii() and value.isdigit():
        # Python refuses to read numbers of thousands of digits.
        return timedelta(seconds=min(int(value[:10]), 10**9))
    until = http_date(value)
    if until is None:
        return None
    return max(until - (http_date(response.headers.get("date", "")) or now), timedelta(0))


def unpacked(response: httpx.Response, limit: int) -> bytes:
    """The body without its content encoding. Raise BadAnswerError when it is too long, or not what it says."""
    encoding = response.headers.get("content-encoding", "").strip().lower()
    chunks = response.iter_raw()
    if encoding in {"", "identity"}:
        return joined_body(chunks, limit)
    if encoding in {"gzip", "x-gzip"}:
        return joined_body(gunzipped(chunks, limit), limit)
    raise BadAnswerError(f"answered in the content encoding {encoding[:40]!r}, which was not asked for")


def joined_body(chunks: Iterable[bytes], limit: int) -> bytes:
    """The chunks as one. Raise BadAnswerError as soon as they are longer than the limit."""
    content = bytearray()
    for chunk in chunks:
        if len(content) + len(chunk) > limit:
            raise BadAnswerError(f"the body is longer than {limit / 1024 / 1024:g} MiB")
        content += chunk
    return bytes(content)


def gunzipped(chunks: Iterable[bytes], limit: int) -> Iterable[bytes]:
    """What gzip chunks unpack to, at most one byte over the limit at a time, so that no bomb inflates.

    Raise BadAnswerError for data that is not gzip or ends early.
    """
    unpacker = zlib.decompressobj(GZIP)
    started = False
    try:
        for chunk in chunks:
            started = True
            yield unpacker.decompress(chunk, limit + 1)
            if unpacker.eof:
                return
    except zlib.error:
        raise BadAnswerError("the body says that it is gzip, and is not") from None
    if started:
        raise BadAnswerError("the body is cut off: its gzip data ends early")


def network_reason(error: httpx.HTTPError, bounds: Bounds, deadline: Deadline) -> str:
    """Why a request failed, in words.

    Only what the operating system or giftping said is quoted: what a protocol error quotes may be a header.
    """
    from giftping.net.lean_httpx import httpx

    if deadline.passed:
        return f"took longer than {bounds.total:g} s in all"
    match error:
        case httpx.ConnectTimeout():
            return f"no connection within {bounds.connect:g} s"
        case httpx.TimeoutException():
            return f"no answer within {bounds.total:g} s"
        case httpx.ConnectError():
            return f"no connection: {error}"
        case httpx.ProxyError():
            return f"the proxy failed: {error}"
        case httpx.RemoteProtocolError() if "incomplete" in str(error) or "without sending complete" in str(error):
            return "the body is cut off: the connection ended before it was whole"
        case httpx.RemoteProtocolError() if "without sending a response" in str(error):
            return "the connection was closed without an answer"
        case httpx.RemoteProtocolError() if "location header" in str(error):
            return "redirects to an invalid URL"
        case httpx.LocalProtocolError():
            return "a header of this source cannot be sent; look for line breaks in its settings"
        case httpx.ProtocolError():
            return "the answer is not HTTP"
        case httpx.NetworkError():
            return "the connection broke"
    return f"the request failed ({type(error).__name__})"
