"""The switch from the older TODO bot, and the way back to it: nobody is surprised by either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from todo_stage import CHANNEL_POST, DAY, GUILD, HOUR, ROLE, Stage

from giftping.demo import faults
from giftping.store.documents import NEVER_SUBMITTED
from giftping.todo.forget import forget_documents
from giftping.todo.model import Pause
from giftping.todo.repository import MemberChange

ANN = 101


def found(stage: Stage, user_id: int = ANN, **stamps: Any) -> None:
    """Let a member be in the guild, and in the documents as the older bot has left them."""
    stage.discord.add_member(GUILD, user_id, roles=(ROLE,))
    long_ago = stage.clock() - 30 * DAY
    stage.put("active_members", {"_id": str(user_id), "added": long_ago, "name": "Ann", "user_id": user_id})
    if stamps:
        stage.put("todo_timestamps", {"_id": str(user_id), **stamps})


def live(stage: Stage, span: timedelta, every: timedelta = 3 * HOUR) -> list[tuple[str, float]]:
    """What was told in the channel while sweeps came: the kinds in order, each with the hours since the beginning."""
    began, told = stage.clock(), []
    while stage.clock() - began < span:
        at = (stage.clock() - began) / HOUR
        told += [(one.kind.value, at) for one in stage.sweep().legs if one.leg == "channel"]
        stage.pass_time(every)
    return told


def has_role(stage: Stage) -> bool:
    return ROLE in stage.discord.roles_of(GUILD, ANN)


def test_who_never_handed_in_is_not_late_from_the_start(stage: Stage) -> None:
    found(stage)
    told = live(stage, 5 * DAY)
    assert told[0] == ("reminder", 24)
    warned = next(at for kind, at in told if kind == "warning")
    assert 105 <= warned <= 108
    assert has_role(stage)
    live(stage, DAY)
    assert not has_role(stage)


def test_what_staff_changes_before_the_first_sweep_makes_nobody_late(stage: Stage) -> None:
    found(stage)
    pause = Pause("p", stage.clock() - 2 * DAY, stage.clock() - DAY)
    with stage.repository() as repository:
        repository.amend([ANN], lambda member: MemberChange(replace(member, pauses=(pause,), exempt=False)))
    assert live(stage, 2 * DAY)[0] == ("reminder", 24)


def test_who_is_added_by_the_older_bot_later_on_is_not_late_either(stage: Stage) -> None:
    stage.sweep()
    stage.pass_time(10 * DAY)
    found(stage)
    assert live(stage, 2 * DAY)[0] == ("reminder", 24)


@pytest.mark.parametrize("silent_for", [4.9, 6, 30, 2000])
@pytest.mark.parametrize("last_ping", [0, None])
def test_a_last_call_is_nobodys_first_message(stage: Stage, silent_for: float, last_ping: int | None) -> None:
    stamps = {} if last_ping is None else {"last_ping": last_ping}
    found(stage, last_submit=(stage.clock() - silent_for * DAY).timestamp(), **stamps)
    told = live(stage, 14 * HOUR)
    assert [kind for kind, _ in told[:2]] == ["reminder", "warning"]
    assert has_role(stage)
    live(stage, DAY)
    assert not has_role(stage)


def test_who_was_reminded_by_the_older_bot_may_be_warned_at_once(stage: Stage) -> None:
    found(stage, last_submit=(stage.clock() - 4.9 * DAY).timestamp(), last_ping=(stage.clock() - 4 * HOUR).timestamp())
    assert live(stage, 3 * HOUR) == [("warning", 0)]


# The way back


def older_bot(document: Mapping[str, Any], now: datetime) -> str:
    """What the older bot's sweep does with a document, by its own rules: what is missing counts as 1970."""
    silent = now.timestamp() - document.get("last_submit", 0)
    if silent >= 5 * 86400:
        return "takes the role"
    due = silent >= 86400 and now.timestamp() - document.get("last_ping", 0) >= 3 * 3600
    return "pings" if due else ""


def documents(stage: Stage) -> dict[str, Mapping[str, Any]]:
    with stage.repository() as repository:
        return {one["_id"]: one for one in repository.store.engine.walk("todo_timestamps")}


def test_the_older_bot_leaves_alone_who_never_handed_in_whatever_sweeps_have_written(stage: Stage) -> None:
    found(stage)
    written = 0
    for _ in range(30):
        stage.sweep()
        written += len(documents(stage))
        for ahead in (timedelta(0), 10 * DAY):
            assert {older_bot(one, stage.clock() + ahead) for one in documents(stage).values()} <= {""}
        stage.pass_time(6 * HOUR)
    assert written > 0


@pytest.mark.parametrize(
    "document", [{"last_ping": 1_700_000_000.5}, {"last_submit": 0, "last_ping": 5}, {"last_ping": 0}]
)
@pytest.mark.parametrize("is_listed", [True, False])
def test_a_sweep_makes_safe_what_says_nothing_of_a_last_todo(
    stage: Stage, document: dict[str, Any], *, is_listed: bool
) -> None:
    if is_listed:
        found(stage, **document)
    else:
        stage.put("todo_timestamps", {"_id": str(ANN), **document})
    stage.sweep()
    assert documents(stage)[str(ANN)]["last_submit"] == NEVER_SUBMITTED
    assert older_bot(documents(stage)[str(ANN)], stage.clock() + 30 * DAY) == ""
    assert stage.member(ANN).last_submit is None


def test_the_older_bot_pings_nobody_sooner_than_the_interval_after_a_sweep_has(stage: Stage) -> None:
    found(stage, last_submit=(stage.clock() - 2 * DAY).timestamp(), last_ping=0)
    assert stage.sweep().legs
    (document,) = documents(stage).values()
    assert older_bot(document, stage.clock() + 2.9 * HOUR) == ""


def test_a_first_todo_counts_for_either(stage: Stage) -> None:
    found(stage)
    stage.sweep()
    stage.pass_time(25 * HOUR)
    stage.sweep()
    stage.submit(ANN)
    (document,) = documents(stage).values()
    assert document["last_submit"] == stage.clock().timestamp()
    assert stage.member(ANN).silent_since == stage.clock()


# Who asks to be forgotten


def forget(stage: Stage) -> None:
    with stage.repository() as repository:
        forget_documents(repository, ANN, stage.clock())


@pytest.mark.parametrize("hours_of_silence", [2, 23, 30, 110])
def test_who_is_forgotten_is_reminded_a_day_later_at_the_earliest(stage: Stage, hours_of_silence: int) -> None:
    stage.join(ANN, silent_for=hours_of_silence * HOUR)
    stage.sweep()
    forget(stage)
    assert live(stage, 2 * DAY)[0] == ("reminder", 24)
    assert has_role(stage)


def test_who_is_forgotten_after_the_role_was_taken_is_not_pinged_and_gets_it_back(stage: Stage) -> None:
    stage.join(ANN, silent_for=4 * DAY)
    live(stage, 2 * DAY)
    assert not has_role(stage)
    forget(stage)
    assert live(stage, 6 * DAY) == []
    stage.submit(ANN)
    assert has_role(stage)


def test_a_message_under_way_of_who_is_forgotten_is_settled(stage: Stage) -> None:
    stage.join(ANN, silent_for=DAY)
    stage.fail(faults.reset(), CHANNEL_POST, times=1, after=True)
    stage.sweep()
    forget(stage)
    stage.pass_time(15 * timedelta(minutes=1))
    assert stage.sweep().exit_code == 0
    with stage.repository() as repository:
        assert list(repository.store.engine.walk("deliveries")) == []
