"""The rules by which a change is made or not, for every engine."""

from __future__ import annotations

import pytest

from giftping.store.documents import ACTIVE_MEMBERS, LEDGER, TODO_TIMESTAMPS
from giftping.store.engine import (
    Change,
    changed_document,
    fields_to_set,
    fields_to_unset,
    fresh_rev,
    refuse_doubles,
    still_holds,
    wanted_by,
)
from giftping.store.mongo.queries import as_it_was_read, ids_within, that_is, that_is_one_of, update_or_refusal

BEFORE = {"_id": "5", "rev": "r1", "same": [1], "changing": 1, "going": 2, "as_number": 5, "last_submit": 4}
AFTER = {"_id": "5", "rev": "r1", "same": [1], "changing": 3, "coming": None, "as_number": 5.0, "last_submit": 4}
CHANGE = Change(TODO_TIMESTAMPS, BEFORE, AFTER)


def test_only_what_differs_is_written() -> None:
    assert fields_to_set(CHANGE, "r2") == {"changing": 3, "coming": None, "rev": "r2"}
    assert fields_to_unset(CHANGE) == ("going",)


def test_a_new_document_is_written_whole() -> None:
    new = Change(TODO_TIMESTAMPS, None, {"_id": "5", "x": 1})
    assert changed_document(None, new, "r1") == {"_id": "5", "x": 1, "rev": "r1"}


def test_an_entry_of_the_ledger_keeps_the_older_bots_shape_and_has_no_revision() -> None:
    assert changed_document(None, Change(LEDGER, None, {"_id": "1:A"}), "r1") == {"_id": "1:A"}


def test_what_was_added_since_and_the_place_of_the_id_stay() -> None:
    changed = changed_document({**BEFORE, "theirs": 1}, CHANGE, "r2")
    assert changed == {**AFTER, "theirs": 1, "rev": "r2"}
    assert next(iter(changed)) == "_id"


def test_a_revision_that_the_change_forgot_is_given_all_the_same() -> None:
    forgetful = Change(ACTIVE_MEMBERS, {"_id": "5", "rev": "r1"}, {"_id": "5"})
    assert fields_to_unset(forgetful) == ()
    assert changed_document({"_id": "5", "rev": "r1"}, forgetful, "r2") == {"_id": "5", "rev": "r2"}


@pytest.mark.parametrize(
    ("stored", "holds"),
    [
        (BEFORE, True),
        ({**BEFORE, "changing": 9}, True),
        ({**BEFORE, "rev": "r2"}, False),
        ({**BEFORE, "last_submit": 4.0}, True),
        ({**BEFORE, "last_submit": 5}, False),
        ({**BEFORE, "last_ping": 5}, False),
        ({**BEFORE, "last_ping": None}, True),
        ({"_id": "5", "rev": "r1"}, False),
        (None, False),
    ],
)
def test_a_document_must_hold_its_revision_and_what_older_bots_change(
    stored: dict[str, object] | None, holds: bool
) -> None:
    assert still_holds(stored, CHANGE) is holds


def test_a_new_document_needs_a_free_id() -> None:
    assert still_holds(None, Change(ACTIVE_MEMBERS, None, {"_id": "5"}))
    assert not still_holds({"_id": "5"}, Change(ACTIVE_MEMBERS, None, {"_id": "5"}))


def test_each_document_is_changed_once_in_a_call() -> None:
    refuse_doubles([CHANGE, Change(TODO_TIMESTAMPS, None, {"_id": "6"}), Change(ACTIVE_MEMBERS, None, {"_id": "5"})])
    with pytest.raises(ValueError, match="two changes"):
        refuse_doubles([CHANGE, Change(TODO_TIMESTAMPS, {"_id": "5"}, None)])
    with pytest.raises(ValueError, match="cannot change its _id"):
        refuse_doubles([Change(TODO_TIMESTAMPS, {"_id": "5"}, {"_id": "6"})])


def test_revisions_do_not_repeat() -> None:
    assert len({fresh_rev() for _ in range(1000)}) == 1000


def test_a_document_is_wanted_by_all_of_the_fields() -> None:
    where = {"kind": ["a", "b"], "user": ["5"]}
    is_wanted = wanted_by(where)
    assert is_wanted({"kind": "b", "user": "5"})
    assert not is_wanted({"kind": "b", "user": "6"})
    assert not is_wanted({"user": "5"})


def test_what_a_document_holds_is_compared_by_its_value_whatever_it_is() -> None:
    is_wanted = wanted_by({"of": [None, 5, "a"]})
    assert [one for one in ({}, {"of": 5.0}, {"of": "a"}) if is_wanted(one)] == [{}, {"of": 5.0}, {"of": "a"}]
    assert not any(map(is_wanted, ({"of": ["a"]}, {"of": {"a": 1}}, {"of": "5"}, {"of": 6})))


# What MongoDB is asked for


def test_mongodb_is_never_asked_to_insert_a_document_that_was_to_be_changed() -> None:
    """Else a document that somebody removed would come back with next to nothing in it."""
    assert update_or_refusal(CHANGE, "r2") == {
        "$set": {"changing": 3, "coming": None, "rev": "r2"},
        "$unset": {"going": ""},
        "$setOnInsert": {"_id": None},
    }


def test_mongodb_is_asked_for_the_revision_and_what_older_bots_change() -> None:
    wanted = {"_id": "5", "rev": that_is("r1"), "last_submit": that_is(4), "last_ping": that_is(None)}
    assert as_it_was_read(CHANGE) == wanted


def test_a_list_that_holds_the_value_is_not_the_value() -> None:
    assert that_is(5) == {"$eq": 5, "$not": {"$type": "array"}}
    assert that_is([5]) == {"$eq": [5]}
    assert that_is_one_of([5]) == {"$in": [5], "$not": {"$type": "array"}}


def test_the_ids_of_a_guild_are_a_range_that_holds_no_other_guilds() -> None:
    bounds = ids_within("12:")
    inside = ["12:", "12:A", "12:zzz", "12:game:A", "12:é"]
    outside = ["12", "1:A", "123:A", "11:A", "13:A", "120:A"]
    assert [id_ for id_ in inside + outside if bounds["$gte"] <= id_ < bounds["$lt"]] == inside
