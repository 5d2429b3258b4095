"""What hosts make of a database that is not as they remember it, and of a state folder that is not the one it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest
from fakes.records import entry, run
from mirror_site import START, Site, put, remove

from giftping.store.base import EntryState, StoreAwayError, StoreError
from giftping.store.clears import clear_entries
from giftping.store.documents import (
    CLEARS,
    COLLECTIONS,
    DELIVERIES,
    GUILDS,
    HOSTS,
    LEDGER,
    META,
    MIRROR,
    SUBSCRIPTIONS,
    TODO_TIMESTAMPS,
)
from giftping.store.engine import Change
from giftping.store.mirror.epochs import SETTINGS, WATCHED
from giftping.store.mirror.identity import IDENTITY_ID, identity_from
from giftping.store.mirror.notes import SYNCED_ID
from giftping.store.mirror.replay import is_cleared
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import StoreLock


def sent(key: str, guild_id: int = 1, state: EntryState = EntryState.SENT) -> object:
    return entry(guild_id, key, state=state, sent_at=START, created_at=START, updated_at=START)


def copied(site: Site, name: str) -> Callable[[], Store]:
    """A copy of the folder of host `one`; it goes by the same name, as that is in it."""
    shutil.copytree(site.folder / "one", site.folder / name)
    return lambda: site.host("one", folder=name)


@pytest.fixture
def restore(site: Site) -> Callable[[], Callable[[], None]]:
    """Take a backup of the database; what is returned puts it in its place."""

    def backup() -> Callable[[], None]:
        kept = site.folder / "kept"
        shutil.copytree(site.folder / "database", kept)

        def put_it_back() -> None:
            shutil.rmtree(site.folder / "database")
            shutil.copytree(kept, site.folder / "database")

        return put_it_back

    return backup


# The first meeting


def test_a_database_that_was_emptied_after_the_first_meeting_is_noticed_though_nothing_was_sent_yet(
    site: Site,
) -> None:
    with site.host() as store:
        assert store.subscriptions() == []
    shutil.rmtree(site.folder / "database")
    with site.host() as store:
        store.subscriptions()
        assert "it was emptied" in store.held_back


def test_whoever_only_looks_gives_a_database_no_identity(site: Site) -> None:
    with site.host(read_only=True) as store:
        assert store.subscriptions() == []
    assert site.documents(META) == {}


# A copied folder


def test_while_the_database_is_away_a_folder_goes_on_and_its_copy_waits(site: Site) -> None:
    site.in_step()
    copy = copied(site, "copy")
    with site.lost():
        with site.host() as store:
            assert store.insert([entry(1, "A1")])
        with copy() as store:
            with pytest.raises(StoreAwayError):
                store.insert([entry(1, "A1")])
            assert "is a copy, or was restored" in store.held_back
            assert put(store, TODO_TIMESTAMPS, _id="1", last_submit=1), "what is handed in is taken"


def test_a_copy_that_was_made_while_the_database_was_away_waits_too(site: Site) -> None:
    site.in_step()
    with site.lost():
        with site.host() as store:
            assert store.insert([entry(1, "A1")])
        with copied(site, "copy")() as store, pytest.raises(StoreAwayError):
            store.insert([entry(1, "B1")])


def test_a_copy_that_was_at_it_while_the_database_was_away_is_another_host_once_it_is_back(site: Site) -> None:
    """What the folder has sent meanwhile the database does not know yet."""
    site.in_step()
    with site.lost():
        with site.host() as store:
            assert store.insert([entry(1, "A1")])
        copy = copied(site, "copy")
    with copy() as store, pytest.raises(StoreError, match="It has a name of its own now, copy-renamed"):
        store.insert([entry(1, "B1")])
    with site.host("copy-renamed", folder="copy") as store:
        assert store.held_back == ""
        assert store.insert([entry(1, "A1")]) == frozenset(), "it was told, as the copy was made after that"
    with site.lost(), site.host("copy-renamed", folder="copy") as store:
        assert store.insert([entry(1, "C1")]), "it is the folder that was in step now"


def test_a_folder_that_was_moved_goes_on_while_the_database_is_away(site: Site) -> None:
    site.in_step()
    (site.folder / "one").rename(site.folder / "moved")
    with site.lost(), site.host("one", folder="moved") as store:
        assert store.insert([entry()])


def test_a_folder_that_was_put_back_goes_on_once_it_has_met_the_database(site: Site) -> None:
    site.in_step()
    copy = copied(site, "restored")
    shutil.rmtree(site.folder / "one")
    with copy() as store:
        assert store.insert([entry(1, "A1")])
    with site.lost(), copy() as store:
        assert store.insert([entry(1, "B1")])


def test_of_a_folder_and_its_copy_that_run_at_once_the_second_to_write_is_told(site: Site) -> None:
    site.in_step()
    copy = copied(site, "copy")
    with copy() as second:
        assert second.subscriptions() == []
        with site.host() as store:
            put(store, GUILDS, _id="1", label="x")
        with pytest.raises(StoreAwayError, match="not as it was when this run began"):
            put(second, DELIVERIES, _id="d", state="claimed")
        with copy() as third, site.lost(), pytest.raises(StoreAwayError):
            put(third, DELIVERIES, _id="d", state="claimed")
    with copy() as fourth, pytest.raises(StoreError, match="It has a name of its own now"):
        fourth.subscriptions()


# Another epoch


def test_a_database_of_before_an_earlier_roll_back_is_rolled_back_and_no_folder_a_copy(
    site: Site, restore: Callable[[], Callable[[], None]]
) -> None:
    """So is the one that the settings led to before, where one that was empty was taken for it."""
    for _ in range(3):
        site.in_step()
        with site.host() as store:
            put(store, GUILDS, _id="1", label=str(site.requests))
    put_back = restore()
    shutil.rmtree(site.folder / "database")
    with site.host() as store:
        store.subscriptions()
        assert "it was emptied" in store.held_back
    site.decide()
    with site.host() as store:
        store.insert([sent("SINCE1")])  # type: ignore[list-item]  # an entry
        assert not any("was rolled back" in one for one in store.notices), store.notices
    put_back()
    with site.host() as store:
        store.subscriptions()
        assert any("was rolled back" in one for one in store.notices), store.notices
    assert "1:SINCE1" in site.documents(LEDGER)


@pytest.mark.parametrize("is_new", [False, True], ids=["an old host", "a new host"])
def test_what_a_run_has_found_of_the_others_counts_when_a_backup_is_put_back_before_it_writes(
    site: Site, restore: Callable[[], Callable[[], None]], *, is_new: bool
) -> None:
    for host in ("other", *(() if is_new else ("one",))):
        with site.host(host) as store:
            put(store, HOSTS, _id=host, shared=True)
    put_back = restore()
    with site.host("other") as store:
        store.insert([sent("SINCE1")])  # type: ignore[list-item]  # an entry
    with site.host() as store:
        assert store.subscriptions() == [], "it has looked which database it is"
        put_back()
        with pytest.raises(StoreAwayError, match="not as it was when this run began"):
            store.insert([entry(1, "SINCE1")])
    with site.host() as store, pytest.raises(StoreError, match="until other has put back"):
        store.insert([entry(1, "LATER1")])
    site.in_step("other", "one")
    with site.host() as store:
        assert store.insert([entry(1, "SINCE1"), entry(1, "LATER1")]) == {"1:LATER1"}


def test_a_backup_that_is_put_back_while_a_run_waits_for_its_lock_is_noticed(
    site: Site, restore: Callable[[], Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.host("other") as store:
        put(store, HOSTS, _id="other", shared=True)
    site.in_step()
    put_back = restore()
    with site.host("other") as store:
        store.insert([sent("SINCE1")])  # type: ignore[list-item]  # an entry
    with site.host() as store:
        exclusive = StoreLock.exclusive

        def late(lock: StoreLock) -> object:
            monkeypatch.undo()
            put_back()
            return exclusive(lock)

        monkeypatch.setattr(StoreLock, "exclusive", late)
        assert store.subscriptions() == []
        assert "until other has put back" in store.held_back
    assert site.documents(META)[IDENTITY_ID]["epoch"] == 2


def test_a_number_that_went_with_its_primary_begins_no_epoch(
    site: Site, restore: Callable[[], Callable[[], None]]
) -> None:
    """It was shown by a primary that was lost before any other member had it: no database was restored."""
    site.in_step("one", "other")
    put_back = restore()
    with site.host("other") as store:
        store.insert([entry(1, "LOST1")])
    with site.host() as store:
        assert store.subscriptions() == []
        put_back()
        site.elections += 1
        with pytest.raises(StoreAwayError, match="not as it was when this run began"):
            store.insert([entry(1, "LATER1")])
    with site.host() as store:
        assert store.insert([entry(1, "LATER1")])
    assert site.documents(META)[IDENTITY_ID]["epoch"] == 1


@pytest.mark.parametrize("rights", [True, False])
def test_a_restore_is_noticed_by_whoever_has_seen_nothing_of_what_is_lost_and_the_others_are_waited_for(
    site: Site, restore: Callable[[], Callable[[], None]], *, rights: bool
) -> None:
    site.made = {META: "first"} if rights else {}
    hosts = ("one", "other")
    for host in hosts * 3:
        with site.host(host) as store:
            store.record_run(run(host=host))
            put(store, HOSTS, _id=host, shared=True)
    put_back = restore()
    with site.host("other") as store:
        store.insert([sent("SINCE1")])  # type: ignore[list-item]  # an entry
    put_back()
    site.made = {META: "second"} if rights else {}
    with site.host() as store:
        assert store.engine.present(LEDGER, ["1:SINCE1"]) == frozenset(), "it never saw it"
        assert ("nothing is sent until other has put back" in store.held_back) is rights
    if rights:
        site.in_step("other")
        for host in hosts:
            assert site.documents(MIRROR, host)[SYNCED_ID]["made"] == {META: "second"}, "for the next one"
        site.in_step(*hosts, *hosts)
        with site.host() as store:
            assert store.insert([entry(1, "SINCE1")]) == frozenset()
            assert store.held_back == ""
            assert store.insert([entry(1, "LATER1")])


def test_a_host_that_is_new_or_shares_from_now_on_is_news_to_the_others_and_one_that_was_at_it_again_is_none(
    site: Site,
) -> None:
    """Whoever finds an older database in its place has to know for whom to wait."""
    tokens = []
    for fields in ({"shared": False}, {"shared": True}, {"shared": True, "seen_at": "2026-05-04T13:00:00+00:00"}):
        with site.host("other") as store:
            put(store, HOSTS, _id="other", **fields)
        tokens.append(identity_from(site.documents(META)[IDENTITY_ID]).token())  # type: ignore[union-attr]  # it has one
    assert tokens[0] != tokens[1] == tokens[2]


def test_a_database_that_nobody_made_anew_is_the_same_in_every_session(site: Site) -> None:
    site.made = {META: "first"}
    for _ in range(4):
        site.in_step("one", "other")
    site.made = {}
    site.in_step("one", "other")
    site.made = {META: "first"}
    site.in_step("one", "other")
    site.made = {META: "first", TODO_TIMESTAMPS: "new"}
    site.in_step("one", "other", "one")
    assert site.documents(META)[IDENTITY_ID]["epoch"] == 1


@pytest.mark.parametrize("is_back", [True, False])
@pytest.mark.parametrize("collection", [name for name in WATCHED if name != META])
def test_a_backup_of_one_collection_is_noticed_by_whoever_has_seen_nothing_of_what_is_lost(
    site: Site, collection: str, *, is_back: bool
) -> None:
    """Its numbers tell nothing: these are in another collection, which is as it was."""
    whole = dict.fromkeys(WATCHED, "first")
    site.made = whole
    hosts = ("one", "other")
    for host in hosts * 3:
        with site.host(host) as store:
            store.record_run(run(host=host))
            put(store, HOSTS, _id=host, shared=True)
    site.made = {name: token for name, token in whole.items() if name != collection}
    site.made |= {collection: "second"} if is_back else {}
    with site.host() as store:
        store.subscriptions()
        assert "nothing is sent until other has put back" in store.held_back
    site.in_step(*hosts)
    with site.host() as store:
        assert store.insert([entry(1, "LATER1")])
        assert store.held_back == ""


@pytest.mark.parametrize("way", ["adopts", "accepts"])
@pytest.mark.parametrize("collection", SETTINGS)
def test_settings_that_alone_were_dropped_wait_for_a_person_whichever_host_notices(
    site: Site, collection: str, way: str
) -> None:
    site.made = dict.fromkeys(WATCHED, "first")
    with site.host() as store:
        put(store, collection, _id="1", label="kept")
    site.in_step("one", "other", "one", "other")
    (site.folder / "database").rename(site.folder / "whole")
    with closing(TinyEngine(site.folder / "whole")) as whole, closing(TinyEngine(site.folder / "database")) as left:
        for name in {*COLLECTIONS} - {collection}:
            left.change([Change(name, None, one) for one in whole.walk(name)])
    site.made = {name: token for name, token in site.made.items() if name != collection}
    with site.host("other", read_only=True) as store:
        assert store.engine.present(collection, ["1"]), "what is shown is what the host remembers"
        assert "it was rolled back" in store.held_back
    for host in ("one", "other"):
        with site.host(host) as store:
            assert store.engine.present(collection, ["1"])
            assert "until somebody says which counts" in store.held_back
            with pytest.raises(StoreAwayError):
                store.insert([entry(1, "LATER1")])
    site.decide("other", adopts=way == "adopts")
    site.in_step("other", "one", "other", "one")
    with site.host() as store:
        assert store.held_back == ""
        assert store.engine.present(collection, ["1"]) == ({"1"} if way == "adopts" else frozenset())
        assert store.insert([entry(1, "LATER1")])


def test_a_collection_that_came_after_the_mirror_was_in_step_is_known_from_the_next_session_on(site: Site) -> None:
    """Commands that only change settings make it, and the checks that follow have nothing to write."""
    site.made = {META: "first"}
    site.in_step("one", "one")
    with site.host() as store:
        put(store, SUBSCRIPTIONS, _id="1:game")
    site.made = {META: "first", SUBSCRIPTIONS: "new"}
    with site.host() as store:
        store.subscriptions()
    site.made = {META: "first"}
    with site.host() as store:
        store.subscriptions()
        assert site.documents(META)[IDENTITY_ID]["epoch"] == 2


def test_whoever_forgets_the_host_that_was_waited_for_waits_no_longer(site: Site) -> None:
    site.made = dict.fromkeys(WATCHED, "first")
    for host in ("one", "other", "third") * 3:
        with site.host(host) as store:
            store.record_run(run(host=host))
            put(store, HOSTS, _id=host, shared=True)
    site.made = dict.fromkeys(site.made, "second")
    with site.host() as store:
        store.subscriptions()
        assert "nothing is sent until other and third have put back" in store.held_back
        assert remove(store, HOSTS, "other")
        assert "nothing is sent until third has put back" in store.held_back
        assert any("nothing is sent until third has put back" in notice for notice in store.notices)
        assert remove(store, HOSTS, "third")
        assert store.held_back == ""
        assert not any("nothing is sent" in notice for notice in store.notices)
        assert store.insert([entry(1, "LATER1")])


# Tombstones


@pytest.mark.parametrize("first", ["one", "other"])
@pytest.mark.parametrize("state", [EntryState.SENT, EntryState.SEEDED])
def test_what_was_cleared_after_a_backup_stays_cleared_whoever_puts_back_first(
    site: Site, restore: Callable[[], Callable[[], None]], first: str, state: EntryState
) -> None:
    site.in_step("one", "other")
    with site.host() as store:
        store.insert([sent("OLD1", state=state), sent("OTHER1", 2, state)])  # type: ignore[list-item]  # entries
    site.in_step("other", "one")
    put_back = restore()
    with site.host() as store:
        store.insert([sent("LATE1", state=state)])  # type: ignore[list-item]  # an entry
    # The other one knows of an entry that the backup lacks, and not of the clear.
    site.in_step("other", "one")
    site.now = START + timedelta(hours=1)
    with site.host() as store:
        assert clear_entries(store, 1, game=None, key=None, at=site.now) == 2
    put_back()
    hosts = ["one", "other"] if first == "one" else ["other", "one"]
    site.in_step(*hosts * 2)
    assert set(site.documents(LEDGER)) == set(site.documents(LEDGER, "one")) == {"2:OTHER1"}
    site.in_step(*hosts)
    assert set(site.documents(LEDGER, "other")) == {"2:OTHER1"}
    assert len(site.documents(CLEARS)) == 1


def test_a_clear_is_remembered_for_a_year(site: Site) -> None:
    with site.host() as store:
        clear_entries(store, 1, game=None, key="A1", at=START)
        clear_entries(store, 1, game=None, key="B1", at=START + timedelta(days=364))
        put(store, CLEARS, _id="odd", cleared_at="soon")
        clear_entries(store, 1, game=None, key="C1", at=START + timedelta(days=366))
        kept = {one.get("code") for one in store.engine.walk(CLEARS)}
    assert kept == {"B1", "C1", None}, "one that cannot be read is left as it is"


def test_an_entry_that_does_not_say_when_it_was_sent_stays_as_it_is_beside_a_tombstone() -> None:
    clear = {"guild_id": 1, "cleared_at": "2026-05-04T13:00:00+00:00"}
    odd = {"_id": "1:A1", "guild_id": 1, "code": "A1", "state": "sent", "sent_at": "soon"}
    assert not is_cleared(odd, [clear])
    assert is_cleared({**odd, "sent_at": "2026-05-04T12:00:00+00:00"}, [clear])
