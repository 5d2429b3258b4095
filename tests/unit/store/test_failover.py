from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.records import NOON, code, entry, guild, run
from fakes.site import HOST, Site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giftping.store.base import HOME_GAME, EntryState, StoreAwayError
from giftping.store.mirror.meeting import joined_guild
from giftping.store.mirror.store import FailoverStore
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_shared_store_that_was_never_met_and_is_away_is_an_error_not_an_empty_ledger(site: Site) -> None:
    """D4, D6: a read error is never an empty ledger."""
    site.away = True
    with site.open() as store, pytest.raises(StoreAwayError):
        store.guilds()


def test_what_is_written_while_it_is_there_is_in_both(site: Site) -> None:
    with site.open() as store:
        store.put_guild(guild())
        assert store.insert([entry()]) == {"1:GIFT100"}
    site.away = True
    with site.open() as store:
        assert [found.id for found in store.entries()] == ["1:GIFT100"]
        assert store.guild(1) == guild()


def test_the_run_goes_on_with_the_mirror_and_says_so_once(site: Site) -> None:
    site.in_step()
    site.away = True
    with site.open() as store:
        store.insert([entry()])
        store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=NOON)
        assert len(store.notices) == 1
        assert "going on with the mirror" in store.notices[0]
    assert store.closed_fingerprint is None


def test_what_was_recorded_meanwhile_is_carried_back_with_source_and_times(site: Site) -> None:
    site.in_step()
    site.away = True
    with site.open() as store:
        store.insert([entry(source="rss")])
        store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=NOON)
    site.away = False
    with site.open() as store:
        found = store.entry(1, HOME_GAME, "GIFT100")
        assert found is not None
        assert (found.state, found.source, found.sent_at, found.created_at) == (EntryState.SENT, "rss", NOON, NOON)
        assert "carried back" in store.notices[0]
    with site.open() as store:
        store.guilds()
        assert store.notices == ()


def test_it_may_go_away_in_the_middle_of_a_delivery(site: Site) -> None:
    with site.open() as store:
        store.insert([entry()])
        site.away = True
        assert store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=NOON) == 1
    assert site.shared_states() == {"1:GIFT100": "claimed"}
    site.away = False
    site.in_step()
    assert site.shared_states() == {"1:GIFT100": "sent"}


def test_a_claim_that_was_taken_back_meanwhile_is_taken_back_there_too(site: Site) -> None:
    with site.open() as store:
        store.insert([entry()])
        site.away = True
        store.release("delivery-1", ["1:GIFT100"])
    site.away = False
    site.in_step()
    assert site.shared_states() == {}


def test_a_code_claimed_anew_meanwhile_replaces_the_hosts_own_old_claim(site: Site) -> None:
    with site.open() as store:
        store.insert([entry()])
        site.away = True
        store.release("delivery-1", ["1:GIFT100"])
        store.insert([entry(delivery_id="delivery-2")])
        store.mark_sent("delivery-2", ["1:GIFT100"], message_id=7, channel_id=8, at=NOON)
    site.away = False
    site.in_step()
    assert site.shared_states() == {"1:GIFT100": "sent"}


def test_what_another_host_recorded_meanwhile_stands(site: Site) -> None:
    site.in_step()
    site.away = True
    with site.open() as store:
        store.insert([entry(delivery_id="ours")])
    with Store(TinyEngine(site.folder / "shared")) as shared:
        theirs = entry(delivery_id="theirs", claimed_by="host-b", state=EntryState.SENT, message_id=5)
        shared.insert([theirs])
    site.away = False
    with site.open() as store:
        assert store.entry(1, HOME_GAME, "GIFT100") == theirs
    site.away = True
    with site.open() as store:
        assert store.entry(1, HOME_GAME, "GIFT100") == theirs


def test_a_clear_takes_effect_in_both_tiers_also_at_the_return(site: Site) -> None:
    with site.open() as store:
        store.insert([entry(), entry(key="OTHER1")])
    site.away = True
    with site.open() as store:
        assert store.clear(1, key="GIFT100") == 1
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.insert([entry(key="LATER1", created_at=site.now + timedelta(hours=1))])
    assert set(site.shared_states()) == {"1:GIFT100", "1:OTHER1", "1:LATER1"}
    site.away = False
    site.in_step()
    assert set(site.shared_states()) == {"1:OTHER1", "1:LATER1"}


def test_with_hold_nothing_is_claimed_while_it_is_away(site: Site) -> None:
    site.in_step()
    site.away = True
    with site.open(hold=True) as store:
        with pytest.raises(StoreAwayError):
            store.insert([entry()])
        assert store.entry(1, HOME_GAME, "GIFT100") is None


def test_with_hold_what_was_posted_is_recorded_all_the_same(site: Site) -> None:
    with site.open(hold=True) as store:
        store.insert([entry()])
        site.away = True
        store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=NOON)
    site.away = False
    site.in_step()
    assert site.shared_states() == {"1:GIFT100": "sent"}


def test_a_ledger_that_was_a_json_file_so_far_is_taken_over_whole(site: Site) -> None:
    with Store(TinyEngine(site.folder / HOST)) as alone:
        alone.put_guild(guild())
        alone.insert([entry(state=EntryState.SENT, message_id=4)])
        alone.remember([code()])
    with site.open() as store:
        assert [found.id for found in store.entries()] == ["1:GIFT100"]
        assert [found.id for found in store.codes()] == [code().id]
    assert site.shared_states() == {"1:GIFT100": "sent"}


def test_nobody_takes_over_another_hosts_claim_while_there_is_no_referee(site: Site) -> None:
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.insert([entry(claimed_by="host-b")])
    site.in_step()
    site.away = True
    with site.open() as store:
        store.guilds()
        taken = store.take_over("delivery-1", ["1:GIFT100"], held_by="host-b", held_since=NOON, by=HOST, at=NOON)
    assert not taken


def test_read_only_changes_neither(site: Site) -> None:
    with Store(TinyEngine(site.folder / "shared")) as shared:
        shared.insert([entry()])
    mirror = Store(TinyEngine(site.folder / HOST, read_only=True))
    with FailoverStore(site.shared(), mirror, host=HOST, clock=site.clock, read_only=True) as store:
        assert len(list(store.entries())) == 1
    assert not (site.folder / HOST).exists()


def test_runs_and_codes_of_an_outage_are_carried_back(site: Site) -> None:
    site.in_step()
    site.away = True
    with site.open() as store:
        store.remember([code()])
        store.record_run(run())
        store.put_guild(guild(2))
        store.note_seeded(2, HOME_GAME, ["site"])
        store.insert_documents("clears", [{"_id": "c1", "guild_id": 2}])
    site.away = False
    site.in_step()
    with Store(TinyEngine(site.folder / "shared", read_only=True)) as shared:
        assert shared.codes() == [code()]
        assert shared.runs() == [run()]
        assert shared.guild(2) == replace(guild(2), seeded={HOME_GAME: ("site",)})
        assert [dict(document) for document in shared.documents("clears")] == [{"_id": "c1", "guild_id": 2}]


def test_the_later_settings_of_a_guild_win_and_no_first_look_is_lost() -> None:
    ours = guild(updated_at=NOON, seeded={"a": ("one",)})
    theirs = guild(updated_at=NOON + timedelta(hours=1), games=("other",), seeded={"a": ("two",), "b": ("three",)})
    joined = joined_guild(ours, theirs)
    assert joined.games == ("other",)
    assert joined.seeded == {"a": ("one", "two"), "b": ("three",)}


@pytest.mark.parametrize("calls", range(1, 14))
def test_a_carrying_back_that_is_cut_short_is_done_again_to_the_same_end(site: Site, calls: int) -> None:
    site.in_step()
    site.away = True
    with site.open() as store:
        store.insert([entry(), entry(key="SECOND")])
        store.mark_sent("delivery-1", ["1:GIFT100"], message_id=7, channel_id=8, at=NOON)
        store.remember([code()])
        store.put_guild(guild())
        store.clear(1, key="SECOND")
    site.away = False
    site.forget_calls()
    site.away_after = calls
    with site.open() as store:
        store.guilds()
    site.forget_calls()
    site.in_step()
    assert site.shared_states() == {"1:GIFT100": "sent"}
    with Store(TinyEngine(site.folder / "shared", read_only=True)) as shared:
        assert shared.guild(1) == guild()
        assert shared.codes() == [code()]


KEYS = ("ONE1", "TWO2", "THREE3")
Step = Callable[[FailoverStore, "Site"], None]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("away"), st.booleans()),
        st.tuples(st.just("deliver"), st.sampled_from(KEYS)),
        st.tuples(st.just("claim"), st.sampled_from(KEYS)),
        st.tuples(st.just("refuse"), st.sampled_from(KEYS)),
        st.tuples(st.just("reopen"), st.none()),
    ),
    max_size=25,
)


@given(steps=steps)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_host_never_delivers_a_code_twice_whatever_goes_away(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object]]
) -> None:
    site = Site(tmp_path_factory.mktemp("site"))
    site.in_step()
    delivered: list[str] = []
    claimed: set[str] = set()
    store = site.open()
    for number, (step, value) in enumerate(steps):
        if step == "away":
            site.away = bool(value)
        elif step == "reopen":
            store.close()
            store = site.open()
        else:
            key, delivery = str(value), f"delivery-{number}"
            won = store.insert([entry(key=key, delivery_id=delivery, created_at=site.clock())])
            if not won:
                continue
            if step == "deliver":
                delivered.append(key)
                store.mark_sent(delivery, won, message_id=number + 1, channel_id=1, at=site.clock())
            elif step == "refuse":
                store.release(delivery, won)
            else:
                claimed.add(key)
    store.close()
    site.away = False
    site.in_step()
    assert len(delivered) == len(set(delivered))
    expected = dict.fromkeys((f"1:{key}" for key in claimed), "claimed") | {f"1:{key}": "sent" for key in delivered}
    assert site.shared_states() == expected
    with Store(TinyEngine(site.folder / HOST, read_only=True)) as mirror:
        assert {found.id: found.state.value for found in mirror.entries()} == expected
