"""Who may send by a database that several hosts use: the rule, and the records that it goes by."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.records import NOON
from fakes.site import Site
from hypothesis import given
from hypothesis import strategies as st

from giftping.delivery.hosts import (
    SEEN_EVERY,
    HostRecord,
    forget_host,
    join,
    known_hosts,
    refusal,
    refusal_while_away,
)
from giftping.store.base import RunRecord, StoreAwayError
from giftping.store.documents import HOSTS, RUNS

NAMES = st.sampled_from(["pi", "nas", "box-1a2b3c", "vps"])
RECORDS = st.builds(HostRecord, NAMES, st.booleans(), st.none() | st.just(NOON))
OTHERS = st.dictionaries(NAMES, st.tuples(st.booleans(), st.sampled_from([None, NOON, NOON - timedelta(days=900)])))


def others_of(own: HostRecord, drawn: dict[str, tuple[bool, object]]) -> list[HostRecord]:
    return [HostRecord(name, shared, at) for name, (shared, at) in drawn.items() if name != own.name]  # type: ignore[arg-type]


# The rule


@given(own=RECORDS, drawn=OTHERS)
def test_a_host_sends_if_it_is_alone_or_all_share_and_in_no_other_case(
    own: HostRecord, drawn: dict[str, tuple[bool, object]]
) -> None:
    others = others_of(own, drawn)
    may_send = not others or (own.shared and all(host.shared for host in others))
    assert (refusal(own, others) == "") is may_send


@given(own=RECORDS, drawn=OTHERS)
def test_no_two_hosts_that_know_each_other_both_send_unless_both_wait_for_the_database(
    own: HostRecord, drawn: dict[str, tuple[bool, object]]
) -> None:
    for other in others_of(own, drawn):
        if not refusal(own, [other]) or not refusal(other, [own]):
            assert own.shared
            assert other.shared


@given(own=RECORDS, drawn=OTHERS)
def test_a_refusal_is_one_line_that_names_every_other_host_and_both_ways_out(
    own: HostRecord, drawn: dict[str, tuple[bool, object]]
) -> None:
    others = others_of(own, drawn)
    if line := refusal(own, others):
        assert "\n" not in line
        assert all(host.name in line for host in (own, *others))
        assert "shared = true" in line
        assert "giftping store forget" in line


@given(own=RECORDS, drawn=OTHERS, days=st.integers(0, 10_000))
def test_nobody_is_forgotten_by_time_alone(own: HostRecord, drawn: dict[str, tuple[bool, object]], days: int) -> None:
    others = others_of(own, drawn)
    older = [replace(host, seen_at=NOON - timedelta(days=days)) for host in others]
    assert refusal(own, older) == refusal(own, others)


@given(own=RECORDS, drawn=OTHERS)
def test_while_the_database_is_away_only_a_host_whose_record_is_there_as_it_is_goes_on(
    own: HostRecord, drawn: dict[str, tuple[bool, object]]
) -> None:
    known = {name: HostRecord(name, shared) for name, (shared, _) in drawn.items()}
    may_send = own.name in known and known[own.name].shared == own.shared and not refusal(own, others_of(own, drawn))
    assert (refusal_while_away(own, known) == "") is may_send


# The records


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def own(name: str = "host-a", *, shared: bool = False, at: timedelta = timedelta()) -> HostRecord:
    return HostRecord(name, shared, NOON + at)


def joined(site: Site, host: HostRecord, *, writes: bool = True) -> str:
    with site.open(host.name) as store:
        return join(store, host, writes=writes)


def ran(host: str) -> RunRecord:
    return RunRecord("codes check", host, NOON, NOON, 0)


def test_the_second_host_is_refused_and_the_first_one_learns_of_it(site: Site) -> None:
    assert joined(site, own("a")) == ""
    assert "used by a too" in joined(site, own("b"))
    assert "used by b too" in joined(site, own("a"))


def test_all_may_send_once_all_of_them_share(site: Site) -> None:
    for name in "abc":
        joined(site, own(name))
    assert "used by b, c too, and b and c run without" in joined(site, own("a", shared=True))
    assert "and c runs without" in joined(site, own("b", shared=True))
    assert joined(site, own("c", shared=True)) == ""
    assert [joined(site, own(name, shared=True)) for name in "ab"] == ["", ""]


def test_of_two_that_appear_at_the_same_moment_not_both_send(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one does all of it between the first look of this one and its record, and before it, and after it."""
    for step in range(1, 12):
        here = Site(site.folder / str(step))
        here.folder.mkdir()
        results: list[str] = []
        count = 0

        def is_away(here: Site = here, step: int = step, results: list[str] = results) -> bool:
            nonlocal count
            count += 1
            if count == step:
                results.append(joined(here, own("b")))
            return False

        monkeypatch.setattr(here, "is_away", is_away, raising=False)
        results.append(joined(here, own("a")))
        if len(results) == 2:
            assert any(results), step


def test_a_host_of_the_version_before_is_known_from_its_runs_also_in_an_outage(site: Site) -> None:
    with site.open("old") as store:
        store.record_run(ran("old"))
    assert "used by old too" in joined(site, own("a", shared=True))
    site.away = True
    assert "used by old too" in joined(site, own("a", shared=True))


def test_its_own_runs_make_a_host_no_stranger_to_itself(site: Site) -> None:
    with site.open("a") as store:
        store.record_run(ran("a"))
    assert joined(site, own("a")) == ""


def test_what_was_read_of_the_others_last_is_what_counts_while_it_is_away(site: Site) -> None:
    joined(site, own("a"))
    joined(site, own("b"))
    site.away = True
    assert joined(site, own("b"))
    assert joined(site, own("a")) == ""
    site.away = False
    joined(site, own("a"))
    site.away = True
    assert joined(site, own("a"))


def test_a_host_without_a_record_waits_and_one_whose_record_was_not_answered_has_none(site: Site) -> None:
    site.in_step("a")
    site.away = True
    assert "has not signed yet" in joined(site, own("a"))
    site.away = False
    for calls in range(60):
        site.forget_calls()
        site.away_after = calls
        refused = joined(site, own("a"))
        site.forget_calls()
        if not refused:
            break
        site.away = True
        assert "has not signed yet" in joined(site, own("a")), calls
        site.away = False
    assert calls > 2
    assert not refused


def test_a_new_word_about_sharing_counts_once_the_others_can_read_it(site: Site) -> None:
    joined(site, own("a", shared=True))
    site.away = True
    assert "old mongo.shared" in joined(site, own("a"))
    site.away = False
    assert joined(site, own("a")) == ""


def test_a_record_is_written_again_when_it_is_old_and_not_before(site: Site) -> None:
    joined(site, own("a"))
    joined(site, own("a", at=SEEN_EVERY / 2))
    assert seen(site) == {"a": NOON}
    joined(site, own("a", at=SEEN_EVERY))
    assert seen(site) == {"a": NOON + SEEN_EVERY}
    joined(site, own("a", at=-timedelta(days=3)))
    assert seen(site) == {"a": NOON - timedelta(days=3)}


def test_a_dry_run_and_the_doctor_write_nothing_and_say_the_same(site: Site) -> None:
    joined(site, own("a"))
    assert "used by a too" in joined(site, own("b"), writes=False)
    assert seen(site) == {"a": NOON}


def test_a_forgotten_host_is_gone_with_its_runs_and_comes_back_by_itself(site: Site) -> None:
    with site.open("b") as store:
        store.record_run(ran("b"))
    joined(site, own("b"))
    assert joined(site, own("a"))
    with site.open("a") as store:
        forget_host(store, "b")
        assert list(known_hosts(store).hosts) == ["a"]
    assert joined(site, own("a")) == ""
    assert joined(site, own("b"))


def test_while_it_is_away_nobody_is_forgotten(site: Site) -> None:
    joined(site, own("b"))
    joined(site, own("a"))
    site.away = True
    with site.open("a") as store, pytest.raises(StoreAwayError):
        forget_host(store, "b")
    site.away = False
    assert joined(site, own("a"))


@pytest.mark.parametrize("shared", [None, 1, "true", "yes", [True]])
@pytest.mark.parametrize("seen_at", [None, 7, "yesterday", "2026-13-45"])
def test_what_is_odd_in_a_record_makes_nobody_share_and_stops_nobody(
    site: Site, shared: object, seen_at: object
) -> None:
    with site.open("a") as store:
        store.insert_documents(HOSTS, [{"_id": "odd", "shared": shared, "seen_at": seen_at}])
        store.insert_documents(
            RUNS, [{"_id": "x", "host": shared}, {"_id": "y", "host": "older", "finished_at": seen_at}]
        )
    refused = joined(site, own("a", shared=True))
    assert "odd" in refused
    assert "older" in refused


def seen(site: Site) -> dict[str, object]:
    with site.open("z") as store:
        return {name: host.seen_at for name, host in known_hosts(store).hosts.items()}
