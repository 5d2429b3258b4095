"""Feeds that are no proper XML: a blank line before the declaration, HTML's references, tags that nothing closes.

Read by Beautiful Soup, which is there for pages anyway, told to treat no element in a way of its own.
"""

from __future__ import annotations

import re
from html import escape

from bs4 import Tag

from giftping.codes.sources.bodies import looks_like_html, text_of
from giftping.codes.sources.inline_html import breaks
from giftping.codes.sources.kinds import ShapeChangedError
from giftping.codes.sources.markup import document_of
from giftping.codes.sources.rows import LONGEST_HTML

_ROOT = re.compile(r"<(?:[a-z0-9_-]{1,20}:)?(rss|rdf|feed)\b", re.IGNORECASE)
_ENCODING = re.compile(rb"<\?xml[^<>]{0,200}\bencoding\s*=\s*[\"']([A-Za-z0-9_.:-]{1,40})[\"']")
_ITEMS = ("item", "entry")


def items_of_broken(body: bytes, content_type: str) -> list[tuple[tuple[str, str], ...]] | None:
    """The items of a feed, each with the names and texts of its elements; None where the body is no feed.

    Raise ShapeChangedError for one that is cut off: half a code may be the last thing in it.
    """
    stated = _ENCODING.search(body[:1000])
    text = text_of(body, f"charset={stated[1].decode('ascii')}" if stated else content_type)
    root = _ROOT.search(text[:5000])
    if root is None or looks_like_html(text, ""):
        return None
    end = re.compile(rf"</(?:[a-z0-9_-]{{1,20}}:)?{root[1]}\s*>", re.IGNORECASE).search(text, root.end())
    if end is None:
        raise ShapeChangedError("the feed is cut off: its end is missing")
    page = document_of(_without_sections(text[root.start() : end.end()]), is_html=False)
    if root[1].lower() == "rss" and page.find("channel") is None:
        raise ShapeChangedError("the feed has no channel")
    items = [element for element in page.find_all(True) if _local(element) in _ITEMS]
    parts = [item.find_all(True, recursive=False) for item in items]
    for element in [inner for children in parts for child in children for inner in child.find_all(True)]:
        if breaks(_local(element)):
            element.insert_before("<br>")
            element.insert_after("<br>")
    return [tuple((_local(child), child.get_text()[:LONGEST_HTML]) for child in children) for children in parts]


def _local(element: Tag) -> str:
    return element.name.rpartition(":")[2]


def _without_sections(text: str) -> str:
    """A feed whose CDATA sections are text like any other, which only XML's own parsers know how to read."""
    parts: list[str] = []
    position = 0
    while (start := text.find("<![CDATA[", position)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += [text[position:start], escape(text[start + 9 : end], quote=False)]
        position = end + 3
    return "".join([*parts, text[position:]])
