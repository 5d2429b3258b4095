"""How the stand-in Discord answers one request: user agent, rate limits, faults, token, endpoint; in this order."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

from giftping.demo.bodies import body_of
from giftping.demo.calls import ApiError, Call, Endpoint
from giftping.demo.endpoints import endpoint_for
from giftping.demo.faults import JSON_HEADERS, FaultPlan, Moment, discord_error
from giftping.demo.log import Log, Logged
from giftping.demo.loopback import Answer, Peer, Reply, Request
from giftping.demo.nonces import Writing
from giftping.demo.ratelimits import CHANNEL_MESSAGES, WEBHOOK, Claimed, Limits, RateLimit, RateLimiter
from giftping.demo.rules import InvalidForm, Upload
from giftping.demo.world import World
from giftping.text import id_or_none

API = "/api/v10"

Validate = Callable[[str, str, Mapping[str, Any]], Sequence[str]]
"""Takes method, path template and body; returns what is wrong with the body."""

_USER_AGENT = re.compile(r"DiscordBot \(https?://[^\s,]+, [^\s,)]+\)( .*)?")
_WEBHOOK_TOKEN = re.compile(r"(/webhooks/[^/]+/)[^/]+")


@dataclass(frozen=True, slots=True)
class _Exchange:
    endpoint: Endpoint
    call: Call
    request: Request
    peer: Peer
    logged: Logged
    body_error: ApiError | None
    writing: Writing | None


class Answering:
    """Answers requests on a world. `lock` guards the world, the log and the limits."""

    def __init__(
        self,
        world: World,
        log: Log,
        plan: FaultPlan[Logged],
        lock: threading.RLock,
        *,
        bot_token: str,
        limits: Limits | None,
        validate: Validate | None,
    ) -> None:
        self._world = world
        self._log = log
        self._plan = plan
        self._lock = lock
        self._authorization = f"Bot {bot_token}"
        self._limits = limits
        self._validate = validate
        self._limiter = RateLimiter()

    def respond(self, request: Request, peer: Peer) -> Reply:
        """The reply to a request."""
        found = endpoint_for(request.method, request.path.removeprefix(API)) if request.path.startswith(API) else None
        if found is None:
            path = _WEBHOOK_TOKEN.sub(r"\1***", request.path)
            return self._unexpected(f"{request.method} {path}")
        exchange = self._exchange(*found, request, peer)
        reply = self._reply(exchange)
        if exchange.writing is not None and exchange.writing.is_known_to_be_there is None:
            exchange.writing.answered(with_message=False)
        if not isinstance(reply, Answer):
            return reply
        exchange.logged.status = reply.status
        date = format_datetime(self._world.clock(), usegmt=True)
        return replace(reply, headers={"Date": date, **reply.headers})

    def _unexpected(self, what: str) -> Answer:
        with self._lock:
            self._log.unexpected.append(what)
        return discord_error(404, 0, f"404: the stand-in Discord is not built for {what}")

    def _exchange(self, endpoint: Endpoint, places: Mapping[str, str], request: Request, peer: Peer) -> _Exchange:
        raw_ids = {name: text for name, text in places.items() if name != "webhook_token"}
        token = places.get("webhook_token", "")
        reason = unquote(request.headers.get("x-audit-log-reason", ""))
        body: Mapping[str, Any] = {}
        files: tuple[Upload, ...] = ()
        body_error = None
        if endpoint.takes_body:
            try:
                body, files = body_of(request, takes_files=endpoint.takes_files)
            except ApiError as error:
                body_error = error
        call = Call(request.method, endpoint.template, raw_ids, token, request.query, body, files, reason)
        writing = self._writing(call, peer)
        return _Exchange(endpoint, call, request, peer, self._logged(call), body_error, writing)

    def _writing(self, call: Call, peer: Peer) -> Writing | None:
        """The writing of a message that its nonce may make one with another."""
        nonce = call.body.get("nonce")
        if nonce is None or not call.body.get("enforce_nonce") or call.template != CHANNEL_MESSAGES:
            return None
        with self._lock:
            return self._log.writings.begin(str(nonce), peer)

    def _logged(self, call: Call) -> Logged:
        ids = {name: id_or_none(text) for name, text in call.raw_ids.items()}
        webhook_id = ids.get("webhook_id")
        with self._lock:
            hook = self._world.webhooks.get(webhook_id) if webhook_id is not None else None
            channel_id = hook.channel_id if hook else ids.get("channel_id")
            number = len(self._log.requests) + 1
            logged = Logged(
                number,
                call.method,
                call.template,
                channel_id,
                webhook_id,
                call.query,
                call.body,
                user_id=ids.get("user_id") or self._recipient(call, channel_id),
                reason=call.reason,
            )
            self._log.requests.append(logged)
        return logged

    def _recipient(self, call: Call, channel_id: int | None) -> int | None:
        asked = id_or_none(call.body.get("recipient_id"))
        if asked is not None:
            return asked
        channel = self._world.channels.get(channel_id) if channel_id is not None else None
        return channel.recipient_id if channel else None

    def _reply(self, exchange: _Exchange) -> Reply:
        if not _USER_AGENT.fullmatch(exchange.request.headers.get("user-agent", "")):
            # Discord blocks clients whose User-Agent is not of its form (API reference, User Agent).
            return discord_error(403, 40333, "internal network error")
        claimed = self._claim(exchange)
        if claimed.refusal is not None:
            return claimed.refusal
        reply = self._strike(exchange, Answer(200, b"{}", JSON_HEADERS), after=False)
        if reply is None:
            answer = self._carry_out(exchange)
            late = self._strike(exchange, answer, after=True)
            if exchange.writing is not None and late is None:
                exchange.writing.answered(with_message=answer.status == 200)
            reply = answer if late is None else late
        return _with_bucket(reply, claimed.headers)

    def _claim(self, exchange: _Exchange) -> Claimed:
        limits = self._limits
        if limits is None:
            return Claimed({})
        call, logged = exchange.call, exchange.logged
        caller = exchange.request.headers.get("authorization", "this address")
        shown = f"{call.method} {call.template}"
        major = next(iter(call.raw_ids.values()), "")
        windows: list[tuple[str, RateLimit]] = [
            (f"everything by {caller}", limits.everything),
            (f"{shown} of {major}", limits.of_route(call.method, call.template)),
        ]
        if limits.webhook_channel and (call.method, call.template) == ("POST", WEBHOOK):
            windows.append((f"webhooks into {logged.channel_id}", limits.webhook_channel))
        with self._lock:
            claimed = self._limiter.claim(self._world.clock().timestamp(), shown, windows)
            if claimed.scope is not None:
                logged.limited = claimed.scope
                self._log.limited[claimed.scope] += 1
        return claimed

    def _strike(self, exchange: _Exchange, answer: Answer, *, after: bool) -> Reply | None:
        fault = self._plan.draw(exchange.logged, after=after)
        if fault is None:
            return None
        exchange.logged.fault = fault.name
        return fault.strike(Moment(exchange.peer, answer))

    def _carry_out(self, exchange: _Exchange) -> Answer:
        call = exchange.call
        try:
            if not exchange.endpoint.for_webhook and not self._is_bot(exchange.request):
                raise ApiError(401, 0, "401: Unauthorized")
            if exchange.body_error is not None:
                raise exchange.body_error
            with self._lock:
                if self._validate is not None and exchange.endpoint.takes_body:
                    found = self._validate(call.method, call.template, call.body)
                    self._log.violations.extend(f"{call.method} {call.template}: {wrong}" for wrong in found)
                return exchange.endpoint.answer(self._world, call)
        except InvalidForm as invalid:
            return discord_error(400, 50035, "Invalid Form Body", invalid.errors)
        except ApiError as error:
            if error.unexpected:
                self._unexpected(error.message)
            return discord_error(error.status, error.code, error.message)

    def _is_bot(self, request: Request) -> bool:
        return request.headers.get("authorization") == self._authorization


def _with_bucket(reply: Reply, bucket: Mapping[str, str]) -> Reply:
    """The reply with its bucket's headers, as every one has that is Discord's own and not a global 429."""
    if not isinstance(reply, Answer) or "Via" not in reply.headers or "X-RateLimit-Global" in reply.headers:
        return reply
    return replace(reply, headers={**reply.headers, **bucket})
