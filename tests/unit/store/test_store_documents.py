from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fakes.records import LATER, NOON, code, entry, guild, run
from hypothesis import given, settings
from hypothesis import strategies as st

from giftping.store.base import (
    HOME_GAME,
    Broken,
    CodeRecord,
    Destination,
    EntryState,
    GuildRecord,
    LedgerEntry,
    RunRecord,
    SourceMemory,
    StoreError,
)
from giftping.store.documents import (
    code_from_document,
    code_to_document,
    entry_from_document,
    entry_to_document,
    field_name,
    guild_from_document,
    guild_to_document,
    is_ledger_document,
    merge_code_records,
    plain_name,
    refuse_newer_schema,
    run_from_document,
    run_to_document,
)
from giftping.store.fields import DocumentError, time_from_value, time_to_text

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zone above
TEXTS = st.text(max_size=12)
NAMES = st.text(min_size=1, max_size=12)
SNOWFLAKES = st.integers(1, 2**63)
MEMORIES = st.builds(SourceMemory, TEXTS, TIMES, TIMES)
RECORDS = {
    "entry": (
        entry_to_document,
        entry_from_document,
        st.builds(
            LedgerEntry,
            SNOWFLAKES,
            NAMES,
            TEXTS,
            NAMES,
            NAMES,
            st.sampled_from(EntryState),
            TIMES,
            TIMES,
            TEXTS,
            TEXTS,
            st.none() | TIMES,
            st.none() | TIMES,
            st.none() | SNOWFLAKES,
            st.none() | SNOWFLAKES,
        ),
    ),
    "guild": (
        guild_to_document,
        guild_from_document,
        st.builds(
            GuildRecord,
            SNOWFLAKES,
            st.builds(Destination, TEXTS, st.none() | SNOWFLAKES),
            st.lists(NAMES, max_size=2).map(tuple),
            TIMES,
            TIMES,
            st.none() | SNOWFLAKES,
            st.dictionaries(NAMES, st.lists(NAMES, max_size=2).map(tuple), max_size=2),
            st.lists(NAMES, max_size=2).map(tuple),
            st.none() | st.builds(Broken, TIMES, TEXTS, st.integers(1, 99), st.none() | TIMES),
        ),
    ),
    "code": (
        code_to_document,
        code_from_document,
        st.builds(
            CodeRecord,
            NAMES,
            NAMES,
            TEXTS,
            TIMES,
            TIMES,
            st.dictionaries(NAMES, MEMORIES, max_size=2),
            TEXTS,
            st.none() | TIMES,
            TEXTS,
            TEXTS,
            st.lists(NAMES, max_size=2).map(tuple),
        ),
    ),
    "run": (
        run_to_document,
        run_from_document,
        st.builds(
            RunRecord,
            NAMES,
            NAMES,
            TIMES,
            TIMES,
            st.integers(0, 143),
            st.dictionaries(TEXTS, st.none() | st.integers() | TEXTS, max_size=2),
        ),
    ),
}


def v1(**changes: object) -> dict[str, Any]:
    """Return a document as the older bot wrote it."""
    return {
        "_id": "123456789:GIFTCODE123",
        "guild_id": 123456789,
        "code": "GIFTCODE123",
        "source": "auto",
        "sent_at": "2024-03-01T10:00:00.000001",
        "created_at": "2024-03-01T09:00:00.000001",
        "updated_at": "2024-03-01T11:00:00.000001",
    } | changes


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in names}


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_comes_back_from_its_document(record: str) -> None:
    to_document, from_document, records = RECORDS[record]

    @settings(max_examples=60, deadline=None)
    @given(records)
    def comes_back(value: Any) -> None:
        document = to_document(value)
        if record == "entry" and not value.game:
            return  # A game always has a name; the empty one is how the older bot's documents read.
        assert from_document(document) == value
        assert document["_id"] == (str(value.guild_id) if record == "guild" else value.id)

    comes_back()


def test_a_claim_has_the_older_bots_fields_and_those_that_are_set() -> None:
    """D23, D28: the exact spelling is kept beside the key, and times carry their zone."""
    assert entry_to_document(entry(123456789, "GIFTCODE123", spelling="GiftCode123")) == {
        "_id": "123456789:GIFTCODE123",
        "guild_id": 123456789,
        "game": HOME_GAME,
        "code": "GIFTCODE123",
        "spelling": "GiftCode123",
        "source": "api",
        "state": "claimed",
        "created_at": "2026-05-04T12:00:00.123456+00:00",
        "updated_at": "2026-05-04T12:00:00.123456+00:00",
        "delivery_id": "delivery-1",
        "claimed_by": "host-a",
        "claimed_at": "2026-05-04T12:00:00.123456+00:00",
    }


def test_what_is_not_set_is_left_out_of_every_document() -> None:
    seeded = entry(state=EntryState.SEEDED, delivery_id="", claimed_by="", claimed_at=None)
    assert entry_to_document(seeded).keys() == {
        *("_id", "guild_id", "game", "code", "spelling", "source", "state", "created_at", "updated_at")
    }
    assert guild_to_document(guild()).keys() == {"_id", "guild_id", "destination", "games", "created_at", "updated_at"}
    assert guild_to_document(guild())["destination"] == {"channel_id": 500}
    assert code_to_document(code()).keys() == {
        *("_id", "game", "key", "spelling", "first_seen", "last_seen", "sources")
    }
    broken = guild_to_document(guild(broken=Broken(NOON, "gone")))["broken"]
    assert broken == {"since": "2026-05-04T12:00:00.123456+00:00", "reason": "gone", "times": 1}


def test_the_id_carries_the_game_unless_it_is_the_one_the_older_bot_came_with() -> None:
    assert entry(5, "A1").id == "5:A1"
    assert entry(5, "A1", "kingshot").id == "5:kingshot:A1"


# What older bots left


def test_the_older_bots_document_is_an_entry_that_was_sent() -> None:
    found = entry_from_document(v1())
    assert found == LedgerEntry(
        guild_id=123456789,
        game=HOME_GAME,
        key="GIFTCODE123",
        spelling="GIFTCODE123",
        source="auto",
        state=EntryState.SENT,
        created_at=datetime(2024, 3, 1, 9, 0, 0, 1, UTC),
        updated_at=datetime(2024, 3, 1, 11, 0, 0, 1, UTC),
        sent_at=datetime(2024, 3, 1, 10, 0, 0, 1, UTC),
    )
    assert found.id == v1()["_id"]


@pytest.mark.parametrize(
    ("missing", "created", "updated"),
    [
        (["created_at"], 10, 11),
        (["created_at", "sent_at"], 11, 11),
        (["updated_at"], 9, 10),
        (["updated_at", "sent_at"], 9, 9),
    ],
)
def test_a_time_that_is_missing_is_the_next_best_one(missing: list[str], created: int, updated: int) -> None:
    found = entry_from_document(without(v1(), *missing))
    assert (found.created_at.hour, found.updated_at.hour) == (created, updated)


def test_a_document_without_any_time_or_source_is_still_in_the_ledger() -> None:
    found = entry_from_document(without(v1(), "created_at", "updated_at", "sent_at", "source"))
    assert found.created_at == found.updated_at == datetime(1970, 1, 1, tzinfo=UTC)
    assert (found.sent_at, found.source, found.state) == (None, "auto", EntryState.SENT)


def test_ids_written_as_texts_are_numbers() -> None:
    found = entry_from_document(v1(guild_id="123456789", message_id="7", channel_id="8"))
    assert (found.guild_id, found.message_id, found.channel_id) == (123456789, 7, 8)


def test_one_document_for_all_codes_of_a_guild_is_not_taken_for_an_entry() -> None:
    """D11: the two shapes that share one collection are told apart."""
    v2 = {"_id": "123456789", "guild_id": 123456789, "codes": ["A1"], "last_sent_at": "2024-03-01T10:00:00"}
    assert is_ledger_document(v1())
    assert not is_ledger_document(v2)
    with pytest.raises(DocumentError, match="sent_giftcodes: document '123456789': code is None, not a text"):
        entry_from_document(v2)


# Times


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-04T12:00:00",
        "2026-05-04T12:00:00.000000+00:00",
        "2026-05-04T12:00:00Z",
        "2026-05-04T17:30:00+05:30",
        datetime(2026, 5, 4, 12),  # noqa: DTZ001 -- as PyMongo returns it
        datetime(2026, 5, 4, 12, tzinfo=UTC),
    ],
)
def test_stored_times_are_read_as_utc(value: object) -> None:
    found = time_from_value(value)
    assert found == datetime(2026, 5, 4, 12, tzinfo=UTC)
    assert found.tzinfo is UTC


@given(st.lists(TIMES, min_size=2, max_size=5))
@settings(max_examples=50, deadline=None)
def test_stored_times_sort_as_the_times_do(times: list[datetime]) -> None:
    assert sorted(map(time_to_text, times)) == [time_to_text(at) for at in sorted(times)]


def test_a_time_is_stored_in_utc_and_never_without_a_zone() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    assert time_to_text(datetime(2026, 5, 4, 17, 30, tzinfo=kolkata)) == "2026-05-04T12:00:00.000000+00:00"
    with pytest.raises(ValueError, match="without a zone"):
        time_to_text(datetime(2026, 5, 4))  # noqa: DTZ001


# What cannot be read


@pytest.mark.parametrize(
    ("read", "document", "complaint"),
    [
        (entry_from_document, v1(sent_at="soon"), "sent_at is 'soon', not an ISO 8601 time"),
        (entry_from_document, v1(created_at=5), "created_at is 5, not an ISO 8601 time"),
        (entry_from_document, v1(guild_id="many"), "guild_id is 'many', not a Discord id"),
        (entry_from_document, without(v1(), "guild_id"), "guild_id is None, not a Discord id"),
        (entry_from_document, v1(state="lost"), "state is 'lost', not one of claimed, sent, uncertain, seeded"),
        (guild_from_document, guild_to_document(guild()) | {"games": "all"}, "games is 'all', not a list of texts"),
        (guild_from_document, guild_to_document(guild()) | {"seeded": {"a": [1]}}, r"a is \[1\], not a list of texts"),
        (guild_from_document, without(guild_to_document(guild()), "created_at"), "created_at is None"),
        (code_from_document, code_to_document(code()) | {"sources": {"site": 5}}, "site is 5, not an object"),
        (run_from_document, run_to_document(run()) | {"exit_code": None}, "exit_code is None, not a number"),
    ],
)
def test_a_document_that_cannot_be_read_is_an_error_that_names_it_and_the_field(
    read: Any, document: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(StoreError, match=complaint) as trouble:
        read(document)
    assert repr(document["_id"]) in str(trouble.value)
    assert "\n" not in str(trouble.value)


def test_a_newer_schema_is_refused_and_this_one_is_not() -> None:
    refuse_newer_schema(1, "mongodb://db")
    with pytest.raises(StoreError, match="mongodb://db: written by a newer giftping"):
        refuse_newer_schema(2, "mongodb://db")
    with pytest.raises(StoreError, match="schema version is None, not a number"):
        refuse_newer_schema(None, "mongodb://db")


@given(NAMES)
@settings(max_examples=50, deadline=None)
def test_any_name_makes_a_field_name_that_is_no_path_and_no_operator(name: str) -> None:
    assert not set(field_name(name)) & {".", "$"}
    assert plain_name(field_name(name)) == name


def test_what_was_known_of_a_code_is_joined_with_what_is_seen_now() -> None:
    known = code(sources={"site": SourceMemory("OLD", NOON, NOON)}, rewards="1 gem", first_seen=NOON, last_seen=NOON)
    seen = code(at=LATER, sources={"site": SourceMemory("new", LATER, LATER)})
    merged = merge_code_records(known, seen)
    assert (merged.first_seen, merged.last_seen, merged.rewards) == (NOON, LATER, "")
    assert merged.sources == {"site": SourceMemory("new", NOON, LATER)}
    assert merge_code_records(merged, seen) == merged
