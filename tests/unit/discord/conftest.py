"""A clock that stands still, and servers on loopback that do what no HTTP library would."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from fakes.patience import PATIENT


@dataclass
class StoppedClock:
    """Time that passes only while somebody sleeps."""

    seconds: float = 1000.0
    sleeps: list[float] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.seconds += seconds


class Connection:
    """One accepted connection."""

    def __init__(self, accepted: socket.socket, closing: threading.Event) -> None:
        self.socket = accepted
        self.closing = closing

    def read_request(self) -> bytes:
        """Return one request, empty when the client has gone."""
        received = b""
        while b"\r\n\r\n" not in received:
            if not (part := self.socket.recv(65536)):
                return b""
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")), 0
        )
        while len(body) < length:
            body += self.socket.recv(65536)
        return head + b"\r\n\r\n" + body

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self, body: bytes, status: str = "200 OK", *headers: str) -> None:
        lines = "".join(f"{header}\r\n" for header in ("Via: 1.1 google", *headers))
        self.send(f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def hang(self) -> None:
        self.closing.wait(PATIENT)

    def drip(self, data: bytes, pause: float) -> None:
        for position in range(len(data)):
            if self.closing.wait(pause):
                return
            self.send(data[position : position + 1])


Handler = Callable[[Connection], None]


class Loopback:
    """A server on loopback that runs a handler for each connection."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections = 0
        self.closing = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/api/v10"
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(accepted,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        with accepted:
            try:
                self.handler(Connection(accepted, self.closing))
            except OSError:
                return

    def close(self) -> None:
        self.closing.set()
        # A blocked accept() is woken by shutdown, not by close.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(5)


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


@pytest.fixture
def loopback() -> Iterator[Callable[[Handler], Loopback]]:
    servers: list[Loopback] = []

    def start(handler: Handler) -> Loopback:
        servers.append(Loopback(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
