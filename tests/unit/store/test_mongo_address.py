"""MongoDB by its address: what is accepted, what it is called, and that no password is ever shown."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote_plus

import dns.resolver
import pytest
from fakes.mongod import Mongod, certificate, new_folder, or_skip, patient_client
from fakes.records import entry

from giftping.settings.secrets import Secret
from giftping.store.base import HOME_GAME, StoreAwayError, StoreError
from giftping.store.documents import COLLECTIONS, LEDGER
from giftping.store.mongo.engine import MongoEngine
from giftping.store.mongo.look import NEEDED
from giftping.store.records import Store

USER = "fra:nk@home"
PASSWORD = "p@ss:w/rd?#[]%& ü'\"ö"
AT = f"{quote_plus(USER)}:{quote_plus(PASSWORD)}@"
SOON = timedelta(milliseconds=300)
NOWHERE = "127.0.0.1:1"


def read(uri: Secret | str, **options: timedelta) -> None:
    with Store(MongoEngine(uri, **({"server_selection": SOON} | options))) as store:
        store.recorded(HOME_GAME, ["A1"], [1])


def assert_nothing_shows(error: pytest.ExceptionInfo[StoreError], caplog: pytest.LogCaptureFixture) -> None:
    shown = "".join([*traceback.format_exception(error.value), repr(error.value), caplog.text])
    for part in (USER, PASSWORD, quote_plus(USER), quote_plus(PASSWORD), repr(PASSWORD)[1:-1]):
        assert part not in shown


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


@pytest.mark.parametrize(
    ("uri", "given", "name"),
    [
        ("mongodb://db.example.org", None, "MongoDB discord_bot at db.example.org"),
        ("mongodb://db.example.org/", "other", "MongoDB other at db.example.org"),
        ("mongodb://db.example.org/own?w=1", "other", "MongoDB own at db.example.org"),
        ("mongodb://u:p%40@a.example:1,b.example:2/own", None, "MongoDB own at a.example:1,b.example:2"),
        (
            "mongodb+srv://u:p%2F%40@cluster.example.net/?appName=x@y",
            None,
            "MongoDB discord_bot at cluster.example.net",
        ),
        ("mongodb://u:p@[::1]:27017/own", None, "MongoDB own at [::1]:27017"),
    ],
)
def test_a_store_is_called_by_its_database_and_hosts(uri: str, given: str | None, name: str) -> None:
    with Store(MongoEngine(uri, given)) as store:
        assert store.name == name


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://frank:{PASSWORD}@db.example.org/own",
        "mongodb://frank:pa/PASSWORT@db.example.org/own",
        "mongodb://frank:12/PASSWORT@db.example.org",
        "mongodb://frank:pa?PASSWORT@db.example.org",
        "mongodb://frank:PASSWORT%zz@db.example.org",
        "mongodb://frank:PASSWORT@db.example.org:port/own",
        "mongodb://frank:PASSWORT@db.example.org:99999/own",
        "mongodb://frank:PASSWORT@[::1/own",
        "mongodb://frank:PASSWORT@/own",
        "postgres://frank:PASSWORT@db.example.org/own",
        "frank:PASSWORT",
        "mongodb://frank:PASSWORT@db.example.org/a$b",
        "mongodb://frank:PASSWORT@db.example.org/?tls=true&tlsCAFile=/no/such/file",
        "mongodb://frank:PASSWORT@db.example.org/?tls=true&ssl=false",
    ],
)
def test_what_is_no_address_is_refused_with_where_it_came_from(uri: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StoreError, match=r"^variable MONGO_URI is not usable: .*; write mongodb://") as error:
        Store(MongoEngine(Secret(uri, "variable MONGO_URI")))
    assert not isinstance(error.value, StoreAwayError)
    assert "PASSWORT" not in "".join(traceback.format_exception(error.value)) + caplog.text
    assert_nothing_shows(error, caplog)


def test_a_name_that_no_database_can_have_is_refused() -> None:
    with pytest.raises(StoreError, match="'a/b' cannot be the name"):
        Store(MongoEngine("mongodb://db.example.org", "a/b"))


def test_options_of_other_drivers_do_not_disturb() -> None:
    with Store(MongoEngine("mongodb://db.example.org/own?useNewUrlParser=true")) as store:
        assert store.name == "MongoDB own at db.example.org"


def test_a_server_that_is_not_there_is_away(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StoreAwayError, match=r"discord_bot at 127.0.0.1:1: the connection was refused; check") as error:
        read(f"mongodb://{AT}{NOWHERE}/?authSource=admin")
    assert_nothing_shows(error, caplog)


def test_a_time_limit_in_the_address_comes_first() -> None:
    with pytest.raises(StoreAwayError):
        read(f"mongodb://{NOWHERE}/?serverSelectionTimeoutMS=50", server_selection=timedelta(hours=1))


@pytest.mark.parametrize("problem", [dns.resolver.NXDOMAIN, dns.resolver.NoNameservers, dns.resolver.LifetimeTimeout])
def test_a_cluster_whose_name_cannot_be_resolved_is_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, problem: type[Exception]
) -> None:
    def resolve(*args: object, **options: object) -> object:
        raise problem

    monkeypatch.setattr(dns.resolver, "resolve", resolve)
    with pytest.raises(StoreAwayError, match=r"at cluster\.example\.net: the host name cannot be resolved") as error:
        read(f"mongodb+srv://{AT}cluster.example.net/")
    assert_nothing_shows(error, caplog)


def test_only_the_store_itself_imports_the_driver() -> None:
    """An idle run with MongoDB configured must not pay for it."""
    check = (
        "import sys, giftping.wiring, giftping.store.documents, giftping.store.mongo.queries;"
        "sys.exit(any(name.partition('.')[0] in ('pymongo', 'bson', 'dns') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


# A server that asks who is there


@pytest.fixture(scope="module")
def guarded() -> Mongod:
    server: Mongod = or_skip(lambda: Mongod(new_folder() / "guarded", "--auth"))
    server.add_only_user(USER, PASSWORD, "readWrite", "own")
    return server


def test_a_password_may_hold_any_character(guarded: Mongod) -> None:
    with Store(MongoEngine(Secret(f"mongodb://{AT}{guarded.address}/own?authSource=admin"))) as store:
        assert store.insert([entry()]) == {entry().id}


@pytest.mark.parametrize("at", [f"{quote_plus(USER)}:not+it@", f"nobody:{quote_plus(PASSWORD)}@"])
def test_a_wrong_user_or_password_is_no_outage(guarded: Mongod, at: str, caplog: pytest.LogCaptureFixture) -> None:
    uri = Secret(f"mongodb://{at}{guarded.address}/own?authSource=admin", "environment variable MONGO_URI")
    with pytest.raises(StoreError, match="password is wrong; correct environment variable MONGO_URI") as error:
        read(uri)
    assert not isinstance(error.value, StoreAwayError)
    assert_nothing_shows(error, caplog)


def test_what_a_user_may_not_do_is_no_outage(guarded: Mongod, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StoreError, match="grant it the role readWrite") as error:
        read(f"mongodb://{AT}{guarded.address}/another?authSource=admin")
    assert not isinstance(error.value, StoreAwayError)
    assert_nothing_shows(error, caplog)


@pytest.mark.parametrize("may", [["find"], ["find", "createIndex"], ["insert", "createIndex"]])
def test_the_collection_is_named_in_which_a_user_may_not_do_something(guarded: Mongod, may: list[str]) -> None:
    allowed = {name: list(NEEDED) for name in COLLECTIONS} | {LEDGER: may}
    rights = [
        {"resource": {"db": "partly", "collection": name}, "actions": actions} for name, actions in allowed.items()
    ]
    user = "-".join(may)
    with patient_client(f"mongodb://administrator:administrator@{guarded.address}/") as client:
        client.partly.command("createRole", f"role of {user}", privileges=rights, roles=[])
        client.partly.command("createUser", user, pwd="easy", roles=[f"role of {user}"])
    with Store(MongoEngine(f"mongodb://{user}:easy@{guarded.address}/partly")) as store:
        ask = partial(store.insert, [entry()]) if "insert" not in may else store.entries
        with pytest.raises(StoreError, match=f"its user may not do this in the collection {LEDGER}; grant it"):
            ask()


def test_a_user_is_asked_for_one_by_a_server_that_wants_it(guarded: Mongod) -> None:
    with pytest.raises(StoreError, match="its user may not do this"):
        read(guarded.uri)


# A server that speaks TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"), ["DNS:localhost"])


@pytest.fixture(scope="module")
def encrypted(certificates: tuple[Path, Path]) -> Mongod:
    options = ["--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(certificates[1])]
    server: Mongod = or_skip(lambda: Mongod(new_folder() / "encrypted", *options))
    return server


def test_a_trusted_certificate_lets_the_store_in(encrypted: Mongod, certificates: tuple[Path, Path]) -> None:
    with Store(MongoEngine(f"mongodb://localhost:{encrypted.port}/own?tls=true&tlsCAFile={certificates[0]}")) as store:
        assert store.insert([entry()]) == {entry().id}


@pytest.mark.parametrize(
    ("host", "options", "reason"),
    [
        ("localhost", "tls=true", "the server's certificate is not trusted here"),
        ("127.0.0.1", "tls=true&tlsCAFile={}", "the server's certificate is for another address"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_no_outage(
    encrypted: Mongod,
    certificates: tuple[Path, Path],
    host: str,
    options: str,
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(StoreError, match=f"no TLS connection: {reason}") as error:
        read(f"mongodb://{AT}{host}:{encrypted.port}/own?{options.format(certificates[0])}")
    assert not isinstance(error.value, StoreAwayError)
    assert_nothing_shows(error, caplog)


def test_a_server_that_expects_tls_is_told_of_as_such(encrypted: Mongod, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(StoreAwayError, match="as one does that expects TLS") as error:
        read(f"mongodb://{AT}{encrypted.address}/own")
    assert_nothing_shows(error, caplog)


def test_a_server_that_is_in_no_such_replica_set_is_no_outage(guarded: Mongod) -> None:
    with pytest.raises(StoreError, match="correct replicaSet=") as error:
        read(f"{guarded.uri}?replicaSet=other")
    assert not isinstance(error.value, StoreAwayError)
