"""The memory of what was told: a file that several processes have, that anything may have happened to."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giftping.output.trouble import Trouble
from giftping.runs.state_folder import TOLD, is_anything_told
from giftping.runs.telling import LONGEST_KEPT, Mark
from giftping.runs.told import HOST, tell_found, tell_one
from giftping.text import when

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

AWAY = Trouble("store away", "the store is away", is_of_host=True)
OWN = Trouble("source a", "source a: timed out")


def unseen(_key: str, _line: str) -> str:
    return ""


def well(key: str, _line: str) -> str:
    return f"{key} is well"


def memory(state: Path) -> Any:
    return json.loads((state / TOLD).read_text("utf-8"))


def test_of_many_processes_that_meet_the_same_at_once_one_tells_it(tmp_path: Path) -> None:
    jobs = [("codes", "todo")[number % 2] for number in range(8)]
    with ThreadPoolExecutor(len(jobs)) as pool:
        told = list(pool.map(lambda job: tell_found(tmp_path, job, [AWAY], unseen, NOW)[0], jobs))
    assert sum("store away" in news for news in told) == 1


def test_what_each_job_has_met_stays_when_another_one_is_well(tmp_path: Path) -> None:
    for _ in range(2):
        tell_found(tmp_path, "codes", [OWN, AWAY], unseen, NOW)
    news, over, _ = tell_found(tmp_path, "todo", [AWAY], well, NOW + MINUTE)
    assert (news, over) == ({}, ())
    assert set(memory(tmp_path)) == {"codes", HOST}
    assert tell_found(tmp_path, "bot", [], well, NOW + MINUTE)[1] == ("store away is well",)
    assert tell_found(tmp_path, "codes", [], well, NOW + MINUTE)[1] == ("source a is well",)
    assert not is_anything_told(tmp_path)


def test_who_could_not_be_told_is_told_of_apart_from_all_else(tmp_path: Path) -> None:
    tell_found(tmp_path, "codes", [AWAY], unseen, NOW)
    trouble = Trouble("operator", "the operator could not be told", is_of_host=True)
    assert tell_one(tmp_path, "codes", trouble, "told again", NOW)[0] == {"operator": None}
    assert tell_one(tmp_path, "todo", trouble, "told again", NOW + MINUTE)[0] == {}
    well_again = Trouble("operator", "", is_of_host=True)
    assert tell_one(tmp_path, "todo", well_again, "told again", NOW + MINUTE) == ({}, ("told again",))
    assert set(memory(tmp_path)[HOST]) == {"store away"}


def test_a_key_that_quotes_a_whole_page_is_told_once_and_kept_short(tmp_path: Path) -> None:
    first, second = (Trouble(f"run {'a page ' * 9999}{end}", "a page " * 9999) for end in "ab")
    assert set(tell_found(tmp_path, "codes", [first, second], unseen, NOW)[0]) == {first.key, second.key}
    assert tell_found(tmp_path, "codes", [first, second], unseen, NOW + MINUTE)[0] == {}
    assert (tmp_path / TOLD).stat().st_size < 6 * LONGEST_KEPT


ODD_TIMES = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))])
)


@given(told_at=ODD_TIMES | st.just(NOW - timedelta(hours=25)), since=ODD_TIMES, once=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_date_in_the_file_stops_a_run_or_is_told_where_it_cannot_be(
    tmp_path: Path, told_at: datetime, since: datetime, once: bool
) -> None:
    mark = {"told_at": told_at.isoformat(), "since": since.isoformat(), "line": "", "lasted": True}
    (tmp_path / TOLD).write_text(json.dumps({"codes": {"source a": mark}}), "utf-8")
    trouble = Trouble("source a", "source a: timed out", is_told_once=once)
    news, _, _ = tell_found(tmp_path, "codes", [trouble], unseen, NOW)
    for moment in filter(None, news.values()):
        assert when(moment, timezone(timedelta(hours=14)))
        assert moment <= NOW


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.integers(),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.sampled_from(["codes", "host", "source a"]), some),
)


@given(ANY_JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=99))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_in_the_file_trouble_is_told_and_remembered(tmp_path: Path, content: bytes) -> None:
    (tmp_path / TOLD).write_bytes(content)
    known = Trouble("source a", "source a: timed out", is_known=not is_readable(content))
    assert set(tell_found(tmp_path, "codes", [known], unseen, NOW)[0]) == {"source a"}
    assert tell_found(tmp_path, "codes", [known], unseen, NOW + MINUTE)[0] == {}


def is_readable(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict) and not any(json.loads(content).values())
    except ValueError:
        return False


def test_a_folder_that_cannot_be_written_to_is_named_and_trouble_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder", "utf-8")
    news, _, forgetful = tell_found(tmp_path / "state", "codes", [OWN], unseen, NOW)
    assert set(news) == {"source a"}
    assert forgetful.startswith("what was told cannot be remembered, and is told by each run: ")


def test_a_mark_is_kept_as_it_is_as_long_as_nothing_is_news(tmp_path: Path) -> None:
    for minutes in range(2):
        tell_found(tmp_path, "codes", [OWN], unseen, NOW + minutes * MINUTE)
    before = (tmp_path / TOLD).stat()
    tell_found(tmp_path, "codes", [Trouble("source a", "source a: timed out after 16 s")], unseen, NOW + 3 * MINUTE)
    assert (tmp_path / TOLD).stat() == before
    assert memory(tmp_path)["codes"]["source a"]["since"] == Mark(NOW, NOW, "").since.isoformat()


@pytest.mark.parametrize("job", ["codes", "todo", "bot"])
def test_a_job_has_a_section_of_its_own(tmp_path: Path, job: str) -> None:
    tell_found(tmp_path, job, [OWN], unseen, NOW)
    assert set(memory(tmp_path)) == {job}
