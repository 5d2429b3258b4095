from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from giftping.doctor.judge import (
    CHECKS,
    DISCORD_CHECKS,
    HOST_CHECKS,
    DiscordFacts,
    Facts,
    FileFacts,
    Finding,
    FolderFacts,
    HostFacts,
    LedgerFacts,
    MongoFacts,
    SettingsFacts,
    examined,
)
from giftping.doctor.judge_codes import (
    CODES_CHECKS,
    BrokenFacts,
    CheckFacts,
    CodesFacts,
    DestinationFacts,
    SourceFacts,
)
from giftping.doctor.judge_todo import (
    TODO_CHECKS,
    BotFacts,
    ChannelFacts,
    GuildFacts,
    RoleFacts,
    RosterFacts,
    TodoFacts,
)
from giftping.doctor.judging import Trouble, Verdict

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MIB = 2**20
OK, WARN, FAIL = Verdict.OK, Verdict.WARN, Verdict.FAIL

ROSTER = RosterFacts(size=8, last_sweep=NOW - timedelta(minutes=4))
TODO = TodoFacts(
    now=NOW,
    guild_id=11,
    channel_id=21,
    role_id=41,
    guild=GuildFacts("Snow", RoleFacts("TODO", 1), BotFacts(manages_roles=True, position=10)),
    channel=ChannelFacts(11),
    lists_members=True,
    list_from=5,
    new_dms=10,
    roster=ROSTER,
    zone=UTC,
)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SOURCE = SourceFacts("a-list", count=3, listed_at=NOW - MINUTE, changed_at=NOW - 4 * HOUR)
WEBHOOK = DestinationFacts(11, "webhook 31", is_webhook=True)
CHANNEL = DestinationFacts(12, "channel 22", channel_guild_id=12)
CODES = CodesFacts(
    NOW,
    sources=(SOURCE,),
    destinations=(WEBHOOK, CHANNEL),
    check=CheckFacts(NOW - 4 * MINUTE, every=5 * MINUTE),
)
MONGO = MongoFacts("MongoDB gifts at db", clock_offset=timedelta(0), in_step_at=NOW - MINUTE)
DISCORD = DiscordFacts(bot=5, clock_offset=timedelta(0))
FACTS = Facts(
    NOW,
    SettingsFacts("giftping.toml"),
    FolderFacts("/srv/state", is_writable=True, free=5000 * MIB, mode=0o700),
    LedgerFacts("the ledger"),
    (FileFacts("giftping.toml"),),
    MONGO,
    DISCORD,
    CODES,
    TODO,
)
ALL_CHECKS = (*CHECKS, *HOST_CHECKS, *DISCORD_CHECKS, *CODES_CHECKS, *TODO_CHECKS)


def by_name(facts: Facts) -> dict[str, Finding]:
    return {finding.name: finding for finding in examined(facts)}


def of_todo(name: str, **changes: object) -> Finding:
    return by_name(replace(FACTS, todo=replace(TODO, **changes)))[name]  # type: ignore[arg-type]


def of_discord(name: str, **changes: object) -> Finding:
    return by_name(replace(FACTS, discord=replace(DISCORD, **changes)))[name]  # type: ignore[arg-type]


def of_mongo(name: str, **changes: object) -> Finding | None:
    return by_name(replace(FACTS, mongo=replace(MONGO, **changes))).get(name)  # type: ignore[arg-type]


def of_codes(name: str, **changes: object) -> list[Finding]:
    facts = replace(FACTS, codes=replace(CODES, **changes))  # type: ignore[arg-type]
    return [finding for finding in examined(facts) if finding.name == name]


def of_roster(name: str, **changes: object) -> Finding:
    return of_todo(name, roster=replace(ROSTER, **changes))  # type: ignore[arg-type]


def test_where_all_is_well_every_check_says_so_and_none_has_a_next_step() -> None:
    found = examined(FACTS)
    assert [finding.name for finding in found] == [name for name, _ in ALL_CHECKS]
    assert {(finding.verdict, finding.next_step) for finding in found} == {(OK, "")}


def test_a_part_that_is_not_set_up_is_not_checked() -> None:
    machine = [name for name, _ in CHECKS]
    assert list(by_name(replace(FACTS, mongo=None, discord=None, codes=None, todo=None))) == machine
    with_codes = [*machine, *(name for name, _ in (*DISCORD_CHECKS, *CODES_CHECKS))]
    assert list(by_name(replace(FACTS, mongo=None, todo=None))) == with_codes


def test_every_check_has_a_name_of_its_own() -> None:
    names = [name for name, _ in ALL_CHECKS]
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
    ("changes", "verdict", "said"),
    [
        ({"has_token": False}, FAIL, "DISCORD_TOKEN is not set"),
        ({"has_token": False, "is_needed": False}, OK, "webhooks need none"),
        ({"bot": Trouble("HTTP 401", 401)}, FAIL, "not accepted"),
        ({"bot": Trouble("timed out")}, FAIL, "timed out"),
    ],
)
def test_a_bot_token_that_is_missing_or_refused_fails_where_it_is_needed(
    changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = of_discord("bot token", **changes)
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(4.9, OK), (-4.9, OK), (5, WARN), (-5, WARN), (59.9, WARN), (60, FAIL), (-60, FAIL)]
)
def test_a_clock_warns_from_five_seconds_and_fails_from_a_minute(seconds: float, verdict: Verdict) -> None:
    assert of_discord("clock", clock_offset=timedelta(seconds=seconds)).verdict is verdict


def test_a_clock_is_said_to_be_behind_when_discords_is_ahead() -> None:
    assert (
        of_discord("clock", clock_offset=timedelta(minutes=3)).what == "this machine's clock is 3 min behind Discord's"
    )
    assert "3 min ahead of Discord's" in of_discord("clock", clock_offset=timedelta(minutes=-3)).what


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
    unasked = replace(TODO, guild=None, channel=None, lists_members=None)
    left = set(by_name(replace(FACTS, todo=unasked)))
    named = {name for name, _ in TODO_CHECKS}
    assert left & named == {"direct messages", "roster", "left the guild", "not on roster", "last sweep", "open claims"}
    assert "roster" not in by_name(replace(FACTS, todo=replace(unasked, roster=None)))
    assert "clock" not in by_name(replace(FACTS, discord=replace(DISCORD, clock_offset=None)))


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


# Files


@pytest.mark.parametrize(
    ("file", "verdict", "said"),
    [
        (FileFacts(".env", is_open=True), FAIL, "can change .env"),
        (FileFacts("hook", exposure="hook: every user …"), WARN, "can read hook"),
        (FileFacts(".env"), OK, "2 files"),
    ],
)
def test_a_file_in_the_reach_of_others_is_named_with_the_command_that_closes_it(
    file: FileFacts, verdict: Verdict, said: str
) -> None:
    found = by_name(replace(FACTS, files=(*FACTS.files, file)))["files"]
    assert found.verdict is verdict
    assert said in found.what
    assert verdict is OK or (found.next_step.startswith("run: chmod ") and file.path in found.next_step)


# Several hosts


@pytest.mark.parametrize(
    ("name", "changes", "verdict", "said"),
    [
        ("mongodb", {}, OK, "a server of its own answers"),
        ("mongodb", {"replica_set": "rs0", "members": 3}, OK, "the primary of rs0 answers, of 3 members"),
        ("mongodb", {"trouble": "the connection was refused"}, FAIL, "the connection was refused"),
        ("mongodb user", {"lacking": ("insert", "update")}, FAIL, "may not insert, update"),
        ("mongodb user", {"lacking": None}, WARN, "not to be told"),
        ("mongodb clock", {"clock_offset": timedelta(seconds=-70)}, FAIL, "1 min ahead of MongoDB's"),
        ("mirror", {"waiting": 1}, WARN, "1 change waits"),
        ("mirror", {"waiting": 3, "trouble": "away"}, WARN, "3 changes wait"),
        ("mirror", {"in_step_at": None}, OK, "made by the first check"),
        ("mirror", {}, OK, "in step 1 min ago"),
        ("other hosts", {"others": (HostFacts("b", "codes check", NOW - 9 * DAY),)}, OK, "1 other host"),
        (
            "other hosts",
            {"others": (HostFacts("b", "codes check", NOW - 2 * DAY, missed=NOW - HOUR),)},
            WARN,
            "b: last codes check 2 d ago",
        ),
        (
            "other hosts",
            {"others": (HostFacts("b", "codes check", NOW - 2 * DAY, missed=NOW - 59 * MINUTE),)},
            OK,
            "1 other host",
        ),
        (
            "other hosts",
            {"others": (HostFacts("b", "codes check", NOW - 31 * DAY, missed=NOW - DAY),)},
            OK,
            "no other host",
        ),
    ],
)
def test_what_is_wrong_between_hosts_is_found_by_name(
    name: str, changes: dict[str, object], verdict: Verdict, said: str
) -> None:
    found = of_mongo(name, **changes)
    assert found is not None
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


def test_of_a_mongodb_that_is_away_only_that_and_the_mirror_are_told() -> None:
    away = {"trouble": "away", "clock_offset": None}
    assert [of_mongo(name, **away) is not None for name, _ in HOST_CHECKS] == [True, False, False, True, False]
    assert of_mongo("mirror", trouble="away", in_step_at=None) is None


# Sources and games


@pytest.mark.parametrize(
    ("changes", "verdict", "said", "step"),
    [
        ({"listed_at": None, "changed_at": None}, WARN, "never asked", "giftping codes check"),
        ({"trouble": "HTTP 502", "failing_since": NOW - HOUR}, WARN, "has failed for 1 h: HTTP 502", "wait"),
        ({"trouble": "HTTP 404", "listed_at": NOW - DAY}, FAIL, "HTTP 404", "giftping sources test a-list"),
        ({"trouble": "HTTP 404", "listed_at": None}, FAIL, "HTTP 404", "giftping sources test a-list"),
        ({"trouble": "no rows", "is_new_shape": True}, FAIL, "another shape: no rows", "a release that knows it"),
        (
            {"trouble": "no rows", "is_new_shape": True, "is_built_in": False},
            FAIL,
            "another shape",
            "correct its table",
        ),
        ({"count": 0, "dropped": 7}, WARN, "7 rows, and none is a code", "giftping sources test a-list"),
        ({"changed_at": NOW - 90 * DAY}, WARN, "not changed for 90 d", "giftping sources test a-list"),
    ],
)
def test_a_source_that_is_not_well_is_found_by_name(
    changes: dict[str, object], verdict: Verdict, said: str, step: str
) -> None:
    (found,) = of_codes("source", sources=(replace(SOURCE, **changes),))  # type: ignore[arg-type]
    assert (found.verdict, found.subject) == (verdict, "a-list")
    assert said in found.what
    assert step in found.next_step


def test_sources_that_are_well_share_a_line_beside_those_that_are_not() -> None:
    other = replace(SOURCE, name="b-list", changed_at=NOW - 2 * HOUR)
    broken = replace(SOURCE, name="c-list", trouble="HTTP 404", listed_at=None)
    troubled, well = of_codes("source", sources=(SOURCE, broken, other))
    assert (troubled.subject, troubled.verdict) == ("c-list", FAIL)
    assert (well.verdict, well.what) == (OK, "2 sources answer; the last change was 2 h ago: b-list")


def test_an_honest_empty_list_is_no_trouble() -> None:
    assert [one.verdict for one in of_codes("source", sources=(replace(SOURCE, count=0),))] == [OK]


def test_a_memory_that_cannot_be_used_is_told() -> None:
    first, _ = of_codes("source", memory_trouble="sources.json cannot be read")
    assert (first.verdict, first.what) == (WARN, "sources.json cannot be read")


def test_games_without_a_source_or_a_name_are_told() -> None:
    unknown, unlisted = of_codes("game", unknown_games=("wos",), unlisted_games=("kingshot",))
    assert (unknown.verdict, unknown.subject) == (FAIL, "wos")
    assert (unlisted.verdict, unlisted.subject) == (FAIL, "kingshot")


# Destinations

GONE = Trouble("HTTP 404 Unknown Webhook (10015)", 404)


@pytest.mark.parametrize(
    ("destination", "verdict", "said", "step"),
    [
        (replace(WEBHOOK, unusable="env:HOOK: HOOK is not set"), FAIL, "HOOK is not set", "set what is missing"),
        (replace(WEBHOOK, trouble=GONE), FAIL, "webhook 31 is gone", "giftping guilds add 11 --webhook URL"),
        (replace(WEBHOOK, trouble=Trouble("HTTP 401", 401)), FAIL, "is gone", "--webhook URL"),
        (replace(WEBHOOK, trouble=Trouble("timed out")), FAIL, "timed out", "discordstatus"),
        (replace(CHANNEL, trouble=Trouble("HTTP 404", 404)), FAIL, "is not there", "--channel ID"),
        (replace(CHANNEL, trouble=Trouble("HTTP 403", 403)), FAIL, "cannot see it", "View Channel"),
        (replace(CHANNEL, takes_no_messages="a forum"), FAIL, "a forum", "--channel ID"),
        (replace(CHANNEL, channel_guild_id=99), FAIL, "in guild 99", "--channel ID"),
        (replace(CHANNEL, missing=("Embed Links", "Send Messages")), FAIL, "Embed Links, Send Messages", "allow it"),
        (replace(CHANNEL, missing=Trouble("timed out")), WARN, "timed out", "again"),
        (replace(CHANNEL, lost_mention=77), WARN, "77", "--mention ROLE"),
        (replace(CHANNEL, broken=BrokenFacts("HTTP 404", NOW - DAY)), FAIL, "left alone for 1 d", "guilds test 12"),
        (
            replace(CHANNEL, broken=BrokenFacts("HTTP 403", NOW - DAY, NOW + HOUR)),
            WARN,
            "left alone for 1 d",
            "tried again by itself",
        ),
    ],
)
def test_a_destination_that_cannot_be_posted_to_is_found_by_its_guild(
    destination: DestinationFacts, verdict: Verdict, said: str, step: str
) -> None:
    troubled, well = of_codes("destination", destinations=(destination, replace(WEBHOOK, guild_id=13)))
    assert (troubled.verdict, troubled.subject) == (verdict, str(destination.guild_id))
    assert troubled.what.startswith(f"guild {destination.guild_id}")
    assert said in troubled.what
    assert step in troubled.next_step
    assert (well.verdict, well.what) == (OK, "1 of 2 guilds can be posted to")


def test_destinations_that_were_not_asked_about_are_counted_apart() -> None:
    (found,) = of_codes("destination", destinations=(WEBHOOK, replace(CHANNEL, is_asked=False)))
    assert found.what.startswith("1 of 2 guilds can be posted to; 1 were not asked about: giftping doctor --live")


def test_webhooks_that_vanish_point_at_the_bot_that_deletes_them() -> None:
    (found,) = of_codes("webhook purge", destinations=(replace(WEBHOOK, trouble=GONE), CHANNEL))
    assert found.verdict is WARN
    assert "guild 11" in found.what
    assert "older TODO bot" in found.what
    assert "stop it" in found.next_step
    assert of_codes("webhook purge", destinations=(CHANNEL,)) == []


# Checks, and what they left open


@pytest.mark.parametrize(
    ("check", "verdict", "said"),
    [
        (CheckFacts(), WARN, "none on this host yet"),
        (CheckFacts(elsewhere=NOW - HOUR), OK, "another one's was 1 h ago"),
        (CheckFacts(elsewhere=NOW - DAY), WARN, "none on this host yet"),
        (CheckFacts(NOW - 29 * MINUTE, every=5 * MINUTE), OK, "29 min ago, usually every 5 min"),
        (CheckFacts(NOW - 30 * MINUTE, every=5 * MINUTE), WARN, "30 min ago"),
        (CheckFacts(NOW - 2 * HOUR), OK, "2 h ago"),
        (CheckFacts(NOW - DAY, every=5 * MINUTE), FAIL, "1 d ago"),
        (CheckFacts(NOW - 2 * DAY, every=DAY), OK, "2 d ago"),
        (CheckFacts(NOW - 3 * DAY, every=DAY), FAIL, "3 d ago"),
        (CheckFacts(NOW - MINUTE, exit_code=69), WARN, "exit code 69"),
        (CheckFacts(NOW + MINUTE, every=5 * MINUTE), OK, "0 s ago"),
    ],
)
def test_a_last_check_is_judged_by_its_usual_spacing(check: CheckFacts, verdict: Verdict, said: str) -> None:
    (found,) = of_codes("last check", check=check)
    assert found.verdict is verdict
    assert said in found.what
    assert bool(found.next_step) is (verdict is not OK)


def test_codes_that_are_uncertain_or_left_claimed_are_named() -> None:
    (found,) = of_codes("uncertain", uncertain=("GIFT4YOU (guild 11)",))
    assert (found.verdict, "GIFT4YOU (guild 11)" in found.what) == (FAIL, True)
    assert "giftping codes settle" in found.next_step
    (found,) = of_codes("claims", stale=("GIFT4YOU (guild 11)",))
    assert (found.verdict, "GIFT4YOU (guild 11)" in found.what) == (WARN, True)
