"""No token, webhook URL, key or password in anything that giftping writes, whatever goes wrong, at any verbosity."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
import typer.main
from forks import ForkedHost, Forker, forked
from scene import FULL, GAME, Ran, Scene, sample
from typer.core import TyperGroup

from giftping import cli
from giftping.codes.sample import SAMPLE
from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources

# Shaped like real ones, and like nothing else in the output.
BOT_TOKEN = "MTAxMjM0NTY3ODkwMTIzNDU2.GzQxYw.q7vT2nLx8KdPw0sRb4mYc6hJf1eZa9uXo3gWkN"
BY_VARIABLE = "vArIaBlE-wEbHoOk_tOkEn-68-letters-of-it-0123456789abcdefghijklmnopqrst"
BY_FILE = "fIlE-wEbHoOk_tOkEn-68-letters-of-it-9876543210zyxwvutsrqponmlkjihgfe"
RAW = "rAw-wEbHoOk_tOkEn-68-letters-of-it-5555555555mmmmmmmmmmnnnnnnnnnnooo"
SOURCE_KEY = "source-key-5f2b8c1e9d7a4063"
PASSWORD = "correct horse battery/staple"
SECRETS = (BOT_TOKEN, BY_VARIABLE, BY_FILE, RAW, SOURCE_KEY, PASSWORD)
FORMS = {form: secret for secret in SECRETS for form in (secret, quote(secret, safe=""), secret.replace("/", "\\/"))}

VERBOSITIES = ((), ("-vv",), ("-vv", "--json"))
GUILDS = {"env": 11, "file": 12, "raw": 13, "bot": 14}
HOLDS_RAW_URL = re.compile(r"giftping\.(json|journal)(\.previous)?(\.tmp)?")
OWN_SOURCE = """
[sources.keyed]
kind = "json"
game = "whiteout-survival"
url = "{url}"
min_interval = "0s"
headers = {{ X-API-Key = "env:SOURCE_KEY" }}
rows = {{ at = "codes[]", code = "code" }}
"""


def leaks_in(text: str) -> set[str]:
    return {secret for form, secret in FORMS.items() if form in text}


@dataclass
class House:
    """A machine with every kind of secret, and the Discord and the sources it talks to."""

    scene: Scene
    host: ForkedHost
    given: tuple[Path, ...]

    def drive(self, *arguments: str, **extra: str) -> None:
        for verbosity in VERBOSITIES:
            self.host.run(*arguments, *verbosity, **extra)

    def assert_nothing_leaked(self) -> None:
        for ran in self.host.runs:
            assert leaks_in(ran.output + ran.errors) == set(), ran
        for path in self.host.folder.rglob("*"):
            if path.is_file() and path not in self.given:
                self._assert_file_is_clean(path)

    def _assert_file_is_clean(self, path: Path) -> None:
        leaks = leaks_in(path.read_text("utf-8", "surrogateescape"))
        if path.parent == self.host.state and HOLDS_RAW_URL.fullmatch(path.name):
            leaks.discard(RAW)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert leaks == set(), path


@pytest.fixture
def house(tmp_path: Path, forker: Forker) -> Iterator[House]:
    with StandInDiscord(limits=None, bot_token=BOT_TOKEN) as discord, StandInSources() as sources:
        scene = Scene(tmp_path, discord, sources)
        scene.list_codes("FIRST111", "SECOND22")
        host = forked(scene.host(settings=OWN_SOURCE.format(url=sources.url("/keyed"))), forker)
        for name, number, token in (("env", 1, BY_VARIABLE), ("file", 2, BY_FILE), ("raw", 3, RAW), ("bot", 4, "")):
            discord.add_guild(GUILDS[name])
            discord.add_channel(100 + number, GUILDS[name])
            if token:
                discord.add_webhook(200 + number, token, 100 + number)
        file = host.folder / "webhook.url"
        file.write_text(discord.webhook_url(202) + "\n", "utf-8")
        file.chmod(0o600)
        dotenv = host.folder / ".env"
        dotenv.write_text(f'SOURCE_KEY="{SOURCE_KEY}"\nARCHIVE_PASSWORD="{PASSWORD}"\n', "utf-8")
        dotenv.chmod(0o600)
        host.environment["HOOK"] = discord.webhook_url(201)
        sources.set("/keyed", '{"codes": [{"code": "KEYED333"}]}', "application/json")
        yield House(scene, host, (file, dotenv))


def ways_to(house: House) -> dict[str, tuple[str, str]]:
    """Return how each guild is added: by a reference to its webhook's URL, by the URL itself, or by a channel."""
    return {
        "env": ("--webhook", "env:HOOK"),
        "file": ("--webhook", "file:webhook.url"),
        "raw": ("--webhook", house.scene.discord.webhook_url(203)),
        "bot": ("--channel", "104"),
    }


def add_guilds(house: House) -> None:
    for name, way in ways_to(house).items():
        ran = house.host.run("guilds", "add", str(GUILDS[name]), *way, "--announce-current", "-vv")
        assert (ran.exit_code, ran.errors) == (0, "")


def look_at_everything(house: House, **extra: str) -> None:
    house.drive("config", "check", **extra)
    house.drive("config", "show", **extra)
    house.drive("guilds", "list", **extra)
    house.drive("sources", "list", **extra)
    house.drive("sources", "test", "keyed", **extra)
    house.drive("codes", "list", "--all", **extra)
    house.drive("codes", "stats", **extra)
    house.drive("codes", "explain", "FIRST111", "--guild", str(GUILDS["raw"]), **extra)


def test_nothing_leaks_while_all_is_well(house: House) -> None:
    for name, way in ways_to(house).items():
        house.drive("guilds", "add", str(GUILDS[name]), *way, "--announce-current")
    house.drive("codes", "check", "--dry-run")
    house.drive("codes", "check")
    look_at_everything(house)
    for guild in GUILDS.values():
        house.drive("guilds", "test", str(guild))
    house.drive("codes", "add", "MANUAL44", "--game", GAME)
    house.drive("codes", "check")
    house.drive("codes", "clear", "--guild", str(GUILDS["raw"]), "--yes")
    house.host.run("guilds", "remove", str(GUILDS["bot"]), "--yes", "-vv")
    house.assert_nothing_leaked()
    assert all(ran.exit_code == 0 for ran in house.host.runs)
    announced = [one for one in house.scene.discord.arrived() if one.codes and one.codes != (SAMPLE,)]
    assert len(announced) == 8


FAILURES = {
    "401": lambda: faults.status(401, 50027),
    "403": lambda: faults.status(403, 50013),
    "404": lambda: faults.status(404, 10015),
    "429": lambda: faults.rate_limited("shared", 600),
    "cloudflare": faults.cloudflare_ban,
    "502": lambda: faults.html(502),
    "reset": faults.reset,
    "garbage": faults.garbage,
}


@pytest.mark.parametrize("failure", sample(list(FAILURES), 2, begin=1))
def test_nothing_leaks_when_discord_fails(house: House, failure: str) -> None:
    add_guilds(house)
    house.scene.discord.fail(FAILURES[failure](), times=None)
    house.drive("codes", "check")
    for guild in GUILDS.values():
        house.host.run("guilds", "test", str(guild), "-vv")
    house.host.run("codes", "settle", "-vv")
    house.host.run("codes", "stats", "--json")
    house.drive("guilds", "list")
    house.host.run("codes", "explain", "FIRST111", "--guild", str(GUILDS["raw"]), "-vv")
    assert {ran.exit_code for ran in house.host.runs} == {0, 69}
    house.assert_nothing_leaked()


def test_nothing_leaks_when_discord_repeats_what_it_was_sent(house: House) -> None:
    add_guilds(house)
    discord = house.scene.discord
    for webhook in (201, 202, 203):
        url = discord.webhook_url(webhook)
        echo = faults.status(400, 50035, f"no: {url.rpartition('/')[2]} of {url}")
        discord.fail(echo, match=Match(webhook_id=webhook), times=None)
    discord.fail(faults.status(400, 50035, f"no: Bot {BOT_TOKEN}, {BOT_TOKEN}"), times=None)
    house.drive("codes", "check")
    for guild in GUILDS.values():
        house.drive("guilds", "test", str(guild))
    assert sum("HTTP 400 no: " in line for line in house.host.runs[-1].errors.splitlines()) == 1
    house.assert_nothing_leaked()


def test_nothing_leaks_when_nobody_listens(house: House) -> None:
    add_guilds(house)
    house.scene.discord.close()
    house.scene.sources.close()
    house.drive("codes", "check")
    for guild in GUILDS.values():
        house.host.run("guilds", "test", str(guild), "-vv")
    look_at_everything(house)
    assert any("could not connect" in ran.errors for ran in house.host.runs)
    house.assert_nothing_leaked()


@pytest.mark.parametrize(
    "wrong",
    [
        f"http://discord.com/api/webhooks/203/{RAW}",
        f"https://discord.example/api/webhooks/203/{RAW}",
        f"https://discord.com/api/webhook/203/{RAW}",
        f"https://discord.com/api/webhooks/203/{RAW}?thread_id=x",
        f"https://user:{RAW}@discord.com/api/webhooks/203",
        f"evn:{RAW}",
        f"env:{RAW}",
        RAW,
        f"https://discord.com/api/webhooks/203/{RAW}\n{RAW}",
    ],
)
def test_a_mistyped_webhook_is_not_repeated(house: House, wrong: str) -> None:
    house.drive("guilds", "add", "13", "--webhook", wrong)
    assert all(ran.errors for ran in house.host.runs)
    house.assert_nothing_leaked()


def test_secrets_that_are_missing_or_wrong_are_named_by_their_place(house: House) -> None:
    add_guilds(house)
    (house.host.folder / "webhook.url").write_text(f"{BY_FILE}\n{BY_FILE}\n", "utf-8")
    look_at_everything(house, HOOK=f"hxxps://discord.com/api/webhooks/1/{BY_VARIABLE}", DISCORD_TOKEN=f"a {BOT_TOKEN}")
    house.drive("codes", "check", HOOK=f"{BY_VARIABLE}")
    house.drive("codes", "check", HOOK=f"{BY_VARIABLE}", DISCORD_TOKEN=f"{BOT_TOKEN}\nx")
    house.drive("codes", "check", DISCORD_TOKEN="")
    assert any("file:" in ran.errors and "webhook.url" in ran.errors for ran in house.host.runs)
    house.assert_nothing_leaked()


def test_a_source_that_fails_does_not_tell_its_key(house: House) -> None:
    add_guilds(house)
    for fault in (faults.status(401), faults.reset(), faults.garbage()):
        house.scene.sources.clear_faults()
        house.scene.sources.fail("/keyed", fault)
        house.drive("sources", "test", "keyed")
        house.host.run("codes", "check", "-vv")
        house.host.run("sources", "list", "-vv")
    house.drive("codes", "check", SOURCE_KEY=f"{SOURCE_KEY}\nX-Other: 1")
    sent = house.scene.sources.requests("/keyed")
    assert any(request.headers.get("x-api-key") == SOURCE_KEY for request in sent)
    house.assert_nothing_leaked()


def test_a_mistake_in_the_settings_does_not_tell_what_was_written(house: House) -> None:
    toml = house.host.folder / "giftping.toml"
    good = toml.read_text("utf-8")
    for wrong in (
        f'[discord]\ntoken = "{BOT_TOKEN}"\n',
        f'[discord]\ntokn = "{BOT_TOKEN}"\n',
        f'[discord]\napi = "https://user:{PASSWORD}@discord.com/api"\n',
        f"[discord]\ntoken = {BOT_TOKEN}\n",
        f'[discord]\ntoken = ["{BOT_TOKEN}"]\n',
        f'[discord]\ntoken = "evn:{BOT_TOKEN}"\n',
    ):
        toml.write_text(good + wrong, "utf-8")
        house.host.run("config", "check", "-vv")
        house.host.run("config", "show", "--json")
        house.host.run("codes", "check")
    toml.write_text(good, "utf-8")
    uri = f"mongodb://giftping:{quote(PASSWORD, safe='')}@mongo.example/bot?serverSelectionTimeoutMS=20"
    house.drive("codes", "check", MONGO_URI=uri)
    assert any(ran.exit_code == 78 for ran in house.host.runs)
    house.assert_nothing_leaked()


def test_a_line_of_dotenv_that_is_none_is_not_repeated(house: House) -> None:
    (house.host.folder / ".env").write_text(f"SOURCE_KEY: {SOURCE_KEY}\n{PASSWORD}\n", "utf-8")
    house.drive("codes", "check")
    assert all(ran.exit_code == 78 for ran in house.host.runs)
    house.assert_nothing_leaked()


BREAKING = """
import sys, giftping.wiring, giftping.cli

def broken(house, destination):
    house.settings.secret("env:HOOK")
    values = house.settings.environment.values
    try:
        raise ValueError("first: " + {first})
    except ValueError as error:
        raise RuntimeError("then: " + {then}) from error

giftping.wiring.Wiring.route_to = broken
giftping.cli.main()
"""
TEXTS = {
    "bot token": "values['DISCORD_TOKEN']",
    "webhook URL": "values['HOOK']",
    "webhook URL of a file": "open('webhook.url').read()",
    "path of a webhook": "'GET /api/v10/webhooks/202/' + open('webhook.url').read().strip().rpartition('/')[2]",
    "header of a bot": "repr({'authorization': 'Bot ' + values['DISCORD_TOKEN']})",
    "password of .env": "values['ARCHIVE_PASSWORD']",
}


@pytest.mark.parametrize("what", sample(list(TEXTS), 2))
def test_an_unexpected_error_is_told_without_the_secret_in_its_text(house: House, what: str) -> None:
    add_guilds(house)
    code = BREAKING.format(first=TEXTS[what], then=TEXTS[what])
    plain = super(ForkedHost, house.host).run
    for verbosity in ((), ("-vv",)):
        ran: Ran = plain("codes", "check", *verbosity, wrapper=("-c", code))
        house.host.runs.append(ran)
        assert ran.exit_code == 1
        assert "unexpected RuntimeError: then: " in ran.errors
        assert ("Traceback" in ran.errors and "first: " in ran.errors) == bool(verbosity)
    house.assert_nothing_leaked()


# Every command

TODO_GUILD, TODO_CHANNEL, TODO_ROLE, OWNER, ADA, BEN = 15, 105, 106, 500, 501, 502

EVERY_COMMAND: tuple[tuple[str, ...], ...] = (
    ("init", "settings", "--force", "--guild", "11", "--webhook", "{raw}", "--token", BOT_TOKEN),
    ("config", "check"),
    ("config", "show"),
    ("doctor",),
    ("doctor", "--live"),
    ("guilds", "add", "13", "--webhook", "{raw}"),
    ("guilds", "add", "13", "--webhook", "{raw}", "--no-check"),
    ("guilds", "add", "11", "--webhook", "{raw}"),
    ("guilds", "add", "11", "--webhook", "{raw}", "--no-check"),
    ("guilds", "add", "14", "--channel", "104", "--announce-current"),
    (
        "guilds",
        "add",
        "13",
        "--username",
        "Codes",
        "--avatar",
        "https://example.org/a.png",
        "--publish",
        "--posts",
        "kept",
    ),
    ("guilds", "add", "13", "--posts", "none", "--no-publish", "--username", "", "--avatar", ""),
    ("guilds", "add", "13", "--tag", "codes"),
    ("guilds", "list"),
    ("guilds", "test", "13"),
    ("guilds", "test", "14"),
    ("sources", "list"),
    ("sources", "test", "keyed"),
    ("sources", "replay", "keyed", "giftcode_state.json"),
    ("codes", "check", "--dry-run"),
    ("codes", "check"),
    ("codes", "check", "--log-json"),
    ("codes", "list", "--all"),
    ("codes", "add", "MANUAL44", "--game", GAME),
    ("codes", "held"),
    ("codes", "approve", "--source", "keyed", "--yes"),
    ("codes", "reject", "MANUAL44", "--game", GAME),
    ("codes", "withdraw", "MANUAL44", "--game", GAME),
    ("codes", "stats"),
    ("codes", "explain", "FIRST111", "--guild", "13"),
    ("codes", "settle"),
    ("codes", "clear", "--guild", "13", "--yes"),
    ("migrate", "--from-json", "giftcode_state.json", "--dry-run"),
    ("todo", "roster", "add", str(ADA)),
    ("todo", "roster", "add", str(BEN)),
    ("todo", "roster", "list"),
    ("todo", "submit", str(ADA), "--must-do", "A page"),
    ("todo", "pause", str(BEN), "--from", "2099-12-24", "--to", "2099-12-31"),
    ("todo", "sweep", "--dry-run"),
    ("todo", "sweep"),
    ("todo", "sweep", "--log-json"),
    ("todo", "status"),
    ("todo", "list"),
    ("todo", "history", str(ADA)),
    ("todo", "delete", str(ADA)),
    ("todo", "forget", str(ADA), "--yes"),
    ("todo", "roster", "remove", str(BEN), "--yes"),
    ("guilds", "remove", "14", "--yes"),
    ("operator", "test"),
    ("heartbeat", "test"),
    ("store", "status"),
    ("store", "adopt", "--yes"),
    ("store", "accept", "--yes"),
    ("store", "forget", "another-host", "--yes"),
)
NOT_DRIVEN = {"demo", "bot"}
"""The demo has secrets of its own, which open nothing; the bot has tests of its own."""


def every_command(group: TyperGroup, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from every_command(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_every_command_is_driven() -> None:
    app = typer.main.get_command(cli.app)
    assert isinstance(app, TyperGroup)
    driven = {" ".join(words) for words in EVERY_COMMAND}
    known = set(every_command(app)) - NOT_DRIVEN
    assert {name for name in known if not any(words.startswith(name) for words in driven)} == set()


@pytest.fixture
def whole(house: House) -> House:
    """Return the machine with a TODO part besides, and an older bot's data."""
    discord = house.scene.discord
    discord.add_guild(TODO_GUILD)
    discord.set_bot(TODO_GUILD)
    discord.add_channel(TODO_CHANNEL, TODO_GUILD)
    discord.add_role(TODO_GUILD, TODO_ROLE)
    for user in (OWNER, ADA, BEN):
        discord.add_member(TODO_GUILD, user, roles=(TODO_ROLE,))
    ids = {"GUILD_ID": TODO_GUILD, "TODO_CHANNEL_ID": TODO_CHANNEL, "ROLE_ID": TODO_ROLE, "OWNER_ID": OWNER}
    house.host.environment |= {name: str(value) for name, value in ids.items()}
    (house.host.folder / "giftcode_state.json").write_text(
        '{"channels": {"11": 101}, "sent": {"11": ["OLD1"]}}', "utf-8"
    )
    made = house.host.folder / "settings" / ".env"
    return House(house.scene, house.host, (*house.given, made))


A_FEW = (("config", "show"), ("doctor",), ("guilds", "list"), ("codes", "check"), ("todo", "sweep"), ("todo", "status"))


def drive_everything(
    house: House,
    verbosity: tuple[str, ...],
    commands: Sequence[tuple[str, ...]] = EVERY_COMMAND,
    **extra: str,
) -> set[int]:
    """Run the commands, and return the exit codes; there is none that nobody foresaw."""
    raw = house.scene.discord.webhook_url(203)
    ran = [house.host.run(*(word.format(raw=raw) for word in command), *verbosity, **extra) for command in commands]
    assert [one for one in ran if one.exit_code == 1] == []
    return {one.exit_code for one in ran}


# What is said without `-vv` is said with it, too, and one of the tests below drives every command with --json.
@pytest.mark.parametrize("verbosity", VERBOSITIES if FULL else (("-vv",),))
def test_no_command_tells_a_secret_while_all_is_well(whole: House, verbosity: tuple[str, ...]) -> None:
    drive_everything(whole, verbosity)
    whole.assert_nothing_leaked()
    made = whole.host.folder / "settings" / ".env"
    assert leaks_in(made.read_text("utf-8")) == {BOT_TOKEN, RAW}
    assert stat.S_IMODE(made.stat().st_mode) == 0o600


@pytest.mark.parametrize("failure", sample(["401", "502", "cloudflare", "garbage"], 2))
def test_no_command_tells_a_secret_when_discord_fails(whole: House, failure: str) -> None:
    whole.scene.discord.fail(FAILURES[failure](), times=None)
    whole.scene.sources.fail("/keyed", faults.status(401), times=None)
    assert 69 in drive_everything(whole, ("-vv",))
    whole.host.run("doctor", "-q")
    whole.assert_nothing_leaked()


def test_no_command_tells_a_secret_when_discord_repeats_what_it_was_sent(whole: House) -> None:
    echo = f"no: Bot {BOT_TOKEN}, {BOT_TOKEN}, {whole.scene.discord.webhook_url(203)}"
    whole.scene.discord.fail(faults.status(403, 50013, echo), times=None)
    drive_everything(whole, ("-vv", "--json"))
    assert any("HTTP 403 no: " in ran.output for ran in whole.host.runs)
    whole.assert_nothing_leaked()


@pytest.mark.parametrize("place", ["variable", "file", "credential"])
def test_no_command_tells_the_password_of_a_mongodb_that_is_away_wherever_it_stands(
    whole: House, place: str, tmp_path: Path
) -> None:
    uri = f"mongodb://app:{quote(PASSWORD, safe='')}@127.0.0.1:1/gifts?serverSelectionTimeoutMS=20"
    variables = {
        "variable": {"MONGO_URI": uri},
        "file": {"MONGO_URI_FILE": str(tmp_path / "MONGO_URI"), "DISCORD_TOKEN": "", "DISCORD_TOKEN_FILE": "TOKEN"},
        "credential": {"CREDENTIALS_DIRECTORY": str(tmp_path), "DISCORD_TOKEN": ""},
    }[place]
    for path, secret in ((tmp_path / "MONGO_URI", uri), (tmp_path / "DISCORD_TOKEN", BOT_TOKEN)):
        path.write_text(secret, "utf-8")
        path.chmod(0o600)
    token = whole.host.folder / "TOKEN"
    token.write_text(BOT_TOKEN, "utf-8")
    token.chmod(0o600)
    known = House(whole.scene, whole.host, (*whole.given, token))
    assert 69 in drive_everything(known, ("-vv",), EVERY_COMMAND if place == "variable" else A_FEW, **variables)
    assert any("MongoDB gifts at 127.0.0.1:1" in ran.errors for ran in whole.host.runs)
    known.assert_nothing_leaked()


BREAKING_STORE = """
import sys, giftping.wiring, giftping.cli

def broken(house, **options):
    settings = house.settings
    key = settings.secret("env:SOURCE_KEY").reveal()
    token = settings.discord.token.reveal()
    password = settings.mongo.uri.reveal()
    try:
        raise ValueError(f"first: {key} {token} {password}")
    except ValueError as error:
        raise RuntimeError(f"then: {key!r} {password.partition(':')[2]} {token}") from error

giftping.wiring.Wiring.open_store = broken
giftping.cli.main()
"""


@pytest.mark.parametrize("command", [("doctor",), ("guilds", "list"), ("todo", "sweep"), ("codes", "stats", "--json")])
def test_an_unexpected_error_of_any_command_is_told_without_the_secrets_in_it(
    whole: House, command: tuple[str, ...]
) -> None:
    uri = f"mongodb://app:{quote(PASSWORD, safe='')}@127.0.0.1:1/gifts"
    plain = super(ForkedHost, whole.host).run
    ran: Ran = plain(*command, "-vv", wrapper=("-c", BREAKING_STORE), MONGO_URI=uri)
    whole.host.runs.append(ran)
    assert ran.exit_code == 1
    assert "unexpected RuntimeError: then: " in ran.errors
    assert "first: *** ***" in ran.errors
    whole.assert_nothing_leaked()


def test_this_file_would_notice_a_leak(house: House) -> None:
    add_guilds(house)
    house.host.runs.append(Ran(0, f"see {house.scene.discord.webhook_url(203)}", ""))
    with pytest.raises(AssertionError):
        house.assert_nothing_leaked()
    house.host.runs.pop()
    (house.host.state / "sources.json").write_text(SOURCE_KEY, "utf-8")
    with pytest.raises(AssertionError):
        house.assert_nothing_leaked()


def test_only_what_was_asked_for_reaches_discord(house: House) -> None:
    add_guilds(house)
    house.drive("codes", "check")
    posts = [logged for logged in house.scene.discord.requests if Match(method="POST").takes(logged)]
    assert posts
    assert all(leaks_in(repr(logged.body)) == set() for logged in posts)
