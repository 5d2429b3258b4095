import os
import sys
from pathlib import Path

import pytest

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[2]))


@pytest.fixture(autouse=True)
def no_power_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: these tests kill processes, not the machine, and what a killed process wrote is there."""
    monkeypatch.setattr(os, "fsync", os.fstat)
