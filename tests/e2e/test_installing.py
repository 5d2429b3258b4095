"""Installed into an environment of its own, used, upgraded and uninstalled: only the state folder stays."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from scene import GAME, Scene

# What is built is built once.
pytestmark = pytest.mark.xdist_group("built")
ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--isolated", "--quiet")


def call(*command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    ran = subprocess.run(
        [str(word) for word in command],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PIP_NO_INPUT": "1", **environment},
        cwd=environment.get("HOME"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, (command, ran.stdout, ran.stderr)
    return ran


def environment_of_its_own(place: Path) -> Path:
    """A new virtual environment there, with the libraries of this one, so that nothing has to be fetched."""
    call(sys.executable, "-m", "venv", "--without-pip", place)
    (packages,) = place.glob("lib/python*/site-packages")
    # A .pth file in another folder's .pth file is not read: the giftping that is edited here does not come along.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    return place


def files_below(folder: Path) -> set[str]:
    """Return the files below a folder; pip leaves a folder that has become empty here and there."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_the_wheel_brings_the_package_the_units_and_the_manual_page_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    shared = {name.partition(".data/data/")[2] for name in names if ".data/data/" in name}
    units = {f"share/giftping/{path.relative_to(ROOT)}" for path in (ROOT / "systemd").rglob("*") if path.is_file()}
    assert shared == units | {"share/giftping/crontab.example", "share/man/man1/giftping.1"}
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"giftping"}


def test_the_source_distribution_holds_all_that_the_tests_need(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        names = {name.partition("/")[2] for name in tar.getnames()}
    expected = {"Makefile", "CONTRIBUTING.md", "crontab.example", "requirements-dev.lock", "docs/giftping.1", ".ci/run"}
    expected |= {"tools/man_page.py", "systemd/giftping-codes.service", "systemd/user/giftping-codes.service"}
    expected |= {"tests/e2e/test_installing.py", "giftping/settings/catalogue.toml", "giftping/py.typed"}
    assert expected - names == set()


def test_an_upgrade_keeps_the_state_and_an_uninstallation_leaves_nothing_else(
    scene: Scene, built: Path, tmp_path: Path
) -> None:
    (wheel,) = built.glob("*.whl")
    environment, home = environment_of_its_own(tmp_path / "environment"), tmp_path / "home"
    home.mkdir()
    before = files_below(environment)
    install = (*PIP, "--python", environment, "install", "--no-deps", "--no-index", "--no-compile", wheel)
    call(*install)

    scene.list_codes("WinterGift")
    host = scene.host()
    settings = (host.folder / "giftping.toml").rename(home / "giftping.toml")
    variables = {"HOME": str(home), "GIFTPING_DISCORD_API": scene.discord.api, "PYTHONDONTWRITEBYTECODE": "1"}
    variables["DISCORD_TOKEN"] = scene.discord.bot_token
    scene.discord.add_guild(1)
    scene.discord.add_channel(11, 1)
    scene.channels[1] = 11
    giftping = environment / "bin" / "giftping"
    where = call(environment / "bin" / "python", "-c", "import giftping; print(giftping.__file__)", **variables).stdout
    assert where.startswith(str(environment))
    call(giftping, "guilds", "add", "1", "--channel", "11", "--announce-current", **variables)
    call(giftping, "codes", "check", **variables)
    assert scene.arrived(1) == {"WinterGift": 1}

    call(*install, "--force-reinstall")
    scene.list_codes("WinterGift", "Frost2026")
    call(giftping, "codes", "check", **variables)
    assert scene.arrived(1) == {"WinterGift": 1, "Frost2026": 1}, "the second giftping knows what the first one sent"

    call(*PIP, "--python", environment, "uninstall", "--yes", "giftping")
    assert files_below(environment) == before
    settings.unlink()
    left = files_below(home)
    assert {name for name in left if not name.startswith(".local/state/giftping/")} == set()
    ledger = json.loads((home / ".local" / "state" / "giftping" / "giftping.json").read_text("utf-8"))
    assert [entry["state"] for entry in ledger["sent_giftcodes"].values()] == ["sent", "sent"]
    assert GAME in json.dumps(ledger)
