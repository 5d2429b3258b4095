from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from giftping.output.todo import NAME_WIDTH, done_lines, due_words, event_text, moment, place_of, printable, who
from giftping.todo.history import Event
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.report import ActionResult, LegReport, PlannedAction, RoleReport, SweepReport
from giftping.todo.rules import Action, Due

KOLKATA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def leg(user_id: int, kind: NoticeKind, name: LegName = LegName.CHANNEL, **fields: object) -> LegReport:
    return LegReport(user_id, f"m{user_id}", kind, name, ActionResult.DONE, **fields)  # type: ignore[arg-type]


def lines(*legs: LegReport, **fields: object) -> list[str]:
    return list(done_lines(SweepReport(NOON, NOON, legs=legs, **fields), KOLKATA))  # type: ignore[arg-type]


@given(st.text(max_size=60))
def test_a_name_fits_its_column_and_obeys_nobody(name: str) -> None:
    shown = who(7, name)
    assert shown
    assert cell_len(shown) <= NAME_WIDTH + 1
    assert printable(shown) == shown


def test_who_has_no_name_is_called_by_the_id() -> None:
    assert [who(7, ""), who(7, "  "), who(7, "Asha")] == ["7", "7", "Asha"]
    assert who(7, "a" * 21) == f"{'a' * 19}…"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (timedelta(0), "today 17:30"),
        (-DAY, "yesterday 17:30"),
        (7 * HOUR, "tomorrow 00:30"),
        (2 * DAY, "2026-05-06 17:30"),
    ],
)
def test_a_time_in_a_table_is_near_or_a_date(after: timedelta, said: str) -> None:
    assert moment(NOON + after, KOLKATA, NOON) == said


def test_a_member_told_by_two_legs_is_one_member() -> None:
    legs = (leg(1, NoticeKind.REMINDER), leg(1, NoticeKind.REMINDER, LegName.DM), leg(2, NoticeKind.REMINDER))
    assert lines(*legs) == ["reminded 2 members: m1, m2"]


def test_what_was_not_done_is_not_told_as_done() -> None:
    refused = LegReport(1, "m1", NoticeKind.REMINDER, LegName.CHANNEL, ActionResult.REFUSED)
    assert lines(refused, roles=(RoleReport(1, "m1", given=False, result=ActionResult.UNCLEAR),)) == []


def test_the_news_of_a_role_is_told_with_the_role_and_alone_when_it_comes_later() -> None:
    taken = RoleReport(1, "m1", given=False, result=ActionResult.DONE)
    assert lines(leg(1, NoticeKind.REMOVAL), roles=(taken,)) == ["took the role from 1 member: m1"]
    assert lines(leg(1, NoticeKind.REMOVAL)) == ["told of the role's loss: 1 member: m1"]


def test_what_an_earlier_run_had_sent_is_told_apart() -> None:
    assert lines(leg(1, NoticeKind.WARNING, settled=True)) == [
        "found what an earlier run had sent: warning for 1 member: m1"
    ]


def test_moves_and_downtime_are_told() -> None:
    plan = (PlannedAction(1, "Asha", Due(Action.NOTHING, "left the guild")),)
    said = lines(plan=plan, left=(1,), returned=(2,), downtime_since=NOON - DAY)
    assert said == [
        "no sweep between 2026-05-03 17:30 IST and 2026-05-04 17:30 IST: that time is not charged",
        "left the guild: Asha",
        "back in the guild: 2",
    ]


def test_a_leg_that_is_owed_alone_is_named() -> None:
    owed = Due(Action.WARN, "the dm leg was not delivered", legs=(LegName.DM,), is_retry=True)
    assert due_words(owed, KOLKATA, NOON) == ("warning, dm", "now")
    assert due_words(Due(Action.NOTHING, "exempt"), KOLKATA, NOON) == ("–", "–")


def test_a_plan_begins_with_what_is_due() -> None:
    never, later = Due(Action.NOTHING, ""), Due(Action.NOTHING, "", NOON + DAY, Action.REMIND)
    sooner, present = Due(Action.NOTHING, "", NOON, Action.REMIND), Due(Action.REMIND, "")
    assert sorted([never, later, sooner, present], key=place_of) == [present, sooner, later, never]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "submission", "day": "2026-05-04", "by": "7"}, "TODO handed in for 2026-05-04"),
        ({"kind": "submission", "day": "2026-05-04", "by": "9"}, "TODO handed in for 2026-05-04 by 9"),
        ({"kind": "submission", "leg": "channel", "result": "delivered"}, "post of the TODO, channel: delivered"),
        (
            {"kind": "reminder", "leg": "dm", "result": "not delivered", "reason": "HTTP 500"},
            "reminder, direct message: not delivered (HTTP 500)",
        ),
        ({"kind": "removal", "result": "role taken", "by": "host"}, "role taken"),
        ({"kind": "changed", "result": "exempt", "by": "host"}, "changed on the roster, exempt"),
        ({"kind": "left"}, "left the guild"),
        ({"kind": "something new", "result": "x", "by": "host"}, "something new: x by host"),
        ({"kind": "reminder", "leg": "pigeon", "result": "delivered"}, "reminder, pigeon: delivered"),
    ],
)
def test_the_history_is_told_in_words(fields: dict[str, str], said: str) -> None:
    assert event_text(Event("e", 7, at=NOON, **fields)) == said
