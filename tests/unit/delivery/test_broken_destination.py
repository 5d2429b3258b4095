from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from fakes.records import LATER, NOON

from giftping.delivery.broken_destination import LONGEST_RETRY, broken_after, is_resting, meaning_of_broken
from giftping.discord.meanings import meaning_of
from giftping.discord.outcome import Refused
from giftping.store.base import Broken

HOUR = timedelta(hours=1)


def broken(retry_at: datetime | None = NOON + HOUR) -> Broken:
    return Broken(NOON, "HTTP 403", retry_at=retry_at)


def test_a_broken_destination_rests_until_it_is_to_be_tried_again() -> None:
    assert not is_resting(None, NOON)
    assert is_resting(broken(), NOON)
    assert not is_resting(broken(), NOON + HOUR)
    assert is_resting(broken(retry_at=None), NOON + timedelta(days=999))


@pytest.mark.parametrize(("times", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (40, 24)])
def test_a_refusal_is_tried_again_after_ever_longer_waits_up_to_a_day(times: int, hours: int) -> None:
    previous = Broken(NOON, "HTTP 403", times - 1) if times > 1 else None
    refused = Refused("HTTP 403", 403, 50013, lasting=True)
    after = broken_after(previous, refused, meaning_of(403, 50013), LATER)
    assert after.retry_at == LATER + timedelta(hours=hours)
    assert after.times == times
    assert after.since == (NOON if previous else LATER)
    assert after.retry_at - LATER <= LONGEST_RETRY


@pytest.mark.parametrize(("status", "code"), [(401, 0), (401, 50027), (404, 10015)])
def test_a_webhook_that_is_gone_is_never_tried_again_by_itself(status: int, code: int) -> None:
    gone = Refused("gone", status, code, lasting=True)
    assert broken_after(None, gone, meaning_of(status, code, by_webhook=True), NOON).retry_at is None


@pytest.mark.parametrize(("times", "wait"), [(1, HOUR / 2), (2, HOUR), (3, 2 * HOUR), (7, 24 * HOUR), (40, 24 * HOUR)])
def test_a_channel_that_is_gone_is_tried_again_soon_then_ever_later(times: int, wait: timedelta) -> None:
    previous = Broken(NOON, "gone", times - 1) if times > 1 else None
    gone = Refused("HTTP 404 Unknown Channel (10003)", 404, 10003, lasting=True)
    after = broken_after(previous, gone, meaning_of(404, 10003), LATER)
    assert (after.retry_at, after.status, after.code) == (LATER + wait, 404, 10003)


def test_a_channel_that_an_older_release_gave_up_is_tried_again() -> None:
    for reason, rests in (
        ("HTTP 404 Unknown Channel (10003)", False),
        ("HTTP 404 Unknown Webhook (10015)", True),
        ("HTTP 401 Invalid Webhook Token (50027)", True),
    ):
        given_up = Broken(NOON, reason)
        assert is_resting(given_up, NOON + timedelta(days=1), by_webhook=rests) is rests


def test_a_rest_that_a_wrong_clock_set_holds_up_nobody() -> None:
    assert not is_resting(broken(NOON + timedelta(days=4000)), NOON)


@pytest.mark.parametrize(
    ("reason", "code", "mend"),
    [
        ("HTTP 404 Unknown Channel (10003)", None, "choose another one"),
        ("HTTP 403 Missing Access (50001)", None, "View Channel"),
        ("HTTP 400 …", 50008, "takes no messages"),
        ("something unknown", None, ""),
    ],
)
def test_what_is_broken_says_what_to_mend_also_where_only_words_were_kept(
    reason: str, code: int | None, mend: str
) -> None:
    found = Broken(NOON, reason, status=400 if code else None, code=code)
    said = meaning_of_broken(found).mend
    assert (mend in said) if mend else said == ""


@pytest.mark.parametrize("ahead", [HOUR / 2, 5 * HOUR, 30 * 24 * HOUR])
@pytest.mark.parametrize("times", [1, 3, 9])
def test_a_no_that_a_wrong_clock_has_dated_holds_nobody_up(ahead: timedelta, times: int) -> None:
    previous = Broken(NOON, "HTTP 403", times - 1) if times > 1 else None
    after = broken_after(previous, Refused("HTTP 403", 403, 50013, lasting=True), meaning_of(403, 50013), NOON + ahead)
    assert is_resting(after, NOON + ahead)
    assert not is_resting(after, NOON)
