"""Who may settle a leg: nobody while its process lives; and what no process was able to write is open again at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from todo_stage import CHANNEL, CHANNEL_POST, MESSAGES, Stage, counts, results

from giftping.delivery.deliveries import Deliveries, Delivery, DeliveryState
from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.world import Permission
from giftping.discord.snowflake import snowflake_at, snowflake_time
from giftping.runs.state_folder import SWEEP_LOCK
from giftping.store.holder import ProcessLock
from giftping.todo.claims import LegClaims, entry_of
from giftping.todo.model import Leg, LegName, LegState, Member, Notice, NoticeKind
from giftping.todo.repository import MemberChange
from giftping.todo.transitions import with_claim

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
READS = Match("GET", MESSAGES, CHANNEL)
LEASE = timedelta(minutes=10)


class Killed(BaseException):
    """The run ends here, as if it had been killed."""


def put_claim(
    stage: Stage,
    lock: ProcessLock,
    *,
    state: DeliveryState = DeliveryState.WRITTEN,
    kind: NoticeKind = NoticeKind.REMINDER,
    **fields: Any,
) -> Delivery:
    """Let a process have claimed the channel leg of a notice of member 101, now."""
    now = stage.clock()
    with stage.repository() as repository:
        deliveries = Deliveries(repository.store, lock, stage.clock)
        notice = Notice("0123456789abcdef", kind, now, dm=Leg(LegState.CLOSED))
        entries = (entry_of(101, notice.id, LegName.CHANNEL),)
        new = deliveries.new(kind.value, channel_id=CHANNEL, entries=entries, anchor=snowflake_at(now - MINUTE))
        member = repository.member(101)
        claimed = with_claim(member, notice, LegName.CHANNEL, now=now, delivery=new.id, channel_id=CHANNEL)
        changes = repository.changes_of([MemberChange(claimed)])
        written, made = deliveries.claim(replace(new, state=state, **fields), list(changes.values()))
        assert made == [True]
        return written


def put_message(stage: Stage, delivery: Delivery) -> int:
    """Let the message of a delivery stand in the channel."""
    embed = {"title": "⏰ TODO reminder", "footer": {"text": "ref 0123456789abcdef"}}
    return stage.discord.add_message(CHANNEL, "<@101>", author_id=stage.discord.bot_id, embeds=[embed])


def deliveries_left(stage: Stage) -> list[DeliveryState]:
    with stage.repository() as repository, ProcessLock(stage.state, "nobody") as lock:
        return [one.state for one in Deliveries(repository.store, lock, stage.clock).load()]


@contextmanager
def a_process(stage: Stage, host: str | None = None) -> Iterator[ProcessLock]:
    """A process that lives: of this host, or of another one with a state folder of its own."""
    folder = stage.state if host is None else stage.folder / host
    own = (stage.state / "host").read_text("utf-8").strip()
    with ProcessLock(folder, host or own) as lock:
        yield lock


@pytest.fixture
def swept(stage: Stage) -> Stage:
    """A stage on which a sweep has been, so that the host has a name; member 101 is overdue from now on."""
    stage.settings = "[todo]\ndirect_messages = false\n"
    stage.sweep()
    stage.join(101)
    return stage


# A brother


@pytest.mark.parametrize("state", [DeliveryState.CLAIMED, DeliveryState.WRITTEN])
@pytest.mark.parametrize("kind", [NoticeKind.REMINDER, NoticeKind.RESTORE])
def test_what_a_living_process_of_this_host_has_claimed_is_left_alone(
    swept: Stage, state: DeliveryState, kind: NoticeKind
) -> None:
    with a_process(swept) as lock:
        put_claim(swept, lock, state=state, kind=kind)
        for _ in range(4):
            swept.pass_time(40 * MINUTE)
            assert kind not in {one.kind for one in swept.sweep().legs}
        assert swept.discord.count(READS) == 0
        assert deliveries_left(swept) == [state]
    report = swept.sweep()
    assert [(one.result.value, one.settled) for one in report.legs if one.kind is kind] == [
        ("later", True),
        ("done", False),
    ]
    assert deliveries_left(swept) == []


def test_once_it_has_ended_what_it_never_wrote_is_open_again_without_a_look(swept: Stage) -> None:
    with a_process(swept) as lock:
        put_claim(swept, lock, state=DeliveryState.CLAIMED)
    assert results(swept.sweep(), LegName.CHANNEL) == {101: "done"}
    assert (swept.pings(101), swept.discord.count(READS)) == (["channel"], 0)


def test_a_leg_whose_delivery_is_not_there_was_never_written(swept: Stage) -> None:
    with a_process(swept) as lock, swept.repository() as repository:
        written = put_claim(swept, lock)
        assert Deliveries(repository.store, lock, swept.clock).remove(written)
    assert results(swept.sweep(), LegName.CHANNEL) == {101: "done"}
    assert swept.discord.count(READS) == 0


# Another host


def test_what_another_host_has_claimed_is_settled_once_its_lease_is_over_by_discords_time(swept: Stage) -> None:
    with a_process(swept, "host-b") as lock:
        put_claim(swept, lock)
        swept.pass_time(LEASE - MINUTE)
        assert swept.sweep().legs == ()
        swept.pass_time(MINUTE)
        assert [one.result.value for one in swept.sweep().legs] == ["later", "done"]
    assert swept.pings(101) == ["channel"]


def test_a_frozen_process_whose_claim_was_settled_sends_nothing_when_it_wakes_up(
    swept: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7.6, within one process: between the claim and the fence another host settles it, and posts."""
    fence = LegClaims.fence
    own = (swept.state / "host").read_text("utf-8")

    def asleep(claims: LegClaims, outgoing: Any) -> None:
        monkeypatch.setattr(LegClaims, "fence", fence)
        swept.pass_time(LEASE + MINUTE)
        (swept.state / "host").write_text("host-b", "utf-8")
        (swept.state / SWEEP_LOCK).rename(swept.state / "of-the-frozen-one")
        assert results(swept.sweep(), LegName.CHANNEL) == {101: "done"}
        (swept.state / "host").write_text(own, "utf-8")
        fence(claims, outgoing)

    monkeypatch.setattr(LegClaims, "fence", asleep)
    report = swept.sweep()
    assert (report.legs, report.exit_code) == ((), 0)
    assert swept.pings(101) == ["channel"]
    assert deliveries_left(swept) == []


# What is known of it


def test_a_delivery_that_is_done_has_its_legs_brought_up_without_a_look(swept: Stage) -> None:
    with a_process(swept) as lock:
        written = put_claim(swept, lock)
        message_id = put_message(swept, written)
        with swept.repository() as repository:
            done = replace(written, state=DeliveryState.DONE, message_id=message_id)
            Deliveries(repository.store, lock, swept.clock).change(done)
    swept.pass_time(15 * MINUTE)
    assert [(one.result.value, one.message_id) for one in swept.sweep().legs] == [("done", message_id)]
    assert (swept.member(101).last_ping, swept.discord.count(READS)) == (snowflake_time(message_id), 0)
    assert deliveries_left(swept) == []


def test_what_nobody_can_tell_is_one_kind_of_unknown_which_ends_with_the_interval(swept: Stage) -> None:
    swept.settings += 'linger = "0s"\n'
    swept.discord.set_permissions(CHANNEL, Permission.POSTING & ~Permission.READ_MESSAGE_HISTORY)
    claimed_at = swept.clock()
    with a_process(swept) as lock:
        put_claim(swept, lock)
    swept.pass_time(15 * MINUTE)
    report = swept.sweep()
    assert (results(report, LegName.CHANNEL), counts(report)) == ({101: "uncertain"}, True)
    assert deliveries_left(swept) == [DeliveryState.UNCLEAR]
    swept.pass_time(15 * MINUTE)
    assert (swept.sweep().exit_code, swept.pings(101)) == (0, [])
    # It counts as a ping, from the latest that it can have arrived.
    swept.clock.now = claimed_at + 3 * HOUR
    swept.sweep()
    assert swept.pings(101) == []
    swept.pass_time(MINUTE)
    swept.sweep()
    assert swept.pings(101) == ["channel"]
    swept.sweep()
    assert deliveries_left(swept) == []


# Of an older release


@pytest.mark.parametrize("arrived", [False, True])
def test_a_leg_that_0_1_0_claimed_is_looked_for_from_ten_minutes_before_its_claim(swept: Stage, arrived: bool) -> None:
    now = swept.clock()
    own = (swept.state / "host").read_text("utf-8").strip()
    leg = Leg(LegState.CLAIMED, now + 9 * MINUTE, own, channel_id=CHANNEL)
    notice = Notice("0123456789abcdef", NoticeKind.REMINDER, now, channel=leg, dm=Leg(LegState.CLOSED))
    with swept.repository() as repository:
        repository.amend([101], lambda member: MemberChange(with_ping(member, notice, now)))
    if arrived:
        embed = {"title": "⏰ TODO reminder", "footer": {"text": f"ref {notice.id}"}}
        swept.discord.add_message(CHANNEL, "<@101>", author_id=swept.discord.bot_id, embeds=[embed])
    swept.pass_time(15 * MINUTE)
    report = swept.sweep()
    assert [one.result.value for one in report.legs] == (["done"] if arrived else ["later", "done"])
    assert swept.pings(101) == ["channel"]


def with_ping(member: Member, notice: Notice, at: datetime) -> Member:
    return replace(member, last_ping=at, notices=(notice,))


# A submission beside a sweep


def test_a_submission_that_waits_for_a_rate_limit_is_not_posted_by_a_sweep_meanwhile(swept: Stage) -> None:
    """7.12: the sweep took the claim for that of a run that had been cut short, and both posted."""

    def meanwhile() -> None:
        swept.pass_time(12 * MINUTE)
        assert swept.sweep().legs == ()

    swept.fail(faults.call(meanwhile, faults.rate_limited()), CHANNEL_POST, times=1)
    assert results(swept.submit(101), LegName.CHANNEL) == {101: "done"}
    swept.pass_time(15 * MINUTE)
    swept.sweep()
    assert swept.titles() == ["✅ New TODO submitted"]
    assert (swept.member(101).notices, deliveries_left(swept)) == ((), [])


def test_a_pause_that_begins_while_a_ping_waits_takes_its_member_out_of_the_message(swept: Stage) -> None:
    swept.join(102)

    def exempt() -> None:
        with swept.repository() as repository:
            repository.amend([101], lambda member: MemberChange(replace(member, exempt=True)))

    swept.fail(faults.call(exempt, faults.rate_limited()), CHANNEL_POST, times=1)
    assert results(swept.sweep(), LegName.CHANNEL) == {102: "done"}
    assert (swept.pings(101), swept.member(101).last_ping) == ([], None)
    assert deliveries_left(swept) == []


# Times


def test_a_ping_is_dated_by_its_message_and_not_by_this_hosts_clock(swept: Stage) -> None:
    swept.discord.call(lambda: swept.pass_time(timedelta(seconds=7)), match=CHANNEL_POST, after=True)
    swept.sweep()
    (message,) = swept.discord.messages(CHANNEL)
    assert swept.member(101).last_ping == snowflake_time(message.id) == swept.clock() - timedelta(seconds=7)


def test_a_sweep_leaves_no_delivery_and_no_lock_behind(swept: Stage) -> None:
    swept.settings = ""
    swept.join(102, 103)
    swept.sweep()
    swept.submit(101)
    assert deliveries_left(swept) == []
    assert list((swept.state / "holders").iterdir()) == []


def test_who_hands_in_between_the_claim_and_the_fence_is_not_pinged_and_the_others_are(
    swept: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept.join(102, 103)
    fence = LegClaims.fence

    def late(claims: LegClaims, outgoing: Any) -> None:
        monkeypatch.setattr(LegClaims, "fence", fence)
        swept.submit_by_older_bot(102)
        fence(claims, outgoing)

    monkeypatch.setattr(LegClaims, "fence", late)
    swept.pass_time(MINUTE)
    report = swept.sweep()
    assert results(report, LegName.CHANNEL) == {101: "done", 103: "done"}
    assert [swept.pings(user_id) for user_id in (101, 102, 103)] == [["channel"], [], ["channel"]]
    assert (swept.member(102).last_ping, deliveries_left(swept)) == (None, [])
