"""A member's document under another spelling of the `_id` is the member's: read at once, and put right once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pymongo
import pytest
from bson import Int64
from fakes.clock import TestClock
from fakes.mongod import new_database, or_skip, shared_mongod
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import DAY, HOUR, START
from todo_stage import Stage

from giftping.store.documents import ACTIVE_MEMBERS, TODO_TIMESTAMPS
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import SNAPSHOT
from giftping.todo.repository import MemberChange, MemberRepository
from giftping.todo.strays import owner_of

NOW = START + DAY
AT = NOW.timestamp()
ANN = 123456

SPELLINGS = {
    "a number": ANN,
    "a whole double": float(ANN),
    "with blanks": f" {ANN}\n",
    "with zeros": f"00{ANN}",
}
by_spelling = pytest.mark.parametrize("id_", SPELLINGS.values(), ids=SPELLINGS)


def write(folder: Path, **tables: list[dict[str, Any]]) -> None:
    """Put documents into a file as a tool would that knows nothing of giftping, under whatever `_id`."""
    if not (folder / SNAPSHOT).exists():
        with Store(TinyEngine(folder)) as store:
            store.insert_documents("guilds", [{"_id": "1", "guild_id": 1}])
    raw = json.loads((folder / SNAPSHOT).read_text("utf-8"))
    for name, documents in tables.items():
        raw[name] = {str(number): one for number, one in enumerate(documents, start=1)}
    (folder / SNAPSHOT).write_text(json.dumps(raw), "utf-8")


def stored(folder: Path, collection: str) -> list[dict[str, Any]]:
    raw = json.loads((folder / SNAPSHOT).read_text("utf-8")).get(collection, {})
    return [{name: value for name, value in one.items() if name != "rev"} for one in raw.values()]


def repository_in(store: Store) -> MemberRepository:
    return MemberRepository(store, TestClock(NOW))


@given(st.integers(1, 2**53), st.sampled_from(["", " ", "\t\n", "0", "000"]), st.sampled_from(["", " ", "\n"]))
def test_an_id_is_the_same_however_it_is_written(user_id: int, before: str, after: str) -> None:
    assert {owner_of(user_id), owner_of(Int64(user_id)), owner_of(float(user_id))} == {user_id}
    assert owner_of(f"{before}{user_id}{after}") == user_id


@given(st.one_of(st.integers(max_value=0), st.floats().filter(lambda x: not (x.is_integer() and 0 < x <= 2**53))))
def test_what_cannot_hold_an_id_exactly_is_nobodys(id_: float) -> None:
    assert owner_of(id_) is None


@by_spelling
def test_whoever_looks_sees_the_member_and_changes_nothing(id_: Any, tmp_path: Path) -> None:
    write(tmp_path, active_members=[{"_id": id_, "added": AT}], todo_timestamps=[{"_id": id_, "last_submit": AT}])
    before = (tmp_path / SNAPSHOT).read_bytes()
    with Store(TinyEngine(tmp_path, read_only=True)) as store:
        loaded = repository_in(store).load()
        known = repository_in(store).member(ANN)
        assert (loaded.odd, store.odd, list(loaded.members)) == ((), (), [ANN])
        assert (known.on_roster, known.last_submit) == (True, NOW)
    assert (tmp_path / SNAPSHOT).read_bytes() == before


@by_spelling
@pytest.mark.parametrize("later", ["the text's", "the other's"])
def test_both_are_joined_once_and_the_later_submission_counts(id_: Any, later: str, tmp_path: Path) -> None:
    own, other = (AT, AT - 5) if later == "the text's" else (AT - 5, AT)
    pauses = [[{"id": name, "from": AT, "to": AT + 60}] for name in ("a", "b")]
    write(
        tmp_path,
        todo_timestamps=[
            {"_id": str(ANN), "last_submit": own, "last_ping": 0},
            {"_id": id_, "last_submit": other, "last_ping": 0},
        ],
        active_members=[
            {"_id": str(ANN), "added": AT, "pauses": pauses[0]},
            {"_id": id_, "exempt": True, "pauses": pauses[1]},
        ],
    )
    with Store(TinyEngine(tmp_path)) as store:
        repository = repository_in(store)
        assert repository.load().members[ANN].last_submit == NOW
        repository.put_right()
        repository.put_right()
        assert repository_in(store).load() == repository.load()
    (timestamps,), (member,) = stored(tmp_path, TODO_TIMESTAMPS), stored(tmp_path, ACTIVE_MEMBERS)
    assert (timestamps["_id"], timestamps["last_submit"]) == (str(ANN), AT)
    assert (member["_id"], member["exempt"], member["added"]) == (str(ANN), True, AT)
    assert {one["id"] for one in member["pauses"]} == {"a", "b"}


@by_spelling
def test_whoever_changes_a_member_puts_that_member_right_first(id_: Any, tmp_path: Path) -> None:
    write(tmp_path, active_members=[{"_id": id_, "added": AT}, {"_id": 7, "added": AT}])
    with Store(TinyEngine(tmp_path)) as store:
        repository = repository_in(store)
        assert repository.amend([ANN], lambda known: MemberChange(known)).keys() <= {ANN}
        assert repository.remove_from_roster(ANN)
        assert not repository.remove_from_roster(ANN)
    assert stored(tmp_path, ACTIVE_MEMBERS) == [{"_id": 7, "added": AT}]


def test_a_member_of_whom_one_document_is_odd_is_left_alone_and_so_are_the_documents(tmp_path: Path) -> None:
    odd = [{"_id": str(ANN), "last_submit": AT}, {"_id": ANN, "last_submit": "soon"}]
    write(tmp_path, todo_timestamps=odd)
    with Store(TinyEngine(tmp_path)) as store:
        repository = repository_in(store)
        repository.put_right()
        ((where, why),) = [(one.where, one.why) for one in repository.load().odd]
        assert (where, "last_submit is 'soon'" in why) == (f"member {ANN}", True)
    assert stored(tmp_path, TODO_TIMESTAMPS) == odd


def test_a_double_that_may_be_several_members_is_named_and_guessed_for_none_of_them(tmp_path: Path) -> None:
    one, other = 123456789012345678, 123456789012345680
    double = {"_id": float(one), "last_submit": AT}
    write(
        tmp_path, todo_timestamps=[double], active_members=[{"_id": str(one), "added": AT}, {"_id": "9", "added": AT}]
    )
    with Store(TinyEngine(tmp_path)) as store:
        repository = repository_in(store)
        repository.put_right()
        loaded = repository.load()
        assert float(one) == float(other)
        assert list(loaded.members) == [9], "who may be meant is neither pinged nor loses the role"
        assert [odd.where for odd in loaded.odd] == ["todo_timestamps 1.2345678901234568e+17", f"member {one}"]
    assert stored(tmp_path, TODO_TIMESTAMPS) == [double]


@pytest.mark.parametrize("id_", [101, 101.0, " 101 "], ids=repr)
def test_who_handed_in_an_hour_ago_under_a_number_is_not_pinged(id_: Any, stage: Stage) -> None:
    stage.join(101, silent_for=9 * DAY)
    stage.join(102)
    write(stage.state, todo_timestamps=[{"_id": id_, "last_submit": (stage.clock() - HOUR).timestamp()}])
    report = stage.sweep()
    assert (report.exit_code, stage.pings(101), stage.pings(102)) == (0, [], ["channel", "dm"])
    assert {one["_id"] for one in stored(stage.state, TODO_TIMESTAMPS)} == {"101", "102"}


def test_in_mongodb_it_is_put_right_as_well() -> None:
    uri = new_database(or_skip(shared_mongod))
    with pymongo.MongoClient[dict[str, Any]](uri) as client, Store(MongoEngine(uri)) as store:
        there = client.get_default_database()
        there[TODO_TIMESTAMPS].insert_many(
            [
                {"_id": "5", "last_submit": AT - 5},
                {"_id": 5.0, "last_submit": AT},
                {"_id": Int64(6), "last_submit": AT},
                {"_id": " 7 ", "last_submit": AT},
                {"_id": float(2**60), "last_submit": AT},
            ]
        )
        repository = repository_in(store)
        assert {one.user_id: one.last_submit for one in repository.load().members.values()} == dict.fromkeys(
            (5, 6, 7), NOW
        )
        repository.put_right()
        ids = {one["_id"]: one["last_submit"] for one in there[TODO_TIMESTAMPS].find()}
        assert ids == dict.fromkeys(("5", "6", "7", float(2**60)), AT)
        assert store.odd == ()
