"""The rules by which a change is made or not, for every store."""

from __future__ import annotations

import pytest

from giftping.store.engine import (
    Change,
    changed_document,
    changes_by_id,
    fields_to_set,
    fields_to_unset,
    fresh_rev,
    still_holds,
)
from giftping.store.mongo.queries import as_it_was_read, that_is, update_or_refusal

BEFORE = {"_id": "5", "rev": "r1", "same": [1], "changing": 1, "going": 2, "as_number": 5}
AFTER = {"_id": "5", "rev": "r1", "same": [1], "changing": 3, "coming": None, "as_number": 5.0}
CHANGE = Change(AFTER, BEFORE)


def test_only_what_differs_is_written() -> None:
    assert fields_to_set(CHANGE, "r2") == {"changing": 3, "coming": None, "rev": "r2"}
    assert fields_to_unset(CHANGE) == ("going",)


def test_a_new_document_is_written_whole() -> None:
    assert changed_document(None, Change({"_id": "5", "x": 1}), "r1") == {"_id": "5", "x": 1, "rev": "r1"}


def test_what_was_added_since_and_the_place_of_the_id_stay() -> None:
    changed = changed_document({**BEFORE, "theirs": 1}, CHANGE, "r2")
    assert changed == {**AFTER, "theirs": 1, "rev": "r2"}
    assert next(iter(changed)) == "_id"


def test_a_revision_that_the_change_forgot_is_given_all_the_same() -> None:
    forgetful = Change({"_id": "5"}, {"_id": "5", "rev": "r1"})
    assert fields_to_unset(forgetful) == ()
    assert changed_document({"_id": "5", "rev": "r1"}, forgetful, "r2") == {"_id": "5", "rev": "r2"}


@pytest.mark.parametrize(
    ("stored", "holds"),
    [
        (BEFORE, True),
        ({**BEFORE, "changing": 9}, True),
        ({**BEFORE, "rev": "r2"}, False),
        ({**BEFORE, "going": 2.0}, True),
        ({**BEFORE, "going": 3}, False),
        ({"_id": "5", "rev": "r1"}, False),
        (None, False),
    ],
)
def test_a_document_must_hold_its_revision_and_what_is_guarded(stored: dict[str, object] | None, holds: bool) -> None:
    assert still_holds(stored, CHANGE, ["going"]) is holds


def test_a_new_document_needs_a_free_id() -> None:
    assert still_holds(None, Change({"_id": "5"}), [])
    assert not still_holds({"_id": "5"}, Change({"_id": "5"}), [])


def test_each_document_is_changed_once_in_a_call() -> None:
    assert changes_by_id([CHANGE, Change({"_id": "6"})]).keys() == {"5", "6"}
    with pytest.raises(ValueError, match="two changes"):
        changes_by_id([CHANGE, Change({"_id": "5"})])


def test_revisions_do_not_repeat() -> None:
    assert len({fresh_rev() for _ in range(1000)}) == 1000


def test_mongodb_is_never_asked_to_insert_a_document_that_was_to_be_changed() -> None:
    """Else a document that somebody removed would come back with next to nothing in it."""
    update = update_or_refusal(CHANGE, "r2")
    assert update == {
        "$set": {"changing": 3, "coming": None, "rev": "r2"},
        "$unset": {"going": ""},
        "$setOnInsert": {"_id": None},
    }


def test_mongodb_is_asked_for_the_revision_and_what_is_guarded() -> None:
    wanted = as_it_was_read(CHANGE, ["going", "missing"])
    assert wanted == {"_id": "5", "rev": that_is("r1"), "going": that_is(2), "missing": that_is(None)}


def test_a_list_that_holds_the_value_is_not_the_value() -> None:
    assert that_is(5) == {"$eq": 5, "$not": {"$type": "array"}}
    assert that_is([5]) == {"$eq": [5]}
