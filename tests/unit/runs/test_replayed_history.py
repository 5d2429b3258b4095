"""Recorded histories, played through the code of a check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.records import NOON
from hypothesis import given, settings
from hypothesis import strategies as st

from giftping.codes.guards import refusals
from giftping.runs.recordings import Recorded, RecordingError, read_recordings
from giftping.runs.replay import Replayed, replay
from giftping.settings.load import load_settings

PAYLOADS = Path(__file__).parents[3] / ".." / "shared" / "payloads"
TIMELINE = "wos_codes_timeline/adrianjslywotzky_codes_timeline.jsonl"
SOURCE = """
[sources.list]
kind = "json"
game = "whiteout-survival"
url = "https://codes.example/list.json"
rows = { at = "codes", code = "code", rewards = "rewards", expires = "deadline" }
"""
MINUTE = timedelta(minutes=1)


def play(folder: Path, history: Sequence[Recorded], every: timedelta | None = None, more: str = "") -> Replayed:
    (folder / "giftping.toml").write_text(SOURCE + more)
    settings = load_settings({"HOME": str(folder)}, cwd=folder)
    return replay(settings, settings.sources["list"], history, every=every)


def listed(*codes: str, at: datetime) -> Recorded:
    return Recorded(at, json.dumps({"codes": [{"code": code} for code in codes]}).encode())


def announced(found: Replayed) -> list[tuple[str, datetime]]:
    return [(one.spelling, one.at) for one in found.announced]


@pytest.mark.parametrize("furniture", [refusals.FURNITURE, frozenset()], ids=["with the list of words", "without"])
def test_of_a_real_history_with_words_of_a_page_only_the_real_codes_go_out_once_and_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, furniture: frozenset[str]
) -> None:
    if not PAYLOADS.is_dir():
        pytest.skip("the recorded payloads (shared/payloads) are not beside this checkout")
    monkeypatch.setattr(refusals, "FURNITURE", furniture)
    refusals.reason_in_writing.cache_clear()
    labels: dict[str, Any] = json.loads((PAYLOADS / "LABELS.json").read_text())[TIMELINE]
    rows = [json.loads(line) for line in (PAYLOADS / TIMELINE).read_text().splitlines()]
    history = [Recorded(datetime.fromisoformat(row["date"]), json.dumps(row).encode()) for row in rows]
    first = {
        code: next(
            recorded.at
            for row, recorded in zip(rows, history, strict=True)
            if code in [listed_code["code"] for listed_code in row["codes"]]
        )
        for code in labels["to be announced"]
    }
    for every in (None, timedelta(hours=1)):
        found = play(tmp_path, history, every)
        assert sorted(found.seeded) == sorted(labels["seeded by the first list"])
        assert {code for code, _ in announced(found)} == set(first)
        assert len(announced(found)) == len(first)
        assert all(at - first[code] < (every or MINUTE) for code, at in announced(found))
        assert found.released == []
        kept = {one.report.spelling for one in found.held} | set(found.refused)
        # A timer that slow does not see the burst.
        assert every or kept >= {"TESTCODE001", "Tiktok10Kfan", *labels["ended, in one burst only"]}
    refusals.reason_in_writing.cache_clear()


def test_what_is_held_goes_out_when_its_time_is_over_though_nothing_is_recorded_then(tmp_path: Path) -> None:
    old, new = [f"Old{number:02}Gift" for number in range(40)], [f"New{number:02}Gift" for number in range(12)]
    history = [
        listed(*old, at=NOON),
        listed(*old, *new, at=NOON + 60 * MINUTE),
        listed(*old, *new, "Later1", at=NOON + 300 * MINUTE),
    ]
    found = play(tmp_path, history)
    assert sorted({at for _, at in announced(found)}) == [NOON + 90 * MINUTE, NOON + 300 * MINUTE]
    assert {code for code, at in announced(found) if at == NOON + 90 * MINUTE} == set(new)
    assert {one.at for one in found.released} == {NOON + 90 * MINUTE}
    # A timer of seven minutes comes a little later, and no more than once more.
    by_timer = play(tmp_path, history, every=7 * MINUTE)
    assert {code for code, _ in announced(by_timer)} == {*new, "Later1"}
    delays = [at - (NOON + 60 * MINUTE) for code, at in announced(by_timer) if code in new]
    assert max(delays) <= (30 + 7 + 7) * MINUTE


@pytest.mark.parametrize("odd", ["0002-01-02T00:00:00+00:00", "9998-12-30T00:00:00+00:00"])
def test_a_date_that_is_a_thousand_years_off_costs_a_timer_no_more_than_any_other(tmp_path: Path, odd: str) -> None:
    history = [listed("Old1000", at=NOON), listed("Old1000", "New1000", at=NOON + 61 * MINUTE)]
    far = listed("Old1000", at=datetime.fromisoformat(odd))
    for every in (timedelta(seconds=1), timedelta(minutes=7), timedelta(days=3650)):
        found = play(tmp_path, sorted([*history, far], key=lambda one: one.at), every)
        assert found.checks <= len(history) + 1
        # A timer of ten years may see the last list alone.
        assert every.days or [code for code, _ in announced(found)] == ["New1000"]


def test_a_failure_ends_nothing_and_releases_nothing(tmp_path: Path) -> None:
    codes = [f"New{number:02}Gift" for number in range(9)]
    history = [
        listed(*(f"Old{number:02}Gift" for number in range(40)), at=NOON),
        listed(*(f"Old{number:02}Gift" for number in range(40)), *codes, at=NOON + 10 * MINUTE),
        Recorded(NOON + 20 * MINUTE, None, 503),
        listed(*(f"Old{number:02}Gift" for number in range(40)), at=NOON + 600 * MINUTE),
    ]
    found = play(tmp_path, history)
    assert found.failures == [(NOON + 20 * MINUTE, "HTTP 503")]
    assert announced(found) == []


def test_a_source_that_said_that_nothing_has_changed_has_not_failed_and_time_runs_on(tmp_path: Path) -> None:
    old, new = [f"Old{number:02}Gift" for number in range(40)], [f"New{number:02}Gift" for number in range(12)]
    history = [
        Recorded(NOON - MINUTE, None, 304),
        listed(*old, at=NOON),
        listed(*old, *new, at=NOON + 60 * MINUTE),
        Recorded(NOON + 70 * MINUTE, None, 304),
        Recorded(NOON + 95 * MINUTE, None, 304),
    ]
    for every in (None, 5 * MINUTE):
        found = play(tmp_path, history, every)
        assert found.failures == []
        assert {code for code, _ in announced(found)} == set(new)
        assert {at for _, at in announced(found)} <= {NOON + number * MINUTE for number in (89, 90, 94)}


def test_recordings_are_lines_of_json_or_bodies_named_by_time(tmp_path: Path) -> None:
    lines = tmp_path / "list.jsonl"
    lines.write_text(
        '{"at": "2026-05-07T12:00:00+09:00", "body": "é"}\n\n{"at": "2026-05-07T02:00:00Z", "status": 503}\n'
    )
    folder = tmp_path / "bodies"
    folder.mkdir()
    for name in ("2026-05-07T04-00-00Z.html", "20260507T050000.json", "2026-05-08.txt", "2026-05-07_06-00-00+0900"):
        (folder / name).write_text(name)
    assert [(one.at.isoformat(), one.status) for one in read_recordings([lines, folder])] == [
        ("2026-05-06T21:00:00+00:00", 200),
        ("2026-05-07T02:00:00+00:00", 503),
        ("2026-05-07T03:00:00+00:00", 200),
        ("2026-05-07T04:00:00+00:00", 200),
        ("2026-05-07T05:00:00+00:00", 200),
        ("2026-05-08T00:00:00+00:00", 200),
    ]
    assert read_recordings([lines])[1].body == "é".encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<html>", "is no line of JSON"),
        ("[1]", "is no object"),
        ('{"at": "soon", "body": ""}', "at is 'soon', not an ISO time"),
        ('{"at": "0001-01-01T00:00+05:30", "body": ""}', "at is '0001-01-01T00:00+05:30', not an ISO time"),
        ('{"at": "9999-12-31T23:59Z", "body": ""}', "at is '9999-12-31T23:59Z', not an ISO time"),
        ('{"at": "2026-05-07", "status": "503"}', "status is '503', not a number"),
        ('{"at": "2026-05-07"}', "neither a body nor the status of a failure"),
    ],
)
def test_what_is_no_recording_is_told_with_its_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text('{"at": "2026-05-07", "body": ""}\n' + text)
    with pytest.raises(RecordingError, match=r"list\.jsonl:2: ") as raised:
        read_recordings([path])
    assert why in str(raised.value)


def test_a_folder_with_a_file_that_is_named_otherwise_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no file"):
        read_recordings([tmp_path])
    (tmp_path / "page.html").write_text("")
    with pytest.raises(RecordingError, match=r"page\.html: its name is no time"):
        read_recordings([tmp_path])


# Generated histories


PAGE_WORDS = ["Allow", "Cookies", "Copy", "Login", "Privacy", "Terms"]
KINDS = ("new", "livestream", "flap", "outage", "shape", "empty", "upper", "page", "page again", "odd one")
GAPS = [MINUTE * 2, MINUTE * 31, MINUTE * 60, timedelta(days=2)]


class Author:
    """Whoever keeps a list: real codes come and go in it, and what is none comes between."""

    def __init__(self) -> None:
        self.at = NOON
        self.live = [f"Old{number:02}Gift" for number in range(6)]
        self.history = [listed(*self.live, at=self.at)]
        self.since: dict[str, datetime] = {}
        self.pages: list[list[str]] = []

    def step(self, kind: str, count: int, gap: timedelta) -> None:
        # A page of junk is there for a moment: what stays is released when its time is over.
        self.at += gap if kind != "page again" else MINUTE * 5
        number = len(self.history)
        self.history.append(self._answer(kind, count, number))
        if kind == "page again":
            self.at += MINUTE
            self.history.append(listed(*self.live, at=self.at))

    def _answer(self, kind: str, count: int, number: int) -> Recorded:
        if kind in ("new", "livestream"):
            new = [f"Real{number:02}n{each}" for each in range(count if kind == "new" else 3 + count % 6)]
            self.since |= dict.fromkeys(new, self.at)
            self.live += new
        rows = list(self.live)
        match kind:
            case "outage":
                return Recorded(self.at, None, 503)
            case "shape":
                return Recorded(self.at, b"<html>maintenance</html>")
            case "empty":
                rows = []
            case "flap":
                rows = rows[count:]
            case "upper":
                rows = [row.upper() for row in rows]
            case "page":
                self.pages.append([*PAGE_WORDS, *(f"Junk{number:02}w{each}" for each in range(30))])
                rows += self.pages[-1]
            case "page again" if self.pages:
                rows += [*self.pages[-1], *(f"Junk{number:02}z{each}" for each in range(count))]
            case "odd one":
                rows.append(("JUNKTEST001", "Example", f"{rows[0]}{rows[1]}", "W7X8Q8R9S0T1")[count % 4])
        return listed(*rows, at=self.at)


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 8), st.sampled_from(GAPS)), max_size=14))
@settings(max_examples=25)
def test_of_any_history_each_real_code_goes_out_once_and_at_once_and_nothing_else_does(
    tmp_path_factory: pytest.TempPathFactory, steps: Sequence[tuple[str, int, timedelta]]
) -> None:
    author = Author()
    for step in steps:
        author.step(*step)
    found = announced(play(tmp_path_factory.mktemp("play"), author.history))
    assert sorted(found) == sorted(author.since.items())
