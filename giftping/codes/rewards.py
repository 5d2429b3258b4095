"""Texts of sources made safe to show, and rewards as people read them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from giftping.codes.fillers import FILLER_PIECES, FILLER_WORDS

LONGEST_REWARDS = 300

_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs"})
_SPACES = re.compile(r"\s+")

# What parts items: a comma in a number or in brackets does not.
_ITEM = re.compile(r"(?:\([^()\n]{0,100}\)|（[^（）\n]{0,100}）|,(?=\d)|[^,;；、，\n])+")
_BULLET = re.compile(r"^(?:[-–—•·▪‣*+]\s+)+")

_LINK = re.compile(r"\[([^\[\]]{1,200})\]\(https?://[^\s()]{0,500}\)")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*]{1,200})(?<=\S)\1(?![\w*])")
_MULTIPLIED = re.compile(r"(?<=[^\s*])\s?\*(?!\*)\s?(?=\d)")
_MARKS = re.compile(r"\*+|__+|~~+|`+")

_NUMBER = r"(?P<number>\d{1,3}(?:[,.'’\u202f ]\d{3})+|\d+(?:\.\d+)?)\s?(?P<scale>[km]?)"
# How a thing and its amount are written together, the plainest way first.
_AMOUNTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?P<name>.*?\S)[:\s]*[(（]?\s*[x×✕]\s*{_NUMBER}\s*[)）]?",
        rf"[x×✕]\s*{_NUMBER}\s+(?P<name>.*)",
        rf"{_NUMBER}\s*[x×✕]\s+(?P<name>.*)",
        rf"{_NUMBER}\s+(?P<name>.*)",
        rf"(?P<name>.*?\D)[:\s]*[(（]?\s*{_NUMBER}\s*[)）]?",
    )
)
_SCALE = {"": 1, "k": 1_000, "m": 1_000_000}

_WORD = re.compile(r"[^\s()（）\[\]{}.,:;!?/\"'“”…]+")
_AMOUNT_OR_ID = re.compile(r"[x×✕#]?(?=[0-9a-f,.]*\d)[0-9a-f][0-9a-f,.]*[km]?|[-–—?？・]+", re.IGNORECASE)
_PIECES = re.compile("|".join(map(re.escape, FILLER_PIECES)))
_VARIES = re.compile(r"(?:the )?(?:rewards?|items?) (?:may |can |will )?(?:vary|differ)\b.*", re.IGNORECASE)


def visible(text: str) -> str:
    """A text without control, zero-width and direction characters, its white space folded and trimmed."""
    # Nearly every text is plain, and the rest of this is slow.
    if text.isascii() and text.isprintable():
        return _SPACES.sub(" ", text).strip()
    kept = (" " if character.isspace() else character for character in text)
    shown = "".join(character for character in kept if unicodedata.category(character) not in _INVISIBLE)
    return _SPACES.sub(" ", shown).strip()


@lru_cache(maxsize=2000)
def clean_text(text: str, limit: int = LONGEST_REWARDS) -> str:
    """A text of rewards fit to show, in at most `limit` characters; "" where it names none.

    Items, parted by commas, semicolons or line breaks, are each shown once, without the marks of Markdown; those that
    only hold the place of a reward are left out.
    """
    found: dict[tuple[str, str], str] = {}
    items = list(_items(text[: 4 * limit + 100]))
    # What was cut off in the middle is not what it says.
    for item in items[:-1] if len(text) > 4 * limit + 100 and len(items) > 1 else items:
        if item and not _holds_a_place(item):
            found.setdefault(_meaning(item), item)
    shown = ", ".join(found.values())
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip(" ,;") + "…"


def _items(text: str) -> Iterator[str]:
    for item in _ITEM.findall(text):
        plain = _LINK.sub(r"\1", _BULLET.sub("", visible(item)))
        plain = _MULTIPLIED.sub(" ×", _EMPHASIS.sub(r"\2", plain))
        yield visible(_MARKS.sub("", plain))


# Lists name the same few things over and over.
@lru_cache(maxsize=2000)
def _meaning(item: str) -> tuple[str, str]:
    """By what two items are the same: the thing, and how many of it however that is written."""
    found = next(filter(None, (pattern.fullmatch(item) for pattern in _AMOUNTS)), None)
    if found is None:
        return item.casefold(), ""
    # A point before three digits parts thousands, as a comma does elsewhere.
    digits = re.sub(r"[,.'’\u202f ](?=\d{3}(?:\D|$))", "", found["number"])
    return found["name"].strip(" :(（").casefold(), str(float(digits) * _SCALE[found["scale"].lower()])


@lru_cache(maxsize=2000)
def _holds_a_place(item: str) -> bool:
    if _VARIES.fullmatch(item):
        return True
    words = [word for word in _WORD.findall(item.casefold()) if not _AMOUNT_OR_ID.fullmatch(word)]
    if not words:
        # Dashes and question marks; a number alone may say how many of what everybody knows.
        return not any(character.isalnum() for character in item)
    return all(word in FILLER_WORDS or not _PIECES.sub("", word) for word in words)
