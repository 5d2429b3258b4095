from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scene import Scene

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Return an empty stage; Discord's rate limits are off unless a test switches them on."""
    with StandInDiscord(limits=None) as discord, StandInSources() as sources:
        yield Scene(tmp_path, discord, sources)
        assert discord.violations == []
        assert discord.unexpected == []
