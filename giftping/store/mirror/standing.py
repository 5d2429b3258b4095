"""How a database stands with this host, and what a person says of one that is not as this host remembers it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from giftping.store.documents import MIRROR
from giftping.store.mirror.epochs import (
    PUT_BACK,
    Difference,
    awaited,
    change_identity,
    differences,
    found_identity,
    found_to_be,
    found_with,
    made_anew,
    put_back_hosts,
    remembered_of,
    take_for_own,
    upload_settings,
)
from giftping.store.mirror.identity import (
    AS_IT_WAS,
    IDENTITY_ID,
    Identity,
    Remembered,
    WhichDatabase,
    next_epoch,
    remembered_document,
    remembered_now,
)
from giftping.store.mirror.notes import (
    SYNCED_ID,
    Synced,
    away_of,
    queue_everything,
    synced_document,
    synced_of,
)
from giftping.store.mirror.sync import put_back
from giftping.store.mongo.engine import MongoEngine
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import StoreLock


@dataclass(frozen=True, slots=True)
class DatabaseStanding:
    """How a database stands with this host."""

    found: WhichDatabase
    """Which it is."""
    awaited: tuple[str, ...] = ()
    """The hosts that have not put back yet what they know."""
    differences: tuple[Difference, ...] = ()
    """The settings that differ, where a person has to say which count."""


def standing(database: MongoEngine, mirror: TinyEngine, host: str) -> DatabaseStanding:
    """How the database stands. Raise StoreAwayError when it cannot be reached."""
    remembered = remembered_of(mirror)
    identity = found_identity(database)
    found = found_with(found_to_be(remembered, identity, mirror, host), made_anew(database, mirror)[1])
    left = awaited(database, identity, host) if identity and not identity.is_complete else []
    fact = away_of(mirror)
    is_asked = found in (WhichDatabase.ROLLED_BACK, WhichDatabase.NEW_EPOCH) and bool(fact and fact.waits)
    return DatabaseStanding(found, tuple(left), tuple(differences(database, mirror)) if is_asked else ())


def decide_database(
    database: MongoEngine, mirror: TinyEngine, gate: StoreLock, host: str, at: datetime, *, adopts: bool
) -> WhichDatabase:
    """What the database was found to be, once it was decided what counts: what this host remembers, or what is there.

    What was sent stays sent either way. The next session carries out the rest. Of one that is as this host remembers it
    nothing is decided. Raise StoreAwayError when the database cannot be reached; it may be decided again then.
    """
    with gate.exclusive():
        remembered, identity = remembered_of(mirror), found_identity(database)
        found = found_with(found_to_be(remembered, identity, mirror, host), made_anew(database, mirror)[1])
        if remembered is None or found in AS_IT_WAS:
            return found
        if found is WhichDatabase.ANOTHER and identity is not None:
            _decide_on_another(database, mirror, identity, host, adopts=adopts)
        elif found is WhichDatabase.COPIED_FOLDER and identity is not None:
            take_for_own(mirror, identity, host)
        else:
            _decide_on_epoch(database, mirror, remembered, found, at, adopts=adopts)
    return found


def _decide_on_another(
    database: MongoEngine, mirror: TinyEngine, identity: Identity, host: str, *, adopts: bool
) -> None:
    if adopts:
        # From now on they have never met: all that is here is carried over.
        mirror.put(MIRROR, (), [SYNCED_ID, IDENTITY_ID])
        return
    put_back(database, mirror, PUT_BACK)
    synced = Synced(database.name, identity.id, identity.epoch, -1)
    mirror.put(MIRROR, [synced_document(synced), remembered_document(remembered_now(identity, host))])


def _decide_on_epoch(
    database: MongoEngine,
    mirror: TinyEngine,
    remembered: Remembered,
    found: WhichDatabase,
    at: datetime,
    *,
    adopts: bool,
) -> None:
    """Begin an epoch, or decide on the one that has begun; each host puts back what it knows when it comes to it."""
    if adopts and found is WhichDatabase.EMPTIED:
        queue_everything(mirror, at)

    def decided(there: Identity | None) -> Identity:
        if there is not None and there.epoch > remembered.epoch:
            return replace(there, is_decided=True)
        return next_epoch(remembered, there, is_decided=True)

    # First: were this cut short, the settings would count that are there.
    if adopts and found is not WhichDatabase.EMPTIED:
        upload_settings(database, mirror)
    change_identity(database, mirror, decided)
    put_back_hosts(database, mirror)
    synced = synced_of(mirror)
    if synced is not None:
        # Reached at another address, it is the same one all the same.
        mirror.put(MIRROR, [synced_document(replace(synced, name=database.name, number=-1))])
