from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from past import ASHA, BEN, CHANNEL, DAY, GUILD, HOUR, OWNER, ROLE, Past, now
from ran import Ran

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.world import Permission
from giftping.todo.model import Lapse, Removal, RemovalState
from giftping.todo.validation import ATTACHMENT_SIZE

Run = Callable[..., Ran]

SUBMIT = ("todo", "submit")
READ = ("--must-do", "Read two pages")


@pytest.fixture
def asha(discord: StandInDiscord, past: Past) -> None:
    """Let Asha be in the guild and on the roster."""
    discord.add_member(GUILD, ASHA, roles=(ROLE,), name="Asha")
    past.member(ASHA, "Asha", silent=30 * HOUR)


@pytest.mark.usefixtures("asha")
def test_a_todo_is_saved_and_posted(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    ran = giftping(*SUBMIT, str(ASHA), *READ)
    assert (ran.exit_code, ran.errors) == (0, "")
    first, *others = ran.output.splitlines()
    assert first.startswith("Saved: the TODO of Asha for ")
    assert others[0] == "Posted in the channel."
    assert others[1].startswith("Streak: ")
    todo = past.read(ASHA).todo
    assert todo is not None
    assert todo.must_do == "Read two pages"
    (message,) = discord.messages(CHANNEL)
    assert "Read two pages" in str(message.embeds)
    assert discord.all_notifications() == []


@pytest.mark.usefixtures("asha")
def test_the_streak_counts_the_days_before(giftping: Run, past: Past) -> None:
    for days in (1, 2, 4):
        at = (now() - days * DAY).timestamp()
        event = {"_id": f"e{days}", "user_id": str(ASHA), "kind": "submission", "at": at, "result": "handed in"}
        past.document("todo_events", event)
    assert giftping(*SUBMIT, str(ASHA), *READ, "--json").json["streak"]["current"] == 3


@pytest.mark.usefixtures("asha")
def test_the_streak_counts_what_was_handed_in_whatever_this_hosts_clock_says(
    giftping: Run, discord: StandInDiscord
) -> None:
    discord.clock.forward(-30 * DAY)
    ran = giftping(*SUBMIT, str(ASHA), *READ, "--json")
    assert ran.json["streak"]["current"] == 1


@pytest.mark.usefixtures("asha")
def test_every_mistake_is_on_a_line_of_its_own_and_nothing_is_saved(giftping: Run, past: Past) -> None:
    before = past.read(ASHA)
    ran = giftping(*SUBMIT, str(ASHA), "--must-do", ".", "--name", "x" * 6001, "--date", "31/02/2026")
    assert (ran.exit_code, ran.output) == (2, "")
    assert [line.split(": ")[1] for line in ran.errors.splitlines()] == ["date", "name", "must_do"]
    assert all(line.startswith("giftping: ") for line in ran.errors.splitlines())
    assert past.read(ASHA) == before


@pytest.mark.usefixtures("asha")
def test_the_same_todo_twice_is_refused(giftping: Run) -> None:
    assert giftping(*SUBMIT, str(ASHA), *READ).exit_code == 0
    ran = giftping(*SUBMIT, str(ASHA), *READ)
    assert ran.exit_code == 2
    assert "handed in already, word for word" in ran.error


@pytest.mark.usefixtures("discord")
def test_who_is_not_on_the_roster_is_told_what_to_do(giftping: Run) -> None:
    ran = giftping(*SUBMIT, str(BEN), *READ)
    assert (ran.exit_code, "todo roster add" in ran.error) == (2, True)


@pytest.mark.usefixtures("asha")
def test_what_cannot_be_posted_is_saved_is_69_and_goes_out_with_the_next_sweep(
    giftping: Run, discord: StandInDiscord, past: Past
) -> None:
    discord.set_permissions(CHANNEL, Permission.NONE)
    ran = giftping(*SUBMIT, str(ASHA), *READ)
    assert ran.exit_code == 69
    assert "Saved" in ran.output
    assert "Posted" not in ran.output
    assert ran.error.startswith("not posted yet (HTTP 403")
    assert past.read(ASHA).last_submit > now() - HOUR  # type: ignore[operator]
    discord.set_permissions(CHANNEL, Permission.POSTING)
    assert giftping("guilds", "test", str(GUILD)).exit_code == 0
    assert giftping("todo", "sweep").output == "posted the TODO of 1 member: Asha\n"
    assert len(discord.messages(CHANNEL)) == 1


@pytest.mark.usefixtures("asha")
def test_what_may_or_may_not_have_arrived_is_not_called_posted(giftping: Run, discord: StandInDiscord) -> None:
    discord.fail(faults.status(500), match=Match(method="POST", channel_id=CHANNEL), times=None, after=True)
    ran = giftping(*SUBMIT, str(ASHA), *READ, "--json")
    assert (ran.exit_code, ran.json["posted"], ran.json["exit_code"]) == (69, False, 69)


@pytest.mark.parametrize("name", ["GUILD_ID", "TODO_CHANNEL_ID", "DISCORD_TOKEN"])
@pytest.mark.usefixtures("asha")
def test_without_a_place_to_post_it_is_saved_and_said_so(
    giftping: Run, past: Past, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)
    ran = giftping(*SUBMIT, str(ASHA), *READ)
    assert ran.exit_code == 69
    assert ran.error.startswith(f"not posted yet: {name} is not set")
    assert past.read(ASHA).last_submit > now() - HOUR  # type: ignore[operator]


def test_the_role_comes_back_with_the_todo(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    since = now() - 6 * DAY
    taken = Lapse(since, now() - 2 * DAY, Removal(RemovalState.DONE, now() - DAY, "host"))
    discord.add_member(GUILD, ASHA, name="Asha")
    past.member(ASHA, "Asha", last_submit=since, lapse=taken)
    assert "The role is back.\n" in giftping(*SUBMIT, str(ASHA), *READ).output
    assert discord.roles_of(GUILD, ASHA) == {ROLE}


def test_a_role_that_cannot_be_given_back_is_told(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    since = now() - 6 * DAY
    taken = Lapse(since, now() - 2 * DAY, Removal(RemovalState.DONE, now() - DAY, "host"))
    discord.add_member(GUILD, ASHA, name="Asha")
    discord.set_bot(GUILD, position=1)
    past.member(ASHA, "Asha", last_submit=since, lapse=taken)
    ran = giftping(*SUBMIT, str(ASHA), *READ)
    assert ran.exit_code == 69
    assert ran.error.startswith("the role is not back yet (HTTP 403")


# For somebody else


@pytest.mark.usefixtures("asha")
def test_the_owner_hands_in_for_a_member_who_is_told(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    ran = giftping(*SUBMIT, "--for", str(ASHA), "--by", str(OWNER), *READ)
    assert "Asha was told by direct message.\n" in ran.output
    assert [notified.kind for notified in discord.notifications(ASHA)] == ["channel", "dm"]
    (event,) = [event for event in past.events(ASHA) if event.result == "handed in"]
    assert event.by == str(OWNER)


@pytest.mark.usefixtures("asha")
def test_nobody_but_the_owner_hands_in_for_others(giftping: Run) -> None:
    ran = giftping(*SUBMIT, "--for", str(ASHA), "--by", str(BEN), *READ)
    assert (ran.exit_code, "only the owner hands in for others" in ran.error) == (2, True)


@pytest.mark.usefixtures("asha")
@pytest.mark.parametrize(
    "words",
    [(), (str(ASHA), "--for", str(BEN)), (str(ASHA), "--by", str(OWNER)), ("--for", str(ASHA)), ("--by", str(OWNER))],
    ids=" ".join,
)
def test_it_has_to_be_said_whose_it_is_and_who_hands_it_in(giftping: Run, words: tuple[str, ...]) -> None:
    ran = giftping(*SUBMIT, *words, *READ)
    assert (ran.exit_code, ran.output) == (2, "")
    assert "--for" in ran.error


# Files


def test_a_file_says_it_all_and_options_go_before_it(
    giftping: Run, home: Path, past: Past, asha: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "todo.json").write_text(json.dumps({"user_id": str(ASHA), "must_do": "Run", "can_do": "Swim"}), "utf-8")
    todo = giftping(*SUBMIT, "--file", "todo.json", "--can-do", "Sleep", "--json").json["todo"]
    assert (todo["must_do"], todo["can_do"]) == ("Run", "Sleep")
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"for": ASHA, "by": OWNER, "dont_do": "Worry much"})))
    told = giftping(*SUBMIT, "--file", "-", "--json").json
    assert (told["user_id"], told["by"], told["todo"]["dont_do"]) == (str(ASHA), str(OWNER), "Worry much")


def test_who_names_a_member_does_not_hand_in_as_the_files_owner(giftping: Run, home: Path, asha: None) -> None:
    (home / "todo.json").write_text(json.dumps({"for": BEN, "by": OWNER, "must_do": "Run far"}), "utf-8")
    told = giftping(*SUBMIT, str(ASHA), "--file", "todo.json", "--json").json
    assert (told["user_id"], told["by"]) == (str(ASHA), str(ASHA))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not one JSON object"),
        ('{"mustdo": "x", "can_do": 3, "user_id": "Asha"}', "did you mean 'must_do'?"),
        ('{"mustdo": "x", "can_do": 3, "user_id": "Asha"}', "can_do: must be a text, not 3"),
        ('{"mustdo": "x", "can_do": 3, "user_id": "Asha"}', "user_id: must be a Discord id"),
        ('{"user_id": true}', "user_id: must be a Discord id"),
    ],
)
def test_mistakes_in_a_file_are_all_told(giftping: Run, home: Path, text: str, said: str) -> None:
    (home / "todo.json").write_text(text, "utf-8")
    ran = giftping(*SUBMIT, "--file", "todo.json")
    assert (ran.exit_code, ran.output) == (2, "")
    assert said in ran.errors


@pytest.mark.parametrize("option", ["--file", "--attach"])
def test_a_file_that_is_not_there_is_named(giftping: Run, option: str) -> None:
    ran = giftping(*SUBMIT, str(ASHA), *READ, option, "missing.png")
    assert (ran.exit_code, ran.error) == (
        2,
        f"giftping: {option}: missing.png cannot be read: No such file or directory",
    )


@pytest.mark.usefixtures("asha")
def test_a_picture_is_posted_under_a_name_that_discord_finds_again(
    giftping: Run, home: Path, discord: StandInDiscord
) -> None:
    (home / "my plan (1).png").write_bytes(b"a picture")
    assert giftping(*SUBMIT, str(ASHA), "--attach", "my plan (1).png").exit_code == 0
    (message,) = discord.messages(CHANNEL)
    assert message.embeds[0]["image"]["url"] == "attachment://my_plan__1_.png"


@pytest.mark.usefixtures("asha")
@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("a.png", ATTACHMENT_SIZE + 1, "at most 8 MiB"),
        ("a.png", 0, "is empty"),
        ("a.exe", 10, "is of a kind that is not taken"),
    ],
)
def test_a_file_that_is_not_taken_is_a_mistake(giftping: Run, home: Path, name: str, size: int, said: str) -> None:
    with (home / name).open("wb") as file:
        file.truncate(size)
    ran = giftping(*SUBMIT, str(ASHA), "--attach", name)
    assert (ran.exit_code, ran.output) == (2, "")
    assert said in ran.error


@pytest.mark.usefixtures("asha")
def test_a_history_that_cannot_be_read_does_not_hide_that_the_todo_is_saved(giftping: Run, past: Past) -> None:
    past.document("todo_events", {"_id": "odd", "user_id": str(ASHA), "kind": "left", "at": "never"})
    ran = giftping(*SUBMIT, str(ASHA), *READ)
    assert (ran.exit_code, "Saved" in ran.output, "Streak" in ran.output) == (69, True, False)
    assert "at is 'never'" in ran.error
