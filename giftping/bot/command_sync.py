"""Which commands Discord knows: they are sent where they are not as they were last sent, and nowhere else.

Discord keeps them over a restart of the bot: sent at each start they would be requests for nothing, and in a crash loop
many of them.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from giftping.runs.state_folder import BOT_COMMANDS, read_cache, write_cache
from giftping.store.tiny.files import next_step
from giftping.text import id_or_none

log = logging.getLogger("giftping.bot")

EVERYWHERE = "everywhere"


class CommandSync:
    """Sends the commands of a tree; what was sent is kept in the state folder, so that a restart sends nothing."""

    def __init__(self, tree: app_commands.CommandTree[Any], state: Path) -> None:
        self._tree = tree
        self._state = state
        self._sent = _read(state)
        # Discord may say twice, close together, that the bot is ready.
        self._at_work = asyncio.Lock()

    async def bring_up_to_date(self, guild: discord.abc.Snowflake | None = None) -> bool:
        """Whether the commands for one guild, or those for everywhere, had to be sent, and were.

        What Discord does not take is logged, and sent again when this is called again.
        """
        where = str(guild.id) if guild else EVERYWHERE
        async with self._at_work:
            # By application: with another bot's token in the settings, all are to be sent anew.
            fingerprint = f"{self._application}:{await self._fingerprint(guild)}"
            if self._sent.get(where) == fingerprint or not await self._send(guild, where):
                return False
            self._keep(self._sent | {where: fingerprint})
            return True

    async def withdraw_from_others(self, guild: discord.abc.Snowflake | None) -> None:
        """Take the commands back from the guilds that they were for in earlier settings."""
        present = {EVERYWHERE, str(guild.id) if guild else EVERYWHERE}
        async with self._at_work:
            for where, fingerprint in list(self._sent.items()):
                id_ = id_or_none(where)
                if where in present or id_ is None:
                    continue
                # Those of another application are nothing that this token could take back.
                is_ours = fingerprint.startswith(f"{self._application}:")
                if not is_ours or await self._send(discord.Object(id_), where, gone_is_fine=True):
                    self._keep({other: kept for other, kept in self._sent.items() if other != where})

    async def _send(self, guild: discord.abc.Snowflake | None, where: str, *, gone_is_fine: bool = False) -> bool:
        try:
            await self._tree.sync(guild=guild)
        except discord.HTTPException as error:
            if gone_is_fine and isinstance(error, discord.Forbidden | discord.NotFound):
                return True
            log.error("the commands for %s were not taken: HTTP %s %s", where, error.status, error.text)
            return False
        return True

    @property
    def _application(self) -> int | None:
        client: discord.Client = self._tree.client
        return client.application_id

    async def _fingerprint(self, guild: discord.abc.Snowflake | None) -> str:
        known, translator = self._tree.get_commands(guild=guild), self._tree.translator
        commands = [
            await command.get_translated_payload(self._tree, translator) if translator else command.to_dict(self._tree)
            for command in known
        ]
        text = json.dumps(sorted(commands, key=lambda command: command["name"]), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _keep(self, sent: dict[str, str]) -> None:
        """Keep which commands were sent; where that fails they are sent once more with the next start."""
        self._sent = sent
        try:
            self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_cache(self._state / BOT_COMMANDS, sent)
        except OSError as error:
            path = self._state / BOT_COMMANDS
            log.warning("%s cannot be written: %s; %s", path, error.strerror, next_step(path, error))


def _read(state: Path) -> dict[str, str]:
    """Which commands were last sent for where; nothing where that is not known."""
    return read_cache(dict[str, str], state / BOT_COMMANDS) or {}
