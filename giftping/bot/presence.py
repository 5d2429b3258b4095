"""That the bot is there, noted in the store for the sweeps: their reminders say `/todo` only as long as it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from giftping.errors import EXIT_FINE
from giftping.todo.bot_presence import NOTED_EVERY, guilds_before, presence
from giftping.wiring import host_name, utc_now

if TYPE_CHECKING:
    from giftping.bot.command_runner import CommandRunner
    from giftping.commands.session import Session


def note_presence(session: Session, since: datetime, *, is_up: bool) -> int:
    """The exit code, once it is noted that the bot is there, or is not any more."""
    settings = session.settings
    with session.store() as store:
        store.record_run(presence(host_name(settings), settings.todo.guild_id, since, utc_now(), is_up=is_up))
    return EXIT_FINE


def earlier_guilds(session: Session) -> int:
    """The exit code; gives the guilds that a bot took TODOs for by other settings.

    By opening the store it is noted as well which guilds have a language of their own.
    """
    with session.store(read_only=True) as store:
        session.give({"guilds": guilds_before(store.runs(), session.settings.todo.guild_id)})
    return EXIT_FINE


@dataclass
class Presence:
    """Notes that the bot is there, from when Discord knows its commands until it ends."""

    runner: CommandRunner
    since: datetime = field(default_factory=utc_now)
    _noting: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Note it from now on; once is enough."""
        if self._noting is None:
            self._noting = asyncio.ensure_future(self._note())

    async def _note(self) -> None:
        while True:
            # Not as an answer that somebody waits for (`CommandRunner.finish`).
            await asyncio.to_thread(self.runner.run_now, note_presence, self.since, is_up=True)
            await asyncio.sleep(NOTED_EVERY.total_seconds())

    async def end(self) -> None:
        """Note that it is not there any more, where it was noted that it is."""
        if self._noting is not None:
            noting, self._noting = self._noting, None
            noting.cancel()
            await asyncio.gather(noting, return_exceptions=True)
            await asyncio.to_thread(self.runner.run_now, note_presence, self.since, is_up=False)
