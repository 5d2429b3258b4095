from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.records import code, entry, mark, run, subscription

from giftping.store.base import HOME_GAME, StoreError
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import (
    JOURNAL,
    LOCK,
    PREVIOUS_SNAPSHOT,
    SNAPSHOT,
    StoreBusyError,
    StoreLock,
    fingerprint,
    replace_file,
)

AT_ONCE = timedelta(0)


def look_at_everything(store: Store) -> None:
    assert store.recorded(HOME_GAME, ["A1"], [1]) == {1: frozenset()}
    assert [*store.entries(), *store.subscriptions(), *store.codes(), *store.runs()] == []
    assert store.entry(1, HOME_GAME, "A1") is None
    assert (store.subscriptions(1), store.guilds()) == ([], {})


def test_a_fresh_store_makes_nothing_until_something_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "giftping"
    with Store(TinyEngine(folder)) as store:
        look_at_everything(store)
        assert store.insert([]) == frozenset()
        assert store.clear(1) == 0
        assert store.remove_documents("codes", ["1:A1"]) == frozenset()
        assert store.remove_subscriptions(1) == []
        store.remember([])
        store.note_seeded(1, HOME_GAME, ["site"])
    assert list(tmp_path.iterdir()) == []
    with Store(TinyEngine(folder)) as store:
        store.insert([entry()])
        assert {file.name for file in folder.iterdir()} == {JOURNAL, LOCK}


def test_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    former = os.umask(0)
    try:
        for guild_id in (1, 2):
            with Store(TinyEngine(folder)) as store:
                store.insert([entry(guild_id)])
                store.insert([entry(guild_id, "OTHER")])
                assert stat.S_IMODE((folder / JOURNAL).stat().st_mode) == 0o600
    finally:
        os.umask(former)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert {SNAPSHOT, PREVIOUS_SNAPSHOT, LOCK} < modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_file_that_was_readable_for_all_is_not_any_more_after_a_fold(tmp_path: Path) -> None:
    for guild_id in (1, 2):
        with Store(TinyEngine(tmp_path)) as store:
            store.insert([entry(guild_id)])
        assert stat.S_IMODE((tmp_path / SNAPSHOT).stat().st_mode) == 0o600
        (tmp_path / SNAPSHOT).chmod(0o644)


def test_reading_only_changes_nothing_not_even_a_journal_that_was_left(tmp_path: Path) -> None:
    folder, copy = tmp_path / "state", tmp_path / "copy"
    with Store(TinyEngine(folder)) as store:
        store.insert([entry()])
        copy.mkdir()
        for file in folder.iterdir():
            (copy / file.name).write_bytes(file.read_bytes())
    (copy / LOCK).unlink()
    before = {file.name: file.stat() for file in copy.iterdir()}
    copy.chmod(0o500)
    try:
        with Store(TinyEngine(copy, read_only=True)) as reader:
            assert list(reader.entries()) == [entry()]
            for write in (
                lambda: reader.insert([entry(2)]),
                lambda: reader.put_subscriptions(subscription()),
                lambda: reader.remember([code()]),
                lambda: reader.record_run(run()),
                lambda: reader.remove_documents("sent_giftcodes", ["1:GIFT100"]),
            ):
                with pytest.raises(StoreError, match="reading only; nothing was written"):
                    write()
    finally:
        copy.chmod(0o700)
    after = {file.name: file.stat() for file in copy.iterdir()}
    assert {name: one.st_mtime_ns for name, one in after.items()} == {n: o.st_mtime_ns for n, o in before.items()}


def test_reading_only_where_nothing_is_finds_nothing_and_makes_nothing(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path / "state", read_only=True)) as store:
        look_at_everything(store)
    assert list(tmp_path.iterdir()) == []


def test_a_reader_follows_what_is_written(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path, read_only=True)) as reader:
        for guild_id in (1, 2, 3):
            with Store(TinyEngine(tmp_path)) as store:
                store.insert([entry(guild_id)])
                assert [one.guild_id for one in reader.entries()] == list(range(1, guild_id + 1))
            assert [one.guild_id for one in reader.entries()] == list(range(1, guild_id + 1))


@pytest.mark.parametrize("fold_at", [0, 10_000_000], ids=["with folds", "without folds"])
def test_a_write_has_reached_the_disk_when_it_returns(
    fold_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written to a file is synced before the file is put in place, and names are synced after they change."""
    unsynced: set[int] = set()
    real_write = os.write

    def inode(descriptor: int) -> int:
        return os.fstat(descriptor).st_ino

    def write(descriptor: int, data: bytes) -> int:
        unsynced.add(inode(descriptor))
        return real_write(descriptor, data)

    def rename(call: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
        def renamed(old: Path, new: Path) -> None:
            assert old.stat().st_ino not in unsynced
            call(old, new)
            unsynced.add(tmp_path.stat().st_ino)

        return renamed

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "fsync", lambda descriptor: unsynced.discard(inode(descriptor)))
    monkeypatch.setattr(os, "replace", rename(os.replace))
    with Store(TinyEngine(tmp_path, fold_at=fold_at)) as store:
        for number in range(6):
            store.insert([entry(number)])
            journal_aside = {tmp_path.stat().st_ino} if fold_at == 0 else set()
            assert unsynced <= journal_aside


def test_a_cache_takes_its_place_whole_without_waiting_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    cache = tmp_path / "cache.json"
    replace_file(cache, [b"{", b"}"], durable=False)
    assert cache.read_bytes() == b"{}"
    assert cache.stat().st_mode & 0o777 == 0o600
    assert synced == []
    replace_file(cache, [b"[]"])
    assert len(synced) == 2


# The lock


def test_a_store_that_another_process_keeps_locked_is_an_error_after_the_wait(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path, lock_wait=AT_ONCE)) as store:
        store.insert([entry(1)])
        with StoreLock(tmp_path / LOCK, AT_ONCE).exclusive():
            with pytest.raises(StoreBusyError, match=r"store\.lock: another giftping process .* run again"):
                store.insert([entry(2)])
            assert list(store.entries()) == [entry(1)]
        assert store.insert([entry(2)]) == {"2:GIFT100"}


def test_a_store_that_is_locked_at_the_end_keeps_its_journal_for_the_next(tmp_path: Path) -> None:
    store = Store(TinyEngine(tmp_path, lock_wait=AT_ONCE))
    store.insert([entry(1)])
    with StoreLock(tmp_path / LOCK, AT_ONCE).shared():
        store.close()
        assert not (tmp_path / SNAPSHOT).exists()
        with Store(TinyEngine(tmp_path, lock_wait=AT_ONCE)) as next_one:
            assert list(next_one.entries()) == [entry(1)]
    with Store(TinyEngine(tmp_path)):
        assert (tmp_path / SNAPSHOT).exists()
        assert not (tmp_path / JOURNAL).exists()


def test_readers_do_not_wait_for_each_other_but_for_a_writer(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path / LOCK, AT_ONCE)
    with lock.exclusive(), pytest.raises(StoreBusyError), lock.shared():
        pass
    with lock.shared(), lock.shared(), pytest.raises(StoreBusyError), lock.exclusive():
        pass


def test_a_lock_that_was_waited_for_is_had(tmp_path: Path) -> None:
    """The holder is another process, which frees the lock when it is told to end."""
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import fcntl,sys; f=open({str(tmp_path / LOCK)!r},'w'); fcntl.flock(f,2); print(); input()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(StoreBusyError), StoreLock(tmp_path / LOCK, AT_ONCE).exclusive():
        pass
    holder.stdin.close() if holder.stdin else None
    with StoreLock(tmp_path / LOCK, timedelta(seconds=60)).exclusive():
        assert (tmp_path / LOCK).exists()
    holder.stdout.close()
    holder.wait()


def test_a_lock_file_that_was_deleted_and_made_anew_still_excludes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who hold locks on two files of one name would both write."""
    lock = StoreLock(tmp_path / LOCK, AT_ONCE)
    real_flock, swapped = fcntl.flock, []

    def swap_the_file_once(descriptor: int, operation: int) -> None:
        real_flock(descriptor, operation)
        if not swapped:
            swapped.append(True)
            (tmp_path / LOCK).unlink()
            (tmp_path / LOCK).touch()

    monkeypatch.setattr(fcntl, "flock", swap_the_file_once)
    with lock.exclusive(), pytest.raises(StoreBusyError), lock.exclusive():
        pass


# The fingerprint


def test_the_fingerprint_changes_with_every_write_and_only_then(tmp_path: Path) -> None:
    seen = [fingerprint(tmp_path / "state")]

    def wrote() -> bool:
        seen.append(fingerprint(tmp_path / "state"))
        return seen[-1] not in seen[:-1]

    with Store(TinyEngine(tmp_path / "state")) as store:
        assert not wrote()
        store.insert([entry(1)])
        assert wrote()
        mark(store, "1:GIFT100")
        assert wrote()
        list(store.entries())
        store.insert([entry(1)])
        assert not wrote()
    assert wrote()
    with Store(TinyEngine(tmp_path / "state")) as store:
        list(store.entries())
        store.clear(99)
    assert not wrote()


def test_the_fingerprint_of_a_folder_that_cannot_be_looked_at_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be looked at: Not a directory"):
        fingerprint(tmp_path / "file")


def test_the_fingerprint_needs_no_tinydb() -> None:
    script = "import sys, giftping.store.tiny.files; sys.exit('tinydb' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_store_tells_the_fingerprint_it_left_unless_others_wrote(tmp_path: Path) -> None:
    store = Store(TinyEngine(tmp_path))
    assert store.closed_fingerprint is None
    store.insert([entry(1)])
    store.close()
    assert store.closed_fingerprint == fingerprint(tmp_path)
    reader = Store(TinyEngine(tmp_path))
    reader.close()
    assert reader.closed_fingerprint == fingerprint(tmp_path)
    disturbed = Store(TinyEngine(tmp_path))
    disturbed.insert([entry(2)])
    with Store(TinyEngine(tmp_path)) as other:
        other.insert([entry(3)])
    disturbed.close()
    assert disturbed.closed_fingerprint is None
