"""Small steps that the tests of the source kinds share."""

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fakes.rules import SKIPPED_REGIONS

from giftping.codes.guards import clearance
from giftping.codes.merge import merge
from giftping.codes.model import Code, Listing
from giftping.codes.sources.kinds import parser_of
from giftping.settings.catalogue import load_catalogue
from giftping.settings.sources import SourceDefinition, read_definition

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
SAMPLES = Path(__file__).parents[1] / "samples"
PAYLOADS = Path(__file__).parents[4] / ".." / "shared" / "payloads"
BUILT_IN = {source.name: source for source in load_catalogue().sources}


def define(toml: str) -> SourceDefinition:
    """The definition that a user's TOML describes; kind and rows are the user's, the rest is filled in."""
    table: dict[str, Any] = {"game": "rise", "url": "https://codes.example/", **tomllib.loads(toml)}
    definition, problems = read_definition("mine", table)
    assert definition, problems
    return definition


def parse(definition: SourceDefinition, body: bytes | str, content_type: str = "", now: datetime = NOW) -> Listing:
    data = body.encode() if isinstance(body, str) else body
    return parser_of(definition.kind)(definition, data, content_type, now)


def spellings(listing: Listing) -> list[str]:
    return [sighting.spelling for sighting in listing.sightings]


def going_out(listing: Listing, now: datetime) -> tuple[list[Code], dict[str, str]]:
    """The codes that may go out, and why the others may not."""
    codes = merge(listing.sightings)
    refused = {
        code.spelling: clearance(code, now, SKIPPED_REGIONS).reason
        for code in codes
        if not clearance(code, now, SKIPPED_REGIONS).may_go_out
    }
    return [code for code in codes if code.spelling not in refused], refused


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def payload(name: str) -> bytes:
    if not PAYLOADS.is_dir():
        pytest.skip("the recorded payloads (shared/payloads) are not beside this checkout")
    return (PAYLOADS / name).read_bytes()


def labels(name: str) -> dict[str, Any]:
    return json.loads(payload("LABELS.json"))[name]
