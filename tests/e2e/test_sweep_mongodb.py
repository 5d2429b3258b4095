"""Sweeps that keep the roster in MongoDB: killed at any step, two at once, and with MongoDB away and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fakes.odd_ids import ODD_IDS
from forks import Forker, Forkers, Trouble, forked, run_at_once, scene_in, wait_until_quiet
from mongodb import Gate, Ledger, ledger_behind, shares, uses
from scene import FULL, Scene
from todo_scene import (
    ANN,
    BACK,
    BEN,
    EVERYBODY,
    GUILD,
    INTERVAL,
    NEW,
    OVERDUE,
    ROLE,
    SETTINGS,
    SWEEP,
    WARNED,
    WARNED_NEXT,
    TodoScene,
    members,
    todo_scene,
)

from giftping.store.documents import ACTIVE_MEMBERS, COLLECTIONS, MIRROR, TODO_TIMESTAMPS
from giftping.store.fields import plain_document
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.model import Member, NoticeKind

Told = Callable[[str, object], None]

SHORTLY = timedelta(minutes=2)
EACH = 31 if FULL else 89
"""How far the steps are apart at which a sweep is killed."""
COMMANDS, COMMANDS_EACH = 100, 16
"""About how many commands a sweep gives MongoDB, and how far those are apart at which it goes away."""

ROUNDS = 8
REMINDED = (ANN, BEN, NEW, WARNED_NEXT)
HOLD = '[mongo]\non_outage = "hold"\n'


def one_truth(play: TodoScene, ledger: Ledger) -> None:
    """Check that the mirror holds of the members what MongoDB does."""
    with Store(TinyEngine(play.host.state, read_only=True)) as mirror:
        for collection in (ACTIVE_MEMBERS, TODO_TIMESTAMPS):
            here = {document["_id"]: dict(document) for document in mirror.engine.walk(collection)}
            there = {document["_id"]: plain_document(document) for document in ledger.database[collection].find()}
            assert here == there, collection


def meet(play: TodoScene) -> None:
    """Let the host see MongoDB's roster without a sweep, and MongoDB the host."""
    for command in (("todo", "roster", "add", str(ANN), "--name", "member-101"), ("codes", "check")):
        ran = play.host.run(*command)
        assert ran.exit_code == 0, ran


def test_a_sweep_killed_at_any_step_tells_nobody_anything_twice_and_forgets_nobody(
    forkers: Forkers, tmp_path: Path, gate: Gate, record_property: Told
) -> None:
    """A sample of the steps. After every other kill MongoDB is away for the sweep that comes next.

    In those there is no role to be given back: a run that dies between what it writes to MongoDB and to its mirror
    leaves a mirror that does not know that it was, and says so once more.
    """
    with forkers.lent() as forker, scene_in(tmp_path / "unkilled") as scene:
        ledger = ledger_behind(gate)
        play = todo_scene(scene, forker, ledger=ledger)
        meet(play)
        play.sweep()
        play.everything_is_done(play.began)
        steps = len(play.host.steps)
    ends: Counter[int] = Counter()
    for number, step in enumerate(range(1, steps, EACH)):
        with forkers.lent() as forker, scene_in(tmp_path / str(step)) as scene:
            ledger = ledger_behind(gate)
            comes_back = number % 2 == 0
            play = todo_scene(scene, forker, members if comes_back else without_back, ledger=ledger)
            meet(play)
            ends[play.host.run(*SWEEP, trouble=Trouble(kill_at=step)).exit_code] += 1
            wait_until_quiet(scene.discord)
            play.pass_time(SHORTLY)
            if not comes_back:
                gate.shut()
                play.sweep(0, 69)
                gate.open()
            play.sweep()
            one_truth(play, ledger)
            play.hold_promises()
            play.everything_is_done(play.began)
    assert ends[-9] >= ends.total() - 1
    record_property("told", f"mongodb: {ends[-9]} sweeps killed, at steps {EACH} apart of {steps}")


def test_documents_whose_ids_are_no_texts_stop_no_run_and_are_copied_by_none(
    forker: Forker, tmp_path: Path, gate: Gate
) -> None:
    # A whole number is taken over as a member's, as an older bot may have written it; the decimal is equal to it.
    odd = [id_ for name, id_ in ODD_IDS.items() if name not in ("a number", "a long number")]
    with scene_in(tmp_path / "scene") as scene:
        ledger = ledger_behind(gate)
        play = todo_scene(scene, forker, ledger=ledger)
        meet(play)
        ours = [name for name in COLLECTIONS if name != MIRROR]
        for collection in ours:
            ledger.database[collection].insert_many([{"_id": id_, "name": "odd"} for id_ in odd])
        swept = play.host.run(*SWEEP)
        assert swept.exit_code == 69
        for collection in (ACTIVE_MEMBERS, TODO_TIMESTAMPS):
            assert f"{collection}: document {{'a': '5'}}: its _id is no text; skipped" in swept.errors
        for command in (("todo", "list"), ("codes", "check"), ("migrate",), ("doctor",), ("store", "status")):
            ran = play.host.run(*command)
            assert ran.exit_code in (0, 69), ran
            assert "unexpected" not in ran.errors
        play.sweep(0, 69)
        play.everything_is_done(play.began)
        with Store(TinyEngine(play.host.state, read_only=True)) as mirror:
            for collection in ours:
                assert [one for one in mirror.engine.walk(collection) if one.get("name") == "odd"] == [], collection
                assert ledger.database[collection].count_documents({"name": "odd"}) == len(odd)


def without_back(began: datetime, dm_channels: dict[int, int]) -> list[Member]:
    return [member for member in members(began, dm_channels) if member.user_id != BACK]


def test_of_two_hosts_that_sweep_at_once_each_leg_is_delivered_by_one(
    scene: Scene, forker: Forker, ledger: Ledger, record_property: Told
) -> None:
    """Promise 3, with one MongoDB and no lock between the hosts."""
    play = todo_scene(scene, forker, reminded, ledger=ledger)
    other = scene.host("other", settings=SETTINGS)
    other.environment.update(play.host.environment, GIFTPING_STATE=str(other.state), HOME=str(other.folder))
    hosts = [play.host, forked(other, forker)]
    for host in hosts:
        shares(host)
        assert host.run("codes", "check").exit_code in (0, 69)
    for number in range(ROUNDS):
        began = scene.discord.clock()
        for ran in run_at_once(hosts, SWEEP):
            assert ran.exit_code == 0, ran
        legs = [(one.user_id, one.leg) for one in play.received() if one.at >= began and one.is_ping]
        assert sorted(legs) == sorted((user_id, leg) for user_id in REMINDED for leg in ("channel", "dm")), number
        play.pass_time(INTERVAL)
        hosts[1].ahead = play.host.ahead
    play.hold_promises()
    swept = Counter(event.by for event in play.events() if event.result == "delivered")
    record_property("told", f"mongodb: 2 hosts x {ROUNDS} sweeps at once: legs by host {sorted(swept.values())}")


def reminded(began: datetime, dm_channels: dict[int, int]) -> list[Member]:
    """Return a roster of those who are to be reminded in each of the rounds, and by both legs."""
    overdue = [member for member in members(began, dm_channels) if member.user_id in REMINDED]
    return [replace(member, last_submit=began - timedelta(hours=30), last_ping=None) for member in overdue]


def test_while_it_is_away_pings_go_on_and_nobody_loses_the_role(
    scene: Scene, forker: Forker, gate: Gate, ledger: Ledger
) -> None:
    """What was sent, and what was handed in, meanwhile is carried back, and nobody is told anything twice."""
    play = todo_scene(scene, forker, ledger=ledger)
    meet(play)
    gate.shut()
    ran = play.host.run(*SWEEP)
    assert ran.exit_code == 69
    assert "no role is taken while the shared store is away" in ran.errors
    assert ROLE in scene.discord.roles_of(GUILD, WARNED)
    assert {one.user_id for one in play.received() if one.at >= play.began} == {*EVERYBODY} - {WARNED}
    handed_in = play.host.run("todo", "submit", str(ANN), "--must-do", "read a chapter")
    assert handed_in.exit_code == 0, handed_in
    assert ROLE in scene.discord.roles_of(GUILD, BACK)
    gate.open()
    play.pass_time(SHORTLY)
    play.sweep()
    one_truth(play, ledger)
    play.hold_promises()
    play.everything_is_done(play.began, (ANN, "channel", NoticeKind.SUBMISSION))
    play.pass_time(INTERVAL)
    began = scene.discord.clock()
    play.sweep()
    one_truth(play, ledger)
    play.hold_promises()
    assert {one.user_id for one in play.received() if one.at >= began} == {*OVERDUE} - {ANN}


@pytest.mark.parametrize("after", [False, True], ids=["before it has it", "after it was carried out"])
def test_it_may_go_away_at_any_command_of_a_sweep(
    after: bool, forkers: Forkers, tmp_path: Path, gate: Gate, record_property: Told
) -> None:
    """A sample of the commands: whatever it was about to write, or has, nobody is told anything twice."""
    commands = COMMANDS
    number = 1 + after
    while number <= commands:
        with forkers.lent() as forker, scene_in(tmp_path / str(number)) as scene:
            ledger = ledger_behind(gate)
            play = todo_scene(scene, forker, ledger=ledger)
            meet(play)
            gate.open()
            gate.shut_at(number, after=after)
            play.sweep(0, 69)
            commands = max(commands, len(gate.commands))
            gate.open()
            play.pass_time(SHORTLY)
            play.sweep()
            one_truth(play, ledger)
            play.hold_promises()
            play.everything_is_done(play.began)
        number += COMMANDS_EACH
    record_property("told", f"mongodb: went away {'after' if after else 'before'} commands {COMMANDS_EACH} apart")


def test_what_was_handed_in_on_another_host_meanwhile_counts_also_for_the_one_that_was_cut_off(
    scene: Scene, forker: Forker, gate: Gate, ledger: Ledger
) -> None:
    """Both have written of the same members: the later submission stands, and what each has told is told once."""
    play = todo_scene(scene, forker, ledger=ledger)
    other = scene.host("other", settings=SETTINGS)
    other.environment.update(play.host.environment, GIFTPING_STATE=str(other.state), HOME=str(other.folder))
    elsewhere = forked(other, forker)
    uses(elsewhere, ledger.uri.replace(gate.address, f"127.0.0.1:{gate.port}"), shared=True)
    shares(play.host)
    meet(play)
    assert elsewhere.run("codes", "check").exit_code == 0
    gate.shut()
    assert play.host.run(*SWEEP).exit_code == 69
    for user_id in (ANN, BEN):
        ran = elsewhere.run("todo", "submit", str(user_id), "--must-do", "read a chapter")
        assert ran.exit_code == 0, ran
    gate.open()
    play.pass_time(SHORTLY)
    play.sweep()
    one_truth(play, ledger)
    play.pass_time(INTERVAL)
    began = scene.discord.clock()
    for host in (play.host, elsewhere):
        host.ahead = play.host.ahead
        assert host.run(*SWEEP).exit_code == 0
    play.hold_promises()
    assert {one.user_id for one in play.received() if one.at >= began} == {*OVERDUE} - {ANN, BEN}


def test_with_hold_nothing_is_sent_until_it_is_back(scene: Scene, forker: Forker, gate: Gate, ledger: Ledger) -> None:
    play = todo_scene(scene, forker, ledger=ledger, settings=HOLD)
    meet(play)
    gate.shut()
    requests = len(scene.discord.requests)
    ran = play.host.run(*SWEEP)
    assert ran.exit_code == 69
    assert "nothing is announced until it is back, and nobody is reminded" in ran.errors
    handed_in = play.host.run("todo", "submit", str(ANN), "--must-do", "read a chapter")
    assert handed_in.exit_code == 69
    posted = [request for request in scene.discord.requests[requests:] if request.method != "GET"]
    assert posted == []
    gate.open()
    play.pass_time(SHORTLY)
    play.sweep()
    one_truth(play, ledger)
    play.hold_promises()
    assert [(one.kind, one.leg) for one in play.received() if one.user_id == ANN] == [
        (NoticeKind.SUBMISSION, "channel")
    ]
    assert {one.user_id for one in play.received() if one.at >= play.began} == {*EVERYBODY}


@pytest.mark.parametrize("together", [False, True])
def test_what_was_delivered_since_a_backup_is_not_delivered_again_when_that_is_restored(
    scene: Scene, forker: Forker, ledger: Ledger, *, together: bool
) -> None:
    """Notices that are done with leave a member's document; the backup's has them open."""
    play = todo_scene(scene, forker, ledger=ledger)
    hosts = [play.host]
    if together:
        other = scene.host("other", settings=SETTINGS)
        other.environment.update(play.host.environment, GIFTPING_STATE=str(other.state), HOME=str(other.folder))
        hosts.append(forked(other, forker))
        for host in hosts:
            shares(host)
    for host, user_id in zip(hosts, (ANN, BEN), strict=False):
        # With a first write each host remembers its database.
        assert host.run("todo", "submit", str(user_id), "--must-do", "read a chapter").exit_code == 0
    database = ledger.database
    kept = {name: list(database[name].find()) for name in database.list_collection_names()}
    for _ in range(2):
        play.pass_time(SHORTLY)
        for host in hosts:
            host.ahead = play.host.ahead
            assert host.run(*SWEEP).exit_code == 0
    told, roles = play.received(), list(scene.discord.role_changes)
    database.client.drop_database(database.name)
    for name, documents in kept.items():
        if documents:
            database[name].insert_many(documents)
    for _ in range(3):
        play.pass_time(SHORTLY)
        for host in hosts:
            host.ahead = play.host.ahead
            assert host.run(*SWEEP).exit_code in (0, 69)
    assert play.host.run(*SWEEP).exit_code == 0
    assert [(one.user_id, one.leg, one.kind) for one in play.received() if one not in told] == []
    assert list(scene.discord.role_changes) == roles
