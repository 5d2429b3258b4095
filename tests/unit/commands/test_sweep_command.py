from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import PropertyMock, patch

import pytest
from past import ASHA, BEN, CHANNEL, CHITRA, DAY, GUILD, HOUR, ROLE, Past, now
from ran import Ran

from giftping.commands.session import Session
from giftping.demo.discord import StandInDiscord
from giftping.demo.world import Permission
from giftping.runs.lock import RunLock
from giftping.runs.state_folder import SWEEP_LOCK

Run = Callable[..., Ran]

SWEEP = ("todo", "sweep")


def join(discord: StandInDiscord, past: Past, *user_ids: int, **fields: object) -> None:
    """Let members be in the guild and on the roster, under names of their own."""
    for user_id in user_ids:
        discord.add_member(GUILD, user_id, roles=(ROLE,), name=f"name-{user_id}")
        past.member(user_id, f"name-{user_id}", **fields)  # type: ignore[arg-type]


@pytest.mark.usefixtures("discord")
def test_a_sweep_with_nothing_to_do_says_nothing(giftping: Run, past: Past) -> None:
    assert giftping(*SWEEP) == Ran(0, "", "")
    past.member(ASHA, "Asha", silent=HOUR)
    assert giftping(*SWEEP) == Ran(0, "", "")


@pytest.mark.usefixtures("discord")
def test_at_a_terminal_it_says_what_comes_next(giftping: Run, past: Past) -> None:
    with patch.object(Session, "at_terminal", PropertyMock(return_value=True)):
        assert giftping(*SWEEP).output.startswith("Nobody is on the roster yet.")
        past.member(ASHA, "Asha", silent=HOUR)
        assert giftping(*SWEEP).output.startswith("Nothing is due: 1 member. Next: reminder for Asha, ")
        assert giftping(*SWEEP, "-q").output == ""


def test_each_thing_that_was_done_is_a_line_with_some_names(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    join(discord, past, *range(201, 206), silent=30 * HOUR)
    discord.add_member(GUILD, BEN, roles=(ROLE,))
    past.warned(BEN, "Ben")
    ran = giftping(*SWEEP)
    assert (ran.exit_code, ran.errors) == (0, "")
    assert ran.output.splitlines() == [
        "took the role from 1 member: Ben",
        "reminded 5 members: name-201, name-202, name-203 and 2 more",
    ]
    assert discord.roles_of(GUILD, BEN) == frozenset()
    assert len(discord.notifications(201)) == 2


def test_quiet_does_the_same_in_silence(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    join(discord, past, ASHA, silent=30 * HOUR)
    assert giftping(*SWEEP, "-q") == Ran(0, "", "")
    assert len(discord.notifications(ASHA)) == 2


def test_verbose_says_what_waits_and_why(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    join(discord, past, ASHA, silent=HOUR)
    join(discord, past, BEN, silent=30 * HOUR)
    past.member(CHITRA, "Chitra", silent=30 * HOUR, exempt=True)
    discord.close_dms(BEN)
    lines = giftping(*SWEEP, "-v").output.splitlines()
    assert any(line.startswith(f"name-{BEN}: reminder: takes no direct messages (HTTP 403") for line in lines)
    assert any(line.startswith(f"name-{ASHA}: reminder 20") and line.endswith(": silent for 1 h") for line in lines)
    assert "Chitra: exempt" in lines


def test_trouble_is_told_once_by_cron_and_again_at_a_terminal(
    giftping: Run, discord: StandInDiscord, past: Past
) -> None:
    join(discord, past, ASHA, silent=30 * HOUR)
    discord.set_permissions(CHANNEL, Permission.NONE)
    discord.close_dms(ASHA)
    first, second = giftping(*SWEEP), giftping(*SWEEP)
    assert (first.exit_code, second.exit_code) == (69, 0)
    assert first.error.startswith(f"member {ASHA} (name-{ASHA}): reminder, channel: refused (HTTP 403")
    assert (second.output, second.errors) == ("", "")
    assert giftping(*SWEEP, "-v").errors.startswith(first.error)
    with patch.object(Session, "at_terminal", PropertyMock(return_value=True)):
        assert first.error in giftping(*SWEEP).errors
        assert giftping(*SWEEP, "-q").errors == ""


@pytest.mark.usefixtures("discord")
def test_time_without_a_sweep_is_told_once(giftping: Run, past: Past) -> None:
    past.member(ASHA, "Asha", silent=HOUR)
    past.swept(2 * DAY)
    assert giftping(*SWEEP).output.endswith("that time is not charged\n")
    assert giftping(*SWEEP) == Ran(0, "", "")


def test_a_dry_run_shows_everybody_and_the_messages_and_does_nothing(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path
) -> None:
    join(discord, past, ASHA, silent=30 * HOUR)
    join(discord, past, BEN, silent=HOUR)
    past.warned(CHITRA, "Chitra")
    discord.add_member(GUILD, CHITRA, roles=(ROLE,))
    past.member(104, "Dev", exempt=True)
    before = {path: path.read_bytes() for path in (home / "state").iterdir()}
    ran = giftping(*SWEEP, "--dry-run")
    assert (ran.exit_code, ran.errors) == (0, "")
    rows = [re.split(r" {2,}", line.strip()) for line in ran.output.splitlines()[3:7]]
    assert [(row[0], row[1]) for row in rows] == [
        (f"name-{ASHA}", "reminder"),
        ("Chitra", "role off"),
        (f"name-{BEN}", "reminder"),
        ("Dev", "–"),
    ]
    assert [row[2] for row in rows[:2]] == ["now", "now"]
    assert f"@name-{ASHA}, the last TODO came 1 day ago." in ran.output
    assert "1 direct message would go out besides.\n" in ran.output
    assert max(map(len, ran.output.splitlines())) <= 80
    assert {path: path.read_bytes() for path in (home / "state").iterdir()} == before
    assert {request.method for request in discord.requests} <= {"GET"}


def test_a_dry_run_counts_the_direct_messages_that_the_sweep_sends(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path
) -> None:
    text = (home / "giftping.toml").read_text("utf-8")
    (home / "giftping.toml").write_text(f"{text}\n[todo]\nnew_dms = 2\n", "utf-8")
    join(discord, past, *range(201, 205), silent=30 * HOUR)
    join(discord, past, BEN, silent=30 * HOUR, dms_closed_at=now() - DAY)
    ran = giftping(*SWEEP, "--dry-run")
    assert "2 direct messages would go out besides; 2 more in later sweeps" in ran.output
    planned = giftping(*SWEEP, "--dry-run", "--json").json["direct_messages"]
    assert planned == giftping(*SWEEP, "--json").json["direct_messages"] == 2


@pytest.mark.usefixtures("discord")
def test_a_dry_run_of_an_empty_roster_says_how_to_fill_it(giftping: Run) -> None:
    ran = giftping(*SWEEP, "--dry-run")
    assert (ran.exit_code, ran.output) == (
        0,
        "Nobody is on the roster yet. Add members: giftping todo roster add USER\n",
    )


def test_json_is_the_whole_report(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    join(discord, past, ASHA, silent=30 * HOUR)
    told = giftping(*SWEEP, "--json").json
    assert (told["exit_code"], told["dry_run"], told["counts"]) == (0, False, {"reminder": 1})
    assert [(leg["user_id"], leg["leg"], leg["result"]) for leg in told["legs"]] == [
        (str(ASHA), "channel", "done"),
        (str(ASHA), "dm", "done"),
    ]
    assert [one["action"] for one in told["plan"]] == ["remind"]


@pytest.mark.usefixtures("home")
def test_settings_that_are_missing_are_all_named_and_78(giftping: Run) -> None:
    ran = giftping(*SWEEP)
    assert (ran.exit_code, ran.output) == (78, "")
    assert [name for name in ("GUILD_ID", "TODO_CHANNEL_ID", "DISCORD_TOKEN") if name not in ran.errors] == []


@pytest.mark.usefixtures("discord")
def test_a_sweep_that_finds_another_at_it_is_75_and_a_dry_run_is_not_in_the_way(giftping: Run, home: Path) -> None:
    with RunLock(home / "state" / SWEEP_LOCK):
        ran = giftping(*SWEEP)
        assert giftping(*SWEEP, "--dry-run").exit_code == 0
    assert (ran.exit_code, ran.output) == (75, "")
    assert "another run holds the lock" in ran.error


@pytest.mark.usefixtures("discord")
def test_a_document_that_cannot_be_read_is_told_and_69(giftping: Run, past: Past) -> None:
    past.document("active_members", {"_id": "102", "name": "Ben", "added": "long ago"})
    ran = giftping(*SWEEP)
    assert ran.exit_code == 69
    assert ran.error.startswith("member 102: active_members: added is 'long ago'")


def test_no_name_can_play_tricks_on_the_terminal(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    discord.add_member(GUILD, ASHA, roles=(ROLE,))
    past.member(ASHA, "\x1b[31mred", silent=30 * HOUR)
    assert "\x1b" not in giftping(*SWEEP, "--dry-run").output
    discord.set_permissions(CHANNEL, Permission.NONE)
    ran = giftping(*SWEEP)
    assert ran.exit_code == 69
    assert "\x1b" not in ran.output + ran.errors
