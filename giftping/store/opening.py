"""From settings to an open store, and the name that a state folder claims by. The stores are imported when opened."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.store.tiny.files import replace_file, storage_errors

if TYPE_CHECKING:
    from giftping.settings.keys import Settings
    from giftping.settings.secrets import Secret
    from giftping.store.mongo.engine import MongoEngine
    from giftping.store.records import Store
    from giftping.store.tiny.engine import TinyEngine

HOST_FILE = "host"
"""The file in the state folder that holds the name of the host."""


def open_store(settings: Settings, *, clock: Callable[[], datetime], read_only: bool = False) -> Store:
    """The store, open: the JSON file, or MongoDB with it as its mirror.

    Raise StoreError when it cannot be read.
    """
    from giftping.store.records import Store
    from giftping.store.tiny.engine import TinyEngine

    uri = settings.mongo.uri
    copy = TinyEngine(settings.state, read_only=read_only)
    if uri is None:
        return _alone(copy, read_only=read_only)
    from giftping.store.mirror.engine import MirroredEngine

    engine = MirroredEngine(
        database_of(settings, uri),
        copy,
        folder=settings.state,
        host=host_name(settings, create=not read_only),
        clock=clock,
        waits=settings.mongo.on_outage == "hold",
        read_only=read_only,
    )
    return Store(engine)


def database_of(settings: Settings, uri: Secret) -> MongoEngine:
    """The MongoDB at an address, as the settings want it asked, without its copy; it is asked nothing yet.

    Raise StoreError for an address that is none.
    """
    from giftping.store.mongo.engine import MongoEngine

    mongo = settings.mongo
    return MongoEngine(uri, mongo.database or None, server_selection=mongo.server_selection)


def _alone(engine: TinyEngine, *, read_only: bool) -> Store:
    """The JSON file as the ledger itself, and let the user be told when it has been a mirror until now."""
    from giftping.store.mirror.notes import leave_database
    from giftping.store.records import Store

    if name := leave_database(engine, read_only=read_only):
        engine.notices = (
            f"MONGO_URI is not set: {engine.name} is the ledger from now on, and no longer the mirror of {name}; where"
            " other hosts go on with that, set MONGO_URI again",
        )
    return Store(engine)


def host_name(settings: Settings, *, create: bool = True) -> str:
    """The name under which this host claims: the one in the settings, else the one that its state folder keeps."""
    return settings.host or kept_host_name(settings.state, create=create)


def kept_host_name(state: Path, *, create: bool = True) -> str:
    """The name that a state folder keeps for its host; made once.

    Two folders on one machine are two hosts: each has its own run lock. Raise StoreError when it cannot be
    read or kept: claims under a name that nobody remembers are settled late.
    """
    path = state / HOST_FILE
    with storage_errors(path, "read or written"):
        kept = path.read_text("utf-8").strip() if path.exists() else ""
        if kept or not create:
            return kept or _new_host_name()
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = _new_host_name()
        replace_file(path, [name.encode()])
    return name


def _new_host_name() -> str:
    return f"{socket.gethostname()}-{os.urandom(3).hex()}"
