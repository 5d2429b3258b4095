"""The HTTP client for Discord: paced, bounded in time and size, and exact about how a request ended."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from urllib.parse import quote

from giftping import __version__
from giftping.discord.bodies import form_parts, read_body, read_json
from giftping.discord.failures import outcome_of_error
from giftping.discord.message import Upload
from giftping.discord.outcome import Refused, Unclear, WithdrawnError
from giftping.discord.pacing import Hold, Lane, Pacer, TooLongError, hold_of, is_from_discord
from giftping.discord.refusals import BOT, Held, Scope, api_error, error_reason, held_for, read_refusal
from giftping.discord.witness import Witness
from giftping.net.lean_httpx import httpx, quiet_request_logs
from giftping.net.steady import steady_seconds
from giftping.net.transport import Deadline, Fence, SocketTransport
from giftping.net.waiting import sleep_unless

USER_AGENT = f"DiscordBot (https://pypi.org/project/giftping, {__version__})"
"""In the form that Discord asks for; Cloudflare may block others (API reference, User Agent)."""

BODY_BYTES = 2 * 1024 * 1024
"""The most of an answer that is read, unpacked, where its endpoint does not allow more."""

TRIES = 5
"""How often one request is sent when Discord keeps answering 429."""

INVALID_REQUESTS = 2000
"""Refusals after which a run stops asking: Discord bans an address at 10,000 in ten minutes (Rate Limits)."""

FIRST_ANSWER = 2.0
"""The most seconds that other threads of the bot wait for the answer to its first request."""

TOLD_TO_STOP = "told to stop"

REASON_HEADER, REASON_HEADER_LENGTH = "X-Audit-Log-Reason", 512
"""Says in a guild's audit log why, and the most characters it takes (API reference, Audit Logs)."""

UPLOAD_BYTES = 256 * 1024
"""Bytes of files for which a request is given a second more."""

_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call of the API."""

    method: str
    route: str
    """The method and the path with names in place of ids: rate limits are known by it."""
    path: str = field(repr=False)
    """The real one."""
    resource: str = field(repr=False)
    """The channel, guild or webhook that rate limits are counted for."""
    as_bot: bool = True
    """Without it no token is sent."""
    secret: str = field(default="", repr=False)
    """A part of the path that must not be shown."""
    body_bytes: int = BODY_BYTES
    """The most of its answer that is read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer."""

    status: int
    body: Any
    """What its JSON holds, None where there is no JSON."""


Result = Answer | Refused | Unclear


@dataclass(frozen=True, slots=True)
class _Call:
    """What is to be asked."""

    endpoint: Endpoint
    body: Callable[[], Any]
    """What goes into the request, found out at the moment at which it goes out."""
    params: Mapping[str, str] | None
    reason: str
    """What the guild's audit log says."""
    files: Sequence[Upload]
    fence: Callable[[], None]
    """Called once the connection is there, before the first byte of each try."""
    is_repeated: bool
    """Whether it is sent again after a 429."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """Any answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    trouble: str = ""
    """What went wrong while its body was read, in words."""

    @property
    def is_understood(self) -> bool:
        """Whether it is in the language of the API: a page of whatever stands in between is no witness of anything."""
        return self.status < 500 and not self.trouble and (self.status == 204 or read_json(self.body) is not None)


class DiscordHttp:
    """The one client of a run for everything that goes to Discord. Safe to use from several threads.

    `api` is the base URL, `budget` what all requests together may spend waiting for rate limits, `connect`
    and `total` the seconds that a connection and a whole request may take. Once `stopped` says so no request
    goes out any more, and none waits. Raise ValueError for a token that cannot be one; the token is in no text
    that this class makes.
    """

    def __init__(
        self,
        api: str,
        *,
        token: str | None,
        budget: timedelta,
        connect: float = 5.0,
        total: float = 15.0,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] | None = None,
        transport: httpx.BaseTransport | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> None:
        if token and not _TOKEN.fullmatch(token):
            raise ValueError("the Discord bot token holds blanks or other characters that no token has")
        self._now = now
        # Who has a clock of their own to wait by goes by it in this as well.
        own = monotonic if monotonic is not time.monotonic else steady_seconds
        self._witness = Witness(steady or own)
        self._api = api.rstrip("/")
        self._token = token or None
        self._connect, self._total = connect, total
        self._is_stopped = stopped
        self._sleep = sleep
        self._pacer = Pacer(budget.total_seconds(), monotonic, self._wait if stopped else sleep)
        self._transport = transport
        self._client: httpx.Client | None = None
        self._lock = threading.Lock()
        self._closed: dict[Held, Refused] = {}
        self._is_token_asked, self._token_shown = False, threading.Event()
        self._invalid = 0
        self.buttonless: set[str] = set()
        """The channels and webhooks where Discord has refused buttons."""
        self.is_token_taken = False
        """Whether Discord has answered a request of the bot's with anything but that."""

    @property
    def refused_token(self) -> Refused | None:
        """What Discord said when it refused the bot's token; None where it has not."""
        found = self._closed.get(BOT)
        return found if found is not None and found.lasting else None

    def leave_token(self, refused: Refused) -> None:
        """Ask nothing as the bot: its token was refused before."""
        self._closed[BOT] = refused

    @property
    def has_token(self) -> bool:
        """Whether requests can be made as the bot."""
        return self._token is not None

    def discord_now(self) -> datetime | None:
        """The time by Discord's clock, carried on by one that does not jump; None before an answer has told it."""
        return self._witness.now()

    @property
    def clock_offset(self) -> timedelta | None:
        """How far Discord's clock is ahead of ours at this moment, None before an answer has told."""
        theirs = self._witness.now()
        return None if theirs is None else theirs - self._now()

    def anchor(self) -> int | None:
        """The snowflake that no message made from now on is below; None before Discord has told its time."""
        return self._witness.anchor()

    def ask(self, endpoint: Endpoint) -> Refused | Unclear | None:
        """None once Discord has told its time, for which one request is made where it has not; else why it has not.

        Whatever Discord answers tells it, also a no.
        """
        return self._witness.ask(lambda: self.request(endpoint))

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        if self._client is not None:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def request(
        self,
        endpoint: Endpoint,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        reason: str = "",
        files: Sequence[Upload] = (),
        ready: Callable[[], Any] | None = None,
        fence: Callable[[], None] | None = None,
        is_repeated: bool = True,
    ) -> Result:
        """How one call ended. Only a 429 is repeated, or not even that; nothing is raised for what a network can do.

        `ready` is called when all waiting for rate limits is over and the request is about to go out, and
        again before each repeat after a 429; it returns what is sent in place of `json`. It may raise
        WithdrawnError: then nothing is sent, and the result is a Refused that says so. What else it raises
        goes to the caller, with nothing sent. It must not make requests itself.

        `fence` is called when the connection is there, right before the first byte, and again for each repeat.
        It may raise what `ready` may, with the same meaning; it must not make requests by this client either.

        `reason` is shown in the guild's audit log; `files` are sent beside the JSON body, as a form.
        """
        if endpoint.as_bot and self._token is None:
            return Refused("no bot token is set", everywhere=True)
        call = _Call(endpoint, ready or (lambda: json), params, reason, files, fence or (lambda: None), is_repeated)
        if not endpoint.as_bot or self._token_shown.is_set():
            return self._ask(call)
        with self._lock:
            is_first, self._is_token_asked = not self._is_token_asked, True
        if not is_first:
            # A refused token is shown to Discord once, and not by every thread before the first answer is there.
            self._token_shown.wait(FIRST_ANSWER)
            return self._ask(call)
        try:
            return self._ask(call)
        finally:
            self._token_shown.set()

    def _ask(self, call: _Call) -> Result:
        endpoint, before = call.endpoint, ""
        lane = Lane(endpoint.route, endpoint.resource, endpoint.as_bot)
        for tries in range(1, TRIES + 1):
            if stopped := self._stopped(endpoint):
                return stopped
            try:
                ticket = self._pacer.enter(lane)
            except WithdrawnError as error:
                return Refused(error.reason, withdrawn=True)
            except TooLongError as error:
                return Refused(f"{before}{error}", 429 if before else None, everywhere=error.everywhere)
            request: httpx.Request | Refused | None = None
            try:
                # Another thread may have been told to stop while this one waited.
                request = self._stopped(endpoint) or self._build(call)
            finally:
                if not isinstance(request, httpx.Request):
                    # Whatever went wrong, a place that is kept would hold up the other threads for ever.
                    self._pacer.give_back(ticket)
            if isinstance(request, Refused):
                return request
            reply: _Reply | Refused | Unclear | None = None
            hold = None
            try:
                reply = self._send(request, call)
                hold = self._hold(reply, tries)
            finally:
                # Without a reply the fence has raised something of the caller's own.
                if reply is None or (isinstance(reply, Refused) and reply.withdrawn):
                    self._pacer.give_back(ticket)
                else:
                    self._pacer.leave(ticket, reply.headers if isinstance(reply, _Reply) else {}, hold)
            if not isinstance(reply, _Reply):
                return reply
            if hold is None or not call.is_repeated:
                return self._result(endpoint, reply, hold)
            before = "HTTP 429, "
        return Refused(f"HTTP 429, {TRIES} times in a row", 429)

    def _stopped(self, endpoint: Endpoint) -> Refused | None:
        """The no that an earlier answer has already given to this request, or that there are to be no more."""
        if self._is_stopped is not None and self._is_stopped():
            return Refused(TOLD_TO_STOP, withdrawn=True)
        for key in held_for(as_bot=endpoint.as_bot, resource=endpoint.resource).values():
            if (refused := self._closed.get(key)) is not None:
                return refused
        return None

    def _wait(self, seconds: float) -> None:
        """Wait, but no longer than the run goes on. Raise WithdrawnError when it is told to stop."""
        stopped = self._is_stopped or (lambda: False)
        sleep_unless(stopped, seconds, self._sleep)
        if stopped():
            raise WithdrawnError(TOLD_TO_STOP)

    def _hold(self, reply: _Reply | Refused | Unclear, tries: int) -> Hold | None:
        if not isinstance(reply, _Reply) or reply.status != 429 or not is_from_discord(reply.headers):
            return None
        # A limit that others have used up is not held against us (Rate Limits > Invalid Request Limit).
        if reply.headers.get("x-ratelimit-scope") != "shared":
            self._count_invalid()
        return hold_of(reply.headers, read_json(reply.body), tries)

    def _count_invalid(self) -> None:
        with self._lock:
            self._invalid += 1
            if self._invalid >= INVALID_REQUESTS:
                reason = f"{INVALID_REQUESTS} requests were refused in this run; the rest is left for a later one"
                self._closed.setdefault((Scope.EVERYTHING, ""), Refused(reason, everywhere=True))

    def _result(self, endpoint: Endpoint, reply: _Reply, hold: Hold | None) -> Result:
        """What an answer means for the request."""
        status = reply.status
        if 200 <= status < 300 and not reply.trouble:
            self.is_token_taken |= endpoint.as_bot
            return Answer(status, read_json(reply.body))
        # A redirect is no refusal either: whoever sent it may have passed the request on.
        if not 400 <= status < 500:
            return Unclear(f"HTTP {status}{', ' if reply.trouble else ''}{reply.trouble}")
        # These count towards the ban, as does a 429; a 404 does not (Rate Limits).
        if status in (401, 403):
            self._count_invalid()
        return self._refusal(endpoint, reply, hold)

    def _refusal(self, endpoint: Endpoint, reply: _Reply, hold: Hold | None) -> Refused | Unclear:
        """The meaning of a 4xx, remembered where asking again would get the same."""
        error = api_error(read_json(reply.body)) if not reply.trouble else None
        secrets = (endpoint.secret, self._token or "")
        if hold is not None:
            code = error.code if error else None
            after = timedelta(seconds=hold.seconds)
            reason = error_reason(429, error, secrets)
            return Refused(reason, 429, code, everywhere=hold.everywhere, retry_after=after)
        meant, scope = read_refusal(reply.status, error, as_bot=endpoint.as_bot, secrets=secrets)
        if scope is not Scope.REQUEST:
            # What is not even asked any more is no unclear end of anything: surely no byte of it went out.
            later = meant if isinstance(meant, Refused) else Refused(f"not tried: {meant.reason}", everywhere=True)
            self._closed.setdefault(held_for(as_bot=endpoint.as_bot, resource=endpoint.resource)[scope], later)
        return meant

    def _build(self, call: _Call) -> httpx.Request | Refused:
        """The request as it is at this moment, or why it is not sent."""
        endpoint = call.endpoint
        headers = {"Authorization": f"Bot {self._token}"} if endpoint.as_bot else {}
        if call.reason:
            headers[REASON_HEADER] = quote(call.reason[:REASON_HEADER_LENGTH], errors="replace")
        try:
            body = call.body()
            content: dict[str, Any] = {"files": form_parts(body, call.files)} if call.files else {"json": body}
            return self._open_client().build_request(
                endpoint.method, self._api + endpoint.path, params=call.params, headers=headers, **content
            )
        except WithdrawnError as error:
            return Refused(error.reason, withdrawn=True)
        except httpx.InvalidURL:
            return Refused("could not connect: the address of the API is not a URL", everywhere=True)

    def _send(self, request: httpx.Request, call: _Call) -> _Reply | Refused | Unclear:
        seconds = self._total + sum(len(file.content) for file in call.files) / UPLOAD_BYTES
        fence = Fence(call.fence)
        try:
            if self._transport is not None:
                # It has no connection that could be waited for.
                fence.pass_through()
            with Deadline(seconds), fence, closing(self._open_client().send(request, stream=True)) as response:
                heard_at = self._witness.read()
                reply = _Reply(response.status_code, response.headers, *read_body(response, call.endpoint.body_bytes))
        except WithdrawnError as error:
            return Refused(error.reason, withdrawn=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return outcome_of_error(error, sent=fence.is_passed)
        if reply.is_understood:
            self._witness.hear(reply.headers.get("date", ""), heard_at)
        return reply

    def _open_client(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                quiet_request_logs()
                self._client = httpx.Client(
                    transport=self._transport or SocketTransport(),
                    timeout=httpx.Timeout(self._total, connect=self._connect),
                    # A packed answer could grow far beyond BODY_BYTES in one step.
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                    # Discord redirects nowhere, and the token must not go wherever a proxy points.
                    follow_redirects=False,
                )
            return self._client
