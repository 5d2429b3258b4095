"""Taking over a delivery in MongoDB, with others in between and with a death at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from fakes.mongod import new_database, or_skip, shared_mongod
from fakes.records import LATER, NOON, entry
from pymongo.collection import Collection

from giftping.store.base import EntryState, LedgerEntry
from giftping.store.documents import LEDGER, Document
from giftping.store.mongo import MongoStore
from giftping.store.mongo_link import MongoLink
from giftping.store.mongo_takeover import Takeover, take_over

MUCH_LATER = LATER + timedelta(hours=1)
ENTRIES = [entry(1, "A1"), entry(1, "B2", state=EntryState.UNCERTAIN), entry(1, "C3")]
IDS = [one.id for one in ENTRIES]
TO_B = Takeover("delivery-1", "host-a", NOON, "host-b", LATER)


class KilledError(Exception):
    pass


class Ledger:
    """The ledger's collection, with something that happens before each request but the first."""

    def __init__(self, collection: Collection[Document], before: Callable[[int], None]) -> None:
        self._collection = collection
        self._before = before
        self.asked = 0

    def find(self, wanted: Document) -> list[Document]:
        return list(self._ask().find(wanted))

    def bulk_write(self, changes: list[Any]) -> Any:
        return self._ask().bulk_write(changes)

    def _ask(self) -> Collection[Document]:
        self.asked += 1
        if self.asked > 1:
            self._before(self.asked)
        return self._collection


@pytest.fixture
def store() -> Iterator[MongoStore]:
    with MongoStore(new_database(or_skip(shared_mongod))) as opened:
        opened.insert(ENTRIES)
        yield opened


def collection_of(store: MongoStore) -> Collection[Document]:
    link: MongoLink = store._link
    return link.collection(LEDGER)


def take(store: MongoStore, takeover: Takeover, before: Callable[[int], None] = lambda step: None) -> bool:
    return take_over(Ledger(collection_of(store), before), IDS, takeover)  # type: ignore[arg-type]  # all it uses


def holders(store: MongoStore) -> list[tuple[str, datetime | None]]:
    return [(one.claimed_by, one.claimed_at) for one in store.entries()]


def test_a_takeover_needs_three_requests(store: MongoStore) -> None:
    ledger = Ledger(collection_of(store), lambda step: None)
    assert take_over(ledger, IDS, TO_B)  # type: ignore[arg-type]  # all it uses
    assert ledger.asked == 3
    assert holders(store) == [("host-b", LATER)] * 3


@pytest.mark.parametrize(("step", "gone"), [(2, 0), (2, 1), (2, 2), (3, 1), (3, 2)])
@pytest.mark.parametrize("how", ["sent", "released"])
def test_what_is_settled_in_between_stops_the_takeover_and_the_rest_is_as_before(
    store: MongoStore, step: int, gone: int, how: str
) -> None:
    def meanwhile(now: int) -> None:
        if now == step and how == "sent":
            store.mark_sent("delivery-1", [IDS[gone]], message_id=7, channel_id=8, at=LATER)
        elif now == step:
            store.release("delivery-1", [IDS[gone]])

    assert not take(store, TO_B, meanwhile)
    left = {one.id: one for one in store.entries(states=(EntryState.CLAIMED, EntryState.UNCERTAIN))}
    assert left == {one.id: one for place, one in enumerate(ENTRIES) if place != gone}
    assert all("taken_from" not in document for document in collection_of(store).find())


@pytest.mark.parametrize("step", [2, 3])
def test_another_host_in_between_never_shares_the_delivery(store: MongoStore, step: int) -> None:
    outcomes = []

    def meanwhile(now: int) -> None:
        if now == step:
            outcomes.append(take(store, replace(TO_B, by="host-c", at=MUCH_LATER)))

    outcomes.append(take(store, TO_B, meanwhile))
    assert sorted(outcomes) == [False, True]
    assert len(set(holders(store))) == 1


@pytest.mark.parametrize("moved", [1, 2])
def test_a_delivery_half_taken_by_a_host_that_died_is_that_hosts(store: MongoStore, moved: int) -> None:
    die_after(store, moved)
    assert len(set(holders(store))) == 2
    # The host it was taken from, and others who still believe it to be that one's, come too late.
    assert not take(store, replace(TO_B, by="host-c", at=MUCH_LATER))
    # The host itself, after a restart, and any other after the lease, take all of it.
    assert take(store, Takeover("delivery-1", "host-b", LATER, "host-c", MUCH_LATER))
    assert holders(store) == [("host-c", MUCH_LATER)] * 3


def test_the_first_entry_and_the_latest_date_tell_who_holds_a_half_taken_delivery(store: MongoStore) -> None:
    """What `settle` goes by."""
    die_after(store, 1)
    found = list(store.entries())
    assert found[0].claimed_by == "host-b"
    assert max(one.claimed_at for one in found if one.claimed_at) == LATER


@pytest.mark.parametrize("moved", [1, 2])
@pytest.mark.parametrize("step", [2, 3, 4])
def test_a_second_death_while_a_half_taken_delivery_is_taken_loses_nothing(
    store: MongoStore, moved: int, step: int
) -> None:
    die_after(store, moved)
    with pytest.raises(KilledError):
        take(store, Takeover("delivery-1", "host-b", LATER, "host-c", MUCH_LATER), die_at(step))
    first = next(store.entries())
    held_since = first.claimed_at
    assert held_since is not None
    assert take(store, Takeover("delivery-1", first.claimed_by, held_since, "host-d", MUCH_LATER + timedelta(hours=1)))
    assert {holder for holder, _ in holders(store)} == {"host-d"}


def test_a_delivery_that_was_taken_back_and_forth_is_still_one(store: MongoStore) -> None:
    at = NOON
    for number, (held_by, by) in enumerate([("host-a", "host-b"), ("host-b", "host-a"), ("host-a", "host-a")]):
        later = LATER + timedelta(minutes=number)
        assert store.take_over("delivery-1", IDS, held_by=held_by, held_since=at, by=by, at=later)
        at = later
    assert holders(store) == [("host-a", at)] * 3
    assert store.mark_sent("delivery-1", IDS, message_id=7, channel_id=8, at=at) == 3


def test_of_many_hosts_that_take_over_at_once_one_does(store: MongoStore) -> None:
    hosts = 8
    for number in range(5):
        key = f"delivery-{number + 10}"
        claims: list[LedgerEntry] = [entry(2, f"{key}-{one}", delivery_id=key) for one in range(4)]
        store.insert(claims)
        start = Barrier(hosts)

        def attempt(host: int, start: Barrier = start, key: str = key, claims: list[LedgerEntry] = claims) -> bool:
            start.wait()
            ids, by = [one.id for one in claims], f"racer-{host}"
            return store.take_over(key, ids, held_by="host-a", held_since=NOON, by=by, at=LATER)

        with ThreadPoolExecutor(hosts) as pool:
            outcomes = list(pool.map(attempt, range(hosts)))
        assert outcomes.count(True) == 1
        winner = f"racer-{outcomes.index(True)}"
        assert {one.claimed_by for one in store.entries(2) if one.delivery_id == key} == {winner}


def die_at(step: int) -> Callable[[int], None]:
    def die(now: int) -> None:
        if now == step:
            raise KilledError

    return die


def die_after(store: MongoStore, moved: int) -> None:
    """Leave the delivery as host-b does when it dies with so many entries moved, in the order of their ids."""
    with pytest.raises(KilledError):
        take(store, TO_B, die_at(3))
    changes = {"claimed_by": "host-b", "claimed_at": TO_B.after["claimed_at"], "taken_from": TO_B.before}
    for id_ in IDS[1:moved]:
        collection_of(store).update_one({"_id": id_}, {"$set": {**changes, "state": "claimed"}})
