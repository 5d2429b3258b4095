import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[2]))

from fakes.openapi import discord_openapi
from todo_stage import CHANNEL, GUILD, ROLE, Stage, StageClock

from giftping.demo.discord import StandInDiscord


@pytest.fixture(autouse=True)
def no_power_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the disk: what a run wrote is there for the next one, and no machine goes off here."""
    monkeypatch.setattr(os, "fsync", os.fstat)


@pytest.fixture
def clock() -> StageClock:
    return StageClock()


@pytest.fixture
def stage(tmp_path: Path, clock: StageClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A guild with a TODO channel and role on a stand-in Discord, and a giftping that is set up for it."""
    monkeypatch.setattr("giftping.settings.file.SYSTEM_FOLDER", tmp_path / "etc" / "giftping")
    openapi = discord_openapi()
    with StandInDiscord(limits=None, clock=clock, validate=openapi and openapi.request_violations) as discord:
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        discord.add_channel(CHANNEL, GUILD)
        discord.add_role(GUILD, ROLE)
        yield Stage(discord, tmp_path, clock)
    assert discord.unexpected == []
    assert discord.violations == []
