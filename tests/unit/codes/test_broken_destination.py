from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from fakes.records import LATER, NOON, guild

from giftping.codes.broken_destination import LONGEST_RETRY, broken_after, is_resting
from giftping.store.base import Broken, GuildRecord

HOUR = timedelta(hours=1)


def broken(retry_at: datetime | None = NOON + HOUR) -> GuildRecord:
    return guild(broken=Broken(NOON, "HTTP 403", retry_at=retry_at))


def test_a_broken_destination_rests_until_it_is_to_be_tried_again() -> None:
    assert not is_resting(guild(), NOON)
    assert is_resting(broken(), NOON)
    assert not is_resting(broken(), NOON + HOUR)
    assert is_resting(broken(retry_at=None), NOON + timedelta(days=999))


@pytest.mark.parametrize(("times", "hours"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 24), (40, 24)])
def test_a_refusal_is_tried_again_after_ever_longer_waits_up_to_a_day(times: int, hours: int) -> None:
    previous = Broken(NOON, "HTTP 403", times - 1) if times > 1 else None
    after = broken_after(previous, 403, "HTTP 403", LATER)
    assert after.retry_at == LATER + timedelta(hours=hours)
    assert after.times == times
    assert after.since == (NOON if previous else LATER)
    assert after.retry_at - LATER <= LONGEST_RETRY


@pytest.mark.parametrize("status", [401, 404])
def test_a_destination_that_is_gone_is_never_tried_again_by_itself(status: int) -> None:
    assert broken_after(None, status, "gone", NOON).retry_at is None
