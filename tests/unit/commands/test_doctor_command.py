from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ran import Ran

from giftping.demo import faults
from giftping.demo.clock import ShiftedClock
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.world import ChannelType, Permission
from giftping.store.documents import ACTIVE_MEMBERS, TODO_STATE, TODO_TIMESTAMPS
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

GUILD, CHANNEL, ROLE = 11, 21, 41
ADA, BEN, STRANGER = 51, 52, 59
HOUR = 3600

Run = Callable[..., Ran]
Documents = dict[str, list[dict[str, Any]]]


@dataclass
class Ward:
    """A guild whose TODO part is in perfect health, and the command that looks at it."""

    discord: StandInDiscord
    clock: ShiftedClock
    home: Path
    run: Run
    documents: Documents

    def examine(self, *words: str) -> Ran:
        """Return how the command went, with what the store is to hold written down first, unless that was done."""
        if self.documents:
            with Store(TinyEngine(self.home / "state")) as store:
                for collection, documents in self.documents.items():
                    store.insert_documents(collection, documents)
            self.documents = {}
        return self.run("doctor", *words)

    def found(self) -> dict[str, tuple[str, str]]:
        """Return verdict and words of each finding by its name."""
        return {one["name"]: (one["verdict"], one["what"]) for one in self.examine("--json").json["findings"]}

    def files(self) -> Mapping[Path, tuple[int, int, bytes]]:
        """Return every file and folder below the state folder, its mode, its time and what it holds."""
        paths = [*sorted((self.home / "state").rglob("*")), self.home / "state"]
        return {
            path: (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in paths
        }


def healthy() -> Documents:
    now = time.time()
    return {
        ACTIVE_MEMBERS: [
            {"_id": str(id_), "user_id": str(id_), "name": name, "added": now - 500 * HOUR}
            for id_, name in ((ADA, "Ada"), (BEN, "Ben"))
        ],
        TODO_TIMESTAMPS: [{"_id": str(ADA), "last_submit": now - HOUR, "last_ping": 0}],
        TODO_STATE: [{"_id": "sweep", "last_sweep": now - 60}],
    }


@pytest.fixture
def ward(giftping: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ward]:
    clock = ShiftedClock()
    with StandInDiscord(limits=None, clock=clock, members_intent=True) as discord:
        discord.add_guild(GUILD, name="Snow")
        discord.add_channel(CHANNEL, GUILD)
        discord.set_bot(GUILD)
        discord.add_role(GUILD, ROLE, name="TODO")
        for id_ in (ADA, BEN):
            discord.add_member(GUILD, id_, roles=[ROLE])
        variables = {
            "GUILD_ID": GUILD,
            "TODO_CHANNEL_ID": CHANNEL,
            "ROLE_ID": ROLE,
            "GIFTPING_DISCORD_API": discord.api,
        }
        for name, value in (variables | {"DISCORD_TOKEN": discord.bot_token}).items():
            monkeypatch.setenv(name, str(value))
        yield Ward(discord, clock, home, giftping, healthy())
        assert discord.unexpected == []


# All is well


def test_a_healthy_guild_passes_every_check(ward: Ward) -> None:
    ran = ward.examine("--json")
    assert (ran.exit_code, ran.errors) == (0, "")
    told = ran.json
    assert [one for one in told["findings"] if one["verdict"] != "ok"] == []
    assert (told["exit_code"], told["ok"], told["warn"], told["fail"]) == (0, 19, 0, 0)
    assert told["todo"] is True
    assert {one["name"]: one["what"] for one in told["findings"]}[
        "roster"
    ] == "2 members, 1 of them without any TODO yet"


def test_nothing_is_posted_and_nothing_is_written(ward: Ward) -> None:
    ward.examine()
    before = ward.files()
    assert ward.examine().exit_code == 0
    assert ward.files() == before
    assert {logged.method for logged in ward.discord.requests} == {"GET"}
    assert ward.discord.arrived() == []


def test_no_state_folder_is_made(giftping: Run, home: Path) -> None:
    ran = giftping("doctor", "--json")
    assert ran.exit_code == 0
    assert not (home / "state").exists()
    assert ran.json["findings"][-1]["what"].endswith("giftping.json (made by the first write)")
    assert (ran.json["todo"], [one["name"] for one in ran.json["findings"]]) == (
        False,
        ["settings", "files", "state folder", "ledger"],
    )


def test_without_ids_a_roster_is_enough_to_have_the_todo_part_looked_at(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GUILD_ID", "TODO_CHANNEL_ID", "ROLE_ID"):
        monkeypatch.delenv(name)
    found = ward.found()
    assert found["guild"] == ("fail", "GUILD_ID is not set")
    assert found["channel"] == ("fail", "TODO_CHANNEL_ID is not set")
    assert found["bot token"][0] == "ok"


# Each check fails by its name

SPOILS: dict[str, tuple[Callable[[Ward], object], str, str, str]] = {
    "the bot was taken out of the guild": (lambda w: w.discord.remove_guild(GUILD), "guild", "fail", "not in guild 11"),
    "the channel is gone": (lambda w: w.discord.remove_channel(CHANNEL), "channel", "fail", "no channel 21"),
    "the channel is a forum": (
        lambda w: w.discord.add_channel(CHANNEL, GUILD, type=ChannelType.FORUM),
        "channel",
        "fail",
        "a forum",
    ),
    "the channel is hidden": (
        lambda w: w.discord.set_permissions(CHANNEL, Permission.NONE),
        "channel",
        "fail",
        "cannot see channel 21",
    ),
    "the role is gone": (lambda w: w.discord.remove_role(GUILD, ROLE), "role", "fail", "no role 41"),
    "the bot may not manage roles": (
        lambda w: w.discord.set_bot(GUILD, permissions=0),
        "manage roles",
        "fail",
        "lacks Manage Roles",
    ),
    "the role is above the bot's": (
        lambda w: w.discord.add_role(GUILD, ROLE, name="TODO", position=11),
        "role order",
        "fail",
        "not above TODO (position 11)",
    ),
    "the role is level with the bot's": (
        lambda w: w.discord.add_role(GUILD, ROLE, name="TODO", position=10),
        "role order",
        "fail",
        "not above TODO",
    ),
    "Discord's clock is ahead": (lambda w: w.clock.forward(timedelta(seconds=20)), "clock", "warn", "behind Discord's"),
    "Discord's clock is far behind": (
        lambda w: w.clock.forward(timedelta(minutes=-5)),
        "clock",
        "fail",
        "ahead of Discord's",
    ),
    "Discord is down": (
        lambda w: w.discord.fail(faults.status(500), times=None),
        "bot token",
        "fail",
        "HTTP 500",
    ),
    "a member left": (lambda w: w.discord.remove_member(GUILD, BEN), "left the guild", "warn", "member 52 (Ben)"),
}


@pytest.mark.parametrize("what", SPOILS)
def test_what_is_wrong_is_found_by_name(ward: Ward, what: str) -> None:
    spoil, name, verdict, said = SPOILS[what]
    spoil(ward)
    ran = ward.examine("--json")
    (found,) = [one for one in ran.json["findings"] if one["name"] == name]
    assert found["verdict"] == verdict
    assert said in found["what"]
    assert found["next_step"]
    assert ran.exit_code == ran.json["exit_code"] == (69 if verdict == "fail" else 0)


@pytest.mark.parametrize(
    ("lacking", "named"),
    [
        (Permission.SEND_MESSAGES, "Send Messages"),
        (Permission.EMBED_LINKS, "Embed Links"),
        (Permission.ATTACH_FILES, "Attach Files"),
        (Permission.READ_MESSAGE_HISTORY, "Read Message History"),
    ],
)
def test_a_permission_that_the_channel_denies_is_named(ward: Ward, lacking: Permission, named: str) -> None:
    ward.discord.set_permissions(CHANNEL, Permission.POSTING & ~lacking)
    assert ward.found()["permissions"] == ("fail", f"the bot lacks {named} in channel 21")


def test_what_the_bot_may_do_in_a_thread_is_said_by_the_channel_above(ward: Ward) -> None:
    above = 20
    ward.discord.remove_channel(CHANNEL)
    ward.discord.add_channel(above, GUILD, permissions=Permission.POSTING & ~Permission.SEND_MESSAGES_IN_THREADS)
    ward.discord.add_channel(CHANNEL, GUILD, type=ChannelType.THREAD, parent_id=above)
    assert ward.found()["permissions"] == ("fail", "the bot lacks Send Messages in Threads in channel 21")
    ward.discord.set_permissions(above, Permission.POSTING)
    assert ward.found()["permissions"][0] == "ok"
    ward.discord.set_permissions(above, Permission.POSTING & ~Permission.ATTACH_FILES)
    assert ward.found()["permissions"] == ("fail", "the bot lacks Attach Files in channel 21")


def test_where_the_bots_own_roles_are_not_shown_nothing_is_said_of_what_it_may_do(ward: Ward) -> None:
    ward.discord.fail(faults.status(500), match=Match(user_id=ward.discord.bot_id))
    found = ward.found()
    assert (found["permissions"][0], found["manage roles"][0]) == ("warn", "fail")
    assert "HTTP 500" in found["manage roles"][1]
    assert "role order" not in found


def test_a_role_of_an_integration_cannot_be_the_todo_role(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    (own,) = ward.discord.roles_of(GUILD, ward.discord.bot_id)
    monkeypatch.setenv("ROLE_ID", str(own))
    verdict, said = ward.found()["role"]
    assert verdict == "fail"
    assert "belongs to an integration" in said


def test_a_channel_of_another_guild_is_not_the_right_one(ward: Ward) -> None:
    ward.discord.remove_channel(CHANNEL)
    ward.discord.add_guild(12)
    ward.discord.add_channel(CHANNEL, 12)
    found = ward.found()
    assert found["channel"] == ("fail", "channel 21 is in guild 12, not in guild 11")
    assert "permissions" not in found


def test_what_a_name_holds_does_not_reach_the_terminal(ward: Ward) -> None:
    ward.discord.remove_guild(GUILD)
    ward.discord.add_guild(GUILD, name="Snow\x1b[2J")
    ward.discord.add_role(GUILD, ROLE, name="TO\x1b[31mDO")
    assert "\x1b" not in ward.examine().output


def test_a_token_that_discord_does_not_take_is_the_only_trouble_told(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "another-token")
    ran = ward.examine("--json")
    assert [one["name"] for one in ran.json["findings"] if one["verdict"] == "fail"] == ["bot token"]
    assert ward.discord.count() == 1
    assert "another-token" not in ran.output + ran.errors


@pytest.mark.parametrize("token", ["", "two words"])
def test_without_a_usable_token_nothing_is_asked(ward: Ward, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", token)
    ran = ward.examine("--json")
    assert ran.exit_code == 69
    assert [one["name"] for one in ran.json["findings"] if one["verdict"] == "fail"] == ["bot token"]
    assert ward.discord.count() == 0
    assert not token or token not in ran.output + ran.errors


def test_one_answer_that_stays_away_leaves_the_rest_to_be_judged(ward: Ward) -> None:
    ward.discord.fail(faults.status(500), match=Match(template="/channels/{channel_id}"))
    found = ward.found()
    assert {name for name, (verdict, _) in found.items() if verdict == "fail"} == {"channel"}
    assert "permissions" not in found


def test_the_members_intent_matters_from_five_members_on(ward: Ward) -> None:
    ward.discord.members_intent = False
    assert ward.found()["members intent"] == (
        "ok",
        "not granted, and not needed: with 2 members each is asked about alone",
    )
    with Store(TinyEngine(ward.home / "state")) as store:
        more = [{"_id": str(id_), "name": "", "added": time.time()} for id_ in range(60, 63)]
        store.insert_documents(ACTIVE_MEMBERS, more)
    assert ward.found()["members intent"][0] == "warn"
    asked = [logged for logged in ward.discord.requests if logged.user_id in (60, 61, 62)]
    assert asked == []


# The roster


def test_an_odd_document_fails_and_is_named(ward: Ward) -> None:
    ward.documents[ACTIVE_MEMBERS].append({"_id": "Carl", "name": "Carl"})
    verdict, said = ward.found()["roster"]
    assert verdict == "fail"
    assert "active_members 'Carl'" in said


def test_odd_notes_of_the_sweeps_are_told_and_not_stumbled_over(ward: Ward) -> None:
    ward.documents[TODO_STATE] = [{"_id": "sweep", "last_sweep": {"when": "yesterday"}}]
    found = ward.found()
    assert found["ledger"][0] == "fail"
    assert "last_sweep" in found["ledger"][1]
    assert found["channel"][0] == "ok"


def test_who_hands_in_todos_without_being_on_the_roster_is_named_but_not_for_ever(ward: Ward) -> None:
    now = time.time()
    ward.documents[TODO_TIMESTAMPS] += [
        {"_id": str(STRANGER), "last_submit": now - HOUR, "last_ping": 0},
        {"_id": "60", "last_submit": now - 121 * HOUR, "last_ping": 0},
    ]
    verdict, said = ward.found()["not on roster"]
    assert verdict == "warn"
    assert said.endswith(": member 59")


@pytest.mark.parametrize(("hours", "verdict"), [(3.4, "ok"), (3.6, "warn"), (25, "fail")])
def test_a_last_sweep_that_is_long_ago_is_told(ward: Ward, hours: float, verdict: str) -> None:
    ward.documents[TODO_STATE] = [{"_id": "sweep", "last_sweep": time.time() - hours * HOUR}]
    assert ward.found()["last sweep"][0] == verdict


def test_what_the_last_sweep_had_to_tell_is_told_again(ward: Ward) -> None:
    ward.documents[TODO_STATE][0]["told"] = ["2 members: reminder, channel: refused"]
    verdict, said = ward.found()["last sweep"]
    assert verdict == "warn"
    assert said.endswith("with trouble: 2 members: reminder, channel: refused")


@pytest.mark.parametrize(("minutes", "verdict"), [(9, "ok"), (11, "warn")])
def test_a_claim_older_than_the_lease_is_told(ward: Ward, minutes: float, verdict: str) -> None:
    at = time.time() - minutes * 60
    leg = {"state": "claimed", "at": at, "by": "a-host", "channel_id": str(CHANNEL)}
    ward.documents[TODO_TIMESTAMPS][0]["notices"] = [{"id": "n", "kind": "reminder", "made_at": at, "channel": leg}]
    removal = {"state": "claimed", "at": at, "by": "a-host"}
    lapse = {"since": at - HOUR, "removal": removal}
    ward.documents[TODO_TIMESTAMPS].append({"_id": str(BEN), "last_ping": 0, "lapse": lapse})
    found = ward.found()["open claims"]
    assert found[0] == verdict
    if verdict == "warn":
        assert found[1].endswith("member 51 (Ada), reminder (channel); member 52 (Ben), taking the role")


def test_members_who_take_no_direct_messages_are_counted_and_a_stop_says_until_when(ward: Ward) -> None:
    ward.documents[ACTIVE_MEMBERS][0]["dms_closed_at"] = time.time() - HOUR
    ward.documents[ACTIVE_MEMBERS][1]["dms_closed_at"] = time.time() - 200 * HOUR
    assert ward.found()["direct messages"] == ("ok", "switched on; 1 of 2 take none, and are told in the channel")
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    with Store(TinyEngine(ward.home / "state")) as store:
        store.remove_documents(TODO_STATE, ["sweep"])
        notes = {"_id": "sweep", "last_sweep": time.time(), "dms_stopped_until": until.timestamp()}
        store.insert_documents(TODO_STATE, [notes])
    verdict, said = ward.found()["direct messages"]
    assert verdict == "warn"
    assert f"{until + timedelta(hours=5, minutes=30):%H:%M} IST" in said


# The machine


def test_a_damaged_ledger_fails_and_discord_is_looked_at_all_the_same(ward: Ward) -> None:
    ward.documents = {}
    (ward.home / "state").mkdir(mode=0o700)
    (ward.home / "state" / "giftping.json").write_text("{", "utf-8")
    found = ward.found()
    assert found["ledger"][0] == "fail"
    assert "giftping.json" in found["ledger"][1]
    assert found["channel"][0] == "ok"
    assert "roster" not in found


def test_a_state_folder_that_is_open_to_others_is_told(ward: Ward) -> None:
    ward.examine()
    (ward.home / "state").chmod(0o755)
    assert ward.found()["state folder"][0] == "warn"


def test_a_state_folder_that_cannot_be_made_fails(ward: Ward) -> None:
    ward.documents = {}
    (ward.home / "state").write_text("", "utf-8")
    verdict, said = ward.found()["state folder"]
    assert verdict == "fail"
    assert "state" in said


def test_a_state_folder_that_cannot_even_be_looked_at_fails(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    ward.documents = {}
    monkeypatch.setenv("GIFTPING_STATE", str(ward.home / ("x" * 300)))
    found = ward.found()
    assert (found["state folder"][0], found["ledger"][0], found["channel"][0]) == ("fail", "fail", "ok")


def test_warnings_of_the_settings_are_findings_too(giftping: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIFTPING_DISCORD_API", "http://discord.example/api/v10")
    ran = giftping("doctor", "--json")
    (found,) = [one for one in ran.json["findings"] if one["name"] == "settings"]
    assert (ran.exit_code, found["verdict"]) == (0, "warn")
    assert "reached without encryption" in found["what"]


# How it is shown


def test_the_table_fits_eighty_columns_has_no_colours_in_a_pipe_and_shows_the_next_step(ward: Ward) -> None:
    ward.discord.set_permissions(CHANNEL, Permission.VIEW_CHANNEL)
    ran = ward.examine()
    assert (ran.exit_code, ran.errors) == (69, "")
    assert max(map(len, ran.output.splitlines())) <= 80
    assert "\x1b" not in ran.output
    (line,) = [line for line in ran.output.splitlines() if line.startswith(" permissions")]
    assert line.split()[1] == "fail"
    assert "→ allow it there, or for its role" in ran.output
    assert ran.output.splitlines()[-1] == "19 checks: 18 ok, 1 fail."


def test_without_the_todo_part_the_table_says_so(giftping: Run) -> None:
    output = giftping("doctor").output
    assert "The TODO part is not set up" in output
    assert max(map(len, output.splitlines())) <= 80


def test_quiet_tells_trouble_alone(ward: Ward) -> None:
    assert ward.examine("-q") == Ran(0, "", "")
    ward.discord.set_bot(GUILD, permissions=0)
    ran = ward.examine("-q")
    assert (ran.exit_code, ran.output) == (69, "")
    assert ran.error.startswith("manage roles: fail: the bot lacks Manage Roles; allow it")
