from __future__ import annotations

import asyncio
import contextvars
import inspect
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import simcord
from bot_stage import GUILD, Machine, Stage
from fakes.patience import PATIENT

from giftping.bot import todo_commands
from giftping.bot.app import GiftpingBot
from giftping.bot.command_runner import CommandResult, CommandRunner
from giftping.demo.discord import StandInDiscord

if TYPE_CHECKING:
    from todo_guild import TodoGuild

# `fakes` is shared by all tests and lies above this folder.
sys.path.insert(0, str(Path(__file__).parents[2]))
# So is `past`, which the tests of the command line keep.
sys.path.insert(0, str(Path(__file__).parents[1] / "commands"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is a coroutine where its stage lives; what the bot did is shown when it fails."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    runner: asyncio.Runner = pyfuncitem.funcargs["runner"]
    stage: Stage = pyfuncitem.funcargs["stage"]

    async def play() -> None:
        with stage.env.time_context():
            await pyfuncitem.obj(**arguments)

    try:
        runner.run(play())
    except BaseException:
        pyfuncitem.add_report_section("call", "what the bot did", stage.env.transcript())
        raise
    return True


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine with no settings but those of a test, and a stand-in Discord."""
    monkeypatch.setattr("giftping.settings.file.SYSTEM_FOLDER", tmp_path / "etc")
    with StandInDiscord(limits=None) as stand_in:
        yield Machine(tmp_path, stand_in)
        assert stand_in.unexpected == []


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of one test."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def commands_live_by_the_real_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bot's threads see time go by: SimCord stops it for what the bot does, and MongoDB would be waited for."""
    run_now = CommandRunner.run_now

    def ask(runner: CommandRunner, *arguments: Any, **named: Any) -> CommandResult:
        return contextvars.Context().run(run_now, runner, *arguments, **named)

    monkeypatch.setattr(CommandRunner, "run_now", ask)


@pytest.fixture
def patient_simcord(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SimCord wait for a bot that is slow, and look ten times as often whether it is done.

    A longer `settle_timeout` would not do: what the bot itself waits for within that time, SimCord waits for as well.
    """
    monkeypatch.setitem(simcord.Env._settle_internal.__kwdefaults__, "idle", 0.005)
    settle, advance, detach = simcord.Env._settle_internal, simcord.Env._advance_to, simcord.Env._detach_bot

    async def settle_at_last(env: simcord.Env, **named: Any) -> None:
        # A deadline is given by `_advance_to`, which goes on itself.
        await _at_last(lambda: settle(env, **named), tries=1 if "_deadline" in named else TRIES)

    async def advance_at_last(env: simcord.Env, target: float, _: float) -> None:
        assert env._loop is not None
        now = env._loop.time
        await _at_last(lambda: advance(env, target, now() + env.settle_timeout))

    monkeypatch.setattr(simcord.Env, "_settle_internal", settle_at_last)
    monkeypatch.setattr(simcord.Env, "_advance_to", advance_at_last)
    monkeypatch.setattr(simcord.Env, "_detach_bot", lambda env: _at_last(lambda: detach(env)))
    # Who is told to wait for a store that is slow is told by the clock.
    monkeypatch.setattr(todo_commands, "PATIENCE", PATIENT)


TRIES = round(PATIENT / 5)
"""How often SimCord, which gives up after five seconds, is told to go on."""


async def _at_last(step: Callable[[], Awaitable[None]], tries: int = TRIES) -> None:
    """Let SimCord go on where it gave up."""
    for _ in range(tries - 1):
        with suppress(TimeoutError):
            return await step()
    return await step()


@pytest.fixture
def stage(
    machine: Machine, runner: asyncio.Runner, commands_live_by_the_real_clock: None, patient_simcord: None
) -> Iterator[Stage]:
    """The bot connected, with no guild for TODOs, and a guild with a channel where it may post.

    An error that the bot met and the test did not look at (`stage.env.errors`) fails the test.
    """
    env = simcord.Env(GiftpingBot(machine.settings()))
    runner.run(env.start())
    guild = env.create_guild(id=GUILD)
    channel = guild.create_text_channel("general")
    machine.stand_in.add_guild(GUILD)
    machine.stand_in.set_bot(GUILD)
    machine.stand_in.add_channel(channel.id, GUILD)
    seen = len(env.errors)
    try:
        yield Stage(env, machine, guild, channel)
    finally:
        runner.run(env.shutdown())
    unseen = env.errors_since(max(seen, env._errors_acknowledged))
    assert not unseen, unseen


@pytest.fixture
def todo(stage: Stage, runner: asyncio.Runner) -> TodoGuild:
    """The guild of the stage as one that takes part in the TODO system, with Asha on the roster."""
    from todo_guild import make_todo_guild

    guild = make_todo_guild(stage)
    runner.run(guild.restart())
    return guild
