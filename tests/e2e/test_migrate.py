"""`giftping migrate`, and what the checks after it announce."""

from __future__ import annotations

import json
import signal
import stat
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from fakes.mongod import database, new_database, or_skip, shared_mongod
from fakes.old_data import SHAPES, STATE_ID
from forks import Forker, forked
from scene import Host, Scene, finish

GUILD, CHANNEL = 3001, 3_000_001


@pytest.fixture
def host(scene: Scene, forker: Forker) -> Host:
    """A machine of someone who ran an older bot in one guild; its source lists the codes A, B, C."""
    scene.list_codes("AAAA1", "BBBB2", "CCCC3")
    scene.discord.add_guild(GUILD)
    scene.discord.add_channel(CHANNEL, GUILD)
    scene.channels[GUILD] = CHANNEL
    return forked(scene.host(), forker)


def old_state(host: Host, **state: Any) -> str:
    path = host.folder / "giftcode_state.json"
    path.write_text(json.dumps({"channels": {str(GUILD): CHANNEL}, **state}), "utf-8")
    return path.name


def migrated(host: Host, *options: str) -> Any:
    ran = host.run("migrate", *options, "--json")
    assert ran.exit_code == 0, ran.errors
    return ran.json


def lasting(host: Host) -> dict[str, dict[str, Any]]:
    """Return a host's ledger but for the times at which its entries were written."""
    return {id_: {**document, "updated_at": ""} for id_, document in host.ledger().items()}


def checked(host: Host, times: int = 1) -> None:
    for _ in range(times):
        ran = host.run("codes", "check")
        assert ran.exit_code == 0, ran.errors


def test_after_the_migration_only_what_is_really_new_is_announced_and_once(scene: Scene, host: Host) -> None:
    """D3: after the upgrade, the first new code made the bot send all older ones again, every interval."""
    state = old_state(host, sent={str(GUILD): ["AAAA1", "bbbb2", " CCCC3 "]}, initialized=True)
    report = migrated(host, "--from-json", state)
    assert report["collections"] == {
        "codes": {"found": 3, "added": 3, "newer": 0},
        "subscriptions": {"found": 1, "added": 1, "newer": 0},
        "sent_giftcodes": {"found": 3, "added": 3, "newer": 0},
    }
    scene.list_codes("AAAA1", "BBBB2", "CCCC3", "XXXX4")
    checked(host, 3)
    assert scene.arrived(GUILD) == {"XXXX4": 1}
    assert len(scene.discord.arrived()) == 1


@pytest.mark.parametrize("sent", [{}, {str(GUILD): []}])
def test_a_guild_of_which_nothing_is_recorded_is_seeded_not_flooded(scene: Scene, host: Host, sent: object) -> None:
    """D12: the first release locked up after its first post, so that its files know the channel and no codes."""
    migrated(host, "--from-json", old_state(host, sent=sent))
    checked(host)
    assert scene.arrived(GUILD) == {}
    scene.list_codes("AAAA1", "BBBB2", "CCCC3", "XXXX4")
    checked(host, 2)
    assert scene.arrived(GUILD) == {"XXXX4": 1}


def test_clearing_a_code_that_was_migrated_lets_it_out_again(scene: Scene, host: Host) -> None:
    """D5: clearing a guild reset nothing, because the lists of the release before still held the codes."""
    state = old_state(host, sent={"global": ["AAAA1", "BBBB2"], str(GUILD): ["CCCC3"]})
    migrated(host, "--from-json", state)
    assert host.run("codes", "clear", "--guild", str(GUILD), "--code", "bbbb2", "--yes").exit_code == 0
    assert migrated(host, "--from-json", state)["done_before"]
    checked(host, 2)
    assert scene.arrived(GUILD) == {"BBBB2": 1}


@pytest.mark.parametrize("shape", ["v0", "v0.5", "global"])
def test_whatever_release_wrote_the_file_its_codes_stay_unannounced(scene: Scene, host: Host, shape: str) -> None:
    (state,) = SHAPES[shape](1, ["AAAA1", "BBBB2", "CCCC3"])[STATE_ID]
    text = json.dumps({**state, "channels": {str(GUILD): str(CHANNEL)}}).replace('"1":', f'"{GUILD}":')
    (host.folder / "giftcode_state.json").write_text(text, "utf-8")
    migrated(host, "--from-json", "giftcode_state.json")
    checked(host, 2)
    assert scene.arrived(GUILD) == {}


def test_a_dry_run_shows_numbers_for_each_guild_and_writes_nothing(host: Host) -> None:
    state = old_state(host, sent={str(GUILD): ["AAAA1", "BBBB2"], "77": ["AAAA1"], "global": ["CCCC3"]})
    before = {path.name for path in host.folder.iterdir()}
    ran = finish(host.start("migrate", "--from-json", state, "--dry-run"))
    assert (ran.exit_code, ran.errors) == (0, "")
    assert [line.split() for line in ran.output.splitlines() if line.strip().startswith(("77", "3001"))] == [
        ["3001", "3", "3", "added"],
        ["77", "2", "2", "none", "known"],
    ]
    assert "9 documents would be added" in ran.output
    assert {path.name for path in host.folder.iterdir()} == before


def test_many_guilds_fit_a_screen(host: Host) -> None:
    guilds = {str(100_000_000_000_000_000 + number): ["AAAA1"] * (number % 5) for number in range(500)}
    ran = host.run("migrate", "--from-json", old_state(host, channels={}, sent=guilds), "--dry-run", COLUMNS="80")
    assert max(map(len, ran.output.splitlines()[:-1])) <= 80
    assert "380 others" in ran.output
    assert len(ran.output.splitlines()) < 40


def test_bad_keys_are_told_in_a_line_each_and_the_rest_comes_over(host: Host) -> None:
    """D25: one bad key stopped every guild."""
    state = old_state(host, channels={"x": 1, str(GUILD): CHANNEL}, sent={str(GUILD): ["AAAA1", None]})
    ran = host.run("migrate", "--from-json", state)
    assert (ran.exit_code, ran.errors.splitlines()) == (
        69,
        [
            "giftcode_state.json: channels: 'x': not a guild id",
            f"giftcode_state.json: sent: {GUILD}: None: not a code",
        ],
    )
    assert host.states() == {f"{GUILD}:AAAA1": "sent"}


def test_what_was_there_before_is_kept_and_can_be_taken_back(scene: Scene, host: Host, forker: Forker) -> None:
    scene.bot_guild(host, 1)
    checked(host)
    before = lasting(host)
    state = old_state(host, sent={str(GUILD): ["AAAA1"], "2001": ["OLD1"]})
    content = (host.folder / state).read_bytes()
    report = migrated(host, "--from-json", state)
    assert (host.folder / state).read_bytes() == content
    backup = host.state / report["backup"]
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert before.items() < lasting(host).items()
    other = forked(scene.host("other"), forker)
    migrated(other, "--from-json", str(backup))
    assert lasting(other) == before


def test_one_giftpings_ledger_comes_over_into_another(scene: Scene, host: Host, forker: Forker) -> None:
    guild = scene.bot_guild(host, 1)
    checked(host)
    other = forked(scene.host("other"), forker)
    migrated(other, "--from-json", str(host.state / "giftping.json"))
    assert lasting(other) == lasting(host)
    checked(other)
    assert scene.arrived(guild) == {"AAAA1": 1, "BBBB2": 1, "CCCC3": 1}


def test_killed_on_the_way_the_next_one_completes_it(host: Host) -> None:
    guilds = {str(number): [f"CODE{code}" for code in range(100)] for number in range(1, 101)}
    state = old_state(host, channels={"1": 5}, sent=guilds)
    process = host.start("migrate", "--from-json", state)
    journal = host.state / "giftping.journal"
    while process.poll() is None and not journal.exists():
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    report = migrated(host, "--from-json", state)
    assert report["collections"]["sent_giftcodes"]["found"] == 10_000
    assert len(host.ledger()) == 10_000
    assert migrated(host, "--from-json", state)["done_before"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        ((), 2, "say what to take over: --from-json PATH"),
        (("--from-json", "none.json"), 2, "--from-json: there is no file none.json"),
        (("--from-db", "discord_bot"), 2, "--from-db names a database on the server of MONGO_URI"),
        (("--from-json", "cut.json"), 69, "cut.json: damaged: "),
        (
            ("--from-json", "other.json"),
            69,
            "other.json: neither an older bot's giftcode_state.json nor a giftping.json",
        ),
        (("--from-json", "state/giftping.json"), 2, "is the ledger itself"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    scene: Scene, host: Host, arguments: tuple[str, ...], exit_code: int, says: str
) -> None:
    """D7: a file that was cut off was read as empty, and written over."""
    scene.bot_guild(host, 1)
    (host.folder / "cut.json").write_text('{"channels": {"1": 5}, "sent": {"1": ["AA', "utf-8")
    (host.folder / "other.json").write_text('{"name": "a package"}', "utf-8")
    ledger = (host.state / "giftping.json").read_bytes()
    ran = host.run("migrate", *arguments)
    assert (ran.exit_code, ran.output) == (exit_code, "")
    assert says in ran.errors
    assert len(ran.errors.splitlines()) == 1
    assert (host.state / "giftping.json").read_bytes() == ledger


def test_while_a_check_runs_nothing_is_migrated(host: Host) -> None:
    from giftping.runs.lock import RunLock

    state = old_state(host, sent={})
    with RunLock(host.state / "check.lock"):
        assert host.run("migrate", "--from-json", state).exit_code == 75
    assert host.ledger() == {}


def test_without_a_bot_token_the_user_is_told_what_is_missing(scene: Scene, host: Host, forker: Forker) -> None:
    other = forked(scene.host("tokenless", token=False), forker)
    ran = other.run("migrate", "--from-json", old_state(other, sent={}))
    assert ran.errors == "warning: what came over is posted to by the bot: set DISCORD_TOKEN to the older bot's token\n"


# MongoDB


@pytest.fixture
def uri(host: Host) -> str:
    """The database of someone who ran an older bot on the host, which is given its URI."""
    uri: str = new_database(or_skip(shared_mongod))
    host.environment["MONGO_URI"] = uri
    return uri


def fill(uri: str, collections: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    for name, documents in collections.items():
        database(uri)[name].insert_many([dict(document) for document in documents])


def of_the_guild(shape: str) -> dict[str, list[dict[str, Any]]]:
    """Return the sample of a shape with the codes A, B, C, for the guild on the stage."""
    text = json.dumps(SHAPES[shape](1, ["AAAA1", "BBBB2", "CCCC3"])).replace(f'"{1001}"', str(CHANNEL))
    text = text.replace(": 1001", f": {CHANNEL}").replace('"1":', f'"{GUILD}":').replace('"1"', f'"{GUILD}"')
    collections: dict[str, list[dict[str, Any]]] = json.loads(text.replace('"1:', f'"{GUILD}:'))
    for document in collections.get("sent_giftcodes", []):
        document["guild_id"] = GUILD
    return collections


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_is_in_the_database_only_what_is_new_is_announced(
    scene: Scene, host: Host, uri: str, shape: str
) -> None:
    """D3, D11: an upgrade sent again what an older release had recorded in another shape."""
    fill(uri, of_the_guild(shape))
    report = migrated(host)
    assert report["reported"] == []
    assert [guild["guild_id"] for guild in report["guilds"]] == [str(GUILD)]
    scene.list_codes("AAAA1", "BBBB2", "CCCC3", "XXXX4")
    checked(host, 3)
    assert scene.arrived(GUILD) == {"XXXX4": 1}
    assert migrated(host)["done_before"]


def test_another_database_on_the_server_is_taken_over(scene: Scene, host: Host, uri: str) -> None:
    """D11: the rewrite looked into a database of another name, and began anew."""
    other = new_database(shared_mongod())
    fill(other, of_the_guild("v2"))
    migrated(host, "--from-db", database(other).name)
    checked(host, 2)
    assert scene.arrived(GUILD) == {}
    assert len(host.ledger()) == 3


def test_a_server_that_is_away_is_told_in_one_line_without_the_password(host: Host) -> None:
    host.environment["MONGO_URI"] = "mongodb://bot:hunter2@127.0.0.1:9/?serverSelectionTimeoutMS=100"
    for options in ((), ("--from-db", "other"), ("--dry-run", "-vv")):
        ran = host.run("migrate", *options)
        assert ran.exit_code == 69
        assert "127.0.0.1:9" in ran.errors
        assert "hunter2" not in ran.output + ran.errors
