"""A small HTTP/1.1 server on 127.0.0.1 that can also misbehave on the wire as real servers and networks do."""

from __future__ import annotations

import contextlib
import enum
import http
import http.client
import socket
import socketserver
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

_POLL_SECONDS = 0.01
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; header names are in lower case. Its repr holds no secret."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stream:
    """A body made while it is sent: its pieces, the length the header claims, and seconds between two pieces."""

    pieces: Callable[[], Iterator[bytes]]
    length: int
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response."""

    status: int
    body: bytes | Stream = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Cut(enum.Enum):
    """The ways to end a connection without a response."""

    CLOSED = "closed"
    RESET = "reset"


Reply = Answer | Cut


class Peer:
    """The client at the other end of a connection, seen by a handler that lets it wait."""

    def __init__(self, connection: socket.socket, closing: threading.Event) -> None:
        self._connection = connection
        self._closing = closing

    def wait(self, released: threading.Event) -> bool:
        """True once `released` is set, False once the client has gone away or the server closes."""
        return self._idle(released.is_set)

    def pause(self, seconds: float) -> bool:
        """True after `seconds`, False as soon as the client has gone away or the server closes."""
        end = time.perf_counter() + seconds
        return self._idle(lambda: time.perf_counter() >= end)

    def _idle(self, over: Callable[[], bool]) -> bool:
        while not over():
            if self.is_gone or self._closing.wait(_POLL_SECONDS):
                return False
        return True

    @property
    def is_gone(self) -> bool:
        """Whether the client has closed the connection, or has died."""
        try:
            # Only peeked at: the next request, if there is one, stays to be read. Nothing is the end (recv(2)).
            return self._connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


Respond = Callable[[Request, Peer], Reply]


class LoopbackServer:
    """Answers requests on a free port of 127.0.0.1 while it is open.

    An exception in `respond` is a defect of the stand-in: it is kept and raised again by `close()`.
    """

    def __init__(self, respond: Respond) -> None:
        self._respond = respond
        self._listener: _Listener | None = None
        self._accepted = 0

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end. Raise RuntimeError when the server is not open."""
        return f"http://127.0.0.1:{self._open_listener().server_address[1]}"

    @property
    def connections(self) -> int:
        """How many connections were accepted, before it was last closed too."""
        return self._accepted + (self._listener.accepted if self._listener else 0)

    def start(self) -> Self:
        """Bind and begin to answer; return the server."""
        self._listener = _Listener(self._respond)
        return self

    def close(self) -> None:
        """Cut every connection, wait for every handler, free the port. Raise what a handler had raised."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        listener.stop()
        self._accepted += listener.accepted
        if listener.crashes:
            raise RuntimeError("the stand-in failed while it answered a request") from listener.crashes[0]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open_listener(self) -> _Listener:
        if self._listener is None:
            raise RuntimeError("the stand-in is not running; use it as a context manager")
        return self._listener


class StandIn:
    """What is open for as long as its server is: the base of the stand-ins."""

    _server: LoopbackServer

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Cut every connection, hanging ones too, and free the port. Raise what a handler had raised."""
        self._server.close()


class _Listener(socketserver.TCPServer):
    allow_reuse_address = True
    # Of many that connect at once, those beyond the default of five would wait a second for another try.
    request_queue_size = 256

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.closing = threading.Event()
        self.accepted = 0
        self.crashes: list[BaseException] = []
        self._handlers: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)
        self._acceptor = threading.Thread(target=self.serve_forever, args=(_POLL_SECONDS,), daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        self.closing.set()
        self.shutdown()
        self._acceptor.join()
        self.server_close()
        with self._lock:
            handlers = dict(self._handlers)
            for connection in handlers.values():
                # The client may have closed it first, which is what is wanted.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in handlers:
            thread.join()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(target=self._handle, args=(request, client_address), daemon=True)
        with self._lock:
            self.accepted += 1
            self._handlers[thread] = request
        thread.start()

    def _handle(self, connection: socket.socket, client_address: Any) -> None:
        try:
            self.finish_request(connection, client_address)
        except Exception:  # noqa: BLE001  # a thread of the stand-in: kept and raised again by close()
            self.handle_error(connection, client_address)
        finally:
            with self._lock:
                del self._handlers[threading.current_thread()]
                self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        lingers, _ = struct.unpack("ii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
        # Shut down first, it would end in good order, and not by the reset that was asked for.
        if lingers:
            connection.close()
        else:
            self.shutdown_request(connection)

    def handle_error(self, _request: Any, _client_address: Any) -> None:
        error = sys.exception()
        # A client that was killed or gave up is part of the play.
        if error is not None and not isinstance(error, ConnectionError):
            self.crashes.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes: the second would wait until the client, who takes its time, acknowledges the
    # first.
    disable_nagle_algorithm = True
    server: _Listener

    def do_GET(self) -> None:
        request = self._request()
        if request is None:
            self.close_connection = True
            return
        reply = self.server.respond(request, Peer(self.connection, self.server.closing))
        if isinstance(reply, Answer):
            self._send(reply)
            return
        self.close_connection = True
        if reply is Cut.RESET:
            # To linger for no time at all makes closing a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815  # the names the base class looks for

    def log_message(self, _format: str, *_args: Any) -> None:
        return

    def _request(self) -> Request | None:
        if self.headers.get("Transfer-Encoding"):
            self.send_error(http.HTTPStatus.LENGTH_REQUIRED)
            return None
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else b""
        if len(body) < length:
            return None
        parts = urlsplit(self.path)
        return Request(
            method=self.command,
            path=parts.path,
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )

    def _send(self, answer: Answer) -> None:
        body = answer.body
        head = self._head(answer, len(body) if isinstance(body, bytes) else body.length)
        if self.command == "HEAD" or answer.status in _BODILESS:
            self.connection.sendall(head)
        elif isinstance(body, bytes):
            self.connection.sendall(head + body)
        else:
            self.connection.sendall(head)
            self._send_stream(body)

    def _head(self, answer: Answer, length: int) -> bytes:
        reason = http.client.responses.get(answer.status, "")
        headers = {"Date": formatdate(usegmt=True), **answer.headers}
        lines = [f"HTTP/1.1 {answer.status} {reason}"]
        if answer.status not in _BODILESS:
            lines.append(f"Content-Length: {length}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self.close_connection:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def _send_stream(self, stream: Stream) -> None:
        peer = Peer(self.connection, self.server.closing)
        sent = 0
        for piece in stream.pieces():
            if sent and stream.pause and not peer.pause(stream.pause):
                break
            self.connection.sendall(piece)
            sent += len(piece)
        if sent != stream.length:
            self.close_connection = True
