from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from todo_stage import (
    CHANNEL,
    CHANNEL_POST,
    DAY,
    GIVES_ROLE,
    GUILD,
    HOUR,
    NOT_PERMITTED,
    OPENS_DM,
    ROLE,
    TAKES_ROLE,
    Stage,
    counts,
    results,
)

from giftping.demo import faults
from giftping.store.records import Store
from giftping.todo.model import Lapse, LegName, NoticeKind, RemovalState
from giftping.todo.roles import RoleKeeper

MINUTE = timedelta(minutes=1)


def doom(stage: Stage, *user_ids: int, warned_ago: timedelta = 13 * HOUR) -> None:
    """Let members be silent for five days, and warned."""
    now = stage.clock()
    lapse = Lapse(now - 5 * DAY, warned_at=now - warned_ago)
    stage.join(*user_ids, silent_for=5 * DAY, last_ping=now - HOUR, lapse=lapse)


def has_role(stage: Stage, user_id: int) -> bool:
    return ROLE in stage.discord.roles_of(GUILD, user_id)


def removal_state(stage: Stage, user_id: int) -> RemovalState | None:
    lapse = stage.member(user_id).lapse
    return lapse.removal.state if lapse and lapse.removal else None


# Taken


def test_the_role_goes_after_five_days_and_both_legs_tell_of_it(stage: Stage) -> None:
    doom(stage, 101)
    report = stage.sweep()
    assert not has_role(stage, 101)
    assert (report.exit_code, report.counts()) == (0, {"removal": 1})
    assert stage.pings(101) == ["channel", "dm"]
    assert stage.titles() == ["❌ TODO role removed"]
    (change,) = stage.discord.role_changes
    assert (change.by_bot, change.reason) == (True, "giftping: no TODO for 5 d, warned at least 12 h before")
    assert sorted((event.kind, event.leg, event.result) for event in stage.events(101)) == [
        ("removal", "", "role taken"),
        ("removal", "channel", "delivered"),
        ("removal", "dm", "delivered"),
    ]


def test_it_is_taken_once_in_a_lapse_and_stays_when_it_is_given_back_by_hand(stage: Stage) -> None:
    doom(stage, 101)
    stage.sweep()
    stage.discord.give_role(GUILD, 101, ROLE)
    for _ in range(3):
        stage.pass_time(3 * HOUR)
        assert stage.sweep().roles == ()
    assert has_role(stage, 101)
    assert stage.pings(101) == ["channel", "dm"]


def test_a_young_warning_leaves_the_role_in_place(stage: Stage) -> None:
    doom(stage, 101, warned_ago=12 * HOUR - 3 * MINUTE)
    assert stage.sweep().roles == ()
    assert has_role(stage, 101)
    stage.pass_time(3 * MINUTE)
    stage.sweep()
    assert not has_role(stage, 101)


def test_a_warning_that_did_not_arrive_is_none(stage: Stage) -> None:
    stage.join(101, silent_for=9 * DAY)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    stage.discord.close_dms(101)
    for _ in range(8):
        stage.sweep()
        stage.pass_time(3 * HOUR)
    assert has_role(stage, 101)


def test_a_warning_by_direct_message_alone_is_one(stage: Stage) -> None:
    stage.join(101, silent_for=9 * DAY)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    for _ in range(5):
        stage.sweep()
        stage.pass_time(3 * HOUR)
    assert not has_role(stage, 101)


def test_a_refused_removal_is_told_and_tried_again(stage: Stage) -> None:
    doom(stage, 101, 102)
    stage.discord.set_bot(GUILD, permissions=0)
    report = stage.sweep()
    assert report.exit_code == 69
    (line,) = report.trouble_lines()
    assert line.startswith("2 members: taking the role: refused (HTTP 403")
    assert (stage.pings(101), removal_state(stage, 101)) == ([], None)
    stage.discord.set_bot(GUILD)
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert not has_role(stage, 101)
    assert stage.pings(101) == ["channel", "dm"]


def test_a_refused_removal_of_one_does_not_stop_that_of_others(stage: Stage) -> None:
    doom(stage, 101, 102)
    stage.fail(NOT_PERMITTED, TAKES_ROLE, times=1)
    report = stage.sweep()
    assert [one.result.value for one in report.roles] == ["refused", "done"]
    assert (has_role(stage, 101), has_role(stage, 102)) == (True, False)


UNCLEAR = pytest.mark.parametrize("fault", [faults.status(502), faults.reset(), faults.close()], ids=lambda it: it.name)


@UNCLEAR
def test_a_removal_of_which_nobody_knows_is_looked_after_at_once(stage: Stage, fault: faults.Fault) -> None:
    doom(stage, 101)
    stage.fail(fault, TAKES_ROLE, times=1, after=True)
    assert [one.result.value for one in stage.sweep().roles] == ["done"]
    assert (removal_state(stage, 101), stage.pings(101)) == (RemovalState.DONE, ["channel", "dm"])


@UNCLEAR
@pytest.mark.parametrize("audit_log", [False, True])
def test_a_removal_that_did_not_come_through_is_done_by_the_next_sweep(
    stage: Stage, fault: faults.Fault, audit_log: bool
) -> None:
    doom(stage, 101)
    stage.discord.audit_log = audit_log
    stage.fail(fault, TAKES_ROLE, times=1)
    assert [one.result.value for one in stage.sweep().roles] == ["unclear"]
    assert removal_state(stage, 101) is RemovalState.CLAIMED
    stage.pass_time(15 * MINUTE)
    assert [one.result.value for one in stage.sweep().roles] == ["done"]
    assert len(stage.discord.role_changes) == 1
    assert stage.pings(101) == ["channel", "dm"]


class Cut(BaseException):
    """The run ends here, as if it had been killed: what it was about to write is not written."""


def cut_short(stage: Stage, *, after: bool) -> None:
    """Sweep to where Discord has the request to take the role, and has carried it out or not."""

    fence = RoleKeeper._fence

    def cut(*arguments: Any) -> None:
        if not after:
            fence(*arguments)
        raise Cut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RoleKeeper, "_taken" if after else "_fence", cut)
        with pytest.raises(Cut):
            stage.sweep()


def test_a_removal_that_was_cut_short_before_discord_did_it_is_done_by_the_next_sweep(stage: Stage) -> None:
    doom(stage, 101)
    cut_short(stage, after=False)
    assert removal_state(stage, 101) is RemovalState.CLAIMED
    stage.pass_time(15 * MINUTE)
    assert [one.result.value for one in stage.sweep().roles] == ["done"]
    assert not has_role(stage, 101)


def test_a_removal_that_was_cut_short_after_discord_did_it_is_told(stage: Stage) -> None:
    doom(stage, 101)
    cut_short(stage, after=True)
    stage.pass_time(15 * MINUTE)
    assert [one.result.value for one in stage.sweep().roles] == ["done"]
    assert (removal_state(stage, 101), stage.pings(101)) == (RemovalState.DONE, ["channel", "dm"])
    assert stage.discord.count(TAKES_ROLE) == 1


@pytest.mark.parametrize("is_given_back", [False, True])
def test_a_removal_of_which_only_its_delivery_says_that_it_was_done_is_told_and_not_done_again(
    stage: Stage, is_given_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: Any, **__: Any) -> None:
        raise Cut

    doom(stage, 101)
    stage.discord.audit_log = False
    with monkeypatch.context() as patch:
        patch.setattr(RoleKeeper, "note_taken", cut)
        with pytest.raises(Cut):
            stage.sweep()
    if is_given_back:
        stage.discord.give_role(GUILD, 101, ROLE)
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert removal_state(stage, 101) is RemovalState.DONE
    assert stage.discord.count(TAKES_ROLE) == 1
    assert has_role(stage, 101) is is_given_back


@pytest.mark.parametrize("audit_log", [False, True])
def test_a_role_that_was_given_back_by_hand_after_a_removal_that_was_cut_short_stays(
    stage: Stage, audit_log: bool
) -> None:
    doom(stage, 101)
    stage.discord.audit_log = audit_log
    cut_short(stage, after=True)
    stage.discord.give_role(GUILD, 101, ROLE)
    for _ in range(3):
        stage.pass_time(15 * MINUTE)
        stage.sweep()
    assert has_role(stage, 101)
    assert (stage.discord.count(TAKES_ROLE), stage.pings(101)) == (1, [])
    stage.submit(101)
    assert has_role(stage, 101)


def test_where_nobody_can_tell_whether_it_was_taken_the_member_keeps_the_role_and_that_is_said(stage: Stage) -> None:
    doom(stage, 101)
    stage.discord.audit_log = False
    cut_short(stage, after=False)
    stage.pass_time(15 * MINUTE)
    report = stage.sweep()
    assert ([one.result.value for one in report.roles], counts(report)) == (["uncertain"], True)
    assert has_role(stage, 101)
    assert stage.events(101)[-1].result == "role kept"
    assert stage.sweep().exit_code == 0


def test_who_submits_in_the_last_moment_keeps_the_role(stage: Stage) -> None:
    stage.discord.members_intent = True
    doom(stage, 101, 102)
    stage.discord.call(lambda: stage.submit(102), match=TAKES_ROLE)
    report = stage.sweep()
    assert ([one.user_id for one in report.roles], report.exit_code) == ([101], 0)
    assert (has_role(stage, 101), has_role(stage, 102)) == (False, True)
    assert stage.discord.count(TAKES_ROLE) == 1


def test_who_submits_between_the_claim_and_the_fence_keeps_the_role(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    doom(stage, 101)
    fence = RoleKeeper._fence

    def late(*arguments: Any) -> None:
        stage.submit(101)
        fence(*arguments)

    monkeypatch.setattr(RoleKeeper, "_fence", late)
    assert (stage.sweep().roles, stage.discord.count(TAKES_ROLE)) == ((), 0)
    assert (has_role(stage, 101), removal_state(stage, 101)) == (True, None)


def test_who_submits_while_the_role_is_being_taken_gets_it_back_without_being_told_of_a_loss(stage: Stage) -> None:
    doom(stage, 101)
    stage.discord.call(lambda: stage.submit(101), match=TAKES_ROLE)
    stage.sweep()
    assert not has_role(stage, 101)
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert has_role(stage, 101)
    assert "❌ TODO role removed" not in stage.titles()


def test_who_has_left_in_the_meantime_loses_nothing(stage: Stage) -> None:
    doom(stage, 101)
    stage.discord.call(lambda: stage.discord.remove_member(GUILD, 101), match=TAKES_ROLE)
    report = stage.sweep()
    assert (report.exit_code, report.roles) == (0, ())
    assert removal_state(stage, 101) is None


def test_a_deleted_role_ends_the_silence_without_a_word(stage: Stage) -> None:
    doom(stage, 101)
    stage.discord.remove_role(GUILD, ROLE)
    report = stage.sweep()
    assert (report.exit_code, report.roles, stage.pings(101)) == (0, (), [])
    assert removal_state(stage, 101) is RemovalState.ABSENT
    assert stage.discord.count(TAKES_ROLE) == 0


def test_who_never_had_the_role_is_reminded_and_not_warned(stage: Stage) -> None:
    stage.settings = '[todo]\ndowntime = "1d"\n'
    stage.discord.add_member(GUILD, 101)
    stage.enrol(101, silent_for=106 * HOUR)
    stage.sweep()
    assert stage.titles() == ["⏰ TODO reminder"]
    stage.pass_time(14 * HOUR)
    stage.sweep()
    assert stage.titles() == ["⏰ TODO reminder"]
    assert removal_state(stage, 101) is RemovalState.ABSENT


def test_no_role_is_taken_while_a_submission_elsewhere_would_not_be_seen(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    doom(stage, 101)
    monkeypatch.setattr(Store, "is_away", True)
    report = stage.sweep()
    assert has_role(stage, 101)
    assert report.trouble_lines() == [
        "no role is taken while the shared store is away: a submission elsewhere would not be seen"
    ]


def test_a_notice_of_removal_that_failed_in_one_leg_is_sent_by_that_leg_later(stage: Stage) -> None:
    doom(stage, 101)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    stage.sweep()
    assert stage.pings(101) == ["dm"]
    stage.discord.clear_faults()
    stage.pass_time(HOUR)
    report = stage.sweep()
    assert (stage.pings(101), results(report, LegName.DM)) == (["dm", "channel"], {})
    assert stage.member(101).notices == ()


def test_a_notice_that_could_not_be_delivered_for_a_week_is_given_up(stage: Stage) -> None:
    doom(stage, 101)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    stage.fail(faults.status(400, 50035), OPENS_DM)
    stage.sweep()
    stage.pass_time(7 * DAY)
    report = stage.sweep()
    assert counts(report)
    assert [(one.kind, one.result.value) for one in report.legs] == [(NoticeKind.REMOVAL, "uncertain")] * 2
    assert stage.member(101).notices == ()


# Given back


def test_a_submission_gives_the_role_back_at_once(stage: Stage) -> None:
    doom(stage, 101)
    stage.sweep()
    stage.pass_time(DAY)
    report = stage.submit(101)
    assert report.role is not None
    assert (report.role.given, report.role.result.value) == (True, "done")
    assert has_role(stage, 101)
    assert stage.discord.role_changes[-1].reason == "giftping: a TODO was handed in"
    assert stage.titles()[-2:] == ["✅ New TODO submitted", "✅ TODO role is back"]
    assert stage.sweep().roles == ()


def test_when_discord_was_down_at_the_submission_the_next_sweep_gives_it_back(stage: Stage) -> None:
    doom(stage, 101)
    stage.sweep()
    stage.fail(faults.status(503), GIVES_ROLE)
    report = stage.submit(101)
    assert report.role is not None
    assert report.role.result.value == "unclear"
    assert not has_role(stage, 101)
    stage.discord.clear_faults()
    stage.pass_time(15 * MINUTE)
    assert [(one.given, one.result.value) for one in stage.sweep().roles] == [(True, "done")]
    assert has_role(stage, 101)
    assert stage.titles()[-1] == "✅ TODO role is back"


def test_a_submission_by_an_older_bot_gives_it_back_with_the_next_sweep(stage: Stage) -> None:
    doom(stage, 101)
    stage.sweep()
    stage.pass_time(HOUR)
    stage.submit_by_older_bot(101)
    stage.sweep()
    assert has_role(stage, 101)
    assert stage.sweep().roles == ()


def test_a_role_that_a_person_took_is_not_given_back(stage: Stage) -> None:
    stage.join(101)
    stage.discord.take_role(GUILD, 101, ROLE)
    assert stage.submit(101).role is None
    stage.sweep()
    assert not has_role(stage, 101)


def test_after_the_role_is_back_a_new_lapse_may_take_it_again(stage: Stage) -> None:
    doom(stage, 101)
    stage.sweep()
    stage.submit(101)
    stage.settings = '[todo]\ndowntime = "2d"\n'
    for _ in range(41):
        stage.pass_time(3 * HOUR)
        stage.sweep()
    assert [change.given for change in stage.discord.role_changes] == [False, True, False]
    taken_again = stage.discord.role_changes[-1].at - stage.discord.role_changes[-2].at
    assert taken_again == 5 * DAY


def test_who_is_gone_gets_nothing_back(stage: Stage) -> None:
    doom(stage, 101)
    stage.sweep()
    stage.discord.remove_member(GUILD, 101)
    report = stage.submit(101)
    assert (report.role, report.todo.must_do) == (None, "read ten pages")
    assert [message.channel_id for message in stage.discord.messages(CHANNEL)] == [CHANNEL] * 2


def test_a_role_that_cannot_be_given_back_is_told_of_and_does_not_end_the_reminders(stage: Stage) -> None:
    doom(stage, 101)
    stage.sweep()
    stage.discord.remove_role(GUILD, ROLE)
    stage.submit(101)
    pinged = len(stage.pings(101))
    assert stage.sweep().trouble_lines() == [
        "member 101 (member-101): giving the role back: refused (HTTP 404 Unknown Role (10011)); "
        "the role is not there any more: name another one; the next sweep tries again"
    ]
    stage.pass_time(DAY)
    assert stage.sweep().counts() == {"reminder": 1}
    assert stage.pings(101)[pinged:] == ["channel", "dm"]
    stage.discord.add_role(GUILD, ROLE)
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert has_role(stage, 101)
