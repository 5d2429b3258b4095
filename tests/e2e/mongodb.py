"""A gate before a real mongod: it counts what passes, and goes away at a chosen command, before or after it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from fakes.mongod import database, new_database, or_skip, own_mongod
from pymongo.database import Database
from scene import FULL, Host, sample

OP_MSG = 2013
WATCHING = {"hello", "isMaster", "ismaster", "ping", "endSessions", "killCursors"}
"""What a driver says to keep its connections, not to read or write."""

READING = {"aggregate", "count", "distinct", "find", "getMore", "listCollections", "listIndexes"}

QUICK = "serverSelectionTimeoutMS=50"


def worth_an_outage(commands: Sequence[str], *, after: bool, begin: int = 0) -> Sequence[int]:
    """The numbers of those commands of a run, from 1, at which an outage is another than every other one: a sample.

    Of a read whose answer never came nobody can tell whether the server had it: `after` is for what it was to write.
    """
    numbered = enumerate(commands, 1)
    worth_it = [number for number, name in numbered if FULL or not after or name not in READING]
    return sample(worth_it, 3 if after else 6, begin)


@dataclass
class Gate:
    """One address that leads to a mongod, until it is shut.

    `commands` are the names of the commands that went through, `connections` how many were accepted. `on_command` is
    called with the number of each, from 1, before the server has it.
    """

    port: int
    commands: list[str] = field(default_factory=list)
    connections: int = 0
    on_command: Callable[[int], object] = id
    _shut_at: int | None = None
    _after: bool = False
    _opens_again: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _open_sockets: set[socket.socket] = field(default_factory=set)
    _greeted: set[socket.socket] = field(default_factory=set)
    _listener: socket.socket | None = None
    _own_port: int = 0

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._own_port}"

    def open(self) -> None:
        """Let connections through, at the same address as before; forget what was counted and planned."""
        with self._lock:
            self.shut()
            self.commands.clear()
            self.connections, self._shut_at = 0, None
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self._own_port))
            listener.listen(64)
            self._own_port = listener.getsockname()[1]
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        """Refuse connections, and cut those there are."""
        with self._lock:
            if self._listener is not None:
                with suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
            for connection in self._open_sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._open_sockets.clear()
            self._greeted.clear()

    def shut_at(self, number: int, *, after: bool, opens_again: bool = False) -> None:
        """Shut at the command of that number, before the server has it, or after it was carried out."""
        self._shut_at, self._after, self._opens_again = number, after, opens_again

    def _cut(self) -> None:
        if not self._opens_again:
            self.shut()
            return
        # A driver whose greeting is cut off takes the server for overloaded, and repeats a write as only members of a
        # replica set allow: that would be another story each time, by which of its connections is just being made.
        for connection in self._greeted:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._open_sockets -= self._greeted
        self._greeted.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                with self._lock:
                    self.connections += 1
                    self._open_sockets |= {client, server}
                threading.Thread(target=self._serve, args=(client, server), daemon=True).start()

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        # Without exhaust cursors, a driver and a server take turns on a connection.
        with suppress(OSError), client, server:
            while (request := message_from(client)) is not None:
                if not self._pass(request, server, client):
                    return

    def _pass(self, request: bytes, server: socket.socket, client: socket.socket) -> bool:
        name = command_in(request)
        with self._lock:
            if name is not None:
                self.commands.append(name)
            number = len(self.commands)
            last = name is not None and len(self.commands) == self._shut_at
            if last:
                if self._after:
                    server.sendall(request)
                    message_from(server)
                self._cut()
                return False
        if name is not None:
            self.on_command(number)
        server.sendall(request)
        reply = message_from(server)
        if reply is None:
            return False
        client.sendall(reply)
        with self._lock:
            self._greeted |= {client, server} & self._open_sockets
        return True


def message_from(connection: socket.socket) -> bytes | None:
    head = _exactly(connection, 16)
    if head is None:
        return None
    rest = _exactly(connection, struct.unpack_from("<i", head)[0] - 16)
    return None if rest is None else head + rest


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            return None
        data += piece
    return data


def command_in(request: bytes) -> str | None:
    """Return the name of the command in a message, None for what only keeps the connection."""
    if struct.unpack_from("<i", request, 12)[0] != OP_MSG:
        return None
    start = 16 + 4 + 1 + 4 + 1
    name = request[start : request.index(b"\0", start)].decode()
    return None if name in WATCHING else name


@contextmanager
def open_gate() -> Iterator[Gate]:
    """Give an open gate before this process's own mongod, which runs."""
    mongod = or_skip(own_mongod)
    mongod.ensure_started()
    gate = Gate(mongod.port)
    gate.open()
    try:
        yield gate
    finally:
        gate.shut()


@dataclass
class Ledger:
    """One database, as hosts reach it by their way, and as a test looks into it past them."""

    uri: str
    database: Database[dict[str, Any]]

    def entries(self) -> dict[str, dict[str, Any]]:
        return {entry["_id"]: entry for entry in self.database["sent_giftcodes"].find()}

    def states(self) -> dict[str, str]:
        return {id_: entry["state"] for id_, entry in self.entries().items()}


def ledger_behind(gate: Gate) -> Ledger:
    """Return a new database behind the gate."""
    direct = new_database(or_skip(own_mongod).uri)
    name = direct.rpartition("/")[2]
    return Ledger(f"mongodb://{gate.address}/{name}?{QUICK}", database(direct))


def uses(host: Host, uri: str, *, shared: bool = False) -> None:
    """Let a host keep its ledger in a MongoDB, alone or with others that do so, too."""
    host.environment["MONGO_URI"] = uri
    if shared:
        shares(host)


SHARED = "\n[mongo]\nshared = true\n"


def shares(host: Host, *, shared: bool = True) -> None:
    """Let a host say that others use its database, too, or no longer say so."""
    settings = host.folder / "giftping.toml"
    text = settings.read_text("utf-8").removesuffix(SHARED)
    settings.write_text(text + SHARED * shared, "utf-8")
