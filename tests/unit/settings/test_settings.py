from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from giftping.settings.file import SYSTEM_FOLDER, SettingsError
from giftping.settings.keys import CodesSettings, MongoSettings, Settings, TodoSettings
from giftping.settings.load import default_state, load_settings
from giftping.settings.problems import Problem
from giftping.settings.sources import SourceDefinition

OWN_SOURCE = """
[sources.mine]
kind = "text"
game = "rise"
url = "https://mine.example/list.txt"
rows = { code = "[A-Z]+" }
"""

Load = Callable[..., Settings]


@pytest.fixture
def home(bare_machine: None, tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def load(home: Path) -> Load:
    """Loads settings from a text of giftping.toml, one of .env, and variables, all in the home folder."""

    def loading(toml: str = "", *, dotenv: str = "", **variables: str) -> Settings:
        if toml:
            (home / "giftping.toml").write_text(toml)
        if dotenv:
            (home / ".env").write_text(dotenv)
        return load_settings({"HOME": str(home), **variables}, cwd=home)

    return loading


def lines_of(load: Load, home: Path, toml: str = "", *, dotenv: str = "", **variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(toml, dotenv=dotenv, **variables)
    return [str(mistake).replace(f"{home}/", "") for mistake in caught.value.mistakes]


def test_without_any_settings_everything_has_a_default(load: Load, home: Path) -> None:
    settings = load()
    assert settings.file is None
    assert settings.state == home / ".local/state/giftping"
    assert settings.time_zone is None
    assert settings.discord.api == "https://discord.com/api/v10"
    assert settings.discord.token is None
    assert settings.codes == CodesSettings("ask", timedelta(minutes=10), timedelta(minutes=5), ("CN",), True, "")
    assert set(settings.games) == {"rise"}
    assert set(settings.sources) == {"rise-api"}
    assert settings.todo == TodoSettings()
    assert settings.warnings == ()


def test_the_file_says_what_is_different(load: Load) -> None:
    settings = load(
        """
        time_zone = "Europe/Berlin"
        [discord]
        api = "https://proxy.example/api/v10/"
        [codes]
        unclear = "resend"
        lease = "1h"
        budget = "90s"
        skipped_regions = ["cn", "kr"]
        contact = "me@example.org"
        """
    )
    assert settings.time_zone == "Europe/Berlin"
    assert settings.discord.api == "https://proxy.example/api/v10"
    expected = CodesSettings("resend", timedelta(hours=1), timedelta(seconds=90), ("CN", "KR"), True, "me@example.org")
    assert settings.codes == expected


MISTAKES = {
    "unknown key": ("time_zoen = 'UTC'", ["giftping.toml:1: time_zoen: unknown key; did you mean 'time_zone'?"]),
    "unknown table": ("[source.x]", ["giftping.toml:1: source: unknown key; did you mean 'sources'?"]),
    "key without a neighbour": (
        "[discord]\nwebsite = 1",
        ["giftping.toml:2: discord.website: unknown key; known here: api, token"],
    ),
    "key of another table": (
        "unclear = 'ask'",
        ["giftping.toml:1: unclear: unknown key here; it belongs in [codes]"],
    ),
    "key of two other tables": (
        "lease = '20m'",
        ["giftping.toml:1: lease: unknown key here; it belongs in [codes], or in [todo]"],
    ),
    "key that slid into a table": (
        "[codes]\ntime_zone = 'UTC'",
        [
            "giftping.toml:2: codes.time_zone: unknown key here; "
            "it belongs at the top of the file, above the first [table], or in [todo]"
        ],
    ),
    "wrong type": (
        "state = 5\n[codes]\nbuilt_in_sources = 'yes'\nskipped_regions = 'CN'",
        [
            "giftping.toml:1: state: must be a string, not an integer",
            "giftping.toml:3: codes.built_in_sources: must be true or false, not a string",
            "giftping.toml:4: codes.skipped_regions: must be an array of strings, not a string",
        ],
    ),
    "no table": ("codes = 1", ["giftping.toml:1: codes: must be a table, not an integer"]),
    "source that is no table": (
        "[sources]\nkind = 'json'",
        ["giftping.toml:2: sources.kind: must be a table, written as [sources.NAME], not a string"],
    ),
    "span without a unit": (
        "[codes]\nlease = 20",
        ['giftping.toml:2: codes.lease: 20 has no unit; write "20s", "20m", "20h" or "20d"'],
    ),
    "span that is none": (
        "[codes]\nbudget = 'soon'",
        [
            "giftping.toml:2: codes.budget: 'soon' is not a span of time; "
            'write a number and one unit, like "90s", "5m", "12h" or "1d"'
        ],
    ),
    "span of nothing": ("[codes]\nbudget = '0s'", ["giftping.toml:2: codes.budget: must be longer than nothing"]),
    "zone": (
        "time_zone = 'Europe/Berlim'",
        ["giftping.toml:1: time_zone: 'Europe/Berlim' is no time zone; did you mean 'Europe/Berlin'?"],
    ),
    "zone that is a folder": (
        "time_zone = 'Europe'",
        ["giftping.toml:1: time_zone: 'Europe' is no time zone; did you mean 'Europe/Rome'?"],
    ),
    "zone that is a path": (
        "time_zone = '../../etc/passwd'",
        ["giftping.toml:1: time_zone: '../../etc/passwd' is no time zone; write one like Europe/Berlin"],
    ),
    "choice": (
        "[codes]\nunclear = 'resent'",
        ["giftping.toml:2: codes.unclear: 'resent' is not known; did you mean 'resend'?"],
    ),
    "lease within budget": (
        "[codes]\nlease = '5m'",
        ["giftping.toml:2: codes.lease: the lease (5m) must be longer than the budget (5m), which a claim outlasts"],
    ),
    "budget beyond lease": (
        "[codes]\n\nbudget = '1h'",
        ["giftping.toml:3: codes.budget: the lease (10m) must be longer than the budget (1h), which a claim outlasts"],
    ),
    "contact": (
        '[codes]\ncontact = "me\\r\\nX: y"',
        ["giftping.toml:2: codes.contact: must be printable ASCII: it is sent in the User-Agent"],
    ),
    "api": (
        "[discord]\napi = 'discord.com'",
        [
            "giftping.toml:2: discord.api: must be an http:// or https:// address, like https://discord.com/api/v10",
        ],
    ),
    "api that is no address": ("[discord]\napi = 'https://[::1'", ["giftping.toml:2: discord.api: is not an address"]),
    "game that is no table": (
        "[games]\nrise = 'Rise'",
        ["giftping.toml:2: games.rise: must be a table, written as [games.NAME], not a string"],
    ),
    "api with a password": (
        "[discord]\napi = 'https://me:hunter2@discord.com'",
        ["giftping.toml:2: discord.api: must be a plain address, without user name, password, ? and #"],
    ),
    "token itself": (
        "[discord]\ntoken = 'hunter2hunter2'",
        [
            "giftping.toml:2: discord.token: must be env:NAME or file:PATH; "
            "the token itself does not belong in this file"
        ],
    ),
    "token that is missing": (
        "[discord]\ntoken = 'env:BOT'",
        ["giftping.toml:2: discord.token: BOT is not set, and neither BOT_FILE nor a credential BOT is there"],
    ),
    "game of a source": (
        OWN_SOURCE.replace("rise", "rize"),
        ["giftping.toml:4: sources.mine.game: 'rize' is not known; did you mean 'rise'?"],
    ),
    "source key": (
        OWN_SOURCE.replace("url", "ulr"),
        [
            "giftping.toml:2: sources.mine.url: is missing: an http:// or https:// address",
            "giftping.toml:5: sources.mine.ulr: unknown key; did you mean 'url'?",
        ],
    ),
    "built-in source of another kind": (
        "[sources.rise-api]\nkind = 'text'",
        [
            "giftping.toml:2: sources.rise-api.kind: rise-api is a built-in source with the kind 'json'; "
            "give a source of your own its own name"
        ],
    ),
    "key of a built-in source": (
        "[sources.rise-api]\nenable = false",
        ["giftping.toml:2: sources.rise-api.enable: unknown key; did you mean 'enabled'?"],
    ),
    "game": (
        "[games.new]\ntitel = 'New'" + OWN_SOURCE.replace("rise", "new"),
        ["giftping.toml:2: games.new.titel: unknown key; did you mean 'title'?"],
    ),
    "syntax": ("state = '/srv'\nx = [1,,2]", ["giftping.toml:2:8: not valid TOML: Invalid value"]),
    "twice": ("[codes]\n[codes]", ["giftping.toml:2:7: not valid TOML: Cannot declare ('codes',) twice"]),
    "open string": ("state = '''\nx", ["giftping.toml:2: not valid TOML: Expected \"'''\" at the end of the file"]),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_file_is_told_with_line_key_reason_and_next_step(name: str, load: Load, home: Path) -> None:
    toml, expected = MISTAKES[name]
    found = lines_of(load, home, toml)
    assert found == expected
    assert "hunter2" not in "".join(found)


def test_all_mistakes_of_all_places_are_told_at_once(load: Load, home: Path) -> None:
    toml = "[codes]\nleese = '1h'\nbudget = 5\n[discord]\ntokn = 'x'\n[games.new]\ncolor = 'red'\n"
    found = lines_of(load, home, toml, dotenv="A=1\nnonsense\nGIFTPING_STAET=/x\n", GIFTPING_DISCORD_API="nowhere")
    assert [line.partition(": ")[0] + ": " + line.split(": ")[1] for line in found] == [
        "giftping.toml:2: codes.leese",
        "giftping.toml:3: codes.budget",
        "giftping.toml:5: discord.tokn",
        "giftping.toml:7: games.new.color",
        ".env:2: not a line of the form NAME=value",
        "environment: GIFTPING_DISCORD_API",
        ".env:3: GIFTPING_STAET",
    ]


def test_a_file_that_is_no_toml_does_not_hide_the_mistakes_elsewhere(load: Load, home: Path) -> None:
    found = lines_of(load, home, "state =", GIFTPING_STAT="/x")
    assert found == [
        "giftping.toml:1: not valid TOML: Invalid value at the end of the file",
        "environment: GIFTPING_STAT: no such variable; did you mean 'GIFTPING_STATE'? "
        "(what begins with GIFTPING_ is giftping's own)",
    ]


def test_a_wrong_value_in_the_file_is_told_even_where_a_variable_goes_before_it(load: Load, home: Path) -> None:
    (line,) = lines_of(load, home, "[discord]\napi = 'nowhere'", GIFTPING_DISCORD_API="https://proxy.example/api")
    assert line.startswith("giftping.toml:2: discord.api: must be an http:// or https:// address")


def test_the_variables_of_the_older_systems_are_no_mistake(load: Load) -> None:
    settings = load(
        GUILD_ID="1",
        TODO_CHANNEL_ID="2",
        ROLE_ID="3",
        OWNER_ID="4",
        MONGO_DB_NAME="discord_bot",
        GIFTCODE_CHECK_INTERVAL="10",
    )
    todo = settings.todo
    assert (todo.guild_id, todo.channel_id, todo.role_id, todo.owner_id) == (1, 2, 3, 4)
    assert settings.mongo.database == "discord_bot"


def test_the_ledger_is_in_mongodb_wherever_its_uri_is_named(load: Load, home: Path, tmp_path: Path) -> None:
    uri = "mongodb://me:hunter2@host/discord_bot"
    (tmp_path / "MONGO_URI").write_text(uri)
    assert load(MONGO_URI="").mongo.uri is None
    for found in (
        load(MONGO_URI=uri),
        load(MONGO_URI_FILE=str(tmp_path / "MONGO_URI")),
        load(CREDENTIALS_DIRECTORY=str(tmp_path)),
        load(f"[mongo]\nuri = 'file:{tmp_path}/MONGO_URI'"),
    ):
        assert found.mongo.uri is not None
        assert found.mongo.uri.reveal() == uri
        assert "hunter2" not in repr(found)


NO_ADDRESSES = (
    "hunter2",
    "hunter2@host",
    "postgres://me:hunter2@host/own",
    "mongodb:/me:hunter2@host",
    "mongodb://",
    "mongodb:///own",
    "mongodb://me:hunter2@/own",
    "mongodb://me:hunter2@host,/own",
    "mongodb://me:hunter2@host:0/own",
    "mongodb://me:hunter2@host:99999/own",
    "mongodb://me:hunter2@host:port/own",
    "mongodb://me:hunter2@[::1/own",
    "mongodb://me:hunter/2@host/own",
    "mongodb+srv://me:hunter2@ho st/own",
)

ADDRESSES = (
    "mongodb://host",
    "mongodb://me:hunter2@host:27017,other,[::1]:27018/own?replicaSet=rs0",
    "mongodb://host?directConnection=true",
    "mongodb://%2Ftmp%2Fmongodb-27017.sock/own",
    "mongodb+srv://me:hunter%402@cluster0.abcde.mongodb.net/?retryWrites=true&w=majority",
)


@pytest.mark.parametrize("where", ["variable", "older variable", "reference"])
def test_what_is_no_address_of_a_mongodb_is_a_mistake_and_is_not_repeated(load: Load, home: Path, where: str) -> None:
    def loaded(uri: str) -> Settings:
        if where == "reference":
            return load("[mongo]\nuri = 'env:OWN'", OWN=uri)
        return load(**{"MONGO_URI" if where == "variable" else "MONGODB_URI": uri})

    for uri in NO_ADDRESSES:
        with pytest.raises(SettingsError) as raised:
            loaded(uri)
        [mistake] = raised.value.mistakes
        assert mistake.reason.startswith("is no address of a MongoDB: "), uri
        assert "hunter" not in str(raised.value)
    for uri in ADDRESSES:
        found = loaded(uri).mongo.uri
        assert found is not None
        assert found.reveal() == uri


def test_a_mongodb_uri_does_not_belong_into_the_file(load: Load, home: Path) -> None:
    [line] = lines_of(load, home, "[mongo]\nuri = 'mongodb://me:hunter2@host/discord_bot'")
    assert line.endswith("mongo.uri: must be env:NAME or file:PATH; the uri itself does not belong in this file")


def test_what_happens_while_mongodb_is_away_is_a_setting(load: Load, home: Path) -> None:
    assert load().mongo == MongoSettings()
    mongo = load("[mongo]\non_outage = 'hold'\nserver_selection = '5s'\ndatabase = 'mine'").mongo
    assert (mongo.on_outage, mongo.server_selection, mongo.database) == ("hold", timedelta(seconds=5), "mine")
    assert load(MONGO_DB_NAME="reminderbot").mongo.database == "reminderbot"
    [line] = lines_of(load, home, "[mongo]\non_outage = 'holt'")
    assert line.endswith("mongo.on_outage: 'holt' is not known; did you mean 'hold'?")


def test_a_shared_database_without_an_address_is_a_mistake(load: Load, home: Path) -> None:
    [line] = lines_of(load, home, "[mongo]\nshared = true")
    assert "2: mongo.shared: there is no database to share: set MONGO_URI to its address, or take shared out" in line
    assert load("[mongo]\nshared = true", MONGO_URI="mongodb://127.0.0.1/gifts").mongo.shared
    assert not load("[mongo]\nshared = false").mongo.shared


def test_an_address_that_cannot_be_read_is_one_mistake_of_a_shared_database(load: Load, home: Path) -> None:
    [line] = lines_of(load, home, "[mongo]\nshared = true\nuri = 'env:NOT_SET'")
    assert "mongo.uri: " in line
    (home / "giftping.toml").write_text("[mongo]\nshared = true")
    with pytest.raises(SettingsError) as raised:
        load(MONGO_URI_FILE=str(home / "missing"))
    [mistake] = raised.value.mistakes
    assert mistake.key == "MONGO_URI"


def test_no_secret_of_the_environment_is_repeated_in_a_mistake(load: Load, home: Path) -> None:
    token = "hunter2-hunter2-hunter2"
    toml = (
        f"time_zone = '{token}'\n[codes]\nunclear = '{token}'\nlease = '{token}'\n[sources.{token}]\nkind = '{token}'"
    )
    found = lines_of(load, home, toml, DISCORD_TOKEN=token)
    assert len(found) > 4
    assert token not in "\n".join(found)


def test_the_state_folder_is_the_first_that_is_named(load: Load, home: Path) -> None:
    variables = {
        "GIFTPING_STATE": "here/state",
        "STATE_DIRECTORY": "/var/lib/giftping:/var/lib/other",
        "XDG_STATE_HOME": "/xdg",
    }
    (home / "giftping.toml").write_text('state = "~/ledger"')
    found = [load(**variables).state]
    del variables["GIFTPING_STATE"]
    found.append(load(**variables).state)
    (home / "giftping.toml").unlink()
    found.append(load(**variables).state)
    del variables["STATE_DIRECTORY"]
    found.append(load(**variables).state)
    found.append(load(XDG_STATE_HOME="relative").state)
    assert found == [
        home / "here/state",
        home / "ledger",
        Path("/var/lib/giftping"),
        Path("/xdg/giftping"),
        home / ".local/state/giftping",
    ]


def test_a_service_without_a_home_is_told_to_name_a_state_folder(home: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({}, cwd=home)
    assert str(caught.value) == (
        "environment: GIFTPING_STATE: HOME is not set, so there is no default folder; "
        "set GIFTPING_STATE or `state` in giftping.toml"
    )
    assert load_settings({"STATE_DIRECTORY": "/var/lib/giftping"}, cwd=home).state == Path("/var/lib/giftping")


@pytest.mark.parametrize(
    "variables",
    [{"DISCORD_TOKEN": "the token"}, {"DISCORD_TOKEN_FILE": "{0}/DISCORD_TOKEN"}, {"CREDENTIALS_DIRECTORY": "{0}"}],
)
def test_the_token_comes_from_a_variable_a_file_or_a_credential(
    variables: Mapping[str, str], load: Load, tmp_path: Path
) -> None:
    (tmp_path / "DISCORD_TOKEN").write_text("the token\n")
    settings = load(**{name: value.format(tmp_path) for name, value in variables.items()})
    assert settings.discord.token
    assert settings.discord.token.reveal() == "the token"
    assert "the token" not in repr(settings)


def test_a_token_file_that_is_not_there_is_a_mistake_not_a_missing_token(load: Load, home: Path) -> None:
    assert lines_of(load, home, DISCORD_TOKEN_FILE="/nowhere/token") == [
        "environment: DISCORD_TOKEN: /nowhere/token cannot be read: No such file or directory"
    ]


def test_a_token_reference_in_the_file_starts_from_the_files_folder(load: Load, home: Path) -> None:
    (home / "token").write_text("the token")
    settings = load('discord.token = "file:token"')
    assert settings.discord.token
    assert settings.discord.token.reveal() == "the token"


def test_a_users_source_is_as_able_as_a_built_in_one(load: Load) -> None:
    settings = load(OWN_SOURCE + "min_interval = '2h'\n[games.new]\ntitle = 'New'\n")
    assert list(settings.sources) == ["rise-api", "mine"]
    assert settings.sources["mine"].min_interval == timedelta(hours=2)
    assert settings.games["new"].title == "New"


def test_a_table_named_as_a_built_in_source_changes_only_its_keys(load: Load) -> None:
    changed = load("[sources.rise-api]\nenabled = false").sources["rise-api"]
    assert not changed.enabled
    assert changed.url == "https://codes.example/api"


def test_a_table_named_as_a_built_in_game_changes_only_its_keys(load: Load) -> None:
    game = load("[games.rise]\ncolor = '#000001'").games["rise"]
    assert (game.title, game.color) == ("Rise", 1)


def test_a_game_has_pictures_and_may_name_its_sources(load: Load) -> None:
    pictures = "thumbnail = 'https://a.example/i.png'\nimage = 'https://a.example/b?c=d'\n"
    rise = load(f"[games.rise]\n{pictures}show_sources = true").games["rise"]
    assert (rise.thumbnail, rise.image) == ("https://a.example/i.png", "https://a.example/b?c=d")
    assert rise.show_sources


@pytest.mark.parametrize(
    "address",
    [
        "http://a.example/i.png",
        "a.png",
        "https://a.example",
        "https://me:pw@a.example/i.png",
        "https://a.example/a b.png",
        "https://a.example/" + "x" * 2048,
    ],
)
@pytest.mark.parametrize("key", ["thumbnail", "image"])
def test_what_is_no_address_of_a_picture_is_told(load: Load, key: str, address: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(f"[games.rise]\n{key} = '{address}'")
    (line,) = str(caught.value).splitlines()
    assert f"games.rise.{key}: must be the https:// address of a picture" in line
    assert len(line) < 300


def test_how_a_games_codes_look_is_known_where_its_sources_are_read(load: Load) -> None:
    plain = load("").sources["rise-api"]
    told = load("[games.rise]\ncode_pattern = '[a-z ]+'").sources["rise-api"]
    assert (plain.code_pattern, told.code_pattern) == ("", "[a-z ]+")
    # What is remembered of the page was read without knowing that.
    assert told.fingerprint != plain.fingerprint


def test_without_the_built_in_sources_only_those_with_a_table_are_read(load: Load) -> None:
    off = "[codes]\nbuilt_in_sources = false\n"
    assert set(load(off).sources) == set()
    assert set(load(off + OWN_SOURCE).sources) == {"mine"}
    assert set(load(off + "[sources.rise-api]\nmin_interval = '1h'").sources) == {"rise-api"}


def test_plain_http_is_warned_of_except_on_loopback(load: Load) -> None:
    assert load(GIFTPING_DISCORD_API="http://127.0.0.1:8080/api/v10").warnings == ()
    (warning,) = load(GIFTPING_DISCORD_API="http://proxy.example/api").warnings
    assert warning.startswith("http://proxy.example/api is reached without encryption")


def test_a_guilds_secret_may_stand_in_the_env_file(load: Load) -> None:
    settings = load(dotenv="WOS_WEBHOOK=https://discord.com/api/webhooks/1/abcdefgh\n")
    assert settings.secret("env:WOS_WEBHOOK").reveal() == "https://discord.com/api/webhooks/1/abcdefgh"
    assert settings.redactor()("sent with abcdefgh") == "sent with ***"
    assert "abcdefgh" not in repr(settings)


def test_the_system_folder_is_the_usual_one() -> None:
    assert Path("/etc/giftping") == SYSTEM_FOLDER


def test_what_a_closer_look_finds_is_told_with_all_other_mistakes_at_its_line(home: Path) -> None:
    (home / "giftping.toml").write_text(f"zone = 1\n{OWN_SOURCE}colour = 'red'\n[sources.rise-api]\nenabled = 1\n")
    looked_at = []

    def look_closer(source: SourceDefinition) -> list[Problem]:
        looked_at.append(source.name)
        return [Problem("rows.code", "is no expression")]

    with pytest.raises(SettingsError) as caught:
        load_settings({"HOME": str(home)}, cwd=home, look_closer=look_closer)
    assert [(mistake.line, mistake.key) for mistake in caught.value.mistakes] == [
        (1, "zone"),
        (7, "sources.mine.rows.code"),
        (8, "sources.mine.colour"),
        (9, "sources.rise-api.rows.code"),
        (10, "sources.rise-api.enabled"),
    ]
    assert looked_at == ["mine", "rise-api"]


def test_only_what_the_user_wrote_is_looked_at_closer(home: Path) -> None:
    assert load_settings({"HOME": str(home)}, cwd=home, look_closer=lambda source: [Problem("", "wrong")]).sources


def test_the_default_state_folder_is_the_one_that_counts_without_settings(load: Load, home: Path) -> None:
    for variables in ({}, {"XDG_STATE_HOME": "/xdg"}, {"XDG_STATE_HOME": "relative"}):
        assert load(**variables).state == default_state({"HOME": str(home), **variables})


def test_a_secret_that_was_given_out_is_taken_out_of_every_text_from_then_on(load: Load, home: Path) -> None:
    settings = load()
    (home / "key").write_text("the-key-of-a-source\n", "utf-8")
    assert settings.secret(f"file:{home / 'key'}").reveal() == "the-key-of-a-source"
    assert settings.redactor()("X-API-Key: the-key-of-a-source") == "X-API-Key: ***"
    assert "the-key" not in repr(settings)


# The older TODO bot's name for MONGO_URI

OLDER, OWN = "mongodb://app:pass-word-7@older.example/", "mongodb://app:pass-word-8@own.example/gifts"


def test_the_older_bots_name_of_the_database_counts_and_is_said_to(load: Load) -> None:
    settings = load(MONGODB_URI=OLDER)
    assert settings.mongo.uri is not None
    assert settings.mongo.uri.reveal() == OLDER
    assert settings.remarks == ("MONGODB_URI, the older bot's name for MONGO_URI, is read: MONGO_URI is not set",)
    assert settings.warnings == ()
    assert settings.origins["mongo.uri"].detail == "environment variable MONGODB_URI"
    assert "pass-word-7" not in settings.redactor()(f"x {OLDER} y")


@pytest.mark.parametrize(
    ("lines", "variables", "named"),
    [
        ("", {"MONGO_URI": OWN}, "environment variable MONGO_URI"),
        ("[mongo]\nuri = 'env:OTHER'", {"OTHER": OWN}, "environment variable OTHER"),
    ],
)
def test_two_names_for_two_databases_are_told_and_the_own_one_counts(
    load: Load, lines: str, variables: dict[str, str], named: str
) -> None:
    settings = load(lines, MONGODB_URI=OLDER, **variables)
    assert settings.mongo.uri is not None
    assert settings.mongo.uri.reveal() == OWN
    assert settings.warnings == (f"MONGODB_URI names another address than {named}, which counts; take MONGODB_URI out",)
    assert settings.remarks == ()
    assert load(lines, **{"MONGODB_URI": OWN, **variables}).warnings == ()


def test_a_mistake_in_the_older_name_names_it(load: Load, home: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(MONGODB_URI_FILE=str(home / "missing"))
    assert [mistake.key for mistake in caught.value.mistakes] == ["MONGODB_URI"]
