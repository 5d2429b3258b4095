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
    (guild,) = inherited(read_state({"channels": {"11": "500"}, "sent": {"12": ["A1"]}})).guilds(NOW, SOURCES)
    assert (guild.guild_id, guild.destination, guild.games) == (11, Destination(channel_id=500), (HOME_GAME,))


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
    (guild,) = inherited(read_state(document)).guilds(NOW, SOURCES)
    assert guild.seeded == ({HOME_GAME: ("api", "wiki")} if past_first_look else {})
    assert guild.announce_current == ()


def test_of_two_channels_the_one_read_first_counts_and_the_other_is_reported() -> None:
    inheritance = inherited(read_state({"channels": {"11": 5}}), read_state({"channels": {"11": 6, "12": 7}}))
    assert [guild.destination.channel_id for guild in inheritance.guilds(NOW, SOURCES)] == [5, 7]
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
