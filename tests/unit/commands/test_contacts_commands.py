"""Whether whom the settings name can be told: some commands look, and `operator test` and `heartbeat test` try."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ran import Ran

from giftping.demo import faults
from giftping.demo.discord import StandInDiscord
from giftping.demo.log import Match
from giftping.demo.sources import StandInSources

Run = Callable[..., Ran]
TOKEN = "operator-webhook-token"
SECRET = "secret-0000-in-the-path"
LOOKS = (("config", "check"), ("doctor", "-q"))


@pytest.fixture
def operator(discord: StandInDiscord, home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """The texts in the channel of the operator, whom the settings name."""
    discord.add_guild(9)
    discord.add_channel(77, 9)
    discord.add_webhook(78, TOKEN, 77)
    monkeypatch.setenv("TELL_ME", discord.webhook_url(78))
    configure(home, '[operator]\nwebhook = "env:TELL_ME"')
    return lambda: [message.content for message in discord.messages(77)]


@pytest.fixture
def monitor(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandInSources]:
    """A monitor of both jobs, which the settings name."""
    with StandInSources() as server:
        for kind in ("", "/fail", "/start"):
            server.set(f"/{SECRET}{kind}", "OK")
        monkeypatch.setenv("BEAT", server.url(f"/{SECRET}"))
        configure(home, '[heartbeat]\ncodes = "env:BEAT"\ntodo = "env:BEAT"')
        yield server


def configure(home: Path, *tables: str) -> None:
    file = home / "giftping.toml"
    file.write_text("\n".join([file.read_text("utf-8"), *tables]), "utf-8")


def pinged(monitor: StandInSources) -> list[str]:
    return [path for path in ("/start", "/fail", "") for _ in monitor.requests(f"/{SECRET}{path}")]


# A look


def test_all_is_well_and_nobody_is_told_by_a_look(
    giftping: Run, operator: Callable[[], list[str]], monitor: StandInSources
) -> None:
    assert giftping("config", "check").exit_code == 0
    found = giftping("doctor", "--json").json["findings"]
    assert [one["verdict"] for one in found if one["name"] in ("heartbeat", "operator")] == ["ok", "ok"]
    assert (operator(), pinged(monitor)) == ([], [])


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("operator.webhook", None, "NOBODY is not set"),
        ("operator.webhook", "", "NOBODY is set but empty"),
        ("operator.webhook", f"https://example.com/{SECRET}", "does not begin with https://discord.com/api/webhooks/"),
        ("operator.webhook", f"https://discord.com/api/webhooks/{SECRET}", "does not end in /webhooks/ID/TOKEN"),
        ("heartbeat.codes", None, "NOBODY is not set"),
        ("heartbeat.todo", f"hc.example/{SECRET}", "is not an http:// or https:// address"),
        ("heartbeat.todo", f"http:///{SECRET}", "is not an http:// or https:// address"),
    ],
)
def test_an_address_that_is_none_is_a_mistake_in_the_settings(
    giftping: Run, home: Path, key: str, value: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, name = key.split(".")
    configure(home, f'[{table}]\n{name} = "env:NOBODY"')
    if value is not None:
        monkeypatch.setenv("NOBODY", value)
    line = (home / "giftping.toml").read_text("utf-8").splitlines().index(f'{name} = "env:NOBODY"') + 1
    ran = giftping("config", "check")
    assert ran.exit_code == 78
    assert ran.error.startswith(f"giftping: {home}/giftping.toml:{line}: {key}: ")
    assert said in ran.error
    (told,) = [text for text in giftping("doctor", "-q").errors.splitlines() if text.startswith(table)]
    assert said in told
    assert f"giftping {table} test" in told
    assert SECRET not in ran.errors + told


def test_it_is_told_together_with_all_other_mistakes(giftping: Run, home: Path) -> None:
    configure(home, '[operator]\nwebhook = "env:NOBODY"\n[sources.wostool]\nenabled = false\n[codes]\n')
    text = (home / "giftping.toml").read_text("utf-8").replace("[codes]\nbuilt_in", "[codes]\nlease = 5\nbuilt_in")
    (home / "giftping.toml").write_text(text.removesuffix("[codes]\n"), "utf-8")
    said = giftping("config", "check").errors
    assert [key in said for key in ("codes.lease", "operator.webhook", "did you mean 'wostools'?")] == [True] * 3


@pytest.mark.parametrize("status", [401, 404])
def test_a_webhook_that_discord_does_not_know_is_said(
    giftping: Run, discord: StandInDiscord, operator: Callable[[], list[str]], status: int
) -> None:
    discord.fail(faults.status(status, 10015, "Unknown Webhook"), match=Match(webhook_id=78), times=None)
    ran = giftping("config", "check")
    assert ran.exit_code == 69
    assert ran.error.startswith(f"operator.webhook: webhook 78: HTTP {status}")
    assert giftping("config", "check", "--json").json["trouble"][0]["key"] == "operator.webhook"
    assert "operator: fail: operator.webhook: webhook 78" in giftping("doctor", "-q").errors
    assert TOKEN not in ran.errors
    assert operator() == []


def test_a_monitor_whose_host_nobody_knows_is_said(
    giftping: Run, monitor: StandInSources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    ran = giftping("config", "check")
    first, second = ran.errors.splitlines()
    assert first.startswith("heartbeat.codes: the host name 127.0.0.1 cannot be resolved")
    assert second.startswith("heartbeat.todo: ")
    assert SECRET not in ran.errors
    assert ran.exit_code == 0, "the settings are valid where there is no network, too"
    assert "heartbeat: fail: heartbeat.codes" in giftping("doctor", "-q").errors


# A try


def test_an_operator_gets_a_real_message(giftping: Run, operator: Callable[[], list[str]]) -> None:
    ran = giftping("operator", "test")
    assert (ran.exit_code, ran.errors) == (0, "")
    assert giftping("operator", "test", "--json").json == {"exit_code": 0, "told": True, "reason": ""}
    assert len(operator()) == 2
    assert operator()[0].startswith("**giftping operator test on ")


def test_an_operator_who_is_not_told_is_said_with_the_reason(
    giftping: Run, discord: StandInDiscord, operator: Callable[[], list[str]]
) -> None:
    discord.fail(faults.status(404, 10015, "Unknown Webhook"), match=Match(webhook_id=78), times=None)
    ran = giftping("operator", "test")
    assert ran.exit_code == 69
    assert ran.error.startswith("the operator could not be told: HTTP 404")
    assert giftping("operator", "test", "--json").json["told"] is False
    assert TOKEN not in ran.errors


@pytest.mark.parametrize("starts", [False, True])
def test_each_monitor_is_pinged_as_a_run_would_and_all_is_well_at_last(
    giftping: Run, monitor: StandInSources, home: Path, starts: bool
) -> None:
    if starts:
        configure(home, "start = true")
    ran = giftping("heartbeat", "test")
    assert (ran.exit_code, ran.errors) == (0, "")
    kinds = ["start", "fail", "success"] if starts else ["fail", "success"]
    assert pinged(monitor) == [f"/{kind}" if kind != "success" else "" for kind in kinds for _ in range(2)]
    pings = giftping("heartbeat", "test", "--json").json["pings"]
    assert [(one["key"], one["kind"]) for one in pings] == [
        (key, kind) for key in ("heartbeat.codes", "heartbeat.todo") for kind in kinds
    ]


def test_a_ping_that_does_not_arrive_is_said_and_the_others_go_out(giftping: Run, monitor: StandInSources) -> None:
    monitor.fail(f"/{SECRET}/fail", faults.status(500))
    ran = giftping("heartbeat", "test")
    assert ran.exit_code == 69
    said = [line.partition(";")[0] for line in ran.errors.splitlines()]
    assert said == [f"heartbeat.{job}: the ping fail did not reach its monitor: HTTP 500" for job in ("codes", "todo")]
    assert pinged(monitor).count("") == 2
    assert SECRET not in ran.errors


@pytest.mark.parametrize(
    ("words", "key"), [(("operator", "test"), "operator.webhook"), (("heartbeat", "test"), "heartbeat")]
)
def test_nobody_to_be_told_is_a_mistake_in_the_settings(giftping: Run, words: tuple[str, ...], key: str) -> None:
    ran = giftping(*words)
    assert ran.exit_code == 78
    assert key in ran.error
    assert "is not set, so that nobody is told" in ran.error
