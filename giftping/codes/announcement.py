"""The messages that announce codes, and how to recognise one of them in a channel. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from giftping.codes.model import Code
from giftping.discord.limits import FIELD_VALUE_LENGTH, message_length, text_length, truncate, violations
from giftping.discord.message import Embed, EmbedField, Message
from giftping.text import discord_time, discord_until, escape_markdown

if TYPE_CHECKING:
    from giftping.discord.outcome import Matcher
    from giftping.settings.catalogue import Game

CODES_PER_MESSAGE = 10
"""As many as the older bot showed in one message; the rest go into further ones."""

REWARDS_LENGTH = 400
EXPIRY_TEXT_LENGTH = 80
MESSAGE_LENGTH = 5_800
"""Somewhat below Discord's 6,000 for all embeds of a message, so that part numbers always fit."""

_CODE_BLOCK = re.compile(r"```\n?(\S+?)\n?```")


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message with one or more codes of one game."""

    game: str
    codes: tuple[Code, ...]
    message: Message


def announcements(game: Game, codes: Sequence[Code], mention_role_id: int | None) -> list[Announcement]:
    """As many announcements as it takes to show every code, each within Discord's limits.

    Only the first one mentions the role, so that many codes are one notification.
    """
    parts = _parts(game, codes)
    result = []
    for number, part in enumerate(parts, 1):
        embed = _embed(game, part, f"Part {number} of {len(parts)}" if len(parts) > 1 else "")
        mention = mention_role_id if number == 1 else None
        result.append(Announcement(game.slug, tuple(part), _message(embed, mention)))
    return result


def announces(spellings: Iterable[str]) -> Matcher:
    """A test for messages that show all of these codes; it answers None for a message without visible text.

    A message of ours may show more than is looked for: some of its codes may have been settled already.
    """
    wanted = frozenset(spellings)

    def matches(message: Mapping[str, Any]) -> bool | None:
        if not message.get("content") and not message.get("embeds"):
            return None
        return wanted <= shown_codes(message)

    return matches


def shown_codes(message: Mapping[str, Any]) -> frozenset[str]:
    """The codes that a message of ours shows, from Discord's JSON of it."""
    fields = (field for embed in message.get("embeds") or () for field in embed.get("fields") or ())
    return frozenset(match for field in fields for match in _CODE_BLOCK.findall(str(field.get("value", ""))))


def _parts(game: Game, codes: Sequence[Code]) -> list[list[Code]]:
    parts: list[list[Code]] = []
    for code in codes:
        if parts and _fits(game, [*parts[-1], code]):
            parts[-1].append(code)
        else:
            parts.append([code])
    return parts


def _fits(game: Game, codes: Sequence[Code]) -> bool:
    message = _message(_embed(game, codes, ""), None)
    return len(codes) <= CODES_PER_MESSAGE and message_length(message) <= MESSAGE_LENGTH and not violations(message)


def _message(embed: Embed, mention_role_id: int | None) -> Message:
    message = Message(embeds=(embed,))
    if mention_role_id is None:
        return message
    return replace(message, content=f"<@&{mention_role_id}>", mention_roles=(mention_role_id,))


def _embed(game: Game, codes: Sequence[Code], part: str) -> Embed:
    noun = "gift code" if len(codes) == 1 else "gift codes"
    case = "Upper and lower case matter when you type a code."
    return Embed(
        title=f"🎁 New {truncate(game.title, 100)} {noun}",
        color=game.color,
        fields=tuple(EmbedField(name="Code:", value=_field_text(game, code)) for code in codes),
        footer=f"{case} · {part}" if part else case,
    )


def _field_text(game: Game, code: Code) -> str:
    lines = [
        f"```\n{code.spelling}\n```",
        f"**Rewards:** {_plain(code.rewards, REWARDS_LENGTH) or 'not stated'}",
        f"**Expires:** {_expiry(code)}",
    ]
    if game.redeem_url:
        lines.append(f"[Redeem]({game.redeem_url.replace('{code}', code.spelling)})")
    text = "\n".join(lines)
    return text if text_length(text) <= FIELD_VALUE_LENGTH else "\n".join(lines[:3])


def _expiry(code: Code) -> str:
    if code.expires_at is None:
        return _plain(code.expiry_text, EXPIRY_TEXT_LENGTH) or "not stated"
    return f"{discord_time(code.expires_at)} ({discord_until(code.expires_at)})"


def _plain(text: str, length: int) -> str:
    return truncate(escape_markdown(text), length)
