"""What a member is told of an error of a command, and of what nobody foresaw: here alone the bot maps errors."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import discord

from giftping.bot.embeds import refusal_embed
from giftping.errors import EXIT_LOCKED, EXIT_UNEXPECTED, EXIT_USAGE, GiftpingError, UnknownGuildError
from giftping.todo.validation import Mistake, NotOnRosterError, SubmissionError
from giftping.words.said import Said, redacted

if TYPE_CHECKING:
    from collections.abc import Callable

    from giftping.bot.voice import Voice
    from giftping.settings.keys import Settings

log = logging.getLogger("giftping.bot")

UNKNOWN_INTERACTION = 10062


class Told(Enum):
    """What a member is told of an error."""

    AS_SAID = auto()
    """What the command says."""
    BUSY = auto()
    NOT_SET_UP = auto()
    NOT_LISTED = auto()
    UNEXPECTED = auto()
    AWAY = auto()
    """That the store, or the like, is not there: only the operator of the bot can mend that."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error comes to in Discord."""

    refusal: str
    """What the command says of it, in one sentence or several lines; empty for none."""
    exit_code: int
    """What the command line would have ended in."""
    told: Told = Told.AS_SAID
    mistakes: tuple[Mistake, ...] = ()
    """What it says of a TODO that cannot be handed in, to be said in the member's words."""


def failure_of(error: Exception, redact: Callable[[str], str]) -> Failure:
    """What an error of a command comes to, without a secret; the log is told what only the operator can mend."""
    said = redacted(error.args[0] if error.args and isinstance(error.args[0], Said) else str(error), redact)
    if not isinstance(error, GiftpingError):
        log.error("unexpected %s: %s", type(error).__name__, said)
        return Failure(said or type(error).__name__, EXIT_UNEXPECTED, Told.UNEXPECTED)
    # These name other servers, or what to write on a command line.
    if isinstance(error, UnknownGuildError):
        return Failure(said, error.exit_code, Told.NOT_SET_UP)
    # A member hands in for themselves, so that whoever reads it is meant.
    if isinstance(error, NotOnRosterError):
        return Failure(said, error.exit_code, Told.NOT_LISTED)
    if isinstance(error, SubmissionError):
        mistakes = tuple((field, reason.redacted(redact)) for field, reason in error.mistakes)
        return Failure(said, EXIT_USAGE, mistakes=mistakes)
    if error.exit_code == EXIT_USAGE:
        return Failure(said, EXIT_USAGE)
    if error.exit_code == EXIT_LOCKED:
        return Failure(said, EXIT_LOCKED, Told.BUSY)
    log.warning("%s", said)
    return Failure(said, error.exit_code, Told.AWAY)


def failure_text(told: Told, voice: Voice) -> str:
    """What a member is told of an error, empty where that is what the command says."""
    match told:
        case Told.BUSY:
            return voice.words("bot.failure.busy")
        case Told.NOT_SET_UP:
            return voice.words("bot.failure.not_set_up", command=voice.command("giftcodesettings"))
        case Told.NOT_LISTED:
            return voice.words("bot.failure.not_listed", command=voice.command("todo_roster.add"))
        case Told.UNEXPECTED:
            return voice.words("bot.failure.unexpected")
        case _:
            return ""


async def tell_failure(
    interaction: discord.Interaction[Any], error: BaseException, settings: Settings, what: str, voice: Voice
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
    embed = refusal_embed(failure_text(Told.UNEXPECTED, voice))
    try:
        if interaction.response.is_done():
            await interaction.followup.send(embed=embed, ephemeral=True)
        else:
            await interaction.response.send_message(embed=embed, ephemeral=True)
    except discord.HTTPException as refusal:
        log.warning("%s: the member could not be told: HTTP %s", what, refusal.status)
