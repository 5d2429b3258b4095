"""Threads that come while the disk is waited for write together, and each hears what came of its own."""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fakes.records import entry

from giftping.store.base import StoreError
from giftping.store.documents import LEDGER
from giftping.store.engine import Change
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL

THREADS = 7
HANGS = 900.0


class Queue(deque[Any]):
    """Turns that say when enough of them wait."""

    def __init__(self, enough: int) -> None:
        super().__init__()
        self.is_enough = threading.Event()
        self._left = enough

    def append(self, turn: Any) -> None:
        super().append(turn)
        self._left -= 1
        if not self._left:
            self.is_enough.set()


class Disk:
    """A disk whose first answer waits until it is let go, and whose later ones may be a no."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()
        self.asked = 0
        self.refuses = self.refuses_the_first = False

    def fsync(self, _descriptor: int) -> None:
        self.asked += 1
        if self.asked == 1:
            self.is_asked.set()
            assert self.may_answer.wait(HANGS)
        if self.refuses_the_first if self.asked == 1 else self.refuses:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def written_together(
    engine: TinyEngine, disk: Disk, monkeypatch: pytest.MonkeyPatch, writes: list[Callable[[], Any]]
) -> list[Future[Any]]:
    """What came of the writes, of which all but the first came while the disk was waited for."""
    engine._turns = queue = Queue(len(writes))
    monkeypatch.setattr(os, "fsync", disk.fsync)
    with ThreadPoolExecutor(len(writes)) as pool:
        first = pool.submit(writes[0])
        assert disk.is_asked.wait(HANGS)
        others = [pool.submit(write) for write in writes[1:]]
        assert queue.is_enough.wait(HANGS)
        disk.may_answer.set()
    monkeypatch.undo()
    return [first, *others]


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_who_comes_while_the_disk_is_waited_for_waits_for_it_once_with_the_others(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(engine := TinyEngine(tmp_path)) as store:
        store.insert([entry(99)])
        writes = [lambda number=number: store.insert([entry(number)]) for number in range(1, THREADS + 1)]
        done = written_together(engine, disk, monkeypatch, writes)
        assert [one.result() for one in done] == [{f"{number}:GIFT100"} for number in range(1, THREADS + 1)]
        assert disk.asked == 2
        assert len((tmp_path / JOURNAL).read_bytes().splitlines()) == 2 + THREADS
    with Store(TinyEngine(tmp_path)) as store:
        assert {one.guild_id for one in store.entries()} == {*range(1, THREADS + 1), 99}


def test_of_several_that_write_one_thing_together_one_wins(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(engine := TinyEngine(tmp_path)) as store:
        store.insert([entry(99)])
        done = written_together(engine, disk, monkeypatch, [lambda: store.insert([entry(1)])] * THREADS)
        assert sorted(len(one.result()) for one in done) == [0] * (THREADS - 1) + [1]


def test_when_the_disk_refuses_what_was_written_together_none_of_it_is_there(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk.refuses = True
    with Store(engine := TinyEngine(tmp_path)) as store:
        store.insert([entry(99)])
        writes = [lambda number=number: store.insert([entry(number)]) for number in range(1, THREADS + 1)]
        first, *others = written_together(engine, disk, monkeypatch, writes)
        assert first.result() == {"1:GIFT100"}
        for one in others:
            assert isinstance(one.exception(), StoreError)
            assert "No space left on device" in str(one.exception())
        assert {one.guild_id for one in store.entries()} == {1, 99}
        assert store.insert([entry(2)]) == {"2:GIFT100"}
    with Store(TinyEngine(tmp_path)) as store:
        assert {one.guild_id for one in store.entries()} == {1, 2, 99}


def test_one_that_cannot_decide_keeps_no_other_from_writing(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undecided(_tables: object) -> Any:
        raise ZeroDivisionError

    with Store(engine := TinyEngine(tmp_path)) as store:
        store.insert([entry(99)])
        writes: list[Callable[[], Any]] = [lambda number=number: store.insert([entry(number)]) for number in (1, 2, 3)]
        writes.insert(2, lambda: engine.write(undecided))
        done = written_together(engine, disk, monkeypatch, writes)
        assert isinstance(done[2].exception(), ZeroDivisionError)
        assert [one.result() for one in (done[0], done[1], done[3])] == [{f"{number}:GIFT100"} for number in (1, 2, 3)]


@pytest.mark.parametrize("refuses", [False, True])
def test_who_reads_while_the_disk_is_waited_for_does_not_wait_and_nothing_rests_on_what_it_refuses(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    disk.refuses_the_first = refuses
    with Store(engine := TinyEngine(tmp_path)) as store, ThreadPoolExecutor(2) as pool:
        store.insert([entry(99)])
        monkeypatch.setattr(os, "fsync", disk.fsync)
        try:
            written = pool.submit(store.insert, [entry(1)])
            assert disk.is_asked.wait(HANGS)
            seen = pool.submit(engine.get, LEDGER, ["1:GIFT100", "99:GIFT100"]).result(HANGS)
        finally:
            disk.may_answer.set()
        assert isinstance(written.exception(), StoreError) if refuses else written.result() == {"1:GIFT100"}
        assert seen.keys() >= {"99:GIFT100"}
        before = dict(seen["99:GIFT100"]) | {"_id": "1:GIFT100", "guild_id": 1}
        changed = Change(LEDGER, seen.get("1:GIFT100", before), before | {"state": "open"})
        assert engine.change([changed]) == [not refuses]
    with Store(TinyEngine(tmp_path)) as store:
        assert {one.guild_id for one in store.entries()} == ({99} if refuses else {1, 99})
