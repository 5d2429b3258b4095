"""The password of the MongoDB appears nowhere, whatever goes wrong, in every command, at any verbosity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
from fakes.mongod import Mongod, new_folder, or_skip
from forks import ForkedHost, Forker, forked
from mongodb import QUICK
from scene import GAME, Scene

USER, PASSWORD = "app", "pAss/wOrd@with:all?of#it%41"
FORMS = (PASSWORD, quote(PASSWORD, safe=""), quote(PASSWORD), PASSWORD.replace("/", "\\/"), "pAss", "wOrd")
COMMANDS = (
    ("config", "check"),
    ("config", "show"),
    ("guilds", "add", "2001", "--channel", "20010"),
    ("codes", "check", "--dry-run"),
    ("codes", "check"),
    ("codes", "list", "--all"),
    ("codes", "stats"),
    ("codes", "add", "MANUAL44", "--game", GAME),
    ("codes", "explain", "FIRST111", "--guild", "2001"),
    ("codes", "settle"),
    ("codes", "clear", "--guild", "2001", "--yes"),
    ("guilds", "list"),
    ("guilds", "test", "2001"),
    ("guilds", "remove", "2001", "--yes"),
    ("sources", "list"),
    ("migrate", "--dry-run"),
    ("migrate",),
)
VERBOSITIES = ((), ("-vv",), ("-vv", "--json"))
AWAY = (("-vv", "--json"),)
"""Where each command waits for half a second."""


@cache
def with_password() -> Mongod:
    mongod = Mongod(new_folder() / "with-password", "--auth")
    mongod.add_only_user(USER, PASSWORD, "readWriteAnyDatabase", "admin")
    return mongod


@pytest.fixture
def host(scene: Scene, forker: Forker) -> Iterator[ForkedHost]:
    scene.list_codes("FIRST111")
    scene.discord.add_guild(2001)
    scene.discord.add_channel(20_010, 2001)
    host = forked(scene.host(), forker)
    yield host
    for ran in host.runs:
        assert leaks_in(ran.output + ran.errors) == [], ran
    for path in host.folder.rglob("*"):
        if path.is_file():
            assert leaks_in(path.read_text("utf-8", "surrogateescape")) == [], path


def leaks_in(text: str) -> list[str]:
    return [form for form in FORMS if form in text]


def uri(address: str, options: str = QUICK, password: str = PASSWORD) -> str:
    return f"mongodb://{USER}:{quote(password, safe='')}@{address}/gifts?authSource=admin&{options}"


def drive(host: ForkedHost, address: str, verbosities: Sequence[tuple[str, ...]] = VERBOSITIES[1:]) -> set[int]:
    """Run every command as it tells most, and return the exit codes of those that need the ledger."""
    host.environment["MONGO_URI"] = address
    ends = set()
    for command in COMMANDS:
        for verbosity in verbosities:
            ran = host.run(*command, *verbosity)
            assert ran.exit_code != 1, ran
            if command[0] in ("codes", "guilds"):
                ends.add(ran.exit_code)
    return ends


def test_it_does_not_appear_while_all_is_well(host: ForkedHost) -> None:
    server: Mongod = or_skip(with_password)
    assert drive(host, uri(server.address)) <= {0, 2}


def test_it_does_not_appear_when_it_is_wrong(host: ForkedHost) -> None:
    server: Mongod = or_skip(with_password)
    server.ensure_started()
    assert drive(host, uri(server.address, password=f"{PASSWORD}x")) == {69}
    # It was told today; whoever asks gets an answer.
    assert "user name or password is wrong" in host.run("codes", "check", "-v").errors


def test_it_does_not_appear_when_the_server_is_not_there(host: ForkedHost) -> None:
    assert drive(host, uri("127.0.0.1:1", "serverSelectionTimeoutMS=20"), AWAY) == {69}


def test_it_does_not_appear_when_there_is_no_such_host(host: ForkedHost) -> None:
    assert drive(host, uri("no-such-host.invalid", "serverSelectionTimeoutMS=20"), AWAY) == {69}


def test_it_does_not_appear_when_tls_fails(host: ForkedHost) -> None:
    server: Mongod = or_skip(with_password)
    assert drive(host, uri(server.address, "tls=true&serverSelectionTimeoutMS=100"), AWAY) == {69}


def test_it_does_not_appear_when_the_uri_is_none(host: ForkedHost) -> None:
    assert drive(host, f"mongodb://{USER}:{PASSWORD}@127.0.0.1/gifts") <= {69, 78}


def test_it_does_not_appear_when_it_comes_from_a_file(host: ForkedHost, tmp_path: Path) -> None:
    file = tmp_path / "mongo-uri"
    file.write_text(uri("127.0.0.1:1", "serverSelectionTimeoutMS=20"), "utf-8")
    file.chmod(0o600)
    with (host.folder / "giftping.toml").open("a") as settings:
        settings.write(f'[mongo]\nuri = "file:{file}"\n')
    for verbosity in VERBOSITIES:
        assert host.run("codes", "check", *verbosity).exit_code == 69
        assert host.run("config", "show", *verbosity).exit_code == 0
