"""What lies in a MongoDB database: older bots' documents, the schema, the indexes, and how often it is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from fakes.mongod import database, new_database, or_skip, shared_mongod, shared_replica_set
from fakes.records import LATER, NOON, code, entry, mark, subscription
from pymongo.database import Database

from giftping.store.base import HOME_GAME, SCHEMA_VERSION, Broken, Destination, EntryState, StoreError
from giftping.store.documents import (
    LEDGER,
    META,
    SCHEMA_ID,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_TIMESTAMPS,
    entry_to_document,
)
from giftping.store.engine import Change
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store

OLD = {
    "_id": "1:OLD100",
    "guild_id": 1,
    "code": "OLD100",
    "source": "auto",
    "sent_at": "2025-03-01T10:00:00.5",
    "created_at": "2025-03-01T10:00:00.5",
    "updated_at": "2025-03-01T10:00:00.5",
}
REWRITTEN = {"_id": "1", "guild_id": 1, "codes": ["Old200"], "source": "auto", "created_at": "2025-04-01T10:00:00"}


@pytest.fixture
def uri() -> str:
    return new_database(or_skip(shared_mongod))


@pytest.fixture
def there(uri: str) -> Database[dict[str, Any]]:
    return database(uri)


@pytest.fixture
def store(uri: str) -> Iterator[Store]:
    with Store(MongoEngine(uri)) as opened:
        yield opened


def requests(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the commands that were sent since the log was cleared."""
    texts = (record.getMessage() for record in caplog.records if record.name == "pymongo.command")
    names = [text.partition('"commandName": "')[2].partition('"')[0] for text in texts if "Command started" in text]
    return [name for name in names if name != "endSessions"]


# Older bots' documents


def test_what_the_older_bot_sent_is_an_entry(store: Store, there: Database[dict[str, Any]]) -> None:
    there[LEDGER].insert_one(OLD)
    found = store.entry(1, HOME_GAME, "OLD100")
    assert found is not None
    assert (found.state, found.spelling, found.game) == (EntryState.SENT, "OLD100", HOME_GAME)
    assert found.sent_at == datetime(2025, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)
    assert store.recorded(HOME_GAME, ["OLD100"], [1]) == {1: {"OLD100"}}
    assert store.insert([entry(1, "OLD100")]) == frozenset()
    assert list(store.entries(1, [EntryState.SENT])) == [found]
    assert list(store.entries(1, [EntryState.OPEN])) == []


def test_a_document_of_the_rewritten_bot_is_no_entry_and_stays(store: Store, there: Database[dict[str, Any]]) -> None:
    there[LEDGER].insert_many([OLD, REWRITTEN])
    assert [one.key for one in store.entries()] == ["OLD100"]
    assert [one.key for one in store.entries(1)] == ["OLD100"]
    assert store.clear(1) == 1
    assert list(there[LEDGER].find()) == [REWRITTEN]


def test_older_entries_are_cleared_by_game_and_code_too(store: Store, there: Database[dict[str, Any]]) -> None:
    there[LEDGER].insert_one(OLD)
    assert store.clear(1, game="kingshot") == 0
    assert store.clear(1, game=HOME_GAME, key="OLD100") == 1


def test_documents_are_exactly_those_of_the_file(store: Store, there: Database[dict[str, Any]]) -> None:
    store.insert([entry()])
    assert list(there[LEDGER].find()) == [entry_to_document(entry())]


def test_a_document_that_is_damaged_is_named(store: Store, there: Database[dict[str, Any]]) -> None:
    """D4: what cannot be read is never "none"."""
    there[LEDGER].insert_one({**OLD, "guild_id": "one"})
    store.insert([entry(key="GIFT100")])
    assert [one.key for one in store.entries()] == ["GIFT100"]
    assert "'1:OLD100': guild_id is 'one'" in store.odd[0]


def test_a_destination_edited_by_hand_is_still_noted_as_broken(store: Store, there: Database[dict[str, Any]]) -> None:
    store.put_subscriptions(subscription())
    there[SUBSCRIPTIONS].update_one(
        {"_id": "1:whiteout-survival"}, {"$set": {"destination": {"channel_id": "500", "webhook": ""}}}
    )
    store.note_broken(1, Destination(channel_id=500), Broken(LATER, "404"))
    (found,) = store.subscriptions(1)
    assert found.broken == Broken(LATER, "404")


def test_a_text_may_hold_any_character(store: Store) -> None:
    odd = entry(spelling="zero\0, ü, 𝟘")
    store.insert([odd])
    assert list(store.entries()) == [odd]


def test_half_of_a_character_is_refused_as_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError, match="a value cannot be stored"):
        store.insert([entry(spelling="half \ud83d")])
    assert list(store.entries()) == []


# Schema, indexes, requests


def test_a_newer_schema_is_refused_before_anything_is_read_or_written(
    store: Store, there: Database[dict[str, Any]]
) -> None:
    there[META].insert_one({"_id": SCHEMA_ID, "version": SCHEMA_VERSION + 1})
    for attempt in (lambda: store.entries(), lambda: store.insert([entry()]), lambda: next(store.engine.walk(LEDGER))):
        with pytest.raises(StoreError, match="newer giftping"):
            attempt()
    assert there.list_collection_names() == [META]


def test_reading_an_empty_database_makes_nothing_in_it(store: Store, there: Database[dict[str, Any]]) -> None:
    assert store.subscriptions() == []
    assert there.list_collection_names() == []


def test_the_first_write_notes_the_schema_and_makes_the_indexes_once(
    uri: str, there: Database[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    there[LEDGER].create_index([("updated_at", 1)], name="giftping_updated_at")
    there[LEDGER].create_index([("code", 1)], name="of_another_program")
    caplog.set_level(logging.DEBUG, "pymongo.command")
    with Store(MongoEngine(uri)) as first:
        first.insert([entry()])
    assert {note["_id"]: note.get("version") for note in there[META].find()}[SCHEMA_ID] == SCHEMA_VERSION
    assert there[LEDGER].index_information().keys() == {"_id_", "giftping_state", "of_another_program"}
    assert there[TODO_EVENTS].index_information().keys() == {"_id_", "giftping_member", "giftping_kind"}
    caplog.clear()
    with Store(MongoEngine(uri)) as second:
        second.insert([entry(2), entry(3)])
        second.recorded(HOME_GAME, ["GIFT100", "GIFT200"], [1, 2, 3])
        mark(second, entry(2).id, entry(3).id)
        second.remember([code("A1"), code("B2")])
        second.remove_documents(LEDGER, ["1:GIFT100", "9:OTHER"])
    # One for the schema; then one each, and where it depends on what is there, one to read it.
    one_each = ["insert", "find", "find", "update", "find", "insert", "find", "delete"]
    assert requests(caplog) == ["find", *one_each]


def test_a_hundred_codes_are_claimed_marked_and_taken_back_in_few_requests(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [entry(1, f"CODE{number}") for number in range(100)]
    ids = [one.id for one in entries]
    store.insert(entries[:1])
    caplog.set_level(logging.DEBUG, "pymongo.command")
    store.insert(entries)
    assert requests(caplog) == ["insert"]
    caplog.clear()
    assert mark(store, *ids) == 100
    assert requests(caplog) == ["find", "update"]
    caplog.clear()
    assert store.remove_documents(LEDGER, ids) == set(ids)
    # A removal is only counted: one look more says which of many are there to be removed.
    assert requests(caplog) == ["find", "find", "delete"]


@pytest.mark.parametrize(
    ("collection", "where", "within"),
    [
        (LEDGER, {}, "7:"),
        (LEDGER, {"code": ["CODE3"]}, "7:"),
        (LEDGER, {"state": ["open"]}, "7:"),
        (LEDGER, {"state": ["sent"]}, ""),
        (TODO_EVENTS, {"user_id": ["7"]}, ""),
        (TODO_EVENTS, {"kind": ["warning"]}, ""),
    ],
)
def test_what_is_asked_for_is_found_by_an_index(
    store: Store, there: Database[dict[str, Any]], collection: str, where: dict[str, list[str]], within: str
) -> None:
    states = (EntryState.SENT, *[EntryState.SEEDED] * 9)
    store.insert([entry(1 + number // 10, f"CODE{number % 10}", state=states[number % 10]) for number in range(600)])
    store.insert([entry(7, f"OPEN{number}") for number in range(3)])
    kinds = ("warning", *["reminder"] * 9)
    events = [{"_id": str(n), "user_id": str(n // 10), "kind": kinds[n % 10], "at": n} for n in range(600)]
    store.insert_documents(TODO_EVENTS, events)
    there.command("profile", 2)
    found = store.engine.find(collection, where, within=within)
    there.command("profile", 0)
    (asked,) = there["system.profile"].find({"command.find": collection})
    assert len(found) in (1, 3, 10, 13, 60)
    assert "IXSCAN" in asked["planSummary"]
    assert asked["docsExamined"] <= 13 if within else asked["docsExamined"] == len(found)


def test_documents_are_read_and_changed_with_one_request_each(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.insert_documents(TODO_TIMESTAMPS, [{"_id": id_, "last_submit": 1.5} for id_ in "abc"])
    caplog.set_level(logging.DEBUG, "pymongo.command")
    found = store.engine.get(TODO_TIMESTAMPS, ["a", "b", "c"])
    changes = [Change(TODO_TIMESTAMPS, one, {**one, "last_ping": 2}) for one in found.values()]
    store.engine.change([*changes, Change(TODO_TIMESTAMPS, None, {"_id": "d"})])
    assert requests(caplog) == ["find", "update"]
    caplog.clear()
    new = Change(TODO_TIMESTAMPS, None, {"_id": "e"})
    assert store.engine.change([*changes[:2], new]) == [False, False, True]
    assert requests(caplog) == ["update"]
    caplog.clear()
    store.engine.find(TODO_EVENTS, {"user_id": ["5"]})
    assert requests(caplog) == ["find"]


def test_a_date_of_the_older_bot_stays_one_when_something_else_changes(
    store: Store, there: Database[dict[str, Any]]
) -> None:
    there["active_members"].insert_one({"_id": "5", "added": NOON})
    found = store.engine.get("active_members", ["5"])["5"]
    assert store.engine.change([Change("active_members", found, {**found, "name": "x"})]) == [True]
    assert isinstance(there["active_members"].find_one({"_id": "5"})["added"], datetime)  # type: ignore[index]


def test_a_value_that_cannot_be_stored_is_an_error_not_a_lost_change(store: Store) -> None:
    store.insert_documents(TODO_TIMESTAMPS, [{"_id": "5"}])
    with pytest.raises(StoreError, match="a value cannot be stored"):
        store.engine.change([Change(TODO_TIMESTAMPS, {"_id": "5"}, {"_id": "5", "name": "half \ud83d"})])


def test_what_is_written_is_not_logged_with_everything_else(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """A guild's webhook URL may be among it."""
    caplog.set_level(logging.DEBUG)
    store.put_subscriptions(
        subscription(destination=Destination(webhook="https://discord.com/api/webhooks/1/PASSWORT"))
    )
    assert "PASSWORT" not in caplog.text


def test_a_large_ledger_is_read_page_by_page(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entries = [entry(1 + number % 3, f"CODE{number:03}") for number in range(120)]
    store.insert(entries)
    monkeypatch.setattr("giftping.store.mongo.engine.PAGE", 50)
    caplog.set_level(logging.DEBUG, "pymongo.command")
    assert {one.id for one in store.entries()} == {one.id for one in entries}
    assert requests(caplog) == ["find"] * 3
    assert len(list(store.entries(1))) == 40
    keys = [f"CODE{number:03}" for number in range(120)]
    assert sum(map(len, store.recorded(HOME_GAME, keys, [1, 2, 3]).values())) == 120


def test_a_unique_index_of_somebody_elses_is_not_taken_for_a_lost_claim(
    store: Store, there: Database[dict[str, Any]]
) -> None:
    there[LEDGER].create_index("code", unique=True)
    store.insert([entry(1)])
    with pytest.raises(StoreError, match="a unique index other than that of _id"):
        store.insert([entry(2)])


# Several at once


def test_sixteen_threads_win_each_claim_once() -> None:
    """D9, on a replica set."""
    uri = new_database(or_skip(shared_replica_set).uri)
    threads, codes = 16, [f"CODE{number}" for number in range(20)]
    start = Barrier(threads)

    def claim(thread: int) -> frozenset[str]:
        start.wait()
        return frozenset().union(*(store.insert([entry(1, key, delivery_id=str(thread))]) for key in codes))

    with Store(MongoEngine(uri)) as store, ThreadPoolExecutor(threads) as pool:
        won = [id_ for ids in pool.map(claim, range(threads)) for id_ in ids]
        assert sorted(won) == sorted(f"1:{key}" for key in codes)


def test_hosts_that_open_a_new_database_at_once_all_get_it_ready(uri: str) -> None:
    hosts = 8
    start = Barrier(hosts)

    def first_write(host: int) -> frozenset[str]:
        with Store(MongoEngine(uri)) as own:
            start.wait()
            return own.insert([entry(host)])

    with ThreadPoolExecutor(hosts) as pool:
        assert {id_ for ids in pool.map(first_write, range(hosts)) for id_ in ids} == {
            entry(host).id for host in range(hosts)
        }


def test_hosts_that_remember_the_same_code_at_once_lose_no_source(uri: str) -> None:
    hosts = 8
    start = Barrier(hosts)

    def remember(host: int) -> None:
        with Store(MongoEngine(uri)) as own:
            own.codes()
            start.wait()
            memory = next(iter(code().sources.values()))
            own.remember([code(sources={f"source-{host}": memory})])

    with ThreadPoolExecutor(hosts) as pool:
        list(pool.map(remember, range(hosts)))
    with Store(MongoEngine(uri)) as own:
        assert len(own.codes()[0].sources) == hosts
