"""The TODO commands while the store is slow, or MongoDB is stopped: always acknowledged, and honest."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from bot_stage import said
from english import PERHAPS, SAID
from fakes.patience import PATIENT
from mongodb import Gate, open_gate
from simcord.actors import MemberActor
from simcord.results import InteractionResult
from todo_guild import READ, Heard, TodoGuild, acknowledged, filled, texts_of

from giftping.bot import command_runner, todo_commands
from giftping.bot.command_runner import Command, CommandResult, CommandRunner
from giftping.bot.todo_form import Draft, FormPurpose
from giftping.wiring import Wiring

PATIENCE = todo_commands.PATIENCE
NOBODY_LISTENS = "mongodb://127.0.0.1:1/todo"
QUICK = "serverSelectionTimeoutMS=60"

COMMANDS = {
    "todostatus": ("asha", {}),
    "listtodo": ("asha", {}),
    "deltodo": ("asha", {}),
    "todo_roster list": ("owner", {}),
    "todo_roster add": ("owner", {"member": "stranger"}),
    "todo_roster remove": ("owner", {"member": "asha"}),
    "todo_pause": ("owner", {"member": "asha"}),
}


async def give(todo: TodoGuild, command: str) -> InteractionResult:
    """What comes of one of the commands."""
    by, options = COMMANDS[command]
    member: MemberActor = getattr(todo, by)
    return await member.slash(todo.channel, command, **{name: getattr(todo, who) for name, who in options.items()})


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A way to a real MongoDB that can be shut."""
    with open_gate() as gate:
        yield gate


@pytest.fixture
def held_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, set[int]]]:
    """Let the store be opened only once the event is set; the threads that opened it are noted."""
    released, threads = threading.Event(), set()
    open_store = Wiring.open_store

    def held(wiring: Wiring, **named: Any) -> Any:
        threads.add(threading.get_ident())
        assert released.wait(PATIENT)
        return open_store(wiring, **named)

    monkeypatch.setattr(Wiring, "open_store", held)
    yield released, threads
    released.set()


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_is_acknowledged_before_the_store_says_anything_and_off_the_loop(
    todo: TodoGuild, held_store: tuple[threading.Event, set[int]], command: str
) -> None:
    released, threads = held_store
    giving = asyncio.create_task(give(todo, command))
    await acknowledged(todo)
    assert not giving.done()
    released.set()
    assert (await giving).acknowledged
    assert threads
    assert threading.get_ident() not in threads


async def test_a_form_that_comes_back_is_acknowledged_before_the_store_says_anything(
    todo: TodoGuild, held_store: tuple[threading.Event, set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    released, threads = held_store
    released.set()
    opened = await todo.asha.slash(todo.channel, "todo")
    released.clear()
    sending = asyncio.create_task(todo.asha.submit_modal(opened, filled(opened, **READ)))
    await acknowledged(todo)
    assert not sending.done()
    released.set()
    assert "Posted in the channel." in said(await sending)
    assert threading.get_ident() not in threads


async def test_a_form_opens_within_three_seconds_while_mongodb_is_waited_for_as_long_as_is_usual(
    todo: TodoGuild, held_store: tuple[threading.Event, set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = todo.stage.machine.settings(MONGO_URI=f"{NOBODY_LISTENS}?{QUICK}")
    assert PATIENCE < 3 <= settings.mongo.server_selection.total_seconds()
    monkeypatch.setattr(todo_commands, "PATIENCE", 0.01)
    released, _ = held_store
    order: list[str] = []

    class Slow(CommandRunner):
        def run_now(self, command: Command, *arguments: Any, **named: Any) -> CommandResult:
            reply = super().run_now(command, *arguments, **named)
            order.append("the store has said: " + ("no" if reply.refusal else "yes"))
            return reply

    member = Heard(todo.asha)
    commands = todo_commands.TodoCommands(runner := Slow(settings))
    await commands.open_form(member, FormPurpose())  # type: ignore[arg-type]
    assert len(member.forms) == 1
    order.append("the form was opened")
    released.set()
    await asyncio.to_thread(runner._forms.shutdown)
    assert order == ["the form was opened", "the store has said: no"]


# MongoDB is stopped


async def test_what_cannot_be_saved_is_not_said_to_be_and_the_text_is_given_back(todo: TodoGuild) -> None:
    opened = await todo.asha.slash(todo.channel, "todo")
    await todo.restart(MONGO_URI=f"{NOBODY_LISTENS}?{QUICK}")
    answers = {command: said(await give(todo, command)) for command in COMMANDS}
    assert set(answers.values()) == {SAID("bot.todo.away")}
    assert said(await todo.asha.slash(todo.channel, "todo")) == SAID("bot.todo.away")
    member, commands = Heard(todo.asha), todo_commands.TodoCommands(CommandRunner(todo.stage.settings))
    await commands.hand_in(member, Draft(FormPurpose(), texts_of(**READ)))  # type: ignore[arg-type]
    (embed,) = member.embeds
    assert (embed.title, embed.description) == ("Not handed in", PERHAPS)
    assert [field.value for field in embed.fields] == ["Read two pages"]
    assert opened.modal is not None
    assert todo.posted == []


async def test_the_copy_goes_on_says_so_and_is_carried_over(todo: TodoGuild, gate: Gate) -> None:
    await todo.restart(MONGO_URI=f"mongodb://{gate.address}/{todo.stage.machine.folder.name}?{QUICK}")
    assert SAID("bot.todo.on_mirror") not in await todo.ask(todo.owner, "todo_roster add", member=todo.asha)
    assert SAID("bot.todo.on_mirror") not in await todo.ask(todo.owner, "todo_roster add", member=todo.staff)
    gate.shut()
    answer = said(await todo.hand_in(todo.asha, **READ))
    assert "Posted in the channel." in answer
    for command in ("todostatus", "listtodo", "todo_pause", "todo_roster list", "deltodo", "todo_roster remove"):
        said_now = said(await give(todo, command))
        assert SAID("bot.todo.on_mirror") in said_now
        assert "127.0.0.1" not in said_now
    assert SAID("bot.todo.on_mirror") in answer
    gate.open()
    assert "No TODO to delete" in await todo.ask(todo.asha, "deltodo")
    listed = await todo.ask(todo.owner, "todo_roster list")
    assert f"<@{todo.staff.id}>" in listed
    assert f"<@{todo.asha.id}>" not in listed
    assert SAID("bot.todo.on_mirror") not in listed


@pytest.mark.parametrize("is_new", [False, True], ids=["the same bot", "one started since"])
async def test_what_was_handed_in_while_mongodb_was_away_is_there_soon_after_its_return_though_nobody_does_anything(
    todo: TodoGuild, gate: Gate, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    assert command_runner.LOOKS_EVERY < 60
    await todo.restart(MONGO_URI=f"mongodb://{gate.address}/{todo.stage.machine.folder.name}?{QUICK}")
    await todo.ask(todo.owner, "todo_roster add", member=todo.asha)
    gate.shut()
    wiring, runner, member = Wiring(todo.stage.settings), CommandRunner(todo.stage.settings), Heard(todo.asha)
    monkeypatch.setattr(command_runner, "LOOKS_EVERY", 3600 if is_new else 0.05)
    await todo_commands.TodoCommands(runner).hand_in(member, Draft(FormPurpose(), texts_of(**READ)))  # type: ignore[arg-type]
    assert member.embeds
    assert wiring.waiting()
    if is_new:
        # This test itself is what waited for the command: nothing else is waited for.
        await runner.finish(0)
        monkeypatch.setattr(command_runner, "LOOKS_EVERY", 0.05)
        runner = CommandRunner(todo.stage.settings)
        runner.carry_back_later()
    gate.open()
    async with asyncio.timeout(PATIENT):
        while wiring.waiting():
            await asyncio.sleep(0.02)
    await runner.finish(0)


async def test_a_bot_that_starts_looks_after_what_the_one_before_it_has_left(
    todo: TodoGuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[CommandRunner] = []
    monkeypatch.setattr(CommandRunner, "carry_back_later", lambda runner: looked.append(runner))
    await todo.restart(MONGO_URI=f"{NOBODY_LISTENS}?{QUICK}")
    assert len(looked) == 1
    await todo.restart(MONGO_URI=None)
    assert len(looked) == 1
