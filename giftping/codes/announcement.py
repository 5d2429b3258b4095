"""The messages that announce codes, and how to recognise one of them in a channel. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from giftping.codes.look import MESSAGE_LENGTH, Look, message_of
from giftping.codes.model import Code
from giftping.codes.showing import Showing
from giftping.discord.limits import CONTENT_LENGTH, message_length, text_length, truncate, violations
from giftping.discord.message import Message
from giftping.store.base import Style
from giftping.text import in_code_marks

if TYPE_CHECKING:
    from giftping.discord.outcome import Matcher

CODES_PER_MESSAGE = {Style.FULL: 10, Style.COMPACT: 25}
"""As many as the older bot showed in one message, or as there may be buttons; the rest go into further ones."""

TITLE_OF_GAME_LENGTH = 100

STRUCK_THROUGH = 2
"""By so many characters a code's line in the content is longer once the code is over."""

SHORTENED: tuple[dict[str, Any], ...] = (
    {},
    {"rewards_length": 120},
    {"rewards_length": 40},
    {"rewards_length": 0},
    {"rewards_length": 0, "has_links": False},
)
"""What an edited message is made shorter by: it cannot become two, whatever is known of its codes by now."""

_CODE_BLOCK = re.compile(r"```\n?([^`\n]+?)\n?```")
_CODE_LINE = re.compile(r"^`([^`\n]+)`", re.MULTILINE)
"""How a code begins its line in the compact style."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message with one or more codes of one game."""

    game: str
    codes: tuple[Code, ...]
    message: Message
    look: Look
    """In which the message shows them; with those whom it mentions, and no others."""


def announcements(look: Look, codes: Sequence[Code]) -> list[Announcement]:
    """As many announcements as it takes to show every code, each within Discord's limits.

    Only the first one mentions anybody, so that many codes are one notification.
    """
    parts = _parts(look, codes)
    result = []
    for number, part in enumerate(parts, 1):
        which = look.words("announcement.part", number=number, count=len(parts)) if len(parts) > 1 else ""
        of_part = look if number == 1 else replace(look, mentions=())
        result.append(Announcement(look.game.slug, tuple(part), _announcing(of_part, part, which), of_part))
    return result


def edited_message(look: Look, shown: Sequence[Showing], *, has_content: bool = True) -> Message:
    """What a message that was sent is to become, so that it shows each of its codes as it is.

    Without content that which is there stays: an older release wrote none but whom it mentions.
    """
    words = look.words
    title = words.counted("edited.title", len(shown), game=truncate(look.game.title, TITLE_OF_GAME_LENGTH))
    for shortened in SHORTENED:
        shorter = replace(look, **shortened)
        message = message_of(shorter, shown, title, words("announcement.case_matters"), has_content=has_content)
        if not violations(message):
            break
    return message


def announces(spellings: Iterable[str]) -> Matcher:
    """A test for messages that show all of these codes; it answers None for a message without visible text.

    A message of ours may show more than is looked for: some of its codes may have been settled already.
    """
    wanted = frozenset(map(in_code_marks, spellings))

    def matches(message: Mapping[str, Any]) -> bool | None:
        if not message.get("content") and not message.get("embeds"):
            return None
        return wanted <= shown_codes(message)

    return matches


def shown_codes(message: Mapping[str, Any]) -> frozenset[str]:
    """The codes that a message of ours shows in its card, in either style, from Discord's JSON of it."""
    embeds = message.get("embeds") or ()
    fields = (field for embed in embeds for field in embed.get("fields") or ())
    in_blocks = (match for field in fields for match in _CODE_BLOCK.findall(str(field.get("value", ""))))
    in_lines = (match for embed in embeds for match in _CODE_LINE.findall(str(embed.get("description") or "")))
    return frozenset((*in_blocks, *in_lines))


def _parts(look: Look, codes: Sequence[Code]) -> list[list[Code]]:
    parts: list[list[Code]] = []
    for code in codes:
        if parts and _fits(look, [*parts[-1], code]):
            parts[-1].append(code)
        else:
            parts.append([code])
    return parts


def _fits(look: Look, codes: Sequence[Code]) -> bool:
    if len(codes) > CODES_PER_MESSAGE[look.style]:
        return False
    message = _announcing(look, codes, "")
    if text_length(message.content) + STRUCK_THROUGH * len(codes) > CONTENT_LENGTH:
        return False
    # With links it is longer than with buttons, and either may go out.
    return message_length(message.without_buttons or message) <= MESSAGE_LENGTH and not violations(message)


def _announcing(look: Look, codes: Sequence[Code], part: str) -> Message:
    words = look.words
    title = words.counted("announcement.title", len(codes), game=truncate(look.game.title, TITLE_OF_GAME_LENGTH))
    footer = " · ".join(filter(None, (words("announcement.case_matters"), part)))
    return message_of(look, [Showing(code) for code in codes], title, footer)
