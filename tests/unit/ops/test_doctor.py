from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from giftping.ops.doctor import (
    CHECKS,
    TODO_CHECKS,
    BotFacts,
    ChannelFacts,
    Facts,
    Finding,
    FolderFacts,
    GuildFacts,
    LedgerFacts,
    RoleFacts,
    RosterFacts,
    SettingsFacts,
    TodoFacts,
    Trouble,
    Verdict,
    examined,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MIB = 2**20
OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL

ROSTER = RosterFacts(size=8, last_sweep=NOW - timedelta(minutes=4))
TODO = TodoFacts(
    now=NOW,
    guild_id=11,
    channel_id=21,
    role_id=41,
    bot=5,
    guild=GuildFacts("Snow", RoleFacts("TODO", 1), BotFacts(manages_roles=True, position=10)),
    channel=ChannelFacts(11),
    clock_offset=timedelta(0),
    lists_members=True,
    list_from=5,
    new_dms=10,
    roster=ROSTER,
    zone=UTC,
)
FACTS = Facts(
    SettingsFacts("giftping.toml"),
    FolderFacts("/srv/state", is_writable=True, free=5000 * MIB, mode=0o700),
    LedgerFacts("the ledger"),
    TODO,
)


def by_name(facts: Facts) -> dict[str, Finding]:
    return {finding.name: finding for finding in examined(facts)}


def of_todo(name: str, **changes: object) -> Finding:
    return by_name(replace(FACTS, todo=replace(TODO, **changes)))[name]  # type: ignore[arg-type]


def of_roster(name: str, **changes: object) -> Finding:
    return of_todo(name, roster=replace(ROSTER, **changes))  # type: ignore[arg-type]


def test_where_all_is_well_every_check_says_so_and_none_has_a_next_step() -> None:
    found = examined(FACTS)
    assert [finding.name for finding in found] == [name for name, _ in (*CHECKS, *TODO_CHECKS)]
    assert {(finding.verdict, finding.next_step) for finding in found} == {(OK, "")}


def test_without_the_todo_part_the_machine_alone_is_checked() -> None:
    assert list(by_name(replace(FACTS, todo=None))) == ["settings", "state folder", "ledger"]


def test_every_check_has_a_name_of_its_own() -> None:
    names = [name for name, _ in (*CHECKS, *TODO_CHECKS)]
    assert len(set(names)) == len(names)


# The machine


def test_warnings_of_the_settings_are_told() -> None:
    found = by_name(replace(FACTS, settings=SettingsFacts(None, ("chmod it",))))["settings"]
    assert (found.verdict, found.what) == (WARN, "chmod it")
    assert found.next_step


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({"is_writable": False}, FAIL, "cannot be written to"),
        ({"is_writable": False, "mode": None}, FAIL, "cannot be written to"),
        ({"mode": None}, OK, "made by the first run"),
        ({"mode": 0o705}, WARN, "open to every user"),
        ({"mode": 0o750}, OK, "free"),
        ({"free": 100 * MIB}, OK, "100 MiB free"),
        ({"free": 100 * MIB - 1}, WARN, "nearly full (99 MiB free)"),
        ({"free": 5 * MIB - 1}, FAIL, "the disk is full (4 MiB free)"),
        ({"free": 20 * 1024 * MIB}, OK, "20 GiB free"),
    ],
)
def test_the_state_folder_is_writable_private_and_has_room(
    changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = by_name(replace(FACTS, folder=replace(FACTS.folder, **changes)))["state folder"]  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


def test_a_ledger_that_cannot_be_read_fails_and_one_with_something_to_say_warns() -> None:
    found = by_name(replace(FACTS, ledger=LedgerFacts("", trouble="giftping.json is damaged")))["ledger"]
    assert (found.verdict, found.what) == (FAIL, "giftping.json is damaged")
    found = by_name(replace(FACTS, ledger=LedgerFacts("", notices=("MongoDB is away",))))["ledger"]
    assert (found.verdict, found.what) == (WARN, "MongoDB is away")


# The way to Discord


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "said"),
    [
        ("bot token", {"has_token": False}, FAIL, "DISCORD_TOKEN is not set"),
        ("bot token", {"bot": Trouble("HTTP 401", 401)}, FAIL, "not accepted"),
        ("bot token", {"bot": Trouble("timed out")}, FAIL, "timed out"),
        ("guild", {"guild_id": None}, FAIL, "GUILD_ID is not set"),
        ("guild", {"guild": Trouble("HTTP 404", 404)}, FAIL, "not in guild 11"),
        ("guild", {"guild": Trouble("HTTP 502")}, FAIL, "HTTP 502"),
        ("channel", {"channel_id": None}, FAIL, "TODO_CHANNEL_ID is not set"),
        ("channel", {"channel": Trouble("HTTP 403", 403)}, FAIL, "cannot see channel 21"),
        ("channel", {"channel": Trouble("HTTP 404", 404)}, FAIL, "no channel 21"),
        ("channel", {"channel": Trouble("timed out")}, FAIL, "timed out"),
        ("channel", {"channel": ChannelFacts(12)}, FAIL, "in guild 12, not in guild 11"),
        ("channel", {"channel": ChannelFacts(None)}, FAIL, "in no guild"),
        ("channel", {"channel": ChannelFacts(11, "a forum")}, FAIL, "a forum"),
        ("permissions", {"channel": ChannelFacts(11, missing=("Embed Links",))}, FAIL, "Embed Links"),
        ("permissions", {"channel": ChannelFacts(11, missing=Trouble("timed out"))}, WARN, "timed out"),
        ("role", {"role_id": None}, OK, "nobody loses a role"),
        ("role", {"role_id": 11}, FAIL, "@everyone"),
        ("members intent", {"lists_members": False}, WARN, "all 8 members"),
        ("members intent", {"lists_members": False, "list_from": 9}, OK, "not needed"),
        ("members intent", {"lists_members": Trouble("timed out")}, WARN, "timed out"),
    ],
)
def test_what_is_wrong_on_the_way_to_discord_is_found_by_name(
    name: str, changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = of_todo(name, **changes)
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(4.9, OK), (-4.9, OK), (5, WARN), (-5, WARN), (59.9, WARN), (60, FAIL), (-60, FAIL)]
)
def test_a_clock_warns_from_five_seconds_and_fails_from_a_minute(seconds: float, verdict: Verdict) -> None:
    assert of_todo("clock", clock_offset=timedelta(seconds=seconds)).verdict is verdict


def test_a_clock_is_said_to_be_behind_when_discords_is_ahead() -> None:
    assert of_todo("clock", clock_offset=timedelta(minutes=3)).what == "this machine's clock is 3 min behind Discord's"
    assert "3 min ahead of Discord's" in of_todo("clock", clock_offset=timedelta(minutes=-3)).what


@pytest.mark.parametrize(
    ("role", "bot", "failing"),
    [
        (None, BotFacts(True, 10), {"role"}),
        (RoleFacts("TODO", 1, is_managed=True), BotFacts(True, 10), {"role"}),
        (RoleFacts("TODO", 1), BotFacts(False, 10), {"manage roles"}),
        (RoleFacts("TODO", 10), BotFacts(True, 10), {"role order"}),
        (RoleFacts("TODO", 11), BotFacts(False, 10), {"manage roles", "role order"}),
        (RoleFacts("TODO", 1), Trouble("timed out"), {"manage roles"}),
    ],
)
def test_a_role_that_the_bot_could_not_take_is_found(
    role: RoleFacts | None, bot: BotFacts | Trouble, failing: set[str]
) -> None:
    found = by_name(replace(FACTS, todo=replace(TODO, guild=GuildFacts("Snow", role, bot))))
    assert {name for name, finding in found.items() if finding.verdict is FAIL} == failing


def test_without_a_role_nobody_asks_what_the_bot_may_do_with_roles() -> None:
    found = by_name(replace(FACTS, todo=replace(TODO, role_id=None)))
    assert not {"manage roles", "role order"} & set(found)


def test_what_was_not_asked_for_is_not_judged() -> None:
    unasked = replace(TODO, bot=Trouble("timed out"), guild=None, channel=None, clock_offset=None, lists_members=None)
    left = set(by_name(replace(FACTS, todo=unasked)))
    assert left == {
        *(name for name, _ in CHECKS),
        *("bot token", "direct messages", "roster", "left the guild", "not on roster", "last sweep", "open claims"),
    }
    assert "roster" not in by_name(replace(FACTS, todo=replace(unasked, roster=None)))


# The roster and its sweeps


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "said"),
    [
        ("roster", {"odd": ("active_members 'x': its _id is odd",)}, FAIL, "1 document cannot be read and is skipped"),
        ("roster", {"size": 0}, WARN, "nobody is on it"),
        ("roster", {"never_submitted": 3}, OK, "8 members, 3 of them without any TODO yet"),
        ("left the guild", {"left": ("member 51 (Ada)",)}, WARN, "member 51 (Ada)"),
        (
            "not on roster",
            {"unlisted": ("member 61", "member 62")},
            WARN,
            "2 people handed in TODOs lately and are not",
        ),
        ("open claims", {"stale": ("member 51, reminder (channel)",)}, WARN, "member 51, reminder (channel)"),
        ("last sweep", {"last_sweep": None}, WARN, "none yet"),
        ("last sweep", {"last_sweep": None, "size": 0}, OK, "not needed"),
        ("last sweep", {"told": ("reminder: refused",)}, WARN, "reminder: refused"),
        ("direct messages", {"closed_dms": 2}, OK, "2 of 8 take none"),
        ("direct messages", {"dms_stopped_until": NOW + timedelta(hours=1)}, WARN, "until 2026-11-25 13:00 UTC"),
        ("direct messages", {"dms_stopped_until": NOW}, OK, "switched on"),
    ],
)
def test_what_is_wrong_with_the_roster_is_found_by_name(
    name: str, changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = of_roster(name, **changes)
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (timedelta(hours=3, minutes=29), OK),
        (timedelta(hours=3, minutes=30), WARN),
        (timedelta(hours=23, minutes=59), WARN),
        (timedelta(days=1), FAIL),
        (timedelta(minutes=-5), OK),
    ],
)
def test_a_last_sweep_that_is_long_ago_warns_and_then_fails(age: timedelta, verdict: Verdict) -> None:
    assert of_roster("last sweep", last_sweep=NOW - age).verdict is verdict


def test_a_sweep_is_late_by_the_interval_that_is_set() -> None:
    seldom = replace(
        TODO, remind_every=timedelta(hours=12), roster=replace(ROSTER, last_sweep=NOW - timedelta(hours=5))
    )
    assert by_name(replace(FACTS, todo=seldom))["last sweep"].verdict is OK


def test_direct_messages_that_are_switched_off_are_no_trouble() -> None:
    assert of_todo("direct messages", direct_messages=False).what.startswith("switched off")
    assert "new_dms is 0" in of_todo("direct messages", new_dms=0).what


def test_of_many_things_three_are_named_and_the_rest_is_counted() -> None:
    left = tuple(f"member {number}" for number in range(5))
    assert of_roster("left the guild", left=left).what.endswith("member 0; member 1; member 2 and 2 more")
