"""Answering an interaction: all answers are seen by the member alone.

Discord takes the first answer within three seconds. What asks the store or Discord says at once that the answer comes,
and has 15 minutes for it then (Interactions, Receiving and Responding).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
from discord import ui

from giftping.bot.embeds import refusal_embed
from giftping.bot.voice import Voice

if TYPE_CHECKING:
    from giftping.bot.command_runner import CommandRunner

Interaction = discord.Interaction[Any]

log = logging.getLogger("giftping.bot")

TRIES = 3
"""How often an answer is sent whose connection drops."""

PAUSE = 0.5
"""Seconds before the third of them; the second follows at once, as a connection that stood idle is often dropped."""

ALREADY_ACKNOWLEDGED = 40060

LOST = (aiohttp.ClientError, OSError)
"""What a connection that drops raises."""


def voice_of(interaction: Interaction) -> Voice:
    """What is said to the member."""
    runner: CommandRunner = interaction.client.runner
    return runner.voice(interaction.guild_id, interaction.locale.value)


# The first answer: without it nothing is done


async def acknowledge(interaction: Interaction) -> None:
    """Tell Discord that the answer comes, as a message of its own."""
    await _first(lambda: interaction.response.defer(ephemeral=True, thinking=True))


async def update(interaction: Interaction) -> None:
    """Tell Discord that the answer comes in the message that was clicked on."""
    await _first(lambda: interaction.response.defer())


async def open_form(interaction: Interaction, form: ui.Modal) -> None:
    """Open a form."""
    await _first(lambda: interaction.response.send_modal(form))


async def say(interaction: Interaction, embed: discord.Embed) -> None:
    """Answer at once, in a message of its own."""
    await _first(lambda: interaction.response.send_message(embed=embed, ephemeral=True))


async def refuse(interaction: Interaction, reason: str) -> None:
    """Say at once why nothing is done."""
    await say(interaction, refusal_embed(reason))


async def _first(send: Callable[[], Awaitable[Any]]) -> None:
    for number in range(1, TRIES + 1):
        try:
            await send()
        except LOST:
            if number == TRIES:
                raise
            await asyncio.sleep(PAUSE * (number - 1))
        except discord.HTTPException as error:
            # The one before had arrived.
            if number == 1 or error.code != ALREADY_ACKNOWLEDGED:
                raise
            return
        else:
            return


# The answer that was announced: what it says is done by then, whether it arrives or not


async def answer(interaction: Interaction, embed: discord.Embed, view: ui.View | None = None) -> None:
    """Answer what was acknowledged, or change the message that was clicked on."""
    # It is in its place then, however often it is sent.
    await _arrives(lambda: interaction.edit_original_response(embed=embed, view=view))


async def say_besides(interaction: Interaction, embed: discord.Embed) -> None:
    """Say something more, in a message of its own."""
    await _arrives(lambda: interaction.followup.send(embed=embed, ephemeral=True))


async def _arrives(send: Callable[[], Awaitable[Any]]) -> None:
    for number in range(1, TRIES + 1):
        try:
            await send()
        except LOST as error:
            if number == TRIES:
                log.warning("an answer did not get through: %s; what it says is done", type(error).__name__)
                return
            await asyncio.sleep(PAUSE * (number - 1))
        except (discord.DiscordServerError, discord.NotFound) as error:
            # Out of order for longer than the library asks, or more than 15 minutes late.
            log.warning("an answer did not get through: HTTP %s; what it says is done", error.status)
            return
        else:
            return


async def may_manage(interaction: Interaction) -> bool:
    """Whether a member may manage the server; they are told where not."""
    # What Discord hides from others by default, a server's owner may show to anybody: so it is asked each time.
    if interaction.permissions.manage_guild:
        return True
    await refuse(interaction, voice_of(interaction).words("bot.needs_manage_server"))
    return False
