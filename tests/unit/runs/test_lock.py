from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from giftping.runs.lock import LockError, LockHeldError, RunLock

SINCE = datetime(2026, 5, 4, 12, 4, 10, tzinfo=UTC)
HOLD = """
import sys
from pathlib import Path
from giftping.runs.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print(flush=True)
    input()
"""
HOLD_AND_START = """
import subprocess, sys
from pathlib import Path
from giftping.runs.lock import RunLock
with RunLock(Path(sys.argv[1])):
    subprocess.run([sys.executable, "-c", "print(flush=True); input()"], close_fds=False)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.lock"


def holder(path: Path, script: str = HOLD) -> subprocess.Popen[bytes]:
    """Start another process that holds the lock until it is ended."""
    process = subprocess.Popen([sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_one_run_holds_the_lock_and_the_next_is_told_who_and_since_when(path: Path) -> None:
    """D9: two checks never run at once on a host."""
    process = holder(path)
    try:
        with pytest.raises(LockHeldError) as held, RunLock(path):
            pass
        assert held.value.pid == process.pid
        assert held.value.since is not None
        assert str(held.value) == (f"another run holds the lock (pid {process.pid}, since {held.value.since:%H:%M:%S})")
    finally:
        end(process)


def test_the_lock_is_free_again_after_the_run(path: Path) -> None:
    for _ in range(2):
        with RunLock(path), pytest.raises(LockHeldError), RunLock(path):
            pass


def test_the_kernel_frees_the_lock_of_a_run_that_was_killed(path: Path) -> None:
    process = holder(path)
    end(process)
    assert process.returncode == -signal.SIGKILL
    with RunLock(path):
        assert path.exists()


def test_the_lock_is_freed_when_the_run_fails(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunLock(path):
        raise ZeroDivisionError
    with RunLock(path):
        pass


def test_the_file_stays_for_its_owner_only_and_says_who_held_it(path: Path) -> None:
    with RunLock(path, now=lambda: SINCE):
        inode = path.stat().st_ino
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        note = json.loads(path.read_text())
    assert note["since"] == "2026-05-04T12:04:10+00:00"
    assert note["pid"] > 0
    assert note["host"]
    with RunLock(path):
        assert path.stat().st_ino == inode


def test_the_time_is_told_in_local_time_with_the_day_if_it_was_another(path: Path) -> None:
    local = SINCE.astimezone()
    with RunLock(path, now=lambda: SINCE):
        with pytest.raises(LockHeldError, match=f"since {local:%H:%M:%S}"), RunLock(path, now=lambda: SINCE):
            pass
        days_later = SINCE + timedelta(days=2)
        with pytest.raises(LockHeldError, match=f"since {local:%Y-%m-%d %H:%M:%S}"), RunLock(path, lambda: days_later):
            pass


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\0" * 90,
        b"\xff\xfe garbage",
        b"[]",
        b"5",
        b"{}",
        b'{"pid": "x", "host": "h", "since": "2026-05-04T12:04:10+00:00"}',
        b'{"pid": 5, "host": "h", "since": "noon"}',
        b'{"pid": 5, "host": "h", "since": null}',
        b"[" * 4000,
    ],
)
def test_a_note_that_cannot_be_read_is_left_out_of_the_message(path: Path, note: bytes) -> None:
    with RunLock(path):
        path.write_bytes(note)
        with pytest.raises(LockHeldError) as held, RunLock(path):
            pass
    assert str(held.value) == "another run holds the lock"
    assert (held.value.pid, held.value.since) == (None, None)


def test_a_holder_on_another_host_is_told_with_its_host(path: Path) -> None:
    with RunLock(path):
        path.write_text('{"pid": 5, "host": "elsewhere.example", "since": "2026-05-04T12:04:10+00:00"}')
        with pytest.raises(LockHeldError, match=r"pid 5 on elsewhere\.example, since "), RunLock(path):
            pass


def test_a_shorter_note_leaves_nothing_of_a_longer_one(path: Path) -> None:
    path.write_bytes(b"x" * 3000)
    with RunLock(path):
        assert json.loads(path.read_text())["pid"]


def test_a_program_that_was_started_does_not_keep_the_lock_of_a_run_that_was_killed(path: Path) -> None:
    process = holder(path, HOLD_AND_START)
    try:
        process.kill()
        process.wait()
        with RunLock(path):
            pass
    finally:
        # The program that was started ends with its standard input.
        process.communicate()


def test_the_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    with RunLock(tmp_path / "state" / "run.lock"):
        assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_place_of_the_folder_is_an_error_and_not_a_held_lock(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    told = r"run\.lock: cannot be locked: .*; what stands in the place of the folder is none: move it away"
    with pytest.raises(LockError, match=told) as trouble:
        RunLock(tmp_path / "file" / below / "run.lock").__enter__()
    assert not isinstance(trouble.value, LockHeldError)
