from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[1]))

from fakes.openapi import discord_openapi
from forks import Forker, Forkers
from mongodb import Gate, Ledger, ledger_behind, open_gate
from scene import Scene

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Return an empty stage; Discord's rate limits are off unless a test switches them on.

    Every body that was posted conforms to Discord's own description, where that lies beside the checkout.
    """
    openapi = discord_openapi()
    validate = openapi and openapi.request_violations
    with StandInDiscord(limits=None, validate=validate) as discord, StandInSources(discord.clock) as sources:
        yield Scene(tmp_path, discord, sources)
        assert discord.violations == []
        assert discord.unexpected == []


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a source distribution and the wheel of that; whoever needs them is of the xdist_group "built"."""
    folder = tmp_path_factory.mktemp("dist")
    root = Path(__file__).parents[2]
    # Nothing is fetched.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(root)]
    ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (ran.stdout, ran.stderr)
    return folder


@pytest.fixture(scope="session")
def forkers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forkers]:
    """Return processes that run commands in forks and kill them at a step."""
    forkers = Forkers(tmp_path_factory.mktemp("templates"))
    yield forkers
    forkers.close()


@pytest.fixture
def forker(forkers: Forkers) -> Iterator[Forker]:
    """Return one of them."""
    with forkers.lent() as forker:
        yield forker


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return the way to a MongoDB of the test's own, which it may cut."""
    with open_gate() as opened:
        yield opened


@pytest.fixture
def ledger(gate: Gate) -> Ledger:
    """Return what lies behind the gate."""
    return ledger_behind(gate)
