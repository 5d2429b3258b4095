"""The TODO channel that says a lasting no rests as a destination of codes does, and its legs stay owed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from fakes.deliveries import FakeLock
from fakes.discord_route import FakeRoute, Routes
from fakes.records import subscription
from fakes.store import MemoryStore
from fakes.words import in_english
from todo_stage import CHANNEL, CHANNEL_POST, HOUR, MESSAGES, NOT_NOW, Stage, StageClock, counts, legs_of, results

from giftping.codes.courier import Courier, Origins
from giftping.codes.model import Code
from giftping.delivery.broken_destination import is_resting
from giftping.delivery.deliveries import Deliveries
from giftping.demo import faults
from giftping.demo.log import Match
from giftping.discord.outcome import Refused
from giftping.settings.catalogue import Game
from giftping.store.base import Destination
from giftping.todo.model import LegName, LegState
from giftping.todo.validation import TodoDraft

QUARTER = timedelta(minutes=15)

CODE = Code("whiteout-survival", "GIFT100", "Gift100", ("api",))

NOES = [
    (404, 10003, "Unknown Channel"),
    (404, 10004, "Unknown Guild"),
    (403, 50001, "Missing Access"),
    (403, 50013, "Missing Permissions"),
    (403, 99999, "Something new"),
    (400, 50008, "Cannot send messages in a non-text channel"),
]


def tries_of_sweeps(stage: Stage, sweeps: int) -> list[bool]:
    """Whether each of some sweeps, a quarter of an hour apart, posted to the channel."""
    tried = []
    for _ in range(sweeps):
        before = stage.discord.count(CHANNEL_POST)
        stage.sweep()
        tried.append(stage.discord.count(CHANNEL_POST) > before)
        stage.pass_time(QUARTER)
    return tried


def tries_of_checks(no: Refused, began: datetime, checks: int) -> list[bool]:
    """The same for checks that have a code for a channel that says the same."""
    clock = StageClock(began)
    destination = Destination(channel_id=CHANNEL)
    store, route = MemoryStore([subscription(destination=destination)]), FakeRoute()
    routes = Routes([(destination, route)])
    courier = Courier(Deliveries(store, FakeLock(), clock), routes, clock, clock, Origins({}), in_english)
    tried = []
    for _ in range(checks):
        (known,) = store.subscriptions()
        may_try = not is_resting(known.broken, clock())
        if may_try:
            route.answer(no)
            courier.announce(known, Game("whiteout-survival", "Whiteout Survival"), [CODE])
        tried.append(may_try)
        clock.pass_time(QUARTER)
    return tried


@pytest.mark.parametrize(("status", "code", "message"), NOES[::2])
def test_sweeps_and_checks_leave_a_channel_alone_by_the_same_rule(
    stage: Stage, status: int, code: int, message: str
) -> None:
    stage.join(101)
    stage.fail(faults.status(status, code, message), CHANNEL_POST)
    no = Refused(f"HTTP {status} {message} ({code})", status, code, lasting=True)
    began = stage.clock()
    tried = tries_of_sweeps(stage, 24)
    assert tried == tries_of_checks(no, began, 24)
    assert 2 <= sum(tried) <= 4


@pytest.mark.parametrize(("status", "code", "message"), NOES[:4])
def test_what_the_channel_is_owed_goes_out_once_it_is_tried_again_and_the_direct_messages_meanwhile(
    stage: Stage, status: int, code: int, message: str
) -> None:
    stage.join(101, 102)
    stage.fail(faults.status(status, code, message), CHANNEL_POST)
    first = stage.sweep()
    assert first.exit_code == 69
    assert stage.pings(101) == stage.pings(102) == ["dm"]
    stage.discord.clear_faults()
    stage.pass_time(QUARTER)
    resting = stage.sweep()
    assert results(resting, LegName.CHANNEL) == {101: "refused", 102: "refused"}
    assert {one.is_left_alone for one in resting.legs} == {True}
    assert counts(resting), "a person must mend it: it counts in the runs that tell of it"
    assert [one.channel.state for one in stage.member(101).notices] == [LegState.OPEN]
    stage.pass_time(HOUR)
    assert stage.sweep().exit_code == 0
    assert stage.pings(101) == stage.pings(102) == ["dm", "channel"]
    with stage.repository() as repository:
        assert repository.notes().channel is None


def test_a_member_who_is_pinged_while_the_channel_rests_is_told_by_direct_message(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.status(404, 10003, "Unknown Channel"), CHANNEL_POST)
    stage.sweep()
    stage.join(102)
    stage.pass_time(QUARTER)
    report = stage.sweep()
    assert stage.pings(102) == ["dm"]
    assert {one.leg: one.is_left_alone for one in legs_of(report, 102)} == {LegName.CHANNEL: True, LegName.DM: False}


def test_a_todo_that_is_handed_in_while_the_channel_rests_is_saved_and_posted_later(stage: Stage) -> None:
    stage.join(101, silent_for=HOUR)
    stage.fail(faults.status(403, 50013, "Missing Permissions"), CHANNEL_POST)
    assert results(stage.submit(101), LegName.CHANNEL) == {101: "refused"}
    stage.discord.clear_faults()
    before = stage.discord.count(CHANNEL_POST)
    assert results(stage.submit(101, draft=TodoDraft(must_do="run")), LegName.CHANNEL) == {101: "refused"}
    assert stage.discord.count(CHANNEL_POST) == before
    stage.pass_time(HOUR)
    stage.sweep()
    assert len(stage.discord.messages(CHANNEL)) == 2


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(403, 50007, "Cannot send messages to this user"),
        faults.status(404, 10003, "Unknown Channel"),
        faults.status(403, 50013, "Missing Permissions"),
    ],
)
def test_what_a_members_direct_messages_say_is_not_held_against_the_channel(stage: Stage, fault: faults.Fault) -> None:
    stage.join(101, 102)
    stage.fail(fault, Match("POST", MESSAGES, user_id=101))
    stage.sweep()
    with stage.repository() as repository:
        assert repository.notes().channel is None
    stage.pass_time(3 * HOUR)
    stage.sweep()
    assert stage.pings(101) == ["channel", "channel"]


@pytest.mark.parametrize("fault", [faults.status(401, 0, "Unauthorized"), faults.html(502), faults.status(500)])
def test_what_is_no_fault_of_the_channels_does_not_let_it_rest(stage: Stage, fault: faults.Fault) -> None:
    stage.join(101)
    stage.fail(fault, CHANNEL_POST)
    stage.sweep()
    with stage.repository() as repository:
        assert repository.notes().channel is None


def test_another_channel_is_tried_at_once(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.status(404, 10003, "Unknown Channel"), CHANNEL_POST)
    stage.sweep()
    stage.discord.add_channel(77, 1)
    stage.environment["TODO_CHANNEL_ID"] = "77"
    stage.sweep()
    assert stage.pings(101) == ["dm", "channel"]


def test_a_no_that_a_wrong_clock_has_dated_holds_nobody_up(stage: Stage) -> None:
    stage.join(101)
    stage.fail(faults.status(403, 50013, "Missing Permissions"), CHANNEL_POST)
    stage.sweep()
    stage.discord.clear_faults()
    ahead = timedelta(days=30)
    with stage.repository() as repository:

        def dated_ahead(notes):
            broken = notes.channel.broken
            later = replace(broken, since=broken.since + ahead, retry_at=broken.retry_at + ahead)
            return replace(notes, channel=replace(notes.channel, broken=later))

        repository.change_notes(dated_ahead)
    stage.sweep()
    assert stage.pings(101) == ["dm", "channel"]


def test_trouble_that_came_back_is_told_anew(stage: Stage) -> None:
    stage.join(101)
    stage.fail(NOT_NOW, CHANNEL_POST)
    stage.sweep()
    assert stage.sweep().told_before
    stage.discord.clear_faults()
    stage.sweep()
    assert not stage.sweep().told_before
