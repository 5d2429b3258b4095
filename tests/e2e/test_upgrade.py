"""What each release has written is opened by the code of today, which announces none of it again; and the way back.

The data is in `tests/data/VERSION`, made by the commands of that release; `tests/data/make.py` says what there is. The
release before this one is also tried as it was installed, from its own commit, where git still has that.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from bson import json_util
from fakes.mongod import database, new_database, or_skip, shared_mongod
from forks import Forker, Trouble, forked
from mongodb import shares
from scene import Host, Ran, Scene, sample
from test_installing import PIP, call, environment_of_its_own

from giftping.demo.discord import StandInDiscord
from giftping.demo.sources import StandInSources
from giftping.demo.world import Permission
from giftping.store.base import SCHEMA_VERSION
from giftping.store.documents import (
    COLLECTIONS,
    DELIVERIES,
    HOSTS,
    LEDGER,
    META,
    MIRROR,
    RUNS,
    SCHEMA_ID,
    SUBSCRIPTIONS,
    TODO_EVENTS,
)
from giftping.store.engine import REV
from giftping.store.fields import plain_document
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
RELEASES = sorted(path.name for path in DATA.iterdir() if path.is_dir() and path.name[0].isdigit())
PREVIOUS = "f71dfa3440bf2ebd84758f2d15cf84481349e184"
"""The commit of the release before this one, 0.1.0."""

HOOKED, BOT, LITERAL, REFUSED, UNCERTAIN, KILLED = range(1, 7)
HELPED, LATE, NEWCOMER = 5, 6, 8
"""Guilds and members of the story, by their numbers; `tests/data/make.py` says what each is for."""

LATER = timedelta(minutes=20)
"""How long after its end the story goes on: whatever was claimed then is nobody's any more."""

AT_A_TIME = """\
import contextlib, datetime, io, json, sys, time_machine
ahead, commands = float(sys.argv[1]), json.loads(sys.argv[2])
time_machine.travel(datetime.timedelta(seconds=ahead)).start()
from giftping.cli import main
runs = []
for command in commands:
    sys.argv = ["giftping", *command]
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
    runs.append([code, output.getvalue(), errors.getvalue()])
json.dump(runs, sys.stdout)
"""
"""Runs commands one after the other, with the clock put forward: most of what a command takes is its start."""


@dataclass
class Kept:
    """A kept story that goes on: its stand-ins, and a host with a copy of what it wrote."""

    told: dict[str, Any]
    stage: dict[str, Any]
    discord: StandInDiscord
    sources: StandInSources
    host: Host
    began_with: int

    def run(self, *commands: str, at: datetime | None = None) -> list[Ran]:
        """Run commands, each given as a line, at the stand-in's present, or from another time on."""
        ahead = (at or self.discord.clock()) - datetime.now(UTC)
        words = json.dumps([command.split() for command in commands])
        ran = self.host.run(wrapper=("-c", AT_A_TIME, str(ahead.total_seconds()), words))
        assert ran.exit_code == 0, ran
        runs = [Ran(*one) for one in ran.json]
        assert {one.exit_code for one in runs} <= {0, 69}, runs
        return runs

    def channel_of(self, number: int) -> int:
        """The channel of the guild of that number; `tests/data/make.py` says what each guild is for."""
        return int(self.stage["guilds"][number - 1]["channel"])

    def guild(self, number: int) -> int:
        return int(self.stage["guilds"][number - 1]["id"])

    def announced(self) -> dict[int, tuple[str, ...]]:
        """The codes that have arrived since the end of the story, by the number of the guild."""
        numbers = {one["channel"]: one["id"] % 10 for one in self.stage["guilds"]}
        found: dict[int, tuple[str, ...]] = {}
        for one in self.discord.arrived()[self.began_with :]:
            if one.channel_id in numbers:
                number = numbers[one.channel_id]
                found[number] = (*found.get(number, ()), *one.codes)
        return found

    def notified(self) -> Counter[int]:
        """How often each member was notified since the end of the story, by the number of the member."""
        ended = datetime.fromisoformat(self.stage["ended"])
        return Counter(one.user_id % 10 for one in self.discord.all_notifications() if one.message.sent_at > ended)


def stand_as(discord: StandInDiscord, stage: dict[str, Any]) -> None:
    """Let a stand-in hold what the one of the story did."""
    ended = datetime.fromisoformat(stage["ended"])

    def clock_at(time: datetime) -> None:
        discord.clock.forward(time - discord.clock())

    for guild in stage["guilds"]:
        discord.add_guild(guild["id"])
        discord.add_channel(guild["channel"], guild["id"])
        discord.add_webhook(guild["webhook"], guild["webhook_token"], guild["channel"])
    todo = stage["todo"]
    discord.add_guild(todo["guild"])
    discord.set_bot(todo["guild"])
    discord.add_channel(todo["channel"], todo["guild"])
    discord.add_role(todo["guild"], todo["role"])
    for member in stage["members"]:
        discord.add_member(todo["guild"], member["id"], roles=[todo["role"]] if member["has_role"] else [])
    for message in stage["messages"]:
        clock_at(datetime.fromisoformat(message["sent_at"]))
        author = {"author_id": message["author"], "embeds": message["embeds"]}
        discord.add_message(message["channel"], message["content"], **author)
    for channel in stage["no_permissions"]:
        discord.set_permissions(channel, Permission.NONE)
    clock_at(ended + LATER)


def lists(sources: StandInSources, name: str, codes: Sequence[Any]) -> None:
    """Let a source list exactly these codes."""
    sources.set(f"/{name}", json.dumps({"codes": codes}), "application/json", etag="auto")


@contextmanager
def opened(folder: Path, kind: str, state: str | None, work: Path, mongo: str = "") -> Iterator[Kept]:
    """A host that goes on with a copy of a kept state folder, at addresses of today."""
    stage = json.loads((folder / kind / "discord.json").read_text("utf-8"))
    told = json.loads((folder / kind / "told.json").read_text("utf-8"))
    with StandInDiscord(limits=None) as discord, StandInSources(discord.clock) as sources:
        stand_as(discord, stage)
        for name, codes in json.loads((folder / kind / "sources.json").read_text("utf-8")).items():
            lists(sources, name, codes)
        if state is not None:
            shutil.copytree(folder / kind / state, work / "state")
        shutil.copy(folder / kind / "giftping.toml", work / "giftping.toml")
        new_addresses = {stage["api"]: discord.api, stage["sources_at"]: sources.url("")}
        if mongo:
            server, _, name = mongo.removeprefix("mongodb://").partition("/")
            new_addresses |= {f"giftping at {stage['mongo']}": f"{name} at {server}"}
        _put_addresses(work, new_addresses)
        hooks = {f"HOOK_{one['id'] % 10}": discord.webhook_url(one["webhook"]) for one in stage["guilds"]}
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(work),
            "LANG": "C.UTF-8",
            "GIFTPING_STATE": str(work / "state"),
            "GIFTPING_DISCORD_API": discord.api,
            "DISCORD_TOKEN": discord.bot_token,
            **hooks,
            **({"MONGO_URI": mongo} if mongo else {}),
        }
        yield Kept(told, stage, discord, sources, Host(work, environment), len(discord.arrived()))
        assert discord.violations == []
        assert discord.unexpected == []


def _put_addresses(folder: Path, new: dict[str, str]) -> None:
    """Put new addresses in the place of old ones. None is in a journal, whose lines have checksums."""
    for path in (path for path in folder.rglob("*") if path.is_file()):
        text = path.read_text("utf-8")
        for old, address in new.items():
            text = text.replace(old, address)
        path.write_text(text, "utf-8")


def lost(today: Any, then: Any, at: str = "") -> Iterator[str]:
    """Where today's answer does not say what the older one said; new keys may have come."""
    if isinstance(then, dict) and isinstance(today, dict):
        for key, value in then.items():
            yield from lost(today.get(key, "nothing"), value, f"{at}.{key}")
    elif isinstance(then, list) and isinstance(today, list) and len(today) == len(then):
        for number, value in enumerate(then):
            yield from lost(today[number], value, f"{at}[{number}]")
    elif today != then:
        yield f"{at}: {then!r} then, {today!r} now"


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest) -> Path:
    return DATA / str(request.param)


def by_game(guild: dict[str, Any]) -> dict[str, Any]:
    """What 0.1.0 told of a guild, as it is told today: of each game of it."""
    mentioned = [guild["mention_role_id"]] if guild["mention_role_id"] else []
    return {
        "guild_id": guild["guild_id"],
        "subscriptions": [
            {
                "game": game,
                "destination": guild["destination"],
                "mentions": mentioned,
                "seeded": guild["seeded"].get(game),
                "announce_current": game in guild["announce_current"],
                "broken": guild["broken"],
            }
            for game in guild["games"]
        ],
    }


RENAMED = {"codes stats.states.claimed: 1 then, 'nothing' now"}
"""What is told by another name today: what was claimed is open."""


def says_what_it_said(kept: Kept) -> None:
    """Check that a ledger tells today, at the same hour, what it told when it was written."""
    ended = datetime.fromisoformat(kept.stage["ended"])
    # What comes next goes by Discord's time.
    since = kept.discord.clock() - ended
    kept.discord.clock.forward(-since)
    runs = kept.run(*(f"{command} --json" for command in kept.told), at=ended)
    kept.discord.clock.forward(since)
    told = {**kept.told, "guilds list": {"guilds": [by_game(one) for one in kept.told["guilds list"]["guilds"]]}}
    for (command, then), ran in zip(told.items(), runs, strict=True):
        assert set(lost(ran.json, then, command)) <= RENAMED
        assert "upgraded" not in ran.errors, "who only looks changes nothing"


def upgrades(kept: Kept) -> str:
    """Upgrade by a command that announces nothing, and return what it said of that."""
    ran, again = kept.run(*[f"guilds add {kept.guild(HOOKED)} --webhook env:HOOK_1 --no-check"] * 2)
    assert ran.exit_code == again.exit_code == 0
    assert "upgraded" not in again.errors, "once"
    return ran.errors


GO_ON = ("codes check", "todo sweep", "codes check", "todo sweep", "doctor", "codes stats")


def test_the_state_folder_of_a_release_is_opened_and_nothing_goes_out_again(release: Path, tmp_path: Path) -> None:
    with opened(release, "json", "state", tmp_path) as kept:
        says_what_it_said(kept)
        assert list(kept.host.state.glob("before-upgrade-*.json")) == []
        said = upgrades(kept)
        (backup,) = kept.host.state.glob("before-upgrade-*.json")
        assert "is upgraded from giftping 0.1.0, with 6 guilds and 2 messages under way" in said
        assert str(backup) in said
        says_what_it_said(kept)
        kept.run(*GO_ON)
        assert kept.announced() == {KILLED: ("Example2Code",)}, "what the killed check had not posted, and no more"
        assert kept.notified() == {HELPED: 2, LATE: 2, NEWCOMER: 2}, "whose reminders the killed sweep had not sent"
        kept.discord.set_permissions(kept.channel_of(REFUSED), Permission.POSTING)
        kept.run(f"guilds test {kept.guild(REFUSED)}", "codes check")
        assert kept.announced()[REFUSED][-1:] == ("Frost2026",), "what was refused is still owed"


@pytest.fixture
def mongo(release: Path) -> str:
    """The address of a database that holds what the release wrote."""
    uri: str = or_skip(lambda: new_database(shared_mongod()))
    dump = json_util.loads((release / "mongo" / "dump.json").read_text("utf-8"))
    for name, documents in dump.items():
        database(uri)[name].insert_many(documents)
    return uri


def test_the_database_of_a_release_is_opened_and_nothing_goes_out_again(
    release: Path, mongo: str, tmp_path: Path
) -> None:
    with opened(release, "mongo", None, tmp_path, mongo) as kept:
        says_what_it_said(kept)
        last = max(datetime.fromisoformat(run["finished_at"]) for run in database(mongo)["runs"].find())
        (early,) = kept.run("codes check", at=last + timedelta(minutes=5))
        assert early.exit_code == 69
        assert "ran giftping 0.1.0 less than ten minutes ago" in early.errors
        assert database(mongo)["meta"].find_one({"_id": "schema"}) == {"_id": "schema", "version": 1}
        assert "is upgraded from giftping 0.1.0, with 6 guilds and 2 messages under way" in upgrades(kept)
        says_what_it_said(kept)
        # As it was when the database was copied: what was listed later has gone out by the host that was cut off.
        lists(kept.sources, "api-wos", [{"code": "Frost2026"}, {"code": "AfterUpgrade1"}])
        (met,) = kept.run("codes check")
        assert "sends nothing" in met.errors, "the hosts of the release knew of no sharing"
        assert kept.announced() == {}
        kept.run("store forget host-dc2a2e --yes", "store forget other-cd22c7 --yes", *GO_ON)
        new = dict.fromkeys((HOOKED, BOT, LITERAL, UNCERTAIN), ("AfterUpgrade1",))
        assert kept.announced() == {KILLED: ("Example2Code",), **new}, "the new code, and what the killed check had not"
        assert kept.notified() == {HELPED: 2, LATE: 2, NEWCOMER: 2}, "whose reminders the killed sweep had not sent"
        assert kept.discord.role_changes == []


def test_a_host_that_was_cut_off_carries_back_what_it_noted_under_a_release(
    release: Path, mongo: str, tmp_path: Path
) -> None:
    with opened(release, "mongo", "cut-off", tmp_path, mongo) as kept:
        (back,) = kept.run("codes check")
        assert "is back" in back.errors, back
        # The release that both hosts ran knew of no sharing: the other one is no more.
        assert "giftping store forget host-dc2a2e" in back.errors, back
        kept.run("store forget host-dc2a2e --yes", *GO_ON)
        by_hand = dict.fromkeys((HOOKED, BOT, LITERAL, UNCERTAIN), ("HandMade2",))
        assert kept.announced() == by_hand, (
            "WhileAway1 went out while it was away, and so did what the other had claimed"
        )
        assert kept.notified() == {HELPED: 2, NEWCOMER: 2}, "the other one has handed in while it was away"
        entries = {entry["_id"]: entry["state"] for entry in database(mongo)["sent_giftcodes"].find()}
        assert {state for id_, state in entries.items() if id_.endswith(":WHILEAWAY1")} == {"sent"}
        assert kept.discord.role_changes == []


UPGRADED = tuple(name for name in COLLECTIONS if name not in (META, MIRROR, RUNS, HOSTS, TODO_EVENTS))
"""The collections that tell what an upgrade has done."""


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in plain_document(document).items() if field != REV}


def everything(folder: Path) -> dict[str, Any]:
    """All documents of a state folder by collection and `_id`, without what each write makes anew."""
    with Store(TinyEngine(folder, read_only=True)) as store:
        assert store.engine.get(META, [SCHEMA_ID])[SCHEMA_ID]["version"] == SCHEMA_VERSION
        return {
            name: {
                one["_id"]: {field: value for field, value in one.items() if field != REV}
                for one in store.engine.walk(name)
            }
            for name in COLLECTIONS
            if name != META
        }


def test_an_upgrade_that_is_killed_at_any_step_is_gone_on_with(
    release: Path, tmp_path: Path, forker: Forker, record_property: Callable[[str, object], None]
) -> None:
    with opened(release, "json", "state", tmp_path) as kept:
        host, before = forked(kept.host, forker), tmp_path / "before"
        command = ("guilds", "add", str(kept.guild(HOOKED)), "--webhook", "env:HOOK_1", "--no-check")
        shutil.copytree(host.state, before)
        assert host.run(*command).exit_code == 0
        wanted, steps = everything(host.state), len(host.steps)
        ends: Counter[int] = Counter()
        planned = sample(range(1, steps + 1), 4)
        for step in planned:
            shutil.rmtree(host.state)
            shutil.copytree(before, host.state)
            ends[host.run(*command, trouble=Trouble(kill_at=step)).exit_code] += 1
            assert host.run(*command).exit_code == 0
            assert everything(host.state) == wanted, step
            assert len(list(host.state.glob("before-upgrade-*.json"))) in (1, 2), step
        assert ends[-9] >= len(planned) - 1
        record_property("told", f"upgrade: {ends[-9]} runs killed, at one each of {len(planned)} of {steps} steps")


class TwoHosts:
    """Two of a database that a release wrote: one was cut off and has something to carry back, the other one is new."""

    def __init__(self, kept: Kept, uri: str, forker: Forker) -> None:
        self.one = forked(kept.host, forker)
        folder = self.one.folder
        elsewhere = {"GIFTPING_STATE": str(folder / "other" / "state")}
        self.other = forked(Host(folder / "other", {**self.one.environment, **elsewhere}), forker)
        (folder / "other").mkdir()
        shutil.copy(folder / "giftping.toml", folder / "other")
        for host in (self.one, self.other):
            shares(host)
        self._database = database(uri)
        self._before = {name: list(self._database[name].find()) for name in self._database.list_collection_names()}
        shutil.copytree(self.one.state, folder / "before")

    def begin_again(self) -> None:
        for name in self._database.list_collection_names():
            self._database[name].delete_many({})
            if self._before.get(name):
                self._database[name].insert_many(self._before[name])
        for host in (self.one, self.other):
            shutil.rmtree(host.state, ignore_errors=True)
        shutil.copytree(self.one.folder / "before", self.one.state)

    def everything(self) -> dict[str, dict[str, Any]]:
        """What the database holds, and both mirrors as well, without what each write makes anew."""
        there = {name: {one["_id"]: plain(one) for one in self._database[name].find()} for name in UPGRADED}
        for host in (self.one, self.other):
            here = everything(host.state)
            assert {name: here[name] for name in UPGRADED} == there
        return there


def test_an_upgrade_that_one_of_two_hosts_is_killed_in_is_gone_on_with_by_the_other(
    release: Path, mongo: str, tmp_path: Path, forker: Forker, record_property: Callable[[str, object], None]
) -> None:
    with opened(release, "mongo", "cut-off", tmp_path, mongo) as kept:
        hosts = TwoHosts(kept, mongo, forker)
        command = ("guilds", "add", str(kept.guild(HOOKED)), "--webhook", "env:HOOK_1", "--no-check")
        ends: Counter[int] = Counter()
        for begin, (killed, left) in enumerate([(hosts.one, hosts.other), (hosts.other, hosts.one)]):
            hosts.begin_again()
            assert killed.run(*command, watched=True).exit_code == 0
            # Where the step before left nothing behind, a kill is the one before it.
            worth_it = [number for number, step in enumerate(killed.steps, 2) if step.leaves_another_state]
            for host in (left, killed, left):
                assert host.run(*command).exit_code == 0
            wanted = hosts.everything()
            for step in sample(worth_it, 16, 8 * begin):
                hosts.begin_again()
                ends[killed.run(*command, trouble=Trouble(kill_at=step)).exit_code] += 1
                for host in (left, killed, left):
                    ran = host.run(*command)
                    assert ran.exit_code == 0, (step, ran)
                assert hosts.everything() == wanted, step
        assert ends.keys() == {-9}
        record_property("told", f"upgrade by two hosts: {ends[-9]} runs killed")


def test_what_was_there_before_an_upgrade_can_be_taken_back(release: Path, tmp_path: Path) -> None:
    with opened(release, "json", "state", tmp_path) as kept:
        upgrades(kept)
        upgraded = everything(kept.host.state)
        (backup,) = kept.host.state.glob("before-upgrade-*.json")
        aside = tmp_path / "aside"
        shutil.move(kept.host.state, aside)
        (taken,) = kept.run(f"migrate --from-json {aside / backup.name} --json")
        assert taken.exit_code == 0
        found = everything(kept.host.state)
        for name in (SUBSCRIPTIONS, DELIVERIES):
            assert found[name] == upgraded[name]
        assert {id_: one["state"] for id_, one in found[LEDGER].items()} == {
            id_: one["state"] for id_, one in upgraded[LEDGER].items()
        }
        kept.run(*GO_ON)
        assert kept.announced() == {KILLED: ("Example2Code",)}


def test_the_settings_of_a_release_say_what_they_said(release: Path, tmp_path: Path) -> None:
    kept = release / "settings"
    then = json.loads((kept / "shown.json").read_text("utf-8"))
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    for name in ("THE_MONGO", "HEARTBEAT_CODES", "HEARTBEAT_TODO", "OPERATOR_WEBHOOK", "MY_API_KEY", "THE_TOKEN"):
        environment[name] = f"https://example.org/{name.lower()}"
    environment["THE_MONGO"] = "mongodb://mongo.example/giftping"
    environment["OPERATOR_WEBHOOK"] = "https://discord.com/api/webhooks/600000000000000001/not-a-secret"
    host = Host(tmp_path, environment)
    shutil.copy(kept / "every-table.toml", tmp_path / "giftping.toml")
    assert host.run("config", "check").exit_code == 0
    today = json.loads(host.run("config", "show", "--json").output.replace(str(tmp_path), "/home/you"))
    # Its terms forbid robots, so that it is not asked any more by those who did not ask for it.
    switched_off = [".sources.kingshotmastery.enabled: True then, False now"]
    assert [one for one in lost(today, then) if one not in switched_off] == []
    shutil.copy(kept / "init.toml", tmp_path / "giftping.toml")
    assert host.run("config", "check").exit_code == 0


@pytest.fixture
def wheels(built: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The wheel of the release before this one, and today's; nothing is fetched."""
    archive = subprocess.run(["git", "archive", PREVIOUS], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip("git has no commit of the release before this one here: a shallow clone, or no clone at all")
    with tarfile.open(fileobj=BytesIO(archive.stdout)) as tar:
        tar.extractall(tmp_path / "previous", filter="data")
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, tmp_path / "previous")
    (old,), (new,) = tmp_path.glob("*.whl"), built.glob("*.whl")
    return old, new


def installed(wheel: Path, place: Path) -> Path:
    """An environment that has the giftping of a wheel; what pip does to one that has another is tried elsewhere."""
    environment = environment_of_its_own(place)
    call(*PIP, "--python", environment, "install", "--no-deps", "--no-index", wheel)
    told = call(environment / "bin" / "giftping", "--version", HOME=str(place)).stdout
    assert told.split()[1] in wheel.name
    return environment


SUBMITS, SILENT = 21, 22
TODO = f"""\
[todo]
guild = "1"
channel = "12"
role = "13"
exempt = ["{SUBMITS}"]
remind_after = "1s"
linger = "1m"
"""
"""Whoever is silent falls due at once: a sweep that comes a little earlier waits for them."""


@pytest.mark.xdist_group("built")
def test_from_the_wheel_before_to_this_one_and_back(scene: Scene, wheels: tuple[Path, Path], tmp_path: Path) -> None:
    old, new = [installed(wheel, tmp_path / name) for wheel, name in zip(wheels, ("old", "new"), strict=True)]
    environment = old
    scene.list_codes()
    host = scene.host(settings=TODO)
    variables = {**host.environment, "HOME": str(host.folder)}
    scene.discord.add_guild(1)
    for channel in (11, 12):
        scene.discord.add_channel(channel, 1)
    scene.channels[1] = 11
    scene.discord.set_bot(1)
    scene.discord.add_role(1, 13)
    for member in (SUBMITS, SILENT):
        scene.discord.add_member(1, member, roles=[13])

    def giftping(*arguments: str) -> str:
        return call(environment / "bin" / "giftping", *arguments, **variables).stdout

    announced: list[str] = []
    for number, newer in enumerate((old, new)):
        environment = newer
        if number == 0:
            giftping("guilds", "add", "1", "--channel", "11", "--announce-current")
            for member in (SUBMITS, SILENT):
                giftping("todo", "roster", "add", str(member))
        announced.append(f"Code{number}Of2026")
        scene.list_codes(*announced)
        giftping("codes", "check")
        giftping("codes", "check")
        assert scene.arrived(1) == dict.fromkeys(announced, 1)
        giftping("todo", "submit", str(SUBMITS), "--must-do", f"Page {number}")
        giftping("todo", "sweep")
        giftping("todo", "sweep")
        posted = [embed["title"] for message in scene.discord.written(12) for embed in message.embeds]
        assert sorted(posted) == ["⏰ TODO reminder", *["✅ New TODO submitted"] * (number + 1)]
        rung = Counter(one.user_id for one in scene.discord.all_notifications())
        assert rung[SILENT] == 2, "one reminder, in the channel and by DM, however often and by whom it is looked"
    assert json.loads(giftping("codes", "stats", "--json"))["states"]["sent"] == 2
    told = json.loads(giftping("todo", "history", str(SUBMITS), "--json"))["events"]
    assert sum(one["result"] == "handed in" for one in told) == 2, "the newer one reads the history of the older"
    environment = old
    refused = subprocess.run(
        [environment / "bin" / "giftping", "codes", "check"],
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 69
    assert "written by a newer giftping" in refused.stderr
    put_back(host.state)
    assert json.loads(giftping("codes", "stats", "--json"))["states"]["sent"] == 1, "what it knew then"
    scene.list_codes(announced[0], "Code2Of2026")
    giftping("codes", "check")
    environment = new
    giftping("codes", "check")
    assert scene.arrived(1) == dict.fromkeys([*announced, "Code2Of2026"], 1)


def put_back(state: Path) -> None:
    """What docs/upgrading.md says to do to go back."""
    page = (ROOT / "docs" / "upgrading.md").read_text("utf-8")
    lines = page.partition("To go back: install 0.1.0")[2].partition("```console\n")[2].partition("```")[0]
    said = lines.replace("$ ", "").replace("~/.local/state/giftping", str(state))
    subprocess.run(["sh", "-eu", "-c", said], env={"PATH": "/usr/bin:/bin"}, check=True)
