"""One database, and hosts that use it, each with its mirror."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fakes.records import run
from fakes.shared_store import FakeSharedEngine

from giftping.store.base import StoreAwayError
from giftping.store.engine import Change
from giftping.store.mirror.engine import MirroredEngine, database_lock
from giftping.store.mirror.standing import decide_database
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

START = datetime(2026, 5, 4, 12, tzinfo=UTC)


class KilledError(BaseException):
    """The process is no more."""


@dataclass
class Site:
    """One database, and hosts that use it."""

    folder: Path
    away: bool = False
    now: datetime = START
    dies_at: int = 0
    """At which of its requests to the database a process is killed, after it was carried out; 0 for none."""
    loses_answer_of: int = 0
    """Which request is carried out without an answer, so that the database is away from then on."""
    requests: int = 0
    elections: int = 0
    made: Mapping[str, str] = field(default_factory=dict)
    """What tells that the collections of the database are the same ones."""
    opened: list[MirroredEngine] = field(default_factory=list)

    def host(self, name: str = "one", *, waits: bool = False, read_only: bool = False, folder: str = "") -> Store:
        """What one process of a host opens, whose state folder is called so, too, unless it is said."""
        place = self.folder / (folder or name)
        engine = MirroredEngine(
            self.database(),  # type: ignore[arg-type]  # stands for one
            TinyEngine(place, read_only=read_only),
            folder=place,
            host=name,
            clock=lambda: self.now,
            waits=waits,
            read_only=read_only,
            rename=lambda: f"{place.name}-renamed",
        )
        self.opened.append(engine)
        return Store(engine)

    def database(self) -> Counting:
        return Counting(self.folder / "database", self)

    def documents(self, collection: str, host: str = "") -> dict[str, dict[str, Any]]:
        """What the database holds, or the mirror of a host."""
        with closing(TinyEngine(self.folder / (host or "database"), read_only=True)) as engine:
            return {str(one["_id"]): dict(one) for one in engine.walk(collection)}

    def in_step(self, *hosts: str) -> None:
        for host in hosts or ("one",):
            with self.host(host) as store:
                store.record_run(run(host=host))

    def decide(self, host: str = "one", *, adopts: bool = False) -> None:
        """Let a person say that the database is to be believed, or what a host remembers."""
        folder = self.folder / host
        with closing(TinyEngine(folder)) as mirror, closing(self.database()) as database:
            decide_database(database, mirror, database_lock(folder), host, self.now, adopts=adopts)  # type: ignore[arg-type]  # stands for one

    @contextmanager
    def lost(self) -> Iterator[None]:
        self.away = True
        yield
        self.away = False


class Counting(FakeSharedEngine):
    """A database that is away, or whose process is killed, when the site says so."""

    def __init__(self, folder: Path, site: Site) -> None:
        super().__init__(folder, lambda: site.away)
        self._site = site
        self.made = site.made

    @property
    def election(self) -> object:
        return self._site.elections

    def change(self, changes: Any, *, rev: str = "") -> list[bool]:
        made = super().change(changes, rev=rev)
        self._site.requests += 1
        if self._site.requests == self._site.dies_at:
            raise KilledError
        if self._site.requests == self._site.loses_answer_of:
            self._site.away = True
            raise StoreAwayError("the shared store is away")
        return made


def put(store: Store, collection: str, **document: Any) -> bool:
    before = store.engine.get(collection, [document["_id"]]).get(document["_id"])
    return store.engine.change([Change(collection, before, document)])[0]


def remove(store: Store, collection: str, id_: str) -> bool:
    return store.engine.change([Change(collection, store.engine.get(collection, [id_])[id_], None)])[0]


def plain(documents: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {id_: {name: value for name, value in one.items() if name != "rev"} for id_, one in documents.items()}
