"""Two states of one document made one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.store.documents import ACTIVE_MEMBERS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.mirror.member_merge import MERGED, merged

Document = dict[str, Any]


def timestamps(ours: Document, theirs: Document | None) -> Document:
    return merged(TODO_TIMESTAMPS, ours, theirs)


def member(ours: Document, theirs: Document | None) -> Document:
    return merged(ACTIVE_MEMBERS, ours, theirs)


def both_ways(ours: Document, theirs: Document, collection: str = TODO_TIMESTAMPS) -> list[Document]:
    return [merged(collection, ours, theirs), merged(collection, theirs, ours)]


@pytest.mark.parametrize("collection", MERGED)
def test_what_only_the_mirror_has_goes_over_as_it_is(collection: str) -> None:
    assert merged(collection, {"_id": "5", "rev": "r1", "x": 1}, None) == {"_id": "5", "x": 1}


@pytest.mark.parametrize("collection", MERGED)
def test_of_two_equal_states_nothing_is_to_be_changed(collection: str) -> None:
    theirs = {"_id": "5", "x": [1], "rev": "r2"}
    assert merged(collection, {"_id": "5", "x": [1], "rev": "r1"}, theirs) == theirs


# Timestamps


def test_the_later_submission_wins() -> None:
    early, late = {"last_submit": 100, "todo": "early"}, {"last_submit": 100.5, "todo": "late"}
    assert both_ways(early, late) == [late, late]


def test_a_submission_beats_none_and_odd_values_count_as_none() -> None:
    late = {"last_submit": 1, "last_ping": 0}
    for odd in (None, "2026", True, float("nan"), [5]):
        assert [one["last_submit"] for one in both_ways({"last_submit": odd, "last_ping": 9}, late)] == [1, 1]


def test_of_one_submission_the_later_ping_wins() -> None:
    early, late = {"last_submit": 100, "last_ping": 0}, {"last_submit": 100.0, "last_ping": 200}
    assert [one["last_ping"] for one in both_ways(early, late)] == [200, 200]


def test_where_both_are_of_one_time_ours_stands() -> None:
    assert timestamps({"last_submit": 1, "x": "ours"}, {"last_submit": 1, "x": "theirs"})["x"] == "ours"


def test_fields_that_only_the_other_has_are_added() -> None:
    assert timestamps({"last_submit": 2}, {"last_submit": 1, "theirs": 5}) == {"last_submit": 2, "theirs": 5}


def test_in_one_lapse_the_warning_of_one_and_the_removal_of_the_other_are_both_kept() -> None:
    warned = {"last_submit": 1, "last_ping": 9, "lapse": {"since": 1, "warned_at": 5, "removal": None}}
    taken = {"last_submit": 1, "lapse": {"since": 1.0, "removal": {"at": 6}, "warned_at": 4}}
    for one in both_ways(warned, taken):
        assert one["lapse"] == {"since": 1, "warned_at": 5, "removal": {"at": 6}}


def test_a_submission_ends_the_lapse_that_the_other_still_has() -> None:
    submitted, silent = {"last_submit": 9}, {"last_submit": 1, "lapse": {"since": 1, "warned_at": 5}}
    assert both_ways(submitted, silent) == [submitted, submitted]


def test_a_role_that_was_taken_elsewhere_is_not_forgotten_so_that_it_can_be_given_back() -> None:
    submitted = {"last_submit": 9, "lapse": {"since": 9}}
    taken = {"last_submit": 1, "lapse": {"since": 1, "removal": {"at": 6}}}
    for one in both_ways(submitted, taken):
        assert (one["last_submit"], one["lapse"]) == (9, taken["lapse"])


def test_a_role_that_was_given_back_already_is_no_reason_to_keep_the_old_lapse() -> None:
    submitted = {"last_submit": 9, "lapse": {"since": 9}}
    restored = {"last_submit": 1, "lapse": {"since": 1, "removal": {"at": 6}, "restored_at": 7}}
    assert both_ways(submitted, restored) == [submitted, submitted]


def test_of_two_removals_in_different_lapses_the_later_states_stands() -> None:
    late = {"last_submit": 9, "lapse": {"since": 9, "removal": {"at": 11}}}
    early = {"last_submit": 1, "lapse": {"since": 1, "removal": {"at": 6}}}
    assert both_ways(late, early) == [late, late]


def test_notices_and_waiting_events_of_both_are_kept_each_once_those_of_the_later_state_first() -> None:
    late = {"last_submit": 2, "notices": [{"id": "b", "from": "late"}], "events": [{"_id": "e1"}]}
    early = {"notices": [{"id": "a"}, {"id": "b", "from": "early"}], "events": [{"_id": "e1"}, {"_id": "e2"}]}
    for one in both_ways(late, early):
        assert one["notices"] == [{"id": "b", "from": "late"}, {"id": "a"}]
        assert one["events"] == [{"_id": "e1"}, {"_id": "e2"}]


# What both began with is known


def three(ours: Document, theirs: Document, before: Document, collection: str = TODO_TIMESTAMPS) -> list[Document]:
    """Return what the two states become, whichever of them is the mirror's."""
    return [merged(collection, ours, theirs, [before]), merged(collection, theirs, ours, [before])]


def notice(id_: str, channel: str = "open", dm: str = "open") -> Document:
    return {"id": id_, "channel": {"state": channel}, "dm": {"state": dm}}


def test_where_nobody_has_changed_theirs_ours_stands_with_all_that_it_has_done_away_with() -> None:
    before = {"last_submit": 1, "lapse": {"since": 1, "removal": {"at": 2}}, "notices": [notice("a")], "rev": "r1"}
    ours = {"last_submit": 1, "last_ping": 5, "rev": "r2"}
    assert timestamps_from(before, ours, dict(before)) == {"last_submit": 1, "last_ping": 5, "rev": "r1"}


def timestamps_from(before: Document, ours: Document, theirs: Document) -> Document:
    return merged(TODO_TIMESTAMPS, ours, theirs, [before])


def test_a_notice_that_one_has_delivered_is_not_brought_back_by_the_other() -> None:
    before = {"last_submit": 1, "notices": [notice("a"), notice("b")]}
    delivered = {"last_submit": 1, "notices": [notice("b"), notice("c")]}
    submitted = {"last_submit": 9, "notices": [notice("a"), notice("b"), notice("d")]}
    for one in three(delivered, submitted, before):
        assert sorted(left["id"] for left in one["notices"]) == ["b", "c", "d"]


@pytest.mark.parametrize("later", [{}, {"rev": "r3", "last_ping": 5}], ids=["as it was asked", "and changed since"])
def test_what_the_shared_store_took_in_when_it_went_away_was_known_to_both(later: Document) -> None:
    before = {"last_submit": 1, "rev": "r1"}
    asked = {"last_submit": 1, "notices": [notice("a")], "rev": "r2"}
    one = merged(TODO_TIMESTAMPS, {"last_submit": 1, "rev": "ours"}, asked | later, [before, asked])
    assert "notices" not in one


def test_a_leg_that_one_has_delivered_stays_so_whichever_state_is_the_later() -> None:
    before = {"last_submit": 1, "notices": [notice("a")]}
    ours = {"last_submit": 1, "notices": [notice("a", channel="sent")]}
    theirs = {"last_submit": 9, "notices": [notice("a", dm="claimed")]}
    for one in three(ours, theirs, before):
        assert one["notices"] == [notice("a", channel="sent", dm="claimed")]


def test_a_role_that_one_has_given_back_is_not_owed_again_by_the_other() -> None:
    before = {"last_submit": 9, "lapse": {"since": 1, "removal": {"at": 6}}}
    given, pinged = {"last_submit": 9}, {**before, "last_ping": 20}
    for one in three(given, pinged, before):
        assert one == {"last_submit": 9, "last_ping": 20}


def test_a_role_that_was_taken_on_one_side_is_owed_though_the_other_has_seen_a_submission() -> None:
    before = {"last_submit": 1, "lapse": {"since": 1, "warned_at": 5}}
    taken = {"last_submit": 1, "lapse": {"since": 1, "warned_at": 5, "removal": {"at": 6}}}
    for one in three({"last_submit": 9}, taken, before):
        assert (one["last_submit"], one["lapse"]) == (9, taken["lapse"])


def test_a_pause_that_one_has_taken_away_and_a_note_that_one_has_dropped_stay_away() -> None:
    before = {"_id": "5", "updated_at": 1, "pauses": [{"id": "p"}], "left_at": 3, "dms_closed_at": 2}
    ours = {"_id": "5", "updated_at": 2, "dms_closed_at": 2}
    theirs = {**before, "updated_at": 4, "dms_closed_at": 3, "seen": {"at": 4}}
    for one in three(ours, theirs, before, ACTIVE_MEMBERS):
        assert one == {"_id": "5", "updated_at": 4, "dms_closed_at": 3, "seen": {"at": 4}}


# The roster


@pytest.mark.parametrize(
    ("early", "late"),
    [
        (None, 0),
        (None, "2026-01-29T10:00:00+00:00"),
        ("2026-01-29T15:00:00+05:30", "2026-01-29T10:00:00+00:00"),
        (1, 2.5),
        (1_000_000_000, "2026-01-29T10:00:00"),
        ("yesterday", 1),
        (True, 1),
    ],
)
def test_what_was_updated_later_wins(early: object, late: object) -> None:
    found = both_ways({"updated_at": early, "name": "early"}, {"updated_at": late, "name": "late"}, ACTIVE_MEMBERS)
    assert [one["name"] for one in found] == ["late", "late"]


def test_without_a_time_ours_stands_and_what_only_they_have_is_added() -> None:
    assert member({"name": "ours"}, {"name": "theirs", "added": 1}) == {"name": "ours", "added": 1}


def test_pauses_of_both_are_kept() -> None:
    late = {"updated_at": 2, "pauses": [{"id": "a", "to": 5}]}
    early = {"pauses": [{"id": "a"}, {"id": "b"}, "odd", "odd"]}
    assert [one["pauses"] for one in both_ways(late, early, ACTIVE_MEMBERS)] == [
        [{"id": "a", "to": 5}, {"id": "b"}, "odd"]
    ] * 2


def test_a_date_that_the_shared_store_holds_stays_a_date() -> None:
    added = datetime(2026, 1, 29, 4, 30, tzinfo=UTC)
    ours = {"added": "2026-01-29T04:30:00.000000+00:00", "name": "new", "updated_at": 2}
    assert member(ours, {"added": added, "name": "old"}) == {"added": added, "name": "new", "updated_at": 2}


# The sweep's own notes


def test_the_later_sweep_and_all_downtimes_are_kept_and_of_the_rest_ours() -> None:
    ours = {"last_sweep": 5, "downtimes": [[30, 40], [1, 2.0]], "x": "ours"}
    theirs = {"last_sweep": 7.5, "downtimes": [[1, 2], [10, 20]], "x": "theirs", "y": 1}
    assert merged(TODO_STATE, ours, theirs) == {
        "last_sweep": 7.5,
        "downtimes": [[1, 2], [10, 20], [30, 40]],
        "x": "ours",
        "y": 1,
    }
    assert merged(TODO_STATE, {"_id": "sweep"}, {"_id": "sweep"}) == {"_id": "sweep"}


# Whatever the two are

NUMBERS = st.one_of(st.none(), st.integers(0, 3), st.sampled_from([1.0, 2.5]))
TIMES = st.one_of(NUMBERS, st.sampled_from(["2026-01-29T10:00:00+00:00", "never"]))
ITEMS = st.lists(st.fixed_dictionaries({"id": st.sampled_from("abc"), "at": st.integers(0, 2)}), max_size=3)
LAPSES = st.fixed_dictionaries(
    {"since": NUMBERS}, optional={"removal": st.sampled_from([None, {"at": 1}, {"at": 2}]), "restored_at": NUMBERS}
)
DOCUMENTS = st.fixed_dictionaries(
    {"_id": st.just("5")},
    optional={
        "last_submit": NUMBERS,
        "last_ping": NUMBERS,
        "last_sweep": NUMBERS,
        "updated_at": TIMES,
        "lapse": LAPSES,
        "notices": ITEMS,
        "pauses": ITEMS,
        "downtimes": st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=2), max_size=3),
        "todo": st.sampled_from(["x", "y"]),
        "rev": st.sampled_from(["r1", "r2"]),
    },
)


@given(collection=st.sampled_from(MERGED), ours=DOCUMENTS, theirs=DOCUMENTS)
def test_merging_once_more_changes_nothing(collection: str, ours: Document, theirs: Document) -> None:
    once = merged(collection, ours, theirs)
    assert merged(collection, ours, once) == once


@given(ours=DOCUMENTS, theirs=DOCUMENTS)
def test_no_submission_ping_notice_or_pause_is_lost(ours: Document, theirs: Document) -> None:
    one = timestamps(ours, theirs)
    assert (one.get("last_submit") or 0) == max((ours.get("last_submit") or 0), (theirs.get("last_submit") or 0))
    for field, document in (("notices", one), ("pauses", member(ours, theirs))):
        ids = {item["id"] for source in (ours, theirs) for item in source.get(field, ())}
        assert {item["id"] for item in document.get(field, ())} == ids


@given(collection=st.sampled_from(MERGED), ours=DOCUMENTS, theirs=DOCUMENTS)
def test_the_revision_is_theirs(collection: str, ours: Document, theirs: Document) -> None:
    assert merged(collection, ours, theirs).get("rev") == theirs.get("rev")
