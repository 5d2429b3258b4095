from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from giftping.settings.catalogue import Catalogue, Game
from giftping.settings.sources import read_definition

if TYPE_CHECKING:
    from docs_story import Story

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[1]))

RISE_API = {"kind": "json", "game": "rise", "url": "https://codes.example/api", "rows": {"at": "codes", "code": "code"}}


@pytest.fixture(autouse=True)
def logging_is_as_it_was() -> Iterator[None]:
    """Undo what a command that runs in this process takes over: it means to have the process to itself."""
    loggers = [logging.getLogger(), logging.getLogger("giftping"), logging.getLogger("discord")]
    levels = [logger.level for logger in loggers]
    handlers, last = list(loggers[0].handlers), logging.lastResort
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    yield
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    logging.lastResort = last
    logging.captureWarnings(capture=False)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Every command once, as the pages tell of them; whoever needs it is of the xdist_group "story"."""
    from docs_story import play

    return play(tmp_path_factory.mktemp("story"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine may enter; pytest's own are closed.

    To open those would not do: another run of pytest closes them when it begins.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if not all(parent.stat().st_mode & 0o001 for parent in folder.resolve().parents):
            pytest.skip("the folder for temporary files is closed to other users here")
        yield folder


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose /etc holds no settings, and a giftping that comes with the game rise and the source rise-api."""
    definition, problems = read_definition("rise-api", RISE_API, built_in=True)
    assert not problems
    catalogue = Catalogue({"rise": Game("rise", "Rise")}, (definition,), {"rise-api": RISE_API})
    monkeypatch.setattr("giftping.settings.load.load_catalogue", lambda: catalogue)
    monkeypatch.setattr("giftping.settings.file.SYSTEM_FOLDER", tmp_path / "etc" / "giftping")
