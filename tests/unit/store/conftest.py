import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[2]))

from mirror_site import Site


@pytest.fixture(autouse=True)
def no_power_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: these tests kill processes, not the machine, and what a killed process wrote is there."""
    monkeypatch.setattr(os, "fsync", os.fstat)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    for engine in made.opened:
        engine._mirror.close()  # as the death of its process would
