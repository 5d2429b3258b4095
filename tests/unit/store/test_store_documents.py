from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from fakes.records import LATER, NOON, code, entry, run
from hypothesis import given
from hypothesis import strategies as st

from giftping.settings.sources import SightingState
from giftping.store.base import (
    HOME_GAME,
    SCHEMA_VERSION,
    CodeRecord,
    EntryState,
    GuildAddition,
    Hold,
    LedgerEntry,
    PastRuling,
    Round,
    Ruling,
    RunRecord,
    SourceMemory,
    StoreError,
)
from giftping.store.code_documents import (
    code_from_document,
    code_to_document,
    joined_holds,
    joined_rounds,
    merge_code_records,
)
from giftping.store.documents import (
    entry_from_document,
    entry_to_document,
    field_name,
    plain_name,
    refuse_newer_schema,
    run_from_document,
    run_to_document,
)
from giftping.store.fields import time_to_text

TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zone above
TEXTS = st.text(max_size=12)
NAMES = st.text(min_size=1, max_size=12)
SNOWFLAKES = st.integers(1, 2**63)
MEMORIES = st.builds(SourceMemory, TEXTS, TIMES, TIMES, TEXTS)
ROUNDS = st.lists(st.builds(Round, TIMES, TEXTS), max_size=2).map(tuple)
HOLDS = st.dictionaries(
    st.sampled_from("ab."),
    st.builds(Hold, TIMES, TEXTS, st.none() | TIMES, st.none() | TIMES, st.integers(1, 2)),
    max_size=3,
)
RULINGS = st.none() | st.builds(Ruling, TEXTS, TIMES)
PAST_RULINGS = st.builds(
    PastRuling,
    st.sampled_from(["approved", "withdrawn"]),
    st.builds(Ruling, TEXTS, TIMES),
    st.builds(Ruling, TEXTS, TIMES),
)
ADDITIONS = st.builds(GuildAddition, TEXTS, TIMES, TEXTS, TEXTS, st.none() | TIMES, TEXTS)
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
            st.none() | TIMES,
            st.none() | SNOWFLAKES,
            st.none() | SNOWFLAKES,
            st.integers(1, 9),
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
            st.sampled_from(["", *SightingState]).map(str),
            st.lists(NAMES, max_size=2).map(tuple),
            ROUNDS,
            HOLDS,
            RULINGS,
            RULINGS,
            st.none() | TIMES,
            TEXTS,
            st.dictionaries(SNOWFLAKES, ADDITIONS, max_size=2),
            st.lists(PAST_RULINGS, max_size=2).map(tuple),
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

    @given(records)
    def comes_back(value: Any) -> None:
        document = to_document(value)
        if record == "entry" and not value.game:
            return  # A game always has a name; the empty one is how the older bot's documents read.
        assert from_document(document) == value
        assert document["_id"] == value.id

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
        "state": "open",
        "created_at": "2026-05-04T12:00:00.123456+00:00",
        "updated_at": "2026-05-04T12:00:00.123456+00:00",
        "delivery_id": "delivery-1",
    }


def test_what_is_not_set_is_left_out_of_every_document() -> None:
    seeded = entry(state=EntryState.SEEDED, delivery_id="")
    assert entry_to_document(seeded).keys() == {
        *("_id", "guild_id", "game", "code", "spelling", "source", "state", "created_at", "updated_at")
    }
    assert code_to_document(code()).keys() == {
        *("_id", "game", "key", "spelling", "first_seen", "last_seen", "sources")
    }


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
        (entry_from_document, v1(state="lost"), "state is 'lost', not one of open, sent, seeded"),
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
    refuse_newer_schema(SCHEMA_VERSION, "mongodb://db")
    with pytest.raises(StoreError, match="mongodb://db: written by a newer giftping"):
        refuse_newer_schema(SCHEMA_VERSION + 1, "mongodb://db")
    with pytest.raises(StoreError, match="schema version is None, not a number"):
        refuse_newer_schema(None, "mongodb://db")


@given(NAMES)
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


@pytest.mark.parametrize(
    ("known", "seen", "kept"),
    [
        ("gogoWOS", "GOGOWOS", "gogoWOS"),
        ("gogoWOS", "gogowos", "gogoWOS"),
        ("GOGOWOS", "gogoWOS", "gogoWOS"),
        ("gogoWOS", "GoGoWOS", "GoGoWOS"),
        ("gogowos", "GOGOWOS", "GOGOWOS"),
    ],
)
def test_who_folds_the_case_of_a_code_takes_back_nothing_of_how_it_is_spelled(known: str, seen: str, kept: str) -> None:
    assert merge_code_records(code(spelling=known), code(spelling=seen, at=LATER)).spelling == kept


def test_a_sighting_leaves_rounds_holds_and_a_withdrawal() -> None:
    held = {"site": Hold(NOON, "30 fresh codes at once")}
    past = (PastRuling("approved", Ruling("ada", NOON), Ruling("bob", LATER)),)
    rounds = (Round(NOON, "its end had passed"),)
    known = code(rounds=rounds, holds=held, withdrawn=Ruling("ada", NOON), past_rulings=past)
    merged = merge_code_records(known, code(at=LATER))
    assert (merged.rounds, merged.holds, merged.withdrawn) == (known.rounds, held, known.withdrawn)
    assert merged.past_rulings == past
    assert (known.number, code().number) == (2, 1)


# Few moments and words: what is joined is then often equal, or differs in one of them alone.
MOMENTS = st.sampled_from([NOON + timedelta(hours=hours) for hours in range(4)])
WORDS = st.sampled_from(["", "cut", "30 at once"])
JOINED_ROUNDS = st.lists(st.builds(Round, MOMENTS, WORDS), max_size=2).map(tuple)
JOINED_HOLDS = st.dictionaries(
    st.sampled_from("ab"),
    st.builds(Hold, MOMENTS, WORDS, st.none() | MOMENTS, st.none() | MOMENTS, st.integers(1, 2)),
    max_size=2,
)


@given(JOINED_HOLDS, JOINED_HOLDS, JOINED_HOLDS)
def test_doubts_are_joined_in_any_order_and_any_number_of_times(a: Any, b: Any, c: Any) -> None:
    assert joined_holds(a, b) == joined_holds(b, a)
    assert joined_holds(joined_holds(a, b), c) == joined_holds(a, joined_holds(b, c))
    assert joined_holds(joined_holds(a, b), b) == joined_holds(a, b)
    assert joined_holds(a, a) == a


@given(JOINED_ROUNDS, JOINED_ROUNDS, JOINED_ROUNDS)
def test_rounds_are_joined_in_any_order_and_no_round_counts_twice(a: Any, b: Any, c: Any) -> None:
    assert joined_rounds(a, b) == joined_rounds(b, a)
    assert joined_rounds(joined_rounds(a, b), c) == joined_rounds(a, joined_rounds(b, c))
    assert len(joined_rounds(a, b)) == max(len(a), len(b))


def test_what_waits_for_a_person_is_not_released_by_time_because_another_host_thought_so() -> None:
    asking, timed = Hold(NOON, "30 at once"), Hold(LATER, "9 at once", LATER)
    assert joined_holds({"site": timed}, {"site": asking}) == {"site": asking}


def test_what_a_later_release_notes_of_a_code_stays() -> None:
    stored = {**code_to_document(code()), "liked_by": {"500": 3}, "rewards": "1 gem"}
    after = code_to_document(code(rewards=""), stored)
    assert after["liked_by"] == {"500": 3}
    assert "rewards" not in after, "it is ours, and no more"


@pytest.mark.parametrize(("number", "id_"), [(1, "1:GIFT100"), (2, "1:GIFT100~2"), (3, "1:GIFT100~3")])
def test_a_later_round_has_an_entry_of_its_own_that_the_older_bot_finds_by_its_code(number: int, id_: str) -> None:
    document = entry_to_document(entry(number=number))
    assert (document["_id"], document["code"], document.get("round", 1)) == (id_, "GIFT100", number)
    assert entry_from_document(document).id == id_
