from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fakes.records import entry
from store_story import SITTINGS, contents, contents_after_each_step, open_store

from giftping.store.base import HOME_GAME, StoreError
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL, SNAPSHOT

CHANGING = ("write", "fsync", "replace", "link", "ftruncate")


@contextmanager
def refusing(
    number: int, *names: str, after: int = 0, for_good: bool = True, half: bool = False
) -> Iterator[list[str]]:
    """Make the named functions of os raise, after so many good calls; `half` lets half of a write through.

    Gives the list of the calls that were refused.
    """
    refused: list[str] = []
    seen = 0

    def faulty(name: str, call: Any) -> Any:
        def refuse(*arguments: Any, **named: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen <= after or (refused and not for_good):
                return call(*arguments, **named)
            if half and name == "write":
                call(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            refused.append(name)
            raise OSError(number, os.strerror(number))

        return refuse

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(os, name, faulty(name, getattr(os, name)))
        yield refused


def test_a_full_disk_is_a_store_error_that_names_file_reason_and_next_step(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path / "state")) as store:
        store.insert([entry(1)])
        with refusing(errno.ENOSPC, "write"), pytest.raises(StoreError) as trouble:
            store.insert([entry(2)])
        told = "cannot be written: No space left on device; make room on the disk and run again"
        assert str(trouble.value) == f"{tmp_path / 'state' / JOURNAL}: {told}"


def test_a_claim_that_was_refused_by_the_disk_is_not_there_and_can_be_made_later(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path)) as store:
        store.insert([entry(1)])
        for names in (("write",), ("fsync",)):
            with refusing(errno.ENOSPC, *names, half=True), pytest.raises(StoreError):
                store.insert([entry(2)])
            assert list(store.entries()) == [entry(1)]
            assert len((tmp_path / JOURNAL).read_bytes().splitlines()) == 2
        assert store.insert([entry(2)]) == {"2:GIFT100"}
    with Store(TinyEngine(tmp_path)) as store:
        assert list(store.entries()) == [entry(1), entry(2)]


def test_half_a_line_that_cannot_be_taken_back_is_cut_off_by_the_next_write(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path)) as store, Store(TinyEngine(tmp_path)) as other:
        store.insert([entry(1)])
        with refusing(errno.EIO, "write", "ftruncate", half=True), pytest.raises(StoreError):
            store.insert([entry(2)])
        assert not (tmp_path / JOURNAL).read_bytes().endswith(b"\n")
        assert list(other.entries()) == [entry(1)]
        assert other.insert([entry(3)]) == {"3:GIFT100"}
        assert list(store.entries()) == [entry(1), entry(3)]


def test_nothing_is_appended_after_half_a_line_that_cannot_be_cut_off(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path)) as store:
        store.insert([entry(1)])
        with refusing(errno.EIO, "write", "ftruncate", half=True), pytest.raises(StoreError):
            store.insert([entry(2)])
        with refusing(errno.EIO, "ftruncate"), pytest.raises(StoreError, match="cannot be written"):
            store.insert([entry(3)])
        assert list(store.entries()) == [entry(1)]


def test_a_disk_that_fills_at_any_call_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """D6, D7: trouble with the disk never makes the store forget."""
    chapters = contents_after_each_step(tmp_path / "untroubled")
    steps = [step for sitting in SITTINGS for step in sitting]
    calls = 0
    while True:
        folder = tmp_path / f"after-{calls}"
        acknowledged, trouble = 0, None
        with refusing(errno.ENOSPC, "write", "fsync", "replace", "link", after=calls, half=True) as refused:
            try:
                with open_store(folder) as store:
                    for step in steps:
                        step(store)
                        acknowledged += 1
            except StoreError as error:
                trouble = error
        if not refused:
            break
        assert trouble is not None, f"after {calls} calls"
        with Store(TinyEngine(folder)) as store:
            assert contents(store) in chapters[acknowledged : acknowledged + 2], f"after {calls} calls"
        calls += 1
    assert calls > 30


def test_a_store_lives_through_one_bad_call_of_any_kind(tmp_path: Path) -> None:
    chapters = contents_after_each_step(tmp_path / "untroubled")
    steps = [step for sitting in SITTINGS for step in sitting]
    calls = 0
    while True:
        folder = tmp_path / f"after-{calls}"
        with (
            refusing(errno.EIO, *CHANGING, after=calls, for_good=False, half=True) as refused,
            open_store(folder) as store,
        ):
            for number, step in enumerate(steps):
                try:
                    step(store)
                except StoreError:
                    assert contents(store) in chapters[number : number + 2]
                    step(store)
                assert contents(store) == chapters[number + 1]
            # A fold at the end may meet the bad call; it is not what is looked at here.
            refused.append("end")
        with Store(TinyEngine(folder)) as store:
            assert contents(store) == chapters[-1], f"after {calls} calls"
        if refused[0] == "end":
            break
        calls += 1
    assert calls > 30


def test_a_fold_that_fails_in_between_is_no_failed_write_and_is_told_at_the_end(tmp_path: Path) -> None:
    store = Store(TinyEngine(tmp_path, fold_at=0))
    with refusing(errno.ENOSPC, "link", "replace", after=1):
        assert store.insert([entry(1)]) == {"1:GIFT100"}
        assert store.insert([entry(2)]) == {"2:GIFT100"}
        with pytest.raises(StoreError, match=r"giftping\.json: cannot be written: No space left"):
            store.close()
    assert not (tmp_path / SNAPSHOT).exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [JOURNAL, "store.lock"]
    with Store(TinyEngine(tmp_path)) as store:
        assert list(store.entries()) == [entry(1), entry(2)]


def test_trouble_at_the_end_does_not_hide_the_trouble_before_it(tmp_path: Path) -> None:
    def run() -> None:
        with Store(TinyEngine(tmp_path)) as store:
            store.insert([entry(1)])
            raise ZeroDivisionError

    with refusing(errno.ENOSPC, "link", "replace", after=1) as refused, pytest.raises(ZeroDivisionError):
        run()
    assert refused
    with Store(TinyEngine(tmp_path)) as store:
        assert list(store.entries()) == [entry(1)]


def test_a_folder_that_may_not_be_written_is_refused_and_read(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path)) as store:
        store.insert([entry(1)])
    with Store(TinyEngine(tmp_path)) as store:
        real_open = os.open

        def read_only_open(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return real_open(path, flags, *more, **named)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "open", read_only_open)
            with pytest.raises(StoreError, match="Read-only file system; let the state folder"):
                store.insert([entry(2)])
            assert list(store.entries()) == [entry(1)]
            with Store(TinyEngine(tmp_path, read_only=True)) as reader:
                assert reader.entry(1, HOME_GAME, "GIFT100") == entry(1)


def test_a_folder_that_cannot_be_read_is_an_error_and_not_an_empty_store(tmp_path: Path) -> None:
    """D4: a store that cannot be read does not say that nothing was sent."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="Not a directory"):
        Store(TinyEngine(tmp_path / "file"))
    with Store(TinyEngine(tmp_path / "state")) as store:
        store.insert([entry(1)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            os, "open", lambda *_, **__: (_ for _ in ()).throw(PermissionError(errno.EACCES, "Permission denied"))
        )
        with pytest.raises(StoreError, match="Permission denied; make the state folder readable"):
            Store(TinyEngine(tmp_path / "state", read_only=True))
