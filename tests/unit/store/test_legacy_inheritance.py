"""What all old documents together come to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from giftping.store.base import HOME_GAME, Destination, EntryState, LedgerEntry
from giftping.store.legacy.inheritance import Inheritance
from giftping.store.legacy.shapes import Read, read_gift_code, read_sent, read_state

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SENT_AT = datetime(2024, 3, 1, 10, tzinfo=UTC)
SOURCES = ("wiki", "api")


def inherited(*reads: Read) -> Inheritance:
    inheritance = Inheritance()
    for read in reads:
        inheritance.add(read)
    return inheritance


def states(inheritance: Inheritance, guild_id: int) -> dict[str, str]:
    return {entry.key: entry.state.value for entry in inheritance.entries(guild_id, NOW)}


def test_a_code_of_any_shape_is_one_entry() -> None:
    """D11, D23: the releases kept the same code in different places and cases, and forgot each other's."""
    inheritance = inherited(
        read_state({"sent": {"11": ["gogoWOS", "LISTED"], "global": ["GOGOWOS", "EVERY"]}}),
        read_sent({"_id": "11:GOGOWOS", "guild_id": 11, "code": "GOGOWOS", "source": "auto", "sent_at": str(SENT_AT)}),
        read_sent({"_id": "11", "codes": ["gogowos", "inlist"]}),
        read_gift_code({"_id": "GOGOWOS"}, NOW),
        read_gift_code({"_id": "PENDING"}, NOW),
    )
    assert states(inheritance, 11) == {
        "EVERY": "sent",
        "GOGOWOS": "sent",
        "INLIST": "sent",
        "LISTED": "sent",
        "PENDING": "seeded",
    }
    (entry,) = [entry for entry in inheritance.entries(11, NOW) if entry.key == "GOGOWOS"]
    state = EntryState.SENT
    assert entry == LedgerEntry(11, HOME_GAME, "GOGOWOS", "gogoWOS", "auto", state, SENT_AT, SENT_AT, sent_at=SENT_AT)


def test_times_that_nobody_wrote_down_are_the_migrations() -> None:
    inheritance = inherited(read_state({"sent": {"11": ["A1"]}}))
    (entry,) = inheritance.entries(11, NOW)
    assert (entry.created_at, entry.updated_at, entry.sent_at, entry.source) == (NOW, NOW, NOW, "migration")


def test_a_list_was_sent_at_the_latest_when_its_document_was_updated() -> None:
    updated = SENT_AT + timedelta(days=9)
    document = {"sent": {"11": ["A1"]}, "created_at": SENT_AT.isoformat(), "updated_at": updated.isoformat()}
    (entry,) = inherited(read_state(document)).entries(11, NOW)
    assert (entry.created_at, entry.updated_at, entry.sent_at) == (SENT_AT, updated, updated)


def test_a_seeded_code_was_never_sent() -> None:
    inheritance = inherited(read_state({"channels": {"11": 5}}), read_gift_code({"_id": "A1"}, NOW))
    (entry,) = inheritance.entries(11, NOW)
    assert (entry.state, entry.sent_at) == (EntryState.SEEDED, None)


def test_what_went_to_any_guild_is_known_and_no_news() -> None:
    inheritance = inherited(
        read_state({"sent": {"11": ["A1"], "12": ["a1", "B2"], "global": ["C3"]}}),
        read_gift_code({"_id": "D4", "date": str(SENT_AT)}, NOW),
    )
    assert [(one.spelling, one.last_seen) for one in inheritance.codes(NOW)] == [
        *(("a1", NOW), ("B2", NOW), ("C3", NOW)),
        ("D4", SENT_AT),
    ]


def test_what_counts_everywhere_counts_for_each_guild_with_a_channel_or_a_history() -> None:
    inheritance = inherited(
        read_state({"channels": {"11": 5}, "sent": {"12": ["B2"], "13": [], "global": ["A1"]}}),
        read_sent({"_id": "14:C3", "code": "C3"}),
    )
    assert {guild: [*states(inheritance, guild)] for guild in inheritance.guild_ids} == {
        11: ["A1"],
        12: ["A1", "B2"],
        14: ["A1", "C3"],
    }
    assert [inheritance.count(guild) for guild in inheritance.guild_ids] == [1, 2, 2]


def test_a_guild_gets_its_channel_and_the_older_bots_game() -> None:
    (one,) = inherited(read_state({"channels": {"11": "500"}, "sent": {"12": ["A1"]}})).subscriptions(NOW, SOURCES)
    assert (one.guild_id, one.destination, one.game) == (11, Destination(channel_id=500), HOME_GAME)


@pytest.mark.parametrize(
    ("sent", "past_first_look"),
    [
        ({"11": ["A1"]}, True),
        ({"global": ["A1"]}, True),
        ({"11": []}, False),
        ({"12": ["A1"]}, False),
        ({}, False),
    ],
)
def test_a_guild_is_past_its_first_look_when_codes_are_known_in_it(sent: object, past_first_look: bool) -> None:
    """D12, D13: a guild that nothing is recorded of is seeded; in any other, what is not recorded is new."""
    document = {"channels": {"11": 500}, "sent": sent, "initialized": True}
    (one,) = inherited(read_state(document)).subscriptions(NOW, SOURCES)
    assert one.seeded == (("api", "wiki") if past_first_look else None)
    assert not one.announce_current


def test_of_two_channels_the_one_read_first_counts_and_the_other_is_reported() -> None:
    inheritance = inherited(read_state({"channels": {"11": 5}}), read_state({"channels": {"11": 6, "12": 7}}))
    assert [one.destination.channel_id for one in inheritance.subscriptions(NOW, SOURCES)] == [5, 7]
    assert [(one.where, one.what) for one in inheritance.reported] == [("giftcode_state: channels: 11", "6")]


def test_the_fingerprint_tells_what_is_known_where_not_in_which_order_it_was_read() -> None:
    one, two = read_state({"sent": {"11": ["A1"]}}), read_sent({"_id": "11", "codes": ["b2"]})
    assert inherited(one, two).fingerprint() == inherited(two, one).fingerprint()
    others = [
        inherited(one),
        inherited(one, two, read_state({"channels": {"11": 5}})),
        inherited(one, two, read_state({"sent": {"global": ["A1"]}})),
        inherited(one, two, read_gift_code({"_id": "A1"}, NOW)),
    ]
    assert len({inheritance.fingerprint() for inheritance in [inherited(one, two), *others]}) == 5


# What cannot be read is not none


@pytest.mark.parametrize("value", [None, "A1", 5, {"A1": 1}, True, b"A1"], ids=repr)
@pytest.mark.parametrize("shape", ["state", "guild document"])
def test_a_guild_whose_list_cannot_be_read_gets_nothing_until_a_person_decides(value: object, shape: str) -> None:
    state: dict[str, object] = {"channels": {"11": 500, "12": 600}, "sent": {"12": ["A1"]}}
    old = Inheritance()
    if shape == "state":
        state["sent"] = {"11": value, "12": ["A1"]}
    else:
        old.add(read_sent({"_id": "11", "guild_id": 11, "codes": value}))
    old.add(read_state(state))
    assert [one.guild_id for one in old.subscriptions(NOW, ["site"])] == [12]
    (left,) = old.left_out()
    assert (left.where, left.what) == ("guild 11", "channel 500")
    assert "giftping guilds add 11 --channel 500" in left.why


@pytest.mark.parametrize("sent", [None, [], "x", {"global": None}], ids=repr)
def test_where_the_history_of_all_cannot_be_read_no_guild_is_taken_over(sent: object) -> None:
    old = Inheritance()
    old.add(read_state({"channels": {"11": 500, "12": 600}, "sent": sent}))
    assert old.subscriptions(NOW, ["site"]) == []
    assert len(old.left_out()) == 2


@pytest.mark.parametrize(
    "odd", [None, ["B2"], {"a": 1}, 5.5, "B:2", "B~2", "", " ", "0", 5, -1, "NaN", "None", "\x00\x01"], ids=repr
)
def test_a_guild_of_whose_codes_one_cannot_be_read_looks_first(odd: object) -> None:
    old = Inheritance()
    old.add(read_state({"channels": {"11": 500, "12": 600}, "sent": {"11": ["A1", odd], "12": ["A1"]}}))
    seeded = {one.guild_id: one.seeded for one in old.subscriptions(NOW, ["site"])}
    assert seeded == {11: None, 12: ("site",)}, "what is listed now may be what could not be read"
    assert old.left_out() == []


@pytest.mark.parametrize(
    "odd",
    [
        read_gift_code({"_id": datetime(2026, 1, 1)}, NOW),  # noqa: DTZ001 -- as PyMongo gives it
        read_gift_code({"_id": 5}, NOW),
        read_gift_code({"_id": "null"}, NOW),
        read_state({"sent": {"nobody": ["B2"]}}),
        read_sent({"_id": 5.5, "guild_id": None, "code": "B2"}),
        read_sent({"_id": 5.5, "codes": ["B2"]}),
    ],
    ids=["an id that is no code", "a number", "a word for nothing", "a list", "a code", "a document"],
)
def test_where_what_was_sent_is_of_nobody_knows_whom_or_what_every_guild_looks_first(odd: Read) -> None:
    old = inherited(read_state({"channels": {"11": 500}, "sent": {"11": ["A1"]}}), odd)
    (eleven,) = old.subscriptions(NOW, ["site"])
    assert eleven.seeded is None, "what is listed now may be what could not be read"
    assert old.reported


def test_a_guild_of_which_a_document_names_no_code_looks_first() -> None:
    state = {"channels": {"11": 500, "12": 600}, "sent": {"11": ["A1"], "12": ["A1"]}}
    old = inherited(read_state(state), read_sent({"_id": "11", "guild_id": 11}))
    assert {one.guild_id: one.seeded for one in old.subscriptions(NOW, ["site"])} == {11: None, 12: ("site",)}


def test_what_names_two_guilds_counts_for_both() -> None:
    old = inherited(read_sent({"_id": "11:B2", "guild_id": 12, "code": "B2"}))
    assert [[*states(old, guild)] for guild in (11, 12)] == [["B2"], ["B2"]]


def test_what_is_mended_goes_over_though_no_code_came_to_it() -> None:
    damaged, mended = Inheritance(), Inheritance()
    damaged.add(read_state({"channels": {"11": 500}, "sent": {"11": None}}))
    mended.add(read_state({"channels": {"11": 500}, "sent": {"11": []}}))
    assert damaged.fingerprint() != mended.fingerprint()
