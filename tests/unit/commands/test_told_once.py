"""Trouble that lasts is told once, again after a day and when it is over: whatever it is, and whoever meets it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import time_machine
from fakes.records import subscription
from fakes.shared_store import FakeSharedEngine
from past import HOUR, Past, now
from ran import Ran

from giftping.codes.fetch import Body, Fetcher
from giftping.demo.discord import StandInDiscord
from giftping.runs.lock import RunLock
from giftping.runs.state_folder import CHECK_LOCK, TOLD, TOLD_LOCK
from giftping.store.base import Guild
from giftping.store.errors import StoreError
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.wiring import Wiring

Run = Callable[..., Ran]
SWEEP, CHECK = ("todo", "sweep", "-q"), ("codes", "check", "-q")
DAY = timedelta(hours=25)


@pytest.fixture
def quiet(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host on which a check finds nothing wrong."""
    listed = Body(b"GIFT2026", "text/plain", "", "", "hash")
    monkeypatch.setattr(Fetcher, "fetch", lambda *_: listed)
    with Store(TinyEngine(home / "state")) as store:
        store.put_subscriptions(subscription(1))
    return home


@pytest.fixture
def operator(discord: StandInDiscord, quiet: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The texts in the operator's channel, whom the settings name."""
    discord.add_guild(9)
    discord.add_channel(77, 9)
    discord.add_webhook(78, "operator-webhook-token", 77)
    monkeypatch.setenv("TELL_ME", discord.webhook_url(78))
    configure(quiet, '[operator]\nwebhook = "env:TELL_ME"')
    return lambda: [message.content for message in discord.messages(77)]


def configure(home: Path, *tables: str) -> None:
    file = home / "giftping.toml"
    file.write_text("\n".join([file.read_text("utf-8"), *tables]), "utf-8")


@pytest.fixture
def tmp_path(open_folder: Path) -> Path:
    """Where `home` is: a file in it can be read by all."""
    return open_folder


@pytest.fixture
def exposed(quiet: Path) -> Path:
    """An `.env` that every user of this machine can read."""
    file = quiet / ".env"
    file.write_text("A=1\n", "utf-8")
    file.chmod(0o644)
    return file


# Each kind of trouble


def test_an_env_file_that_all_can_read_is_told_once_by_whichever_job_comes_first(
    giftping: Run, exposed: Path, discord: StandInDiscord, past: Past
) -> None:
    past.swept(HOUR)
    line = f"warning: {exposed}: every user of this machine can read this file and the secrets in it"
    assert giftping(*CHECK) == Ran(0, "", f"{line}; run: chmod 600 {exposed}\n")
    assert giftping(*CHECK) == giftping(*SWEEP) == Ran(0, "", "")
    with time_machine.travel(now() + DAY):
        assert giftping(*SWEEP).error.startswith(f"{line} (since 2")
        assert giftping(*CHECK) == Ran(0, "", "")
        exposed.chmod(0o600)
        assert giftping(*CHECK) == Ran(0, "", f"{line}: this is over\n")
        assert giftping(*CHECK) == giftping(*SWEEP) == Ran(0, "", "")


def test_a_run_that_read_no_env_file_does_not_call_it_mended(
    giftping: Run, exposed: Path, discord: StandInDiscord, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.swept(HOUR)
    giftping(*CHECK)
    giftping(*CHECK)
    (exposed.parent / "elsewhere").mkdir()
    monkeypatch.chdir(exposed.parent / "elsewhere")
    monkeypatch.setenv("GIFTPING_CONFIG", str(exposed.parent / "moved.toml"))
    (exposed.parent / "elsewhere" / "moved.toml").write_text((exposed.parent / "giftping.toml").read_text("utf-8"))
    monkeypatch.setenv("GIFTPING_CONFIG", str(exposed.parent / "elsewhere" / "moved.toml"))
    assert giftping(*SWEEP) == Ran(0, "", "")


MISTAKES = {
    "a wrong key": "\n[sources.my-list]\nenabld = 5\n",
    "no TOML": "\n[[[",
    "several": '\nstat = "x"\n[codes]\nlease = "never"\n',
}


@pytest.mark.parametrize("kind", MISTAKES)
@pytest.mark.parametrize("command", [CHECK, SWEEP])
def test_settings_that_cannot_be_used_are_told_once_a_day_and_exit_with_78_each_time(
    giftping: Run, quiet: Path, discord: StandInDiscord, kind: str, command: tuple[str, ...]
) -> None:
    file = quiet / "giftping.toml"
    good = file.read_text("utf-8")
    file.write_text(MISTAKES[kind] if kind == "several" else good.replace("[sources.my-list]", MISTAKES[kind].strip()))
    first = giftping(*command)
    assert (first.exit_code, first.output) == (78, "")
    assert first.errors.startswith(f"giftping: {file}:")
    assert giftping(*command) == Ran(78, "", "")
    said = giftping(*command, "--json")
    assert (said.json["exit_code"], said.errors) == (78, "")
    assert giftping(*command, "-v").errors == first.errors, "whoever asks gets an answer"
    with time_machine.travel(now() + DAY):
        assert "(since 2" in giftping(*command).errors
        assert giftping(*command) == Ran(78, "", "")
        file.write_text(good, "utf-8")
        assert giftping(*command).errors.splitlines()[0] == "the settings can be used again"
        file.write_text(good + "[[[", "utf-8")
        assert giftping(*command).exit_code == 78


def test_another_mistake_is_told_at_once(giftping: Run, quiet: Path) -> None:
    file = quiet / "giftping.toml"
    for key in ("enabld", "enabeld"):
        file.write_text(f"{key} = 1\n", "utf-8")
        assert key in giftping(*CHECK).errors


def test_whoever_looks_at_the_settings_by_hand_is_told_each_time(giftping: Run, quiet: Path) -> None:
    (quiet / "giftping.toml").write_text("enabld = 1\n", "utf-8")
    giftping(*CHECK)
    assert giftping("config", "check").errors == giftping("config", "check").errors != ""
    assert giftping("codes", "check", "--dry-run").errors == giftping("codes", "check", "--dry-run").errors != ""


def test_a_mistake_made_before_the_first_run_is_told_once_too(giftping: Run, home: Path) -> None:
    (home / "giftping.toml").write_text(f'state = "{home}/kept"\n[codes]\nlease = 5\n', "utf-8")
    assert giftping(*CHECK).errors.count("\n") == 1
    assert giftping(*CHECK) == Ran(78, "", "")
    assert {path.name for path in (home / "state").iterdir()} == {TOLD, TOLD_LOCK}


def test_the_operator_reads_what_guilds_and_channels_are_called(
    giftping: Run, operator: Callable[[], list[str]], store: Store
) -> None:
    store.put_subscriptions(subscription(1, announce_current=True))
    store.change_guild(1, lambda _: Guild(1, "Ours", destinations={"channel 500": "gift_codes"}), now())
    giftping(*CHECK)
    (told,) = operator()
    assert "guild 1 (Ours): whiteout-survival: refused by channel 500 (gift\\_codes)" in told


def test_mistakes_are_told_to_the_operator_and_the_monitor_as_far_as_the_settings_can_be_read(
    giftping: Run, operator: Callable[[], list[str]], quiet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pings: list[str] = []
    monkeypatch.setattr("giftping.runs.heartbeat.ping", lambda url, summary="", *, kind="": pings.append(kind) or "")
    monkeypatch.setenv("BEAT", "https://hc.example/ping/secret-0000")
    configure(quiet, '[heartbeat]\ncodes = "env:BEAT"\n[sources.my-lisst]\nenabled = false')
    assert [giftping(*CHECK).exit_code for _ in range(3)] == [78, 78, 78]
    assert pings == ["fail"] * 3
    (told,) = operator()
    assert "giftping codes check on " in told
    assert "sources.my-lisst" in told


SHARED = """
[mongo]
uri = "env:STORE"
server_selection = "1s"
"""


@pytest.mark.parametrize("how", ["shared = true", 'on_outage = "hold"', ""])
def test_a_mongodb_that_is_away_is_told_once_for_both_jobs(
    giftping: Run, operator: Callable[[], list[str]], quiet: Path, past: Past, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.swept(HOUR)
    monkeypatch.setenv("STORE", "mongodb://127.0.0.1:9/x?serverSelectionTimeoutMS=50&connectTimeoutMS=50")
    configure(quiet, SHARED.replace("server_selection", f"{how}\nserver_selection"))
    first = giftping(*CHECK)
    assert first.exit_code == 69
    assert first.error.startswith("giftping: MongoDB") or "127.0.0.1" in first.error
    for command in (CHECK, SWEEP, CHECK):
        assert giftping(*command) == Ran(69, "", "")
    assert len(operator()) == 1
    with time_machine.travel(now() + DAY):
        assert "(since 2" in giftping(*SWEEP).error
        assert giftping(*CHECK) == Ran(69, "", "")


@dataclass
class Database:
    """Stands for a MongoDB, and is away when a test says so."""

    folder: Path
    is_away: bool = False

    def open(self, *_: object) -> FakeSharedEngine:
        return FakeSharedEngine(self.folder, lambda: self.is_away)


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        ("shared = true", 69, "(nothing is announced until it is back, and nobody is reminded)"),
        ('on_outage = "hold"', 69, "(nothing is announced until it is back, and nobody is reminded)"),
        ("", 0, "(going on with the mirror: "),
    ],
)
def test_an_outage_is_told_once_by_whichever_job_meets_it_and_so_is_its_end(
    giftping: Run,
    operator: Callable[[], list[str]],
    quiet: Path,
    past: Past,
    how: str,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    past.swept(HOUR)
    database = Database(quiet / "mongodb")
    monkeypatch.setattr("giftping.store.opening.database_of", database.open)
    monkeypatch.setenv("STORE", "mongodb://stands-in/giftping")
    configure(quiet, SHARED.replace("server_selection", f"{how}\nserver_selection"))
    giftping(*CHECK)
    giftping(*SWEEP)
    told = len(operator())
    database.is_away = True
    with time_machine.travel(now() + 2 * HOUR):
        first = giftping(*SWEEP)
        assert (first.exit_code, said in first.error) == (code, True), first
        for command in (CHECK, SWEEP, CHECK):
            assert giftping(*command) == Ran(code, "", "")
    with time_machine.travel(now() + DAY + 2 * HOUR):
        assert "(since 2" in giftping(*CHECK).errors
        assert giftping(*SWEEP) == giftping(*CHECK) == Ran(code, "", "")
        database.is_away = False
        over = "the store is as it should be again: what waited for it goes on\n"
        assert over in giftping(*CHECK).errors
        assert (giftping(*SWEEP), giftping(*CHECK)) == (Ran(0, "", ""), Ran(0, "", ""))
    assert len(operator()) == told + 3


def test_what_ends_every_run_is_told_once_and_that_runs_end_well_again(
    giftping: Run, quiet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise StoreError(f"giftping.json: is damaged at byte {next(numbers)} codes; restore it")

    numbers = iter(range(100))
    with monkeypatch.context() as broken:
        broken.setattr(Wiring, "open_store", damaged)
        assert giftping(*CHECK) == Ran(69, "", "giftping: giftping.json: is damaged at byte 0 codes; restore it\n")
        assert giftping(*CHECK) == Ran(69, "", "")
        assert giftping(*CHECK, "-v").errors.startswith("giftping: giftping.json: is damaged")
        assert giftping(*CHECK, "--json").json["exit_code"] == 69
        with time_machine.travel(now() + DAY):
            assert "codes (since 2" in giftping(*CHECK).error
    assert giftping(*CHECK) == Ran(0, "", "runs come to their end again\n")


def test_another_error_is_told_though_it_is_of_the_same_class(
    giftping: Run, quiet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for reason in ("is damaged", "cannot be read"):

        def fails(*_: object, reason: str = reason, **__: object) -> None:
            raise StoreError(f"giftping.json: {reason}")

        monkeypatch.setattr(Wiring, "open_store", fails)
        assert giftping(*CHECK).error == f"giftping: giftping.json: {reason}"


def test_a_defect_is_told_once_and_ends_in_1(giftping: Run, quiet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(Wiring, "open_store", fails)
    assert giftping(*CHECK) == Ran(1, "", "giftping: unexpected ZeroDivisionError: a defect (-vv shows where)\n")
    assert giftping(*CHECK) == Ran(1, "", "")
    assert "Traceback" in giftping(*CHECK, "-vv").errors


def test_a_run_that_holds_the_lock_for_hours_is_told_once(giftping: Run, quiet: Path) -> None:
    with RunLock(quiet / "state" / CHECK_LOCK):
        for _ in range(2):
            assert giftping(*CHECK).error.startswith("giftping: another run holds the lock"), (
                "it may be done in a moment"
            )
        with time_machine.travel(now() + timedelta(minutes=16)):
            assert giftping(*CHECK).error.startswith("giftping: another run holds the lock")
            assert giftping(*CHECK) == Ran(75, "", "")
    with time_machine.travel(now() + timedelta(minutes=30)):
        assert giftping(*CHECK) == Ran(0, "", "runs find the lock free again\n")


def test_a_disk_that_is_nearly_full_is_told_once(giftping: Run, quiet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = SimpleNamespace(f_bavail=2000, f_frsize=4096)
    with monkeypatch.context() as full:
        full.setattr("os.statvfs", lambda _path: room)
        assert giftping(*CHECK) == Ran(0, "", f"{quiet}/state: the disk is nearly full; make room on it\n")
        room.f_bavail = 1000
        assert giftping(*CHECK) == Ran(0, "", "")
    assert giftping(*CHECK) == Ran(0, "", f"{quiet}/state: the disk is nearly full: this is over\n")


def test_a_document_that_cannot_be_read_is_told_once_and_when_it_is_mended(giftping: Run, quiet: Path) -> None:
    odd = {"_id": "2", "label": [], "games": 7}
    with closing(TinyEngine(quiet / "state")) as engine:
        engine.put("guilds", [odd])
    first = giftping(*CHECK)
    assert first.exit_code == 69
    assert "guilds: document '2'" in first.error
    assert giftping(*CHECK) == Ran(69, "", "")
    with closing(TinyEngine(quiet / "state")) as engine:
        engine.put("guilds", (), ["2"])
    over = giftping(*CHECK)
    assert over.exit_code == 0
    assert over.error == f"{first.error.partition('; ')[0]}: this is over"


# The memory


def test_a_run_with_nothing_to_tell_leaves_no_memory_and_one_that_told_all_does_not_write_it(
    giftping: Run, exposed: Path
) -> None:
    memory = exposed.parent / "state" / TOLD
    exposed.chmod(0o600)
    giftping(*CHECK)
    assert not memory.exists()
    exposed.chmod(0o644)
    for _ in range(2):
        giftping(*CHECK)
    # The second run has noted that it lasts; from then on nothing changes.
    before = memory.stat()
    giftping(*CHECK)
    # Each write puts another file in its place; when it was last read, by whomever, is nobody's concern.
    assert (memory.stat().st_ino, memory.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    exposed.chmod(0o600)
    giftping(*CHECK)
    assert memory.read_text("utf-8") == "{}\n"


def test_a_memory_that_was_lost_means_that_trouble_is_told_once_more(
    giftping: Run, quiet: Path, discord: StandInDiscord, past: Past
) -> None:
    """The store knows, for other hosts, what sweeps have told; no host is left in the dark by that."""
    past.swept(HOUR)
    with closing(TinyEngine(quiet / "state")) as engine:
        engine.put("todo_timestamps", [{"_id": "102", "last_submit": "soon"}])
    first = giftping(*SWEEP)
    assert first.exit_code == 69
    assert giftping(*SWEEP) == Ran(69, "", "")
    (quiet / "state" / TOLD).unlink()
    assert giftping(*SWEEP) == first


def test_no_job_calls_over_what_another_one_has_met(
    giftping: Run, quiet: Path, discord: StandInDiscord, past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    past.swept(HOUR)
    with monkeypatch.context() as broken:

        def fails(*_: object, **__: object) -> None:
            raise StoreError("giftping.json: is damaged")

        broken.setattr(Wiring, "open_store", fails)
        for _ in range(2):
            giftping(*CHECK)
    assert giftping(*SWEEP) == Ran(0, "", "")
    assert set(json.loads((quiet / "state" / TOLD).read_text("utf-8"))) == {"codes"}
    assert giftping(*CHECK).error == "runs come to their end again"


def test_what_older_releases_remembered_goes_when_the_memory_is_written(giftping: Run, exposed: Path) -> None:
    older = [exposed.parent / "state" / name for name in ("told-codes.json", "told-todo.json")]
    for path in older:
        path.write_text("{}", "utf-8")
    giftping(*CHECK)
    assert [path.exists() for path in older] == [False, False]
