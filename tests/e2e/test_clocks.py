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
from giftping.store.clears import clears_of
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

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
    again = host.run(*CHECK, "--json")
    assert (again.exit_code, again.errors) == (TROUBLE, "")
    told = again.json["clock"]
    assert abs(told["seconds_ahead"] - by.total_seconds()) < 60
    assert (told["standing"], told["witness"], told["sends"], told["line"][:17]) == (
        "wrong",
        "discord",
        False,
        "this host's clock",
    )
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


@pytest.mark.parametrize("route", ["bot", "webhook"])
def test_what_has_ended_by_discords_time_stays_in_though_the_run_was_planned_by_another(
    scene: Scene, host: ForkedHost, route: str
) -> None:
    """A list on the same machine goes by the same clock: only Discord, asked before the first post, tells."""
    guild = guild_that_has_looked(scene, host, route)
    now = datetime.now(UTC)
    scene.list_codes({"code": "ENDED333", "expires": (now - 2 * MINUTE).isoformat()}, "ANYTIME1")
    host.ahead = -5 * MINUTE
    scene.sources.clock = lambda: scene.discord.clock() - 5 * MINUTE
    assert host.run(*CHECK).exit_code == FINE
    assert scene.arrived(guild) == {"ANYTIME1": 1}
    host.ahead = timedelta(0)
    assert host.run(*CHECK).exit_code == FINE
    assert scene.arrived(guild) == {"ANYTIME1": 1}


# Commands that somebody types


@pytest.mark.parametrize("route", ["bot", "webhook"])
@pytest.mark.parametrize("by", [*WRONG, *OFF, -20_000 * DAY], ids=str)
def test_what_a_command_dates_it_dates_by_discords_time(
    scene: Scene, host: ForkedHost, route: str, by: timedelta
) -> None:
    guild = guild_that_has_looked(scene, host, route)
    host.ahead = by
    if route == "webhook":
        del host.environment["DISCORD_TOKEN"]
    added = host.run("codes", "add", "BYHAND11", "--game", "whiteout-survival", "--json")
    assert added.exit_code == FINE, added
    assert abs(datetime.fromisoformat(added.json["code"]["first_seen"]) - scene.discord.clock()) < MINUTE
    assert "this host's clock is" in added.errors
    host.ahead = timedelta(0)
    assert host.run(*CHECK).exit_code == FINE
    assert scene.arrived(guild) == {"BYHAND11": 1}
    host.ahead = by
    assert host.run("codes", "clear", "--guild", str(guild), "--yes").exit_code == FINE
    with Store(TinyEngine(host.state)) as store:
        ((_, cleared),) = clears_of(store, "BYHAND11")
    assert abs(cleared - scene.discord.clock()) < MINUTE


def test_a_clock_that_a_run_has_found_right_costs_a_command_no_request(scene: Scene, host: ForkedHost) -> None:
    guild_that_has_looked(scene, host, "bot")
    scene.list_codes("FIRST1CODE")
    assert host.run(*CHECK).exit_code == FINE
    before = scene.discord.count()
    assert host.run("codes", "add", "BYHAND11", "--game", "whiteout-survival").errors == ""
    assert scene.discord.count() == before


def test_where_discord_does_not_answer_a_command_goes_by_this_host(scene: Scene, host: ForkedHost) -> None:
    guild_that_has_looked(scene, host, "bot")
    scene.discord.fail(faults.reset(), times=None)
    ran = host.run("codes", "add", "BYHAND11", "--game", "whiteout-survival")
    assert (ran.exit_code, ran.errors) == (FINE, "")


def test_a_clock_that_gets_so_far_off_that_nothing_is_sent_is_told_though_it_was_told_to_be_off(
    scene: Scene, host: ForkedHost
) -> None:
    guild_that_has_looked(scene, host, "bot")
    for ahead, exit_code, told in ((9, FINE, "this run goes by Discord's"), (20, TROUBLE, "nothing is sent until")):
        scene.list_codes(f"AHEAD{ahead}CODE")
        host.ahead = ahead * MINUTE
        ran = host.run(*CHECK)
        assert ran.exit_code == exit_code
        assert told in ran.errors
        assert host.run(*CHECK).errors == ""
    host.ahead = timedelta(0)
    assert host.run(*CHECK).errors.count("this host's clock is right again") == 1


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


def test_a_sweep_tells_that_nothing_is_sent_any_more_by_a_clock_that_it_told_to_be_off(play: TodoScene) -> None:
    play.host.ahead += 9 * MINUTE
    assert "this run goes by Discord's" in play.host.run(*SWEEP).errors
    play.pass_time(INTERVAL)
    play.host.ahead += 11 * MINUTE
    assert "nothing is sent until it is right" in play.host.run(*SWEEP).errors
    assert play.host.run(*SWEEP).errors == ""
    play.host.ahead -= 20 * MINUTE
    assert play.host.run(*SWEEP).errors.count("this host's clock is right again") == 1


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


@pytest.mark.parametrize("by", [20 * MINUTE, -20_000 * DAY], ids=str)
def test_who_is_put_on_the_roster_by_a_clock_that_is_wrong_has_all_of_the_time_there_is(
    play: TodoScene, by: timedelta
) -> None:
    user_id = 6_010
    play.host.ahead += by
    ran = play.host.run("todo", "roster", "add", str(user_id), "--name", "Nia")
    assert ran.exit_code == FINE, ran
    assert "this host's clock is" in ran.errors
    play.host.ahead -= by
    (added,) = [
        datetime.fromisoformat(row["added"])
        for row in play.host.run("todo", "roster", "list", "--json").json["members"]
        if row["user_id"] == str(user_id)
    ]
    assert abs(added - play.scene.discord.clock()) < 2 * MINUTE


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
