"""The client: its commands are sent only when they changed, it starts nothing twice, and it ends when told to."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import threading
from pathlib import Path
from typing import Any

import discord
import pytest
from bot_stage import GUILD, OTHER_GUILD, Machine, Stage
from discord import app_commands
from english import SAID
from fakes.patience import PATIENT
from simcord.actors import MemberActor

from giftping.bot import failures
from giftping.bot.app import GiftpingBot, run
from giftping.bot.command_runner import CommandRunner
from giftping.commands import codes as coding
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

EVERYWHERE = "everywhere"


def sent(stage: Stage, since: int = 0) -> list[str]:
    """Where the bot has sent commands to, since a number of requests: everywhere, or a guild's id."""
    paths = [request.path for request in stage.env.http_requests[since:] if request.method == "PUT"]
    return [path.split("/guilds/")[1].split("/")[0] if "/guilds/" in path else EVERYWHERE for path in paths]


def so_far(stage: Stage) -> int:
    return len(stage.env.http_requests)


# Commands


def names(bot: GiftpingBot, guild_id: int | None = None) -> set[str]:
    guild = discord.Object(guild_id) if guild_id else None
    return {command.name for command in bot.tree.get_commands(guild=guild)}


async def test_the_first_start_sends_the_commands_and_a_restart_sends_nothing(stage: Stage) -> None:
    assert sent(stage) == [EVERYWHERE]
    for variables in ({"GUILD_ID": None}, {"GUILD_ID": GUILD}):
        await stage.restart(**variables)
        before = so_far(stage)
        await stage.restart()
        assert sent(stage, before) == []


async def test_a_reconnect_sends_nothing(stage: Stage) -> None:
    await stage.restart(GUILD_ID=GUILD)
    before = so_far(stage)
    for _ in range(2):
        stage.env.bot.dispatch("connect")
        stage.env.bot.dispatch("ready")
        await stage.env.settle()
    assert sent(stage, before) == []


@pytest.mark.parametrize("keyed", [{}, {"name_localizations": {"de": "anders"}}, {"options": []}, {"nsfw": True}])
async def test_whatever_another_has_made_of_the_commands_is_put_right_by_the_next_start(
    stage: Stage, keyed: dict[str, Any]
) -> None:
    known = stage.env.backend.commands[None]
    key = ("giftcode", 1)
    if keyed:
        known[key] = known[key] | keyed
    else:
        known[("of-another", 1)] = known[key] | {"name": "of-another", "id": "1"}
    before = so_far(stage)
    await stage.restart()
    assert sent(stage, before) == [EVERYWHERE]
    assert ("of-another", 1) not in stage.env.backend.commands[None]
    before = so_far(stage)
    await stage.restart()
    assert sent(stage, before) == []


async def test_a_guild_for_todos_gets_the_todo_commands(stage: Stage) -> None:
    before = so_far(stage)
    bot = await stage.restart(GUILD_ID=GUILD)
    assert sent(stage, before) == [str(GUILD)]
    assert "todo" not in names(bot)
    assert "todo" in names(bot, GUILD)


async def test_without_a_guild_for_todos_there_are_no_todo_commands(stage: Stage) -> None:
    alice = stage.add_member("alice", manage_roles=True)
    assert not [name for name in alice.available_commands(stage.channel) if "todo" in name]
    await stage.restart(GUILD_ID=GUILD)
    assert "todo" in alice.available_commands(stage.channel)
    await noted_as([True], stage)
    await stage.restart(GUILD_ID=None)
    assert not [name for name in alice.available_commands(stage.channel) if "todo" in name]


async def test_another_guild_for_todos_takes_the_commands_back_from_the_one_before(stage: Stage) -> None:
    stage.add_guild(OTHER_GUILD)
    await stage.restart(GUILD_ID=GUILD)
    await noted_as([True], stage)
    before = so_far(stage)
    await stage.restart(GUILD_ID=OTHER_GUILD)
    assert sent(stage, before) == [str(GUILD), str(OTHER_GUILD)]
    taken_back = [one for one in stage.env.http_requests[before:] if f"/guilds/{GUILD}/" in one.path]
    assert [one.json for one in taken_back if one.method == "PUT"] == [[]]
    before = so_far(stage)
    await stage.restart()
    assert sent(stage, before) == []


async def test_a_guild_that_the_bot_was_thrown_out_of_need_not_be_asked_to_forget_the_commands(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.restart(GUILD_ID=GUILD)
    await noted_as([True], stage)
    stage.env.inject_error("GET", f"/applications/*/guilds/{GUILD}/commands", status=403, code=50001)
    before = so_far(stage)
    await stage.restart(GUILD_ID=None)
    assert sent(stage, before) == []
    assert "were not taken" not in caplog.text


async def test_a_guild_that_removes_the_bot_and_invites_it_again_has_its_commands_again(stage: Stage) -> None:
    await stage.restart(GUILD_ID=GUILD)
    await noted_as([True], stage)
    guild = stage.env.bot.get_guild(GUILD)
    # Discord forgets them with the bot.
    del stage.env.backend.commands[GUILD]
    stage.env.bot.dispatch("guild_remove", guild)
    await stage.env.settle()
    await noted_as([False], stage)
    before = so_far(stage)
    stage.env.bot.dispatch("guild_join", guild)
    await stage.env.settle()
    assert sent(stage, before) == [str(GUILD)]
    await noted_as([True], stage)


async def test_what_another_bot_left_in_guilds_stays_until_its_removal_is_asked_for(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "giftping.bot")
    backend, left = stage.env.backend, {"name": "daily", "description": "of an older bot", "type": 1}
    stage.add_guild(OTHER_GUILD)
    for guild_id in (GUILD, OTHER_GUILD):
        backend.register_commands(guild_id, [left])
    await stage.restart()
    assert [("daily", 1) in backend.commands[guild_id] for guild_id in (GUILD, OTHER_GUILD)] == [True, True]
    bot = GiftpingBot(stage.machine.settings(GUILD_ID=GUILD), removes_others=True)
    await stage.env.restart_bot(bot)
    assert [("daily", 1) in backend.commands[guild_id] for guild_id in (GUILD, OTHER_GUILD)] == [False, False]
    assert ("todo", 1) in backend.commands[GUILD]
    assert f"removed from the commands for the server {OTHER_GUILD}: /daily" in caplog.text


async def test_commands_that_are_never_taken_do_not_keep_the_bot_from_connecting(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.backend.commands.clear()
    stage.env.inject_error("PUT", "/applications/*/commands", status=400, times=None)
    bot = await stage.restart()
    assert bot.is_ready()
    assert "the commands for everywhere were not taken: HTTP 400" in caplog.text


async def test_a_guild_that_the_bot_is_not_in_gets_its_commands_once_it_is_invited(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    before = so_far(stage)
    await stage.restart(GUILD_ID=OTHER_GUILD)
    assert sent(stage, before) == []
    assert f"the bot is not in the server {OTHER_GUILD} that GUILD_ID names: invite it" in caplog.text
    before = so_far(stage)
    stage.add_guild(OTHER_GUILD)
    await stage.env.settle()
    assert sent(stage, before) == [str(OTHER_GUILD)]


# What it asks of Discord


async def test_no_privileged_intent_is_asked_for_and_no_message_is_kept(stage: Stage) -> None:
    bot = stage.env.bot
    assert [name for name, is_on in bot.intents if is_on] == ["guilds"]
    assert list(bot.cached_messages) == []


async def test_an_answer_mentions_nobody(stage: Stage) -> None:
    mentions = stage.env.bot.allowed_mentions
    assert mentions is not None
    assert mentions.to_dict() == {"parse": []}


# Errors


@pytest.fixture
def ben(stage: Stage) -> MemberActor:
    """A member like any other."""
    return stage.add_member("ben")


async def test_an_error_outside_the_command_is_told_and_logged_without_the_token(
    stage: Stage, ben: MemberActor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: Any) -> discord.Embed:
        raise ValueError(f"no embed with {stage.stand_in.bot_token}")

    monkeypatch.setattr("giftping.bot.code_embeds.statistics", broken)
    result = await ben.slash(stage.channel, "giftcode_stats")
    assert len(stage.env.errors) == 1
    messages = [message for message in (result.response, *result.followups) if message]
    assert [message.embeds[0].description for message in messages] == [SAID("bot.failure.unexpected")]
    assert "/giftcode_stats: ValueError: no embed with" in caplog.text
    assert stage.stand_in.bot_token not in caplog.text


async def test_an_interaction_that_discord_gave_up_is_a_line_in_the_log_and_no_more(
    stage: Stage, ben: MemberActor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stage.env.inject_error(
        "POST", "/interactions/*/callback", status=404, code=failures.UNKNOWN_INTERACTION, message="Unknown interaction"
    )
    calls: list[object] = []
    monkeypatch.setattr(coding, "stats", lambda *arguments: calls.append(arguments) or 0)
    await ben.slash(stage.channel, "giftcode_stats")
    assert len(stage.env.errors) == 1
    assert calls == []
    (record,) = [record for record in caplog.records if record.name == "giftping.bot" and record.levelno > logging.INFO]
    assert record.getMessage() == "/giftcode_stats: Discord had given up waiting"


# Ending


def test_the_bot_ends_when_told_to_even_while_it_waits_to_connect_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    async def wait_to_connect_again(self: GiftpingBot, token: str) -> None:
        steps.append(f"started with {token}")
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.sleep(3600)
        finally:
            steps.append("gave up")

    monkeypatch.setattr(GiftpingBot, "start", wait_to_connect_again)
    run(machine.settings(), "a-token")
    assert steps == ["started with a-token", "gave up"]


def test_a_refused_token_ends_the_bot(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: GiftpingBot, token: str) -> None:
        raise discord.LoginFailure("Improper token has been passed.")

    monkeypatch.setattr(GiftpingBot, "start", refuse)
    with pytest.raises(discord.LoginFailure):
        run(machine.settings(), "a-token")


# Side by side


async def test_what_waits_for_discord_or_for_sources_holds_up_neither_a_look_nor_a_form(stage: Stage) -> None:
    runner, released = CommandRunner(stage.settings), threading.Event()
    waiting = [
        asyncio.ensure_future(command(lambda _session: int(not released.wait(PATIENT))))
        for command in (runner.post, runner.check)
        for _ in range(40)
    ]
    for command in (runner.run, runner.form):
        assert (await command(lambda _session: 7)).exit_code == 7
    assert not any(one.done() for one in waiting)
    released.set()
    assert {one.exit_code for one in await asyncio.gather(*waiting)} == {0}


# The page


def test_the_page_lists_every_command_and_who_may_see_it(machine: Machine) -> None:
    page = Path(__file__).parents[3] / "docs" / "bot.md"
    rows = re.findall(r"^\| `/([a-z_ ]+)` \| ([^|]+) \|", page.read_text("utf-8"), re.MULTILINE)
    tree = GiftpingBot(machine.settings(GUILD_ID=GUILD)).tree
    known = {}
    for command in (*tree.walk_commands(), *tree.walk_commands(guild=discord.Object(GUILD))):
        if isinstance(command, app_commands.Command):
            root = command.root_parent or command
            known[command.qualified_name] = root.default_permissions
    shown_to = {
        "everybody": None,
        "members of the roster": None,
        "Manage Server": discord.Permissions(manage_guild=True),
        "owner and staff": discord.Permissions(manage_roles=True),
    }
    assert {name: shown_to[who] for name, who in rows} == known


def test_the_permissions_in_the_invitation_are_those_that_are_named(machine: Machine) -> None:
    page = (Path(__file__).parents[3] / "docs" / "bot.md").read_text("utf-8")
    posting = discord.Permissions(view_channel=True, send_messages=True, embed_links=True, read_message_history=True)
    todos = discord.Permissions(posting.value, attach_files=True, manage_roles=True)
    assert f"scope=bot+applications.commands&permissions={todos.value}\n" in page
    assert f"`{posting.value}` will do" in page


# Its being there


def noted(state: Path) -> list[object]:
    with Store(TinyEngine(state, read_only=True)) as store:
        return [run.details["up"] for run in store.runs() if run.job == "bot"]


async def noted_as(expected: list[object], stage: Stage) -> None:
    """Wait until the bot has noted so of itself."""
    async with asyncio.timeout(PATIENT):
        while noted(stage.machine.state) != expected:
            await asyncio.sleep(0)


async def test_it_notes_that_it_is_there_and_that_it_ends(stage: Stage) -> None:
    bot = await stage.restart(GUILD_ID=GUILD)
    await noted_as([True], stage)
    await bot.presence.end()
    assert noted(bot.settings.state) == [False]
