from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.records import entry
from store_story import contents, contents_after_each_step, open_store
from tinydb import TinyDB

from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import PREVIOUS_SNAPSHOT, SNAPSHOT

# Each worker would play the story.
pytestmark = pytest.mark.xdist_group("store crash")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders that the story left when it was killed, one for each call that touched a file."""
    folder = tmp_path_factory.mktemp("scenes")
    stage = Path(__file__).with_name("crash_stage.py")
    subprocess.run([sys.executable, stage, folder], check=True)
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def chapters(tmp_path_factory: pytest.TempPathFactory) -> list[list[object]]:
    return contents_after_each_step(tmp_path_factory.mktemp("untroubled") / "state")


def copies(scenes: list[Path], tmp_path: Path) -> list[tuple[str, Path, int]]:
    """Return each scene's name, a copy of its state folder, and how many steps were acknowledged."""
    found = []
    for scene in scenes:
        state = tmp_path / scene.name / "state"
        if (scene / "state").exists():
            shutil.copytree(scene / "state", state)
        found.append((scene.name, state, (scene / "acknowledged").stat().st_size))
    return found


def test_the_story_was_killed_at_many_points_in_every_step(scenes: list[Path], chapters: list[list[object]]) -> None:
    killed_after = {(scene / "acknowledged").stat().st_size for scene in scenes}
    assert killed_after == set(range(len(chapters)))
    assert len(scenes) > 60


def test_what_was_acknowledged_survives_a_kill_and_the_rest_is_whole_or_absent(
    scenes: list[Path], chapters: list[list[object]], tmp_path: Path
) -> None:
    """D2, D34: kill -9 at any instant leaves the claims that were made, and no half of one."""
    for name, state, acknowledged in copies(scenes, tmp_path):
        with Store(TinyEngine(state)) as store:
            found = contents(store)
        assert found in chapters[acknowledged : acknowledged + 2], name
        with Store(TinyEngine(state)) as store:
            assert contents(store) == found, name


def test_a_reader_that_writes_nothing_sees_the_same_after_a_kill(
    scenes: list[Path], chapters: list[list[object]], tmp_path: Path
) -> None:
    for name, state, acknowledged in copies(scenes, tmp_path):
        before = {file.name: file.read_bytes() for file in state.glob("*")}
        with Store(TinyEngine(state, read_only=True)) as store:
            assert contents(store) in chapters[acknowledged : acknowledged + 2], name
        assert {file.name: file.read_bytes() for file in state.glob("*")} == before, name


def test_the_store_works_on_after_a_kill(scenes: list[Path], tmp_path: Path) -> None:
    for name, state, _ in copies(scenes, tmp_path):
        with open_store(state) as store:
            before = contents(store)
            assert store.insert([entry(9, "AFTER")]) == {"9:AFTER"}, name
        with open_store(state) as store:
            assert store.entry(9, "whiteout-survival", "AFTER") == entry(9, "AFTER"), name
            store.remove_documents("sent_giftcodes", ["9:AFTER"])
            assert contents(store) == before, name
        with TinyDB(state / SNAPSHOT, access_mode="r") as plain:
            assert "meta" in plain.tables(), name


def test_the_snapshot_before_loses_nothing_when_it_is_put_back(
    scenes: list[Path], chapters: list[list[object]], tmp_path: Path
) -> None:
    """D7: a damaged file has a way back that forgets no claim."""
    put_back = 0
    for name, state, acknowledged in copies(scenes, tmp_path):
        if (state / PREVIOUS_SNAPSHOT).exists():
            (state / PREVIOUS_SNAPSHOT).rename(state / SNAPSHOT)
            put_back += 1
            with Store(TinyEngine(state)) as store:
                assert contents(store) in chapters[acknowledged : acknowledged + 2], name
    assert put_back > 10
