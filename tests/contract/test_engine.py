"""What every engine does, whatever it is made of: one test for each sentence of `giftping.store.engine.Engine`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from inspect import signature
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from bson import Int64
from fakes.mongod import database, new_database, or_skip, shared_mongod
from fakes.odd_ids import ODD_IDS
from fakes.store import MemoryEngine
from pymongo.database import Database
from store_kinds import ENGINE_KINDS, ON_ONE_SERVER

from giftping.store.base import StoreError
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CODES,
    COLLECTIONS,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    META,
    MIRROR,
    TODO_EVENTS,
    TODO_TIMESTAMPS,
)
from giftping.store.engine import RESTS_ON, REV, Change, Engine, stamp_of
from giftping.store.fields import plain_document
from giftping.store.mongo import engine as mongo_engine
from giftping.store.mongo.engine import MongoEngine

OpenEngine = Callable[[], Engine]
Document = dict[str, Any]

MEMORY = "memory"
"""The engine that tests of other parts use in place of one that keeps anything."""

OURS = [name for name in COLLECTIONS if name not in (META, MIRROR)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play a test on every kind, but on a replica set only where it opens the engine more than once."""
    if "kind_name" in metafunc.fixturenames:
        is_opened_again = {"open_engine", "address"} & signature(metafunc.function).parameters.keys()
        metafunc.parametrize("kind_name", ENGINE_KINDS if is_opened_again else [*ON_ONE_SERVER, MEMORY])


@pytest.fixture
def address(kind_name: str, tmp_path: Path) -> str:
    return ENGINE_KINDS[kind_name].new_address(tmp_path)


@pytest.fixture
def open_engine(kind_name: str, address: str) -> Iterator[OpenEngine]:
    """Opens the same engine again and again, as several processes would."""
    handles: list[Engine] = []

    def opened() -> Engine:
        handles.append(ENGINE_KINDS[kind_name].open(address))
        return handles[-1]

    yield opened
    for handle in handles:
        handle.close()


@pytest.fixture
def engine(kind_name: str, tmp_path: Path) -> Iterator[Engine]:
    kind = ENGINE_KINDS.get(kind_name)
    opened = MemoryEngine() if kind is None else kind.open(kind.new_address(tmp_path))
    yield opened
    opened.close()


def given(engine: Engine, collection: str, *documents: Document) -> Mapping[str, Any]:
    """Put documents there, and give the first as it is read."""
    assert all(engine.change([Change(collection, None, document) for document in documents]))
    return read(engine, collection, documents[0]["_id"])


def takes(engine: Engine, collection: str) -> bool:
    """Whether it takes changes of a collection; who uses a database nobody says by a mirror of it."""
    engine.present(collection, ["5"])
    return not (engine.is_away and collection == HOSTS)


def read(engine: Engine, collection: str, id_: str) -> Mapping[str, Any]:
    return engine.get(collection, [id_])[id_]


def change(collection: str, before: Mapping[str, Any], **fields: Any) -> Change:
    """The change of some fields of a document; those that are None go."""
    after = {**before, **fields}
    return Change(collection, before, {name: value for name, value in after.items() if value is not None})


def plain(document: Mapping[str, Any]) -> Document:
    return {name: value for name, value in document.items() if name != REV}


def held(engine: Engine, collection: str) -> dict[str, Document]:
    return {document["_id"]: plain(document) for document in engine.walk(collection)}


def found(engine: Engine, collection: str, where: Any = None, within: str = "") -> list[str]:
    return [document["_id"] for document in engine.find(collection, where, within=within)]


# Read


def test_where_nothing_is_nothing_is_found(engine: Engine) -> None:
    for collection in OURS:
        assert list(engine.walk(collection)) == engine.find(collection) == []
        assert engine.get(collection, ["1"]) == {}
        assert engine.present(collection, ["1"]) == frozenset()
    assert list(engine.walk("giftcode_state")) == []


@pytest.mark.parametrize("collection", [TODO_TIMESTAMPS, LEDGER])
def test_documents_are_found_by_their_ids_and_those_that_are_missing_left_out(engine: Engine, collection: str) -> None:
    given(engine, collection, {"_id": "1:A", "name": "five", "more": [1, None, {"x": True}]}, {"_id": "1:B"})
    assert {id_: plain(one) for id_, one in engine.get(collection, ["1:A", "1:C", "1:A"]).items()} == {
        "1:A": {"_id": "1:A", "name": "five", "more": [1, None, {"x": True}]}
    }
    assert engine.present(collection, ["1:B", "1:C", "1:B"]) == {"1:B"}
    assert engine.get(collection, []) == {}
    assert engine.present(collection, []) == frozenset()
    assert engine.get(ACTIVE_MEMBERS, ["1:A"]) == {}


def test_documents_are_found_by_their_fields_in_the_order_of_their_ids(engine: Engine) -> None:
    events = [("c", "5", "x"), ("a", "5", "y"), ("b", "6", "x"), ("d", "5", "x"), ("ä", "5", "x"), ("D", "5", "x")]
    given(engine, TODO_EVENTS, *({"_id": id_, "user_id": user, "kind": kind} for id_, user, kind in events))
    assert found(engine, TODO_EVENTS, {"user_id": ["5"]}) == ["D", "a", "c", "d", "ä"]
    assert found(engine, TODO_EVENTS, {"user_id": ["5", "6"], "kind": ["x"]}) == ["D", "b", "c", "d", "ä"]
    assert found(engine, TODO_EVENTS) == ["D", "a", "b", "c", "d", "ä"]
    assert found(engine, TODO_EVENTS, {}) == found(engine, TODO_EVENTS)
    assert found(engine, TODO_EVENTS, {"user_id": ["7"]}) == found(engine, TODO_EVENTS, {"user_id": []}) == []


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (["5"], ["text"]),
        ([5], ["number"]),
        ([5.0], ["number"]),
        ([None], ["missing", "null"]),
        ([None, ""], ["empty", "missing", "null"]),
        (frozenset(["5", 5]), ["number", "text"]),
        (["$ne"], []),
    ],
)
def test_a_field_has_one_of_the_values_and_is_no_list_that_holds_one(
    engine: Engine, wanted: Any, ids: list[str]
) -> None:
    fields = {"text": "5", "number": 5, "list": ["5", 5, None], "null": None, "empty": "", "table": {"5": 5}}
    given(engine, CODES, {"_id": "missing"}, *({"_id": id_, "field": value} for id_, value in fields.items()))
    assert found(engine, CODES, {"field": wanted}) == ids


@pytest.mark.parametrize("collection", [LEDGER, CODES])
def test_documents_are_found_by_how_their_ids_begin(engine: Engine, collection: str) -> None:
    ids = ["1:A", "1:kingshot:B", "1:é", "1:zzz", "11:A", "12", "2:A", "21:A", "1", "0:A"]
    given(engine, collection, *({"_id": id_, "state": "open" if id_.endswith("A") else "sent"} for id_ in ids))
    assert found(engine, collection, within="1:") == ["1:A", "1:kingshot:B", "1:zzz", "1:é"]
    assert found(engine, collection, {"state": ["open"]}, within="1:") == ["1:A"]
    assert found(engine, collection, within="1:k") == ["1:kingshot:B"]
    assert found(engine, collection, within="3:") == []


def test_a_stamp_is_what_a_change_rests_on(mongo: MongoEngine) -> None:
    for collection in (one for one in OURS if takes(mongo, one)):
        assert list(mongo.stamps(collection)) == []
        given(mongo, collection, {"_id": "5", "state": "sent", "last_submit": 1.5, "more": 1})
        stored = read(mongo, collection, "5")
        assert list(mongo.stamps(collection)) == [("5", stamp_of(collection, stored))]
    assert next(mongo.stamps(LEDGER)) == ("5", ("sent", None, None))


# Changed


def test_a_document_that_is_as_it_was_read_is_changed(engine: Engine) -> None:
    for collection in (one for one in OURS if takes(engine, one)):
        before = given(engine, collection, {"_id": "5", "name": "five", "count": 1})
        assert engine.change([change(collection, before, count=2, name=None, more=[1, {"a": None}])]) == [True]
        after = read(engine, collection, "5")
        assert plain(after) == {"_id": "5", "count": 2, "more": [1, {"a": None}]}
        assert (REV in after) is (REV in RESTS_ON.get(collection, (REV,)))


def test_a_second_change_from_the_same_state_fails(engine: Engine) -> None:
    first = given(engine, CODES, {"_id": "5", "count": 1})
    assert engine.change([change(CODES, first, count=2)]) == [True]
    assert engine.change([change(CODES, first, count=3)]) == [False]
    assert engine.change([Change(CODES, first, None)]) == [False]
    second = read(engine, CODES, "5")
    assert engine.change([change(CODES, second, count=3)]) == [True]
    assert read(engine, CODES, "5")["count"] == 3


@pytest.mark.parametrize(
    "since",
    [
        {"state": "sent"},
        {"delivery_id": "other"},
        {"updated_at": "2026-05-04T12:07:00.000000+00:00"},
    ],
)
def test_an_entry_of_the_ledger_is_as_it_was_read_by_its_state_its_delivery_and_its_time(
    engine: Engine, since: Document
) -> None:
    """It has the older bot's shape, and no revision."""
    entry = {"_id": "1:A", "state": "open", "delivery_id": "one", "updated_at": "2026-05-04T12:00:00.000000+00:00"}
    before = given(engine, LEDGER, entry)
    assert engine.change([change(LEDGER, before, message_id=7)]) == [True]
    assert engine.change([change(LEDGER, before, channel_id=8)]) == [True], "nothing of that is of an entry's state"
    assert engine.change([change(LEDGER, before, **since)]) == [True]
    assert engine.change([change(LEDGER, before, state="uncertain"), Change(CODES, None, {"_id": "x"})]) == [
        False,
        True,
    ]
    assert engine.change([Change(LEDGER, before, None)]) == [False]
    assert read(engine, LEDGER, "1:A") == {**entry, "message_id": 7, "channel_id": 8, **since}


@pytest.mark.parametrize("collection", [GUILDS, LEDGER])
def test_a_change_that_changes_nothing_is_made_too(engine: Engine, collection: str) -> None:
    before = given(engine, collection, {"_id": "5"})
    assert engine.change([Change(collection, before, before)]) == [True]
    assert engine.change([Change(collection, before, before)]) == [collection == LEDGER]


def test_going_back_to_an_older_state_does_not_bring_its_revision_back(engine: Engine) -> None:
    first = given(engine, GUILDS, {"_id": "5", "count": 1})
    engine.change([change(GUILDS, first, count=2)])
    second = read(engine, GUILDS, "5")
    assert engine.change([Change(GUILDS, second, first)]) == [True]
    assert engine.change([change(GUILDS, first, count=9)]) == [False]
    assert engine.change([change(GUILDS, second, count=9)]) == [False]
    assert read(engine, GUILDS, "5")["count"] == 1


def test_whoever_gives_the_revision_goes_on_from_it_without_reading(engine: Engine) -> None:
    first = Change(DELIVERIES, None, {"_id": "d", "state": "claimed"})
    entry = Change(LEDGER, None, {"_id": "1:A"})
    assert engine.change([first, entry], rev="r1") == [True, True]
    assert read(engine, DELIVERIES, "d") == {"_id": "d", "state": "claimed", REV: "r1"}
    assert read(engine, LEDGER, "1:A") == {"_id": "1:A"}
    known = {"_id": "d", "state": "claimed", REV: "r1"}
    assert engine.change([change(DELIVERIES, known, state="written")], rev="r2") == [True]
    assert engine.change([change(DELIVERIES, known, state="done")], rev="r3") == [False]
    assert read(engine, DELIVERIES, "d") == {"_id": "d", "state": "written", REV: "r2"}


def test_what_somebody_else_has_added_since_stays(engine: Engine) -> None:
    read_long_ago = {"_id": "5", "count": 1, "old": "x"}
    given(engine, ACTIVE_MEMBERS, {**read_long_ago, "added": "by another program"})
    stored = read(engine, ACTIVE_MEMBERS, "5")
    assert engine.change([change(ACTIVE_MEMBERS, {**read_long_ago, REV: stored[REV]}, count=2, old=None)]) == [True]
    assert held(engine, ACTIVE_MEMBERS) == {"5": {"_id": "5", "count": 2, "added": "by another program"}}


@pytest.mark.parametrize(
    ("read_as", "stored", "holds"),
    [
        (5, 5.0, True),
        (5.5, 5.5, True),
        (5, 6, False),
        (None, None, True),
        (None, 0, False),
        (0, None, False),
        ("a", "a", True),
        ("a", ["a"], False),
        (["a"], ["a"], True),
        (["a"], ["a", "b"], False),
        ({"since": 1.0}, {"since": 1}, True),
        ({"since": 1}, {"since": 2}, False),
        ("$a", "$a", True),
        ({"$gt": 0}, 5, False),
    ],
)
def test_what_an_older_bot_writes_must_still_be_as_it_was_read(
    engine: Engine, read_as: object, stored: object, holds: bool
) -> None:
    """It writes `last_submit`, and knows nothing of revisions."""
    document = given(engine, TODO_TIMESTAMPS, {"_id": "5", **({} if stored is None else {"last_submit": stored})})
    before = {"_id": "5", REV: document[REV], **({} if read_as is None else {"last_submit": read_as})}
    assert engine.change([change(TODO_TIMESTAMPS, before, todo="x")]) == [holds]
    assert read(engine, TODO_TIMESTAMPS, "5").get("todo") == ("x" if holds else None)
    assert engine.change([Change(TODO_TIMESTAMPS, before, None)]) == [False]


def test_a_missing_field_is_as_good_as_null(engine: Engine) -> None:
    given(engine, LEDGER, {"_id": "1:A", "state": None, "updated_at": None}, {"_id": "1:B"})
    changes = [
        change(LEDGER, {"_id": "1:A"}, x=7),
        Change(LEDGER, {"_id": "1:B", "state": None}, {"_id": "1:B", "x": 7}),
    ]
    assert engine.change(changes) == [True, True]
    assert engine.change([Change(LEDGER, {"_id": id_}, None) for id_ in ("1:A", "1:B")]) == [True, True]


def test_what_no_change_rests_on_may_have_changed(engine: Engine) -> None:
    given(engine, LEDGER, {"_id": "1:A", "spelling": "a"})
    assert engine.change([change(LEDGER, {"_id": "1:A", "spelling": "b"}, source="api")]) == [True]
    assert held(engine, LEDGER) == {"1:A": {"_id": "1:A", "spelling": "a", "source": "api"}}


@pytest.mark.parametrize("collection", [CODES, LEDGER, TODO_EVENTS])
def test_a_document_that_is_to_be_new_is_made_where_its_id_is_free(engine: Engine, collection: str) -> None:
    assert engine.change([Change(collection, None, {"_id": "5", "at": 1.5})]) == [True]
    assert engine.change([Change(collection, None, {"_id": "5", "at": 2.5})]) == [False]
    assert held(engine, collection) == {"5": {"_id": "5", "at": 1.5}}
    both = [Change(collection, None, {"_id": "5"}), Change(collection, None, {"_id": "6"})]
    assert engine.change(both) == [False, True]


@pytest.mark.parametrize("collection", [TODO_TIMESTAMPS, LEDGER])
def test_a_document_that_is_gone_stays_gone(engine: Engine, collection: str) -> None:
    """The older bot brought it back by its upserts, with nothing in it but the time of a ping."""
    before = given(engine, collection, {"_id": "5", "last_submit": 1})
    assert engine.change([Change(collection, before, None)]) == [True]
    assert engine.change([change(collection, before, last_ping=7)]) == [False]
    assert engine.change([change(collection, {"_id": "6"}, last_ping=7)]) == [False]
    assert engine.change([Change(collection, before, None)]) == [False]
    assert list(engine.walk(collection)) == []
    assert engine.change([Change(collection, None, {"_id": "5", "again": True})]) == [True]


@pytest.mark.parametrize("collection", [CODES, LEDGER])
def test_of_many_removals_the_answer_tells_those_that_were_made(engine: Engine, collection: str) -> None:
    """A database only counts them: what was gone before is not among them, nor is what has changed."""
    given(engine, collection, *({"_id": id_, "state": "open"} for id_ in "abcde"))
    old = engine.get(collection, list("abcde"))
    engine.change([Change(collection, old["b"], None), change(collection, old["c"], state="sent")])
    unknown = Change(collection, {"_id": "x", "state": "open"}, None)
    assert engine.change([*(Change(collection, old[id_], None) for id_ in "abcd"), unknown]) == [
        *(True, False, False, True),
        False,
    ]
    assert held(engine, collection).keys() == {"c", "e"}


def test_changes_of_several_collections_are_each_made_or_not_and_told_in_their_order(engine: Engine) -> None:
    given(engine, LEDGER, *({"_id": f"1:{key}", "state": "open"} for key in "ABC"))
    given(engine, DELIVERIES, {"_id": "old", "state": "claimed"}, {"_id": "lost", "state": "claimed"})
    entries, deliveries = engine.get(LEDGER, ["1:A", "1:B", "1:C"]), engine.get(DELIVERIES, ["old", "lost"])
    engine.change([change(DELIVERIES, deliveries["lost"], state="done"), change(LEDGER, entries["1:B"], state="sent")])
    made = engine.change(
        [
            Change(DELIVERIES, None, {"_id": "new"}),
            change(LEDGER, entries["1:A"], state="sent"),
            Change(DELIVERIES, deliveries["old"], None),
            change(LEDGER, entries["1:B"], state="free"),
            Change(GUILDS, None, {"_id": "1"}),
            Change(DELIVERIES, deliveries["lost"], None),
            Change(LEDGER, entries["1:C"], None),
            Change(LEDGER, None, {"_id": "1:D"}),
        ],
        rev="r9",
    )
    assert made == [True, True, True, False, True, False, True, True]
    assert {id_: one.get("state") for id_, one in held(engine, LEDGER).items()} == {
        "1:A": "sent",
        "1:B": "sent",
        "1:D": None,
    }
    assert {id_: one.get("state") for id_, one in held(engine, DELIVERIES).items()} == {"new": None, "lost": "done"}
    assert read(engine, DELIVERIES, "new")[REV] == read(engine, GUILDS, "1")[REV] == "r9"


def test_changing_nothing_is_nothing(engine: Engine) -> None:
    assert engine.change([]) == []
    assert all(list(engine.walk(collection)) == [] for collection in OURS)


def test_two_changes_of_one_document_in_one_call_are_refused_and_nothing_is_changed(engine: Engine) -> None:
    five = given(engine, CODES, {"_id": "5", "count": 1}, {"_id": "6", "count": 1})
    six = read(engine, CODES, "6")
    first = change(CODES, six, count=2)
    for second in (change(CODES, six, count=3), Change(CODES, six, None), Change(CODES, None, {"_id": "6"})):
        with pytest.raises(ValueError, match="two changes of one document"):
            engine.change([first, second])
    with pytest.raises(ValueError, match="_id"):
        engine.change([first, change(CODES, five, _id="7")])
    with pytest.raises(ValueError, match="no document"):
        engine.change([first, Change(CODES, None, None)])
    assert engine.get(CODES, ["5", "6", "7"]) == {"5": five, "6": six}
    assert engine.change([first, Change(GUILDS, None, {"_id": "6"})]) == [True, True], "of two collections they are two"


def test_what_is_changed_does_not_change_what_the_change_was_made_of(engine: Engine) -> None:
    before = given(engine, CODES, {"_id": "5", "count": 1})
    made_of, new = change(CODES, before, count=2), {"_id": "6"}
    after, kept = dict(made_of.after or {}), dict(before)
    engine.change([made_of, Change(CODES, None, new)])
    assert (made_of.after, before, new) == (after, kept, {"_id": "6"})


def test_a_document_with_a_date_can_be_read_and_changed(engine: Engine) -> None:
    """The older bot's `added` is one in MongoDB and a text in a file."""
    added = {"_id": "5", "added": datetime(2026, 1, 29, 4, 30, tzinfo=UTC), "last_submit": datetime(2026, 2, 1)}  # noqa: DTZ001 -- as PyMongo gives it
    before = given(engine, TODO_TIMESTAMPS, added)
    assert engine.change([change(TODO_TIMESTAMPS, before, name="x")]) == [True]
    after = read(engine, TODO_TIMESTAMPS, "5")
    assert (after["added"], after["last_submit"], after["name"]) == (before["added"], before["last_submit"], "x")


def test_a_date_is_kept_to_the_millisecond_so_that_a_mirror_is_what_it_mirrors(engine: Engine) -> None:
    before = given(engine, ACTIVE_MEMBERS, {"_id": "5", "added": datetime(2026, 1, 29, 4, 30, 0, 123987, tzinfo=UTC)})
    assert plain_document(before)["added"] == "2026-01-29T04:30:00.123000+00:00"


def test_a_text_that_knows_more_is_kept_as_a_text_alone_and_read_as_one_by_the_process_that_wrote_it(
    engine: Engine,
) -> None:
    class Knowing(str):
        __slots__ = ()

    change_to = {"_id": "5", "reason": Knowing("a"), "tags": [Knowing("b")], "posting": {"of": Knowing("c")}}
    assert engine.change([Change(DELIVERIES, None, change_to)]) == [True]
    kept = read(engine, DELIVERIES, "5")
    assert [type(one) for one in (kept["reason"], *kept["tags"], *kept["posting"].values())] == [str, str, str]


def test_a_text_may_hold_any_character(engine: Engine) -> None:
    odd = {"_id": "1:zero\0 ü 𝟘 \U0010ffff", "spelling": "zero\0, ü, 𝟘\n\u2028", "state": "$set.a"}
    before = given(engine, LEDGER, odd)
    assert before == odd
    assert found(engine, LEDGER, {"state": ["$set.a"]}, within="1:") == [odd["_id"]]
    assert engine.change([Change(LEDGER, before, None)]) == [True]


def test_more_than_a_page_of_documents_is_read_and_changed_in_one_call(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_engine, "PAGE", 500)
    ids = [f"1:{number:05}" for number in range(1_050)]
    assert all(engine.change([Change(CODES, None, {"_id": id_, "state": "open"}) for id_ in ids]))
    there = engine.get(CODES, ids)
    assert engine.present(CODES, [*ids, "x"]) == set(ids) == there.keys()
    assert found(engine, CODES, {"state": ["open"]}, within="1:") == ids
    assert len(list(engine.walk(CODES))) == len(ids)
    engine.change([change(CODES, there[ids[7]], state="sent")])
    assert engine.change([change(CODES, there[id_], count=2) for id_ in ids]) == [id_ != ids[7] for id_ in ids]
    there = engine.get(CODES, ids)
    engine.change([change(CODES, there[ids[7]], state="open")])
    assert engine.change([Change(CODES, there[id_], None) for id_ in ids]) == [id_ != ids[7] for id_ in ids]


# Several handles, threads and processes


def test_of_two_handles_that_decide_on_the_same_state_one_is_right(open_engine: OpenEngine) -> None:
    one, other = open_engine(), open_engine()
    given(one, CODES, {"_id": "5", "count": 1})
    ours, theirs = read(one, CODES, "5"), read(other, CODES, "5")
    assert ours == theirs
    assert other.change([change(CODES, theirs, by="other")]) == [True]
    assert one.change([change(CODES, ours, by="one")]) == [False]
    assert read(one, CODES, "5")["by"] == read(other, CODES, "5")["by"] == "other"


def test_what_was_changed_and_removed_is_so_for_the_next_process(open_engine: OpenEngine) -> None:
    first = open_engine()
    before = given(first, CODES, {"_id": "5", "count": 1}, {"_id": "6"})
    first.change(
        [
            change(CODES, before, count=2),
            Change(CODES, None, {"_id": "7"}),
            Change(CODES, read(first, CODES, "6"), None),
        ]
    )
    there = {one["_id"]: dict(one) for one in first.walk(CODES)}
    first.close()
    second = open_engine()
    assert {one["_id"]: dict(one) for one in second.walk(CODES)} == there
    assert second.change([change(CODES, there["5"], count=3)]) == [True]
    assert there.keys() == {"5", "7"}


def test_closing_twice_is_safe_and_a_closed_engine_says_so(open_engine: OpenEngine) -> None:
    engine = open_engine()
    given(engine, CODES, {"_id": "5"})
    engine.close()
    engine.close()
    with pytest.raises(StoreError, match="closed"):
        engine.change([Change(CODES, None, {"_id": "6"})])
    with pytest.raises(StoreError, match="closed"):
        engine.present(CODES, ["5"])


def test_many_threads_that_count_up_lose_no_count(open_engine: OpenEngine) -> None:
    """Each document is counted up by every thread, again and again until its change is made: exactly once each."""
    ids, threads = ["a", "b", "c"], 4
    handles = [open_engine(), open_engine()]
    given(handles[0], CODES, *({"_id": id_, "count": 0} for id_ in ids))
    start = Barrier(threads)

    def count_up(thread: int) -> None:
        engine, left = handles[thread % 2], set(ids)
        start.wait()
        while left:
            changes = [change(CODES, one, count=one["count"] + 1) for one in engine.get(CODES, left).values()]
            left -= {one.id for one, is_made in zip(changes, engine.change(changes), strict=True) if is_made}

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(count_up, range(threads)))
    assert {one["count"] for one in handles[1].walk(CODES)} == {threads}


def test_of_many_who_remove_the_same_documents_each_is_told_to_one_at_most(open_engine: OpenEngine) -> None:
    ids, threads = [str(number) for number in range(40)], 4
    handles = [open_engine(), open_engine()]
    given(handles[0], LEDGER, *({"_id": id_} for id_ in ids))
    start = Barrier(threads)

    def remove(thread: int) -> list[str]:
        engine, mine = handles[thread % 2], ids[thread * 5 :] + ids[: thread * 5]
        start.wait()
        told = []
        for first in range(0, len(mine), 8):
            batch = mine[first : first + 8]
            made = engine.change([Change(LEDGER, {"_id": id_}, None) for id_ in batch])
            told += [id_ for id_, is_made in zip(batch, made, strict=True) if is_made]
        return told

    with ThreadPoolExecutor(threads) as pool:
        told = [id_ for one in pool.map(remove, range(threads)) for id_ in one]
    assert len(told) == len(set(told))
    assert list(handles[1].walk(LEDGER)) == []


def test_processes_that_claim_the_same_codes_win_each_of_them_once(
    kind_name: str, address: str, open_engine: OpenEngine
) -> None:
    """D9: two runs on one store do not both announce a code."""
    racer = Path(__file__).with_name("claim_racer.py")
    names, rounds = ["racer-a", "racer-b"], 15
    racers = [
        subprocess.Popen(
            [sys.executable, racer, kind_name, address, name, str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    assert [one.stdout.readline() for one in racers if one.stdout] == ["ready\n"] * len(names)
    for one in racers:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    won = {name: json.loads(one.communicate()[0]) for name, one in zip(names, racers, strict=True)}
    assert {one.returncode for one in racers} == {0}
    claimed = sorted(id_ for winner in won.values() for id_ in winner)
    assert claimed == sorted(f"{guild_id}:CODE{number}" for number in range(rounds) for guild_id in (1, 2))
    engine = open_engine()
    assert {id_: one["delivery_id"] for id_, one in held(engine, LEDGER).items()} == {
        id_: name for name, winner in won.items() for id_ in winner
    }
    assert len(engine.find(DELIVERIES)) == len(names) * rounds


# What others write into a database


@pytest.fixture
def there() -> Database[dict[str, Any]]:
    return database(new_database(or_skip(shared_mongod)))


@pytest.fixture
def mongo(there: Database[dict[str, Any]]) -> Iterator[MongoEngine]:
    host, port = there.client.address or ("", 0)
    engine = MongoEngine(f"mongodb://{host}:{port}/{there.name}")
    yield engine
    engine.close()


@pytest.mark.parametrize("field", ["last_submit", "last_ping"])
def test_a_change_by_an_older_bot_is_noticed_though_it_writes_no_revision(
    mongo: MongoEngine, there: Database[dict[str, Any]], field: str
) -> None:
    before = given(mongo, TODO_TIMESTAMPS, {"_id": "5", "last_submit": 1.5, "last_ping": 0})
    there[TODO_TIMESTAMPS].update_one({"_id": "5"}, {"$set": {field: 2.5}})
    assert mongo.change([change(TODO_TIMESTAMPS, before, lapse=1)]) == [False]
    assert mongo.change([Change(TODO_TIMESTAMPS, before, None)]) == [False]
    assert mongo.change([change(TODO_TIMESTAMPS, read(mongo, TODO_TIMESTAMPS, "5"), lapse=1)]) == [True]


def test_numbers_are_equal_whatever_their_kind(mongo: MongoEngine, there: Database[dict[str, Any]]) -> None:
    there[TODO_TIMESTAMPS].insert_many([{"_id": "5", "last_submit": Int64(7), "last_ping": 0.0}, {"_id": "6"}])
    assert mongo.change([change(TODO_TIMESTAMPS, {"_id": "5", "last_submit": 7.0, "last_ping": 0}, x=1)]) == [True]
    assert found(mongo, TODO_TIMESTAMPS, {"last_submit": [7]}) == ["5"]


@pytest.mark.parametrize("ask", ["find", "where", "walk", "stamps"])
@pytest.mark.parametrize("odd", ODD_IDS.values(), ids=ODD_IDS)
def test_a_document_whose_id_is_no_text_is_named_and_skipped(
    mongo: MongoEngine, there: Database[dict[str, Any]], odd: object, ask: str
) -> None:
    there[TODO_EVENTS].insert_many([{"_id": odd, "user_id": "5"}, {"_id": "5", "user_id": "5"}])
    asked = {
        "find": lambda: found(mongo, TODO_EVENTS),
        "where": lambda: found(mongo, TODO_EVENTS, {"user_id": ["5"]}),
        "walk": lambda: [one["_id"] for one in mongo.walk(TODO_EVENTS)],
        "stamps": lambda: [id_ for id_, _ in mongo.stamps(TODO_EVENTS)],
    }
    assert asked[ask]() == asked[ask]() == ["5"]
    ((collection, _),) = mongo.odd_ids
    assert collection == TODO_EVENTS
    assert there[TODO_EVENTS].count_documents({}) == 2


def test_odd_ids_hide_no_document_of_a_collection_of_many_pages(
    mongo: MongoEngine, there: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mongo_engine, "PAGE", 3)
    texts = [f"{number}" for number in range(10, 20)]
    odd = [*range(7), *({"a": number} for number in range(7))]
    there[TODO_EVENTS].insert_many([{"_id": id_} for id_ in [*odd, *texts]])
    assert found(mongo, TODO_EVENTS) == [id_ for id_, _ in mongo.stamps(TODO_EVENTS)] == texts
    assert mongo.odd_ids


def test_a_date_of_another_program_stays_one_and_is_compared_as_one(
    mongo: MongoEngine, there: Database[dict[str, Any]]
) -> None:
    at = datetime(2026, 1, 29, 4, 30, 0, 123000)  # noqa: DTZ001 -- as PyMongo gives it
    there[TODO_TIMESTAMPS].insert_one({"_id": "5", "last_submit": at})
    before = read(mongo, TODO_TIMESTAMPS, "5")
    assert mongo.change([change(TODO_TIMESTAMPS, before, name="x")]) == [True]
    assert there[TODO_TIMESTAMPS].find_one({"_id": "5"}, {"last_submit": 1}) == {"_id": "5", "last_submit": at}
    later = read(mongo, TODO_TIMESTAMPS, "5")
    there[TODO_TIMESTAMPS].update_one({"_id": "5"}, {"$set": {"last_submit": at.replace(microsecond=124000)}})
    assert mongo.change([change(TODO_TIMESTAMPS, later, name="y")]) == [False]
