"""What the `giftping store` commands do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from giftping.commands.session import Session
from giftping.delivery.hosts import HostRecord, forget_host, known_hosts
from giftping.errors import EXIT_FINE, EXIT_TROUBLE, UsageError
from giftping.output.json import instant
from giftping.settings.problems import nearest
from giftping.store.base import StoreAwayError
from giftping.text import counted, when
from giftping.wiring import host_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from giftping.store.records import Store
    from giftping.wiring import DatabaseStanding


@dataclass(frozen=True, slots=True)
class _Standing:
    """How the store stands, as this host finds it."""

    name: str
    own: str
    is_shared: bool
    """Whether this host's settings say so."""
    away: bool
    waiting: int
    """How many changes are yet to be carried back to it."""
    held_back: str
    """Why nothing is sent now; empty where it is."""
    hosts: Sequence[HostRecord]
    database: DatabaseStanding | None
    """None where there is no MongoDB, or it cannot be reached."""


def status(session: Session) -> int:
    """Show how the store stands and which hosts use it; 69 where nothing is sent, or it is away."""
    standing = _look(session)
    zone = session.wiring.zone
    session.give(_object(session, standing))
    uses_mongodb = session.settings.mongo.uri is not None
    if uses_mongodb:
        reached = "cannot be reached" if standing.away else "can be reached"
        waiting = counted(standing.waiting, "change", "wait") if standing.waiting else "no changes wait"
        session.tell(f"{standing.name} {reached}; {waiting} to be carried back to it.")
        shared = "true" if standing.is_shared else "false"
        session.tell(f"This host is {standing.own or 'not known yet'}, with mongo.shared = {shared}.")
    else:
        session.tell(f"{standing.name} is the ledger, of this host alone.")
    if standing.hosts:
        rows = [
            (
                f"{host.name} (this one)" if host.name == standing.own else host.name,
                "yes" if host.shared else "no",
                when(host.seen_at, zone) if host.seen_at else "not known",
            )
            for host in standing.hosts
        ]
        session.show_table("Hosts", ("Host", "Shared", "Last seen"), rows)
    if standing.database and standing.database.differences:
        rows = [(one.collection, one.id, one.what) for one in standing.database.differences]
        session.show_table("Settings that differ", ("Collection", "Id", "How"), rows)
    if standing.held_back:
        session.trouble(standing.held_back)
    return EXIT_TROUBLE if standing.held_back or standing.away else EXIT_FINE


def adopt(session: Session, *, yes: bool) -> int:
    """Upload what this host remembers to a database that is not as it remembers it."""
    return _decide(
        session, "Upload to MongoDB what this host remembers, its settings and guilds too?", adopts=True, yes=yes
    )


def accept(session: Session, *, yes: bool) -> int:
    """Believe a database that is not as this host remembers it; what was sent stays sent."""
    question = "Believe MongoDB, and forget the settings and guilds that only this host knows?"
    return _decide(session, question, adopts=False, yes=yes)


def _decide(session: Session, question: str, *, adopts: bool, yes: bool) -> int:
    was = ""
    if session.wiring.is_to_be_decided():
        if not yes and not session.confirm(question):
            raise UsageError("nothing was decided; say --yes to decide it without being asked")
        was = session.wiring.decide(adopts=adopts)
    with session.store() as store:
        # The first question to it brings the two in step.
        guilds = len({one.guild_id for one in store.subscriptions()})
        name, held_back = store.name, store.held_back
    decided = ("adopt" if adopts else "accept") if was else None
    session.give({"store": name, "was": was or None, "decided": decided, "guilds": guilds})
    counts = "what this host remembers" if adopts else "what is in it"
    if was:
        session.tell(f"{name} goes by {counts}, with {counted(guilds, 'guild')}; what was sent stays sent.")
    elif session.settings.mongo.uri is None:
        session.tell(f"{name} is the ledger, of this host alone: there is nothing to decide.")
    else:
        session.tell(f"{name} is as this host remembers it: there is nothing to decide.")
    if held_back:
        session.trouble(held_back)
    return EXIT_TROUBLE if held_back else EXIT_FINE


def forget(session: Session, name: str, *, yes: bool) -> int:
    """Forget a host. Raise UsageError for this one, and, with the nearest name, for one that is not known."""
    if name == host_name(session.settings, create=False):
        raise UsageError(f"{name} is this host: it would be back with its next run; forget it on another one")
    # Not the look of a command that only looks: as long as changes wait here, that one is by the mirror. Opened once:
    # what it says at the end is true after the host was forgotten.
    with session.store() as store:
        known = _known(store)
        if name not in known:
            raise UsageError(f"there is no host {name!r}; {nearest(name, known)}")
        seen = known[name].seen_at
        last = f"last seen {when(seen, session.wiring.zone)}" if seen else "never seen"
        if not yes and not session.confirm(f"Is {name} ({last}) gone for good, and runs nowhere any more?"):
            raise UsageError("nothing was forgotten; say --yes to forget it without being asked")
        # Asked of the store itself: by a copy of it nobody can tell who uses it now.
        _known(store)
        forget_host(store, name)
    session.give({"host": name, "forgotten": True})
    session.tell(f"Host {name} is forgotten. If it still runs, it comes back with its next run.")
    return EXIT_FINE


def _known(store: Store) -> Mapping[str, HostRecord]:
    known = known_hosts(store).hosts
    if store.is_away:
        raise StoreAwayError(f"{store.name} cannot be reached: which hosts use it can be changed only when it is back")
    return known


def _look(session: Session) -> _Standing:
    settings = session.settings
    with session.store(read_only=True) as store:
        known = known_hosts(store).hosts
        refused = session.wiring.join(store, read_only=True)
        name, away, held_back = store.name, store.is_away, refused or store.held_back
    own = host_name(settings, create=False)
    return _Standing(
        name=name,
        own=own,
        is_shared=settings.mongo.shared,
        away=away,
        waiting=session.wiring.waiting(),
        held_back=held_back,
        hosts=list(known.values()),
        database=None if away else session.wiring.standing(),
    )


def _object(session: Session, standing: _Standing) -> dict[str, object]:
    return {
        "store": standing.name,
        "mongodb": session.settings.mongo.uri is not None,
        "away": standing.away,
        "waiting": standing.waiting,
        "host": standing.own or None,
        "shared": standing.is_shared,
        "held_back": standing.held_back or None,
        "database": standing.database.found.value if standing.database else None,
        "awaited": list(standing.database.awaited) if standing.database else [],
        "differences": [
            {"collection": one.collection, "id": one.id, "what": one.what}
            for one in (standing.database.differences if standing.database else ())
        ],
        "hosts": [
            {
                "name": host.name,
                "own": host.name == standing.own,
                "shared": host.shared,
                "seen_at": instant(host.seen_at),
            }
            for host in standing.hosts
        ],
    }
