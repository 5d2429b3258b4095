"""What the older TODO bot did wrong, through the whole chain: roster, sweep, Discord. The numbers are ours, T1 to T17.

Not here: T13, timers that are started anew on each reconnect, needs a process that stays connected; T15's other half,
TLS without verification, is tried with real servers in `test_mongodb_servers.py`.
"""

from __future__ import annotations

import errno
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from forks import Forker, Trouble
from scene import Scene
from todo_scene import (
    ANN,
    BACK,
    BEN,
    CHANNEL,
    GUILD,
    INTERVAL,
    OWNER,
    ROLE,
    SWEEP,
    WARNED,
    WARNING,
    Received,
    TodoScene,
    members,
    todo_scene,
)

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.world import Permission
from giftping.runs.sweep import Timing, run_submit, run_sweep
from giftping.settings.load import load_settings
from giftping.store.documents import ACTIVE_MEMBERS, NEVER_SUBMITTED, TODO_TIMESTAMPS
from giftping.store.engine import Change
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.model import Member, NoticeKind
from giftping.todo.repository import MemberRepository
from giftping.todo.submit import SubmitRequest
from giftping.todo.validation import TodoDraft
from giftping.wiring import Wiring

FINE, USAGE, TROUBLE, LOCKED = 0, 2, 69, 75
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
POST = Match(method="POST", channel_id=CHANNEL)

Begin = Callable[..., TodoScene]


@pytest.fixture
def begin(scene: Scene, forker: Forker) -> Begin:
    """Return what sets a scene with a few members of the usual cast, some of whose fields are others."""

    def begun(*user_ids: int, **fields: Any) -> TodoScene:
        def cast(began: datetime, dm_channels: dict[int, int]) -> list[Member]:
            known = {name: began - value if isinstance(value, timedelta) else value for name, value in fields.items()}
            chosen = [member for member in members(began, dm_channels) if member.user_id in user_ids]
            return [replace(member, **known) for member in chosen]

        return todo_scene(scene, forker, cast)

    return begun


def since(play: TodoScene, began: datetime | None = None) -> list[Received]:
    """Return what was received since then, or since the beginning."""
    return [one for one in play.received() if one.at >= (began or play.began)]


def legs(received: list[Received]) -> list[tuple[int, str]]:
    return sorted((one.user_id, one.leg) for one in received)


def change_by_hand(play: TodoScene, change: Callable[[Store, Mapping[str, Any]], object], user_id: int) -> None:
    """Do something with a member's timestamps past giftping, as the older bot on the same data would."""
    with Store(TinyEngine(play.host.state)) as store:
        change(store, store.engine.get(TODO_TIMESTAMPS, [str(user_id)])[str(user_id)])


def remove(store: Store, document: Mapping[str, Any]) -> None:
    store.remove_documents(TODO_TIMESTAMPS, [document["_id"]])


class InProcess:
    """The same host, run within the test: its clock stands still but for what its waits take."""

    def __init__(self, play: TodoScene) -> None:
        self._play = play
        self.waited: list[float] = []

    def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self._play.pass_time(timedelta(seconds=seconds))

    @contextmanager
    def _wiring(self) -> Iterator[tuple[Wiring, Timing]]:
        clock = self._play.scene.discord.clock
        wiring = Wiring(load_settings(self._play.host.environment, cwd=self._play.host.folder))
        wiring.todo_client().http.now = clock
        try:
            yield wiring, Timing(clock, self._sleep)
        finally:
            wiring.close()

    def sweep(self) -> int:
        with self._wiring() as (wiring, timing):
            return run_sweep(wiring, timing=timing).exit_code

    def submit(self, user_id: int) -> None:
        with self._wiring() as (wiring, timing), wiring.open_store() as store:
            request = SubmitRequest(user_id, TodoDraft(must_do="read a chapter"))
            run_submit(wiring, MemberRepository(store, timing.clock), request, timing=timing)


# Pings


def test_a_timer_as_long_as_the_interval_pings_every_round_though_it_comes_a_little_early(begin: Begin) -> None:
    """T1: a 3 h timer with jitter found the 3 h not over half of the time, and pinged after 6."""
    play = begin(ANN)
    settings = play.host.folder / "giftping.toml"
    settings.write_text(settings.read_text("utf-8").replace('linger = "0s"', 'linger = "2m"'), "utf-8")
    host = InProcess(play)
    assert host.sweep() == FINE
    for early in (30, 5, 60):
        play.pass_time(INTERVAL - timedelta(seconds=early))
        assert host.sweep() == FINE
    at = [one.at for one in since(play) if one.leg == "channel"]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert len(at) == 4
    assert all(INTERVAL <= gap < INTERVAL + timedelta(minutes=2) for gap in gaps), gaps
    assert host.waited


def test_a_reminder_in_the_channel_rings_for_exactly_those_it_names(begin: Begin) -> None:
    """T2: the mention stood in an embed, which notifies nobody."""
    play = begin(ANN, BEN)
    play.sweep()
    assert [(one.leg, one.rang) for one in since(play)] == [("channel", True)] * 2 + [("dm", True)] * 2
    (message,) = [one for one in play.scene.discord.messages(CHANNEL) if one.sent_at >= play.began]
    assert message.notified.users == (ANN, BEN)


@pytest.mark.parametrize("left", [{}, {"last_ping": 0}, {"last_ping": 1_700_000_000.5}, {"last_submit": 0}])
def test_a_record_without_a_submission_is_not_one_of_1970(left: dict[str, float], begin: Begin) -> None:
    """T3: deleting a TODO that was not there left an empty record, and the role went at the next sweep."""
    play = begin(ANN, added=HOUR)
    change_by_hand(play, remove, ANN)
    with Store(TinyEngine(play.host.state)) as store:
        store.insert_documents(TODO_TIMESTAMPS, [{"_id": str(ANN), **left}])
    play.sweep()
    assert since(play) == []
    play.pass_time(DAY)
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel"), (ANN, "dm")]
    assert play.scene.discord.role_changes == []


def test_a_record_that_is_deleted_during_a_sweep_does_not_come_back_as_half_of_one(begin: Begin) -> None:
    """T4: what was written after the ping made a record with nothing but the ping in it, as of 1970."""
    play = begin(ANN, added=30 * HOUR)
    play.scene.discord.call(lambda: change_by_hand(play, remove, ANN), match=POST)
    play.sweep()
    with Store(TinyEngine(play.host.state, read_only=True)) as store:
        left = store.engine.get(TODO_TIMESTAMPS, [str(ANN)]).get(str(ANN), {})
        assert left.get("last_submit", NEVER_SUBMITTED) == NEVER_SUBMITTED
    play.sweep()
    play.pass_time(INTERVAL)
    play.sweep()
    assert play.scene.discord.role_changes == []


def old_bot_submits(play: TodoScene, user_id: int) -> None:
    now = play.scene.discord.clock().timestamp()

    def submit(store: Store, document: Mapping[str, Any]) -> None:
        written = {**document, "last_submit": now, "last_ping": 0}
        assert store.engine.change([Change(TODO_TIMESTAMPS, document, written)]) == [True]

    change_by_hand(play, submit, user_id)


@pytest.mark.parametrize("by", ["giftping", "the older bot"])
def test_whoever_submits_while_a_sweep_is_at_work_is_not_pinged(by: str, scene: Scene, forker: Forker) -> None:
    """T5: the sweep held the old record, pinged right after the submission, and began the interval anew."""

    def cast(began: datetime, _dm_channels: dict[int, int]) -> list[Member]:
        """Return more than one message's worth of members, the last of whom will submit."""
        return [
            Member(user_id, f"member-{user_id}", added=began - 30 * DAY, last_submit=began - 30 * HOUR)
            for user_id in range(201, 212)
        ]

    play = todo_scene(scene, forker, cast)
    for user_id in range(201, 212):
        scene.discord.add_member(GUILD, user_id, roles=(ROLE,))
    host = InProcess(play)
    submits = (lambda: host.submit(211)) if by == "giftping" else (lambda: old_bot_submits(play, 211))
    scene.discord.call(submits, match=POST)
    assert host.sweep() == FINE
    rung = {one.user_id for one in scene.discord.all_notifications() if one.at >= play.began}
    assert rung == set(range(201, 211))
    with Store(TinyEngine(play.host.state, read_only=True)) as store:
        assert store.engine.get(TODO_TIMESTAMPS, ["211"])["211"]["last_ping"] == 0


def test_sweeps_that_overlap_or_follow_at_once_ping_once(begin: Begin) -> None:
    """T6: two processes after a deployment pinged everybody twice, and so did a restart."""
    play = begin(ANN, BEN)
    ran = play.host.run_together([SWEEP] * 4)
    ends = Counter(one.exit_code for one in ran)
    assert set(ends) <= {FINE, LOCKED}, ran
    assert ends[FINE] >= 1
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel"), (ANN, "dm"), (BEN, "channel"), (BEN, "dm")]
    with Store(TinyEngine(play.host.state, read_only=True)) as store:
        last_ping = store.engine.get(TODO_TIMESTAMPS, [str(ANN)])[str(ANN)]["last_ping"]
    delivered_at = max(one.at for one in since(play) if one.user_id == ANN)
    assert abs(last_ping - delivered_at.timestamp()) <= 0.001, "the time in the message's id, which has milliseconds"


def test_what_cannot_be_written_down_is_not_sent(begin: Begin) -> None:
    """T6: a failed write was ignored, and the same ping went out at each sweep."""
    play = begin(ANN)
    ran = play.host.run(*SWEEP, trouble=Trouble(fail_from=1, error=errno.ENOSPC))
    assert ran.exit_code == TROUBLE
    assert "giftping" in ran.errors
    assert since(play) == []
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel"), (ANN, "dm")]


def test_a_round_of_which_nothing_was_delivered_does_not_use_up_the_interval(begin: Begin) -> None:
    """T7: the last ping's time moved on whatever had been delivered."""
    play = begin(ANN)
    discord = play.scene.discord
    discord.set_permissions(CHANNEL, Permission.VIEW_CHANNEL)
    discord.close_dms(ANN)
    ran = play.host.run(*SWEEP)
    assert ran.exit_code == TROUBLE
    assert "channel: refused" in ran.errors
    discord.set_permissions(CHANNEL, Permission.POSTING)
    play.pass_time(timedelta(minutes=15))
    assert play.host.run("guilds", "test", str(GUILD)).exit_code == 0
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel")]


def test_only_the_leg_that_failed_is_tried_again(begin: Begin) -> None:
    """T7: there was no record of a leg, and none was retried."""
    play = begin(ANN)
    play.scene.discord.fail(faults.status(403, 50013), match=POST)
    assert play.host.run(*SWEEP).exit_code == TROUBLE
    assert legs(since(play)) == [(ANN, "dm")]
    play.pass_time(timedelta(hours=1))
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel"), (ANN, "dm")]
    play.hold_promises()


# Submissions


def test_a_submission_that_could_not_be_posted_is_not_called_posted_and_goes_out_later(begin: Begin) -> None:
    """T8: the owner's submission, and one whose post was swallowed, were reported as done."""
    play = begin(ANN)
    play.scene.discord.fail(faults.status(403, 40004), match=POST)
    ran = play.host.run("todo", "submit", "--for", str(ANN), "--by", str(OWNER), "--must-do", "read", "--json")
    assert ran.exit_code == TROUBLE
    assert ran.json["todo"]
    assert (ANN, "channel") not in legs(since(play))
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel"), (ANN, "dm")]


@pytest.mark.parametrize("text", ["x" * 6001, "\u200b", "```"])
def test_what_would_not_fit_into_the_post_or_says_nothing_is_not_saved(text: str, begin: Begin) -> None:
    """T8: a text that Discord refuses counted as handed in, and never appeared."""
    play = begin(ANN)
    ran = play.host.run("todo", "submit", str(ANN), "--must-do", text)
    assert ran.exit_code == USAGE
    assert "must_do" in ran.errors
    assert since(play) == []
    assert play.events() == []


def test_the_role_that_was_taken_comes_back_with_a_submission(begin: Begin) -> None:
    """T9: "use /todo to rejoin" was not true; and nobody was warned before, or told by a direct message."""
    play = begin(WARNED)
    play.sweep()
    assert ROLE not in play.scene.discord.roles_of(GUILD, WARNED)
    assert play.host.run("todo", "submit", str(WARNED), "--must-do", "read a chapter").exit_code == FINE
    assert ROLE in play.scene.discord.roles_of(GUILD, WARNED)
    assert {one.leg for one in since(play) if one.kind is NoticeKind.REMOVAL} == {"channel", "dm"}
    play.sweep()
    play.hold_promises()


def test_nobody_loses_the_role_before_a_warning_has_reached_them_for_long_enough(begin: Begin) -> None:
    """T9, and after days of downtime: the first sweep took the role from everybody."""
    play = begin(ANN, last_submit=9 * DAY)
    began = play.began
    for hours in range(0, 18, 3):
        play.sweep()
        if play.scene.discord.role_changes:
            break
        assert hours <= WARNING / HOUR
        play.pass_time(INTERVAL)
    (change,) = play.scene.discord.role_changes
    first = min(one.at for one in since(play) if one.kind is NoticeKind.WARNING)
    assert change.at - first >= WARNING
    assert change.at - began < WARNING + INTERVAL


def test_a_role_that_was_given_back_by_hand_stays_until_a_new_lapse(begin: Begin) -> None:
    """T10: the removal had no state, and the next sweep took the role again."""
    play = begin(WARNED)
    play.sweep()
    play.scene.discord.give_role(GUILD, WARNED, ROLE)
    for _ in range(3):
        play.pass_time(INTERVAL)
        play.sweep()
    assert [change.given for change in play.scene.discord.role_changes] == [False, True]
    assert ROLE in play.scene.discord.roles_of(GUILD, WARNED)


def test_a_removal_that_discord_refuses_is_told_and_tried_again(begin: Begin) -> None:
    """T10: it was tried for ever, and nobody heard of it."""
    play = begin(WARNED)
    play.scene.discord.set_bot(GUILD, position=0)
    ran = play.host.run(*SWEEP)
    assert ran.exit_code == TROUBLE
    assert f"member {WARNED}" in ran.errors
    assert "taking the role: refused" in ran.errors
    assert [one for one in since(play) if one.kind is NoticeKind.REMOVAL] == []
    play.scene.discord.set_bot(GUILD, position=10)
    play.sweep()
    assert ROLE not in play.scene.discord.roles_of(GUILD, WARNED)


def test_without_a_record_nobody_escapes(begin: Begin) -> None:
    """T11: whoever deleted their record was never pinged again, and neither was who had never submitted."""
    play = begin(ANN)
    change_by_hand(play, remove, ANN)
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel"), (ANN, "dm")]


def test_a_member_who_was_taken_off_the_roster_is_not_pinged(begin: Begin) -> None:
    """T3's neighbour: who was removed went on being pinged, and could not hand in anything to stop it."""
    play = begin(ANN)
    assert play.host.run("todo", "roster", "remove", str(ANN), "--yes").exit_code == FINE
    play.sweep()
    assert since(play) == []


@pytest.mark.parametrize(
    "options", [("--must-do", "."), ("--must-do", "read", "--date", "01/02/2020"), ("--must-do", " ")]
)
def test_a_dot_or_a_day_that_is_not_near_does_not_set_the_clock_back(options: tuple[str, ...], begin: Begin) -> None:
    """T12: anything at all reset the clock."""
    play = begin(ANN)
    assert play.host.run("todo", "submit", str(ANN), *options).exit_code == USAGE
    play.sweep()
    assert legs(since(play)) == [(ANN, "channel"), (ANN, "dm")]


def test_the_same_todo_is_not_taken_twice_for_a_day(begin: Begin) -> None:
    """T12: the same text was accepted again and again."""
    play = begin(ANN)
    day = f"{play.scene.discord.clock():%d/%m/%Y}"
    command = ("todo", "submit", str(ANN), "--must-do", "read a chapter", "--date", day)
    assert [play.host.run(*command).exit_code for _ in range(2)] == [FINE, USAGE]
    assert [one.kind for one in since(play)] == [NoticeKind.SUBMISSION]


# Operators


def test_one_record_that_cannot_be_read_is_told_and_stops_nobody_else(begin: Begin) -> None:
    """T14: an exception that nobody saw ended the sweep for all."""
    play = begin(ANN, BEN)

    def spoil(store: Store, document: Mapping[str, Any]) -> None:
        store.engine.change([Change(TODO_TIMESTAMPS, document, {**document, "last_submit": "yesterday"})])

    change_by_hand(play, spoil, ANN)
    with Store(TinyEngine(play.host.state)) as store:
        store.insert_documents(ACTIVE_MEMBERS, [{"_id": "mongodb_test"}])
    ran = play.host.run(*SWEEP)
    assert ran.exit_code == TROUBLE
    assert "'yesterday'" in ran.errors
    assert "mongodb_test" in ran.errors
    assert "Traceback" not in ran.errors
    assert legs(since(play)) == [(BEN, "channel"), (BEN, "dm")]


def test_the_password_of_mongodb_is_in_nothing_that_is_written(begin: Begin, tmp_path: Path) -> None:
    """T15: the beginning of the URI, which may hold the password, was printed at each start."""
    play = begin(ANN)
    uri = "mongodb://todo:pass-word-1@127.0.0.1:1/legend_star?serverSelectionTimeoutMS=100"
    for command in (SWEEP, (*SWEEP, "-vv"), ("todo", "submit", str(ANN), "--must-do", "read"), ("todo", "list")):
        ran = play.host.run(*command, MONGO_URI=uri)
        assert ran.exit_code == TROUBLE
        assert "127.0.0.1:1" in ran.errors
        assert "pass-word-1" not in ran.output + ran.errors
    assert since(play) == []


def test_everything_that_happened_to_a_member_can_be_read_later(begin: Begin) -> None:
    """T16: there was the time of the last ping, and nothing else."""
    play = begin(WARNED)
    play.sweep()
    assert play.host.run("todo", "submit", str(WARNED), "--must-do", "read a chapter").exit_code == FINE
    ran = play.host.run("todo", "history", str(WARNED), "--json")
    told = [(one["kind"], one["leg"] or None, one["result"]) for one in ran.json["events"]]
    assert set(told) == {
        ("removal", None, "role taken"),
        ("removal", "channel", "delivered"),
        ("removal", "dm", "delivered"),
        ("submission", None, "handed in"),
        ("submission", "channel", "delivered"),
        ("restore", None, "role given"),
        ("restore", "channel", "delivered"),
    }
    assert len(told) == len(set(told))
    assert all(one["at"] and one["by"] for one in ran.json["events"]), json.dumps(ran.json)


def test_everything_is_posted_by_the_bot_itself(begin: Begin) -> None:
    """T17: the older bot deletes webhooks that it does not know; the TODO part has none."""
    play = begin(ANN, BACK, WARNED)
    play.sweep()
    assert len(since(play)) == 6
    assert all(request.webhook_id is None for request in play.scene.discord.requests)
    mine = [one for one in play.scene.discord.messages(CHANNEL) if one.sent_at >= play.began]
    assert {one.author.id for one in mine} == {play.scene.discord.bot_id}
