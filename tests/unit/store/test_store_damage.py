from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.records import entry, subscription

from giftping.store.base import SCHEMA_VERSION, StoreError
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL, PREVIOUS_JOURNAL, PREVIOUS_SNAPSHOT, SNAPSHOT


def write_sittings(folder: Path, *guild_ids: int) -> None:
    """Write one entry a sitting, so that each ends with a fold."""
    for guild_id in guild_ids:
        with Store(TinyEngine(folder)) as store:
            store.insert([entry(guild_id)])


def leave_journal(folder: Path, *guild_ids: int) -> None:
    """Write one entry after the other and end as a killed process does, without a fold."""
    copy = folder.with_name("work")
    if folder.exists():
        shutil.copytree(folder, copy)
    with Store(TinyEngine(copy)) as store:
        for guild_id in guild_ids:
            store.insert([entry(guild_id)])
        shutil.copytree(copy, folder, dirs_exist_ok=True)
    shutil.rmtree(copy)


def edited(**changes: object) -> Callable[[bytes], bytes]:
    """Return an edit that replaces tables of the snapshot."""
    return lambda data: json.dumps(json.loads(data) | changes).encode()


def all_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name != "store.lock"}


SNAPSHOT_DAMAGE = {
    "truncated": (lambda data: data[:-40], "damaged"),
    "cut off within a line": (lambda data: data[: len(data) // 2], "damaged"),
    "empty": (lambda data: b"", "damaged: Expecting value"),
    "binary": (lambda data: bytes(range(256)), "damaged"),
    "not UTF-8": (lambda data: data.replace(b"Gift100", b"Gift\xff\xfe"), "damaged"),
    "nested without end": (lambda data: b"[" * 200_000, "damaged"),
    "a list": (lambda data: b"[]", "not a giftping file"),
    "a number": (lambda data: b"5", "not a giftping file"),
    "another program's": (lambda data: b'{"_default": {"1": {"a": 1}}}', "not a giftping file"),
    "the older bot's": (
        lambda data: b'{"channels": {"123": 456}, "sent": {"123": ["A1"], "global": []}, "initialized": true}',
        "not a giftping file.*migrate --from-json",
    ),
    "without a schema": (
        edited(meta={"1": {"_id": "generation", "store": "x", "number": 1}}),
        "schema version is None",
    ),
    "of a schema in words": (edited(meta={"1": {"_id": "schema", "version": "1"}}), "schema version is '1'"),
    "a newer giftping's": (
        edited(meta={"1": {"_id": "schema", "version": SCHEMA_VERSION + 1}}, sent_giftcodes="of another shape"),
        rf"newer giftping \(schema {SCHEMA_VERSION + 1}, this one knows {SCHEMA_VERSION}\); update giftping",
    ),
    "without a generation": (edited(meta={"1": {"_id": "schema", "version": 1}}), "which store and generation"),
    "with a table that is a list": (edited(guilds=[]), "table guilds is not an object"),
    "with a document that is a text": (edited(guilds={"1": "x"}), "document 1 of table guilds has no _id"),
    "with a document without an id": (edited(guilds={"1": {"guild_id": 1}}), "document 1 of table guilds has no _id"),
    "with one id twice": (edited(guilds={"1": {"_id": "1"}, "2": {"_id": "1"}}), "table guilds holds '1' twice"),
}


@pytest.mark.parametrize("damage", SNAPSHOT_DAMAGE)
@pytest.mark.parametrize("read_only", [False, True], ids=["to write", "to read"])
def test_a_damaged_file_is_refused_and_nothing_is_written(damage: str, read_only: bool, tmp_path: Path) -> None:
    """D6, D7: a file that cannot be read is neither an empty ledger nor overwritten."""
    folder = tmp_path / "state"
    write_sittings(folder, 1, 2)
    edit, complaint = SNAPSHOT_DAMAGE[damage]
    (folder / SNAPSHOT).write_bytes(edit((folder / SNAPSHOT).read_bytes()))
    before = all_of(folder)
    with pytest.raises(StoreError, match=complaint) as trouble:
        Store(TinyEngine(folder, read_only=read_only))
    assert str(trouble.value).startswith(f"{folder / SNAPSHOT}: ")
    assert "\n" not in str(trouble.value)
    assert all_of(folder) == before


def test_the_way_back_that_the_message_tells_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    write_sittings(folder, 1, 2, 3)
    (folder / SNAPSHOT).write_text("{")
    with pytest.raises(StoreError, match=r"put giftping\.json\.previous in its place"):
        Store(TinyEngine(folder))
    (folder / PREVIOUS_SNAPSHOT).rename(folder / SNAPSHOT)
    with Store(TinyEngine(folder)) as store:
        assert [one.guild_id for one in store.entries()] == [1, 2, 3]
        store.insert([entry(4)])
    with Store(TinyEngine(folder)) as store:
        assert [one.guild_id for one in store.entries()] == [1, 2, 3, 4]


def test_without_a_former_file_the_message_does_not_speak_of_one(tmp_path: Path) -> None:
    (tmp_path / SNAPSHOT).write_text("")
    with pytest.raises(StoreError, match="restore it from a backup, or move it away to start empty"):
        Store(TinyEngine(tmp_path))


def test_a_file_that_breaks_while_the_store_is_open_is_refused_until_it_is_whole_again(tmp_path: Path) -> None:
    write_sittings(tmp_path, 1)
    whole = (tmp_path / SNAPSHOT).read_bytes()
    with Store(TinyEngine(tmp_path)) as store:
        (tmp_path / SNAPSHOT).write_bytes(whole[:-9])
        for attempt in (lambda: store.insert([entry(2)]), store.entries, store.subscriptions):
            with pytest.raises(StoreError, match="damaged"):
                attempt()
        assert (tmp_path / SNAPSHOT).read_bytes() == whole[:-9]
        (tmp_path / SNAPSHOT).write_bytes(whole)
        assert store.insert([entry(2)]) == {"2:GIFT100"}


def test_a_missing_file_that_a_journal_goes_on_from_is_not_an_empty_store(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    write_sittings(folder, 1)
    leave_journal(folder, 2)
    (folder / SNAPSHOT).unlink()
    with pytest.raises(StoreError, match=r"giftping\.json: missing, though giftping\.journal goes on from it"):
        Store(TinyEngine(folder))


def flip_in_line(number: int) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        lines[number] = lines[number].replace(b"delivery-1", b"delivery-2").replace(b'"generation"', b'"Generation"')
        return b"".join(lines)

    return edit


def without_line(number: int) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        return b"".join(lines[:number] + lines[number + 1 :])

    return edit


def signed(*payloads: object) -> bytes:
    """Return a journal of these payloads with right checksums."""
    checksum, lines = 0, b""
    for payload in payloads:
        text = json.dumps(payload).encode()
        checksum = zlib.crc32(text, checksum)
        lines += b"%08x %s\n" % (checksum, text)
    return lines


JOURNAL_DAMAGE = {
    "a changed header": (flip_in_line(0), "line 1: its checksum"),
    "a changed line in the middle": (flip_in_line(2), "line 3: its checksum"),
    "a changed last line": (flip_in_line(-1), "line 4: its checksum"),
    "a missing line": (without_line(1), "line 2: its checksum"),
    "zero bytes in the middle": (lambda data: data.replace(b"Gift100", b"\0" * 7, 1), "line 2: its checksum"),
    "no whole header": (lambda data: data[:20], "line 1: its first line is cut off"),
    "nothing": (lambda data: b"", "line 1: its first line is cut off"),
    "another program's lines": (lambda data: b"hello\nworld\n", "line 1: its checksum"),
    "a header that is a list": (lambda data: signed([]), "line 1"),
    "a header without a store": (lambda data: signed({"schema": 1, "generation": 1}), "no 'store'"),
    "a newer giftping's header": (lambda data: signed({"schema": 9}), "newer giftping"),
    "a line that is not JSON": (
        lambda data: data + b"%08x {\n" % zlib.crc32(b"{", int(data.splitlines()[-1][:8], 16)),
        "line 5",
    ),
}


@pytest.mark.parametrize("damage", JOURNAL_DAMAGE)
def test_a_journal_that_is_damaged_before_its_end_is_refused_and_nothing_is_written(
    damage: str, tmp_path: Path
) -> None:
    folder = tmp_path / "state"
    write_sittings(folder, 1)
    leave_journal(folder, 2, 3, 4)
    edit, complaint = JOURNAL_DAMAGE[damage]
    (folder / JOURNAL).write_bytes(edit((folder / JOURNAL).read_bytes()))
    before = all_of(folder)
    with pytest.raises(StoreError, match=complaint) as trouble:
        Store(TinyEngine(folder))
    assert str(trouble.value).startswith(f"{folder / JOURNAL}: ")
    assert all_of(folder) == before


def test_a_change_of_a_kind_that_is_not_known_is_refused(tmp_path: Path) -> None:
    header = {"store": "s", "generation": 0, "schema": 1}
    for change in (["put", "todo_of_tomorrow", {"_id": "1"}], ["put"], ["move", "guilds", "1"], [], 5):
        (tmp_path / JOURNAL).write_bytes(signed(header, [change]))
        with pytest.raises(StoreError, match=r"giftping\.journal: "):
            Store(TinyEngine(tmp_path))


@pytest.mark.parametrize(
    "tear",
    [
        lambda data: data[:-1],
        lambda data: data[:-60],
        lambda data: data + b"0",
        lambda data: data + b"\0" * 700,
        lambda data: data + b'1234abcd [["put"' + b"\0" * 90 + b"}]]\n",
    ],
    ids=["without its end of line", "cut in the middle", "one byte more", "zero bytes", "a hole in the last line"],
)
def test_a_half_line_at_the_end_of_the_journal_is_dropped(tear: Callable[[bytes], bytes], tmp_path: Path) -> None:
    folder = tmp_path / "state"
    leave_journal(folder, 1, 2)
    whole = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(tear(whole))
    kept = [1] if len(tear(whole)) < len(whole) else [1, 2]
    with Store(TinyEngine(folder, read_only=True)) as store:
        assert [one.guild_id for one in store.entries()] == kept
    with Store(TinyEngine(folder)) as store:
        assert [one.guild_id for one in store.entries()] == kept
        store.insert([entry(3)])
    with Store(TinyEngine(folder)) as store:
        assert [one.guild_id for one in store.entries()] == [*kept, 3]


def test_a_journal_of_an_earlier_generation_is_in_the_file_already(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    leave_journal(folder, 1, 2)
    journal = (folder / JOURNAL).read_bytes()
    with Store(TinyEngine(folder)) as store:
        store.remove_documents("sent_giftcodes", ["2:GIFT100"])
        assert [one.guild_id for one in store.entries()] == [1]
    (folder / JOURNAL).write_bytes(journal)
    with Store(TinyEngine(folder)) as store:
        assert [one.guild_id for one in store.entries()] == [1]
        store.insert([entry(3)])
    with Store(TinyEngine(folder)) as store:
        assert [one.guild_id for one in store.entries()] == [1, 3]


def test_a_file_that_is_older_than_its_journal_is_refused(tmp_path: Path) -> None:
    """An old backup put back beside a new journal would forget what was announced in between."""
    folder = tmp_path / "state"
    write_sittings(folder, 1)
    backup = (folder / SNAPSHOT).read_bytes()
    write_sittings(folder, 2, 3)
    (folder / SNAPSHOT).write_bytes(backup)
    with pytest.raises(StoreError, match=r"too old \(generation 1\) for giftping\.journal\.previous \(generation 2\)"):
        Store(TinyEngine(folder))
    (folder / PREVIOUS_JOURNAL).unlink()
    with Store(TinyEngine(folder)) as store:
        assert [one.guild_id for one in store.entries()] == [1]


def test_an_old_file_beside_a_journal_in_use_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    write_sittings(folder, 1)
    backup = (folder / SNAPSHOT).read_bytes()
    write_sittings(folder, 2)
    leave_journal(folder, 3)
    (folder / PREVIOUS_JOURNAL).unlink()
    (folder / SNAPSHOT).write_bytes(backup)
    with pytest.raises(StoreError, match=r"too old \(generation 1\) for giftping\.journal \(generation 2\)"):
        Store(TinyEngine(folder))


def test_a_journal_of_another_store_is_refused(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        write_sittings(folder, 1)
        leave_journal(folder, 2)
    shutil.copy(there / JOURNAL, here / JOURNAL)
    with pytest.raises(StoreError, match=r"goes on from another giftping\.json"):
        Store(TinyEngine(here))


def test_the_former_journal_of_another_store_does_no_harm(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    write_sittings(here, 1)
    write_sittings(there, 5, 6)
    shutil.copy(there / PREVIOUS_JOURNAL, here / PREVIOUS_JOURNAL)
    with Store(TinyEngine(here)) as store:
        assert [one.guild_id for one in store.entries()] == [1]


def test_a_document_that_says_nothing_sensible_is_named(tmp_path: Path) -> None:
    with Store(TinyEngine(tmp_path)) as store:
        store.insert([entry(1)])
        store.put_subscriptions(subscription(1))
    raw = (tmp_path / SNAPSHOT).read_text()
    (tmp_path / SNAPSHOT).write_text(raw.replace('"open",', '"posted",').replace('"destination"', '"goes_to"'))
    with Store(TinyEngine(tmp_path, read_only=True)) as store:
        assert (list(store.entries()), store.subscriptions()) == ([], [])
        entry_named, guild_named = store.odd
    assert "sent_giftcodes: document '1:GIFT100': state is 'posted', not one of" in entry_named
    assert "subscriptions: document '1:whiteout-survival': destination is None, not an object" in guild_named


@pytest.mark.parametrize(
    ("put_back", "in_place"),
    [((5,), False), ((5, 6), False), ((5, 6, 7), False), ((5,), True)],
    ids=["shorter", "of the same length", "longer", "shorter in the same file"],
)
def test_a_journal_that_is_put_back_under_an_open_store_is_read_anew(
    put_back: tuple[int, ...], in_place: bool, tmp_path: Path
) -> None:
    folder, backup = tmp_path / "state", tmp_path / "backup"
    leave_journal(folder, 1, 2)
    leave_journal(backup, *put_back)
    with Store(TinyEngine(folder, read_only=True)) as store:
        assert [one.guild_id for one in store.entries()] == [1, 2]
        if in_place:
            (folder / JOURNAL).write_bytes((backup / JOURNAL).read_bytes())
        else:
            (backup / JOURNAL).rename(folder / JOURNAL)
        assert [one.guild_id for one in store.entries()] == list(put_back)
