"""A look at a MongoDB server that changes nothing: who answers, what its user may do, and what time it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from giftping.store.documents import COLLECTIONS, MIRROR
from giftping.store.errors import StoreError
from giftping.store.mongo.link import MongoLink

CREATE_INDEX = "createIndex"
NEEDED = ("find", "insert", "update", "remove", CREATE_INDEX)
"""What the store does with its collections, by MongoDB's names of the rights to it."""


@dataclass(frozen=True, slots=True)
class MongoLook:
    """A server that can be written to.

    `replica_set` is empty for one that stands alone. `lacking` are the rights that its user lacks, None where they are
    not shown. `clock_offset` is how far its clock is ahead of ours.
    """

    replica_set: str
    members: int
    lacking: tuple[str, ...] | None
    clock_offset: timedelta | None


def look_at(link: MongoLink, clock: Callable[[], datetime]) -> MongoLook:
    """How the primary of a MongoDB is, and close the link. Raise StoreError where there is none to be had."""
    try:
        # The first request waits for a server; the second one tells the time.
        link.command("hello")
        asked = clock()
        hello = link.command("hello")
        halfway = asked + (clock() - asked) / 2
        return MongoLook(
            replica_set=str(hello.get("setName") or ""),
            members=len(hello.get("hosts") or ()) or 1,
            lacking=_lacking(link),
            clock_offset=_offset(hello.get("localTime"), halfway),
        )
    finally:
        link.close()


def _offset(theirs: object, ours: datetime) -> timedelta | None:
    if not isinstance(theirs, datetime):
        return None
    return (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)) - ours


def _lacking(link: MongoLink) -> tuple[str, ...] | None:
    try:
        status = link.command("connectionStatus", showPrivileges=True)
        return lacking_rights(status["authInfo"], link.database_name)
    except (StoreError, KeyError, TypeError, AttributeError):
        return None


def lacking_rights(info: Mapping[str, Any], database: str) -> tuple[str, ...]:
    """The rights that the users of a connection lack in a database, from what `connectionStatus` says.

    What they lack in some of its collections alone is said with these. Without any user there is nothing to grant: a
    server that asks for one refuses to be read.
    """
    if not info["authenticatedUsers"]:
        return ()
    asked = [name for name in COLLECTIONS if name != MIRROR]
    granted = {name: set(_granted(info["authenticatedUserPrivileges"], database, name)) for name in asked}
    lacking = {action: [name for name in asked if not granted[name] & {action, "anyAction"}] for action in NEEDED}
    return tuple(
        action if len(names) == len(asked) else f"{action} in {', '.join(names)}"
        for action, names in lacking.items()
        # Some collections have no index of their own.
        if names and (action != CREATE_INDEX or len(names) == len(asked))
    )


def _granted(privileges: Iterable[Mapping[str, Any]], database: str, collection: str) -> Iterable[str]:
    for privilege in privileges:
        resource = privilege["resource"]
        # An empty name stands for every database, or every collection (MongoDB, Resource Document).
        is_here = resource.get("db") in (database, "") and resource.get("collection", "") in (collection, "")
        if resource.get("anyResource") or is_here:
            yield from privilege["actions"]
