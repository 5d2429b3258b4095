"""A loopback server whose answers are written byte by byte by the test, so that they may be anything at all."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import struct
import threading
from collections.abc import Callable

from fakes.patience import PATIENT

Play = Callable[[socket.socket, threading.Event], None]


def answer(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> Play:
    """Return a play that sends one response; `length` is what its Content-Length claims."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return say("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def gzipped(body: bytes) -> Play:
    """Return a play that sends a body packed."""
    return answer("200 OK", gzip.compress(body), "Content-Encoding: gzip")


def say(data: bytes) -> Play:
    def play(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(data)

    return play


def drip(start: bytes, drop: bytes) -> Play:
    """Return a play that sends its start, and then a drop every ten milliseconds, for ever."""

    def play(connection: socket.socket, closing: threading.Event) -> None:
        connection.sendall(start)
        while not closing.wait(0.01):
            connection.sendall(drop)

    return play


def hang(connection: socket.socket, closing: threading.Event) -> None:
    connection.settimeout(PATIENT)
    connection.recv(1)


def close(connection: socket.socket, closing: threading.Event) -> None:
    return


def reset(connection: socket.socket, closing: threading.Event) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class RawServer:
    """Performs one play per connection; the last one is repeated. `heads` are the requests as they came."""

    def __init__(self, *plays: Play, tls: ssl.SSLContext | None = None) -> None:
        self.heads: list[str] = []
        self._plays = list(plays)
        self._tls = tls
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._connections: list[socket.socket] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> RawServer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            play = self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]
            self._connections.append(connection)
            self._threads.append(threading.Thread(target=self._perform, args=(connection, play)))
            self._threads[-1].start()

    def _perform(self, connection: socket.socket, play: Play) -> None:
        with connection, contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            self.heads.append(head.decode("latin-1"))
            play(connection, self._closing)
            connection.close()
