"""What a run with nothing new costs, against urlwatch's unchanged run of one page, in turns on the same machine.

Each is installed from scratch into an environment of its own, without development tools: what is installed beside a
program is looked through while that starts, so that in one environment each would slow down the other.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

from fakes.mongod import new_database, shared_mongod
from scene import Host, Scene

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources
from giftping.store.base import HOME_GAME, Destination, Subscription
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

ROUNDS = 15
MANY = 10_000
REPOSITORY = Path(__file__).parents[2]


def environment(folder: Path, *packages: str) -> Path:
    """The `bin` folder of a fresh environment that holds these packages and nothing else, not even pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip = [sys.executable, "-m", "pip", "--python", folder, "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages], check=True, stderr=subprocess.DEVNULL)
    return folder / "bin"


def host_with(scene: Scene, name: str, guilds: int, **variables: str) -> Host:
    """Return a host whose guilds have all there is, so that the next run is idle."""
    host = scene.host(name)
    host.environment |= variables
    now = datetime.now(UTC)
    games = (HOME_GAME, "kingshot", "wuwa")
    with Store(TinyEngine(host.state)) as store:
        for number in range(1, guilds + 1):
            store.put_subscriptions(
                *(Subscription(number, game, Destination(channel_id=1), now, now) for game in games)
            )
    return host


def urlwatch_command(urlwatch: Path, folder: Path, url: str) -> list[str]:
    """Return urlwatch's run of one page that it knows already."""
    for name, text in (("urls.yaml", f"name: page\nurl: {url}\n"), ("urlwatch.yaml", "report: {}\n")):
        (folder / name).write_text(text)
    options = ["--urls", "urls.yaml", "--config", "urlwatch.yaml", "--hooks", "hooks.py", "--cache", "cache.db"]
    return [str(urlwatch), *options]


def median_times(runs: dict[str, tuple[list[str], Path, dict[str, str]]]) -> dict[str, float]:
    """Return the median wall time of each command, measured in turns after a warm-up, in seconds."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 3):
        for name, (command, folder, variables) in runs.items():
            began = time.perf_counter()
            subprocess.run(command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, check=True)
            if number >= 3:
                times[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    """Print the times and ratios."""
    with tempfile.TemporaryDirectory() as temporary, StandInDiscord() as discord, StandInSources() as sources:
        folder = Path(temporary)
        giftping = environment(folder / "giftping", str(REPOSITORY)) / "giftping"
        # urlwatch asks setuptools for `pkg_resources`, which newer versions have no more.
        urlwatch = environment(folder / "urlwatch", "urlwatch", "setuptools<81") / "urlwatch"
        scene = Scene(folder, discord, sources)
        for game in (HOME_GAME, "kingshot", "wuwa"):
            scene.list_codes("CODE1234", "CODE5678", game=game)
        hosts = {
            "JSON, 1 guild": host_with(scene, "one", 1),
            f"JSON, {MANY} guilds": host_with(scene, "many", MANY),
            "MongoDB, 1 guild": host_with(scene, "mongo", 1, MONGO_URI=new_database(shared_mongod())),
        }
        check = [str(giftping), "codes", "check", "-q"]
        for host in hosts.values():
            subprocess.run(check, cwd=host.folder, env=host.environment, check=True, capture_output=True)
        runs = {name: (check, host.folder, host.environment) for name, host in hosts.items()}
        runs["urlwatch"] = (urlwatch_command(urlwatch, folder, sources.url(f"/{HOME_GAME}")), folder, dict(os.environ))
        runs["--version"] = ([str(giftping), "--version"], folder, dict(os.environ))
        times = median_times(runs)
    report(times)


def report(times: dict[str, float]) -> None:
    """Print the times, and the ratios that have an aim."""
    for name, seconds in times.items():
        sys.stdout.write(f"{name:<24}{seconds * 1000:>8.0f} ms\n")
    one = times["JSON, 1 guild"]
    for what, ratio, aim in (
        ("idle / urlwatch's unchanged run", one / times["urlwatch"], 0.6),
        ("MongoDB / JSON", times["MongoDB, 1 guild"] / one, 1.1),
        (f"{MANY} guilds / 1", times[f"JSON, {MANY} guilds"] / one, 1.1),
    ):
        sys.stdout.write(f"{what:<34}{ratio:>6.2f}   (aim: at most {aim})\n")


if __name__ == "__main__":
    main()
