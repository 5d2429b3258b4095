"""A long collection is read whole once a day, and what was odd in it by each run until it is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.records import NOON, entry
from mirror_site import Site

from giftping.runs.whole_look import look_through
from giftping.store import base
from giftping.store.base import READ_WHOLE_EVERY, EntryState, Examined, StoreAwayError
from giftping.store.documents import LEDGER, entry_to_document
from giftping.store.memory import MemoryEngine
from giftping.store.records import Store

FUTURE = NOON + timedelta(days=400)


class Counting(MemoryEngine):
    """Counts what is read."""

    walked = 0
    got = 0

    def walk(self, collection: str) -> Iterator[Any]:
        self.walked += 1
        return super().walk(collection)

    def strays(self, collection: str, unlike: str = "") -> list[Any]:
        return []

    def get(self, collection: str, ids: Any) -> Any:
        self.got += len(ids)
        return super().get(collection, ids)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setattr(base, "READ_AT_ONCE", 5)
    engine = Counting()
    for number in range(1, 10):
        Store(engine).insert_documents(LEDGER, [entry_to_document(entry(number, state=EntryState.SENT))])
    return engine


def spoil(engine: Counting, number: int) -> None:
    odd = entry_to_document(entry(number, state=EntryState.SENT)) | {"sent_at": "soon"}
    Store(engine).remove_documents(LEDGER, [odd["_id"]])
    Store(engine).insert_documents(LEDGER, [odd])
    engine.walked = engine.got = 0


def test_what_is_odd_stays_named_and_nothing_else_is_read_until_a_day_is_over(engine: Counting) -> None:
    spoil(engine, 3)
    last = Store(engine).examine_entries(NOON)
    assert (last.documents, len(last.odd), engine.walked) == (9, 1, 1)
    for later in (timedelta(), READ_WHOLE_EVERY - timedelta(seconds=1)):
        store = Store(engine)
        assert store.examine_entries(NOON + later, last) is last
        assert (len(store.odd), engine.walked) == (1, 1)
    assert engine.got == 2
    spoil(engine, 4)
    store = Store(engine)
    store.examine_entries(NOON + READ_WHOLE_EVERY, last)
    assert (len(store.odd), engine.walked) == (2, 1)


def test_what_was_mended_is_not_named_any_more(engine: Counting) -> None:
    spoil(engine, 3)
    last = Store(engine).examine_entries(NOON)
    Store(engine).remove_documents(LEDGER, last.odd)
    store = Store(engine)
    store.examine_entries(NOON, last)
    assert store.odd == ()


@pytest.mark.parametrize(
    "last",
    [
        None,
        Examined("the store in memory", NOON, 5),
        Examined("another store", NOON, 9),
        Examined("the store in memory", FUTURE, 9),
    ],
    ids=["none yet", "a short one", "of another store", "from the future"],
)
def test_a_look_that_says_nothing_of_this_one_spares_nothing(engine: Counting, last: Examined | None) -> None:
    spoil(engine, 3)
    store = Store(engine)
    store.examine_entries(NOON, last)
    assert (len(store.odd), engine.walked) == (1, 1)


def test_a_run_remembers_a_look_only_where_that_spares_anything(tmp_path: Path) -> None:
    given: list[Examined | None] = []

    def look(found: Examined) -> list[Path]:
        look_through(tmp_path, LEDGER, lambda last: given.append(last) or found)  # type: ignore[func-returns-value]
        return list(tmp_path.iterdir())

    short, long = Examined("x", NOON, 5), Examined("x", NOON, 10**6, ("1:A",))
    assert look(short) == []
    assert [path.name for path in look(long)] == [f"examined-{LEDGER}.json"]
    assert look(short) == []
    assert given == [None, None, long]


def walked(store: Store, lost_after: int) -> tuple[list[str], int]:
    """The ids that a walk gives out where the database is lost after some, and how many it had given out at most."""
    database = store.engine._database  # type: ignore[attr-defined]
    whole, ahead, most = database.walk, 0, 0

    def walk(collection: str) -> Iterator[Mapping[str, Any]]:
        nonlocal ahead, most
        for number, document in enumerate(whole(collection)):
            if number == lost_after:
                raise StoreAwayError("the shared store is away")
            ahead += 1
            most = max(most, ahead)
            yield document

    database.walk = walk
    ids = []
    for document in store.engine.walk(LEDGER):
        ids.append(document["_id"])
        ahead -= 1
    return sorted(ids), most


@pytest.mark.parametrize("lost_after", [99, 2, 0])
def test_a_walk_gives_each_document_once_and_as_it_comes_also_where_the_database_is_lost(
    site: Site, lost_after: int
) -> None:
    with site.host() as store:
        store.insert([entry(number, state=EntryState.SENT) for number in range(1, 6)])
    with site.host() as store:
        ids, most = walked(store, lost_after)
        assert ids == [entry(number).id for number in range(1, 6)]
        assert (most, store.is_away) == (min(lost_after, 1), lost_after < 99)
