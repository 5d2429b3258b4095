from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from giftping.todo.days import Standing, Streak, standings, streak, submissions_of
from giftping.todo.history import Event
from giftping.todo.local_time import start_of
from giftping.todo.model import Member, Membership, Pause

KOLKATA, BERLIN = ZoneInfo("Asia/Kolkata"), ZoneInfo("Europe/Berlin")
TODAY = date(2026, 4, 2)
NOW = datetime(2026, 4, 2, 12, tzinfo=UTC)


def handed_in(day: date, clock: time = time(12), zone: ZoneInfo = KOLKATA, *, entered: bool = True) -> Event:
    at = datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
    return Event(f"{day}{clock}", 1, "submission", at, day=day.isoformat() if entered else "")


def back(*days: int) -> list[Event]:
    """A TODO on each of the days that are so many days before today."""
    return [handed_in(TODAY - timedelta(days=day)) for day in days]


def off(first: int, last: int) -> Pause:
    """A pause over whole days, from so many days before today to so many."""
    start, end = TODAY - timedelta(days=first), TODAY - timedelta(days=last - 1)
    return Pause("p", start_of(start, KOLKATA), start_of(end, KOLKATA))


def of(events: list[Event], *pauses: Pause, zone: ZoneInfo = KOLKATA) -> Streak:
    return streak(events, pauses, TODAY, zone)


def test_who_has_handed_in_nothing_has_no_streak() -> None:
    assert of([]) == Streak(0, 0, None)


def test_days_in_a_row_are_counted_up_to_today() -> None:
    assert of(back(0, 1, 2)) == Streak(3, 3, TODAY)


def test_today_is_still_open_and_breaks_nothing() -> None:
    assert of(back(1, 2, 3)) == Streak(3, 3, TODAY - timedelta(days=1))


def test_a_missed_day_breaks_a_streak_and_the_longest_one_stays() -> None:
    assert of(back(0, 2, 3, 4)) == Streak(1, 3, TODAY)
    assert of(back(2, 3)) == Streak(0, 2, TODAY - timedelta(days=2))


def test_several_todos_of_a_day_count_once() -> None:
    assert of([*back(0, 1), handed_in(TODAY, time(18))]) == Streak(2, 2, TODAY)


def test_a_day_that_was_wholly_paused_neither_counts_nor_breaks() -> None:
    assert of(back(0, 4), off(3, 1)) == Streak(2, 2, TODAY)
    assert of(back(4), off(3, 1)) == Streak(1, 1, TODAY - timedelta(days=4))


def test_a_day_that_was_paused_in_part_only_breaks() -> None:
    noon = datetime.combine(TODAY - timedelta(days=1), time(12), tzinfo=KOLKATA)
    assert of(back(0, 2), Pause("p", noon - timedelta(hours=11), noon + timedelta(days=2))).current == 1


def test_two_pauses_that_meet_are_one() -> None:
    assert of(back(0, 5), off(4, 3), off(2, 1)).current == 2


def test_a_pause_without_an_end_keeps_a_streak() -> None:
    start = start_of(TODAY - timedelta(days=9), KOLKATA)
    assert of(back(10, 11), Pause("p", start)).current == 2


def test_a_todo_on_a_paused_day_counts_all_the_same() -> None:
    assert of(back(0, 1, 2), off(1, 1)).current == 3


def test_the_day_is_the_one_that_was_entered_even_when_the_zone_has_changed_since() -> None:
    late = time(23, 30)
    assert of([handed_in(TODAY - timedelta(days=1), late), *back(0)], zone=BERLIN).current == 2


def test_an_event_without_a_day_counts_on_the_day_of_its_time_by_the_members_clock() -> None:
    evening = handed_in(TODAY - timedelta(days=1), time(2), entered=False)
    assert of([evening]).last_day == TODAY - timedelta(days=1)
    assert of([evening], zone=BERLIN).last_day == TODAY - timedelta(days=2)


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)], ids=["forward", "back"])
def test_the_day_on_which_the_clock_is_changed_is_a_day_like_others(day: date) -> None:
    before, after = day - timedelta(days=1), day + timedelta(days=1)
    events = [handed_in(before, zone=BERLIN), handed_in(after, zone=BERLIN)]
    whole = Pause("p", start_of(day, BERLIN), start_of(after, BERLIN))
    assert streak(events, [whole], after, BERLIN).current == 2
    short = Pause("p", start_of(day, BERLIN), start_of(after, BERLIN) - timedelta(minutes=1))
    assert streak(events, [short], after, BERLIN).current == 1


def test_the_post_of_a_todo_is_not_another_todo() -> None:
    post = Event("x", 1, "submission", NOW, leg="channel", result="delivered")
    assert of([post]) == Streak()
    assert submissions_of(Member(1), [post]) == []


def test_what_an_older_bot_wrote_down_last_counts() -> None:
    member = Member(1, last_submit=NOW - timedelta(days=1))
    assert streak(submissions_of(member, back(2, 3)), (), TODAY, KOLKATA).current == 3
    known = back(1)
    assert submissions_of(Member(1, last_submit=known[0].at), known) == known


def test_others_todos_are_not_ones_own() -> None:
    assert submissions_of(Member(2), back(0, 1)) == []


days = st.sets(st.integers(0, 40), max_size=25)


@given(days, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=3))
def test_a_streak_is_what_counting_day_by_day_gives(handed: set[int], spans: list[tuple[int, int]]) -> None:
    pauses = [off(max(pair), min(pair)) for pair in spans]
    paused = {day for pair in spans for day in range(min(pair), max(pair) + 1)}
    found = of(back(*handed), *pauses)
    count = 0
    for day in range(42):
        if day in handed:
            count += 1
        elif day not in paused and day:
            break
    assert found.current == count
    assert found.current <= found.longest <= len(handed)
    assert found.last_day == (TODAY - timedelta(days=min(handed)) if handed else None)


@given(days, st.integers(0, 40))
def test_one_todo_more_never_shortens_a_streak(handed: set[int], more: int) -> None:
    before, after = of(back(*handed)), of(back(*handed, more))
    assert before.current <= after.current
    assert before.longest <= after.longest


@given(days, st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_a_pause_more_never_shortens_a_streak(handed: set[int], pair: tuple[int, int]) -> None:
    before, after = of(back(*handed)), of(back(*handed), off(max(pair), min(pair)))
    assert before.current <= after.current
    assert before.longest <= after.longest


def test_the_board_shows_first_who_has_yet_to_hand_in() -> None:
    everybody = [
        Member(1, "Zoe", last_submit=NOW),
        Member(2, "ben"),
        Member(3, "Asha", last_submit=NOW - timedelta(days=1)),
        Member(4, "Gus", pauses=(Pause("p", NOW - timedelta(hours=1)),)),
        Member(5, "Eve", exempt=True),
        Member(6, "Ira"),
        Member(7, "Lee", left_at=NOW),
        Member(8, "Bot", membership=Membership(NOW, in_guild=True, is_bot=True)),
    ]
    rows = standings(everybody, lambda _: KOLKATA, NOW, exempt={6})
    assert [(row.member.name, row.standing) for row in rows] == [
        ("Asha", Standing.MISSING),
        ("ben", Standing.MISSING),
        ("Zoe", Standing.HANDED_IN),
        ("Gus", Standing.PAUSED),
        ("Eve", Standing.EXEMPT),
        ("Ira", Standing.EXEMPT),
        ("Lee", Standing.LEFT),
        ("Bot", Standing.BOT),
    ]


def test_who_has_handed_in_has_done_so_also_when_paused_or_exempt() -> None:
    paused = (Pause("p", NOW - timedelta(hours=1)),)
    rows = standings([Member(1, last_submit=NOW, exempt=True, pauses=paused)], lambda _: KOLKATA, NOW)
    assert rows[0].standing is Standing.HANDED_IN


def test_today_is_each_members_own() -> None:
    evening = datetime(2026, 4, 1, 20, tzinfo=UTC)  # The 2nd in Kolkata, the 1st in Berlin.
    zones = {1: KOLKATA, 2: BERLIN}
    members = [Member(1, last_submit=evening - timedelta(hours=3)), Member(2, last_submit=evening - timedelta(hours=3))]
    rows = {row.member.user_id: row for row in standings(members, lambda member: zones[member.user_id], evening)}
    assert (rows[1].day, rows[1].standing) == (date(2026, 4, 2), Standing.MISSING)
    assert (rows[2].day, rows[2].standing) == (date(2026, 4, 1), Standing.HANDED_IN)
