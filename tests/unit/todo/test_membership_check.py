from __future__ import annotations

from datetime import timedelta

import pytest
from todo_builders import DAY, HOUR, INSTANT, START, member, rules

from giftping.todo.membership_check import is_to_be_seen, with_membership
from giftping.todo.model import Membership

NOW = START + DAY


def here(at) -> Membership:
    return Membership(at, in_guild=True, has_role=True)


def test_a_reminder_rests_on_what_was_seen_within_a_day():
    assert is_to_be_seen(member(membership=None), rules(), NOW, ())
    assert is_to_be_seen(member(membership=here(NOW - DAY)), rules(), NOW, ())
    assert not is_to_be_seen(member(membership=here(NOW - DAY + INSTANT)), rules(), NOW, ())


def test_before_a_warning_discord_is_asked_however_lately_it_was():
    now = START + 105 * HOUR
    known = member(last_ping=now - 3 * HOUR, membership=here(now - INSTANT))
    assert is_to_be_seen(known, rules(), now, ())


def test_nobody_is_asked_about_for_whom_nothing_is_due():
    assert not is_to_be_seen(member(membership=None), rules(), NOW - INSTANT, ())


@pytest.mark.parametrize(("ago", "is_asked"), [(DAY - INSTANT, False), (DAY, True)])
def test_one_who_has_left_is_asked_about_once_a_day(ago: timedelta, is_asked: bool):
    gone = Membership(NOW - ago, in_guild=False)
    assert is_to_be_seen(member(left_at=NOW - 9 * DAY, membership=gone), rules(), NOW, ()) is is_asked


def test_who_is_gone_is_parked_once_and_the_history_says_so_once():
    gone = Membership(NOW, in_guild=False)
    change = with_membership(member(), gone, NOW)
    assert (change.member.left_at, [event.kind for event in change.events]) == (NOW, ["left"])
    again = with_membership(change.member, gone, NOW + DAY)
    assert (again.member.left_at, again.events) == (NOW, ())


def test_the_time_away_is_a_pause_for_who_is_back():
    change = with_membership(member(left_at=NOW - 2 * DAY), here(NOW), NOW)
    (away,) = change.member.pauses
    assert (change.member.left_at, away.start, away.end) == (None, NOW - 2 * DAY, NOW)
    assert [event.kind for event in change.events] == ["returned"]
