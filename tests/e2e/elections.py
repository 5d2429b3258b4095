"""A replica set of real members that loses its primary at a chosen command of a run, before, after or half-way."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from fakes.mongod import Mongod, ReplicaSet, patient_client
from fakes.patience import wait_until
from mongodb import command_in, message_from

_FROM_MEMBER = b"internalClient"
"""What is in the first message of a member that connects to another one."""


class Fate(StrEnum):
    """What becomes of the command that the primary is lost at."""

    NEVER_SEEN = "never seen"
    CARRIED_OUT = "carried out"
    """By a majority, and the answer was lost."""
    ROLLED_BACK = "rolled back"
    """Carried out by the primary alone, which was lost before any other member had it."""
    FROZEN = "frozen"
    """The primary hangs with the command before it, and goes on where it was once the others have elected another."""
    PARTED = "parted"
    """The primary is cut off from the others, though not from giftping, and takes itself for the primary a while."""


class Front:
    """The address at which one member is met, by the others as well. It can tell them apart from giftping."""

    def __init__(self, member: Mongod, fronts: Fronts) -> None:
        self.member = member
        self._fronts = fronts
        self._sockets: set[socket.socket] = set()
        self._callers: dict[socket.socket, int] = {}
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._port = 0
        self.open()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def open(self) -> None:
        if self._listener is not None:
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(64)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._cut(lambda _: True)

    def cut_members(self) -> None:
        """Cut the connections by which other members are here."""
        self._cut(lambda caller: caller != 0)

    def cut_from(self, port: int) -> None:
        """Cut the connections that the member at a port has made to this one."""
        self._cut(lambda caller: caller == port)

    def _cut(self, concerns: Callable[[int], bool]) -> None:
        with self._lock:
            for connection in [one for one in self._sockets if concerns(self._callers.get(one, 0))]:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                self._sockets.discard(connection)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            first = message_from(client)
            if first is None:
                return
            caller = self._fronts.port_behind(client) if _FROM_MEMBER in first else 0
            if self._fronts.is_parted(caller, self.member.port):
                return
            with socket.create_connection(("127.0.0.1", self.member.port)) as server:
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    # Shut or parted since it was accepted, it would be missed by who cuts the others.
                    if self._listener is None or self._fronts.is_parted(caller, self.member.port):
                        return
                    self._sockets |= {client, server}
                    self._callers |= {client: caller, server: caller}
                is_giftping = b"giftping" in first and _FROM_MEMBER not in first
                if is_giftping:
                    self._take_turns(client, server, first)
                else:
                    server.sendall(first)
                    back = threading.Thread(target=_pour, args=(server, client), daemon=True)
                    back.start()
                    _pour(client, server)
                    back.join()

    def _take_turns(self, client: socket.socket, server: socket.socket, request: bytes | None) -> None:
        while request is not None:
            if not self._fronts.passes(self, request, server):
                return
            reply = message_from(server)
            if reply is None:
                return
            client.sendall(reply)
            request = message_from(client)


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for one in (source, sink):
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


@dataclass
class Fronts:
    """The fronts of a replica set: they count giftping's commands, and let its primary be lost at one of them."""

    commands: list[str] = field(default_factory=list)
    lost: Front | None = None
    all: list[Front] = field(default_factory=list)
    _at: int = 0
    _fate: Fate = Fate.NEVER_SEEN
    _parted: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def front_of(self, member: Mongod) -> str:
        front = Front(member, self)
        self.all.append(front)
        return front.address

    def begin(self, lose_at: int = 0, fate: Fate = Fate.NEVER_SEEN) -> None:
        """Count from now on, and lose the primary at the command of that number."""
        with self._lock:
            self.commands.clear()
            self.lost = None
            self._at, self._fate = lose_at, fate

    def passes(self, front: Front, request: bytes, server: socket.socket) -> bool:
        name = command_in(request)
        with self._lock:
            if name is not None:
                self.commands.append(name)
            if not (name is not None and len(self.commands) == self._at):
                server.sendall(request)
                return True
            self._at = 0
            self.lost = front
        # Whoever else is at it goes on meanwhile.
        if self._fate is Fate.PARTED:
            self.part(front.member)
            server.sendall(request)
            return True
        if self._fate is Fate.FROZEN:
            front.member.pause()
            server.sendall(request)
            self.wait_for_another_than(front.member)
            front.member.resume()
            return True
        self._kill(front, request, server)
        return False

    def wait_for_another_than(self, member: Mongod) -> None:
        """Return when the other members have elected one of them."""
        own = next(front.address for front in self.all if front.member is member)
        other = next(front.member for front in self.all if front.member is not member)
        with patient_client(f"{other.uri}?directConnection=true") as client:
            before = (None, own)
            wait_until(lambda: client.admin.command("hello").get("primary") not in before, "they elect nobody", 0.02)

    def _kill(self, front: Front, request: bytes, server: socket.socket) -> None:
        if self._fate is Fate.CARRIED_OUT:
            server.sendall(request)
            message_from(server)
        if self._fate is Fate.ROLLED_BACK:
            # Hanging, the others would find it in their connections when they go on.
            self.part(front.member)
            before = _applied(front.member)
            server.sendall(request)
            until = time.monotonic() + 0.3
            while _applied(front.member) == before and time.monotonic() < until:
                time.sleep(0.005)
        front.member.kill()
        front.shut()
        self._parted = 0

    def port_behind(self, connection: socket.socket) -> int:
        """The port of the member that has made a connection: it says nothing of itself, but the kernel does."""
        peer = f"0100007F:{connection.getpeername()[1]:04X}"
        rows = (line.split() for line in Path("/proc/net/tcp").read_text("ascii").splitlines())
        inode = next((row[9] for row in rows if row[1] == peer), "")
        for front in self.all:
            if f"socket:[{inode}]" in _files_of(front.member.pid):
                return front.member.port
        return 0

    def is_parted(self, caller: int, member: int) -> bool:
        return bool(caller) and self._parted in (caller, member) and caller != member

    def part(self, member: Mongod) -> None:
        """Cut the network between a member and the others; giftping reaches all of them."""
        self._parted = member.port
        for front in self.all:
            if front.member is member:
                front.cut_members()
            else:
                front.cut_from(member.port)

    def mend(self) -> None:
        """Let everything be as it should be, but for the members' own state."""
        self._parted = 0
        for front in self.all:
            front.member.resume()
            front.member.ensure_started()
            front.open()


def _files_of(pid: int) -> set[str]:
    """What a process has open; what it closes or ends with meanwhile is none of it."""
    found: set[str] = set()
    with suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(file.readlink()))
    return found


def _applied(member: Mongod) -> Any:
    with patient_client(f"{member.uri}?directConnection=true") as client:
        return client.admin.command("replSetGetStatus")["optimes"]["appliedOpTime"]


class Electorate(ReplicaSet):
    """A replica set behind fronts."""

    def __init__(self, folder: Path) -> None:
        self.fronts = Fronts()
        super().__init__(folder, self.fronts.front_of)

    def start(self) -> None:
        self.fronts.mend()
        super().start()

    def elect_within(self, milliseconds: int) -> None:
        """Let the members wait so long for a primary that is silent before they elect another one."""
        with patient_client(self.uri) as client:
            config = client.admin.command("replSetGetConfig")["config"]
            config["settings"]["electionTimeoutMillis"] = milliseconds
            config["version"] += 1
            client.admin.command("replSetReconfig", config)
