from __future__ import annotations

import pytest

from giftping.net.waiting import sleep_unless


def test_a_wait_ends_soon_after_it_is_told_to() -> None:
    slept: list[float] = []
    sleep_unless(lambda: len(slept) >= 3, 600.0, slept.append)
    assert len(slept) == 3
    slept.clear()
    sleep_unless(lambda: False, 1.05, slept.append)
    assert sum(slept) == pytest.approx(1.05)
