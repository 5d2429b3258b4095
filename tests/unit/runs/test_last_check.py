"""What one check leaves for the next: whole, or as if there had been none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giftping.codes.idle import FULL_LOOK_EVERY, IdleMark
from giftping.codes.report import CheckReport
from giftping.runs.last_check import STARTS_KEPT, LastCheck, read_last_check, write_last_check
from giftping.runs.state_folder import LAST_CHECK

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MARK = IdleMark(
    settings="settings",
    store="store",
    lists="lists",
    games=("kingshot", "whiteout-survival"),
    look_again_at=NOON + FULL_LOOK_EVERY,
    due_at=NOON + 2 * FULL_LOOK_EVERY,
    guild_count=3,
    trouble=True,
)
LAST = LastCheck(NOON, (NOON - MINUTE, NOON), NOON + MINUTE, 69, False, MARK)
DOCUMENT: dict[str, Any] = {
    "started_at": "2026-05-04T12:00:00+00:00",
    "starts": ["2026-05-04T11:59:00+00:00", "2026-05-04T12:00:00+00:00"],
    "finished_at": "2026-05-04T12:01:00+00:00",
    "exit_code": 69,
    "idle": False,
    "open": {"delivery-1": "2026-05-04T12:00:00+00:00"},
    "mark": {
        "settings": "settings",
        "store": "store",
        "lists": "lists",
        "games": ["kingshot", "whiteout-survival"],
        "look_again_at": "2026-05-04T13:00:00+00:00",
        "due_at": "2026-05-04T14:00:00+00:00",
        "guild_count": 3,
        "trouble": True,
        "shared": "",
    },
}
"""The file as 0.1.0 writes it."""


def left(folder: Path, document: object) -> LastCheck | None:
    (folder / LAST_CHECK).write_text(json.dumps(document), "utf-8")
    return read_last_check(folder)


@pytest.mark.parametrize("last", [LAST, replace(LAST, mark=None), replace(LAST, mark=replace(MARK, due_at=None))])
def test_what_is_written_is_read_again(last: LastCheck, tmp_path: Path) -> None:
    write_last_check(tmp_path, last)
    assert read_last_check(tmp_path) == last


def test_the_file_of_0_1_0_is_read(tmp_path: Path) -> None:
    write_last_check(tmp_path, LAST)
    added = {"broken": 0, "uncertain": 0, "awaited": []}
    # What it kept of open deliveries stands in the deliveries themselves now.
    kept = {name: value for name, value in DOCUMENT.items() if name != "open"}
    assert json.loads((tmp_path / LAST_CHECK).read_bytes()) == kept | {"mark": DOCUMENT["mark"] | added}
    assert left(tmp_path, DOCUMENT) == LAST
    assert left(tmp_path, DOCUMENT | {"mark": None}) == replace(LAST, mark=None)


@pytest.mark.parametrize("key", sorted(DOCUMENT["mark"]))
def test_a_mark_with_a_piece_missing_is_none(key: str, tmp_path: Path) -> None:
    mark = {name: value for name, value in DOCUMENT["mark"].items() if name != key}
    assert left(tmp_path, DOCUMENT | {"mark": mark}) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"look_again_at": "soon"},
        {"look_again_at": 5},
        {"look_again_at": "2026-05-04T12:00:00"},
        {"due_at": "2026-05-04T12:00:00"},
        {"due_at": 5},
        {"games": "kingshot"},
        {"games": None},
        {"guild_count": "many"},
    ],
    ids=str,
)
def test_a_mark_with_a_piece_that_is_wrong_is_none(wrong: dict[str, object], tmp_path: Path) -> None:
    assert left(tmp_path, DOCUMENT | {"mark": DOCUMENT["mark"] | wrong}) is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(sorted(DOCUMENT)), inner),
        max_leaves=12,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_document_can_break_the_reading(tmp_path: Path, document: object) -> None:
    last = left(tmp_path, document)
    assert last is None or isinstance(last, LastCheck)


def test_no_file_is_no_check(tmp_path: Path) -> None:
    assert read_last_check(tmp_path) is None


def test_only_the_last_few_starts_are_kept() -> None:
    last = None
    for number in range(STARTS_KEPT + 2):
        start = NOON + number * MINUTE
        last = LastCheck.after(CheckReport(started_at=start, finished_at=start), last, None)
    assert last is not None
    assert last.starts == tuple(NOON + number * MINUTE for number in range(2, STARTS_KEPT + 2))
