"""Documents that go by what was read of them: read by id and by field, changed on condition, removed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from fakes.store import MemoryStore
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from store_kinds import ON_ONE_SERVER, STORE_KINDS, StoreKind

from giftping.store.documents import ACTIVE_MEMBERS, TODO_COLLECTIONS, TODO_EVENTS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.engine import Change
from giftping.store.records import Store

OpenStore = Callable[[], Store]
Document = dict[str, Any]


@pytest.fixture(params=STORE_KINDS)
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the same store again and again, as several processes would."""
    kind = STORE_KINDS[request.param]
    address = kind.new_address(tmp_path)
    with ExitStack() as handles:
        yield lambda: handles.enter_context(kind.open(address))


@pytest.fixture(params=[*ON_ONE_SERVER, "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    kind = STORE_KINDS[request.param]
    with kind.open(kind.new_address(tmp_path)) as opened:
        yield opened


def change(before: Mapping[str, Any] | None, **fields: Any) -> Change:
    """Return the change of some fields of a document; those that are None go."""
    after = {**(before or {}), **fields}
    return Change({name: value for name, value in after.items() if value is not None}, before)


def read(store: Store, id_: str = "5", collection: str = TODO_TIMESTAMPS) -> Document:
    return dict(store.documents_of(collection, [id_])[id_])


def without_rev(document: Mapping[str, Any]) -> Document:
    return {name: value for name, value in document.items() if name != "rev"}


def given(store: Store, *documents: Document, collection: str = TODO_TIMESTAMPS) -> Document:
    """Put documents into the store and return the first as it is read."""
    store.insert_documents(collection, documents)
    return read(store, documents[0]["_id"], collection)


# Read


def test_documents_are_found_by_their_ids_and_missing_ones_are_left_out(store: Store) -> None:
    given(store, {"_id": "5", "name": "five"}, {"_id": "6"}, {"_id": "7"})
    found = store.documents_of(TODO_TIMESTAMPS, ["5", "7", "8", "5"])
    assert {id_: dict(one) for id_, one in found.items()} == {"5": {"_id": "5", "name": "five"}, "7": {"_id": "7"}}
    assert store.documents_of(TODO_TIMESTAMPS, []) == {}
    assert store.documents_of(ACTIVE_MEMBERS, ["5"]) == {}


def test_documents_are_found_by_the_text_in_a_field_in_the_order_of_their_ids(store: Store) -> None:
    events = [{"_id": id_, "user_id": user} for id_, user in (("c", "5"), ("a", "5"), ("b", "6"), ("d", "5"))]
    others = [{"_id": "e"}, {"_id": "f", "user_id": ["5"]}, {"_id": "g", "user_id": 5}, {"_id": "h", "user_id": None}]
    store.insert_documents(TODO_EVENTS, [*events, *others])
    assert [one["_id"] for one in store.documents_where(TODO_EVENTS, "user_id", "5")] == ["a", "c", "d"]
    assert store.documents_where(TODO_EVENTS, "user_id", "7") == []
    assert store.documents_where(TODO_TIMESTAMPS, "user_id", "5") == []


@pytest.mark.parametrize("kind_name", ON_ONE_SERVER)
def test_only_a_store_that_goes_on_with_its_mirror_says_that_it_is_away(kind_name: str, tmp_path: Path) -> None:
    kind = STORE_KINDS[kind_name]
    with kind.open(kind.new_address(tmp_path)) as store:
        store.documents_of(TODO_STATE, ["sweep"])
        assert store.is_away is (kind_name == "mirror-alone")


# Changed


@pytest.mark.parametrize("collection", TODO_COLLECTIONS)
def test_a_document_that_is_as_it_was_read_is_changed(store: Store, collection: str) -> None:
    before = given(store, {"_id": "5", "name": "five", "count": 1}, collection=collection)
    assert store.change_documents(collection, [change(before, count=2, name=None, more=[1, {"a": None}])]) == {"5"}
    after = read(store, "5", collection)
    assert without_rev(after) == {"_id": "5", "count": 2, "more": [1, {"a": None}]}
    assert isinstance(after["rev"], str)


def test_a_second_change_from_the_same_state_fails(store: Store) -> None:
    first = given(store, {"_id": "5", "count": 1})
    assert store.change_documents(TODO_TIMESTAMPS, [change(first, count=2)]) == {"5"}
    assert store.change_documents(TODO_TIMESTAMPS, [change(first, count=3)]) == frozenset()
    second = read(store)
    assert store.change_documents(TODO_TIMESTAMPS, [change(second, count=3)]) == {"5"}
    assert store.change_documents(TODO_TIMESTAMPS, [change(second, count=4)]) == frozenset()
    assert read(store)["count"] == 3


def test_a_change_that_changes_nothing_counts_as_one_too(store: Store) -> None:
    before = given(store, {"_id": "5"})
    assert store.change_documents(TODO_TIMESTAMPS, [Change(before, before)]) == {"5"}
    assert store.change_documents(TODO_TIMESTAMPS, [Change(before, before)]) == frozenset()


def test_going_back_to_an_older_state_does_not_bring_its_revision_back(store: Store) -> None:
    first = given(store, {"_id": "5", "count": 1})
    store.change_documents(TODO_TIMESTAMPS, [change(first, count=2)])
    second = read(store)
    store.change_documents(TODO_TIMESTAMPS, [Change(first, second)])
    assert store.change_documents(TODO_TIMESTAMPS, [change(first, count=9)]) == frozenset()
    assert store.change_documents(TODO_TIMESTAMPS, [change(second, count=9)]) == frozenset()
    assert read(store)["count"] == 1


def test_what_somebody_else_has_added_since_stays(store: Store) -> None:
    read_long_ago = {"_id": "5", "count": 1, "old": "x"}
    given(store, {**read_long_ago, "added": "by another program"})
    assert store.change_documents(TODO_TIMESTAMPS, [change(read_long_ago, count=2, old=None)]) == {"5"}
    assert without_rev(read(store)) == {"_id": "5", "count": 2, "added": "by another program"}


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
def test_a_guarded_field_must_still_hold_what_was_read(
    store: Store, read_as: object, stored: object, holds: bool
) -> None:
    """An older bot writes `last_submit` without a revision."""
    given(store, {"_id": "5", **({} if stored is None else {"last_submit": stored})})
    before = {"_id": "5", **({} if read_as is None else {"last_submit": read_as})}
    changed = store.change_documents(TODO_TIMESTAMPS, [change(before, last_ping=7)], guard=["last_submit"])
    assert changed == ({"5"} if holds else frozenset())
    assert read(store).get("last_ping") == (7 if holds else None)


def test_a_missing_field_is_as_good_as_null(store: Store) -> None:
    given(store, {"_id": "5", "last_submit": None, "rev": None}, {"_id": "6"})
    changes = [change({"_id": "5"}, last_ping=7), Change({"_id": "6", "x": 1}, {"_id": "6", "last_submit": None})]
    assert store.change_documents(TODO_TIMESTAMPS, changes, guard=("last_submit",)) == {"5", "6"}


def test_a_field_that_is_not_guarded_may_have_changed(store: Store) -> None:
    given(store, {"_id": "5", "last_submit": 2})
    assert store.change_documents(TODO_TIMESTAMPS, [change({"_id": "5", "last_submit": 1}, last_ping=7)]) == {"5"}
    assert without_rev(read(store)) == {"_id": "5", "last_submit": 2, "last_ping": 7}


def test_a_document_that_is_to_be_new_is_made_where_its_id_is_free(store: Store) -> None:
    made = store.change_documents(TODO_STATE, [change(None, _id="sweep", last_sweep=1.5)])
    assert made == {"sweep"}
    assert without_rev(read(store, "sweep", TODO_STATE)) == {"_id": "sweep", "last_sweep": 1.5}
    assert store.change_documents(TODO_STATE, [change(None, _id="sweep", last_sweep=2.5)]) == frozenset()
    first = read(store, "sweep", TODO_STATE)
    assert first["last_sweep"] == 1.5
    assert store.change_documents(TODO_STATE, [change(first, last_sweep=2.5)]) == {"sweep"}


def test_a_document_that_is_gone_stays_gone(store: Store) -> None:
    """The older bot brought it back by its upserts, with nothing in it but the time of a ping."""
    before = given(store, {"_id": "5", "last_submit": 1})
    store.remove_documents(TODO_TIMESTAMPS, ["5"])
    assert store.change_documents(TODO_TIMESTAMPS, [change(before, last_ping=7)], guard=["last_submit"]) == frozenset()
    assert store.change_documents(TODO_TIMESTAMPS, [change({"_id": "6"}, last_ping=7)]) == frozenset()
    assert list(store.documents(TODO_TIMESTAMPS)) == []


def test_of_many_changes_each_is_made_or_not_on_its_own_and_all_get_one_revision(store: Store) -> None:
    given(store, *({"_id": id_, "count": 1} for id_ in "abcd"))
    old = store.documents_of(TODO_TIMESTAMPS, list("abcd"))
    store.change_documents(TODO_TIMESTAMPS, [change(old["b"], count=2)])
    store.remove_documents(TODO_TIMESTAMPS, ["d"])
    changes = [change(old[id_], count=3) for id_ in "abcd"]
    changes += [change(None, _id="e", count=3), change(None, _id="f")]
    assert store.change_documents(TODO_TIMESTAMPS, changes) == {"a", "c", "e", "f"}
    found = store.documents_of(TODO_TIMESTAMPS, list("abcdef"))
    assert {id_: one.get("count") for id_, one in found.items()} == {"a": 3, "b": 2, "c": 3, "e": 3, "f": None}
    assert len({found[id_]["rev"] for id_ in "acef"}) == 1
    assert found["a"]["rev"] != found["b"]["rev"]


def test_changing_nothing_is_nothing(store: Store) -> None:
    assert store.change_documents(TODO_TIMESTAMPS, []) == frozenset()
    assert list(store.documents(TODO_TIMESTAMPS)) == []


def test_two_changes_of_one_document_in_one_call_are_refused_and_nothing_is_changed(store: Store) -> None:
    before = given(store, {"_id": "5", "count": 1}, {"_id": "6", "count": 1})
    six = read(store, "6")
    with pytest.raises(ValueError, match="two changes of one document"):
        store.change_documents(TODO_TIMESTAMPS, [change(six, count=2), change(before, count=2), change(before)])
    with pytest.raises(ValueError, match="_id"):
        store.change_documents(TODO_TIMESTAMPS, [change(before, _id="7")])
    assert (read(store), read(store, "6")) == (before, six)
    assert store.stored_ids(TODO_TIMESTAMPS, ["7"]) == frozenset()


def test_what_is_changed_does_not_change_what_the_change_was_made_of(store: Store) -> None:
    before = given(store, {"_id": "5", "count": 1})
    made_of = change(before, count=2)
    after, kept = dict(made_of.after), dict(before)
    store.change_documents(TODO_TIMESTAMPS, [made_of, change(None, _id="6")])
    assert (dict(made_of.after), before) == (after, kept)


def test_a_document_with_a_date_can_be_read_and_changed(store: Store) -> None:
    """The older bot's `added` is one in MongoDB and a text in a file."""
    before = given(store, {"_id": "5", "added": datetime(2026, 1, 29, 4, 30, tzinfo=UTC)}, collection=ACTIVE_MEMBERS)
    assert store.change_documents(ACTIVE_MEMBERS, [change(before, name="x")], guard=["added"]) == {"5"}
    assert read(store, "5", ACTIVE_MEMBERS)["added"] == before["added"]


@pytest.mark.parametrize("open_store", ON_ONE_SERVER, indirect=True)
def test_more_than_a_page_of_documents_is_changed_in_one_call(open_store: OpenStore) -> None:
    store = open_store()
    ids = [f"{number:05}" for number in range(10_050)]
    assert len(store.change_documents(TODO_TIMESTAMPS, [change(None, _id=id_) for id_ in ids])) == len(ids)
    found = store.documents_of(TODO_TIMESTAMPS, ids)
    store.change_documents(TODO_TIMESTAMPS, [change(found["00007"], count=1)])
    changed = store.change_documents(TODO_TIMESTAMPS, [change(one, count=2) for one in found.values()])
    assert changed == set(ids) - {"00007"}


# Removed


def test_what_is_removed_is_gone_and_told(store: Store) -> None:
    given(store, {"_id": "5"}, {"_id": "6"}, {"_id": "7"})
    assert store.remove_documents(TODO_TIMESTAMPS, ["5", "7", "8", "5"]) == {"5", "7"}
    assert store.remove_documents(TODO_TIMESTAMPS, ["5", "7"]) == frozenset()
    assert store.remove_documents(TODO_TIMESTAMPS, []) == frozenset()
    assert [one["_id"] for one in store.documents(TODO_TIMESTAMPS)] == ["6"]
    assert store.insert_documents(TODO_TIMESTAMPS, [{"_id": "5", "again": True}]) == {"5"}


# Several handles, several threads, and the next process


def test_of_two_handles_that_decide_on_the_same_state_one_is_right(open_store: OpenStore) -> None:
    one, other = open_store(), open_store()
    given(one, {"_id": "5", "count": 1})
    ours, theirs = read(one), read(other)
    assert ours == theirs
    assert other.change_documents(TODO_TIMESTAMPS, [change(theirs, by="other")]) == {"5"}
    assert one.change_documents(TODO_TIMESTAMPS, [change(ours, by="one")]) == frozenset()
    assert read(one)["by"] == read(other)["by"] == "other"


def test_what_was_changed_and_removed_is_so_for_the_next_process(open_store: OpenStore) -> None:
    with open_store() as store:
        given(store, {"_id": "5", "count": 1}, {"_id": "6"})
        store.change_documents(TODO_TIMESTAMPS, [change(read(store), count=2), change(None, _id="7")])
        store.remove_documents(TODO_TIMESTAMPS, ["6"])
        held = {one["_id"]: dict(one) for one in store.documents(TODO_TIMESTAMPS)}
    with open_store() as store:
        assert {one["_id"]: dict(one) for one in store.documents(TODO_TIMESTAMPS)} == held
        assert store.change_documents(TODO_TIMESTAMPS, [change(held["5"], count=3)]) == {"5"}
    assert held.keys() == {"5", "7"}


def test_many_threads_that_count_up_lose_no_count(open_store: OpenStore) -> None:
    """Each document is counted up by every thread, again and again until its change is made: exactly once each."""
    ids, threads = ["a", "b", "c"], 4
    handles = [open_store(), open_store()]
    given(handles[0], *({"_id": id_, "count": 0} for id_ in ids))
    start = Barrier(threads)

    def count_up(thread: int) -> None:
        store, left = handles[thread % 2], set(ids)
        start.wait()
        while left:
            found = store.documents_of(TODO_TIMESTAMPS, left)
            left -= store.change_documents(
                TODO_TIMESTAMPS, [change(one, count=one["count"] + 1) for one in found.values()]
            )

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(count_up, range(threads)))
    assert {one["count"] for one in handles[1].documents(TODO_TIMESTAMPS)} == {threads}


IDS = st.sampled_from(["1", "2", "3"])
HANDLES = st.integers(0, 1)


class History(RuleBasedStateMachine):
    """Does the same to a store by two handles and to a dict; each handle remembers what it has read."""

    kind: StoreKind

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        address = self.kind.new_address(Path(self._folder.name))
        self._handles = [self.kind.open(address), self.kind.open(address)]
        self._held: dict[str, Document] = {}
        self._writes: dict[str, int] = {}
        self._read: list[dict[str, tuple[int, Document]]] = [{}, {}]
        self._count = 0

    def teardown(self) -> None:
        for handle in self._handles:
            handle.close()
        self._folder.cleanup()

    def _wrote(self, id_: str) -> None:
        self._writes[id_] = self._writes.get(id_, 0) + 1

    @rule(handle=HANDLES)
    def read(self, handle: int) -> None:
        found = self._handles[handle].documents_of(TODO_TIMESTAMPS, ["1", "2", "3"])
        assert {id_: without_rev(one) for id_, one in found.items()} == self._held
        self._read[handle] = {id_: (self._writes[id_], dict(one)) for id_, one in found.items()}

    @rule(handle=HANDLES, ids=st.sets(IDS, min_size=1), field=st.sampled_from(["x", "y"]), gone=st.booleans())
    def change(self, handle: int, ids: set[str], field: str, gone: bool) -> None:
        self._count += 1
        known = {id_: self._read[handle].get(id_, (0, None)) for id_ in ids}
        changes = [
            change(before, _id=id_, **{field: None if gone else self._count}) for id_, (_, before) in known.items()
        ]
        holding = {
            id_
            for id_, (writes, before) in known.items()
            if (id_ not in self._held if before is None else id_ in self._held and writes == self._writes[id_])
        }
        assert self._handles[handle].change_documents(TODO_TIMESTAMPS, changes) == holding
        for one in changes:
            if one.id in holding:
                self._held[one.id] = without_rev(one.after)
                self._wrote(one.id)

    @rule(handle=HANDLES, ids=st.sets(IDS, min_size=1))
    def remove(self, handle: int, ids: set[str]) -> None:
        assert self._handles[handle].remove_documents(TODO_TIMESTAMPS, ids) == ids & self._held.keys()
        for id_ in ids & self._held.keys():
            del self._held[id_]
            self._wrote(id_)

    @invariant()
    def both_handles_hold_the_same(self) -> None:
        for store in self._handles:
            assert {one["_id"]: without_rev(one) for one in store.documents(TODO_TIMESTAMPS)} == self._held


@pytest.mark.parametrize("kind_name", STORE_KINDS)
def test_any_history_of_changes_leaves_what_a_dict_would_hold(kind_name: str) -> None:
    history = type("History", (History,), {"kind": STORE_KINDS[kind_name]})
    run_state_machine_as_test(
        history,
        settings=settings(
            max_examples=10,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
