from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fakes.clock import TestClock
from fakes.rules import default_rules

from giftping.runs.lock import LockHeldError, RunLock
from giftping.runs.state_folder import ATTACHMENTS, SWEEP_LOCK
from giftping.runs.sweep import (
    Attachments,
    SubmitRequest,
    Timing,
    rules_of,
    run_submit,
    run_sweep,
    today_of,
    zone_of_member,
)
from giftping.settings.file import SettingsError
from giftping.settings.keys import Settings
from giftping.settings.load import load_settings
from giftping.store.base import StoreError
from giftping.store.documents import TODO_STATE
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.local_time import LocalQuietHours
from giftping.todo.model import Attachment, Member, Todo
from giftping.todo.repository import MemberChange, MemberRepository
from giftping.todo.rules import TodoRules
from giftping.todo.validation import TodoDraft
from giftping.wiring import Wiring

pytestmark = pytest.mark.usefixtures("bare_machine")

HOUR = timedelta(hours=1)
# Nothing listens there: what these tests do needs no Discord, and none would be reached.
NOWHERE = {
    "GIFTPING_DISCORD_API": "http://127.0.0.1:9/api/v10",
    "DISCORD_TOKEN": "token",
    "GUILD_ID": "1",
    "TODO_CHANNEL_ID": "2",
    "ROLE_ID": "3",
}
FILE = Todo("Ann", "x", id="t1", attachment=Attachment("plan.png", "image/png", 4))


@pytest.fixture(autouse=True)
def no_power_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: no machine goes off here."""
    monkeypatch.setattr(os, "fsync", os.fstat)


@pytest.fixture
def timing() -> Timing:
    clock = TestClock()
    return Timing(clock, lambda seconds: clock.pass_time(timedelta(seconds=seconds)))


def settings(folder: Path, text: str = "", **environment: str) -> Settings:
    (folder / "giftping.toml").write_text(text, "utf-8")
    return load_settings({"GIFTPING_STATE": str(folder / "state"), **environment}, None, cwd=folder)


def wiring(folder: Path, text: str = "", **environment: str) -> Wiring:
    return Wiring(settings(folder, text, **environment))


# Settings made into rules


def test_the_rules_are_what_the_settings_say(tmp_path: Path) -> None:
    text = """\
        [todo]
        remind_after = "20h"
        remind_every = "2h"
        remove_after = "4d"
        warning = "10h"
        lease = "15m"
        quiet_hours = "22:30-08:05"
        time_zone = "Europe/Berlin"
        exempt = [5]
        role = 3
        """
    assert rules_of(settings(tmp_path, text), "host-a") == TodoRules(
        "host-a",
        20 * HOUR,
        2 * HOUR,
        96 * HOUR,
        10 * HOUR,
        timedelta(minutes=15),
        takes_role=True,
        quiet=LocalQuietHours(time(22, 30), time(8, 5), ZoneInfo("Europe/Berlin")),
        exempt=frozenset({5}),
    )


def test_without_a_role_none_is_taken_and_without_quiet_hours_there_are_none(tmp_path: Path) -> None:
    assert rules_of(settings(tmp_path), "host-a") == default_rules("host-a", takes_role=False)


def test_a_members_day_goes_by_their_own_zone_or_by_that_of_the_settings(tmp_path: Path) -> None:
    known, evening = settings(tmp_path), datetime(2026, 6, 1, 20, tzinfo=UTC)
    at_home, abroad = Member(1), Member(2, time_zone="America/New_York")
    assert (zone_of_member(known, at_home).key, zone_of_member(known, abroad).key) == (
        "Asia/Kolkata",
        "America/New_York",
    )
    assert today_of(known, at_home, evening) == date(2026, 6, 2)
    assert today_of(known, abroad, evening) == date(2026, 6, 1)


# What a run needs


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        run_sweep(wiring(tmp_path))
    said = str(caught.value)
    assert all(name in said for name in ("GUILD_ID", "TODO_CHANNEL_ID", "DISCORD_TOKEN"))
    assert "todo.channel" in said
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("missing", ["GUILD_ID", "TODO_CHANNEL_ID", "DISCORD_TOKEN"])
def test_only_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    with pytest.raises(SettingsError) as caught:
        run_sweep(wiring(tmp_path, **{name: value for name, value in NOWHERE.items() if name != missing}))
    (mistake,) = caught.value.mistakes
    assert mistake.key == missing


def test_a_sweep_keeps_to_one_at_a_time(tmp_path: Path, timing: Timing) -> None:
    with RunLock(tmp_path / "state" / SWEEP_LOCK):
        with pytest.raises(LockHeldError):
            run_sweep(wiring(tmp_path, **NOWHERE), timing=timing)
        assert run_sweep(wiring(tmp_path, **NOWHERE), dry_run=True, timing=timing).plan == ()
    assert run_sweep(wiring(tmp_path, **NOWHERE), timing=timing).exit_code == 0


def test_a_sweep_without_members_reaches_for_nothing(tmp_path: Path, timing: Timing) -> None:
    report = run_sweep(wiring(tmp_path, **NOWHERE), timing=timing)
    assert (report.exit_code, report.plan, report.trouble_lines()) == (0, (), [])
    assert (report.started_at, report.finished_at) == (timing.clock(), timing.clock())


def test_what_the_store_has_to_tell_is_in_the_report(
    tmp_path: Path, timing: Timing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(self: Wiring, *, read_only: bool = False) -> Store:
        engine = TinyEngine(self.settings.state, read_only=read_only)
        engine.notices = ("look at the store",)
        return Store(engine)

    monkeypatch.setattr(Wiring, "open_store", opened)
    assert run_sweep(wiring(tmp_path, **NOWHERE), timing=timing).notices == ("look at the store",)


def test_a_store_that_cannot_be_read_is_an_error_and_not_an_empty_roster(tmp_path: Path, timing: Timing) -> None:
    with wiring(tmp_path).open_store() as store:
        store.insert_documents(TODO_STATE, [{"_id": "sweep", "downtimes": "never"}])
    with pytest.raises(StoreError, match=r"todo_state 'sweep': .*correct or remove the document"):
        run_sweep(wiring(tmp_path, **NOWHERE), timing=timing)


def test_when_discord_is_not_there_the_pings_stay_due(tmp_path: Path, timing: Timing) -> None:
    here = wiring(tmp_path, **NOWHERE)
    with here.open_store() as store:
        MemberRepository(store, timing.clock).save([MemberChange(Member(101, "Ann", added=timing.clock() - 30 * HOUR))])
    report = run_sweep(here, timing=timing)
    assert report.exit_code == 69
    assert "Discord does not say what time it is (could not connect" in report.trouble_lines()[0]
    with here.open_store() as store:
        assert MemberRepository(store, timing.clock).member(101).last_ping is None


# Submissions


def submitted(here: Wiring, timing: Timing, attachment: Attachment | None = None, content: bytes = b"") -> Member:
    with here.open_store() as store:
        repository = MemberRepository(store, timing.clock)
        repository.save([MemberChange(Member(101, "Ann", added=timing.clock()))])
        draft = TodoDraft(must_do="read ten pages", attachment=attachment)
        report = run_submit(here, repository, SubmitRequest(101, draft), content, timing)
        assert report.role is None
        return repository.member(101)


@pytest.mark.parametrize("missing", ["GUILD_ID", "TODO_CHANNEL_ID", "DISCORD_TOKEN"])
def test_a_todo_is_saved_where_discord_is_not_set_up(tmp_path: Path, timing: Timing, missing: str) -> None:
    known = submitted(wiring(tmp_path, **{name: value for name, value in NOWHERE.items() if name != missing}), timing)
    assert known.last_submit == timing.clock()
    assert len(known.notices) == 1


def test_a_todo_is_saved_where_discord_cannot_be_reached(tmp_path: Path, timing: Timing) -> None:
    known = submitted(wiring(tmp_path, **NOWHERE), timing)
    assert known.last_submit == timing.clock()
    assert [notice.channel.state.value for notice in known.notices] == ["open"]


# Files


def test_a_file_is_kept_for_its_owner_alone_and_comes_back_as_it_was(tmp_path: Path) -> None:
    files = Attachments(tmp_path / "state" / ATTACHMENTS)
    files.keep(FILE, b"\x89PNG")
    upload = files.upload(FILE)
    assert upload is not None
    assert (upload.filename, upload.content, upload.content_type) == ("plan.png", b"\x89PNG", "image/png")
    assert stat.S_IMODE(files.folder.stat().st_mode) == 0o700


def test_a_todo_without_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    files = Attachments(tmp_path / ATTACHMENTS)
    files.keep(Todo("Ann", "x", id="t2"), b"ignored")
    assert not files.folder.exists()
    assert files.upload(Todo("Ann", "x", id="t2")) is None


def test_a_file_that_is_not_here_or_is_empty_is_not_sent(tmp_path: Path) -> None:
    files = Attachments(tmp_path / ATTACHMENTS)
    assert files.upload(FILE) is None
    files.keep(FILE, b"")
    assert files.upload(FILE) is None


def test_files_are_let_go_once_their_todos_are_posted(tmp_path: Path) -> None:
    files = Attachments(tmp_path / ATTACHMENTS)
    files.forget_others(frozenset())
    other = replace(FILE, id="t2")
    files.keep(FILE, b"1")
    files.keep(other, b"2")
    files.forget_others(frozenset({"t2"}))
    assert files.upload(FILE) is None
    assert files.upload(other) is not None


def test_a_file_that_cannot_be_kept_keeps_the_todo_from_being_saved(tmp_path: Path, timing: Timing) -> None:
    here = wiring(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / ATTACHMENTS).write_text("not a folder", "utf-8")
    with pytest.raises(StoreError, match="cannot be written"):
        submitted(here, timing, FILE.attachment, b"1234")
    with here.open_store() as store:
        assert MemberRepository(store, timing.clock).member(101).last_submit is None


def test_the_host_has_one_name_for_all_its_runs(tmp_path: Path, timing: Timing) -> None:
    run_sweep(wiring(tmp_path, **NOWHERE), timing=timing)
    name = (tmp_path / "state" / "host").read_text("utf-8")
    run_sweep(wiring(tmp_path, **NOWHERE), timing=timing)
    with wiring(tmp_path).open_store() as store:
        assert [(run.job, run.host) for run in store.runs()] == [("todo sweep", name)]
        assert json.dumps(store.runs()[0].details)
