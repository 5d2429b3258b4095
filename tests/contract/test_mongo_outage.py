"""MongoDB that is away, hangs, loses its primary or its majority: an error is never an answer, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from fakes.mongod import Mongod, ReplicaSet, new_database, or_skip, own_mongod, shared_replica_set
from fakes.records import LATER, NOON, code, entry, guild, run

from giftping.store.base import HOME_GAME, Destination, StoreAwayError, StoreError
from giftping.store.engine import Change
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store

SOON = timedelta(milliseconds=300)
PATIENT = timedelta(seconds=30)

EVERYTHING: dict[str, Callable[[Store], object]] = {
    "recorded": lambda store: store.recorded(HOME_GAME, ["A1"], [1]),
    "entry": lambda store: store.entry(1, HOME_GAME, "A1"),
    "entries": lambda store: list(store.entries()),
    "guilds": lambda store: store.guilds(),
    "guild": lambda store: store.guild(1),
    "codes": lambda store: store.codes(),
    "runs": lambda store: store.runs(),
    "documents": lambda store: list(store.documents("sent_giftcodes")),
    "stored_ids": lambda store: store.stored_ids("sent_giftcodes", ["1:A1"]),
    "changed_since": lambda store: list(store.changed_since(None)),
    "insert": lambda store: store.insert([entry()]),
    "mark_sent": lambda store: store.mark_sent("d", ["1:A1"], message_id=1, channel_id=1, at=LATER),
    "mark_uncertain": lambda store: store.mark_uncertain("d", ["1:A1"], at=LATER),
    "release": lambda store: store.release("d", ["1:A1"]),
    "take_over": lambda store: store.take_over("d", ["1:A1"], held_by="a", held_since=NOON, by="b", at=LATER),
    "clear": lambda store: store.clear(1),
    "put_guild": lambda store: store.put_guild(guild()),
    "remove_guild": lambda store: store.remove_guild(1),
    "note_seeded": lambda store: store.note_seeded(1, HOME_GAME, ["site"]),
    "note_broken": lambda store: store.note_broken(1, Destination(channel_id=1), None),
    "remember": lambda store: store.remember([code()]),
    "record_run": lambda store: store.record_run(run()),
    "insert_documents": lambda store: store.insert_documents("codes", [{"_id": "a"}]),
    "documents_of": lambda store: store.documents_of("todo_state", ["a"]),
    "documents_where": lambda store: store.documents_where("todo_events", "user_id", "1"),
    "change_documents": lambda store: store.change_documents("todo_state", [Change({"_id": "a"}, {"_id": "a"})]),
    "remove_documents": lambda store: store.remove_documents("todo_state", ["a"]),
    "adopt": lambda store: store.adopt([entry()], host="host-a"),
    "drop_open": lambda store: store.drop_open(["1:A1"], host="host-a"),
    "clear_before": lambda store: store.clear_before(1, game=None, key=None, before=LATER),
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
    with Store(MongoEngine(new_database(server.uri), server_selection=PATIENT)) as store:
        for number in range(20):
            assert store.insert([entry(1, f"CODE{number}")])
        server.kill()
        server.start()
        assert len(list(store.entries())) == 20
        assert store.insert([entry(1, "CODE0"), entry(1, "NEW")]) == {"1:NEW"}


def test_a_server_that_hangs_is_away(server: Mongod) -> None:
    with Store(MongoEngine(new_database(server.uri), server_selection=PATIENT, answer=SOON)) as store:
        store.insert([entry()])
        server.pause()
        with pytest.raises(StoreAwayError):
            store.recorded(HOME_GAME, ["GIFT100"], [1])
        with pytest.raises(StoreAwayError):
            store.insert([entry(2)])


def test_a_server_that_was_away_at_first_is_found_when_it_comes(server: Mongod) -> None:
    server.kill()
    with Store(MongoEngine(new_database(server.uri), server_selection=SOON)) as store:
        with pytest.raises(StoreAwayError, match="the connection was refused"):
            store.guilds()
        server.start()
        assert store.guilds() == []


def test_members_without_a_primary_are_away(members: ReplicaSet) -> None:
    with Store(MongoEngine(new_database(members.uri), server_selection=PATIENT)) as store:
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
    with Store(MongoEngine(uri, server_selection=PATIENT)) as store:
        store.insert_documents("todo_state", [{"_id": str(number), "count": 0} for number in range(5)])

    def count_up(thread: int) -> tuple[int, int]:
        sure = unclear = 0
        with Store(MongoEngine(uri, server_selection=PATIENT, answer=PATIENT)) as own:
            for step in range(60):
                found = own.documents_of("todo_state", [str(number) for number in range(5)]).values()
                changes = [Change({**one, "count": one["count"] + 1}, one) for one in found]
                try:
                    sure += len(own.change_documents("todo_state", changes))
                except StoreAwayError:
                    unclear += len(changes)
                if step == 10:
                    under_way.set()
        return sure, unclear

    primary = members.primary()
    with ThreadPoolExecutor(threads) as pool:
        counting = [pool.submit(count_up, thread) for thread in range(threads)]
        assert under_way.wait(60)
        primary.kill()
        counts = [one.result() for one in counting]
    sure, unclear = (sum(column) for column in zip(*counts, strict=True))
    with Store(MongoEngine(uri, server_selection=PATIENT)) as store:
        counted = sum(one["count"] for one in store.documents("todo_state"))
    assert sure <= counted <= sure + unclear
    assert sure > 0


def test_a_claim_that_no_majority_has_is_not_acknowledged(members: ReplicaSet) -> None:
    with Store(MongoEngine(new_database(members.uri), server_selection=PATIENT, answer=SOON)) as store:
        store.recorded(HOME_GAME, ["GIFT100"], [1])
        for member in members.secondaries():
            member.pause()
        with pytest.raises(StoreAwayError):
            store.insert([entry()])
        with pytest.raises(StoreAwayError):
            store.change_documents("todo_state", [Change({"_id": "a"}), Change({"_id": "b"}, {"_id": "b"})])


def test_claims_go_on_when_the_primary_is_killed_and_none_is_won_twice_or_lost(members: ReplicaSet) -> None:
    """A claim that raised is unclear, as it would be after a second election; all others are as they were answered."""
    threads, codes = 6, [f"CODE{number}" for number in range(80)]
    won: dict[str, set[str]] = {f"delivery-{number}": set() for number in range(threads)}
    unclear: dict[str, set[str]] = {thread: set() for thread in won}
    under_way = Event()

    def claim(thread: str) -> None:
        with Store(MongoEngine(uri, server_selection=PATIENT, answer=PATIENT)) as store:
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
        assert under_way.wait(60)
        primary.kill()
        for one in runs:
            one.result()
    with Store(MongoEngine(uri, server_selection=PATIENT)) as store:
        recorded = {one.id: one.delivery_id for one in store.entries()}
    acknowledged = Counter(id_ for ids in won.values() for id_ in ids)
    assert set(acknowledged.values()) == {1}
    assert {id_: thread for thread, ids in won.items() for id_ in ids}.items() <= recorded.items()
    assert all(id_ in acknowledged or id_ in unclear[thread] for id_, thread in recorded.items())
    assert recorded.keys() == {f"{guild_id}:{key}" for guild_id in (1, 2) for key in codes}
    assert {id_ for id_ in acknowledged if id_.endswith(codes[-1])}, "nobody went on after the kill"


def test_settling_goes_on_when_the_primary_is_killed_and_counts_each_entry_once(members: ReplicaSet) -> None:
    with Store(MongoEngine(new_database(members.uri), server_selection=PATIENT, answer=PATIENT)) as store:
        claims = [entry(1, f"CODE{number}", delivery_id=f"delivery-{number}") for number in range(60)]
        store.insert(claims)
        primary = members.primary()
        with ThreadPoolExecutor(2) as pool:
            settling = [
                pool.submit(store.mark_sent, one.delivery_id, [one.id], message_id=7, channel_id=8, at=LATER)
                for one in claims
            ]
            primary.kill()
            assert [one.result() for one in settling] == [1] * len(claims)
        assert {one.message_id for one in store.entries()} == {7}


def test_indexes_are_made_while_a_member_is_down(members: ReplicaSet) -> None:
    uri = new_database(members.uri)
    members.secondaries()[0].kill()
    with Store(MongoEngine(uri, server_selection=PATIENT)) as store:
        assert store.insert([entry()]) == {entry().id}
