"""A database and its mirror on a host: at hand, lost, back, seen by several processes, and killed in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from datetime import timedelta
from typing import Any

import pytest
from fakes.records import entry, run
from mirror_site import START, Counting, KilledError, Site, plain, put, remove

from giftping.store.base import EntryState, StoreAwayError, StoreError
from giftping.store.documents import (
    ACTIVE_MEMBERS,
    CLEARS,
    CODES,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    META,
    MIRROR,
    SUBSCRIPTIONS,
    TODO_EVENTS,
    TODO_STATE,
    TODO_TIMESTAMPS,
)
from giftping.store.engine import Change
from giftping.store.mirror.identity import IDENTITY_ID
from giftping.store.mirror.notes import waiting
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

# At hand


def test_what_is_written_is_in_the_database_and_in_the_copy_but_for_the_history(site: Site) -> None:
    with site.host() as store:
        store.insert([entry()])
        put(store, GUILDS, _id="1", label="x")
        put(store, TODO_EVENTS, _id="e", user_id="1")
    for collection in (LEDGER, GUILDS):
        assert site.documents(collection, "one") == site.documents(collection) != {}
    assert site.documents(TODO_EVENTS, "one") == {}
    assert "e" in site.documents(TODO_EVENTS)


def test_the_copy_follows_what_another_host_wrote_whatever_its_clock_says(site: Site) -> None:
    """7.11: no date is compared."""
    site.in_step("one", "other")
    site.now = START - timedelta(days=3)
    with site.host("other") as store:
        store.insert([entry(1, "SLOW")])
        put(store, GUILDS, _id="1", label="x")
    site.now = START
    site.in_step("one")
    assert "1:SLOW" in site.documents(LEDGER, "one")
    with site.host("other") as store:
        remove(store, GUILDS, "1")
    site.in_step("one")
    assert site.documents(GUILDS, "one") == {}


def test_what_a_killed_process_left_undone_in_the_copy_is_followed_up(site: Site) -> None:
    site.in_step()
    store = site.host()
    put(store, GUILDS, _id="1", label="x")
    site.dies_at = site.requests + 1
    with pytest.raises(KilledError):
        store.insert([entry()])
    assert site.documents(LEDGER, "one") == {}
    site.in_step()
    assert site.documents(LEDGER, "one") == site.documents(LEDGER) != {}


def test_a_second_process_that_came_between_hides_nothing_of_a_killed_one(site: Site) -> None:
    site.in_step()
    killed = site.host()
    put(killed, GUILDS, _id="1", label="x")
    with site.host() as second:
        put(second, GUILDS, _id="2", label="y")
    site.dies_at = site.requests + 1
    with pytest.raises(KilledError):
        killed.insert([entry()])
    site.in_step()
    assert site.documents(LEDGER, "one") == site.documents(LEDGER) != {}


def test_sessions_that_were_killed_are_closed_by_their_host_and_one_that_lives_is_not(site: Site) -> None:
    """Whatever machine or container they ran in, and whoever has their number now: their locks are free."""
    with site.host() as store:
        put(store, GUILDS, _id="1", label="x")
    # None of them has left a lock: its container is gone with all of its processes.
    for token in ("0123456789ab", f"{os.getpid()}"):
        with closing(site.database()) as database:
            there = database.get(META, [IDENTITY_ID])[IDENTITY_ID]
            database.change([Change(META, there, {**there, "open": [*there["open"], f"one {token}", "other 77"]})])
        living = site.host()
        put(living, GUILDS, _id=token, label="x")
        with site.host() as store:
            put(store, GUILDS, _id=f"{token} 2", label="y")
        left = site.documents(META)[IDENTITY_ID]["open"]
        assert len(left) == 2, "that of another host, and the one that lives"
        assert "other 77" in left
        living.close()
        assert site.documents(META)[IDENTITY_ID]["open"] == ["other 77"]
        with closing(site.database()) as database:
            there = database.get(META, [IDENTITY_ID])[IDENTITY_ID]
            database.change([Change(META, there, {**there, "open": []})])


def test_whoever_has_nothing_to_compare_reads_no_collection_whole(site: Site) -> None:
    with site.host() as store:
        store.insert([entry()])
    with site.host() as store:
        assert store.engine.present(LEDGER, ["1:GIFT100"])
        assert store.engine.notices == ()
        token = store.engine.glanced  # type: ignore[attr-defined]  # a mirrored one
    with site.host() as store:
        put(store, TODO_STATE, _id="sweep", last_sweep=1)
    assert token == store.engine.glanced  # type: ignore[attr-defined]  # a mirrored one
    with site.host() as store:
        put(store, GUILDS, _id="1", label="x")
    assert token != store.engine.glanced  # type: ignore[attr-defined]  # a mirrored one


def test_of_two_processes_of_one_host_one_gets_a_delivery(site: Site) -> None:
    first, second = site.host(), site.host()
    assert put(first, DELIVERIES, _id="d", state="claimed")
    read = [dict(one.engine.get(DELIVERIES, ["d"])["d"]) for one in (first, second)]
    changes = [Change(DELIVERIES, one, {**one, "state": "written"}) for one in read]
    assert first.engine.change([changes[0]]) == [True]
    assert second.engine.change([changes[1]]) == [False]


def test_a_delivery_that_another_host_settled_is_as_the_database_has_it(site: Site) -> None:
    with site.host() as store:
        put(store, DELIVERIES, _id="d", state="written")
        mine = dict(store.engine.get(DELIVERIES, ["d"])["d"])
        with site.host("other") as other:
            put(other, DELIVERIES, _id="d", state="done")
        assert store.engine.change([Change(DELIVERIES, mine, {**mine, "state": "claimed"})]) == [False]
        assert site.documents(DELIVERIES, "one")["d"]["state"] == "done"


# Away, and back


def test_a_host_that_has_the_database_for_its_own_goes_on_and_carries_back_what_it_did(site: Site) -> None:
    site.in_step()
    with site.lost():
        with site.host() as store:
            assert store.insert([entry(1, "A1")]) == {"1:A1"}
            assert put(store, DELIVERIES, _id="d", state="claimed")
            assert put(store, TODO_EVENTS, _id="e", user_id="1")
            assert [one["_id"] for one in store.engine.find(TODO_EVENTS)] == ["e"]
            assert store.is_away
            assert "going on with the mirror" in store.notices[0]
        with site.host() as again:
            assert put(again, DELIVERIES, _id="d", state="done")
    assert site.documents(LEDGER) == {}
    with site.host(read_only=True) as looking:
        assert looking.engine.present(LEDGER, ["1:A1"])
        assert "3 changes wait to be carried back" in looking.notices[0]
    with site.host() as store:
        assert store.engine.present(LEDGER, ["1:A1"])
        assert "is back: 3 changes were carried back" in store.notices[0]
    assert plain(site.documents(LEDGER)) == plain(site.documents(LEDGER, "one")) != {}
    assert site.documents(DELIVERIES)["d"]["state"] == "done"
    assert "e" in site.documents(TODO_EVENTS)
    assert site.documents(TODO_EVENTS, "one") == {}
    with site.host() as store:
        assert store.notices == ()


def test_one_fact_of_being_away_is_for_all_processes_of_a_host(site: Site) -> None:
    """7.7: what one has lost the other does not write to, though it could reach it again."""
    site.in_step()
    first, second = site.host(), site.host()
    put(first, GUILDS, _id="1", label="x")
    put(second, GUILDS, _id="2", label="x")
    with site.lost():
        put(first, GUILDS, _id="3", label="x")
    put(second, GUILDS, _id="4", label="x")
    put(first, GUILDS, _id="5", label="x")
    assert set(site.documents(GUILDS)) == {"1", "2"}
    assert second.is_away
    with site.host() as third:
        put(third, GUILDS, _id="6", label="x")
    put(second, GUILDS, _id="7", label="x")
    assert set(site.documents(GUILDS)) == {"1", "2", "3", "4", "5", "6", "7"}
    assert not second.is_away


def test_what_a_brother_has_claimed_at_the_return_stays_his(site: Site) -> None:
    site.in_step()
    with site.lost():
        brother = site.host()
        put(brother, DELIVERIES, _id="d", state="claimed")
        brother.insert([entry()])
    with site.host() as store:
        assert store.insert([entry(delivery_id="another")]) == frozenset()
        claimed = dict(store.engine.get(DELIVERIES, ["d"])["d"])
    assert brother.engine.change([Change(DELIVERIES, claimed, {**claimed, "state": "written"})]) == [True]
    assert site.documents(DELIVERIES)["d"]["state"] == "written"


@pytest.mark.parametrize("collection", [LEDGER, DELIVERIES, CLEARS, HOSTS])
def test_with_a_shared_database_nothing_is_claimed_or_cleared_while_it_is_away(site: Site, collection: str) -> None:
    site.in_step()
    with site.lost(), site.host(waits=True) as store:
        with pytest.raises(StoreAwayError):
            put(store, collection, _id="1:A", state="claimed")
        assert "nothing is announced until it is back" in store.held_back
        for other in (GUILDS, TODO_TIMESTAMPS, TODO_EVENTS):
            assert put(store, other, _id="1", last_submit=1)
        store.record_run(run())
    site.in_step()
    assert site.documents(collection) == {}
    assert "1" in site.documents(TODO_TIMESTAMPS)


def test_what_came_of_a_message_is_noted_where_the_host_waits_too(site: Site) -> None:
    with site.host(waits=True) as store:
        put(store, DELIVERIES, _id="d", state="written")
        store.insert([entry()])
        with site.lost():
            assert put(store, DELIVERIES, _id="d", state="done")
            assert put(store, LEDGER, **{**site.documents(LEDGER, "one")["1:GIFT100"], "state": "sent"})
    site.in_step()
    assert site.documents(DELIVERIES)["d"]["state"] == "done"
    assert site.documents(LEDGER)["1:GIFT100"]["state"] == "sent"


def test_a_host_that_was_never_in_step_has_no_copy_to_go_on_with(site: Site) -> None:
    with site.lost(), site.host() as store:
        with pytest.raises(StoreAwayError, match="has no mirror of it"):
            store.engine.get(LEDGER, ["1"])
        with pytest.raises(StoreAwayError, match="has no mirror of it"):
            store.insert([entry()])


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("nth", range(1, 5))
def test_a_change_whose_answer_is_lost_is_neither_lost_nor_made_twice(site: Site, nth: int, waits: bool) -> None:
    """The requests are: that the session begins, the claim's two collections, and that it is over."""
    site.in_step()
    site.loses_answer_of = site.requests + nth
    store = site.host(waits=waits)
    claim = [Change(DELIVERIES, None, {"_id": "d", "state": "claimed"}), Change(LEDGER, None, _entry("d"))]
    try:
        made = store.engine.change(claim)
    except StoreAwayError:
        assert waits
        made = []
    store.close()
    site.away, site.loses_answer_of = False, 0
    site.in_step()
    assert made in ([True, True], [])
    assert set(site.documents(LEDGER)) == ({"1:A"} if made else set())
    assert set(site.documents(DELIVERIES)) == ({"d"} if made else set())
    for collection in (LEDGER, DELIVERIES):
        assert plain(site.documents(collection)) == plain(site.documents(collection, "one"))


def test_what_only_a_lost_primary_has_carried_out_is_asked_for_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of the host has met that primary once more, and taken it for back."""
    site.in_step()
    store = site.host()
    lose, change = store.engine._lose, Counting.change

    def lost(error: StoreAwayError) -> None:
        lose(error)
        site.away = False
        site.in_step()
        assert set(site.documents(LEDGER)) == {"1:A"}
        monkeypatch.setattr(Counting, "change", others_elect_one)

    def others_elect_one(database: Counting, changes: Any, *, rev: str = "") -> list[bool]:
        with closing(TinyEngine(site.folder / "database")) as members:
            members.put(LEDGER, (), ["1:A"])
        monkeypatch.setattr(Counting, "change", change)
        return database.change(changes, rev=rev)

    monkeypatch.setattr(store.engine, "_lose", lost)
    # That of the claim, after the one by which the session begins.
    site.loses_answer_of = site.requests + 2
    claim = [Change(DELIVERIES, None, {"_id": "d", "state": "claimed"}), Change(LEDGER, None, _entry("d"))]
    assert store.engine.change(claim) == [True, True]
    store.close()
    assert set(site.documents(LEDGER)) == {"1:A"}


def _entry(delivery_id: str) -> dict[str, Any]:
    return {"_id": "1:A", "guild_id": 1, "code": "A", "state": "open", "delivery_id": delivery_id, "updated_at": "t"}


def test_a_fence_whose_answer_is_lost_is_known_again_when_the_message_is_done_and_forgotten(site: Site) -> None:
    site.in_step()
    with site.host() as store:
        put(store, DELIVERIES, _id="d", state="claimed")
        site.loses_answer_of = site.requests + 1
        assert put(store, DELIVERIES, _id="d", state="written")
        assert put(store, DELIVERIES, _id="d", state="done")
        assert remove(store, DELIVERIES, "d")
    site.away = False
    assert site.documents(DELIVERIES)["d"]["state"] == "written"
    site.in_step()
    assert site.documents(DELIVERIES) == {}


@pytest.mark.parametrize("step", range(1, 6))
def test_a_replay_that_is_killed_at_any_step_is_done_again_to_the_same_end(site: Site, step: int) -> None:
    with site.host() as store:
        put(store, GUILDS, _id="1", label="x", updated_at="2026-05-01T12:00:00+00:00")
        put(store, GUILDS, _id="2", label="x", updated_at="2026-05-01T12:00:00+00:00")
    with site.lost(), site.host() as store:
        store.insert([entry(1, f"A{number}") for number in range(3)])
        put(store, GUILDS, _id="1", label="y", updated_at="2026-05-04T12:00:00+00:00")
        remove(store, GUILDS, "2")
        put(store, TODO_EVENTS, _id="e", user_id="1")
    with site.host("other") as other:
        put(other, GUILDS, _id="1", label="z", updated_at="2026-05-03T12:00:00+00:00")
    site.dies_at = site.requests + step
    try:
        site.in_step()
    except KilledError:
        pass
    else:
        assert step == 5
    site.dies_at = 0
    site.in_step()
    assert {id_: one["label"] for id_, one in site.documents(GUILDS).items()} == {"1": "y"}
    assert len(site.documents(LEDGER)) == 3
    assert "e" in site.documents(TODO_EVENTS)
    for collection in (GUILDS, LEDGER):
        assert plain(site.documents(collection)) == plain(site.documents(collection, "one"))
    with closing(TinyEngine(site.folder / "one")) as mirror:
        assert waiting(mirror) == 0


def test_a_guild_that_was_added_again_elsewhere_since_stays(site: Site) -> None:
    """7.10."""
    with site.host() as store:
        put(store, GUILDS, _id="1", label="x", updated_at="2026-05-01T12:00:00+00:00")
    site.in_step("other")
    with site.lost(), site.host() as store:
        remove(store, GUILDS, "1")
    with site.host("other") as other:
        remove(other, GUILDS, "1")
        put(other, GUILDS, _id="1", label="again", updated_at="2026-05-04T13:00:00+00:00")
    site.in_step()
    assert site.documents(GUILDS)["1"]["label"] == "again"
    assert site.documents(GUILDS, "one")["1"]["label"] == "again"


def test_what_was_sent_before_a_clear_elsewhere_is_not_carried_back(site: Site) -> None:
    site.in_step("one", "other")
    sent = entry(state=EntryState.SENT, sent_at=START, created_at=START)
    with site.lost(), site.host() as store:
        store.insert([sent, entry(1, "AFTER", state=EntryState.SENT, sent_at=START + timedelta(hours=2))])
    with site.host("other") as other:
        put(other, CLEARS, _id="c", guild_id=1, cleared_at="2026-05-04T13:00:00+00:00")
    site.in_step()
    assert set(site.documents(LEDGER)) == set(site.documents(LEDGER, "one")) == {"1:AFTER"}


def test_a_file_that_was_the_ledger_itself_is_carried_over_when_it_meets_a_database(site: Site) -> None:
    with closing(TinyEngine(site.folder / "one")) as alone:
        Store(alone).insert([entry()])
        alone.change([Change(GUILDS, None, {"_id": "1"})])
    with site.host() as store:
        assert store.engine.present(LEDGER, ["1:GIFT100"])
        assert "2 changes were carried over" in store.notices[0]
    assert set(site.documents(GUILDS)) == {"1"}


def test_what_is_read_only_writes_nothing_anywhere(site: Site) -> None:
    site.in_step()
    before = site.documents(MIRROR, "one")
    with site.host(read_only=True) as store:
        with pytest.raises(StoreError, match="for reading only"):
            put(store, GUILDS, _id="1")
        with site.lost():
            assert store.engine.get(GUILDS, ["1"]) == {}
            assert store.is_away
    assert site.documents(MIRROR, "one") == before


# Which database it is


@pytest.fixture
def restored(site: Site) -> Callable[[], None]:
    """Takes a backup of the database, and gives what restores it."""
    names = (META, GUILDS, LEDGER, DELIVERIES, HOSTS, CLEARS, TODO_TIMESTAMPS)
    kept = {name: site.documents(name) for name in names}

    def restore() -> None:
        with closing(TinyEngine(site.folder / "database")) as database:
            for name in names:
                there = site.documents(name)
                database.put(name, list(kept[name].values()), there.keys() - kept[name].keys())

    with site.host() as store:
        put(store, CODES, _id="g:A")
    kept |= {name: site.documents(name) for name in names}
    return restore


@pytest.mark.parametrize("step", range(1, 9))
def test_putting_back_may_be_killed_at_any_step(site: Site, restored: Callable[[], None], step: int) -> None:
    with site.host() as store:
        store.insert([entry(1, "A1", state=EntryState.SENT, sent_at=START), entry(1, "A2")])
        put(store, DELIVERIES, _id="d", state="written")
        put(store, TODO_TIMESTAMPS, _id="1", last_submit=100, last_ping=0)
    restored()
    assert site.documents(LEDGER) == {}
    site.dies_at = site.requests + step
    with suppress(KilledError):
        site.in_step()
    site.dies_at = 0
    site.in_step()
    assert set(site.documents(LEDGER)) == {"1:A1", "1:A2"}
    assert site.documents(LEDGER)["1:A1"]["state"] == "sent"
    assert set(site.documents(DELIVERIES)) == {"d"}
    assert site.documents(TODO_TIMESTAMPS)["1"]["last_submit"] == 100
    assert site.documents(META)[IDENTITY_ID]["epoch"] == 2
    with site.host() as store:
        assert store.engine.present(LEDGER, ["1:A1"])
        assert store.held_back == ""


def test_until_all_hosts_have_put_back_what_they_know_nothing_is_claimed(
    site: Site, restored: Callable[[], None]
) -> None:
    for host in ("one", "other"):
        with site.host(host, waits=True) as store:
            put(store, HOSTS, _id=host, shared=True)
    for host in ("one", "other", "one"):
        with site.host(host, waits=True) as store:
            store.insert([entry(1, f"OF-{host}".upper(), state=EntryState.SENT, sent_at=START)])
    restored()
    with site.host(waits=True) as store:
        with pytest.raises(StoreError, match="nothing is sent until other has put back"):
            store.insert([entry(1, "NEW")])
        assert put(store, TODO_TIMESTAMPS, _id="2", last_submit=1)
    with site.host("other", waits=True) as store:
        assert store.insert([entry(1, "NEW")])
    with site.host(waits=True) as store:
        assert store.insert([entry(1, "NEWER")])
    assert set(site.documents(LEDGER)) == {"1:OF-ONE", "1:OF-OTHER", "1:NEW", "1:NEWER"}


OUTCOMES: dict[str, tuple[Any, Any]] = {
    "sent": ({"state": "done"}, {"state": "sent"}),
    "refused": ({"state": "refused"}, None),
    "unclear": ({"state": "written"}, {}),
}
"""What becomes of a delivery and its entry by what Discord said."""


@pytest.mark.parametrize("is_noticed", [False, True], ids=["nobody has noticed", "another host has noticed"])
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_what_came_of_a_message_stands_though_the_database_was_restored_since_it_was_written(
    site: Site, restored: Callable[[], None], outcome: str, is_noticed: bool
) -> None:
    site.in_step("other")
    delivery, ledger_entry = OUTCOMES[outcome]
    store = site.host(waits=True)
    put(store, HOSTS, _id="one", shared=True)
    store.engine.change([Change(DELIVERIES, None, {"_id": "d", "state": "written"})])
    store.insert([entry(1, "A1", delivery_id="d")])
    put(store, TODO_TIMESTAMPS, _id="1", last_submit=0, last_ping=100)
    written, claimed = (dict(store.engine.get(name, [id_])[id_]) for name, id_ in ((DELIVERIES, "d"), (LEDGER, "1:A1")))
    restored()
    if is_noticed:
        site.in_step("other")
    after = None if ledger_entry is None else {**claimed, **ledger_entry}
    changes = [Change(DELIVERIES, written, {**written, **delivery})]
    changes += [Change(LEDGER, claimed, after)] if after != claimed else []
    # That this process is not at it any more waits, as all that somebody may be at.
    with pytest.raises(StoreAwayError) if outcome == "unclear" else nullcontext():
        assert all(store.engine.change(changes))
    store.close()
    site.in_step()
    assert site.documents(META)[IDENTITY_ID]["epoch"] == 2
    assert "one" in site.documents(META)[IDENTITY_ID]["signed"]
    for host in ("", "one"):
        assert delivery.items() <= site.documents(DELIVERIES, host)["d"].items()
        assert site.documents(TODO_TIMESTAMPS, host)["1"]["last_ping"] == 100
        found = site.documents(LEDGER, host).get("1:A1")
        assert (found is None) if after is None else found is not None and found["state"] == after["state"]


def test_a_brother_that_has_put_back_what_is_known_does_not_keep_an_outcome_from_being_noted(
    site: Site, restored: Callable[[], None]
) -> None:
    store = site.host(waits=True)
    store.engine.change([Change(DELIVERIES, None, {"_id": "d", "state": "written"})])
    written = dict(store.engine.get(DELIVERIES, ["d"])["d"])
    restored()
    site.in_step()
    store.engine.change([Change(DELIVERIES, written, {**written, "state": "done"})])
    now = dict(store.engine.get(DELIVERIES, ["d"])["d"])
    assert store.engine.change([Change(DELIVERIES, now, {**now, "state": "done"})]) == [True]
    store.close()
    site.in_step()
    assert site.documents(DELIVERIES)["d"]["state"] == "done"


@pytest.mark.parametrize("is_noticed", [False, True], ids=["nobody has noticed", "another host has noticed"])
def test_a_session_that_ends_after_a_restore_does_not_hide_it_from_the_next_one(
    site: Site, restored: Callable[[], None], is_noticed: bool
) -> None:
    site.in_step("other")
    with site.host(waits=True) as store:
        put(store, TODO_TIMESTAMPS, _id="1", last_submit=100)
        restored()
        if is_noticed:
            site.in_step("other")
    site.in_step()
    assert site.documents(META)[IDENTITY_ID]["epoch"] == 2
    assert site.documents(TODO_TIMESTAMPS)["1"]["last_submit"] == 100


def test_what_a_restored_database_says_of_a_member_does_not_replace_what_the_copy_knows(
    site: Site, restored: Callable[[], None]
) -> None:
    store = site.host(waits=True)
    put(store, TODO_TIMESTAMPS, _id="1", last_submit=100)
    with site.host() as brother:
        put(brother, TODO_TIMESTAMPS, _id="2", last_submit=100)
    restored()
    put(store, TODO_TIMESTAMPS, _id="2", last_submit=0, last_ping=50)
    assert put(store, TODO_TIMESTAMPS, _id="1", last_submit=100, last_ping=150)
    store.close()
    site.in_step()
    there = site.documents(TODO_TIMESTAMPS)
    assert (there["1"]["last_ping"], there["2"]["last_submit"]) == (150, 100)


def directly(site: Site, collection: str, *documents: dict[str, Any], gone: str = "") -> None:
    """Write as a program does that knows nothing of a number that is to be raised."""
    with closing(TinyEngine(site.folder / "database")) as database:
        database.put(collection, documents, [gone] if gone else [])


def test_what_another_program_writes_of_members_is_in_the_copy_once_they_were_read_whole(site: Site) -> None:
    with site.host() as store:
        for id_ in ("1", "2", "3"):
            put(store, TODO_TIMESTAMPS, _id=id_, last_submit=100, last_ping=0)
            put(store, ACTIVE_MEMBERS, _id=id_, name=f"Member {id_}")
    site.in_step()
    directly(site, TODO_TIMESTAMPS, {"_id": "1", "last_submit": 200, "last_ping": 0}, {"_id": "4", "last_submit": 200})
    directly(site, ACTIVE_MEMBERS, {**site.documents(ACTIVE_MEMBERS)["1"], "name": "Renamed"}, gone="3")
    with site.host() as store:
        assert len(list(store.engine.walk(ACTIVE_MEMBERS))) == 2
        assert len(list(store.engine.walk(TODO_TIMESTAMPS))) == 4
        with site.lost():
            roster = {one["_id"]: one["name"] for one in store.engine.walk(ACTIVE_MEMBERS)}
            submits = {one["_id"]: one["last_submit"] for one in store.engine.walk(TODO_TIMESTAMPS)}
    assert roster == {"1": "Renamed", "2": "Member 2"}
    assert submits == {"1": 200, "2": 100, "3": 100, "4": 200}


def test_reading_members_whole_writes_nothing_to_the_copy_where_nothing_differs(site: Site) -> None:
    with site.host() as store:
        put(store, TODO_TIMESTAMPS, _id="1", last_submit=100)
        list(store.engine.walk(TODO_TIMESTAMPS))
        files = {path: path.stat().st_mtime_ns for path in (site.folder / "one").iterdir() if path.is_file()}
        list(store.engine.walk(TODO_TIMESTAMPS))
        assert files == {path: path.stat().st_mtime_ns for path in (site.folder / "one").iterdir() if path.is_file()}


def test_what_a_brother_writes_while_members_are_read_is_not_taken_back_in_the_copy(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, brother = site.host(), site.host()
    put(store, TODO_TIMESTAMPS, _id="1", last_submit=100)
    directly(site, TODO_TIMESTAMPS, {"_id": "1", "last_submit": 150})
    walk = Counting.walk

    def overtaken(engine: Counting, collection: str) -> Iterator[Any]:
        read = list(walk(engine, collection))
        monkeypatch.setattr(Counting, "walk", walk)
        put(brother, TODO_TIMESTAMPS, _id="1", last_submit=200)
        return iter(read)

    monkeypatch.setattr(Counting, "walk", overtaken)
    assert [one["last_submit"] for one in store.engine.walk(TODO_TIMESTAMPS)] == [150]
    assert site.documents(TODO_TIMESTAMPS, "one")["1"]["last_submit"] == 200


def test_members_that_are_read_from_a_restored_database_do_not_replace_those_that_the_copy_knows(
    site: Site, restored: Callable[[], None]
) -> None:
    with site.host() as store:
        put(store, TODO_TIMESTAMPS, _id="1", last_submit=100)
        restored()
        assert [one["last_submit"] for one in store.engine.walk(TODO_TIMESTAMPS)] == [100]
    site.in_step()
    assert site.documents(TODO_TIMESTAMPS)["1"]["last_submit"] == 100


@pytest.mark.parametrize(("elections", "epoch"), [(0, 2), (1, 1)], ids=["a backup", "an election"])
def test_what_went_before_a_write_was_acknowledged_was_restored_unless_it_went_with_its_primary(
    site: Site, restored: Callable[[], None], elections: int, epoch: int
) -> None:
    """What a primary has shown, and no other member had, goes when the others elect one of them."""
    site.in_step()
    with site.host("other") as store:
        put(store, CODES, _id="g:B")
    with site.host() as store:
        assert store.engine.present(CODES, ["g:B"])
        if elections:
            restored()
            site.elections += elections
        store.record_run(run())
    restored()
    site.in_step()
    assert site.documents(META)[IDENTITY_ID]["epoch"] == epoch


def test_settings_that_differ_after_a_restore_are_treated_as_an_outage(
    site: Site, restored: Callable[[], None]
) -> None:
    with site.host() as store:
        put(store, GUILDS, _id="1", label="new")
    restored()
    with site.host() as store:
        assert [one["_id"] for one in store.engine.find(GUILDS)] == ["1"]
        assert "it was rolled back" in store.held_back
        with pytest.raises(StoreAwayError, match="giftping store adopt"):
            store.insert([entry()])
        assert put(store, TODO_TIMESTAMPS, _id="2", last_submit=1)
    assert site.documents(GUILDS) == {}
    assert site.documents(TODO_TIMESTAMPS) == {}


def test_first_looks_that_a_restore_forgot_are_put_back_without_asking(
    site: Site, restored: Callable[[], None]
) -> None:
    with closing(TinyEngine(site.folder / "database")) as database:
        database.change([Change(SUBSCRIPTIONS, None, {"_id": "1:g", "mention": "x", "updated_at": "t"})])
    site.in_step()
    with site.host() as store:
        put(store, SUBSCRIPTIONS, _id="1:g", mention="x", updated_at="t", seeded={"api": "t"})
    restored()
    with closing(TinyEngine(site.folder / "database")) as database:
        there = database.get(SUBSCRIPTIONS, ["1:g"])["1:g"]
        database.put(SUBSCRIPTIONS, [{name: value for name, value in there.items() if name != "seeded"}])
    with site.host() as store:
        assert store.engine.get(SUBSCRIPTIONS, ["1:g"])["1:g"]["seeded"] == {"api": "t"}
        assert store.held_back == ""
