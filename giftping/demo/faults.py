"""Ways for a stand-in to fail, and the plan of when it does."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from giftping.demo.loopback import Answer, Cut, Peer, Reply, Stream

Subject = TypeVar("Subject")
Scope = Literal["user", "shared", "global"]

JSON_HEADERS = {"Content-Type": "application/json", "Via": "1.1 google"}
"""What Discord puts on every response of its own; one that comes from Cloudflare in front of it has no Via."""

_HTML_HEADERS = {"Content-Type": "text/html; charset=UTF-8", "Server": "cloudflare"}


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a fault strikes: the waiting client, and the answer it would get were there no fault.

    Before the request was carried out that answer is an empty 200.
    """

    peer: Peer
    answer: Answer


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail; `strike` returns what goes out instead, or None to go on as if nothing had happened."""

    name: str
    strike: Callable[[Moment], Reply | None]


def _instead(name: str, reply: Reply) -> Fault:
    return Fault(name, lambda _moment: reply)


def discord_error(status: int, code: int = 0, message: str = "", errors: Any = None) -> Answer:
    """An error response in Discord's form; the message defaults to `STATUS: error CODE`."""
    body: dict[str, Any] = {"message": message or f"{status}: error {code}", "code": code}
    if errors:
        body["errors"] = errors
    return Answer(status, json.dumps(body).encode(), JSON_HEADERS)


def status(status: int, code: int = 0, message: str = "") -> Fault:
    """A fault that answers with an HTTP status and a Discord error code, as JSON."""
    return _instead(f"{status} {code}", discord_error(status, code, message))


def html(status: int) -> Fault:
    """A fault that answers with a gateway's HTML page."""
    page = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return _instead(f"{status} html", Answer(status, page.encode(), _HTML_HEADERS))


def rate_limit_answer(scope: Scope, retry_after: float) -> Answer:
    """Discord's 429: the header in whole seconds, rounded up, the body with their fraction."""
    everywhere = scope == "global"
    message = "The resource is being rate limited." if scope == "shared" else "You are being rate limited."
    body = {"message": message, "retry_after": round(retry_after, 3), "global": everywhere, "code": 0}
    headers = JSON_HEADERS | {"Retry-After": str(math.ceil(retry_after)), "X-RateLimit-Scope": scope}
    if everywhere:
        headers["X-RateLimit-Global"] = "true"
    return Answer(429, json.dumps(body).encode(), headers)


def rate_limited(scope: Scope = "user", retry_after: float = 0.05) -> Fault:
    """A fault that answers 429 with the given scope, to be tried again after so many seconds."""
    return _instead(f"429 {scope}", rate_limit_answer(scope, retry_after))


def cloudflare_ban() -> Fault:
    """A fault that answers 429 as Cloudflare does to a banned address: HTML, no Via, no hint when to return."""
    page = "<html><head><title>Access denied</title></head><body>error code: 1015</body></html>"
    return _instead("429 cloudflare", Answer(429, page.encode(), _HTML_HEADERS))


def reset() -> Fault:
    """A fault that resets the connection."""
    return _instead("reset", Cut.RESET)


def close() -> Fault:
    """A fault that closes the connection without a response."""
    return _instead("close", Cut.CLOSED)


def no_content() -> Fault:
    """A fault that answers 204 where there should be a body."""
    return _instead("204", Answer(204, headers={"Via": "1.1 google"}))


def garbage(body: bytes = b"\x00\xff{not json") -> Fault:
    """A fault that answers with the true status and headers, and a body that is not what they say."""
    return Fault("garbage", lambda moment: replace(moment.answer, body=body))


def truncated() -> Fault:
    """A fault that sends the first half of the true body, then closes the connection."""

    def strike(moment: Moment) -> Reply:
        body = _whole(moment.answer)
        kept = body[: len(body) // 2]
        return replace(moment.answer, body=Stream(lambda: iter((kept,)), max(len(body), len(kept) + 1)))

    return Fault("truncated", strike)


def drip(pause: float) -> Fault:
    """A fault that sends the true body byte by byte, with `pause` seconds between them."""

    def strike(moment: Moment) -> Reply:
        body = _whole(moment.answer)

        def pieces() -> Iterator[bytes]:
            return (body[start : start + 1] for start in range(len(body)))

        return replace(moment.answer, body=Stream(pieces, len(body), pause))

    return Fault("drip", strike)


def hang(released: threading.Event | None = None) -> Fault:
    """A fault that keeps the client waiting until it goes away, or goes on as usual once `released` is set."""
    gate = released or threading.Event()
    return Fault("hang", lambda moment: None if moment.peer.wait(gate) else Cut.CLOSED)


def call(function: Callable[[], object], then: Fault | None = None) -> Fault:
    """A fault that runs a function, such as one that kills the client, and goes on as usual or with `then`."""

    def strike(moment: Moment) -> Reply | None:
        function()
        return then.strike(moment) if then else None

    return Fault("call", strike)


def _whole(answer: Answer) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b"".join(answer.body.pieces())


@dataclass(slots=True)
class Planned(Generic[Subject]):
    """A fault that waits for its requests: from the `nth` match on, `times` times (None: for good)."""

    fault: Fault
    matches: Callable[[Subject], bool]
    nth: int = 1
    times: int | None = 1
    after: bool = False
    seen: int = 0
    fired: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has struck as often as it was to; one for good is spent once it has struck."""
        return self.fired >= (1 if self.times is None else self.times)

    def draw(self, subject: Subject) -> bool:
        """Count a request, and return whether this fault strikes it."""
        if not self.matches(subject):
            return False
        self.seen += 1
        return self.seen >= self.nth and (self.times is None or self.fired < self.times)


class FaultPlan(Generic[Subject]):
    """Faults in the order they were planned. Safe to use from several threads."""

    def __init__(self) -> None:
        self._planned: list[Planned[Subject]] = []
        self._lock = threading.Lock()

    def add(self, planned: Planned[Subject]) -> Planned[Subject]:
        """Plan one more fault and return it."""
        with self._lock:
            self._planned.append(planned)
        return planned

    def draw(self, subject: Subject, *, after: bool) -> Fault | None:
        """The first fault that strikes this request at this moment; every other that matches counts it."""
        with self._lock:
            struck = [planned for planned in self._planned if planned.after == after and planned.draw(subject)]
            if not struck:
                return None
            struck[0].fired += 1
            return struck[0].fault

    def unspent(self) -> list[Planned[Subject]]:
        """The faults that have not struck as often as they were to."""
        with self._lock:
            return [planned for planned in self._planned if not planned.spent]

    def clear(self) -> None:
        """Forget every fault."""
        with self._lock:
            self._planned.clear()
