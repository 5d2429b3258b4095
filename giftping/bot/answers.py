"""Answering an interaction: all answers are seen by the member alone.

Discord takes the first answer within three seconds. What asks the store or Discord says at once that the answer comes,
and has 15 minutes for it then (Interactions, Receiving and Responding).
"""

from __future__ import annotations

from typing import Any

import discord
from discord import ui
from discord.utils import MISSING

from giftping.bot.command_runner import CommandRunner
from giftping.bot.embeds import refusal_embed
from giftping.bot.voice import Voice

Interaction = discord.Interaction[Any]


def voice_of(interaction: Interaction) -> Voice:
    """What is said to the member."""
    runner: CommandRunner = interaction.client.runner
    return runner.voice(interaction.guild_id, interaction.locale.value)


async def acknowledge(interaction: Interaction) -> None:
    """Tell Discord that the answer comes."""
    await interaction.response.defer(ephemeral=True, thinking=True)


async def answer(interaction: Interaction, embed: discord.Embed, view: ui.View = MISSING) -> None:
    """Answer what was acknowledged."""
    await interaction.followup.send(embed=embed, view=view, ephemeral=True)


async def refuse(interaction: Interaction, reason: str) -> None:
    """Say at once why nothing is done."""
    await interaction.response.send_message(embed=refusal_embed(reason), ephemeral=True)


async def may_manage(interaction: Interaction) -> bool:
    """Whether a member may manage the server; they are told where not."""
    # What Discord hides from others by default, a server's owner may show to anybody: so it is asked each time.
    if interaction.permissions.manage_guild:
        return True
    await refuse(interaction, voice_of(interaction).words("bot.needs_manage_server"))
    return False
