"""Hosts whose clocks are wrong: what goes out, what is told, and that a clock that was mended is all it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from forks import ForkedHost, Forker, forked
from plays import put_clocks
from scene import Scene
from todo_scene import ANN, INTERVAL, OVERDUE, SWEEP, TodoScene, opened_todo_scene

from giftping.demo import faults
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources

CHECK = ("codes", "check")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
FINE, TROUBLE = 0, 69

WRONG = [20 * MINUTE, -20 * MINUTE, -3 * DAY, 30 * DAY]
OFF = [5 * MINUTE, -5 * MINUTE, 9 * MINUTE]
POST = Match("POST")


@pytest.fixture
def host(scene: Scene, forker: Forker) -> ForkedHost:
    scene.list_codes()
    return forked(scene.host(), forker)


def guild_that_has_looked(scene: Scene, host: ForkedHost, route: str) -> int:
    guild = scene.bot_guild(host) if route == "bot" else scene.webhook_guild(host)
    assert host.run(*CHECK).exit_code == FINE
    return guild


# Checks


@pytest.mark.parametrize("route", ["bot", "webhook"])
@pytest.mark.parametrize("by", WRONG, ids=str)
def test_a_check_by_a_clock_that_is_wrong_sends_nothing_says_so_and_works_at_once_when_it_is_mended(
    scene: Scene, host: ForkedHost, route: str, by: timedelta
) -> None:
    guild = guild_that_has_looked(scene, host, route)
    ends = f"{datetime.now(UTC) + 40 * DAY:%Y-%m-%d}"
    scene.list_codes("FOREVER1", {"code": "LASTING1", "expires": ends})
    host.ahead = by
    ran = host.run(*CHECK)
    assert (ran.exit_code, ran.output) == (TROUBLE, "")
    (line,) = ran.errors.splitlines()
    way = "ahead of" if by > timedelta(0) else "behind"
    assert f" {way} Discord's: nothing is sent until it is right" in line
    assert "timedatectl" in line
    # Told once, and counted as long as it lasts.
    again = host.run(*CHECK)
    assert (again.exit_code, again.errors) == (TROUBLE, "")
    assert scene.discord.count(POST) == 0
    host.ahead = timedelta(0)
    mended = host.run(*CHECK)
    assert mended.exit_code == FINE, mended
    assert scene.arrived(guild) == {"FOREVER1": 1, "LASTING1": 1}


@pytest.mark.parametrize("route", ["bot", "webhook"])
@pytest.mark.parametrize("by", OFF, ids=str)
def test_a_check_by_a_clock_that_is_a_little_off_goes_by_discord(
    scene: Scene, host: ForkedHost, route: str, by: timedelta
) -> None:
    guild = guild_that_has_looked(scene, host, route)
    # By the host's own clock the one has ended, or the other has not.
    now = datetime.now(UTC)
    scene.list_codes(
        {"code": "NOTYET11", "expires": (now + 3 * MINUTE).isoformat()},
        {"code": "ENDED222", "expires": (now - 3 * MINUTE).isoformat()},
    )
    host.ahead = by
    ran = host.run(*CHECK)
    assert ran.exit_code == FINE, ran
    assert scene.arrived(guild) == {"NOTYET11": 1}
    (line,) = ran.errors.splitlines()
    assert "this run goes by Discord's" in line
    assert host.run(*CHECK).errors == ""
    # A day later, if it lasts.
    put_clocks(scene, host, DAY + MINUTE)
    (line,) = host.run(*CHECK).errors.splitlines()
    assert "this host's clock is" in line
    host.ahead -= by
    assert "this host's clock is right again" in host.run(*CHECK).errors


def test_a_clock_of_1970_announces_nothing_that_has_ended(scene: Scene, host: ForkedHost) -> None:
    guild = guild_that_has_looked(scene, host, "bot")
    scene.list_codes({"code": "ENDED2020", "expires": "2020-05-01"}, "ANYTIME1")
    host.ahead = datetime(1970, 1, 1, 0, 5, tzinfo=UTC) - datetime.now(UTC)
    assert host.run(*CHECK).exit_code == TROUBLE
    assert scene.discord.count(POST) == 0
    host.ahead = timedelta(0)
    assert host.run(*CHECK).exit_code == FINE
    assert scene.arrived(guild) == {"ANYTIME1": 1}


@pytest.mark.parametrize("route", ["bot", "webhook"])
def test_an_idle_check_makes_no_request_to_discord(scene: Scene, host: ForkedHost, route: str) -> None:
    guild = guild_that_has_looked(scene, host, route)
    scene.list_codes("FIRST1CODE")
    before = scene.discord.count()
    assert host.run(*CHECK).exit_code == FINE
    assert scene.arrived(guild) == {"FIRST1CODE": 1}
    # One request more than the message: what time it is.
    assert scene.discord.count() == before + 2
    for _ in range(3):
        assert host.run(*CHECK).exit_code == FINE
    # And those whose mark is over look into the store.
    put_clocks(scene, host, timedelta(hours=2))
    assert host.run(*CHECK).exit_code == FINE
    assert scene.discord.count() == before + 2


def test_one_source_that_is_wrong_has_discord_asked_once_and_changes_nothing(scene: Scene, host: ForkedHost) -> None:
    guild_that_has_looked(scene, host, "bot")
    scene.sources.clock = lambda: scene.discord.clock() - 7 * DAY
    before = scene.discord.count()
    for _ in range(4):
        ran = host.run(*CHECK)
        assert (ran.exit_code, ran.errors) == (FINE, "")
    assert scene.discord.count() == before + 1


@pytest.mark.parametrize(
    ("by", "exit_code"), [(5 * MINUTE, FINE), (20 * MINUTE, TROUBLE), (-3 * DAY, TROUBLE)], ids=str
)
def test_without_discord_two_sources_tell_what_time_it_is(
    scene: Scene, forker: Forker, by: timedelta, exit_code: int
) -> None:
    with StandInSources(scene.discord.clock) as others:
        others.set("/list", '{"codes": []}', "application/json")
        scene.list_codes()
        second = f"""
[sources.second]
kind = "json"
game = "whiteout-survival"
url = "{others.url("/list")}"
min_interval = "0s"
rows = {{ at = "codes[]", code = "code" }}
"""
        host = forked(scene.host(settings=second), forker)
        scene.bot_guild(host)
        assert host.run(*CHECK).exit_code == FINE
        scene.discord.fail(faults.reset(), times=None)
        host.ahead = by
        ran = host.run(*CHECK)
    assert ran.exit_code == exit_code
    assert "that of the sources" in ran.errors


def test_without_any_witness_a_first_look_is_taken_and_no_end_counts(scene: Scene, host: ForkedHost) -> None:
    """By a clock that is a year ahead every code has ended: as new ones they would all go out when it is mended."""
    guild = 4242
    scene.discord.add_guild(guild)
    scene.discord.add_channel(4243, guild)
    scene.channels[guild] = 4243
    scene.list_codes({"code": "CURRENT1", "expires": f"{datetime.now(UTC) + 40 * DAY:%Y-%m-%d}"})
    assert host.run("guilds", "add", str(guild), "--channel", "4243").exit_code == FINE
    scene.sources.set(
        "/whiteout-survival",
        (page := scene.sources._pages["/whiteout-survival"]).body,
        "application/json",
        headers={"Date": "none"},
    )
    assert page.body
    reset = scene.discord.fail(faults.reset(), times=None)
    host.ahead = 365 * DAY
    host.run(*CHECK)
    scene.discord.clear_faults()
    assert reset.fired
    host.ahead = timedelta(0)
    assert host.run(*CHECK).exit_code == FINE
    assert scene.arrived(guild) == {}
    assert host.states() == {f"{guild}:CURRENT1": "seeded"}


def test_a_date_that_is_absurd_is_no_witness(scene: Scene, host: ForkedHost) -> None:
    guild = guild_that_has_looked(scene, host, "bot")
    scene.sources.clock = lambda: datetime(9999, 12, 31, tzinfo=UTC)
    scene.list_codes("FIRST1CODE")
    ran = host.run(*CHECK)
    assert (ran.exit_code, ran.errors) == (FINE, "")
    assert scene.arrived(guild) == {"FIRST1CODE": 1}


def test_a_source_that_failed_by_a_clock_that_was_ahead_is_asked_at_once_when_it_is_mended(
    scene: Scene, host: ForkedHost
) -> None:
    guild = guild_that_has_looked(scene, host, "bot")
    scene.list_codes("FIRST1CODE")
    scene.sources.fail("/whiteout-survival", faults.status(503), times=1)
    host.ahead = 5 * timedelta(hours=1)
    host.run(*CHECK)
    host.ahead = timedelta(0)
    assert host.run(*CHECK).exit_code == FINE
    assert scene.arrived(guild) == {"FIRST1CODE": 1}


# Sweeps


@pytest.fixture
def play(tmp_path, forker: Forker):
    with opened_todo_scene(tmp_path / "scene", forker) as play:
        yield play


@pytest.mark.parametrize("by", WRONG, ids=str)
def test_a_sweep_by_a_clock_that_is_wrong_sends_nothing_and_works_at_once_when_it_is_mended(
    play: TodoScene, by: timedelta
) -> None:
    discord = play.scene.discord
    writes = discord.count(POST)
    play.host.ahead += by
    ran = play.host.run(*SWEEP)
    assert discord.count(POST) == writes
    # Far behind nothing is due by it; that nobody has told so before, nobody can know.
    if by > timedelta(0):
        assert ran.exit_code == TROUBLE
        (line,) = ran.errors.splitlines()
        assert "nothing is sent until it is right" in line
    play.host.ahead -= by
    play.sweep()
    play.hold_promises()
    assert {one.user_id for one in play.received() if one.at >= play.began} >= {*OVERDUE}


@pytest.mark.parametrize("by", OFF, ids=str)
def test_by_a_clock_that_is_a_little_off_nobody_is_pinged_early(play: TodoScene, by: timedelta) -> None:
    play.host.ahead += by
    for _ in range(4):
        assert play.host.run(*SWEEP).exit_code == FINE
        play.pass_time(INTERVAL - 5 * MINUTE)
        assert play.host.run(*SWEEP).exit_code == FINE
        play.pass_time(6 * MINUTE)
    play.hold_promises()


@pytest.mark.parametrize("jumps", [(5, -5, 5, -5), (30 * 1440, -30 * 1440, 20, -20), (-20, 300, -280, 0)], ids=str)
def test_a_clock_that_jumps_about_pings_nobody_early_and_takes_no_role_early(
    play: TodoScene, jumps: tuple[int, ...]
) -> None:
    for jump in jumps * 3:
        play.host.ahead += jump * MINUTE
        play.host.run(*SWEEP)
        play.pass_time(50 * MINUTE)
    play.host.ahead = play.host.ahead - sum(jumps) * 3 * MINUTE
    play.sweep()
    play.hold_promises()


def test_a_sweep_in_which_nothing_is_due_makes_no_request_to_discord(play: TodoScene) -> None:
    play.sweep()
    play.pass_time(2 * MINUTE)
    play.sweep()
    before = play.scene.discord.count()
    play.pass_time(2 * MINUTE)
    play.sweep()
    assert play.scene.discord.count() == before


@pytest.mark.parametrize("by", [20 * MINUTE, -20 * MINUTE, 30 * DAY], ids=str)
def test_a_todo_counts_from_discords_time_and_is_posted_when_the_clock_is_right(play: TodoScene, by: timedelta) -> None:
    user_id = ANN
    play.host.ahead += by
    ran = play.host.run("todo", "submit", str(user_id), "--must-do", "read ten pages")
    assert ran.exit_code == TROUBLE
    assert "this host's clock is" in ran.errors
    play.host.ahead -= by
    play.sweep()
    (last,) = [
        datetime.fromisoformat(row["last_submit"])
        for row in play.host.run("todo", "list", "--json").json["members"]
        if row["user_id"] == str(user_id)
    ]
    assert abs(last - play.scene.discord.clock()) < 2 * MINUTE
    play.hold_promises()
