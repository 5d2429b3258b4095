from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from giftping.discord.answers import REASON_LENGTH, api_error, clean, error_reason, hold_of, is_from_discord, read_json
from giftping.discord.pacing import Hold

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["_errors", "message", "code", "errors", "0"]), below, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, {"code": 50013, "message": "Missing Permissions"}, "HTTP 403 Missing Permissions (50013)"),
        (401, {"code": 0, "message": "401: Unauthorized"}, "HTTP 401 Unauthorized"),
        (500, None, "HTTP 500"),
        (400, ["no", "object"], "HTTP 400"),
        (400, {"code": True, "message": "x"}, "HTTP 400"),
        (400, {"code": 1}, "HTTP 400"),
        (
            400,
            {
                "code": 50035,
                "message": "Invalid Form Body",
                "errors": {"embeds": {"0": {"title": {"_errors": [{"code": "X", "message": "Too long."}]}}}},
            },
            "HTTP 400 Invalid Form Body (50035): embeds.0.title: Too long.",
        ),
        (
            400,
            {"code": 50035, "message": "Invalid Form Body", "errors": {"_errors": [{"message": "Empty."}, 3, {}]}},
            "HTTP 400 Invalid Form Body (50035): Empty.",
        ),
        (400, {"code": 7, "message": "a\x1b[31m\n\u202eb"}, "HTTP 400 a [31m b (7)"),
    ],
)
def test_an_error_answer_is_told_in_words(status, body, reason):
    assert error_reason(status, api_error(body)) == reason


@given(JSON)
@settings(max_examples=200)
def test_no_answer_breaks_the_reading_of_errors(body):
    reason = error_reason(400, api_error(body))
    assert reason.startswith("HTTP 400")
    assert len(reason) <= REASON_LENGTH
    assert isinstance(hold_of({}, body, 1), Hold)


def test_a_deep_tree_of_errors_is_not_followed_to_its_end():
    tree: object = {"_errors": [{"message": "deep"}]}
    for _ in range(500):
        tree = {"x": tree}
    assert error_reason(400, api_error({"code": 1, "message": "m", "errors": tree})) == "HTTP 400 m (1)"


def test_a_secret_that_comes_back_is_hidden():
    assert clean("no webhook 1/s3cret here", ("s3cret", "")) == "no webhook 1/[hidden] here"


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_json_reads_as_nothing(body):
    assert read_json(body) is None


@pytest.mark.parametrize(
    ("headers", "body", "tries", "hold"),
    [
        ({"retry-after": "2"}, {"retry_after": 1.25, "global": False}, 1, Hold(1.25, False)),
        ({"retry-after": "2"}, None, 1, Hold(2.0, False)),
        ({"retry-after": "2.5"}, {"retry_after": "soon"}, 1, Hold(2.5, False)),
        ({"x-ratelimit-reset-after": "0.5"}, {}, 1, Hold(0.5, False)),
        ({}, {"retry_after": 3, "global": True}, 1, Hold(3.0, True)),
        ({"x-ratelimit-scope": "global", "retry-after": "1"}, None, 1, Hold(1.0, True)),
        ({"x-ratelimit-global": "true", "retry-after": "1"}, None, 1, Hold(1.0, True)),
        ({"x-ratelimit-scope": "shared", "retry-after": "1"}, None, 1, Hold(1.0, False)),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, 1, Hold(1.0, False)),
        ({"retry-after": "-5"}, {"retry_after": json.loads("NaN")}, 1, Hold(1.0, False)),
        ({}, None, 3, Hold(4.0, False)),
        ({"retry-after": "0"}, None, 1, Hold(0.0, False)),
        ({"retry-after": "0"}, None, 3, Hold(4.0, False)),
    ],
)
def test_how_long_a_429_is_waited_for(headers, body, tries, hold):
    assert hold_of(headers, body, tries) == hold


@pytest.mark.parametrize(
    ("headers", "from_discord"),
    [
        ({"via": "1.1 google"}, True),
        ({"x-ratelimit-limit": "5"}, True),
        ({"retry-after": "600", "server": "cloudflare"}, False),
    ],
)
def test_a_429_without_via_and_rate_limit_headers_is_cloudflares(headers, from_discord):
    assert is_from_discord(headers) is from_discord
