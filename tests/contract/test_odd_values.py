"""A document that cannot be read, whatever is in it, is named once, skipped and left as it is; the others go on."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from typing import Any

import pymongo
import pytest
from bson import Code
from fakes.clock import TestClock
from fakes.deliveries import FakeLock
from fakes.documents import BYSTANDER, SAMPLES, VICTIM
from fakes.mongod import new_database, or_skip, shared_mongod
from fakes.odd_ids import ODD_IDS
from fakes.odd_values import FIXED, damaged, paths, with_value
from fakes.raw_store import RawEngine
from fakes.records import LATER, NOON, run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giftping.codes.open_deliveries import open_deliveries
from giftping.delivery.deliveries import Deliveries
from giftping.delivery.hosts import known_hosts
from giftping.store.base import StoreError
from giftping.store.clears import clears_of
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    RUNS,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
)
from giftping.store.engine import Engine
from giftping.store.fields import plain_document, time_to_text
from giftping.store.mirror.changes import Queued
from giftping.store.mirror.replay import is_cleared, replayed
from giftping.store.mongo.engine import MongoEngine
from giftping.store.records import Store
from giftping.store.statistics import statistics
from giftping.text import id_or_none
from giftping.todo.repository import MemberRepository
from giftping.todo.strays import owner_of

HOME = "whiteout-survival"

EVERY = 1 if os.environ.get("TEST_FULL") == "1" else 9

IN_BSON = [
    one
    for one in FIXED
    if not (isinstance(one, int) and one >= 2**63) and not (isinstance(one, datetime) and one.tzinfo is not None)
]

DIFFERENT_IDS = [id_ for name, id_ in ODD_IDS.items() if name not in ("a long number", "a decimal")]
"""To MongoDB these two are the same as the number."""

DOUBTFUL = "nobody can tell whose"
"""What is said of a member besides, who may be the one that a document is of."""


class Seen:
    """What all readers of a store gave out: the ids of what was read, and what was named."""

    def __init__(self, engine: Engine) -> None:
        store, clock = Store(engine), TestClock(LATER)
        self.ids: dict[str, set[str]] = {name: set() for name in SAMPLES}
        self.errors: list[str] = []
        deliveries = Deliveries(store, FakeLock(), clock)  # type: ignore[arg-type]  # stands for one
        repository = MemberRepository(store, clock)
        for guild_id in (VICTIM, BYSTANDER):
            store.subscriptions(guild_id)
            self.tries(lambda guild_id=guild_id: store.entry(guild_id, HOME, "GIFT1"))
            self.tries(lambda guild_id=guild_id: repository.member(guild_id))
            store.keys(guild_id, HOME)
            clears_of(store, "GIFT1")
        self.ids[GUILDS] = {str(id_) for id_, one in store.guilds().items() if one.label}
        self.ids[SUBSCRIPTIONS] = {f"{one.guild_id}:{one.game}" for one in store.subscriptions()}
        entries = list(store.entries())
        self.ids[LEDGER] = {one.id for one in entries}
        statistics(entries, None, store.unclear())
        store.sent(keys=["GIFT1"])
        self.recorded = store.recorded(HOME, ["GIFT1"], [VICTIM, BYSTANDER], with_strays=True)
        self.ids[CODES] = {one.id for one in store.codes()}
        self.unreadable_codes = store.unreadable_codes()
        self.ids[RUNS] = {one.id for one in store.runs()}
        self.ids[HOSTS] = set(known_hosts(store).hosts)
        open_deliveries(deliveries)
        self.ids[DELIVERIES] = {one.id for one in deliveries.load()}
        self.ids[CLEARS] = {f"c{guild_id}" for guild_id, _ in clears_of(store, "GIFT1")}
        self.ids[TODO_EVENTS] = {one.id for one in repository.events()}
        self.tries(repository.notes)
        repository.put_right()
        self.loaded = repository.load()
        roster = {str(one.user_id) for one in self.loaded.on_roster()}
        self.ids[ACTIVE_MEMBERS] = roster
        self.ids[TODO_TIMESTAMPS] = {
            str(one.user_id) for one in self.loaded.members.values() if one.timestamps_document
        }
        self.odd = store.odd
        self.named = [*self.odd, *(f"{one.where}: {one.why}" for one in self.loaded.odd), *self.errors]

    def tries(self, ask: Callable[[], object]) -> None:
        """Ask for one document alone: whoever does is told by an error."""
        try:
            ask()
        except StoreError as error:
            self.errors.append(str(error))


def engine_with(collection: str, victim: Mapping[str, Any]) -> RawEngine:
    engine = RawEngine()
    for name, sample in SAMPLES.items():
        engine.hold(name, victim if name == collection else sample(VICTIM))
        engine.hold(name, sample(BYSTANDER))
    return engine


def names(said: str, collection: str, victim: Mapping[str, Any]) -> bool:
    """Whether a line names a document: by its `_id`, or by the member whose it is."""
    is_whose = collection in (ACTIVE_MEMBERS, TODO_TIMESTAMPS) and said.startswith(f"member {VICTIM}: ")
    return collection in said and (is_whose or repr(victim["_id"]) in said)


def test_all_documents_are_read_where_none_is_odd() -> None:
    seen = Seen(engine_with("", {}))
    assert seen.named == []
    for name, sample in SAMPLES.items():
        if name != TODO_STATE:
            wanted = {str(sample(VICTIM)["_id"]), str(sample(BYSTANDER)["_id"])}
            assert wanted <= seen.ids[name], name


def says_another_thing(collection: str, victim: Mapping[str, Any]) -> bool:
    """Whether a document is a whole one still, and of something else."""
    if collection in (ACTIVE_MEMBERS, TODO_TIMESTAMPS):
        return owner_of(victim["_id"]) not in (None, VICTIM)
    if collection == GUILDS:
        return not victim["label"]
    is_of_another = id_or_none(victim.get("guild_id")) not in (None, VICTIM) or victim.get("code") != "GIFT1"
    return collection == CLEARS and is_of_another and isinstance(victim.get("code"), str | None)


def says_whose_it_is(victim: Mapping[str, Any]) -> bool:
    """Whether an entry names guild, game and code, whatever else it says."""
    whole = SAMPLES[LEDGER](VICTIM)
    return all(
        type(victim[name]) is type(whole[name]) and victim[name] == whole[name] for name in ("guild_id", "game", "code")
    )


def check_survives(collection: str, victim: Mapping[str, Any]) -> None:
    engine = engine_with(collection, victim)
    seen = Seen(engine)
    for name, sample in SAMPLES.items():
        if name != TODO_STATE:
            assert str(sample(BYSTANDER)["_id"]) in seen.ids[name], (name, seen.named)
    is_read = str(SAMPLES[collection](VICTIM)["_id"]) in seen.ids[collection]
    told = [*seen.odd, *(f"{one.where}: {one.why}" for one in seen.loaded.odd if DOUBTFUL not in one.why)]
    about_it = [said for said in told if names(said, collection, victim)]
    assert is_read or seen.named or collection == TODO_STATE or says_another_thing(collection, victim), victim
    assert len(about_it) <= 1, "named once"
    if collection == LEDGER and (victim["_id"] == "1:GIFT1" or says_whose_it_is(victim)):
        assert "GIFT1" in seen.recorded[VICTIM], "nobody announces it again"
    if collection == CODES and not is_read and victim["_id"] == SAMPLES[CODES](VICTIM)["_id"]:
        assert victim["_id"] in seen.unreadable_codes, "what it is held for is not none"
    if collection in (LEDGER, CODES, DELIVERIES, SUBSCRIPTIONS, GUILDS, RUNS) and not is_read:
        assert about_it or type(victim["_id"]) is str
        (there,) = [one for one in engine.held()[collection] if one["_id"] is victim["_id"]]
        assert there is victim, "left as it is"


@pytest.mark.parametrize("collection", SAMPLES)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_is_in_a_document_the_others_are_read(collection: str, data: st.DataObject) -> None:
    check_survives(collection, data.draw(damaged(SAMPLES[collection](VICTIM))))


@pytest.mark.parametrize("collection", SAMPLES)
def test_no_type_of_value_in_any_field_stops_a_reader(collection: str) -> None:
    sample = SAMPLES[collection](VICTIM)
    for number, path in enumerate(paths(sample)):
        # Each value in some field, and in each field some of the values; all in all with TEST_FULL.
        values = list(ODD_IDS.values()) if path == ("_id",) else FIXED[number % EVERY :: EVERY]
        for value in values:
            check_survives(collection, with_value(sample, path, value))


@pytest.mark.parametrize("collection", SAMPLES)
def test_what_is_only_nearly_a_text_stops_no_reader_in_whatever_field(collection: str) -> None:
    sample = SAMPLES[collection](VICTIM)
    for path in paths(sample):
        check_survives(collection, with_value(sample, path, Code("5")))


def test_no_type_of_value_in_mongodb_stops_a_reader() -> None:
    uri = new_database(or_skip(shared_mongod))
    with (
        pymongo.MongoClient[dict[str, Any]](uri, datetime_conversion="DATETIME_AUTO") as client,
        closing(MongoEngine(uri)) as engine,
    ):
        there = client.get_default_database()
        Store(engine).record_run(run())
        for collection, sample in SAMPLES.items():
            victims = [{**sample(VICTIM), "_id": id_} for id_ in DIFFERENT_IDS if collection != HOSTS]
            for number, path in enumerate(path for path in paths(sample(VICTIM)) if path != ("_id",)):
                value = IN_BSON[number % len(IN_BSON)]
                victims.append(with_value({**sample(VICTIM), "_id": f"{900 + number}"}, path, value))
            there[collection].insert_many([*victims, sample(BYSTANDER)])
        before = {name: repr(list(there[name].find())) for name in (LEDGER, CODES, DELIVERIES)}
        seen = Seen(engine)
        for collection, sample in SAMPLES.items():
            if collection != TODO_STATE:
                assert str(sample(BYSTANDER)["_id"]) in seen.ids[collection], (collection, seen.named)
        for id_ in DIFFERENT_IDS:
            assert sum(f"{LEDGER}: document {id_!r}: its _id is no text" in said for said in seen.odd) == 1
        assert {name: repr(list(there[name].find())) for name in before} == before, "left as they are"


@pytest.mark.parametrize("collection", SAMPLES)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_whatever_is_in_a_document_it_is_replayed_or_stays(collection: str, data: st.DataObject) -> None:
    whole = plain_document(SAMPLES[collection](VICTIM))
    changed = plain_document(SAMPLES[collection](BYSTANDER)) | {"_id": whole["_id"]}
    odd = plain_document(data.draw(damaged(whole))) | {"_id": whole["_id"]}
    for there, before, after in (
        (odd, whole, changed),
        (changed, whole, odd),
        (changed, odd, whole),
        (odd, None, changed),
    ):
        replayed(there, Queued(collection, whole["_id"], 0, before, after, time_to_text(NOON)), [odd])
    is_cleared(odd, [odd])
