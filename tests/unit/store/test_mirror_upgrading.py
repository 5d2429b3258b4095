"""A database and its mirror of the first schema: both are upgraded before they meet, and what waits stays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.first_schema import documents, open_entry, run_document
from fakes.records import NOON
from test_schema_upgrade import write_folder

from giftping.store.base import SCHEMA_VERSION, StoreAwayError, StoreError
from giftping.store.documents import DELIVERIES, GUILDS, LEDGER, MIRROR, RUNS, SUBSCRIPTIONS
from giftping.store.fields import time_to_text
from giftping.store.mirror.notes import CARRIED, queue_of
from giftping.store.mirror.upgrading import translate_notes, upgrade_both
from giftping.store.tiny.engine import TinyEngine
from giftping.store.upgrade import Upgraded

SYNCED = {"_id": "synced", "with": "the database", "at": "2026-05-04T11:00:00.000000+00:00", "revision": 0}


class Away(TinyEngine):
    """A database that cannot be reached."""

    def schema(self) -> int:
        raise StoreAwayError("the database is away")


def both(
    tmp_path: Path, *, runs: list[dict[str, Any]] | None = None, notes: list[dict[str, Any]] | None = None
) -> None:
    """Write a database and its mirror as 0.1.0 did."""
    there = documents() | ({RUNS: runs} if runs else {})
    write_folder(tmp_path / "database", there)
    write_folder(tmp_path / "mirror", {**documents(), MIRROR: [SYNCED, *(notes or [])]})


def upgraded(database: TinyEngine, mirror: TinyEngine, tmp_path: Path) -> tuple[Upgraded, ...]:
    return upgrade_both(database, mirror, tmp_path / "mirror", host="host-a", now=NOON)  # type: ignore[arg-type]  # a stand-in


def test_both_are_upgraded_the_database_first_and_once(tmp_path: Path) -> None:
    both(tmp_path)
    database, mirror = TinyEngine(tmp_path / "database"), TinyEngine(tmp_path / "mirror")
    done = upgraded(database, mirror, tmp_path)
    assert [one.name for one in done] == [database.name, mirror.name]
    assert database.schema() == mirror.schema() == SCHEMA_VERSION
    assert {one["_id"] for one in mirror.walk(SUBSCRIPTIONS)} == {one["_id"] for one in database.walk(SUBSCRIPTIONS)}
    assert upgraded(database, mirror, tmp_path) == ()
    assert len({one.backup for one in done}) == 2


def test_of_a_database_that_is_away_the_copy_is_upgraded(tmp_path: Path) -> None:
    both(tmp_path)
    mirror = TinyEngine(tmp_path / "mirror")
    (done,) = upgraded(Away(tmp_path / "database"), mirror, tmp_path)
    assert done.name == mirror.name
    database = TinyEngine(tmp_path / "database")
    assert database.schema() == 1
    (later,) = upgraded(database, mirror, tmp_path)
    assert later.name == database.name


def test_a_copy_is_left_while_its_database_is_not_upgraded(tmp_path: Path) -> None:
    """Whoever then installs 0.1.0 again finds its folder as it was."""
    both(tmp_path, runs=[run_document("host-b", time_to_text(NOON - timedelta(minutes=1)))])
    database, mirror = TinyEngine(tmp_path / "database"), TinyEngine(tmp_path / "mirror")
    with pytest.raises(StoreError, match="host-b"):
        upgraded(database, mirror, tmp_path)
    assert database.schema() == mirror.schema() == 1


# What was to be carried back


def waiting(mirror: TinyEngine) -> list[tuple[str, str]]:
    return [(one.collection, one.id) for one in queue_of(mirror)]


def note(collection: str, document: str, **more: Any) -> dict[str, Any]:
    return {"_id": f"{collection} {document} {sorted(more)}", "collection": collection, "document": document, **more}


def after_upgrade(tmp_path: Path, *notes: dict[str, Any]) -> TinyEngine:
    both(tmp_path, notes=list(notes))
    database, mirror = TinyEngine(tmp_path / "database"), TinyEngine(tmp_path / "mirror")
    upgraded(database, mirror, tmp_path)
    return mirror


@pytest.mark.parametrize("kind", [GUILDS, "first-looks", "announced", "broken"])
def test_what_was_noted_of_a_guild_is_carried_back_for_each_of_its_games(tmp_path: Path, kind: str) -> None:
    of_game = kind in ("first-looks", "announced")
    mirror = after_upgrade(tmp_path, note(kind, "1:kingshot" if of_game else "1"))
    assert sorted(waiting(mirror)) == [(SUBSCRIPTIONS, "1:kingshot"), (SUBSCRIPTIONS, "1:whiteout-survival")]


def test_a_claim_is_carried_back_with_its_delivery_and_before_it(tmp_path: Path) -> None:
    mirror = after_upgrade(tmp_path, note(LEDGER, "1:ONE"), note("released", "1:TWO"), note(LEDGER, "1:SENT"))
    assert waiting(mirror) == [(DELIVERIES, "d1"), (LEDGER, "1:ONE"), (LEDGER, "1:TWO"), (LEDGER, "1:SENT")]
    by_id: Mapping[str, Any] = {one.id: one.after for one in queue_of(mirror)}
    assert (by_id["d1"]["state"], by_id["1:ONE"]["state"]) == ("written", "open")


def test_what_it_was_before_stays_known_and_all_other_notes_do(tmp_path: Path) -> None:
    before = {"_id": "5", "last_ping": 7}
    mirror = after_upgrade(
        tmp_path,
        note("todo_timestamps", "5"),
        note("todo_timestamps", "5", before=before),
        note("codes", "kingshot:ONE"),
        note("removed from active_members", "6"),
        note("nobody knows", "7"),
    )
    assert {(one.collection, one.id): one.before for one in queue_of(mirror)} == {
        ("todo_timestamps", "5"): before,
        ("codes", "kingshot:ONE"): None,
        ("active_members", "6"): None,
    }
    assert {one.collection for one in queue_of(mirror)} <= set(CARRIED)
    found = waiting(mirror)
    translate_notes(mirror)
    assert waiting(mirror) == found, "once"


def test_an_entry_that_the_copy_lacks_is_nothing_to_carry_back(tmp_path: Path) -> None:
    mirror = after_upgrade(tmp_path, note("released", "9:GONE"), note(LEDGER, open_entry("9:X", "claimed", "d")["_id"]))
    assert waiting(mirror) == []
