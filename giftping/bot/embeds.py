"""What the bot answers with: embeds made of what a command gave, within Discord's limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import discord

from giftping.bot.voice import Voice
from giftping.discord.limits import DESCRIPTION_LENGTH, FIELD_VALUE_LENGTH, shown_whole, truncate
from giftping.text import discord_time, discord_until, escape_markdown, unlinked
from giftping.words.catalogue import LONGEST_PHRASE, Words
from giftping.words.said import in_words

GREEN, GOLD, RED, BLUE = discord.Color.green(), discord.Color.gold(), discord.Color.red(), discord.Color.blue()
"""The colours that the older bots' users know: done, done by the owner, refused, shown."""


@dataclass(frozen=True, slots=True)
class Besides:
    """What went wrong besides, in a member's words."""

    title: str = ""
    """What stands above it."""
    lines: tuple[str, ...] = ()


NOTHING_BESIDES = Besides()


def refusal_embed(reason: str) -> discord.Embed:
    """Why something was not done, in words that the member can act on."""
    return discord.Embed(description=truncate(reason, DESCRIPTION_LENGTH), color=RED)


def answer_embed(
    title: str, text: str = "", *, color: discord.Color = GREEN, trouble: Besides = NOTHING_BESIDES
) -> discord.Embed:
    """An answer, with what went wrong besides."""
    embed = discord.Embed(title=title, description=truncate(text, DESCRIPTION_LENGTH) if text else None, color=color)
    return with_trouble(embed, trouble)


def with_trouble(embed: discord.Embed, trouble: Besides) -> discord.Embed:
    """An answer with what went wrong besides, if anything did."""
    if trouble.lines:
        embed.add_field(name=trouble.title, value=shortened("\n".join(trouble.lines)), inline=False)
    return embed


def shortened(text: str) -> str:
    """A text as a field's value: cut to what fits, a dash for nothing."""
    return truncate(text, FIELD_VALUE_LENGTH) or "–"


def written(text: str) -> str:
    """What a member wrote, as a field's value: letter by letter, a dash for nothing."""
    return shown_whole(text, FIELD_VALUE_LENGTH) or "–"


def plain(text: str) -> str:
    """A text that Discord shows as it stands."""
    return escape_markdown(text)


def relative_time(iso: str | None) -> str:
    """An instant of a JSON object as Discord shows it, by each reader's clock; a dash for none."""
    return discord_until(datetime.fromisoformat(iso)) if iso else "–"


def at(iso: str | None) -> str:
    """An instant of a JSON object with date and time, by each reader's clock; a dash for none."""
    return discord_time(datetime.fromisoformat(iso)) if iso else "–"


def reason_text(reason: str, voice: Voice) -> str:
    """A reason in the guild's language, with the commands that a member has, beginning as a sentence does."""
    said = in_words(
        reason,
        voice.words,
        way_out="",
        how=voice.words("mend.by_operator"),
        command=voice.command("todo_roster.add"),
        listed=voice.command("todo_roster.list"),
    )
    text = unlinked(said)
    return text[:1].upper() + text[1:]


def lines_of(items: Iterable[str], words: Words, *, none: str) -> str:
    """A list as lines that fit an embed's description, saying how many more there are."""
    listed = list(items)
    shown: list[str] = []
    # Less what the line about the rest takes.
    room = DESCRIPTION_LENGTH - LONGEST_PHRASE - 10
    for line in listed:
        room -= len(line) + 1
        if room < 0:
            return "\n".join([*shown, words("bot.cut_list", count=len(listed) - len(shown))])
        shown.append(line)
    return "\n".join(shown) or none
