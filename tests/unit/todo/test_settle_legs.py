from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from todo_builders import DAY, HOST, HOUR, START, claimed, claimed_by_older, member, notice, rules, sent
from todo_stage import (
    CHANNEL,
    CHANNEL_POST,
    GUILD,
    MESSAGES,
    NOT_PERMITTED,
    OPENS_DM,
    Stage,
    counts,
    results,
)

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.world import Permission
from giftping.todo.model import LegName, LegState, Member, NoticeKind
from giftping.todo.report import LegReport
from giftping.todo.settle_legs import LegSettler, claimed_legs, may_be_settled

MINUTE = timedelta(minutes=1)
READS = Match("GET", MESSAGES, CHANNEL)
UNCLEAR = [faults.status(500), faults.status(504), faults.reset(), faults.close(), faults.garbage()]

by_fault = pytest.mark.parametrize("fault", UNCLEAR, ids=lambda fault: fault.name)


def channel_only(stage: Stage) -> None:
    stage.settings = "[todo]\ndirect_messages = false\n"


def unclear_ping(stage: Stage, fault: faults.Fault, *, after: bool) -> None:
    channel_only(stage)
    stage.join(101)
    stage.fail(fault, CHANNEL_POST, times=1, after=after)
    report = stage.sweep()
    assert (results(report, LegName.CHANNEL), report.exit_code) == ({101: "unclear"}, 69)


# Whose legs are looked after, and when


@pytest.mark.parametrize(
    ("by", "age", "found"),
    [
        (HOST, timedelta(seconds=59), False),
        (HOST, MINUTE, True),
        ("host-b", 10 * MINUTE - timedelta(seconds=1), False),
        ("host-b", 10 * MINUTE, True),
    ],
)
def test_legs_that_an_older_release_claimed_are_looked_after_soon_on_its_host_and_elsewhere_after_the_lease(
    by, age, found
):
    at = START + DAY
    assert may_be_settled(claimed_by_older(at, by), rules(), at + age) is found


def test_legs_that_are_not_claimed_are_nobodys_business():
    known = member(notices=(notice(channel=sent(START), dm=claimed(START)), notice(id="other")))
    assert [(one.notice.id, one.name) for one in claimed_legs([known])] == [(notice().id, LegName.DM)]


# Pings


@pytest.mark.parametrize("fault", UNCLEAR[:4], ids=lambda fault: fault.name)
def test_a_ping_that_is_not_there_goes_out_anew(stage: Stage, fault: faults.Fault) -> None:
    unclear_ping(stage, fault, after=False)
    stage.pass_time(15 * MINUTE)
    report = stage.sweep()
    assert [(one.result.value, one.settled) for one in report.legs] == [("later", True), ("done", False)]
    assert (stage.pings(101), report.exit_code) == (["channel"], 0)


@by_fault
def test_a_ping_that_is_found_is_not_sent_again_and_counts_from_when_it_was_posted(
    stage: Stage, fault: faults.Fault
) -> None:
    unclear_ping(stage, fault, after=True)
    posted_at = stage.clock()
    stage.pass_time(15 * MINUTE)
    report = stage.sweep()
    assert [(one.result.value, one.settled) for one in report.legs] == [("done", True)]
    assert stage.pings(101) == ["channel"]
    assert abs(stage.member(101).last_ping - posted_at) < timedelta(seconds=1)
    stage.pass_time(3 * HOUR - 18 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["channel"]
    stage.pass_time(3 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["channel", "channel"]


def test_a_ping_that_may_still_be_under_way_is_not_taken_for_absent(stage: Stage) -> None:
    unclear_ping(stage, faults.reset(), after=False)
    stage.pass_time(timedelta(seconds=59))
    report = stage.sweep()
    assert [(one.result.value, one.settled) for one in report.legs] == [("later", True)]
    assert (report.exit_code, stage.pings(101)) == (0, [])
    stage.pass_time(timedelta(seconds=1))
    stage.sweep()
    assert stage.pings(101) == ["channel"]


def test_a_ping_that_is_there_is_found_as_soon_as_its_run_is_over(stage: Stage) -> None:
    unclear_ping(stage, faults.reset(), after=True)
    assert [(one.result.value, one.settled) for one in stage.sweep().legs] == [("done", True)]
    assert stage.pings(101) == ["channel"]


def test_a_ping_that_cannot_be_looked_for_now_waits_and_is_told_of(stage: Stage) -> None:
    unclear_ping(stage, faults.reset(), after=True)
    stage.fail(faults.status(500), READS)
    stage.pass_time(15 * MINUTE)
    report = stage.sweep()
    assert report.exit_code == 69
    assert report.trouble_lines() == [
        "member 101 (member-101): reminder, channel: unclear whether it arrived (cannot look: HTTP 500); "
        "the next sweep looks"
    ]
    stage.discord.clear_faults()
    stage.pass_time(15 * MINUTE)
    assert [(one.result.value, one.settled) for one in stage.sweep().legs] == [("done", True)]
    assert stage.pings(101) == ["channel"]


def test_a_ping_that_nobody_can_look_for_any_more_counts_as_one_that_may_have_arrived(stage: Stage) -> None:
    unclear_ping(stage, faults.reset(), after=False)
    stage.discord.set_permissions(CHANNEL, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
    stage.pass_time(15 * MINUTE)
    report = stage.sweep()
    assert (results(report, LegName.CHANNEL), counts(report)) == ({101: "uncertain"}, True)
    assert stage.member(101).last_ping == stage.clock() - 15 * MINUTE
    stage.pass_time(3 * HOUR - 15 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["channel"]


def test_the_post_of_a_todo_is_looked_for_until_its_channel_may_be_read_again(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.reset(), CHANNEL_POST, times=1)
    assert results(stage.submit(101), LegName.CHANNEL) == {101: "unclear"}
    stage.discord.set_permissions(CHANNEL, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
    for _ in range(3):
        stage.pass_time(4 * HOUR)
        stage.sweep()
    assert "✅ New TODO submitted" not in stage.titles()
    stage.discord.set_permissions(CHANNEL, Permission.POSTING)
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert stage.titles().count("✅ New TODO submitted") == 1


def test_the_other_leg_goes_out_while_one_is_unclear(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.reset(), CHANNEL_POST, times=1)
    stage.sweep()
    assert stage.pings(101) == ["dm"]
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["dm", "channel"]


@pytest.mark.parametrize("arrived", [True, False])
def test_an_unclear_direct_message_is_looked_for_in_its_own_channel(stage: Stage, arrived: bool) -> None:
    stage.join(101)
    stage.sweep()
    stage.pass_time(3 * HOUR)
    stage.fail(faults.reset(), Match("POST", MESSAGES, user_id=101), times=1, after=arrived)
    assert results(stage.sweep(), LegName.DM) == {101: "unclear"}
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["channel", "dm", "channel", "dm"]


def test_members_of_one_message_are_settled_by_one_reading(stage: Stage) -> None:
    channel_only(stage)
    stage.join(101, 102, 103)
    stage.fail(faults.reset(), CHANNEL_POST, times=1, after=True)
    stage.sweep()
    stage.pass_time(15 * MINUTE)
    report = stage.sweep()
    assert results(report, LegName.CHANNEL) == dict.fromkeys((101, 102, 103), "done")
    # One page with all of them, and an empty one, after which there are no more.
    assert stage.discord.count(READS) == 2
    assert len(stage.discord.messages(CHANNEL)) == 1


def test_what_others_write_into_the_channel_is_not_taken_for_a_ping(stage: Stage) -> None:
    unclear_ping(stage, faults.reset(), after=False)
    stage.discord.message_content = True
    lost = stage.member(101).ping
    assert lost is not None
    stage.discord.add_message(CHANNEL, "", embeds=[{"title": "x", "footer": {"text": f"ref {lost.id}"}}])
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["channel"]


def test_a_found_warning_counts_as_delivered_when_it_was_posted(stage: Stage) -> None:
    channel_only(stage)
    stage.join(101, silent_for=9 * DAY)
    stage.fail(faults.reset(), CHANNEL_POST, times=1, after=True)
    stage.sweep()
    posted_at = stage.clock()
    assert stage.member(101).lapse is None
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    lapse = stage.member(101).lapse
    assert lapse is not None
    assert lapse.warned_at is not None
    assert abs(lapse.warned_at - posted_at) < timedelta(seconds=1)


def test_a_warning_of_which_nobody_can_tell_is_no_warning(stage: Stage) -> None:
    channel_only(stage)
    stage.join(101, silent_for=9 * DAY)
    stage.fail(faults.reset(), CHANNEL_POST, after=True)
    for _ in range(8):
        stage.sweep()
        stage.discord.set_permissions(CHANNEL, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
        stage.pass_time(3 * HOUR)
    assert stage.discord.role_changes == []


def test_a_submission_since_makes_an_unclear_ping_of_no_matter(stage: Stage) -> None:
    unclear_ping(stage, faults.reset(), after=False)
    stage.submit(101)
    stage.pass_time(15 * MINUTE)
    assert stage.sweep().legs == ()
    assert stage.pings(101) == []


# News


@pytest.mark.parametrize("arrived", [True, False])
def test_an_unclear_post_of_a_todo_is_there_once_in_the_end(stage: Stage, arrived: bool) -> None:
    stage.join(101)
    stage.fail(faults.reset(), CHANNEL_POST, times=1, after=arrived)
    assert results(stage.submit(101), LegName.CHANNEL) == {101: "unclear"}
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert stage.titles() == ["✅ New TODO submitted"]
    assert stage.member(101).notices == ()


@by_fault
@pytest.mark.parametrize("others", [(), (102, 103)], ids=["alone", "beside others"])
def test_a_post_that_became_unclear_while_a_sweep_read_the_members_is_there_once_in_the_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: faults.Fault, others: tuple[int, ...]
) -> None:
    stage.join(101, *others, silent_for=HOUR)
    settle = LegSettler.settle

    def submitted_meanwhile(settler: LegSettler, members: Iterable[Member]) -> list[LegReport]:
        monkeypatch.undo()
        stage.fail(fault, CHANNEL_POST, times=1 + len(others), after=True)
        for user_id in (101, *others):
            assert results(stage.submit(user_id), LegName.CHANNEL) == {user_id: "unclear"}
        return settle(settler, members)

    monkeypatch.setattr(LegSettler, "settle", submitted_meanwhile)
    stage.sweep()
    for _ in range(3):
        stage.pass_time(15 * MINUTE)
        stage.sweep()
    assert stage.titles() == ["✅ New TODO submitted"] * (1 + len(others))
    assert [stage.member(user_id).notices for user_id in (101, *others)] == [()] * (1 + len(others))


def test_news_that_could_not_be_told_for_a_week_are_given_up_and_that_is_in_the_history(stage: Stage) -> None:
    stage.settings = '[todo]\nremind_after = "20d"\nremove_after = "40d"\n'
    stage.join(101)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    stage.submit(101)
    stage.pass_time(7 * DAY - MINUTE)
    assert [one.result.value for one in stage.sweep().legs] == ["refused"]
    stage.pass_time(MINUTE)
    report = stage.sweep()
    assert [(one.kind, one.result.value) for one in report.legs] == [(NoticeKind.SUBMISSION, "uncertain")]
    assert stage.member(101).notices == ()
    assert stage.events(101)[-1].reason == "given up after a week"
    assert stage.sweep().exit_code == 0


def test_an_old_ping_is_no_news_and_is_not_given_up(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.status(400, 50035), OPENS_DM)
    stage.sweep()
    ping = stage.member(101).ping
    assert ping is not None
    assert ping.dm.state is LegState.OPEN
    stage.discord.remove_member(GUILD, 101)
    stage.pass_time(8 * DAY)
    assert "given up" not in " ".join(stage.sweep().trouble_lines())
