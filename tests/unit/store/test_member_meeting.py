"""The TODO part's documents, while the shared store is there, while it is away, and when it is back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fakes.records import entry
from fakes.shared_store import FakeSharedStore
from fakes.site import HOST, Site
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from giftping.store.base import StoreAwayError
from giftping.store.documents import ACTIVE_MEMBERS, TODO_EVENTS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.engine import Change
from giftping.store.mirror.notes import leave_shared_store, read_pending
from giftping.store.mirror.store import FailoverStore
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

OTHER = "host-b"
Document = dict[str, Any]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def changed(store: Store, id_: str, collection: str = TODO_TIMESTAMPS, **fields: Any) -> bool:
    """Change or make a document by what is read of it now, and return whether that was done."""
    before = store.documents_of(collection, [id_]).get(id_)
    return bool(store.change_documents(collection, [Change({"_id": id_, **(before or {}), **fields}, before)]))


def without_rev(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, Document]:
    return {id_: {name: value for name, value in one.items() if name != "rev"} for id_, one in documents.items()}


def in_folder(site: Site, folder: str, collection: str = TODO_TIMESTAMPS) -> dict[str, Document]:
    with Store(TinyEngine(site.folder / folder, read_only=True)) as store:
        return {one["_id"]: dict(one) for one in store.documents(collection)}


def shared(site: Site, collection: str = TODO_TIMESTAMPS) -> dict[str, Document]:
    return without_rev(in_folder(site, "shared", collection))


def mirror(site: Site, collection: str = TODO_TIMESTAMPS) -> dict[str, Document]:
    return without_rev(in_folder(site, HOST, collection))


def members_met(site: Site, host: str = HOST) -> None:
    """Let a host meet the shared store and look at the members."""
    with site.open(host) as store:
        list(store.documents(TODO_TIMESTAMPS))


class Interrupted(FakeSharedStore):
    """Does something of the test's, once, right before or after one of its methods."""

    def __init__(self, folder: Path, method: str, of: str, interruption: Callable[[], None], *, after: bool) -> None:
        super().__init__(folder)
        self._method, self._of, self._interruption, self._after = method, of, [interruption], after

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name.startswith("_") or name != self._method:
            return value

        def asked(*arguments: Any, **named: Any) -> Any:
            is_it = self._of in ("", arguments[0])
            if is_it and not self._after and self._interruption:
                self._interruption.pop()()
            answer = value(*arguments, **named)
            if is_it and self._after and self._interruption:
                self._interruption.pop()()
            return answer

        return asked


def interrupted(
    site: Site, method: str, interruption: Callable[[], None], *, after: bool = False, of: str = ""
) -> FailoverStore:
    store = Interrupted(site.folder / "shared", method, of, interruption, after=after)
    return FailoverStore(store, Store(TinyEngine(site.folder / HOST)), host=HOST, clock=site.clock)


def goes_away() -> None:
    raise StoreAwayError("the shared store is away")


# While it is there


def test_what_is_written_is_in_both_with_the_same_revision(site: Site) -> None:
    with site.open() as store:
        assert changed(store, "5", last_submit=1)
        assert changed(store, "6", last_submit=1)
        assert changed(store, "5", last_ping=2)
        store.insert_documents(ACTIVE_MEMBERS, [{"_id": "5"}, {"_id": "6"}])
        assert store.remove_documents(ACTIVE_MEMBERS, ["6", "7"]) == {"6"}
    assert in_folder(site, HOST) == in_folder(site, "shared")
    assert mirror(site) == {
        "5": {"_id": "5", "last_submit": 1, "last_ping": 2},
        "6": {"_id": "6", "last_submit": 1},
    }
    assert mirror(site, ACTIVE_MEMBERS) == shared(site, ACTIVE_MEMBERS) == {"5": {"_id": "5"}}


def test_a_change_that_lost_is_not_in_the_mirror_either(site: Site) -> None:
    with site.open() as store, Store(TinyEngine(site.folder / "shared")) as theirs:
        assert changed(store, "5", last_submit=1)
        before = store.documents_of(TODO_TIMESTAMPS, ["5"])["5"]
        assert changed(theirs, "5", last_submit=2)
        assert store.change_documents(TODO_TIMESTAMPS, [Change({**before, "last_ping": 3}, before)]) == frozenset()
        assert store.insert_documents(TODO_TIMESTAMPS, [{"_id": "5", "last_submit": 9}]) == frozenset()
    assert mirror(site)["5"] == {"_id": "5", "last_submit": 1}


def test_the_history_is_not_mirrored(site: Site) -> None:
    with site.open() as store:
        assert store.insert_documents(TODO_EVENTS, [{"_id": "e1", "user_id": "5"}]) == {"e1"}
        assert changed(store, "e2", TODO_EVENTS, user_id="5")
        assert [one["_id"] for one in store.documents_where(TODO_EVENTS, "user_id", "5")] == ["e1", "e2"]
    assert mirror(site, TODO_EVENTS) == {}
    assert shared(site, TODO_EVENTS).keys() == {"e1", "e2"}


# Following


def test_the_first_look_at_a_member_brings_the_mirror_in_step_with_all_of_them(site: Site) -> None:
    members_met(site)
    with site.open() as store:
        for id_ in ("5", "6"):
            changed(store, id_, last_submit=1)
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        changed(theirs, "5", last_submit=2)
        theirs.remove_documents(TODO_TIMESTAMPS, ["6"])
        theirs.insert_documents(ACTIVE_MEMBERS, [{"_id": "7"}])
        changed(theirs, "sweep", TODO_STATE, last_sweep=3)
    with site.open() as store:
        assert store.documents_of(TODO_STATE, ["5"]) == {}
    for collection in (TODO_TIMESTAMPS, ACTIVE_MEMBERS, TODO_STATE):
        assert in_folder(site, HOST, collection) == in_folder(site, "shared", collection)
    assert mirror(site)["5"]["last_submit"] == 2


@pytest.mark.parametrize(
    "access",
    [
        lambda store: store.documents(ACTIVE_MEMBERS),
        lambda store: store.stored_ids(ACTIVE_MEMBERS, ["1"]),
        lambda store: store.documents_of(TODO_TIMESTAMPS, ["1"]),
        lambda store: store.documents_where(TODO_STATE, "x", "1"),
        lambda store: store.insert_documents(TODO_STATE, [{"_id": "1"}]),
        lambda store: store.change_documents(TODO_STATE, [Change({"_id": "1"})]),
        lambda store: store.remove_documents(TODO_STATE, ["1"]),
    ],
)
def test_whatever_is_asked_of_the_members_first_makes_the_mirror_follow(
    site: Site, access: Callable[[Store], object]
) -> None:
    site.in_step()
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        changed(theirs, "5", last_submit=2)
    with site.open() as store:
        access(store)
        assert mirror(site).keys() == {"5"}


def test_what_has_to_do_with_codes_does_not_pay_for_the_members(site: Site) -> None:
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        changed(theirs, "5", last_submit=2)
    with site.open() as store:
        store.insert([entry()])
        store.guilds()
        list(store.documents("codes"))
    assert mirror(site) == {}


def test_reading_only_follows_nothing(site: Site) -> None:
    site.in_step()
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        changed(theirs, "5", last_submit=2)
    with site.open(read_only=True) as store:
        assert store.documents_of(TODO_TIMESTAMPS, ["5"]).keys() == {"5"}
    assert mirror(site) == {}


def cut_off(site: Site) -> FailoverStore:
    """Open another handle of the same host, which cannot reach the shared store."""
    away = FakeSharedStore(site.folder / "shared", lambda: True)
    return FailoverStore(away, Store(TinyEngine(site.folder / HOST)), host=HOST, clock=site.clock)


@pytest.mark.parametrize("collection", [ACTIVE_MEMBERS, TODO_TIMESTAMPS, TODO_STATE])
def test_what_another_process_writes_meanwhile_is_not_overwritten_in_the_mirror(site: Site, collection: str) -> None:
    """Whether that one can reach the shared store or not."""
    with site.open() as store:
        for id_ in ("5", "6", "7"):
            changed(store, id_, collection, updated_at=1)

    def writes() -> None:
        with cut_off(site) as other:
            changed(other, "5", collection, updated_at=9)
            changed(other, "8", collection, updated_at=9)
            other.remove_documents(collection, ["7"])
        with Store(TinyEngine(site.folder / "shared")) as there, Store(TinyEngine(site.folder / HOST)) as here:
            for both in (there, here):
                changed(both, "6", collection, updated_at=9)
                changed(both, "9", collection, updated_at=9)

    with interrupted(site, "documents", writes, after=True, of=collection) as store:
        list(store.documents(collection))
    found = {id_: one["updated_at"] for id_, one in mirror(site, collection).items()}
    assert found == {"5": 9, "6": 9, "8": 9, "9": 9}
    site.in_step()
    assert shared(site, collection).keys() == found.keys()


def test_what_another_process_writes_without_the_shared_store_while_something_is_carried_back_stays(
    site: Site,
) -> None:
    with cut_off_after_meeting(site) as store:
        changed(store, "5", last_submit=1)

    def submits() -> None:
        with cut_off(site) as other:
            assert changed(other, "5", last_submit=9)

    with interrupted(site, "change_documents", submits) as store:
        store.guilds()
    assert (shared(site)["5"]["last_submit"], mirror(site)["5"]["last_submit"]) == (1, 9)
    members_met(site)
    assert shared(site)["5"]["last_submit"] == mirror(site)["5"]["last_submit"] == 9


def cut_off_after_meeting(site: Site) -> FailoverStore:
    members_met(site)
    return cut_off(site)


# While it is away


def test_the_mirror_decides_while_it_is_away_and_what_it_decided_is_carried_back(site: Site) -> None:
    with site.open() as store:
        changed(store, "5", last_submit=1)
        changed(store, "5", ACTIVE_MEMBERS, name="five")
    site.away = True
    with site.open() as one, site.open() as other:
        ours, theirs = (store.documents_of(TODO_TIMESTAMPS, ["5"])["5"] for store in (one, other))
        assert one.is_away
        assert one.change_documents(TODO_TIMESTAMPS, [Change({**ours, "last_ping": 2}, ours)]) == {"5"}
        assert other.change_documents(TODO_TIMESTAMPS, [Change({**theirs, "last_ping": 3}, theirs)]) == frozenset()
        assert changed(other, "7", ACTIVE_MEMBERS, name="seven")
        assert changed(other, "sweep", TODO_STATE, last_sweep=4)
        assert other.remove_documents(ACTIVE_MEMBERS, ["5"]) == {"5"}
    assert shared(site) == {"5": {"_id": "5", "last_submit": 1}}
    site.away = False
    site.in_step()
    assert shared(site) == mirror(site) == {"5": {"_id": "5", "last_submit": 1, "last_ping": 2}}
    assert shared(site, ACTIVE_MEMBERS) == {"7": {"_id": "7", "name": "seven"}}
    assert shared(site, TODO_STATE) == {"sweep": {"_id": "sweep", "last_sweep": 4}}
    assert in_folder(site, HOST) == in_folder(site, "shared")


def test_what_was_done_away_with_during_an_outage_is_not_brought_back_by_what_the_shared_store_held(site: Site) -> None:
    """A notice that has been delivered by the mirror's word is not owed again when the shared store is back."""
    lapse = {"since": 1, "removal": {"state": "done", "at": 2}}
    owed = {"id": "n", "channel": {"state": "open"}}
    with site.open() as store:
        changed(store, "5", last_submit=1, notices=[owed], lapse=lapse)
    site.away = True
    for number in range(2):
        with site.open() as store:
            before = dict(store.documents_of(TODO_TIMESTAMPS, ["5"])["5"])
            after = {name: value for name, value in before.items() if name not in ("notices", "lapse")}
            store.change_documents(TODO_TIMESTAMPS, [Change({**after, "last_ping": 3 + number}, before)])
    site.away = False
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        changed(theirs, "5", notices=[owed, {**owed, "id": "of another host"}])
    site.in_step()
    expected = {"_id": "5", "last_submit": 1, "last_ping": 4, "notices": [{**owed, "id": "of another host"}]}
    assert shared(site)["5"] == mirror(site)["5"] == expected
    with Store(TinyEngine(site.folder / HOST, read_only=True)) as store:
        assert read_pending(store).is_empty


def test_it_may_go_away_between_a_claim_and_what_came_of_it(site: Site) -> None:
    with site.open() as store:
        changed(store, "5", last_submit=1)
        assert changed(store, "5", last_ping=2, notices=[{"id": "n", "state": "claimed"}])
        site.away = True
        assert changed(store, "5", notices=[{"id": "n", "state": "sent"}])
    site.away = False
    site.in_step()
    assert shared(site)["5"]["notices"] == [{"id": "n", "state": "sent"}]


@pytest.mark.parametrize("after", [False, True])
def test_a_change_of_which_nobody_knows_whether_it_was_made_is_made_once(site: Site, after: bool) -> None:
    with site.open() as store:
        changed(store, "5", last_submit=1)
        before = dict(store.documents_of(TODO_TIMESTAMPS, ["5"])["5"])
    with interrupted(site, "change_documents", goes_away, after=after) as store:
        wanted = [Change({**before, "last_ping": 2}, before), Change({"_id": "6"})]
        assert store.change_documents(TODO_TIMESTAMPS, wanted) == {"5", "6"}
        assert store.is_away
        assert store.change_documents(TODO_TIMESTAMPS, wanted) == frozenset()
    site.in_step()
    assert shared(site) == mirror(site) == {"5": {"_id": "5", "last_submit": 1, "last_ping": 2}, "6": {"_id": "6"}}


def test_the_history_of_an_outage_is_carried_back_and_leaves_the_mirror(site: Site) -> None:
    with site.open() as store:
        store.insert_documents(TODO_EVENTS, [{"_id": "e1", "user_id": "5"}])
    site.away = True
    with site.open() as store:
        store.insert_documents(TODO_EVENTS, [{"_id": "e2", "user_id": "5"}, {"_id": "e3", "user_id": "6"}])
        assert [one["_id"] for one in store.documents(TODO_EVENTS)] == ["e2", "e3"]
        assert [one["_id"] for one in store.documents_where(TODO_EVENTS, "user_id", "5")] == ["e2"]
    site.away = False
    with site.open() as store:
        assert [one["_id"] for one in store.documents_where(TODO_EVENTS, "user_id", "5")] == ["e1", "e2"]
        assert "2 changes were carried back" in store.notices[0]
    assert mirror(site, TODO_EVENTS) == {}


def test_a_member_whom_the_mirror_never_knew_is_not_taken_off_the_roster_by_a_change_that_failed(site: Site) -> None:
    """Only what was removed goes: that the mirror lacks a document says nothing."""
    members_met(site)
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        theirs.insert_documents(ACTIVE_MEMBERS, [{"_id": "7"}])
    site.away = True
    with site.open() as store:
        assert store.change_documents(ACTIVE_MEMBERS, [Change({"_id": "7", "x": 1}, {"_id": "7"})]) == frozenset()
    site.away = False
    site.in_step()
    assert shared(site, ACTIVE_MEMBERS).keys() == {"7"}


def test_a_member_who_was_removed_and_added_again_meanwhile_is_on_the_roster(site: Site) -> None:
    with site.open() as store:
        changed(store, "5", ACTIVE_MEMBERS, added=1, updated_at=1)
    site.away = True
    with site.open() as store:
        store.remove_documents(ACTIVE_MEMBERS, ["5"])
        changed(store, "5", ACTIVE_MEMBERS, added=2, updated_at=2)
    site.away = False
    site.in_step()
    assert shared(site, ACTIVE_MEMBERS)["5"]["added"] == 2


def test_a_submission_on_each_side_of_an_outage_leaves_the_later_one_on_both(site: Site) -> None:
    with site.open() as store:
        changed(store, "5", last_submit=1)
        changed(store, "6", last_submit=1)
    site.away = True
    with site.open() as store:
        changed(store, "5", last_submit=10)
        changed(store, "6", last_submit=10)
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        changed(theirs, "5", last_submit=20, last_ping=0)
        changed(theirs, "6", last_ping=5)
    site.away = False
    site.in_step()
    assert {id_: one["last_submit"] for id_, one in shared(site).items()} == {"5": 20, "6": 10}
    assert mirror(site) == shared(site)


def test_carrying_back_goes_on_until_nobody_comes_in_between(site: Site) -> None:
    with site.open() as store:
        changed(store, "5", last_submit=1)
    site.away = True
    with site.open() as store:
        changed(store, "5", last_submit=9)
        changed(store, "6", last_submit=9)
    site.away = False

    def pings() -> None:
        with Store(TinyEngine(site.folder / "shared")) as theirs:
            changed(theirs, "5", last_ping=2, theirs=True)

    with interrupted(site, "change_documents", pings) as store:
        store.guilds()
    assert shared(site)["5"] == {"_id": "5", "last_submit": 9, "last_ping": 2, "theirs": True}
    assert shared(site)["6"]["last_submit"] == 9


def test_what_the_older_bot_writes_while_something_is_carried_back_is_not_lost(site: Site) -> None:
    """It knows no revisions."""
    with site.open() as store:
        changed(store, "5", last_submit=1)
    site.away = True
    with site.open() as store:
        changed(store, "5", last_submit=2)
    site.away = False

    def older_bot() -> None:
        with Store(TinyEngine(site.folder / "shared")) as theirs:
            document = theirs.documents_of(TODO_TIMESTAMPS, ["5"])["5"]
            theirs.put_documents(TODO_TIMESTAMPS, [{**document, "last_submit": 9}])

    with interrupted(site, "change_documents", older_bot) as store:
        store.guilds()
    assert shared(site)["5"]["last_submit"] == 9


@pytest.mark.parametrize("calls", range(1, 14))
def test_a_carrying_back_that_is_cut_short_is_done_again_to_the_same_end(site: Site, calls: int) -> None:
    with site.open() as store:
        for id_ in ("5", "6"):
            changed(store, id_, last_submit=1)
            changed(store, id_, ACTIVE_MEMBERS, name=id_)
    site.away = True
    with site.open() as store:
        changed(store, "5", last_submit=2)
        store.remove_documents(ACTIVE_MEMBERS, ["6"])
        store.insert_documents(TODO_EVENTS, [{"_id": "e1"}])
        changed(store, "sweep", TODO_STATE, downtimes=[[1, 2]])
    site.away = False
    site.forget_calls()
    site.away_after = calls
    members_met(site)
    site.forget_calls()
    members_met(site)
    assert shared(site)["5"]["last_submit"] == 2
    assert shared(site, ACTIVE_MEMBERS).keys() == {"5"}
    assert shared(site, TODO_EVENTS).keys() == {"e1"}
    assert shared(site, TODO_STATE)["sweep"]["downtimes"] == [[1, 2]]
    assert mirror(site, TODO_EVENTS) == {}
    for collection in (TODO_TIMESTAMPS, ACTIVE_MEMBERS, TODO_STATE):
        assert in_folder(site, HOST, collection) == in_folder(site, "shared", collection)


def test_a_folder_that_was_a_store_of_its_own_so_far_is_taken_over_whole(site: Site) -> None:
    with Store(TinyEngine(site.folder / HOST)) as alone:
        changed(alone, "5", last_submit=3)
        changed(alone, "5", ACTIVE_MEMBERS, name="five")
        changed(alone, "sweep", TODO_STATE, last_sweep=4)
        alone.insert_documents(TODO_EVENTS, [{"_id": "e1"}])
    with Store(TinyEngine(site.folder / "shared")) as theirs:
        changed(theirs, "5", last_submit=2)
    site.in_step()
    assert shared(site)["5"]["last_submit"] == 3
    assert shared(site, ACTIVE_MEMBERS).keys() == {"5"}
    assert shared(site, TODO_STATE).keys() == {"sweep"}
    assert (shared(site, TODO_EVENTS).keys(), mirror(site, TODO_EVENTS)) == ({"e1"}, {})


def test_what_was_written_while_the_folder_was_a_store_of_its_own_for_once_is_carried_over(site: Site) -> None:
    with site.open() as store:
        changed(store, "5", last_submit=1)
    with Store(TinyEngine(site.folder / HOST)) as alone:
        leave_shared_store(alone)
        changed(alone, "5", last_submit=2)
    site.in_step()
    assert shared(site)["5"]["last_submit"] == 2


def test_what_waits_to_be_carried_back_is_what_a_command_that_only_looks_shows(site: Site) -> None:
    members_met(site)
    site.away = True
    with site.open() as store:
        changed(store, "5", last_submit=2)
    site.away = False
    with site.open(read_only=True) as store:
        assert store.documents_of(TODO_TIMESTAMPS, ["5"])["5"]["last_submit"] == 2
    assert shared(site) == {}


def test_it_may_go_away_while_the_mirror_follows(site: Site) -> None:
    with site.open() as store:
        changed(store, "5", last_submit=1)
    with interrupted(site, "documents", goes_away) as store:
        assert store.documents_of(TODO_TIMESTAMPS, ["5"])["5"]["last_submit"] == 1
        assert store.is_away


def test_a_host_that_is_to_wait_says_so_only_while_the_shared_store_is_away(site: Site) -> None:
    members_met(site)
    with site.open(hold=True) as store:
        store.documents_of(TODO_STATE, ["sweep"])
        assert not store.held_back
        site.away = True
        store.documents_of(TODO_STATE, ["sweep"])
        assert "until it is back" in store.held_back
    with site.open() as store:
        store.documents_of(TODO_STATE, ["sweep"])
        assert (store.is_away, store.held_back) == (True, "")


def test_two_changes_of_one_document_are_refused_before_anything_is_noted(site: Site) -> None:
    members_met(site)
    site.away = True
    with site.open() as store, pytest.raises(ValueError, match="two changes"):
        store.change_documents(TODO_TIMESTAMPS, [Change({"_id": "5"}), Change({"_id": "5"})])
    site.away = False
    with site.open() as store:
        store.guilds()
        assert store.notices == ()


def test_many_threads_that_meet_an_outage_lose_no_change(site: Site) -> None:
    members_met(site)
    with site.open() as store, ThreadPoolExecutor(8) as pool:
        site.away_after = 40
        done = list(pool.map(lambda number: changed(store, str(number), last_submit=number), range(64)))
    assert all(done)
    site.forget_calls()
    site.in_step()
    assert {id_: one["last_submit"] for id_, one in shared(site).items()} == {str(n): n for n in range(64)}
    assert mirror(site) == shared(site)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("away"), st.booleans()),
        st.tuples(st.sampled_from(["submit", "ping", "reopen"]), st.sampled_from([HOST, OTHER])),
    ),
    max_size=20,
)


@example(steps=[("away", True), ("submit", OTHER), ("ping", HOST), ("ping", OTHER)])
@given(steps=STEPS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_hosts_never_lose_a_submission_or_its_event_whatever_goes_away(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, Any]]
) -> None:
    site = Site(tmp_path_factory.mktemp("site"))
    hosts = (HOST, OTHER)
    for host in hosts:
        members_met(site, host)
    stores = {host: site.open(host) for host in hosts}
    latest, events = 0, set()
    for number, (step, value) in enumerate(steps, start=1):
        if step == "away":
            site.away = value
        elif step == "reopen":
            stores[value].close()
            stores[value] = site.open(value)
        elif step == "submit":
            assert changed(stores[value], "5", last_submit=number, last_ping=0)
            stores[value].insert_documents(TODO_EVENTS, [{"_id": f"e{number}"}])
            latest = number
            events.add(f"e{number}")
        else:
            assert changed(stores[value], "5", last_ping=number)
    for store in stores.values():
        store.close()
    site.away = False
    for host in (*hosts, HOST):
        members_met(site, host)
    assert shared(site).get("5", {}).get("last_submit", 0) == latest
    assert shared(site, TODO_EVENTS).keys() == events
    for host in hosts:
        assert in_folder(site, host, TODO_EVENTS) == {}
    members_met(site, OTHER)
    assert in_folder(site, HOST) == in_folder(site, OTHER) == in_folder(site, "shared")
