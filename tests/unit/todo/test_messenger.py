from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from todo_stage import (
    CHANNEL,
    CHANNEL_POST,
    DAY,
    GUILD,
    HOUR,
    MESSAGES,
    NOT_NOW,
    NOT_PERMITTED,
    OPENS_DM,
    ROLE,
    Stage,
    StageClock,
    legs_of,
    results,
)

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.todo.model import LegName
from giftping.todo.report import what_happened

MINUTE = timedelta(minutes=1)
TOO_FAST = faults.status(403, 40003, "You are opening direct messages too fast")


def dm_post(stage: Stage, user_id: int) -> Match:
    return Match("POST", MESSAGES, user_id=user_id)


def met(stage: Stage, *user_ids: int) -> None:
    """Let members have been written to once, so that their channels for direct messages are known."""
    stage.sweep()
    assert all(stage.member(user_id).dm_channel_id for user_id in user_ids)
    stage.pass_time(3 * HOUR)


# One leg fails


def test_when_the_channel_refuses_only_the_channel_is_tried_again(stage: Stage) -> None:
    stage.join(101, 102)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    report = stage.sweep()
    assert stage.pings(101) == stage.pings(102) == ["dm"]
    assert report.trouble_lines() == [
        "2 members: reminder, channel: refused (HTTP 403 Missing Permissions (50013)); the bot lacks a permission"
        " there: allow it View Channel, Send Messages and Embed Links, then: giftping guilds test 1; tried again"
        " within a day"
    ]
    stage.discord.clear_faults()
    stage.pass_time(HOUR)
    report = stage.sweep()
    assert stage.pings(101) == ["dm", "channel"]
    assert {one.leg for one in report.legs} == {LegName.CHANNEL}
    assert stage.member(101).last_ping == stage.clock()


def test_when_the_direct_message_is_refused_only_that_is_tried_again(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.status(400, 50035), OPENS_DM)
    stage.sweep()
    assert stage.pings(101) == ["channel"]
    stage.discord.clear_faults()
    stage.pass_time(15 * MINUTE)
    report = stage.sweep()
    assert (results(report, LegName.CHANNEL), results(report, LegName.DM)) == ({}, {101: "done"})
    assert stage.pings(101) == ["channel", "dm"]


def test_a_failed_leg_is_dropped_once_the_next_ping_is_due(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.status(400, 50035), OPENS_DM)
    for _ in range(3):
        stage.sweep()
        stage.pass_time(HOUR)
    stage.discord.clear_faults()
    stage.sweep()
    assert stage.pings(101) == ["channel", "channel", "dm"]


def test_the_interval_counts_from_the_leg_that_came_last(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_PERMITTED, CHANNEL_POST, times=1)
    stage.sweep()
    stage.pass_time(HOUR)
    stage.sweep()
    stage.pass_time(3 * HOUR - 3 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["dm", "channel"]
    stage.pass_time(3 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["dm", "channel", "channel", "dm"]


def test_a_ping_of_which_nothing_arrived_is_tried_again_at_once(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_NOW, CHANNEL_POST)
    stage.fail(faults.status(400, 50035), OPENS_DM)
    assert stage.sweep().exit_code == 69
    assert stage.member(101).last_ping is None
    stage.discord.clear_faults()
    stage.pass_time(15 * MINUTE)
    stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]


def test_a_refused_message_is_in_the_history_once(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    for _ in range(4):
        stage.sweep()
        stage.pass_time(15 * MINUTE)
    legs = [(event.leg, event.result) for event in stage.events(101)]
    assert legs.count(("channel", "not delivered")) <= 2
    assert legs.count(("dm", "delivered")) == 1


def test_a_channel_that_says_no_is_asked_once_in_a_run(stage: Stage) -> None:
    stage.discord.members_intent = True
    stage.join(*range(101, 132))
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    report = stage.sweep()
    assert stage.discord.count(CHANNEL_POST) == 1
    assert set(results(report, LegName.CHANNEL)) == set(range(101, 132))


def test_one_members_failure_does_not_stop_the_others(stage: Stage) -> None:
    stage.join(101, 102, 103)
    met(stage, 101, 102, 103)
    stage.fail(faults.status(500), dm_post(stage, 102))
    report = stage.sweep()
    assert results(report, LegName.DM) == {101: "done", 102: "unclear", 103: "done"}
    assert results(report, LegName.CHANNEL) == {101: "done", 102: "done", 103: "done"}


# Members who take no direct messages


def test_a_member_who_takes_no_direct_messages_is_left_alone_with_them_for_a_week(stage: Stage) -> None:
    stage.settings = '[todo]\nremove_after = "30d"\n'
    stage.join(101)
    stage.discord.close_dms(101)
    report = stage.sweep()
    assert (results(report, LegName.DM), report.exit_code) == ({101: "closed"}, 0)
    assert stage.member(101).dms_closed_at == stage.clock()
    stage.discord.open_dms(101)
    stage.pass_time(7 * DAY - 3 * HOUR)
    assert results(stage.sweep(), LegName.DM) == {}
    stage.pass_time(3 * HOUR)
    assert results(stage.sweep(), LegName.DM) == {101: "done"}
    assert stage.pings(101) == ["channel", "channel", "channel", "dm"]


@pytest.mark.parametrize(
    "fault", [faults.status(403, 50007), faults.status(403, 50278), faults.status(400, 50033)], ids=lambda it: it.name
)
def test_a_channel_for_direct_messages_that_cannot_be_opened_is_closed_too(stage: Stage, fault: faults.Fault) -> None:
    stage.join(101)
    stage.fail(fault, OPENS_DM)
    report = stage.sweep()
    assert (results(report, LegName.DM), report.exit_code) == ({101: "closed"}, 0)
    assert stage.member(101).dms_closed_at == stage.clock()
    assert stage.member(101).notices == ()


def test_where_direct_messages_are_switched_off_none_is_opened(stage: Stage) -> None:
    stage.settings = "[todo]\ndirect_messages = false\n"
    stage.join(101)
    assert stage.sweep().exit_code == 0
    assert (stage.pings(101), stage.discord.count(OPENS_DM)) == (["channel"], 0)


def test_a_channel_for_direct_messages_that_is_gone_is_opened_anew(stage: Stage) -> None:
    stage.join(101)
    met(stage, 101)
    stage.fail(faults.status(404, 10003), dm_post(stage, 101), times=1)
    assert results(stage.sweep(), LegName.DM) == {101: "refused"}
    assert stage.member(101).dm_channel_id is None
    stage.pass_time(15 * MINUTE)
    assert results(stage.sweep(), LegName.DM) == {101: "done"}
    assert stage.discord.count(OPENS_DM) == 2


# New direct messages


def test_new_direct_messages_are_opened_a_few_at_a_time_and_old_ones_are_not_counted(stage: Stage) -> None:
    stage.settings = "[todo]\nnew_dms = 2\n"
    stage.join(101, 102)
    met(stage, 101, 102)
    stage.join(103, 104, 105)
    counts = []
    for _ in range(3):
        report = stage.sweep()
        assert report.exit_code == 0
        counts.append(list(results(report, LegName.DM).values()).count("done"))
        stage.pass_time(15 * MINUTE)
    assert counts == [4, 1, 0]
    assert all(stage.pings(user_id) == ["channel", "dm"] for user_id in (103, 104, 105))


def test_when_discord_finds_it_too_fast_no_new_ones_are_opened_for_an_hour(stage: Stage) -> None:
    stage.join(101)
    met(stage, 101)
    stage.join(102, 103, 104)
    stage.fail(TOO_FAST, OPENS_DM, times=1)
    report = stage.sweep()
    assert report.exit_code == 0
    assert stage.discord.count(OPENS_DM) <= 1 + 3
    stage.discord.clear_faults()
    opened = stage.discord.count(OPENS_DM)
    stage.pass_time(59 * MINUTE)
    assert set(results(stage.sweep(), LegName.DM).values()) <= {"later"}
    assert stage.discord.count(OPENS_DM) == opened
    stage.pass_time(MINUTE)
    stage.sweep()
    assert all(stage.pings(user_id) == ["channel", "dm"] for user_id in (102, 103, 104))


def test_too_fast_stops_direct_messages_and_nothing_else(stage: Stage) -> None:
    stage.join(101, 102)
    stage.fail(TOO_FAST, OPENS_DM)
    report = stage.sweep()
    assert results(report, LegName.CHANNEL) == {101: "done", 102: "done"}
    assert results(report, LegName.DM) == {101: "later", 102: "later"}
    assert stage.member(101).dms_closed_at is None


def test_too_fast_at_the_message_itself_stops_the_others_too(stage: Stage) -> None:
    stage.join(101)
    met(stage, 101)
    stage.fail(TOO_FAST, dm_post(stage, 101))
    assert results(stage.sweep(), LegName.DM) == {101: "refused"}
    stage.join(102)
    stage.pass_time(15 * MINUTE)
    assert results(stage.sweep(), LegName.DM)[102] == "later"


# Rate limits


def test_a_rate_limit_in_the_middle_is_waited_for(stage: Stage, clock: StageClock) -> None:
    stage.settings = "[todo]\ndirect_messages = false\n"
    stage.discord.members_intent = True
    stage.join(*range(101, 116))
    second = Match("POST", MESSAGES, CHANNEL, nth=2)
    stage.fail(faults.rate_limited(retry_after=30), second, times=1)
    report = stage.sweep()
    assert report.exit_code == 0
    assert 30 <= sum(clock.sleeps) < 32
    assert [len(message.notified.users) for message in stage.discord.messages(CHANNEL)] == [10, 5]
    assert stage.member(115).last_ping == clock()


def test_a_rate_limit_beyond_the_budget_is_a_clean_no(stage: Stage) -> None:
    stage.settings = "[todo]\ndirect_messages = false\n"
    stage.join(101)
    stage.fail(faults.rate_limited(retry_after=3000), CHANNEL_POST)
    assert results(stage.sweep(), LegName.CHANNEL) == {101: "refused"}
    assert stage.member(101).last_ping is None


# What is shown


def test_a_ping_names_the_next_one_and_a_warning_the_end_of_the_role(stage: Stage) -> None:
    now = stage.clock()
    stage.join(101)
    stage.join(102, silent_for=106 * HOUR)
    stage.sweep()
    (post,) = stage.discord.messages(CHANNEL)
    reminder, warning = (embed["fields"][-1]["value"] for embed in post.embeds)
    assert f"<t:{int((now + 3 * HOUR).timestamp())}:R>" in reminder
    assert f"<@&{ROLE}> goes <t:{int((now + 14 * HOUR).timestamp())}:f>" in warning
    assert post.notified.roles == ()


def test_a_late_warning_names_the_later_end(stage: Stage) -> None:
    now = stage.clock()
    stage.join(101, silent_for=9 * DAY)
    stage.sweep()
    (post,) = stage.discord.messages(CHANNEL)
    assert f"goes <t:{int((now + 12 * HOUR).timestamp())}:f>" in post.embeds[0]["fields"][-1]["value"]
    assert stage.discord.roles_of(GUILD, 101) == {ROLE}


def test_progress_reaches_the_whole(stage: Stage) -> None:
    stage.join(101, 102)
    seen: list[tuple[int, int]] = []
    report = stage.sweep(on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (4, 4)
    assert seen == sorted(seen)
    assert len(legs_of(report, 101)) == 2


# A message that is refused for its content


TOO_ODD = faults.status(400, 50035, "Invalid Form Body")


def test_a_message_that_is_refused_for_its_content_is_not_tried_by_every_sweep(stage: Stage) -> None:
    stage.join(101)
    stage.fail(TOO_ODD, CHANNEL_POST)
    tries, lines = [], []
    for _ in range(16):
        before = stage.discord.count(CHANNEL_POST)
        lines += stage.sweep().trouble_lines()
        tries.append(stage.discord.count(CHANNEL_POST) - before)
        stage.pass_time(15 * MINUTE)
    assert tries == [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert {what_happened(line) for line in lines} == {what_happened(lines[0])}
    assert {line.rpartition("; ")[2] for line in lines} == {"tried again within a day"}
    assert len(lines) == len(tries), "each sweep tells of it, to whoever asks"


def test_one_whose_part_is_refused_does_not_keep_the_others_of_its_message_waiting(stage: Stage) -> None:
    stage.join(101, 102, 103)
    # That of all three, and then, of each alone, that of the second.
    stage.discord.fail(TOO_ODD, match=CHANNEL_POST)
    stage.discord.fail(TOO_ODD, match=replace(CHANNEL_POST, nth=3))
    report = stage.sweep()
    assert [stage.pings(user_id) for user_id in (101, 102, 103)] == [["channel", "dm"], ["dm"], ["channel", "dm"]]
    assert [one.user_id for one in report.failures()] == [102]
