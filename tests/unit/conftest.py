from __future__ import annotations

import sys
from pathlib import Path

import pytest

from giftping.settings.catalogue import Catalogue, Game
from giftping.settings.sources import read_definition

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[1]))

RISE_API = {"kind": "json", "game": "rise", "url": "https://codes.example/api", "rows": {"at": "codes", "code": "code"}}


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose /etc holds no settings, and a giftping that comes with the game rise and the source rise-api."""
    definition, problems = read_definition("rise-api", RISE_API, built_in=True)
    assert not problems
    catalogue = Catalogue({"rise": Game("rise", "Rise")}, (definition,), {"rise-api": RISE_API})
    monkeypatch.setattr("giftping.settings.load.load_catalogue", lambda: catalogue)
    monkeypatch.setattr("giftping.settings.file.SYSTEM_FOLDER", tmp_path / "etc" / "giftping")
