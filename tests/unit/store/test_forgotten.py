"""Who asks to be forgotten is: nothing brings back what was there before, and nobody is pinged for it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from fakes.old_data import OldBag
from hypothesis import given
from hypothesis import strategies as st
from mirror_site import START, Site

from giftping.store.documents import ACTIVE_MEMBERS, NEVER_SUBMITTED, TODO_EVENTS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.engine import Change
from giftping.store.forgotten import KEPT, forgotten_members, kept_of, note_forgotten, purge
from giftping.store.legacy.migrate import MigrationRequest, migrate
from giftping.store.memory import MemoryEngine
from giftping.store.records import Store

NOW = START.timestamp()
HOUR = 3600.0
TEXT = "a text of theirs"
TAKEN = {"state": "done", "at": NOW - 50 * HOUR, "by": "h"}


def stamps(hours_ago: float = 5, **more: Any) -> dict[str, Any]:
    at = NOW - hours_ago * HOUR
    todo = {"name": TEXT, "must_do": TEXT, "submission_id": "t1"}
    return {"_id": "5", "last_submit": at, "last_ping": 0, "todo": todo, "updated_at": "x", **more}


def listed(**more: Any) -> dict[str, Any]:
    return {"_id": "5", "user_id": 5, "name": "Asha", "added": START - timedelta(days=60), **more}


def event(hours_ago: float = 5, **more: Any) -> dict[str, Any]:
    id_ = f"e{hours_ago}"
    return {"_id": id_, "user_id": "5", "kind": "submission", "at": NOW - hours_ago * HOUR, "reason": TEXT, **more}


def fill(store: Store) -> None:
    store.insert_documents(TODO_TIMESTAMPS, [stamps(events=[event(5)])])
    store.insert_documents(ACTIVE_MEMBERS, [listed(pauses=[{"id": "p", "from": NOW - HOUR, "reason": TEXT}])])
    store.insert_documents(TODO_EVENTS, [event(5), event(80), event(80, _id="other", user_id="6", reason="hers")])


def forget(store: Store, at: datetime = START) -> None:
    note_forgotten(store.engine, 5, at)
    purge(store.engine, 5, at.timestamp())


def says(documents: object) -> bool:
    """Whether a text of theirs is among the documents."""
    return TEXT in json.dumps(documents, default=str)


# What stays


times = st.floats(NOW - 90 * HOUR, NOW + 90 * HOUR)
tables = st.lists(st.fixed_dictionaries({"id": st.text(max_size=2), "made_at": times, "at": times}), max_size=2)
documents = st.fixed_dictionaries(
    {"_id": st.just("5")},
    optional={
        "last_submit": times | st.just(NEVER_SUBMITTED) | st.just(0) | st.text(max_size=3) | st.just([1]),
        "last_ping": times | st.just(0),
        "todo": st.fixed_dictionaries({"name": st.just(TEXT)}),
        "lapse": st.fixed_dictionaries({"since": times}, optional={"removal": st.just(TAKEN)}) | st.just("odd"),
        "notices": tables | st.just("odd"),
        "events": tables,
        "done": st.just(["x"]),
        "more": st.just(TEXT),
    },
)


@given(documents)
def test_what_is_older_goes_and_once_is_enough(document: dict[str, Any]) -> None:
    after = kept_of(TODO_TIMESTAMPS, document, NOW)
    submitted = document.get("last_submit")
    is_since = isinstance(submitted, float) and NOW < submitted < NEVER_SUBMITTED
    if after is None:
        assert not is_since
        return
    assert kept_of(TODO_TIMESTAMPS, after, NOW) == after
    assert is_since or not says(after) or after is document
    assert all(one["made_at"] > NOW for one in after.get("notices", ()) if isinstance(one, Mapping))
    if is_since:
        assert (after["last_submit"], after.get("todo")) == (submitted, document.get("todo"))
    else:
        assert after["last_submit"] == NEVER_SUBMITTED
        assert after["last_ping"] == 0 or after["last_ping"] > NOW


@pytest.mark.parametrize("state", ["done", "claimed"])
def test_a_role_that_was_taken_stays_owed_and_nobody_is_pinged_in_that_lapse(state: str) -> None:
    removal = {**TAKEN, "state": state}
    after = kept_of(TODO_TIMESTAMPS, stamps(200, lapse={"since": NOW - 200 * HOUR, "removal": removal}), NOW)
    assert after is not None
    assert after["lapse"] == {"since": NOW, "removal": removal}
    assert not says(after)


def test_the_clock_of_who_stays_on_the_roster_begins_anew() -> None:
    after = kept_of(ACTIVE_MEMBERS, listed(), NOW)
    assert after == {**listed(), "clock_from": NOW}
    assert kept_of(ACTIVE_MEMBERS, after, NOW) is after
    added_since = listed(added=START + timedelta(hours=1))
    assert kept_of(ACTIVE_MEMBERS, added_since, NOW) is added_since


def test_pauses_that_are_over_go_and_the_others_lose_their_reason() -> None:
    past, present, ahead = (
        {"id": "a", "from": NOW - 9 * HOUR, "to": NOW - HOUR, "reason": TEXT},
        {"id": "b", "from": NOW - 9 * HOUR, "to": NOW + HOUR, "reason": TEXT},
        {"id": "c", "from": NOW + HOUR, "reason": TEXT},
    )
    store = Store(MemoryEngine())
    store.insert_documents(ACTIVE_MEMBERS, [listed(pauses=[past, present, ahead])])
    forget(store)
    (after,) = store.engine.find(ACTIVE_MEMBERS)
    assert [one["id"] for one in after["pauses"]] == ["b", "c"]
    assert not says([dict(after)])


def test_the_reason_of_a_pause_that_lies_ahead_does_not_come_back_with_a_document_of_before() -> None:
    pause = {"id": "p", "from": NOW + HOUR, "to": NOW + 9 * HOUR, "reason": TEXT}
    before, since = (listed(pauses=[pause], updated_at=START + timedelta(hours=ago)) for ago in (-1, 1))
    kept = [kept_of(ACTIVE_MEMBERS, one, NOW) for one in (before, since)]
    assert [says(one) for one in kept] == [False, True]
    assert [[one["id"] for one in each["pauses"]] for each in kept if each] == [["p"], ["p"]]


def test_nothing_of_others_is_touched() -> None:
    store = Store(MemoryEngine())
    fill(store)
    store.insert_documents(TODO_TIMESTAMPS, [{**stamps(), "_id": "6"}])
    forget(store)
    assert [one["_id"] for one in store.engine.find(TODO_TIMESTAMPS)] == ["6"]
    assert [one["_id"] for one in store.engine.find(TODO_EVENTS)] == ["other"]


def test_the_note_is_kept_for_a_year() -> None:
    store = Store(MemoryEngine())
    forget(store)
    note_forgotten(store.engine, 6, START + KEPT)
    assert forgotten_members(store.engine).keys() == {5, 6}
    note_forgotten(store.engine, 7, START + KEPT + timedelta(days=1))
    assert forgotten_members(store.engine).keys() == {6, 7}


# What would bring it back


def everything(site: Site, host: str = "") -> list[Any]:
    return [site.documents(name, host) for name in (TODO_TIMESTAMPS, ACTIVE_MEMBERS, TODO_EVENTS)]


@pytest.mark.parametrize("waits", [False, True])
def test_it_is_forgotten_there_too_once_the_database_is_back(site: Site, *, waits: bool) -> None:
    with site.host(waits=waits) as store:
        fill(store)
    site.in_step()
    site.away = True
    with site.host(waits=waits) as store:
        forget(store)
    assert not says(site.documents(TODO_TIMESTAMPS, "one"))
    site.away = False
    site.now += timedelta(minutes=1)
    site.in_step()
    assert not says(everything(site))
    assert not says(everything(site, "one"))
    assert site.documents(TODO_EVENTS).keys() == {"other"}


def test_what_another_host_has_to_carry_back_of_before_is_forgotten_as_well(site: Site) -> None:
    with site.host("one") as store:
        fill(store)
    site.in_step("one", "two")
    site.away = True
    with site.host("two") as store:
        (known,) = store.engine.get(TODO_TIMESTAMPS, ["5"]).values()
        later = {**known, "last_submit": NOW - HOUR, "todo": {"name": TEXT}}
        store.made([Change(TODO_TIMESTAMPS, known, later)])
        store.insert_documents(TODO_EVENTS, [event(1)])
    site.away = False
    with site.host("one") as store:
        forget(store)
    site.in_step("two", "one", "two")
    assert not says(everything(site))
    assert not says(everything(site, "two"))


def test_a_todo_that_was_handed_in_since_is_kept(site: Site) -> None:
    with site.host("one") as store:
        fill(store)
    site.in_step("one")
    site.away = True
    with site.host("one") as store:
        forget(store)
        store.insert_documents(TODO_TIMESTAMPS, [stamps(-1, todo={"name": "new"})])
    site.away = False
    site.in_step("one")
    (there,) = site.documents(TODO_TIMESTAMPS).values()
    assert (there["last_submit"], there["todo"]) == (NOW + HOUR, {"name": "new"})


def test_a_backup_of_the_database_does_not_bring_it_back(site: Site) -> None:
    with site.host("one") as store:
        fill(store)
    site.in_step("one")
    shutil.copytree(site.folder / "database", site.folder / "backup")
    with site.host("one") as store:
        forget(store)
    site.in_step("one")
    shutil.rmtree(site.folder / "database")
    shutil.copytree(site.folder / "backup", site.folder / "database")
    site.in_step("one")
    site.in_step("one")
    assert site.documents(TODO_STATE).keys() >= {"forgotten 5"}
    assert not says(everything(site))


def test_an_older_bots_database_does_not_bring_it_back() -> None:
    old = OldBag({TODO_TIMESTAMPS: [stamps()], ACTIVE_MEMBERS: [listed()], TODO_EVENTS: [event()]})
    store = Store(MemoryEngine())

    def taken_over() -> None:
        request = MigrationRequest("h", again=True)
        migrate([old], store, request, clock=lambda: START, back_up=lambda tables: "b" if list(tables) else "")

    taken_over()
    forget(store)
    taken_over()
    assert not says([dict(one) for name in (TODO_TIMESTAMPS, TODO_EVENTS) for one in store.engine.find(name)])
