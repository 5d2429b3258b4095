from __future__ import annotations

from dataclasses import replace

import pytest
from todo_builders import (
    DAY,
    DELIVERY,
    HOST,
    HOUR,
    START,
    claimed,
    member,
    notice,
    refused,
    removal,
    rules,
    sent,
    warned,
)

from giftping.todo.model import Lapse, Leg, LegName, LegState, Member, Notice, NoticeKind, RemovalState, Todo
from giftping.todo.rules import Action, Due, due
from giftping.todo.transitions import (
    ping_for,
    with_claim,
    with_delivery,
    with_refusal,
    with_removal,
    with_submission,
    without_removal,
)

CHANNEL, DM = LegName.CHANNEL, LegName.DM
NOW = START + DAY
TODO = Todo("Ann", "02/06/2026", must_do="read", id="t1", submitted_at=NOW)


def claim(known: Member, leg: LegName, at=NOW, new: Notice | None = None) -> Member:
    return with_claim(known, new or known.ping or notice(), leg, now=at, delivery=DELIVERY, channel_id=2)


def ping_of(known: Member) -> Notice:
    assert known.ping is not None
    return known.ping


def test_a_claimed_leg_counts_as_a_ping_from_its_claim():
    known = claim(member(), CHANNEL)
    assert known.last_ping == NOW
    assert ping_of(known).channel == claimed(NOW)


def test_a_delivered_leg_counts_from_its_delivery():
    known = claim(member(), CHANNEL)
    later = NOW + HOUR / 60
    known = with_delivery(known, ping_of(known), CHANNEL, at=later, message_id=700, channel_id=2)
    assert known.last_ping == later
    assert ping_of(known).channel == sent(later)


@pytest.mark.parametrize("before", [None, NOW - 4 * HOUR])
def test_a_refused_leg_does_not_move_the_clock(before):
    fresh = notice(ping_before=before)
    known = claim(member(last_ping=before), CHANNEL, new=fresh)
    known = with_refusal(known, ping_of(known), CHANNEL, reason="HTTP 403")
    assert known.last_ping == before
    assert ping_of(known).channel == Leg(LegState.OPEN, reason="HTTP 403", channel_id=2)


def test_a_ping_that_is_found_behind_a_later_one_does_not_set_the_clock_back():
    """It was cut short in a shared store, while the mirror, which did not know of it, had the member pinged."""
    cut_short = notice(channel=claimed(NOW), ping_before=NOW - 4 * HOUR)
    later = notice(id="later", channel=sent(NOW + HOUR))
    for others in ((), (later,)):
        known = member(last_ping=NOW + HOUR, notices=(cut_short, *others))
        known = with_refusal(known, cut_short, CHANNEL, reason="not in the channel")
        assert (known.last_ping, known.notices) == (NOW + HOUR, others)
    known = member(last_ping=NOW + HOUR, notices=(cut_short, later))
    known = with_delivery(known, cut_short, CHANNEL, at=NOW + HOUR / 60, message_id=700, channel_id=2)
    assert (known.last_ping, known.notices) == (NOW + HOUR, (later,))


def test_a_refused_leg_beside_a_delivered_one_leaves_the_ping_as_that_says():
    known = member(last_ping=NOW, notices=(notice(channel=sent(NOW)),))
    known = claim(known, DM, at=NOW + HOUR)
    assert known.last_ping == NOW + HOUR
    known = with_refusal(known, ping_of(known), DM, reason="HTTP 403")
    assert known.last_ping == NOW


def test_a_leg_that_nobody_can_tell_of_counts_from_its_claim():
    known = claim(member(notices=(notice(dm=Leg(LegState.CLOSED)),)), CHANNEL)
    known = with_refusal(known, ping_of(known), CHANNEL, reason="gone", state=LegState.UNCERTAIN)
    assert known.last_ping == NOW
    assert known.ping is None


def test_a_ping_is_over_when_nothing_is_left_to_be_done():
    known = member(notices=(notice(channel=claimed(NOW), dm=sent(NOW)),))
    known = with_delivery(known, ping_of(known), CHANNEL, at=NOW + HOUR, message_id=1, channel_id=2)
    assert known.notices == ()
    assert known.last_ping == NOW + HOUR


def test_a_warning_counts_from_its_first_delivered_leg():
    known = claim(member(notices=(notice(NoticeKind.WARNING),)), CHANNEL)
    assert known.lapse is None
    first, second = NOW + HOUR / 60, NOW + HOUR
    known = with_delivery(known, ping_of(known), CHANNEL, at=first, message_id=1, channel_id=2)
    assert known.lapse == warned(first)
    known = claim(known, DM, at=second)
    known = with_delivery(known, ping_of(known), DM, at=second, message_id=2, channel_id=3)
    assert known.lapse == warned(first)


def test_a_warning_of_a_new_silence_puts_the_old_lapse_away():
    known = member(lapse=Lapse(START - 9 * DAY, warned_at=START - 5 * DAY), notices=(notice(NoticeKind.WARNING),))
    known = claim(known, CHANNEL)
    known = with_delivery(known, ping_of(known), CHANNEL, at=NOW, message_id=1, channel_id=2)
    assert known.lapse == warned(NOW)


def test_a_reminder_is_no_warning():
    known = claim(member(), CHANNEL)
    known = with_delivery(known, ping_of(known), CHANNEL, at=NOW, message_id=1, channel_id=2)
    assert known.lapse is None


def test_a_retry_belongs_to_the_present_ping_and_what_is_due_anew_is_a_new_one():
    known = member(last_ping=NOW, notices=(notice(channel=sent(NOW), dm=refused()),))
    retry = due(known, rules(), NOW + HOUR)
    assert ping_for(known, retry, "new", NOW + HOUR, dm=LegState.OPEN) == known.ping
    later = NOW + 3 * HOUR
    fresh = ping_for(known, due(known, rules(), later), "new", later, dm=LegState.CLOSED)
    assert fresh == Notice("new", NoticeKind.REMINDER, later, dm=Leg(LegState.CLOSED), ping_before=NOW)


def test_the_notice_of_a_warning_is_a_warning():
    found = Due(Action.WARN, "", legs=(CHANNEL, DM))
    assert ping_for(member(), found, "new", NOW, dm=LegState.OPEN).kind is NoticeKind.WARNING


def test_of_pings_only_the_latest_stays_and_other_notices_stay_too():
    news = notice(NoticeKind.REMOVAL, id="news")
    known = member(notices=(news, notice(id="old", channel=sent(NOW), dm=refused())))
    known = claim(known, CHANNEL, new=notice(id="new"))
    assert [one.id for one in known.notices] == ["news", "new"]


# Submissions


def test_a_submission_ends_the_lapse_and_withdraws_the_ping():
    news = notice(NoticeKind.REMOVAL, id="news")
    known = member(last_ping=NOW, lapse=warned(NOW), notices=(news, notice(channel=sent(NOW), dm=refused())))
    post = notice(NoticeKind.SUBMISSION, id="t1", todo=TODO)
    after = with_submission(known, TODO, post, NOW + HOUR)
    assert (after.last_submit, after.last_ping, after.lapse, after.todo) == (NOW + HOUR, None, None, TODO)
    assert after.notices == (news, post)


@pytest.mark.parametrize("state", [RemovalState.DONE, RemovalState.CLAIMED])
def test_a_submission_keeps_in_mind_that_a_role_is_owed(state):
    lapse = warned(NOW, removal=removal(state, START + 5 * DAY))
    after = with_submission(member(lapse=lapse), TODO, notice(NoticeKind.SUBMISSION), START + 6 * DAY)
    assert after.lapse == lapse
    assert after.present_lapse is None


def test_a_submission_forgets_a_lapse_in_which_there_was_no_role():
    lapse = Lapse(START, removal=removal(RemovalState.ABSENT, START + 5 * DAY))
    assert with_submission(member(lapse=lapse), TODO, notice(NoticeKind.SUBMISSION), NOW).lapse is None


# Removals


def test_a_removal_is_of_the_present_lapse():
    at = START + 5 * DAY
    known = with_removal(member(lapse=warned(NOW)), RemovalState.CLAIMED, now=at, by=HOST)
    assert known.lapse == warned(NOW, removal=removal(RemovalState.CLAIMED, at))
    assert without_removal(known).lapse == warned(NOW)


def test_the_end_of_a_lapse_of_which_nothing_was_known_is_kept():
    known = with_removal(member(), RemovalState.ABSENT, now=NOW, by=HOST)
    assert known.lapse == Lapse(START, removal=removal(RemovalState.ABSENT, NOW))


def test_a_removal_that_a_submission_has_overtaken_stays_with_its_own_lapse():
    at = START + 5 * DAY
    known = with_removal(member(lapse=warned(NOW)), RemovalState.CLAIMED, now=at, by=HOST)
    known = with_submission(known, TODO, notice(NoticeKind.SUBMISSION), at + HOUR)
    known = with_removal(known, RemovalState.DONE, now=at + HOUR, by=HOST)
    assert known.lapse == warned(NOW, removal=removal(RemovalState.DONE, at + HOUR))
    assert due(known, rules(), at + HOUR).action is Action.RESTORE


def test_one_of_whom_no_time_is_known_has_no_lapse():
    stranger = replace(member(), added=None, last_submit=None)
    assert with_removal(stranger, RemovalState.ABSENT, now=NOW, by=HOST) == stranger
