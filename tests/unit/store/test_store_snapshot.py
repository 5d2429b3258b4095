from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.records import code, entry, mark, run, subscription
from tinydb import TinyDB, where

from giftping.store.base import SCHEMA_VERSION, EntryState
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL, SNAPSHOT
from giftping.store.tiny.snapshot import SnapshotStorage
from giftping.store.tiny.tables import CompactDocument, Compactor

V1_DOCUMENT = {
    "_id": "1:OLDCODE",
    "guild_id": 1,
    "code": "OLDCODE",
    "source": "auto",
    "sent_at": "2024-03-01T10:00:00.000001",
    "created_at": "2024-03-01T10:00:00.000001",
    "updated_at": "2024-03-01T10:00:00.000001",
}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    with Store(TinyEngine(tmp_path)) as store:
        store.insert([entry(1), entry(2)])
        mark(store, "1:GIFT100")
        store.put_subscriptions(subscription())
        store.remember([code()])
        store.record_run(run(details={"a": [1, {"b": None}]}))
    return tmp_path


def test_the_file_is_a_plain_tinydb_file_with_a_table_for_each_collection(written: Path) -> None:
    with TinyDB(written / SNAPSHOT, access_mode="r") as plain:
        assert plain.tables() == {"meta", "sent_giftcodes", "codes", "subscriptions", "runs"}
        assert [document.doc_id for document in plain.table("sent_giftcodes")] == [1, 2]
        sent = plain.table("sent_giftcodes").get(where("_id") == "1:GIFT100")
        assert plain.table("meta").get(where("_id") == "schema") == {"_id": "schema", "version": SCHEMA_VERSION}
    assert sent == {
        "_id": "1:GIFT100",
        "guild_id": 1,
        "game": "whiteout-survival",
        "code": "GIFT100",
        "spelling": "Gift100",
        "source": "api",
        "state": "sent",
        "created_at": "2026-05-04T12:00:00.123456+00:00",
        "updated_at": "2026-05-04T12:07:00.123456+00:00",
        "delivery_id": "delivery-1",
    }


def test_each_document_stands_on_a_line_of_its_own(written: Path) -> None:
    lines = (written / SNAPSHOT).read_text().splitlines()
    assert sum(line.startswith('"') and '"_id": ' in line for line in lines) == 2 + 1 + 1 + 1 + 2


def test_a_file_that_tinydb_itself_has_written_is_read_and_keeps_what_was_added(written: Path) -> None:
    with TinyDB(written / SNAPSHOT) as plain:
        plain.table("sent_giftcodes").insert(V1_DOCUMENT)
        plain.table("notes").insert({"of": "the operator"})
    with Store(TinyEngine(written)) as store:
        old = store.entry(1, "whiteout-survival", "OLDCODE")
        assert old is not None
        assert old.state is EntryState.SENT
        assert [one.key for one in store.entries(1)] == ["OLDCODE", "GIFT100"]
        store.insert([entry(3)])
    with TinyDB(written / SNAPSHOT) as plain:
        assert plain.table("notes").all() == [{"of": "the operator"}]
        assert plain.table("sent_giftcodes").get(where("_id") == "1:OLDCODE") == V1_DOCUMENT
    with Store(TinyEngine(written)) as store:
        assert len(list(store.entries())) == 4


def test_fields_that_giftping_does_not_know_outlive_a_change_of_the_entry(written: Path) -> None:
    raw = json.loads((written / SNAPSHOT).read_text())
    raw["sent_giftcodes"]["2"]["noted_by"] = "the operator"
    (written / SNAPSHOT).write_text(json.dumps(raw))
    with Store(TinyEngine(written)) as store:
        assert mark(store, "2:GIFT100") == 1
    raw = json.loads((written / SNAPSHOT).read_text())
    assert raw["sent_giftcodes"]["2"]["noted_by"] == "the operator"
    assert raw["sent_giftcodes"]["2"]["state"] == "sent"


def test_the_storage_serves_tinydb_in_full(tmp_path: Path) -> None:
    with TinyDB(tmp_path / "any.json", storage=SnapshotStorage) as database:
        assert database.tables() == set()
        for number in range(3):
            database.table("a").insert({"number": number})
        database.table("a").update({"number": 9}, where("number") == 1)
        database.table("b\n{").insert({"nested": {"_id": [1, "}\n"]}})
        database.table("c").truncate()
        assert sorted(document["number"] for document in database.table("a")) == [0, 2, 9]
    with TinyDB(tmp_path / "any.json") as plain:
        assert plain.tables() == {"a", "b\n{", "c"}
        assert plain.table("b\n{").all() == [{"nested": {"_id": [1, "}\n"]}}]
        plain.drop_tables()
    with TinyDB(tmp_path / "any.json", storage=SnapshotStorage) as database:
        assert database.tables() == set()


def test_the_journal_is_folded_when_it_is_longer_than_the_file_and_than_asked(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path, fold_at=2000)) as store:
        folds, size = 0, 0
        for number in range(60):
            store.insert([entry(number)])
            journal = (tmp_path / JOURNAL).stat().st_size if (tmp_path / JOURNAL).exists() else 0
            if not journal:
                folds += 1
                assert (tmp_path / SNAPSHOT).stat().st_size > size
                size = (tmp_path / SNAPSHOT).stat().st_size
            assert journal < max(2000, size)
    # Each fold is of a file about twice as long as the one before: the work does not grow with the square.
    assert 3 <= folds <= 5


def test_a_compact_document_is_a_mapping_like_the_one_it_was_made_of() -> None:
    plain = {"_id": "1", "numbers": [1, 2], "none": None}
    compact = Compactor().compact(plain)
    assert isinstance(compact, CompactDocument)
    assert compact == plain
    assert compact.plain() == plain
    assert {**compact, "more": 1} == {**plain, "more": 1}
    assert (compact.get("none", 5), compact.get("missing", 5), len(compact)) == (None, 5, 3)
    with pytest.raises(KeyError, match="missing"):
        compact["missing"]


def test_compact_documents_share_names_and_values_that_repeat() -> None:
    compactor = Compactor()
    for number in range(20_000):
        one = compactor.compact({"_id": f"{number}", "source": "".join(["a", "p", "i"])})
        two = compactor.compact({"_id": f"{number}-", "source": "".join(["a", "p", "i"])})
        assert one["source"] is two["source"]
    assert next(iter(one)) is next(iter(two))
    assert len(compactor._strings) < 5000


def test_the_embedded_store_imports_nothing_heavy_but_tinydb() -> None:
    script = (
        "import sys, tinydb; before = set(sys.modules); import giftping.store.records, giftping.store.tiny.engine;"
        "print(*sorted({name.split('.')[0] for name in set(sys.modules) - before}))"
    )
    added = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    light = {"giftping", "fcntl", "zlib", "dataclasses", "inspect", "datetime", "pathlib", "threading", "errno"}
    helpers = {"ast", "dis", "opcode", "importlib", "linecache", "tokenize", "token", "fnmatch", "ntpath", "urllib"}
    helpers |= {"ipaddress", "bisect", "math", "struct", "string", "glob", "weakref", "copy", "_datetime", "_struct"}
    assert {name for name in added if not name.startswith("_")} <= light | helpers
