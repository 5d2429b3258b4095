"""The way to a MongoDB server: the client, what it is called in messages, and its errors as the store's own."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from bson.errors import BSONError
from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from giftping.settings.secrets import Secret
from giftping.store.base import StoreError
from giftping.store.documents import Document
from giftping.store.mongo.errors import explained
from giftping.store.mongo.throttling import Patience

_Answer = TypeVar("_Answer")

ANSWER = timedelta(seconds=10)
"""How long the answer to one request is waited for."""

DEFAULT_DATABASE = "discord_bot"
"""What the older bot called its database."""

# At DEBUG it holds what is written, a guild's webhook URL for one; whoever looks for that asks for this very logger.
logging.getLogger("pymongo.command").setLevel(logging.INFO)

_TROUBLE = (PyMongoError, BSONError, OverflowError, UnicodeError)
"""What PyMongo raises: its own errors, and three kinds for values that BSON cannot hold."""


class MongoLink:
    """One client of one MongoDB database. Making it asks the server nothing.

    `server_selection` is how long to wait for a server that can be written to, `answer` how long for the
    answer to one request; options in the URI come before both. Raise StoreError when the URI is none.

    Writes wait for a majority and for the journal: a lone server has no other copy of what it acknowledged.
    Reads go to the primary and see all that it has: a new primary has every acknowledged write at once, while
    its majority snapshot may lag behind. What a read saw and a majority has not must not be acted upon without
    a write; that write is acknowledged only together with all before it, unless there was an `election` in between.
    """

    def __init__(
        self, uri: Secret | str, database: str | None, *, server_selection: timedelta, answer: timedelta
    ) -> None:
        text, self._origin = (uri.reveal(), uri.origin) if isinstance(uri, Secret) else (uri, "")
        self._origin = self._origin or "the MongoDB URI"
        self._closed = False
        self.patience = Patience()
        client = self._new_client(text, _options(text, server_selection, answer))
        self._client = client
        self._database = self._default_database(database or DEFAULT_DATABASE).with_options(
            write_concern=WriteConcern("majority", j=True, wtimeout=_milliseconds(answer)),
            read_concern=ReadConcern("local"),
            read_preference=ReadPreference.PRIMARY,
        )
        self._place = _hosts(text)
        self.name = f"MongoDB {self._database.name} at {self._place}"

    def _new_client(self, uri: str, options: dict[str, Any]) -> MongoClient[Document]:
        reason = "user name and password must be percent-encoded"
        if "@" not in _path(uri):
            try:
                with warnings.catch_warnings():
                    # Options that only other drivers know are common in URIs that several programs share.
                    warnings.simplefilter("ignore")
                    return MongoClient(uri, connect=False, appname="giftping", **options)
            except OSError as error:
                reason = f"a file that it names cannot be read ({error.strerror})"
            except (PyMongoError, ValueError):
                # What PyMongo says may hold parts of a password that was not encoded.
                reason = f"{reason}, a host be given, and the options and the database name be MongoDB's"
        raise StoreError(
            f"{self._origin} is not usable: {reason}; write mongodb://user:password@host:27017/database"
        ) from None

    def _default_database(self, otherwise: str) -> Any:
        try:
            return self._client.get_default_database(otherwise)
        except PyMongoError:
            raise StoreError(
                f"{otherwise!r} cannot be the name of a MongoDB database; choose one of letters, digits, - and _"
            ) from None

    def collection(self, name: str) -> Collection[Document]:
        """A collection, with the concerns that the ledger needs."""
        collection: Collection[Document] = self._database[name]
        return collection

    @property
    def database_name(self) -> str:
        """What the database is called."""
        return str(self._database.name)

    def command(self, name: str, **options: Any) -> Document:
        """The answer of the primary to a command of the server's administration."""
        with self.told():
            return self._client.admin.command(name, **options, read_preference=ReadPreference.PRIMARY)

    def of_database(self, name: str) -> MongoLink:
        """The way to another database over the same connections. Raise StoreError when it can have no name."""
        other = copy(self)
        try:
            database = self._client.get_database(name)
        except PyMongoError:
            raise StoreError(f"{name!r} cannot be the name of a MongoDB database") from None
        other._database = database.with_options(  # noqa: SLF001 -- a copy of its own
            write_concern=self._database.write_concern,
            read_concern=self._database.read_concern,
            read_preference=self._database.read_preference,
        )
        other.name = f"MongoDB {name} at {self._place}"
        return other

    @property
    def election(self) -> object:
        """The last election of a primary that was met; None for a server that stands alone."""
        return self._client.topology_description.max_election_id

    @property
    def is_replicated(self) -> bool:
        """Whether a server that was met belongs to a replica set or a sharded cluster."""
        met = self._client.topology_description.server_descriptions().values()
        return any(server.server_type_name in ("RSPrimary", "Mongos") for server in met)

    def asked(self, ask: Callable[[], _Answer]) -> _Answer:
        """The answer to a request, which is made again where the server throttles. Raise as `told`."""
        with self.told():
            return self.patience.ask(ask)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn PyMongo's errors into StoreError or StoreAwayError, without anything that could be a secret."""
        if self._closed:
            raise StoreError(f"{self.name}: the store is closed")
        try:
            yield
        except _TROUBLE as error:
            servers = self._client.topology_description.server_descriptions().values()
            problem = explained(error, self.name, self._origin, list(servers))
            # PyMongo's own error is not to be shown, by no traceback: it quotes what it was given.
            raise problem from None

    def close(self) -> None:
        """End the connections; safe to call twice."""
        self._closed = True
        self._client.close()


def _options(uri: str, server_selection: timedelta, answer: timedelta) -> dict[str, Any]:
    """The client's options that the URI leaves open."""
    options: dict[str, Any] = {
        "serverSelectionTimeoutMS": _milliseconds(server_selection),
        "connectTimeoutMS": _milliseconds(server_selection),
        "socketTimeoutMS": _milliseconds(answer),
        # A run is short: one connection to watch each server is enough.
        "serverMonitoringMode": "poll",
        # A date that Python has none for is one odd field, and stops nobody from reading the rest.
        "datetime_conversion": "DATETIME_AUTO",
    }
    given = {name.lower() for name, _ in parse_qsl(uri.partition("?")[2])}
    return {name: value for name, value in options.items() if name.lower() not in given}


def _milliseconds(duration: timedelta) -> int:
    return max(1, round(duration / timedelta(milliseconds=1)))


def _path(uri: str) -> str:
    """The part between the hosts and the options; an `@` in it is a password that was not encoded."""
    return uri.partition("://")[2].partition("/")[2].partition("?")[0]


def _hosts(uri: str) -> str:
    """The hosts of a URI that PyMongo has accepted."""
    return uri.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2]
