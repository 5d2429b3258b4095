"""One rule for every command: what could not be read is named, the rest is said, and the exit code is 69."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes.records import code, entry, subscription
from ran import Ran

from giftping.store.base import EntryState
from giftping.store.code_documents import code_to_document
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CODES,
    LEDGER,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_TIMESTAMPS,
    entry_to_document,
)
from giftping.store.guild_documents import subscription_to_document
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

Run = Callable[..., Ran]

GOOD: dict[str, dict[str, Any]] = {
    LEDGER: entry_to_document(entry(7, "GOOD77", state=EntryState.SENT)),
    CODES: code_to_document(code("GOOD77")),
    SUBSCRIPTIONS: subscription_to_document(subscription(7)),
    ACTIVE_MEMBERS: {"_id": "7", "name": "Ann", "added": 1_780_000_000},
    TODO_TIMESTAMPS: {"_id": "7", "last_submit": 1_780_000_000},
    TODO_EVENTS: {"_id": "good", "user_id": "7", "kind": "added", "at": 1_780_000_000},
}

ODD: dict[str, dict[str, Any]] = {
    LEDGER: GOOD[LEDGER] | {"_id": "8:ODD88", "guild_id": 8, "code": "ODD88", "sent_at": True},
    CODES: GOOD[CODES] | {"_id": "whiteout-survival:ODD88", "key": "ODD88", "holds": 5},
    SUBSCRIPTIONS: GOOD[SUBSCRIPTIONS] | {"_id": "8:whiteout-survival", "guild_id": 8, "created_at": "soon"},
    ACTIVE_MEMBERS: GOOD[ACTIVE_MEMBERS] | {"_id": "88", "exempt": "yes"},
    TODO_TIMESTAMPS: GOOD[TODO_TIMESTAMPS] | {"_id": "88", "last_submit": [5]},
    TODO_EVENTS: GOOD[TODO_EVENTS] | {"_id": "odd88", "at": "never"},
    RUNS: {"_id": "codes check@h", "job": "codes check", "host": "h", "started_at": 5},
}

READ_BY = {
    ("guilds", "list"): SUBSCRIPTIONS,
    ("codes", "list"): CODES,
    ("codes", "held"): CODES,
    ("codes", "stats"): LEDGER,
    ("codes", "explain", "GOOD77", "--guild", "7"): CODES,
    ("todo", "list"): ACTIVE_MEMBERS,
    ("todo", "status"): TODO_TIMESTAMPS,
    ("todo", "history", "7"): TODO_EVENTS,
    ("todo", "roster", "list"): TODO_TIMESTAMPS,
}
"""What looks, and something that it reads."""

by_command = pytest.mark.parametrize("words", READ_BY, ids=" ".join)


@pytest.fixture
def good(home: Path) -> None:
    with Store(TinyEngine(home / "state")) as store:
        for collection, document in GOOD.items():
            store.insert_documents(collection, [document])


def spoil(home: Path, *collections: str) -> None:
    with Store(TinyEngine(home / "state")) as store:
        for collection in collections:
            store.insert_documents(collection, [ODD[collection]])


@pytest.mark.usefixtures("good")
@by_command
def test_where_all_can_be_read_it_is_0(giftping: Run, words: tuple[str, ...]) -> None:
    ran = giftping(*words)
    assert (ran.exit_code, ran.errors) == (0, "")


@pytest.mark.usefixtures("good")
@by_command
def test_whoever_looks_names_what_cannot_be_read_says_the_rest_and_ends_in_69(
    giftping: Run, home: Path, words: tuple[str, ...]
) -> None:
    fine = giftping(*words).output
    spoil(home, READ_BY[words])
    ran = giftping(*words)
    assert (ran.exit_code, ran.errors.count("\n")) == (69, 1)
    assert repr(ODD[READ_BY[words]]["_id"]) in ran.errors or "member 88" in ran.errors
    assert "correct or remove the document" in ran.errors
    assert ran.output == fine or "not known" in ran.output


@pytest.mark.usefixtures("good")
def test_with_json_it_is_the_same_exit_code_and_one_object(giftping: Run, home: Path) -> None:
    spoil(home, CODES, LEDGER)
    for words in (("codes", "list"), ("codes", "stats")):
        ran = giftping(*words, "--json")
        assert ran.exit_code == 69
        assert json.loads(ran.output)


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize("collection", ODD)
def test_doctor_finds_what_the_others_find(giftping: Run, home: Path, collection: str) -> None:
    spoil(home, collection)
    ran = giftping("doctor", "--json")
    is_members = collection in (ACTIVE_MEMBERS, TODO_TIMESTAMPS)
    assert (ran.exit_code, ("member 88" if is_members else ODD[collection]["_id"]) in ran.output) == (69, True)


def test_migrate_ends_in_69_where_something_was_odd_and_in_0_where_nothing_was(giftping: Run, home: Path) -> None:
    (home / "old.json").write_text(json.dumps({"channels": {"11": 500}, "sent": {"11": None}}), "utf-8")
    for more in (("--dry-run",), ()):
        ran = giftping("migrate", "--from-json", "old.json", *more)
        assert (ran.exit_code, "giftping guilds add 11" in ran.errors) == (69, True)
    assert "11" not in giftping("guilds", "list").output, "nothing goes there until a person decides"
    (home / "old.json").write_text(json.dumps({"channels": {"11": 500}, "sent": {"11": ["A1"]}}), "utf-8")
    assert giftping("migrate", "--from-json", "old.json").exit_code == 0
    assert "11" in giftping("guilds", "list").output


@pytest.mark.usefixtures("good")
def test_a_check_names_what_cannot_be_read_in_the_ledger_also_where_it_looks_up_nothing_there(
    giftping: Run, home: Path
) -> None:
    spoil(home, LEDGER)
    for words in (("codes", "check", "--dry-run"), ("codes", "check"), ("codes", "check")):
        ran = giftping(*words)
        assert ran.exit_code == 69, words
    assert ODD[LEDGER]["_id"] in giftping("codes", "check", "--dry-run").errors


@pytest.mark.usefixtures("good")
def test_migrate_finds_in_the_documents_that_it_copies_what_the_others_find(giftping: Run, home: Path) -> None:
    spoil(home, *ODD)
    (home / "state").rename(home / "old")
    for more in (("--dry-run",), (), ()):
        ran = giftping("migrate", "--from-json", "old/giftping.json", "--json", *more)
        told = {(one["where"], one["what"]) for one in ran.json["reported"]}
        assert (ran.exit_code, told) == (69, {(name, repr(one["_id"])) for name, one in ODD.items()})


def test_what_is_not_dated_is_not_of_1970(giftping: Run, home: Path) -> None:
    with Store(TinyEngine(home / "state")) as store:
        store.insert_documents(LEDGER, [{"_id": "7:A1", "guild_id": 7, "code": "A1"}])
    ran = giftping("codes", "stats")
    assert (ran.exit_code, "1970" in ran.output, "not recorded" in ran.output) == (0, False, True)
    numbers = giftping("codes", "stats", "--json").json
    assert (numbers["total"], numbers["last_code"], numbers["last_sent_at"], numbers["days"]) == (1, "A1", None, {})
