"""Interleavings: threads, processes on one host, several hosts; and what falls into the moment of going away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.records import LATER, NOON, entry, guild
from fakes.shared_store import FakeSharedStore
from fakes.site import HOST, Site

from giftping.store.base import HOME_GAME, Broken, Destination, EntryState, StoreAwayError, StoreError
from giftping.store.documents import LEDGER, entry_to_document
from giftping.store.mirror.notes import leave_shared_store
from giftping.store.mirror.store import FailoverStore
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

OTHER = "host-b"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


class Interrupted(FakeSharedStore):
    """Does something of the test's right before or after one of its methods."""

    def __init__(self, folder: Path, method: str, interruption: Callable[[], None], *, after: bool) -> None:
        super().__init__(folder)
        self._method = method
        self._interruption = interruption
        self._after = after

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name.startswith("_") or name != self._method:
            return value

        def asked(*arguments: Any, **named: Any) -> Any:
            if not self._after:
                self._interruption()
            answer = value(*arguments, **named)
            if self._after:
                self._interruption()
            return answer

        return asked


def interrupted(
    site: Site, method: str, interruption: Callable[[], None], *, after: bool = False, **options: bool
) -> FailoverStore:
    shared = Interrupted(site.folder / "shared", method, interruption, after=after)
    return FailoverStore(shared, Store(TinyEngine(site.folder / HOST)), host=HOST, clock=site.clock, **options)


def goes_away() -> None:
    raise StoreAwayError("the shared store is away")


def test_a_claim_of_which_nobody_knows_whether_it_was_made_is_this_hosts_own_at_the_return(site: Site) -> None:
    site.in_step()
    with interrupted(site, "insert", goes_away, after=True) as store:
        assert store.insert([entry()]) == {"1:GIFT100"}
        store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=NOON)
    assert site.shared_states() == {"1:GIFT100": "claimed"}
    site.in_step()
    assert site.shared_states() == {"1:GIFT100": "sent"}


def test_with_hold_a_claim_that_was_made_after_all_is_given_back_at_the_return(site: Site) -> None:
    """It was not posted; a webhook alone could not find that out."""
    site.in_step()
    with interrupted(site, "insert", goes_away, after=True, hold=True) as store, pytest.raises(StoreAwayError):
        store.insert([entry()])
    assert site.shared_states() == {"1:GIFT100": "claimed"}
    site.in_step()
    assert site.shared_states() == {}


def test_of_another_hosts_claim_nothing_is_taken_over_when_the_referee_goes_away_meanwhile(site: Site) -> None:
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.insert([entry(claimed_by=OTHER)])
    site.in_step()
    for after in (False, True):
        with interrupted(site, "take_over", goes_away, after=after) as store:
            assert not store.take_over(
                "delivery-1", ["1:GIFT100"], held_by=OTHER, held_since=NOON, by=HOST, at=site.clock()
            )
        with Store(TinyEngine(site.folder / HOST, read_only=True)) as mirror:
            assert [one.claimed_by for one in mirror.entries()] == [OTHER]


def test_with_hold_not_even_an_own_claim_is_taken_up_again_while_the_referee_is_away(site: Site) -> None:
    with site.open() as store:
        store.insert([entry()])
    site.away = True
    with site.open(hold=True) as store, pytest.raises(StoreAwayError):
        store.take_over("delivery-1", ["1:GIFT100"], held_by=HOST, held_since=NOON, by=HOST, at=LATER)


def test_what_was_taken_over_is_in_the_mirror_even_if_it_was_not_before(site: Site) -> None:
    """Else a message that was posted, and recorded while the shared store is away, would be forgotten."""
    site.in_step()
    with site.open() as store:
        store.guilds()
        with Store(TinyEngine(site.folder / "shared")) as shared:
            shared.insert([entry(claimed_by=OTHER)])
        assert store.take_over("delivery-1", ["1:GIFT100"], held_by=OTHER, held_since=NOON, by=HOST, at=LATER)
        site.away = True
        assert store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=LATER) == 1
    site.away = False
    site.in_step()
    assert site.shared_states() == {"1:GIFT100": "sent"}


def test_a_claim_that_the_mirror_does_not_know_stays_when_something_else_of_it_could_not_be_recorded(
    site: Site,
) -> None:
    """Only what was taken back is dropped at the return: this one may have been posted."""
    site.in_step()
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.insert([entry()])
    site.away = True
    with site.open() as store:
        assert store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=LATER) == 0
    site.away = False
    site.in_step()
    assert site.shared_states() == {"1:GIFT100": "claimed"}


def test_a_claim_that_cannot_be_mirrored_is_released_and_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise StoreError("no space left")

    with site.open() as store:
        store.guilds()
        monkeypatch.setattr(Store, "put_entries", no_room)
        with pytest.raises(StoreError, match="no space left"):
            store.insert([entry(), entry(key="SECOND", delivery_id="delivery-2")])
    assert site.shared_states() == {}


def test_what_was_carried_back_late_reaches_the_mirrors_that_were_in_step_meanwhile(site: Site) -> None:
    site.in_step()
    site.in_step(OTHER)
    site.away = True
    with site.open() as store:
        store.insert([entry(state=EntryState.SENT)])
    site.away = False
    site.now += timedelta(hours=5)
    site.in_step(OTHER)
    site.in_step()
    site.in_step(OTHER)
    assert site.mirror_states(OTHER) == {"1:GIFT100": "sent"}


def test_what_was_migrated_with_old_dates_reaches_the_mirrors_that_were_in_step(site: Site) -> None:
    site.now += timedelta(hours=5)
    site.in_step(OTHER)
    with site.open() as store:
        store.insert_documents(LEDGER, [entry_to_document(entry(state=EntryState.SENT))])
    site.in_step(OTHER)
    assert site.mirror_states(OTHER) == {"1:GIFT100": "sent"}


def test_what_was_cleared_on_one_host_leaves_the_mirrors_of_all(site: Site) -> None:
    with site.open() as store:
        store.insert([entry(), entry(2)])
    site.in_step(OTHER)
    with site.open() as store:
        store.clear(1)
    site.in_step(OTHER)
    assert site.mirror_states(OTHER) == {"2:GIFT100": "claimed"}


def test_a_claim_that_another_host_took_back_leaves_the_mirror(site: Site) -> None:
    with site.open(OTHER) as store:
        store.insert([entry(claimed_by=OTHER)])
    site.in_step()
    assert site.mirror_states() == {"1:GIFT100": "claimed"}
    with site.open(OTHER) as store:
        store.release("delivery-1", ["1:GIFT100"])
    site.in_step()
    assert site.mirror_states() == {}


def test_a_claim_that_another_host_still_holds_stays_in_the_mirror(site: Site) -> None:
    with site.open(OTHER) as store:
        store.insert([entry(claimed_by=OTHER)])
    for _ in range(3):
        site.in_step()
        site.now += timedelta(hours=1)
    assert site.mirror_states() == {"1:GIFT100": "claimed"}


def test_a_clock_that_was_ahead_for_one_run_hides_nothing(site: Site) -> None:
    site.now += timedelta(days=1)
    site.in_step()
    site.now -= timedelta(days=1)
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.insert([entry(updated_at=site.clock())])
    site.in_step()
    assert site.mirror_states() == {"1:GIFT100": "claimed"}


def test_settings_that_another_host_changed_meanwhile_survive_what_a_check_noted(site: Site) -> None:
    with site.open() as store:
        store.put_guild(guild(announce_current=(HOME_GAME,)))
    site.away = True
    broken = Broken(since=NOON, reason="403")
    with site.open() as store:
        store.note_seeded(1, HOME_GAME, ["site"], announced=True)
        store.note_seeded(1, "kingshot", ["page"])
        store.note_broken(1, guild().destination, broken)
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.put_guild(guild(games=(HOME_GAME, "kingshot"), mention_role_id=7, announce_current=(HOME_GAME,)))
    site.away = False
    site.in_step()
    with Store(TinyEngine(site.folder / "shared", read_only=True)) as shared:
        assert shared.guild(1) == guild(
            games=(HOME_GAME, "kingshot"),
            mention_role_id=7,
            seeded={HOME_GAME: ("site",), "kingshot": ("page",)},
            broken=broken,
        )


def test_a_guild_that_another_host_removed_meanwhile_does_not_come_back_by_what_a_check_noted(site: Site) -> None:
    with site.open() as store:
        store.put_guild(guild())
    site.away = True
    with site.open() as store:
        store.note_seeded(1, HOME_GAME, ["site"])
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.remove_guild(1)
    site.away = False
    with site.open() as store:
        assert store.guilds() == []
    site.away = True
    with site.open() as store:
        assert store.guilds() == []


@pytest.mark.parametrize("moment", ["changed_since", "guilds"])
def test_a_guild_that_is_added_without_the_shared_store_while_another_process_meets_it_is_not_lost(
    site: Site, moment: str
) -> None:
    site.in_step()

    def added_meanwhile() -> None:
        shared = FakeSharedStore(site.folder / "shared", lambda: True)
        with FailoverStore(shared, Store(TinyEngine(site.folder / HOST)), host=HOST, clock=site.clock) as other:
            other.put_guild(guild(2))

    with interrupted(site, moment, added_meanwhile) as store:
        store.runs()
    with site.open() as store:
        assert store.guild(2) == guild(2)


def test_a_claim_that_another_process_makes_while_the_mirror_is_compared_whole_stays_in_the_mirror(site: Site) -> None:
    site.in_step()
    with FakeSharedStore(site.folder / "shared") as shared:
        shared.tell_mirrors()

    def claimed_meanwhile() -> None:
        with Store(TinyEngine(site.folder / "shared")) as shared, Store(TinyEngine(site.folder / HOST)) as mirror:
            shared.insert([entry()])
            mirror.insert([entry()])

    with interrupted(site, "changed_since", claimed_meanwhile, after=True) as store:
        store.runs()
    assert site.mirror_states() == {"1:GIFT100": "claimed"}


def test_requests_to_the_shared_store_are_made_side_by_side(site: Site) -> None:
    """A thread that waits for its claim does not keep the others from posting."""
    site.in_step()
    both = threading.Barrier(2, timeout=20)
    with interrupted(site, "mark_uncertain", lambda: both.wait() and None) as store, ThreadPoolExecutor(2) as pool:
        store.guilds()
        work = [pool.submit(store.mark_uncertain, f"d{number}", [], at=NOON) for number in range(2)]
        assert [done.result() for done in work] == [0, 0]


def test_many_threads_that_meet_an_outage_lose_nothing(site: Site) -> None:
    site.in_step()
    with site.open() as store, ThreadPoolExecutor(8) as pool:
        site.away_after = 60
        won = list(pool.map(lambda number: store.insert([entry(number)]), range(1, 65)))
        assert all(won)
        assert len(store.notices) == 1
    site.away_after = None
    site.in_step()
    assert site.shared_states() == {f"{number}:GIFT100": "claimed" for number in range(1, 65)}
    assert site.mirror_states() == site.shared_states()


def test_what_waits_to_be_carried_back_is_what_a_command_that_only_looks_shows(site: Site) -> None:
    site.in_step()
    site.away = True
    with site.open() as store:
        store.insert([entry()])
    site.away = False
    with site.open(read_only=True) as store:
        assert [one.id for one in store.entries()] == ["1:GIFT100"]
        assert "1 change waits to be carried back" in store.notices[0]
    assert site.shared_states() == {}


def test_what_was_recorded_while_the_folder_was_a_ledger_of_its_own_is_carried_over(site: Site) -> None:
    """One run without MONGO_URI in its environment, and the next ones with it again."""
    site.in_step()
    with Store(TinyEngine(site.folder / HOST)) as alone:
        assert leave_shared_store(alone, read_only=True) == "the shared store"
        assert leave_shared_store(alone) == "the shared store"
        assert leave_shared_store(alone) == ""
        alone.insert([entry(state=EntryState.SENT)])
    with site.open() as store:
        assert [one.id for one in store.entries()] == ["1:GIFT100"]
    assert site.shared_states() == {"1:GIFT100": "sent"}


def test_a_guild_that_moved_elsewhere_meanwhile_is_not_noted_as_broken(site: Site) -> None:
    with site.open() as store:
        store.put_guild(guild())
    site.away = True
    with site.open() as store:
        store.note_broken(1, guild().destination, Broken(since=NOON, reason="403"))
    moved = replace(guild(), destination=Destination(channel_id=9), updated_at=LATER)
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.put_guild(moved)
    site.away = False
    with site.open() as store:
        assert store.guild(1) == moved
