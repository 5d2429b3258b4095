"""The older bot went on for a while: what members did there since is theirs, and nothing else changes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.odd_values import FIXED
from fakes.old_data import OldBag
from hypothesis import given
from hypothesis import strategies as st

from giftping.store.documents import NEVER_SUBMITTED, TODO_TIMESTAMPS
from giftping.store.legacy.migrate import MigrationReport, MigrationRequest, migrate
from giftping.store.legacy.newer import UnreadableTimeError, with_newer
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
TODAY = NOW.timestamp()
HOUR = 3600.0

TAKEN = {"since": TODAY - 900 * HOUR, "removal": {"state": "done", "at": TODAY - 700 * HOUR, "by": "h"}}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(TinyEngine(tmp_path / "state"))


def migrated(store: Store, *documents: Mapping[str, Any], dry_run: bool = False, **others: Any) -> MigrationReport:
    old = OldBag({TODO_TIMESTAMPS: list(documents), **others}, "the older bot")
    request = MigrationRequest("h", dry_run=dry_run)
    return migrate([old], store, request, clock=lambda: NOW, back_up=lambda tables: "b" if list(tables) else "")


def held(store: Store, user_id: str = "5") -> Mapping[str, Any]:
    return store.engine.get(TODO_TIMESTAMPS, [user_id])[user_id]


def at(hours_ago: float, pinged: float | None = None, **more: Any) -> dict[str, Any]:
    ping = 0 if pinged is None else TODAY - pinged * HOUR
    return {"_id": "5", "last_submit": TODAY - hours_ago * HOUR, "last_ping": ping, **more}


def test_a_newer_todo_counts_and_is_told(store: Store) -> None:
    migrated(store, at(30, 2))
    report = migrated(store, at(1, todo={"name": "new"}))
    assert (report.newer, report.added, report.done_before) == (1, 0, None)
    assert (report.collections[TODO_TIMESTAMPS].newer, report.backup) == (1, "b")
    assert (held(store)["last_submit"], held(store)["last_ping"]) == (TODAY - HOUR, 0)
    assert held(store)["todo"] == {"name": "new"}
    assert migrated(store, at(1, todo={"name": "new"})).done_before == NOW


def test_a_newer_ping_counts_so_that_nobody_is_pinged_again_at_once(store: Store) -> None:
    migrated(store, at(30, 5, lapse={"since": TODAY - 30 * HOUR}))
    assert migrated(store, at(30, 1)).newer == 1
    assert held(store)["last_ping"] == TODAY - HOUR
    assert held(store)["lapse"]["since"] == TODAY - 30 * HOUR


@pytest.mark.parametrize(
    "old", [at(30, 5), at(40, 1), at(30), {"_id": "5"}, {"_id": "5", "last_ping": TODAY - 40 * HOUR}]
)
def test_what_is_older_changes_nothing_and_is_not_told_as_news(store: Store, old: dict[str, Any]) -> None:
    migrated(store, at(30, 1))
    before = dict(held(store))
    assert migrated(store, old).newer == 0
    assert held(store) == before


def test_a_role_that_giftping_took_stays_owed(store: Store) -> None:
    migrated(store, at(800, 600, lapse=TAKEN))
    migrated(store, at(1))
    assert held(store)["lapse"]["removal"] == TAKEN["removal"]


def test_a_dry_run_tells_the_same_and_changes_nothing(store: Store) -> None:
    migrated(store, at(30), {**at(30), "_id": "6"})
    before = dict(held(store))
    planned = migrated(store, at(1), {**at(30), "_id": "6"}, dry_run=True)
    assert (planned.newer, planned.backup, held(store)) == (1, "", before)
    assert migrated(store, at(1), {**at(30), "_id": "6"}).newer == 1


def test_a_codes_history_that_is_there_already_is_not_merged_anew_by_a_newer_todo(store: Store) -> None:
    sent = {"sent_giftcodes": [{"_id": "1:ABC1", "guild_id": 1, "code": "ABC1"}]}
    migrated(store, at(30), **sent)
    store.clear(1)
    assert migrated(store, at(1), **sent).newer == 1
    assert list(store.entries(1)) == []


class FasterMember(TinyEngine):
    """An engine in which the member hands in just before the first change of their document."""

    is_done = False

    def change(self, changes: Any, *, rev: str = "") -> list[bool]:
        if not self.is_done and any(one.collection == TODO_TIMESTAMPS and one.before for one in changes):
            self.is_done = True
            known = held(Store(self))
            super().change([type(changes[0])(TODO_TIMESTAMPS, known, {**known, "last_submit": TODAY})])
        return super().change(changes, rev=rev)


def test_whoever_hands_in_meanwhile_is_not_set_back(tmp_path: Path) -> None:
    store = Store(FasterMember(tmp_path / "state"))
    migrated(store, at(30))
    assert migrated(store, at(1)).newer == 0
    assert held(store)["last_submit"] == TODAY


times = st.none() | st.just(0) | st.just(NEVER_SUBMITTED) | st.floats(1, TODAY) | st.integers(1, int(TODAY))
documents = st.builds(
    lambda submit, ping: (
        {"_id": "5"} | {k: v for k, v in (("last_submit", submit), ("last_ping", ping)) if v is not None}
    ),
    times,
    times,
)


def heard(document: Mapping[str, Any]) -> tuple[float, float]:
    submit, ping = (document.get(name) or 0 for name in ("last_submit", "last_ping"))
    return (0 if submit == NEVER_SUBMITTED else submit), (0 if ping == NEVER_SUBMITTED else ping)


@given(documents, documents)
def test_no_member_is_ever_set_back_and_a_second_time_changes_nothing(
    there: dict[str, Any], old: dict[str, Any]
) -> None:
    after = with_newer(there, old, NOW)
    assert heard(after)[0] == max(heard(there)[0], heard(old)[0])
    assert with_newer(after, old, NOW) == after
    if heard(there)[0] == heard(old)[0]:
        assert heard(after)[1] >= heard(there)[1]


ODD = ["soon", True, float("nan"), float("inf"), [1], {"$date": 1}, b"x", -1e30, 1e300]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("field", ["last_submit", "last_ping"])
@pytest.mark.parametrize("is_old", [True, False])
def test_an_odd_time_is_named_and_sets_nobody_back(field: str, value: Any, *, is_old: bool) -> None:
    odd, fine = {**at(1), field: value}, at(30)
    with pytest.raises(UnreadableTimeError, match=f"^{field}: "):
        with_newer(fine if is_old else odd, odd if is_old else fine, NOW)


@pytest.mark.parametrize("field", ["last_submit", "last_ping"])
@pytest.mark.parametrize("value", FIXED, ids=repr)
def test_whatever_stands_where_a_time_belongs_it_is_one_or_is_named(field: str, value: object) -> None:
    odd, fine = {**at(1), field: value}, at(30)
    for there, old in ((fine, odd), (odd, fine)):
        with suppress(UnreadableTimeError):
            with_newer(there, old, NOW)


@pytest.mark.parametrize("field", ["last_submit", "last_ping"])
def test_a_time_of_a_clock_that_was_ahead_is_no_newer_one(store: Store, field: str) -> None:
    migrated(store, at(30))
    future = (NOW + timedelta(days=40)).timestamp()
    report = migrated(store, {**at(30), field: future})
    assert report.newer == 0
    assert [(one.what, one.why) for one in report.reported] == [
        ("'5'", f"{field}: {future!r} lies in the future; left as it is")
    ]
