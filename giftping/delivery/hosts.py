"""The hosts that use one database, and whether this one may send by it. The rule is pure, and takes nobody's clock.

A host writes its own record before it reads those of all: of two that appear at the same moment each sees the other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from giftping.store.base import StoreAwayError, StoreError
from giftping.store.documents import HOSTS, RUNS, run_from_document
from giftping.store.engine import Change
from giftping.store.fields import DocumentError, Fields, is_text, time_or_none, time_to_text
from giftping.store.records import Store
from giftping.text import enumerated

SEEN_EVERY = timedelta(minutes=10)
"""How old the time in a record gets before it is written anew: at each command, the bot would write for nothing."""

_NAMELESS = "which has no name yet"
"""What a host is called that has only ever looked."""

TRIES = 5
"""How often a record is written anew because another process of its host was faster."""


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One state folder that runs checks, sweeps or the bot by a database."""

    name: str
    shared: bool
    """Whether it runs with `mongo.shared = true`, so that it sends nothing while the database is away."""
    seen_at: datetime | None = None
    """When it last was at it, by its own clock; None where that is not known."""


class NotAloneError(StoreError):
    """Others use the database, and not all of them have agreed to share it; the text names them, and the ways out."""

    notices: tuple[str, ...] = ()
    """What the store has to say of itself all the same, such as that something was carried back to it."""
    odd: tuple[str, ...] = ()
    """The documents that could not be read until then."""


# The rule


def refusal(own: HostRecord, others: Collection[HostRecord]) -> str:
    """Why a host may not send, with the two ways out; empty for one that is alone, or where all of them share.

    When another one was last seen makes no difference: cut off from the database, it would go on alone.
    """
    lacking = [host.name for host in (own, *others) if not host.shared]
    if not others or not lacking:
        return ""
    names = sorted(host.name for host in others)
    who = enumerated(["this host", *sorted(set(lacking) - {own.name})] if own.name in lacking else sorted(lacking))
    forgotten = names[0] if len(names) == 1 else "HOST"
    return (
        f"this host, {own.name or _NAMELESS}, sends nothing, as the database is used by {', '.join(names)} too, and"
        f" {who} {'runs' if len(lacking) == 1 else 'run'} without mongo.shared: set shared = true in [mongo] on all"
        f" hosts, or, for one that is gone: giftping store forget {forgotten}"
    )


def refusal_while_away(own: HostRecord, known: Mapping[str, HostRecord]) -> str:
    """Why a host may not send while the database is away, by the records as it last read them; empty where it may.

    That a host which shares waits for the database in any case is not said here: see `Store.held_back`.
    """
    if refused := refusal(own, [host for host in known.values() if host.name != own.name]):
        return refused
    # Alone it is for sure only where whoever came later has found its record, and found it as it is.
    before = known.get(own.name)
    if before is None:
        what = "which it has not signed yet"
    elif before.shared != own.shared:
        what = "which has its old mongo.shared"
    else:
        return ""
    return f"this host, {own.name or _NAMELESS}, sends nothing until the database, {what}, is back"


# The records


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """What a database knows of the hosts that use it."""

    hosts: Mapping[str, HostRecord] = field(default_factory=dict)
    """All of them, by name."""
    without_record: frozenset[str] = frozenset()
    """Those of 0.1.0, which wrote no record: they are known from their runs, and do not share."""

    def others_than(self, own: str) -> list[HostRecord]:
        """All but one."""
        return [host for host in self.hosts.values() if host.name != own]


def known_hosts(store: Store) -> KnownHosts:
    """The hosts that the store knows. Raise StoreError when it cannot be read."""
    recorded = {host.name: host for document in store.engine.walk(HOSTS) if (host := _read_host(store, document))}
    ran: dict[str, HostRecord] = {}
    for document in store.engine.walk(RUNS):
        try:
            run_from_document(document)
        except DocumentError as error:
            store.note_odd(RUNS, document, error)
        # Read by hand: of a run that is odd in any other way its host has run all the same.
        name, seen_at = document.get("host"), time_or_none(document.get("finished_at"))
        if is_text(name) and name and name not in recorded:
            times = [at for at in (seen_at, ran[name].seen_at if name in ran else None) if at]
            ran[name] = HostRecord(name, shared=False, seen_at=max(times, default=None))
    return KnownHosts(dict(sorted((recorded | ran).items())), frozenset(ran))


def _read_host(store: Store, document: Mapping[str, Any]) -> HostRecord | None:
    """The host that a document tells of; one that is odd is named, and counts as one that does not share."""
    fields = Fields(HOSTS, document)
    try:
        fields.flag("shared")
        fields.first_time("seen_at")
    except DocumentError as error:
        store.note_odd(HOSTS, document, error)
    return host_from_document(document)


def join(store: Store, own: HostRecord, *, writes: bool = True) -> str:
    """Why a host may not send by the store, empty where it may; its `own` record is written first where it is due.

    With `writes` off nothing is written. Raise StoreError when the store cannot be read.
    """
    known = known_hosts(store)
    if writes and not store.is_away:
        try:
            if _write_records(store, own, known):
                # Only now: whoever looked before that has not seen this host, or not as it is now.
                known = known_hosts(store)
        except StoreAwayError:
            # Whether the record was written nobody knows; it counts once an answer says so.
            return refusal_while_away(own, known.hosts)
    return refusal_while_away(own, known.hosts) if store.is_away else refusal(own, known.others_than(own.name))


def _write_records(store: Store, own: HostRecord, known: KnownHosts) -> bool:
    """Write what is missing or old, and return whether others may learn something from it that they go by."""
    # With a record of their own they are still known in an outage: of runs, a mirror keeps those of its host alone.
    bare = [host_to_document(known.hosts[name]) for name in sorted(known.without_record - {own.name})]
    if bare:
        store.insert_documents(HOSTS, bare)
    before = None if own.name in known.without_record else known.hosts.get(own.name)
    is_news = before is None or before.shared != own.shared
    if is_news or _is_old(before, own):
        _write_own(store, own)
    return is_news


def _is_old(before: HostRecord | None, own: HostRecord) -> bool:
    if before is None or before.seen_at is None or own.seen_at is None:
        return True
    # A time from the future is one of a clock that was wrong.
    return not before.seen_at <= own.seen_at < before.seen_at + SEEN_EVERY


def _write_own(store: Store, own: HostRecord) -> None:
    for _ in range(TRIES):
        before = store.engine.get(HOSTS, [own.name]).get(own.name)
        if store.engine.change([Change(HOSTS, before, host_to_document(own, before))])[0]:
            return
    raise StoreError(f"the record of this host, {own.name}, keeps changing; the next run tries again")


def forget_host(store: Store, name: str) -> None:
    """Remove what the store knows of a host; one that is not gone comes back with its next run.

    Raise StoreAwayError while a store that hosts share is away.
    """
    # Its runs first: left behind, they would be taken for those of a host of 0.1.0.
    store.remove_documents(
        RUNS, [document["_id"] for document in store.engine.walk(RUNS) if document.get("host") == name]
    )
    store.remove_documents(HOSTS, [name])


def host_to_document(host: HostRecord, before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The document of a host; what the one before says besides stays in it."""
    document = {**(before or {}), "_id": host.name, "shared": host.shared}
    return document | ({"seen_at": time_to_text(host.seen_at)} if host.seen_at else {})


def host_from_document(document: Mapping[str, Any]) -> HostRecord | None:
    """The host that a document tells of, None where it names none; one that does not plainly share does not."""
    name = document.get("_id")
    if not isinstance(name, str):
        return None
    return HostRecord(name, document.get("shared") is True, time_or_none(document.get("seen_at")))
