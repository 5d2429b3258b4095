"""The lines of `todo sweep`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from giftping.output.sweep_lines import done_lines
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.report import ActionResult, LegReport, PlannedAction, RoleReport, SweepReport
from giftping.todo.rules import Action, Due

KOLKATA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def leg(user_id: int, kind: NoticeKind, name: LegName = LegName.CHANNEL, **fields: object) -> LegReport:
    return LegReport(user_id, f"m{user_id}", kind, name, ActionResult.DONE, **fields)  # type: ignore[arg-type]


def lines(*legs: LegReport, **fields: object) -> list[str]:
    return list(done_lines(SweepReport(NOON, NOON, legs=legs, **fields), KOLKATA))  # type: ignore[arg-type]


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
