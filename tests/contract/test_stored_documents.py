"""Documents as they are stored: what every store offers to move data between stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.records import entry, guild
from store_kinds import ON_ONE_SERVER, STORE_KINDS

from giftping.store.documents import COLLECTIONS, META, MIRROR, entry_to_document
from giftping.store.records import Store

MEMBERS = "active_members"


@pytest.fixture(params=ON_ONE_SERVER)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    kind = STORE_KINDS[request.param]
    with kind.open(kind.new_address(tmp_path)) as opened:
        yield opened


def test_where_nothing_is_there_are_no_documents(store: Store) -> None:
    for collection in (*COLLECTIONS, "giftcode_state", "gift_codes"):
        if collection not in (META, MIRROR):
            assert list(store.documents(collection)) == []
            assert collection not in COLLECTIONS or store.stored_ids(collection, ["1"]) == frozenset()


def test_documents_are_added_whole_and_found_by_their_ids(store: Store) -> None:
    first, second = {"_id": "5", "added": 1.5, "todo": {"name": "N/A", "list": [1, None, True]}}, {"_id": "6"}
    assert store.insert_documents(MEMBERS, [first, second]) == {"5", "6"}
    assert sorted(map(dict, store.documents(MEMBERS)), key=lambda document: document["_id"]) == [first, second]
    assert store.stored_ids(MEMBERS, ["5", "7", "5"]) == {"5"}
    assert store.stored_ids(MEMBERS, []) == frozenset()


def test_a_document_that_is_there_is_left_as_it_is(store: Store) -> None:
    store.insert_documents(MEMBERS, [{"_id": "5", "name": "first"}])
    assert store.insert_documents(MEMBERS, [{"_id": "5", "name": "second"}, {"_id": "6"}, {"_id": "6", "x": 1}]) == {
        "6"
    }
    assert {document["_id"]: dict(document) for document in store.documents(MEMBERS)} == {
        "5": {"_id": "5", "name": "first"},
        "6": {"_id": "6"},
    }
    assert store.insert_documents(MEMBERS, []) == frozenset()


def test_documents_and_records_are_the_same(store: Store) -> None:
    store.insert([entry(1)])
    store.put_guild(guild(1))
    assert store.insert_documents("sent_giftcodes", map_of(entry(1), entry(2))) == {"2:GIFT100"}
    assert list(store.entries()) == [entry(1), entry(2)]
    assert [document["_id"] for document in store.documents("guilds")] == ["1"]
    assert store.clear(2) == 1
    assert store.stored_ids("sent_giftcodes", ["1:GIFT100", "2:GIFT100"]) == {"1:GIFT100"}


def map_of(*entries: object) -> list[dict[str, object]]:
    return [entry_to_document(one) for one in entries]  # type: ignore[arg-type]  # entries


def test_what_is_added_does_not_change_the_documents_it_was_made_of(store: Store) -> None:
    document = {"_id": "5"}
    store.insert_documents(MEMBERS, [document])
    assert document == {"_id": "5"}


def test_more_than_a_page_of_documents_comes_in_one_call(store: Store) -> None:
    ids = {str(number) for number in range(10_050)}
    assert store.insert_documents(MEMBERS, [{"_id": id_} for id_ in ids]) == ids
    assert store.stored_ids(MEMBERS, [*ids, "x"]) == ids
    assert {document["_id"] for document in store.documents(MEMBERS)} == ids
