"""The bot and the command line do the same: what they leave behind is compared, whole."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from bot_stage import GUILD, Machine, said
from past import Past
from todo_guild import STAFF_TABLES, TodoGuild

from giftping import cli
from giftping.demo.discord import StandInDiscord
from giftping.store.documents import TODO_COLLECTIONS
from giftping.store.records import Store
from giftping.store.tiny.engine import TinyEngine

LIST = "Read *two* pages\n- and <@1> more"
TEXTS = {"name": "Asha's day", "must_do": LIST, "can_do": "Swim", "dont_do": "Worry `much`"}

VARYING = re.compile(
    r"(?P<id>\b[0-9a-f]{16}\b)|(?P<rev>\b[0-9a-f]{24,64}\b)"
    r"|(?P<iso>\d{4}-\d\d-\d\dT[\d:.]+(?:\+00:00|Z))"
    r"|(?P<epoch>\b1[6-9]\d{8}(?:\.\d+)?\b)|(?P<host>\b[\w.-]+-[0-9a-f]{6}\b)"
    r"|(?P<nonce>(?<=\"nonce\": \")[^\"]+)"
)
"""What differs between two runs that do the same: fresh ids, revisions and nonces, times, and the host's name."""


def without_ids_and_times(value: object, made_by_discord: frozenset[int]) -> str:
    """A value as JSON with every id and time that a run makes up replaced by its kind and a number.

    The number is that of the value's first appearance, so that what is the same in one run stays the same. Ids that
    Discord has given, those of messages and of direct-message channels, are named by the caller. All else is kept.
    """
    numbers: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        kind = found.lastgroup or ""
        return "TIME" if kind in ("iso", "epoch") else numbers.setdefault(found[0], f"{kind}-{len(numbers)}")

    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=dict)
    for number, id_ in enumerate(sorted(made_by_discord)):
        text = text.replace(str(id_), f"discord-{number}")
    return VARYING.sub(named, text)


def left_behind(state: Path, stand_in: StandInDiscord, channel_id: int, user_id: int) -> str:
    """What there is of a TODO afterwards: the documents, the history, what was asked of Discord, the posts."""
    dm = stand_in.dm_channel_of(user_id)
    channels = [channel_id, *([dm] if dm else [])]
    messages = [message for channel in channels for message in stand_in.messages(channel)]
    requests = [
        (one.method, one.template, one.channel_id, one.user_id, one.body, one.status) for one in stand_in.requests
    ]
    posts = [(one.content, one.embeds, [(file.filename, file.size) for file in one.attachments]) for one in messages]
    with Store(TinyEngine(state, read_only=True)) as store:
        documents = {name: list(store.engine.walk(name)) for name in sorted(TODO_COLLECTIONS)}
    made = frozenset({message.id for message in messages} | ({dm} if dm else set()))
    return without_ids_and_times({"documents": documents, "requests": requests, "posts": posts}, made)


class CommandLine:
    """The command line on a machine of its own, with the guild that the bot has."""

    def __init__(
        self, todo: TodoGuild, folder: Path, stand_in: StandInDiscord, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.stand_in = stand_in
        self._monkeypatch = monkeypatch
        self.machine = Machine(folder, stand_in, dict(todo.stage.machine.variables))
        stand_in.add_guild(GUILD)
        stand_in.set_bot(GUILD)
        stand_in.add_channel(todo.channel.id, GUILD)
        stand_in.add_role(GUILD, todo.role.id, name="TODO")
        stand_in.add_member(GUILD, todo.asha.id, name="asha", roles=[todo.role.id])
        self.machine.settings(STAFF_TABLES.format(staff_role=todo.staff_role.id))

    def __call__(self, *words: str) -> int:
        """The exit code of `giftping WORDS`."""
        environment = {
            "HOME": str(self.machine.folder),
            "GIFTPING_STATE": str(self.machine.state),
            "GIFTPING_DISCORD_API": self.stand_in.api,
            "DISCORD_TOKEN": self.stand_in.bot_token,
            **self.machine.variables,
        }
        with self._monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.chdir(self.machine.folder)
            patch.setattr(sys, "argv", ["giftping", *words])
            with pytest.raises(SystemExit) as ended:
                cli.run()
        return int(ended.value.code or 0)


@pytest.fixture
def command_line(todo: TodoGuild, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """A command line beside the bot; both have had Asha on the roster since the same instant."""
    folder = tmp_path / "beside"
    folder.mkdir()
    with StandInDiscord(limits=None) as stand_in:
        beside = CommandLine(todo, folder, stand_in, monkeypatch)
        asha = todo.past.read(todo.asha.id)
        Past(beside.machine.state).member(todo.asha.id, "Asha", added=asha.added, last_submit=asha.last_submit)
        yield beside


def both_left(todo: TodoGuild, command_line: CommandLine) -> tuple[str, str]:
    """What the bot and the command line have left behind."""
    ids = todo.channel.id, todo.asha.id
    by_bot = left_behind(todo.stage.machine.state, todo.stage.stand_in, *ids)
    return by_bot, left_behind(command_line.machine.state, command_line.stand_in, *ids)


def options(texts: Mapping[str, str]) -> list[str]:
    """Texts as options of `todo submit`."""
    return [word for name, text in texts.items() for word in (f"--{name.replace('_', '-')}", text)]


async def test_todo_and_submit_leave_the_same_document_event_and_post(
    todo: TodoGuild, command_line: CommandLine
) -> None:
    assert "Posted in the channel." in said(await todo.hand_in(todo.asha, **TEXTS))
    assert command_line("todo", "submit", str(todo.asha.id), *options(TEXTS), "--quiet") == 0
    by_bot, by_command = both_left(todo, command_line)
    assert by_bot == by_command
    for part in ("submission", "handed in", "Read *two* pages", "POST", f'"{todo.asha.id}"'):
        assert part in by_bot


async def test_with_a_file_too(todo: TodoGuild, command_line: CommandLine) -> None:
    (command_line.machine.folder / "my plan.png").write_bytes(b"a picture")
    assert "Posted in the channel." in said(await todo.hand_in(todo.asha, file=("my plan.png", b"a picture"), **TEXTS))
    assert command_line("todo", "submit", str(todo.asha.id), *options(TEXTS), "--attach", "my plan.png", "-q") == 0
    by_bot, by_command = both_left(todo, command_line)
    assert by_bot == by_command
    assert "my_plan.png" in by_bot


async def test_atodo_and_submit_for_leave_the_same(todo: TodoGuild, command_line: CommandLine) -> None:
    assert "was told by direct message" in said(await todo.hand_in(todo.owner, "atodo", target=todo.asha, **TEXTS))
    words = ("todo", "submit", "--for", str(todo.asha.id), "--by", str(todo.owner.id), *options(TEXTS), "-q")
    assert command_line(*words) == 0
    by_bot, by_command = both_left(todo, command_line)
    assert by_bot == by_command
    assert by_bot.count(f"<@{todo.owner.id}>") >= 2


async def test_another_word_in_the_post_would_be_seen(todo: TodoGuild, command_line: CommandLine) -> None:
    await todo.hand_in(todo.asha, **TEXTS)
    command_line("todo", "submit", str(todo.asha.id), *options(TEXTS | {"can_do": "Swim."}), "-q")
    by_bot, by_command = both_left(todo, command_line)
    assert by_bot != by_command


def test_only_ids_and_times_are_taken_for_the_same() -> None:
    at, later = 1_790_000_000.25, 1_790_000_001.5
    one = {"_id": "0123456789abcdef:submission", "at": at, "user_id": "7", "by": "host-0a1b2c"}
    other = {"_id": "fedcba9876543210:submission", "at": later, "user_id": "7", "by": "host-c2b1a0"}
    nobody: frozenset[int] = frozenset()
    assert without_ids_and_times(one, nobody) == without_ids_and_times(other, nobody)
    for name, value in (("user_id", "8"), ("_id", "fedcba9876543210:other"), ("at", 5), ("by", "")):
        assert without_ids_and_times(other | {name: value}, nobody) != without_ids_and_times(one, nobody)
