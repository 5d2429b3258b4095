"""The message that a test posts: an announcement as members will see it, of a code that is none. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from giftping.codes.announcement import announcements
from giftping.codes.look import Look
from giftping.codes.model import Code
from giftping.discord.limits import truncate
from giftping.discord.message import Embed, Message
from giftping.text import discord_time

SAMPLE = "SAMPLECODE"
"""The code that is shown. No game has it."""

VALID_FOR = timedelta(days=7)

GREEN = 0x3BA55D


def sample_message(look: Look, now: datetime, *, pings: bool) -> Message:
    """The announcement of a sample code, with a card below that says what it is; without `pings` it notifies nobody."""
    game, words = look.game, look.words
    code = Code(game.slug, SAMPLE, SAMPLE, (), rewards=words("test.rewards"), expires_at=now + VALID_FOR)
    (sample,) = announcements(look, [code])
    lines = (
        words("test.sample"),
        words("test.text", games=truncate(game.title, 100)),
        words("test.at", now=discord_time(now)),
    )
    note = Embed(title=words("test.title"), description="\n".join(lines), color=GREEN)
    message = _noted(sample.message, note, pings=pings)
    plain = sample.message.without_buttons
    return replace(message, without_buttons=_noted(plain, note, pings=pings)) if plain else message


def _noted(message: Message, note: Embed, *, pings: bool) -> Message:
    noted = replace(message, embeds=(*message.embeds, note))
    return noted if pings else replace(noted, mention_roles=(), mention_everyone=False)
