"""The checks of the simulated month can fail: each is shown what it is to find, and what it is to let pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from invariants import (
    Calm,
    Life,
    Ping,
    Promises,
    Stretch,
    Submitted,
    after_a_submission,
    forgotten,
    gaps,
    in_quiet_hours,
    lost_or_repeated,
    pings_among,
    too_close,
    unpinged,
    while_away,
    wrongly_removed,
)

from giftping.demo.notifying import Notified
from giftping.demo.world import Author, Notification, RoleChange, StoredMessage

START = datetime(2026, 10, 3, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
PROMISES = Promises()
ANNE, BEN = 1001, 1002


def ping(hours: float, *, user_id: int = ANNE, leg: str = "channel", round_: str = "", warning: bool = False) -> Ping:
    at = START + hours * HOUR
    return Ping(user_id, at, leg, round_ or f"{hours}", warning, begun=at)


def life(*submissions: float, zone: str = "UTC") -> Life:
    handed_in = [Submitted(START + at * HOUR, START + at * HOUR + SECOND) for at in submissions]
    return Life(START, ZoneInfo(zone), handed_in)


def change(hours: float, *, given: bool = False, by_bot: bool = True) -> RoleChange:
    return RoleChange(START + hours * HOUR, 1, ANNE, 3, given, "", by_bot)


def notification(
    kind: Literal["channel", "dm"], *embeds: tuple[str, str, str], content: str = f"<@{ANNE}> <@{BEN}>"
) -> Notification:
    drawn = tuple({"title": title, "description": text, "footer": {"text": ref}} for title, text, ref in embeds)
    message = StoredMessage(5, 2, Author(9, "bot"), content, drawn, START, Notified((ANNE, BEN)))
    return Notification(START, ANNE, kind, message)


def test_a_ping_is_the_members_own_part_of_a_message() -> None:
    found = notification(
        "channel",
        ("⏰ TODO reminder", f"<@{BEN}>, your last TODO came long ago.", "ref b"),
        ("⚠️ Last call for your TODO", f"<@{ANNE}>, your last TODO came long ago.", "ref a"),
    )
    assert pings_among([found]) == [Ping(ANNE, START, "channel", "a", is_warning=True, begun=START)]


def test_a_direct_message_is_a_ping_without_a_mention_and_news_are_none() -> None:
    reminder = notification("dm", ("🔔 TODO reminder", "Your last TODO came long ago.", "ref c"))
    news = notification("dm", ("❌ TODO role removed", "You have lost it.", "ref d"))
    assert pings_among([reminder, news]) == [Ping(ANNE, START, "dm", "c", is_warning=False, begun=START)]


def test_rounds_closer_than_the_interval_are_found() -> None:
    late_leg = ping(24.5, leg="dm", round_="24")
    assert list(too_close([ping(24), late_leg, ping(27)], PROMISES)) == [
        "member 1001 was pinged at 10-04 00:30:00.000 and 2:30:00 later, at 10-04 03:00:00.000"
    ]


def test_one_leg_that_came_twice_is_found() -> None:
    assert list(too_close([ping(24, round_="a"), ping(24.1, round_="a")], PROMISES)) == [
        "member 1001 got the channel leg of round a twice, again at 10-04 00:06:00.000"
    ]


def test_two_legs_of_a_round_rounds_far_enough_apart_and_other_members_are_fine() -> None:
    fine = [ping(24), ping(24.1, leg="dm", round_="24"), ping(25, user_id=BEN), ping(27.1)]
    assert not list(too_close(fine, PROMISES))


@pytest.mark.parametrize(("submission", "wrong"), [(29.99, True), (30.01, False), (5.9, False), (6.1, True)])
def test_a_ping_too_soon_after_a_submission_that_had_ended_is_found(submission: float, wrong: bool) -> None:
    found = list(after_a_submission([ping(30)], {ANNE: life(submission)}, PROMISES))
    assert bool(found) is wrong
    assert not wrong or found[0].startswith("member 1001, silent since 10-0")


@pytest.mark.parametrize(("way", "wrong"), [(1 * SECOND, True), (3 * SECOND, False)])
def test_a_ping_that_was_under_way_before_the_todo_was_handed_in_is_fine(way: timedelta, wrong: bool) -> None:
    arrived = replace(ping(30), begun=START + 30 * HOUR - way)
    handed_in = life((30 * HOUR - 3 * SECOND) / HOUR)
    assert bool(list(after_a_submission([arrived], {ANNE: handed_in}, PROMISES))) is wrong


def test_a_todo_that_was_posted_twice_or_never_is_found() -> None:
    assert list(lost_or_repeated(["a", "b", "a"], ["a", "b", "c"])) == [
        "the TODO 'a' was posted 2 times",
        "the TODO 'c' was never posted",
    ]


def test_a_todo_that_is_not_known_as_the_last_one_is_found() -> None:
    lives = {ANNE: life(1, 30), BEN: life(1)}
    assert not list(forgotten(lives, {ANNE: START + 30 * HOUR, BEN: START + HOUR + SECOND}))
    assert list(forgotten(lives, {ANNE: START + HOUR, BEN: None})) == [
        "member 1001 handed in at 10-04 06:00:00.000, and 10-03 01:00:00.000 is known",
        "member 1002 handed in at 10-03 01:00:00.000, and None is known",
    ]


def test_somebody_who_never_handed_in_is_silent_since_they_joined() -> None:
    assert list(after_a_submission([ping(23.9), ping(24)], {ANNE: life()}, PROMISES)) == [
        "member 1001, silent since 10-03 00:00:00.000, was pinged at 10-03 23:54:00.000, after 23:54:00"
    ]


def test_a_pause_is_no_silence_and_pings_in_it_are_found() -> None:
    anne = life()
    anne.pauses.append(Stretch(START + 2 * HOUR, START + 4 * HOUR))
    assert list(after_a_submission([ping(25.9), ping(26)], {ANNE: anne}, PROMISES)) == [
        "member 1001, silent since 10-03 00:00:00.000, was pinged at 10-04 01:54:00.000, after 23:54:00"
    ]
    assert list(while_away([ping(1), ping(3), ping(4)], {ANNE: anne})) == [
        "member 1001, paused since 10-03 02:00:00.000, was pinged at 10-03 03:00:00.000"
    ]


def test_a_ping_of_somebody_who_had_left_is_found() -> None:
    anne = life()
    anne.absences.append(Stretch(START + 2 * HOUR))
    assert list(while_away([ping(3)], {ANNE: anne})) == [
        "member 1001, gone since 10-03 02:00:00.000, was pinged at 10-03 03:00:00.000"
    ]


@pytest.mark.parametrize(
    ("hours", "zone", "quiet"),
    [
        (12, "UTC", False),
        (23.1, "UTC", True),
        (23 + 10 / 3600, "UTC", False),
        (6.9, "UTC", True),
        (7, "UTC", False),
        (18, "Asia/Kolkata", True),
        (22.5 + 21 * 24, "Europe/Berlin", True),
        # The clocks of Berlin go back on 25 October.
        (21.5 + 23 * 24, "Europe/Berlin", False),
    ],
)
def test_a_ping_in_the_quiet_hours_of_the_members_own_clock_is_found(hours: float, zone: str, quiet: bool) -> None:
    promises = Promises(quiet=(time(23), time(7)))
    assert bool(list(in_quiet_hours([ping(hours)], {ANNE: life(zone=zone)}, promises))) is quiet


@pytest.mark.parametrize(
    ("pings", "changes", "anne", "said"),
    [
        ([], [change(121)], life(), "without a warning"),
        ([ping(110, warning=True)], [change(121)], life(), "warned only at 10-07 14:00:00.000"),
        ([ping(90, warning=True)], [change(119)], life(), "after 4 days, 23:00:00 only"),
        ([ping(90, warning=True)], [change(221)], life(100), "without a warning"),
        (
            [ping(90, warning=True)],
            [change(121), change(130, given=True, by_bot=False), change(140)],
            life(),
            "for the second time, after 10-08 01:00:00.000",
        ),
    ],
)
def test_a_removal_that_was_not_earned_is_found(
    pings: list[Ping], changes: list[RoleChange], anne: Life, said: str
) -> None:
    found = list(wrongly_removed(changes, pings, {ANNE: anne}, PROMISES))
    assert len(found) == 1
    assert found[0].startswith("member 1001, silent since ")
    assert found[0].endswith(said)


def test_a_removal_in_a_pause_is_found() -> None:
    anne = life()
    anne.pauses.append(Stretch(START + 130 * HOUR, START + 200 * HOUR))
    warning = ping(90, warning=True)
    [found] = wrongly_removed([change(131)], [warning], {ANNE: anne}, PROMISES)
    assert found.endswith("in a pause")


def test_a_removal_with_a_warning_in_good_time_and_those_by_hand_are_fine() -> None:
    again = [change(121), change(150, given=True), change(300), change(10, by_bot=False)]
    pings = [ping(100, warning=True), ping(260, warning=True)]
    assert not list(wrongly_removed(again, pings, {ANNE: life(150)}, PROMISES))


CALM = [Calm(START, START + 48 * HOUR, HOUR / 4)]


def every_three_hours(until: float) -> list[Ping]:
    return [ping(24.2 + 3.2 * number) for number in range(30) if 24.2 + 3.2 * number < until]


def test_an_overdue_member_without_a_ping_is_found() -> None:
    found = list(unpinged([], [], {ANNE: life()}, PROMISES, CALM))
    assert found == [
        "member 1001, overdue, was to be pinged from 10-04 00:00:00.000 on, and was not until 10-05 00:00:00.000,"
        " with a sweep every 0:15:00"
    ]


def test_a_round_that_was_left_out_is_found() -> None:
    theirs = every_three_hours(48)
    assert not list(unpinged(theirs, [], {ANNE: life()}, PROMISES, CALM))
    assert len(list(unpinged(theirs[:3] + theirs[4:], [], {ANNE: life()}, PROMISES, CALM))) == 1


@pytest.mark.parametrize(("next_ping", "is_late"), [(33.4, False), (34.0, True)])
def test_the_interval_since_the_last_ping_stands_still_in_a_pause_and_goes_on_after_it(
    next_ping: float, is_late: bool
) -> None:
    anne = life()
    anne.pauses.append(Stretch(START + 25.2 * HOUR, START + 31.2 * HOUR))
    later = [ping(next_ping + 3.2 * number) for number in range(5) if next_ping + 3.2 * number < 48]
    assert bool(list(unpinged([ping(24.2), *later], [], {ANNE: anne}, PROMISES, CALM))) is is_late


@pytest.mark.parametrize("reason", ["submission", "pause", "absence", "quiet", "removal", "trouble"])
def test_nobody_is_owed_a_ping_who_is_not_to_get_one(reason: str) -> None:
    anne, promises, changes, calm = life(), PROMISES, [], CALM
    if reason == "submission":
        anne = life(24.1)
    elif reason == "pause":
        anne.pauses.append(Stretch(START + 24 * HOUR, START + 60 * HOUR))
    elif reason == "absence":
        anne.absences.append(Stretch(START + 20 * HOUR, START + 23 * HOUR))
    elif reason == "quiet":
        promises = Promises(quiet=(time(0, 5), time(23, 55)))
    elif reason == "removal":
        changes = [change(24.1)]
    else:
        calm = [Calm(START, START + 24 * HOUR, HOUR / 4)]
    assert not list(unpinged([], changes, {ANNE: anne}, promises, calm))


def test_gaps_are_those_of_one_member_by_one_leg() -> None:
    theirs = [ping(24), ping(24, leg="dm"), ping(27), ping(27.5, leg="dm"), ping(28, user_id=BEN)]
    assert gaps(theirs) == {(ANNE, "channel"): [3 * HOUR], (ANNE, "dm"): [3.5 * HOUR], (BEN, "channel"): []}
