from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from fakes.records import NOON, subscription

from giftping.codes.fetch import Body, Failed, Fetched, FetchRequest, NotModified
from giftping.codes.request import CheckRequest
from giftping.runs.check import (
    SecretHeaders,
    listed_now,
    run_check,
    settings_fingerprint,
    sources_of,
)
from giftping.runs.last_check import read_last_check
from giftping.runs.lock import LockHeldError, RunLock
from giftping.runs.state_folder import CHECK_LOCK, LAST_CHECK, SOURCES
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.wiring import Wiring

pytestmark = pytest.mark.usefixtures("bare_machine")

SETTINGS = """\
[codes]
built_in_sources = false
[sources.mine]
kind = "text"
game = "rise"
url = "https://codes.example/list.txt"
min_interval = "0s"
headers = { Authorization = "env:API_KEY" }
rows = { code = { pattern = '[A-Z0-9]{6,}' } }
"""


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[Fetched]:
    """Answer the next requests with these; with 304 when there are none left."""
    answers: list[Fetched] = [Body(b"GIFT2026", "text/plain", "etag", "", "hash-1")]
    monkeypatch.setattr("giftping.codes.fetch.Fetcher.fetch", lambda *_: answers.pop(0) if answers else NotModified())
    return answers


def settings(folder: Path, text: str = SETTINGS, **environment: str) -> Settings:
    (folder / "giftping.toml").write_text(text, "utf-8")
    return load_settings({"GIFTPING_STATE": str(folder / "state"), "API_KEY": "x", **environment}, None, cwd=folder)


def wiring_with_guild(folder: Path) -> Wiring:
    wiring = Wiring(settings(folder))
    with Store(TinyEngine(wiring.settings.state)) as store:
        store.put_subscriptions(subscription(1, "rise"))
    return wiring


def test_the_second_run_is_idle_and_does_not_open_the_store(
    tmp_path: Path, answers: list[Fetched], monkeypatch: pytest.MonkeyPatch
) -> None:
    wiring = wiring_with_guild(tmp_path)
    assert not run_check(wiring, CheckRequest()).idle
    monkeypatch.setattr(Wiring, "open_store", lambda *_, **__: pytest.fail("the store was opened"))
    report = run_check(wiring, CheckRequest())
    assert (report.idle, report.exit_code, report.guild_count) == (True, 0, 1)


@pytest.mark.parametrize("request_", [CheckRequest(guild_id=1), CheckRequest(game="rise"), CheckRequest(dry_run=True)])
def test_a_run_about_a_part_or_a_dry_one_looks_all_the_same(
    tmp_path: Path, answers: list[Fetched], request_: CheckRequest
) -> None:
    wiring = wiring_with_guild(tmp_path)
    run_check(wiring, CheckRequest())
    assert not run_check(wiring, request_).idle


def test_a_guild_that_was_added_since_ends_the_idleness(tmp_path: Path, answers: list[Fetched]) -> None:
    wiring = wiring_with_guild(tmp_path)
    run_check(wiring, CheckRequest())
    with Store(TinyEngine(wiring.settings.state)) as store:
        store.put_subscriptions(subscription(2, "rise"))
    report = run_check(wiring, CheckRequest())
    assert (report.idle, report.guild_count) == (False, 2)


def test_a_changed_list_ends_the_idleness_and_is_fetched_once(tmp_path: Path, answers: list[Fetched]) -> None:
    wiring = wiring_with_guild(tmp_path)
    run_check(wiring, CheckRequest())
    answers += [Body(b"GIFT2026\nGIFT2027", "text/plain", "etag", "", "hash-2"), Failed("asked twice")]
    report = run_check(wiring, CheckRequest())
    assert not report.idle
    assert answers == [Failed("asked twice")]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"mark": 5}', '{"mark": {"settings": "x"}}', "\x00"])
def test_a_damaged_note_of_the_last_run_only_makes_the_next_one_look(
    tmp_path: Path, answers: list[Fetched], content: str
) -> None:
    wiring = wiring_with_guild(tmp_path)
    run_check(wiring, CheckRequest())
    (wiring.settings.state / LAST_CHECK).write_text(content, "utf-8")
    report = run_check(wiring, CheckRequest())
    assert (report.idle, report.exit_code) == (False, 0)


def test_a_memory_that_was_lost_is_told_and_ends_nothing(tmp_path: Path, answers: list[Fetched]) -> None:
    wiring = wiring_with_guild(tmp_path)
    run_check(wiring, CheckRequest())
    (wiring.settings.state / SOURCES).write_text("{ damaged", "utf-8")
    answers.append(Body(b"GIFT2026", "text/plain", "etag", "", "hash-1"))
    report = run_check(wiring, CheckRequest())
    assert report.exit_code == 69
    assert any(SOURCES in line for line in report.trouble)


def test_a_dry_run_takes_no_lock_and_leaves_no_trace(tmp_path: Path, answers: list[Fetched]) -> None:
    wiring = Wiring(settings(tmp_path))
    run_check(wiring, CheckRequest(dry_run=True))
    assert not wiring.settings.state.exists()
    with RunLock(wiring.settings.state / CHECK_LOCK):
        run_check(wiring, CheckRequest(dry_run=True))
        with pytest.raises(LockHeldError):
            run_check(wiring, CheckRequest())


def test_what_the_last_run_leaves_says_how_it_went(tmp_path: Path, answers: list[Fetched]) -> None:
    wiring = wiring_with_guild(tmp_path)
    report = run_check(wiring, CheckRequest())
    left = read_last_check(wiring.settings.state)
    assert left is not None
    assert left.finished_at == report.finished_at
    assert (left.exit_code, left.idle) == (0, False)
    assert left.mark is not None
    assert left.mark.games == ("rise",)


def test_what_sources_listed_last_is_known_without_asking_them(tmp_path: Path, answers: list[Fetched]) -> None:
    wiring = wiring_with_guild(tmp_path)
    assert listed_now(wiring.settings) == set()
    run_check(wiring, CheckRequest())
    assert listed_now(wiring.settings) == {("rise", "GIFT2026")}


def test_a_setting_that_decides_what_a_check_does_changes_the_fingerprint(tmp_path: Path) -> None:
    before = settings(tmp_path)
    same = settings(tmp_path)
    other = settings(
        tmp_path, SETTINGS.replace("built_in_sources = false", 'built_in_sources = false\nunclear = "resend"')
    )
    assert settings_fingerprint(before) == settings_fingerprint(same) != settings_fingerprint(other)


def test_a_source_that_is_switched_off_is_not_asked(tmp_path: Path) -> None:
    off = settings(tmp_path, SETTINGS.replace('kind = "text"', 'kind = "text"\nenabled = false'))
    assert sources_of(off, ["rise"]) == []
    assert [source.name for source in sources_of(settings(tmp_path), ["rise"])] == ["mine"]
    assert sources_of(settings(tmp_path), ["kingshot"]) == []


class Noting:
    """Notes the headers that a request goes out with."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}

    def fetch(self, request: FetchRequest, now: datetime) -> Fetched:
        self.headers = dict(request.headers)
        return NotModified()


def test_a_secret_header_is_filled_in_at_the_last_moment(tmp_path: Path) -> None:
    noting = Noting()
    request = FetchRequest("https://codes.example", {"Authorization": "env:API_KEY", "Accept": "text/plain"})
    SecretHeaders(settings(tmp_path, API_KEY="s3cret"), noting).fetch(request, NOON)
    assert noting.headers["Authorization"] == "s3cret"
    assert noting.headers["Accept"] == "text/plain"
    assert "s3cret" not in repr(request)


def test_a_missing_secret_fails_its_own_source_alone(tmp_path: Path) -> None:
    request = FetchRequest("https://codes.example", {"Authorization": "env:MISSING_KEY"})
    fetched = SecretHeaders(settings(tmp_path), Noting()).fetch(request, NOON)
    assert isinstance(fetched, Failed)
    assert "MISSING_KEY is not set" in fetched.reason
