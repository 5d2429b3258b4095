"""The table of what Discord's noes mean, and that no answer of any form falls out of it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fakes.clock import TestClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from giftping.discord.http import DiscordHttp
from giftping.discord.meanings import _BY_CODE, LIMIT, PASSES, TOKEN, Again, Kind, meaning_of
from giftping.discord.message import Message
from giftping.discord.outcome import Done, Refused, Unclear
from giftping.discord.rest import RestClient
from giftping.discord.webhook import WebhookAddress, WebhookRoute

BUDGET = timedelta(seconds=2)
CODES = sorted(_BY_CODE)


@pytest.mark.parametrize("code", CODES)
def test_whoever_has_to_act_is_told_what_to_mend(code: int) -> None:
    for by_webhook in (False, True):
        meaning = meaning_of(400, code, by_webhook=by_webhook)
        needs_somebody = meaning.kind in (Kind.DESTINATION, Kind.TOKEN, Kind.CONTENT)
        assert (meaning.who is not None, bool(meaning.mend)) == (needs_somebody, needs_somebody)
        # What passes by itself is tried by the next run; what a person has to mend is not tried in each of them.
        assert needs_somebody == (meaning.again is not Again.NEXT_RUN)


@pytest.mark.parametrize("status", [401, 403, 404])
@pytest.mark.parametrize("code", [None, 0, 10004, 10008, 99999])
def test_what_nobody_knows_more_of_is_said_of_the_webhook_that_was_asked(status: int, code: int | None) -> None:
    assert "webhook" in meaning_of(status, code, by_webhook=True).mend
    assert "webhook" not in meaning_of(status, code).mend


@pytest.mark.parametrize(
    ("status", "code", "by_webhook", "kind", "again"),
    [
        (404, 10003, False, Kind.DESTINATION, Again.SOON),
        (404, 10003, True, Kind.DESTINATION, Again.SOON),
        (404, 10015, True, Kind.DESTINATION, Again.NEVER),
        (401, 50027, True, Kind.DESTINATION, Again.NEVER),
        (401, 0, True, Kind.DESTINATION, Again.NEVER),
        (401, 0, False, Kind.TOKEN, Again.HOURS),
        (401, 40001, False, Kind.TOKEN, Again.HOURS),
        (403, 50001, False, Kind.DESTINATION, Again.HOURS),
        (403, 50013, False, Kind.DESTINATION, Again.HOURS),
        (403, 12345, False, Kind.DESTINATION, Again.HOURS),
        (403, 40333, False, Kind.PASSES, Again.NEXT_RUN),
        (400, 220001, True, Kind.DESTINATION, Again.HOURS),
        (400, 50008, False, Kind.DESTINATION, Again.HOURS),
        (400, 40067, False, Kind.DESTINATION, Again.HOURS),
        (400, 50035, False, Kind.CONTENT, Again.HOURS),
        (400, 50006, True, Kind.CONTENT, Again.HOURS),
        (400, 99999, False, Kind.CONTENT, Again.HOURS),
        (403, 20016, False, Kind.LIMIT, Again.NEXT_RUN),
        (403, 20028, False, Kind.LIMIT, Again.NEXT_RUN),
        (403, 20029, False, Kind.LIMIT, Again.NEXT_RUN),
        (429, 10003, False, Kind.LIMIT, Again.NEXT_RUN),
        (409, 0, False, Kind.PASSES, Again.NEXT_RUN),
        (None, None, False, Kind.PASSES, Again.NEXT_RUN),
    ],
)
def test_a_no_means_one_thing(status: int | None, code: int | None, by_webhook: bool, kind: Kind, again: Again) -> None:
    meaning = meaning_of(status, code, by_webhook=by_webhook)
    assert (meaning.kind, meaning.again) == (kind, again)


FACTS = Path(__file__).parents[4] / "shared" / "facts" / "discord.md"


@pytest.mark.skipif(not FACTS.exists(), reason="the facts about Discord are not beside this checkout")
def test_every_code_that_is_to_be_classified_is_in_the_table() -> None:
    line = next(part for part in FACTS.read_text("utf-8").split("Error codes to classify:")[1:]).split("Interactions:")[
        0
    ]
    named = {int(code) for code in re.findall(r"\b\d{5}\b", line)}
    # This one answers an interaction, which is discord.py's.
    assert named - {40060} <= set(_BY_CODE)


# Whatever answers

TEXTS = st.sampled_from(["", "No", "401: Unauthorized", "<html>", "nan", "\x00\udcff", "x" * 5000])
NUMBERS = st.sampled_from(
    ["-1", "0", "0.05", "nan", "inf", "-inf", "1e400", "soon", "", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "１２"]
)
DATES = st.sampled_from(
    [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "Mon, 04 May 2026 12:00:07 GMT",
        "Mon, 04 May 2026 12:00:07 -9999",
        "yesterday",
        "",
        "\x00",
    ]
)
BODIES = st.one_of(
    st.builds(
        lambda code, message, wait: json.dumps({"code": code, "message": message, "retry_after": wait}).encode(),
        st.one_of(st.sampled_from([*CODES, 0, 1, 404, 403, -1, 2**70]), st.none(), st.booleans(), st.floats()),
        TEXTS.filter(lambda text: "\udcff" not in text) | st.none(),
        NUMBERS | st.floats() | st.integers() | st.none(),
    ),
    st.sampled_from([b"", b"{", b"[]", b"null", b"<html>", b'{"id": "1"}', b'{"id": 0}', b'{"id": "-3"}', b"[" * 9999]),
    st.binary(max_size=30),
)
HEADERS = st.fixed_dictionaries(
    {"content-type": st.sampled_from(["application/json", "text/html"])},
    optional={
        "via": st.just("1.1 google"),
        "date": DATES.filter(str.isascii).filter(lambda text: "\x00" not in text),
        "retry-after": NUMBERS.filter(str.isascii),
        "x-ratelimit-scope": st.sampled_from(["user", "shared", "global", "?"]),
        "x-ratelimit-limit": NUMBERS.filter(str.isascii),
        "x-ratelimit-remaining": NUMBERS.filter(str.isascii),
        "x-ratelimit-reset-after": NUMBERS.filter(str.isascii),
    },
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(status=st.integers(200, 599), headers=HEADERS, body=BODIES, as_bot=st.booleans())
def test_no_answer_is_anything_but_done_refused_or_unclear(
    status: int, headers: dict[str, str], body: bytes, as_bot: bool
) -> None:
    clock = TestClock()
    began = clock()
    http = DiscordHttp(
        "https://discord.example/api",
        token="a-token",
        budget=BUDGET,
        monotonic=lambda: clock().timestamp(),
        sleep=lambda seconds: clock.pass_time(timedelta(seconds=seconds)),
        now=clock,
        transport=httpx.MockTransport(lambda _: httpx.Response(status, headers=headers, content=body)),
    )
    with http:
        if as_bot:
            outcome = RestClient(http).post_message(1, Message(content="hi"), "nonce")
        else:
            outcome = WebhookRoute(http, WebhookAddress(1, "secret"), None).post(Message(content="hi"), "")
        assert isinstance(outcome, Done | Refused | Unclear)
        assert clock() - began <= BUDGET + timedelta(seconds=1), "a run does not sleep for ever"
        assert http.clock_offset is None or abs(http.clock_offset) < timedelta(days=36_500)
        # Whatever the answer said of the time, later looks can be made by it.
        assert (http.discord_now() is None) == (http.anchor() is None) == (http.clock_offset is None)
        if (now := http.discord_now()) is not None:
            assert now + timedelta(days=36_500)
    says_so = _is_discords(body)
    if isinstance(outcome, Refused):
        assert status == 429 or (400 <= status < 500 and status != 408 and says_so)
        assert meaning_of(outcome.status, outcome.code, by_webhook=not as_bot).kind in Kind
    if isinstance(outcome, Done):
        assert 200 <= status < 300


def _is_discords(body: bytes) -> bool:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return False
    code = found.get("code") if isinstance(found, dict) else None
    return type(code) is int and (code == 0 or 10_000 <= code < 10_000_000) and isinstance(found.get("message"), str)


@given(status=st.integers(100, 999) | st.none(), code=st.integers() | st.none(), by_webhook=st.booleans())
def test_every_status_and_code_means_something(status: int | None, code: int | None, by_webhook: bool) -> None:
    meaning = meaning_of(status, code, by_webhook=by_webhook)
    assert meaning.kind in Kind
    assert meaning.again in Again


def test_what_passes_asks_nothing_of_anybody() -> None:
    assert (PASSES.mend, LIMIT.mend, PASSES.who, LIMIT.who) == ("", "", None, None)
    assert TOKEN.is_lasting
    assert not TOKEN.is_of_destination
