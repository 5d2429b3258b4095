"""Web pages made safe to parse: any bytes, in time that grows no faster than their size."""

from __future__ import annotations

import re
from typing import Any

from bs4 import BeautifulSoup, Tag
from bs4.builder import ParserRejectedMarkup
from soupsieve import SelectorSyntaxError

from giftping.codes.sources.kinds import ShapeChangedError

MAX_ELEMENTS = 60_000
MAX_DEPTH = 1_000

_QUOTED = r"(?:\"[^\"]{0,2000}\"|'[^']{0,2000}')"
_TAG = re.compile(rf"</?([a-zA-Z][a-zA-Z0-9:-]{{0,60}})(?:[\s/][^<>\"']*(?:{_QUOTED}[^<>\"']*){{0,60}})?>")
_DECLARATION = re.compile(r"<[!?][^<>]*>")
_ESCAPABLE = ("textarea", "title")
_RAW_TEXT = {name: re.compile(rf"</{name}\b", re.IGNORECASE) for name in ("script", "style", "textarea", "title")}


class _Document(BeautifulSoup):
    """A parsed page that refuses more elements, or deeper ones, than pages have."""

    elements = 0

    def pushTag(self, tag: Tag) -> None:  # noqa: N802 - the name that Beautiful Soup calls
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise ShapeChangedError(f"the page has more than {MAX_ELEMENTS} elements")
        if len(self.tagStack) > MAX_DEPTH:
            raise ShapeChangedError(f"the page is nested more than {MAX_DEPTH} elements deep")
        super().pushTag(tag)


def document_of(text: str, *, is_html: bool = True) -> BeautifulSoup:
    """A page, parsed. Raise ShapeChangedError where it is larger or deeper than pages are.

    Where it `is_html` there are elements that have no content, such as `link`; elsewhere any may have some.
    """
    own_kind: dict[str, Any] = {} if is_html else {"empty_element_tags": frozenset(), "string_containers": {}}
    # The line break keeps Beautiful Soup from taking a short text for a file name or an address.
    try:
        return _Document("\n" + _tamed(text), "html.parser", multi_valued_attributes=None, **own_kind)
    except ParserRejectedMarkup as error:
        raise ShapeChangedError(f"the page cannot be parsed ({str(error).splitlines()[-1].strip()[:80]})") from None


def select(root: Tag, selector: str, limit: int = 0) -> list[Tag]:
    """The elements that a CSS selector finds. Raise ShapeChangedError where it cannot be used."""
    try:
        return root.select(selector, limit=limit)
    except (SelectorSyntaxError, NotImplementedError, ValueError) as error:
        raise ShapeChangedError(
            f"the selector {selector!r} cannot be used: {str(error).splitlines()[0][:120]}"
        ) from None


def _tamed(text: str) -> str:
    """A page with complete tags only.

    The parser of the standard library looks for the end of every tag and comment that has none, from each of them to
    the end of the page: minutes for a page of 300 kB. A `<` that starts no tag becomes text, as browsers show it;
    comments go; what an unfinished comment or script hides goes with it.
    """
    parts: list[str] = []
    position = 0
    while (start := text.find("<", position)) >= 0:
        parts.append(text[position:start])
        if text.startswith("<!--", start):
            end = text.find("-->", start + 4)
            if end < 0:
                return "".join(parts)
            position = end + 3
            continue
        tag = _TAG.match(text, start)
        if tag is None:
            declaration = _DECLARATION.match(text, start)
            parts.append("" if declaration else "&lt;")
            position = declaration.end() if declaration else start + 1
            continue
        parts.append(tag[0])
        position = tag.end()
        raw = _RAW_TEXT.get(tag[1].lower()) if text[start + 1] != "/" else None
        if raw is not None:
            close = raw.search(text, position)
            if close is None:
                return "".join(parts[:-1])
            content = text[position : close.start()]
            # Text to browsers; some releases of the standard library would look for tags in it.
            parts.append(content.replace("<", "&lt;") if tag[1].lower() in _ESCAPABLE else content)
            position = close.start()
    parts.append(text[position:])
    return "".join(parts)
