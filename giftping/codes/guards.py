"""What may go out: the clearance of a code, and texts made safe to show. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from giftping.codes.furniture import FURNITURE, PLACEHOLDERS
from giftping.codes.model import Clearance, Code
from giftping.settings.sources import SightingState
from giftping.text import counted, when

LONGEST_REWARDS = 300

_SHAPE = re.compile(r"[A-Za-z0-9_-]{4,40}")
_CONFUSABLE_SCRIPTS = ("CYRILLIC", "GREEK", "ARMENIAN", "FULLWIDTH", "MATHEMATICAL", "CHEROKEE")
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs"})
_SPACES = re.compile(r"\s+")
_MULTIPLIED = re.compile(r"(?<=\S)\*(?=\d)")
_PLACEHOLDER_REWARDS = re.compile(
    r"(?:not (?:yet )?specified(?: yet)?|rewards? not specified|free items?|unknown(?: rewards?)?(?: \(.*\))?"
    r"|rewards? vary(?: .*)?|various(?: rewards?)?|n/?a|none|null|undefined|tb[ad]"
    r"|to be (?:announced|determined)|[-–—?.]+)",
    re.IGNORECASE,
)

_PLACEHOLDER_SHAPE = re.compile(
    r"TEST[-_]?(?:CODE)?[-_]?\d*|EXAMPLE[-_]?(?:CODE)?\d*|CODE\d{0,3}|X{4,}|0{4,}|(?:1234)5?6?7?8?9?0?"
)

# Names of the page's own machinery: browser interfaces and schema.org types, which scrapers of free text bring along.
_MACHINERY = re.compile(
    r"DOM[A-Z][A-Za-z]+|XML[A-Z][A-Za-z]+|URL[A-Z][A-Za-z]+|[A-Z][A-Za-z]*(?:Error|Event|Controller|Element|Listener)"
    r"|(?:Item|Breadcrumb)List|(?:List|Collection)Item|Web(?:Page|Site)|BlogPosting|ImageObject|FAQPage|HowTo(?:Step)?"
    r"|SameSite|localStorage|sessionStorage|addEventListener|getElementById|querySelector|undefined"
)


def clearance(code: Code, now: datetime, skipped_regions: frozenset[str]) -> Clearance:
    """Whether a code may go out at `now`, and the reason in words when it may not.

    One that works in `skipped_regions` only may not: codes of the Chinese servers work nowhere else.
    """
    reason = _word_reason(code.spelling) or _shape_reason(code.spelling)
    if not reason and code.expires_at is not None and code.expires_at <= now:
        reason = f"expired on {when(code.expires_at, UTC)}"
    if not reason and code.state is SightingState.EXPIRED:
        reason = "every source that lists it says it has expired"
    if not reason and code.regions and skipped_regions.issuperset(code.regions):
        reason = f"works in {', '.join(code.regions)} only"
    return Clearance(may_go_out=not reason, reason=reason)


def visible(text: str) -> str:
    """A text without control, zero-width and direction characters, its white space folded and trimmed."""
    # Nearly every text is plain, and the rest of this is slow.
    if text.isascii() and text.isprintable():
        return _SPACES.sub(" ", text).strip()
    kept = (" " if character.isspace() else character for character in text)
    shown = "".join(character for character in kept if unicodedata.category(character) not in _INVISIBLE)
    return _SPACES.sub(" ", shown).strip()


def clean_text(text: str, limit: int = LONGEST_REWARDS) -> str:
    """A text of rewards fit to show, in at most `limit` characters; "" for a placeholder."""
    shown = _MULTIPLIED.sub(" ×", visible(text[: 4 * limit + 100]))
    if _PLACEHOLDER_REWARDS.fullmatch(shown.rstrip(".!")):
        return ""
    return shown if len(shown) <= limit else shown[: limit - 1].rstrip(" ,;") + "…"


def _shape_reason(spelling: str) -> str:
    if _SHAPE.fullmatch(spelling):
        return "" if any(character.isalnum() for character in spelling) else "holds no letter or digit"
    if "@" in spelling or spelling.startswith("<"):
        return "looks like a mention, not a code"
    if "://" in spelling or "/" in spelling or spelling.lower().startswith("www."):
        return "looks like an address, not a code"
    for character in spelling:
        if not character.isascii():
            name = unicodedata.name(character, "a character without a name")
            if name.startswith(_CONFUSABLE_SCRIPTS):
                return f"holds {name}, which looks like a Latin letter or digit but is none"
            return f"holds {name}; codes are Latin letters, digits, '-' and '_'"
    odd = next((character for character in spelling if not (character.isalnum() or character in "-_")), "")
    if odd:
        return f"holds {odd!r}; codes are Latin letters, digits, '-' and '_'"
    return f"is {counted(len(spelling), 'character')} long; codes have 4 to 40"


def _word_reason(spelling: str) -> str:
    upper = spelling.upper()
    if upper in PLACEHOLDERS or _PLACEHOLDER_SHAPE.fullmatch(upper):
        return "is a placeholder"
    if upper in FURNITURE or _MACHINERY.fullmatch(spelling):
        return "is a word of the page around the codes"
    return ""
