from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from doctor_facts import DISCORD, FAIL, OK, WARN

from giftping.discord.outcome import Refused, Unclear
from giftping.doctor.discord import judge_clock, judge_token, trouble_in
from giftping.doctor.judgement import NoAnswer, Verdict


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({"has_token": False}, FAIL, "DISCORD_TOKEN is not set"),
        ({"has_token": False, "is_needed": False}, OK, "webhooks need none"),
        ({"bot": NoAnswer("HTTP 401", 401)}, FAIL, "not accepted"),
        ({"bot": NoAnswer("timed out")}, FAIL, "timed out"),
    ],
)
def test_a_bot_token_that_is_missing_or_refused_fails_where_it_is_needed(
    changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = judge_token(replace(DISCORD, **changes))  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(4.9, OK), (-4.9, OK), (5, WARN), (-5, WARN), (59.9, WARN), (60, FAIL), (-60, FAIL)]
)
def test_a_clock_warns_from_five_seconds_and_fails_from_a_minute(seconds: float, verdict: Verdict) -> None:
    found = judge_clock(replace(DISCORD, clock_offset=timedelta(seconds=seconds)))
    assert found is not None
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (3, "this machine's clock is 3 min behind Discord's"),
        (-3, "this machine's clock is 3 min ahead of Discord's"),
    ],
)
def test_a_clock_is_said_to_be_behind_when_discords_is_ahead(minutes: int, said: str) -> None:
    found = judge_clock(replace(DISCORD, clock_offset=timedelta(minutes=minutes)))
    assert found is not None
    assert found.what == said


def test_a_clock_that_nobody_told_is_not_judged() -> None:
    assert judge_clock(replace(DISCORD, clock_offset=None)) is None


@pytest.mark.parametrize(
    ("found", "is_on_the_way"),
    [
        (Refused("could not connect: connection refused"), True),
        (Refused("HTTP 407, and the answer is not Discord's", 407, everywhere=True), True),
        (Refused("HTTP 429, 3 times in a row", 429), False),
        (Refused("HTTP 404 Unknown Webhook (10015)", 404, 10015, lasting=True), False),
        (Unclear("HTTP 502"), False),
    ],
)
def test_what_has_surely_not_come_from_discord_is_told_apart(found: Refused | Unclear, is_on_the_way: bool) -> None:
    assert trouble_in(found).is_on_the_way is is_on_the_way
