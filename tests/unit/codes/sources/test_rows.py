"""What all kinds make of their rows, tried on one of them."""

from __future__ import annotations

import json
from datetime import timedelta

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_helpers import NOW, define, parse, spellings

from giftping.codes.sources.json_api import JsonRow
from giftping.settings.sources import FieldRule

CODES = define('kind = "json"\nrows = { at = "codes", code = "code", expires = "expires" }')
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["code", "a", "null"]), inner),
    max_leaves=6,
)


def test_a_code_is_listed_without_the_quotes_stops_and_dashes_around_it() -> None:
    written = ["S3PUPDATE:", "SUOMI1205 –", 'GENSHINGIFT"', "«GIFT2026».", "\tNEW2026 …", "WOS-2026", "—"]
    listing = parse(CODES, json.dumps({"codes": [{"code": one} for one in written]}))
    assert spellings(listing) == ["S3PUPDATE", "SUOMI1205", "GENSHINGIFT", "GIFT2026", "NEW2026", "WOS-2026"]
    assert [row.reason for row in listing.dropped] == ["it has no code"]


@given(VALUES, st.sampled_from(["code", "a", "null", "true"]))
def test_a_path_that_names_a_key_finds_what_the_expression_does(value: object, path: str) -> None:
    found = jmespath.compile(path).search(value)
    wanted = [] if found is None else [one for one in found if one is not None] if isinstance(found, list) else [found]
    assert JsonRow(value).find(FieldRule(path)) == wanted


@pytest.mark.parametrize("text", ["7 days left", "1970-01-01", "2007-01-01", "2026-05-12", "soon"])
def test_what_was_read_before_is_read_by_the_time_of_now(text: str) -> None:
    body = json.dumps({"codes": [{"code": "WOS2026", "expires": text}]})
    ends = [parse(CODES, body, now=now).sightings[0].expires_at for now in (NOW, NOW + timedelta(days=400), NOW)]
    assert ends[0] == ends[2]
    assert (ends[0] == ends[1]) is (text not in ("7 days left", "2007-01-01"))
