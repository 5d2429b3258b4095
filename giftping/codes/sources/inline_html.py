"""HTML in a text that is to be none, such as the description in a feed: the text as a reader sees it."""

from __future__ import annotations

import re
from html import unescape

BREAK = "\n"
"""What stands for the end of a paragraph, an item or a line. Line breaks of the source's own text are just blanks."""

_BREAKING_NAMES = """
address article aside blockquote br caption dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 header
hr li main nav ol option p pre section summary table tbody td tfoot th thead tr ul
"""
_INLINE_NAMES = """
a abbr b bdi big button center cite code del em font i img input ins kbd label mark meta q s samp small span strike
strong sub sup time tt u var wbr
"""
_BREAKING = frozenset(_BREAKING_NAMES.split())
_INLINE = frozenset(_INLINE_NAMES.split())
_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9]{0,20})(?:[\s/][^<>]{0,2000})?>|<![^<>]{0,2000}>")
_UNSEEN = re.compile(r"<(?P<close>/?)(?:script|style)\b[^<>]{0,2000}>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")


def breaks(name: str) -> bool:
    """Whether an element of that name begins a line, and ends one."""
    return name.lower() in _BREAKING


def without_html(text: str) -> str:
    """A text without HTML's tags and references; `BREAK` where a paragraph, an item or a line of it ends.

    What only looks like a tag, and is of no element that pages have, stays as it is.
    """
    text = text.replace(BREAK, " ")
    if "<" in text:
        text = _TAG.sub(_seen, _without_scripts(text))
    return _REFERENCE.sub(lambda found: unescape(found[0]), text) if "&" in text else text


def _without_scripts(text: str) -> str:
    """A text without scripts and styles; one that does not end hides the rest, as it does in browsers."""
    parts: list[str] = []
    position = 0
    while (start := _UNSEEN.search(text, position)) is not None:
        parts.append(text[position : start.start()])
        later = (tag for tag in _UNSEEN.finditer(text, start.end()) if tag["close"])
        end = start if start["close"] else next(later, None)
        if end is None:
            return "".join(parts)
        position = end.end()
    return "".join([*parts, text[position:]])


def _seen(tag: re.Match[str]) -> str:
    name = (tag[1] or "").lower()
    if breaks(name):
        return BREAK
    return "" if name in _INLINE or not name else tag[0]
