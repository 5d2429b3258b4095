from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from fakes.records import NOON

from giftping.codes.idle import FULL_LOOK_EVERY, GLANCE_EVERY, IdleMark

MARK = IdleMark(
    settings="settings",
    store="store",
    lists="lists",
    games=("kingshot", "whiteout-survival"),
    look_again_at=NOON + FULL_LOOK_EVERY,
    due_at=NOON + 2 * FULL_LOOK_EVERY,
    guild_count=3,
    trouble=True,
)
SHARED = replace(MARK, look_again_at=NOON + GLANCE_EVERY, shared="as it was")


def test_a_mark_holds_while_nothing_has_changed_and_no_look_is_due() -> None:
    assert MARK.holds(settings="settings", store="store", now=NOON)
    assert not MARK.holds(settings="others", store="store", now=NOON)
    assert not MARK.holds(settings="settings", store="written to", now=NOON)
    assert MARK.holds(settings="settings", store="store", now=MARK.look_again_at - timedelta(seconds=1))
    assert not MARK.holds(settings="settings", store="store", now=MARK.look_again_at)


def test_a_mark_made_by_a_clock_that_was_ahead_does_not_hold() -> None:
    years_ahead = replace(MARK, look_again_at=NOON + timedelta(days=1500))
    assert not years_ahead.holds(settings="settings", store="store", now=NOON)


def test_a_mark_does_not_hold_when_something_is_due() -> None:
    due = replace(MARK, due_at=NOON + timedelta(minutes=1))
    assert due.holds(settings="settings", store="store", now=NOON)
    assert not due.holds(settings="settings", store="store", now=NOON + timedelta(minutes=1))


def test_a_mark_of_a_shared_store_holds_on_as_long_as_a_glance_gives_the_same() -> None:
    late = NOON + GLANCE_EVERY + timedelta(minutes=3)
    assert SHARED.holds(settings="settings", store="store", now=late)
    assert SHARED.glanced(late).look_again_at == late + GLANCE_EVERY
    assert SHARED.glanced(late).due_at == SHARED.due_at
