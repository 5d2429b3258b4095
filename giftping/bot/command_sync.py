"""Which commands Discord knows: they are compared with what it has, and sent where that is something else.

Discord forgets a guild's commands when the bot is removed from it, and another program with the same token may send its
own: only Discord itself can say what is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
import discord
from discord import app_commands
from discord.http import Route

log = logging.getLogger("giftping.bot")

SETTABLE = (
    "type",
    "name",
    "name_localizations",
    "description",
    "description_localizations",
    "default_member_permissions",
    "contexts",
    "nsfw",
    "required",
    "autocomplete",
    "channel_types",
    "min_value",
    "max_value",
    "min_length",
    "max_length",
)
"""What is sent of a command or an option and shown by members' clients; all else Discord makes itself."""

EVERYWHERE_ALONE = "contexts"
"""What Discord keeps only of the commands for everywhere (Application Command Object)."""

NESTED = ("options", "choices")


class CommandSync:
    """Keeps Discord's commands in step with those of a tree."""

    def __init__(self, tree: app_commands.CommandTree[Any]) -> None:
        self._tree = tree
        self._in_step: set[int | None] = set()
        """Where Discord has them in this session; None for everywhere."""
        # Discord may say twice, close together, that a guild is there.
        self._at_work = asyncio.Lock()

    def forget(self, guild: discord.abc.Snowflake) -> None:
        """Compare a guild's commands again when it is next seen: it may have been left in between."""
        self._in_step.discard(guild.id)

    def forget_guilds(self) -> None:
        """Do the same for all of them."""
        self._in_step &= {None}

    async def bring_up_to_date(self, guild: discord.abc.Snowflake | None = None, *, gone_is_fine: bool = False) -> None:
        """See to it that Discord has the commands for one guild, or those for everywhere, and nothing else there.

        What it does not take is logged, and sent again when this is called again.
        """
        place = f"the server {guild.id}" if guild else "everywhere"
        async with self._at_work:
            if (where := guild.id if guild else None) in self._in_step:
                return
            try:
                wanted, known = await self._payloads(guild), await self._known(guild)
                if not is_same(wanted, known, everywhere=guild is None):
                    await self._tree.sync(guild=guild)
            except discord.HTTPException as error:
                # The bot was removed from it, and its commands with it.
                if not gone_is_fine or not isinstance(error, discord.Forbidden | discord.NotFound):
                    log.error("the commands for %s were not taken: HTTP %s %s", place, error.status, error.text)
                return
            except (aiohttp.ClientError, OSError) as error:
                log.error("the commands for %s were not taken: %s", place, type(error).__name__)
                return
            self._in_step.add(where)
        if removed := sorted({str(one["name"]) for one in known} - {str(one["name"]) for one in wanted}):
            log.info("removed from the commands for %s: %s", place, ", ".join(f"/{name}" for name in removed))

    async def _known(self, guild: discord.abc.Snowflake | None) -> Sequence[Mapping[str, Any]]:
        """What Discord has, with all that the library's own way to ask leaves out: names in other languages."""
        client: discord.Client = self._tree.client
        place = f"/guilds/{guild.id}" if guild else ""
        route = Route("GET", f"/applications/{client.application_id}{place}/commands")
        known: list[Mapping[str, Any]] = await client.http.request(route, params={"with_localizations": "true"})
        return known

    async def _payloads(self, guild: discord.abc.Snowflake | None) -> Sequence[Mapping[str, Any]]:
        translator = self._tree.translator
        return [
            await command.get_translated_payload(self._tree, translator) if translator else command.to_dict(self._tree)
            for command in self._tree.get_commands(guild=guild)
        ]


def is_same(wanted: Sequence[Mapping[str, Any]], known: Sequence[Mapping[str, Any]], *, everywhere: bool) -> bool:
    """Whether what Discord has are the commands that are wanted: in any order, with what it adds of its own."""
    leaves_out = () if everywhere else (EVERYWHERE_ALONE,)

    def shown(commands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        return sorted((_shown(command, leaves_out) for command in commands), key=lambda one: str(one["name"]))

    return shown(wanted) == shown(known)


def _shown(part: Mapping[str, Any], leaves_out: Sequence[str] = ()) -> dict[str, Any]:
    """A command, an option or a choice by what members see of it; Discord leaves out what is empty, or says null."""
    shown = {key: _plain(part.get(key)) for key in (*SETTABLE, "value") if key not in leaves_out}
    nested = {key: [_shown(one) for one in part.get(key) or ()] for key in NESTED}
    return {key: value for key, value in {**shown, **nested}.items() if value not in (None, False, [], {})}


def _plain(value: Any) -> Any:
    """A value as it can be compared: permissions are sent as a number, and come back as a text."""
    if isinstance(value, list):
        return sorted(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.15g}" if isinstance(value, float) else str(value) if is_number else value
