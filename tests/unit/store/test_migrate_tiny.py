"""The migration into the embedded store: as often as one likes, killed anywhere, nothing old changed."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fakes.old_data import SHAPES, STATE_ID, KilledError, Mortal, OldBag
from fakes.records import code, entry, subscription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giftping.store.base import HOME_GAME, EntryState, StoreError
from giftping.store.documents import GUILDS, LEDGER, SUBSCRIPTIONS
from giftping.store.engine import REV
from giftping.store.legacy.migrate import BATCH, MigrationReport, MigrationRequest, Numbers, migrate, taken_over
from giftping.store.legacy.olddata import OldData, open_file
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.snapshot import write_backup

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TERMS = MigrationRequest(host="host-a", game_sources=("api",))
CODES = ["ABC1", "XYZ2", "QRS3"]

BackedUp = Iterable[tuple[str, Iterable[Mapping[str, Any]]]]


def no_backup(collections: BackedUp) -> str:
    return ""


def migrated(
    store: Store,
    *sources: OldData,
    terms: MigrationRequest = TERMS,
    back_up: Callable[[BackedUp], str] = no_backup,
    **options: Any,
) -> MigrationReport:
    return migrate(sources, store, terms, clock=lambda: NOW, back_up=back_up, **options)


def contents(store: Store) -> list[list[dict[str, Any]]]:
    names = ("guilds", "codes", "sent_giftcodes", "todo_timestamps", "active_members", "todo_events", "todo_state")
    return [sorted(held(store, name), key=lambda document: document["_id"]) for name in names]


def held(store: Store, collection: str) -> list[dict[str, Any]]:
    """The documents as they came; each store gives them revisions of its own."""
    return [without(REV, document) for document in store.engine.walk(collection)]


def without(field: str, document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != field}


def ids(store: Store) -> set[str]:
    return {one.id for one in store.entries()}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(TinyEngine(tmp_path / "state"))


# What comes over


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_comes_over_and_the_second_time_there_is_nothing_to_do(shape: str, store: Store) -> None:
    old = OldBag(SHAPES[shape](4, CODES))
    report = migrated(store, old)
    assert ids(store) == {f"{guild_id}:{key}" for guild_id in range(1, 5) for key in CODES}
    assert [one.destination.channel_id for one in store.subscriptions()] == [1001, 1002, 1003, 1004]
    assert report.collections[LEDGER] == Numbers(found=12, added=12)
    assert [(one.guild_id, one.entries, one.settings) for one in report.guilds] == [
        (number, Numbers(3, 3), Numbers(1, 1)) for number in range(1, 5)
    ]
    assert report.reported == ()
    before = contents(store)
    for terms in (TERMS, replace(TERMS, again=True)):
        again = migrated(store, old, terms=terms)
        assert (again.added, contents(store)) == (0, before)
        assert again.done_before == (None if terms.again else NOW)


def test_all_shapes_together_are_one_ledger(store: Store) -> None:
    migrated(store, *(OldBag(shape(2, CODES), name) for name, shape in SHAPES.items()))
    assert [(one.id, one.state, one.spelling) for one in store.entries(1)] == [
        ("1:ABC1", EntryState.SENT, "abc1"),
        ("1:QRS3", EntryState.SENT, "qrs3"),
        ("1:XYZ2", EntryState.SENT, "Xyz2"),
    ]


def test_what_the_ledger_holds_already_wins(store: Store) -> None:
    claimed = entry(1, "ABC1")
    known = subscription(1, mentions=("9",))
    remembered = code("ABC1", rewards="Meat")
    store.insert([claimed])
    store.put_subscriptions(known)
    store.remember([remembered])
    report = migrated(store, OldBag(SHAPES["gift_codes"](2, CODES)))
    assert store.entry(1, HOME_GAME, "ABC1") == claimed
    assert store.subscriptions(1) == [known]
    assert remembered in store.codes()
    assert report.collections == {LEDGER: Numbers(6, 5), SUBSCRIPTIONS: Numbers(2, 1), "codes": Numbers(3, 2)}
    assert report.guilds[0].entries == Numbers(3, 2)
    assert report.guilds[0].settings == Numbers(1, 0)


def test_a_dry_run_tells_the_same_numbers_and_writes_nothing(tmp_path: Path) -> None:
    sources = [OldBag(SHAPES["v1"](3, CODES)), OldBag(SHAPES["v0.5"](4, CODES))]
    with Store(TinyEngine(tmp_path / "state", read_only=True)) as reader:
        planned = migrated(reader, *sources, terms=replace(TERMS, dry_run=True))
    assert list(tmp_path.iterdir()) == []
    assert [source.flags for source in sources] == [0, 0]
    with Store(TinyEngine(tmp_path / "state")) as store:
        assert replace(migrated(store, *sources), dry_run=True) == planned


def test_old_data_that_grew_comes_over_and_nothing_is_added_twice(store: Store) -> None:
    migrated(store, OldBag(SHAPES["v1"](2, CODES)))
    report = migrated(store, OldBag(SHAPES["v1"](2, [*CODES, "LATE4"])))
    assert report.collections[LEDGER] == Numbers(found=8, added=2)


def test_what_was_cleared_after_the_migration_does_not_come_back_by_itself(store: Store) -> None:
    """D5: clearing a guild did nothing, because the lists that had been migrated still held the codes."""
    old = OldBag(SHAPES["v0.5"](2, CODES))
    migrated(store, old)
    store.clear(1, key="ABC1")
    report = migrated(store, OldBag(SHAPES["v0.5"](2, CODES), "the same from elsewhere"))
    assert report.done_before == NOW
    assert "1:ABC1" not in ids(store)
    migrated(store, old, terms=replace(TERMS, again=True))
    assert "1:ABC1" in ids(store)


def test_bad_keys_are_reported_and_the_rest_comes_over(store: Store) -> None:
    """D25: one bad key stopped every guild."""
    state = {"_id": STATE_ID, "channels": {"x": 1, "1": 5}, "sent": {"1": ["ABC1", None], "y": ["ABC1"]}}
    sent = [{"_id": "1:", "guild_id": 1, "code": ""}, {"_id": "junk"}]
    report = migrated(store, OldBag({STATE_ID: [state], LEDGER: sent, GUILDS: [{"_id": "z"}], "codes": [{"_id": 5}]}))
    assert (ids(store), [one.guild_id for one in store.subscriptions()]) == ({"1:ABC1"}, [1])
    assert [one.what for one in report.reported] == ["''", "'junk'", "'x'", "None", "'y'", "'z'", "5"]


def test_members_and_their_submissions_come_over_as_they_are(store: Store) -> None:
    stamps = [
        {"_id": 5, "last_submit": 1.0},
        {"_id": "5", "last_submit": 1738094400.25, "todo": {"name": "N/A"}},
        {"_id": "mongodb_test", "x": [1, None]},
    ]
    members = [{"_id": "5", "added": datetime(2026, 1, 29, 4, 30), "name": "Al", "user_id": 5}]  # noqa: DTZ001 -- as PyMongo gives it
    report = migrated(store, OldBag({"todo_timestamps": stamps, "active_members": members}))
    assert held(store, "todo_timestamps") == stamps[1:]
    assert held(store, "active_members") == [{**members[0], "added": "2026-01-29T04:30:00.000000+00:00"}]
    assert [(one.where, one.what) for one in report.reported] == [
        ("todo_timestamps", "5"),
        ("todo_timestamps", "'mongodb_test'"),
    ]


def test_one_embedded_store_comes_over_into_another_as_it_is(tmp_path: Path, store: Store) -> None:
    with Store(TinyEngine(tmp_path / "other")) as other:
        entries = [entry(1, "ABC1"), entry(2, "ABC1", "kingshot"), entry(3, state=EntryState.SEEDED)]
        other.insert([replace(one, updated_at=NOW) for one in entries])
        other.put_subscriptions(subscription(1))
        other.remember([code()])
        other.insert_documents("todo_timestamps", [{"_id": "5", "last_submit": 1.5}])
        other.insert_documents("todo_state", [{"_id": "sweep", "last_sweep": 1.5}])
        wanted = contents(other)
    report = migrated(store, open_file(tmp_path / "other" / "giftping.json"))
    assert contents(store) == wanted
    assert report.collections[LEDGER] == Numbers(3, 3)
    assert [one.guild_id for one in report.guilds] == [1, 2, 3]


def test_what_sweeps_keep_for_each_other_comes_over_only_where_there_is_nothing(tmp_path: Path, store: Store) -> None:
    with Store(TinyEngine(tmp_path / "other")) as other:
        other.insert_documents("todo_state", [{"_id": "sweep", "last_sweep": 1.5}])
    store.insert_documents("todo_state", [{"_id": "sweep", "last_sweep": 9.5}])
    report = migrated(store, open_file(tmp_path / "other" / "giftping.json"))
    assert held(store, "todo_state") == [{"_id": "sweep", "last_sweep": 9.5}]
    assert (report.collections["todo_state"], report.reported) == (Numbers(1, 0), ())


def test_progress_goes_up_to_the_total(store: Store) -> None:
    steps: list[tuple[int, int]] = []
    old = OldBag(SHAPES["v0.5"](3, [f"CODE{number}" for number in range(BATCH)]))
    migrated(store, old, on_progress=lambda done, total: steps.append((done, total)))
    assert [done for done, _ in steps] == [BATCH, 2 * BATCH, 3 * BATCH, 4 * BATCH, 4 * BATCH + 3]
    assert {total for _, total in steps} >= {3 * BATCH} | {steps[-1][1]}


def test_codes_are_written_in_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    write = Store.insert_documents

    def counted(self: Store, collection: str, documents: Any) -> frozenset[str]:
        sizes.append(len(documents))
        return write(self, collection, documents)

    monkeypatch.setattr(Store, "insert_documents", counted)
    migrated(store, OldBag(SHAPES["v1"](50, [f"CODE{number}" for number in range(50)])))
    assert sizes == [BATCH, BATCH, 500, 50, 50]


def test_a_source_is_taken_over_from_the_first_complete_migration_on(store: Store) -> None:
    first, second = (OldBag(SHAPES["v1"](1, CODES), name) for name in ("one", "two"))
    with pytest.raises(KilledError):
        migrated(Mortal(store, 4, after=True), first, second)
    assert taken_over(store) == []
    migrated(store, first, second)
    assert set(taken_over(store)) == {first.name, second.name}


# The flag


def test_the_flag_is_set_when_all_went_over_and_not_before(store: Store) -> None:
    """D11: the flag was set whatever had failed."""
    old = OldBag(SHAPES["v1"](2, CODES))
    with pytest.raises(KilledError):
        migrated(Mortal(store, 3, after=False), old)
    assert old.flags == 0
    migrated(store, old)
    assert old.flags == 1


def test_lists_whose_flag_is_set_are_merged_all_the_same(store: Store) -> None:
    """D11: the flag was set though guilds had failed, and the list for every guild never went over."""
    migrated(store, OldBag(SHAPES["global"](2, CODES)))
    assert ids(store) == {f"{guild_id}:{key}" for guild_id in (1, 2) for key in CODES}


# The backup


def test_what_was_there_is_kept_in_a_file_that_can_be_taken_back(tmp_path: Path, store: Store) -> None:
    store.insert([entry(1, "ABC1")])
    store.put_subscriptions(subscription(1))
    before = contents(store)
    old = OldBag(SHAPES["v2"](3, CODES))
    report = migrated(store, old, back_up=lambda kept: str(write_backup(tmp_path / "kept", kept, NOW)))
    path = tmp_path / "kept" / "before-migrate-20261120T120000.000000Z.json"
    assert report.backup == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())[STATE_ID]["1"]["channels"]["1"] == 1001
    path.rename(tmp_path / "backup.json")
    with Store(TinyEngine(tmp_path / "restored")) as restored:
        migrated(restored, open_file(tmp_path / "backup.json"))
        assert [one for one in contents(restored)[0] if one["_id"] == "1"] == before[0]
        assert restored.entry(1, HOME_GAME, "ABC1") == entry(1, "ABC1", updated_at=NOW)


def test_nothing_is_kept_where_nothing_was_or_nothing_is_added(tmp_path: Path, store: Store) -> None:
    kept: list[object] = []

    def back_up(collections: BackedUp) -> str:
        kept.append(write_backup(tmp_path / "kept", collections, NOW))
        return ""

    old = OldBag(SHAPES["v2"](3, CODES))
    old.keeps_flag = False
    migrated(store, old, back_up=back_up)
    assert kept == [None]
    migrated(store, old, terms=replace(TERMS, again=True), back_up=back_up)
    assert kept == [None]
    assert not (tmp_path / "kept").exists()


def test_a_backup_that_cannot_be_written_stops_the_migration_before_it_begins(tmp_path: Path, store: Store) -> None:
    store.insert([entry(1)])
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        migrated(
            store,
            OldBag(SHAPES["v2"](3, CODES)),
            back_up=lambda kept: str(write_backup(tmp_path / "file" / "folder", kept, NOW)),
        )
    assert ids(store) == {"1:GIFT100"}


# Killed


KEYS = st.sampled_from(["1", "2", "30", " 4 ", "abc", "global", "", "-1"])
OLD_CODES = st.lists(
    st.sampled_from(["ABC1", "abc1", " Abc1 ", "XYZ2", "xYz2", "", None, 7, 1.5, "a:b", "ß", ["ABC1"]]), max_size=4
)
STATES = st.fixed_dictionaries(
    {},
    optional={
        "channels": st.dictionaries(KEYS, st.sampled_from([500, "600", None, "x", 2.5]), max_size=4),
        "sent": st.dictionaries(KEYS, OLD_CODES | st.none(), max_size=4),
        "initialized": st.booleans(),
        "migrated_to_sent_adapter": st.booleans(),
        "updated_at": st.sampled_from(["2024-03-01T10:00:00", "never", None]),
    },
)
SENT = st.lists(
    st.one_of(
        st.builds(
            lambda guild_id, text: {"_id": f"{guild_id}:{text}", "guild_id": guild_id, "code": text, "source": "auto"},
            st.integers(1, 3),
            st.sampled_from(["ABC1", "abc1", "XYZ2", "", " "]),
        ),
        st.builds(
            lambda guild_id, listed: {"_id": str(guild_id), "guild_id": guild_id, "codes": listed},
            st.integers(1, 3),
            OLD_CODES,
        ),
    ),
    max_size=6,
)
GIFT = st.lists(
    st.fixed_dictionaries(
        {"_id": st.sampled_from(["ABC1", "abc1", "NEW9", 5, None, ""])},
        optional={"giftcode_original": st.sampled_from(["aBc1", "NEW9", None]), "date": st.sampled_from(["x", "2024"])},
    ),
    max_size=3,
)
OLD = st.builds(
    lambda state, sent, gift: {STATE_ID: [{**state, "_id": STATE_ID}], LEDGER: sent, "gift_codes": gift},
    STATES,
    SENT,
    GIFT,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OLD, st.booleans())
def test_killed_at_any_call_the_next_migration_ends_where_one_that_lived_does(old: Any, after: bool) -> None:
    untouched = deepcopy(old)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("giftping.store.legacy.migrate.BATCH", 2)
        with Store(TinyEngine(Path(folder, "lived"))) as store:
            migrated(store, OldBag(old))
            wanted = contents(store)
            migrated(store, OldBag(old), terms=replace(TERMS, again=True))
            assert contents(store) == wanted
        for turn in range(1, 100):
            with Store(TinyEngine(Path(folder, f"killed-{turn}"))) as store:
                try:
                    migrated(Mortal(store, turn, after=after), OldBag(old))
                except KilledError:
                    known = {one.guild_id for one in store.subscriptions()}
                    assert all(one in wanted[2] for one in contents(store)[2])
                    # A guild is there only when its ledger is.
                    assert {one["_id"] for one in wanted[2] if one["guild_id"] in known} <= ids(store)
                    migrated(store, OldBag(old))
                    assert contents(store) == wanted
                else:
                    break
        assert turn > 2
    assert old == untouched


def test_a_thousand_guilds_with_twenty_codes_count_to_the_document(store: Store) -> None:
    """Killed on the way and taken up; the other shapes, and MongoDB, are in tests/contract."""
    codes = [f"CODE{number}" for number in range(20)]
    old = OldBag(SHAPES["v0.5"](1000, codes))
    with pytest.raises(KilledError):
        migrated(Mortal(store, 19, after=True), old)
    report = migrated(store, old)
    assert report.collections[LEDGER].found == 20_000
    assert 0 < report.collections[LEDGER].added < 20_000
    assert (
        len(store.engine.present(LEDGER, [f"{number}:{key}" for number in range(1, 1001) for key in codes])) == 20_000
    )
    assert len(store.subscriptions()) == 1000
    assert migrated(store, old).done_before == NOW


def test_what_comes_after_the_clock_moved_on_is_the_same_ledger(store: Store) -> None:
    old = OldBag(SHAPES["v0"](2, CODES))
    migrated(store, old)
    before = contents(store)
    assert {one["updated_at"] for one in before[2]} == {"2026-11-20T12:00:00.000000+00:00"}
    later = NOW + timedelta(days=3)
    migrate([old], store, replace(TERMS, again=True), clock=lambda: later, back_up=no_backup)
    assert contents(store) == before
