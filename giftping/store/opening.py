"""From settings to an open store, and the name that a state folder claims by. The stores are imported when opened."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from giftping.store.tiny.files import LOCK, StoreLock, replace_file, storage_errors

if TYPE_CHECKING:
    from giftping.settings.keys import Settings
    from giftping.settings.secrets import Secret
    from giftping.store.mirror.identity import WhichDatabase
    from giftping.store.mirror.standing import DatabaseStanding
    from giftping.store.mongo.engine import MongoEngine
    from giftping.store.records import Store
    from giftping.store.tiny.engine import TinyEngine
    from giftping.store.upgrade import Upgraded

HOST_FILE = "host"
"""The file in the state folder that holds the name of the host."""

NAMING = timedelta(seconds=10)
"""How long it is waited for another run that is at the state folder."""


def open_store(settings: Settings, *, clock: Callable[[], datetime], read_only: bool = False) -> Store:
    """The store, open: the JSON file, or MongoDB with it as its mirror.

    Raise StoreError when it cannot be read.
    """
    from giftping.store.records import Store
    from giftping.store.tiny.engine import TinyEngine

    uri = settings.mongo.uri
    mirror = TinyEngine(settings.state, read_only=read_only)
    if uri is None:
        return _alone(mirror, settings, clock=clock, read_only=read_only)
    from giftping.store.mirror.engine import MirroredEngine
    from giftping.store.mirror.upgrading import upgrade_both

    database, host = database_of(settings, uri), host_name(settings, create=not read_only)

    def upgrade() -> Sequence[Upgraded]:
        return () if read_only else upgrade_both(database, mirror, settings.state, host=host, now=clock())

    engine = MirroredEngine(
        database,
        mirror,
        folder=settings.state,
        host=host,
        clock=clock,
        waits=settings.mongo.on_outage == "hold",
        read_only=read_only,
        # One that the settings name is not to be renamed by anybody but who wrote them.
        rename=None if settings.host else lambda: renamed(settings.state),
        upgrade=upgrade,
    )
    return Store(engine)


def database_of(settings: Settings, uri: Secret) -> MongoEngine:
    """The MongoDB at an address, as the settings want it asked, without its mirror; it is asked nothing yet.

    Raise StoreError for an address that is none.
    """
    from giftping.store.mongo.engine import MongoEngine

    mongo = settings.mongo
    return MongoEngine(uri, mongo.database or None, server_selection=mongo.server_selection)


def standing_of(settings: Settings, uri: Secret) -> DatabaseStanding:
    """How MongoDB stands with this host. Raise StoreAwayError when it cannot be reached."""
    from giftping.store.mirror.standing import standing
    from giftping.store.tiny.engine import TinyEngine

    with closing(TinyEngine(settings.state, read_only=True)) as mirror, closing(database_of(settings, uri)) as database:
        return standing(database, mirror, host_name(settings, create=False))


def decide_which_counts(settings: Settings, uri: Secret, at: datetime, *, adopts: bool) -> WhichDatabase:
    """What MongoDB was found to be, once it was decided what counts; where it was as it should be, nothing was.

    The next store that is opened for writing carries it out.
    """
    from giftping.store.mirror.engine import database_lock
    from giftping.store.mirror.standing import decide_database
    from giftping.store.tiny.engine import TinyEngine

    with closing(TinyEngine(settings.state)) as mirror, closing(database_of(settings, uri)) as database:
        return decide_database(database, mirror, database_lock(settings.state), host_name(settings), at, adopts=adopts)


def _alone(engine: TinyEngine, settings: Settings, *, clock: Callable[[], datetime], read_only: bool) -> Store:
    """The JSON file as the ledger itself, and let the user be told when it has been a mirror until now."""
    from giftping.store.base import SCHEMA_VERSION
    from giftping.store.mirror.notes import has_followed, leave_database
    from giftping.store.records import Store

    is_older = engine.schema() < SCHEMA_VERSION
    if is_older and not read_only:
        from giftping.store.upgrade import upgrade

        try:
            done = upgrade(engine, settings.state, host=host_name(settings), now=clock(), shares=False)
        # Nobody else has it yet, who could close it.
        except BaseException:
            engine.close()
            raise
        engine.notices = (str(done),) if done else ()
    is_whole = has_followed(engine)
    if name := leave_database(engine, read_only=read_only):
        again = (
            "where other hosts go on with that, set MONGO_URI again"
            if is_whole
            else "it was cut short before it knew all that was sent by that, which may go out again: to take it over,"
            " set MONGO_URI again for one giftping codes check"
        )
        engine.notices += (
            f"MONGO_URI is not set: {engine.name} is the ledger from now on, and no longer the mirror of {name};"
            f" {again}",
        )
    if is_older and read_only:
        from giftping.store.upgrade import UpgradedView

        return Store(UpgradedView(engine, clock()))
    return Store(engine)


def host_name(settings: Settings, *, create: bool = True) -> str:
    """The name under which this host claims: the one in the settings, else the one that its state folder keeps.

    Empty for a folder that is no host yet, and is not to be made one.
    """
    return settings.host or kept_host_name(settings.state, create=create)


def kept_host_name(state: Path, *, create: bool = True) -> str:
    """The name that a state folder keeps for its host; made once, and empty where none is to be made.

    Two folders on one machine are two hosts: each has its own run lock. Raise StoreError when it cannot be
    read or kept: claims under a name that nobody remembers are settled late.
    """
    if (kept := _host_name_in(state)) or not create:
        return kept
    # Of several first runs at once one names the host; it has one name.
    with StoreLock(state / LOCK, NAMING).exclusive():
        return _host_name_in(state) or renamed(state)


def _host_name_in(state: Path) -> str:
    path = state / HOST_FILE
    with storage_errors(path, "read"):
        return path.read_text("utf-8").strip() if path.exists() else ""


def renamed(state: Path) -> str:
    """The new name of the host of a state folder, such as of one that turned out to be a copy of another one."""
    name = f"{socket.gethostname()}-{os.urandom(3).hex()}"
    with storage_errors(state / HOST_FILE, "written"):
        replace_file(state / HOST_FILE, [name.encode()])
    return name
