"""The migration into every store, and from MongoDB: in place, from another database, and between stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import Int64, ObjectId
from fakes.mongod import database, new_database, or_skip, shared_mongod
from fakes.old_data import NAIVE, SHAPES, STATE_ID, KilledError, Mortal, OldBag
from fakes.records import code, entry, subscription
from store_kinds import ENGINE_KINDS

from giftping.store.base import StoreError
from giftping.store.documents import LEDGER, SUBSCRIPTIONS
from giftping.store.engine import REV
from giftping.store.legacy.migrate import MigrationReport, MigrationRequest, Numbers, migrate
from giftping.store.legacy.olddata import HoldsOldData, OldData, open_file
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.snapshot import write_backup

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TERMS = MigrationRequest(host="host-a", game_sources=("api",))
CODES = ["ABC1", "XYZ2", "QRS3"]
FLAG = "migrated_to_sent_adapter"


class MongoStore(Store):
    """The store above a database which holds older data, too."""

    engine: MongoEngine


def no_backup(collections: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]) -> str:
    return ""


def migrated(store: object, *sources: OldData, again: bool = False, dry_run: bool = False) -> MigrationReport:
    terms = replace(TERMS, again=again, dry_run=dry_run)
    return migrate(sources, store, terms, clock=lambda: NOW, back_up=no_backup)


def raw(uri: str) -> dict[str, list[dict[str, Any]]]:
    """All documents of a database, past the store, but for the revisions that it gives to what comes over."""
    names = sorted(database(uri).list_collection_names())
    return {
        name: sorted(database(uri)[name].find({}, {REV: 0}), key=lambda document: str(document["_id"]))
        for name in names
    }


def fill(uri: str, collections: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    for name, documents in collections.items():
        database(uri)[name].insert_many([dict(document) for document in documents])


def by_id(store: Store, collection: str) -> dict[str, dict[str, Any]]:
    """The documents by `_id`; each store gives them revisions of its own."""
    return {
        document["_id"]: {name: value for name, value in document.items() if name != REV}
        for document in store.engine.walk(collection)
    }


def ids(store: Store) -> set[str]:
    return {one.id for one in store.entries()}


@pytest.fixture(params=["tinydb", "mongodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    kind = ENGINE_KINDS[request.param]
    with kind.open_store(kind.new_address(tmp_path)) as opened:
        yield opened


@pytest.fixture
def uri() -> str:
    return new_database(or_skip(shared_mongod))


@pytest.fixture
def mongo(uri: str) -> Iterator[MongoStore]:
    with MongoStore(MongoEngine(uri)) as opened:
        yield opened


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_with_a_kill_in_between_the_counts_agree_to_the_document(shape: str, store: Store) -> None:
    guilds, codes = 30, [f"CODE{number}" for number in range(100)]
    old = OldBag(SHAPES[shape](guilds, codes))
    with pytest.raises(KilledError):
        migrated(Mortal(store, 5, after=True), old)
    for again in (False, True):
        report = migrated(store, old, again=again)
        assert report.collections[LEDGER].found == guilds * len(codes)
    assert (report.added, report.collections[SUBSCRIPTIONS]) == (0, Numbers(guilds, 0))
    assert ids(store) == {f"{number}:{key}" for number in range(1, guilds + 1) for key in codes}
    assert len(store.subscriptions()) == guilds


@pytest.mark.parametrize("shape", SHAPES)
def test_in_place_everything_old_stays_as_it_is_but_the_flag(shape: str, uri: str, mongo: MongoStore) -> None:
    fill(uri, SHAPES[shape](3, CODES))
    before = raw(uri)
    planned = migrated(mongo, mongo.engine.old_data(), dry_run=True)
    assert raw(uri) == before
    report = migrated(mongo, mongo.engine.old_data())
    assert replace(report, dry_run=True) == planned
    assert report.collections[LEDGER].added == (0 if shape == "v1" else 9)
    after = raw(uri)
    for name, documents in before.items():
        by_id = {document["_id"]: document for document in after[name]}
        for document in documents:
            changed = {FLAG: True} if name == STATE_ID else {}
            assert by_id[document["_id"]] == {**document, **changed}
    assert {one.id for one in mongo.entries()} == {f"{number}:{key}" for number in (1, 2, 3) for key in CODES}
    assert migrated(mongo, mongo.engine.old_data(), again=True).added == 0


def test_an_upgrade_that_had_begun_is_completed(uri: str, mongo: MongoStore) -> None:
    """D3: the state document was not migrated, so that the first new code made all others look unsent."""
    fill(uri, {STATE_ID: [{"_id": STATE_ID, "channels": {"1": 5}, "sent": {"1": ["A1", "B2"]}}]})
    fill(uri, {LEDGER: [{"_id": "1:X9", "guild_id": 1, "code": "X9", "source": "auto", "sent_at": NAIVE}]})
    migrated(mongo, mongo.engine.old_data())
    assert ids(mongo) == {"1:A1", "1:B2", "1:X9"}
    assert mongo.subscriptions(1) != []


def test_another_database_on_the_server_comes_over_and_keeps_its_documents(uri: str, mongo: MongoStore) -> None:
    other = new_database(shared_mongod())
    name = database(other).name
    oid = ObjectId()
    fill(other, SHAPES["v2"](2, CODES))
    fill(other, {"gift_codes": [{"_id": oid, "giftcode": "NEW4"}]})
    fill(other, {"active_members": [{"_id": "5", "added": datetime(2026, 1, 29, 4, 30), "user_id": Int64(5)}]})  # noqa: DTZ001 -- as PyMongo gives it
    fill(other, {"todo_timestamps": [{"_id": 5, "last_submit": 1.5}, {"_id": "mongodb_test"}]})
    report = migrated(mongo, mongo.engine.old_data(name))
    assert name in report.sources[0]
    assert ids(mongo) == {f"{number}:{key}" for number in (1, 2) for key in [*CODES, "NEW4"]}
    assert raw(uri)["active_members"] == raw(other)["active_members"]
    assert raw(uri)["todo_timestamps"] == [{"_id": "5", "last_submit": 1.5}, {"_id": "mongodb_test"}]
    assert [one.what for one in report.reported] == ["5", "'mongodb_test'"]
    assert raw(other)[STATE_ID][0][FLAG] is True


def test_from_an_embedded_store_to_mongodb_and_back_is_the_same_loop(tmp_path: Path, mongo: MongoStore) -> None:
    with Store(TinyEngine(tmp_path / "first")) as first:
        entries = [entry(1), entry(2, "ABC1", "kingshot"), entry(3, message_id=2**62)]
        first.insert([replace(one, updated_at=NOW) for one in entries])
        first.put_subscriptions(subscription(1, seeded={"kingshot": ("a.b", "c$d")}))
        first.remember([code()])
        first.insert_documents("active_members", [{"_id": "5", "added": "2026-01-29T04:30:00.000000+00:00"}])
    migrated(mongo, open_file(tmp_path / "first" / "giftping.json"))
    with Store(TinyEngine(tmp_path / "second")) as second:
        migrated(second, mongo.engine.old_data())
        with Store(TinyEngine(tmp_path / "first")) as first:
            for name in ("sent_giftcodes", "guilds", "codes", "active_members"):
                assert by_id(second, name) == by_id(first, name)


def test_what_a_database_holds_can_be_kept_and_taken_back(tmp_path: Path, uri: str, mongo: MongoStore) -> None:
    mongo.insert([entry(1)])
    fill(uri, SHAPES["v2"](2, CODES))
    fill(uri, {"todo_timestamps": [{"_id": 5}, {"_id": "5", "last_submit": 1.5}, {"_id": ObjectId()}]})
    collections = [(name, mongo.engine.walk(name)) for name in (LEDGER, "todo_timestamps", STATE_ID)]
    kept = write_backup(tmp_path, collections, NOW)
    assert kept is not None
    with Store(TinyEngine(tmp_path / "state")) as store:
        migrated(store, open_file(kept))
        assert ids(store) == {"1:GIFT100"} | {f"{number}:{key}" for number in (1, 2) for key in CODES}
        assert by_id(store, "todo_timestamps")["5"] == {"_id": "5", "last_submit": 1.5}


def test_a_database_that_cannot_be_is_refused(mongo: MongoStore) -> None:
    assert isinstance(mongo.engine, HoldsOldData)
    with pytest.raises(StoreError, match="cannot be the name of a MongoDB database"):
        mongo.engine.old_data("no such/database")


def test_a_server_that_is_away_is_an_error_not_an_empty_database(tmp_path: Path) -> None:
    """D6: a read error was taken for an empty state, which was then saved over the full one."""
    with (
        MongoStore(MongoEngine("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=50")) as away,
        Store(TinyEngine(tmp_path / "state")) as store,
    ):
        old = away.engine.old_data("other")
        with pytest.raises(StoreError):
            migrated(store, old)
        assert store.runs() == []
