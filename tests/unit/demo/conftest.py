import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fakes.patience import PATIENT

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[2]))

from fakes.openapi import discord_openapi
from stand_in_stage import client_of, furnish

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources


@pytest.fixture
def discord() -> Iterator[StandInDiscord]:
    openapi = discord_openapi()
    with StandInDiscord(limits=None, validate=openapi and openapi.request_violations) as stand_in:
        yield furnish(stand_in)


@pytest.fixture
def api(discord: StandInDiscord) -> Iterator[httpx.Client]:
    with client_of(discord) as client:
        yield client


@pytest.fixture
def sources() -> Iterator[StandInSources]:
    with StandInSources() as stand_in:
        yield stand_in


@pytest.fixture
def web(sources: StandInSources) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.HTTPTransport(verify=False), timeout=PATIENT) as client:
        yield client
