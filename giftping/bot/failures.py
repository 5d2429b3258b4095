"""What a member is told of an error of a command, and of what nobody foresaw: here alone the bot maps errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import discord

from giftping.bot.embeds import refusal_embed
from giftping.errors import EXIT_LOCKED, EXIT_UNEXPECTED, EXIT_USAGE, GiftpingError, UnknownGuildError
from giftping.todo.validation import NotOnRosterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftping.settings.keys import Settings

log = logging.getLogger("giftping.bot")

UNKNOWN_INTERACTION = 10062

AT_IT = "Another run is at it just now. Try again in a minute."
NOT_SET_UP = "No gift codes go to this server. Choose a channel with `/giftcodesettings` first."
NOT_LISTED = "You are not on the TODO roster. The owner or the staff can add you: `/todo_roster add`."
UNEXPECTED = "Something unexpected went wrong; it is in the bot's log."


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error comes to in Discord."""

    refusal: str
    """One sentence, or several lines, that the member can act on."""
    exit_code: int
    """What the command line would have ended in."""
    is_store_trouble: bool = False
    """Whether it is about the store and the like, which only the operator of the bot can mend."""


def failure_of(error: Exception, redact: Callable[[str], str]) -> Failure:
    """What an error of a command comes to, without a secret; the log is told what only the operator can mend."""
    said = redact(str(error))
    if not isinstance(error, GiftpingError):
        log.error("unexpected %s: %s", type(error).__name__, said)
        return Failure(UNEXPECTED, EXIT_UNEXPECTED)
    # These name other servers, or what to write on a command line.
    if isinstance(error, UnknownGuildError):
        return Failure(NOT_SET_UP, error.exit_code)
    # A member hands in for themselves, so that whoever reads it is meant.
    if isinstance(error, NotOnRosterError):
        return Failure(NOT_LISTED, error.exit_code)
    if error.exit_code == EXIT_USAGE:
        return Failure(said, EXIT_USAGE)
    if error.exit_code == EXIT_LOCKED:
        return Failure(AT_IT, EXIT_LOCKED)
    log.warning("%s", said)
    return Failure(f"Nothing was done: {said}", error.exit_code, is_store_trouble=True)


async def tell_failure(
    interaction: discord.Interaction[Any], error: BaseException, settings: Settings, what: str
) -> None:
    """Log an error that came up outside any command, and tell the member in one sentence, where that still goes."""
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
