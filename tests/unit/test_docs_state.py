"""The state folder, its back-up and the crontab lines are as the pages say."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docs_reading import README, ROOT, SETTINGS_PAGE, blocks, run, section, table, text_of
from docs_story import Story
from fakes.records import subscription

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources
from giftping.demo.stage import BOT_CHANNEL, BOT_GUILD, WEBHOOK_CHANNEL, WEBHOOK_GUILD, WOS, Stage
from giftping.runs.state_folder import (
    ATTACHMENTS,
    BOT_LOCK,
    DRAFTS,
    EXAMINED,
    REFUSED_TOKEN,
    STATE_FILES,
    UPGRADE_BACKUPS,
    UPGRADE_LOCK,
)
from giftping.store.base import Destination
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.store.tiny.files import JOURNAL, PREVIOUS_JOURNAL, SNAPSHOT
from giftping.wiring import HOST_FILE

SOURCE = ROOT / "giftping"


@pytest.mark.xdist_group("story")
def test_the_files_of_the_state_folder_are_described(story: Story) -> None:
    there = {re.sub(r"\d{8}T[\d.]+Z", "*", path.name) for path in (story.stage.folder / "state").iterdir()}
    not_of_the_story = {JOURNAL, PREVIOUS_JOURNAL, BOT_LOCK, REFUSED_TOKEN, DRAFTS}
    not_of_the_story |= {UPGRADE_BACKUPS, UPGRADE_LOCK, EXAMINED}
    assert there | not_of_the_story == STATE_FILES.keys()


def test_the_page_describes_each_file_of_the_state_folder_as_the_program_does() -> None:
    described = {row[0]: (row[1], row[2]) for row in table(section(SETTINGS_PAGE, "The state folder"))}
    assert described == STATE_FILES


def test_no_other_module_names_a_file_of_the_state_folder() -> None:
    """The store and the wiring name their own. Some names are words that mean other things, too."""
    words = {SNAPSHOT, HOST_FILE, ATTACHMENTS, DRAFTS}
    owners = {SOURCE / "runs" / "state_folder.py", SOURCE / "wiring.py", *(SOURCE / "store").rglob("*.py")}
    names = "|".join(re.escape(name).replace(r"\*", ".*") for name in STATE_FILES if name not in words)
    named = re.compile(rf"""["']({names})["']""")
    others = (path for path in sorted(SOURCE.rglob("*.py")) if path not in owners)
    assert [path.name for path in others if named.search(text_of(path))] == []


@pytest.mark.xdist_group("story")
@pytest.mark.skipif(not (shutil.which("flock") and shutil.which("tar")), reason="flock or tar is not installed")
def test_a_backup_made_as_the_page_says_brings_the_ledger_back(story: Story, tmp_path: Path) -> None:
    state = tmp_path / ".local" / "state" / "giftping"
    shutil.copytree(story.stage.folder / "state", state)
    before = run(["codes", "stats", "--json"], tmp_path)
    backup, restore = (
        block.text.replace("$ ", "") for block in blocks(SETTINGS_PAGE) if block.section == "Back up and restore"
    )
    for lines in (backup, restore.replace("giftping codes", "# giftping codes")):
        subprocess.run(["sh", "-eu", "-c", lines], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    assert run(["codes", "stats", "--json"], tmp_path) == before
    assert state.with_name("giftping.old").is_dir()


def crontab_of(text: str) -> tuple[dict[str, str], list[tuple[list[str], str]]]:
    """Return the variables of a crontab, and the five fields and the command of each of its lines."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    variables = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]+=", line))
    jobs = [line.split(maxsplit=5) for line in lines if not re.match(r"[A-Z]+=", line)]
    return variables, [(job[:5], job[5]) for job in jobs]


def is_field(text: str, low: int, high: int) -> bool:
    for part in text.split(","):
        found = re.fullmatch(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not found or not all(low <= int(number) <= high for number in found.groups()[:2] if number):
            return False
    return True


def cron_lines() -> dict[str, str]:
    readme = next(block.text for block in blocks(README) if block.language == "crontab")
    return {"crontab.example": text_of(ROOT / "crontab.example"), "README.md": readme}


@pytest.mark.parametrize("name", cron_lines())
def test_a_crontab_line_works_with_what_cron_gives_it(name: str, tmp_path: Path) -> None:
    variables, jobs = crontab_of(cron_lines()[name])
    assert [fields for fields, _ in jobs if not all(map(is_field, fields, (0, 0, 1, 1, 0), (59, 23, 31, 12, 7)))] == []
    (command,) = [command for _, command in jobs if " codes check" in command]
    _run_as_cron(command, variables.get("PATH", "/usr/bin:/bin"), tmp_path)


def test_the_crontab_line_of_init_works_with_what_cron_gives_it(tmp_path: Path) -> None:
    line = run(["init", "--json"], tmp_path, {"PATH": str(Path(sys.executable).parent)}).json["crontab"]
    (tmp_path / "giftping.toml").unlink()
    ((_, command),) = crontab_of(line)[1]
    _run_as_cron(command.replace(r"\%", "%"), "/usr/bin:/bin", tmp_path)


def _run_as_cron(command: str, path: str, folder: Path) -> None:
    """Run a line as cron does, in the home folder with next to no environment; what it needs is in the .env file."""
    with StandInDiscord(limits=None) as discord, StandInSources() as sources:
        stage = Stage(folder, discord, sources)
        stage.set_up()
        needed = ("GIFTPING_DISCORD_API", "DISCORD_TOKEN", "WOS_WEBHOOK")
        environment = stage.environment()
        (folder / ".env").write_text("".join(f"{name}={environment[name]}\n" for name in needed), "utf-8")
        (folder / ".env").chmod(0o600)
        for added in (
            (str(WEBHOOK_GUILD), "--webhook", "env:WOS_WEBHOOK"),
            (str(BOT_GUILD), "--channel", str(BOT_CHANNEL)),
        ):
            assert run(["guilds", "add", *added, "--announce-current"], folder).exit_code == 0
        stage.add_code(WOS, "WinterGift", "Gems x100")
        ran = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=folder,
            env={
                "HOME": str(folder),
                "LOGNAME": "you",
                "SHELL": "/bin/sh",
                "PATH": f"{Path(sys.executable).parent}:{path}",
            },
            capture_output=True,
            text=True,
        )
        assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
        assert stage.arrived(WEBHOOK_CHANNEL) == stage.arrived(BOT_CHANNEL) == [("WinterGift",)]


def test_a_ledger_that_is_shown_to_somebody_holds_no_token_of_a_webhook(tmp_path: Path) -> None:
    hook = "https://discord.com/api/webhooks/123/tOkEn-that_opens?thread_id=5"
    with Store(TinyEngine(tmp_path / ".local" / "state" / "giftping")) as store:
        store.put_subscriptions(subscription(1, destination=Destination(webhook=hook)))
    (shell,) = [block.text for block in blocks(SETTINGS_PAGE) if block.section == "Showing it to somebody"]
    lines = shell.replace("$ ", "")
    subprocess.run(["/bin/sh", "-ec", lines], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    shown = (tmp_path / "ledger-to-show.txt").read_text("utf-8")
    assert "https://discord.com/api/webhooks/123/***?thread_id=5" in shown
    assert "tOkEn" not in shown
