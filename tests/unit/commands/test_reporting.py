"""Whom the jobs tell what: standard error, journald, JSON logs, the monitor, the operator."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from past import ASHA, CHANNEL, GUILD, HOUR, ROLE, Past, now
from ran import Ran, printed_commands

from giftping.codes.fetch import Body, Failed, Fetched
from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.world import Permission
from giftping.runs.lock import RunLock
from giftping.runs.state_folder import SOURCES, SWEEP_LOCK, TOLD
from giftping.store.errors import StoreError
from giftping.wiring import Wiring

Run = Callable[..., Ran]

SWEEP, CHECK = ("todo", "sweep"), ("codes", "check")
MENDED = ("guilds", "test", str(GUILD))
OPERATOR_CHANNEL, WEBHOOK, TOKEN = 77, 78, "operator-webhook-token"
URL = "https://hc.example/ping/secret-0000"


@dataclass
class Monitor:
    """What a monitor was told, and what it answers."""

    pings: list[tuple[str, str]] = field(default_factory=list)
    why: str = ""

    def ping(self, url: str, summary: str = "", *, kind: str = "") -> str:
        assert url == URL
        self.pings.append((kind, summary))
        return self.why


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Monitor:
    monitor = Monitor()
    monkeypatch.setattr("giftping.runs.heartbeat.ping", monitor.ping)
    monkeypatch.setenv("BEAT", URL)
    return monitor


@pytest.fixture
def operator(discord: StandInDiscord, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The texts in the operator's channel."""
    discord.add_channel(OPERATOR_CHANNEL, GUILD)
    discord.add_webhook(WEBHOOK, TOKEN, OPERATOR_CHANNEL)
    monkeypatch.setenv("TELL_ME", discord.webhook_url(WEBHOOK))
    return lambda: [message.content for message in discord.messages(OPERATOR_CHANNEL)]


def configure(home: Path, *tables: str) -> None:
    file = home / "giftping.toml"
    file.write_text("\n".join([file.read_text("utf-8"), *tables]), "utf-8")


def overdue(discord: StandInDiscord, past: Past, *, refused: bool) -> None:
    """Let a member be overdue, in a channel that takes messages or does not; direct messages it does not take."""
    discord.add_member(GUILD, ASHA, roles=(ROLE,), name="Asha")
    discord.close_dms(ASHA)
    past.member(ASHA, "Asha", silent=30 * HOUR)
    if refused:
        discord.set_permissions(CHANNEL, Permission.NONE)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, home: Path) -> list[Fetched]:
    """The answers of the source, the last of them for ever."""
    configure(home)
    text = (home / "giftping.toml").read_text("utf-8").replace("rows =", 'min_interval = "0s"\nrows =')
    (home / "giftping.toml").write_text(text, "utf-8")
    answers: list[Fetched] = [Failed("timed out after 15 s")]
    monkeypatch.setattr(
        "giftping.codes.fetch.Fetcher.fetch", lambda *_: answers.pop(0) if len(answers) > 1 else answers[0]
    )
    from fakes.records import subscription

    from giftping.store.records import Store
    from giftping.store.tiny.engine import TinyEngine

    with Store(TinyEngine(home / "state")) as store:
        store.put_subscriptions(subscription(1))
    return answers


# Once, again after a day, and when it is over


def test_a_source_is_told_once_again_after_a_day_and_when_it_answers(giftping: Run, answers: list[Fetched]) -> None:
    line = "source my-list: timed out after 15 s\n"
    assert giftping(*CHECK, "-q").errors == line
    assert giftping(*CHECK, "-q") == Ran(69, "", "")
    with time_machine.travel(now() + timedelta(hours=25)):
        assert giftping(*CHECK, "-q").errors.startswith(f"{line.strip()} (since 2")
        assert giftping(*CHECK, "-q").errors == ""
    answers[:] = [Body(b"GIFT2026", "text/plain", "", "", "hash")]
    with time_machine.travel(now() + timedelta(hours=40)):
        assert giftping(*CHECK, "-q") == Ran(0, "", "source my-list: answers again\n")
        assert giftping(*CHECK, "-q") == Ran(0, "", "")


def test_a_list_that_is_unusual_is_told_once_and_when_it_is_as_usual_again(
    giftping: Run, answers: list[Fetched], home: Path
) -> None:
    def body(text: str) -> list[Fetched]:
        return [Body(text.encode(), "text/plain", "", "", text)]

    codes = "\n".join(f"GIFT20{number}" for number in range(20, 29))
    concern = "source my-list lists no code any more; it usually listed 9 codes; see: giftping sources list\n"
    start = now()
    for day, text in enumerate([codes] * 6 + [""] * 6):
        answers[:] = body(text)
        # A little later each day, so that a whole day is over since.
        with time_machine.travel(start + timedelta(days=day, minutes=day)):
            first, second = giftping(*CHECK, "-q"), giftping(*CHECK, "-q")
        # Empty since the sixth day: that may be honest, and is looked at on the next.
        assert first == Ran(0, "", concern if day == 7 else ""), day
        assert second == Ran(0, "", ""), day
    with time_machine.travel(start + timedelta(days=12, minutes=12)):
        (listed,) = giftping("sources", "list", "--json").json["sources"]
        assert (listed["concern"] in concern, listed["count"], listed["usual_count"]) == (True, 0, 9)
        # What the store knows of it does not go with this host's memory.
        (home / "state" / SOURCES).rename(home / "sources.json")
        (kept,) = giftping("sources", "list", "--json").json["sources"]
        assert [kept[key] for key in ("count", "usual_count")] == [0, 9]
        # The last run was an idle one, and did not look into the store.
        assert kept["days"][:-1] == listed["days"][:-1]
        (home / "sources.json").rename(home / "state" / SOURCES)
        answers[:] = body(codes)
        assert giftping(*CHECK, "-q") == Ran(0, "", "source my-list: its list is as usual again\n")
        assert giftping(*CHECK, "-q") == Ran(0, "", "")


def test_what_is_held_is_told_once_with_one_command_and_so_is_its_end(
    giftping: Run, answers: list[Fetched], operator: Callable[[], list[str]], home: Path
) -> None:
    configure(home, '[operator]\nwebhook = "env:TELL_ME"')
    old = [f"SPRING{number:02}" for number in range(40)]
    new = [f"WINTER{number:02}" for number in range(9)]
    answers[:] = [Body("\n".join(old).encode(), "text/plain", "", "", "first")]
    giftping(*CHECK, "-q")
    answers[:] = [Body("\n".join([*old, *new]).encode(), "text/plain", "", "", "second")]
    first = giftping(*CHECK, "-q")
    assert first.exit_code == 69
    assert first.errors.startswith("source my-list: 9 codes of whiteout-survival held until 20")
    said = "(9 new codes at once in a list of 49): WINTER00, WINTER01, WINTER02, WINTER03, WINTER04 …;"
    rulings = [["codes", ruling, "--source", "my-list"] for ruling in ("approve", "reject")]
    assert said in first.errors
    assert printed_commands(first.errors) == rulings
    assert printed_commands("\n".join(operator())) == rulings
    assert giftping(*CHECK, "-q") == Ran(0, "", "")
    with time_machine.travel(now() + timedelta(minutes=29)):
        assert giftping(*CHECK, "-q") == Ran(0, "", "")
    with time_machine.travel(now() + timedelta(minutes=31)):
        over = giftping(*CHECK, "-q").errors.splitlines()
    line = "source my-list: 9 codes held so far may go out: WINTER00, WINTER01, WINTER02, WINTER03, WINTER04 …"
    assert line in over
    texts = operator()
    assert [sum(part in text for text in texts) for part in (said, line)] == [1, 1]


def test_what_waits_for_a_person_is_told_once_a_day_until_somebody_says_so(
    giftping: Run, answers: list[Fetched]
) -> None:
    answers[:] = [Body(b"SPRING26", "text/plain", "", "", "first")]
    giftping(*CHECK, "-q")
    junk = "\n".join(f"WINTER{number:02}" for number in range(30)).encode()
    answers[:] = [Body(junk, "text/plain", "", "", "second")]
    assert "held until you say so" in giftping(*CHECK, "-q").errors
    assert giftping(*CHECK, "-q") == Ran(0, "", "")
    with time_machine.travel(now() + timedelta(hours=25)):
        assert "held until you say so" in giftping(*CHECK, "-q").errors
        assert giftping("codes", "reject", "--source", "my-list").exit_code == 0
        assert giftping(*CHECK, "-q") == Ran(0, "", "")
    with time_machine.travel(now() + timedelta(hours=60)):
        assert giftping(*CHECK, "-q") == Ran(0, "", "")


def test_a_look_at_a_part_and_a_dry_run_take_nothing_away_from_the_next_run(
    giftping: Run, answers: list[Fetched], home: Path
) -> None:
    for arguments in (("--dry-run",), ("--game", "whiteout-survival")):
        assert "timed out" in giftping(*CHECK, *arguments).errors
    assert not (home / "state" / TOLD).exists()


@pytest.mark.parametrize("content", [b"[", b"5", b'{"todo": {"a": 5}}', b"\xff", b"[" * 100_000])
def test_a_damaged_memory_only_means_that_trouble_is_told_once_more(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path, content: bytes
) -> None:
    overdue(discord, past, refused=True)
    first = giftping(*SWEEP)
    (home / "state" / TOLD).write_bytes(content)
    # The store knows that a sweep has told it; by that alone nobody is left in the dark.
    assert giftping(*SWEEP) == first
    # It waits for a person: it counts in the sweeps that tell of it.
    assert giftping(*SWEEP) == Ran(0, "", "")


def test_a_sweep_tells_that_all_is_well_again(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    overdue(discord, past, refused=True)
    assert "refused" in giftping(*SWEEP, "-q").errors
    assert giftping(*SWEEP, "-q").errors == ""
    discord.set_permissions(CHANNEL, Permission.POSTING)
    assert giftping(*MENDED).exit_code == 0
    assert giftping(*SWEEP, "-q") == Ran(0, "", "all is well again: what was refused before goes out\n")
    assert giftping(*SWEEP, "-q").errors == ""


# Logs


def test_under_systemd_trouble_has_a_priority_and_elsewhere_none(
    giftping: Run, answers: list[Fetched], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("giftping.output.log.goes_to_journal", lambda named, _: named == "8:1234")
    monkeypatch.setenv("JOURNAL_STREAM", "8:1234")
    assert giftping(*CHECK).errors == "<3>source my-list: timed out after 15 s\n"
    assert giftping("codes", "check", "--game", "no-game").errors.startswith("<3>giftping: there is no game")


def test_a_log_in_json_is_one_object_a_line(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    overdue(discord, past, refused=False)
    ran = giftping(*SWEEP, "--log-json", "-q")
    (line, closed) = map(json.loads, ran.errors.splitlines())
    assert (closed["leg"], closed["outcome"]) == ("dm", "closed")
    assert {name: line[name] for name in ("level", "job", "member", "kind", "leg", "outcome")} == {
        "level": "info",
        "job": "todo sweep",
        "member": str(ASHA),
        "kind": "reminder",
        "leg": "channel",
        "outcome": "done",
    }
    assert len(line["run"]) == 8
    assert "T" in line["ts"]
    assert giftping(*SWEEP, "--log-json", "-q").errors == "", "nothing happened"


def test_trouble_in_json_says_what_it_is_about(giftping: Run, answers: list[Fetched]) -> None:
    (line,) = map(json.loads, giftping(*CHECK, "--log-json").errors.splitlines())
    said = {name: line[name] for name in ("level", "job", "source", "outcome", "reason", "message")}
    assert said == {
        "level": "error",
        "job": "codes check",
        "source": "my-list",
        "outcome": "failed",
        "reason": "timed out after 15 s",
        "message": "source my-list: timed out after 15 s",
    }
    assert giftping(*CHECK, "--log-json").errors == ""
    lines = list(map(json.loads, giftping(*CHECK, "--log-json", "-v").errors.splitlines()))
    assert len(lines) > 1
    assert len({line["run"] for line in lines}) == 1


def test_an_error_that_ends_the_run_is_json_as_well(giftping: Run) -> None:
    (line,) = map(json.loads, giftping(*CHECK, "--log-json", "--game", "no-game").errors.splitlines())
    assert line["message"].startswith("giftping: there is no game 'no-game'")


def test_verbose_names_the_run_the_member_and_the_outcome(giftping: Run, discord: StandInDiscord, past: Past) -> None:
    overdue(discord, past, refused=False)
    (line, *_) = giftping(*SWEEP, "-v").errors.splitlines()
    assert f" member={ASHA} kind=reminder leg=channel outcome=done message_id=" in line


# Heartbeat


def test_the_monitor_is_told_of_a_run_that_went_well_and_of_one_that_did_not(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path, monitor: Monitor
) -> None:
    configure(home, '[heartbeat]\ntodo = "env:BEAT"')
    assert giftping(*SWEEP).exit_code == 0
    overdue(discord, past, refused=True)
    giftping(*SWEEP)
    (well, ill) = monitor.pings
    assert (well[0], ill[0]) == ("", "fail")
    assert well[1].startswith("giftping todo sweep: exit code 0\n")
    assert "refused (HTTP 403" in ill[1]


def test_only_a_whole_run_of_the_job_counts(
    giftping: Run, answers: list[Fetched], discord: StandInDiscord, home: Path, monitor: Monitor
) -> None:
    configure(home, '[heartbeat]\ncodes = "env:BEAT"')
    for arguments in ((*CHECK, "--dry-run"), (*CHECK, "--guild", "1"), SWEEP, ("codes", "list")):
        giftping(*arguments)
    with RunLock(home / "state" / "check.lock"):
        assert giftping(*CHECK).exit_code == 75
    assert monitor.pings == []
    giftping(*CHECK)
    assert len(monitor.pings) == 1


def test_a_run_that_breaks_off_is_a_failure_for_the_monitor_and_news_for_the_operator(
    giftping: Run, home: Path, monitor: Monitor, operator: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise StoreError("giftping.json is damaged")

    configure(home, '[heartbeat]\ntodo = "env:BEAT"\n[operator]\nwebhook = "env:TELL_ME"')
    monkeypatch.setattr(Wiring, "open_store", fail)
    (home / "state").mkdir()
    for _ in range(2):
        assert giftping(*SWEEP).exit_code == 69
    assert [kind for kind, _ in monitor.pings] == ["fail", "fail"]
    (told,) = operator()
    assert "giftping.json is damaged" in told


def test_a_start_is_told_where_that_is_wanted(
    giftping: Run, discord: StandInDiscord, home: Path, monitor: Monitor
) -> None:
    configure(home, '[heartbeat]\ntodo = "env:BEAT"\nstart = true')
    giftping(*SWEEP)
    assert [kind for kind, _ in monitor.pings] == ["start", ""]


def test_a_monitor_that_is_away_fails_no_run_and_is_told_once(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path, monitor: Monitor
) -> None:
    past.swept(HOUR)
    configure(home, '[heartbeat]\ntodo = "env:BEAT"')
    monitor.why = "timed out"
    assert giftping(*SWEEP) == Ran(0, "", "the heartbeat did not reach its monitor: timed out\n")
    assert giftping(*SWEEP) == Ran(0, "", "")
    overdue(discord, past, refused=False)
    assert giftping(*SWEEP).errors == "", "the member is told, which is not what had failed"
    monitor.why = ""
    assert giftping(*SWEEP) == Ran(0, "", "the heartbeat reaches its monitor again\n")
    assert giftping(*SWEEP) == Ran(0, "", "")
    monitor.why = "HTTP 500"
    assert "HTTP 500" in giftping(*SWEEP).errors


def test_a_secret_that_is_not_there_is_a_warning_and_no_end(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path
) -> None:
    past.swept(HOUR)
    configure(home, '[heartbeat]\ntodo = "env:NO_BEAT"')
    ran = giftping(*SWEEP)
    assert ran.exit_code == 0
    assert "NO_BEAT is not set" in ran.error


def test_the_address_itself_is_refused_in_the_settings_and_not_shown(giftping: Run, home: Path) -> None:
    configure(home, f'[heartbeat]\ncodes = "{URL}"')
    ran = giftping("config", "check")
    assert ran.exit_code == 78
    assert "must be env:NAME or file:PATH" in ran.error
    assert "secret-0000" not in ran.errors


# Operator


def test_the_operator_gets_one_message_of_what_is_news(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path, operator: Callable[[], list[str]]
) -> None:
    configure(home, '[operator]\nwebhook = "env:TELL_ME"')
    overdue(discord, past, refused=True)
    assert giftping(*SWEEP, "--dry-run").exit_code in (0, 69)
    assert operator() == []
    giftping(*SWEEP)
    giftping(*SWEEP)
    (told,) = operator()
    assert told.startswith("**giftping todo sweep on ")
    assert f"\n- member {ASHA} (Asha): reminder, channel: refused (HTTP 403" in told
    discord.set_permissions(CHANNEL, Permission.POSTING)
    giftping(*MENDED)
    giftping(*SWEEP)
    assert "all is well again" in operator()[1]


def test_an_operators_webhook_that_refuses_fails_no_run_and_shows_no_token(
    giftping: Run, discord: StandInDiscord, past: Past, home: Path, operator: Callable[[], list[str]]
) -> None:
    configure(home, '[operator]\nwebhook = "env:TELL_ME"')
    overdue(discord, past, refused=True)
    discord.fail(faults.status(404, 10015, "Unknown Webhook"), match=Match(webhook_id=WEBHOOK), times=None)
    ran = giftping(*SWEEP)
    assert ran.exit_code == 69
    assert "the operator could not be told: HTTP 404" in ran.errors
    assert TOKEN not in ran.errors
    assert giftping(*SWEEP).errors == ""


def test_a_run_that_finds_another_one_at_it_tells_nobody(
    giftping: Run, home: Path, discord: StandInDiscord, monitor: Monitor, operator: Callable[[], list[str]]
) -> None:
    configure(home, '[heartbeat]\ntodo = "env:BEAT"\n[operator]\nwebhook = "env:TELL_ME"')
    (home / "state").mkdir(exist_ok=True)
    with RunLock(home / "state" / SWEEP_LOCK):
        assert giftping(*SWEEP).exit_code == 75
    assert (monitor.pings, operator()) == ([], [])
