"""The lock of a process: its brothers know by it that it lives, also when it is frozen, and that it has ended."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from giftping.store.base import StoreError
from giftping.store.holder import Holder, ProcessLock
from giftping.store.tiny.files import HOLDERS

TAKES_IT_AND_WAITS = """
import sys, time
from pathlib import Path
from giftping.store.holder import ProcessLock
lock = ProcessLock(Path(sys.argv[1]), "host-a")
print(lock.take().process, flush=True)
time.sleep(60)
"""


def a_brother(state: Path) -> tuple[subprocess.Popen[str], Holder]:
    command = [sys.executable, "-c", TAKES_IT_AND_WAITS, str(state)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Holder("host-a", process.stdout.readline().strip())


def test_a_brother_is_there_while_he_lives_also_when_he_is_frozen_and_gone_however_he_ends(tmp_path: Path) -> None:
    process, brother = a_brother(tmp_path)
    with process, ProcessLock(tmp_path, "host-a") as ours:
        assert not ours.is_gone(brother)
        os.kill(process.pid, signal.SIGSTOP)
        assert not ours.is_gone(brother)
        process.kill()
        process.wait()
        assert ours.is_gone(brother)
        ours.forget(brother)
        assert ours.is_gone(brother)
        assert not list((tmp_path / HOLDERS).iterdir())


def test_nothing_is_written_before_something_is_taken(tmp_path: Path) -> None:
    with ProcessLock(tmp_path / "state", "host-a") as lock:
        assert lock.is_gone(Holder("host-a", "whoever"))
    assert not (tmp_path / "state").exists()


def test_the_file_is_for_its_user_alone_and_goes_with_the_process(tmp_path: Path) -> None:
    with ProcessLock(tmp_path, "host-a") as lock:
        assert lock.take() == lock.take() == lock.holder
        (path,) = (tmp_path / HOLDERS).iterdir()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.exists()
    lock.close()


def test_who_cannot_lock_does_not_claim(tmp_path: Path) -> None:
    (tmp_path / HOLDERS).write_text("in the way")
    lock = ProcessLock(tmp_path, "host-a")
    with pytest.raises(StoreError, match="cannot be locked"):
        lock.take()
    with pytest.raises(StoreError, match="cannot be looked at"):
        lock.is_gone(Holder("host-a", "whoever"))


def test_what_an_older_release_left_names_no_process_and_nobody_is_at_it(tmp_path: Path) -> None:
    assert ProcessLock(tmp_path, "host-a").is_gone(Holder("host-a", ""))


class Brothers(RuleBasedStateMachine):
    """Processes of one host that take their locks, look at each other, and end."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.alive: list[ProcessLock] = []
        self.gone: list[Holder] = []

    def teardown(self) -> None:
        for lock in self.alive:
            lock.close()
        self.folder.cleanup()

    @rule()
    def begin(self) -> None:
        lock = ProcessLock(Path(self.folder.name), "host-a")
        lock.take()
        self.alive.append(lock)

    @rule(which=st.integers(0, 9))
    def end(self, which: int) -> None:
        if self.alive:
            lock = self.alive.pop(which % len(self.alive))
            self.gone.append(lock.holder)
            lock.close()

    @rule(which=st.integers(0, 9))
    def forget(self, which: int) -> None:
        if self.alive and self.gone:
            self.alive[0].forget(self.gone[which % len(self.gone)])

    @invariant()
    def each_knows_of_each_other_whether_he_lives(self) -> None:
        for one in self.alive:
            assert not any(one.is_gone(other.holder) for other in self.alive)
            assert all(one.is_gone(holder) for holder in self.gone)


TestBrothers = Brothers.TestCase
TestBrothers.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)


def test_threads_that_claim_for_the_first_time_together_take_one_lock(tmp_path: Path) -> None:
    for number in range(20):
        with ProcessLock(tmp_path / str(number), "host-a") as lock, ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _, lock=lock: lock.take(), range(8))) == {lock.holder}
