"""`giftping doctor` on a ledger that hosts share: the server, its user, its clock, the mirror, and the other hosts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from fakes.mongod import Mongod, new_database, new_folder, or_skip, shared_replica_set
from forks import ForkedHost, Forker, forked
from mongodb import QUICK, Gate, ledger_behind, shares, uses
from scene import Scene

from giftping.runs.state_folder import CLOCK

Found = dict[str, dict[str, Any]]


def look(host: ForkedHost) -> Found:
    return {one["name"]: one for one in host.run("doctor", "--json").json["findings"]}


@pytest.fixture
def new_host(scene: Scene, gate: Gate, forker: Forker) -> Callable[..., ForkedHost]:
    ledger = ledger_behind(gate)

    def new(name: str = "host") -> ForkedHost:
        host = forked(scene.host(name), forker)
        uses(host, ledger.uri)
        return host

    scene.list_codes()
    return new


@pytest.fixture
def host(scene: Scene, new_host: Callable[..., ForkedHost]) -> ForkedHost:
    """Return a host that has announced a code, and is in step."""
    host = new_host()
    scene.bot_guild(host)
    scene.discord.set_bot(2001)
    scene.list_codes("FIRST1CODE")
    assert host.run("codes", "check").exit_code == 0
    return host


def test_a_host_in_step_with_its_mongodb_passes_every_check(host: ForkedHost) -> None:
    found = look(host)
    assert [one for one in found.values() if one["verdict"] != "ok"] == []
    assert "a server of its own answers" in found["mongodb"]["what"]
    assert "in step" in found["mirror"]["what"]


def test_nothing_is_written_to_mongodb(host: ForkedHost, gate: Gate) -> None:
    gate.commands.clear()
    look(host)
    assert set(gate.commands) <= {
        "hello",
        "connectionStatus",
        "listCollections",
        "find",
        "aggregate",
        "count",
        "endSessions",
    }


def test_a_mongodb_that_is_away_fails_and_what_waits_in_the_mirror_is_counted(
    scene: Scene, host: ForkedHost, gate: Gate
) -> None:
    gate.shut()
    scene.list_codes("FIRST1CODE", "SECOND2CODE")
    host.run("codes", "check")
    found = look(host)
    assert found["mongodb"]["verdict"] == "fail"
    assert "the connection was refused" in found["mongodb"]["what"]
    assert found["mirror"]["verdict"] == "warn"
    assert "wait here to be carried back" in found["mirror"]["what"]
    assert found["destination"]["verdict"] == "ok"
    gate.open()
    back = look(host)
    assert (back["mongodb"]["verdict"], back["mirror"]["verdict"]) == ("ok", "warn")
    assert "giftping codes check" in back["mirror"]["next_step"]
    host.run("codes", "check")
    assert look(host)["mirror"]["verdict"] == "ok"


def test_a_host_that_does_not_follow_is_missed_by_the_others(
    scene: Scene, host: ForkedHost, new_host: Callable[..., ForkedHost]
) -> None:
    second = new_host("second")
    for one in (host, second):
        shares(one)
        one.run("codes", "check")
    assert look(host)["other hosts"]["what"] == "1 other host, none of which is behind"
    scene.list_codes("FIRST1CODE", "SECOND2CODE")
    assert host.run("codes", "check").exit_code == 0
    time_passes(host, timedelta(minutes=59))
    assert look(host)["other hosts"]["verdict"] == "ok"
    time_passes(host, timedelta(minutes=61))
    missed = look(host)["other hosts"]
    assert missed["verdict"] == "warn"
    assert "1 host is behind what others have recorded" in missed["what"]


def time_passes(host: ForkedHost, by: timedelta) -> None:
    """Let it be later by the clock of a host that remembers no other time than that."""
    host.ahead += by
    (host.state / CLOCK).unlink(missing_ok=True)


def test_a_clock_that_differs_from_mongodbs_is_told(host: ForkedHost) -> None:
    host.ahead = timedelta(minutes=3, seconds=30)
    found = look(host)["mongodb clock"]
    assert (found["verdict"], found["what"]) == ("fail", "this machine's clock is 3 min ahead of MongoDB's")


def test_a_replica_set_is_told_from_a_server_of_its_own(scene: Scene, forker: Forker) -> None:
    scene.list_codes()
    host = forked(scene.host(), forker)
    uses(host, new_database(or_skip(shared_replica_set).uri))
    assert "the primary of giftping answers, of 3 members" in look(host)["mongodb"]["what"]


@cache
def with_reader() -> Mongod:
    mongod = Mongod(new_folder() / "with-reader", "--auth")
    mongod.add_only_user("reader", "the-password", "read", "gifts")
    return mongod


def test_a_user_who_may_only_read_is_told_what_to_grant(scene: Scene, forker: Forker) -> None:
    scene.list_codes()
    host = forked(scene.host(), forker)
    server: Mongod = or_skip(with_reader)
    uses(host, f"mongodb://reader:{quote('the-password')}@{server.address}/gifts?authSource=admin&{QUICK}")
    found = look(host)["mongodb user"]
    assert found["verdict"] == "fail"
    assert "may not insert, update, remove" in found["what"]
    assert "readWrite" in found["next_step"]


def test_a_password_that_is_wrong_is_told(scene: Scene, forker: Forker) -> None:
    scene.list_codes()
    host = forked(scene.host(), forker)
    server: Mongod = or_skip(with_reader)
    uses(host, f"mongodb://reader:another-password@{server.address}/gifts?authSource=admin&{QUICK}")
    found = look(host)
    assert (found["mongodb"]["verdict"], found["ledger"]["verdict"]) == ("fail", "fail")
    assert "user name or password is wrong" in found["mongodb"]["what"]
