"""What a member is told when something goes wrong that nobody foresaw."""

from __future__ import annotations

import logging
from typing import Any

import discord

from giftping.bot.command_runner import UNEXPECTED
from giftping.bot.embeds import refusal_embed
from giftping.settings.load import Settings

log = logging.getLogger("giftping.bot")

UNKNOWN_INTERACTION = 10062


async def tell_failure(
    interaction: discord.Interaction[Any], error: BaseException, settings: Settings, what: str
) -> None:
    """Log an error without a secret, and tell the member in one sentence, where that can still be told."""
    redact = settings.redactor()
    cause = getattr(error, "original", error)
    if isinstance(cause, discord.NotFound) and cause.code == UNKNOWN_INTERACTION:
        # The three seconds were over before the answer was there: a busy machine, or a clock that is wrong.
        log.warning("%s: Discord had given up waiting", what)
        return
    log.error("%s: %s", what, redact(f"{type(cause).__name__}: {cause}"))
    log.debug("%s", what, exc_info=cause)
    embed = refusal_embed(UNEXPECTED)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(embed=embed, ephemeral=True)
        else:
            await interaction.response.send_message(embed=embed, ephemeral=True)
    except discord.HTTPException as refusal:
        log.warning("%s: the member could not be told: HTTP %s", what, refusal.status)
