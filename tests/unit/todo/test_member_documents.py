from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import Code
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import DAY, START, maybe, member, moments, some_ids, words

from giftping.store.documents import ACTIVE_MEMBERS
from giftping.store.fields import time_to_text
from giftping.store.mirror.changes import Queued
from giftping.store.mirror.replay import replayed
from giftping.todo.document_fields import OddDocumentError
from giftping.todo.member_documents import (
    member_from,
    roster_document_of,
    timestamps_document_of,
    todo_document,
    user_id_of,
)
from giftping.todo.model import (
    Attachment,
    Lapse,
    Leg,
    LegState,
    Member,
    Membership,
    Notice,
    NoticeKind,
    Pause,
    Removal,
    RemovalState,
    Todo,
)

NOW = datetime(2026, 6, 3, 10, tzinfo=UTC)
ID = "123456789012345678"
LISTS = {"must_do": "read", "can_do": "N/A", "dont_do": "N/A"}


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def stamps(**fields) -> Member:
    return member_from(int(ID), {"_id": ID}, {"_id": ID, **fields})


def listed(**fields) -> Member:
    return member_from(int(ID), {"_id": ID, **fields}, None)


# What older bots have written


def test_the_first_bots_documents_have_neither_last_ping_nor_todo():
    known = stamps(last_submit=1_780_000_000.25)
    assert (known.last_submit, known.last_ping, known.todo) == (instant(1_780_000_000.25), None, None)


@pytest.mark.parametrize("written", [1_780_000_000, 1_780_000_000.0])
def test_whole_and_broken_seconds_are_the_same_instant(written):
    known = stamps(last_submit=written, last_ping=written)
    assert known.last_submit == known.last_ping == instant(1_780_000_000)


@pytest.mark.parametrize("written", [0, 0.0, None])
def test_a_zero_is_no_time(written):
    known = stamps(last_submit=written, last_ping=written)
    assert (known.last_submit, known.last_ping, known.silent_since) == (None, None, None)


def test_a_document_with_only_a_ping_is_no_submission_of_1970():
    known = member_from(int(ID), {"_id": ID, "added": 1_780_000_000}, {"_id": ID, "last_ping": 1_780_090_000.5})
    assert known.last_submit is None
    assert known.silent_since is None
    dated = {"_id": ID, "added": 1_780_000_000, "updated_at": "2026-06-01T00:00:00+00:00"}
    assert member_from(int(ID), dated, {"_id": ID}).silent_since == instant(1_780_000_000)
    assert member_from(int(ID), {"_id": ID}, {"_id": ID}).silent_since is None


def test_a_todo_of_the_second_and_fourth_bot():
    known = stamps(last_submit=1, todo={"name": "Ann", "date": "tomorrow", **LISTS})
    assert known.todo == Todo("Ann", "tomorrow", must_do="read")


def test_a_todo_of_the_fifth_bot():
    known = stamps(
        last_submit=1_780_000_000.5,
        updated_at="2026-05-29T02:16:40+05:30",
        updated_by="sweeper",
        todo={
            "feature_name": "Ann",
            "date": "28/05/2026",
            "date_obj": "2026-05-28T00:00:00+05:30",
            **LISTS,
            "submission_type": "atodo",
            "submitted_by": "Olga",
            "submitted_by_id": "42",
            "submitted_at": "2026-05-29T02:16:40+05:30",
            "submission_id": "abc",
            "attachment": None,
        },
    )
    submitted_at = datetime(2026, 5, 28, 20, 46, 40, tzinfo=UTC)
    assert known.todo == Todo("Ann", "28/05/2026", "read", id="abc", submitted_at=submitted_at, submitted_by=42)


def test_a_todo_of_the_sixth_bot_with_its_attachment():
    file = {
        "url": "https://cdn.example/a.png",
        "filename": "a.png",
        "file_type": "image",
        "uploaded_at": "2026-05-29T02:16:40+05:30",
    }
    known = stamps(
        last_submit=1_780_000_000.5,
        todo={
            "feature_name": "Ann",
            "date": "28/05/2026",
            **LISTS,
            "submitted_at": "2026-05-29T02:16:40+05:30",
            "submitted_by": "Olga",
            "submitted_by_id": 42,
            "attachment": file,
        },
    )
    assert known.todo is not None
    assert known.todo.submitted_by == 42
    assert known.todo.attachment == Attachment("a.png", "image/*", 0, "https://cdn.example/a.png")
    assert known.todo.attachment.is_image
    paper = stamps(todo={"name": "Ann", "attachment": {**file, "file_type": "document"}}).todo
    assert paper is not None
    assert paper.attachment is not None
    assert not paper.attachment.is_image


@pytest.mark.parametrize(
    "added",
    [
        datetime(2026, 5, 28, 20, 46, 40),  # noqa: DTZ001  # as a BSON date comes
        datetime(2026, 5, 28, 20, 46, 40, tzinfo=UTC),
        "2026-05-28T20:46:40",
        "2026-05-29T02:16:40+05:30",
        1_780_001_200,
        1_780_001_200.0,
    ],
)
def test_when_somebody_was_added_is_read_as_the_older_bots_wrote_it(added):
    assert listed(added=added).added == instant(1_780_001_200)


def test_a_roster_entry_of_the_second_bot_has_no_name():
    assert listed(added=1_780_001_200) == Member(int(ID), added=instant(1_780_001_200), is_found=True)


def test_one_without_a_roster_entry_is_not_on_the_roster():
    assert not member_from(int(ID), None, {"_id": ID, "last_submit": 1_780_000_000}).on_roster


@pytest.mark.parametrize("id_", ["mongodb_test", "", "12a", "-5", "0", "007", 5, 5.0, None, "²", str(2**64), "1" * 500])
def test_an_id_that_is_no_text_of_digits_is_odd(id_):
    with pytest.raises(OddDocumentError, match="its _id is not a Discord id written as a text"):
        user_id_of({"_id": id_})


def test_a_discord_id_is_read_from_its_text():
    assert user_id_of({"_id": ID}) == int(ID)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"last_submit": "soon"}, "todo_timestamps: last_submit is 'soon', not a time in epoch seconds"),
        ({"last_submit": True}, "todo_timestamps: last_submit is True, not a time in epoch seconds"),
        ({"last_submit": -1}, "todo_timestamps: last_submit is -1, not"),
        ({"last_submit": float("nan")}, "todo_timestamps: last_submit is nan, not"),
        ({"last_submit": 1_780_000_000_000}, "todo_timestamps: last_submit is 1780000000000, not"),
        ({"last_ping": [1]}, r"todo_timestamps: last_ping is \[1\], not"),
        ({"last_ping": "0001-01-01T00:00:00+05:30"}, "todo_timestamps: last_ping is '0001"),
        ({"todo": "read"}, "todo_timestamps: todo is 'read', not an object"),
        ({"todo": {"must_do": 0.5}}, "todo_timestamps: must_do is 0.5, not a text"),
        ({"todo": {"name": 5}}, "todo_timestamps: name is 5, not a text"),
        ({"todo": {"attachment": {"size": "big"}}}, "todo_timestamps: size is 'big', not a whole number"),
        ({"todo": {"submitted_by_id": "Olga"}}, "submitted_by_id is 'Olga', not a Discord id"),
        ({"notices": {}}, "notices is {}, not a list of objects"),
        ({"events": 5}, "events is 5, not a list of objects"),
        ({"done": 5}, "done is 5, not a list of texts"),
        ({"updated_at": [5]}, r"todo_timestamps: updated_at is \[5\], not a time"),
        ({"notices": "x"}, "notices is 'x', not a list of objects"),
        ({"notices": [{"id": "a", "kind": "shout", "made_at": 5}]}, "kind is 'shout', not one of reminder, warning"),
        ({"notices": [{"id": "a", "kind": "reminder"}]}, "made_at is None, not the time"),
        ({"lapse": {"since": 5, "removal": {"state": "done"}}}, "at is None, not the time of a removal"),
    ],
)
def test_a_field_that_is_not_what_it_should_be_is_named(fields, said):
    if said is None:
        assert stamps(**fields).notices == ()
        return
    with pytest.raises(OddDocumentError, match=said):
        stamps(**fields)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ["Ann"]}, r"active_members: name is \['Ann'\], not a text"),
        ({"name": 5}, "active_members: name is 5, not a text"),
        ({"user_id": float("-inf")}, "active_members: user_id is -inf, not a Discord id"),
        ({"user_id": int(ID) + 1}, "active_members: user_id is .*, not that of its _id"),
        ({"user_id": Code("5")}, "active_members: user_id is .*, not that of its _id"),
        ({"updated_at": "soon"}, "active_members: updated_at is 'soon', not a time"),
        ({"added": "long ago"}, "active_members: added is 'long ago', not a time"),
        ({"time_zone": "Mars/Olympus"}, "time_zone is 'Mars/Olympus', not the name of a time zone"),
        ({"pauses": [{"id": "p"}]}, "from is None, not the time at which a pause begins"),
    ],
)
def test_a_roster_field_that_is_not_what_it_should_be_is_named(fields, said):
    with pytest.raises(OddDocumentError, match=said):
        listed(**fields)


# What is written


def test_a_new_members_documents_are_of_the_older_shape():
    fresh = Member(int(ID), "Ann", added=START, last_submit=START, todo=Todo("Ann", "1/6/2026", must_do="read"))
    assert roster_document_of(fresh, NOW) == {
        "_id": ID,
        "name": "Ann",
        "user_id": int(ID),
        "added": START,
        "updated_at": "2026-06-03T10:00:00.000000+00:00",
    }
    assert timestamps_document_of(fresh, NOW, []) == {
        "_id": ID,
        "last_submit": START.timestamp(),
        "last_ping": 0,
        "todo": {"name": "Ann", "date": "1/6/2026", **LISTS},
        "updated_at": "2026-06-03T10:00:00.000000+00:00",
    }


OLD_STAMPS = {
    "_id": ID,
    "last_submit": 1_780_000_000,
    "last_ping": 0,
    "updated_at": "2026-05-29T02:16:40+05:30",
    "updated_by": "sweeper",
    "todo": {"feature_name": "Ann", "date": "28/05/2026", "date_obj": "x", **LISTS, "submission_type": "text_only"},
    "streak": {"days": 4},
}
OLD_ROSTER = {
    "_id": ID,
    "added": datetime(2026, 5, 28),  # noqa: DTZ001  # as a BSON date comes
    "name": "Ann",
    "user_id": int(ID),
    "team": "red",
}


def test_what_did_not_change_is_not_written_anew():
    known = member_from(int(ID), OLD_ROSTER, OLD_STAMPS)
    assert timestamps_document_of(known, NOW, []) == OLD_STAMPS
    assert type(timestamps_document_of(known, NOW, [])["last_submit"]) is int
    assert roster_document_of(known, NOW) == OLD_ROSTER


def test_a_ping_leaves_everything_else_as_it_was():
    known = member_from(int(ID), OLD_ROSTER, OLD_STAMPS)
    written = timestamps_document_of(replace(known, last_ping=NOW), NOW, [])
    changed = {"last_ping": NOW.timestamp(), "updated_at": "2026-06-03T10:00:00.000000+00:00"}
    assert written == {**OLD_STAMPS, **changed}
    assert type(written["last_submit"]) is int


def test_a_submission_leaves_what_giftping_does_not_know():
    known = replace(member_from(int(ID), OLD_ROSTER, OLD_STAMPS), last_submit=NOW, todo=Todo("Ann", "3/6/2026", "run"))
    written = timestamps_document_of(known, NOW, [])
    assert written["streak"] == {"days": 4}
    assert written["todo"] == {"name": "Ann", "date": "3/6/2026", "must_do": "run", "can_do": "N/A", "dont_do": "N/A"}
    assert written["last_submit"] == NOW.timestamp()


def test_a_change_of_the_roster_leaves_what_giftping_does_not_know():
    known = replace(member_from(int(ID), OLD_ROSTER, OLD_STAMPS), left_at=NOW)
    written = roster_document_of(known, NOW)
    assert written == {**OLD_ROSTER, "left_at": NOW.timestamp()}
    written = roster_document_of(replace(known, left_at=None, exempt=True), NOW)
    assert written == {**OLD_ROSTER, "exempt": True, "updated_at": "2026-06-03T10:00:00.000000+00:00"}


@pytest.mark.parametrize(
    "change", [{"pauses": (Pause("ill", NOW),)}, {"exempt": True}, {"time_zone": "Europe/Berlin"}], ids=str
)
def test_what_staff_changed_while_mongodb_was_away_stays_though_a_sweep_has_looked_the_member_up_since(
    change: dict[str, Any],
) -> None:
    known = member_from(
        int(ID), {**OLD_ROSTER, "user_id": int(ID), "updated_at": time_to_text(NOW - timedelta(days=1))}, None
    )
    ours = roster_document_of(replace(known, **change), NOW)
    seen = roster_document_of(
        replace(known, name="Anna", membership=Membership(NOW, in_guild=True)), NOW + timedelta(days=1)
    )
    assert seen != known.roster_document
    carried = replayed(seen, Queued(ACTIVE_MEMBERS, ID, 1, known.roster_document, ours, ""))
    assert carried is not None
    assert {name: carried[name] for name in ours if name not in ("name", "seen")} == {
        name: value for name, value in ours.items() if name not in ("name", "seen")
    }


def test_what_is_over_leaves_the_document():
    known = member_from(int(ID), {"_id": ID, "left_at": 5, "exempt": True, "name": "Ann"}, None)
    written = roster_document_of(replace(known, left_at=None, exempt=False), NOW)
    assert set(written) == {"_id", "name", "user_id", "found", "updated_at"}
    started = roster_document_of(replace(member_from(int(ID), written, None), clock_from=NOW), NOW)
    assert set(started) == {"_id", "name", "user_id", "clock_from", "updated_at"}


def test_a_list_left_empty_is_written_as_the_older_bot_did():
    assert todo_document(Todo("Ann", "1/6/2026")) == {
        "name": "Ann",
        "date": "1/6/2026",
        "must_do": "N/A",
        "can_do": "N/A",
        "dont_do": "N/A",
    }
    assert todo_document(None) is None


# There and back

lists = words.filter(lambda text: text != "N/A")
files = st.builds(
    lambda name, kind, size, url: Attachment(name, kind, size, url),
    words.filter(bool),
    st.sampled_from(["", "application/pdf", "image/png", "image/*"]),
    st.integers(1, 10**7),
    words,
)
todos = st.builds(Todo, words, words, lists, lists, lists, words, maybe, st.none() | some_ids, st.none() | files)
legs = st.builds(
    Leg, st.sampled_from(LegState), maybe, words, words, st.none() | some_ids, st.none() | some_ids, delivery=words
)
notices = st.builds(
    Notice, words, st.sampled_from(NoticeKind), moments, legs, legs, ping_before=maybe, todo=st.none() | todos
)
removals = st.builds(Removal, st.sampled_from(RemovalState), moments, words, words)
members = st.builds(
    Member,
    user_id=some_ids,
    name=words,
    added=maybe,
    exempt=st.booleans(),
    time_zone=st.sampled_from(["", "Europe/Berlin", "Asia/Kolkata"]),
    pauses=st.lists(st.builds(Pause, words, moments, maybe, words), max_size=2).map(tuple),
    left_at=maybe,
    membership=st.none() | st.builds(Membership, moments, st.booleans(), st.booleans(), st.booleans()),
    dm_channel_id=st.none() | some_ids,
    dms_closed_at=maybe,
    last_submit=maybe,
    last_ping=maybe,
    todo=st.none() | todos,
    lapse=st.none() | st.builds(Lapse, moments, maybe, st.none() | removals),
    notices=st.lists(notices, max_size=3).map(tuple),
)


def written_and_read(known: Member) -> Member:
    roster, times = roster_document_of(known, NOW), timestamps_document_of(known, NOW, [])
    return member_from(known.user_id, roster, times)


@given(members)
def test_a_member_is_the_same_after_being_written_and_read(known):
    assert written_and_read(known) == known


@given(members, members)
def test_a_member_who_was_read_can_become_any_other(before, after):
    found = written_and_read(before)
    changed = replace(
        after,
        user_id=found.user_id,
        roster_document=found.roster_document,
        timestamps_document=found.timestamps_document,
    )
    # Nobody is made to have never been added: the roster keeps that.
    expected = changed if changed.added else replace(changed, added=before.added)
    assert written_and_read(changed) == expected


def test_the_time_of_a_change_is_that_of_the_change():
    known = member_from(int(ID), OLD_ROSTER, OLD_STAMPS)
    again = timestamps_document_of(replace(known, last_ping=NOW - DAY), NOW, [])
    assert again["updated_at"] == "2026-06-03T10:00:00.000000+00:00"
    assert member(5).user_id == 5
