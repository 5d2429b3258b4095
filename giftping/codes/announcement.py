"""The messages that announce codes, and how to recognise one of them in a channel. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from giftping.codes.model import Code
from giftping.codes.showing import Showing, Validity
from giftping.discord.limits import FIELD_VALUE_LENGTH, TITLE_LENGTH, message_length, text_length, truncate, violations
from giftping.discord.message import Embed, EmbedField, Message
from giftping.store.base import EVERYONE, HERE
from giftping.text import discord_time, discord_until, escape_markdown, in_code_marks, last_day

if TYPE_CHECKING:
    from giftping.discord.outcome import Matcher
    from giftping.settings.catalogue import Game
    from giftping.words.catalogue import Words

CODES_PER_MESSAGE = 10
"""As many as the older bot showed in one message; the rest go into further ones."""

REWARDS_LENGTH = 400
EXPIRY_TEXT_LENGTH = 80
REGION_LENGTH = 60
MESSAGE_LENGTH = 5_800
"""Somewhat below Discord's 6,000 for all embeds of a message, so that part numbers always fit."""

GREY = 0x99AAB5
"""The colour of a message whose codes are all over: Discord's own for what is inactive."""

REWARDS_LENGTHS = (REWARDS_LENGTH, 120, 40)
"""How much of the rewards an edited message shows: it cannot become two, whatever is known of them by now."""

_CODE_BLOCK = re.compile(r"```\n?(\S+?)\n?```")


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message with one or more codes of one game."""

    game: str
    codes: tuple[Code, ...]
    message: Message


def announcements(game: Game, codes: Sequence[Code], words: Words, mentions: Sequence[str] = ()) -> list[Announcement]:
    """As many announcements as it takes to show every code, each within Discord's limits.

    `mentions` are those of a subscription. Only the first one has them, so that many codes are one notification.
    """
    parts = _parts(game, codes, words)
    result = []
    for number, part in enumerate(parts, 1):
        which = words("announcement.part", number=number, count=len(parts)) if len(parts) > 1 else ""
        embed = _embed(game, part, words, which)
        result.append(Announcement(game.slug, tuple(part), _message(embed, mentions if number == 1 else ())))
    return result


def edited_message(game: Game, codes: Sequence[Showing], words: Words) -> Message:
    """What a message that was sent is to become, so that it shows each of its codes as it is; its content stays."""
    is_over = all(one.validity is not Validity.VALID for one in codes)
    title = words.counted("edited.title", len(codes), game=truncate(game.title, 100))
    # Room for the marks that strike it through.
    title = truncate(title, TITLE_LENGTH - 4)
    for length in REWARDS_LENGTHS:
        embed = Embed(
            title=f"~~{title}~~" if is_over else title,
            color=GREY if is_over else game.color,
            fields=tuple(_edited_field(game, one, words, length) for one in codes),
            footer="" if is_over else words("announcement.case_matters"),
        )
        message = Message(embeds=(embed,))
        if not violations(message):
            break
    return message


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


def _parts(game: Game, codes: Sequence[Code], words: Words) -> list[list[Code]]:
    parts: list[list[Code]] = []
    for code in codes:
        if parts and _fits(game, [*parts[-1], code], words):
            parts[-1].append(code)
        else:
            parts.append([code])
    return parts


def _fits(game: Game, codes: Sequence[Code], words: Words) -> bool:
    message = _message(_embed(game, codes, words, ""), ())
    return len(codes) <= CODES_PER_MESSAGE and message_length(message) <= MESSAGE_LENGTH and not violations(message)


def _message(embed: Embed, mentions: Sequence[str]) -> Message:
    roles = tuple(int(one) for one in mentions if one not in (EVERYONE, HERE))
    return Message(
        embeds=(embed,),
        content=" ".join(f"@{one}" if one in (EVERYONE, HERE) else f"<@&{one}>" for one in mentions),
        mention_roles=roles,
        mention_everyone=len(roles) < len(mentions),
    )


def _embed(game: Game, codes: Sequence[Code], words: Words, part: str) -> Embed:
    return Embed(
        title=truncate(words.counted("announcement.title", len(codes), game=truncate(game.title, 100)), TITLE_LENGTH),
        color=game.color,
        fields=tuple(EmbedField(words("announcement.code"), _field_text(game, code, words)) for code in codes),
        footer=" · ".join(filter(None, (words("announcement.case_matters"), part))),
    )


def _edited_field(game: Game, one: Showing, words: Words, rewards_length: int) -> EmbedField:
    if one.validity is Validity.VALID:
        return EmbedField(words("announcement.code"), _field_text(game, one.code, words, rewards_length))
    # Not in a block of its own any more: that invites to copy it.
    struck = f"~~{escape_markdown(one.code.spelling)}~~"
    if one.validity is Validity.WITHDRAWN:
        return EmbedField(words("edited.withdrawn"), f"{struck}\n{words('edited.mistake')}")
    lines = [struck, _rewards(one.code, words, rewards_length)]
    if one.code.expires_at is not None:
        lines.append(words("edited.ended_at", end=discord_time(one.code.expires_at)))
    return EmbedField(words("edited.ended"), truncate("\n".join(lines), FIELD_VALUE_LENGTH))


def _field_text(game: Game, code: Code, words: Words, rewards_length: int = REWARDS_LENGTH) -> str:
    lines = [
        f"```\n{in_code_marks(code.spelling)}\n```",
        _rewards(code, words, rewards_length),
        words("announcement.expires", end=_expiry(code) or words("announcement.not_stated")),
    ]
    if code.regions:
        lines.append(words("announcement.region", regions=_plain(", ".join(code.regions), REGION_LENGTH)))
    # Phrases of one's own may be long. What is cut off then is never the code.
    text = truncate("\n".join(lines), FIELD_VALUE_LENGTH)
    if not game.redeem_url:
        return text
    link = f"[{words('announcement.redeem')}]({game.redeem_address(code.spelling)})"
    return f"{text}\n{link}" if text_length(f"{text}\n{link}") <= FIELD_VALUE_LENGTH else text


def _rewards(code: Code, words: Words, length: int) -> str:
    return words("announcement.rewards", rewards=_plain(code.rewards, length) or words("announcement.not_stated"))


def _expiry(code: Code) -> str:
    """When a code ends, as each reader sees it; empty where that is not stated."""
    if code.expires_at is None:
        return _plain(code.expiry_text, EXPIRY_TEXT_LENGTH)
    # A day is the source's own: as an instant it would be another one for most readers.
    end = last_day(code.expires_at, code.expiry_text) or discord_time(code.expires_at)
    return f"{end} ({discord_until(code.expires_at)})"


def _plain(text: str, length: int) -> str:
    return truncate(escape_markdown(text), length)
