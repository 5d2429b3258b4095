"""What of a text counts as written, in any script, and how much of it a post has room for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from unicodedata import category

from giftping.discord.limits import FIELD_VALUE_LENGTH, room_for, text_length, truncate

TEXT_LENGTH = 6000
"""The most characters of one text: the longest that Discord lets anybody type (an option of a slash command)."""

_SHOWN_AS_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Letters, marks and unassigned characters that are drawn as nothing (Default_Ignorable_Code_Point, and the blank of
Braille); of the other categories that are, the name says so."""

_SHOWN_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
"""The format characters that are drawn (Prepended_Concatenation_Mark)."""

_EMOJI_MODIFIERS = re.compile("[\U0001f3fb-\U0001f3ff]")


def is_seen(text: str) -> bool:
    """Whether anything of a text can be seen; blanks, joiners and direction marks alone cannot."""
    return any(map(_is_seen, text))


def says_something(text: str) -> bool:
    """Whether there is more in a text than punctuation: one letter of any script, a digit, an emoji will do."""
    return any(_is_seen(character) and not _is_punctuation(character) for character in text)


def is_storable(text: str) -> bool:
    """Whether a text is one: a command line may bring bytes that are no UTF-8, and JSON half a character."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _is_seen(character: str) -> bool:
    kind = category(character)
    if kind == "Cf":
        return character in _SHOWN_FORMATS
    # A character that this Python does not know yet is seen by whoever typed it.
    return kind not in ("Cc", "Cs", "Zl", "Zp", "Zs") and not _SHOWN_AS_NOTHING.match(character)


def _is_punctuation(character: str) -> bool:
    kind = category(character)
    if kind == "Sk":
        return not _EMOJI_MODIFIERS.match(character)
    return kind.startswith("P") or (kind.startswith("S") and character.isascii())


def shares(texts: Mapping[str, str], room: int) -> dict[str, str]:
    """The texts, each cut to its share where together they are longer than the room: the longest ones are cut."""
    lengths = sorted(map(text_length, texts.values()))
    if sum(lengths) <= room:
        return dict(texts)
    share = left = room
    for number, length in enumerate(lengths):
        share = left // (len(lengths) - number)
        if length > share:
            break
        left -= length
    return {name: truncate(text, max(share, 1)) for name, text in texts.items()}


def pieces(text: str, limit: int = FIELD_VALUE_LENGTH) -> Iterator[str]:
    """A text in pieces of at most so many characters, at the end of a line or a word where there is one near."""
    left = text.strip()
    while text_length(left) > limit:
        end = room_for(left, limit)
        near = max(left.rfind("\n", end // 2, end), left.rfind(" ", end * 3 // 4, end))
        piece = left[: near if near > 0 else end]
        yield piece.rstrip()
        left = left[len(piece) :].strip()
    if left:
        yield left
