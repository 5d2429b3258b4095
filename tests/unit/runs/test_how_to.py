"""What a reminder tells a member to do can be done: /todo only while the bot runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from fakes.words import ENGLISH

from giftping.runs.how_to import ROOM, how_to
from giftping.settings.keys import TodoSettings
from giftping.store.base import RunRecord
from giftping.todo.bot_presence import BELIEVED_FOR, presence

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
GUILD, OWNER = 10**17, 10**17 + 1
SOON = timedelta(minutes=1)


def said(runs: Iterable[RunRecord], **todo: Any) -> str:
    settings: Any = SimpleNamespace(todo=TodoSettings(guild_id=GUILD, **todo))
    store: Any = SimpleNamespace(runs=lambda: list(runs))
    return how_to(store, settings, ENGLISH, NOW)


def noted(age: timedelta, *, guild: int = GUILD, is_up: bool = True) -> RunRecord:
    return presence("h", guild, NOW - 9 * BELIEVED_FOR, NOW - age, is_up=is_up)


@pytest.mark.parametrize("age", [timedelta(0), SOON, BELIEVED_FOR, -SOON])
def test_while_the_bot_runs_members_are_told_of_its_command(age: timedelta) -> None:
    assert said([noted(age)], how_to="Ask Asha") == ENGLISH("todo.how")


ABSENT = [
    [],
    [noted(BELIEVED_FOR + SOON)],
    [noted(-BELIEVED_FOR - SOON)],
    [noted(SOON, is_up=False)],
    [noted(SOON, guild=GUILD + 7)],
    [RunRecord("todo sweep", "h", NOW, NOW, 0)],
    [RunRecord("bot", "h", NOW, NOW, 0)],
]


@pytest.mark.parametrize("runs", ABSENT)
def test_without_the_bot_nobody_is_told_of_a_command_that_is_not_there(runs: list[RunRecord]) -> None:
    assert said(runs, how_to="Write to Asha") == "Write to Asha"
    assert said(runs, owner_id=OWNER) == f"Send your TODO to <@{OWNER}>, who hands it in for you."
    assert said(runs) == "Send your TODO to whoever runs the TODOs here, who hands it in for you."


def test_the_bot_of_any_host_counts() -> None:
    assert said([noted(SOON, is_up=False), noted(SOON)]) == ENGLISH("todo.how")


def test_a_long_word_of_the_settings_fits_beside_another_sentence() -> None:
    assert len(said([], how_to="word " * 900)) <= ROOM
