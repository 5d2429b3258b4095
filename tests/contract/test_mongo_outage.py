"""MongoDB that is away, hangs, loses its primary or its majority: an error is never an answer, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Event

import pytest
from fakes.mongod import Mongod, ReplicaSet, new_database, or_skip, own_mongod, shared_replica_set
from fakes.patience import PATIENT
from fakes.records import code, entry, run

from giftping.store.base import HOME_GAME, StoreAwayError, StoreError
from giftping.store.documents import CODES, LEDGER, TODO_STATE
from giftping.store.engine import Change
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store

SOON = timedelta(milliseconds=300)
LONG = timedelta(seconds=PATIENT)

EVERYTHING: dict[str, Callable[[Store], object]] = {
    "get": lambda store: store.engine.get(LEDGER, ["1:A1"]),
    "present": lambda store: store.engine.present(LEDGER, ["1:A1"]),
    "find": lambda store: store.engine.find(LEDGER, {"state": ["open"]}, within="1:"),
    "walk": lambda store: list(store.engine.walk(LEDGER)),
    "stamps": lambda store: list(store.engine.stamps(LEDGER)),
    "insert": lambda store: store.engine.change([Change(CODES, None, {"_id": "a"})]),
    "change": lambda store: store.engine.change([Change(CODES, {"_id": "a"}, {"_id": "a", "game": "b"})]),
    "remove": lambda store: store.engine.change([Change(CODES, {"_id": "a"}, None)]),
    "recorded": lambda store: store.recorded(HOME_GAME, ["A1"], [1]),
    "entry": lambda store: store.entry(1, HOME_GAME, "A1"),
    "entries": lambda store: list(store.entries()),
    "record_run": lambda store: store.record_run(run()),
    "remember": lambda store: store.remember([code()]),
    "clear": lambda store: store.clear(1),
    "remove_documents": lambda store: store.remove_documents(CODES, ["a"]),
}


@pytest.fixture
def server() -> Iterator[Mongod]:
    """A server that a test may kill or let hang; it runs again for the next."""
    shared: Mongod = or_skip(own_mongod)
    yield shared
    shared.resume()
    shared.ensure_started()


@pytest.fixture
def members() -> Iterator[ReplicaSet]:
    """A replica set whose members a test may kill; it is whole again for the next."""
    shared: ReplicaSet = or_skip(shared_replica_set)
    yield shared
    for member in shared.members:
        member.resume()
    shared.start()


def until_answered(ask: Callable[[], object]) -> None:
    """Ask until an answer comes within the little time there is for one."""
    for _ in range(1000):
        with suppress(StoreAwayError):
            ask()
            return
    raise AssertionError("it never answers")


def test_whatever_is_asked_of_a_server_that_went_away_is_an_error_and_never_an_answer(server: Mongod) -> None:
    """D4, D6: nothing that cannot be read counts as empty."""
    with Store(MongoEngine(new_database(server.uri), server_selection=SOON)) as store:
        store.insert([entry(1, "A1")])
        server.kill()

        def outcome(name: str) -> object:
            try:
                return EVERYTHING[name](store)
            except StoreError as error:
                return type(error)

        with ThreadPoolExecutor(len(EVERYTHING)) as pool:
            outcomes = dict(zip(EVERYTHING, pool.map(outcome, EVERYTHING), strict=True))
    assert outcomes == dict.fromkeys(EVERYTHING, StoreAwayError)


def test_what_was_acknowledged_is_there_after_a_kill_and_the_store_goes_on(server: Mongod) -> None:
    """A lone server has its journal only: an acknowledgement means that it is written there."""
    with Store(MongoEngine(new_database(server.uri), server_selection=LONG)) as store:
        for number in range(20):
            assert store.insert([entry(1, f"CODE{number}")])
        server.kill()
        server.start()
        assert len(list(store.entries())) == 20
        assert store.insert([entry(1, "CODE0"), entry(1, "NEW")]) == {"1:NEW"}


def test_a_server_that_hangs_is_away(server: Mongod) -> None:
    with Store(MongoEngine(new_database(server.uri), server_selection=LONG, answer=SOON)) as store:
        until_answered(lambda: store.insert([entry()]))
        server.pause()
        with pytest.raises(StoreAwayError):
            store.recorded(HOME_GAME, ["GIFT100"], [1])
        with pytest.raises(StoreAwayError):
            store.insert([entry(2)])


def test_a_server_that_was_away_at_first_is_found_when_it_comes(server: Mongod) -> None:
    server.kill()
    with Store(MongoEngine(new_database(server.uri), server_selection=SOON)) as store:
        with pytest.raises(StoreAwayError, match="the connection was refused"):
            store.codes()
        server.start()
        assert store.codes() == []


def test_members_without_a_primary_are_away(members: ReplicaSet) -> None:
    with Store(MongoEngine(new_database(members.uri), server_selection=LONG)) as store:
        store.insert([entry()])
    first, second = members.members[:2]
    first.kill()
    second.kill()
    members.wait_until_steps_down(members.members[2])
    with (
        Store(MongoEngine(new_database(members.uri), server_selection=SOON)) as store,
        pytest.raises(StoreAwayError, match="none of its members is primary now"),
    ):
        store.recorded(HOME_GAME, ["GIFT100"], [1])


def test_changes_go_on_when_the_primary_is_killed_and_each_is_counted_once(members: ReplicaSet) -> None:
    """One that raised is unclear; of all others the count is what was answered."""
    uri, threads, under_way = new_database(members.uri), 4, Event()
    with Store(MongoEngine(uri, server_selection=LONG)) as store:
        store.insert_documents(TODO_STATE, [{"_id": str(number), "count": 0} for number in range(5)])

    def count_up(thread: int) -> tuple[int, int]:
        sure = unclear = 0
        with Store(MongoEngine(uri, server_selection=LONG, answer=LONG)) as own:
            for step in range(60):
                found = own.engine.get(TODO_STATE, [str(number) for number in range(5)]).values()
                changes = [Change(TODO_STATE, one, {**one, "count": one["count"] + 1}) for one in found]
                try:
                    sure += sum(own.engine.change(changes))
                except StoreAwayError:
                    unclear += len(changes)
                if step == 10:
                    under_way.set()
        return sure, unclear

    primary = members.primary()
    with ThreadPoolExecutor(threads) as pool:
        counting = [pool.submit(count_up, thread) for thread in range(threads)]
        assert under_way.wait(PATIENT)
        primary.kill()
        counts = [one.result() for one in counting]
    sure, unclear = (sum(column) for column in zip(*counts, strict=True))
    with Store(MongoEngine(uri, server_selection=LONG)) as store:
        counted = sum(one["count"] for one in store.engine.walk(TODO_STATE))
    assert sure <= counted <= sure + unclear
    assert sure > 0


def test_a_claim_that_no_majority_has_is_not_acknowledged(members: ReplicaSet) -> None:
    with Store(MongoEngine(new_database(members.uri), server_selection=LONG, answer=SOON)) as store:
        until_answered(lambda: store.recorded(HOME_GAME, ["GIFT100"], [1]))
        for member in members.secondaries():
            member.pause()
        with pytest.raises(StoreAwayError):
            store.insert([entry()])
        with pytest.raises(StoreAwayError):
            store.engine.change([Change(TODO_STATE, None, {"_id": "a"}), Change(TODO_STATE, {"_id": "b"}, None)])


def test_claims_go_on_when_the_primary_is_killed_and_none_is_won_twice_or_lost(members: ReplicaSet) -> None:
    """A claim that raised is unclear, as it would be after a second election; all others are as they were answered."""
    threads, codes = 6, [f"CODE{number}" for number in range(80)]
    won: dict[str, set[str]] = {f"delivery-{number}": set() for number in range(threads)}
    unclear: dict[str, set[str]] = {thread: set() for thread in won}
    under_way = Event()

    def claim(thread: str) -> None:
        with Store(MongoEngine(uri, server_selection=LONG, answer=LONG)) as store:
            for key in codes:
                claims = [entry(guild_id, key, delivery_id=thread) for guild_id in (1, 2)]
                try:
                    won[thread] |= store.insert(claims)
                except StoreAwayError:
                    unclear[thread] |= {one.id for one in claims}
                if key == codes[15]:
                    under_way.set()

    uri = new_database(members.uri)
    primary = members.primary()
    with ThreadPoolExecutor(threads) as pool:
        runs = [pool.submit(claim, thread) for thread in won]
        assert under_way.wait(PATIENT)
        primary.kill()
        for one in runs:
            one.result()
    with Store(MongoEngine(uri, server_selection=LONG)) as store:
        recorded = {one.id: one.delivery_id for one in store.entries()}
    acknowledged = Counter(id_ for ids in won.values() for id_ in ids)
    assert set(acknowledged.values()) == {1}
    assert {id_: thread for thread, ids in won.items() for id_ in ids}.items() <= recorded.items()
    assert all(id_ in acknowledged or id_ in unclear[thread] for id_, thread in recorded.items())
    assert recorded.keys() == {f"{guild_id}:{key}" for guild_id in (1, 2) for key in codes}
    assert {id_ for id_ in acknowledged if id_.endswith(codes[-1])}, "nobody went on after the kill"


def test_removals_go_on_when_the_primary_is_killed_and_each_is_counted_once(members: ReplicaSet) -> None:
    with Store(MongoEngine(new_database(members.uri), server_selection=LONG, answer=LONG)) as store:
        store.insert([entry(1, f"CODE{number}") for number in range(60)])
        found = list(store.engine.walk(LEDGER))
        primary = members.primary()
        with ThreadPoolExecutor(2) as pool:
            removing = [pool.submit(store.engine.change, [Change(LEDGER, one, None)]) for one in found]
            primary.kill()
            assert [one.result() for one in removing] == [[True]] * len(found)
        assert list(store.entries()) == []


def test_indexes_are_made_while_a_member_is_down(members: ReplicaSet) -> None:
    uri = new_database(members.uri)
    members.secondaries()[0].kill()
    with Store(MongoEngine(uri, server_selection=LONG)) as store:
        assert store.insert([entry()]) == {entry().id}
