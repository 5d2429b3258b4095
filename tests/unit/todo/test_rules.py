from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from todo_builders import (
    DAY,
    DELIVERY,
    HOST,
    HOUR,
    INSTANT,
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

from giftping.todo.local_time import LocalQuietHours
from giftping.todo.model import (
    Lapse,
    Leg,
    LegName,
    LegState,
    Member,
    Membership,
    NoticeKind,
    Pause,
    RemovalState,
)
from giftping.todo.periods import Period
from giftping.todo.rules import Action, Outlook, TodoRules, due, outlook, span_text, why_left_alone
from giftping.todo.transitions import ping_for, with_claim, with_delivery
from giftping.words.said import Said

BOTH = (LegName.CHANNEL, LegName.DM)

SETTINGS = {
    "as shipped": rules(),
    "quicker": rules(remind_after=2 * HOUR, remind_every=HOUR / 2, remove_after=DAY, warning=3 * HOUR),
    "odd": rules(remind_after=25 * HOUR, remind_every=7 * HOUR, remove_after=4 * DAY, warning=DAY),
}
by_settings = pytest.mark.parametrize("given_rules", SETTINGS.values(), ids=SETTINGS)


# Thresholds: an instant before, exactly at, and an instant after


def assert_due_from(at: datetime, action: Action, known: Member, given_rules: TodoRules) -> None:
    """Assert that nothing is due for a member an instant before, and that what comes then is known before."""
    early = due(known, given_rules, at - INSTANT)
    assert (early.action, early.until, early.then) == (Action.NOTHING, at, action)
    assert due(known, given_rules, at).action is action
    assert due(known, given_rules, at + INSTANT).action is action


@by_settings
def test_the_first_reminder_is_due_after_the_silence_and_not_before(given_rules):
    at = START + given_rules.remind_after
    assert_due_from(at, Action.REMIND, member(), given_rules)
    for now in (at, at + INSTANT):
        found = due(member(), given_rules, now)
        assert (found.legs, found.is_retry) == (BOTH, False)


@by_settings
def test_the_next_reminder_is_due_after_the_interval_and_not_before(given_rules):
    pinged = member(last_ping=START + given_rules.remind_after)
    at = START + given_rules.remind_after + given_rules.remind_every
    assert_due_from(at, Action.REMIND, pinged, given_rules)


@by_settings
def test_the_role_goes_after_the_whole_silence_and_not_before(given_rules):
    at = START + given_rules.remove_after
    known = member(last_ping=at - INSTANT, lapse=warned(at - given_rules.warning))
    assert_due_from(at, Action.REMOVE, known, given_rules)


@by_settings
def test_the_role_goes_when_the_warning_is_old_enough_and_not_before(given_rules):
    warned_at = START + given_rules.remove_after - given_rules.warning / 2
    at = warned_at + given_rules.warning
    known = member(last_ping=at - INSTANT, lapse=warned(warned_at))
    assert_due_from(at, Action.REMOVE, known, given_rules)


@by_settings
def test_a_ping_is_a_warning_from_when_on_the_next_regular_one_could_be_late(given_rules):
    at = START + given_rules.remove_after - given_rules.warning - given_rules.remind_every
    pinged = member(last_ping=at - given_rules.remind_every)
    assert due(pinged, given_rules, at).action is Action.WARN
    pinged = member(last_ping=at - given_rules.remind_every - INSTANT)
    assert due(pinged, given_rules, at - INSTANT).action is Action.REMIND


def test_a_ping_after_a_delivered_warning_is_a_reminder():
    known = member(last_ping=START + 105 * HOUR, lapse=warned(START + 105 * HOUR))
    assert due(known, rules(), START + 108 * HOUR).action is Action.REMIND


def test_where_both_are_due_the_role_goes_and_nobody_is_pinged():
    known = member(last_ping=START + 116 * HOUR, lapse=warned(START + 105 * HOUR))
    for late in (timedelta(0), HOUR, 50 * HOUR):
        assert due(known, rules(), START + 120 * HOUR + late).action is Action.REMOVE


# Whose clock runs, and from when


def test_without_a_submission_the_clock_starts_with_the_roster():
    newcomer = member(last_submit=None, added=START)
    early = due(newcomer, rules(), START + DAY - INSTANT)
    assert (early.action, early.until) == (Action.NOTHING, START + DAY)
    assert due(newcomer, rules(), START + DAY).why == "nothing handed in for 1 d"


def test_who_comes_back_to_the_roster_starts_anew():
    back = member(last_submit=START - 20 * DAY, added=START)
    assert due(back, rules(), START + HOUR).until == START + DAY


def test_no_times_at_all_are_not_1970():
    found = due(member(last_submit=None, added=None), rules(), START)
    assert (found.action, found.until, found.why) == (Action.NOTHING, None, "the clock starts with the next sweep")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"on_roster": False}, "not on the roster"),
        ({"exempt": True}, "exempt"),
        ({"left_at": START + DAY}, "left the guild"),
        ({"membership": Membership(START, in_guild=True, is_bot=True)}, "a bot"),
    ],
)
def test_some_are_let_be_however_long_they_are_silent(changes, why):
    for silence in (DAY, 5 * DAY, 50 * DAY):
        known = member(lapse=warned(START + DAY), **changes)
        found = due(known, rules(), START + silence)
        assert (found.action, found.until, found.why) == (Action.NOTHING, None, why)
        assert outlook(known, rules()) == Outlook()


def test_settings_can_exempt_a_member():
    assert why_left_alone(member(7), rules(exempt=frozenset({7}))) == "exempt"
    assert why_left_alone(member(8), rules(exempt=frozenset({7}))) == ""


def test_a_submission_from_the_future_makes_nothing_due():
    future = member(last_submit=START + 40 * DAY)
    found = due(future, rules(), START)
    assert (found.action, found.until) == (Action.NOTHING, START + 41 * DAY)
    assert due(member(last_ping=START + 40 * DAY), rules(), START + 2 * DAY).action is Action.NOTHING


# Reasons


@pytest.mark.parametrize(
    ("known", "now", "why"),
    [
        (member(), START + 30 * HOUR, "silent for 1 d 6 h"),
        (member(last_ping=START + 26 * HOUR), START + 30 * HOUR, "silent for 1 d 6 h, pinged 4 h ago"),
        (member(last_submit=None, added=START), START + 25 * HOUR, "nothing handed in for 1 d 1 h"),
        (member(lapse=warned(START + 105 * HOUR)), START + 5 * DAY, "silent for 5 d, and warned"),
        (
            member(membership=Membership(START, in_guild=True)),
            START + 5 * DAY,
            "silent for 5 d, with no role to take",
        ),
        (
            member(pauses=(Pause("p", START, START + 9 * DAY, "holiday"),)),
            START + 2 * DAY,
            "paused (holiday)",
        ),
        (member(pauses=(Pause("p", START),)), START + 2 * DAY, "paused"),
        (
            member(lapse=warned(START + DAY, removal=removal(RemovalState.DONE, START + 5 * DAY))),
            START + 6 * DAY,
            "the role was taken; a submission begins anew",
        ),
        (
            member(lapse=Lapse(START, removal=removal(RemovalState.ABSENT, START + 5 * DAY))),
            START + 6 * DAY,
            "the time is over, with no role; a submission begins anew",
        ),
    ],
)
def test_the_reason_is_given_in_words(known, now, why):
    assert due(known, rules(), now).why == why


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (-5 * HOUR, "0 min"),
        (timedelta(minutes=40), "40 min"),
        (3 * HOUR, "3 h"),
        (3 * HOUR + timedelta(minutes=5), "3 h 5 min"),
        (DAY + timedelta(minutes=5), "1 d"),
        (5 * DAY + 2 * HOUR, "5 d 2 h"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(span, text):
    assert span_text(span) == text


# Pauses, downtimes, quiet hours


def test_a_pause_holds_everything_back_until_its_end():
    paused = member(pauses=(Pause("p", START + 20 * HOUR, START + 20 * DAY),), lapse=warned(START + 19 * HOUR))
    found = due(paused, rules(), START + 10 * DAY)
    assert (found.action, found.until) == (Action.NOTHING, START + 20 * DAY)
    assert due(paused, rules(), START + 20 * DAY).until == START + 20 * DAY + 4 * HOUR


def test_a_pause_without_an_end_holds_everything_back_for_good():
    for now in (START + 10 * HOUR, START + 400 * DAY):
        found = due(member(pauses=(Pause("p", START + HOUR),)), rules(), now)
        assert (found.action, found.until) == (Action.NOTHING, None)


def test_a_later_pause_without_an_end_is_seen_to_come():
    found = due(member(pauses=(Pause("p", START + 12 * HOUR),)), rules(), START + HOUR)
    assert (found.action, found.until, found.why) == (Action.NOTHING, None, "paused without an end")


def test_a_warning_does_not_grow_old_in_a_pause():
    pause = Pause("p", START + 112 * HOUR, START + 112 * HOUR + 3 * DAY)
    paused = member(last_ping=START + 111 * HOUR + 3 * DAY, lapse=warned(START + 110 * HOUR), pauses=(pause,))
    at = START + 122 * HOUR + 3 * DAY
    last_ping = replace(paused, last_ping=at - INSTANT)
    assert due(last_ping, rules(), at - INSTANT).action is Action.NOTHING
    assert due(last_ping, rules(), at).action is Action.REMOVE


hours = st.integers(0, 200).map(lambda quarters: quarters * HOUR / 4)


@st.composite
def silent_members(draw) -> Member:
    """Members in any state of one silence, with all that was done to them before 50 h of it."""
    last_ping = draw(st.none() | hours.map(lambda span: START + span))
    lapse = draw(st.none() | hours.map(lambda span: warned(START + span)))
    known = member(last_ping=last_ping, lapse=lapse)
    if last_ping is not None and draw(st.booleans()):
        kind = draw(st.sampled_from([NoticeKind.REMINDER, NoticeKind.WARNING]))
        known = known.with_notice(notice(kind, last_ping, channel=sent(last_ping), dm=refused()))
    return replace(known, membership=draw(st.sampled_from([None, known.membership, Membership(START, in_guild=True)])))


@given(silent_members(), st.integers(0, 400), st.integers(1, 500), st.sampled_from(list(SETTINGS.values())))
def test_a_pause_moves_everything_after_it_by_its_length(known, later, length, given_rules):
    begin = START + 50 * HOUR
    now, pause = begin + later * HOUR / 4, Pause("p", begin, begin + length * HOUR)
    plain = due(known, given_rules, now)
    moved = due(replace(known, pauses=(pause,)), given_rules, now + length * HOUR)
    assert (moved.action, moved.then, moved.legs, moved.is_retry) == (
        plain.action,
        plain.then,
        plain.legs,
        plain.is_retry,
    )
    # What is due at the very start of the pause is due again at its end.
    ahead = plain.until is not None and plain.until > begin
    assert moved.until == (plain.until + length * HOUR if ahead and plain.until else plain.until)


def test_a_downtime_does_not_hold_back_reminders():
    downtime = [Period(START + 2 * HOUR, START + 30 * HOUR)]
    assert due(member(), rules(), START + 30 * HOUR, downtime).action is Action.REMIND
    pinged = member(last_ping=START + 27 * HOUR)
    assert due(pinged, rules(), START + 30 * HOUR, downtime).action is Action.REMIND


def test_a_downtime_is_not_charged_on_the_way_to_the_removal():
    downtime = [Period(START + 106 * HOUR, START + 136 * HOUR)]
    known = member(last_ping=START + 149 * HOUR, lapse=warned(START + 105 * HOUR))
    early = due(known, rules(), START + 150 * HOUR - INSTANT, downtime)
    assert (early.action, early.until, early.then) == (Action.NOTHING, START + 150 * HOUR, Action.REMOVE)
    assert due(known, rules(), START + 150 * HOUR, downtime).action is Action.REMOVE


def test_a_downtime_puts_off_the_warning_too():
    downtime = [Period(START + 30 * HOUR, START + 60 * HOUR)]
    pinged = member(last_ping=START + 102 * HOUR)
    assert due(pinged, rules(), START + 105 * HOUR).action is Action.WARN
    assert due(pinged, rules(), START + 105 * HOUR, downtime).action is Action.REMIND
    assert due(member(last_ping=START + 132 * HOUR), rules(), START + 135 * HOUR, downtime).action is Action.WARN


NIGHT = LocalQuietHours(time(23), time(7), ZoneInfo("UTC"))
EVENING = datetime.combine(START, time(23), tzinfo=START.tzinfo)
MORNING = EVENING + 8 * HOUR


def test_quiet_hours_put_off_a_ping_to_their_end():
    overdue = member(last_submit=EVENING - 23 * HOUR)
    night = rules(quiet=NIGHT)
    for now in (EVENING + HOUR, MORNING - INSTANT):
        found = due(overdue, night, now)
        assert (found.action, found.until, found.then) == (Action.NOTHING, MORNING, Action.REMIND)
    assert due(overdue, night, EVENING + HOUR).why == "silent for 1 d; quiet hours"
    assert due(overdue, night, MORNING).action is Action.REMIND


def test_a_reminder_that_will_fall_into_quiet_hours_is_foretold_for_their_end():
    night, known = rules(quiet=NIGHT), member(last_submit=EVENING - 22 * HOUR)
    assert due(known, rules(), EVENING - HOUR).until == EVENING + 2 * HOUR
    assert due(known, night, EVENING - HOUR).until == outlook(known, night).ping_at == MORNING
    holidays = replace(known, pauses=(Pause("p", MORNING - HOUR, MORNING + HOUR),))
    assert due(holidays, night, EVENING - HOUR).until == outlook(holidays, night).ping_at == MORNING + HOUR


def test_quiet_hours_put_off_a_removal_to_their_end():
    since = EVENING - 119 * HOUR
    known = member(last_submit=since, last_ping=EVENING, lapse=Lapse(since, warned_at=EVENING - 14 * HOUR))
    found = due(known, rules(quiet=NIGHT), EVENING + HOUR)
    assert (found.action, found.until, found.then) == (Action.NOTHING, MORNING, Action.REMOVE)
    assert due(known, rules(quiet=NIGHT), MORNING).action is Action.REMOVE


def test_quiet_hours_go_by_the_members_own_zone():
    abroad = member(last_submit=EVENING - 40 * HOUR, time_zone="Asia/Tokyo")
    assert due(abroad, rules(quiet=NIGHT), EVENING + HOUR).action is Action.REMIND
    assert due(abroad, rules(quiet=NIGHT), EVENING - 8 * HOUR).until == EVENING - HOUR


# Warned before removal


def swept(known: Member, given_rules: TodoRules, now: datetime) -> Member:
    """A member after a sweep that delivers both legs of what is due."""
    while (found := due(known, given_rules, now)).is_ping:
        fresh = ping_for(known, found, "00000000000000aa", now, dm=LegState.OPEN)
        for leg in found.legs:
            claim = with_claim(known, fresh, leg, now=now, delivery=DELIVERY, channel_id=2)
            held = claim.notice(fresh.id) or fresh
            known = with_delivery(claim, held, leg, at=now, message_id=1, channel_id=2)
            fresh = known.notice(fresh.id) or fresh
    return known


@pytest.mark.parametrize("first", [24, 24.5, 25.75, 26.99])
@pytest.mark.parametrize("every", [0.25, 1, 3])
def test_the_warning_comes_early_enough_for_the_role_to_go_at_five_days(first, every):
    known, now = member(), START + first * HOUR
    while due(known, rules(), now).action is not Action.REMOVE:
        known = swept(known, rules(), now)
        now += every * HOUR
        assert now < START + 6 * DAY
    late = now - (START + 5 * DAY)
    assert timedelta(0) <= late < every * HOUR
    assert known.lapse is not None
    assert known.lapse.warned_at is not None
    assert now - known.lapse.warned_at >= 12 * HOUR


def test_on_a_three_hour_rhythm_the_role_goes_at_exactly_five_days():
    known = member()
    for tick in range(24, 120, 3):
        assert due(known, rules(), START + tick * HOUR).is_ping
        known = swept(known, rules(), START + tick * HOUR)
    assert known.lapse == warned(START + 105 * HOUR)
    assert due(known, rules(), START + 120 * HOUR).action is Action.REMOVE


moments = st.integers(-50, 300).map(lambda quarters: START + quarters * HOUR)
removals = st.none() | st.builds(removal, st.sampled_from(RemovalState), moments, st.sampled_from([HOST, "host-b"]))
lapses = st.none() | st.builds(Lapse, st.just(START) | moments, st.none() | moments, removals)
leg_values = st.builds(Leg, st.sampled_from(LegState), st.none() | moments, st.sampled_from([HOST, "host-b"]))
notices = st.builds(
    lambda kind, made_at, channel, dm: notice(kind, made_at, channel=channel, dm=dm),
    st.sampled_from(NoticeKind),
    moments,
    leg_values,
    leg_values,
)
pauses = st.lists(st.builds(Pause, st.just("p"), moments, st.none() | moments), max_size=2).map(tuple)
anybody = st.builds(
    lambda **changes: member(**changes),
    added=st.none() | moments,
    last_submit=st.none() | moments,
    last_ping=st.none() | moments,
    lapse=lapses,
    notices=st.lists(notices, max_size=2).map(tuple),
    pauses=pauses,
    on_roster=st.booleans(),
    exempt=st.booleans(),
    left_at=st.none() | moments,
    membership=st.none() | st.builds(Membership, moments, st.just(value=True), st.booleans(), st.booleans()),
)
downtimes = st.lists(st.builds(Period, moments, moments), max_size=3)


@given(anybody, moments, downtimes, st.sampled_from([None, NIGHT]))
def test_nobody_loses_the_role_without_a_delivered_warning_that_is_old_enough(known, now, down, quiet):
    found = due(known, rules(quiet=quiet), now, down)
    if found.action is not Action.REMOVE:
        return
    lapse = known.present_lapse
    assert lapse is not None
    if lapse.removal is not None:
        assert lapse.removal.state is RemovalState.CLAIMED
    else:
        assert lapse.warned_at is not None
        assert now - lapse.warned_at >= 12 * HOUR
        assert known.silent_since is not None
        assert now - known.silent_since >= 5 * DAY
    assert known.on_roster
    assert not known.exempt
    assert known.left_at is None


@given(anybody, moments, downtimes, st.sampled_from([None, NIGHT]))
def test_what_is_due_is_sound_for_any_record(known, now, down, quiet):
    given_rules = rules(quiet=quiet)
    found = due(known, given_rules, now, down)
    assert isinstance(found.why, Said), "whoever asks in Discord is told in their own language"
    assert found.is_ping == bool(found.legs)
    if found.until is not None:
        assert (found.action, found.until > now) == (Action.NOTHING, True)
    if found.is_ping:
        assert known.silent_since is not None
        assert now - known.silent_since >= given_rules.remind_after
        assert found.is_retry or known.last_ping is None or now - known.last_ping >= given_rules.remind_every
    if quiet and found.action in (Action.REMIND, Action.WARN, Action.REMOVE):
        assert quiet.until(now) is None
    outlook(known, given_rules, down)


# Once in a lapse


def test_a_role_given_back_by_hand_stays_for_the_rest_of_the_lapse():
    known = member(lapse=warned(START + 105 * HOUR, removal=removal(RemovalState.DONE, START + 5 * DAY)))
    for now in (START + 5 * DAY + HOUR, START + 90 * DAY):
        found = due(known, rules(), now)
        assert (found.action, found.until) == (Action.NOTHING, None)
    assert outlook(known, rules()) == Outlook()


def test_a_new_lapse_may_take_the_role_again():
    old = warned(START + 105 * HOUR, removal=removal(RemovalState.ABSENT, START + 5 * DAY))
    since = START + 7 * DAY
    known = member(last_submit=since, lapse=old)
    assert due(known, rules(), since + DAY).action is Action.REMIND
    again = replace(known, lapse=Lapse(since, warned_at=since + 105 * HOUR))
    assert due(again, rules(), since + 5 * DAY).action is Action.REMOVE


def test_without_a_role_the_silence_just_ends():
    roleless = member(membership=Membership(START, in_guild=True), last_ping=START + 119 * HOUR)
    early = due(roleless, rules(), START + 5 * DAY - INSTANT)
    assert (early.action, early.then) == (Action.NOTHING, Action.END)
    assert due(roleless, rules(), START + 5 * DAY).action is Action.END
    assert due(member(membership=Membership(START, in_guild=True)), rules(), START + 110 * HOUR).action is Action.REMIND


def test_where_no_role_is_named_reminders_end_with_the_silence():
    no_role = rules(takes_role=False)
    pinged = member(last_ping=START + 117 * HOUR)
    assert due(member(last_ping=START + 114 * HOUR), no_role, START + 117 * HOUR).action is Action.REMIND
    found = due(pinged, no_role, START + 120 * HOUR)
    assert (found.action, found.why) == (Action.NOTHING, "silent for 5 d: reminders have ended")


# The role comes back


LOST = warned(START + 105 * HOUR, removal=removal(RemovalState.DONE, START + 5 * DAY))


def test_the_role_comes_back_after_a_submission_and_only_then():
    back = member(last_submit=START + 6 * DAY, lapse=LOST)
    assert due(back, rules(), START + 6 * DAY).action is Action.RESTORE
    assert due(member(lapse=LOST), rules(), START + 6 * DAY).action is Action.NOTHING


@pytest.mark.parametrize(
    "changes",
    [
        {"lapse": warned(START + DAY)},
        {"lapse": warned(START + DAY, removal=removal(RemovalState.ABSENT, START + 5 * DAY))},
        {"lapse": None},
        {"lapse": LOST, "on_roster": False},
        {"lapse": LOST, "left_at": START + 5 * DAY},
    ],
)
def test_the_role_does_not_come_back_where_it_is_not_ours_to_give(changes):
    known = member(last_submit=START + 6 * DAY, **changes)
    assert due(known, rules(), START + 6 * DAY).action is Action.NOTHING


def test_where_no_role_is_named_any_more_a_lost_one_does_not_stop_the_reminders():
    back = member(last_submit=START + 6 * DAY, lapse=LOST)
    found = due(back, rules(takes_role=False), START + 6 * DAY)
    assert (found.action, found.until, found.then) == (Action.NOTHING, START + 7 * DAY, Action.REMIND)
    assert due(back, rules(takes_role=False), START + 7 * DAY).action is Action.REMIND


def test_a_role_that_is_perhaps_being_taken_does_not_come_back_before_that_is_known():
    taken_at = START + 5 * DAY
    lapse = warned(START + 105 * HOUR, removal=removal(RemovalState.CLAIMED, taken_at))
    back = member(last_submit=taken_at + timedelta(seconds=1), lapse=lapse)
    found = due(back, rules(), taken_at + timedelta(hours=1))
    assert (found.action, found.until, found.then) == (Action.NOTHING, None, Action.RESTORE)
    taken = replace(lapse, removal=removal(RemovalState.DONE, taken_at))
    assert due(replace(back, lapse=taken), rules(), taken_at + timedelta(hours=1)).action is Action.RESTORE


# A removal that was cut short


def test_a_removal_that_was_cut_short_is_not_due_again_before_somebody_has_looked():
    taken_at = START + 5 * DAY
    cut_short = member(lapse=warned(START + 105 * HOUR, removal=removal(RemovalState.CLAIMED, taken_at)))
    for later in (timedelta(0), 9 * DAY):
        found = due(cut_short, rules(), taken_at + later)
        assert (found.action, found.until) == (Action.NOTHING, None)


# Legs


@pytest.mark.parametrize(
    ("legs", "owed"),
    [
        ({"channel": refused(), "dm": sent(START + DAY)}, (LegName.CHANNEL,)),
        ({"channel": sent(START + DAY), "dm": refused()}, (LegName.DM,)),
        ({"channel": claimed(START + DAY), "dm": refused()}, (LegName.DM,)),
    ],
)
@pytest.mark.parametrize("kind", [NoticeKind.REMINDER, NoticeKind.WARNING])
def test_only_the_leg_that_failed_is_tried_again(legs, owed, kind):
    known = member(last_ping=START + DAY, notices=(notice(kind, **legs),))
    found = due(known, rules(), START + DAY + HOUR)
    assert (found.legs, found.is_retry) == (owed, True)
    assert found.action is (Action.WARN if kind is NoticeKind.WARNING else Action.REMIND)


def test_once_the_interval_is_over_both_legs_are_due_anew():
    known = member(last_ping=START + DAY, notices=(notice(channel=sent(START + DAY), dm=refused()),))
    found = due(known, rules(), START + DAY + 3 * HOUR)
    assert (found.legs, found.is_retry) == (BOTH, False)


@pytest.mark.parametrize("dm", [Leg(LegState.CLOSED), Leg(LegState.UNCERTAIN, START + DAY), claimed(START + DAY)])
def test_a_leg_that_may_have_arrived_or_is_not_to_be_sent_is_not_tried_again(dm):
    known = member(last_ping=START + DAY, notices=(notice(channel=sent(START + DAY), dm=dm),))
    assert due(known, rules(), START + DAY + HOUR).action is Action.NOTHING


def test_a_ping_of_which_nothing_was_delivered_does_not_use_up_the_interval():
    known = member(notices=(notice(channel=refused(), dm=refused()),))
    found = due(known, rules(), START + DAY + INSTANT)
    assert (found.legs, found.is_retry) == (BOTH, False)


def test_a_ping_from_before_the_last_submission_is_over():
    known = member(last_submit=START + 26 * HOUR, notices=(notice(channel=sent(START + DAY), dm=refused()),))
    found = due(known, rules(), START + 27 * HOUR)
    assert (found.action, found.until) == (Action.NOTHING, START + 50 * HOUR)


def test_a_leg_is_not_tried_again_before_a_first_reminder_would_be_due():
    pause = Pause("p", START + HOUR, START + 11 * HOUR, "entered afterwards")
    known = member(last_ping=START + DAY, notices=(notice(channel=sent(START + DAY), dm=refused()),), pauses=(pause,))
    found = due(known, rules(), START + 25 * HOUR)
    assert (found.action, found.until) == (Action.NOTHING, START + 34 * HOUR)


# Outlook


def test_the_outlook_says_when_what_comes():
    assert outlook(member(), rules()) == Outlook(START + DAY, START + DAY, None)
    warned_late = member(last_ping=START + 117 * HOUR, lapse=warned(START + 117 * HOUR))
    assert outlook(warned_late, rules()) == Outlook(START + DAY, START + 120 * HOUR, START + 129 * HOUR)
    warned_in_time = member(last_ping=START + 118 * HOUR, lapse=warned(START + 105 * HOUR))
    assert outlook(warned_in_time, rules()) == Outlook(START + DAY, None, START + 120 * HOUR)


def test_the_outlook_has_no_end_for_one_without_the_role_or_in_an_endless_pause():
    roleless = member(membership=Membership(START, in_guild=True), lapse=warned(START + 105 * HOUR))
    assert outlook(roleless, rules()).role_off_at is None
    paused = member(pauses=(Pause("p", START),), lapse=warned(START + 105 * HOUR))
    assert outlook(paused, rules()) == Outlook()
