"""Stand-in source pages on loopback: bodies that can be set, true 304s, and every way a web server can disappoint."""

from __future__ import annotations

import gzip
import hashlib
import threading
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from giftping.demo.clock import ShiftedClock
from giftping.demo.faults import Fault, FaultPlan, Moment, Planned
from giftping.demo.loopback import Answer, LoopbackServer, Peer, Reply, Request, StandIn

HTML = "text/html; charset=utf-8"
MEBIBYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Page:
    """What a path answers with."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    zipped: bytes | None = None
    """The gzip form of the body, where there is to be one."""
    always_zipped: bool = False


@dataclass(slots=True)
class PageRequest:
    """One request for a page."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    status: int | None = None
    """None where no answer was given."""


class StandInSources(StandIn):
    """A web server on 127.0.0.1 while it is open; a path that was not set answers 404.

    `clock` is what it says the time is; a page with a Date of its own says that instead.
    """

    def __init__(self, clock: Callable[[], datetime] | None = None) -> None:
        self.clock = clock or ShiftedClock()
        self._pages: dict[str, Page] = {}
        self._requests: list[PageRequest] = []
        self._plan: FaultPlan[PageRequest] = FaultPlan()
        self._lock = threading.Lock()
        self._server = LoopbackServer(self._respond)

    def url(self, path: str) -> str:
        """The URL of a path. Raise RuntimeError when the server is not open."""
        return self._server.url + path

    # Setting pages

    def set(
        self,
        path: str,
        body: str | bytes = "",
        content_type: str | None = HTML,
        *,
        status: int = 200,
        etag: str | None = None,
        last_modified: datetime | None = None,
        compressed: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Set what a path answers; `etag="auto"` follows the body, `compressed` sends gzip to those who accept it."""
        content = body.encode() if isinstance(body, str) else body
        if etag == "auto":
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        given = {
            "Content-Type": content_type,
            "ETag": etag,
            "Last-Modified": format_datetime(last_modified, usegmt=True) if last_modified else None,
            **(headers or {}),
        }
        kept = {name: value for name, value in given.items() if value is not None}
        zipped = gzip.compress(content, mtime=0) if compressed else None
        self._put(path, Page(status, content, kept, zipped))

    def set_gzip_bomb(self, path: str, unpacked: int = 50 * MEBIBYTE, content_type: str = HTML) -> None:
        """Let a path answer with a few kilobytes of gzip that unpack to so many bytes, asked for or not."""
        packer = zlib.compressobj(level=6, wbits=31)
        block = bytes(MEBIBYTE)
        packed = [packer.compress(block[: unpacked - start]) for start in range(0, unpacked, MEBIBYTE)]
        bomb = b"".join([*packed, packer.flush()])
        self._put(path, Page(200, bomb, {"Content-Type": content_type}, bomb, always_zipped=True))

    def set_redirect(self, path: str, to: str, status: int = 302) -> None:
        """Let a path redirect; one that redirects to itself is a loop."""
        self.set(path, status=status, headers={"Location": to})

    def set_retry_after(self, path: str, retry_after: str | int, status: int = 429) -> None:
        """Let a path ask its clients to come back later, in seconds or at an HTTP date."""
        self.set(path, "later", "text/plain", status=status, headers={"Retry-After": str(retry_after)})

    def fail(self, path: str, with_: Fault, *, nth: int = 1, times: int | None = None) -> Planned[PageRequest]:
        """Let a path fail from its `nth` request on, `times` times (None: for good)."""
        return self._plan.add(Planned(with_, lambda seen: seen.path == path, nth, times))

    def clear_faults(self) -> None:
        """Forget every planned fault."""
        self._plan.clear()

    # Looking

    def requests(self, path: str | None = None) -> list[PageRequest]:
        """The requests for one path or for all, in the order of arrival."""
        with self._lock:
            return [seen for seen in self._requests if path in (None, seen.path)]

    def hits(self, path: str) -> int:
        """How often a path was asked for."""
        return len(self.requests(path))

    def not_modified(self, path: str) -> int:
        """How often a path has answered 304."""
        return sum(seen.status == 304 for seen in self.requests(path))

    # Answering

    def _put(self, path: str, page: Page) -> None:
        with self._lock:
            self._pages[path] = page

    def _respond(self, request: Request, peer: Peer) -> Reply:
        seen = PageRequest(request.path, request.headers)
        with self._lock:
            self._requests.append(seen)
            page = self._pages.get(request.path)
        reply = self._reply(seen, page, peer)
        if not isinstance(reply, Answer):
            return reply
        seen.status = reply.status
        return replace(reply, headers={"Date": format_datetime(self.clock(), usegmt=True), **reply.headers})

    def _reply(self, seen: PageRequest, page: Page | None, peer: Peer) -> Reply:
        answer = Answer(404, b"not found", {"Content-Type": "text/plain"}) if page is None else _answer(seen, page)
        fault = self._plan.draw(seen, after=False)
        reply = fault.strike(Moment(peer, answer)) if fault else None
        return answer if reply is None else reply


def _answer(seen: PageRequest, page: Page) -> Answer:
    answer = Answer(page.status, page.body, page.headers)
    if page.status == 200 and _unchanged(seen.headers, page.headers):
        return replace(answer, status=304, body=b"")
    if page.zipped is not None and (page.always_zipped or "gzip" in seen.headers.get("accept-encoding", "")):
        headers = {**page.headers, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return replace(answer, body=page.zipped, headers=headers)
    return answer


def _unchanged(asked: Mapping[str, str], page: Mapping[str, str]) -> bool:
    """Whether the client's copy is current; a tag, where one is sent, decides alone (RFC 9110, 13.2.2)."""
    if "if-none-match" in asked:
        tags = {tag.strip().removeprefix("W/") for tag in asked["if-none-match"].split(",")}
        return "ETag" in page and bool({page["ETag"].removeprefix("W/"), "*"} & tags)
    if "if-modified-since" not in asked or "Last-Modified" not in page:
        return False
    try:
        return parsedate_to_datetime(page["Last-Modified"]) <= parsedate_to_datetime(asked["if-modified-since"])
    except (ValueError, TypeError):
        # A date that is none, or one without a zone: such a condition is to be ignored.
        return False
