"""What no code is, for reasons that it carries itself. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType

from giftping.codes.guards.furniture import FURNITURE, PLACEHOLDERS
from giftping.codes.model import Clearance, Code
from giftping.settings.catalogue import Game
from giftping.settings.sources import SightingState
from giftping.text import counted, last_day, when
from giftping.words.said import Said

LONGEST = 100
"""How many characters a code has at most, whatever anybody says."""

SHORTEST_GLUED = 4
"""How long each of two codes is at least of which one is made."""

_SHAPE = re.compile(r"[A-Za-z0-9_-]{4,40}")
_CONFUSABLE_SCRIPTS = ("CYRILLIC", "GREEK", "ARMENIAN", "FULLWIDTH", "MATHEMATICAL", "CHEROKEE")

_PLACEHOLDER_SHAPE = re.compile(
    r"TEST[-_]?(?:CODE)?[-_]?\d*|EXAMPLE[-_]?(?:CODE)?\d*|CODE\d{0,3}|X{4,}|0{4,}|(?:1234)5?6?7?8?9?0?"
    r"|[X_-]*(?:YOUR|ENTER|INSERT|PUT)?[X_-]*(?:GIFT|PROMO)?CODE[X_-]*HERE[X_-]*"
)

# Names of the page's own machinery: browser interfaces and schema.org types, which scrapers of free text bring along.
_MACHINERY = re.compile(
    r"(?:DOM|XML|URL)[A-Z][a-z]+[A-Za-z]*|(?:Type|Syntax|Range|Reference|Eval|URI|Network|Abort|DOM)Error|HTML[A-Za-z]*Element"
    r"|(?:Custom|Mouse|Keyboard|Pointer|Touch|PopState|Storage|Message|Focus|Input|Wheel|Drag|Progress|UI)Event"
    r"|(?:Item|Breadcrumb)List|(?:List|Collection)Item|Web(?:Page|Site)|BlogPosting|ImageObject|FAQPage|HowTo(?:Step)?"
    r"|AbortController|EventListener|SameSite|localStorage|sessionStorage|addEventListener|getElementById|querySelector"
    r"|undefined"
)

# Not in any code, whatever a game says: ids in the ledger are made with them, and messages could not show the others.
_NEVER = re.compile(r"[~:`@<>]|//|^www\.|^\s|\s$", re.IGNORECASE)

_BETWEEN = " -_,.;:+&/|"


def clearance(
    code: Code,
    now: datetime,
    skipped_regions: frozenset[str],
    games: Mapping[str, Game] = MappingProxyType({}),
) -> Clearance:
    """Whether a code may go out at `now` by what it says of itself, and the reason in words when it may not.

    One that works in `skipped_regions` only may not: codes of the Chinese servers work nowhere else. What a person has
    approved is refused for what came later alone.
    """
    pattern = games[code.game].code_pattern if code.game in games else ""
    reason: str = Said("no_code.withdrawn", who=code.withdrawn) if code.withdrawn else ""
    if not reason and code.approved_at is None:
        reason = reason_in_writing(code.spelling, pattern)
    if not reason:
        reason = end_reason(code, now)
    if not reason and code.approved_at is None and code.regions and skipped_regions.issuperset(code.regions):
        reason = Said("no_code.regions", regions=tuple(code.regions))
    return Clearance(may_go_out=not reason, reason=reason)


def end_reason(code: Code, now: datetime) -> str:
    """By what a code has ended, empty where it has not; one that had ended when a person approved it has not."""
    ends_at = code.expires_at
    if ends_at is not None and is_past(ends_at, code.approved_at, now):
        return Said("no_code.expired", end=last_day(ends_at, code.expiry_text) or when(ends_at, UTC))
    return Said("no_code.expired_everywhere") if code.state is SightingState.EXPIRED else ""


def is_past(ends_at: datetime | None, approved_at: datetime | None, now: datetime) -> bool:
    """Whether an end has come; one that had when a person approved the code counts no more."""
    return ends_at is not None and ends_at <= now and not (approved_at and ends_at <= approved_at)


def is_page_word(spelling: str) -> bool:
    """Whether it is a word that pages are made of."""
    return spelling.upper() in FURNITURE or bool(_MACHINERY.fullmatch(spelling))


def word_reason(spelling: str, pattern: str = "") -> str:
    """Why a word is no code of a game whose codes match the pattern, or of one that says nothing of them."""
    upper = spelling.upper()
    if upper in PLACEHOLDERS or _PLACEHOLDER_SHAPE.fullmatch(upper):
        return Said("no_code.placeholder")
    # Codes that look like nothing else may be any word; then it is for the rest of its list to tell.
    if not pattern and is_page_word(spelling):
        return Said("no_code.page_word")
    return ""


def shape_reason(spelling: str, pattern: str = "") -> str:
    """Why a text cannot be a code, by its letters and length."""
    if pattern and not never_reason(spelling):
        is_one = re.fullmatch(pattern, spelling)
        return "" if is_one else Said("no_code.shape")
    return _plain_shape_reason(spelling)


def never_reason(spelling: str) -> str:
    """Why a text can be no code whatever anybody says, empty where it may be one."""
    odd = _NEVER.search(spelling)
    if odd or not spelling.isprintable() or not spelling or len(spelling) > LONGEST:
        return Said("no_code.never", letter=repr(odd[0])) if odd else Said("no_code.hidden")
    return ""


# What is known is asked about in each run.
@lru_cache(maxsize=20_000)
def reason_in_writing(spelling: str, pattern: str = "") -> str:
    """Why a text is no code for how it is written, empty where it may be one."""
    return word_reason(spelling, pattern) or shape_reason(spelling, pattern)


def is_no_code(spelling: str, pattern: str = "") -> bool:
    """Whether a text is none for how it is written."""
    return bool(reason_in_writing(spelling, pattern))


def glued(key: str, is_known: Callable[[str], bool]) -> str:
    """Of which known codes a key is made, in words; empty where it is of none."""
    parts = _glued_parts(key, is_known, set())
    count = {2: "two codes", 3: "three codes"}.get(len(parts)) or counted(len(parts), "code")
    return f"is {count} in one: {', '.join(parts[:-1])} and {parts[-1]}" if parts else ""


def _glued_parts(key: str, is_known: Callable[[str], bool], in_vain: set[str]) -> tuple[str, ...]:
    """The known codes that stand one behind the other in a key, with nothing but marks between them.

    `in_vain` is what was tried already, so that a key of a hundred equal letters takes no longer than another one.
    """
    for at in range(SHORTEST_GLUED, len(key) - SHORTEST_GLUED + 1):
        first, rest = key[:at], key[at:]
        for behind in (rest, rest.lstrip(_BETWEEN)) if is_known(first) else ():
            if behind in in_vain:
                continue
            in_vain.add(behind)
            if more := (behind,) if is_known(behind) else _glued_parts(behind, is_known, in_vain):
                return (first, *more)
    return ()


def _plain_shape_reason(spelling: str) -> str:
    if _SHAPE.fullmatch(spelling):
        return "" if any(character.isalnum() for character in spelling) else Said("no_code.marks")
    if "@" in spelling or spelling.startswith("<"):
        return Said("no_code.mention")
    if "://" in spelling or "/" in spelling or spelling.lower().startswith("www."):
        return Said("no_code.address")
    for character in spelling:
        if not character.isascii():
            name = unicodedata.name(character, "a character without a name")
            if name.startswith(_CONFUSABLE_SCRIPTS):
                return Said("no_code.look_alike", letter=name)
            return Said("no_code.letter", letter=name)
    odd = next((character for character in spelling if not (character.isalnum() or character in "-_")), "")
    if odd:
        return Said("no_code.letter", letter=repr(odd))
    return Said("no_code.one_letter") if len(spelling) == 1 else Said("no_code.length", count=len(spelling))
