"""The systemd units: what systemd itself says of them, and what they have to have in common."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs_reading import DOCS, text_of
from fakes.systemd_units import COMMAND, SYSTEM, USER, arguments_of, settings_of

SERVICES = sorted(SYSTEM.glob("*.service"))
ONE_SHOTS = ("giftping-codes", "giftping-doctor", "giftping-todo")
AT_WORK = (*ONE_SHOTS, "giftping-bot")
GIFTPING = Path(sys.executable).with_name("giftping")

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(
    ANALYZE is None and not os.environ.get("CI"), reason="systemd-analyze is not installed"
)


def analyze(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), **environment}
    return subprocess.run(["systemd-analyze", *arguments], cwd=folder, env=variables, capture_output=True, text=True)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with all units as on a machine where giftping is installed, and the manual page that they name."""
    shutil.copytree(SYSTEM, tmp_path / "units")
    for unit in (tmp_path / "units").glob("*.service"):
        unit.write_text(text_of(unit).replace(COMMAND, str(GIFTPING)), "utf-8")
    (tmp_path / ".local" / "bin").mkdir(parents=True)
    (tmp_path / ".local" / "bin" / "giftping").symlink_to(GIFTPING)
    (tmp_path / "man" / "man1").mkdir(parents=True)
    shutil.copy(DOCS / "giftping.1", tmp_path / "man" / "man1")
    (tmp_path / "run").mkdir()
    return tmp_path


def verified(installed: Path, units: Path, *options: str) -> str:
    """Return what systemd has to say against the units in a folder: nothing, when all is well."""
    man = "yes" if shutil.which("man") else "no"
    names = [path.name for path in sorted(units.iterdir()) if path.suffix in (".service", ".timer")]
    environment = {"MANPATH": str(installed / "man"), "XDG_RUNTIME_DIR": str(installed / "run")}
    environment |= {"HOME": str(installed)}
    ran = analyze("verify", f"--man={man}", *options, *names, folder=units, **environment)
    return f"{ran.stdout}{ran.stderr}" if ran.stdout or ran.stderr or ran.returncode else ""


# What systemd says


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(installed: Path) -> None:
    assert verified(installed, installed / "units") == ""


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units_of_a_user(installed: Path) -> None:
    assert verified(installed, installed / "units" / "user", "--user") == ""


@needs_systemd
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("ProtectHome=", "ProtectHomes="), "ProtectHomes"),
        ((str(GIFTPING), "/opt/nobody/giftping"), "/opt/nobody/giftping is not executable"),
        (("TimeoutStartSec=20min", "TimeoutStartSec=20 munites"), "munites"),
    ],
)
def test_systemd_would_say_what_is_wrong_with_a_unit(installed: Path, change: tuple[str, str], complaint: str) -> None:
    unit = installed / "units" / "giftping-codes.service"
    unit.write_text(text_of(unit).replace(*change), "utf-8")
    assert complaint in verified(installed, installed / "units")


@needs_systemd
@pytest.mark.parametrize(("name", "most"), [*((name, 1.5) for name in ONE_SHOTS), ("giftping-bot", 2.0)])
def test_a_service_is_as_closed_as_promised(installed: Path, name: str, most: float) -> None:
    ran = analyze("security", "--offline=true", "--no-pager", f"{name}.service", folder=installed / "units")
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+) ", ran.stdout)
    assert found, ran
    assert float(found[1]) <= most, ran.stdout


@needs_systemd
@pytest.mark.parametrize("timer", [*SYSTEM.glob("*.timer"), *USER.glob("*.timer")], ids=lambda path: path.stem)
def test_a_timer_says_when(timer: Path, tmp_path: Path) -> None:
    for when in settings_of(timer)["Timer"]["OnCalendar"]:
        ran = analyze("calendar", when, folder=tmp_path)
        assert (ran.returncode, ran.stderr) == (0, "")


@needs_systemd
def test_every_timer_on_the_page_about_systemd_is_one_that_systemd_takes(tmp_path: Path) -> None:
    shown = re.findall(r"^OnCalendar=(.+)$", text_of(DOCS / "systemd.md"), re.MULTILINE)
    assert shown
    for when in shown:
        assert analyze("calendar", when, folder=tmp_path).returncode == 0, when


# What they have in common


def lines_behind(unit: Path, mark: str) -> list[str]:
    text = text_of(unit)
    assert mark in text, unit.name
    return text.partition(mark)[2].partition("[Install]")[0].strip().splitlines()


def test_all_services_of_the_system_are_closed_in_the_same_way() -> None:
    """One that lacks a line of the others, or has another state folder or user, does not see what they have written."""
    first, *others = [lines_behind(SYSTEM / f"{name}.service", "# Who it is") for name in AT_WORK]
    assert len(first) > 40
    assert [other for other in others if other != first] == []


def test_a_command_by_hand_sees_what_the_units_see() -> None:
    """Whatever systemd-run is told stands in the units as well; what closes them further is left to them."""
    told = re.findall(r"--property=(\S+)", text_of(SYSTEM / "giftping-as-service"))
    unit = text_of(SYSTEM / "giftping-codes.service")
    assert [line for line in told if f"\n{line}\n" not in unit] == []
    needed = ("DynamicUser", "User", "StateDirectory", "ConfigurationDirectory", "LoadCredential", "EnvironmentFile")
    lines = [line for line in unit.splitlines() if line.startswith(tuple(f"{key}=" for key in needed))]
    assert [line for line in lines if line not in told] == []


@pytest.mark.parametrize("folder", [SYSTEM, USER], ids=["system", "user"])
@pytest.mark.parametrize("name", AT_WORK)
def test_a_failure_of_a_service_is_told_by_a_unit_that_is_there(folder: Path, name: str) -> None:
    unit = settings_of(folder / f"{name}.service")
    assert unit["Unit"]["OnFailure"] == ["giftping-failure@%N.service"]
    assert (folder / "giftping-failure@.service").is_file()
    # On a timer it would not be started by a service that failed; its own failure would start it for ever.
    others = [*folder.glob("*.timer"), folder / "giftping-failure@.service"]
    assert [other.name for other in others if "OnFailure" in settings_of(other)["Unit"]] == []


@pytest.mark.parametrize("folder", [SYSTEM, USER], ids=["system", "user"])
@pytest.mark.parametrize("name", ONE_SHOTS)
def test_a_run_that_finds_another_one_at_it_has_not_failed(folder: Path, name: str) -> None:
    service = settings_of(folder / f"{name}.service")["Service"]
    assert service["Type"] == ["oneshot"]
    assert set(service["SuccessExitStatus"][0].split()) == {"75", "143", "SIGTERM"}
    assert "Restart" not in service, "the timer starts the next one"


def test_a_credential_that_is_not_there_keeps_no_service_from_starting() -> None:
    """With a path, a file that is missing ends the start with 243/CREDENTIALS."""
    for name in AT_WORK:
        service = settings_of(SYSTEM / f"{name}.service")["Service"]
        assert service["LoadCredential"] == ["DISCORD_TOKEN", "MONGO_URI"]
        assert service["EnvironmentFile"][0].startswith("-")


def test_no_command_runs_before_or_after_the_main_one() -> None:
    """systemd 252 gives the credentials of a dynamic user to the first command only."""
    for unit in SERVICES:
        keys = settings_of(unit)["Service"]
        assert [key for key in keys if re.fullmatch("Exec(?!Start$).*", key)] == []
        assert len(keys["ExecStart"]) == 1


def test_a_sweep_may_take_as_long_as_it_waits_for_members() -> None:
    """Under a timer of 3 hours, the longest wait is a quarter of that."""
    assert settings_of(SYSTEM / "giftping-todo.service")["Service"]["TimeoutStartSec"] == ["75min"]


def test_a_bot_that_fails_at_once_stays_below_the_connections_that_discord_allows_in_a_day() -> None:
    bot = settings_of(SYSTEM / "giftping-bot.service")
    assert bot["Service"]["RestartSec"] == ["2min"]
    assert 24 * 60 / 2 < 1000
    window, burst = bot["Unit"]["StartLimitIntervalSec"], bot["Unit"]["StartLimitBurst"]
    assert (window, burst) == (["2h"], ["45"]), "45 starts, 2 minutes apart, have to fit into the window"


def test_the_units_of_a_user_ask_for_nothing_that_a_user_may_not_have() -> None:
    """The user manager fails a service that asks for these with 216/GROUP, 218/CAPABILITIES or 226/NAMESPACE."""
    privileged = re.compile("DynamicUser|User|Capabilit|Ambient|Protect|Private|Nice|CPUSched|IOSched|RemoveIPC|Proc")
    for unit in USER.glob("*.service"):
        assert [key for key in settings_of(unit)["Service"] if privileged.match(key)] == [], unit.name
        assert "network-online.target" not in text_of(unit), "there is none in the user manager"


@pytest.mark.parametrize("name", AT_WORK)
def test_the_units_of_a_user_do_the_same_as_those_of_the_system(name: str) -> None:
    system, user = (arguments_of(folder / f"{name}.service") for folder in (SYSTEM, USER))
    assert user == system
    timers = [folder / f"{name}.timer" for folder in (SYSTEM, USER)]
    assert [timer.is_file() and text_of(timer) for timer in timers].count(False) in (0, 2)
    assert not timers[0].is_file() or text_of(timers[0]) == text_of(timers[1])


# The one that tells


@pytest.fixture(params=[SYSTEM, USER], ids=["system", "user"])
def telling(request: pytest.FixtureRequest, tmp_path: Path) -> Telling:
    return Telling(request.param, tmp_path)


class Telling:
    """Runs the unit that tells of a failure, with a journal and a mail system that this test holds."""

    def __init__(self, folder: Path, place: Path) -> None:
        self.service = settings_of(folder / "giftping-failure@.service")["Service"]
        self.place = place
        self.run_folder = place / "run"
        self.mail, self.journal = place / "mail", place / "journal"
        for made in (self.run_folder, place / "bin"):
            made.mkdir()
        self._program("journalctl", f'case "$*" in *--sync*) ;; *) cat {self.journal} ;; esac')
        self._program("sendmail", f'echo "($*)" >>{self.mail}; cat >>{self.mail}')
        self._program("sleep", ":")

    def _program(self, name: str, line: str) -> None:
        path = self.place / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n", "utf-8")
        path.chmod(0o700)

    def failed(self, said: str, result: str = "exit-code") -> str:
        """Let giftping-codes fail, having said so much, and return what was mailed because of it."""
        self.journal.write_text(said, "utf-8")
        self.mail.unlink(missing_ok=True)
        (command,) = self.service["ExecStart"]
        shell, options, script = re.fullmatch(r"(\S+) (-\w+) '(.*)'", command).groups()  # type: ignore[union-attr]
        script = script.replace("%i", "giftping-codes").replace("%H", "host").replace("$$", "$")
        environment = dict(setting.strip('"').split("=", 1) for setting in self.service["Environment"])
        environment |= {
            "PATH": f"{self.place / 'bin'}:/usr/bin:/bin",
            "RUNTIME_DIRECTORY": str(self.run_folder),
            "MONITOR_INVOCATION_ID": "0123456789abcdef0123456789abcdef",
            "MONITOR_SERVICE_RESULT": result,
        }
        ran = subprocess.run([shell, options, script], env=environment, capture_output=True, text=True)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        return self.mail.read_text("utf-8") if self.mail.exists() else ""


def test_a_failure_is_mailed_with_what_the_run_said(telling: Telling) -> None:
    mail = telling.failed("source wostools: HTTP 500\n")
    assert mail.startswith("(-oi -t)\nTo: ")
    assert "\nSubject: giftping-codes failed on host (exit-code)\n\n" in mail
    assert mail.endswith("source wostools: HTTP 500\n")


def test_a_run_that_failed_again_and_said_nothing_new_brings_no_mail(telling: Telling) -> None:
    assert telling.failed("source wostools: HTTP 500\n")
    assert telling.failed("") == ""


def test_the_same_words_bring_one_mail_a_day_and_new_ones_bring_another(telling: Telling) -> None:
    assert telling.failed('one $HOME `id` "quoted"\n')
    assert telling.failed('one $HOME `id` "quoted"\n') == ""
    assert telling.failed("another\n")
    (kept,) = telling.run_folder.iterdir()
    os.utime(kept, (0, 0))
    assert telling.failed("another\n"), "a day has passed"


@pytest.mark.parametrize("result", ["signal", "timeout", "oom-kill", "start-limit-hit"])
def test_a_run_that_was_ended_from_outside_is_told_though_it_said_nothing(telling: Telling, result: str) -> None:
    assert f"({result})" in telling.failed("", result)


def test_the_units_can_be_read_as_what_they_are() -> None:
    """Each section and each key is where systemd looks for it; a stray line would be ignored with a warning only."""
    for unit in [*SERVICES, *SYSTEM.glob("*.timer"), *USER.iterdir()]:
        parser = configparser.RawConfigParser(strict=False, interpolation=None)
        parser.read_string(re.sub(r"\\\n\s*", " ", text_of(unit)))
        assert set(parser.sections()) <= {"Unit", "Service", "Timer", "Install"}, unit.name
