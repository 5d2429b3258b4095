"""A small Discord gateway on loopback, for one bot: the WebSocket, and the REST calls that belong to it.

What is not the gateway's own (messages, members, roles) goes on to the stand-in Discord. Sessions, sequence numbers,
RESUME with replay, invalid sessions and close codes are as Discord documents them (Gateway, Gateway Events, Opcodes and
Status Codes); what Discord would refuse in what the bot sends is refused, and kept in `.wrong`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import warnings
import zlib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from fakes.openapi import discord_openapi
from fakes.patience import PATIENT

from giftping.demo.discord import StandInDiscord

API = "/api/v10"

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 0, 1, 2, 6, 7, 9, 10, 11
UNKNOWN_OPCODE, NOT_AUTHENTICATED, AUTHENTICATION_FAILED, ALREADY_AUTHENTICATED = 4001, 4003, 4004, 4005
INVALID_SEQUENCE, DISALLOWED_INTENTS = 4007, 4014
GOING_AWAY = 1001

PRIVILEGED_INTENTS = 1 << 1 | 1 << 8 | 1 << 15
"""GUILD_MEMBERS, GUILD_PRESENCES and MESSAGE_CONTENT."""

SLASH_COMMAND, MODAL_SUBMIT = 2, 5
MESSAGE, DEFERRED, MODAL = 4, 5, 9
EPHEMERAL = 1 << 6
LABEL, TEXT_INPUT = 18, 4

_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


@dataclass
class Told:
    """One interaction, and what the bot said to it: the callback, then followups and edits."""

    id: int
    token: str
    kind: int
    callback: Mapping[str, Any] | None = None
    followups: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def is_deferred(self) -> bool:
        return self.callback is not None and self.callback["type"] == DEFERRED

    @property
    def is_ephemeral(self) -> bool:
        """Whether only the member sees it: the flag of the callback decides, for a deferred answer too."""
        return bool(self.callback and (self.callback.get("data") or {}).get("flags", 0) & EPHEMERAL)

    @property
    def embeds(self) -> list[Mapping[str, Any]]:
        """Every embed that the member was shown, in order."""
        said = [(self.callback or {}).get("data") or {}, *self.followups]
        return [embed for message in said for embed in message.get("embeds") or ()]


@dataclass(frozen=True, slots=True)
class Sync:
    """One time that the bot sent its commands; `guild_id` is None where they are for everywhere."""

    guild_id: int | None
    names: tuple[str, ...]


@dataclass
class _Session:
    id: str
    sequence: int = 0
    events: list[Mapping[str, Any]] = field(default_factory=list)
    link: _Link | None = None


@dataclass
class _Link:
    """One connection of the bot; frames are packed as the client asks for it in the address."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport
    packer: Any = None
    session: _Session | None = None

    async def send(self, op: int, data: object = None, **known: Any) -> None:
        text = json.dumps({"op": op, "d": data, "s": None, "t": None, **known})
        if self.packer is None:
            await self.socket.send_str(text)
        else:
            packed = self.packer.compress(text.encode()) + self.packer.flush(zlib.Z_SYNC_FLUSH)
            await self.socket.send_bytes(packed)


@dataclass(frozen=True, slots=True)
class _Guild:
    id: int
    channels: tuple[int, ...]
    roles: tuple[int, ...]


class LocalGateway:
    """Discord's gateway and API under `.api` while it is open, in front of a stand-in that holds the guilds' channels.

    `beat` is the interval of heartbeats in seconds; Discord's own is 41.25. The lists tell what the bot did, in the
    order of arrival; wait with `wait_until` for what it is to do.
    """

    def __init__(self, stand_in: StandInDiscord, *, token: str, beat: float = 41.25) -> None:
        self.identified: list[Mapping[str, Any]] = []
        self.resumed: list[Mapping[str, Any]] = []
        self.replayed = 0
        self.beats = 0
        self.turned_away = 0
        self.closed_with: list[int | None] = []
        self.syncs: list[Sync] = []
        self.wrong: list[str] = []
        self.answers_beats = True
        self.is_away = False
        self.drops_answers = 0
        self.refuses_with: int | None = None
        self._stand_in = stand_in
        self._token = token
        self._beat = beat
        self._guilds: dict[int, _Guild] = {}
        self._commands: dict[tuple[int | None, str], Mapping[str, Any]] = {}
        self._told: dict[str, Told] = {}
        self._sessions: dict[str, _Session] = {}
        self._made = 0
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._doors = asyncio.Event()
        self._doors.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gateway")
        self._port = 0
        self.host = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENT)
        self._loop.run_until_complete(self._abort_what_is_left())
        self._loop.close()
        # Of a bot that is gone in the moment it is answered aiohttp's server leaves the connection to the collector of
        # garbage, which would tell whatever test runs then.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    @property
    def api(self) -> str:
        """The base URL of the API, which names the gateway too."""
        return f"http://127.0.0.1:{self._port}{API}"

    @property
    def _url(self) -> str:
        """The address of the gateway; by the name of a host that only a proxy knows, where one is set."""
        return f"ws://{self.host}" if self.host else f"ws://127.0.0.1:{self._port}"

    # Setting the stage

    def add_guild(self, guild_id: int, *, channels: Sequence[int] = (), roles: Sequence[int] = ()) -> None:
        """Let the bot be in a guild from its next IDENTIFY on."""
        self._guilds[guild_id] = _Guild(guild_id, tuple(channels), tuple(roles))

    def wait_until(self, what: Callable[[], bool], told: str) -> None:
        """Wait until something has happened. Raise AssertionError with what was told when it does not."""
        with self._changed:
            assert self._changed.wait_for(what, PATIENT), told

    def wait_for_beats(self, count: int = 1) -> None:
        """Wait until so many more heartbeats have come."""
        most = self.beats + count
        self.wait_until(lambda: self.beats >= most, "no heartbeat came")

    def is_connected(self) -> bool:
        """Return whether the bot has a session with a connection."""
        return any(session.link is not None for session in list(self._sessions.values()))

    def kick(self, guild_id: int) -> None:
        """Remove the bot from a guild, and its commands with it."""
        del self._guilds[guild_id]
        with self._recording():
            for key in [key for key in self._commands if key[0] == guild_id]:
                del self._commands[key]
        self._call(self._dispatch_to_last("GUILD_DELETE", {"id": str(guild_id)}))

    def invite(self, guild_id: int, *, channels: Sequence[int] = (), roles: Sequence[int] = ()) -> None:
        """Let the bot be in a guild from now on."""
        self.add_guild(guild_id, channels=channels, roles=roles)
        self._call(self._dispatch_to_last("GUILD_CREATE", _guild_object(self._guilds[guild_id], self._user())))

    def commands(self, guild_id: int | None) -> set[str]:
        """The names of the commands that there are for a guild, or for everywhere."""
        return {name for where, name in list(self._commands) if where == guild_id}

    # What members do

    def slash(self, name: str, *, user_id: int, guild_id: int, channel_id: int) -> Told:
        """Let a member use a slash command without options, as soon as the bot has sent it."""
        self.wait_until(lambda: self._command(guild_id, name) is not None, f"the bot has not sent /{name}")
        command = self._command(guild_id, name)
        assert command is not None
        data = {"id": command["id"], "name": name, "type": 1, "options": []}
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        return self._interact(SLASH_COMMAND, data, user_id=user_id, guild_id=guild_id, channel_id=channel_id)

    def submit(self, form: Told, texts: Mapping[str, str], *, user_id: int, guild_id: int, channel_id: int) -> Told:
        """Let a member fill in a form that was opened, by its labels, and send it; the other fields stay empty."""
        assert form.callback is not None
        opened = form.callback["data"]
        left = dict(texts)
        filled = []
        for number, label in enumerate(opened["components"]):
            entry = label["component"]
            assert (label["type"], entry["type"]) == (LABEL, TEXT_INPUT)
            value = {"custom_id": entry["custom_id"], "value": left.pop(label["label"], "")}
            filled.append({"type": LABEL, "id": 2 * number + 1, "component": {"type": TEXT_INPUT, "id": 2, **value}})
        assert left == {}, f"the form has no {', '.join(left)}"
        data = {"custom_id": opened["custom_id"], "components": filled}
        return self._interact(MODAL_SUBMIT, data, user_id=user_id, guild_id=guild_id, channel_id=channel_id)

    def answer(self, told: Told) -> Told:
        """Wait until an interaction has its whole answer, a deferred one its followup, and return it."""

        def is_answered() -> bool:
            return bool(told.followups) if told.is_deferred else told.callback is not None

        self.wait_until(is_answered, f"interaction {told.id} is not answered")
        return told

    # What becomes of the connection

    @contextmanager
    def closed_doors(self) -> Iterator[None]:
        """Let the bot wait for a connection as long as this lasts."""
        self._call(self._set_doors(is_open=False))
        try:
            yield
        finally:
            self._call(self._set_doors(is_open=True))

    def cut(self) -> None:
        """Drop the connection as a broken line does: no close code."""
        self._call(self._for_link(lambda link: self._abort(link)))

    def close_with(self, code: int) -> None:
        """Close the connection with a code."""
        self._call(self._for_link(lambda link: self._part(link, code)))

    def ask_to_reconnect(self) -> None:
        """Ask the bot to reconnect and resume (opcode 7)."""
        self._call(self._for_link(lambda link: link.send(RECONNECT)))

    def end_session(self) -> None:
        """Tell the bot that its session is over, and cannot be resumed (opcode 9)."""
        self._call(self._for_link(self._invalidate))

    # The server

    async def _open(self) -> None:
        self._client = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=32 << 20)
        commands = "/applications/{application}/commands", "/applications/{application}/guilds/{guild}/commands"
        app.add_routes(
            [
                web.get(API + "/gateway/bot", self._authorized(self._gateway)),
                web.get(API + "/users/@me", self._authorized(self._me)),
                web.get(API + "/applications/@me", self._authorized(self._application)),
                web.get(API + "/oauth2/applications/@me", self._authorized(self._application)),
                *(web.put(API + path, self._authorized(self._put_commands)) for path in commands),
                *(web.get(API + path, self._authorized(self._get_commands)) for path in commands),
                web.post(API + "/interactions/{interaction}/{token}/callback", self._callback),
                web.post(API + "/webhooks/{application}/{token}", self._followup),
                web.patch(API + "/webhooks/{application}/{token}/messages/@original", self._followup),
                web.route("*", API + "/{rest:.*}", self._forward),
                web.get("/", self._connect),
                web.get("/resume", self._connect),
            ]
        )
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        self._doors.set()
        for session in self._sessions.values():
            if session.link is not None:
                await self._part(session.link, GOING_AWAY)
        await self._runner.cleanup()
        await self._client.close()

    async def _abort_what_is_left(self) -> None:
        """Close the connections that came, or still had something to send, when the server was closed."""
        for _ in range(3):
            # A connection is taken, made, aborted and closed in one round of the loop after the other.
            await asyncio.sleep(0)
            for transport in list(self._loop._transports.values()):  # type: ignore[attr-defined]
                transport.abort()
        await asyncio.sleep(0)

    def _call(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(PATIENT)

    @contextmanager
    def _recording(self) -> Iterator[None]:
        with self._changed:
            yield
            self._changed.notify_all()

    def _new_id(self) -> int:
        with self._changed:
            self._made += 1
            return (1 << 60) + self._made

    async def _set_doors(self, *, is_open: bool) -> None:
        if is_open:
            self._doors.set()
        else:
            self._doors.clear()

    # The WebSocket

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        await self._doors.wait()
        if self.is_away:
            with self._recording():
                self.turned_away += 1
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        packer = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        link = _Link(socket, request.transport, packer)
        await link.send(HELLO, {"heartbeat_interval": int(self._beat * 1000)})
        async for message in socket:
            code = await self._take(link, request.path, json.loads(message.data))
            if code is not None:
                await self._part(link, code)
        with self._recording():
            self.closed_with.append(socket.close_code)
            if link.session is not None and link.session.link is link:
                link.session.link = None
        return socket

    async def _take(self, link: _Link, path: str, payload: Mapping[str, Any]) -> int | None:
        """Act on what the bot sent, and return the code to close with where that is wrong."""
        data = payload["d"]
        if payload["op"] == HEARTBEAT:
            with self._recording():
                self.beats += 1
            if self.answers_beats:
                await link.send(HEARTBEAT_ACK)
            return None
        if payload["op"] == IDENTIFY:
            return await self._identify(link, data)
        if payload["op"] == RESUME:
            return await self._resume(link, path, data)
        return self._mistaken(UNKNOWN_OPCODE if link.session else NOT_AUTHENTICATED, f"opcode {payload['op']}")

    async def _identify(self, link: _Link, data: Mapping[str, Any]) -> int | None:
        if self.refuses_with is not None:
            return self.refuses_with
        if data["token"] != self._token:
            return self._mistaken(AUTHENTICATION_FAILED, "IDENTIFY with a wrong token")
        if link.session is not None:
            return self._mistaken(ALREADY_AUTHENTICATED, "IDENTIFY twice on one connection")
        if data["intents"] & PRIVILEGED_INTENTS:
            return self._mistaken(DISALLOWED_INTENTS, f"privileged intents: {data['intents']:b}")
        session = _Session(f"session-{len(self._sessions) + 1}", link=link)
        link.session = self._sessions[session.id] = session
        ready = {
            "v": 10,
            "user": self._user(),
            "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in self._guilds],
            "session_id": session.id,
            "resume_gateway_url": f"{self._url}/resume",
            "application": {"id": str(self._stand_in.bot_id), "flags": 0},
        }
        await self._dispatch(session, "READY", ready)
        for guild in self._guilds.values():
            await self._dispatch(session, "GUILD_CREATE", _guild_object(guild, self._user()))
        with self._recording():
            self.identified.append({key: value for key, value in data.items() if key != "token"})
        return None

    async def _resume(self, link: _Link, path: str, data: Mapping[str, Any]) -> int | None:
        if data["token"] != self._token:
            return self._mistaken(AUTHENTICATION_FAILED, "RESUME with a wrong token")
        session = self._sessions.get(data["session_id"])
        if session is None:
            await link.send(INVALID_SESSION, False)
            return None
        if path != "/resume":
            return self._mistaken(GOING_AWAY, "RESUME at an address that READY did not name")
        if data["seq"] > session.sequence:
            return self._mistaken(INVALID_SEQUENCE, f"RESUME from {data['seq']} of {session.sequence}")
        link.session, session.link = session, link
        missed = [event for event in session.events if event["s"] > data["seq"]]
        for event in missed:
            await link.send(DISPATCH, event["d"], s=event["s"], t=event["t"])
        await self._dispatch(session, "RESUMED", {})
        with self._recording():
            self.resumed.append({key: value for key, value in data.items() if key != "token"})
            self.replayed += len(missed)
        return None

    async def _dispatch(self, session: _Session, name: str, data: Mapping[str, Any]) -> None:
        session.sequence += 1
        session.events.append({"s": session.sequence, "t": name, "d": data})
        if session.link is not None:
            await session.link.send(DISPATCH, data, s=session.sequence, t=name)

    async def _for_link(self, doing: Callable[[_Link], Coroutine[Any, Any, Any]]) -> None:
        (link,) = [session.link for session in self._sessions.values() if session.link is not None]
        await doing(link)

    async def _abort(self, link: _Link) -> None:
        assert link.session is not None
        link.session.link = None
        link.transport.abort()

    async def _part(self, link: _Link, code: int) -> None:
        if link.session is not None:
            link.session.link = None
        await link.socket.close(code=code)

    async def _invalidate(self, link: _Link) -> None:
        assert link.session is not None
        del self._sessions[link.session.id]
        link.session = None
        await link.send(INVALID_SESSION, False)

    def _mistaken(self, code: int, what: str) -> int:
        with self._recording():
            self.wrong.append(what)
        return code

    # Interactions

    def _interact(self, kind: int, data: Mapping[str, Any], *, user_id: int, guild_id: int, channel_id: int) -> Told:
        number = self._new_id()
        told = Told(number, f"interaction-secret-{number}", kind)
        self._told[told.token] = told
        user = _user_object(user_id, f"user-{user_id}", is_bot=False)
        interaction = {
            "id": str(told.id),
            "application_id": str(self._stand_in.bot_id),
            "type": kind,
            "data": data,
            "guild_id": str(guild_id),
            "channel_id": str(channel_id),
            "channel": _channel_object(channel_id),
            "member": _member_object(user),
            "token": told.token,
            "version": 1,
            "locale": "en-US",
            "guild_locale": "en-US",
            "app_permissions": "0",
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(guild_id)},
            "context": 0,
            "attachment_size_limit": 10 << 20,
        }
        self._call(self._dispatch_to_last("INTERACTION_CREATE", interaction))
        return told

    def _command(self, guild_id: int, name: str) -> Mapping[str, Any] | None:
        return self._commands.get((guild_id, name)) or self._commands.get((None, name))

    async def _dispatch_to_last(self, name: str, data: Mapping[str, Any]) -> None:
        *_, session = self._sessions.values()
        await self._dispatch(session, name, data)

    async def _callback(self, request: web.Request) -> web.Response:
        told = self._told.get(request.match_info["token"])
        if told is None or str(told.id) != request.match_info["interaction"]:
            return _error(HTTPStatus.NOT_FOUND, 10062, "Unknown interaction")
        if told.callback is not None:
            return _error(HTTPStatus.BAD_REQUEST, 40060, "Interaction has already been acknowledged.")
        body = await self._checked(request, "/interactions/{interaction_id}/{interaction_token}/callback")
        with self._recording():
            told.callback = body
        about = {"id": str(told.id), "type": told.kind}
        if body["type"] not in (MESSAGE, DEFERRED):
            return _json({"interaction": about})
        shown = self._message(body.get("data") or {})
        about |= {
            "response_message_id": shown["id"],
            "response_message_loading": told.is_deferred,
            "response_message_ephemeral": told.is_ephemeral,
        }
        return _json({"interaction": about, "resource": {"type": body["type"], "message": shown}})

    async def _followup(self, request: web.Request) -> web.StreamResponse:
        told = self._told.get(request.match_info["token"])
        if told is None:
            return await self._forward(request)
        if told.callback is None:
            return _error(HTTPStatus.NOT_FOUND, 10015, "Unknown Webhook")
        if self.drops_answers > 0:
            self.drops_answers -= 1
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        body = await self._checked(request, "/webhooks/{webhook_id}/{webhook_token}")
        with self._recording():
            told.followups.append(body)
        return _json(self._message(body))

    def _message(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": str(self._new_id()),
            "type": 0,
            "channel_id": "1",
            "author": self._user(),
            "webhook_id": str(self._stand_in.bot_id),
            "content": body.get("content") or "",
            "embeds": body.get("embeds") or [],
            "components": body.get("components") or [],
            "attachments": [],
            "mentions": [],
            "mention_roles": [],
            "mention_everyone": False,
            "timestamp": self._stand_in.clock().isoformat(),
            "edited_timestamp": None,
            "flags": body.get("flags") or 0,
            "pinned": False,
            "tts": False,
        }

    # The rest of the API

    def _authorized(
        self, answering: Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]
    ) -> Callable[[web.Request], Coroutine[Any, Any, web.StreamResponse]]:
        async def answer(request: web.Request) -> web.StreamResponse:
            if request.headers.get("Authorization") != f"Bot {self._token}":
                return _error(HTTPStatus.UNAUTHORIZED, 0, "401: Unauthorized")
            return await answering(request)

        return answer

    async def _gateway(self, _: web.Request) -> web.Response:
        starts = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return _json({"url": self._url, "shards": 1, "session_start_limit": starts})

    async def _me(self, _: web.Request) -> web.Response:
        return _json(self._user())

    async def _application(self, _: web.Request) -> web.Response:
        known = {"id": str(self._stand_in.bot_id), "name": "giftping", "description": "", "icon": None, "flags": 0}
        owner = _user_object(1, "owner", is_bot=False)
        allowed = {"bot_public": False, "bot_require_code_grant": False, "verify_key": "0" * 64}
        return _json({**known, **allowed, "owner": owner})

    async def _get_commands(self, request: web.Request) -> web.Response:
        guild = request.match_info.get("guild")
        kept = [command for (where, _), command in self._commands.items() if where == (int(guild) if guild else None)]
        shown = request.query.get("with_localizations") == "true"
        hidden = () if shown else ("name_localizations", "description_localizations")
        return _json([{key: value for key, value in command.items() if key not in hidden} for command in kept])

    async def _put_commands(self, request: web.Request) -> web.Response:
        guild = request.match_info.get("guild")
        guild_id = int(guild) if guild else None
        template = "/applications/{application_id}" + ("/guilds/{guild_id}" if guild else "") + "/commands"
        commands = await self._checked(request, template)
        about = {"application_id": str(self._stand_in.bot_id), "version": "1"} | ({"guild_id": guild} if guild else {})
        # As Discord gives them back: permissions as a text, and of a guild's commands not where they may be used.
        kept = [{**command, "id": str(self._new_id()), **about, **_as_kept(command)} for command in commands]
        with self._recording():
            for key in [key for key in self._commands if key[0] == guild_id]:
                del self._commands[key]
            self._commands |= {(guild_id, command["name"]): command for command in kept}
            self.syncs.append(Sync(guild_id, tuple(sorted(command["name"] for command in kept))))
        return _json(kept)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
        url = self._stand_in.api.removesuffix(API) + request.path_qs
        body = await request.read()
        async with self._client.request(request.method, url, data=body, headers=headers) as found:
            kept = {name: value for name, value in found.headers.items() if name.lower() not in _HOP_BY_HOP}
            return web.Response(status=found.status, headers=kept, body=await found.read())

    async def _checked(self, request: web.Request, template: str) -> Any:
        """Return a body, held against Discord's own description where that lies beside the checkout."""
        body = await request.json()
        description = discord_openapi()
        if description is not None:
            validator = description._request_validator(request.method.lower(), template)
            found = [f"{request.method} {template}: {error.message}" for error in validator.iter_errors(body)]
            with self._recording():
                self.wrong += found
        return body

    def _user(self) -> dict[str, Any]:
        return _user_object(self._stand_in.bot_id, "giftping", is_bot=True)


def _as_kept(command: Mapping[str, Any]) -> Mapping[str, Any]:
    permissions = command.get("default_member_permissions")
    return {"default_member_permissions": None if permissions is None else str(permissions), "integration_types": [0]}


def _json(value: object, status: int = HTTPStatus.OK) -> web.Response:
    """Return an answer of exactly the media type that Discord names: the library looks for no other."""
    return web.Response(body=json.dumps(value).encode(), status=status, content_type="application/json")


def _error(status: HTTPStatus, code: int, message: str) -> web.Response:
    return _json({"code": code, "message": message}, status=status)


def _user_object(user_id: int, name: str, *, is_bot: bool) -> dict[str, Any]:
    return {
        "id": str(user_id),
        "username": name,
        "discriminator": "0",
        "global_name": None,
        "avatar": None,
        "bot": is_bot,
        "flags": 0,
        "public_flags": 0,
    }


def _member_object(user: Mapping[str, Any]) -> dict[str, Any]:
    joined = "2026-01-01T00:00:00+00:00"
    flags = {"deaf": False, "mute": False, "pending": False, "flags": 0, "permissions": "0"}
    return {"user": user, "nick": None, "avatar": None, "roles": [], "joined_at": joined, **flags}


def _channel_object(channel_id: int) -> dict[str, Any]:
    shown = {"name": f"channel-{channel_id}", "position": 0, "permission_overwrites": [], "nsfw": False}
    return {"id": str(channel_id), "type": 0, "topic": None, "parent_id": None, "rate_limit_per_user": 0, **shown}


def _role_object(role_id: int, position: int) -> dict[str, Any]:
    shown = {"color": 0, "hoist": False, "managed": False, "mentionable": False, "flags": 0}
    return {"id": str(role_id), "name": f"role-{role_id}", "position": position, "permissions": "0", **shown}


def _guild_object(guild: _Guild, bot: Mapping[str, Any]) -> dict[str, Any]:
    roles = [_role_object(role_id, position) for position, role_id in enumerate((guild.id, *guild.roles))]
    levels = ("verification_level", "default_message_notifications", "explicit_content_filter", "mfa_level")
    return {
        "id": str(guild.id),
        "name": f"guild {guild.id}",
        "owner_id": "1",
        "icon": None,
        "unavailable": False,
        "member_count": 1,
        "members": [_member_object(bot)],
        "channels": [_channel_object(channel_id) for channel_id in guild.channels],
        "roles": roles,
        "features": [],
        "preferred_locale": "en-US",
        "system_channel_flags": 0,
        "premium_tier": 0,
        "nsfw_level": 0,
        **dict.fromkeys(levels, 0),
        **{key: [] for key in ("emojis", "stickers", "threads", "presences", "voice_states", "stage_instances")},
    }
