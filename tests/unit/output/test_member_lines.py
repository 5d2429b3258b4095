"""How members stand, in few words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from giftping.output.member_lines import due_words, event_text, place_of
from giftping.todo.history import Event
from giftping.todo.model import LegName
from giftping.todo.rules import Action, Due

KOLKATA = ZoneInfo("Asia/Kolkata")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


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
