from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from todo_stage import (
    CHANNEL,
    CHANNEL_POST,
    DAY,
    GUILD,
    HOUR,
    LOOKS_AT_MEMBER,
    NOT_PERMITTED,
    ROLE,
    Stage,
    StageClock,
    legs_of,
    results,
)

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.discord.limits import EMBEDS
from giftping.todo.model import LegName, NoticeKind
from giftping.todo.report import what_happened
from giftping.todo.rules import Action
from giftping.todo.sweep_notes import SweepNotes

MINUTE = timedelta(minutes=1)


def due_of(report, user_id: int):
    return next(planned.due for planned in report.plan if planned.user_id == user_id)


# Who is reminded


def test_a_reminder_notifies_by_the_channel_and_by_direct_message(stage: Stage) -> None:
    stage.join(101)
    report = stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]
    (post,) = stage.discord.messages(CHANNEL)
    assert post.content == "<@101>"
    assert (report.exit_code, report.counts(), report.trouble_lines()) == (0, {"reminder": 1}, [])
    assert [(event.kind, event.leg, event.result) for event in stage.events(101)] == [
        ("reminder", "channel", "delivered"),
        ("reminder", "dm", "delivered"),
    ]


def test_nobody_is_reminded_before_the_time_or_twice_within_the_interval(stage: Stage) -> None:
    stage.join(101, silent_for=DAY - 10 * MINUTE)
    for minutes in (0, 10, 25, 180, 187):
        stage.clock.now = stage.clock._began + minutes * MINUTE
        stage.sweep()
    assert [one.at - stage.clock._began for one in stage.discord.notifications(101)] == [10 * MINUTE] * 2
    stage.clock.now = stage.clock._began + 190 * MINUTE
    stage.sweep()
    assert len(stage.pings(101)) == 4


def test_forty_overdue_members_are_told_in_four_messages(stage: Stage) -> None:
    stage.discord.members_intent = True
    stage.settings = "[todo]\ndirect_messages = false\n"
    stage.join(*range(101, 141))
    report = stage.sweep()
    assert [len(message.notified.users) for message in stage.discord.messages(CHANNEL)] == [EMBEDS] * 4
    assert report.count(NoticeKind.REMINDER) == 40
    assert stage.discord.count(LOOKS_AT_MEMBER) == 0


def test_who_submits_while_an_earlier_batch_goes_out_is_not_pinged(stage: Stage) -> None:
    stage.discord.members_intent = True
    stage.join(*range(101, 112))
    stage.discord.call(lambda: stage.submit(111), match=CHANNEL_POST)
    report = stage.sweep()
    assert stage.pings(111) == []
    assert legs_of(report, 111) == []
    assert stage.pings(101)[0] == "channel"
    assert stage.member(111).last_ping is None


def test_who_submits_while_the_own_message_waits_for_a_rate_limit_is_taken_out_of_it(stage: Stage) -> None:
    stage.join(101, 102)
    stage.fail(faults.call(lambda: stage.submit(101), faults.rate_limited()), CHANNEL_POST, times=1)
    stage.sweep()
    assert stage.pings(101) == []
    assert stage.pings(102) == ["channel", "dm"]


def test_a_submission_by_an_older_bot_takes_its_member_out_of_a_waiting_message_too(stage: Stage) -> None:
    stage.join(101, 102, last_submit=stage.clock() - DAY)

    def submit_elsewhere() -> None:
        stage.pass_time(MINUTE)
        stage.submit_by_older_bot(101)

    stage.fail(faults.call(submit_elsewhere, faults.rate_limited()), CHANNEL_POST, times=1)
    stage.sweep()
    assert stage.pings(101) == []
    assert stage.pings(102) == ["channel", "dm"]


def test_a_message_for_nobody_any_more_is_not_sent(stage: Stage) -> None:
    stage.join(101)
    stage.discord.call(lambda: stage.submit(101), match=LOOKS_AT_MEMBER)
    report = stage.sweep()
    assert report.legs == ()
    assert [message.content for message in stage.discord.messages(CHANNEL)] == [""]


def test_a_newcomer_without_a_date_gets_a_day_from_the_first_sweep_on(stage: Stage) -> None:
    stage.discord.add_member(GUILD, 101, roles=(ROLE,))
    stage.put("active_members", {"_id": "101", "name": "Ann"})
    assert due_of(stage.sweep(), 101).until == stage.clock() + DAY
    assert stage.member(101).clock_from == stage.clock()
    stage.pass_time(DAY)
    stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]


def test_one_with_only_a_last_ping_is_not_silent_since_1970(stage: Stage) -> None:
    stage.discord.add_member(GUILD, 101, roles=(ROLE,))
    stage.put("active_members", {"_id": "101", "name": "Ann"})
    stage.put("todo_timestamps", {"_id": "101", "last_ping": 1_700_000_000.5})
    stage.sweep()
    assert stage.discord.role_changes == []
    assert stage.pings(101) == []


def test_who_is_not_on_the_roster_is_left_alone(stage: Stage) -> None:
    stage.discord.add_member(GUILD, 101, roles=(ROLE,))
    stage.put("todo_timestamps", {"_id": "101", "last_submit": 1_700_000_000, "last_ping": 0})
    report = stage.sweep()
    assert (report.plan, stage.pings(101), stage.discord.role_changes) == ((), [], [])


def test_an_odd_document_is_told_of_and_stops_nobody_else(stage: Stage) -> None:
    stage.join(101)
    stage.put("todo_timestamps", {"_id": "mongodb_test"}, {"_id": "102", "last_submit": "soon"})
    report = stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]
    assert report.exit_code == 69
    assert [line.partition(":")[0] for line in report.trouble_lines()] == [
        "todo_timestamps 'mongodb_test'",
        "member 102",
    ]
    assert stage.sweep().told_before == frozenset(map(what_happened, report.trouble_lines()))


def test_a_time_in_the_future_is_told_of_and_makes_nothing_due(stage: Stage) -> None:
    stage.join(101, last_submit=stage.clock() + 3 * DAY)
    report = stage.sweep()
    assert stage.pings(101) == []
    assert report.trouble_lines() == [
        "member 101 (member-101): a time lies in the future (2026-06-13); check the clocks"
    ]


# Who is there


def test_a_bot_is_never_pinged(stage: Stage) -> None:
    stage.discord.add_member(GUILD, 101, roles=(ROLE,), is_bot=True)
    stage.enrol(101)
    report = stage.sweep()
    assert (stage.pings(101), due_of(report, 101).why, report.exit_code) == ([], "a bot", 0)


def test_who_has_left_is_parked_and_comes_back_with_the_clock_where_it_stood(stage: Stage) -> None:
    stage.join(101, silent_for=30 * HOUR)
    stage.sweep()
    stage.pass_time(30 * HOUR)
    stage.discord.remove_member(GUILD, 101)
    report = stage.sweep()
    assert (report.left, len(stage.pings(101)), report.exit_code) == ((101,), 2, 0)
    assert stage.sweep().left == ()
    stage.pass_time(20 * DAY)
    stage.discord.add_member(GUILD, 101, roles=(ROLE,))
    report = stage.sweep()
    assert report.returned == (101,)
    assert due_of(report, 101).why == "nothing handed in for 2 d 12 h, pinged 21 d 6 h ago"
    assert stage.discord.role_changes == []
    assert [event.kind for event in stage.events(101) if event.kind in ("left", "returned")] == ["left", "returned"]


def test_one_who_is_back_is_noticed_within_a_day(stage: Stage) -> None:
    stage.join(101)
    stage.discord.remove_member(GUILD, 101)
    stage.sweep()
    stage.discord.add_member(GUILD, 101)
    stage.pass_time(23 * HOUR)
    assert stage.sweep().returned == ()
    stage.pass_time(HOUR)
    assert stage.sweep().returned == (101,)


def test_a_member_discord_says_nothing_of_waits_and_the_others_do_not(stage: Stage) -> None:
    stage.join(101, 102)
    stage.fail(faults.status(500), Match("GET", LOOKS_AT_MEMBER.template, user_id=101))
    report = stage.sweep()
    assert (stage.pings(101), stage.pings(102)) == ([], ["channel", "dm"])
    assert report.exit_code == 69
    assert report.trouble_lines() == ["member 101 (member-101): Discord does not say how they stand (HTTP 500)"]
    stage.discord.clear_faults()
    stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]


# Downtime


def test_four_days_without_sweeps_take_no_role(stage: Stage) -> None:
    stage.join(101, silent_for=DAY)
    stage.sweep()
    last = stage.clock()
    stage.pass_time(4 * DAY + 12 * HOUR)
    report = stage.sweep()
    assert report.downtime_since == last
    assert stage.discord.role_changes == []
    assert due_of(report, 101).action is Action.REMIND
    for _ in range(27):
        stage.pass_time(3 * HOUR)
        stage.sweep()
    assert stage.discord.role_changes == []


def test_a_late_sweep_within_what_is_allowed_is_no_downtime(stage: Stage) -> None:
    stage.join(101)
    stage.sweep()
    stage.pass_time(6 * HOUR)
    assert stage.sweep().downtime_since is None


def test_a_clock_that_was_far_ahead_does_not_keep_the_sweeps_from_noticing_a_downtime(stage: Stage) -> None:
    with stage.repository() as repository:
        repository.change_notes(lambda _: SweepNotes(last_sweep=stage.clock() + 30 * DAY))
    stage.sweep()
    with stage.repository() as repository:
        assert repository.notes().last_sweep == stage.clock()


# Lingering


def test_a_sweep_waits_for_those_who_fall_due_within_the_linger_time(stage: Stage, clock: StageClock) -> None:
    stage.join(101, silent_for=DAY - 40 * timedelta(seconds=1))
    stage.join(102, silent_for=DAY - 2 * MINUTE)
    stage.join(103, silent_for=DAY - 2 * MINUTE - timedelta(seconds=1))
    report = stage.sweep()
    assert (report.waited_for, clock.sleeps) == (2, [120.0])
    assert (stage.pings(101), stage.pings(102), stage.pings(103)) == (["channel", "dm"], ["channel", "dm"], [])


def test_who_falls_due_while_the_others_are_told_is_told_by_the_same_sweep(stage: Stage, clock: StageClock) -> None:
    stage.settings = "[todo]\ndirect_messages = false\n"
    stage.join(101)
    stage.join(102, silent_for=DAY - 2 * timedelta(seconds=1))
    stage.discord.call(lambda: stage.pass_time(timedelta(seconds=5)), match=CHANNEL_POST)
    assert stage.sweep().waited_for == 1
    assert (stage.pings(101), stage.pings(102), clock.sleeps) == (["channel"], ["channel"], [])


def test_a_sweep_that_has_nobody_to_wait_for_does_not_wait(stage: Stage, clock: StageClock) -> None:
    stage.join(101)
    stage.join(102, silent_for=DAY - 3 * MINUTE)
    assert stage.sweep().waited_for == 0
    assert clock.sleeps == []


# LocalQuietHours hours


def test_a_night_is_left_in_peace_and_its_end_is_not(stage: Stage) -> None:
    stage.settings = '[todo]\nquiet_hours = "23:00-07:00"\ntime_zone = "UTC"\n'
    stage.clock.now = stage.clock.now.replace(hour=23)
    stage.join(101)
    assert "quiet hours" in due_of(stage.sweep(), 101).why
    assert stage.pings(101) == []
    stage.pass_time(8 * HOUR)
    stage.sweep()
    assert stage.pings(101) == ["channel", "dm"]


# Dry run


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_dry_run_writes_and_posts_nothing_and_shows_what_would_be_posted(stage: Stage) -> None:
    stage.join(101, 102)
    stage.join(103, silent_for=HOUR)
    before = contents(stage.state)
    report = stage.sweep(dry_run=True)
    assert contents(stage.state) == before
    assert {request.method for request in stage.discord.requests} == {"GET"}
    assert stage.discord.messages(CHANNEL) == []
    assert report.dry_run
    assert [(planned.user_id, planned.due.action) for planned in report.plan] == [
        (101, Action.REMIND),
        (102, Action.REMIND),
        (103, Action.NOTHING),
    ]
    ((where, message),) = report.messages
    assert (where, message.content) == (f"channel {CHANNEL}", "<@101> <@102>")


def test_a_dry_run_knows_of_a_downtime(stage: Stage) -> None:
    stage.join(101)
    stage.sweep()
    stage.pass_time(4 * DAY)
    before = contents(stage.state)
    assert due_of(stage.sweep(dry_run=True), 101).action is Action.REMIND
    assert contents(stage.state) == before


def test_a_dry_run_on_a_fresh_machine_leaves_no_trace(stage: Stage) -> None:
    assert stage.sweep(dry_run=True).plan == ()
    assert not stage.state.exists()


# What is kept


def test_a_run_is_recorded_with_what_it_did(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    stage.sweep()
    with stage.repository() as repository:
        (run,) = repository.store.runs()
    assert (run.job, run.exit_code) == ("todo sweep", 69)
    assert run.details == {"members": 1, "reminder": 1, "failed": 1}


def test_the_legs_of_a_ping_are_reported_apart(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_PERMITTED, CHANNEL_POST)
    report = stage.sweep()
    assert (results(report, LegName.CHANNEL), results(report, LegName.DM)) == ({101: "refused"}, {101: "done"})


def test_where_each_is_asked_about_alone_the_first_are_told_before_the_last_are_asked_about(stage: Stage) -> None:
    everybody = range(101, 126)
    stage.join(*everybody, silent_for=30 * HOUR)
    stage.sweep()
    order = ["looked at" if LOOKS_AT_MEMBER.takes(one) else one.method for one in stage.discord.requests]
    assert "looked at" in order[order.index("POST") :]
    assert {one.user_id for one in stage.discord.all_notifications()} == {*everybody}
