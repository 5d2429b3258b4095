from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from past import ASHA, BEN, CHITRA, DAY, GUILD, HOUR, ROLE, Past, now
from ran import Ran

from giftping.demo.discord import StandInDiscord
from giftping.todo.model import Lapse, Leg, LegState, Membership, Notice, NoticeKind, Pause, Removal, RemovalState, Todo

Run = Callable[..., Ran]

KOLKATA = ZoneInfo("Asia/Kolkata")


def facts(ran: Ran) -> dict[str, str]:
    """The names and values that a command showed side by side."""
    assert (ran.exit_code, ran.errors) == (0, "")
    assert max(map(len, ran.output.splitlines())) <= 80
    joined = re.sub(r"\n {2,}", " ", ran.output)
    return dict(re.findall(r"^(\w+(?: \w+)?) {2,}(.+)$", joined, re.MULTILINE))


def shown(at: datetime) -> str:
    return f"{at.astimezone(KOLKATA):%Y-%m-%d %H:%M} IST"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# status


@pytest.mark.usefixtures("discord")
def test_status_says_how_a_member_stands_and_what_comes_when_and_why(giftping: Run, past: Past) -> None:
    todo = Todo("Asha", "24/11/2026", must_do="x", submitted_by=9)
    past.member(ASHA, "Asha", silent=HOUR, todo=todo, membership=Membership(now(), in_guild=True, has_role=True))
    member = past.read(ASHA)
    assert member.last_submit
    said = facts(giftping("todo", "status", str(ASHA)))
    assert said["Member"] == "Asha (101), days by Asia/Kolkata"
    assert said["Last TODO"] == f"{shown(member.last_submit)}, 1 hour ago, for 24/11/2026, handed in by 9"
    assert said["Streak"].startswith("1 day")
    assert said["Why"] == "silent for 1 h"
    assert said["Next ping"] == f"{shown(member.last_submit + DAY)}, in 1 day"
    earliest = f"goes {shown(member.last_submit + 5 * DAY)}, in 5 days, at the earliest, and only after a warning"
    assert said["Role"] == earliest
    assert said["Pauses"] == "none"


@pytest.mark.usefixtures("discord")
def test_after_a_warning_the_day_on_which_the_role_goes_is_sure(giftping: Run, past: Past) -> None:
    since = now() - 4 * DAY - 12 * HOUR
    past.member(ASHA, "Asha", last_submit=since, last_ping=now() - HOUR, lapse=Lapse(since, warned_at=now() - HOUR))
    assert facts(giftping("todo", "status", str(ASHA)))["Role"].endswith("unless a TODO comes")
    (told,) = giftping("todo", "status", str(ASHA), "--json").json["members"]
    assert instant(told["role_off_at"]) == since + 5 * DAY
    assert instant(told["warned_at"]) < now()


@pytest.mark.usefixtures("discord")
def test_a_role_that_is_to_go_now_goes_with_the_next_sweep(giftping: Run, past: Past) -> None:
    past.warned(ASHA, "Asha")
    said = facts(giftping("todo", "status", str(ASHA)))
    assert (said["Due now"], said["Role"]) == ("role off", "goes with the next sweep")


@pytest.mark.usefixtures("discord")
def test_a_role_that_was_taken_is_said_so(giftping: Run, past: Past) -> None:
    since = now() - 6 * DAY
    taken = Lapse(since, now() - 2 * DAY, Removal(RemovalState.DONE, now() - DAY, "host"))
    past.member(ASHA, "Asha", last_submit=since, lapse=taken)
    said = facts(giftping("todo", "status", str(ASHA)))
    assert said["Role"].endswith("a TODO brings it back")
    assert said["Next ping"] == "none comes by itself"


@pytest.mark.usefixtures("discord")
def test_a_gap_since_the_last_sweep_counts_as_downtime_for_the_role_and_not_for_reminders(
    giftping: Run, past: Past
) -> None:
    past.member(ASHA, "Asha", silent=2 * DAY)
    past.swept(timedelta(minutes=15))
    (before,) = giftping("todo", "status", "--json").json["members"]
    past.swept(DAY)
    (after,) = giftping("todo", "status", "--json").json["members"]
    later = instant(after["role_off_at"]) - instant(before["role_off_at"])
    assert abs(later - DAY) < timedelta(minutes=1)
    assert before["due"]["action"] == after["due"]["action"] == "remind"


@pytest.mark.usefixtures("discord")
def test_the_role_goes_a_whole_notice_after_the_warning_that_quiet_hours_put_off(
    giftping: Run, past: Past, home: Path
) -> None:
    here = datetime.now(KOLKATA)
    quiet = f'\n[todo]\nquiet_hours = "{here - HOUR:%H:%M}-{here + 3 * HOUR:%H:%M}"\n'
    (home / "giftping.toml").write_text((home / "giftping.toml").read_text("utf-8") + quiet, "utf-8")
    past.member(ASHA, "Asha", silent=6 * DAY)
    (told,) = giftping("todo", "status", str(ASHA), "--json").json["members"]
    assert told["due"]["until"] == told["next_ping"]
    assert instant(told["role_off_at"]) == instant(told["next_ping"]) + 12 * HOUR


def test_the_next_ping_is_not_in_quiet_hours_or_in_a_pause(
    giftping: Run, past: Past, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon = datetime.now(KOLKATA).replace(hour=12, minute=0, second=0, microsecond=0)
    quiet = '\n[todo]\nquiet_hours = "11:00-14:30"\n'
    (home / "giftping.toml").write_text((home / "giftping.toml").read_text("utf-8") + quiet, "utf-8")
    past.member(ASHA, "Asha", last_submit=noon + DAY)
    (told,) = giftping("todo", "status", str(ASHA), "--json").json["members"]
    assert instant(told["next_ping"]) == (noon + 2 * DAY).replace(hour=14, minute=30)
    assert told["due"]["until"] == told["next_ping"], "there is one next reminder"
    past.member(ASHA, "Asha", last_submit=now() - 2 * DAY, pauses=(Pause("p", now() - DAY, noon + 3 * DAY),))
    (told,) = giftping("todo", "status", str(ASHA), "--json").json["members"]
    assert instant(told["next_ping"]) == (noon + 3 * DAY).replace(hour=14, minute=30)
    assert told["due"]["why"] == "paused"


@pytest.mark.usefixtures("discord")
def test_closed_messages_pauses_and_what_is_under_way_are_shown(giftping: Run, past: Past) -> None:
    leg = Leg(LegState.OPEN, reason="HTTP 403")
    holidays = Pause("new", now() + DAY, None, "holidays")
    past.member(
        ASHA,
        "Asha",
        silent=HOUR,
        dms_closed_at=now(),
        pauses=(Pause("old", now() - 9 * DAY, now() - 8 * DAY), holidays),
        notices=(Notice("n", NoticeKind.SUBMISSION, now(), channel=leg, dm=Leg(LegState.CLOSED)),),
    )
    said = facts(giftping("todo", "status", str(ASHA)))
    assert said["Messages"].startswith("direct ones refused since")
    assert said["Pauses"] == f"from {shown(holidays.start)} until it is ended: holidays"
    assert said["Under way"] == "submission: channel open (HTTP 403), direct message closed"


@pytest.mark.usefixtures("home")
def test_everybody_is_shown_with_those_first_for_whom_something_is_due(giftping: Run, past: Past) -> None:
    past.member(ASHA, "Asha", silent=2 * HOUR)
    past.member(BEN, "Ben", silent=30 * HOUR)
    past.member(CHITRA, "Chitra", exempt=True)
    ran = giftping("todo", "status")
    assert [line.split()[0] for line in ran.output.splitlines()[3:]] == ["Ben", "Asha", "Chitra"]
    assert "reminder now" in ran.output


@pytest.mark.usefixtures("home")
def test_somebody_of_whom_nothing_is_known_is_2_and_one_who_was_removed_is_shown(giftping: Run, past: Past) -> None:
    ran = giftping("todo", "status", "999")
    assert (ran.exit_code, "giftping todo roster add 999" in ran.error) == (2, True)
    past.member(ASHA, "Asha", silent=HOUR)
    giftping("todo", "roster", "remove", str(ASHA), "--yes")
    said = facts(giftping("todo", "status", str(ASHA)))
    assert (said["Roster"], said["Why"]) == ("not on it", "not on the roster")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("words", [("status",), ("list",), ("roster", "list")], ids=" ".join)
def test_what_only_looks_writes_nothing_and_tells_of_documents_that_it_cannot_read(
    giftping: Run, past: Past, home: Path, words: tuple[str, ...]
) -> None:
    past.member(ASHA, "Asha", silent=HOUR)
    past.document("active_members", {"_id": "102", "added": "long ago"})
    before = {path: path.read_bytes() for path in (home / "state").iterdir()}
    ran = giftping("todo", *words)
    assert (ran.exit_code, "Asha" in ran.output) == (69, True)
    assert ran.error.startswith("member 102: active_members: added is 'long ago'")
    assert {path: path.read_bytes() for path in (home / "state").iterdir()} == before


# list


@pytest.mark.usefixtures("home")
def test_the_list_says_who_has_handed_in_today(giftping: Run, past: Past) -> None:
    past.member(ASHA, "Asha", last_submit=now())
    past.member(BEN, "Ben", silent=2 * DAY)
    past.member(CHITRA, "Chitra", silent=2 * DAY, pauses=(Pause("p", now() - DAY),))
    ran = giftping("todo", "list")
    assert ran.output.splitlines()[0] == "1 of 3 members handed in today"
    told = giftping("todo", "list", "--json").json
    assert [(one["name"], one["standing"]) for one in told["members"]] == [
        ("Ben", "not yet"),
        ("Asha", "handed in"),
        ("Chitra", "paused"),
    ]
    assert (told["handed_in"], told["missing"]) == (1, 1)


# history


@pytest.mark.usefixtures("discord")
def test_the_history_is_told_in_words_the_newest_last(giftping: Run, past: Past, discord: StandInDiscord) -> None:
    discord.add_member(GUILD, ASHA, roles=(ROLE,), name="Asha")
    giftping("todo", "roster", "add", str(ASHA))
    past.warned(ASHA, "Asha")
    giftping("todo", "sweep")
    giftping("todo", "submit", "--for", str(ASHA), "--by", "9", "--must-do", "Read")
    lines = [line.split("  ", 1)[1] for line in giftping("todo", "history", str(ASHA)).output.splitlines()]
    assert lines[0] == "added to the roster"
    assert "role taken" in lines
    assert "news of the loss, channel: delivered" in lines
    assert any(re.fullmatch(r"TODO handed in for \d{4}-\d\d-\d\d by 9", line) for line in lines)
    assert lines.index("role taken") < lines.index("role given back")


@pytest.mark.usefixtures("home")
def test_a_long_history_is_cut_and_says_how_to_see_all(giftping: Run, past: Past) -> None:
    for number in range(5):
        at = (now() - number * DAY).timestamp()
        past.document("todo_events", {"_id": f"e{number}", "user_id": str(ASHA), "kind": "reminder", "at": at})
    lines = giftping("todo", "history", str(ASHA), "--limit", "2").output.splitlines()
    assert (len(lines), lines[0]) == (3, "… 3 earlier: --limit 5 shows all")
    told = giftping("todo", "history", str(ASHA), "--limit", "2", "--json").json
    assert (told["total"], len(told["events"])) == (5, 2)
    assert told["events"][0]["at"] < told["events"][1]["at"]


@pytest.mark.usefixtures("home")
def test_an_entry_that_cannot_be_read_is_69_and_named(giftping: Run, past: Past) -> None:
    past.document("todo_events", {"_id": "odd", "user_id": str(ASHA), "kind": "left", "at": "never"})
    ran = giftping("todo", "history", str(ASHA))
    assert (ran.exit_code, ran.output) == (69, ""), "an error is never read as none"
    assert "at is 'never'" in ran.error


@pytest.mark.usefixtures("home")
def test_of_somebody_unknown_nothing_is_recorded(giftping: Run) -> None:
    assert giftping("todo", "history", "999") == Ran(0, "Nothing is recorded of 999.\n", "")


# pause


@pytest.fixture
def berlin(home: Path, past: Past) -> None:
    """Put Asha, whose days are those of Berlin, on the roster."""
    past.member(ASHA, "Asha", silent=HOUR, time_zone="Europe/Berlin")


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize("days", [("2099-12-24", "2099-12-31"), ("24/12/2099", "31/12/2099")], ids=["ISO", "day first"])
def test_a_pause_is_in_the_members_own_days_the_last_one_included(
    giftping: Run, past: Past, days: tuple[str, str]
) -> None:
    ran = giftping("todo", "pause", str(ASHA), "--from", days[0], "--to", days[1], "--reason", "holidays")
    assert (ran.exit_code, ran.errors) == (0, "")
    (pause,) = past.read(ASHA).pauses
    berlin = ZoneInfo("Europe/Berlin")
    assert (pause.start, pause.end) == (datetime(2099, 12, 24, tzinfo=berlin), datetime(2100, 1, 1, tzinfo=berlin))
    assert pause.reason == "holidays"
    (event,) = past.events(ASHA)
    assert (event.kind, event.reason, "2099-12-24" in event.result) == ("paused", "holidays", True)


@pytest.mark.usefixtures("berlin")
def test_a_pause_begins_now_and_goes_on_unless_days_are_named(giftping: Run, past: Past) -> None:
    giftping("todo", "pause", str(ASHA))
    (pause,) = past.read(ASHA).pauses
    assert (now() - pause.start < timedelta(minutes=1), pause.end) == (True, None)
    assert giftping("todo", "status", str(ASHA), "--json").json["members"][0]["due"]["why"] == "paused"


@pytest.mark.usefixtures("berlin")
def test_the_end_of_a_pause_ends_the_present_one_and_drops_later_ones(giftping: Run, past: Past) -> None:
    over = Pause("over", now() - 9 * DAY, now() - 8 * DAY)
    present, later = Pause("present", now() - DAY, now() + DAY), Pause("later", now() + 5 * DAY, now() + 6 * DAY)
    past.member(ASHA, "Asha", pauses=(over, present, later))
    assert giftping("todo", "pause", str(ASHA), "--end").exit_code == 0
    kept = past.read(ASHA).pauses
    assert [pause.id for pause in kept] == ["over", "present"]
    assert kept[1].end is not None
    assert now() - kept[1].end < timedelta(minutes=1)
    assert [event.kind for event in past.events(ASHA)] == ["unpaused"]
    ran = giftping("todo", "pause", str(ASHA), "--end")
    assert (ran.exit_code, "is not paused" in ran.error) == (2, True)


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "2099-12-31", "--to", "2099-12-24"), "over before the pause begins"),
        (("--to", "2020-01-01"), "over before the pause begins"),
        (("--from", "24.12.2099"), "is not a day such as"),
        (("--from", "2099-02-30"), "is not a day such as"),
        (("--to", "9999-12-31"), "too far away"),
        (("--end", "--to", "2099-12-24"), "goes with no other option"),
        (("--from", "2099-06-30", "--to", "2099-07-02"), "is paused already"),
        (("--from", "2099-06-01", "--to", "2099-08-01"), "is paused already"),
        ((), "is paused already"),
    ],
)
def test_a_pause_that_cannot_be_is_2_and_changes_nothing(
    giftping: Run, past: Past, words: tuple[str, ...], said: str
) -> None:
    giftping("todo", "pause", str(ASHA), "--from", "2099-07-01", "--to", "2099-07-31")
    before = past.read(ASHA)
    ran = giftping("todo", "pause", str(ASHA), *words)
    assert (ran.exit_code, ran.output) == (2, "")
    assert said in ran.error
    assert past.read(ASHA) == before


@pytest.mark.usefixtures("berlin")
def test_a_pause_may_begin_where_another_ends(giftping: Run, past: Past) -> None:
    giftping("todo", "pause", str(ASHA), "--from", "2099-07-01", "--to", "2099-07-31")
    assert giftping("todo", "pause", str(ASHA), "--from", "2099-08-01", "--to", "2099-08-02").exit_code == 0
    assert giftping("todo", "pause", str(ASHA), "--from", "2099-06-01", "--to", "2099-06-30").exit_code == 0
    assert [pause.start.month for pause in past.read(ASHA).pauses] == [5, 6, 7]  # Midnight in Berlin is 22:00 UTC.


@pytest.mark.usefixtures("home")
def test_only_members_can_be_paused(giftping: Run) -> None:
    ran = giftping("todo", "pause", "999")
    assert (ran.exit_code, "is not on the roster" in ran.error) == (2, True)


def test_a_pause_makes_no_timestamps_for_who_has_never_handed_in(giftping: Run, past: Past) -> None:
    """An older bot would read a document without a last TODO as a silence since 1970."""
    past.member(ASHA, "Asha")
    giftping("todo", "pause", str(ASHA))
    giftping("todo", "pause", str(ASHA), "--end")
    giftping("todo", "roster", "add", str(ASHA), "--name", "Asha K")
    assert past.read(ASHA).timestamps_document is None


# roster


def test_a_new_member_has_the_name_that_the_guild_sees_and_a_clock_that_starts_now(
    giftping: Run, discord: StandInDiscord, past: Past
) -> None:
    discord.add_member(GUILD, ASHA, roles=(ROLE,), name="Asha")
    ran = giftping("todo", "roster", "add", str(ASHA))
    assert ran.output.splitlines()[0] == "Asha (101) is on the roster."
    member = past.read(ASHA)
    assert (member.name, member.on_roster) == ("Asha", True)
    assert member.added is not None
    assert now() - member.added < timedelta(minutes=1)
    assert [event.kind for event in past.events(ASHA)] == ["added"]
    assert all(request.method == "GET" for request in discord.requests)


def test_a_bot_is_refused(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    discord.add_member(GUILD, BEN, is_bot=True, name="robot")
    ran = giftping("todo", "roster", "add", str(BEN))
    assert (ran.exit_code, "is a bot" in ran.error) == (2, True)
    assert not past.read(BEN).on_roster


@pytest.mark.usefixtures("discord")
def test_who_is_not_in_the_guild_is_taken_with_a_warning(giftping: Run, past: Past) -> None:
    ran = giftping("todo", "roster", "add", str(ASHA), "--name", "Asha", "--json")
    assert (ran.exit_code, ran.json["added"]) == (0, True)
    assert ran.json["warning"] in ran.error
    assert "is not in the guild" in ran.error
    assert past.read(ASHA).on_roster


@pytest.mark.usefixtures("home")
def test_without_discord_a_member_is_added_all_the_same(giftping: Run, past: Past) -> None:
    assert giftping("todo", "roster", "add", str(ASHA)).output.startswith("101 is on the roster.\n")
    assert past.read(ASHA).name == ""


@pytest.mark.usefixtures("home")
def test_what_is_not_said_of_a_member_stays(giftping: Run, past: Past) -> None:
    past.member(ASHA, "Asha", silent=HOUR, time_zone="Europe/Berlin")
    added = past.read(ASHA).added
    ran = giftping("todo", "roster", "add", str(ASHA), "--exempt")
    assert ran.output == "Asha (101): exempt.\n"
    member = past.read(ASHA)
    assert (member.name, member.time_zone, member.exempt, member.added) == ("Asha", "Europe/Berlin", True, added)
    assert giftping("todo", "roster", "add", str(ASHA), "--no-exempt").output == "Asha (101): not exempt.\n"
    assert [event.kind for event in past.events(ASHA)] == ["changed", "changed"]
    assert giftping("todo", "roster", "add", str(ASHA)).output == "Asha (101) is on the roster already, just so.\n"
    assert len(past.events(ASHA)) == 2


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "said"), [(("--time-zone", "Europe/Berln"), "did you mean 'Europe/Berlin'?"), (("--name", " "), "--name")]
)
def test_a_zone_or_a_name_that_is_none_is_2(giftping: Run, past: Past, words: tuple[str, ...], said: str) -> None:
    ran = giftping("todo", "roster", "add", str(ASHA), *words)
    assert (ran.exit_code, said in ran.error) == (2, True)
    assert not past.read(ASHA).on_roster


@pytest.mark.usefixtures("home")
def test_who_is_removed_keeps_the_past_and_begins_anew_when_added_again(giftping: Run, past: Past) -> None:
    past.member(ASHA, "Asha", silent=4 * DAY)
    last = past.read(ASHA).last_submit
    assert giftping("todo", "roster", "remove", str(ASHA)).exit_code == 2
    assert past.read(ASHA).on_roster
    ran = giftping("todo", "roster", "remove", str(ASHA), "--yes")
    assert "the history stay" in ran.output
    assert (past.read(ASHA).on_roster, past.read(ASHA).last_submit) == (False, last)
    again = giftping("todo", "roster", "remove", str(ASHA), "--yes")
    assert (again.exit_code, "is not on the roster" in again.error) == (2, True)
    giftping("todo", "roster", "add", str(ASHA))
    (told,) = giftping("todo", "status", str(ASHA), "--json").json["members"]
    assert (told["due"]["action"], told["due"]["why"]) == ("nothing", "nothing handed in for 0 min")
    assert [event.kind for event in past.events(ASHA)] == ["removed", "added"]


@pytest.mark.usefixtures("home")
def test_what_staff_has_set_of_a_member_is_said_when_it_is_forgotten(giftping: Run, past: Past) -> None:
    past.member(ASHA, "Asha", exempt=True, time_zone="Europe/Berlin", pauses=(Pause("p", now(), now() + DAY),))
    ran = giftping("todo", "roster", "remove", str(ASHA), "--yes")
    forgotten = "exempt, time zone Europe/Berlin, 1 pause"
    assert f"Forgotten with that: {forgotten}." in ran.output
    assert [event.result for event in past.events(ASHA)] == [f"forgotten: {forgotten}"]
    giftping("todo", "roster", "add", str(ASHA))
    assert "Forgotten" not in giftping("todo", "roster", "remove", str(ASHA), "--yes").output


def test_how_members_stand_goes_by_discords_time_where_this_hosts_clock_is_off(
    giftping: Run, past: Past, discord: StandInDiscord
) -> None:
    past.member(ASHA, "Asha", silent=24 * HOUR - 5 * timedelta(minutes=1))
    discord.clock.forward(timedelta(minutes=8))
    (told,) = giftping("todo", "status", str(ASHA), "--json").json["members"]
    assert told["due"]["action"] == "remind"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("answer", [True, False])
def test_at_a_terminal_the_user_is_asked_before_a_member_is_removed(
    giftping: Run, past: Past, answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.member(ASHA, "Asha", silent=HOUR)
    asked: list[str] = []
    monkeypatch.setattr("giftping.cli._confirm", lambda question: asked.append(question) or answer)
    assert giftping("todo", "roster", "remove", str(ASHA)).exit_code == (0 if answer else 2)
    assert asked == ["Take Asha off the roster? No more reminders then."]
    assert past.read(ASHA).on_roster is not answer


@pytest.mark.usefixtures("home")
def test_the_roster_shows_what_is_particular_about_a_member(giftping: Run, past: Past) -> None:
    past.member(ASHA, "Asha", exempt=True, time_zone="Europe/Berlin", dms_closed_at=now())
    past.member(BEN, "", left_at=now(), pauses=(Pause("p", now()),))
    ran = giftping("todo", "roster", "list")
    for said in ("exempt", "Europe/Berlin", "takes no direct messages", "left the guild", "paused from"):
        assert said in ran.output
    assert max(map(len, ran.output.splitlines())) <= 80
