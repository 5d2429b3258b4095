"""The file behind the memory: whole or not there, private, and never in the way."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.codes.back_off import after_failure
from giftping.codes.memory import Memory, SourceOutcome, SourceState, after_listing, digest_of
from giftping.codes.model import Dropped, Listing, Sighting
from giftping.runs.sources_file import read_memory, write_memory
from giftping.settings.sources import SightingState

NOW = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
LISTING = Listing(
    (
        Sighting("wiki", "game", "gogoWOS", "10 gems", NOW, "soon", SightingState.ACTIVE, "EU"),
        Sighting("wiki", "game", "Ünïcode\u2028\udc80"),
    ),
    (Dropped("Allow", "looks like page furniture"),),
)
FULL = SourceState(
    "f1", '"v1"', "then", "abc", LISTING, digest_of(LISTING), NOW, NOW, SourceOutcome.FAILED, "hang", NOW, 3, NOW, NOW
)
FAILED = after_failure(SourceState("f2"), SourceOutcome.FAILED, "hang", NOW)
MEMORY = Memory({"wiki": FULL, "feed": replace(FAILED, health=None)})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sources.json"


def test_what_is_written_is_read_again(path):
    write_memory(path, MEMORY)
    memory = read_memory(path)
    assert memory == MEMORY
    assert memory.trouble == ""


def test_how_a_source_has_been_is_read_again(path):
    state = after_listing(FAILED, LISTING, NOW, etag="", last_modified="", sha256="abc")
    state = after_listing(state, Listing(), NOW + timedelta(days=1), etag="", last_modified="", sha256="def")
    assert state.health is not None
    write_memory(path, Memory({"wiki": state}))
    assert read_memory(path).states == {"wiki": state}


def test_the_file_is_written_and_read_as_0_1_0_does(path):
    moment = "2026-11-20T12:00:00.123456+00:00"
    times = ("listed_at", "changed_at", "failing_since", "requested_at", "not_before")
    document = {
        "format": 1,
        "sources": {
            "wiki": {
                "fingerprint": "f1",
                "failures": 3,
                "etag": '"v1"',
                "last_modified": "then",
                "sha256": "abc",
                "digest": digest_of(LISTING),
                "reason": "hang",
                **dict.fromkeys(times, moment),
                "outcome": "failed",
                "sightings": [
                    {
                        "game": "game",
                        "spelling": "gogoWOS",
                        "rewards": "10 gems",
                        "expires_at": moment,
                        "expiry_text": "soon",
                        "state": "active",
                        "region": "EU",
                    },
                    {"game": "game", "spelling": "Ünïcode\u2028\udc80", "state": "unstated"},
                ],
                "dropped": [["Allow", "looks like page furniture"]],
            },
            "feed": {
                "fingerprint": "f2",
                "failures": 1,
                "reason": "hang",
                "failing_since": moment,
                "requested_at": moment,
                "not_before": "2026-11-20T12:00:45.123456+00:00",
                "outcome": "failed",
            },
        },
    }
    write_memory(path, MEMORY)
    assert json.loads(path.read_bytes()) == document
    path.write_text(json.dumps(document))
    assert read_memory(path) == MEMORY


def test_an_empty_list_and_no_list_are_kept_apart(path):
    """D15."""
    states = {"empty": SourceState("f1", listing=Listing()), "none": SourceState("f1")}
    write_memory(path, Memory(states))
    assert read_memory(path).states == states


def test_times_in_other_zones_are_the_same_instants(path):
    moment = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    write_memory(path, Memory({"wiki": SourceState("f1", listed_at=moment)}))
    assert read_memory(path).states["wiki"].listed_at == NOW


def test_no_file_is_an_empty_memory_without_trouble(path):
    assert read_memory(path) == Memory()
    assert read_memory(path).trouble == ""


def test_the_file_is_for_its_owner_only_and_leaves_nothing_beside_it(path):
    write_memory(path, MEMORY)
    write_memory(path, MEMORY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("call", ["write", "replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(call, path, monkeypatch):
    """D7: the file is replaced as a whole or not at all."""
    write_memory(path, MEMORY)
    monkeypatch.setattr(os, call, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        write_memory(path, Memory())
    assert read_memory(path) == MEMORY
    assert list(path.parent.iterdir()) == [path]


def test_a_cache_that_every_run_writes_does_not_wait_for_the_disk(path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    write_memory(path, MEMORY)
    assert read_memory(path) == MEMORY
    assert synced == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"format": 2, "sources": {}}',
        b'{"format": 1}',
        b'{"format": 1, "sources": []}',
        b'{"format": 1, "sources": {"wiki": 5}}',
        b'{"format": 1, "sources": {"wiki": {"fingerprint": "f", "failures": "3"}}}',
        b'{"format": 1, "sources": {"wiki": {"fingerprint": "f", "failures": -3}}}',
        b'{"format": 1, "sources": {"wiki": {"fingerprint": "f", "failures": 0, "etag": 5}}}',
        b'{"format": 1, "sources": {"wiki": {"fingerprint": "f", "failures": 0, "outcome": "great"}}}',
        b'{"format": 1, "sources": {"wiki": {"fingerprint": "f", "failures": 0, "listed_at": "noon"}}}',
        b'{"format": 1, "sources": {"wiki": {"fingerprint": "f", "failures": 0, "sightings": [{}], "dropped": []}}}',
        b'{"format": 1, "sources": {"wiki": {"fingerprint": "f", "failures": 0, "sightings": []}}}',
    ],
    ids=lambda content: content[:60].decode("latin-1"),
)
def test_a_file_that_is_damaged_or_foreign_counts_as_absent_and_says_so(path, content):
    """D7: a damaged file is neither an error nor a memory of nothing that hides itself."""
    path.write_bytes(content)
    memory = read_memory(path)
    assert memory.states == {}
    assert str(path) in memory.trouble
    assert "fetched anew" in memory.trouble


def test_a_file_cut_off_anywhere_counts_as_absent(path):
    write_memory(path, MEMORY)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        assert read_memory(path).states == {}


def test_a_file_that_cannot_be_read_counts_as_absent_and_says_why(path):
    path.mkdir()
    assert "Is a directory" in read_memory(path).trouble


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["sightings", "dropped", "failures", "fingerprint", "outcome", "listed_at", "state", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(entry=JSON)
def test_no_json_document_can_break_the_reading(tmp_path_factory, entry):
    path = tmp_path_factory.mktemp("memory") / "sources.json"
    path.write_text(json.dumps({"format": 1, "sources": {"wiki": entry}}))
    memory = read_memory(path)
    assert memory.trouble or memory.states.keys() == {"wiki"}
