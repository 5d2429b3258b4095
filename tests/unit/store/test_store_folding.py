from __future__ import annotations

from pathlib import Path

from fakes.records import entry

from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL, SNAPSHOT, fingerprint

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
