from __future__ import annotations

from pathlib import Path

from fakes.records import entry

from giftping.store.documents import LEDGER
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL, PREVIOUS_SNAPSHOT, SNAPSHOT, fingerprint

SHORT = 1_000
"""Bytes from which a snapshot counts as long here."""


def test_a_long_ledger_is_not_rewritten_for_one_entry(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path, fold_at=SHORT)) as store:
        store.insert([entry(key=f"CODE{number}") for number in range(100)])
    before = (tmp_path / SNAPSHOT).stat().st_ino

    with Store(TinyEngine(tmp_path, fold_at=SHORT)) as store:
        store.insert([entry(key="ONEMORE")])

    assert (tmp_path / SNAPSHOT).stat().st_ino == before
    assert (tmp_path / JOURNAL).stat().st_size > 0
    assert store.closed_fingerprint == fingerprint(tmp_path)
    with Store(TinyEngine(tmp_path, fold_at=SHORT)) as store:
        assert len(list(store.entries())) == 101
    assert (tmp_path / SNAPSHOT).stat().st_ino == before


def test_a_long_ledger_is_rewritten_once_the_journal_is_worth_it(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path, fold_at=SHORT)) as store:
        store.insert([entry(key=f"CODE{number}") for number in range(100)])
    before = (tmp_path / SNAPSHOT).stat().st_ino

    with Store(TinyEngine(tmp_path, fold_at=SHORT)) as store:
        store.insert([entry(key=f"MORE{number}") for number in range(30)])

    assert (tmp_path / SNAPSHOT).stat().st_ino != before
    assert not (tmp_path / JOURNAL).exists()


def test_what_was_removed_is_in_no_file_any_more_once_it_is_to_be_gone_and_the_copy_still_leads_back(
    tmp_path: Path,
) -> None:
    with Store(TinyEngine(tmp_path, fold_at=SHORT)) as store:
        store.insert([entry(guild_id=1, key=f"CODE{number}") for number in range(100)])
        store.insert([entry(guild_id=2, key="GOES")])
    with Store(TinyEngine(tmp_path, fold_at=SHORT)) as store, Store(TinyEngine(tmp_path, fold_at=SHORT)) as other:
        assert store.remove_documents(LEDGER, [entry(guild_id=2, key="GOES").id])
        engine = TinyEngine(tmp_path, fold_at=SHORT)
        engine.drop_former()
        engine.drop_former()
        engine.close()
        assert [path.name for path in tmp_path.iterdir() if b"GOES" in path.read_bytes()] == []
        other.insert([entry(guild_id=3, key="LATER")])
        store.insert([entry(guild_id=4, key="LAST")])
    (tmp_path / SNAPSHOT).unlink()
    (tmp_path / PREVIOUS_SNAPSHOT).rename(tmp_path / SNAPSHOT)
    with Store(TinyEngine(tmp_path)) as store:
        assert len(list(store.entries())) == 102
