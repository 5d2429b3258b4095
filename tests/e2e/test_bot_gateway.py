"""`giftping bot` as it is installed, with the real library, over real sockets to a gateway on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes.patience import PATIENT, wait_until
from gateway import AUTHENTICATION_FAILED, DISALLOWED_INTENTS, MODAL, PRIVILEGED_INTENTS, LocalGateway, Told
from scene import GIFTPING, Host, Scene

from giftping.demo.log import Match
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine
from giftping.todo.history import Event
from giftping.todo.model import Member
from giftping.todo.repository import MemberChange, MemberRepository

GUILD, CHANNEL, ROLE, ANN, STRANGER = 6001, 6002, 6003, 6101, 6102
WHERE = {"guild_id": GUILD, "channel_id": CHANNEL}
BEAT = 0.25

EXIT_TROUBLE, EXIT_LOCKED, EXIT_SETTINGS = 69, 75, 78


def with_library(**changed: str) -> str:
    """Return code that runs the command with parts of the library changed, so that nobody has to wait for them.

    Ready at once, in place of two seconds after the last guild; and what else is changed.
    """
    options = {"guild_ready_timeout": "0.1", "heartbeat_timeout": str(PATIENT)} | changed
    delay = options.pop("delay", "")
    shown = ", ".join(f"{name!r}: {value}" for name, value in options.items())
    return f"""\
import runpy
import discord.client, discord.state

init = discord.state.ConnectionState.__init__

def with_options(self, **options):
    init(self, **options, **{{{shown}}})

async def at_once(self, shard_id, *, initial=False):
    pass

discord.state.ConnectionState.__init__ = with_options
discord.Client.before_identify_hook = at_once
if {delay!r}:
    discord.client.ExponentialBackoff.delay = lambda self: float({delay!r})
runpy.run_path({GIFTPING!r}, run_name="__main__")
"""


@dataclass
class Resident:
    """A bot that runs, in a process group of its own."""

    process: subprocess.Popen[bytes]
    folder: Path

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end and return its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code of a bot that ends by itself, with nothing left of its processes."""
        code = self.process.wait()
        with pytest.raises(ProcessLookupError):
            os.killpg(self.process.pid, 0)
        return code

    def wait_for_line(self, text: str) -> None:
        """Wait until something stands in the log."""
        wait_until(lambda: text in self.errors, f"the log does not say {text!r}")

    @property
    def output(self) -> str:
        return (self.folder / "output").read_text("utf-8")

    @property
    def errors(self) -> str:
        return (self.folder / "errors").read_text("utf-8")


@contextmanager
def resident(host: Host, *options: str, code: str = "") -> Iterator[Resident]:
    """Run `giftping bot`; what it writes goes into files, as much as it is."""
    command = [sys.executable, "-c", code or with_library(), "bot", *options]
    with (host.folder / "output").open("wb") as output, (host.folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=host.folder,
            env=host.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    try:
        yield Resident(process, host.folder)
    except BaseException as error:
        error.add_note((host.folder / "errors").read_text("utf-8"))
        raise
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def gateway(scene: Scene) -> Iterator[LocalGateway]:
    """Return a gateway with one guild, whose TODO channel is the stand-in's; the bot sends it nothing wrong."""
    discord = scene.discord
    discord.add_guild(GUILD)
    discord.set_bot(GUILD)
    discord.add_channel(CHANNEL, GUILD)
    discord.add_role(GUILD, ROLE)
    discord.add_member(GUILD, ANN, roles=(ROLE,), name="ann")
    with LocalGateway(discord, token=discord.bot_token, beat=BEAT) as gateway:
        gateway.add_guild(GUILD, channels=(CHANNEL,), roles=(ROLE,))
        yield gateway
        assert gateway.wrong == []


@pytest.fixture
def host(scene: Scene, gateway: LocalGateway) -> Host:
    """Return a machine for the bot, with Ann on the roster, who has been silent for a day and more."""
    host = scene.host("bot")
    host.environment |= {
        "GIFTPING_DISCORD_API": gateway.api,
        "GUILD_ID": str(GUILD),
        "TODO_CHANNEL_ID": str(CHANNEL),
        "ROLE_ID": str(ROLE),
    }
    now = datetime.now(UTC)
    ann = Member(ANN, "ann", added=now - timedelta(days=9), last_submit=now - timedelta(hours=30))
    with Store(TinyEngine(host.state)) as store:
        MemberRepository(store, lambda: now).save([MemberChange(ann)])
    return host


def connected(gateway: LocalGateway) -> None:
    gateway.wait_until(lambda: bool(gateway.identified) and gateway.is_connected(), "the bot did not connect")


def member_of(host: Host) -> tuple[Member, list[Event]]:
    """Return Ann as the store knows her, and her history."""
    with Store(TinyEngine(host.state, read_only=True)) as store:
        repository = MemberRepository(store, lambda: datetime.now(UTC))
        return repository.load().members[ANN], [event for event in repository.events() if event.user_id == ANN]


def status_of_ann(gateway: LocalGateway) -> Told:
    return gateway.answer(gateway.slash("todostatus", user_id=ANN, **WHERE))


def fields_of(embed: Any) -> dict[str, str]:
    return {field["name"]: field["value"] for field in embed["fields"]}


def hides_secrets(bot: Resident, scene: Scene) -> None:
    for written in (bot.output, bot.errors):
        assert scene.discord.bot_token not in written
        assert "interaction-secret" not in written


def test_a_command_and_a_form_are_answered_and_the_todo_is_saved_and_posted(
    scene: Scene, gateway: LocalGateway, host: Host
) -> None:
    with resident(host, "-vv") as bot:
        connected(gateway)
        (identified,) = gateway.identified
        assert identified["intents"] & PRIVILEGED_INTENTS == 0

        status = status_of_ann(gateway)
        assert status.is_deferred
        assert status.is_ephemeral
        (shown,) = status.embeds
        assert f"<@{ANN}>" in shown["description"]
        assert "Next reminder" in fields_of(shown)

        refused = gateway.answer(gateway.slash("todo", user_id=STRANGER, **WHERE))
        assert refused.callback is not None
        assert refused.callback["type"] != MODAL
        assert refused.is_ephemeral
        assert len(refused.embeds) == 1

        form = gateway.answer(gateway.slash("todo", user_id=ANN, **WHERE))
        assert form.callback is not None
        assert form.callback["type"] == MODAL
        sent = gateway.answer(gateway.submit(form, {"Name": "Reading", "Must do": "a chapter"}, user_id=ANN, **WHERE))
        assert sent.is_deferred
        assert sent.is_ephemeral
        assert "Posted in the channel." in sent.embeds[0]["description"]
        assert bot.end() == 0
    member, events = member_of(host)
    assert member.todo is not None
    assert (member.todo.name, member.todo.must_do) == ("Reading", "a chapter")
    assert [event.kind for event in events if event.leg == ""] == ["submission"]
    (post,) = scene.discord.messages(CHANNEL)
    assert "Reading" in str(post.embeds)
    hides_secrets(bot, scene)


def test_a_dropped_connection_is_resumed_and_what_was_missed_is_answered(
    scene: Scene, gateway: LocalGateway, host: Host
) -> None:
    with resident(host, "-vv") as bot:
        connected(gateway)
        gateway.wait_for_beats()
        assert status_of_ann(gateway).embeds
        synced = list(gateway.syncs)

        with gateway.closed_doors():
            gateway.cut()
            missed = gateway.slash("todostatus", user_id=ANN, **WHERE)
        assert gateway.answer(missed).embeds
        assert (len(gateway.resumed), gateway.replayed) == (1, 1)

        gateway.ask_to_reconnect()
        gateway.wait_until(lambda: len(gateway.resumed) == 2, "it did not resume when it was asked to reconnect")
        assert status_of_ann(gateway).embeds

        gateway.close_with(4000)
        gateway.wait_until(lambda: len(gateway.resumed) == 3, "it did not resume after a close code")
        assert len(gateway.identified) == 1

        gateway.end_session()
        gateway.wait_until(lambda: len(gateway.identified) == 2, "it did not identify anew")
        gateway.wait_for_beats(2)
        assert status_of_ann(gateway).embeds
        assert len(gateway.resumed) == 3
        assert gateway.syncs == synced
        assert len(missed.followups) == 1

        assert bot.end() == 0
    hides_secrets(bot, scene)


def test_a_gateway_that_has_gone_deaf_is_left_and_resumed(gateway: LocalGateway, host: Host) -> None:
    with resident(host, code=with_library(heartbeat_timeout="1.0")) as bot:
        connected(gateway)
        gateway.wait_for_beats()
        gateway.answers_beats = False
        gateway.wait_until(lambda: bool(gateway.resumed), "it did not leave a gateway that answers no heartbeat")
        gateway.answers_beats = True
        assert status_of_ann(gateway).embeds
        assert len(gateway.identified) == 1
        assert bot.end() == 0


def test_commands_are_sent_once_and_not_again_by_a_restart_but_when_discord_has_forgotten_them(
    gateway: LocalGateway, host: Host
) -> None:
    with resident(host) as bot:
        connected(gateway)
        assert status_of_ann(gateway).embeds
        assert bot.end() == 0
    synced = list(gateway.syncs)
    assert [sync.guild_id for sync in synced] == [None, GUILD]
    assert {"giftcode", "giftcodesettings"} <= gateway.commands(None)
    assert {"todo", "atodo", "todostatus", "todo_roster"} <= gateway.commands(GUILD)

    with resident(host) as bot:
        gateway.wait_until(lambda: len(gateway.identified) == 2, "it did not connect after a restart")
        assert status_of_ann(gateway).embeds
        assert gateway.syncs == synced
        gateway.kick(GUILD)
        gateway.invite(GUILD, channels=(CHANNEL,), roles=(ROLE,))
        assert status_of_ann(gateway).embeds
        assert [sync.guild_id for sync in gateway.syncs] == [None, GUILD, GUILD]
        gateway.kick(GUILD)
        assert bot.end(signal.SIGINT) == 0
    gateway.add_guild(GUILD, channels=(CHANNEL,), roles=(ROLE,))
    with resident(host) as bot:
        gateway.wait_until(lambda: len(gateway.identified) == 3, "it did not connect after a restart")
        assert status_of_ann(gateway).embeds
        assert bot.end() == 0


def test_a_form_is_handed_in_after_a_restart_and_answered_though_connections_drop(
    scene: Scene, gateway: LocalGateway, host: Host
) -> None:
    with resident(host) as bot:
        form = gateway.answer(gateway.slash("todo", user_id=ANN, **WHERE))
        assert bot.end() == 0
    with resident(host) as bot:
        gateway.wait_until(lambda: len(gateway.identified) == 2, "it did not connect after a restart")
        gateway.drops_answers = 2
        sent = gateway.answer(gateway.submit(form, {"Must do": "a chapter"}, user_id=ANN, **WHERE))
        assert "Posted in the channel." in sent.embeds[0]["description"]
        assert gateway.drops_answers == 0
        assert bot.end() == 0
    assert len(sent.followups) == len(scene.discord.messages(CHANNEL)) == 1


def test_what_is_under_way_is_answered_when_the_gateway_ends_the_bot(
    scene: Scene, gateway: LocalGateway, host: Host
) -> None:
    reached, released = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert released.wait(PATIENT)

    with resident(host) as bot:
        form = gateway.answer(gateway.slash("todo", user_id=ANN, **WHERE))
        scene.discord.call(hold, match=Match("POST", "/channels/{channel_id}/messages"))
        sent = gateway.submit(form, {"Must do": "a chapter"}, user_id=ANN, **WHERE)
        assert reached.wait(PATIENT)
        gateway.close_with(AUTHENTICATION_FAILED)
        gateway.wait_until(lambda: bool(gateway.closed_with), "the connection was not closed")
        released.set()
        assert bot.wait() == EXIT_SETTINGS
    assert "Posted in the channel." in sent.embeds[0]["description"]
    assert "Traceback" not in bot.errors


def test_a_gateway_that_is_away_in_the_first_place_ends_it_in_one_line(gateway: LocalGateway, host: Host) -> None:
    gateway.is_away = True
    ran = host.run("bot", "-q")
    assert ran.exit_code == EXIT_TROUBLE
    (line,) = ran.errors.splitlines()
    assert line.startswith("Discord's gateway cannot be reached: 503")


def test_connecting_again_is_quiet_where_quiet_is_asked_for(gateway: LocalGateway, host: Host) -> None:
    with resident(host, "-q", code=with_library(delay="0.01")) as bot:
        connected(gateway)
        assert status_of_ann(gateway).embeds
        gateway.is_away = True
        gateway.cut()
        gateway.wait_until(lambda: gateway.turned_away > 1, "it did not try to connect again")
        gateway.is_away = False
        assert status_of_ann(gateway).embeds
        assert bot.end() == 0
    assert bot.errors == ""


def test_everything_goes_through_the_proxy_that_the_environment_names(gateway: LocalGateway, host: Host) -> None:
    # Nobody but the proxy knows where that is.
    gateway.host = "discord.invalid"
    host.environment |= {"http_proxy": gateway.api.removesuffix("/api/v10")}
    host.environment["GIFTPING_DISCORD_API"] = "http://discord.invalid/api/v10"
    with resident(host) as bot:
        connected(gateway)
        assert status_of_ann(gateway).embeds
        assert bot.end() == 0


def test_a_bot_that_is_told_to_end_takes_its_leave(gateway: LocalGateway, host: Host) -> None:
    with resident(host) as bot:
        connected(gateway)
        gateway.wait_for_beats()
        assert bot.end() == 0
    gateway.wait_until(lambda: bool(gateway.closed_with), "the connection was not closed")
    assert gateway.closed_with == [1000]
    assert "Traceback" not in bot.errors


def test_a_command_that_is_at_work_when_the_bot_is_told_to_end_is_finished_and_answered(
    scene: Scene, gateway: LocalGateway, host: Host
) -> None:
    reached, released = threading.Event(), threading.Event()

    def hold() -> None:
        reached.set()
        assert released.wait(PATIENT)

    with resident(host) as bot:
        form = gateway.answer(gateway.slash("todo", user_id=ANN, **WHERE))
        scene.discord.call(hold, match=Match("POST", "/channels/{channel_id}/messages"))
        sent = gateway.submit(form, {"Name": "Reading", "Must do": "a chapter"}, user_id=ANN, **WHERE)
        assert reached.wait(PATIENT)
        bot.process.send_signal(signal.SIGTERM)
        bot.wait_for_line("ending")
        released.set()
        assert bot.wait() == 0
    assert sent.is_deferred
    assert "Posted in the channel." in sent.embeds[0]["description"]
    assert len(scene.discord.messages(CHANNEL)) == 1
    member, events = member_of(host)
    assert member.notices == ()
    assert [event.kind for event in events if event.leg == "" and event.kind == "submission"] == ["submission"]
    assert "Traceback" not in bot.errors


def test_it_ends_while_the_gateway_is_away_however_long_it_would_wait(
    scene: Scene, gateway: LocalGateway, host: Host
) -> None:
    with resident(host, "-vv", code=with_library(delay="3600")) as bot:
        connected(gateway)
        gateway.is_away = True
        gateway.cut()
        gateway.wait_until(lambda: gateway.turned_away > 0, "it did not try to connect")
        bot.wait_for_line("Attempting a reconnect in 3600")
        assert bot.end() == 0
    hides_secrets(bot, scene)


def test_a_second_bot_of_the_same_state_does_not_connect(gateway: LocalGateway, host: Host) -> None:
    with resident(host) as bot:
        connected(gateway)
        second = host.run("bot")
        assert second.exit_code == EXIT_LOCKED
        assert len(gateway.identified) == 1
        assert bot.end() == 0


def test_a_token_that_the_api_refuses_ends_it_in_one_line(scene: Scene, gateway: LocalGateway, host: Host) -> None:
    host.environment["DISCORD_TOKEN"] = "a-token-of-yesterday"
    ran = host.run("bot")
    assert ran.exit_code == EXIT_SETTINGS
    (line,) = ran.errors.splitlines()
    assert "DISCORD_TOKEN" in line
    assert "a-token-of-yesterday" not in ran.errors + ran.output
    assert gateway.identified == []


@pytest.mark.parametrize("code", [AUTHENTICATION_FAILED, DISALLOWED_INTENTS])
def test_a_gateway_that_refuses_the_bot_ends_it_in_one_line(
    scene: Scene, gateway: LocalGateway, host: Host, code: int
) -> None:
    gateway.refuses_with = code
    ran = host.run("bot", "-q")
    assert ran.exit_code == (EXIT_SETTINGS if code == AUTHENTICATION_FAILED else EXIT_TROUBLE)
    (line,) = ran.errors.splitlines()
    assert scene.discord.bot_token not in line
    assert ("token" if code == AUTHENTICATION_FAILED else "intents") in line.lower()
