"""Every shape that an older bot may have left, read document by document."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from itertools import permutations
from typing import Any

import pytest
from bson import Code, ObjectId
from fakes.odd_ids import ODD_IDS

from giftping.store.base import EntryState
from giftping.store.legacy.shapes import (
    Evidence,
    Known,
    Read,
    Times,
    better,
    is_of_giftping,
    is_state,
    read_gift_code,
    read_member_document,
    read_sent,
    read_state,
    snowflake,
    spelling_of,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MARCH = datetime(2024, 3, 1, 10, 0, 0, 1, tzinfo=UTC)
APRIL = datetime(2024, 4, 1, 10, tzinfo=UTC)
MARCH_NAIVE = "2024-03-01T10:00:00.000001"

Codes = dict[int | None, list[str]]


def codes(read: Read) -> Codes:
    return {guild_id: [one.spelling for one in known] for guild_id, known in read.known.items() if known}


def whys(read: Read) -> list[str]:
    return [f"{one.where}: {one.what}: {one.why}" for one in read.reported]


STATES: dict[str, tuple[dict[str, Any], dict[int, int], Codes]] = {
    "v0: no flags, codes as they were typed, in any order": (
        {"channels": {"11": 500}, "sent": {"11": ["gogoWOS", " Kingshot888 ", "ABC1"]}},
        {11: 500},
        {11: ["gogoWOS", "Kingshot888", "ABC1"]},
    ),
    "v0 after the deadlock: channels, and nothing sent": (
        {"channels": {"11": 500}, "sent": {"11": []}},
        {11: 500},
        {},
    ),
    "v0.5: initialized": (
        {"channels": {"11": 500}, "sent": {"11": ["A1", "B2"]}, "initialized": True},
        {11: 500},
        {11: ["A1", "B2"]},
    ),
    "v0.8: a list that counts everywhere": (
        {"channels": {"11": 500}, "sent": {"global": ["A1"], "12": ["B2"]}, "initialized": True},
        {11: 500},
        {None: ["A1"], 12: ["B2"]},
    ),
    "v1: the flag is set": (
        {"channels": {}, "sent": {"11": ["A1"]}, "initialized": True, "migrated_to_sent_adapter": True},
        {},
        {11: ["A1"]},
    ),
    "the document of MongoDB": (
        {"_id": "giftcode_state", "channels": {"11": 500}, "sent": {"11": ["A1"]}, "created_at": MARCH_NAIVE},
        {11: 500},
        {11: ["A1"]},
    ),
    "no channels": ({"sent": {"11": ["A1"]}}, {}, {11: ["A1"]}),
    "no sent": ({"channels": {"11": 500}}, {11: 500}, {}),
    "nothing at all": ({}, {}, {}),
    "channels as texts": ({"channels": {"11": "500", " 12 ": " 600 "}}, {11: 500, 12: 600}, {}),
    "one guild under two keys": ({"sent": {"11": ["A1"], "011": ["B2"]}}, {}, {11: ["A1", "B2"]}),
}


@pytest.mark.parametrize("case", STATES)
def test_a_state_of_any_release_gives_its_channels_and_codes(case: str) -> None:
    document, channels, sent = STATES[case]
    read = read_state(document)
    assert (read.channels, codes(read), read.reported) == (channels, sent, ())


@pytest.mark.parametrize("value", [777, "0", "null", "NaN", "\x07\x08", "A" * 101])
def test_what_is_hardly_a_code_counts_as_one_and_is_told(value: object) -> None:
    read = read_state({"sent": {"11": ["ABC", value]}})
    assert codes(read) == {11: ["ABC", str(value)]}
    assert [one.what[:50] for one in read.reported] == [repr(value)[:50]]
    assert read.torn == {11}


def test_the_times_of_a_state_are_those_of_the_document_naive_ones_in_utc() -> None:
    """D28: the older bot wrote times without a zone."""
    document = {"sent": {"11": ["A1"]}, "created_at": MARCH_NAIVE, "updated_at": "2024-04-01T15:30:00+05:30"}
    (known,) = read_state(document).known[11]
    assert known.times == Times(None, MARCH, APRIL)


@pytest.mark.parametrize("value", ["yesterday", 12, None, "9999-12-31T23:59:59-10:00", ["2024"]])
def test_a_time_that_cannot_be_read_is_as_if_it_were_not_there(value: object) -> None:
    (known,) = read_state({"sent": {"11": ["A1"]}, "created_at": value}).known[11]
    assert known.times == Times()


def test_bad_keys_are_reported_one_by_one_and_stop_nothing_else() -> None:
    """D25: one bad key in `channels` stopped every guild."""
    read = read_state(
        {
            "channels": {"11": 500, "abc": 1, "": 1, "-5": 1, "12": None, "13": 2.5, "14": True, "15": {"id": 5}},
            "sent": {
                "11": ["A1", None, 3.5, ["B2"], {"C3": 1}, "", "  ", "a:D4", "A1~2", "\ud800"],
                "x": ["Z9"],
            },
        },
        "old.json",
    )
    assert read.channels == {11: 500}
    assert codes(read) == {11: ["A1"]}
    assert whys(read) == [
        "old.json: channels: 'abc': not a guild id",
        "old.json: channels: '': not a guild id",
        "old.json: channels: '-5': not a guild id",
        "old.json: channels: 12: None: not a channel id",
        "old.json: channels: 13: 2.5: not a channel id",
        "old.json: channels: 14: True: not a channel id",
        "old.json: channels: 15: {'id': 5}: not a channel id",
        "old.json: sent: 11: None: not a code",
        "old.json: sent: 11: 3.5: not a code",
        "old.json: sent: 11: ['B2']: not a code",
        "old.json: sent: 11: {'C3': 1}: not a code",
        "old.json: sent: 11: '': an empty code",
        "old.json: sent: 11: '  ': an empty code",
        "old.json: sent: 11: 'a:D4': holds ':', which no code does",
        "old.json: sent: 11: 'A1~2': holds '~', which no code does",
        "old.json: sent: 11: '\\ud800': not a text that can be stored",
        "old.json: sent: 'x': not a guild id",
    ]


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"channels": ["11"]}, "giftcode_state: channels: ['11']: not an object"),
        ({"sent": "A1"}, "giftcode_state: sent: 'A1': not an object"),
        ({"sent": {"11": "A1"}}, "giftcode_state: sent: 11: 'A1': not a list of codes"),
        ({"sent": {"11": {"A1": True}}}, "giftcode_state: sent: 11: {'A1': True}: not a list of codes"),
        ({"sent": {"global": None}}, "giftcode_state: sent: global: None: not a list of codes"),
    ],
)
def test_a_part_of_another_shape_is_reported_whole(document: dict[str, Any], why: str) -> None:
    assert whys(read_state(document)) == [why]


@pytest.mark.parametrize("id_", list(ODD_IDS.values()), ids=list(ODD_IDS))
def test_a_state_that_no_older_bot_would_find_is_taken_over_and_named(id_: object) -> None:
    state = {"_id": id_, "channels": {"11": 500}, "sent": {"11": ["A1"]}}
    read = read_state(state, "db")
    assert (read.channels, codes(read)) == ({11: 500}, {11: ["A1"]})
    assert [(one.where, one.what[:9]) for one in read.reported] == [("giftcode_state", repr(id_)[:9])]


def test_a_long_value_is_cut_in_the_report() -> None:
    (reported,) = read_state({"channels": {"1" * 500: 1}}).reported
    assert reported.what == "'" + "1" * 58 + "…"


def test_a_state_is_known_by_its_keys() -> None:
    assert is_state({})
    assert is_state({"initialized": False, "anything": 1})
    assert not is_state({"meta": {}})
    assert not is_state([])


# sent_giftcodes


def v1(**changes: object) -> dict[str, Any]:
    times = {"sent_at": MARCH_NAIVE, "created_at": MARCH_NAIVE, "updated_at": MARCH_NAIVE}
    return {"_id": "11:ABC", "guild_id": 11, "code": "ABC", "source": "auto", **times, **changes}


SENT: dict[str, tuple[dict[str, Any], Codes]] = {
    "v1": (v1(), {11: ["ABC"]}),
    "v1 in lower case": (v1(_id="11:abc", code="abc"), {11: ["abc"]}),
    "v1 with the guild as a text": (v1(guild_id="11"), {11: ["ABC"]}),
    "v2": ({"_id": "11", "guild_id": 11, "codes": ["gogoWOS", "B2"], "source": "auto"}, {11: ["gogoWOS", "B2"]}),
    "v2 without the guild": ({"_id": "11", "codes": ["B2"]}, {11: ["B2"]}),
    "v2 with nothing": ({"_id": "11", "codes": []}, {}),
}

ODD_SENT: dict[str, tuple[dict[str, Any], Codes]] = {
    "v1 without the code": ({"_id": "11:ABC", "guild_id": 11}, {11: ["ABC"]}),
    "v1 with a code that is none": (v1(code=None), {11: ["ABC"]}),
    "v1 with another code than its id": (v1(code="XYZ"), {11: ["ABC", "XYZ"]}),
    "v1 with a number for its code": (v1(code=5), {11: ["ABC", "5"]}),
    "v1 without the guild": ({"_id": "11:ABC", "code": "ABC"}, {11: ["ABC"]}),
    "v1 with another guild than its id": (v1(guild_id=12), {11: ["ABC"], 12: ["ABC"]}),
    "v1 under another id": (v1(_id=ObjectId()), {11: ["ABC"]}),
    "v1 under a text that is no id": (v1(_id="soon"), {11: ["ABC"]}),
    "v1 under the id of another guild": (v1(_id="5"), {11: ["ABC"]}),
    "v1 with a source of a class of texts": (v1(source=Code("auto")), {11: ["ABC"]}),
    "v1 sent at no time": (v1(sent_at="soon"), {11: ["ABC"]}),
    "v1 made at no time": (v1(created_at=[{}]), {11: ["ABC"]}),
    "v1 with an odd source": (v1(source=False), {11: ["ABC"]}),
    "v2 under another id": ({"_id": ObjectId(), "guild_id": 11, "codes": ["B2"]}, {11: ["B2"]}),
    "v2 with another guild than its id": ({"_id": "11", "guild_id": {}, "codes": ["B2"]}, {11: ["B2"]}),
    "v2 sent at no time": ({"_id": "11", "codes": ["B2"], "last_sent_at": True}, {11: ["B2"]}),
    "v2 with an odd source": ({"_id": "11", "codes": ["B2"], "source": 5}, {11: ["B2"]}),
}
"""What can be read of it counts, and it is named, as every command names it."""


@pytest.mark.parametrize("case", SENT)
def test_the_two_shapes_of_the_ledger_are_told_apart(case: str) -> None:
    """D11: the rewrite ignored the documents of the release before, and sent everything again."""
    document, expected = SENT[case]
    read = read_sent(document)
    assert (codes(read), read.reported) == (expected, ())


@pytest.mark.parametrize("case", ODD_SENT)
def test_what_is_odd_in_a_document_is_told_and_its_code_is_not_announced_again(case: str) -> None:
    document, expected = ODD_SENT[case]
    read = read_sent(document)
    assert (codes(read), bool(read.reported)) == (expected, True)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (v1(_id="11:", code=""), "sent_giftcodes: '11:': '': an empty code"),
        (v1(_id="11:  ", code="  "), "sent_giftcodes: '11:  ': '  ': an empty code"),
        (v1(_id="x:ABC", guild_id=None), "sent_giftcodes: 'x:ABC': not of any guild"),
        ({"_id": "11", "guild_id": 11}, "sent_giftcodes: '11': holds no code"),
        ({"_id": "11", "codes": "ABC"}, "sent_giftcodes: 11: codes: 'ABC': not a list of codes"),
        ({"_id": "11", "codes": [None]}, "sent_giftcodes: 11: codes: None: not a code"),
        ({}, "sent_giftcodes: None: not of any guild"),
    ],
)
def test_what_is_no_entry_is_reported(document: dict[str, Any], why: str) -> None:
    read = read_sent(document)
    assert (codes(read), whys(read)) == ({}, [why])


@pytest.mark.parametrize(
    ("written", "source"),
    [("auto", "auto"), ("api", "api"), ("migration", "migration"), ("test", "migration"), (None, "migration")],
)
def test_a_source_is_kept_when_it_is_one_of_the_known_ones(written: object, source: str) -> None:
    (known,) = read_sent(v1(source=written)).known[11]
    assert known.source == source


def test_a_guild_document_tells_when_it_was_last_sent_something() -> None:
    document = {"_id": "11", "codes": ["A1"], "last_sent_at": MARCH_NAIVE, "created_at": datetime(2024, 4, 1, 10)}  # noqa: DTZ001 -- as PyMongo gives it
    (known,) = read_sent(document).known[11]
    assert known.times == Times(MARCH, APRIL, None)


def test_giftpings_own_entries_are_not_an_older_bots() -> None:
    assert is_of_giftping({**v1(), "game": "whiteout-survival", "state": "claimed"})
    assert not is_of_giftping(v1())


# gift_codes

OBJECT_ID = ObjectId("65e1a1f0c0ffee0000000001")

GIFT_CODES: dict[str, tuple[dict[str, Any], str, datetime]] = {
    "the poster's": ({"_id": "ABC", "date": MARCH_NAIVE, "validation_status": "posted"}, "ABC", MARCH),
    "another writer's": ({"_id": "gogoWOS", "date": "01.03.2024", "created_at": MARCH_NAIVE}, "gogoWOS", MARCH),
    "with its exact case": ({"_id": "GOGOWOS", "giftcode_original": "gogoWOS", "date": MARCH_NAIVE}, "gogoWOS", MARCH),
    "under an ObjectId": ({"_id": OBJECT_ID, "giftcode": "gogoWOS", "date": MARCH_NAIVE}, "gogoWOS", MARCH),
    "with the name of another": ({"_id": "ABC", "giftcode_original": "XYZ", "date": MARCH_NAIVE}, "ABC", MARCH),
    "as a number": ({"_id": 777, "date": MARCH_NAIVE}, "777", MARCH),
    "with a time of MongoDB": ({"_id": "ABC", "date": datetime(2024, 4, 1, 10)}, "ABC", APRIL),  # noqa: DTZ001
    "without any time": ({"_id": "ABC"}, "ABC", NOW),
}


@pytest.mark.parametrize("case", GIFT_CODES)
def test_a_gift_code_is_known_everywhere_and_remembered_as_it_is_spelled(case: str) -> None:
    """D23: only the upper-cased spelling was stored."""
    document, spelling, first_seen = GIFT_CODES[case]
    read = read_gift_code(document, NOW)
    assert read.code is not None
    assert (read.code.key, read.code.spelling, read.code.first_seen) == (spelling.upper(), spelling, first_seen)
    assert [(one.spelling, one.state) for one in read.known[None]] == [(spelling, EntryState.SEEDED)]


def test_a_gift_code_without_a_name_is_reported() -> None:
    assert whys(read_gift_code({"_id": OBJECT_ID}, NOW)) == [f"gift_codes: {OBJECT_ID!r}: holds no code"]


# The TODO collections


def test_a_members_document_is_taken_as_it_is() -> None:
    document = {"_id": "5", "last_submit": 1738094400.5, "todo": {"name": "N/A"}}
    assert read_member_document("todo_timestamps", document) == (document, None)


@pytest.mark.parametrize(("id_", "as_text"), [("mongodb_test", "mongodb_test"), (5, "5")])
def test_an_odd_member_id_is_reported_and_the_document_taken(id_: object, as_text: str) -> None:
    document, reported = read_member_document("active_members", {"_id": id_, "name": "x"})
    assert document == {"_id": as_text, "name": "x"}
    assert reported is not None
    assert (reported.where, reported.what) == ("active_members", repr(id_))


@pytest.mark.parametrize("collection", ["active_members", "todo_events"])
@pytest.mark.parametrize("id_", [OBJECT_ID, {"a": 1}, b"5", 0.5, True, None, -5])
def test_a_document_under_what_is_neither_a_text_nor_a_members_number_is_reported_and_left(
    collection: str, id_: object
) -> None:
    document, reported = read_member_document(collection, {"_id": id_, "name": "x"})
    assert document is None
    assert reported is not None
    assert (reported.where, reported.what) == (collection, repr(id_))


@pytest.mark.parametrize("collection", ["todo_events", "todo_state"])
def test_what_is_not_of_one_member_may_have_any_text_as_its_id(collection: str) -> None:
    assert read_member_document(collection, {"_id": "submission-1"})[1] is None


# Ids, codes, and which record counts


@pytest.mark.parametrize("value", [0, -1, 2**64, True, 1.0, None, "", "1_0", "+1", "٣", "1" * 5000, [1], "0"])
def test_what_is_no_discord_id_is_none(value: object) -> None:
    assert snowflake(value) is None


def test_a_discord_id_may_be_a_number_or_a_text() -> None:
    assert snowflake(123456789012345678) == snowflake("123456789012345678") == snowflake(" 123456789012345678\n")


def test_a_code_keeps_its_spelling_without_the_space_around_it() -> None:
    assert spelling_of(" gogoWOS\n") == ("gogoWOS", "")


def test_the_most_exact_record_counts_and_the_most_telling_spelling() -> None:
    exact = Known("GOGOWOS", Evidence.OWN_DOCUMENT, Times(sent_at=MARCH), "auto")
    listed = Known("gogoWOS", Evidence.LIST, Times(created_at=APRIL))
    typed = Known("gogowos", Evidence.GLOBAL_LIST, Times())
    merged = Known("gogoWOS", Evidence.OWN_DOCUMENT, Times(sent_at=MARCH), "auto")
    assert {reduce(better, order) for order in permutations((exact, listed, typed))} == {merged}


def test_of_two_equally_exact_records_the_earlier_counts_and_one_with_a_time_before_one_without() -> None:
    early, late, never = (Known("ABC", Evidence.LIST, Times(sent_at=at)) for at in (MARCH, APRIL, None))
    assert better(early, late) == better(late, early) == early
    assert better(never, late) == better(late, never) == late
