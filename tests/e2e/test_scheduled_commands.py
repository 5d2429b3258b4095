"""The lines of crontab.example and of the systemd units run, with no more than cron and systemd give them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.systemd_units import SYSTEM, USER, arguments_of, settings_of
from scene import GAME, SOURCE, Scene

from giftping.runs.lock import RunLock
from giftping.runs.state_folder import CHECK_LOCK

CRONTAB = (Path(__file__).parents[2] / "crontab.example").read_text("utf-8")
BIN = Path(sys.executable).parent
GUILD, CHANNEL, TODO_CHANNEL, ROLE, MEMBER, WEBHOOK = 3001, 3002, 3003, 3004, 3005, 3006


class Machine:
    """A machine with a crontab or units: a stand-in for all that they reach, and settings that name it."""

    def __init__(self, scene: Scene, settings: Path) -> None:
        self.scene = scene
        self.folder = scene.folder
        discord = scene.discord
        discord.add_guild(GUILD)
        discord.set_bot(GUILD)
        for channel in (CHANNEL, TODO_CHANNEL):
            discord.add_channel(channel, GUILD)
        discord.add_webhook(WEBHOOK, "webhook-secret", CHANNEL)
        discord.add_role(GUILD, ROLE)
        discord.add_member(GUILD, MEMBER, roles=(ROLE,), name="Asha")
        scene.channels[GUILD] = CHANNEL
        scene.list_codes("WinterGift")
        settings.parent.mkdir(parents=True, exist_ok=True)
        source = SOURCE.format(name="api", game=GAME, url=scene.sources.url(f"/{GAME}"))
        text = f'[discord]\napi = "{discord.api}"\n[codes]\nbuilt_in_sources = false\n'
        todo = f'[todo]\nguild = "{GUILD}"\nchannel = "{TODO_CHANNEL}"\nrole = "{ROLE}"\nlinger = "0s"\n'
        settings.write_text(f"{text}{todo}{source}", "utf-8")

    def run(self, command: list[str], environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def set_up(self, environment: dict[str, str], folder: Path, *destination: str) -> None:
        """Add the guild and a member, as a person would before the first run."""
        for arguments in (
            ("guilds", "add", str(GUILD), *destination, "--announce-current"),
            ("todo", "roster", "add", str(MEMBER)),
        ):
            ran = self.run([str(BIN / "giftping"), *arguments], environment, folder)
            assert ran.returncode == 0, ran.stderr


# cron


def cron_lines() -> dict[str, str]:
    """Return the command of each line of the example, by its first words; also of those that are switched off."""
    lines = re.findall(r"^(?:# )?(?:[\d*/,-]+ ){5}(giftping .+)$", CRONTAB, re.MULTILINE)
    return {" ".join(line.split()[1:3]): line for line in lines}


@pytest.fixture
def cron(scene: Scene) -> Machine:
    machine = Machine(scene, scene.folder / "giftping.toml")
    (scene.folder / ".env").write_text(f"DISCORD_TOKEN={scene.discord.bot_token}\n", "utf-8")
    (scene.folder / ".env").chmod(0o600)
    return machine


def cron_environment(folder: Path) -> dict[str, str]:
    path = re.findall("^PATH=(.+)$", CRONTAB, re.MULTILINE)[0]
    return {"HOME": str(folder), "LOGNAME": "you", "SHELL": "/bin/sh", "PATH": f"{BIN}:{path}"}


def test_the_crontab_has_a_line_for_each_thing_that_has_to_be_done_in_time() -> None:
    assert set(cron_lines()) == {"codes check", "todo sweep", "doctor -q"}
    assert all(line.split()[-1] == "-q" for line in cron_lines().values()), "cron mails whatever is written"


def test_no_line_of_the_crontab_runs_on_the_hour() -> None:
    minutes = re.findall(r"^(?:# )?([\d*/,-]+) (?:[\d*/,-]+ ){4}giftping", CRONTAB, re.MULTILINE)
    assert len(minutes) == 3
    assert [minute for minute in minutes if re.match(r"\*|0", minute)] == []


def test_the_lines_of_the_crontab_do_their_work_and_bring_no_mail(cron: Machine) -> None:
    environment = cron_environment(cron.folder)
    cron.set_up(environment, cron.folder, "--channel", str(CHANNEL))
    lines = cron_lines()
    for line in (lines["codes check"], lines["todo sweep"], lines["doctor -q"]):
        ran = cron.run(["/bin/sh", "-c", line], environment, cron.folder)
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", ""), line
    assert cron.scene.arrived(GUILD) == {"WinterGift": 1}


# systemd


def system_environment(folder: Path, *, credentials: bool = True) -> dict[str, str]:
    """Return what the system manager gives a service with DynamicUser= and these directories, and nothing else."""
    environment = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "USER": "giftping",
        "LOGNAME": "giftping",
        "HOME": "/",
        "SHELL": "/bin/sh",
        "INVOCATION_ID": "0123456789abcdef0123456789abcdef",
        "JOURNAL_STREAM": "8:12345",
        "SYSTEMD_EXEC_PID": "1",
        "STATE_DIRECTORY": str(folder / "var" / "lib" / "giftping"),
        "CONFIGURATION_DIRECTORY": str(folder / "etc" / "giftping"),
    }
    return environment | ({"CREDENTIALS_DIRECTORY": str(folder / "credentials")} if credentials else {})


@pytest.fixture
def system(scene: Scene) -> Machine:
    machine = Machine(scene, scene.folder / "etc" / "giftping" / "giftping.toml")
    (scene.folder / "var" / "lib" / "giftping").mkdir(parents=True, mode=0o700)
    (scene.folder / "credentials").mkdir()
    return machine


def run_unit(machine: Machine, unit: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a unit's command where the service manager does: a system service begins in the root folder."""
    folder = Path("/") if unit.parent == SYSTEM else machine.folder
    return machine.run([str(BIN / "giftping"), *arguments_of(unit)], environment, folder)


def test_the_units_do_their_work_with_a_credential(system: Machine) -> None:
    """The token is a credential; the state is where systemd says, and nothing is written anywhere else."""
    environment = system_environment(system.folder)
    token = system.folder / "credentials" / "DISCORD_TOKEN"
    token.write_text(system.scene.discord.bot_token, "utf-8")
    token.chmod(0o400)
    system.set_up(environment, Path("/"), "--channel", str(CHANNEL))
    before = {path for path in system.folder.rglob("*") if "lib" not in path.parts}
    for name in ("codes", "todo", "doctor"):
        ran = run_unit(system, SYSTEM / f"giftping-{name}.service", environment)
        assert ran.returncode == 0, (name, ran.stdout, ran.stderr)
        assert ran.stderr == "", name
    assert system.scene.arrived(GUILD) == {"WinterGift": 1}
    assert (system.folder / "var" / "lib" / "giftping" / "giftping.json").is_file()
    assert {path for path in system.folder.rglob("*") if "lib" not in path.parts} == before


@pytest.mark.parametrize("is_set", [True, False], ids=["an empty folder", "no folder"])
def test_the_unit_for_codes_does_its_work_without_any_credential(system: Machine, *, is_set: bool) -> None:
    """A webhook from the file of variables is all that it needs."""
    environment = system_environment(system.folder, credentials=is_set)
    environment["WOS_WEBHOOK"] = system.scene.discord.webhook_url(WEBHOOK)
    ran = system.run(
        [str(BIN / "giftping"), "guilds", "add", str(GUILD), "--webhook", "env:WOS_WEBHOOK", "--announce-current"],
        environment,
        Path("/"),
    )
    assert ran.returncode == 0, ran.stderr
    ran = run_unit(system, SYSTEM / "giftping-codes.service", environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert system.scene.arrived(GUILD) == {"WinterGift": 1}


def test_a_unit_that_lacks_what_it_needs_says_what_and_how_to_give_it(system: Machine) -> None:
    environment = system_environment(system.folder)
    ran = run_unit(system, SYSTEM / "giftping-todo.service", environment)
    assert ran.returncode not in (0, 75)
    assert "DISCORD_TOKEN" in ran.stderr


def test_the_units_of_a_user_do_their_work_from_the_home_folder(scene: Scene) -> None:
    machine = Machine(scene, scene.folder / ".config" / "giftping" / "giftping.toml")
    secrets = scene.folder / ".config" / "giftping" / ".env"
    secrets.write_text(f"DISCORD_TOKEN={scene.discord.bot_token}\n", "utf-8")
    secrets.chmod(0o600)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "you",
        "LOGNAME": "you",
        "HOME": str(scene.folder),
        "SHELL": "/bin/sh",
        "XDG_RUNTIME_DIR": str(scene.folder / "run"),
        "INVOCATION_ID": "0123456789abcdef0123456789abcdef",
        "JOURNAL_STREAM": "8:12345",
    }
    machine.set_up(environment, scene.folder, "--channel", str(CHANNEL))
    for name in ("codes", "todo", "doctor"):
        ran = run_unit(machine, USER / f"giftping-{name}.service", environment)
        assert (ran.returncode, ran.stderr) == (0, ""), name
    assert scene.arrived(GUILD) == {"WinterGift": 1}
    assert (scene.folder / ".local" / "state" / "giftping" / "giftping.json").is_file()


def test_a_second_run_ends_with_what_the_units_take_for_success(system: Machine) -> None:
    unit = SYSTEM / "giftping-codes.service"
    environment = system_environment(system.folder)
    with RunLock(Path(environment["STATE_DIRECTORY"]) / CHECK_LOCK):
        ran = run_unit(system, unit, environment)
    assert str(ran.returncode) in settings_of(unit)["Service"]["SuccessExitStatus"][0].split()


# Completion


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("giftping codes ch", {"check"}),
        ("giftping to", {"todo"}),
        ("giftping codes check --dr", {"--dry-run"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_what_may_follow(shell: str, line: str, offered: set[str], tmp_path: Path) -> None:
    words = shlex.split(line)
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "_GIFTPING_COMPLETE": f"complete_{shell}"}
    if shell == "bash":
        environment |= {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    else:
        environment |= {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    ran = subprocess.run([str(BIN / "giftping")], env=environment, capture_output=True, text=True)
    assert ran.stderr == ""
    found = set(re.findall(r"^\"?([\w-]+)", ran.stdout.replace("_arguments '*: :((", ""), re.MULTILINE))
    assert offered <= found
    assert "migrate" not in ran.stdout


def test_bash_completes_once_it_has_read_what_giftping_shows(tmp_path: Path) -> None:
    """The line of the page about installing, and then what pressing the tab key runs."""
    script = tmp_path / "giftping.bash"
    environment = {
        "HOME": str(tmp_path),
        "PATH": f"{BIN}:/usr/bin:/bin",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    with script.open("w") as file:
        subprocess.run([str(BIN / "giftping"), "--show-completion", "bash"], env=environment, stdout=file, check=True)
    words = "COMP_WORDS=(giftping codes ch); COMP_CWORD=2"
    typed = f'source {script}; {words}; _giftping_completion giftping; echo "$COMPREPLY"'
    ran = subprocess.run(["bash", "-c", typed], env=environment, capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("check\n", "")
