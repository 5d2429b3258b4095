"""Makes the test data of a release by that release's own commands; `tests/e2e/test_upgrade.py` opens it ever after.

    RELEASE/.venv/bin/python tests/data/make.py

is run with the Python of an environment in which the release and its test extra are installed, and writes
`tests/data/VERSION`:

* `json/state` is the state folder of a host that keeps its ledger in the file. Its last check, and its last sweep, were
  killed while Discord was asked to post: what they had claimed stands in the journal.
* `mongo/dump.json` is a database in which a host did the same, in MongoDB's Extended JSON; `mongo/cut-off` is the state
  folder of another host, which found MongoDB away at the end and noted what is to be carried back.
* `*/discord.json` is what stands in the stand-in Discord, `*/sources.json` what the sources list; `*/told.json` what
  the release itself says of it all, on a copy. The clocks of everybody stood at `ended`.
* `settings` has a file with every table and key, the one that `init` writes, and what `config show` makes of the first.

The addresses in it were those of stand-ins on loopback, which a test replaces by those of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bson import json_util
from fakes.mongod import Mongod, database, new_folder

from giftping import __version__
from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources
from giftping.demo.world import Permission

DATA = Path(__file__).parent
BEGAN = datetime(2026, 11, 18, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROUND = timedelta(hours=5)
"""How often the hosts run: gaps as long as `downtime` in their settings would not be charged to anybody."""

HOOKED, BOT, LITERAL, REFUSED, UNCERTAIN, KILLED = (200_000_000_000_000_000 + number for number in range(1, 7))
"""The guilds: by webhook, by the bot, by a webhook whose URL is in the ledger, one that refuses the bot, one in which
nobody can look what came of a post, and one in whose post the check is killed."""

TODO_GUILD, TODO_CHANNEL, TODO_ROLE, OWNER = (300_000_000_000_000_000 + number for number in range(1, 5))
SILENT, DILIGENT, PAUSED, EXEMPT, HELPED, LATE, GONE, NEWCOMER = (400_000_000_000_000_000 + n for n in range(1, 9))
"""The members: one who loses the role, one who hands in every day, one in a pause, one who is exempt, one for whom the
owner hands in, one who hands in after a reminder, one who left the guild, and one in whose first reminder the sweep is
killed."""

SETTINGS = """\
[codes]
built_in_sources = false

[todo]
guild = "{guild}"
channel = "{channel}"
role = "{role}"
owner = "{owner}"
linger = "0s"
remind_every = "12h"
downtime = "13h"

[games.example-game]
title = "Example Game"

{sources}"""

SOURCE = """\
[sources.{name}]
kind = "json"
game = "{game}"
url = "{url}"
min_interval = "0s"
rows = {{ at = "codes[]", code = "code", rewards = "rewards", expires = "expires" }}
"""

GAMES = {"api-wos": "whiteout-survival", "api-kingshot": "kingshot", "api-example": "example-game"}
"""The game of each source."""

EVERY_SETTING = """\
state = "state"
time_zone = "Europe/Berlin"

[discord]
token = "env:THE_TOKEN"
api = "https://discord.com/api/v10"

[codes]
unclear = "resend"
lease = "12m"
budget = "4m"
skipped_regions = ["CN", "KR"]
built_in_sources = true
contact = "you@example.org"

[mongo]
uri = "env:THE_MONGO"
database = "giftping"
on_outage = "hold"
server_selection = "4s"

[heartbeat]
codes = "env:HEARTBEAT_CODES"
todo = "env:HEARTBEAT_TODO"
start = true

[operator]
webhook = "env:OPERATOR_WEBHOOK"

[todo]
guild = "300000000000000001"
channel = "300000000000000002"
role = "300000000000000003"
owner = "300000000000000004"
remind_after = "20h"
remind_every = "4h"
remove_after = "6d"
warning = "10h"
linger = "1m"
downtime = "7h"
quiet_hours = "23:00-07:00"
time_zone = "Europe/Berlin"
direct_messages = false
new_dms = 5
exempt = ["400000000000000004"]
staff_role = "300000000000000005"
budget = "4m"
lease = "12m"

[games.my-game]
title = "My Game"
color = "#3498db"
redeem_url = "https://example.org/redeem?code={code}"

[sources.wosgiftcodes-page]
enabled = false

[sources.my-api]
kind = "json"
game = "my-game"
url = "https://example.org/codes.json"
min_interval = "20m"
headers = { "X-Api-Key" = "env:MY_API_KEY", "Accept-Language" = "en" }
rows = { at = "codes[]", code = "code", rewards = "gift", expires = "until", state = "status" }

[sources.my-page]
kind = "html"
game = "my-game"
url = "https://example.org/codes"

[sources.my-page.rows]
at = "ul.codes li"
anchor = "ul.codes"
code = { path = "button", attribute = "data-code" }
rewards = { path = "i", split = "," }
expires = { path = "time", attribute = "datetime" }
state = { heading = true, pattern = "(?i)active|expired" }
"""

LOOKS = (
    ("codes", "stats"),
    ("codes", "list"),
    ("guilds", "list"),
    ("todo", "status"),
    ("todo", "roster", "list"),
    *(("todo", "history", str(user)) for user in (SILENT, DILIGENT, PAUSED, HELPED, LATE, GONE, NEWCOMER)),
)
"""What is asked of a ledger."""

AT = """\
import os, socket, sys, time_machine, datetime
socket.gethostname = lambda: os.environ["HOSTNAME"]
time_machine.travel(datetime.timedelta(seconds=float(sys.argv.pop(1)))).start()
from giftping.cli import main
sys.argv[0] = "giftping"
main()
"""


@dataclass
class Stage:
    """Discord, sources and hosts, whose clocks are all at the same instant, `passed` after the beginning."""

    folder: Path
    discord: StandInDiscord
    sources: StandInSources
    passed: timedelta = timedelta()
    listed: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ahead = BEGAN - datetime.now(UTC)
        self.discord.clock.forward(self._ahead)
        self._set_discord()
        for name in GAMES:
            self.lists(name)

    @property
    def ahead(self) -> timedelta:
        """By how much the stage's clocks are ahead of this machine's."""
        return self._ahead + self.passed

    def wait(self, by: timedelta) -> None:
        """Let time pass for everybody."""
        self.passed += by
        self.discord.clock.forward(by)

    def lists(self, name: str, *codes: str | dict[str, str]) -> None:
        """Let a source list these codes, too."""
        self.listed.setdefault(name, []).extend({"code": code} if isinstance(code, str) else code for code in codes)
        self.sources.set(f"/{name}", json.dumps({"codes": self.listed[name]}), "application/json", etag="auto")

    def _set_discord(self) -> None:
        discord = self.discord
        for guild in (HOOKED, BOT, LITERAL, REFUSED, UNCERTAIN, KILLED):
            discord.add_guild(guild)
            discord.add_channel(guild + 10, guild)
            discord.add_webhook(guild + 20, f"stand-in-{guild % 10}", guild + 10)
        discord.set_permissions(UNCERTAIN + 10, Permission.NONE)
        discord.add_guild(TODO_GUILD)
        discord.set_bot(TODO_GUILD)
        discord.add_channel(TODO_CHANNEL, TODO_GUILD)
        discord.add_role(TODO_GUILD, TODO_ROLE)
        for user in (SILENT, DILIGENT, PAUSED, EXEMPT, HELPED, LATE, GONE, NEWCOMER):
            discord.add_member(TODO_GUILD, user, roles=[TODO_ROLE], name=f"member-{user % 10}")

    def written(self) -> dict[str, Any]:
        """What a later stage needs to stand as this one does."""
        guilds = (HOOKED, BOT, LITERAL, REFUSED, UNCERTAIN, KILLED)
        channels = [*(guild + 10 for guild in guilds), TODO_CHANNEL]
        members = (SILENT, DILIGENT, PAUSED, EXEMPT, HELPED, LATE, NEWCOMER)
        return {
            "ended": (BEGAN + self.passed).isoformat(),
            "api": self.discord.api,
            "sources_at": self.sources.url(""),
            "guilds": [
                {"id": guild, "channel": guild + 10, "webhook": guild + 20, "webhook_token": f"stand-in-{guild % 10}"}
                for guild in guilds
            ],
            "no_permissions": [REFUSED + 10, UNCERTAIN + 10],
            "todo": {"guild": TODO_GUILD, "channel": TODO_CHANNEL, "role": TODO_ROLE},
            "members": [
                {"id": user, "has_role": TODO_ROLE in self.discord.roles_of(TODO_GUILD, user)} for user in members
            ],
            "messages": [
                {
                    "channel": channel,
                    "id": message.id,
                    "author": message.author.id,
                    "sent_at": message.sent_at.isoformat(),
                    "content": message.content,
                    "embeds": list(message.embeds),
                }
                for channel in channels
                for message in self.discord.messages(channel)
            ],
        }


@dataclass
class Host:
    """A machine with a state folder, on a stage."""

    stage: Stage
    folder: Path
    environment: dict[str, str]

    def run(self, *arguments: str, ends: Sequence[int] = (0,), without: str = "") -> str:
        """Run a command at the stage's time, and return what it wrote. Raise SystemExit when it ends otherwise."""
        environment = {name: value for name, value in self.environment.items() if name != without}
        with self.started(*arguments, environment=environment) as process:
            output, errors = process.communicate()
        if process.returncode not in ends:
            raise SystemExit(f"{arguments}: ended with {process.returncode}\n{output}{errors}")
        return output

    @contextmanager
    def started(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-c", AT, str(self.stage.ahead.total_seconds()), *arguments]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=dict(environment or self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            yield process

    def killed(self, *arguments: str, at: Match) -> None:
        """Run a command that is killed when it asks Discord for what matches; Discord does not carry that out."""
        processes: list[subprocess.Popen[str]] = []
        kill = faults.call(lambda: processes[0].kill(), faults.close())
        planned = self.stage.discord.fail(kill, match=at)
        with self.started(*arguments) as process:
            processes.append(process)
            output, errors = process.communicate()
        if not planned.fired:
            raise SystemExit(f"{arguments}: never came to {at}\n{output}{errors}")


def host_on(stage: Stage, name: str, **variables: str) -> Host:
    """A new host with the settings of the story."""
    folder = stage.folder / name
    folder.mkdir()
    sources = "\n".join(
        SOURCE.format(name=source, game=game, url=stage.sources.url(f"/{source}")) for source, game in GAMES.items()
    )
    settings = SETTINGS.format(guild=TODO_GUILD, channel=TODO_CHANNEL, role=TODO_ROLE, owner=OWNER, sources=sources)
    (folder / "giftping.toml").write_text(settings, "utf-8")
    hooks = {f"HOOK_{guild % 10}": stage.discord.webhook_url(guild + 20) for guild in (HOOKED, UNCERTAIN, KILLED)}
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "HOSTNAME": name,
        "GIFTPING_STATE": str(folder / "state"),
        "GIFTPING_DISCORD_API": stage.discord.api,
        "DISCORD_TOKEN": stage.discord.bot_token,
        **hooks,
        **variables,
    }
    return Host(stage, folder, environment)


def live(host: Host, *others: Host) -> None:
    """Six days of a host, and of others beside it, up to where its last runs are killed."""
    stage, wos = host.stage, ("--game", "whiteout-survival")
    stage.lists("api-wos", "Older1Code", "Older2Code")
    stage.lists("api-kingshot", "King2026")
    webhook = ("--mention", "500000000000000001")
    host.run("guilds", "add", str(HOOKED), "--webhook", "env:HOOK_1", *webhook)
    host.run("guilds", "add", str(BOT), "--channel", str(BOT + 10), *wos, "--game", "kingshot", "--announce-current")
    host.run("guilds", "add", str(LITERAL), "--webhook", f"https://discord.com/api/webhooks/{LITERAL + 20}/stand-in-3")
    host.run("guilds", "add", str(REFUSED), "--channel", str(REFUSED + 10))
    host.run("guilds", "add", str(UNCERTAIN), "--webhook", "env:HOOK_5")
    host.run("guilds", "add", str(KILLED), "--webhook", "env:HOOK_6", "--game", "example-game")
    for user in (SILENT, DILIGENT, PAUSED, HELPED, LATE, GONE):
        host.run("todo", "roster", "add", str(user))
    host.run("todo", "roster", "add", str(EXEMPT), "--name", "Dora", "--exempt", "--time-zone", "Europe/Berlin")
    for number in range(30):
        happenings(host, number)
        for one in (host, *others):
            one.run("codes", "check", ends=(0, 69))
        for one in (host, *others) if number % 7 == 0 else [host]:
            one.run("todo", "sweep", ends=(0, 69))
        stage.wait(ROUND)
    stage.wait(-ROUND + HOUR)
    stage.discord.fail(faults.status(500), match=Match("POST", webhook_id=UNCERTAIN + 20), after=True)
    stage.discord.set_permissions(REFUSED + 10, Permission.NONE)
    stage.lists("api-wos", "Frost2026")
    stage.sources.set("/api-kingshot", "out of order", status=503)
    host.run("codes", "check", ends=(69,))
    host.run("todo", "roster", "add", str(NEWCOMER))
    stage.wait(HOUR)


def happenings(host: Host, number: int) -> None:
    """What people do in the round of that number: five hours after the one before it."""
    stage = host.stage
    if number % 4 == 0:
        host.run("todo", "submit", str(DILIGENT), "--must-do", f"Page {number + 1}", "--can-do", "A walk")
    if number == 3:
        stage.lists("api-wos", {"code": "WinterGift", "rewards": "Gems x100", "expires": "2026-12-31"})
        host.run("todo", "pause", str(PAUSED), "--to", "2026-12-24", "--reason", "holidays")
    if number == 8:
        host.run(
            "codes", "add", "HandMade1", "--game", "whiteout-survival", "--rewards", "Meat", "--expires", "2026-12-24"
        )
        stage.lists("api-example", "Example1Code")
    if number in (4, 9, 14, 19, 24, 29):
        by_owner = ("--for", str(HELPED), "--by", str(OWNER))
        host.run("todo", "submit", *by_owner, "--dont-do", "Late nights", ends=(0, 69))
    if number in (7, 14, 20, 25):
        host.run("todo", "submit", str(LATE), "--must-do", "Better late")
    if number == 10:
        stage.discord.remove_member(TODO_GUILD, GONE)


def end_killed(host: Host) -> None:
    """The last check, and the last sweep, of the host."""
    host.stage.lists("api-example", "Example2Code")
    host.killed("codes", "check", at=Match("POST", webhook_id=KILLED + 20))
    host.stage.wait(timedelta(hours=25))
    host.run("todo", "submit", str(DILIGENT), "--must-do", "The last page")
    host.killed("todo", "sweep", at=Match("POST", channel_id=TODO_CHANNEL))


def told(host: Host) -> dict[str, Any]:
    """What the release says of a copy of the state folder."""
    copy = Host(host.stage, host.folder, {**host.environment, "GIFTPING_STATE": str(host.folder / "copy")})
    shutil.copytree(host.folder / "state", host.folder / "copy")
    return {" ".join(look): json.loads(copy.run(*look, "--json", ends=(0, 69))) for look in LOOKS}


@contextmanager
def stage_in(folder: Path) -> Iterator[Stage]:
    folder.mkdir()
    with StandInDiscord(limits=None) as discord, StandInSources() as sources:
        yield Stage(folder, discord, sources)


def write(path: Path, what: Mapping[str, Any]) -> None:
    """Write an object, one key a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in sorted(what.items()))
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def keep_state(host: Host, place: Path) -> None:
    """Keep the host's state folder, without locks, which are empty."""
    shutil.copytree(host.folder / "state", place, ignore=shutil.ignore_patterns("*.lock"))


def keep_stage(stage: Stage, place: Path, host: Host) -> None:
    write(place / "discord.json", stage.written())
    write(place / "sources.json", stage.listed)
    write(place / "told.json", told(host))
    shutil.copy(host.folder / "giftping.toml", place / "giftping.toml")


def make_json(scratch: Path, place: Path) -> None:
    with stage_in(scratch / "json") as stage:
        host = host_on(stage, "host")
        live(host)
        end_killed(host)
        keep_state(host, place / "state")
        keep_stage(stage, place, host)


def make_mongo(scratch: Path, place: Path) -> None:
    mongod = Mongod(new_folder() / "mongod")
    uri = f"{mongod.uri}giftping"
    with stage_in(scratch / "mongo") as stage:
        host, other = host_on(stage, "host", MONGO_URI=uri), host_on(stage, "other", MONGO_URI=uri)
        live(host, other)
        end_killed(host)
        tables = database(uri)
        found = {name: list(tables[name].find().sort("_id")) for name in sorted(tables.list_collection_names())}
        tables.client.close()
        keep_stage(stage, place, host)
        mongod.stop()
        stage.lists("api-wos", "WhileAway1")
        other.run("codes", "check", ends=(0, 69))
        other.run("codes", "add", "HandMade2", "--game", "whiteout-survival")
        other.run("todo", "submit", str(LATE), "--must-do", "While it was away")
        keep_state(other, place / "cut-off")
        write(place / "discord.json", {**stage.written(), "mongo": f"127.0.0.1:{mongod.port}"})
        write(place / "sources.json", stage.listed)
    write_dump(place / "dump.json", found)


def write_dump(path: Path, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Write documents as MongoDB's Extended JSON, one a line."""
    lines = {
        name: ",\n".join(json_util.dumps(one, ensure_ascii=False) for one in ones) for name, ones in tables.items()
    }
    tables_written = ",\n".join(f'"{name}": [\n{ones}\n]' for name, ones in lines.items())
    path.write_text(f"{{\n{tables_written}\n}}\n", "utf-8")


def make_settings(scratch: Path, place: Path) -> None:
    with stage_in(scratch / "settings") as stage:
        host = host_on(stage, "host")
        (host.folder / "giftping.toml").write_text(EVERY_SETTING, "utf-8")
        for name in ("THE_MONGO", "HEARTBEAT_CODES", "HEARTBEAT_TODO", "OPERATOR_WEBHOOK", "MY_API_KEY", "THE_TOKEN"):
            host.environment[name] = f"https://example.org/{name.lower()}"
        host.environment["THE_MONGO"] = "mongodb://mongo.example/giftping"
        host.environment["OPERATOR_WEBHOOK"] = "https://discord.com/api/webhooks/600000000000000001/not-a-secret"
        for name in ("GIFTPING_STATE", "GIFTPING_DISCORD_API", "DISCORD_TOKEN"):
            del host.environment[name]
        host.run("config", "check")
        shown = host.run("config", "show", "--json").replace(str(host.folder), "/home/you")
        write(place / "shown.json", json.loads(shown))
        (place / "every-table.toml").write_text(EVERY_SETTING, "utf-8")
        host.run("init", "fresh", "--guild", str(BOT), "--channel", str(BOT + 10), "--token", "env:DISCORD_TOKEN")
        fresh = (host.folder / "fresh" / "giftping.toml").read_text("utf-8")
        (place / "init.toml").write_text(fresh.replace(str(host.folder), "/home/you"), "utf-8")


def main() -> None:
    """Make all of it anew, in the place of what was there."""
    place = DATA / __version__
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "made")
        make_settings(Path(scratch), made / "settings")
        make_json(Path(scratch), made / "json")
        make_mongo(Path(scratch), made / "mongo")
        for path in made.rglob("*"):
            if path.is_file() and re.search(re.escape(scratch), path.read_text("utf-8")):
                raise SystemExit(f"{path.relative_to(made)} names a folder of this machine")
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(made, place)


if __name__ == "__main__":
    main()
